//! Keys as OpenSSH writes them: `openssh-key-v1` private keys, plain or encrypted, and the one-line
//! public form (RFC 4253 section 6.6, RFC 5656, RFC 8709). Ed25519 and P-256 make signatures that TUF knows.

use super::pem::Error;
use super::{Ed25519, KeyPair, P256, cost, p256, pem};
use crate::model::Key;
use ssh_key::private::{EcdsaKeypair, KeypairData};
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData};
use ssh_key::{Algorithm, EcdsaCurve, PrivateKey, PublicKey};
use zeroize::Zeroizing;

/// How a private key begins.
const PRIVATE: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

/// A private key that needs a passphrase.
pub struct Locked(PrivateKey);

/// A private key.
pub(super) enum Private {
    Plain(Box<KeyPair>),
    Encrypted(Box<Locked>),
}

/// Whether `text` is a private key of OpenSSH's.
pub(super) fn is_private(text: &str) -> bool {
    text.trim_start().starts_with(PRIVATE)
}

/// Reads a private key.
///
/// # Errors
/// [`Error::NotOpenSsh`], or that it is a key of another kind.
pub(super) fn private(text: &str) -> Result<Private, Error> {
    let key = PrivateKey::from_openssh(text.trim()).map_err(|_| Error::NotOpenSsh)?;
    check(&key.algorithm())?;
    if key.is_encrypted() {
        cost::of_openssh(key.kdf())?;
        return Ok(Private::Encrypted(Box::new(Locked(key))));
    }
    from_data(key.key_data()).map(|key| Private::Plain(Box::new(key)))
}

impl Locked {
    /// Opens it.
    ///
    /// # Errors
    /// [`Error::WrongPassphrase`].
    pub fn open(&self, passphrase: &str) -> Result<KeyPair, Error> {
        let plain = self.0.decrypt(passphrase).map_err(|_| Error::WrongPassphrase)?;
        from_data(plain.key_data())
    }

    /// The public part, which needs no passphrase.
    ///
    /// # Errors
    /// If it is a key of another kind.
    pub fn public(&self) -> Result<Key, Error> {
        of_data(self.0.public_key().key_data())
    }
}

/// Reads a line such as `ssh-ed25519 … comment`.
///
/// # Errors
/// [`Error::NotOpenSsh`], or that it is a key of another kind.
pub(super) fn public(line: &str) -> Result<Key, Error> {
    let key = PublicKey::from_openssh(line.trim()).map_err(|_| Error::NotOpenSsh)?;
    check(&key.algorithm())?;
    of_data(key.key_data())
}

/// The line that OpenSSH and `authorized_keys` use; none for keys of other kinds than ours.
#[must_use]
pub fn public_line(key: &Key, comment: &str) -> Option<String> {
    PublicKey::new(data(key)?, comment).to_openssh().ok()
}

/// How an ssh-agent names a public key (RFC 4253 section 6.6).
pub(super) fn blob(key: &Key) -> Option<Vec<u8>> {
    PublicKey::from(data(key)?).to_bytes().ok()
}

fn data(key: &Key) -> Option<KeyData> {
    match key.keytype.as_str() {
        "ed25519" => {
            let bytes = hex::decode(&key.keyval.public).ok()?;
            Some(KeyData::Ed25519(Ed25519PublicKey(bytes.try_into().ok()?)))
        }
        "ecdsa" => {
            let point = pem::point(&key.keyval.public)?;
            EcdsaPublicKey::from_sec1_bytes(&point).ok().map(KeyData::Ecdsa)
        }
        _ => None,
    }
}

fn check(algorithm: &Algorithm) -> Result<(), Error> {
    match algorithm {
        Algorithm::Ed25519 | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 } => Ok(()),
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => Err(Error::SecurityKey),
        other => Err(Error::OtherSshAlgorithm(other.as_str().to_owned())),
    }
}

fn from_data(data: &KeypairData) -> Result<KeyPair, Error> {
    match data {
        KeypairData::Ed25519(pair) => {
            let seed = Zeroizing::new(pair.private.to_bytes());
            Ok(Ed25519::from_seed(&seed).into())
        }
        KeypairData::Ecdsa(EcdsaKeypair::NistP256 { private, .. }) => {
            let bytes: Option<&[u8; 32]> = private.as_slice().try_into().ok();
            bytes.and_then(P256::from_secret).map(KeyPair::from).ok_or(Error::NotOpenSsh)
        }
        _ => Err(Error::NotOpenSsh),
    }
}

fn of_data(data: &KeyData) -> Result<Key, Error> {
    let key = match data {
        KeyData::Ed25519(key) => Some(Key::ed25519(&key.0)),
        KeyData::Ecdsa(key) => p256::public(key.as_sec1_bytes()),
        _ => None,
    };
    key.ok_or(Error::NotOpenSsh)
}
