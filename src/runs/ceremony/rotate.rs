//! Other keys for the index's own roles: which roles get which.

use super::Error;
use super::plan::Plan;
use crate::model::{Holders, Key, KeyId, RoleName};
use crate::site::read::Published;
use std::collections::BTreeMap;

/// Roles that have one custodian, and change their keys together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Custodian {
    /// The root holders.
    Root,
    /// The administrators: `targets`, `claimed` and `unclaimed`.
    Admin,
    /// The machine that publishes: every online role.
    Online,
    /// `targets` alone.
    Targets,
    /// `claimed` and its shards alone.
    Claimed,
    /// `unclaimed` alone.
    Unclaimed,
}

impl Custodian {
    /// Whose a role is, by the word that `--rotate` takes: a role name, `admin` or `online`.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "root" => Self::Root,
            "admin" => Self::Admin,
            "online" | "timestamp" | "snapshot" | "recently-claimed" => Self::Online,
            "targets" => Self::Targets,
            "claimed" => Self::Claimed,
            "unclaimed" => Self::Unclaimed,
            _ if word.starts_with("bin-") => Self::Online,
            _ => return None,
        })
    }
}

/// A rotation.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Whose roles.
    pub whose: Custodian,
    /// The keys that are to hold them; empty for those that do.
    pub keys: Vec<NewKey>,
    /// How many must sign; none for as many as now.
    pub threshold: Option<u32>,
}

/// A key that is to hold a role.
#[derive(Clone, Debug)]
pub enum NewKey {
    /// One that it does not name yet.
    Public(KeyId, Key),
    /// One that holds it now.
    Known(KeyId),
}

/// Changes the plan.
pub(super) fn rotate(plan: &mut Plan, rotation: &Rotation) -> Result<(), Error> {
    let of_top = |plan: &Plan, role: RoleName| plan.top.get(&role).cloned().unwrap_or_default();
    let whose = rotation.whose;
    if whose == Custodian::Root {
        let new = holders(rotation, &of_top(plan, RoleName::root()))?;
        plan.top.insert(RoleName::root(), new);
    }
    if matches!(whose, Custodian::Targets | Custodian::Admin) {
        let new = holders(rotation, &of_top(plan, RoleName::targets()))?;
        plan.top.insert(RoleName::targets(), new);
    }
    if matches!(whose, Custodian::Claimed | Custodian::Admin) {
        let new = holders(rotation, &plan.claimed)?;
        plan.rotate_claimed(new);
    }
    if matches!(whose, Custodian::Unclaimed | Custodian::Admin) {
        plan.unclaimed = holders(rotation, &plan.unclaimed)?;
    }
    if whose == Custodian::Online {
        let new = holders(rotation, &plan.recently)?;
        if new.threshold != 1 || new.keyids.len() != 1 {
            return Err(Error::OneOnlineKey);
        }
        for role in [RoleName::timestamp(), RoleName::snapshot()] {
            plan.top.insert(role, new.clone());
        }
        plan.bins.1 = new.clone();
        plan.recently = new;
    }
    Ok(())
}

fn holders(rotation: &Rotation, before: &Holders) -> Result<Holders, Error> {
    let mut new = Holders { threshold: rotation.threshold.unwrap_or(before.threshold), ..Holders::default() };
    for key in &rotation.keys {
        let (id, key) = match key {
            NewKey::Public(id, key) => (id, key),
            NewKey::Known(id) => {
                let known = before.keys.get(id);
                (id, known.ok_or_else(|| Error::UnknownKey(id.clone()))?)
            }
        };
        if new.keys.insert(id.clone(), key.clone()).is_none() {
            new.keyids.push(id.clone());
        }
    }
    if rotation.keys.is_empty() {
        new.keys = before.keys.clone();
        new.keyids = before.keyids.clone();
    }
    if new.threshold == 0 || new.threshold as usize > new.keyids.len() {
        return Err(Error::Threshold { threshold: new.threshold, keys: new.keyids.len() });
    }
    Ok(new)
}

/// The online key that a plan brings, where it is another than is published.
pub(super) fn online(published: &Published, plan: &Plan) -> Option<KeyId> {
    let role = RoleName::timestamp();
    let before = Holders::of_top(&published.root, &role);
    let after: &BTreeMap<RoleName, Holders> = &plan.top;
    let after = after.get(&role).filter(|after| !after.same(&before))?;
    after.keyids.first().cloned()
}
