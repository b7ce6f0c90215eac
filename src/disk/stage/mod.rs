//! Staging: files are made complete and durable in a folder that nobody serves, and only then
//! get a name that somebody may ask for.

mod bring;

use super::read::OpenFile;
use super::{Context as _, Error, File, FileStamp, call, sync};
use crate::model::{Moment, Sha256};
use rayon::prelude::*;
use std::io::{BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, SystemTime};

pub use bring::{Bring, Brought};

/// More files than this are made durable by one sync of the file system, fewer by one each.
const BULK: usize = 128;

/// More files than this are spread over folders: threads that make files in one wait for each other.
const FEW: u64 = 64;

/// Over so many.
const SHELVES: u64 = 16;

fn shelf(number: u64) -> String {
    format!("shelf-{}", number % SHELVES)
}

/// The mode of every published file, whatever the umask.
const FILE_MODE: u32 = 0o644;

/// A folder of unfinished files. It goes with [`Staging::close`]; of a run that ends otherwise it stays, empty if that run
/// could still see to it, and tells the next one.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    /// Whether files that are made here have their mode at once, for no umask and no default of the folder takes it away.
    gives_mode: bool,
    next: AtomicU64,
    shelves: OnceLock<bool>,
    unsynced: Mutex<Vec<PathBuf>>,
    ended_well: bool,
}

/// A complete file in the staging folder.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
}

impl Staged {
    /// Where it is for now.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Staging {
    /// Opens the first of `candidates` from which a file can be moved into the folder `site`. What
    /// an interrupted run left in any of them is removed, with what tells of that run no sooner than this one does.
    ///
    /// # Errors
    /// If none of them can be used.
    pub fn open(candidates: &[PathBuf], site: &Path) -> Result<Self, Error> {
        let mut last = None;
        for folder in candidates {
            match Self::try_open(folder, site) {
                Ok(staging) => {
                    candidates.iter().filter(|other| *other != folder).try_for_each(|other| remove(other))?;
                    return Ok(staging);
                }
                Err(error) => last = Some(error),
            }
        }
        let none = || Error::new("stage files for", site, std::io::Error::other("no folder to stage in"));
        Err(last.unwrap_or_else(none))
    }

    fn try_open(folder: &Path, site: &Path) -> Result<Self, Error> {
        empty(folder)?;
        call::make_folders(folder, None).context("create the folder", folder)?;
        call::set_mode(folder, 0o700).context("close", folder)?;
        // A mount can hide behind any folder: only moving something over tells.
        let (probe, there) = (folder.join("probe"), site.join(".tuffet-probe"));
        let moved = create_with_mode(&probe).and_then(|file| file.metadata()).and_then(|metadata| {
            call::rename(&probe, &there)?;
            call::remove(&there)?;
            Ok(metadata.permissions().mode() & 0o7777 == FILE_MODE)
        });
        match moved {
            Ok(gives_mode) => Ok(Self {
                folder: folder.to_owned(),
                gives_mode,
                next: AtomicU64::new(0),
                shelves: OnceLock::new(),
                unsynced: Mutex::default(),
                ended_well: false,
            }),
            Err(source) => Err(Error::new("move files from", folder, source)),
        }
    }

    /// Ends it: all that the run had to do is done, and nothing of it is left.
    pub fn close(mut self) {
        self.ended_well = true;
    }

    /// A name in the folder that nothing has yet.
    fn fresh(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let name = number.to_string();
        if number < FEW || !self.has_shelves() {
            return self.folder.join(name);
        }
        self.folder.join(shelf(number)).join(name)
    }

    /// A name that nothing has yet, directly in the folder.
    pub(super) fn fresh_here(&self) -> PathBuf {
        self.folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.folder
    }

    /// Has [`Staging::sync`] make these durable, too.
    pub(super) fn must_sync(&self, paths: Vec<PathBuf>) {
        self.unsynced.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(paths);
    }

    /// Whether there are folders for many files, which are made when there are many.
    fn has_shelves(&self) -> bool {
        *self.shelves.get_or_init(|| {
            (0..SHELVES).all(|number| call::make_folder(&self.folder.join(shelf(number))).is_ok())
        })
    }

    fn staged(&self, path: PathBuf) -> Staged {
        self.must_sync(vec![path.clone()]);
        Staged { path }
    }

    fn create(&self, path: &Path) -> Result<File, Error> {
        let file = create_with_mode(path).context("create", path)?;
        if !self.gives_mode {
            file.set_mode(FILE_MODE).context("create", path)?;
        }
        Ok(file)
    }

