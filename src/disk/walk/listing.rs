//! One folder: its names, and what stands under each, with one system call for many names and one for each file.

use super::{Error, FileStamp};
use crate::disk::{Context as _, call};
use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Stat};
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What is listed under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// A folder.
    Folder,
    /// A regular file.
    File(FileStamp),
    /// A symbolic link.
    Link,
    /// A device, socket or FIFO.
    Other,
}

/// The names in a folder, sorted.
#[derive(Debug, Default)]
pub struct Listing {
    /// The bytes of all names, one after the other.
    bytes: Vec<u8>,
    names: Vec<(u32, u32, Listed)>,
}

impl Listing {
    /// Each name, and what is listed under it.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &Listed)> {
        let name = |from: u32, to: u32| OsStr::from_bytes(&self.bytes[from as usize..to as usize]);
        self.names.iter().map(move |(from, to, listed)| (name(*from, *to), listed))
    }

    fn push(&mut self, name: &CStr, listed: Listed) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(name.to_bytes());
        // A folder whose names take four gigabytes cannot be listed in any case.
        let short = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        self.names.push((short(from), short(self.bytes.len()), listed));
    }

    fn sort(&mut self) {
        let Self { bytes, names } = self;
        names.sort_unstable_by(|a, b| {
            bytes[a.0 as usize..a.1 as usize].cmp(&bytes[b.0 as usize..b.1 as usize])
        });
    }
}

/// Opens the folder at `path`, through links.
pub(super) fn open(path: &Path) -> Result<OwnedFd, Error> {
    call::open_folder(path).context("list", path)
}

/// The folder `folder` below the open `root`, which is at `path`; `""` is that one itself.
pub(super) fn list(root: &OwnedFd, path: &Path, folder: &Path) -> Result<Listing, Error> {
    let full = path.join(folder);
    let inside = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let opened = call::open_folder_in(root, inside, &full).context("list", &full)?;
    let mut listing = Listing::default();
    let failed = |e| Error::new("list", &full, e);
    call::each_name(&opened, &full, failed, |name, file_type| {
        let listed = match file_type {
            FileType::Directory => Listed::Folder,
            FileType::Symlink => Listed::Link,
            FileType::RegularFile | FileType::Unknown => {
                match call::stat_in(&opened, name, &full) {
                    Ok(stat) => of(&stat),
                    // It went away between the listing and the look: as if it had never been there.
                    Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                    Err(e) => {
                        return Err(e).context("look at", &full.join(OsStr::from_bytes(name.to_bytes())));
                    }
                }
            }
            _ => Listed::Other,
        };
        listing.push(name, listed);
        Ok(())
    })?;
    listing.sort();
    Ok(listing)
}

fn of(stat: &Stat) -> Listed {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Listed::File(FileStamp::of_stat(stat)),
        FileType::Directory => Listed::Folder,
        FileType::Symlink => Listed::Link,
        _ => Listed::Other,
    }
}
