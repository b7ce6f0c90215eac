//! Where a signature comes from. A key is loaded by whoever may hold it and handed down as a
//! [`Signer`]; nothing below this folder ever sees a secret.

pub mod agent;
mod cost;
pub mod ed25519;
pub mod file;
mod lanes;
pub mod openssh;
pub mod pem;
mod role;

use crate::model::{Key, KeyId, RoleName, Signature};

pub use ed25519::Ed25519;
pub use role::RoleKey;

/// Something that can sign.
pub trait Signer: Sync {
    /// The public key.
    fn key(&self) -> &Key;

    /// Its id.
    fn keyid(&self) -> &KeyId;

    /// The largest message that it signs, in bytes; none for any.
    fn most(&self) -> Option<usize> {
        None
    }

    /// The key that the holder of this one has for `role` ([`Key::of_role`]); none where the secret is out of reach.
    fn of_role(&self, _role: &RoleName) -> Option<RoleKey> {
        None
    }

    /// Signs `message`.
    ///
    /// # Errors
    /// If the key cannot be used right now.
    fn sign(&self, message: &[u8]) -> Result<Signature, CannotSign>;

    /// Signs each of these messages; faster than one by one where they are many, and of much the same length.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    fn sign_all(&self, messages: &[&[u8]]) -> Result<Vec<Signature>, CannotSign> {
        messages.iter().map(|message| self.sign(message)).collect()
    }
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