    /// Stages a file with these bytes and, where given, this time of modification.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, bytes: &[u8], modified: Option<Moment>) -> Result<Staged, Error> {
        self.write_at(self.fresh(), bytes, modified)
    }

    /// The same, in a place that [`super::new_folders::NewFolders`] gives.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_at(&self, path: PathBuf, bytes: &[u8], modified: Option<Moment>) -> Result<Staged, Error> {
        let mut file = self.create(&path)?;
        file.write_all(bytes).context("write", &path)?;
        if let Some(modified) = modified {
            file.set_modified(system_time(modified.unix())).context("write", &path)?;
        }
        Ok(self.staged(path))
    }

    /// Receives a file from `reader`, at most `most` bytes of it, to be brought in later from where this
    /// says it is: its path, what it looks like, and what it hashes to.
    ///
    /// # Errors
    /// If it cannot be read or written, or does not end there.
    pub fn receive(
        &self,
        reader: &mut dyn std::io::Read,
        most: u64,
        modified: Moment,
    ) -> Result<(PathBuf, FileStamp, Sha256), Error> {
        use std::io::Read as _;
        let path = self.fresh();
        let mut file = self.create(&path)?;
        let received = std::io::copy(&mut reader.take(most + 1), &mut file).context("unpack to", &path)?;
        if received > most {
            return Err(Error::new("unpack to", &path, std::io::Error::other("there is more than was said")));
        }
        file.set_modified(system_time(modified.unix())).context("date", &path)?;
        let open = OpenFile::open(&path)?;
        let (digest, _) = open.digest()?;
        Ok((path, open.stamp()?, digest))
    }

    /// Gives a file that lies staged a further name in its folder. Where the file system has no links, or the file no
    /// room for one more, the bytes are copied.
    ///
    /// # Errors
    /// If neither works.
    pub fn name_too(&self, staged: &Staged, to: &Path) -> Result<(), Error> {
        if call::link(staged.path(), to).is_ok() {
            return Ok(());
        }
        let copy = self.copy_of(staged.path())?;
        call::rename_new(copy.path(), to).context("create", to)
    }

    /// A further name, here, for the file at `path`.
    pub(super) fn link_of(&self, path: &Path) -> Result<Staged, Error> {
        let between = self.fresh();
        call::link(path, &between).context("link", path)?;
        Ok(Staged { path: between })
    }

    /// A durable copy, here, of the file at `path`.
    pub(super) fn copy_of(&self, path: &Path) -> Result<Staged, Error> {
        let copy = self.fresh();
        let mut file = self.create(&copy)?;
        let mut from = BufReader::with_capacity(1 << 18, File::open(path).context("read", path)?);
        std::io::copy(&mut from, &mut file).context("copy", path)?;
        sync::path(&copy)?;
        Ok(Staged { path: copy })
    }

    /// Makes everything staged so far durable.
    ///
    /// # Errors
    /// If the system cannot promise it.
    pub fn sync(&self) -> Result<(), Error> {
        let mut unsynced = self.unsynced.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let paths = std::mem::take(&mut *unsynced);
        if paths.len() > BULK {
            return sync::file_system(&self.folder);
        }
        paths.par_iter().try_for_each(|path| sync::path(path))
    }

    /// The current time of the file system that the staging folder is on, in nanoseconds since
    /// 1970: the clock that file times are compared with.
    ///
    /// # Errors
    /// If no file can be made there.
    pub fn file_system_time(folder: &Path) -> Result<i64, Error> {
        call::make_folders(folder, None).context("create the folder", folder)?;
        let path = folder.join(format!("clock-{}", std::process::id()));
        let file = File::create(&path).context("create", &path)?;
        let stamp = FileStamp::of(&file.metadata().context("look at", &path)?);
        call::remove(&path).context("remove", &path)?;
        Ok(stamp.modified)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = if self.ended_well { remove(&self.folder) } else { empty(&self.folder) };
    }
}

/// Seconds since 1970 as the file system takes them; before that, 1970.
pub(super) fn system_time(seconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

fn create_with_mode(path: &Path) -> std::io::Result<File> {
    File::create_new(path, FILE_MODE)
}

/// Removes such a folder, if there is one.
///
/// # Errors
/// If that is not possible.
pub fn remove(folder: &Path) -> Result<(), Error> {
    cleared(folder, call::remove_all(folder))
}

/// Removes what is in it.
fn empty(folder: &Path) -> Result<(), Error> {
    cleared(folder, call::remove_all_below(folder))
}

fn cleared(folder: &Path, done: std::io::Result<()>) -> Result<(), Error> {
    match done {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::new("clear", folder, e)),
        _ => Ok(()),
    }
}
