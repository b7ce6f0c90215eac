//! Whether a packed page becomes no larger than it says. Snappy, Zstandard and the plain form of LZ4 are given room for so
//! many bytes and no more; what unpacks the others goes on as long as there is something, before it compares.

use super::thrift::damaged;
use parquet::basic::CompressionCodec;
use std::io::{Read, Result, copy, sink};

/// # Errors
/// What is wrong with it, in words. What cannot be unpacked at all is left to the reader, which stops at it.
pub(super) fn check(codec: CompressionCodec, page: impl Read, most: u64) -> Result<()> {
    let limit = most.saturating_add(1);
    let unpacked = match codec {
        CompressionCodec::GZIP => copy(&mut flate2::read::MultiGzDecoder::new(page).take(limit), &mut sink()),
        CompressionCodec::BROTLI => {
            copy(&mut brotli::Decompressor::new(page, 1 << 16).take(limit), &mut sink())
        }
        CompressionCodec::LZ4 => {
            return damaged(
                "it is packed with LZ4 as Hadoop has it, which says of nothing how large it becomes: write it with LZ4_RAW, \
                Snappy or Zstandard",
            );
        }
        _ => return Ok(()),
    };
    match unpacked {
        Ok(length) if length > most => {
            damaged(format!("a page becomes more than the {most} bytes that it says"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Compression;

    #[test]
    fn a_page_is_unpacked_no_further_than_it_says() {
        let bytes = vec![b'a'; 1000];
        for (codec, form) in
            [(CompressionCodec::GZIP, Compression::Gzip), (CompressionCodec::BROTLI, Compression::Brotli)]
        {
            let packed = form.compress(&bytes).unwrap();
            check(codec, &*packed, 1000).unwrap();
            let error = check(codec, &*packed, 999).unwrap_err().to_string();
            assert_eq!(error, "a page becomes more than the 999 bytes that it says");
            // Nothing comes of it, and the reader says why.
            check(codec, &b"neither"[..], 10).unwrap();
        }
        check(CompressionCodec::LZ4, &b""[..], 10).unwrap_err();
        check(CompressionCodec::ZSTD, &b""[..], 10).unwrap();
    }
}
