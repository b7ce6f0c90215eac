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
    let online: [&dyn Signer; 1] = [&*keys.online];
    let by_admins = holders(&admins, request.admin_keys.threshold);
    let by_online = holders(&online, 1);
    let edition = |life| Edition { version: Version::FIRST, expires: now.plus(life) };

    let top = BTreeMap::from([
        (RoleName::root(), holders(&root_signers, request.root_keys.threshold)),
        (RoleName::targets(), by_admins.clone()),
        (RoleName::snapshot(), by_online.clone()),
        (RoleName::timestamp(), by_online.clone()),
    ]);
    let root = forms::root(edition(lives.root), &top);
    let whole = [ListForm { role: RoleName::claimed(), shard: None }];
    let plain = admins.iter().filter(|key| key.of_role(&RoleName::claimed()).is_none());
    let plain = plain.map(|key| key.keyid().clone()).collect();
    let hand = Hand { kept: by_admins, plain };
    let hands = Hands { claimed: hand.clone(), unclaimed: hand };
    let parents = forms::top(edition(lives.targets), &whole, &hands, &by_online);
    let nobody = BTreeMap::new();
    let list_of_bins = forms::bins(edition(lives.unclaimed), bins, &by_online);
    let empty = |life| forms::list(edition(life), &nobody);
    let apart = |role: RoleName, metadata| {
        let own: Vec<Option<RoleKey>> = admins.iter().map(|key| key.of_role(&role)).collect();
        let each = admins.iter().zip(&own);
        let by: Vec<&dyn Signer> = each.map(|(key, own)| own.as_ref().map_or(*key, |own| own as _)).collect();
        sign::role(role, metadata, &by)
    };
    let mut roles = vec![
        sign::role(RoleName::targets(), parents, &admins)?,
        apart(RoleName::claimed(), empty(lives.claimed))?,
        sign::role(RoleName::recently_claimed(), empty(lives.recently_claimed), &online)?,
        apart(RoleName::unclaimed(), list_of_bins)?,
    ];
    // A bin does not say which one it is: of empty ones the first signature is that of all.
    let bin = sign::role(bins.role(0), empty(lives.bins), &online)?;
    roles.extend((0..bins.get()).map(|index| SignedRole { role: bins.role(index), ..bin.clone() }));
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

fn as_signers(keys: &[Box<dyn Signer>]) -> Vec<&dyn Signer> {
    keys.iter().map(|key| &**key).collect()
}

fn holders(signers: &[&dyn Signer], threshold: u32) -> Holders {
    Holders {
        keyids: signers.iter().map(|signer| signer.keyid().clone()).collect(),
        keys: signers.iter().map(|signer| (signer.keyid().clone(), signer.key().clone())).collect(),
        threshold,
    }
}
