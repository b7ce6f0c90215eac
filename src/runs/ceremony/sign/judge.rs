//! Which changes of a ceremony its signer agrees to: what the ledger has known for long, what those agreed to who hold
//! a project until now, and what the signer says.

use super::chain::Before;
use super::{Confirmed, Custodian, Error, Known, Project, Said};
use crate::ceremony::{Ceremony, Ledger};
use crate::model::forms::{self, Lists};
use crate::model::{Hand, Hands, Holders, KeyId, Moment, ProjectName, ProjectRole, RoleName, Root, Targets};
use crate::runs::ceremony::Turn;
use crate::trust::ceremony::{self as judge, Act, Change, KeysChange, Projects};
use crate::trust::claim;
use std::collections::BTreeSet;

/// Every project whose holders change, judged. The ledger learns which keys it has seen.
pub(super) fn projects(
    (ceremony, identity): (&Ceremony, &str),
    before: &Before,
    after: &Projects,
    ledger: &mut Ledger,
    confirmed: &Confirmed,
    now: Moment,
) -> Result<Vec<Project>, Error> {
    let (old, new) = (admins(ceremony.targets.signed()), admins(ceremony.top()));
    if !old.same(&new) {
        // What the administrators hold themselves goes to those who come.
        let left = before.projects.iter().find(|(name, held)| {
            old.holds_project(name, held) && after.get(*name).is_some_and(|after| after.same(held))
        });
        if let Some((name, _)) = left {
            return Err(strange(name, "it would stay with the administrators who go".to_owned()));
        }
    }
    let lists = Lists::new(forms::lists_of(ceremony.top()).unwrap_or_default());
    // What such a key signed for the index could be shown for the project.
    let root = ceremony.root.iter().chain(ceremony.roots.last()).map(|root| &root.signed().keys);
    let below = [ceremony.targets.signed(), ceremony.top()].into_iter().flat_map(|top| &top.delegations);
    let own: Vec<_> = root.chain(below.map(|below| &below.keys)).collect();
    let is_own = |id: &KeyId| own.iter().any(|keys| keys.contains_key(id));
    // Whether the lists of this ceremony are the ones that would name a project.
    let is_touched = |name: &ProjectName| lists.of(name).any(|list| ceremony.step(&list.role).is_some());
    let mut all = Vec::new();
    for change in judge::changes(&before.projects, after, (&old, &new)) {
        let by_author = matches!(change.act, Act::Claimed | Act::Rekeyed);
        if let Some(what) = change.after.as_ref().filter(|_| by_author).and_then(fault) {
            return Err(strange(&change.name, what));
        }
        let own = change.after.iter().filter(|_| by_author).flat_map(|held| held.keys.keys());
        if let Some(own) = own.into_iter().find(|id| is_own(id)) {
            let what = format!("its key {} holds a role of the index's own, too", own.short());
            return Err(strange(&change.name, what));
        }
        all.push(one(ceremony, change, &old, (ledger, identity), confirmed, now));
    }
    let was = Lists::new(forms::lists_of(ceremony.targets.signed()).unwrap_or_default());
    // What others signed since is theirs to know.
    let by_others = |name: &ProjectName| {
        before.by_others.contains(&RoleName::targets())
            || was.of(name).any(|list| before.by_others.contains(&list.role))
    };
    let mut let_go = Vec::new();
    for (name, seen) in ledger.claimed() {
        let Ok(name) = ProjectName::normalise(name) else { continue };
        let is_there = |projects: &Projects| {
            projects.get(&name).is_some_and(|held| {
                held.ids() == seen.keys.iter().collect() && held.threshold == seen.threshold
            })
        };
        if is_there(&before.projects) || !is_touched(&name) {
            continue;
        }
        // It was signed over with this ledger, and what is published does not know of it: so it is only after a
        // ceremony that was abandoned.
        let said = confirmed.projects.get(&name);
        let is_named = |held: &Holders| said.is_some_and(|said| said.means(held));
        let what = match (before.projects.get(&name), after.get(&name)) {
            (None, Some(held)) if is_there(after) || is_named(held) => continue,
            (Some(_), _) if by_others(&name) => continue,
            (Some(held), _) if is_named(held) => continue,
            // The same change of keys once more, and the signer's word for it: what is signed is what the ledger says.
            (Some(_), Some(held)) if is_there(after) && is_named(held) => continue,
            (None, None) if said == Some(&Said::Freed) => {
                let_go.push(name);
                continue;
            }
            (None, None) => format!(
                "{name} was signed over on {}, and would not be any more; if you know why, give --confirm {name}=freed",
                day(seen.since)
            ),
            (..) => format!(
                "{name} was signed over on {}, and the file gives it other keys; if you know why, give --confirm \
                 {name}=KEYID",
                day(seen.since)
            ),
        };
        return Err(Error::Ledger { role: RoleName::claimed(), what });
    }
    let_go.iter().for_each(|name| ledger.note_freed(name, now));
    Ok(all)
}

