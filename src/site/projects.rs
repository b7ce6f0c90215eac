//! What stands between `targets` and the authors: the lists `claimed` and `recently-claimed`, their shards,
//! and below them the projects, each with its own roles (PEP 480).

use super::chain::{self, Error, Origin};
use crate::model::{
    DelegatedRole, Delegations, Entry, Envelope, Key, KeyId, Lists, Moment, ProjectName, ProjectRole,
    RoleKeys, RoleName, TargetFile, TargetPath, Targets, Version, project_role,
};
use crate::trust::{Standing, Verified};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// A list of projects: `claimed`, `recently-claimed`, or a shard of one of them.
#[derive(Clone, Debug)]
pub struct List {
    /// The role that delegates to it.
    pub parent: RoleName,
    /// Who may sign it.
    pub keys: RoleKeys,
    /// What it says.
    pub metadata: Verified<Targets>,
}

/// A project that is not in the bins: its author signs it, or nobody does any more.
#[derive(Clone, Debug)]
pub struct Project {
    /// The list that delegates to it.
    pub list: RoleName,
    /// How it does.
    pub delegation: DelegatedRole,
    /// The keys that the delegation names.
    pub keys: BTreeMap<KeyId, Key>,
    /// The project's own role.
    pub own: Verified<Targets>,
    /// The roles that it delegates to: its pages, its members.
    pub parts: BTreeMap<ProjectRole, Verified<Targets>>,
}

impl Project {
    /// How far it has come.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::below(&self.list)
    }

    /// Whether an empty role that is not the author's stands in for it.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.own.extra.contains_key(project_role::SUSPENDS)
    }

    /// The role of it that ends first, and when.
    #[must_use]
    pub fn first_to_end(&self) -> Option<(RoleName, Moment)> {
        let ends = self.roles().map(|(role, metadata, _)| (role, metadata.expires));
        ends.min_by_key(|(_, expires)| *expires)
    }

    /// Every role of it by name, the own one first, with the keys that may sign it.
    pub fn roles(&self) -> impl Iterator<Item = (RoleName, &Verified<Targets>, RoleKeys)> {
        let own = (self.delegation.name.clone(), &self.own, self.delegation.role_keys());
        let children = self.own.delegations.iter().flat_map(|d| &d.roles);
        let parts = children.filter_map(|child| {
            let (_, part) = ProjectRole::parse(&child.name)?;
            Some((child.name.clone(), self.parts.get(&part)?, child.role_keys()))
        });
        std::iter::once(own).chain(parts)
    }

    /// Every target that one of its roles lists, with that role.
    #[must_use]
    pub fn targets(&self) -> BTreeMap<TargetPath, (RoleName, TargetFile)> {
        let mut targets = BTreeMap::new();
        for (role, metadata, _) in self.roles() {
            for (path, file) in &metadata.targets {
                targets.entry(path.clone()).or_insert_with(|| (role.clone(), file.clone()));
            }
        }
        targets
    }

    /// The same as entries; targets without a SHA-256 are left out, for no client can fetch them.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let entry = |(path, (_, file)): (TargetPath, (RoleName, TargetFile))| {
            Some(Entry { path, length: file.length, digest: file.hashes.sha256()? })
        };
        self.targets().into_iter().filter_map(entry).collect()
    }
}

/// The last roles of a suspended project that stood before; as far as their files are still there. No more than their form is
/// checked: whose signatures they have is for the caller to ask.
#[must_use]
pub fn before_suspension(
    origin: &dyn Origin,
    project: &Project,
    listing: &dyn Lists,
) -> Vec<(ProjectRole, RoleName, Envelope<Targets>)> {
    let read = |role: &RoleName, version: Version| {
        let bytes = origin.file(&super::layout::role_file(role, version), chain::LARGEST).ok()??;
        Envelope::<Targets>::parse(&bytes).ok()
    };
    let role = project.delegation.name.clone();
    let version = project.own.extra.get(project_role::SUSPENDS).and_then(serde_json::Value::as_u64);
    let Some(own) = version.and_then(Version::new).and_then(|version| read(&role, version)) else {
        return Vec::new();
    };
    let children = own.signed().delegations.iter().flat_map(|d| &d.roles).map(|child| child.name.clone());
    let parts: Vec<(ProjectRole, RoleName, Envelope<Targets>)> = children
        .filter_map(|child| {
            let (_, part) = ProjectRole::parse(&child)?;
            let last = read(&child, listing.meta(&child)?.version)?;
            Some((part, child, last))
        })
        .collect();
    std::iter::once((ProjectRole::Own, role, own)).chain(parts).collect()
}

/// A project that is still to be read.
pub(super) struct Found {
    name: ProjectName,
    list: RoleName,
    delegation: DelegatedRole,
    keys: BTreeMap<KeyId, Key>,
}

impl Found {
    /// The list that delegates to it.
    pub(super) fn list(&self) -> &RoleName {
        &self.list
    }

    /// Its name, with the delegation and the keys that this names.
    pub(super) fn into_delegation(self) -> (ProjectName, (DelegatedRole, BTreeMap<KeyId, Key>)) {
        (self.name, (self.delegation, self.keys))
    }
}

