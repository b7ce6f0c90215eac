//! The one form that each of the repository's own roles has, given who holds what: `init`, builds and ceremonies
//! write nothing else, and whoever signs at the safe makes the same from what was approved.

use super::delegation::{Ends, every_path};
use super::project_role::{self, SUSPENDS};
use super::shards::{Reach, Shard};
use super::{
    BinCount, DelegatedRole, Delegations, Hands, Holders, Key, KeyId, Moment, ProjectName, ProjectRole,
    RoleName, Root, Targets, Version,
};
use std::collections::BTreeMap;

/// A list of projects: the role, and the shard that it is, if `claimed` is split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListForm {
    /// The role.
    pub role: RoleName,
    /// The beginning of the names that it is for, and how it is meant; none for all names.
    pub shard: Option<(String, Reach)>,
}

impl ListForm {
    /// Whether a project of this name belongs into it.
    #[must_use]
    pub fn is_for(&self, name: &ProjectName) -> bool {
        match &self.shard {
            None => true,
            Some((prefix, Reach::Prefix)) => name.as_str().starts_with(prefix.as_str()),
            Some((prefix, Reach::Exact)) => name.as_str() == prefix,
        }
    }
}

/// The lists of claimed projects, to be asked which of them a name belongs into.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    all: Vec<ListForm>,
    by_prefix: BTreeMap<String, usize>,
}

impl Lists {
    /// Of these lists; the last one of several for one beginning counts.
    #[must_use]
    pub fn new(all: Vec<ListForm>) -> Self {
        let prefix =
            |list: &ListForm| list.shard.as_ref().map_or_else(String::new, |(prefix, _)| prefix.clone());
        let by_prefix = all.iter().enumerate().map(|(index, list)| (prefix(list), index)).collect();
        Self { all, by_prefix }
    }

    /// All of them, in their order.
    #[must_use]
    pub fn all(&self) -> &[ListForm] {
        &self.all
    }

    /// Every list that a name belongs into; one, in a tree that is well.
    pub fn of<'a>(&'a self, name: &'a ProjectName) -> impl Iterator<Item = &'a ListForm> {
        let text = name.as_str();
        let beginnings = (0..=text.len()).map(move |end| &text[..end]);
        let lists = beginnings.filter_map(|beginning| self.all.get(*self.by_prefix.get(beginning)?));
        lists.filter(move |list| list.is_for(name))
    }
}

/// Version and end of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
}

impl Edition {
    fn targets(self, delegations: Option<Delegations>) -> Targets {
        Targets::new(self.version, self.expires, BTreeMap::new(), delegations)
    }
}

/// `root`: the four top-level roles, and no key but theirs.
#[must_use]
pub fn root(edition: Edition, roles: &BTreeMap<RoleName, Holders>) -> Root {
    let keys = union(roles.values());
    let roles = roles.iter().map(|(role, holders)| (role.clone(), holders.role_keys())).collect();
    Root::new(edition.version, edition.expires, keys, roles)
}

/// `targets`: the lists of claimed projects first, then `recently-claimed`, then `unclaimed`. Shards are siblings:
/// one that was missing below `claimed` would be passed over by tough. Each role of people's has keys of its own, and
/// those that they follow from are listed beside them.
#[must_use]
pub fn top(edition: Edition, lists: &[ListForm], hands: &Hands, recently: &Holders) -> Targets {
    let by_hash = |role: RoleName, by: &Holders| {
        DelegatedRole::by_hash(role, by.keyids.clone(), by.threshold, every_path())
    };
    let list = |(form, held): (&ListForm, &Holders)| match &form.shard {
        None => by_hash(form.role.clone(), held),
        Some((prefix, reach)) => {
            let shard = Shard { prefix: prefix.clone(), reach: *reach, names: Vec::new() };
            let (keyids, patterns) = (held.keyids.clone(), shard.patterns());
            DelegatedRole::by_path(form.role.clone(), keyids, held.threshold, patterns, Ends::Nothing)
        }
    };
    let claimed: Vec<Holders> = lists.iter().map(|form| hands.claimed.of_role(&form.role)).collect();
    let unclaimed = hands.unclaimed.of_role(&RoleName::unclaimed());
    let bases = hands.claimed.bases().chain(hands.unclaimed.bases());
    let mut keys: BTreeMap<KeyId, Key> = bases.map(|(id, key)| (id.clone(), key.clone())).collect();
    keys.extend(union(claimed.iter().chain([recently, &unclaimed])));
    let others =
        [by_hash(RoleName::recently_claimed(), recently), by_hash(RoleName::unclaimed(), &unclaimed)];
    let roles = lists.iter().zip(&claimed).map(list).chain(others).collect();
    edition.targets(Some(Delegations { keys, roles, extra: BTreeMap::new() }))
}

/// The lists of claimed projects in a `targets` of this form; `None` for one of another form.
#[must_use]
pub fn lists_of(top: &Targets) -> Option<Vec<ListForm>> {
    let claimed = RoleName::claimed();
    let children = &top.delegations.as_ref()?.roles;
    let mut lists = Vec::new();
    for child in children.iter().take(children.len().saturating_sub(2)) {
        let shard = match child.name.shard_prefix(&claimed) {
            None if child.name == claimed => None,
            None => return None,
            Some(prefix) => {
                let patterns =
                    |reach| Shard { prefix: prefix.to_owned(), reach, names: Vec::new() }.patterns();
                let is = |reach: &Reach| child.paths.as_ref() == Some(&patterns(*reach));
                let reach = [Reach::Prefix, Reach::Exact].into_iter().find(is)?;
                Some((prefix.to_owned(), reach))
            }
        };
        lists.push(ListForm { role: child.name.clone(), shard });
    }
    Some(lists)
}

