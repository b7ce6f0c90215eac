//! What the last build knew of the tree that it published: when each bin ends, and how many targets there are. With it
//! a build that is told what changed reads the bins that change and no other.

use super::{State, lines};
use crate::disk;
use crate::model::{Moment, Sha256, Version};
use serde::{Deserialize, Serialize};

/// The first line of the file; another form, another number.
const HEADER: &str = "tuffet tree 1";

/// What is known of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// Its snapshot.
    pub snapshot: Version,
    /// What the snapshot's file hashes to: of another nothing is known.
    pub digest: Sha256,
    /// How many targets there are.
    pub targets: u64,
    /// When each bin ends, in seconds since 1970.
    ends: Vec<i64>,
}

impl Tree {
    /// What is known of a tree.
    #[must_use]
    pub fn new(snapshot: Version, digest: Sha256, targets: u64, ends: &[Moment]) -> Self {
        Self { snapshot, digest, targets, ends: ends.iter().map(|end| end.unix()).collect() }
    }

    /// How many bins there are.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.ends.len()
    }

    /// When each bin ends.
    #[must_use]
    pub fn ends(&self) -> Vec<Moment> {
        self.ends.iter().map(|end| Moment::from_unix(*end).unwrap_or(Moment::EPOCH)).collect()
    }
}

/// What is known; `None` where nothing is, or what is there cannot be read.
#[must_use]
pub fn load(state: &State) -> Option<Tree> {
    lines::load(&state.tree(), HEADER)?.pop()
}

/// Remembers it, if that is not what stands there.
///
/// # Errors
/// If it cannot be written.
pub fn save(state: &State, tree: &Tree) -> Result<(), disk::Error> {
    if load(state).as_ref() == Some(tree) { Ok(()) } else { lines::save(&state.tree(), HEADER, [tree]) }
}
