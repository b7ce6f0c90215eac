//! The pages of a Parquet file, before any is unpacked. Each says how large it becomes, and the reader believes it: a few
//! kilobytes would stand for two gigabytes. So the header of each page that is to be read is walked here first.

use super::forms::{DICTIONARY_PAGE_HEADER, PAGE_HEADER};
use super::is_read;
use super::thrift::{Form, Met, damaged, walk};
use parquet::basic::CompressionCodec;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use std::collections::HashMap;
use std::io::{BufReader, Read, Result, Seek, SeekFrom};

/// In so many bytes there is no more than one row, beside the first hundred thousand: each has a SHA-256, and those do
/// not shrink. A column of nothing does, a billion rows of it to a few bytes.
const BYTES_OF_A_ROW: u64 = 24;

/// No page becomes larger. Most writers end one at a megabyte; DuckDB at a hundred, fastparquet at five.
const LARGEST: u64 = 512 << 20;

/// So much memory each value of a dictionary takes.
const VALUE: u64 = 32;

/// The paths of all columns are copied for each group of rows: so many bytes altogether.
const LONGEST_PATHS: u64 = 64 << 20;

/// A page counts for as much where it is smaller: its header takes its time.
const LEAST: u64 = 1024;

/// No text in a header is longer; they are the first and the last value of the page, cut.
const LONGEST: u64 = 1 << 20;

/// What the pages that are not looked at yet may have.
struct Room {
    /// In the file, with their headers: no byte of it is read for two pages.
    packed: u64,
    /// In memory, for cells keep the pages that they were in.
    unpacked: u64,
}

/// What the pages of a column that is packed with gzip become by their headers, in order: by the number of its group of rows,
/// and its own there.
pub(super) type Sizes = HashMap<(usize, usize), Vec<u64>>;

/// Whether the file of `size` bytes holds no more than a reader can hold, in the columns that are read: all pages together
/// become no more than `most_unpacked` bytes.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn check(
    reader: &mut BufReader<impl Read + Seek>,
    size: u64,
    most_unpacked: u64,
    metadata: &ParquetMetaData,
) -> Result<Sizes> {
    let groups = metadata.row_groups();
    let rows = groups.iter().fold(0_u64, |sum, group| sum.saturating_add(group.num_rows().unsigned_abs()));
    let most = 100_000 + size / BYTES_OF_A_ROW;
    if rows > most {
        return damaged(format!(
            "it has {rows} rows in {size} bytes, and no more than {most} could have a SHA-256 each"
        ));
    }
    let parts = groups.iter().take(1).flat_map(|group| group.columns()).flat_map(|c| c.column_path().parts());
    let paths = parts.fold(0, |sum: u64, part| sum + part.len() as u64);
    if paths.saturating_mul(groups.len() as u64) > LONGEST_PATHS {
        return damaged("the names of its columns are too long for so many groups of rows");
    }
    let mut room = Room { packed: size, unpacked: most_unpacked };
    let mut sizes = Sizes::new();
    for (at, group) in groups.iter().enumerate() {
        let rows = group.num_rows().unsigned_abs();
        for (number, column) in group.columns().iter().enumerate().filter(|(_, column)| is_read(column)) {
            let name = column.column_descr().name();
            let unpacked = pages(reader, size, (rows, most), &mut room, column)
                .or_else(|e| damaged(format!("column {name:?}: {e}")))?;
            if column.compression_codec() == CompressionCodec::GZIP {
                sizes.insert((at, number), unpacked);
            }
        }
    }
    Ok(sizes)
}

