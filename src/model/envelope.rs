//! The envelope of signed metadata: signatures, and the exact bytes that they cover.

use super::canonical;
use super::strict::{self, Strict};
use super::{KeyId, Metadata};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One signature (TUF 1.0.34 section 4.2): hex, or empty where a holder has not signed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Whose it is.
    pub keyid: KeyId,
    /// The signature in hex.
    pub sig: String,
    /// Fields that we do not know.
    #[serde(flatten)]
    pub extra: BTreeMap<String, Value>,
}

impl Signature {
    /// A signature made just now.
    #[must_use]
    pub fn new(keyid: KeyId, bytes: &[u8]) -> Self {
        Self { keyid, sig: hex::encode(bytes), extra: BTreeMap::new() }
    }
}

/// Signed metadata as read, or ready to be written.
///
/// The bytes that were signed are kept beside their meaning and are never produced again.
#[derive(Clone, Debug)]
pub struct Envelope<T> {
    signed: T,
    signatures: Vec<Signature>,
    covered: Vec<u8>,
    expires: String,
}

/// Why bytes are no envelope of this kind of metadata.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not JSON, or not of the shape.
    #[error("it does not have the shape of {kind} metadata: {source}")]
    Shape {
        /// The `_type` that was expected.
        kind: &'static str,
        /// What the parser says.
        source: serde_json::Error,
    },
    /// It would take far more memory than its bytes.
    #[error(transparent)]
    Dense(#[from] strict::Dense),
    /// It is no text.
    #[error("it is no UTF-8, which JSON is (RFC 8259 section 8.1): {0}")]
    Utf8(#[from] std::str::Utf8Error),
    /// Another kind of metadata.
    #[error("its _type is {found:?}, not {expected:?}")]
    Type {
        /// What stands there.
        found: String,
        /// What was expected.
        expected: &'static str,
    },
    /// It has no canonical form, so that no signature can cover it.
    #[error("it has no canonical form: {0}")]
    Canonical(#[from] canonical::Error),
}

#[derive(Deserialize)]
struct Raw {
    signatures: Strict,
    signed: Strict,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Signatures(#[serde(deserialize_with = "strict::few")] Vec<Signature>);

impl<T: Metadata> Envelope<T> {
    /// Reads an envelope; nothing is verified.
    ///
    /// # Errors
    /// [`Error`], if the bytes are no JSON, say something twice, are not of the shape, or of another `_type`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        // What is passed over would not be looked at.
        std::str::from_utf8(bytes)?;
        strict::check_density(bytes)?;
        if let Some(envelope) = Self::parse_canonical(bytes) {
            return Ok(envelope);
        }
        let shape = |source| Error::Shape { kind: T::TYPE, source };
        let Raw { signatures: Strict(signatures), signed: Strict(raw) } =
            serde_json::from_slice(bytes).map_err(shape)?;
        let found = raw.get("_type").and_then(Value::as_str).unwrap_or_default();
        if found != T::TYPE {
            return Err(Error::Type { found: found.to_owned(), expected: T::TYPE });
        }
        let Signatures(signatures) = serde_json::from_value(signatures).map_err(shape)?;
        let covered = canonical::value_to_canonical(&raw)?;
        let expires = raw.get("expires").and_then(Value::as_str).unwrap_or_default().to_owned();
        let signed = serde_json::from_value(raw).map_err(shape)?;
        Ok(Self { signed, signatures, covered, expires })
    }

    /// The same of metadata that is written in its canonical form already, as ours always is: no tree of values is made
    /// of it. `None` for any other, and wherever something is wrong.
    fn parse_canonical(bytes: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Written<'a> {
            #[serde(borrow)]
            signatures: &'a RawValue,
            #[serde(borrow)]
            signed: &'a RawValue,
        }
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(borrow)]
            _type: Cow<'a, str>,
            #[serde(borrow)]
            expires: Cow<'a, str>,
        }
        let written: Written<'_> = serde_json::from_slice(bytes).ok()?;
        let text = written.signed.get();
        // What is canonical names no member twice.
        let signatures = written.signatures.get();
        if !canonical::is_canonical(text.as_bytes()) || !canonical::is_canonical(signatures.as_bytes()) {
            return None;
        }
        let head: Head<'_> = serde_json::from_str(text).ok()?;
        if head._type != T::TYPE {
            return None;
        }
        let signed = serde_json::from_str(text).ok()?;
        let Signatures(signatures) = serde_json::from_str(signatures).ok()?;
        let (covered, expires) = (text.as_bytes().to_vec(), head.expires.into_owned());
        Some(Self { signed, signatures, covered, expires })
    }

    /// An envelope around metadata that `sign` signs: it is given the canonical bytes.
    ///
    /// # Errors
    /// Whatever `sign` returns, or that the metadata has no canonical form.
    pub fn seal<E: From<canonical::Error>>(
        signed: T,
        sign: impl FnOnce(&[u8]) -> Result<Vec<Signature>, E>,
    ) -> Result<Self, E> {
        let covered = signed.to_canonical()?;
        let signatures = sign(&covered)?;
        let expires = signed.expires().to_string();
        Ok(Self { signed, signatures, covered, expires })
    }

    /// The same with one more signature, in place of an older one by that key.
    #[must_use]
    pub fn with_signature(mut self, signature: Signature) -> Self {
        self.signatures.retain(|other| other.keyid != signature.keyid);
        self.signatures.push(signature);
        self
    }

    /// The same with no signature.
    #[must_use]
    pub fn without_signatures(mut self) -> Self {
        self.signatures.clear();
        self
    }

    /// Whether what was understood of it is all that was signed: clients that write metadata again before they
    /// check it (tough, python-tuf) get the same bytes then.
    #[must_use]
    pub fn is_stable(&self) -> bool {
        canonical::to_canonical(&self.signed).is_ok_and(|again| again == self.covered)
    }

    /// The metadata.
    #[must_use]
    pub fn signed(&self) -> &T {
        &self.signed
    }

    /// The metadata, by value.
    #[must_use]
    pub fn into_signed(self) -> T {
        self.signed
    }

    /// The signatures, in the order of the file.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// `expires` as it is written: [`Metadata::expires`] understands more than every client does.
    #[must_use]
    pub fn expires_text(&self) -> &str {
        &self.expires
    }

    /// The bytes that the signatures cover.
    #[must_use]
    pub fn covered(&self) -> &[u8] {
        &self.covered
    }

    /// The file: canonical JSON, with the very bytes that were signed inside it; but control characters, which
    /// canonical JSON writes as they are and no reader of JSON takes so, are escaped.
    ///
    /// # Errors
    /// If an unknown field of a signature has no canonical form.
    pub fn to_bytes(&self) -> Result<Vec<u8>, canonical::Error> {
        file(&self.signatures, &self.covered)
    }
}

