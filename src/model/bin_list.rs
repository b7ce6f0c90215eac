//! What the list of bins says, in few words: who signs them, and how many there are. The list itself names each of them with
//! its keys, and has three megabytes for sixteen thousand (PEP 458, "Metadata Scalability").

use super::{BinCount, DelegatedRole, Key, KeyId, Moment, RoleKeys, Targets, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What `unclaimed` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BinList {
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
    /// How many bins there are.
    pub count: BinCount,
    /// Every key that it names.
    pub keys: BTreeMap<KeyId, Key>,
    /// Who signs each bin; one for all where they are the same.
    signers: Vec<RoleKeys>,
}

impl BinList {
    /// What `unclaimed` says; `None` if it does not delegate to hashed bins.
    #[must_use]
    pub fn of(unclaimed: &Targets) -> Option<Self> {
        let delegations = unclaimed.delegations.as_ref()?;
        let roles = delegations.roles.as_slice();
        let count = BinCount::new(roles.len() as u64).ok()?;
        let is_bin = |(index, role): (u32, &DelegatedRole)| {
            role.name == count.role(index) && role.path_hash_prefixes.as_ref() == Some(&count.prefixes(index))
        };
        if !(0..count.get()).zip(roles).all(is_bin) {
            return None;
        }
        let are_same = roles.windows(2).all(|two| two[0].keys == two[1].keys);
        let named = &roles[..if are_same { 1 } else { roles.len() }];
        let signers = named.iter().map(DelegatedRole::role_keys).collect();
        let (version, expires) = (unclaimed.version, unclaimed.expires);
        Some(Self { version, expires, count, keys: delegations.keys.clone(), signers })
    }

    /// Who signs a bin; `None` if there is no such bin.
    #[must_use]
    pub fn signers(&self, bin: u32) -> Option<&RoleKeys> {
        let signers = self.signers.get(if self.signers.len() == 1 { 0 } else { bin as usize });
        signers.filter(|_| bin < self.count.get())
    }

    /// Who signs the bins, with the first that they do; each once where all have the same.
    pub fn all_signers(&self) -> impl Iterator<Item = (u32, &RoleKeys)> {
        (0..).zip(&self.signers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delegation::Delegations;

    fn list(signers: impl Fn(u32) -> Vec<KeyId>) -> Targets {
        let count = BinCount::new(16).unwrap();
        let role = |bin| DelegatedRole::by_hash(count.role(bin), signers(bin), 1, count.prefixes(bin));
        let delegations = Delegations { roles: (0..16).map(role).collect(), ..Delegations::default() };
        Targets::new(Version::FIRST, Moment::EPOCH, BTreeMap::new(), Some(delegations))
    }

    #[test]
    fn each_bin_has_the_signers_that_the_list_names() {
        let [one, other] = ["00", "11"].map(|byte| KeyId::new(&byte.repeat(32)));
        let same = BinList::of(&list(|_| vec![one.clone()])).unwrap();
        let differ = |bin| vec![if bin == 7 { other.clone() } else { one.clone() }];
        let differ = BinList::of(&list(differ)).unwrap();
        for bin in 0..16 {
            assert_eq!(same.signers(bin).unwrap().keyids, std::slice::from_ref(&one));
            let expected = if bin == 7 { &other } else { &one };
            assert_eq!(differ.signers(bin).unwrap().keyids, std::slice::from_ref(expected));
        }
        assert!(same.signers(16).is_none() && differ.signers(16).is_none());
        assert_eq!((same.all_signers().count(), differ.all_signers().count()), (1, 16));
        assert!(differ.all_signers().any(|(bin, keys)| bin == 7 && keys.keyids.contains(&other)));
        let again: BinList = serde_json::from_str(&serde_json::to_string(&differ).unwrap()).unwrap();
        assert_eq!(again, differ);
    }

    #[test]
    fn what_are_no_hashed_bins_is_no_list_of_them() {
        let bins = list(|_| Vec::new());
        let changed = |change: &dyn Fn(&mut Vec<DelegatedRole>)| {
            let mut bins = bins.clone();
            change(&mut bins.delegations.as_mut().unwrap().roles);
            BinList::of(&bins)
        };
        assert!(changed(&|_| ()).is_some());
        assert!(changed(&|roles| drop(roles.pop())).is_none());
        assert!(changed(&|roles| roles.swap(2, 3)).is_none());
        assert!(changed(&|roles| roles[4].path_hash_prefixes = Some(vec!["5".to_owned()])).is_none());
        assert!(BinList::of(&Targets::new(Version::FIRST, Moment::EPOCH, BTreeMap::new(), None)).is_none());
    }
}
