//! Every call of the file system, one function each. Whatever else is in `disk` is made of these, so that a build with
//! debug assertions can have any one of them fail, or be the last thing that the process does (`fault.rs`); a release
//! build has nothing of that.

#[cfg(debug_assertions)]
mod fault;
mod file;
mod listing;

pub use file::File;
pub(super) use listing::{each_name, open_folder, open_folder_in, stat_in};

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use std::ffi::OsString;
pub(super) use std::fs::FileType;
use std::fs::{self, Metadata, Permissions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The kinds of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    /// What stands under a name.
    Look,
    /// The names in a folder.
    List,
    /// An existing file is opened.
    Open,
    /// Bytes of an open file are read.
    Read,
    /// A lock is asked for.
    Lock,
    /// A file is made, or emptied.
    Create,
    /// Bytes are written, from this offset on.
    Write,
    /// A file is cut to a length.
    Cut,
    /// A file gets the content of another.
    Clone,
    /// The mode or the times of a file are set.
    Dress,
    /// A folder is made.
    Folder,
    /// A name is given to a file that has another.
    Link,
    /// A name becomes another.
    Rename,
    /// A name of a file is taken away.
    Remove,
    /// An empty folder is taken away.
    RemoveFolder,
    /// What an open file or folder holds is made durable.
    Sync,
    /// All that the file system holds is made durable.
    SyncAll,
}

/// What a call is about, beside its path.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(debug_assertions), expect(dead_code, reason = "only faults look at it"))]
enum With<'a> {
    /// Nothing more.
    Nothing,
    /// Another path.
    Path(&'a Path),
    /// Bytes, and where they go.
    Bytes(u64, &'a [u8]),
    /// A length.
    Length(u64),
}

/// Makes a call, unless a fault is to take its place.
#[cfg(debug_assertions)]
fn call<T>(op: Op, path: &Path, with: With<'_>, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    fault::around(op, path, with, make)
}

/// Makes a call.
#[cfg(not(debug_assertions))]
#[inline]
fn call<T>(_: Op, _: &Path, _: With<'_>, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    make()
}

fn plain<T>(op: Op, path: &Path, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    call(op, path, With::Nothing, make)
}

/// What stands at `path`, through links.
pub(super) fn metadata(path: &Path) -> io::Result<Metadata> {
    plain(Op::Look, path, || fs::metadata(path))
}

/// What stands at `path`, a link being one.
pub(super) fn link_metadata(path: &Path) -> io::Result<Metadata> {
    plain(Op::Look, path, || fs::symlink_metadata(path))
}

/// `path` without links.
pub(super) fn resolve(path: &Path) -> io::Result<PathBuf> {
    plain(Op::Look, path, || fs::canonicalize(path))
}

/// The names in a folder, and what each is.
pub(super) fn names_in(path: &Path) -> io::Result<Vec<(OsString, FileType)>> {
    plain(Op::List, path, || {
        fs::read_dir(path)?
            .map(|entry| entry.and_then(|one| Ok((one.file_name(), one.file_type()?))))
            .collect()
    })
}

/// Whether a folder holds nothing.
pub(super) fn is_empty(path: &Path) -> io::Result<bool> {
    plain(Op::List, path, || Ok(fs::read_dir(path)?.next().transpose()?.is_none()))
}

/// All of a file.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = plain(Op::Open, path, || fs::File::open(path))?;
    plain(Op::Read, path, || {
        let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or_default() + 1);
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    })
}

/// Makes a folder.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    plain(Op::Folder, path, || fs::create_dir(path))
}

/// Makes a folder and those that lead to it, as far as they are not there; with `mode` where it is given. Gives those that
/// were not there, the first one first.
pub(super) fn make_folders(path: &Path, mode: Option<u32>) -> io::Result<Vec<&Path>> {
    let mut missing = Vec::new();
    let mut at = Some(path).filter(|path| !path.as_os_str().is_empty());
    while let Some(folder) = at {
        match metadata(folder) {
            Ok(found) if found.is_dir() => break,
            Ok(_) => return Err(Errno::NOTDIR.into()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => missing.push(folder),
            Err(e) => return Err(e),
        }
        at = folder.parent().filter(|path| !path.as_os_str().is_empty());
    }
    missing.reverse();
    for folder in &missing {
        let made = plain(Op::Folder, folder, || match mode {
            Some(mode) => fs::DirBuilder::new().mode(mode).create(folder),
            None => fs::create_dir(folder),
        });
        match made {
            // Another process was quicker.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && metadata(folder)?.is_dir() => {}
            made => made?,
        }
    }
    Ok(missing)
}

/// Sets the mode of what stands at `path`.
pub(super) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    plain(Op::Dress, path, || fs::set_permissions(path, Permissions::from_mode(mode)))
}

/// Gives a file another name, in place of what has that.
pub(super) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    call(Op::Rename, from, With::Path(to), || fs::rename(from, to))
}

/// Gives a file another name, which nothing has.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    call(Op::Rename, from, With::Path(to), || {
        match rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
            // File systems without that flag; the lock keeps other builds away.
            Err(Errno::INVAL | Errno::NOSYS) => match fs::symlink_metadata(to) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
                Err(e) => Err(e),
                Ok(_) => Err(Errno::EXIST.into()),
            },
            renamed => Ok(renamed?),
        }
    })
}

/// Gives a file a further name, which nothing has.
pub(super) fn link(from: &Path, to: &Path) -> io::Result<()> {
    call(Op::Link, from, With::Path(to), || fs::hard_link(from, to))
}

/// Takes a name of a file away.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    plain(Op::Remove, path, || fs::remove_file(path))
}

/// Takes an empty folder away.
pub(super) fn remove_folder(path: &Path) -> io::Result<()> {
    plain(Op::RemoveFolder, path, || fs::remove_dir(path))
}

/// Takes away what stands at `path`, a folder with all that is in it; no link is followed.
pub(super) fn remove_all(path: &Path) -> io::Result<()> {
    remove_all_below(path)?;
    match remove_folder(path) {
        // It was none.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Removes what is in a folder; what is there and is none goes itself.
pub(super) fn remove_all_below(path: &Path) -> io::Result<()> {
    if !link_metadata(path)?.is_dir() {
        return remove(path);
    }
    for (name, file_type) in names_in(path)? {
        let inside = path.join(name);
        if file_type.is_dir() { remove_all(&inside)? } else { remove(&inside)? }
    }
    Ok(())
}
