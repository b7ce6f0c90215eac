//! Root metadata: which keys hold the top-level roles (TUF 1.0.34 section 4.3).

use super::metadata::{self, SPEC_VERSION, metadata};
use super::{Key, KeyId, Moment, RoleName, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The keys that may sign a role, and how many of them must.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKeys {
    /// Ids of the keys.
    #[serde(deserialize_with = "super::strict::few")]
    pub keyids: Vec<KeyId>,
    /// How many different keys must sign; above 0.
    #[serde(deserialize_with = "metadata::threshold")]
    pub threshold: u32,
    /// Fields that we do not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl RoleKeys {
    /// `threshold` of these keys.
    #[must_use]
    pub fn new(keyids: Vec<KeyId>, threshold: u32) -> Self {
        Self { keyids, threshold, extra: BTreeMap::new() }
    }
}

/// The signed part of `root.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    #[serde(rename = "_type")]
    kind: String,
    /// The version of the specification.
    pub spec_version: String,
    /// Whether file names carry versions and hashes (section 6.2).
    pub consistent_snapshot: bool,
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
    /// Every key that a top-level role names.
    pub keys: BTreeMap<KeyId, Key>,
    /// The top-level roles.
    pub roles: BTreeMap<RoleName, RoleKeys>,
    /// Fields that we do not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

metadata!(Root, "root");

impl Root {
    /// A root with consistent snapshots.
    #[must_use]
    pub fn new(
        version: Version,
        expires: Moment,
        keys: BTreeMap<KeyId, Key>,
        roles: BTreeMap<RoleName, RoleKeys>,
    ) -> Self {
        Self {
            kind: "root".to_owned(),
            spec_version: SPEC_VERSION.to_owned(),
            consistent_snapshot: true,
            version,
            expires,
            keys,
            roles,
            extra: BTreeMap::new(),
        }
    }

    /// The keys of a top-level role; `None` if this root does not name it.
    #[must_use]
    pub fn role(&self, role: &RoleName) -> Option<&RoleKeys> {
        self.roles.get(role)
    }
}
