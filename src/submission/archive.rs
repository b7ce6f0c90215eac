//! The entries of a ZIP that a stranger wrote: their names, kinds and sizes. Whatever two readers could take
//! for two things is refused here; nothing is unpacked but by [`bytes_of`].

use super::{LARGEST_FILE, LARGEST_SUBMISSION, METADATA, MOST_ENTRIES, Refusal};
use crate::model::zips;
use std::collections::BTreeMap;
use std::io::{Read, Seek};
use zip::{CompressionMethod, ZipArchive};

/// What is unpacked may be so many times larger than what is packed, and this many bytes more.
const RATIO: (u64, u64) = (200, 1 << 20);

/// No submission holds more roles.
const MOST_ROLES: usize = 128;

/// Nor more bytes of them.
const LARGEST_METADATA: u64 = 16 << 20;

/// So many bytes that are no entry's may stand between two: writers that do not go back put sums and sizes there.
const BETWEEN: u64 = 32;

/// An entry of the ZIP, by its name.
pub(super) struct Listed {
    pub(super) index: usize,
    pub(super) size: u64,
}

/// The archive, if it is one that every reader reads alike.
pub(super) fn archive<R: Read + Seek>(reader: R) -> Result<ZipArchive<R>, Refusal> {
    let refuse = |what: String| Refusal::new("archive", "the ZIP", what, "make it with `tuffet author sign`");
    let mut archive = zips::open(reader).map_err(|e| refuse(format!("it cannot be read as a ZIP: {e}")))?;
    if archive.len() > MOST_ENTRIES {
        return Err(refuse(format!("it has {} entries, and {MOST_ENTRIES} are read at most", archive.len())));
    }
    if archive.has_duplicate_names() {
        return Err(Refusal::new(
            "duplicate",
            "the ZIP",
            "two entries have one name",
            "make it with `tuffet author sign`",
        ));
    }
    if archive.has_overlapping_entries().map_err(|e| refuse(e.to_string()))? {
        return Err(Refusal::new(
            "bomb",
            "the ZIP",
            "entries share their bytes",
            "make it with `tuffet author sign`",
        ));
    }
    // What looks for heads between the entries reads one at each place that may be one.
    let between = between(&mut archive).map_err(|e| refuse(e.to_string()))?;
    if between > BETWEEN * (archive.len() as u64 + 1) {
        return Err(refuse(format!("{between} bytes in it are no entry's")));
    }
    archive
        .validate_header_consistency()
        .map_err(|e| refuse(format!("its two lists of entries differ: {e}")))?;
    Ok(archive)
}

/// How many bytes before the list are no entry's, where entries share none.
fn between<R: Read + Seek>(archive: &mut ZipArchive<R>) -> zip::result::ZipResult<u64> {
    let mut between = archive.central_directory_start();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index)?;
        let end = entry.data_start().unwrap_or_default().saturating_add(entry.compressed_size());
        between = between.saturating_sub(end.saturating_sub(entry.header_start()));
    }
    Ok(between)
}

/// The files of an archive, and the archive.
pub(super) type Contents<R> = (BTreeMap<String, Listed>, ZipArchive<R>);

