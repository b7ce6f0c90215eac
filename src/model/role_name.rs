//! The name of a role: refuses what some client trips over.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a top-level or delegated role.
///
/// Letters, digits, `.`, `-`, `_` and `+`, which work in every supported client. Never numeric
/// (tuf-js reorders integer-like keys), never beginning with a dot (it is part of a file name).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoleName(Arc<str>);

/// Why a text is no role name.
#[derive(Debug, thiserror::Error)]
#[error("{name:?} cannot be a role name: {reason}")]
pub struct NotARoleName {
    name: String,
    reason: &'static str,
}

impl RoleName {
    /// The longest name, in bytes: `<version>.<name>.json` must fit into a file name.
    pub const LONGEST: usize = 200;

    /// The four roles that `root` itself names (TUF 1.0.34 section 2.1).
    const TOP_LEVEL: [&'static str; 4] = ["root", "targets", "snapshot", "timestamp"];

    /// `root`.
    #[must_use]
    pub fn root() -> Self {
        Self("root".into())
    }
    /// `targets`.
    #[must_use]
    pub fn targets() -> Self {
        Self("targets".into())
    }
    /// `snapshot`.
    #[must_use]
    pub fn snapshot() -> Self {
        Self("snapshot".into())
    }
    /// `timestamp`.
    #[must_use]
    pub fn timestamp() -> Self {
        Self("timestamp".into())
    }
    /// `claimed`: projects that the administrators have signed over (PEP 480).
    #[must_use]
    pub fn claimed() -> Self {
        Self("claimed".into())
    }
    /// `recently-claimed`: projects whose author has a key, not yet signed over (PEP 480).
    #[must_use]
    pub fn recently_claimed() -> Self {
        Self("recently-claimed".into())
    }
    /// `unclaimed`: the list of bins (PEP 458's `bins`, PEP 480's `unclaimed`).
    #[must_use]
    pub fn unclaimed() -> Self {
        Self("unclaimed".into())
    }

    /// Whether this is `claimed`, `recently-claimed`, or a shard of one of them.
    #[must_use]
    pub fn is_list(&self) -> bool {
        [Self::claimed(), Self::recently_claimed()].iter().any(|list| self == list || self.is_shard_of(list))
    }

    /// Whether this is `claimed` or a shard of it.
    #[must_use]
    pub fn is_claimed(&self) -> bool {
        let whole = Self::claimed();
        *self == whole || self.is_shard_of(&whole)
    }

    /// Whether this is a shard of `list`, which is no shard itself: `claimed.dj` of `claimed`.
    #[must_use]
    pub fn is_shard_of(&self, list: &Self) -> bool {
        self.shard_prefix(list).is_some_and(|prefix| !prefix.is_empty())
    }

    /// What stands behind the dot in the name of a shard of `list`.
    #[must_use]
    pub fn shard_prefix(&self, list: &Self) -> Option<&str> {
        self.0.strip_prefix(list.as_str())?.strip_prefix('.')
    }

    /// The shard of this list for names that begin with `prefix`.
    ///
    /// # Errors
    /// If that is no part of a role name.
    pub fn shard(&self, prefix: &str) -> Result<Self, NotARoleName> {
        format!("{self}.{prefix}").parse()
    }

    /// Whether `name` is one.
    ///
    /// # Errors
    /// [`NotARoleName`].
    pub fn check(name: &str) -> Result<(), NotARoleName> {
        let refused = |reason| Err(NotARoleName { name: name.to_owned(), reason });
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b".-_+".contains(&b);
        if name.is_empty() {
            refused("it is empty")
        } else if name.len() > Self::LONGEST {
            refused("it is longer than 200 bytes, and its file name would not fit")
        } else if !name.bytes().all(allowed) {
            refused("only letters, digits, '.', '-', '_' and '+' work in every client")
        } else if name.starts_with('.') {
            refused("it begins with a dot")
        } else if name.bytes().all(|b| b.is_ascii_digit()) {
            refused("it is a number, which tuf-js would reorder")
        } else {
            Ok(())
        }
    }

    /// Whether `root` itself names this role.
    #[must_use]
    pub fn is_top_level(&self) -> bool {
        Self::TOP_LEVEL.contains(&self.as_str())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoleName {
    type Err = NotARoleName;

    fn from_str(name: &str) -> Result<Self, NotARoleName> {
        Self::check(name).map(|()| Self(name.into()))
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RoleName({})", self.0)
    }
}

impl Serialize for RoleName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RoleName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_trip_a_client_are_refused() {
        for name in ["bin-0a3", "project.requests.alice", "claimed.dj", "registry.npmjs.org", "a+b_c"] {
            assert!(name.parse::<RoleName>().is_ok(), "{name}");
        }
        for name in ["", "a/b", "12", "..", ".x", "a b", "é", "a%20", "a\nb"] {
            assert!(name.parse::<RoleName>().is_err(), "{name}");
        }
    }
}
