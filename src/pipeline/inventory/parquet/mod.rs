//! Lists as Parquet, with the columns of PyPI's `distribution_metadata`: read, and written.

mod delta;
mod footer;
mod forms;
mod looked;
mod packed;
mod pages;
mod thrift;

use super::{Error, Row};
use crate::disk::read::OpenFile;
use crate::disk::{self, write};
use crate::model::Moment;
use looked::Looked;
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, TimeUnit};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::Field;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;
use std::io::BufReader;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

/// So many rows are written together: a few tens of megabytes.
const GROUP: usize = 250_000;

/// What is written. Hashes are hex, as in the public table.
const SCHEMA: &str = "message files {
    optional binary name (STRING);
    optional binary version (STRING);
    optional binary filename (STRING);
    optional int64 size;
    optional binary path (STRING);
    optional binary sha256_digest (STRING);
    optional int64 upload_time (TIMESTAMP(MICROS,true));
    optional binary requires_python (STRING);
}";

/// No cell is longer.
const LONGEST_CELL: usize = 4096;

/// What all cells together may have in bytes, beside sixteen million, for each byte of the file: a text that stands in a
/// million rows is written once, and read a million times. Hashes in hex shrink to half; paths and names, to a tenth.
const GROWS: u64 = 16;

/// The columns that are read, by any of these names.
const COLUMNS: [(&str, &[&str]); 8] = [
    ("name", &["name"]),
    ("version", &["version"]),
    ("filename", &["filename"]),
    ("path", &["path"]),
    ("size", &["size", "length"]),
    ("sha256", &["sha256_digest", "sha256"]),
    ("upload_time", &["upload_time"]),
    ("requires_python", &["requires_python"]),
];

