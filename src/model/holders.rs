//! Who holds a role: public keys, and how many of them must sign.

use super::{DelegatedRole, Delegations, Key, KeyId, RoleKeys, RoleName, Root};
use std::collections::{BTreeMap, BTreeSet};

/// The keys of a role with their public parts, in the order in which metadata names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holders {
    /// Their ids.
    pub keyids: Vec<KeyId>,
    /// The keys.
    pub keys: BTreeMap<KeyId, Key>,
    /// How many must sign.
    pub threshold: u32,
}

/// Nobody: a threshold that no key reaches.
impl Default for Holders {
    fn default() -> Self {
        Self { keyids: Vec::new(), keys: BTreeMap::new(), threshold: 1 }
    }
}

impl Holders {
    /// `threshold` of these keys, in the order of their ids.
    #[must_use]
    pub fn new(keys: BTreeMap<KeyId, Key>, threshold: u32) -> Self {
        Self { keyids: keys.keys().cloned().collect(), keys, threshold }
    }

    /// The holders that `role` names among `keys`; a key that is not listed there is left out.
    #[must_use]
    pub fn of(role: &RoleKeys, keys: &BTreeMap<KeyId, Key>) -> Self {
        let named = role.keyids.iter().filter_map(|id| Some((id.clone(), keys.get(id)?.clone())));
        Self { keyids: role.keyids.clone(), keys: named.collect(), threshold: role.threshold }
    }

    /// The holders of a delegated role.
    #[must_use]
    pub fn of_child(child: &DelegatedRole, delegations: &Delegations) -> Self {
        Self::of(&child.role_keys(), &delegations.keys)
    }

    /// The holders of a role that root itself names; nobody for one that it does not.
    #[must_use]
    pub fn of_top(root: &Root, role: &RoleName) -> Self {
        root.role(role).map(|keys| Self::of(keys, &root.keys)).unwrap_or_default()
    }

    /// Whether the same keys must sign, and as many of them, in whatever order they are named.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.keys == other.keys && self.threshold == other.threshold && self.ids() == other.ids()
    }

    /// The ids, each once.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<&KeyId> {
        self.keyids.iter().collect()
    }

    /// The ids and the threshold, as metadata says them.
    #[must_use]
    pub fn role_keys(&self) -> RoleKeys {
        RoleKeys::new(self.keyids.clone(), self.threshold)
    }
}
