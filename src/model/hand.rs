//! Who holds the offline roles below root: people, with a key of their own for each role ([`Key::of_role`]).

use super::{DelegatedRole, Delegations, Holders, Key, KeyId, ProjectName, ProjectRole, RoleName, Targets};
use std::collections::{BTreeMap, BTreeSet};

/// People who hold offline roles, by the keys that they keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hand {
    /// The keys that are kept, and how many of them must sign.
    pub kept: Holders,
    /// Those among them that sign every role as they are, as they lie where no other follows from them: in an
    /// ssh-agent or a token. What they sign as one role can be shown for another.
    pub plain: BTreeSet<KeyId>,
}

impl Hand {
    /// `threshold` of these, each with a key for every role.
    #[must_use]
    pub fn apart(kept: Holders) -> Self {
        Self { kept, plain: BTreeSet::new() }
    }

    /// Who holds a role, as metadata names them.
    #[must_use]
    pub fn of_role(&self, role: &RoleName) -> Holders {
        let mut held = Holders { threshold: self.kept.threshold, ..Holders::default() };
        for id in &self.kept.keyids {
            let Some(key) = self.kept.keys.get(id) else {
                held.keyids.push(id.clone());
                continue;
            };
            let apart = if self.plain.contains(id) { None } else { key.of_role(role) };
            // A key made of two texts always has an id.
            let (id, key) = match apart.and_then(|key| Some((key.id().ok()?, key))) {
                Some(apart) => apart,
                None => (id.clone(), key.clone()),
            };
            held.keyids.push(id.clone());
            held.keys.insert(id, key);
        }
        held
    }

    /// Who holds the empty role that stands in for a project's.
    #[must_use]
    pub fn of_project(&self, name: &ProjectName) -> Holders {
        ProjectRole::Own.of(name).map(|role| self.of_role(&role)).unwrap_or_default()
    }

    /// Whether a project is these people's, so that an empty role stands in for it.
    #[must_use]
    pub fn holds_project(&self, name: &ProjectName, held: &Holders) -> bool {
        let kept = &self.kept;
        // An author's keys are told apart without working anything out.
        let alike = kept.threshold == held.threshold && kept.keyids.len() == held.keyids.len();
        alike && self.of_project(name).same(held)
    }

    /// The same people, with as many of them to sign, and each in the same way.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.kept.same(&other.kept) && self.plain == other.plain
    }

    /// The keys that others follow from: `targets` lists them beside those, for whoever needs the next.
    pub fn bases(&self) -> impl Iterator<Item = (&KeyId, &Key)> {
        self.kept.keys.iter().filter(|(id, _)| !self.plain.contains(*id))
    }

    /// Who holds `child`, among the keys that are kept (`bases`) and those that its parent lists.
    fn read(child: &DelegatedRole, delegations: &Delegations, bases: &BTreeMap<&KeyId, &Key>) -> Self {
        let mut hand = Self::default();
        hand.kept.threshold = child.keys.threshold;
        let of_bases: BTreeMap<KeyId, (&KeyId, &Key)> = bases
            .iter()
            .filter_map(|(id, key)| Some((key.of_role(&child.name)?.id().ok()?, (*id, *key))))
            .collect();
        for id in &child.keys.keyids {
            if let Some((base, key)) = of_bases.get(id) {
                hand.kept.keyids.push((*base).clone());
                hand.kept.keys.insert((*base).clone(), (*key).clone());
                continue;
            }
            hand.kept.keyids.push(id.clone());
            hand.plain.insert(id.clone());
            if let Some(key) = delegations.keys.get(id) {
                hand.kept.keys.insert(id.clone(), key.clone());
            }
        }
        hand
    }
}

/// Whose `claimed` with its shards and `unclaimed` are, as a `targets` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hands {
    /// Who holds `claimed`, its shards, and what stands in for projects there.
    pub claimed: Hand,
    /// Who holds `unclaimed`.
    pub unclaimed: Hand,
}

impl Hands {
    /// Reads them; nobody's where a role is not delegated.
    #[must_use]
    pub fn of(top: &Targets) -> Self {
        let Some(delegations) = &top.delegations else { return Self::default() };
        let is_claimed = |child: &&DelegatedRole| child.name.is_claimed();
        let claimed = delegations.roles.iter().find(is_claimed);
        let unclaimed = delegations.roles.iter().find(|child| child.name == RoleName::unclaimed());
        let named: BTreeSet<&KeyId> = delegations.roles.iter().flat_map(|child| &child.keys.keyids).collect();
        // A key that one of these roles names as it is may be what the other's follows from.
        let near: BTreeSet<&KeyId> =
            claimed.into_iter().chain(unclaimed).flat_map(|child| &child.keys.keyids).collect();
        let bases =
            delegations.keys.iter().filter(|(id, _)| !named.contains(id) || near.contains(id)).collect();
        let read = |child: Option<&DelegatedRole>| {
            child.map(|child| Hand::read(child, delegations, &bases)).unwrap_or_default()
        };
        Self { claimed: read(claimed), unclaimed: read(unclaimed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::forms::{self, Edition, ListForm};
    use crate::model::{Moment, Version};
    use curve25519_dalek::{EdwardsPoint, Scalar};

    fn kept(seeds: &[u8]) -> Holders {
        let key = |seed: &u8| Key::ed25519(&EdwardsPoint::mul_base(&Scalar::from(*seed)).compress().0);
        Holders::new(seeds.iter().map(key).map(|key| (key.id().unwrap(), key)).collect(), 1)
    }

    #[test]
    fn who_holds_what_is_read_from_targets_as_it_was_written() {
        let edition = Edition { version: Version::FIRST, expires: Moment::EPOCH };
        let whole = [ListForm { role: RoleName::claimed(), shard: None }];
        let apart = Hand::apart(kept(&[1, 2]));
        let plain = Hand { plain: kept(&[2]).keyids.into_iter().collect(), kept: kept(&[2]) };
        let mixed = Hand { plain: kept(&[2]).keyids.into_iter().collect(), kept: kept(&[1, 2]) };
        for (claimed, unclaimed) in
            [(&apart, &apart), (&apart, &plain), (&plain, &apart), (&mixed, &apart), (&plain, &plain)]
        {
            let hands = Hands { claimed: claimed.clone(), unclaimed: unclaimed.clone() };
            let top = forms::top(edition, &whole, &hands, &kept(&[3]));
            let read = Hands::of(&top);
            assert!(read.claimed.same(claimed) && read.unclaimed.same(unclaimed), "{read:?}");
            assert_eq!(forms::top(edition, &whole, &read, &kept(&[3])), top);
        }
    }
}
