//! What the stages hand to each other about a file of the source.

use crate::disk::FileStamp;
use crate::model::{Entry, Sha256, TargetPath};
use serde::{Deserialize, Serialize};
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
    /// The SHA-256 that the source itself says it has, if it says so.
    pub told: Option<Sha256>,
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

/// What the metadata inside a distribution says, as far as an index repeats it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// `Requires-Python`, as it is written there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires_python: Option<String>,
    /// A wheel's METADATA (PEP 658): its digest and its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<(Sha256, u64)>,
    /// Why nothing is known, where the archive is broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// Whether a list said this, and not the archive.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_told: bool,
}

/// What a source says of a file beside its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Why it is yanked, `""` without a reason; `None` if it is not (PEP 592).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// When it was uploaded, as PEP 700 writes it: UTC, no more than microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uploaded: Option<String>,
}
