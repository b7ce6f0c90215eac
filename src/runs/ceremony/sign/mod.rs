//! `ceremony show` and `ceremony sign`: on a machine that has this binary, the file and a key. Nothing that the
//! file says of itself is believed: what is shown follows from the bytes to be signed, from their signed
//! predecessors, and from the ledger beside the key.

mod chain;
mod judge;
mod rebuild;
mod roots;
mod said;
mod seal;

pub use judge::Keys;
pub(in crate::runs::ceremony) use judge::admins;
pub use said::{Abandoned, Confirmed, Said};

use super::{Custodian, Error, Known};
use crate::ceremony::{Ceremony, Ledger, Step};
use crate::keys::Signer;
use crate::model::{Envelope, Holders, KeyId, Moment, ProjectName, RoleName, Targets, forms};
use crate::trust::ceremony::Act;
use seal::{Says, Signing};
use std::collections::{BTreeMap, BTreeSet};

/// A project that is to get other holders.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its name.
    pub name: ProjectName,
    /// What becomes of it.
    pub act: Act,
    /// Who holds it until now, as the administrators signed it.
    pub before: Option<Holders>,
    /// Who is to hold it.
    pub after: Option<Holders>,
    /// Since when the ledger knows the keys that come; none if it saw them for the first time.
    pub since: Option<Moment>,
    /// The keys that the ledger knew until now, where they are others.
    pub instead_of: Option<Vec<KeyId>>,
    /// Whether those who hold it until now agreed.
    pub consent: bool,
    /// Whether it is signed now.
    pub approved: bool,
}

/// A role as it is to be signed, or not.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The role.
    pub role: RoleName,
    /// The version that is published; none for a role that never was.
    pub before: Option<u64>,
    /// The version to be signed.
    pub version: u64,
    /// When that ends.
    pub expires: Moment,
    /// The projects of it that get other holders.
    pub projects: Vec<Project>,
    /// Who has signed it, after these signers; signatures that do not hold are not counted.
    pub signed: Vec<KeyId>,
    /// How many more must.
    pub missing: u32,
    /// How many must in all.
    pub threshold: u32,
    /// Whether these signers sign it.
    pub signs: bool,
}

/// What was looked at.
#[derive(Debug)]
pub struct Outcome {
    /// The roles.
    pub roles: Vec<Seen>,
    /// Projects that get other holders.
    pub projects: Vec<Project>,
    /// Roles that get other keys.
    pub keys: Keys,
    /// Lists that come and go.
    pub lists: Vec<String>,
    /// The number of bins, before and after, where it changes.
    pub bins: Option<(usize, usize)>,
    /// Whether the ledger was there.
    pub ledger_is_new: bool,
    /// Whether other holders signed something since this ledger did.
    pub by_others: bool,
    /// Whether everything that the file asks for is in what comes back.
    pub whole: bool,
    /// What comes back.
    pub ceremony: Ceremony,
}