/// A list: each project's delegation, in the order of their names.
#[must_use]
pub fn list(edition: Edition, projects: &BTreeMap<ProjectName, Holders>) -> Targets {
    edition.targets(delegations(projects))
}

/// The delegations of a list; none for one of no projects.
#[must_use]
pub fn delegations(projects: &BTreeMap<ProjectName, Holders>) -> Option<Delegations> {
    let roles = projects.iter().filter_map(|(name, holders)| {
        // Whatever stands in a list has a name that fits.
        let role = ProjectRole::Own.of(name)?;
        Some(project_role::delegation(role, name, holders.keyids.clone(), holders.threshold))
    });
    let roles: Vec<DelegatedRole> = roles.collect();
    let keys = union(projects.values());
    (!roles.is_empty()).then_some(Delegations { keys, roles, extra: BTreeMap::new() })
}

/// The projects that a list of this form delegates to.
#[must_use]
pub fn projects_of(list: &Targets) -> BTreeMap<ProjectName, Holders> {
    let none = Delegations::default();
    let delegations = list.delegations.as_ref().unwrap_or(&none);
    let own = delegations.roles.iter().filter_map(|child| match ProjectRole::parse(&child.name)? {
        (name, ProjectRole::Own) => Some((name, Holders::of_child(child, delegations))),
        _ => None,
    });
    own.collect()
}

/// `unclaimed`: the bins.
#[must_use]
pub fn bins(edition: Edition, count: BinCount, online: &Holders) -> Targets {
    let bin = |index| {
        let (role, prefixes) = (count.role(index), count.prefixes(index));
        DelegatedRole::by_hash(role, online.keyids.clone(), online.threshold, prefixes)
    };
    let roles = (0..count.get()).map(bin).collect();
    edition.targets(Some(Delegations { keys: online.keys.clone(), roles, extra: BTreeMap::new() }))
}

/// The empty role that stands in for a project's: it says which version of the author's it stands for.
#[must_use]
pub fn stand_in(edition: Edition, suspends: u64) -> Targets {
    let mut targets = edition.targets(None);
    targets.extra.insert(SUSPENDS.to_owned(), suspends.into());
    targets
}

/// Whether metadata has the form of this role. Nothing in it says whose it is: what one key signs for several roles,
/// `targets` or a shard, can be shown in the place of another ([`Hand::plain`](super::Hand::plain)).
#[must_use]
pub fn fits(role: &RoleName, metadata: &Targets) -> bool {
    let edition = Edition { version: metadata.version, expires: metadata.expires };
    let none = Delegations::default();
    let below = metadata.delegations.as_ref().unwrap_or(&none);
    let held = |role: &RoleName| {
        let child = below.roles.iter().find(|child| child.name == *role);
        child.map(|child| Holders::of_child(child, below)).unwrap_or_default()
    };
    let claimed = RoleName::claimed();
    if *role == RoleName::targets() {
        let Some(lists) = lists_of(metadata) else { return false };
        let recently = held(&RoleName::recently_claimed());
        top(edition, &lists, &Hands::of(metadata), &recently) == *metadata
    } else if *role == RoleName::unclaimed() {
        let count = BinCount::new(below.roles.len() as u64);
        count.is_ok_and(|count| bins(edition, count, &held(&count.role(0))) == *metadata)
    } else if role.is_claimed() {
        let projects = projects_of(metadata);
        let prefix = role.shard_prefix(&claimed).unwrap_or_default();
        let belong = projects.keys().all(|name| name.as_str().starts_with(prefix));
        belong && list(edition, &projects) == *metadata
    } else {
        true
    }
}

/// Whether metadata is an empty role that stands in for a project's.
#[must_use]
pub fn is_stand_in(metadata: &Targets) -> bool {
    let edition = Edition { version: metadata.version, expires: metadata.expires };
    let suspends = metadata.extra.get(SUSPENDS).and_then(serde_json::Value::as_u64);
    suspends.is_some_and(|suspends| stand_in(edition, suspends) == *metadata)
}

fn union<'a>(holders: impl Iterator<Item = &'a Holders>) -> BTreeMap<KeyId, Key> {
    holders.flat_map(|holders| holders.keys.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Hand;

    #[test]
    fn what_is_read_from_a_form_makes_the_same_form_again() {
        let key = Key::ed25519(&[7; 32]);
        let holders = Holders::new(BTreeMap::from([(key.id().unwrap(), key)]), 1);
        let edition = Edition { version: Version::FIRST, expires: Moment::EPOCH };
        let name = |text: &str| ProjectName::normalise(text).unwrap();
        let projects = BTreeMap::from([(name("a"), holders.clone()), (name("b-1"), holders.clone())]);
        let made = list(edition, &projects);
        assert_eq!(projects_of(&made), projects);
        assert_eq!(list(edition, &projects_of(&made)), made);
        let shard = |prefix: &str, reach| ListForm {
            role: RoleName::claimed().shard(prefix).unwrap(),
            shard: Some((prefix.to_owned(), reach)),
        };
        let whole = ListForm { role: RoleName::claimed(), shard: None };
        let hands = Hands { claimed: Hand::apart(holders.clone()), unclaimed: Hand::apart(holders.clone()) };
        for lists in [vec![whole], vec![shard("a", Reach::Prefix), shard("b", Reach::Exact)]] {
            let made = top(edition, &lists, &hands, &holders);
            assert_eq!(lists_of(&made), Some(lists));
        }
    }
}
