//! The path of a target, relative to the targets base: refuses what some client cannot fetch.

use super::hash::Sha256;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use unicode_normalization::is_nfc;

/// A target path: one or more segments joined by `/`, as every supported client can ask for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetPath(Arc<str>);

/// Why a text is no target path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct NotATargetPath {
    /// The rule broken, as the end of a sentence.
    pub reason: &'static str,
}

/// First segments that the site needs for itself.
const OURS: [&str; 2] = ["metadata", "simple"];

/// How the names begin that a run gives to what it needs for itself at the top of a site.
const OF_RUNS: &str = ".tuffet-";

/// The target of a file that is no distribution: its own path, where no client and no folder of ours stands in the way.
///
/// # Errors
/// Why it is none, as a sentence without its end.
pub fn of_file(path: &str) -> Result<TargetPath, String> {
    check_file(path).map(|()| TargetPath(path.into()))
}

/// Whether [`of_file`] gives a target.
///
/// # Errors
/// As there.
pub fn check_file(path: &str) -> Result<(), String> {
    let first = path.split('/').next().unwrap_or(path);
    if OURS.contains(&first) {
        return Err("the site needs the folders metadata/ and simple/ for itself".to_owned());
    }
    if first.starts_with(OF_RUNS) {
        return Err(format!("names that begin with {OF_RUNS} are for what a run needs for itself"));
    }
    if path.split('/').any(looks_hashed) {
        return Err("a name in it begins as the hashed copies do (64 hex digits and a dot)".to_owned());
    }
    if path.split('/').any(|segment| segment.len() > TargetPath::LONGEST_NAME) {
        return Err("a name in it is longer than 181 bytes".to_owned());
    }
    TargetPath::check(path).map_err(|e| e.to_string())
}

impl TargetPath {
    /// The longest last segment: with `<sha256>.` before it and `.metadata` after it, it must
    /// still be a file name of 255 bytes.
    pub const LONGEST_NAME: usize = 255 - 65 - ".metadata".len();

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments in order; at least one, none empty.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The folder part, `""` if there is none, and the file name.
    #[must_use]
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// Where a client with consistent snapshots fetches it: `dir/<digest>.file` (TUF 1.0.34
    /// section 6.2).
    #[must_use]
    pub fn hashed(&self, digest: &str) -> String {
        match self.split() {
            ("", name) => format!("{digest}.{name}"),
            (folder, name) => format!("{folder}/{digest}.{name}"),
        }
    }

    /// Where stock tough fetches it: `<digest>.dir/file`.
    #[must_use]
    pub fn tough_alias(&self, digest: &str) -> String {
        format!("{digest}.{}", self.0)
    }

    /// The shorter paths that must not be targets beside this one: tough sorts the members of an
    /// object by their quoted form, so that a name and the same name followed by a space or `!`
    /// (the only characters we allow that come before the quote) change places, and it refuses
    /// the signature of a role that lists both.
    pub fn rivals(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices([' ', '!']).map(|(at, _)| &self.0[..at])
    }

    /// The SHA-256 of the path, by which it falls into a bin (TUF 1.0.34 section 4.5,
    /// `path_hash_prefixes`).
    #[must_use]
    pub fn digest(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }
}

/// Whether a file name begins as the hashed copies that TUF clients fetch do.
#[must_use]
pub fn looks_hashed(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() > 64 && bytes[64] == b'.' && bytes[..64].iter().all(u8::is_ascii_hexdigit)
}

impl TargetPath {
    /// Whether `path` could be one; millions are asked, so that nothing is allocated.
    ///
    /// # Errors
    /// [`NotATargetPath`].
    pub fn check(path: &str) -> Result<(), NotATargetPath> {
        let refused = |reason| Err(NotATargetPath { reason });
        if path.is_empty() {
            return refused("the path is empty");
        }
        if !path.is_ascii() {
            check_beyond_ascii(path)?;
        }
        let mut seen = Class::Plain as u8;
        for byte in path.bytes() {
            seen |= CLASSES[usize::from(byte)];
        }
        if seen & Class::Control as u8 != 0 {
            return refused("it holds a control character");
        }
        if seen & Class::Url as u8 != 0 {
            return refused("'%', '#' and '?' mean something else in a URL");
        }
        if seen & Class::Backslash as u8 != 0 {
            return refused("clients take '\\' in a URL for '/'");
        }
        if seen & Class::Colon as u8 != 0 && path.split('/').next().is_some_and(|first| first.contains(':')) {
            return refused("tough takes what stands before a ':' in its first segment for a URL's scheme");
        }
        if seen & Class::Quote as u8 != 0 {
            return refused("tough sorts a name with '\"' differently and would refuse the signature");
        }
        let mut name = "";
        for segment in path.split('/') {
            if matches!(segment, "" | "." | "..") {
                return refused("it holds an empty segment, '.' or '..'");
            }
            if seen & Class::Space as u8 != 0 && segment.trim() != segment {
                return refused("a segment begins or ends with white space, which a URL loses");
            }
            name = segment;
        }
        if name.len() > Self::LONGEST_NAME {
            return refused("its name is longer than 181 bytes, and '<sha256>.' before it would not fit");
        }
        Ok(())
    }
}

