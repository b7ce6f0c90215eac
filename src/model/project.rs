//! The normalised name of a project (PEP 503).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// A project name, normalised: lower-case letters and digits, single dashes between them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(Arc<str>);

/// The text cannot be the name of a project.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not the name of a project (letters, digits, '.', '_' and '-')")]
pub struct NotAProject(String);

impl ProjectName {
    /// Normalises `name`: runs of `-`, `_` and `.` become one `-`, all in lower case.
    ///
    /// # Errors
    /// [`NotAProject`] for what PyPA's name format refuses: other characters, or no letter or
    /// digit at an end.
    pub fn normalise(name: &str) -> Result<Self, NotAProject> {
        let refused = || NotAProject(name.to_owned());
        let mut out = String::with_capacity(name.len());
        let mut separated = false;
        for c in name.chars() {
            match c {
                '-' | '_' | '.' if !out.is_empty() => separated = true,
                _ if c.is_ascii_alphanumeric() => {
                    if std::mem::take(&mut separated) {
                        out.push('-');
                    }
                    out.push(c.to_ascii_lowercase());
                }
                _ => return Err(refused()),
            }
        }
        if out.is_empty() || separated {
            return Err(refused());
        }
        Ok(Self(out.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ProjectName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProjectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let name = Self::normalise(&text).map_err(serde::de::Error::custom)?;
        if name.as_str() == text {
            Ok(name)
        } else {
            Err(serde::de::Error::custom(format!("{text:?} is not normalised: {name} is")))
        }
    }
}

impl fmt::Debug for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProjectName({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_normalise_as_pep_503_says() {
        for (name, normal) in [
            ("Zope.Interface", "zope-interface"),
            ("ruamel__yaml", "ruamel-yaml"),
            ("a-._b", "a-b"),
            ("X", "x"),
        ] {
            assert_eq!(ProjectName::normalise(name).unwrap().as_str(), normal);
        }
        for name in ["", "-", "a-", ".a", "a b", "é", "a/b"] {
            assert!(ProjectName::normalise(name).is_err(), "{name}");
        }
    }
}
