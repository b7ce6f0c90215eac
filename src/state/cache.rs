//! The cache of digests: what each file of the source hashed to, and what it looked like then.

use super::{State, lines};
use crate::disk::{self, FileStamp};
use crate::model::{Sha256, TargetPath};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The first line of the file; another form, another number.
const HEADER: &str = "tuffet digests 1";

/// What is remembered of one file of the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// What it looked like.
    pub stamp: FileStamp,
    /// The SHA-256 of its content.
    pub digest: Sha256,
    /// The target that it is.
    pub target: TargetPath,
}

/// The cache, by path below the source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DigestCache {
    files: BTreeMap<String, Remembered>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    path: String,
    #[serde(flatten)]
    remembered: Remembered,
}

impl DigestCache {
    /// Reads the cache of a state folder; an empty one if there is none that can be read.
    #[must_use]
    pub fn load(state: &State) -> Self {
        let read = lines::load::<Line>(&state.digests(), HEADER).unwrap_or_default();
        Self { files: read.into_iter().map(|line| (line.path, line.remembered)).collect() }
    }

    /// Writes the cache.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, state: &State) -> Result<(), disk::Error> {
        let written = self.files.iter();
        let written =
            written.map(|(path, remembered)| Line { path: path.clone(), remembered: remembered.clone() });
        lines::save(&state.digests(), HEADER, written)
    }

    /// What is remembered of the file at `path`, if it still looks as it did.
    #[must_use]
    pub fn recall(&self, path: &str, stamp: &FileStamp) -> Option<&Remembered> {
        self.files.get(path).filter(|remembered| remembered.stamp == *stamp)
    }

    /// Remembers a file.
    pub fn remember(&mut self, path: &str, remembered: Remembered) {
        self.files.insert(path.to_owned(), remembered);
    }
}