/// Reads the lists and their shards; gives them by name, and the projects that they delegate to. Where a
/// project is named, only what a look-up for its files opens is read.
pub(super) fn lists(
    origin: &dyn Origin,
    targets: &Targets,
    listing: &dyn Lists,
    only: Option<&ProjectName>,
) -> Result<(BTreeMap<RoleName, List>, Vec<Found>), Error> {
    let (mut lists, mut found) = (BTreeMap::new(), Vec::new());
    let wanted: Option<TargetPath> = only.and_then(|name| format!("packages/{name}/-").parse().ok());
    let reading = Reading { origin, listing, wanted };
    let top = targets.delegations.clone().unwrap_or_default();
    for child in top.roles.iter().filter(|child| child.name != RoleName::unclaimed()) {
        if !child.name.is_list() {
            let name = &child.name;
            return Err(Error::Shape(format!("targets delegates to {name}, which is no role of ours")));
        }
        reading.list(&RoleName::targets(), &top, child, &mut lists, &mut found)?;
    }
    let needed = RoleName::recently_claimed();
    if !lists.contains_key(&needed) {
        return Err(Error::Shape(format!("the role {needed} is not delegated")));
    }
    Ok((lists, found))
}

/// The lists of claimed projects alone, and the projects that they delegate to.
pub(super) fn claimed(
    origin: &dyn Origin,
    targets: &Targets,
    listing: &dyn Lists,
) -> Result<(BTreeMap<RoleName, List>, Vec<Found>), Error> {
    let (mut lists, mut found) = (BTreeMap::new(), Vec::new());
    let reading = Reading { origin, listing, wanted: None };
    let top = targets.delegations.clone().unwrap_or_default();
    let is_claimed = |role: &RoleName| role.is_list() && Standing::below(role) == Standing::Claimed;
    for child in top.roles.iter().filter(|child| is_claimed(&child.name)) {
        reading.list(&RoleName::targets(), &top, child, &mut lists, &mut found)?;
    }
    Ok((lists, found))
}

/// What reading the lists needs to know.
struct Reading<'a> {
    origin: &'a dyn Origin,
    listing: &'a dyn Lists,
    /// A path of the one project that is wanted.
    wanted: Option<TargetPath>,
}

impl Reading<'_> {
    fn list(
        &self,
        parent: &RoleName,
        delegations: &Delegations,
        child: &DelegatedRole,
        lists: &mut BTreeMap<RoleName, List>,
        found: &mut Vec<Found>,
    ) -> Result<(), Error> {
        let name = &child.name;
        let is_wanted = |path: &TargetPath| child.covers(path, &path.digest().to_string());
        if !self.wanted.as_ref().is_none_or(is_wanted) {
            return Ok(());
        }
        if lists.contains_key(name) {
            return Err(Error::Shape(format!("two roles delegate to {name}")));
        }
        let metadata = chain::delegated(self.origin, delegations, child, self.listing)?;
        let below = metadata.delegations.clone().unwrap_or_default();
        let (parent, keys) = (parent.clone(), child.role_keys());
        lists.insert(name.clone(), List { parent, keys, metadata });
        for grandchild in &below.roles {
            if grandchild.name.is_shard_of(name) {
                self.list(name, &below, grandchild, lists, found)?;
            } else if let Some((project, ProjectRole::Own)) = ProjectRole::parse(&grandchild.name) {
                if !project_role::is_delegation(grandchild, &project) {
                    let role = &grandchild.name;
                    return Err(Error::Shape(format!(
                        "{name} delegates to {role} otherwise than for the two folders of {project}: whoever holds the \
                         key of {name} wrote that, and tuffet did not"
                    )));
                }
                found.push(Found {
                    name: project,
                    list: name.clone(),
                    delegation: grandchild.clone(),
                    keys: keys_of(&below, grandchild),
                });
            } else {
                let other = &grandchild.name;
                return Err(Error::Shape(format!("{name} delegates to {other}, which is no project")));
            }
        }
        Ok(())
    }
}

/// The keys that a delegation names.
fn keys_of(delegations: &Delegations, child: &DelegatedRole) -> BTreeMap<KeyId, Key> {
    let named = child.keys.keyids.iter();
    named.filter_map(|id| Some((id.clone(), delegations.keys.get(id)?.clone()))).collect()
}

/// Reads the projects themselves.
pub(super) fn read(
    origin: &dyn Origin,
    listing: &dyn Lists,
    found: Vec<Found>,
) -> Result<BTreeMap<ProjectName, Project>, Error> {
    let mut projects = BTreeMap::new();
    let read = found.into_par_iter().map(|found| {
        let name = found.name.clone();
        Ok((name, project(origin, listing, found)?))
    });
    for (name, project) in read.collect::<Result<Vec<_>, Error>>()? {
        if let Some(other) = projects.insert(name.clone(), project) {
            let other: Project = other;
            return Err(Error::Shape(format!("{} and another list both delegate to {name}", other.list)));
        }
    }
    Ok(projects)
}

/// The project named so, if one of the lists delegates to it.
pub(super) fn read_one(
    origin: &dyn Origin,
    listing: &dyn Lists,
    found: Vec<Found>,
    name: &ProjectName,
) -> Result<Option<Project>, Error> {
    let found = found.into_iter().find(|found| found.name == *name);
    found.map(|found| project(origin, listing, found)).transpose()
}

fn project(origin: &dyn Origin, listing: &dyn Lists, found: Found) -> Result<Project, Error> {
    let Found { name, list, delegation, keys } = found;
    let by_list = Delegations { keys: keys.clone(), ..Delegations::default() };
    let own = chain::delegated(origin, &by_list, &delegation, listing)?;
    let mut parts = BTreeMap::new();
    let below = own.delegations.clone().unwrap_or_default();
    for child in &below.roles {
        let part = match ProjectRole::parse(&child.name) {
            Some((of, part)) if of == name && part != ProjectRole::Own => part,
            _ => {
                let (role, other) = (&delegation.name, &child.name);
                return Err(Error::Shape(format!("{role} delegates to {other}, which is no role of it")));
            }
        };
        parts.insert(part, chain::delegated(origin, &below, child, listing)?);
    }
    Ok(Project { list, delegation, keys, own, parts })
}