fn day(moment: Moment) -> String {
    moment.to_string().get(..10).unwrap_or_default().to_owned()
}

fn strange(name: &ProjectName, what: String) -> Error {
    Error::Strange { role: ProjectRole::Own.of(name).unwrap_or_else(RoleName::claimed), what }
}

fn one(
    ceremony: &Ceremony,
    change: Change,
    hand: &Hand,
    (ledger, identity): (&mut Ledger, &str),
    confirmed: &Confirmed,
    now: Moment,
) -> Project {
    let Change { name, act, before, after } = change;
    let said = confirmed.projects.get(&name);
    let is_admins = |held: &Holders| hand.holds_project(&name, held);
    let is_by_keys = matches!(act, Act::Claimed | Act::Rekeyed);
    let mut ids: Vec<KeyId> = after.iter().flat_map(|held| held.keyids.clone()).collect();
    ids.sort();
    let threshold = after.as_ref().map(|held| held.threshold).unwrap_or_default();
    let seen = ledger.seen(&name).cloned().filter(|_| is_by_keys);
    // A file does not become older by being looked at twice.
    let known = seen.as_ref().filter(|seen| {
        seen.keys == ids && seen.threshold == threshold && seen.file.as_deref() != Some(identity)
    });
    let since = known.map(|seen| seen.since);
    let signed_over = ledger.claimed_by(&name).filter(|_| is_by_keys).map(|seen| seen.keys.clone());
    let instead_of = match (&before, signed_over, &seen) {
        (Some(held), ..) if !is_admins(held) => Some(held.keyids.clone()),
        (None, Some(keys), _) if keys != ids => Some(keys),
        (_, _, Some(seen)) if seen.keys != ids => Some(seen.keys.clone()),
        _ => None,
    };
    // What was signed over to other keys before is no first claim.
    let is_known_otherwise = before.is_none()
        && ledger.claimed_by(&name).is_some_and(|seen| seen.keys != ids || seen.threshold != threshold);
    let consent = act == Act::Rekeyed && is_agreed(ceremony, ledger, &name, before.as_ref(), after.as_ref());
    let is_old = since.is_some_and(|since| since.plus(confirmed.older_than) <= now);
    let is_anew = before.as_ref().is_none_or(is_admins);
    let is_named = said.zip(after.as_ref()).is_some_and(|(said, held)| said.means(held));
    let approved = match act {
        Act::Claimed => is_named || !is_known_otherwise && (is_old || confirmed.all),
        // A key takes the place of another one when its holder agrees, or the signer knows better of this very
        // project. Where nobody holds it any more, its new key is as good as that of a new project.
        Act::Rekeyed => consent || is_named || is_anew && (is_old || confirmed.all),
        Act::Suspended => said == Some(&Said::Suspended) || confirmed.suspensions,
        Act::Freed => said == Some(&Said::Freed),
    };
    // A key that somebody wants in place of an author's is not made older by being refused.
    if !is_by_keys && approved {
        // Whoever held it may not have it back for having held it long.
        ledger.note_seen(&name, &[], 0, now, identity);
    }
    if is_by_keys && (is_anew || approved) {
        ledger.note_seen(&name, &ids, threshold, now, identity);
    }
    Project { name, act, before, after, since, instead_of, consent, approved }
}

/// Whether those who hold a project until now agreed to its new keys, since they hold it.
fn is_agreed(
    ceremony: &Ceremony,
    ledger: &Ledger,
    name: &ProjectName,
    before: Option<&Holders>,
    after: Option<&Holders>,
) -> bool {
    let (Some(consent), Some(before), Some(after)) = (ceremony.consents.get(name), before, after) else {
        return false;
    };
    let hold_since = ledger.claimed_by(name).filter(|seen| before.ids() == seen.keys.iter().collect());
    hold_since.is_some_and(|seen| consent.at >= seen.since)
        && consent.holds(name, (&after.keys, after.threshold), (&before.keys, before.threshold))
}

/// What is wrong with these holders of a project, if something is.
fn fault(held: &Holders) -> Option<String> {
    let sorted = held.keyids.windows(2).all(|pair| pair[0] < pair[1]);
    if sorted { holders_fault(held) } else { Some("its keys are not named in order".to_owned()) }
}

/// Who holds the lists of claimed projects, as this `targets` says.
pub(in crate::runs::ceremony) fn admins(top: &Targets) -> Hand {
    Hands::of(top).claimed
}

