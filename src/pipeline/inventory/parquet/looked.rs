//! The reader of a file, with each page looked at when it is unpacked and before its values are read.

use super::{LONGEST_CELL, delta, thrift::damaged};
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, RowGroupReader};
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;

/// A file.
pub(super) struct Looked<R>(pub(super) R);

impl<R: FileReader> FileReader for Looked<R> {
    fn metadata(&self) -> &ParquetMetaData {
        self.0.metadata()
    }

    fn num_row_groups(&self) -> usize {
        self.0.num_row_groups()
    }

    fn get_row_group(&self, i: usize) -> Result<Box<dyn RowGroupReader + '_>> {
        Ok(Box::new(Group(self.0.get_row_group(i)?)))
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_file(projection, self)
    }
}

/// Rows that are written together.
struct Group<'a>(Box<dyn RowGroupReader + 'a>);

impl RowGroupReader for Group<'_> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.0.metadata()
    }

    fn num_columns(&self) -> usize {
        self.0.num_columns()
    }

    fn get_column_page_reader(&self, i: usize) -> Result<Box<dyn PageReader>> {
        let has_levels = self.0.metadata().column(i).column_descr().max_def_level() > 0;
        Ok(Box::new(Pages { pages: self.0.get_column_page_reader(i)?, has_levels }))
    }

    fn get_column_bloom_filter(&self, i: usize) -> Option<&Sbbf> {
        self.0.get_column_bloom_filter(i)
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
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        if let Some(page) = &page {
            look(page, self.has_levels).map_err(|e| ParquetError::General(e.to_string()))?;
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

fn look(page: &Page, has_levels: bool) -> std::io::Result<()> {
    let (buf, begin, encoding, values) = match page {
        Page::DataPage { buf, num_values, encoding, def_level_encoding, .. } => {
            let begin = if has_levels { levels(buf, *num_values, *def_level_encoding) } else { Some(0) };
            (buf, begin, *encoding, *num_values)
        }
        Page::DataPageV2 { buf, num_values, encoding, def_levels_byte_len, rep_levels_byte_len, .. } => {
            (buf, def_levels_byte_len.checked_add(*rep_levels_byte_len), *encoding, *num_values)
        }
        // How many values it has stands in its header.
        Page::DictionaryPage { .. } => return Ok(()),
    };
    match begin.and_then(|begin| buf.get(usize::try_from(begin).ok()?..)) {
        Some(bytes) => delta::check(encoding, bytes, values, LONGEST_CELL as i64),
        None => damaged("which cells of a page are empty stands behind it"),
    }
}

/// How many bytes say which of so many cells are empty, in a column that is in no group.
fn levels(page: &[u8], cells: u32, encoding: Encoding) -> Option<u32> {
    match encoding {
        Encoding::RLE => u32::from_le_bytes(*page.first_chunk()?).checked_add(4),
        // A bit for each. No other way is known.
        _ => Some(cells.div_ceil(8)),
    }
}
