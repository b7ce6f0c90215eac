//! Digests: SHA-256 as a type of its own, and the `hashes` object of TUF metadata.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// A SHA-256 digest, 32 bytes; shown as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256([u8; 32]);

/// The text is not 64 lower-case hex digits.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a SHA-256 digest (64 lower-case hex digits)")]
pub struct NotADigest(String);

impl Sha256 {
    /// The digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// A digest computed elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        hex::encode_to_slice(self.0, &mut digits).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sha256({self})")
    }
}

impl FromStr for Sha256 {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let refused = || NotADigest(text.to_owned());
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(refused());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| refused())?;
        Ok(Self(bytes))
    }
}

impl Serialize for Sha256 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The `hashes` of a target or of a metadata file (TUF 1.0.34 section 4.5), by algorithm name.
///
/// What we write holds `sha256` alone; what others wrote may hold more, kept as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hashes(BTreeMap<String, String>);

/// How a file's bytes compare with the hashes that metadata lists for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashFault {
    /// The named algorithm gives another digest.
    Differs {
        /// The algorithm, as metadata names it.
        algorithm: String,
        /// The digest that metadata lists.
        listed: String,
        /// The digest of the bytes.
        actual: String,
    },
    /// No supported client knows the algorithm; go-tuf fails on such a name.
    UnknownAlgorithm(String),
    /// There is no sha256, which tough requires.
    NoSha256,
}

impl Hashes {
    /// Just a SHA-256, which is all that we ever list (CLIENTS: go-tuf picks at random among
    /// several, and tough requires this one).
    #[must_use]
    pub fn sha256_only(digest: Sha256) -> Self {
        Self(BTreeMap::from([("sha256".to_owned(), digest.to_string())]))
    }

    /// The SHA-256, if one is listed and well formed.
    #[must_use]
    pub fn sha256(&self) -> Option<Sha256> {
        self.0.get("sha256")?.parse().ok()
    }

    /// Every well-formed digest as text, for names of hashed files (`<digest>.<name>`). Whatever else
    /// stands in hostile metadata never becomes part of a name.
    pub fn digests(&self) -> impl Iterator<Item = &str> {
        let is_hex = |digest: &&str| digest.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        self.0
            .values()
            .map(String::as_str)
            .filter(|digest| digest.len() >= 64 && digest.len() <= 128)
            .filter(is_hex)
    }

    /// Whether a SHA-512 is listed, so that a reader knows what to compute.
    #[must_use]
    pub fn wants_sha512(&self) -> bool {
        self.0.contains_key("sha512")
    }

    /// Every disagreement with the digests computed; `sha512` may be `None` where
    /// [`Hashes::wants_sha512`] is false.
    #[must_use]
    pub fn faults(&self, sha256: Sha256, sha512: Option<&str>) -> Vec<HashFault> {
        let mut faults = Vec::new();
        if !self.0.contains_key("sha256") {
            faults.push(HashFault::NoSha256);
        }
        for (algorithm, listed) in &self.0 {
            let actual = match algorithm.as_str() {
                "sha256" => sha256.to_string(),
                "sha512" => sha512.unwrap_or_default().to_owned(),
                _ => {
                    faults.push(HashFault::UnknownAlgorithm(algorithm.clone()));
                    continue;
                }
            };
            if actual != *listed {
                let (algorithm, listed) = (algorithm.clone(), listed.clone());
                faults.push(HashFault::Differs { algorithm, listed, actual });
            }
        }
        faults
    }

    /// [`Hashes::faults`] of bytes at hand.
    #[must_use]
    pub fn faults_of(&self, bytes: &[u8]) -> Vec<HashFault> {
        let sha512 = self.wants_sha512().then(|| hex::encode(sha2::Sha512::digest(bytes)));
        self.faults(Sha256::of(bytes), sha512.as_deref())
    }
}

impl fmt::Display for HashFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs { algorithm, listed, actual } => {
                write!(f, "{algorithm} is {actual}, and {listed} is listed")
            }
            Self::UnknownAlgorithm(name) => {
                write!(f, "the hash algorithm {name:?} is one that go-tuf fails on")
            }
            Self::NoSha256 => f.write_str("no sha256 is listed, which tough requires"),
        }
    }
}
