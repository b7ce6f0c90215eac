//! The search for a target: pre-order, depth first, in the order of the delegations (TUF 1.0.34
//! section 5.6.7).

use crate::model::{RoleName, TargetPath, Targets};
use std::collections::{BTreeMap, BTreeSet};

/// How a client's search for one target went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookup {
    /// Every role opened, in order.
    pub visited: Vec<RoleName>,
    /// The role that lists the target, if the search came to one.
    pub found: Option<RoleName>,
    /// The terminating delegation that ended the search in vain.
    pub ended_by: Option<RoleName>,
    /// A role on the way that is not there: every client stops with an error.
    pub missing: Option<RoleName>,
}

/// Searches for `path` from `targets` on, through `roles`.
#[must_use]
pub fn search(path: &TargetPath, roles: &BTreeMap<RoleName, &Targets>) -> Lookup {
    let digest = path.digest().to_string();
    let mut lookup = Lookup::default();
    let mut opened = BTreeSet::new();
    let mut waiting = vec![RoleName::targets()];
    while let Some(name) = waiting.pop() {
        if !opened.insert(name.clone()) {
            continue;
        }
        let Some(role) = roles.get(&name) else {
            lookup.missing = Some(name);
            return lookup;
        };
        lookup.visited.push(name.clone());
        if role.targets.contains_key(path) {
            lookup.found = Some(name);
            return lookup;
        }
        let mut children = Vec::new();
        for child in role.delegations.iter().flat_map(|d| &d.roles) {
            if child.covers(path, &digest) {
                children.push(child.name.clone());
                if child.terminating {
                    lookup.ended_by = Some(child.name.clone());
                    waiting.clear();
                    break;
                }
            }
        }
        waiting.extend(children.into_iter().rev());
    }
    lookup
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delegation::every_path;
    use crate::model::{DelegatedRole, Delegations, Moment, Sha256, TargetFile, Version};

    fn role(files: &[&str], children: &[(&str, bool)]) -> Targets {
        let file = TargetFile::new(0, Sha256::of(b""));
        let files = files.iter().map(|path| (path.parse().unwrap(), file.clone())).collect();
        let roles = children.iter().map(|(name, terminating)| {
            let mut child = DelegatedRole::by_hash(name.parse().unwrap(), vec![], 1, every_path());
            child.terminating = *terminating;
            child
        });
        let delegations = Delegations { roles: roles.collect(), ..Delegations::default() };
        Targets::new(Version::FIRST, Moment::from_unix(0).unwrap(), files, Some(delegations))
    }

    #[test]
    fn the_search_is_depth_first_and_a_terminating_role_ends_it() {
        let tree = [
            ("targets", role(&[], &[("a", false), ("b", false)])),
            ("a", role(&[], &[("c", false)])),
            ("b", role(&["x"], &[])),
            ("c", role(&["y"], &[])),
        ];
        let roles: BTreeMap<RoleName, &Targets> =
            tree.iter().map(|(name, role)| (name.parse().unwrap(), role)).collect();
        let x = search(&"x".parse().unwrap(), &roles);
        let visited: Vec<&str> = x.visited.iter().map(RoleName::as_str).collect();
        assert_eq!(visited, ["targets", "a", "c", "b"]);
        assert_eq!(x.found.unwrap().as_str(), "b");

        let stopping = role(&[], &[("c", true)]);
        let mut roles = roles;
        roles.insert("a".parse().unwrap(), &stopping);
        let x = search(&"x".parse().unwrap(), &roles);
        assert_eq!(x.found, None);
        assert_eq!(x.ended_by.unwrap().as_str(), "c");
        assert_eq!(search(&"y".parse().unwrap(), &roles).found.unwrap().as_str(), "c");
    }

    #[test]
    fn a_role_that_is_not_there_stops_the_search() {
        let targets = role(&[], &[("gone", false)]);
        let roles = BTreeMap::from([(RoleName::targets(), &targets)]);
        assert_eq!(search(&"x".parse().unwrap(), &roles).missing.unwrap().as_str(), "gone");
    }
}