/// Whether every page of a column is one that the reader may have: with no more values together than there are `rows` in
/// its group, or, in a dictionary, than there may be in the file. What is left of `room` after them stays there. Gives how
/// large each becomes.
fn pages(
    reader: &mut BufReader<impl Read + Seek>,
    size: u64,
    (mut rows, most): (u64, u64),
    room: &mut Room,
    column: &ColumnChunkMetaData,
) -> Result<Vec<u64>> {
    let begin = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let (Ok(begin), Ok(length)) = (u64::try_from(begin), u64::try_from(column.compressed_size())) else {
        return damaged("a column begins before the file, or has less than no bytes");
    };
    let Some(end) = begin.checked_add(length).filter(|end| *end <= size) else {
        return damaged("a column ends behind the file");
    };
    let mut sizes = Vec::new();
    let mut at = begin;
    reader.seek(SeekFrom::Start(at))?;
    while at < end {
        let Header { is_index, read, unpacked, packed, values, keys } =
            header(reader).or_else(|e| damaged(format!("the header of a page: {e}")))?;
        if unpacked > LARGEST {
            return damaged(format!(
                "a page becomes {unpacked} bytes, and {LARGEST} are read at most: write it with smaller pages"
            ));
        }
        let Some(rest) = rows.checked_sub(values).filter(|_| keys <= most) else {
            let (values, rows) = if keys > most { (keys, most) } else { (values, rows) };
            return damaged(format!("a page has {values} values, and there are {rows} rows at most"));
        };
        rows = rest;
        at += read + packed;
        if at > end {
            return damaged("a page ends behind its column");
        }
        let Some(left) = room.packed.checked_sub(read + packed) else {
            return damaged("some of its pages are those of another column, or of other rows, too");
        };
        room.packed = left;
        let Some(left) =
            room.unpacked.checked_sub((read + unpacked.max(packed)).max(VALUE * keys).max(LEAST))
        else {
            return damaged(
                "it and those before it become larger than the columns of a file of this size may",
            );
        };
        room.unpacked = left;
        if !is_index {
            sizes.push(unpacked);
        }
        // What is in the buffer stays there.
        reader.seek_relative(packed.cast_signed())?;
    }
    Ok(sizes)
}

/// What the header of a page says. Every size in it has 31 bits.
struct Header {
    /// The reader passes over pages of an index.
    is_index: bool,
    /// How many bytes it has itself.
    read: u64,
    unpacked: u64,
    packed: u64,
    values: u64,
    /// How many values are those of a dictionary.
    keys: u64,
}

