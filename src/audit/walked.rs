//! What the walk over the roles of a tree knows of them in the end.

use super::tree::Tree;
use crate::model::{Envelope, RoleName, Snapshot, Targets, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// All roles that could be read.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Roles looked at, root among them.
    pub(super) count: u64,
    pub(super) timestamp: Option<Timestamp>,
    pub(super) snapshot: Option<Snapshot>,
    /// Every targets role that a look-up can come to, but the leaves.
    pub(super) targets: BTreeMap<RoleName, Targets>,
    /// Roles in which nothing is wrong, that delegate nothing, and that are not held.
    pub(super) leaves: BTreeMap<RoleName, Leaf>,
    /// The files, by name inside the metadata base, that clients ask for.
    pub(super) referred: BTreeSet<String>,
}

/// A role that was read, and of which this is held.
#[derive(Debug)]
pub(super) struct Leaf {
    /// Its file, by name inside the metadata base.
    pub(super) file: String,
    /// How many targets it lists.
    pub(super) targets: u64,
    /// Its signature, in hex: whoever reads the file again knows it by that.
    pub(super) signature: String,
}

/// Whether roles in our own form that delegate nothing are held, which for millions of targets takes gigabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    Held,
    Counted,
}

impl Walked {
    /// How many targets there are.
    pub(super) fn target_count(&self) -> u64 {
        let held = self.targets.values().map(|role| role.targets.len() as u64);
        held.chain(self.leaves.values().map(|leaf| leaf.targets)).sum()
    }

    /// Holds these leaves after all.
    pub(super) fn hold(&mut self, tree: &Tree, leaves: &BTreeSet<RoleName>) {
        for role in leaves {
            let Some(leaf) = self.leaves.remove(role) else { continue };
            let bytes = tree.read(&leaf.file).ok().flatten().unwrap_or_default();
            if let Ok(targets) = Envelope::parse(&bytes) {
                self.targets.insert(role.clone(), targets.into_signed());
            }
        }
    }

    /// Whether it was read.
    pub(super) fn has(&self, role: &RoleName) -> bool {
        self.targets.contains_key(role) || self.leaves.contains_key(role)
    }
}
