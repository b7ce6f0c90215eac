//! Giving staged files their public names, and taking names away.

use super::stage::{Staged, Staging};
use super::{Context as _, Error, FileStamp, Folder, sync};
use rayon::prelude::*;
use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Names files below one folder, and remembers which folders must be made durable.
#[derive(Debug)]
pub struct Placer<'a> {
    folder: &'a Folder,
    touched: Mutex<BTreeSet<PathBuf>>,
}

impl<'a> Placer<'a> {
    /// A placer below `folder`, which must be there.
    #[must_use]
    pub fn new(folder: &'a Folder) -> Self {
        Self { folder, touched: Mutex::default() }
    }

    /// Gives a staged file a name that nothing has yet; its folders are created, mode 0755.
    ///
    /// # Errors
    /// If the name is taken, or the file cannot be moved.
    pub fn place_new(&self, staged: Staged, name: &str) -> Result<(), Error> {
        let path = self.ready(name)?;
        match rustix::fs::renameat_with(CWD, staged.path(), CWD, &path, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(()),
            // File systems without that flag; the lock keeps other builds away.
            Err(Errno::INVAL | Errno::NOSYS) if !super::folder::is_there(&path) => {
                fs::rename(staged.path(), &path).context("create", &path)
            }
            Err(e) => Err(Error::new("create", &path, e)),
        }
    }

    /// Gives a staged file a name, in place of whatever has it, in one step.
    ///
    /// # Errors
    /// If it cannot be moved.
    pub fn replace(&self, staged: Staged, name: &str) -> Result<(), Error> {
        let path = self.ready(name)?;
        fs::rename(staged.path(), &path).context("replace", &path)
    }

    /// Gives the file `existing` a further name that nothing has yet. Where the file system has no
    /// links, or the file no room for one more, the bytes are copied.
    ///
    /// # Errors
    /// If neither works, or the name is taken.
    pub fn link(&self, existing: &str, name: &str, staging: &Staging) -> Result<(), Error> {
        let (from, to) = (self.folder.path(existing), self.ready(name)?);
        match fs::hard_link(&from, &to) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Err(Error::new("create", &to, e)),
            Err(_) => self.place_new(staging.copy_of(&from)?, name),
        }
    }

    /// Gives the file `existing` a further name in place of whatever has it, in one step.
    ///
    /// # Errors
    /// If it cannot be done.
    pub fn link_over(&self, existing: &str, name: &str, staging: &Staging) -> Result<(), Error> {
        let from = self.folder.path(existing);
        let between = match staging.link_of(&from) {
            Ok(between) => between,
            Err(_) => staging.copy_of(&from)?,
        };
        let path = between.path().to_owned();
        self.replace(between, name)?;
        // Renaming one name of a file over another of the same file does nothing.
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::new("remove", &path, e)),
            _ => Ok(()),
        }
    }

    /// Has the folder of a name that is there already made durable too.
    pub fn touch(&self, name: &str) {
        let mut at = self.folder.path(name);
        // Its parents as well: the run that made them may not have ended.
        while at != self.folder.root() {
            match at.parent() {
                Some(parent) => at = parent.to_owned(),
                None => return,
            }
            self.touched().insert(at.clone());
        }
    }

    /// Takes the name `name` away; none is no error.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.folder.path(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::new("remove", &path, e)),
            _ => Ok(()),
        }
    }

    /// Takes away the folder `name` and its parents as far as they are empty.
    pub fn remove_empty_folders(&self, name: &str) {
        let mut path = self.folder.path(name);
        while path != self.folder.root() && fs::remove_dir(&path).is_ok() {
            self.touched().remove(&path);
            match path.parent() {
                Some(parent) => path = parent.to_owned(),
                None => return,
            }
        }
    }

    /// Makes every name given so far durable.
    ///
    /// # Errors
    /// If the system cannot promise it.
    pub fn sync(&self) -> Result<(), Error> {
        let touched = std::mem::take(&mut *self.touched());
        touched.into_iter().collect::<Vec<_>>().par_iter().try_for_each(|path| sync::path(path))
    }

    fn touched(&self) -> std::sync::MutexGuard<'_, BTreeSet<PathBuf>> {
        self.touched.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The path of `name`, its folder made where there was none.
    fn ready(&self, name: &str) -> Result<PathBuf, Error> {
        let path = self.folder.path(name);
        let parent = path.parent().unwrap_or(self.folder.root()).to_owned();
        // Thousands of files go into one folder.
        if self.touched().contains(&parent) {
            return Ok(path);
        }
        let mut missing = Vec::new();
        let mut at = parent.as_path();
        while at != self.folder.root() && !at.is_dir() {
            missing.push(at.to_owned());
            at = at.parent().unwrap_or(self.folder.root());
        }
        for folder in missing.iter().rev() {
            match fs::create_dir(folder) {
                Ok(()) => {}
                // Another thread made it; a file there is an error that names it.
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && folder.is_dir() => {}
                Err(e) => return Err(Error::new("create the folder", folder, e)),
            }
            fs::set_permissions(folder, Permissions::from_mode(0o755)).context("open", folder)?;
            self.touched().extend(folder.parent().map(Path::to_owned));
        }
        self.touched().insert(parent);
        Ok(path)
    }
}

/// Creates the folder at `root`, mode 0755, where there is none.
///
/// # Errors
/// If it cannot be created.
pub fn create_public_folder(root: &Path) -> Result<(), Error> {
    if root.is_dir() {
        return Ok(());
    }
    super::folder::create(root)?;
    fs::set_permissions(root, Permissions::from_mode(0o755)).context("open", root)
}

