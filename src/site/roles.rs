//! The roles of a published tree in one list, each with the keys that its delegation names.

use super::projects::Project;
use super::read::Published;
use crate::model::{Metadata, Moment, RoleKeys, RoleName, Targets, Version};
use crate::trust::Verified;

/// A published role.
#[derive(Clone, Debug)]
pub struct PublishedRole {
    /// Its name.
    pub role: RoleName,
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
    /// Who may sign it.
    pub keys: RoleKeys,
}

impl Published {
    /// Every role, in the order in which trust flows: root, targets and what it delegates to, the
    /// bins, snapshot, timestamp.
    #[must_use]
    pub fn roles(&self) -> Vec<PublishedRole> {
        let mut roles =
            vec![self.top(RoleName::root(), &self.root), self.top(RoleName::targets(), &self.targets)];
        roles.extend(self.delegated().map(|(role, metadata, keys)| listed(role, metadata, keys)));
        roles.push(self.top(RoleName::snapshot(), &self.snapshot));
        roles.push(self.top(RoleName::timestamp(), &self.timestamp));
        roles
    }

    /// Every targets role by name: what a search for a target goes through.
    pub fn targets_roles(&self) -> impl Iterator<Item = (RoleName, &Targets)> {
        let top: &Targets = &self.targets;
        let delegated = self.delegated().map(|(role, metadata, _)| (role, &**metadata));
        std::iter::once((RoleName::targets(), top)).chain(delegated)
    }

    fn top<T: Metadata>(&self, role: RoleName, metadata: &Verified<T>) -> PublishedRole {
        // A role that was verified has keys that root names.
        let keys = self.root.role(&role).cloned().unwrap_or_else(|| RoleKeys::new(Vec::new(), 1));
        listed(role, metadata, keys)
    }

    fn delegated(&self) -> impl Iterator<Item = (RoleName, &Verified<Targets>, RoleKeys)> {
        let lists = self.lists.iter().map(|(role, list)| (role.clone(), &list.metadata, list.keys.clone()));
        let projects = self.projects.values().flat_map(Project::roles);
        let parents = self.targets.delegations.iter().flat_map(|d| &d.roles);
        let unclaimed = parents.filter(|child| child.name == RoleName::unclaimed());
        let unclaimed = unclaimed.map(|child| (child.name.clone(), &self.unclaimed, child.role_keys()));
        // `unclaimed` delegates to the bins in their order, so that none is searched for.
        let bins = self.unclaimed.delegations.iter().flat_map(|d| &d.roles).zip(&self.bins);
        let bins = bins.map(|(child, bin)| (child.name.clone(), bin, child.role_keys()));
        lists.chain(projects).chain(unclaimed).chain(bins)
    }
}

fn listed<T: Metadata>(role: RoleName, metadata: &Verified<T>, keys: RoleKeys) -> PublishedRole {
    PublishedRole { role, version: metadata.version(), expires: metadata.expires(), keys }
}
