//! Keys as OpenSSH writes them: `openssh-key-v1` private keys, plain or encrypted, and the one-line
//! public form (RFC 4253 section 6.6, RFC 8709). Only Ed25519 makes the plain signatures that TUF needs.

use super::pem::Error;
use super::{Ed25519, cost};
use crate::model::Key;
use ssh_key::private::KeypairData;
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, PrivateKey, PublicKey};
use zeroize::Zeroizing;

/// How a private key begins.
const PRIVATE: &str = "-----BEGIN OPENSSH PRIVATE KEY-----";

/// A private key that needs a passphrase.
pub struct Locked(PrivateKey);

/// A private key.
pub(super) enum Private {
    Plain(Box<Ed25519>),
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
    pub fn open(&self, passphrase: &str) -> Result<Ed25519, Error> {
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

/// Reads a line `ssh-ed25519 … comment`.
///
/// # Errors
/// [`Error::NotOpenSsh`], or that it is a key of another kind.
pub(super) fn public(line: &str) -> Result<Key, Error> {
    let key = PublicKey::from_openssh(line.trim()).map_err(|_| Error::NotOpenSsh)?;
    check(&key.algorithm())?;
    of_data(key.key_data())
}

/// The line that OpenSSH and `authorized_keys` use.
#[must_use]
pub fn public_line(key: &Ed25519, comment: &str) -> String {
    let data = KeyData::Ed25519(ssh_key::public::Ed25519PublicKey(key.public_bytes()));
    // A key of 32 bytes always has a line.
    PublicKey::new(data, comment).to_openssh().unwrap_or_default()
}

fn check(algorithm: &Algorithm) -> Result<(), Error> {
    match algorithm {
        Algorithm::Ed25519 => Ok(()),
        Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256 => Err(Error::SecurityKey),
        other => Err(Error::OtherSshAlgorithm(other.as_str().to_owned())),
    }
}

fn from_data(data: &KeypairData) -> Result<Ed25519, Error> {
    let pair = data.ed25519().ok_or(Error::NotOpenSsh)?;
    let seed = Zeroizing::new(pair.private.to_bytes());
    Ok(Ed25519::from_seed(&seed))
}

fn of_data(data: &KeyData) -> Result<Key, Error> {
    data.ed25519().map(|key| Key::ed25519(&key.0)).ok_or(Error::NotOpenSsh)
}