/// The file of metadata that these cover: the bytes themselves, but for control characters, which canonical JSON leaves
/// as they are and JSON does not know. Public keys in PEM have such, the ends of their lines.
///
/// # Errors
/// If an unknown field of a signature has no canonical form.
pub fn file(signatures: &[Signature], covered: &[u8]) -> Result<Vec<u8>, canonical::Error> {
    let signatures = canonical::to_canonical(signatures)?;
    let mut out = Vec::with_capacity(signatures.len() + covered.len() + 32);
    out.extend_from_slice(b"{\"signatures\":");
    put(&signatures, &mut out);
    out.extend_from_slice(b",\"signed\":");
    put(covered, &mut out);
    out.push(b'}');
    Ok(out)
}

/// Appends canonical JSON as JSON: in nothing but its texts can there be a control character.
fn put(canonical: &[u8], out: &mut Vec<u8>) {
    if canonical.iter().all(|byte| *byte >= b' ') {
        return out.extend_from_slice(canonical);
    }
    for byte in canonical {
        match byte {
            0..b' ' => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Targets, Version};

    #[test]
    fn unknown_fields_survive_a_round_trip() {
        let file = br#"{"signatures":[{"keyid":"ab","sig":"00","x-note":"kept"}],"signed":{"_type":"targets",
            "expires":"2030-01-01T00:00:00Z","spec_version":"1.0.31","version":7,"x-new":{"a":[1,2]},
            "targets":{"a/b":{"length":3,"custom":{"k":"v"},"hashes":{"sha256":"00"}}},
            "delegations":{"keys":{},"roles":[],"x-more":true}}}"#;
        let envelope = Envelope::<Targets>::parse(file).unwrap();
        let again = Envelope::<Targets>::parse(&envelope.to_bytes().unwrap()).unwrap();
        assert_eq!(envelope.signed(), again.signed());
        assert_eq!(envelope.covered(), again.covered());
        assert_eq!(canonical::to_canonical(envelope.signed()).unwrap(), envelope.covered());
        assert_eq!(envelope.signed().version, Version::new(7).unwrap());
    }

    #[test]
    fn a_key_in_pem_has_lines_and_survives_being_written() {
        let file = br#"{"signatures":[],"signed":{"_type":"targets","expires":"2030-01-01T00:00:00Z",
            "spec_version":"1.0.31","version":7,"targets":{},"x-pem":"-----BEGIN\n\u0000\"\\-----\n"}}"#;
        let envelope = Envelope::<Targets>::parse(file).unwrap();
        assert!(envelope.covered().contains(&b'\n'));
        let again = Envelope::<Targets>::parse(&envelope.to_bytes().unwrap()).unwrap();
        assert_eq!((again.covered(), again.signed()), (envelope.covered(), envelope.signed()));
    }

    #[test]
    fn another_kind_is_refused() {
        let file = br#"{"signatures":[],"signed":{"_type":"root"}}"#;
        assert!(matches!(Envelope::<Targets>::parse(file), Err(Error::Type { .. })));
    }
}
