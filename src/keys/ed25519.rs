//! An Ed25519 key in memory, wiped when it is dropped.

use super::lanes::Lanes;
use super::{CannotSign, RoleKey, Signer, batch};
use crate::model::{Key, KeyId, RoleName, Signature};
use ed25519_dalek::SigningKey;
use ed25519_dalek::hazmat::ExpandedSecretKey;
use zeroize::Zeroizing;

/// An Ed25519 key pair (RFC 8032).
pub struct Ed25519 {
    secret: SigningKey,
    key: Key,
    keyid: KeyId,
}

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the system gave no random bytes: {0}")]
pub struct NoRandomness(pub(super) getrandom::Error);

impl Ed25519 {
    /// The key pair of a 32-byte seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let secret = SigningKey::from_bytes(seed);
        let key = Key::ed25519(secret.verifying_key().as_bytes());
        // A key made of two texts always has a canonical form.
        let keyid = key.id().unwrap_or_else(|_| KeyId::new(""));
        Self { secret, key, keyid }
    }

    /// A new key pair.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut()).map_err(NoRandomness)?;
        Ok(Self::from_seed(&seed))
    }

    /// The public part, 32 bytes.
    #[must_use]
    pub fn public_bytes(&self) -> [u8; 32] {
        self.secret.verifying_key().to_bytes()
    }

    fn alone(&self, message: &[u8]) -> [u8; 64] {
        ed25519_dalek::Signer::sign(&self.secret, message).to_bytes()
    }

    /// The seed, for a key file.
    pub(super) fn seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.secret.to_bytes())
    }
}

impl std::fmt::Debug for Ed25519 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ed25519({})", self.keyid)
    }
}

impl Signer for Ed25519 {
    fn key(&self) -> &Key {
        &self.key
    }

    fn keyid(&self) -> &KeyId {
        &self.keyid
    }

    fn of_role(&self, role: &RoleName) -> Option<RoleKey> {
        RoleKey::of(&self.secret, &self.key, role)
    }

    fn answer(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        Ok(self.alone(message).to_vec())
    }

    fn sign_all(&self, messages: &[&[u8]]) -> Result<Vec<Signature>, CannotSign> {
        let public = self.public_bytes();
        let signatures: Vec<[u8; 64]> = match Lanes::for_all(messages) {
            Some(lanes) => lanes.sign(&ExpandedSecretKey::from(&self.secret.to_bytes()), &public, messages),
            None => messages.iter().map(|message| self.alone(message)).collect(),
        };
        match batch::all_hold(&public, messages, &signatures) {
            Some(true) => {}
            Some(false) => return Err(CannotSign::wrong(&self.keyid)),
            // Without randomness each is checked by itself.
            None => return messages.iter().map(|message| self.sign(message)).collect(),
        }
        Ok(signatures.iter().map(|signature| Signature::new(self.keyid.clone(), signature)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_shows_its_secret() {
        let key = Ed25519::from_seed(&[7; 32]);
        let shown = format!("{key:?}");
        assert!(!shown.contains(&hex::encode([7; 32])), "{shown}");
        assert!(!shown.contains("7, 7, 7"), "{shown}");
    }
}
