//! Timestamp metadata: which snapshot is current (TUF 1.0.34 section 4.6).

use super::metadata::{SPEC_VERSION, metadata};
use super::snapshot::by_file_name;
use super::{Hashes, Moment, RoleMeta, RoleName, Sha256, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The signed part of `timestamp.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timestamp {
    #[serde(rename = "_type")]
    kind: String,
    /// The version of the specification.
    pub spec_version: String,
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
    /// The snapshot, alone, under `snapshot.json`.
    #[serde(with = "by_file_name")]
    meta: BTreeMap<RoleName, RoleMeta>,
    /// Fields that we do not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

metadata!(Timestamp, "timestamp");

impl Timestamp {
    /// A timestamp that points to the snapshot of this version and these bytes. Length and hash
    /// are listed always: tough stops at 1 MiB where they are not.
    #[must_use]
    pub fn new(version: Version, expires: Moment, snapshot: Version, bytes: &[u8]) -> Self {
        Self::to(version, expires, snapshot, (bytes.len() as u64, Sha256::of(bytes)))
    }

    /// The same where length and digest of the snapshot's file are known.
    #[must_use]
    pub fn to(version: Version, expires: Moment, snapshot: Version, (length, digest): (u64, Sha256)) -> Self {
        let hashes = Some(Hashes::sha256_only(digest));
        let meta = RoleMeta { version: snapshot, length: Some(length), hashes, extra: BTreeMap::new() };
        Self {
            kind: "timestamp".to_owned(),
            spec_version: SPEC_VERSION.to_owned(),
            version,
            expires,
            meta: BTreeMap::from([(RoleName::snapshot(), meta)]),
            extra: BTreeMap::new(),
        }
    }

    /// What it says of the snapshot; `None` if it names none, which no client accepts.
    #[must_use]
    pub fn snapshot(&self) -> Option<&RoleMeta> {
        self.meta.get(&RoleName::snapshot())
    }
}
