//! Version 1 of every role.

use super::{Error, Keys, Request};
use crate::keys::{Ed25519, Signer};
use crate::model::delegation::every_path;
use crate::model::{
    DelegatedRole, Delegations, Key, KeyId, RoleKeys, RoleMeta, RoleName, Root, Snapshot, Targets, Timestamp,
    Version,
};
use crate::pipeline::sign::{self, SignedRole};
use std::collections::BTreeMap;

/// Every role but the timestamp in the order in which it is published, and the timestamp.
pub(super) fn roles(request: &Request<'_>, keys: &Keys) -> Result<(Vec<SignedRole>, SignedRole), Error> {
    let (now, lives, bins) = (request.now, request.lives, request.bins);
    let (root_signers, admins) = (as_signers(&keys.root), as_signers(&keys.admin));
    let online: [&dyn Signer; 1] = [&keys.online];
    let by_admins = RoleKeys::new(ids(&admins), request.admin_keys.1);
    let by_online = RoleKeys::new(ids(&online), 1);

    let top = BTreeMap::from([
        (RoleName::root(), RoleKeys::new(ids(&root_signers), request.root_keys.1)),
        (RoleName::targets(), by_admins.clone()),
        (RoleName::snapshot(), by_online.clone()),
        (RoleName::timestamp(), by_online.clone()),
    ]);
    let all: Vec<&dyn Signer> = root_signers.iter().chain(&admins).chain(&online).copied().collect();
    let root = Root::new(Version::FIRST, now.plus(lives.root), public(&all), top);

    let child = |name: RoleName, by: &RoleKeys, prefixes| {
        DelegatedRole::by_hash(name, by.keyids.clone(), by.threshold, prefixes)
    };
    let parents = Delegations {
        keys: public(&[admins.as_slice(), &online].concat()),
        roles: vec![
            child(RoleName::claimed(), &by_admins, every_path()),
            child(RoleName::recently_claimed(), &by_online, every_path()),
            child(RoleName::unclaimed(), &by_admins, every_path()),
        ],
        extra: BTreeMap::new(),
    };
    let list_of_bins = Delegations {
        keys: public(&online),
        roles: (0..bins.get()).map(|bin| child(bins.role(bin), &by_online, bins.prefixes(bin))).collect(),
        extra: BTreeMap::new(),
    };
    let empty =
        |life, delegations| Targets::new(Version::FIRST, now.plus(life), BTreeMap::new(), delegations);
    let mut roles = vec![
        sign::role(RoleName::targets(), empty(lives.targets, Some(parents)), &admins)?,
        sign::role(RoleName::claimed(), empty(lives.claimed, None), &admins)?,
        sign::role(RoleName::recently_claimed(), empty(lives.recently_claimed, None), &online)?,
        sign::role(RoleName::unclaimed(), empty(lives.unclaimed, Some(list_of_bins)), &admins)?,
    ];
    for bin in 0..bins.get() {
        roles.push(sign::role(bins.role(bin), empty(lives.bins, None), &online)?);
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

fn as_signers(keys: &[Ed25519]) -> Vec<&dyn Signer> {
    keys.iter().map(|key| key as &dyn Signer).collect()
}

fn ids(signers: &[&dyn Signer]) -> Vec<KeyId> {
    signers.iter().map(|signer| signer.keyid().clone()).collect()
}

fn public(signers: &[&dyn Signer]) -> BTreeMap<KeyId, Key> {
    signers.iter().map(|signer| (signer.keyid().clone(), signer.key().clone())).collect()
}
