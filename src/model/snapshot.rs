//! Snapshot metadata: the version of every targets role (TUF 1.0.34 section 4.4).

use super::metadata::{SPEC_VERSION, metadata};
use super::{Hashes, Moment, RoleName, Version};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one metadata file says of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleMeta {
    /// The version of the file.
    pub version: Version,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// Its digests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hashes: Option<Hashes>,
    /// Fields that we do not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl RoleMeta {
    /// Past this many bytes a role's `length` is listed: clients stop at 5,000,000 otherwise.
    pub const LENGTH_LISTED_ABOVE: u64 = 4_000_000;

    /// A file of this version and of `length` bytes, the length listed only where a client
    /// would otherwise stop reading too early (Mercury variant: hashes cost seven times the
    /// bytes, and the role's own signature already vouches for them).
    #[must_use]
    pub fn of_role(version: Version, length: u64) -> Self {
        let length = (length > Self::LENGTH_LISTED_ABOVE).then_some(length);
        Self { version, length, hashes: None, extra: BTreeMap::new() }
    }
}

/// What is listed of every targets role.
pub type Listing = BTreeMap<RoleName, RoleMeta>;

/// The signed part of `snapshot.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    #[serde(rename = "_type")]
    kind: String,
    /// The version of the specification.
    pub spec_version: String,
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
    /// Every targets role by file name, `<role>.json`.
    #[serde(with = "by_file_name")]
    pub meta: Listing,
    /// Fields that we do not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

metadata!(Snapshot, "snapshot");

impl Snapshot {
    /// A snapshot of these roles.
    #[must_use]
    pub fn new(version: Version, expires: Moment, meta: BTreeMap<RoleName, RoleMeta>) -> Self {
        Self {
            kind: "snapshot".to_owned(),
            spec_version: SPEC_VERSION.to_owned(),
            version,
            expires,
            meta,
            extra: BTreeMap::new(),
        }
    }
}

/// The file name of a role without a version, and back.
pub(crate) mod by_file_name {
    use super::{BTreeMap, RoleMeta, RoleName};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        meta: &BTreeMap<RoleName, RoleMeta>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(meta.iter().map(|(role, meta)| (format!("{role}.json"), meta)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<RoleName, RoleMeta>, D::Error> {
        let by_file = BTreeMap::<String, RoleMeta>::deserialize(deserializer)?;
        by_file
            .into_iter()
            .map(|(file, meta)| {
                let role = file
                    .strip_suffix(".json")
                    .ok_or_else(|| D::Error::custom(format!("{file:?} in meta does not end in .json")))?;
                Ok((role.parse().map_err(D::Error::custom)?, meta))
            })
            .collect()
    }
}
