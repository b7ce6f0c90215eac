//! The reader of a file, with each page looked at when it is unpacked and before its values are read.

use super::packed::Gunzipped;
use super::pages::Sizes;
use super::{LONGEST_CELL, delta};
use parquet::basic::{Encoding, Type as Kind};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;
use std::sync::Arc;

/// A file.
pub(super) struct Looked<R: ChunkReader + 'static> {
    pub(super) reader: SerializedFileReader<R>,
    /// The same file.
    pub(super) file: Arc<R>,
    /// What the pages that are packed with gzip become.
    pub(super) sizes: Sizes,
}

impl<R: ChunkReader> FileReader for Looked<R> {
    fn metadata(&self) -> &ParquetMetaData {
        self.reader.metadata()
    }

    fn num_row_groups(&self) -> usize {
        self.reader.num_row_groups()
    }

    fn get_row_group(&self, i: usize) -> Result<Box<dyn RowGroupReader + '_>> {
        Ok(Box::new(Group { of: self, at: i, group: self.reader.get_row_group(i)? }))
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_file(projection, self)
    }
}

/// Rows that are written together.
struct Group<'a, R: ChunkReader + 'static> {
    of: &'a Looked<R>,
    /// Its number.
    at: usize,
    group: Box<dyn RowGroupReader + 'a>,
}

impl<R: ChunkReader> RowGroupReader for Group<'_, R> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.group.metadata()
    }

    fn num_columns(&self) -> usize {
        self.group.num_columns()
    }

    fn get_column_page_reader(&self, i: usize) -> Result<Box<dyn PageReader>> {
        let column = self.metadata().column(i);
        let described = column.column_descr();
        let kind = described.physical_type();
        if kind == Kind::FIXED_LEN_BYTE_ARRAY && described.type_length() > LONGEST_CELL as i32 {
            return Err(too_long());
        }
        let has_levels = described.max_def_level() > 0;
        let is_text = kind == Kind::BYTE_ARRAY;
        let pages: Box<dyn PageReader> = match self.of.sizes.get(&(self.at, i)) {
            Some(sizes) => {
                let rows = usize::try_from(self.metadata().num_rows())?;
                Box::new(Gunzipped::new(Arc::clone(&self.of.file), column, rows, sizes.clone())?)
            }
            None => self.group.get_column_page_reader(i)?,
        };
        Ok(Box::new(Pages { pages, has_levels, is_text }))
    }

    fn get_column_bloom_filter(&self, i: usize) -> Option<&Sbbf> {
        self.group.get_column_bloom_filter(i)
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

/// The pages of a column in a group.
struct Pages {
    pages: Box<dyn PageReader>,
    /// Whether a cell may be empty, which stands before the values.
    has_levels: bool,
    /// Whether each value stands behind its length.
    is_text: bool,
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        if let Some(page) = &page {
            self.look(page)?;
        }
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

impl Pages {
    fn look(&self, page: &Page) -> Result<()> {
        let (buf, begin, encoding, values) = match page {
            Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
                let has_levels = self.has_levels;
                let begin = if has_levels { levels(buf, *num_values, *def_level_encoding) } else { Some(0) };
                (buf, begin, *encoding, *num_values)
            }
            Page::DataPageV2 {
                buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, ..
            } => (buf, def_levels_byte_len.checked_add(*rep_levels_byte_len), *encoding, *num_values),
            Page::DictionaryPage { buf, num_values, .. } => (buf, Some(0), Encoding::PLAIN, *num_values),
        };
        let Some(bytes) = begin.and_then(|begin| buf.get(usize::try_from(begin).ok()?..)) else {
            return Err(ParquetError::General("which cells of a page are empty stands behind it".to_owned()));
        };
        if encoding == Encoding::PLAIN && self.is_text && !are_short(bytes, values) {
            return Err(too_long());
        }
        delta::check(encoding, bytes, values, LONGEST_CELL as i64)
            .map_err(|e| ParquetError::General(e.to_string()))
    }
}

fn too_long() -> ParquetError {
    ParquetError::General(format!("a cell is longer than {LONGEST_CELL} bytes"))
}

/// Whether none of so many texts, each behind its length, is longer than a cell may be. There are fewer where cells are
/// empty; where one ends behind the page the reader stops.
fn are_short(mut texts: &[u8], most: u32) -> bool {
    for _ in 0..most {
        let Some((length, rest)) = texts.split_first_chunk() else { break };
        let length = u32::from_le_bytes(*length) as usize;
        if length > LONGEST_CELL {
            return false;
        }
        let Some(rest) = rest.get(length..) else { break };
        texts = rest;
    }
    true
}

/// How many bytes say which of so many cells are empty, in a column that is in no group.
fn levels(page: &[u8], cells: u32, encoding: Encoding) -> Option<u32> {
    match encoding {
        Encoding::RLE => u32::from_le_bytes(*page.first_chunk()?).checked_add(4),
        // A bit for each. No other way is known.
        _ => Some(cells.div_ceil(8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_behind_their_lengths_are_as_long_as_a_cell_may_be() {
        let text = |length: usize| [(length as u32).to_le_bytes().to_vec(), vec![b'a'; length]].concat();
        let two = [text(7), text(LONGEST_CELL)].concat();
        assert!(are_short(&two, 2));
        assert!(are_short(&two, 3), "a cell may be empty");
        assert!(are_short(&two[..two.len() - 1], 2), "the reader says that it is cut");
        let long = [text(7), text(LONGEST_CELL + 1)].concat();
        assert!(are_short(&long, 1));
        assert!(!are_short(&long, 2));
        assert!(!are_short(&[0xff; 4], 1));
    }

    #[test]
    fn what_says_which_cells_are_empty_goes_before() {
        assert_eq!(levels(b"\x02\x00\x00\x00ab", 9, Encoding::RLE), Some(6));
        assert_eq!(levels(b"\xff\xff\xff\xffab", 9, Encoding::RLE), None);
        assert_eq!(levels(b"\x02", 9, Encoding::RLE), None);
        #[allow(deprecated, reason = "files have it")]
        let packed = Encoding::BIT_PACKED;
        assert_eq!(levels(b"", 9, packed), Some(2));
    }
}
