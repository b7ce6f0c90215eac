//! What every kind of metadata has in common.

use super::{Moment, RoleName, Version, canonical};
use serde::Deserialize;
use serde::Serialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};

/// The version of the specification that we write: the newest that every supported client
/// accepts.
pub const SPEC_VERSION: &str = "1.0.31";

/// One kind of signed metadata.
pub trait Metadata: Serialize + DeserializeOwned {
    /// The `_type` it carries.
    const TYPE: &'static str;
    /// Its version.
    fn version(&self) -> Version;
    /// When it ends.
    fn expires(&self) -> Moment;
    /// The version of the specification it claims to follow.
    fn spec_version(&self) -> &str;

    /// Its canonical bytes.
    ///
    /// # Errors
    /// If it has none.
    fn to_canonical(&self) -> Result<Vec<u8>, canonical::Error> {
        canonical::to_canonical(self)
    }
}

macro_rules! metadata {
    ($kind:ty, $name:literal $(, $canonical:item)?) => {
        impl $crate::model::Metadata for $kind {
            const TYPE: &'static str = $name;
            fn version(&self) -> $crate::model::Version {
                self.version
            }
            fn expires(&self) -> $crate::model::Moment {
                self.expires
            }
            fn spec_version(&self) -> &str {
                &self.spec_version
            }
            $($canonical)?
        }
    };
}
pub(crate) use metadata;

/// Reads a count that a signature threshold may be: above 0 (section 4.3).
pub(crate) fn threshold<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(D::Error::custom("a threshold of 0 would accept anything")),
        threshold => Ok(threshold),
    }
}

/// The file name of a version of a role, inside the metadata base (TUF 1.0.34 section 6.2).
#[must_use]
pub fn versioned(role: &RoleName, version: Version) -> String {
    format!("{version}.{role}.json")
}

/// What a file name inside the metadata base stands for, if it has a version.
#[must_use]
pub fn parse_file_name(file_name: &str) -> Option<(Version, RoleName)> {
    let (version, role) = file_name.strip_suffix(".json")?.split_once('.')?;
    // No sign and no leading zero: one name for one version.
    if !version.bytes().all(|b| b.is_ascii_digit()) || version.starts_with('0') {
        return None;
    }
    Some((Version::new(version.parse().ok()?)?, role.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_round() {
        let role: RoleName = "project.requests.alice".parse().unwrap();
        let version = Version::new(12).unwrap();
        assert_eq!(parse_file_name(&versioned(&role, version)), Some((version, role)));
        for name in [
            "timestamp.json",
            "01.root.json",
            "0.root.json",
            "+1.root.json",
            "1.root.txt",
            "1.json",
            "root.json",
        ] {
            assert_eq!(parse_file_name(name), None, "{name}");
        }
    }
}
