//! A key of one person for one role.
//!
//! Metadata of the kind `targets` does not say which role it is of. Roles that one key signs can therefore be shown
//! for one another: `targets` itself in the place of `claimed`, to clients that have not seen `claimed` yet. So whoever
//! holds several offline roles signs each with a key of its own, which follows from the one that they keep and from
//! the role's name. Anybody can work out the public parts; the secret ones only who has the secret of the key that is
//! kept. The construction is the one of Tor's onion services (rend-spec-v3, "Key derivation overview"): the key, times
//! a number that is hashed from it and from the name. Whoever learns one of these secrets learns them all, as the
//! factor is known: they are one secret, and never lie anywhere.

use super::{Key, RoleName};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use sha2::Digest as _;

/// What is hashed begins so; no metadata does.
const DOMAIN: &[u8] = b"tuffet: the key of a role, form 1\n";

/// The factor between a key and the one that its holder has for `role`.
#[must_use]
pub fn factor(public: &[u8; 32], role: &RoleName) -> Scalar {
    let mut hasher = sha2::Sha512::new();
    hasher.update(DOMAIN);
    hasher.update(public);
    hasher.update(role.as_str());
    Scalar::from_bytes_mod_order_wide(&hasher.finalize().into())
}

impl Key {
    /// The public key that the holder of this one has for `role`; none where none follows: from keys of other kinds,
    /// and from what is no key of prime order.
    #[must_use]
    pub fn of_role(&self, role: &RoleName) -> Option<Self> {
        if self.keytype != "ed25519" || self.scheme != "ed25519" {
            return None;
        }
        let public: [u8; 32] = hex::decode(&self.keyval.public).ok()?.try_into().ok()?;
        let point = CompressedEdwardsY(public).decompress()?;
        // A point with a small part could be hidden behind a factor that takes it away.
        if point.is_small_order() || !point.is_torsion_free() {
            return None;
        }
        Some(Self::ed25519(&(point * factor(&public, role)).compress().0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_a_key_of_its_own_and_only_keys_of_prime_order_have_any() {
        // The public key of RFC 8032's first test vector.
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let key = Key::ed25519(&hex::decode(public).unwrap().try_into().unwrap());
        let of = |key: &Key, role: &str| key.of_role(&role.parse().unwrap());
        let all = ["targets", "claimed", "claimed.a", "unclaimed", "project.a"].map(|role| of(&key, role));
        let ids: std::collections::BTreeSet<_> = all.iter().flatten().map(|key| key.id().unwrap()).collect();
        assert_eq!(ids.len(), all.len());
        assert_eq!(of(&key, "claimed"), of(&key, "claimed"));
        for no_key in [[0; 32], [2; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            assert_eq!(of(&Key::ed25519(&no_key), "claimed"), None, "{no_key:?}");
        }
        let mut other = key.clone();
        other.scheme = "ecdsa-sha2-nistp256".to_owned();
        assert_eq!(of(&other, "claimed"), None);
    }

    #[test]
    fn the_key_of_a_role_never_changes() {
        let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        let key = Key::ed25519(&hex::decode(public).unwrap().try_into().unwrap());
        // Worked out in Python, with integers.
        let claimed = key.of_role(&RoleName::claimed()).unwrap();
        assert_eq!(claimed.keyval.public, "44dab0e3c30ce843c9c552a4f9e5d68ea6c06d6a51717be37afbd3d70d3430d1");
    }
}
