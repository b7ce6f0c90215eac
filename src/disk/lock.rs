//! A lock on a file, held by the kernel for as long as the process lives: the lock of a dead
//! process is no lock.
//!
//! The file says who holds it, and says nothing once that run has ended. A run that was killed leaves its record: where it
//! ran under this kernel, or on this machine before it was started anew, the kernel's word is enough. Where it ran on
//! another machine, that shares the disk, a free lock may also mean that the two do not see each other's locks.

use super::{Context as _, Error, File, call};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::TryLockError;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A lock that is held until this is dropped.
#[derive(Debug)]
pub struct FileLock(File);

impl Drop for FileLock {
    fn drop(&mut self) {
        // The kernel frees the lock in any case; a record that stays is that of a dead process.
        let _ = self.0.cut(0);
    }
}

/// What to do while somebody else holds the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenHeld {
    /// Give up at once.
    GiveUp,
    /// Wait until it is free.
    Wait,
}

/// Why the lock was not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// A process holds it.
    #[error(
        "another run holds the lock {}{}; wait for it to end, or give --wait",
        path.display(), holder.as_ref().map(|holder| format!(" ({holder})")).unwrap_or_default()
    )]
    Held {
        /// The lock file.
        path: PathBuf,
        /// Who says to hold it.
        holder: Option<Holder>,
    },
    /// A run on another machine took it and has not given it back.
    #[error(
        "the lock {} was taken by {holder}, which is another machine, and not given back: from here it cannot be seen \
         whether that run is still at work. Look there; if it is not, remove the file", path.display()
    )]
    Elsewhere {
        /// The lock file.
        path: PathBuf,
        /// Who took it.
        holder: Holder,
    },
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] Error),
}

/// Who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    process: u32,
    host: String,
    /// What is the same as long as a kernel runs, where the system says.
    boot: Option<String>,
    /// What is the same as long as a system is installed, where it says.
    machine: Option<String>,
}

impl Holder {
    /// This process.
    fn this() -> Self {
        let line = |path: &str| {
            let text = String::from_utf8(call::read(Path::new(path)).ok()?).ok()?;
            Some(text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self {
            process: std::process::id(),
            host,
            boot: line("/proc/sys/kernel/random/boot_id"),
            machine: line("/etc/machine-id"),
        }
    }

    /// Whether both run, or ran, where one kernel sees the locks of both.
    fn shares_a_kernel_with(&self, other: &Self) -> bool {
        let same = |one: &Option<String>, other: &Option<String>| one.is_some() && one == other;
        same(&self.boot, &other.boot) || same(&self.machine, &other.machine) || self.host == other.host
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host: String = self.host.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
        write!(f, "process {} on {host}", self.process)
    }
}

/// Takes the lock at `path`, creating the file where there is none.
///
/// # Errors
/// [`NotTaken`].
pub fn acquire(path: &Path, when_held: WhenHeld) -> Result<FileLock, NotTaken> {
    let mut file = File::open_to_lock(path).context("create", path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) if when_held == WhenHeld::GiveUp => {
            return Err(NotTaken::Held { path: path.to_owned(), holder: holder(path) });
        }
        Err(TryLockError::WouldBlock) => file.lock().context("lock", path)?,
        Err(TryLockError::Error(source)) => return Err(Error::new("lock", path, source).into()),
    }
    let this = Holder::this();
    if let Some(holder) = holder(path).filter(|holder| !holder.shares_a_kernel_with(&this)) {
        return Err(NotTaken::Elsewhere { path: path.to_owned(), holder });
    }
    // The lock is the kernel's; a disk without room for a line more keeps nobody from making room.
    let line = serde_json::to_vec(&this).unwrap_or_default();
    let _ = file.cut(0).and_then(|()| file.write_all(&line));
    Ok(FileLock(file))
}

/// Who is written down in the file at `path`; nobody, where it cannot be told.
fn holder(path: &Path) -> Option<Holder> {
    serde_json::from_slice(&call::read(path).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_run_left_is_told_from_what_another_machine_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let taken = acquire(&path, WhenHeld::GiveUp).unwrap();
        let this = holder(&path).unwrap();
        assert_eq!(this.process, std::process::id());
        match acquire(&path, WhenHeld::GiveUp) {
            Err(NotTaken::Held { holder: Some(holder), .. }) => assert_eq!(holder, this),
            other => panic!("{other:?}"),
        }
        drop(taken);
        assert_eq!(std::fs::read(&path).unwrap(), b"", "whoever ends leaves no record");

        let other = |from: &dyn Fn(&mut Holder)| {
            let mut left = Holder { process: 7, ..this.clone() };
            from(&mut left);
            std::fs::write(&path, serde_json::to_vec(&left).unwrap()).unwrap();
            acquire(&path, WhenHeld::GiveUp).map(drop).map_err(|e| e.to_string())
        };
        assert_eq!(other(&|_| ()), Ok(()), "a process that was killed");
        assert_eq!(other(&|left| left.boot = Some("before".to_owned())), Ok(()), "before a restart");
        assert_eq!(other(&|left| left.host = "renamed".to_owned()), Ok(()));
        let elsewhere = other(&|left| {
            (left.boot, left.machine) = (Some("other".to_owned()), None);
            left.host = "build-7\n\u{1b}[31m".to_owned();
        });
        let said = elsewhere.unwrap_err();
        assert!(said.contains("by process 7 on build-7[31m, which is another machine"), "{said}");
        assert!(acquire(&path, WhenHeld::Wait).is_err(), "what cannot be seen cannot be waited for");
        std::fs::write(&path, b"{\"process\":").unwrap();
        assert!(acquire(&path, WhenHeld::GiveUp).is_ok(), "half a record says nothing");
    }
}
