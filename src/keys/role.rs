//! The secret half of a key for one role ([`Key::of_role`]), in memory, wiped when it is dropped.

use super::{CannotSign, Signer};
use crate::model::{Key, KeyId, RoleName, role_key};
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::Digest as _;

/// What is hashed into the part of the secret that makes each signature's nonce; no role of another key has it.
const DOMAIN: &[u8] = b"tuffet: the nonces of a role, form 1\n";

/// A key pair for one role.
pub struct RoleKey {
    secret: ExpandedSecretKey,
    public: VerifyingKey,
    key: Key,
    keyid: KeyId,
}

impl RoleKey {
    pub(super) fn of(secret: &SigningKey, key: &Key, role: &RoleName) -> Option<Self> {
        let kept = ExpandedSecretKey::from(secret.as_bytes());
        let mut nonces = sha2::Sha512::new();
        nonces.update(DOMAIN);
        nonces.update(kept.hash_prefix);
        nonces.update(role.as_str());
        let mut hash_prefix = [0; 32];
        hash_prefix.copy_from_slice(nonces.finalize().get(..32)?);
        let scalar = kept.scalar * role_key::factor(secret.verifying_key().as_bytes(), role);
        let of_role = ExpandedSecretKey { scalar, hash_prefix };
        let public = VerifyingKey::from(&of_role);
        // What others work out from the public half: the same, or nothing is signed with it.
        let key = key.of_role(role).filter(|key| *key == Key::ed25519(public.as_bytes()))?;
        let keyid = key.id().ok()?;
        Some(Self { secret: of_role, public, key, keyid })
    }
}

impl std::fmt::Debug for RoleKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RoleKey({})", self.keyid)
    }
}

impl Signer for RoleKey {
    fn key(&self) -> &Key {
        &self.key
    }

    fn keyid(&self) -> &KeyId {
        &self.keyid
    }

    fn answer(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        Ok(raw_sign::<sha2::Sha512>(&self.secret, message, &self.public).to_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use crate::keys::{Ed25519, Signer as _};
    use crate::model::{Key, RoleName, Signature};

    fn holds(key: &Key, message: &[u8], signature: &Signature) -> bool {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let key = ed25519_dalek::VerifyingKey::try_from(&bytes(&key.keyval.public)[..]).unwrap();
        let signature = ed25519_dalek::Signature::from_slice(&bytes(&signature.sig)).unwrap();
        key.verify_strict(message, &signature).is_ok()
    }

    #[test]
    fn a_role_is_signed_by_its_own_key_and_by_no_other_of_the_same_holder() {
        let holder = Ed25519::from_seed(&[7; 32]);
        let [claimed, unclaimed] = [RoleName::claimed(), RoleName::unclaimed()];
        let key = holder.of_role(&claimed).unwrap();
        assert_eq!(Some(key.key()), holder.key().of_role(&claimed).as_ref());
        let signature = key.sign(b"a list").unwrap();
        assert_eq!(key.sign(b"a list").unwrap(), signature, "nothing is drawn");
        assert!(holds(key.key(), b"a list", &signature));
        assert!(!holds(key.key(), b"another", &signature));
        assert!(!holds(holder.key(), b"a list", &signature));
        assert!(!holds(&holder.key().of_role(&unclaimed).unwrap(), b"a list", &signature));
        assert!(!format!("{key:?}").contains(&hex::encode([7; 32])));
    }

    #[test]
    fn keys_of_roles_follow_from_every_seed() {
        for seed in 0..=40_u8 {
            let holder = Ed25519::from_seed(&[seed; 32]);
            for role in ["claimed", "claimed.dj", "unclaimed", "project.cheese"] {
                let key = holder.of_role(&role.parse().unwrap()).unwrap();
                let signature = key.sign(&[seed]).unwrap();
                assert!(holds(key.key(), &[seed], &signature), "{role}");
            }
        }
    }
}
