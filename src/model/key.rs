//! Public keys and their ids (TUF 1.0.34 section 4.2).

use super::canonical;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// The id of a key: the SHA-256 of the key's canonical JSON, in hex. Foreign metadata may use
/// another; see [`Key::id`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(Arc<str>);

impl KeyId {
    /// An id as it stands in metadata.
    #[must_use]
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// An id as a person gives it: all 64 digits, in lower-case hex; none for anything else.
    #[must_use]
    pub fn given(text: &str) -> Option<Self> {
        let is_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 64 && text.bytes().all(is_hex)).then(|| Self::new(text))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight characters, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

/// What stands before the point in the `SubjectPublicKeyInfo` of a P-256 key: id-ecPublicKey, secp256r1, and a bit string.
const P256_INFO: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The value of a key; `public` is hex for Ed25519 and PEM for the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// The public part.
    pub public: String,
    /// Fields that we do not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// The kind of key: `ed25519`, `ecdsa`, `rsa`.
    pub keytype: String,
    /// How it signs: `ed25519`, `ecdsa-sha2-nistp256`, `rsassa-pss-sha256`.
    pub scheme: String,
    /// The key itself.
    pub keyval: KeyValue,
    /// Fields that we do not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Key {
    /// An Ed25519 key from its 32 public bytes.
    #[must_use]
    pub fn ed25519(public: &[u8; 32]) -> Self {
        let keyval = KeyValue { public: hex::encode(public), extra: BTreeMap::new() };
        Self { keytype: "ed25519".to_owned(), scheme: "ed25519".to_owned(), keyval, extra: BTreeMap::new() }
    }

    /// A P-256 key from its point, uncompressed as SEC 1 has it: `SubjectPublicKeyInfo` in PEM, in the words that
    /// python-tuf and tough take (RFC 5480 section 2).
    #[must_use]
    pub fn p256(point: &[u8; 65]) -> Self {
        let der = pkcs8::Document::try_from([&P256_INFO[..], point].concat());
        // These bytes around a point are always a sequence.
        let pem = der.ok().and_then(|der| der.to_pem("PUBLIC KEY", pkcs8::LineEnding::LF).ok());
        let keyval = KeyValue { public: pem.unwrap_or_default(), extra: BTreeMap::new() };
        let (keytype, scheme) = ("ecdsa".to_owned(), "ecdsa-sha2-nistp256".to_owned());
        Self { keytype, scheme, keyval, extra: BTreeMap::new() }
    }

    /// The id that the specification gives this key (section 4.2: the SHA-256 of its canonical
    /// form). tough refuses metadata that lists it under any other.
    ///
    /// # Errors
    /// If an unknown field has no canonical form.
    pub fn id(&self) -> Result<KeyId, canonical::Error> {
        let digest = super::Sha256::of(&canonical::to_canonical(self)?);
        Ok(KeyId(digest.to_string().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_hash_of_the_canonical_form() {
        // Key and id from theupdateframework/specification's companion data in tough's tests.
        let key: Key = serde_json::from_str(
            r#"{"keyid_hash_algorithms":["sha256","sha512"],"keytype":"ed25519",
                "keyval":{"public":"fcf224e55fa226056adf113ef1eb3d55e308b75b321c8c8316999d8c4fd9e0d9"},
                "scheme":"ed25519"}"#,
        )
        .unwrap();
        let expected = "c8022fa1e9b9cb239a6b362bbdffa9649e61ad2cb699d2e4bc4fdf7930a0e64a";
        assert_eq!(key.id().unwrap().as_str(), expected);
    }
}
