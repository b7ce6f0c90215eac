//! Delegations: which role speaks for which paths, and who signs it (TUF 1.0.34 section 4.5).

use super::{Key, KeyId, RoleKeys, RoleName, TargetPath};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A shell-style pattern for target paths. `*` and `?` stand within one segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PathPattern(String);

impl PathPattern {
    /// A pattern as it stands in metadata.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.to_owned())
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it covers `path`: the same number of segments, each matched by its own.
    #[must_use]
    pub fn covers(&self, path: &TargetPath) -> bool {
        let mut patterns = self.0.split('/');
        let mut segments = path.segments();
        loop {
            match (patterns.next(), segments.next()) {
                (None, None) => return true,
                (Some(pattern), Some(segment)) if segment_matches(pattern, segment) => {}
                _ => return false,
            }
        }
    }

    /// The folders that every path it covers is in: up to the slash before the first segment that is not literal, or
    /// that is the last.
    #[must_use]
    pub fn literal_folder(&self) -> &str {
        let literal = self.0.find(['*', '?']).map_or(self.0.as_str(), |at| &self.0[..at]);
        literal.rfind('/').map_or("", |at| &self.0[..=at])
    }

    /// Whether it is made of literal segments and, in the last of them, at most one `*` at the end: what
    /// every client reads alike.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let literal = |text: &str| !text.is_empty() && !text.contains(['*', '?', '\\']);
        let (head, last) = self.0.rsplit_once('/').unwrap_or(("", &self.0));
        let last_ok = last == "*" || literal(last.strip_suffix('*').unwrap_or(last));
        self.ambiguity().is_none() && last_ok && (head.is_empty() || head.split('/').all(literal))
    }

    /// Whether it covers every path that `other` covers; both [`PathPattern::is_plain`].
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => other.0.starts_with(prefix),
            None => self == other,
        }
    }

    /// Why clients disagree about this pattern; `None` for one that all read alike (CLIENTS
    /// rule 5).
    #[must_use]
    pub fn ambiguity(&self) -> Option<&'static str> {
        if self.0.starts_with(['!', '#']) {
            Some("a leading '!' or '#' means something else to tuf-js")
        } else if self.0.contains(['{', '}', '(', ')', '[', ']']) {
            Some("braces, parentheses and brackets mean something else to one of the clients")
        } else if self.0.contains("**") {
            Some("'**' means something else to one of the clients")
        } else {
            None
        }
    }
}

/// Shell matching of one segment: `*` any run, `?` any one character.
fn segment_matches(pattern: &str, segment: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = segment.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    p = star + 1;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|&c| c == '*')
}

/// One delegated role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedRole {
    /// Its name, unique in the whole repository.
    pub name: RoleName,
    /// Who signs it.
    #[serde(flatten)]
    pub keys: DelegatedKeys,
    /// Whether a look-up that comes here ends here.
    pub terminating: bool,
    /// What it covers, by pattern; exactly one of this and the next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paths: Option<Vec<PathPattern>>,
    /// What it covers, by the first hex digits of the SHA-256 of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_hash_prefixes: Option<Vec<String>>,
    /// Fields that we do not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// The `keyids` and `threshold` of a delegation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegatedKeys {
    /// Ids of the keys.
    #[serde(deserialize_with = "super::strict::few")]
    pub keyids: Vec<KeyId>,
    /// How many different keys must sign; above 0.
    #[serde(deserialize_with = "super::metadata::threshold")]
    pub threshold: u32,
}

/// Whether a look-up that comes to a role goes on when the role does not list the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// It goes on.
    Nothing,
    /// It ends there (`terminating`).
    Search,
}

impl DelegatedRole {
    /// A role that covers paths by pattern.
    #[must_use]
    pub fn by_path(
        name: RoleName,
        keyids: Vec<KeyId>,
        threshold: u32,
        paths: Vec<PathPattern>,
        ends: Ends,
    ) -> Self {
        Self {
            name,
            keys: DelegatedKeys { keyids, threshold },
            terminating: ends == Ends::Search,
            paths: Some(paths),
            path_hash_prefixes: None,
            extra: BTreeMap::new(),
        }
    }

