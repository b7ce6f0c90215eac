//! Walking a folder: every file below it, in the order of their names.

mod listing;

pub use listing::{Listed, Listing};

use super::folder::is_absent;
use super::{Error, FileStamp, call};
use rayon::prelude::*;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of the longest path that the system takes, which ends with a NUL (`PATH_MAX`).
pub const LONGEST: usize = if cfg!(target_os = "linux") { 4095 } else { 1023 };

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
    let listings = each_folder(root, &|folder, listing| {
        listing.iter().map(|(name, listed)| found(root, folder, name, *listed)).collect::<Vec<_>>()
    })?;
    // The folders follow each other level by level: the next one that a listing names is the next one of all.
    let mut first = 1;
    let mut listings: Vec<_> = listings
        .into_iter()
        .map(|listing| {
            let own = first;
            first += listing.iter().filter(|found| found.is_none()).count();
            (own, listing.into_iter())
        })
        .collect();
    let mut found = Vec::new();
    let mut open = vec![0];
    while let Some(&at) = open.last() {
        match listings[at].1.next() {
            Some(Some(one)) => found.push(one),
            Some(None) => {
                open.push(listings[at].0);
                listings[at].0 += 1;
            }
            None => drop(open.pop()),
        }
    }
    Ok(found)
}

/// What is listed under a name in `folder` below `root`, unless it is a folder.
#[must_use]
pub fn found(root: &Path, folder: &Path, name: &OsStr, listed: Listed) -> Option<Found> {
    let kind = match listed {
        Listed::Folder => return None,
        Listed::File(stamp) => Kind::File(stamp),
        Listed::Link => Kind::Link(call::resolve(&root.join(folder).join(name)).ok()),
        Listed::Other => Kind::Other,
    };
    Some(Found { relative: folder.join(name), kind })
}

/// What `visit` makes of each folder at and below `root`, of which it is given the path below `root` and the names in it:
/// `root` first, then the folders in it, then those in these, always in the order of their names. Links are not followed.
///
/// # Errors
/// If `root` or a folder below it cannot be listed.
pub fn each_folder<T: Send>(
    root: &Path,
    visit: &(dyn Fn(&Path, &Listing) -> T + Sync),
) -> Result<Vec<T>, Error> {
    let opened = listing::open(root)?;
    let mut made = Vec::new();
    let mut level = vec![PathBuf::new()];
    while !level.is_empty() {
        let visited: Vec<(T, Vec<PathBuf>)> = level
            .par_iter()
            .map(|folder| {
                let listing = listing::list(&opened, root, folder)?;
                let folders = listing.iter().filter(|(_, listed)| **listed == Listed::Folder);
                let folders = folders.map(|(name, _)| folder.join(name)).collect();
                Ok((visit(folder, &listing), folders))
            })
            .collect::<Result<_, Error>>()?;
        level.clear();
        for (one, folders) in visited {
            made.push(one);
            level.extend(folders);
        }
    }
    Ok(made)
}

/// What is at `path` below `root`, which is resolved: a file or a link, or everything below a folder. Nothing where a
/// link is on the way, which [`below`] would not follow either, or where a name is longer than the file system has any.
///
/// # Errors
/// If it is there and cannot be listed.
pub fn at(root: &Path, path: &Path) -> Result<Vec<Found>, Error> {
    let full = root.join(path);
    // Of the whole path it would say that the file is beyond the system's reach, not that it is none.
    let is_name = full.as_os_str().len() <= LONGEST;
    let is_absent = |e: &io::Error| is_absent(e) || (is_name && e.kind() == io::ErrorKind::InvalidFilename);
    let parent = full.parent().unwrap_or(root);
    match call::resolve(parent) {
        Ok(resolved) if resolved == parent => {}
        Ok(_) => return Ok(Vec::new()),
        Err(e) if is_absent(&e) => return Ok(Vec::new()),
        Err(e) => return Err(Error::new("look at", parent, e)),
    }
    let metadata = match call::link_metadata(&full) {
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
        Kind::Link(call::resolve(&full).ok())
    } else {
        Kind::Other
    };
    Ok(vec![Found { relative: path.to_owned(), kind }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn nothing_is_at_a_name_that_is_too_long_and_what_is_beyond_reach_is_not_said_to_be_gone() {
        let folder = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(folder.path()).unwrap();
        let long = "n".repeat(300);
        for path in [long.clone(), format!("{long}/x"), "no/such".to_owned()] {
            assert_eq!(at(&root, Path::new(&path)).unwrap(), [], "{path}");
        }
        // A file that no path leads to: the folder that it lies in was moved there.
        let half = ["d".repeat(200).as_str(); 11].join("/");
        fs::create_dir_all(root.join(&half)).unwrap();
        fs::create_dir_all(root.join("moved").join(&half)).unwrap();
        fs::write(root.join("moved").join(&half).join("file"), "x").unwrap();
        fs::rename(root.join("moved"), root.join(&half).join("moved")).unwrap();
        let path = format!("{half}/moved/{half}/file");
        assert!(path.len() > LONGEST && at(&root, Path::new(&path)).is_err());
    }

    #[test]
    fn a_walk_is_what_one_folder_after_the_other_gives() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        for name in ["a/b/c", "a/b", "a", "a.d", "a/b.d/e", "empty", "é/\u{1f600}"] {
            fs::create_dir_all(root.join(name)).unwrap();
        }
        for name in ["a/b/c/1", "a/b/2", "a/b-3", "a.d/4", "a/b.d/e/5", "a-6", "7", "é/\u{1f600}/8"] {
            fs::write(root.join(name), name).unwrap();
        }
        for number in 0..300 {
            fs::write(root.join("a").join(format!("{number:0>200}")), "many names take more than one call")
                .unwrap();
        }
        std::os::unix::fs::symlink("a/b/2", root.join("link")).unwrap();
        std::os::unix::fs::symlink("a", root.join("folder-link")).unwrap();
        std::os::unix::fs::symlink("nowhere", root.join("a/dangling")).unwrap();
        drop(std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap());

        let mut slowly = Vec::new();
        for entry in walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name() {
            let entry = entry.unwrap();
            let kind = match entry.file_type() {
                file_type if file_type.is_dir() => continue,
                file_type if file_type.is_file() => Kind::File(FileStamp::of(&entry.metadata().unwrap())),
                file_type if file_type.is_symlink() => Kind::Link(fs::canonicalize(entry.path()).ok()),
                _ => Kind::Other,
            };
            slowly.push(Found { relative: entry.path().strip_prefix(root).unwrap().to_owned(), kind });
        }
        assert_eq!(below(root).unwrap(), slowly);
        assert_eq!(slowly.len(), 312);
        assert!(below(&root.join("7")).unwrap_err().to_string().contains("cannot list"));
    }
}
