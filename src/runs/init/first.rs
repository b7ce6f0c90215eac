//! Version 1 of every role.

use super::{Error, Keys, Request};
use crate::keys::{RoleKey, Signer};
use crate::model::forms::{self, Edition, ListForm};
use crate::model::{Hand, Hands, Holders, RoleMeta, RoleName, Snapshot, Timestamp, Version};
use crate::pipeline::sign::{self, SignedRole};
use std::collections::BTreeMap;

/// Every role but the timestamp in the order in which it is published, and the timestamp.
pub(super) fn roles(request: &Request<'_>, keys: &Keys) -> Result<(Vec<SignedRole>, SignedRole), Error> {
    let (now, lives, bins) = (request.now, request.lives, request.bins);
    let (root_signers, admins) = (as_signers(&keys.root), as_signers(&keys.admin));
    let online: [&dyn Signer; 1] = [&keys.online];
    let by_admins = holders(&admins, request.admin_keys.1);
    let by_online = holders(&online, 1);
    let edition = |life| Edition { version: Version::FIRST, expires: now.plus(life) };

    let top = BTreeMap::from([
        (RoleName::root(), holders(&root_signers, request.root_keys.1)),
        (RoleName::targets(), by_admins.clone()),
        (RoleName::snapshot(), by_online.clone()),
        (RoleName::timestamp(), by_online.clone()),
    ]);
    let root = forms::root(edition(lives.root), &top);
    let whole = [ListForm { role: RoleName::claimed(), shard: None }];
    let hand = Hand::apart(by_admins);
    let hands = Hands { claimed: hand.clone(), unclaimed: hand };
    let parents = forms::top(edition(lives.targets), &whole, &hands, &by_online);
    let nobody = BTreeMap::new();
    let list_of_bins = forms::bins(edition(lives.unclaimed), bins, &by_online);
    let empty = |life| forms::list(edition(life), &nobody);
    let of_role =
        |role: RoleName| -> Vec<RoleKey> { keys.admin.iter().filter_map(|key| key.of_role(&role)).collect() };
    let (by_claimed, by_unclaimed) = (of_role(RoleName::claimed()), of_role(RoleName::unclaimed()));
    let mut roles = vec![
        sign::role(RoleName::targets(), parents, &admins)?,
        sign::role(RoleName::claimed(), empty(lives.claimed), &as_signers(&by_claimed))?,
        sign::role(RoleName::recently_claimed(), empty(lives.recently_claimed), &online)?,
        sign::role(RoleName::unclaimed(), list_of_bins, &as_signers(&by_unclaimed))?,
    ];
    for bin in 0..bins.get() {
        roles.push(sign::role(bins.role(bin), empty(lives.bins), &online)?);
    }
    let meta: BTreeMap<RoleName, RoleMeta> =
        roles.iter().map(|role| (role.role.clone(), role.meta())).collect();
    let snapshot = Snapshot::new(Version::FIRST, now.plus(lives.snapshot), meta);
    let snapshot = sign::role(RoleName::snapshot(), snapshot, &online)?;
    let timestamp =
        Timestamp::new(Version::FIRST, now.plus(lives.timestamp), Version::FIRST, &snapshot.bytes);
    let timestamp = sign::role(RoleName::timestamp(), timestamp, &online)?;
    roles.push(sign::role(RoleName::root(), root, &root_signers)?);
    roles.push(snapshot);
    Ok((roles, timestamp))
}

fn as_signers<K: Signer>(keys: &[K]) -> Vec<&dyn Signer> {
    keys.iter().map(|key| key as &dyn Signer).collect()
}

fn holders(signers: &[&dyn Signer], threshold: u32) -> Holders {
    Holders {
        keyids: signers.iter().map(|signer| signer.keyid().clone()).collect(),
        keys: signers.iter().map(|signer| (signer.keyid().clone(), signer.key().clone())).collect(),
        threshold,
    }
}
