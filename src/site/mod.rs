//! The published tree: where everything lies ([`layout`]), reading it as a client does
//! ([`read`], and without its bins [`outline`]), what older versions say that are still there ([`past`]), going back to an earlier state
//! ([`recover`]), bringing files in ([`targets`]), compressed copies ([`copies`]), making roles public with the timestamp last
//! ([`swap`]), and clearing away what no reader can still want ([`sweep`]).

pub mod chain;
pub mod client;
pub mod copies;
#[cfg(feature = "http")]
pub mod http;
pub mod layout;
pub mod manifest;
pub mod outline;
pub mod past;
pub mod projects;
pub mod read;
pub mod recover;
pub mod roles;
pub mod swap;
pub mod sweep;
pub mod targets;

use crate::disk::Folder;
use std::path::Path;

/// The folder that is served.
#[derive(Clone, Debug)]
pub struct Site {
    folder: Folder,
}

impl Site {
    /// The site at `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { folder: Folder::new(root) }
    }

    /// Its folder.
    #[must_use]
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.folder.root()
    }
}
