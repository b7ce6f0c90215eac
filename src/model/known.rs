//! What was verified before, by what it hashes to: the same bytes under the same keys need not be verified twice.

use super::{BinList, Sha256};
use serde::{Deserialize, Serialize};

/// The long roles of a tree that was verified, or signed, by this program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// What is signed of the root that names who signs the snapshot.
    pub root: Sha256,
    /// The snapshot's file.
    pub snapshot: Sha256,
    /// What is signed of the `targets` that name who signs the list of bins.
    pub targets: Sha256,
    /// The file of the list of bins.
    pub unclaimed: Sha256,
    /// What that list says.
    pub bins: BinList,
}

impl Known {
    /// Whether this file is the snapshot that was verified, by what this root names.
    #[must_use]
    pub fn is_snapshot(&self, file: Sha256, root: &[u8]) -> bool {
        self.snapshot == file && self.root == Sha256::of(root)
    }

    /// Whether this file is the list of bins that was verified, by what this `targets` names.
    #[must_use]
    pub fn is_list_of_bins(&self, file: Sha256, targets: &[u8]) -> bool {
        self.unclaimed == file && self.targets == Sha256::of(targets)
    }
}