/// Writes a file for its owner's eyes only (0600), in a folder that is theirs alone (0700) where
/// it has to be created; durable when this returns.
///
/// # Errors
/// If the file is there already, or cannot be written.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    use std::io::Write as _;
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    let parent = parent_of(path);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(parent).context("create the folder", parent)?;
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).context("create", path)?;
    file.write_all(bytes).context("write", path)?;
    file.sync_all().context("sync", path)?;
    sync::path(parent)
}

/// Replaces the file at `path` by one with these bytes, in one step.
///
/// # Errors
/// If it cannot be written.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let parent = parent_of(path);
    fs::create_dir_all(parent).context("create the folder", parent)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = parent.join(name);
    fs::write(&new, bytes).context("write", &new)?;
    fs::rename(&new, path).context("replace", path)
}

/// Writes the file at `path` by `fill`, in place of what is there, in one step; durable when this returns.
///
/// # Errors
/// What `fill` returns, or that it cannot be written.
pub fn write_atomic_with(
    path: &Path,
    fill: impl FnOnce(&mut fs::File) -> Result<(), Error>,
) -> Result<(), Error> {
    let parent = parent_of(path);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = parent.join(name);
    let mut file = fs::File::create(&new).context("create", &new)?;
    let filled = fill(&mut file).and_then(|()| sync::file(&file).context("sync", &new));
    if filled.is_err() {
        let _ = fs::remove_file(&new);
        return filled;
    }
    if let Err(error) = fs::rename(&new, path).context("replace", path) {
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    sync::path(parent)
}

/// Replaces the file at `path` by one with these bytes, in one step; durable when this returns. The folder is created
/// where there is none.
///
/// # Errors
/// If it cannot be written.
pub fn write_durable(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    use std::io::Write as _;
    let parent = parent_of(path);
    fs::create_dir_all(parent).context("create the folder", parent)?;
    write_atomic_with(path, |file| file.write_all(bytes).context("write", path))
}

/// Copies the file `from` to `path`, in place of what is there, in one step; durable when this returns.
///
/// # Errors
/// If it cannot be read or written.
pub fn copy_durable(from: &Path, path: &Path) -> Result<(), Error> {
    let parent = parent_of(path);
    fs::create_dir_all(parent).context("create the folder", parent)?;
    let mut source = fs::File::open(from).context("read", from)?;
    write_atomic_with(path, |file| std::io::copy(&mut source, file).map(|_| ()).context("write", path))
}

/// Gives a file another name, in place of what is there; durable when this returns.
///
/// # Errors
/// If it cannot be renamed.
pub fn rename(from: &Path, path: &Path) -> Result<(), Error> {
    fs::rename(from, path).context("rename", from)?;
    sync::path(parent_of(path))
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// If it is there, or cannot be written.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path).context("create", path)?;
    file.write_all(bytes).context("write", path)
}

/// Removes the file at `path`.
///
/// # Errors
/// If it cannot be removed.
pub fn remove_file(path: &Path) -> Result<(), Error> {
    fs::remove_file(path).context("remove", path)
}

/// Appends one line to the file at `path`, created where there is none.
///
/// # Errors
/// If it cannot be written.
pub fn append_line(path: &Path, line: &str) -> Result<(), Error> {
    use std::io::Write as _;
    let mut file = fs::OpenOptions::new().append(true).create(true).open(path).context("write", path)?;
    file.write_all(format!("{line}\n").as_bytes()).context("write", path)
}

/// Appends lines to the file at `path`, durable when this returns; the folder is created where there is none.
///
/// # Errors
/// If they cannot be written.
pub fn append_durable_lines(path: &Path, lines: &[String]) -> Result<(), Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let parent = parent_of(path);
    super::folder::create(parent)?;
    cut_torn_line(path)?;
    append_line(path, &lines.join("\n"))?;
    sync::path(path)?;
    sync::path(parent)
}

/// Takes the end of a file off that is no whole line: a run that did not end left it.
fn cut_torn_line(path: &Path) -> Result<(), Error> {
    if ends_a_line(path)? {
        return Ok(());
    }
    let bytes = super::read::bytes_if_there(path)?.unwrap_or_default();
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole == bytes.len() {
        return Ok(());
    }
    let file = fs::File::options().write(true).open(path).context("write", path)?;
    file.set_len(whole as u64).context("write", path)
}

/// Whether the file at `path` ends with a whole line, or is none.
fn ends_a_line(path: &Path) -> Result<bool, Error> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = match fs::File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(e) => return Err(Error::new("read", path, e)),
    };
    if file.metadata().context("look at", path)?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1)).and_then(|_| file.read_exact(&mut last)).context("read", path)?;
    Ok(last == *b"\n")
}

/// When the file at `path` was last modified, in whole seconds since 1970.
///
/// # Errors
/// If it cannot be looked at.
pub fn modified(path: &Path) -> Result<i64, Error> {
    let stamp = FileStamp::of(&fs::metadata(path).context("look at", path)?);
    Ok(stamp.modified.div_euclid(1_000_000_000))
}

fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Sets when the file at `path` was last modified, in whole seconds since 1970; durable when this
/// returns.
///
/// # Errors
/// If it cannot be set.
pub fn set_modified(path: &Path, seconds: i64) -> Result<(), Error> {
    let time = super::stage::system_time(seconds);
    fs::File::open(path)
        .and_then(|file| file.set_modified(time).and_then(|()| sync::file(&file)))
        .context("date", path)
}
