//! Other keys for the index's own roles: which roles get which.

use super::Error;
use super::plan::Plan;
use crate::model::{Hand, Holders, Key, KeyId, RoleName};
use crate::site::read::Published;
use std::collections::{BTreeMap, BTreeSet};

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

    /// Whose a role of the index's own is.
    #[must_use]
    pub fn of(role: &RoleName) -> Self {
        // Bins, timestamp, snapshot and recently-claimed are all that is left.
        if role.is_claimed() { Self::Claimed } else { Self::parse(role.as_str()).unwrap_or(Self::Online) }
    }

    /// The roles that change alone, of which several make up the administrators'.
    #[must_use]
    pub fn parts(&self) -> &[Self] {
        match self {
            Self::Admin => &[Self::Targets, Self::Claimed, Self::Unclaimed],
            one => std::slice::from_ref(one),
        }
    }
}

impl std::fmt::Display for Custodian {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Admin => "admin",
            Self::Online => "online",
            Self::Targets => "targets",
            Self::Claimed => "claimed",
            Self::Unclaimed => "unclaimed",
        })
    }
}

/// Whether a key comes to hold a role, or does not hold it any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Turn {
    /// It comes.
    Comes,
    /// It goes.
    Goes,
}

/// A change in who holds a role, as the signer has to know of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known {
    /// A key.
    Key(Turn, KeyId),
    /// A key that comes to sign every role as it is.
    AsItIs(KeyId),
    /// How many must sign.
    Threshold(u32),
}

impl std::fmt::Display for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key(Turn::Comes, id) => write!(f, "{id}"),
            Self::Key(Turn::Goes, id) => write!(f, "-{id}"),
            Self::AsItIs(id) => write!(f, "{id}:as-it-is"),
            Self::Threshold(many) => write!(f, "{many}"),
        }
    }
}

/// Changes by whose roles they touch, as the command line takes them: what touches all of the administrators' roles is
/// said once.
#[must_use]
pub(super) fn said(changes: &BTreeSet<(Custodian, Known)>) -> Vec<String> {
    let touches = |whose: &Custodian, what: &Known| changes.contains(&(*whose, what.clone()));
    let of_all = |what: &Known| Custodian::Admin.parts().iter().all(|part| touches(part, what));
    let one =
        |(whose, what): &(Custodian, Known)| match Custodian::Admin.parts().iter().position(|p| p == whose) {
            Some(0) if of_all(what) => Some(format!("admin={what}")),
            Some(_) if of_all(what) => None,
            _ => Some(format!("{whose}={what}")),
        };
    changes.iter().filter_map(one).collect()
}

/// A rotation.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Whose roles.
    pub whose: Custodian,
    /// The keys that are to hold them; empty for those that do.
    pub keys: Vec<NewKey>,
    /// Those among them that sign `claimed`, its shards and `unclaimed` as they are ([`Hand::plain`]).
    pub plain: BTreeSet<KeyId>,
    /// How many must sign; none for as many as now.
    pub threshold: Option<u32>,
}

/// A key that is to hold a role, by the one that its holder keeps.
#[derive(Clone, Debug)]
pub enum NewKey {
    /// One that it does not name yet.
    Public(KeyId, Key),
    /// One that holds it now.
    Known(KeyId),
}

impl NewKey {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &KeyId {
        match self {
            Self::Public(id, _) | Self::Known(id) => id,
        }
    }
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
        let new = hand(rotation, &plan.hands.claimed)?;
        plan.rotate_claimed(new);
    }
    if matches!(whose, Custodian::Unclaimed | Custodian::Admin) {
        plan.hands.unclaimed = hand(rotation, &plan.hands.unclaimed)?;
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

/// People who are to hold a role: each with a key of its own for it, but for those that cannot.
fn hand(rotation: &Rotation, before: &Hand) -> Result<Hand, Error> {
    let kept = holders(rotation, &before.kept)?;
    if rotation.keys.is_empty() {
        return Ok(Hand { kept, plain: before.plain.clone() });
    }
    let plain = kept.keyids.iter().filter(|id| rotation.plain.contains(*id)).cloned().collect();
    let hand = Hand { kept, plain };
    if let Some((id, _)) = hand.bases().find(|(_, key)| key.of_role(&RoleName::claimed()).is_none()) {
        return Err(Error::OneKeyForAll(id.clone()));
    }
    Ok(hand)
}

/// The online key that a plan brings, where it is another than is published.
pub(super) fn online(published: &Published, plan: &Plan) -> Option<KeyId> {
    let role = RoleName::timestamp();
    let before = Holders::of_top(&published.root, &role);
    let after: &BTreeMap<RoleName, Holders> = &plan.top;
    let after = after.get(&role).filter(|after| !after.same(&before))?;
    after.keyids.first().cloned()
}