/// Roles whose keys change, and what of that the signer has not said to know: none of it changes without that.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The changes.
    pub changes: Vec<KeysChange>,
    /// What of it the signer has not said to know.
    pub unknown: BTreeSet<(Custodian, Known)>,
}

/// Every role whose keys change.
pub(super) fn keys(ceremony: &Ceremony, root: &Root, confirmed: &Confirmed) -> Result<Keys, Error> {
    let new_root = ceremony.root.as_ref().map_or(root, |root| root.signed());
    let mut all = Vec::new();
    for role in [RoleName::root(), RoleName::timestamp(), RoleName::snapshot(), RoleName::targets()] {
        let (before, after) = (Holders::of_top(root, &role), Holders::of_top(new_root, &role));
        all.push((role, before, after));
    }
    let below = |targets: &Targets, role: &RoleName| {
        let delegations = targets.delegations.as_ref()?;
        let child = delegations.roles.iter().find(|child| child.name == *role)?;
        Some(Holders::of_child(child, delegations))
    };
    let (before, after) = (ceremony.targets.signed(), ceremony.top());
    let recently = RoleName::recently_claimed();
    let [old, new] = [before, after].map(|targets| below(targets, &recently).unwrap_or_default());
    all.push((recently, old, new));
    if let Some(step) = ceremony.step(&RoleName::unclaimed()) {
        let bin = |targets: &Targets| {
            let delegations = targets.delegations.as_ref()?;
            Some((
                delegations.roles.first()?.name.clone(),
                Holders::of_child(delegations.roles.first()?, delegations),
            ))
        };
        let after = bin(step.after.signed());
        let before = step.before.as_ref().and_then(|before| bin(before.signed()));
        if let (Some((_, old)), Some((role, new))) = (before, after) {
            all.push((role, old, new));
        }
    }
    let [was, is] = [before, after].map(Hands::of);
    let hands = [
        (RoleName::claimed(), was.claimed, is.claimed),
        (RoleName::unclaimed(), was.unclaimed, is.unclaimed),
    ];
    let of_all =
        all.iter().map(|(role, before, after)| (role, judge::keys_change(role, before, after), after));
    let of_hands = hands
        .iter()
        .map(|(role, before, after)| (role, judge::hand_change(role, before, after), &after.kept));
    let mut changes: Vec<KeysChange> = Vec::new();
    for (role, change, after) in of_all.chain(of_hands) {
        // Keys that are named twice are the same keys, and clients refuse them.
        if let Some(what) = holders_fault(after) {
            return Err(Error::Strange { role: role.clone(), what });
        }
        changes.extend(change);
    }
    all.extend(hands.into_iter().map(|(role, before, after)| (role, before.kept, after.kept)));
    let is_online = |role: &RoleName| {
        [RoleName::timestamp(), RoleName::snapshot(), RoleName::recently_claimed()].contains(role)
            || role.as_str().starts_with("bin-")
    };
    let of = |online: bool| -> BTreeSet<&KeyId> {
        all.iter()
            .filter(|(role, ..)| is_online(role) == online)
            .flat_map(|(.., after)| after.ids())
            .collect()
    };
    // Whoever takes the machine over would hold both.
    if let Some(both) = of(true).intersection(&of(false)).next() {
        let what = format!("key {} would hold roles of the machine's and of people", both.short());
        return Err(Error::Strange { role: RoleName::root(), what });
    }
    let mut unknown = BTreeSet::new();
    for change in &changes {
        let whose = Custodian::of(&change.role);
        unknown.extend(change.added.iter().map(|id| {
            // What it signs so can be shown for another role: that is another thing to know.
            let is_plain = change.plain.contains(id);
            let id = id.clone();
            (whose, if is_plain { Known::AsItIs(id) } else { Known::Key(Turn::Comes, id) })
        }));
        // That a person's key goes is as much to be known as that one comes.
        if whose != Custodian::Online {
            unknown.extend(change.removed.iter().map(|id| (whose, Known::Key(Turn::Goes, id.clone()))));
        }
        let [(before, _), (after, _)] = change.threshold;
        unknown.extend((before != after).then_some((whose, Known::Threshold(after))));
    }
    unknown.retain(|one| !confirmed.known.contains(one));
    Ok(Keys { unknown, changes })
}

/// What is wrong with these holders of a role, if something is.
pub(super) fn holders_fault(held: &Holders) -> Option<String> {
    if held.keyids.is_empty() || held.ids().len() != held.keyids.len() || held.keys.len() != held.keyids.len()
    {
        return Some("its keys are not named once each".to_owned());
    }
    if held.threshold == 0 || held.threshold as usize > held.keyids.len() {
        return Some(format!("{} of {} keys cannot sign it", held.threshold, held.keyids.len()));
    }
    held.keys.iter().find_map(|(keyid, key)| claim::key_fault(keyid, key))
}
