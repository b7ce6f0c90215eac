//! Whether one signature is a key's over some bytes: Ed25519, ECDSA P-256 and RSA-PSS, all with
//! the encodings that TUF metadata uses (TUF 1.0.34 section 4.2).

use crate::model::Key;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, RSA_PSS_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// A holder has not signed yet (the signature is an empty string).
    #[error("not signed")]
    Missing,
    /// The signature is not hex.
    #[error("the signature is not hex")]
    NotHex,
    /// The key's type or scheme is none of the three.
    #[error("no support for keys of type {keytype:?} with scheme {scheme:?}")]
    UnknownScheme {
        /// The key's `keytype`.
        keytype: String,
        /// The key's `scheme`.
        scheme: String,
    },
    /// The public key cannot be read.
    #[error("the public key cannot be read")]
    BadKey,
    /// The signature is not this key's over these bytes.
    #[error("the signature does not match")]
    Mismatch,
}

impl SignatureFault {
    /// Whether something stands there that should hold and does not.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::NotHex | Self::Mismatch)
    }
}

/// A key whose public part has been read.
pub struct PublicKey {
    algorithm: &'static dyn VerificationAlgorithm,
    bytes: Vec<u8>,
}

impl PublicKey {
    /// Reads the public part of `key`.
    ///
    /// # Errors
    /// [`SignatureFault::UnknownScheme`] or [`SignatureFault::BadKey`].
    pub fn read(key: &Key) -> Result<Self, SignatureFault> {
        let public = key.keyval.public.as_str();
        let (algorithm, bytes): (&'static dyn VerificationAlgorithm, _) =
            match (key.keytype.as_str(), key.scheme.as_str()) {
                ("ed25519", "ed25519") => (&ED25519, hex::decode(public).ok()),
                ("ecdsa" | "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256") => {
                    // The oldest go-tuf metadata holds the bare point in hex.
                    let point =
                        if public.contains("-----BEGIN") { spki(public) } else { hex::decode(public).ok() };
                    (&ECDSA_P256_SHA256_ASN1, point)
                }
                ("rsa", "rsassa-pss-sha256") => (&RSA_PSS_2048_8192_SHA256, spki(public)),
                _ => {
                    let (keytype, scheme) = (key.keytype.clone(), key.scheme.clone());
                    return Err(SignatureFault::UnknownScheme { keytype, scheme });
                }
            };
        Ok(Self { algorithm, bytes: bytes.ok_or(SignatureFault::BadKey)? })
    }

    /// The key itself, by which two ids for one key are seen to be one.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Checks `signature` (hex) over `message`.
    ///
    /// # Errors
    /// Why it does not count.
    pub fn verify(&self, message: &[u8], signature: &str) -> Result<(), SignatureFault> {
        if signature.is_empty() {
            return Err(SignatureFault::Missing);
        }
        let signature = hex::decode(signature).map_err(|_| SignatureFault::NotHex)?;
        UnparsedPublicKey::new(self.algorithm, &self.bytes)
            .verify(message, &signature)
            .map_err(|_| SignatureFault::Mismatch)
    }
}

/// The key inside a PEM `SubjectPublicKeyInfo` (RFC 5280 section 4.1).
fn spki(pem: &str) -> Option<Vec<u8>> {
    use pkcs8::der::Decode as _;
    let (_, der) = pkcs8::Document::from_pem(pem).ok()?;
    let info = pkcs8::spki::SubjectPublicKeyInfoRef::from_der(der.as_bytes()).ok()?;
    Some(info.subject_public_key.as_bytes()?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_key_is_refused_by_name() {
        let mut key = Key::ed25519(&[7; 32]);
        assert_eq!(PublicKey::read(&key).unwrap().verify(b"x", ""), Err(SignatureFault::Missing));
        assert_eq!(PublicKey::read(&key).unwrap().verify(b"x", "zz"), Err(SignatureFault::NotHex));
        assert_eq!(PublicKey::read(&key).unwrap().verify(b"x", "00"), Err(SignatureFault::Mismatch));
        key.keyval.public = "not hex".to_owned();
        assert!(matches!(PublicKey::read(&key), Err(SignatureFault::BadKey)));
        key.scheme = "ed448".to_owned();
        assert!(matches!(PublicKey::read(&key), Err(SignatureFault::UnknownScheme { .. })));
    }
}