/// Gives each row.
pub(super) fn each(
    path: &Path,
    file: OpenFile,
    take: &mut dyn FnMut(Row) -> Result<(), Error>,
) -> Result<(), Error> {
    let bytes = file.stamp()?.size;
    let file = file.into_file();
    let again = || file.try_clone().map_err(|e| disk::Error::new("read", path, e));
    let mut headers = BufReader::new(again()?);
    let shared = Arc::new(again()?);
    let damaged = |e: std::io::Error| Error::Damaged { path: path.to_owned(), row: 0, what: e.to_string() };
    footer::check(&mut headers, bytes).map_err(damaged)?;
    let reader = guarded(path, 0, || SerializedFileReader::new(file))?;
    let columns = reader.metadata().row_groups().iter().flat_map(|group| group.columns());
    let mut codecs = columns.filter(|column| is_read(column)).map(|column| column.compression_codec());
    if let Some(how) = codecs.find_map(packed::refused) {
        return Err(Error::Packed { path: path.to_owned(), how });
    }
    let most = bytes.saturating_mul(GROWS).saturating_add(16 << 20);
    let sizes = pages::check(&mut headers, bytes, most, reader.metadata()).map_err(damaged)?;
    let reader = Looked { reader, file: shared, sizes };
    let schema = reader.metadata().file_metadata().schema();
    let (fields, kinds): (Vec<Arc<Type>>, Vec<&'static str>) = schema
        .get_fields()
        .iter()
        .filter(|field| is_plain(field))
        .filter_map(|field| {
            // The record reader knows no nanoseconds.
            let kind = kind(field.name()).map(|kind| if is_nanos(field) { NANOS } else { kind })?;
            Some((Arc::clone(field), kind))
        })
        .unzip();
    let has = |kind: &str| kinds.contains(&kind);
    let wanted: [(&[&str], &'static str); 3] =
        [(&["path", "filename"], "path or filename"), (&["size"], "size"), (&["sha256"], "sha256_digest")];
    if let Some((_, what)) = wanted.iter().find(|(kinds, _)| !kinds.iter().any(|kind| has(kind))) {
        return Err(Error::Column { path: path.to_owned(), what });
    }
    if let Some((_, what)) = kinds.iter().enumerate().find(|(at, kind)| kinds[..*at].contains(kind)) {
        return Err(Error::Twice { path: path.to_owned(), what });
    }
    let mut length = 0;
    let projection = Type::group_type_builder(schema.name()).with_fields(fields).build();
    let mut rows = guarded(path, 0, || reader.get_row_iter(Some(projection?)))?;
    for row in 1.. {
        let Some(one) = guarded(path, row, || rows.next().transpose())? else { break };
        let mut said = Row::default();
        for ((_, field), kind) in one.get_column_iter().zip(&kinds) {
            let cell = match *kind {
                "name" => &mut said.name,
                "version" => &mut said.version,
                "filename" => &mut said.filename,
                "path" => &mut said.path,
                "size" => &mut said.size,
                "sha256" => &mut said.sha256,
                "upload_time" | NANOS => &mut said.upload_time,
                _ => &mut said.requires_python,
            };
            *cell = match field {
                Field::Long(nanos) if *kind == NANOS => moment(nanos.div_euclid(1000)),
                field => text(field),
            };
            if cell.as_ref().is_some_and(|text| text.len() > LONGEST_CELL) {
                let what = format!("a cell is longer than {LONGEST_CELL} bytes");
                return Err(Error::Damaged { path: path.to_owned(), row, what });
            }
            length += cell.as_ref().map_or(0, |text| text.len() as u64);
            if length > most {
                let what = format!("its cells become more than {most} bytes, and the file has {bytes}");
                return Err(Error::Damaged { path: path.to_owned(), row, what });
            }
        }
        take(said)?;
    }
    Ok(())
}

/// What the reader makes of a file that may be damaged: in some of those it stops with a panic (`assert!` in its decoders).
fn guarded<T>(path: &Path, row: u64, read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, Error> {
    let damaged = |what: String| Error::Damaged { path: path.to_owned(), row, what };
    // What a panic leaves behind in the reader is not looked at again.
    match catch_unwind(AssertUnwindSafe(read)) {
        // Some of its errors have all bytes of a cell in them.
        Ok(read) => read.map_err(|e| damaged(e.to_string().chars().take(300).collect())),
        Err(_) => Err(damaged("what stands in a page is not what its header says".to_owned())),
    }
}

/// Whether cells of a column may be looked at.
fn is_read(column: &ColumnChunkMetaData) -> bool {
    let column = column.column_descr();
    column.path().parts().len() == 1 && column.max_rep_level() == 0 && kind(column.name()).is_some()
}

/// Whether a column has a cell in each row, of a text or a number. Decimal fractions are no size, and are written out with
/// as many zeros as the column says.
fn is_plain(field: &Type) -> bool {
    let info = field.get_basic_info();
    let is_decimal = info.converted_type() == ConvertedType::DECIMAL
        || matches!(info.logical_type_ref(), Some(LogicalType::Decimal(_)));
    field.is_primitive() && info.repetition() != Repetition::REPEATED && !is_decimal
}

/// What a column of this name is, if it is read.
fn kind(name: &str) -> Option<&'static str> {
    let is = |known: &&str| known.eq_ignore_ascii_case(name);
    COLUMNS.iter().find(|(_, names)| names.iter().any(is)).map(|(kind, _)| *kind)
}

/// What a column of moments in nanoseconds is called here.
const NANOS: &str = "upload_time in nanoseconds";

fn is_nanos(field: &Type) -> bool {
    let kind = field.get_basic_info().logical_type_ref();
    matches!(kind, Some(LogicalType::Timestamp(time)) if matches!(time.unit, TimeUnit::NANOS))
}

fn moment(micros: i64) -> Option<String> {
    let whole = Moment::from_unix(micros.div_euclid(1_000_000))?.to_string();
    Some(format!("{}.{:06}Z", whole.trim_end_matches('Z'), micros.rem_euclid(1_000_000)))
}

/// A cell as text.
fn text(field: &Field) -> Option<String> {
    match field {
        Field::Null => None,
        Field::Str(text) => Some(text.clone()),
        // A hash may be written as its 32 bytes.
        Field::Bytes(bytes) if bytes.len() == 32 => Some(hex::encode(bytes.data())),
        Field::Bytes(bytes) => std::str::from_utf8(bytes.data()).ok().map(str::to_owned),
        Field::TimestampMillis(millis) => moment(millis.checked_mul(1000)?),
        Field::TimestampMicros(micros) => moment(*micros),
        other => Some(other.to_string()),
    }
}

/// Writes rows to `path`, in place of what is there.
///
/// # Errors
/// If it cannot be written.
pub fn write(path: &Path, rows: &[Row]) -> Result<(), disk::Error> {
    write::write_atomic_with(path, |file| {
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        fill(file, rows, properties).map_err(|e| disk::Error::new("write", path, std::io::Error::other(e)))
    })
}

fn fill(
    file: impl std::io::Write + Send,
    rows: &[Row],
    properties: WriterProperties,
) -> Result<(), ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties))?;
    for rows in rows.chunks(GROUP) {
        let mut group = writer.next_row_group()?;
        let texts: [fn(&Row) -> Option<&str>; 6] = [
            |row| row.name.as_deref(),
            |row| row.version.as_deref(),
            |row| row.filename.as_deref(),
            |row| row.path.as_deref(),
            |row| row.sha256.as_deref(),
            |row| row.requires_python.as_deref(),
        ];
        // In the order of the schema.
        texts[..3].iter().try_for_each(|cell| column(&mut group, rows, cell))?;
        numbers(&mut group, rows, |row| row.size.as_deref()?.parse().ok())?;
        texts[3..5].iter().try_for_each(|cell| column(&mut group, rows, cell))?;
        numbers(&mut group, rows, |row| micros(row.upload_time.as_deref()?))?;
        texts[5..].iter().try_for_each(|cell| column(&mut group, rows, cell))?;
        group.close()?;
    }
    writer.close()?;
    Ok(())
}

