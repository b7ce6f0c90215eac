//! Walking a folder: every file below it, in the order of their names.

use super::{Error, FileStamp};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What stands under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File(FileStamp),
    /// A symbolic link, and where it leads if that can be found.
    Link(Option<PathBuf>),
    /// A device, socket or FIFO.
    Other,
}

/// One entry that is no folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its path below the folder that was walked.
    pub relative: PathBuf,
    /// What it is.
    pub kind: Kind,
}

impl Found {
    /// What it looks like, if it is a regular file.
    #[must_use]
    pub fn stamp(&self) -> Option<FileStamp> {
        match self.kind {
            Kind::File(stamp) => Some(stamp),
            Kind::Link(_) | Kind::Other => None,
        }
    }
}

/// Everything below `root` that is no folder, sorted by path. Links are not followed.
///
/// # Errors
/// If `root` or a folder below it cannot be listed.
pub fn below(root: &Path) -> Result<Vec<Found>, Error> {
    let mut found = Vec::new();
    for entry in WalkDir::new(root).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(|e| named(root, e))?;
        let file_type = entry.file_type();
        if file_type.is_dir() {
            continue;
        }
        let kind = if file_type.is_file() {
            match entry.metadata() {
                Ok(metadata) => Kind::File(FileStamp::of(&metadata)),
                // It went away between the listing and the look: as if it had never been there.
                Err(e) if e.io_error().is_some_and(|e| e.kind() == std::io::ErrorKind::NotFound) => continue,
                Err(e) => return Err(named(root, e)),
            }
        } else if file_type.is_symlink() {
            Kind::Link(std::fs::canonicalize(entry.path()).ok())
        } else {
            Kind::Other
        };
        let relative = entry.path().strip_prefix(root).unwrap_or(entry.path()).to_owned();
        found.push(Found { relative, kind });
    }
    Ok(found)
}

/// What is at `path` below `root`, which is resolved: a file or a link, or everything below a folder. Nothing where a
/// link is on the way, which [`below`] would not follow either.
///
/// # Errors
/// If it is there and cannot be listed.
pub fn at(root: &Path, path: &Path) -> Result<Vec<Found>, Error> {
    let full = root.join(path);
    let parent = full.parent().unwrap_or(root);
    match std::fs::canonicalize(parent) {
        Ok(resolved) if resolved == parent => {}
        Ok(_) => return Ok(Vec::new()),
        Err(e) if is_absent(&e) => return Ok(Vec::new()),
        Err(e) => return Err(Error::new("look at", parent, e)),
    }
    let metadata = match std::fs::symlink_metadata(&full) {
        Ok(metadata) => metadata,
        Err(e) if is_absent(&e) => return Ok(Vec::new()),
        Err(e) => return Err(Error::new("look at", &full, e)),
    };
    if metadata.is_dir() {
        let below = below(&full)?.into_iter();
        return Ok(below.map(|found| Found { relative: path.join(found.relative), ..found }).collect());
    }
    let kind = if metadata.is_file() {
        Kind::File(FileStamp::of(&metadata))
    } else if metadata.is_symlink() {
        Kind::Link(std::fs::canonicalize(&full).ok())
    } else {
        Kind::Other
    };
    Ok(vec![Found { relative: path.to_owned(), kind }])
}

fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn named(root: &Path, error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(root).to_owned();
    let source = error.into_io_error().unwrap_or_else(|| std::io::Error::other("the links run in a circle"));
    Error { action: "list", path, source }
}
