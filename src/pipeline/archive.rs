//! What a distribution says of itself: METADATA in a wheel (PEP 427), PKG-INFO in an sdist (PEP 643,
//! PEP 314 for old ones). Shared by the stages that open archives.
//!
//! Archives come from strangers: no more than a bounded part of one is ever unpacked.

use crate::disk::{self, read::OpenFile};
use crate::model::page::one_line;
use crate::model::zips;
use std::io::{Read, Seek};

/// No more entries of a tar archive are looked at; of a ZIP archive the list of all is read at once.
const ENTRIES: usize = 100_000;
/// No more bytes of an archive are unpacked on the way to PKG-INFO, which some tools write last,
const UNPACKED: u64 = 64 << 20;
/// and so many times its own more.
const TIMES: u64 = 16;
/// No more bytes of metadata are read.
const METADATA: u64 = 16 << 20;

/// The metadata inside a wheel or an sdist, or why there is none, as the end of a sentence.
///
/// # Errors
/// If the file itself cannot be read.
pub(super) fn metadata(file: &OpenFile, name: &str) -> Result<Result<Vec<u8>, &'static str>, disk::Error> {
    let reader = file.reader()?;
    let most = UNPACKED.saturating_add(file.stamp()?.size.saturating_mul(TIMES));
    let found = if let Some(stem) = name.strip_suffix(".whl") {
        let named: Vec<&str> = stem.split('-').take(2).collect();
        let wanted = format!("{}.dist-info/METADATA", named.join("-"));
        from_zip(reader, |path| path == wanted)
            .or_else(|_| from_zip(file.reader().map_err(|_| "it cannot be read again")?, is_wheel_metadata))
    } else if name.ends_with(".zip") {
        from_zip(reader, is_pkg_info)
    } else if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
        from_tar(flate2::read::GzDecoder::new(reader).take(most))
    } else if name.ends_with(".tar") {
        from_tar(reader.take(most))
    } else {
        Err("archives of its kind are not opened")
    };
    file.was_readable()?;
    Ok(found)
}

/// The first field of this name in the header of METADATA or PKG-INFO.
pub(super) fn field(metadata: &[u8], wanted: &str) -> Option<String> {
    let text = String::from_utf8_lossy(metadata);
    let mut header = text.lines().take_while(|line| !line.is_empty());
    let is_it = |line: &&str| line.split_once(':').is_some_and(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let (_, first) = header.by_ref().find(is_it)?.split_once(':')?;
    // A long value goes on in lines that begin with white space (RFC 5322 section 2.2.3).
    let rest = header.take_while(|line| line.starts_with([' ', '\t']));
    Some(one_line(&rest.fold(first.to_owned(), |value, line| value + " " + line)))
}

/// `x-1.0/PKG-INFO`: one folder deep, and no other.
fn is_pkg_info(path: &str) -> bool {
    path.split('/').count() == 2 && path.ends_with("/PKG-INFO")
}

/// `x-1.0.dist-info/METADATA`, however the name before it is written.
fn is_wheel_metadata(path: &str) -> bool {
    path.split('/').count() == 2 && path.ends_with(".dist-info/METADATA")
}

fn from_zip(reader: impl Read + Seek, is_it: impl Fn(&str) -> bool) -> Result<Vec<u8>, &'static str> {
    let mut archive = zips::open(reader).map_err(|_| "it is no ZIP archive")?;
    let mut names = archive.file_names().flatten();
    let name = names.find(|name| is_it(name)).ok_or("it holds no metadata")?.into_owned();
    drop(names);
    let entry = archive.by_name(&name).map_err(|_| "its metadata cannot be read")?;
    bounded(entry)
}

fn from_tar(reader: impl Read) -> Result<Vec<u8>, &'static str> {
    let mut archive = tar::Archive::new(reader);
    let entries = archive.entries().map_err(|_| "it is no tar archive")?;
    for entry in entries.take(ENTRIES) {
        let entry = entry.map_err(|_| "it is no whole tar archive")?;
        // Of another kind it is nothing that builds make; reading one with holes in it takes hours.
        if entry.header().entry_type().is_file()
            && entry.path().is_ok_and(|path| path.to_str().is_some_and(is_pkg_info))
        {
            return bounded(entry);
        }
    }
    Err("it holds no metadata")
}

fn bounded(reader: impl Read) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    reader.take(METADATA + 1).read_to_end(&mut bytes).map_err(|_| "its metadata cannot be read")?;
    if bytes.len() as u64 > METADATA { Err("its metadata is larger than 16 MB") } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_value_is_one_line_however_it_was_written() {
        let header = "Metadata-Version: 2.1\nName: x\nRequires-Python: >=3.6,\t\n  !=3.7.*,\n\t<4\nSummary: s\n\nRequires-Python: no\n";
        assert_eq!(field(header.as_bytes(), "requires-python").as_deref(), Some(">=3.6, !=3.7.*, <4"));
        assert_eq!(field(header.as_bytes(), "Name").as_deref(), Some("x"));
        assert_eq!(field(header.as_bytes(), "License"), None);
        assert_eq!(field(b"Requires-Python: >=3\r\nName: y\r\n", "Name").as_deref(), Some("y"));
    }
}
