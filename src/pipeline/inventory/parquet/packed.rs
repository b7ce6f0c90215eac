//! How pages are packed. Snappy, Zstandard and the plain form of LZ4 are given room for as many bytes as a page says that it
//! becomes, and no more. What the reader has for gzip goes on as long as there is something, before it compares; so
//! such pages are taken as they are, and unpacked here.

use parquet::basic::{Compression, CompressionCodec};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;
use std::io::Read as _;
use std::sync::Arc;

/// What is not read, with the reason.
pub(super) fn refused(codec: CompressionCodec) -> Option<&'static str> {
    match codec {
        CompressionCodec::BROTLI => {
            Some("Brotli, of which five bytes may ask for as much work as a kilobyte of others")
        }
        CompressionCodec::LZ4 => Some("LZ4 as Hadoop has it, which says of nothing how large it becomes"),
        CompressionCodec::LZO => Some("LZO, which no reader has"),
        _ => None,
    }
}

/// The pages of a column that is packed with gzip.
pub(super) struct Gunzipped<R: ChunkReader> {
    pages: SerializedPageReader<R>,
    /// What each page that is still to come becomes, by its header.
    sizes: std::vec::IntoIter<u64>,
}

impl<R: ChunkReader> Gunzipped<R> {
    /// The pages of `column`, in a group of so many rows; each becomes one of `sizes`.
    ///
    /// # Errors
    /// If the reader does not take the column.
    pub(super) fn new(
        file: Arc<R>,
        column: &ColumnChunkMetaData,
        rows: usize,
        sizes: Vec<u64>,
    ) -> Result<Self> {
        let as_it_is = column.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        let pages = SerializedPageReader::new(file, &as_it_is, rows, None)?;
        Ok(Self { pages, sizes: sizes.into_iter() })
    }
}

impl<R: ChunkReader> PageReader for Gunzipped<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(mut page) = self.pages.get_next_page()? else { return Ok(None) };
        let Some(size) = self.sizes.next() else { return Err(other_size()) };
        match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => {
                *buf = gunzip(buf, 0, size)?.into()
            }
            Page::DataPageV2 { is_compressed: false, .. } => {}
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
                let levels = u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len);
                *buf = gunzip(buf, levels, size)?.into();
            }
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.sizes.next();
        self.pages.skip_next_page()
    }
}

impl<R: ChunkReader> Iterator for Gunzipped<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

/// A page of `size` bytes, of which so many stand before what is packed: which cells are empty.
fn gunzip(page: &[u8], levels: u64, size: u64) -> Result<Vec<u8>> {
    let levels = usize::try_from(levels).unwrap_or(usize::MAX);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let (Some((plain, packed)), Some(unpacked)) = (page.split_at_checked(levels), size.checked_sub(levels))
    else {
        return Err(other_size());
    };
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(plain);
    // Where all cells are empty some writers pack nothing, and others leave it out.
    if unpacked > 0 {
        flate2::read::MultiGzDecoder::new(packed).take(unpacked as u64 + 1).read_to_end(&mut out)?;
    }
    if out.len() == size { Ok(out) } else { Err(other_size()) }
}

fn other_size() -> ParquetError {
    ParquetError::General("a page becomes more or fewer bytes than it says".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_unpacked_no_further_than_it_says() {
        let packed = crate::model::Compression::Gzip.compress(&[b'a'; 1000]).unwrap();
        assert_eq!(gunzip(&packed, 0, 1000).unwrap(), [b'a'; 1000]);
        for size in [999, 1001] {
            gunzip(&packed, 0, size).unwrap_err();
        }
        let behind = [b"levels".as_slice(), &packed].concat();
        assert_eq!(gunzip(&behind, 6, 1006).unwrap(), [b"levels".as_slice(), &[b'a'; 1000]].concat());
        gunzip(&behind, 6, 5).unwrap_err();
        gunzip(b"levels", 7, 1000).unwrap_err();
        assert_eq!(gunzip(b"levels", 6, 6).unwrap(), b"levels");
        assert_eq!(gunzip(b"", 0, 0).unwrap(), b"");
        gunzip(b"neither", 0, 10).unwrap_err();
    }
}
