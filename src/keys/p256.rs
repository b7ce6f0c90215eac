//! A P-256 key in memory, wiped when it is dropped. It signs as RFC 6979 has it: nothing is drawn, so that two runs over
//! the same write the same bytes.

use super::ed25519::NoRandomness;
use super::{CannotSign, Signer};
use crate::model::{Key, KeyId};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::{PublicKey, SecretKey};
use zeroize::Zeroizing;

/// A P-256 key pair (FIPS 186-5), for ECDSA over SHA-256.
pub struct P256 {
    secret: SecretKey,
    signing: SigningKey,
    key: Key,
    keyid: KeyId,
}

impl P256 {
    /// A new key pair.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = Zeroizing::new([0; 32]);
        loop {
            getrandom::fill(bytes.as_mut()).map_err(NoRandomness)?;
            // Of 2^32 numbers of 256 bits one is no key.
            if let Some(key) = Self::from_secret(&bytes) {
                return Ok(key);
            }
        }
    }

    /// The key pair of a secret number, 32 bytes with the highest first; none for zero, and for what is past the
    /// order of the curve.
    #[must_use]
    pub fn from_secret(bytes: &[u8; 32]) -> Option<Self> {
        SecretKey::from_slice(bytes).ok().map(Self::of)
    }

    pub(super) fn of(secret: SecretKey) -> Self {
        let key = Key::p256(&point(&secret.public_key()));
        // A key made of two texts always has a canonical form.
        let keyid = key.id().unwrap_or_else(|_| KeyId::new(""));
        Self { signing: SigningKey::from(&secret), secret, key, keyid }
    }

    /// The secret number, for a key file.
    pub(super) fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

/// The point of a public key, uncompressed.
fn point(public: &PublicKey) -> [u8; 65] {
    let mut bytes = [0; 65];
    // A point of this curve has 65 bytes, and is not the one at infinity.
    bytes.copy_from_slice(&public.to_sec1_bytes());
    bytes
}

/// The public key at this point, in any form that SEC 1 has for one; none for what is no point of the curve.
pub(super) fn public(point_bytes: &[u8]) -> Option<Key> {
    PublicKey::from_sec1_bytes(point_bytes).ok().map(|public| Key::p256(&point(&public)))
}

/// A signature as TUF has it, DER, from its two numbers, 32 bytes each (RFC 3279 section 2.2.3).
pub(super) fn der(numbers: &[u8]) -> Option<Vec<u8>> {
    Signature::from_slice(numbers).ok().map(|signature| signature.to_der().as_bytes().to_vec())
}

impl std::fmt::Debug for P256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "P256({})", self.keyid)
    }
}

impl Signer for P256 {
    fn key(&self) -> &Key {
        &self.key
    }

    fn keyid(&self) -> &KeyId {
        &self.keyid
    }

    fn answer(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let signature: Result<Signature, _> = self.signing.try_sign(message);
        let signature =
            signature.map_err(|e| CannotSign { keyid: self.keyid.clone(), reason: e.to_string() })?;
        Ok(signature.to_der().as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_signs_what_rfc_6979_has_for_this_key() {
        // RFC 6979 appendix A.2.5, with SHA-256 and the message "sample".
        let secret = hex::decode("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
        let key = P256::from_secret(&secret.try_into().unwrap()).unwrap();
        let (r, s) = (
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        );
        let numbers = hex::decode(format!("{r}{s}")).unwrap();
        let signature = key.sign(b"sample").unwrap();
        assert_eq!(signature.sig, hex::encode(der(&numbers).unwrap()));
        assert_eq!(signature.sig, format!("3046022100{r}022100{s}"));
        assert_eq!(key.sign(b"sample").unwrap(), signature);
        assert!(!format!("{key:?}").contains("c9afa9"));
        assert!(P256::from_secret(&[0; 32]).is_none() && P256::from_secret(&[0xff; 32]).is_none());
    }

    #[test]
    fn a_point_is_one_key_in_whichever_form_it_comes() {
        let key = P256::from_secret(&[7; 32]).unwrap();
        let whole = point(&key.secret.public_key());
        let short = [&[2 + (whole[64] & 1)][..], &whole[1..33]].concat();
        assert_eq!(public(&whole).as_ref(), Some(key.key()));
        assert_eq!(public(&short).as_ref(), Some(key.key()));
        let mut other = whole;
        other[64] ^= 1;
        assert_eq!(public(&other), None, "no point of the curve");
    }
}
