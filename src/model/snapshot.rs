//! Snapshot metadata: the version of every targets role (TUF 1.0.34 section 4.4).

use super::metadata::{SPEC_VERSION, metadata};
use super::{Hashes, Moment, RoleName, Version, canonical, snapshot_file};
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

    /// Writes what is listed of `role`, if nothing but version and length is.
    pub(super) fn write_straight(&self, role: &RoleName, is_first: bool, out: &mut Vec<u8>) {
        let mut digits = itoa::Buffer::new();
        out.extend_from_slice(if is_first { b"\"" } else { b",\"" });
        out.extend_from_slice(role.as_str().as_bytes());
        out.extend_from_slice(b".json\":{");
        if let Some(length) = self.length {
            out.extend_from_slice(b"\"length\":");
            out.extend_from_slice(digits.format(length).as_bytes());
            out.push(b',');
        }
        out.extend_from_slice(b"\"version\":");
        out.extend_from_slice(digits.format(self.version.number()).as_bytes());
        out.push(b'}');
    }
}

/// Writes what stands behind the roles in a snapshot.
pub(super) fn write_tail(spec_version: &str, version: Version, out: &mut Vec<u8>) {
    out.extend_from_slice(b"},\"spec_version\":\"");
    out.extend_from_slice(spec_version.as_bytes());
    out.extend_from_slice(b"\",\"version\":");
    out.extend_from_slice(itoa::Buffer::new().format(version.number()).as_bytes());
    out.push(b'}');
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

metadata!(
    Snapshot,
    "snapshot",
    fn to_canonical(&self) -> Result<Vec<u8>, canonical::Error> {
        self.written_straight().map_or_else(|| canonical::to_canonical(self), Ok)
    }
);

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

impl Snapshot {
    /// The canonical bytes without a tree of values between, for one of a form that we make: it may list sixteen
    /// thousand bins.
    fn written_straight(&self) -> Option<Vec<u8>> {
        let is_ours = |meta: &RoleMeta| meta.hashes.is_none() && meta.extra.is_empty();
        let is_plain = |text: &str| !text.contains(['"', '\\']);
        if !self.extra.is_empty() || !is_plain(&self.spec_version) || !self.meta.values().all(is_ours) {
            return None;
        }
        let mut files: Vec<(&RoleName, &RoleMeta)> = self.meta.iter().collect();
        files.sort_by(|a, b| snapshot_file::by_file(a.0.as_str().as_bytes(), b.0.as_str().as_bytes()));
        let mut out = Vec::with_capacity(160 + 40 * files.len());
        out.extend_from_slice(b"{\"_type\":\"snapshot\",\"expires\":\"");
        out.extend_from_slice(self.expires.to_string().as_bytes());
        out.extend_from_slice(b"\",\"meta\":{");
        for (at, (role, meta)) in files.into_iter().enumerate() {
            meta.write_straight(role, at == 0, &mut out);
        }
        write_tail(&self.spec_version, self.version, &mut out);
        Some(out)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Sha256;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_straight_is_canonical(
            roles in proptest::collection::btree_map("[a-z+._-]{1,6}", (1_u64..1 << 40, any::<Option<u64>>()), 0..30),
        ) {
            let meta: Listing = roles
                .into_iter()
                .filter_map(|(name, (version, length))| {
                    let version = Version::new(version)?;
                    Some((name.parse().ok()?, RoleMeta { version, length, hashes: None, extra: BTreeMap::new() }))
                })
                .collect();
            let mut snapshot = Snapshot::new(Version::FIRST, Moment::EPOCH, meta);
            prop_assert_eq!(snapshot.written_straight().unwrap(), canonical::to_canonical(&snapshot).unwrap());
            if let Some(meta) = snapshot.meta.values_mut().next() {
                meta.hashes = Some(Hashes::sha256_only(Sha256::of(b"")));
                prop_assert!(snapshot.written_straight().is_none());
            }
        }
    }
}
