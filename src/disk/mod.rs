//! The only door to the file system: everything that opens, lists, links, renames or removes a
//! file goes through here, and so does every `fsync`. The calls themselves are in `call/`.
//!
//! Nothing here knows what a role or a target is. Paths of the tree are given relative to a
//! [`folder::Folder`], and no name given to it can leave it.

mod call;
pub mod folder;
pub mod lock;
pub mod memory;
pub mod new_folders;
pub mod place;
pub mod read;
pub mod stage;
pub mod stamp;
pub mod sync;
pub mod walk;
pub mod write;
pub mod writers;

use std::io;
use std::path::{Path, PathBuf};

pub use call::File;
pub use folder::Folder;
pub use stamp::FileStamp;

/// An operation on the file system that failed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}{}", path.display(), way_out(source))]
pub struct Error {
    /// What was tried: "read", "create", …
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// What to do about an error of which the system's words do not tell.
fn way_out(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::CrossesDevices => {
            ". The folder is a link to another file system than the rest of the site, or one is mounted there, and files \
             are moved into the site as a whole: have all of the site on one"
        }
        _ => "",
    }
}

impl Error {
    pub(crate) fn new(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self { action, path: path.to_owned(), source: source.into() }
    }

    /// Whether the thing is simply not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Turns the error of an operation into an [`Error`] that names it.
pub(crate) trait Context<T> {
    fn context(self, action: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T, E: Into<io::Error>> Context<T> for Result<T, E> {
    fn context(self, action: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::new(action, path, source))
    }
}