/// Looks at a ceremony, and signs what `signers` hold and the ledger allows. The ledger is given what it learns;
/// the caller saves it before it hands the signatures out.
///
/// # Errors
/// [`Error`]; nothing is signed then.
pub fn sign(
    ceremony: &Ceremony,
    signers: &[&dyn Signer],
    ledger: &mut Ledger,
    confirmed: &Confirmed,
    now: Moment,
) -> Result<Outcome, Error> {
    let ledger_is_new = ledger.is_new();
    for (index, step) in ceremony.steps.iter().enumerate() {
        if ceremony.steps[..index].iter().any(|other| other.role == step.role) {
            let what = "it stands in the file twice".to_owned();
            return Err(Error::Strange { role: step.role.clone(), what });
        }
    }
    let identity = ceremony.identity()?;
    let root = roots::follow(ceremony, &identity, signers, ledger, confirmed, now)?;
    if let Some(after) = &ceremony.root {
        rebuild::root(after, root, now)?;
    }
    let before = chain::before(ceremony, (root, &identity), ledger, confirmed, now)?;
    let (lists, after) = rebuild::lists(ceremony)?;
    let keys = judge::keys(ceremony, root, confirmed)?;
    let projects = judge::projects((ceremony, &identity), &before, &after, ledger, confirmed, now)?;
    if !signers.is_empty() && !keys.unknown.is_empty() {
        return Err(Error::Untrusted(keys.unknown));
    }
    if let Some(freed) = projects.iter().find(|one| one.act == Act::Freed && !one.approved)
        && !signers.is_empty()
    {
        let what = format!(
            "{0} would be nobody's any more, and anybody could take the name; if that is meant, give --confirm \
             {0}=freed",
            freed.name
        );
        return Err(Error::Strange { role: RoleName::claimed(), what });
    }
    let mut seen =
        Signing { ceremony, root, signers, ledger, now, identity, roles: Vec::new(), has_say: false };
    let new_root = ceremony.root.as_ref().map(|after| seen.root(after)).transpose()?;
    let of_list = by_list(&projects, &lists);
    let mut steps = Vec::new();
    let mut whole = true;
    for step in &ceremony.steps {
        let Some(made) = rebuild::step(ceremony, &lists, step, &projects, now)? else {
            whole = false;
            continue;
        };
        whole &= made.covered() == step.after.covered();
        let of_it = of_list.get(&step.role).into_iter().flatten().map(|one| (*one).clone()).collect();
        let is_idle = says_nothing(step, &made, now) && is_delegated_to_as_before(ceremony, &step.role);
        let says = if is_idle { Says::Nothing } else { Says::Something };
        let after = seen.step(step, made, of_it, says)?;
        if says == Says::Something {
            steps.push(Step { role: step.role.clone(), before: step.before.clone(), after });
        }
    }
    let Signing { roles, has_say, ledger, .. } = seen;
    if !signers.is_empty() && !ceremony.is_empty() && !has_say {
        return Err(Error::NotAHolder(signers.iter().map(|signer| signer.keyid().clone()).collect()));
    }
    if !signers.is_empty() {
        for freed in projects.iter().filter(|one| one.act == Act::Freed) {
            ledger.note_freed(&freed.name, now);
        }
    }
    let bins = |targets: &Targets| targets.delegations.iter().flat_map(|d| &d.roles).count();
    let unclaimed = ceremony.step(&RoleName::unclaimed());
    let bins =
        unclaimed.and_then(|step| Some((bins(step.before.as_ref()?.signed()), bins(step.after.signed()))));
    Ok(Outcome {
        roles,
        projects,
        keys,
        lists: lists_change(ceremony),
        bins: bins.filter(|(before, after)| before != after),
        ledger_is_new,
        by_others: !before.by_others.is_empty(),
        whole,
        ceremony: Ceremony { root: new_root, steps, ..ceremony.clone() },
    })
}

fn says_nothing(step: &Step, made: &Envelope<Targets>, now: Moment) -> bool {
    let Some(before) = &step.before else { return false };
    let (before, wanted, made) = (before.signed(), step.after.signed(), made.signed());
    let is_near = before.expires <= now.plus(made.expires.since(now) / 2);
    made.delegations == before.delegations && wanted.delegations != before.delegations && !is_near
}

/// Whether `targets` goes on naming the same holders of a role, for the same names. Where it does not, the role is part of
/// the ceremony, whatever it says.
fn is_delegated_to_as_before(ceremony: &Ceremony, role: &RoleName) -> bool {
    let child = |targets: &Targets| {
        let children = targets.delegations.iter().flat_map(|delegations| &delegations.roles);
        children.into_iter().find(|child| child.name == *role).cloned()
    };
    child(ceremony.targets.signed()) == child(ceremony.top())
}

/// The changes of each list.
fn by_list<'a>(projects: &'a [Project], lists: &'a forms::Lists) -> BTreeMap<&'a RoleName, Vec<&'a Project>> {
    let mut all: BTreeMap<&RoleName, Vec<&Project>> = BTreeMap::new();
    for project in projects {
        let roles: BTreeSet<&RoleName> = lists.of(&project.name).map(|list| &list.role).collect();
        for role in roles.into_iter().filter(|role| role.is_list()) {
            all.entry(role).or_default().push(project);
        }
    }
    all
}

/// Which lists `targets` would delegate to, and which not any more.
fn lists_change(ceremony: &Ceremony) -> Vec<String> {
    let names = |targets: &Targets| -> BTreeSet<RoleName> {
        targets.delegations.iter().flat_map(|d| &d.roles).map(|child| child.name.clone()).collect()
    };
    let (before, after) = (names(ceremony.targets.signed()), names(ceremony.top()));
    let come = after.difference(&before).map(|role| format!("delegates to {role}"));
    let go = before.difference(&after).map(|role| format!("delegates to {role} no more"));
    come.chain(go).collect()
}
