//! Bringing in files of the source: copied or linked, and checked to be what was hashed.

use super::{FILE_MODE, Staged, Staging, system_time};
use crate::disk::read::OpenFile;
use crate::disk::{Context as _, Error, FileStamp, call};
use crate::model::Sha256;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// How a file of the source gets into the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bring {
    /// Its bytes are copied (shared until either side is written, where the file system can).
    Copy,
    /// It gets a second name. For a source that replaces files by rename only.
    Link,
}

/// What came of bringing in a file of the source.
#[derive(Debug)]
pub enum Brought {
    /// It is staged, and it is what its stamp and digest say.
    Staged(Staged, FileStamp),
    /// It is no longer what was hashed.
    Changed,
}

impl Staging {
    /// Brings in the file at `path`, which must still be what `stamp` and `digest` say, from one
    /// descriptor that is checked before and after; to the place `to`, if
    /// [`crate::disk::new_folders::NewFolders`] has one for it.
    ///
    /// # Errors
    /// If it cannot be read or staged.
    pub fn bring(
        &self,
        path: &Path,
        stamp: &FileStamp,
        digest: &Sha256,
        how: Bring,
        to: Option<PathBuf>,
    ) -> Result<Brought, Error> {
        let source = match OpenFile::open(path) {
            Ok(source) => source,
            Err(error) if error.is_not_found() => return Ok(Brought::Changed),
            Err(error) => return Err(error),
        };
        if source.stamp()? != *stamp {
            return Ok(Brought::Changed);
        }
        let to = to.unwrap_or_else(|| self.fresh());
        if how == Bring::Link
            && let Some(staged) = self.link(&source, &to)?
        {
            // The link itself moves the time of change; nothing else may have moved.
            let after = source.stamp()?;
            let same = FileStamp { changed: stamp.changed, ..after } == *stamp;
            return Ok(if same { Brought::Staged(staged, after) } else { Brought::Changed });
        }
        self.copy(&source, stamp, digest, to)
    }

    /// `None` where this file cannot be linked: another file system, a mode that is not ours, no
    /// links at all, or too many.
    fn link(&self, source: &OpenFile, to: &Path) -> Result<Option<Staged>, Error> {
        let metadata = source.file().metadata().context("look at", source.path())?;
        if metadata.permissions().mode() & 0o7777 != FILE_MODE {
            return Ok(None);
        }
        match source.file().link_to(to) {
            Ok(()) => Ok(Some(self.staged(to.to_owned()))),
            Err(_) => Ok(None),
        }
    }

    fn copy(
        &self,
        source: &OpenFile,
        stamp: &FileStamp,
        digest: &Sha256,
        path: PathBuf,
    ) -> Result<Brought, Error> {
        let mut file = self.create(&path)?;
        let copied = if file.clone_of(source.file()).is_ok() {
            // The clone is ours and nobody writes to it: hash that.
            OpenFile::open(&path)?.digest()?
        } else {
            source.digest_into(|chunk| file.write_all(chunk).context("write", &path))?
        };
        if copied != (*digest, stamp.size) || source.stamp()? != *stamp {
            call::remove(&path).context("remove", &path)?;
            return Ok(Brought::Changed);
        }
        // The time of modification comes along, as `cp -p` does it: it is what servers show.
        let modified = stamp.modified.div_euclid(1_000_000_000);
        file.set_modified(system_time(modified)).context("date", &path)?;
        Ok(Brought::Staged(self.staged(path), *stamp))
    }
}