/// A moment as PEP 700 writes it, in microseconds.
fn micros(text: &str) -> Option<i64> {
    let (whole, fraction) =
        text.trim_end_matches('Z').split_once('.').unwrap_or((text.trim_end_matches('Z'), ""));
    let seconds = format!("{whole}Z").parse::<Moment>().ok()?.unix();
    let fraction = format!("{fraction:0<6}").get(..6)?.parse::<i64>().ok()?;
    seconds.checked_mul(1_000_000)?.checked_add(fraction)
}

fn numbers<W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    rows: &[Row],
    cell: impl Fn(&Row) -> Option<i64>,
) -> Result<(), ParquetError> {
    let cells: Vec<Option<i64>> = rows.iter().map(cell).collect();
    let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<i64> = cells.into_iter().flatten().collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}

fn column<W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    rows: &[Row],
    cell: &fn(&Row) -> Option<&str>,
) -> Result<(), ParquetError> {
    let levels: Vec<i16> = rows.iter().map(|row| i16::from(cell(row).is_some())).collect();
    let values: Vec<ByteArray> = rows.iter().filter_map(cell).map(ByteArray::from).collect();
    if let Some(mut column) = group.next_column()? {
        column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
        column.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::basic::{GzipLevel, ZstdLevel};
    use parquet::file::properties::WriterVersion;

    fn read(path: &Path) -> Result<usize, Error> {
        let mut rows = 0;
        each(path, OpenFile::open(path)?, &mut |_| {
            rows += 1;
            Ok(())
        })
        .map(|()| rows)
    }

    #[test]
    fn cells_that_become_more_than_the_file_could_say_are_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.parquet");
        let text = |text: String| Some(text);
        let row = |n: u64| Row {
            path: text(format!("x-{n}.zip")),
            size: text("7".to_owned()),
            sha256: text("a".repeat(64)),
            requires_python: text("b".repeat(LONGEST_CELL)),
            ..Row::default()
        };
        write(&path, &(0..3000).map(row).collect::<Vec<_>>()).unwrap();
        assert_eq!(read(&path).unwrap(), 3000, "twelve million");
        write(&path, &(0..9000).map(row).collect::<Vec<_>>()).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("its cells become more than"), "{error}");
    }

    #[test]
    fn every_way_to_pack_pages_is_read_in_both_of_their_forms() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.parquet");
        let row = |n: u64| Row {
            path: Some(format!("x-{n}.zip")),
            size: Some(n.to_string()),
            sha256: Some(format!("{n:064x}")),
            requires_python: n.is_multiple_of(3).then(|| ">=3.9".to_owned()),
            ..Row::default()
        };
        let rows: Vec<Row> = (0..500).map(row).collect();
        let said = |row: &Row| [&row.path, &row.size, &row.sha256, &row.requires_python].map(Clone::clone);
        let codecs = [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::GZIP(GzipLevel::default()),
            Compression::ZSTD(ZstdLevel::default()),
            Compression::LZ4_RAW,
        ];
        for codec in codecs {
            for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
                let properties =
                    WriterProperties::builder().set_compression(codec).set_writer_version(version);
                // Several pages of each column; hashes are in no dictionary.
                let properties = properties.set_data_page_row_count_limit(100).set_write_batch_size(50);
                let properties =
                    properties.set_column_dictionary_enabled("sha256_digest".into(), false).build();
                fill(std::fs::File::create(&path).unwrap(), &rows, properties).unwrap();
                let mut read = Vec::new();
                let file = OpenFile::open(&path).unwrap();
                each(&path, file, &mut |row| {
                    read.push(said(&row));
                    Ok(())
                })
                .unwrap();
                assert_eq!(read, rows.iter().map(said).collect::<Vec<_>>(), "{codec:?} {version:?}");
            }
        }
    }

    #[test]
    fn a_column_that_is_there_twice_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list.parquet");
        let names = ["path", "size", "sha256", "SHA256_digest"];
        let columns: String = names.map(|name| format!("optional binary {name} (STRING);")).concat();
        let schema = parse_message_type(&format!("message m {{ {columns} }}")).unwrap();
        let file = std::fs::File::create(&path).unwrap();
        SerializedFileWriter::new(file, Arc::new(schema), Arc::default()).unwrap().close().unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("two columns say sha256"), "{error}");
    }

    #[test]
    fn moments_go_there_and_back() {
        for text in ["2024-05-01T10:11:12Z", "2024-05-01T10:11:12.5Z", "1999-12-31T23:59:59.999999Z"] {
            let back = moment(micros(text).unwrap()).unwrap();
            assert_eq!(
                back.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.'),
                text.trim_end_matches('Z')
            );
        }
        assert_eq!(micros("yesterday"), None);
    }
}
