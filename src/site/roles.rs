//! The roles of a published tree in one list, each with the keys that its delegation names.

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
        let lists = [
            (RoleName::claimed(), &self.claimed),
            (RoleName::recently_claimed(), &self.recently_claimed),
            (RoleName::unclaimed(), &self.unclaimed),
        ];
        let bins = self.bins.iter().zip(0..).map(|(bin, index)| (self.bin_count.role(index), bin));
        let keys_of = |parent: &Targets, role: &RoleName| {
            let found = parent.delegations.iter().flat_map(|d| &d.roles).find(|child| child.name == *role);
            found.map_or_else(|| RoleKeys::new(Vec::new(), 1), |child| child.role_keys())
        };
        // `unclaimed` delegates to the bins in their order, so that none is searched for.
        let of_bins = self.unclaimed.delegations.iter().flat_map(|d| &d.roles).map(|child| child.role_keys());
        let lists = lists.into_iter().map(move |(role, metadata)| {
            let keys = keys_of(&self.targets, &role);
            (role, metadata, keys)
        });
        lists.chain(bins.zip(of_bins).map(|((role, metadata), keys)| (role, metadata, keys)))
    }
}

fn listed<T: Metadata>(role: RoleName, metadata: &Verified<T>, keys: RoleKeys) -> PublishedRole {
    PublishedRole { role, version: metadata.version(), expires: metadata.expires(), keys }
}
