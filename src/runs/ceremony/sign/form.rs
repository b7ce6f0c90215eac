//! The form that a role of a ceremony has, whatever its content: what it lists is delegated by the patterns that
//! its names call for and to keys that clients can use, and nothing in it means one thing here and another there.

use super::Error;
use crate::ceremony::{Ceremony, Step};
use crate::model::delegation::every_path;
use crate::model::shards::{Reach, Shard};
use crate::model::{DelegatedRole, KeyId, Moment, ProjectRole, RoleName, project_role};
use crate::trust::claim;
use std::collections::BTreeSet;
use std::time::Duration;

/// No role of a ceremony lives longer.
const LONGEST_LIFE: Duration = Duration::from_secs(2 * 366 * 86_400);

/// Checks the form of a step.
pub(super) fn check(ceremony: &Ceremony, step: &Step, now: Moment) -> Result<(), Error> {
    let strange = |what: String| Err(Error::Strange { role: step.role.clone(), what });
    let (targets, unclaimed) = (RoleName::targets(), RoleName::unclaimed());
    if ![&targets, &unclaimed].contains(&&step.role) && !is_claimed(&step.role) {
        return strange("it is no role that a ceremony signs".to_owned());
    }
    let after = step.after.signed();
    if !step.after.is_stable() || !after.targets.is_empty() || !after.extra.is_empty() {
        return strange("it holds something that no role of a ceremony holds".to_owned());
    }
    if after.expires <= now || after.expires > now.plus(LONGEST_LIFE) {
        return strange(format!("it would end on {}", after.expires));
    }
    let Some(delegations) = &after.delegations else { return Ok(()) };
    if !delegations.extra.is_empty() || delegations.roles.iter().any(|child| !child.extra.is_empty()) {
        return strange("its delegations have fields of their own".to_owned());
    }
    let used: BTreeSet<&KeyId> = delegations.roles.iter().flat_map(|child| &child.keys.keyids).collect();
    if used.iter().any(|keyid| !delegations.keys.contains_key(*keyid)) || used.len() != delegations.keys.len()
    {
        return strange("it lists keys that it does not use, or uses ones that it does not list".to_owned());
    }
    let mut names = BTreeSet::new();
    for child in &delegations.roles {
        let different: BTreeSet<&KeyId> = child.keys.keyids.iter().collect();
        if !names.insert(&child.name) || different.len() != child.keys.keyids.len() {
            return strange(format!("it names {}, or a key of it, twice", child.name));
        }
        if child.keys.threshold as usize > different.len() {
            return strange(format!("{} keys cannot sign {}", child.keys.threshold, child.name));
        }
    }
    // The ids say nothing of what stands under them: python-tuf takes the key that is listed.
    let same_keys = || {
        let before = step.before.as_ref().and_then(|before| before.signed().delegations.as_ref());
        before.is_some_and(|before| before.keys == delegations.keys)
    };
    if [&targets, &unclaimed].contains(&&step.role) && !same_keys() {
        return strange("the keys that it lists would be others".to_owned());
    }
    if step.role == targets {
        return lists(ceremony, &delegations.roles, &strange);
    }
    if step.role == unclaimed {
        return Ok(());
    }
    for (keyid, key) in &delegations.keys {
        if let Some(what) = claim::key_fault(keyid, key) {
            return strange(what);
        }
    }
    for child in &delegations.roles {
        let Some((name, ProjectRole::Own)) = ProjectRole::parse(&child.name) else {
            return strange(format!("it would delegate to {}, which is no project", child.name));
        };
        let keys = child.keys.keyids.clone();
        if *child != project_role::delegation(child.name.clone(), &name, keys, child.keys.threshold) {
            return strange(format!("{} would speak for something else than the project", child.name));
        }
    }
    Ok(())
}

/// Whether this is `claimed` or a shard of it.
fn is_claimed(role: &RoleName) -> bool {
    let top = RoleName::claimed();
    *role == top || role.is_shard_of(&top)
}

/// What `targets` delegates to: `claimed` or its shards first, by the keys and patterns that are theirs, and the
/// two others as they are.
fn lists(
    ceremony: &Ceremony,
    children: &[DelegatedRole],
    strange: &dyn Fn(String) -> Result<(), Error>,
) -> Result<(), Error> {
    let published = ceremony.targets.signed().delegations.iter().flat_map(|d| &d.roles);
    let Some(claimed) = published.clone().find(|child| is_claimed(&child.name)) else {
        return strange("as it is published, it does not delegate to claimed".to_owned());
    };
    let others: Vec<&DelegatedRole> = published.filter(|child| !is_claimed(&child.name)).collect();
    let count = children.iter().take_while(|child| is_claimed(&child.name)).count();
    let (ours, rest) = children.split_at(count);
    if ours.is_empty() || rest.iter().collect::<Vec<_>>() != others {
        return strange(
            "it would not delegate to claimed first, then to what it delegates to now".to_owned(),
        );
    }
    for child in ours {
        let by_the_same = child.keys == claimed.keys;
        let rightly = !child.terminating && reaches(child, ours.len());
        if !by_the_same || !rightly {
            return strange(format!(
                "{} would be held by others than claimed, or for other paths",
                child.name
            ));
        }
    }
    Ok(())
}

/// Whether a list speaks for what its name says.
fn reaches(child: &DelegatedRole, lists: usize) -> bool {
    let top = RoleName::claimed();
    let Some(prefix) = child.name.shard_prefix(&top) else {
        return lists == 1 && child.paths.is_none() && child.path_hash_prefixes == Some(every_path());
    };
    let by_pattern = |reach| Shard { prefix: prefix.to_owned(), reach, names: Vec::new() }.patterns();
    let paths = child.paths.as_ref();
    child.path_hash_prefixes.is_none()
        && [Reach::Prefix, Reach::Exact].into_iter().any(|reach| paths == Some(&by_pattern(reach)))
}
