//! Who could forge a target today, given the roles that a client asks about it.

use super::custody::{Custody, OnlineKeys};
use crate::model::{KeyId, ProjectRole, RoleKeys, RoleName};
use serde::Serialize;

/// A role whose holders could make a client that starts empty accept other bytes: they sign a
/// version of it that lists them, or that delegates to a key of theirs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Forger {
    /// The role.
    #[serde(serialize_with = "as_text")]
    pub role: RoleName,
    /// Who holds it.
    pub custody: Custody,
    /// How many of the keys must sign.
    pub threshold: u32,
    /// The keys.
    pub keys: Vec<KeyId>,
    /// Whether the online key is needed besides to have a snapshot list a new version. Who serves clients can put
    /// another content under the version that is listed without it.
    pub with_online_key: bool,
}

fn as_text<S: serde::Serializer>(role: &RoleName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(role.as_str())
}

/// Every role of `asked`, the ones that a client asks about a target (root first, TUF 1.0.34
/// section 5.6.7), as the forger that its holders could be.
#[must_use]
pub fn forgers<'a>(
    asked: impl IntoIterator<Item = (&'a RoleName, &'a RoleKeys)>,
    online: &OnlineKeys,
) -> Vec<Forger> {
    asked
        .into_iter()
        .map(|(role, keys)| {
            let custody = online.custody(role, keys);
            Forger {
                role: role.clone(),
                custody,
                threshold: keys.threshold,
                keys: keys.keyids.clone(),
                // A new root names other online keys if it likes.
                with_online_key: custody != Custody::Online && *role != RoleName::root(),
            }
        })
        .collect()
}

/// In one sentence: who could forge it today.
#[must_use]
pub fn verdict(forgers: &[Forger]) -> String {
    if let Some(online) = forgers.iter().find(|forger| forger.custody == Custody::Online) {
        let key = online.keys.first().map_or("", KeyId::short);
        return format!(
            "Whoever holds the online key {key}, or has taken over the machine that it is on, could forge this today."
        );
    }
    let mut ways: Vec<String> = Vec::new();
    for forger in forgers.iter().rev() {
        let (threshold, keys) = (forger.threshold, forger.keys.len());
        let holders = match ProjectRole::parse(&forger.role) {
            Some((_, ProjectRole::Own)) => format!("the author ({threshold} of {keys} keys)"),
            Some((_, ProjectRole::Pages)) => format!("for its pages alone, {threshold} of {keys} keys"),
            Some((_, ProjectRole::Member(member))) => {
                format!("within what the author delegated, the member {member} ({threshold} of {keys} keys)")
            }
            None => format!("{threshold} of the {keys} keys of {}", forger.role),
        };
        // Without it they reach those who do not have the version that is published yet: the snapshot lists no hashes.
        let besides = "with the web server or the online key";
        ways.push(if forger.with_online_key { format!("{holders} {besides}") } else { holders });
    }
    format!("Nobody could forge this today but {}.", ways.join(", or "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Moment, Root, Version};
    use std::collections::BTreeMap;

    #[test]
    fn the_weakest_role_on_the_way_decides() {
        let keys = |names: &[&str], threshold| {
            RoleKeys::new(names.iter().map(|name| KeyId::new(name)).collect(), threshold)
        };
        let top =
            [(RoleName::snapshot(), keys(&["online"], 1)), (RoleName::timestamp(), keys(&["online"], 1))];
        let root = Root::new(Version::FIRST, Moment::EPOCH, BTreeMap::new(), BTreeMap::from(top));
        let online = OnlineKeys::of(&root);
        let (root, targets) = (keys(&["r1", "r2", "r3"], 2), keys(&["a1", "a2"], 1));
        let (bin, author) = (keys(&["online"], 1), keys(&["author"], 1));
        let role = |name: &str| name.parse::<RoleName>().unwrap();
        let (names, roles) = (["root", "targets", "bin-0"].map(role), [&root, &targets, &bin]);
        let unclaimed = forgers(names.iter().zip(roles), &online);
        assert!(verdict(&unclaimed).contains("the online key online"), "{}", verdict(&unclaimed));
        let (names, roles) = (["root", "targets", "project.x"].map(role), [&root, &targets, &author]);
        let claimed = forgers(names.iter().zip(roles), &online);
        assert_eq!(
            verdict(&claimed),
            "Nobody could forge this today but the author (1 of 1 keys) with the web server or the online key, or 1 \
             of the 2 keys of targets with the web server or the online key, or 2 of the 3 keys of root."
        );
    }
}
