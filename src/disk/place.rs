//! Giving staged files their public names, and taking names away.

use super::stage::{Staged, Staging};
use super::{Context as _, Error, Folder, call, sync};
use rayon::prelude::*;
use std::collections::BTreeSet;
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
        call::rename_new(staged.path(), &path).context("create", &path)
    }

    /// Gives a folder that was filled at `staged` a name that nothing has yet.
    pub(super) fn show(&self, staged: &Path, name: &str) -> Result<(), Error> {
        let path = self.ready(name)?;
        call::rename_new(staged, &path).context("create", &path)?;
        self.touch(name);
        Ok(())
    }

    /// Gives a staged file a name, in place of whatever has it, in one step.
    ///
    /// # Errors
    /// If it cannot be moved.
    pub fn replace(&self, staged: Staged, name: &str) -> Result<(), Error> {
        let path = self.ready(name)?;
        call::rename(staged.path(), &path).context("replace", &path)
    }

    /// Gives the file `existing` a further name that nothing has yet. Where the file system has no
    /// links, or the file no room for one more, the bytes are copied.
    ///
    /// # Errors
    /// If neither works, or the name is taken.
    pub fn link(&self, existing: &str, name: &str, staging: &Staging) -> Result<(), Error> {
        let (from, to) = (self.folder.path(existing), self.ready(name)?);
        match call::link(&from, &to) {
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
        match call::remove(&path) {
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
        match call::remove(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::new("remove", &path, e)),
            _ => Ok(()),
        }
    }

    /// Takes away the folder `name` and its parents as far as they are empty.
    pub fn remove_empty_folders(&self, name: &str) {
        let mut path = self.folder.path(name);
        while path != self.folder.root() && call::remove_folder(&path).is_ok() {
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
        while at != self.folder.root() && !super::folder::is_folder(at)? {
            missing.push(at.to_owned());
            at = at.parent().unwrap_or(self.folder.root());
        }
        for folder in missing.iter().rev() {
            match call::make_folder(folder) {
                Ok(()) => {}
                // Another thread made it; a file there is an error that names it.
                Err(e)
                    if e.kind() == std::io::ErrorKind::AlreadyExists && super::folder::is_folder(folder)? => {
                }
                Err(e) => return Err(Error::new("create the folder", folder, e)),
            }
            call::set_mode(folder, 0o755).context("open", folder)?;
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
    if super::folder::is_folder(root)? {
        return Ok(());
    }
    super::folder::create(root)?;
    call::set_mode(root, 0o755).context("open", root)
}
