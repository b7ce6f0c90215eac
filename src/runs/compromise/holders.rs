//! Whose keys are held: words of the command line, turned into keys.

use super::Error;
use crate::model::{Envelope, Hands, KeyId, RoleName, Targets};
use crate::site::past::Past;
use crate::site::read::Published;
use crate::trust::OnlineKeys;
use crate::trust::compromise::Holding;
use std::collections::{BTreeMap, BTreeSet};

/// So many digits of an id at least.
const DIGITS: usize = 8;

/// What was asked for.
pub(super) struct Asked {
    keys: BTreeSet<KeyId>,
    /// What may be the beginnings of ids.
    beginnings: Vec<String>,
}

impl Asked {
    /// What stands in metadata that names one of these keys.
    pub(super) fn texts(&self) -> BTreeSet<String> {
        let hex = self.beginnings.iter().filter(|text| is_beginning(text)).cloned();
        self.keys.iter().map(|key| key.as_str().to_owned()).chain(hex).collect()
    }
}

fn is_beginning(text: &str) -> bool {
    (DIGITS..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// `online` and the names of roles that are published; the rest is left for [`found`].
pub(super) fn asked(words: &[String], published: &Published) -> Asked {
    let roles: BTreeMap<RoleName, Vec<KeyId>> =
        published.roles().into_iter().map(|role| (role.role, role.keys.keyids)).collect();
    let mut asked = Asked { keys: BTreeSet::new(), beginnings: Vec::new() };
    for word in words.iter().map(|word| word.trim()) {
        let keys = word.parse::<RoleName>().ok().and_then(|role| roles.get(&role));
        match keys {
            _ if word == "online" => asked.keys.extend(OnlineKeys::of(&published.root).iter().cloned()),
            Some(keys) => asked.keys.extend(keys.iter().cloned()),
            None => asked.beginnings.push(word.to_ascii_lowercase()),
        }
    }
    asked
}

/// The roles that `targets` delegates to.
fn children(top: &Targets) -> Vec<RoleName> {
    top.delegations.iter().flat_map(|below| &below.roles).map(|child| child.name.clone()).collect()
}

/// The keys that are held.
pub(super) fn found(asked: Asked, published: &Published, past: &Past) -> Result<Holding, Error> {
    let named = published.roles().into_iter().flat_map(|role| role.keys.keyids);
    let known: BTreeSet<KeyId> = named.chain(past.keys.iter().cloned()).collect();
    let mut keys = asked.keys;
    for text in asked.beginnings {
        let fitting: Vec<&KeyId> =
            known.iter().filter(|key| is_beginning(&text) && key.as_str().starts_with(&text)).collect();
        match fitting[..] {
            [key] => _ = keys.insert(key.clone()),
            [] => return Err(Error::Nobody(text)),
            _ => return Err(Error::Several(text, fitting.len())),
        }
    }
    // Keys for single roles follow from the ones that people keep, in every `targets` that is about.
    let tops = past.roles.get(&RoleName::targets()).into_iter().flatten().map(Envelope::signed);
    let tops: Vec<(Hands, Vec<RoleName>)> = tops
        .chain([published.targets.envelope().signed()])
        .map(|top| (Hands::of(top), children(top)))
        .collect();
    let suspended = published.projects.values().filter(|project| project.is_suspended());
    let stand_ins: Vec<RoleName> = suspended.map(|project| project.delegation.name.clone()).collect();
    let hands = tops.iter().flat_map(|(hands, roles)| {
        let roles = [&roles[..], &stand_ins].concat();
        [(&hands.claimed, roles.clone()), (&hands.unclaimed, roles)]
    });
    Ok(Holding::new(keys).with_roles(hands))
}