/// Whether a text is a target path of the common kind: letters, digits and a few signs that mean nothing to anybody.
/// Of any other, [`TargetPath::check`] says what it is.
#[must_use]
pub fn is_plain(path: &str) -> bool {
    let mut segment = 0;
    let mut only_dots = true;
    for byte in path.bytes() {
        match byte {
            b'/' if segment == 0 || only_dots => return false,
            b'/' => {
                segment = 0;
                only_dots = true;
                continue;
            }
            b'.' => {}
            _ if PLAIN[usize::from(byte)] => only_dots = false,
            _ => return false,
        }
        segment += 1;
    }
    segment > 0 && !only_dots && segment <= TargetPath::LONGEST_NAME
}

const PLAIN: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0;
    while at < 256 {
        let byte = at as u8;
        table[at] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'+');
        at += 1;
    }
    table
};

/// What there is to look at in a byte.
#[derive(Clone, Copy)]
enum Class {
    Plain = 0,
    Control = 1,
    Url = 2,
    Backslash = 4,
    Colon = 8,
    Quote = 16,
    /// A space, or a part of what may be white space.
    Space = 32,
}

const CLASSES: [u8; 256] = {
    let mut table = [Class::Plain as u8; 256];
    let mut at = 0;
    while at < 256 {
        table[at] = match at as u8 {
            0..=31 | 127 => Class::Control,
            b'%' | b'#' | b'?' => Class::Url,
            b'\\' => Class::Backslash,
            b':' => Class::Colon,
            b'"' => Class::Quote,
            b' ' | 128.. => Class::Space,
            _ => Class::Plain,
        } as u8;
        at += 1;
    }
    table
};

/// What only characters outside ASCII can be.
fn check_beyond_ascii(path: &str) -> Result<(), NotATargetPath> {
    let refused = |reason| Err(NotATargetPath { reason });
    if path.chars().any(char::is_control) {
        return refused("it holds a control character");
    }
    if path
        .contains(|c: char| ('\u{202a}'..='\u{202e}').contains(&c) || ('\u{2066}'..='\u{2069}').contains(&c))
    {
        return refused(
            "it holds a character that turns the direction of writing, and would look like another",
        );
    }
    if !is_nfc(path) {
        return refused("it is not in Unicode normal form C, and clients would sign it differently");
    }
    Ok(())
}

impl FromStr for TargetPath {
    type Err = NotATargetPath;

    fn from_str(path: &str) -> Result<Self, NotATargetPath> {
        Self::check(path).map(|()| Self(path.into()))
    }
}

impl fmt::Display for TargetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TargetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetPath({})", self.0)
    }
}

impl Serialize for TargetPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TargetPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|e| serde::de::Error::custom(format!("target path {text:?}: {e}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn what_is_plain_is_a_target_path(path in "[a-zA-Z0-9+_.!% é/-]{0,24}") {
            if is_plain(&path) {
                proptest::prop_assert!(TargetPath::check(&path).is_ok());
                proptest::prop_assert!(path.parse::<TargetPath>().unwrap().rivals().next().is_none());
            }
        }
    }

    #[test]
    fn paths_that_no_client_can_fetch_are_refused() {
        for path in ["a", "packages/x/x-1.0+local.whl", "a b/c!", "dir/naïve.txt", "日本/語"] {
            assert!(path.parse::<TargetPath>().is_ok(), "{path}");
        }
        let long = format!("a/{}", "x".repeat(TargetPath::LONGEST_NAME + 1));
        for path in [
            "",
            "/a",
            "a/",
            "a//b",
            "a/../b",
            "./a",
            "a%20b",
            "a#b",
            "a?b",
            "a\nb",
            "a\u{7f}",
            "a\\b",
            "a:b/c",
            "a\"b",
            "nai\u{308}ve",
            " a",
            "a /b",
            &long,
        ] {
            assert!(path.parse::<TargetPath>().is_err(), "{path:?}");
        }
    }

    #[test]
    fn hashed_names_stand_beside_the_plain_ones() {
        let path: TargetPath = "packages/x/x.whl".parse().unwrap();
        assert_eq!(path.hashed("ab"), "packages/x/ab.x.whl");
        assert_eq!(path.tough_alias("ab"), "ab.packages/x/x.whl");
        let flat: TargetPath = "x.whl".parse().unwrap();
        assert_eq!(flat.hashed("ab"), "ab.x.whl");
    }

    #[test]
    fn a_name_that_tough_sorts_differently_beside_another_is_known() {
        let path: TargetPath = "a b/c!d e".parse().unwrap();
        assert_eq!(path.rivals().collect::<Vec<_>>(), ["a", "a b/c", "a b/c!d"]);
    }

    #[test]
    fn a_name_that_begins_with_a_digest_is_seen() {
        assert!(looks_hashed(&format!("{}.x", "a".repeat(64))));
        assert!(!looks_hashed(&format!("{}.x", "a".repeat(63))));
        assert!(!looks_hashed(&format!("{}-x", "a".repeat(64))));
    }
}
