//! [`Verified`]: metadata that enough of the right keys have signed. It can be made here only.

use super::signature::{PublicKey, SignatureFault};
use crate::model::{Envelope, Key, KeyId, Metadata, RoleKeys};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

/// Metadata whose signatures reached their threshold.
///
/// That says nothing of its version or of its expiry: see [`super::judge`].
#[derive(Clone, Debug)]
pub struct Verified<T>(Envelope<T>);

impl<T: Metadata> Verified<T> {
    /// The envelope.
    #[must_use]
    pub fn envelope(&self) -> &Envelope<T> {
        &self.0
    }
}

impl<T: Metadata> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.signed()
    }
}

/// How the signatures fell short of the threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    /// How many different keys signed.
    pub valid: u32,
    /// How many must.
    pub threshold: u32,
    /// The role's keys that did not sign, each with what is wrong.
    pub without: Vec<(KeyId, SignatureFault)>,
    /// Signatures by keys that have no say here.
    pub strangers: Vec<KeyId>,
}

impl std::fmt::Display for Shortfall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of the {} signatures needed are there", self.valid, self.threshold)?;
        for (index, (keyid, fault)) in self.without.iter().enumerate() {
            write!(f, "{}key {}: {fault}", if index == 0 { " (" } else { "; " }, keyid.short())?;
        }
        if !self.without.is_empty() {
            f.write_str(")")?;
        }
        for keyid in &self.strangers {
            write!(f, "; key {} signed and has no say here", keyid.short())?;
        }
        Ok(())
    }
}

/// Whether enough of `role`'s keys signed `envelope`: different keys, not signatures or ids, are
/// counted (TUF 1.0.34 section 5.3.4: "a threshold of unique keys"). Gives the role's keys that did
/// not sign, each with what is wrong.
///
/// # Errors
/// The [`Shortfall`].
pub fn check<T: Metadata>(
    envelope: &Envelope<T>,
    keys: &BTreeMap<KeyId, Key>,
    role: &RoleKeys,
) -> Result<Vec<(KeyId, SignatureFault)>, Shortfall> {
    let mut signed: BTreeSet<Vec<u8>> = BTreeSet::new();
    let mut without = Vec::new();
    for keyid in role.keyids.iter().collect::<BTreeSet<_>>() {
        match verify_one(envelope, keys, keyid) {
            Ok(public) => {
                signed.insert(public);
            }
            Err(fault) => without.push((keyid.clone(), fault)),
        }
    }
    let valid = u32::try_from(signed.len()).unwrap_or(u32::MAX);
    // Metadata with a threshold of 0 cannot be read; nothing else is to be signed by nobody either.
    if valid >= role.threshold.max(1) {
        return Ok(without);
    }
    let strangers = envelope.signatures().iter().map(|s| &s.keyid);
    let strangers = strangers.filter(|id| !role.keyids.contains(id)).cloned().collect();
    Err(Shortfall { valid, threshold: role.threshold, without, strangers })
}

fn verify_one<T: Metadata>(
    envelope: &Envelope<T>,
    keys: &BTreeMap<KeyId, Key>,
    keyid: &KeyId,
) -> Result<Vec<u8>, SignatureFault> {
    let key = PublicKey::read(keys.get(keyid).ok_or(SignatureFault::BadKey)?)?;
    // python-tuf refuses a file with two signatures by one id; taking the first that stands
    // there is no more lenient than any client, and `judge` reports the doubling.
    let signature = envelope.signatures().iter().find(|s| s.keyid == *keyid);
    key.verify(envelope.covered(), signature.map_or("", |s| s.sig.as_str()))?;
    Ok(key.bytes().to_vec())
}

/// `envelope` as [`Verified`], if enough of `role`'s keys signed it.
///
/// # Errors
/// As [`check`].
pub fn verify<T: Metadata>(
    envelope: Envelope<T>,
    keys: &BTreeMap<KeyId, Key>,
    role: &RoleKeys,
) -> Result<Verified<T>, Shortfall> {
    check(&envelope, keys, role)?;
    Ok(Verified(envelope))
}
