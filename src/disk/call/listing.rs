//! Listing a folder by its descriptor: many names in one call, and one call more for each file.

use super::{Op, plain};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use std::ffi::CStr;
use std::io;
use std::path::Path;

/// Opens the folder at `path`, through links.
pub(in crate::disk) fn open_folder(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    plain(Op::Open, path, || Ok(rustix::fs::open(path, flags, Mode::empty())?))
}

/// Opens the folder `name` in the open folder `parent`, no link; it is at `path`.
pub(in crate::disk) fn open_folder_in(parent: &OwnedFd, name: &Path, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    plain(Op::Open, path, || Ok(rustix::fs::openat(parent, name, flags, Mode::empty())?))
}

/// What stands under `name` in the open folder `parent`, which is at `path`; a link being one. There are as many of these
/// as files, so that nothing is made of the two names.
pub(in crate::disk) fn stat_in(parent: &OwnedFd, name: &CStr, path: &Path) -> io::Result<Stat> {
    plain(Op::Look, path, || Ok(rustix::fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?))
}

/// Hands over each name in an open folder, which is at `path`, and its type where the file system says it.
#[cfg(target_os = "linux")]
pub(in crate::disk) fn each_name<E>(
    folder: &OwnedFd,
    path: &Path,
    failed: impl Fn(io::Error) -> E,
    mut each: impl FnMut(&CStr, FileType) -> Result<(), E>,
) -> Result<(), E> {
    use rustix::fs::RawDir;
    use std::cell::RefCell;
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(1 << 15));
    }
    plain(Op::List, path, || Ok(())).map_err(&failed)?;
    BUFFER.with_borrow_mut(|buffer| {
        let mut entries = RawDir::new(folder, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(|e| failed(e.into()))?;
            if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
                each(entry.file_name(), entry.file_type())?;
            }
        }
        Ok(())
    })
}

#[cfg(not(target_os = "linux"))]
pub(in crate::disk) fn each_name<E>(
    folder: &OwnedFd,
    path: &Path,
    failed: impl Fn(io::Error) -> E,
    mut each: impl FnMut(&CStr, FileType) -> Result<(), E>,
) -> Result<(), E> {
    plain(Op::List, path, || Ok(())).map_err(&failed)?;
    for entry in rustix::fs::Dir::read_from(folder).map_err(|e| failed(e.into()))? {
        let entry = entry.map_err(|e| failed(e.into()))?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            each(entry.file_name(), entry.file_type())?;
        }
    }
    Ok(())
}
