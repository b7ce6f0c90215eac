//! Where a signature comes from. A key is loaded by whoever may hold it and handed down as a
//! [`Signer`]; nothing below this folder ever sees a secret, and nothing gets a signature that was not checked.

pub mod agent;
mod batch;
mod cost;
pub mod ed25519;
pub mod file;
mod lanes;
pub mod openssh;
mod p256;
mod pair;
pub mod pem;
mod remote;
mod role;
pub mod token;

use crate::model::{Key, KeyId, RoleName, Signature};
use crate::trust::signature::PublicKey;

pub use ed25519::Ed25519;
pub use p256::P256;
pub use pair::{KeyPair, Kind};
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

    /// What the signer answers when it is asked to sign `message`. Nobody has looked at it: [`Signer::sign`] does.
    ///
    /// # Errors
    /// If the key cannot be used right now.
    fn answer(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign>;

    /// Signs `message`; what comes back is a signature of this key over it, and of no other.
    ///
    /// # Errors
    /// If the key cannot be used right now, or its answer is no such signature.
    fn sign(&self, message: &[u8]) -> Result<Signature, CannotSign> {
        let signature = Signature::new(self.keyid().clone(), &self.answer(message)?);
        let is_its = PublicKey::read(self.key()).and_then(|key| key.verify(message, &signature.sig));
        is_its.map_err(|_| CannotSign::wrong(self.keyid()))?;
        Ok(signature)
    }

    /// Signs each of these messages; faster than one by one where they are many, and of much the same length.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    fn sign_all(&self, messages: &[&[u8]]) -> Result<Vec<Signature>, CannotSign> {
        messages.iter().map(|message| self.sign(message)).collect()
    }
}

/// A key refused to sign, or signed something else.
#[derive(Debug, thiserror::Error)]
#[error("key {} cannot sign: {reason}", keyid.short())]
pub struct CannotSign {
    /// Which.
    pub keyid: KeyId,
    /// Why.
    pub reason: String,
}

impl CannotSign {
    fn wrong(keyid: &KeyId) -> Self {
        let reason = "what it answered is no signature of its own over what it was asked to sign. Nothing of it was \
                      written. Its signer (this machine's memory, an ssh-agent, a token) is at fault, or holds \
                      another key than it says";
        Self { keyid: keyid.clone(), reason: reason.to_owned() }
    }
}