    /// A role that covers paths by hash prefix and does not end a look-up.
    #[must_use]
    pub fn by_hash(name: RoleName, keyids: Vec<KeyId>, threshold: u32, prefixes: Vec<String>) -> Self {
        Self {
            name,
            keys: DelegatedKeys { keyids, threshold },
            terminating: false,
            paths: None,
            path_hash_prefixes: Some(prefixes),
            extra: BTreeMap::new(),
        }
    }

    /// Whether it covers `path`; `digest` is [`TargetPath::digest`] of it, in hex.
    #[must_use]
    pub fn covers(&self, path: &TargetPath, digest: &str) -> bool {
        if let Some(prefixes) = &self.path_hash_prefixes {
            return prefixes.iter().any(|prefix| digest.starts_with(prefix.as_str()));
        }
        self.paths.iter().flatten().any(|pattern| pattern.covers(path))
    }

    /// Its keys in the form that `root` uses too.
    #[must_use]
    pub fn role_keys(&self) -> RoleKeys {
        RoleKeys::new(self.keys.keyids.clone(), self.keys.threshold)
    }
}

/// The `delegations` of a targets role, in the order in which a look-up tries them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegations {
    /// Every key that a role here names.
    pub keys: BTreeMap<KeyId, Key>,
    /// The roles, first to last.
    #[serde(default)]
    pub roles: Vec<DelegatedRole>,
    /// Fields that we do not know (`succinct_roles` of TAP 15 among them).
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// The sixteen one-digit prefixes, which together cover every path.
#[must_use]
pub fn every_path() -> Vec<String> {
    (0..16).map(|digit| format!("{digit:x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_never_crosses_a_slash() {
        let table = [
            ("packages/dj/*", "packages/dj/x.whl", true),
            ("packages/dj/*", "packages/dj-x/x.whl", false),
            ("packages/dj/*", "packages/dj/a/b", false),
            ("packages/dj*/*", "packages/django/x", true),
            ("*", "a", true),
            ("*", "a/b", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*.tar.*", "x.tar.gz", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
        ];
        for (pattern, path, expected) in table {
            let covers = PathPattern::new(pattern).covers(&path.parse().unwrap());
            assert_eq!(covers, expected, "{pattern} {path}");
        }
    }

    #[test]
    fn plain_patterns_have_one_star_and_that_at_the_end() {
        for pattern in ["packages/x/*", "packages/x/x-2.*", "packages/x/x-2.0.zip", "*"] {
            assert!(PathPattern::new(pattern).is_plain(), "{pattern}");
        }
        for pattern in
            ["packages/*/*", "packages/x/*.whl", "packages/x/a*b*", "packages//x", "", "a/?", "a/{b}"]
        {
            assert!(!PathPattern::new(pattern).is_plain(), "{pattern}");
        }
        for (one, other, includes) in [
            ("p/x/*", "p/x/a*", true),
            ("p/x/a*", "p/x/*", false),
            ("p/x/a*", "p/x/ab", true),
            ("p/x/a*", "p/x/b*", false),
            ("p/x/a", "p/x/a", true),
            ("p/x/a", "p/x/a*", false),
        ] {
            assert_eq!(PathPattern::new(one).includes(&PathPattern::new(other)), includes, "{one} {other}");
        }
    }

    #[test]
    fn patterns_that_clients_read_differently_are_named() {
        for pattern in ["!a", "#a", "a{b,c}", "a(b)", "[ab]", "a/**"] {
            assert!(PathPattern::new(pattern).ambiguity().is_some(), "{pattern}");
        }
        assert!(PathPattern::new("packages/dj*/*").ambiguity().is_none());
    }
}
