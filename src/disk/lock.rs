//! A lock on a file, held by the kernel for as long as the process lives: the lock of a dead
//! process is no lock.

use super::{Context as _, Error};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

/// What to do while somebody else holds the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenHeld {
    /// Give up at once.
    GiveUp,
    /// Wait until it is free.
    Wait,
}

/// Takes the lock at `path`, creating the file where there is none; `None` if another process
/// holds it and `when_held` says to give up.
///
/// # Errors
/// If the file cannot be created, or the file system has no locks.
pub fn acquire(path: &Path, when_held: WhenHeld) -> Result<Option<FileLock>, Error> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.open(path).context("create", path)?;
    match file.try_lock() {
        Ok(()) => return Ok(Some(FileLock(file))),
        Err(TryLockError::WouldBlock) if when_held == WhenHeld::GiveUp => return Ok(None),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(source)) => return Err(Error::new("lock", path, source)),
    }
    file.lock().context("lock", path)?;
    Ok(Some(FileLock(file)))
}
