//! Where a signature comes from. A key is loaded by whoever may hold it and handed down as a
//! [`Signer`]; nothing below this folder ever sees a secret.

pub mod ed25519;
pub mod file;
pub mod openssh;
pub mod pem;

use crate::model::{Key, KeyId, Signature};

pub use ed25519::Ed25519;

/// Something that can sign.
pub trait Signer: Sync {
    /// The public key.
    fn key(&self) -> &Key;

    /// Its id.
    fn keyid(&self) -> &KeyId;

    /// Signs `message`.
    ///
    /// # Errors
    /// If the key cannot be used right now.
    fn sign(&self, message: &[u8]) -> Result<Signature, CannotSign>;
}

/// A key refused to sign.
#[derive(Debug, thiserror::Error)]
#[error("key {} cannot sign: {reason}", keyid.short())]
pub struct CannotSign {
    /// Which.
    pub keyid: KeyId,
    /// Why.
    pub reason: String,
}
