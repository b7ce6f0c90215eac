//! Writing a submission: entries in the order of their names, stored, under one fixed time, so that equal
//! content gives equal bytes.

use super::{Claim, KEYS, METADATA, Submission, TARGETS};
use crate::disk;
use crate::disk::read::OpenFile;
use crate::model::TargetPath;
use crate::model::metadata::versioned;
use crate::model::{RoleName, Version};
use std::collections::BTreeMap;
use std::io::{Read as _, Seek, Write};
use std::path::{Path, PathBuf};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The bytes of a target file.
#[derive(Debug)]
pub enum Content {
    /// In a file.
    File(PathBuf),
    /// At hand.
    Bytes(Vec<u8>),
}

/// What goes into a submission.
#[derive(Debug, Default)]
pub struct Pack {
    /// Signed roles.
    pub roles: BTreeMap<RoleName, (Version, Vec<u8>)>,
    /// Target files.
    pub targets: BTreeMap<TargetPath, Content>,
    /// The keys that are to hold the project, where the index does not know them yet.
    pub claim: Option<Claim>,
}

/// Writes `pack` to `path`, in one step, in place of what is there.
///
/// # Errors
/// If a file cannot be read, or the ZIP not be written.
pub fn write(pack: &Pack, path: &Path) -> Result<(), disk::Error> {
    disk::write::write_atomic_with(path, |file| fill(pack, path, file))
}

fn fill(pack: &Pack, path: &Path, file: &mut (impl Write + Seek)) -> Result<(), disk::Error> {
    let failed = |e: zip::result::ZipError| disk::Error::new("write", path, std::io::Error::other(e));
    let broken = |e: std::io::Error| disk::Error::new("write", path, e);
    let options = options();
    let mut zip = ZipWriter::new(file);
    if let Some(claim) = &pack.claim {
        zip.start_file(KEYS, options).map_err(failed)?;
        // Texts and integers always have a form in JSON.
        zip.write_all(&serde_json::to_vec_pretty(claim).unwrap_or_default()).map_err(broken)?;
    }
    for (role, (version, bytes)) in &pack.roles {
        zip.start_file(format!("{METADATA}{}", versioned(role, *version)), options).map_err(failed)?;
        zip.write_all(bytes).map_err(broken)?;
    }
    for (target, content) in &pack.targets {
        let large = options.large_file(true);
        match content {
            Content::Bytes(bytes) => {
                zip.start_file(format!("{TARGETS}{target}"), options).map_err(failed)?;
                zip.write_all(bytes).map_err(broken)?;
            }
            Content::File(from) => {
                let file = OpenFile::open(from)?;
                let is_large = file.stamp()?.size >= u64::from(u32::MAX);
                let options = if is_large { large } else { options };
                zip.start_file(format!("{TARGETS}{target}"), options).map_err(failed)?;
                let mut reader = file.reader()?;
                let mut buffer = vec![0; 1 << 18];
                loop {
                    let count = reader.read(&mut buffer).map_err(|e| disk::Error::new("read", from, e))?;
                    if count == 0 {
                        break;
                    }
                    zip.write_all(&buffer[..count]).map_err(broken)?;
                }
            }
        }
    }
    zip.finish().map_err(failed)?;
    Ok(())
}

/// Writes `submission` to `path` once more, with other bytes for some of its entries.
///
/// # Errors
/// If it cannot be read, or the ZIP not be written.
pub fn copy_with(
    submission: &Submission,
    replaced: &BTreeMap<String, Vec<u8>>,
    path: &Path,
) -> Result<(), disk::Error> {
    disk::write::write_atomic_with(path, |file| {
        let failed = |e: zip::result::ZipError| disk::Error::new("write", path, std::io::Error::other(e));
        let mut from = submission.archive()?;
        let mut zip = ZipWriter::new(file);
        for index in 0..from.len() {
            let entry = from.by_index_raw(index).map_err(failed)?;
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            match replaced.get(&name) {
                Some(bytes) => {
                    zip.start_file(name, options()).map_err(failed)?;
                    zip.write_all(bytes).map_err(|e| disk::Error::new("write", path, e))?;
                }
                None => zip.raw_copy_file(entry).map_err(failed)?,
            }
        }
        zip.finish().map_err(failed)?;
        Ok(())
    })
}

fn options() -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644)
}
