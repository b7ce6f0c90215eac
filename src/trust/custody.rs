//! Who holds the keys of a role, told from the tree alone.

use crate::model::{Hand, Hands, KeyId, RoleKeys, RoleName, Root, Targets};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt;

/// Who holds the keys of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Custody {
    /// People, away from any machine that publishes.
    Offline,
    /// The author of a project.
    Author,
    /// The machine that publishes.
    Online,
}

impl fmt::Display for Custody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Offline => "offline",
            Self::Author => "author",
            Self::Online => "online",
        })
    }
}

/// The keys that whoever publishes must have at hand: the ones that root names for snapshot and
/// timestamp. No other file says where a key is kept.
#[derive(Clone, Debug)]
pub struct OnlineKeys {
    online: BTreeSet<KeyId>,
    /// Those who hold the lists of claimed projects: what stands in for a project there is theirs.
    admins: Hand,
}

impl OnlineKeys {
    /// The online keys of the tree under this root.
    #[must_use]
    pub fn of(root: &Root) -> Self {
        let roles = [RoleName::snapshot(), RoleName::timestamp()];
        let keys = roles.iter().filter_map(|role| root.role(role)).flat_map(|role| role.keyids.clone());
        Self { online: keys.collect(), admins: Hand::default() }
    }

    /// The same, with the administrators whom `targets` names.
    #[must_use]
    pub fn and_admins(mut self, targets: &Targets) -> Self {
        self.admins = Hands::of(targets).claimed;
        self
    }

    /// Whether they reach the threshold of a role by themselves.
    #[must_use]
    pub fn suffice_for(&self, keys: &RoleKeys) -> bool {
        let at_hand: BTreeSet<&KeyId> = keys.keyids.iter().filter(|id| self.online.contains(id)).collect();
        at_hand.len() >= keys.threshold as usize
    }

    /// The keys, by id.
    pub fn iter(&self) -> impl Iterator<Item = &KeyId> {
        self.online.iter()
    }

    fn is_admins(&self, role: &RoleName, keys: &RoleKeys) -> bool {
        let kept = &self.admins.kept;
        // An author's keys are told apart without working anything out.
        kept.threshold == keys.threshold
            && kept.keyids.len() == keys.keyids.len()
            && self.admins.of_role(role).keyids.iter().all(|id| keys.keyids.contains(id))
    }

    /// Who holds a role that these keys may sign.
    #[must_use]
    pub fn custody(&self, role: &RoleName, keys: &RoleKeys) -> Custody {
        if self.suffice_for(keys) {
            Custody::Online
        } else if role.as_str().starts_with("project.") && !self.is_admins(role, keys) {
            Custody::Author
        } else {
            Custody::Offline
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Moment, Version};
    use std::collections::BTreeMap;

    #[test]
    fn a_role_is_online_where_the_online_keys_reach_its_threshold() {
        let ids = |names: &[&str]| names.iter().map(|name| KeyId::new(name)).collect::<Vec<_>>();
        let online = RoleKeys::new(ids(&["o"]), 1);
        let roles = BTreeMap::from([(RoleName::snapshot(), online.clone()), (RoleName::timestamp(), online)]);
        let root = Root::new(Version::FIRST, Moment::EPOCH, BTreeMap::new(), roles);
        let keys = OnlineKeys::of(&root);
        let table: [(&str, &[&str], u32, Custody); 6] = [
            ("bin-0", &["o"], 1, Custody::Online),
            ("claimed", &["a", "b"], 1, Custody::Offline),
            ("claimed", &["a", "o"], 1, Custody::Online),
            ("claimed", &["a", "o", "o"], 2, Custody::Offline),
            ("project.x", &["a"], 1, Custody::Author),
            ("project.x", &["o"], 1, Custody::Online),
        ];
        for (role, names, threshold, custody) in table {
            let role = role.parse().unwrap();
            assert_eq!(
                keys.custody(&role, &RoleKeys::new(ids(names), threshold)),
                custody,
                "{role} {names:?}"
            );
        }
    }
}
