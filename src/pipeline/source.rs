//! What the stages hand to each other about a file of the source.

use crate::disk::FileStamp;
use crate::model::{Entry, Sha256, TargetPath};
use std::path::PathBuf;

/// A file of the source that is to be a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its path below the source, joined by `/`.
    pub relative: String,
    /// The file itself, links resolved.
    pub path: PathBuf,
    /// What it looks like.
    pub stamp: FileStamp,
    /// The target that it is to be.
    pub target: TargetPath,
}

/// A candidate whose digest is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The file.
    pub candidate: Candidate,
    /// The SHA-256 of its content.
    pub digest: Sha256,
}

impl SourceFile {
    /// What the inventory says of it.
    #[must_use]
    pub fn entry(&self) -> Entry {
        Entry { path: self.candidate.target.clone(), length: self.candidate.stamp.size, digest: self.digest }
    }
}