/// Every file in the archive, or everything that is wrong with their names and kinds.
pub(super) fn list<R: Read + Seek>(mut archive: ZipArchive<R>) -> Result<Contents<R>, Vec<Refusal>> {
    let mut listed = BTreeMap::new();
    let mut folded: BTreeMap<String, String> = BTreeMap::new();
    let mut refusals = Vec::new();
    let mut total: u64 = 0;
    let mut roles: (usize, u64) = (0, 0);
    for index in 0..archive.len() {
        let entry = match archive.by_index_raw(index) {
            Ok(entry) => entry,
            Err(e) => {
                refusals.push(Refusal::new("archive", format!("entry {index}"), e, "make the ZIP again"));
                continue;
            }
        };
        let Ok(name) = std::str::from_utf8(entry.name_raw()).map(str::to_owned) else {
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            refusals.push(Refusal::new("entry-name", name, "its name is not UTF-8", "rename it"));
            continue;
        };
        let folder = name.strip_suffix('/');
        if let Some(why) = name_fault(folder.unwrap_or(&name)) {
            refusals.push(Refusal::new("entry-name", name, why, "leave it out, or rename it"));
            continue;
        }
        let kind = entry.unix_mode().map(|mode| mode & 0o170_000).filter(|kind| *kind != 0);
        let wanted = if folder.is_some() { 0o040_000 } else { 0o100_000 };
        if kind.is_some_and(|kind| kind != wanted) || entry.is_symlink() {
            refusals.push(Refusal::new(
                "entry-kind",
                name,
                "it is a link, a device, or no file",
                "leave it out",
            ));
            continue;
        }
        if let Some(other) = folded.insert(name.to_lowercase(), name.clone()) {
            let what = format!("it and {other} are one name where case does not count");
            refusals.push(Refusal::new("case-clash", name, what, "rename one of them"));
            continue;
        }
        if folder.is_some() {
            continue;
        }
        let method = entry.compression();
        if entry.encrypted() || !matches!(method, CompressionMethod::Stored | CompressionMethod::Deflated) {
            let what = "it is encrypted, or packed in a way that is not read";
            refusals.push(Refusal::new("entry-kind", name, what, "store it, or deflate it"));
            continue;
        }
        let (size, packed) = (entry.size(), entry.compressed_size());
        total = total.saturating_add(size);
        if name.starts_with(METADATA) {
            roles.0 += 1;
            roles.1 = roles.1.saturating_add(size);
        }
        if size > LARGEST_FILE {
            let what = format!("it has {size} bytes, and {LARGEST_FILE} are taken at most");
            refusals.push(Refusal::new("size", name, what, "leave it out"));
        } else if size > packed.saturating_mul(RATIO.0).saturating_add(RATIO.1) {
            let what = format!("{packed} bytes would become {size}");
            refusals.push(Refusal::new("bomb", name, what, "store it instead of packing it"));
        } else {
            listed.insert(name, Listed { index, size });
        }
    }
    if total > LARGEST_SUBMISSION {
        let what = format!("it holds {total} bytes, and {LARGEST_SUBMISSION} are taken at most");
        refusals.push(Refusal::new("size", "the ZIP", what, "submit the release in several parts"));
    }
    if roles.0 > MOST_ROLES || roles.1 > LARGEST_METADATA {
        let what = format!(
            "it holds {} roles of {} bytes together, which is more than any project needs",
            roles.0, roles.1
        );
        refusals.push(Refusal::new("size", "metadata/", what, "leave out what is not signed anew"));
    }
    if refusals.is_empty() { Ok((listed, archive)) } else { Err(refusals) }
}

/// Why a name is none that stays in its folder.
fn name_fault(name: &str) -> Option<&'static str> {
    if name.starts_with('/') || name.as_bytes().get(1) == Some(&b':') {
        Some("its path is absolute")
    } else if name.contains('\\') {
        Some("some readers take '\\' for '/'")
    } else if name.chars().any(char::is_control) {
        Some("it holds a control character")
    } else if name.split('/').any(|segment| matches!(segment, "." | "..")) {
        Some("its path climbs")
    } else if name.split('/').any(str::is_empty) {
        Some("it has an empty segment")
    } else {
        None
    }
}

/// The bytes of one entry, at most `most`.
pub(super) fn bytes_of<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    index: usize,
    name: &str,
    most: u64,
) -> Result<Vec<u8>, Refusal> {
    let unreadable = |e: &dyn std::fmt::Display| {
        Refusal::new("archive", name, format!("it cannot be unpacked: {e}"), "make the ZIP again")
    };
    let entry = archive.by_index(index).map_err(|e| unreadable(&e))?;
    let mut bytes = Vec::new();
    entry.take(most + 1).read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
    if bytes.len() as u64 > most {
        let what = format!("it is larger than {most} bytes");
        return Err(Refusal::new("size", name, what, "delegate, or leave old files out"));
    }
    Ok(bytes)
}
