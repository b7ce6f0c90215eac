//! A key pair in memory, of whichever kind its file holds.

use super::ed25519::NoRandomness;
use super::{CannotSign, Ed25519, P256, RoleKey, Signer};
use crate::model::{Key, KeyId, RoleName, Signature};

/// A kind of key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Ed25519: the quickest, and the one from which a key for each role follows.
    #[default]
    Ed25519,
    /// P-256: for who must.
    P256,
}

/// A key pair.
#[derive(Debug)]
pub enum KeyPair {
    /// An Ed25519 one.
    Ed25519(Ed25519),
    /// A P-256 one.
    P256(P256),
}

impl KeyPair {
    /// A new one.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate(kind: Kind) -> Result<Self, NoRandomness> {
        Ok(match kind {
            Kind::Ed25519 => Self::Ed25519(Ed25519::generate()?),
            Kind::P256 => Self::P256(P256::generate()?),
        })
    }

    fn signer(&self) -> &dyn Signer {
        match self {
            Self::Ed25519(key) => key,
            Self::P256(key) => key,
        }
    }
}

impl From<Ed25519> for KeyPair {
    fn from(key: Ed25519) -> Self {
        Self::Ed25519(key)
    }
}

impl From<P256> for KeyPair {
    fn from(key: P256) -> Self {
        Self::P256(key)
    }
}

impl Signer for KeyPair {
    fn key(&self) -> &Key {
        self.signer().key()
    }

    fn keyid(&self) -> &KeyId {
        self.signer().keyid()
    }

    fn of_role(&self, role: &RoleName) -> Option<RoleKey> {
        self.signer().of_role(role)
    }

    fn answer(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        self.signer().answer(message)
    }

    fn sign_all(&self, messages: &[&[u8]]) -> Result<Vec<Signature>, CannotSign> {
        self.signer().sign_all(messages)
    }
}
