//! What a ceremony changes, told from bytes alone: which projects get other holders, and which roles get other keys.

use crate::model::{Hand, Holders, KeyId, ProjectName, RoleName};
use std::collections::{BTreeMap, BTreeSet};

/// Projects with their holders, as lists of claimed projects delegate to them.
pub type Projects = BTreeMap<ProjectName, Holders>;

/// What becomes of a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// It is signed over to its author's keys.
    Claimed,
    /// Other keys take the place of those that hold it.
    Rekeyed,
    /// An empty role of the administrators' stands in for it.
    Suspended,
    /// The name is nobody's any more.
    Freed,
}

/// A project that gets other holders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name.
    pub name: ProjectName,
    /// What becomes of it.
    pub act: Act,
    /// Who holds it until now; nobody for one that no such list names.
    pub before: Option<Holders>,
    /// Who is to hold it.
    pub after: Option<Holders>,
}

/// Every project whose holders change. `admins` are those of the lists, before and after: what they hold themselves
/// is suspended.
#[must_use]
pub fn changes(before: &Projects, after: &Projects, admins: (&Hand, &Hand)) -> Vec<Change> {
    let names: BTreeSet<&ProjectName> = before.keys().chain(after.keys()).collect();
    let change = |name: &ProjectName| {
        let (old, new) = (before.get(name), after.get(name));
        let act = match (old, new) {
            (Some(old), Some(new)) if old.same(new) => return None,
            // The administrators' keys change, and with them those of what they hold.
            (Some(old), Some(new))
                if admins.0.holds_project(name, old) && admins.1.holds_project(name, new) =>
            {
                return None;
            }
            (_, Some(new)) if admins.1.holds_project(name, new) => Act::Suspended,
            (None, Some(_)) => Act::Claimed,
            (Some(_), Some(_)) => Act::Rekeyed,
            (_, None) => Act::Freed,
        };
        Some(Change { name: name.clone(), act, before: old.cloned(), after: new.cloned() })
    };
    names.into_iter().filter_map(change).collect()
}

/// A role that gets other keys, or another threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeysChange {
    /// The role.
    pub role: RoleName,
    /// Keys that come.
    pub added: Vec<KeyId>,
    /// Keys that go.
    pub removed: Vec<KeyId>,
    /// How many of how many must sign, before and after.
    pub threshold: [(u32, usize); 2],
    /// Keys that are to sign every role as they are.
    pub plain: Vec<KeyId>,
}

/// What becomes of the keys of a role, if something does.
#[must_use]
pub fn keys_change(role: &RoleName, before: &Holders, after: &Holders) -> Option<KeysChange> {
    if before.same(after) {
        return None;
    }
    // Another key under an id that was there before is a key that comes.
    let added = after.keyids.iter().filter(|id| before.keys.get(*id) != after.keys.get(*id));
    let removed = before.keyids.iter().filter(|id| !after.keyids.contains(id));
    let threshold = [before, after].map(|holders| (holders.threshold, holders.ids().len()));
    let (added, removed) = (added.cloned().collect(), removed.cloned().collect());
    Some(KeysChange { role: role.clone(), added, removed, threshold, plain: Vec::new() })
}

/// The same for a role that people hold, by the keys that they keep: one that is to sign as it is comes as much as one
/// that is new.
#[must_use]
pub fn hand_change(role: &RoleName, before: &Hand, after: &Hand) -> Option<KeysChange> {
    if before.same(after) {
        return None;
    }
    let threshold = [before, after].map(|hand| (hand.kept.threshold, hand.kept.ids().len()));
    let nothing = KeysChange {
        role: role.clone(),
        added: Vec::new(),
        removed: Vec::new(),
        threshold,
        plain: after.plain.iter().cloned().collect(),
    };
    let mut change = KeysChange {
        plain: nothing.plain.clone(),
        ..keys_change(role, &before.kept, &after.kept).unwrap_or(nothing)
    };
    let stay = after.kept.ids().intersection(&before.kept.ids()).copied().cloned().collect::<Vec<_>>();
    let turns = |id: &KeyId| before.plain.contains(id) != after.plain.contains(id);
    change.added.extend(stay.into_iter().filter(|id| turns(id)));
    Some(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;

    fn held(by: u8) -> Holders {
        let key = Key::ed25519(&[by; 32]);
        Holders::new(BTreeMap::from([(key.id().unwrap(), key)]), 1)
    }

    fn projects(all: &[(&str, u8)]) -> Projects {
        all.iter().map(|(name, by)| (ProjectName::normalise(name).unwrap(), held(*by))).collect()
    }

    #[test]
    fn what_becomes_of_each_project_follows_from_who_holds_it() {
        let before = projects(&[("a", 1), ("b", 1), ("c", 1), ("d", 8), ("e", 8), ("f", 1)]);
        let after = projects(&[("a", 1), ("b", 2), ("c", 9), ("d", 9), ("g", 1)]);
        let plain = |by: u8| Hand { plain: held(by).keyids.into_iter().collect(), kept: held(by) };
        let told = changes(&before, &after, (&plain(8), &plain(9)));
        let told: Vec<(&str, Act)> = told.iter().map(|change| (change.name.as_str(), change.act)).collect();
        assert_eq!(
            told,
            [
                ("b", Act::Rekeyed),
                ("c", Act::Suspended),
                ("e", Act::Freed),
                ("f", Act::Freed),
                ("g", Act::Claimed)
            ]
        );
    }

    #[test]
    fn keys_that_come_and_go_are_told_and_so_is_another_key_under_an_old_id() {
        let role = RoleName::targets();
        assert_eq!(keys_change(&role, &held(1), &held(1)), None);
        let other = keys_change(&role, &held(1), &held(2)).unwrap();
        assert_eq!((other.added.len(), other.removed.len(), other.threshold), (1, 1, [(1, 1), (1, 1)]));
        let mut same_id = held(1);
        same_id.keys.insert(same_id.keyids[0].clone(), Key::ed25519(&[2; 32]));
        assert_eq!(keys_change(&role, &held(1), &same_id).unwrap().added, held(1).keyids);
    }
}