fn header(reader: &mut impl Read) -> Result<Header> {
    let mut sizes = [None; 2];
    let (mut values, mut keys, mut is_index) = (0, 0, false);
    let read = walk(reader, &PAGE_HEADER, LONGEST, &mut |form, met| {
        let is = |other: &'static Form| std::ptr::eq(form, other);
        let Met::Number(field, number) = met else { return Ok(()) };
        let Ok(number) = u64::try_from(number) else {
            // Of a checksum the sign says nothing.
            let is_sum = is(&PAGE_HEADER) && field == 4;
            return if is_sum { Ok(()) } else { damaged("it has less than no bytes or values") };
        };
        if is(&PAGE_HEADER) {
            match field {
                1 => is_index = number == 1,
                2 => sizes[0] = Some(number),
                3 => sizes[1] = Some(number),
                _ => {}
            }
        } else if field == 1 && is(&DICTIONARY_PAGE_HEADER) {
            keys = number;
        } else if field == 1 {
            values += number;
        }
        Ok(())
    })?;
    match sizes {
        [Some(unpacked), Some(packed)] => Ok(Header { is_index, read, unpacked, packed, values, keys }),
        _ => damaged("it does not say how large the page is"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;
    use std::io::Cursor;
    use std::sync::Arc;

    fn column(at: i64, length: i64) -> ColumnChunkMetaData {
        let schema = parse_message_type("message m { optional binary path (STRING); }").unwrap();
        let column = SchemaDescriptor::new(Arc::new(schema)).column(0);
        let column = ColumnChunkMetaData::builder(column).set_data_page_offset(at);
        column.set_total_compressed_size(length).build().unwrap()
    }

    /// The header of a page that becomes `unpacked` bytes and has `packed`, with some of what may stand there besides.
    fn written(unpacked: u64, packed: u64) -> Vec<u8> {
        let mut out = vec![0x15, 0];
        for size in [unpacked, packed] {
            out.push(0x15);
            let mut number = size * 2;
            while number >= 0x80 {
                out.push((number % 0x80) as u8 | 0x80);
                number /= 0x80;
            }
            out.push(number as u8);
        }
        // A structure with a text, a flag and a list of two numbers; and the end of both.
        out.extend(*b"\x6c\x18\x03abc\x11\x19\x25\x02\x04\x00\x00");
        out
    }

    /// How many bytes they become.
    fn said(file: &[u8], column: &ColumnChunkMetaData) -> Result<u64> {
        let size = file.len() as u64;
        let mut room = Room { packed: size, unpacked: 2 * LARGEST };
        pages(&mut BufReader::new(Cursor::new(file)), size, (1000, 2000), &mut room, column)?;
        Ok(2 * LARGEST - room.unpacked)
    }

    #[test]
    fn pages_are_walked_by_what_their_headers_say() {
        let file = [b"PAR1".as_slice(), &written(9, 2), b"xx", &written(LARGEST, 300), &[0; 300]].concat();
        let headers = written(LARGEST, 300).len() as u64;
        assert_eq!(said(&file, &column(4, file.len() as i64 - 4)).unwrap(), LEAST + headers + LARGEST);
        assert_eq!(said(&file, &column(4, 0)).unwrap(), 0);
        // A sum may be negative, and a page have as many values as there are rows.
        let file = b"\x15\x00\x15\x02\x15\x02\x15\x01\x1c\x15\xd0\x0f\x00\x00x";
        assert_eq!(said(file, &column(0, file.len() as i64)).unwrap(), LEAST);
    }

    #[test]
    fn no_byte_is_read_for_two_pages() {
        let file = [written(9, 7), vec![0; 7]].concat();
        let size = file.len() as u64;
        let column = column(0, size as i64);
        let mut room = Room { packed: size, unpacked: LARGEST };
        let mut read =
            || pages(&mut BufReader::new(Cursor::new(&file)), size, (1000, 2000), &mut room, &column);
        read().unwrap();
        let error = read().unwrap_err().to_string();
        assert!(error.contains("are those of another column"), "{error}");
    }

    #[test]
    fn what_a_reader_would_stop_at_or_drown_in_is_damage() {
        let whole = |bytes: Vec<u8>| {
            let length = bytes.len() as i64;
            said(&bytes, &column(0, length))
        };
        for (result, what) in [
            (whole(written(LARGEST + 1, 0)), "becomes 536870913 bytes"),
            (whole(written(9, 7)), "ends behind its column"),
            (whole(b"\x15\x00\x15\x01\x15\x00\x00".to_vec()), "less than no bytes"),
            (whole(b"\x15\x00\x00".to_vec()), "not say how large"),
            (whole(b"\x98\xff\xff\xff\xff\x7f".to_vec()), "longer than 1048576 bytes"),
            (whole(vec![0x9c; 100]), "nested too deep"),
            (whole(vec![0x99; 100]), "nested too deep"),
            (whole(vec![0xff; 100]), "of no kind that there is"),
            (whole(b"\x96\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00".to_vec()), "not say how large"),
            (whole(b"\x99\xf2\xff\xff\xff\xff\x07".to_vec()), "a list has flags in it"),
            (whole(b"\x16\x00\x00".to_vec()), "of another kind"),
            (whole(b"\x5c\x16\x00\x00\x00".to_vec()), "field 1 of a DataPageHeader is of another kind"),
            (whole(b"\x25\x00\x15\x00\x2c\x15\xd2\x0f\x00\x00".to_vec()), "has 1001 values"),
            (whole(b"\x25\x00\x15\x00\x4c\x15\xa2\x1f\x00\x00".to_vec()), "has 2001 values"),
            (whole(b"\x25\x00\x15\x00\x5c\x15\xd2\x0f\x00\x00".to_vec()), "has 1001 values"),
            (
                whole(b"\x25\x00\x15\x00\x2c\x15\xd0\x0f\x00\x00".repeat(2)),
                "has 1000 values, and there are 0",
            ),
            (whole(b"\x5c\x15\x01\x00\x00".to_vec()), "less than no bytes or values"),
            (said(b"PAR1", &column(-1, 1)), "before the file"),
            (said(b"PAR1", &column(0, -1)), "less than no bytes"),
            (said(b"PAR1", &column(1, 4)), "behind the file"),
            (said(b"PAR1", &column(i64::MAX, i64::MAX)), "behind the file"),
        ] {
            let error = result.unwrap_err().to_string();
            assert!(error.contains(what), "{what}: {error}");
        }
    }
}
