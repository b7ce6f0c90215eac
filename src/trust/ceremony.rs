//! What a role that is about to be signed changes, told from its bytes and those of its predecessor alone.

use crate::model::{DelegatedRole, KeyId, ProjectName, ProjectRole, RoleName, Targets};
use std::collections::BTreeMap;

/// Who holds a delegated role, and what it speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The keys.
    pub keys: Vec<KeyId>,
    /// How many of them must sign.
    pub threshold: u32,
    /// Patterns or hash prefixes.
    pub paths: Vec<String>,
    /// Whether a look-up ends there.
    pub terminating: bool,
}

impl Held {
    fn of(child: &DelegatedRole) -> Self {
        let patterns = child.paths.iter().flatten().map(|pattern| pattern.as_str().to_owned());
        let prefixes = child.path_hash_prefixes.iter().flatten().cloned();
        let mut keys = child.keys.keyids.clone();
        keys.sort();
        Self {
            keys,
            threshold: child.keys.threshold,
            paths: patterns.chain(prefixes).collect(),
            terminating: child.terminating,
        }
    }
}

/// What becomes of one delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added(RoleName, Held),
    /// It is no more.
    Removed(RoleName, Held),
    /// Its keys, its threshold or its paths are others.
    Changed(RoleName, Held, Held),
    /// The delegations come in another order, which decides whose word counts first.
    Reordered,
    /// The files that the role itself lists are others; no role of a ceremony lists any.
    Files,
    /// Something else is.
    Other(&'static str),
}

/// Everything that `after` changes; `before` is none for a role that never was.
#[must_use]
pub fn changes(before: Option<&Targets>, after: &Targets) -> Vec<Change> {
    let held = |targets: &Targets| -> BTreeMap<RoleName, Held> {
        let children = targets.delegations.iter().flat_map(|d| &d.roles);
        children.map(|child| (child.name.clone(), Held::of(child))).collect()
    };
    let (old, new) = (before.map(held).unwrap_or_default(), held(after));
    let mut changes = Vec::new();
    for (role, held) in &new {
        match old.get(role) {
            None => changes.push(Change::Added(role.clone(), held.clone())),
            Some(other) if other != held => {
                changes.push(Change::Changed(role.clone(), other.clone(), held.clone()));
            }
            Some(_) => {}
        }
    }
    let gone = old.iter().filter(|(role, _)| !new.contains_key(*role));
    changes.extend(gone.map(|(role, held)| Change::Removed(role.clone(), held.clone())));
    let order = |targets: &Targets, among: &BTreeMap<RoleName, Held>| -> Vec<RoleName> {
        let children = targets.delegations.iter().flat_map(|d| &d.roles).map(|child| child.name.clone());
        children.filter(|name| among.contains_key(name)).collect()
    };
    if before.is_some_and(|before| order(before, &new) != order(after, &old)) {
        changes.push(Change::Reordered);
    }
    let children = after.delegations.iter().flat_map(|d| &d.roles).count();
    if children != new.len() {
        changes.push(Change::Other("it delegates to one role twice"));
    }
    let nothing = BTreeMap::new();
    if after.targets != *before.map_or(&nothing, |before| &before.targets) {
        changes.push(Change::Files);
    }
    let none = BTreeMap::new();
    if after.extra != *before.map_or(&none, |before| &before.extra) {
        changes.push(Change::Other("it has other fields beside those that the specification names"));
    }
    changes
}

/// The project of a change, if it is one.
#[must_use]
pub fn project_of(role: &RoleName) -> Option<ProjectName> {
    match ProjectRole::parse(role)? {
        (project, ProjectRole::Own) => Some(project),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Delegations, Moment, Version, project_role};

    fn list(projects: &[(&str, &str)]) -> Targets {
        let roles = projects.iter().map(|(name, key)| {
            let project = ProjectName::normalise(name).unwrap();
            let role = ProjectRole::Own.of(&project).unwrap();
            project_role::delegation(role, &project, vec![KeyId::new(key)], 1)
        });
        let delegations = Delegations { roles: roles.collect(), ..Delegations::default() };
        Targets::new(Version::FIRST, Moment::EPOCH, BTreeMap::new(), Some(delegations))
    }

    #[test]
    fn what_is_added_taken_away_or_given_another_key_is_told_from_the_bytes() {
        let before = list(&[("a", "1"), ("b", "1"), ("c", "1")]);
        assert_eq!(changes(Some(&before), &before), []);
        let after = list(&[("a", "1"), ("c", "2"), ("d", "1")]);
        let told = changes(Some(&before), &after);
        let names: Vec<String> = told
            .iter()
            .map(|change| match change {
                Change::Added(role, _) => format!("+{role}"),
                Change::Removed(role, _) => format!("-{role}"),
                Change::Changed(role, ..) => format!("~{role}"),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(names, ["~project.c", "+project.d", "-project.b"]);
        let swapped = list(&[("b", "1"), ("a", "1"), ("c", "1")]);
        assert_eq!(changes(Some(&before), &swapped), [Change::Reordered]);
    }
}
