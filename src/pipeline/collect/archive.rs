//! What an sdist says of itself: the `Name` in its PKG-INFO (PEP 643, PEP 314 for old ones).
//!
//! Archives come from strangers: no more than a bounded part of one is ever unpacked.

use crate::disk::{self, read::OpenFile};
use std::io::{Read, Seek};
use std::path::Path;

/// No more entries of an archive are looked at.
const ENTRIES: usize = 10_000;
/// No more bytes of an archive are unpacked on the way to PKG-INFO.
const UNPACKED: u64 = 64 << 20;
/// No more bytes of PKG-INFO are read.
const PKG_INFO: u64 = 1 << 20;

/// The `Name` of the sdist at `path`, or why there is none, as the end of a sentence.
///
/// # Errors
/// If the file itself cannot be opened.
pub(super) fn name_of_sdist(path: &Path, name: &str) -> Result<Result<String, &'static str>, disk::Error> {
    let file = OpenFile::open(path)?;
    let reader = file.reader()?;
    let info = if name.ends_with(".zip") {
        from_zip(reader)
    } else if name.ends_with(".tar.gz") || name.ends_with(".tgz") {
        from_tar(flate2::read::GzDecoder::new(reader).take(UNPACKED))
    } else if name.ends_with(".tar") {
        from_tar(reader.take(UNPACKED))
    } else {
        return Ok(Err("archives of its kind are not opened"));
    };
    Ok(info.and_then(|info| name_field(&info).ok_or("its PKG-INFO has no Name")))
}

/// `x-1.0/PKG-INFO`: one folder deep, and no other.
fn is_pkg_info(path: &str) -> bool {
    path.split('/').count() == 2 && path.ends_with("/PKG-INFO")
}

fn from_zip(reader: impl Read + Seek) -> Result<Vec<u8>, &'static str> {
    let mut archive = zip::ZipArchive::new(reader).map_err(|_| "it is no ZIP archive")?;
    let mut names = archive.file_names().take(ENTRIES).flatten();
    let name = names.find(|name| is_pkg_info(name)).ok_or("it holds no PKG-INFO")?.into_owned();
    drop(names);
    let entry = archive.by_name(&name).map_err(|_| "its PKG-INFO cannot be read")?;
    bounded(entry)
}

fn from_tar(reader: impl Read) -> Result<Vec<u8>, &'static str> {
    let mut archive = tar::Archive::new(reader);
    let entries = archive.entries().map_err(|_| "it is no tar archive")?;
    for entry in entries.take(ENTRIES) {
        let entry = entry.map_err(|_| "it is no whole tar archive")?;
        if entry.path().is_ok_and(|path| path.to_str().is_some_and(is_pkg_info)) {
            return bounded(entry);
        }
    }
    Err("it holds no PKG-INFO")
}

fn bounded(reader: impl Read) -> Result<Vec<u8>, &'static str> {
    let mut bytes = Vec::new();
    reader.take(PKG_INFO).read_to_end(&mut bytes).map_err(|_| "its PKG-INFO cannot be read")?;
    Ok(bytes)
}

/// The first `Name:` of the header.
fn name_field(info: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(info);
    let header = text.lines().take_while(|line| !line.is_empty());
    let mut names = header
        .filter_map(|line| line.split_once(':'))
        .filter(|(field, _)| field.eq_ignore_ascii_case("name"));
    names.next().map(|(_, name)| name.trim().to_owned())
}
