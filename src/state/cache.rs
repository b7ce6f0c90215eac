//! The cache of digests: what each file of the source hashed to, and what it looked like then.

use super::{State, lines};
use crate::disk::{self, FileStamp};
use crate::model::{Sha256, TargetPath};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The first line of the file; another form, another number.
const HEADER: &str = "tuffet digests 1";

/// The same of a cache that knows only some files of the source: none was walked yet.
const SOME: &str = "tuffet digests 1, of some files";

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
    is_whole: bool,
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
        let path = state.digests();
        let whole = lines::load::<Line>(&path, HEADER);
        let is_whole = whole.is_some();
        let read = whole.or_else(|| lines::load(&path, SOME)).unwrap_or_default();
        Self { is_whole, files: read.into_iter().map(|line| (line.path, line.remembered)).collect() }
    }

    /// One of a source that is walked, with nothing in it yet.
    #[must_use]
    pub fn of_walk() -> Self {
        Self { is_whole: true, files: BTreeMap::new() }
    }

    /// Whether a walk filled it, so that what it does not know was not there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Writes the cache.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(&self, state: &State) -> Result<(), disk::Error> {
        let written = self.files.iter();
        let written =
            written.map(|(path, remembered)| Line { path: path.clone(), remembered: remembered.clone() });
        lines::save(&state.digests(), if self.is_whole { HEADER } else { SOME }, written)
    }

    /// What is remembered of the file at `path`, if it still looks as it did.
    #[must_use]
    pub fn recall(&self, path: &str, stamp: &FileStamp) -> Option<&Remembered> {
        self.files.get(path).filter(|remembered| remembered.stamp == *stamp)
    }

    /// Every target that a file is remembered as.
    pub fn targets(&self) -> impl Iterator<Item = &TargetPath> {
        self.files.values().map(|remembered| &remembered.target)
    }

    /// What is remembered at `path` and below it.
    pub fn below<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a String, &'a Remembered)> {
        let is_below = move |other: &str| {
            other.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let from = self.files.range(path.to_owned()..).take_while(move |(other, _)| other.starts_with(path));
        from.filter(move |(other, _)| is_below(other))
    }

    /// Files that are remembered as one of these targets, but those that `known` knows: each with its target.
    #[must_use]
    pub fn others(
        &self,
        targets: &BTreeSet<TargetPath>,
        known: &dyn Fn(&str) -> bool,
    ) -> Vec<(String, TargetPath)> {
        let others = self.files.iter().filter(|(_, remembered)| targets.contains(&remembered.target));
        let others = others.filter(|(path, _)| !known(path));
        others.map(|(path, remembered)| (path.clone(), remembered.target.clone())).collect()
    }

    /// The same without what is remembered at these paths, and below them.
    #[must_use]
    pub fn without(&self, paths: &BTreeSet<String>) -> Self {
        let mut rest = self.clone();
        for path in paths {
            for (gone, _) in self.below(path) {
                rest.files.remove(gone);
            }
        }
        rest
    }

    /// Remembers a file.
    pub fn remember(&mut self, path: &str, remembered: Remembered) {
        self.files.insert(path.to_owned(), remembered);
    }
}
