//! The pages of a Parquet file, before any is unpacked. Each says how large it becomes, and the reader believes it: a few
//! kilobytes would stand for two gigabytes. So the header of each page that is to be read is read here first, as Thrift's
//! compact protocol writes it (parquet-format, `PageHeader`).

use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use std::io::{BufReader, Error, Read, Result, Seek, SeekFrom};

/// In so many bytes there is no more than one row, beside the first hundred thousand: each has a SHA-256, and those do
/// not shrink. A column of nothing does, a billion rows of it to a few bytes.
const BYTES_OF_A_ROW: u64 = 24;

/// No page becomes larger; writers end one at a megabyte.
const LARGEST: u64 = 64 << 20;

/// No text in a header is longer; they are the first and the last value of the page, cut.
const LONGEST: u64 = 1 << 20;

/// Nothing in a header is nested deeper.
const DEEPEST: u8 = 8;

fn damaged<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::other(what.into()))
}

/// Whether the file of `size` bytes holds no more than a reader can hold, in the columns that are read.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn check(
    reader: &mut BufReader<impl Read + Seek>,
    size: u64,
    metadata: &ParquetMetaData,
    is_read: impl Fn(&str) -> bool,
) -> Result<()> {
    let groups = metadata.row_groups();
    let rows = groups.iter().fold(0_u64, |sum, group| sum.saturating_add(group.num_rows().unsigned_abs()));
    let most = 100_000 + size / BYTES_OF_A_ROW;
    if rows > most {
        return damaged(format!(
            "it has {rows} rows in {size} bytes, and no more than {most} could have a SHA-256 each"
        ));
    }
    let mut columns = groups
        .iter()
        .flat_map(|group| group.columns())
        .filter(|column| is_read(column.column_descr().name()));
    columns.try_for_each(|column| {
        let name = column.column_descr().name();
        pages(reader, size, column).or_else(|e| damaged(format!("column {name:?}: {e}")))
    })
}

/// Whether every page of a column becomes no larger than it may.
fn pages(reader: &mut BufReader<impl Read + Seek>, size: u64, column: &ColumnChunkMetaData) -> Result<()> {
    let begin = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
    let (Ok(begin), Ok(length)) = (u64::try_from(begin), u64::try_from(column.compressed_size())) else {
        return damaged("a column begins before the file, or has less than no bytes");
    };
    let Some(end) = begin.checked_add(length).filter(|end| *end <= size) else {
        return damaged("a column ends behind the file");
    };
    let mut at = begin;
    reader.seek(SeekFrom::Start(at))?;
    while at < end {
        let mut header = Header { reader, read: 0, sizes: [None; 2] };
        header.structure(0)?;
        let (read, [Some(unpacked), Some(packed)]) = (header.read, header.sizes) else {
            return damaged("a page does not say how large it is");
        };
        if unpacked > LARGEST {
            return damaged(format!(
                "a page becomes {unpacked} bytes, and {LARGEST} are read at most: write it with smaller pages"
            ));
        }
        at = at.saturating_add(read).saturating_add(packed);
        // What is in the buffer stays there.
        reader.seek_relative(i64::try_from(packed).or_else(|_| damaged("a page is too large"))?)?;
    }
    if at > end { damaged("a page ends behind its column") } else { Ok(()) }
}

/// A header that is being read.
struct Header<'a, R> {
    reader: &'a mut R,
    read: u64,
    /// How large the page becomes, and is: the second and the third field.
    sizes: [Option<u64>; 2],
}

impl<R: Read> Header<'_, R> {
    fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.reader.read_exact(&mut byte)?;
        self.read += 1;
        Ok(byte[0])
    }

    /// A number without a sign, seven bits in each byte.
    fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        damaged("a number in the header of a page has no end")
    }

    /// The fields of a structure, up to its end.
    fn structure(&mut self, depth: u8) -> Result<()> {
        if depth == DEEPEST {
            return damaged("the header of a page is nested too deep");
        }
        let mut field: u64 = 0;
        loop {
            let byte = self.byte()?;
            let (step, kind) = (byte >> 4, byte & 15);
            if kind == 0 {
                return Ok(());
            }
            field = if step == 0 { self.number()? / 2 } else { field + u64::from(step) };
            match (depth, field, kind) {
                (0, 2 | 3, 5) => {
                    let number = self.number()?;
                    // Zigzag: an odd one is negative.
                    if number % 2 == 1 {
                        return damaged("a page has less than no bytes");
                    }
                    self.sizes[usize::from(field == 3)] = Some(number / 2);
                }
                // The value of a flag is in its kind.
                (_, _, 1 | 2) => {}
                _ => self.skip(kind, depth)?,
            }
        }
    }

    fn skip(&mut self, kind: u8, depth: u8) -> Result<()> {
        match kind {
            1..=3 => self.byte().map(drop),
            4..=6 => self.number().map(drop),
            7 => (0..8).try_for_each(|_| self.byte().map(drop)),
            8 => {
                let length = self.number()?;
                if length > LONGEST {
                    return damaged("a text in the header of a page is longer than a megabyte");
                }
                (0..length).try_for_each(|_| self.byte().map(drop))
            }
            9 | 10 => {
                let byte = self.byte()?;
                let count = if byte >> 4 == 15 { self.number()? } else { u64::from(byte >> 4) };
                if depth + 1 >= DEEPEST {
                    return damaged("the header of a page is nested too deep");
                }
                (0..count).try_for_each(|_| self.skip(byte & 15, depth + 1))
            }
            12 => self.structure(depth + 1),
            _ => damaged("the header of a page is of no form that is known"),
        }
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
    fn header(unpacked: u64, packed: u64) -> Vec<u8> {
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
        out.extend(*b"\x2c\x18\x03abc\x11\x19\x25\x02\x04\x00\x00");
        out
    }

    fn said(file: &[u8], column: &ColumnChunkMetaData) -> Result<()> {
        pages(&mut BufReader::new(Cursor::new(file)), file.len() as u64, column)
    }

    #[test]
    fn pages_are_walked_by_what_their_headers_say() {
        let file = [b"PAR1".as_slice(), &header(9, 2), b"xx", &header(LARGEST, 300), &[0; 300]].concat();
        said(&file, &column(4, file.len() as i64 - 4)).unwrap();
        said(&file, &column(4, 0)).unwrap();
    }

    #[test]
    fn what_a_reader_would_stop_at_or_drown_in_is_damage() {
        let whole = |header: Vec<u8>| {
            let length = header.len() as i64;
            said(&header, &column(0, length))
        };
        for (result, what) in [
            (whole(header(LARGEST + 1, 0)), "becomes 67108865 bytes"),
            (whole(header(9, 7)), "ends behind its column"),
            (whole(b"\x15\x00\x15\x01\x15\x00\x00".to_vec()), "less than no bytes"),
            (whole(b"\x15\x00\x00".to_vec()), "does not say how large"),
            (whole(b"\x18\xff\xff\xff\xff\x7f".to_vec()), "longer than a megabyte"),
            (whole(vec![0x1c; 100]), "nested too deep"),
            (whole(vec![0x19; 100]), "nested too deep"),
            (whole(vec![0xff; 100]), "no form that is known"),
            (whole(b"\x16\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec()), "has no end"),
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
