//! Targets metadata, top-level and delegated (TUF 1.0.34 section 4.5).

use super::metadata::{SPEC_VERSION, metadata};
use super::{Delegations, Hashes, Moment, Sha256, TargetPath, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What metadata says of one target file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetFile {
    /// Its size in bytes.
    pub length: u64,
    /// Its digests.
    pub hashes: Hashes,
    /// Fields that we do not know (`custom` among them).
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl TargetFile {
    /// A file of `length` bytes with this SHA-256.
    #[must_use]
    pub fn new(length: u64, digest: Sha256) -> Self {
        Self { length, hashes: Hashes::sha256_only(digest), extra: BTreeMap::new() }
    }
}

/// The signed part of a targets role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Targets {
    #[serde(rename = "_type")]
    kind: String,
    /// The version of the specification.
    pub spec_version: String,
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
    /// The files it vouches for.
    pub targets: BTreeMap<TargetPath, TargetFile>,
    /// The roles it delegates to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegations: Option<Delegations>,
    /// Fields that we do not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

metadata!(Targets, "targets");

impl Targets {
    /// A targets role.
    #[must_use]
    pub fn new(
        version: Version,
        expires: Moment,
        targets: BTreeMap<TargetPath, TargetFile>,
        delegations: Option<Delegations>,
    ) -> Self {
        Self {
            kind: "targets".to_owned(),
            spec_version: SPEC_VERSION.to_owned(),
            version,
            expires,
            targets,
            delegations,
            extra: BTreeMap::new(),
        }
    }
}
