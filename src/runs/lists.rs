//! `recently-claimed` and its shards: what they are to delegate to, as a value.

use crate::keys::Signer;
use crate::model::delegation::Ends;
use crate::model::shards::{self, Shard};
use crate::model::{DelegatedRole, Delegations, Key, KeyId, ProjectName, RoleName, project_role};
use crate::site::outline::Outline;
use crate::site::projects::Project;
use crate::trust::Standing;
use std::collections::BTreeMap;

/// Past this many projects a list is split: an ssh-agent signs at most 256 KiB.
pub const MOST: usize = 500;

/// A list that is split is joined again where no more than this many are left, so that it does not go to
/// and fro.
const JOINED_BELOW: usize = 250;

/// What `recently-claimed` delegates to: each project with its delegation and the keys that this names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered(BTreeMap<ProjectName, (DelegatedRole, BTreeMap<KeyId, Key>)>);

impl Registered {
    /// As it is published.
    #[must_use]
    pub fn of(published: &Outline) -> Self {
        let recently = published.projects.iter().filter(|(_, p)| p.standing() == Standing::RecentlyClaimed);
        let one = |(name, project): (&ProjectName, &Project)| {
            (name.clone(), (project.delegation.clone(), project.keys.clone()))
        };
        Self(recently.map(one).collect())
    }

    /// Delegates `project` to `keys`, whatever stood there before.
    pub fn set(&mut self, project: &ProjectName, role: RoleName, keys: BTreeMap<KeyId, Key>, threshold: u32) {
        let keyids = keys.keys().cloned().collect();
        let delegation = project_role::delegation(role, project, keyids, threshold);
        self.0.insert(project.clone(), (delegation, keys));
    }

    /// The delegations of `recently-claimed` and of each shard below it. None for one that delegates to
    /// nothing.
    #[must_use]
    pub fn roles(&self, published: &Outline, online: &dyn Signer) -> BTreeMap<RoleName, Option<Delegations>> {
        let top = RoleName::recently_claimed();
        let is_split = published.lists.keys().any(|role| role.is_shard_of(&top));
        if self.0.len() <= if is_split { JOINED_BELOW } else { MOST } {
            return BTreeMap::from([(top, self.delegations(self.0.keys()))]);
        }
        let names: Vec<ProjectName> = self.0.keys().cloned().collect();
        let mut roles = BTreeMap::new();
        let mut children = Vec::new();
        for shard in shards::shards(&names, MOST) {
            // A prefix of a project's name is always part of a role name.
            let Ok(role) = top.shard(&shard.prefix) else { continue };
            children.push(child(&role, &shard, online));
            roles.insert(role, self.delegations(shard.names.iter()));
        }
        let keys = BTreeMap::from([(online.keyid().clone(), online.key().clone())]);
        roles.insert(top, Some(Delegations { keys, roles: children, extra: BTreeMap::new() }));
        roles
    }

    /// Lets go of `project`: another list delegates to it now.
    pub fn remove(&mut self, project: &ProjectName) {
        self.0.remove(project);
    }

    /// Lets another online key hold what stands in for suspended projects.
    pub fn hand_over(&mut self, published: &Outline, online: &dyn Signer) {
        let suspended = published.projects.iter().filter(|(_, project)| project.is_suspended());
        for (name, project) in suspended.filter(|(_, p)| p.standing() == Standing::RecentlyClaimed) {
            if self.0.contains_key(name) {
                let keys = BTreeMap::from([(online.keyid().clone(), online.key().clone())]);
                self.set(name, project.delegation.name.clone(), keys, 1);
            }
        }
    }

    fn delegations<'a>(&self, names: impl Iterator<Item = &'a ProjectName>) -> Option<Delegations> {
        delegations(&self.0, names)
    }
}

/// The delegations to these projects.
fn delegations<'a>(
    all: &BTreeMap<ProjectName, (DelegatedRole, BTreeMap<KeyId, Key>)>,
    names: impl Iterator<Item = &'a ProjectName>,
) -> Option<Delegations> {
    let mut delegations = Delegations::default();
    for (delegation, keys) in names.filter_map(|name| all.get(name)) {
        delegations.roles.push(delegation.clone());
        delegations.keys.extend(keys.clone());
    }
    (!delegations.roles.is_empty()).then_some(delegations)
}

/// The delegation of a shard: a look-up that finds no project there goes on to the bins.
fn child(role: &RoleName, shard: &Shard, online: &dyn Signer) -> DelegatedRole {
    DelegatedRole::by_path(role.clone(), vec![online.keyid().clone()], 1, shard.patterns(), Ends::Nothing)
}

/// Whether a role is one that [`Registered::roles`] gives.
#[must_use]
pub fn is_recently_claimed(role: &RoleName) -> bool {
    let top = RoleName::recently_claimed();
    *role == top || role.is_shard_of(&top)
}
