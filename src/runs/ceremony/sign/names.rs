//! Names over all lists of a ceremony: none that was signed over falls out of them.

use super::Error;
use super::chain::top;
use crate::ceremony::{Ceremony, Ledger, Retired, Step};
use crate::model::{Delegations, RoleKeys, RoleName, Sha256, TargetPath, Targets};
use crate::trust::ceremony::{self as judge, Change, Held};
use crate::trust::{Fault, verified};
use std::collections::BTreeMap;

/// Who holds which project by the lists that change, or that give way to others, as the administrators signed
/// them last.
pub(super) fn held_before(ceremony: &Ceremony, ledger: &Ledger) -> Result<BTreeMap<RoleName, Held>, Error> {
    let none = Delegations::default();
    let parent = ceremony.targets.signed().delegations.as_ref().unwrap_or(&none);
    for Retired { role, last } in &ceremony.retired {
        // A list of the online key's says nothing of what the administrators signed over.
        let claimed = RoleName::claimed();
        if *role != claimed && !role.is_shard_of(&claimed) {
            let what = "it gives way to nothing in a ceremony".to_owned();
            return Err(Error::Strange { role: role.clone(), what });
        }
        let child = parent.roles.iter().find(|child| child.name == *role);
        let held = child.map_or_else(|| RoleKeys::new(Vec::new(), 1), |child| child.role_keys());
        verified::check(last, &parent.keys, &held)
            .map_err(|shortfall| Error::Chain { role: role.clone(), fault: Fault::Unsigned(shortfall) })?;
        let found = (last.signed().version, Sha256::of(last.covered()));
        if let Some(last) = ledger.signed(role).filter(|last| (last.version, last.sha256) != found) {
            let what = format!(
                "the file holds version {}, which is not what was signed last with this ledger (version {})",
                found.0, last.version
            );
            return Err(Error::Ledger { role: role.clone(), what });
        }
    }
    // A list that targets would let go of without a word about what stood in it.
    let targets = ceremony.steps.iter().find(|step| step.role == RoleName::targets());
    for change in targets
        .map(|step| judge::changes(Some(ceremony.targets.signed()), step.after.signed()))
        .unwrap_or_default()
    {
        if let Change::Removed(role, _) = change
            && !ceremony.retired.iter().any(|retired| retired.role == role)
        {
            let what = format!(
                "it would not delegate to {role} any more, and the file does not say what stood there"
            );
            return Err(Error::Strange { role: RoleName::targets(), what });
        }
    }
    let lists = ceremony.steps.iter().filter(|step| step.role.is_list() && step.role != RoleName::targets());
    let before = lists.filter_map(|step| step.before.as_ref());
    let before = before.chain(ceremony.retired.iter().map(|retired| &retired.last));
    Ok(before.flat_map(|envelope| delegated(envelope.signed())).collect())
}

/// What a list delegates to.
pub(super) fn delegated(list: &Targets) -> BTreeMap<RoleName, Held> {
    let added = judge::changes(None, list).into_iter();
    added
        .filter_map(|change| if let Change::Added(role, held) = change { Some((role, held)) } else { None })
        .collect()
}

/// Every project that was held is held as it was, by one list or another: no name falls to the bins.
pub(super) fn nobody_falls(
    ceremony: &Ceremony,
    before: &BTreeMap<RoleName, Held>,
    steps: &[Step],
    ledger: &Ledger,
) -> Result<(), Error> {
    let lists = steps.iter().filter(|step| step.role.is_list() && step.role != RoleName::targets());
    let after: BTreeMap<RoleName, Held> = lists.flat_map(|step| delegated(step.after.signed())).collect();
    // What was ever signed over with this ledger is known to it, whatever predecessor the file presents.
    for (name, seen) in ledger.claimed() {
        let role: Option<RoleName> = format!("project.{name}").parse().ok();
        let Some(role) = role.filter(|role| covered(ceremony, role)) else { continue };
        if after.get(&role).is_none_or(|held| held.keys != seen.keys || held.threshold != seen.threshold) {
            let what =
                format!("it was signed over {}, and would not be any more, or to other keys", seen.since);
            return Err(Error::Ledger { role, what });
        }
    }
    match before.iter().find(|(role, held)| after.get(*role) != Some(held)) {
        None => Ok(()),
        Some((role, _)) => Err(Error::Strange {
            role: role.clone(),
            what: "it is delegated now, and would not be any more, or otherwise: its name would be anybody's"
                .to_owned(),
        }),
    }
}

/// Whether a project falls into one of the lists that change, by the patterns that `targets` is to give them.
pub(super) fn covered(ceremony: &Ceremony, role: &RoleName) -> bool {
    let path =
        judge::project_of(role).and_then(|name| format!("packages/{name}/-").parse::<TargetPath>().ok());
    let Some(path) = path else { return false };
    let digest = path.digest().to_string();
    let children = top(ceremony).delegations.iter().flat_map(|d| &d.roles);
    let mut lists = children.filter(|child| child.name.is_list() && child.covers(&path, &digest));
    lists.any(|child| ceremony.steps.iter().any(|step| step.role == child.name))
}
