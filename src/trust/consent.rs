//! What the holders of a project say to a change of its keys: a short text that names the project, the keys that
//! are to come and the moment, signed by those that go. A signature under the project's own role would not do: the
//! old key signs every release, and none of them speaks of other keys.

use super::signature::PublicKey;
use crate::model::{Key, KeyId, Moment, ProjectName, Signature, canonical};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The consent of those who hold a project to others taking their place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// When it was given: one that is older than the keys which gave it counts for nothing.
    pub at: Moment,
    /// Signatures by the keys that go.
    pub signatures: Vec<Signature>,
}

/// What is signed.
#[derive(Serialize)]
struct Statement<'a> {
    at: Moment,
    keys: Vec<&'a KeyId>,
    project: &'a str,
    threshold: u32,
    tuffet: &'static str,
}

impl Consent {
    /// The bytes that the signatures cover: canonical JSON that no metadata looks like.
    ///
    /// # Errors
    /// Never for these types; what [`canonical::to_canonical`] gives.
    pub fn covered(
        project: &ProjectName,
        keys: &BTreeMap<KeyId, Key>,
        threshold: u32,
        at: Moment,
    ) -> Result<Vec<u8>, canonical::Error> {
        let (keys, project) = (keys.keys().collect(), project.as_str());
        canonical::to_canonical(&Statement { at, keys, project, threshold, tuffet: "rekey" })
    }

    /// Whether `threshold` of the keys that go, `by`, agreed to these that come.
    #[must_use]
    pub fn holds(
        &self,
        project: &ProjectName,
        to: (&BTreeMap<KeyId, Key>, u32),
        by: (&BTreeMap<KeyId, Key>, u32),
    ) -> bool {
        let Ok(covered) = Self::covered(project, to.0, to.1, self.at) else { return false };
        let agreed = |signature: &&Signature| {
            let key = by.0.get(&signature.keyid).and_then(|key| PublicKey::read(key).ok());
            key.is_some_and(|key| key.verify(&covered, &signature.sig).is_ok())
        };
        let different: BTreeSet<&KeyId> = self.signatures.iter().filter(agreed).map(|s| &s.keyid).collect();
        different.len() >= by.1 as usize
    }
}
