//! Compressed copies of a file, for servers that send them as they are (RFC 9110 section 8.4.1;
//! RFC 1952, RFC 7932, RFC 8878). Equal bytes give equal copies: no name and no time is in them.

use std::io::{Read, Write as _};

/// A form of compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// gzip, which every client reads.
    Gzip,
    /// Brotli.
    Brotli,
    /// Zstandard.
    Zstandard,
}

impl Compression {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Gzip, Self::Brotli, Self::Zstandard];

    /// What the name of a copy ends in, after a dot; the word in `site.compress`, too.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Gzip => "gz",
            Self::Brotli => "br",
            Self::Zstandard => "zst",
        }
    }

    /// The name of the copy of the file `name`.
    #[must_use]
    pub fn copy_of(self, name: &str) -> String {
        format!("{name}.{}", self.ending())
    }

    /// The name of the file that `name` would be a copy of, and how; `None` for a name without such
    /// an ending.
    #[must_use]
    pub fn original_of(name: &str) -> Option<(&str, Self)> {
        Self::ALL.into_iter().find_map(|form| {
            let original = name.strip_suffix(form.ending())?.strip_suffix('.')?;
            (!original.is_empty() && !original.ends_with('/')).then_some((original, form))
        })
    }

    /// `bytes` in this form; `None` if the memory for it is not to be had.
    #[must_use]
    pub fn compress(self, bytes: &[u8]) -> Option<Vec<u8>> {
        // Levels that were measured (docs/decisions/0008): digests, which are most of the metadata,
        // hardly shrink however long one tries.
        let mut out = Vec::with_capacity(bytes.len() / 2);
        match self {
            Self::Gzip => {
                let mut encoder =
                    flate2::GzBuilder::new().mtime(0).write(&mut out, flate2::Compression::best());
                encoder.write_all(bytes).ok()?;
                encoder.finish().ok()?;
            }
            Self::Brotli => {
                let mut encoder = brotli::CompressorWriter::new(&mut out, 1 << 16, 5, 22);
                encoder.write_all(bytes).ok()?;
                drop(encoder);
            }
            Self::Zstandard => out = zstd::bulk::compress(bytes, 15).ok()?,
        }
        Some(out)
    }

    /// Whether `copy` is `original` in this form. No more is unpacked than there is to compare.
    #[must_use]
    pub fn is_copy(self, copy: &[u8], original: &[u8]) -> bool {
        self.decompress(copy, original.len()).is_some_and(|bytes| bytes == original)
    }

    /// What is in `copy`, if that is no more than `most` bytes.
    #[must_use]
    pub fn decompress(self, copy: &[u8], most: usize) -> Option<Vec<u8>> {
        let limit = most as u64 + 1;
        let mut out = Vec::new();
        match self {
            Self::Gzip => flate2::read::MultiGzDecoder::new(copy).take(limit).read_to_end(&mut out).ok()?,
            Self::Brotli => {
                brotli::Decompressor::new(copy, 1 << 16).take(limit).read_to_end(&mut out).ok()?
            }
            Self::Zstandard => {
                zstd::stream::read::Decoder::with_buffer(copy).ok()?.take(limit).read_to_end(&mut out).ok()?
            }
        };
        (out.len() <= most).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_small_equal_and_give_back_what_went_in() {
        let text = "{\"signatures\":[],\"signed\":{}}".repeat(400).into_bytes();
        for form in Compression::ALL {
            for original in [&text[..], b"", b"x"] {
                let copy = form.compress(original).unwrap();
                assert_eq!(form.compress(original).unwrap(), copy, "{form:?} is not the same twice");
                assert!(form.is_copy(&copy, original), "{form:?}");
                assert!(!form.is_copy(&copy, b"another"), "{form:?}");
            }
            assert!(form.compress(&text).unwrap().len() * 20 < text.len());
        }
    }

    #[test]
    fn a_bomb_and_a_torn_copy_are_no_copies() {
        let bomb = vec![0; 1 << 24];
        for form in Compression::ALL {
            let copy = form.compress(&bomb).unwrap();
            assert_eq!(form.decompress(&copy, 1000), None, "{form:?}");
            let text = b"some text that is long enough to be torn in the middle";
            let copy = form.compress(text).unwrap();
            assert!(!form.is_copy(&copy[..copy.len() / 2], text), "{form:?}");
        }
    }

    #[test]
    fn names_of_copies_lead_back_to_their_files() {
        for (name, original) in [
            ("index.html.gz", Some("index.html")),
            ("1.root.json.br", Some("1.root.json")),
            ("a/b.zst", Some("a/b")),
            ("index.html", None),
            (".gz", None),
            ("a/.gz", None),
            ("gz", None),
        ] {
            assert_eq!(Compression::original_of(name).map(|(original, _)| original), original, "{name}");
        }
    }
}
