//! Whose keys hold the project, before and after: what the submission carries, what is published, and what the
//! operator decided.

use super::{Binding, Published};
use crate::model::{Key, KeyId};
use crate::submission::{self, Claim, Refusal, Submission};
use std::collections::{BTreeMap, BTreeSet};

/// The keys that hold the project, how many must sign, and the claim where that changes something.
pub(super) type Holders = (BTreeMap<KeyId, Key>, u32, Option<Claim>);

pub(super) fn holders(
    submission: &Submission,
    published: &Published<'_>,
    binding: Binding<'_>,
) -> Result<Holders, Refusal> {
    let refuse = |what: String, way_out| Err(Refusal::new("registration", submission::KEYS, what, way_out));
    let name = &submission.project;
    let as_published = published.project.filter(|project| !project.is_suspended());
    match (binding, &submission.claim, as_published) {
        (Binding::AsPublished, Some(claim), Some(project))
            if claim.keys != project.keys || claim.threshold != project.delegation.keys.threshold =>
        {
            refuse(
                format!("{name} is held by {}, and the ZIP carries others", ids(project.keys.keys())),
                "a change of keys is for the operator: `tuffet project rekey`",
            )
        }
        (Binding::AsPublished, _, Some(project)) => {
            Ok((project.keys.clone(), project.delegation.keys.threshold, None))
        }
        (Binding::AsPublished, Some(claim), None) => refuse(
            format!("nobody registered {} for {name}", ids(claim.keys.keys())),
            "the operator decides whose key it is: --register NAME=KEYID for each key",
        ),
        (_, None, _) => refuse(
            format!("it carries no public key that could be registered for {name}"),
            "sign with --register, so that the ZIP carries the keys",
        ),
        (Binding::Registered(expected), Some(claim), _) => {
            let carried: BTreeSet<&KeyId> = claim.keys.keys().collect();
            if carried != expected.iter().collect() {
                return refuse(
                    format!(
                        "--register names {}, and the ZIP carries {}",
                        ids(expected.iter()),
                        ids(claim.keys.keys())
                    ),
                    "compare the key ids with the author, on another way than the ZIP came",
                );
            }
            Ok((claim.keys.clone(), claim.threshold, Some(claim.clone())))
        }
    }
}

fn ids<'a>(ids: impl Iterator<Item = &'a KeyId>) -> String {
    let ids: Vec<&str> = ids.map(KeyId::as_str).collect();
    if ids.is_empty() { "no key".to_owned() } else { format!("key {}", ids.join(", ")) }
}
