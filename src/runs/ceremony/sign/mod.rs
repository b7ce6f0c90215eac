//! `ceremony show` and `ceremony sign`: on a machine that has this binary, the file and a key. Nothing that the
//! file says of itself is believed: what is shown follows from the bytes to be signed, from their signed
//! predecessors, and from the ledger beside the key.

mod chain;
mod form;
mod names;

use super::Error;
use crate::ceremony::{Ceremony, Ledger, Step};
use crate::keys::Signer;
use crate::model::{Envelope, KeyId, Metadata, Moment, ProjectName, RoleName, Sha256, Signature, Targets};
use crate::pipeline::sign as pipeline_sign;
use crate::trust::ceremony::{self as judge, Change, Held};
use chain::holders;
use names::delegated;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the signer decided beforehand.
#[derive(Clone, Debug, Default)]
pub struct Confirmed {
    /// Keys that the signer knows to be a project's.
    pub projects: BTreeMap<ProjectName, Vec<KeyId>>,
    /// Whether the index is believed in all else.
    pub all: bool,
    /// Whether the ceremony that was signed last was abandoned, so that this one follows an older version.
    pub abandoned: bool,
    /// How long the ledger must have known a key that nobody confirms.
    pub older_than: Duration,
}

/// What a project is to get.
#[derive(Clone, Debug)]
pub struct Project {
    /// Its name.
    pub name: ProjectName,
    /// The keys that are to hold it.
    pub held: Held,
    /// Since when the ledger knows them; none if it saw them for the first time.
    pub since: Option<Moment>,
    /// The keys that the ledger knew until now, where they are others.
    pub instead_of: Option<Vec<KeyId>>,
    /// Whether it is signed over now.
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
    /// Projects that it would sign over.
    pub projects: Vec<Project>,
    /// Lists that `targets` would delegate to, and would not any more.
    pub lists: Vec<String>,
    /// Whether this ledger has signed it before.
    pub is_known: bool,
    /// Who has signed it, after these signers.
    pub signed: Vec<KeyId>,
    /// How many must.
    pub threshold: u32,
    /// Whether these signers sign it.
    pub signs: bool,
}

/// What was looked at.
#[derive(Debug)]
pub struct Outcome {
    /// The roles.
    pub roles: Vec<Seen>,
    /// Whether the ledger was there.
    pub ledger_is_new: bool,
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
    chain::chain(ceremony, signers, ledger)?;
    for (index, step) in ceremony.steps.iter().enumerate() {
        if ceremony.steps[..index].iter().any(|other| other.role == step.role) {
            let what = "it stands in the file twice".to_owned();
            return Err(Error::Strange { role: step.role.clone(), what });
        }
        form::check(ceremony, step, now)?;
    }
    let held_before = names::held_before(ceremony, ledger)?;
    let mut steps = Vec::new();
    let mut roles = Vec::new();
    for step in &ceremony.steps {
        chain::predecessor(ceremony, step, ledger, confirmed)?;
        let (projects, lists) = judged(step, &held_before, ledger, confirmed, now)?;
        let after = approved(step, &projects)?;
        let (keys, held) = holders(ceremony, &step.role)?;
        if let Some(shortfall) = chain::nobody_else(&after, &keys, &held) {
            return Err(Error::Chain { role: step.role.clone(), fault: shortfall });
        }
        let by: Vec<&dyn Signer> =
            signers.iter().filter(|signer| held.keyids.contains(signer.keyid())).copied().collect();
        // What is left without the projects that are not approved may be nothing at all.
        let says_something = after.covered() == step.after.covered()
            || projects.iter().any(|project| project.approved)
            || !lists.is_empty();
        let signs = !by.is_empty() && says_something;
        if signs && ledger.signed(&RoleName::root()).is_none() {
            let root = &ceremony.root;
            ledger.note_signed(&RoleName::root(), root.signed().version, Sha256::of(root.covered()), now);
        }
        let after = if signs { signed(step, after, &by, ledger, now)? } else { after };
        let sealed = after.signatures().iter().map(|signature| signature.keyid.clone());
        roles.push(Seen {
            role: step.role.clone(),
            before: step.before.as_ref().map(|before| before.signed().version.number()),
            version: after.signed().version.number(),
            expires: after.signed().expires,
            projects,
            lists,
            is_known: ledger.signed(&step.role).is_some(),
            signed: sealed.collect(),
            threshold: held.threshold,
            signs,
        });
        steps.push(Step { role: step.role.clone(), before: step.before.clone(), after });
    }
    names::nobody_falls(ceremony, &held_before, &steps, ledger)?;
    if !signers.is_empty() && !ceremony.steps.is_empty() && roles.iter().all(|role| !role.signs) {
        let has_say = ceremony.steps.iter().any(|step| {
            holders(ceremony, &step.role)
                .is_ok_and(|(_, held)| signers.iter().any(|one| held.keyids.contains(one.keyid())))
        });
        if !has_say {
            return Err(Error::NotAHolder(signers.iter().map(|signer| signer.keyid().clone()).collect()));
        }
    }
    let ceremony = Ceremony { steps, ..ceremony.clone() };
    Ok(Outcome { roles, ledger_is_new, ceremony })
}

/// What a role changes: the projects that it would sign over, each judged, and the lists that come and go.
fn judged(
    step: &Step,
    held_before: &BTreeMap<RoleName, Held>,
    ledger: &mut Ledger,
    confirmed: &Confirmed,
    now: Moment,
) -> Result<(Vec<Project>, Vec<String>), Error> {
    let strange = |what: String| Err(Error::Strange { role: step.role.clone(), what });
    let before = step.before.as_ref().map(Envelope::signed);
    let (mut projects, mut lists) = (Vec::new(), Vec::new());
    for change in judge::changes(before, step.after.signed()) {
        let is_list = step.role != RoleName::targets() && step.role.is_list();
        match change {
            // One that was signed over before only moves.
            Change::Added(role, held) if is_list && held_before.get(&role) == Some(&held) => {}
            Change::Added(role, held) if is_list && judge::project_of(&role).is_some() => {
                let Some(name) = judge::project_of(&role) else { continue };
                let seen = ledger.seen(&name).cloned();
                let same =
                    seen.as_ref().filter(|seen| seen.keys == held.keys && seen.threshold == held.threshold);
                let named = confirmed.projects.get(&name).is_some_and(|keys| *keys == held.keys);
                projects.push(Project {
                    approved: same.is_some_and(|seen| seen.since.plus(confirmed.older_than) <= now)
                        || named
                        || confirmed.all,
                    since: same.map(|seen| seen.since),
                    instead_of: seen.filter(|seen| seen.keys != held.keys).map(|seen| seen.keys),
                    name: name.clone(),
                    held: held.clone(),
                });
                ledger.note_seen(&name, &held.keys, held.threshold, now);
            }
            Change::Added(role, _) if step.role == RoleName::targets() && role.is_list() => {
                lists.push(format!("delegates to {role}"));
            }
            Change::Removed(role, _) if step.role == RoleName::targets() && role.is_list() => {
                lists.push(format!("delegates to {role} no more"));
            }
            // Whether it stands somewhere else is looked at over all lists.
            Change::Removed(..) if is_list => {}
            Change::Reordered => return strange("the order of its delegations would change".to_owned()),
            Change::Added(role, _) => return strange(format!("it would delegate to {role}")),
            Change::Removed(role, _) => {
                return strange(format!(
                    "it would not delegate to {role} any more, and the name would be anybody's"
                ));
            }
            Change::Changed(role, old, new) => {
                return strange(format!(
                    "{role} would be held by {} instead of {}",
                    shown(&new),
                    shown(&old)
                ));
            }
            Change::Files => return strange("it would list files itself".to_owned()),
            Change::Other(what) => return strange(what.to_owned()),
        }
    }
    Ok((projects, lists))
}

fn shown(held: &Held) -> String {
    let keys: Vec<&str> = held.keys.iter().map(KeyId::as_str).collect();
    format!("{} of {}", held.threshold, keys.join(", "))
}

/// The role with the approved projects alone.
fn approved(step: &Step, projects: &[Project]) -> Result<Envelope<Targets>, Error> {
    let left_out: Vec<&ProjectName> =
        projects.iter().filter(|project| !project.approved).map(|project| &project.name).collect();
    if left_out.is_empty() {
        return Ok(step.after.clone());
    }
    let mut targets = step.after.signed().clone();
    if let Some(delegations) = targets.delegations.as_mut() {
        delegations
            .roles
            .retain(|child| judge::project_of(&child.name).is_none_or(|name| !left_out.contains(&&name)));
        let used: Vec<KeyId> = delegations.roles.iter().flat_map(|child| child.keys.keyids.clone()).collect();
        delegations.keys.retain(|keyid, _| used.contains(keyid));
        if delegations.roles.is_empty() {
            targets.delegations = None;
        }
    }
    Envelope::seal(targets, |_| Ok::<Vec<Signature>, Error>(Vec::new()))
}

/// Signs; the ledger learns of it first.
fn signed(
    step: &Step,
    after: Envelope<Targets>,
    by: &[&dyn Signer],
    ledger: &mut Ledger,
    now: Moment,
) -> Result<Envelope<Targets>, Error> {
    pipeline_sign::fits(&step.role, after.covered(), by)?;
    let sha256 = Sha256::of(after.covered());
    if let Some(last) = ledger.signed(&step.role)
        && after.signed().version() == last.version
        && sha256 != last.sha256
    {
        let what = format!("version {} was signed with this ledger, with other content", last.version);
        return Err(Error::Ledger { role: step.role.clone(), what });
    }
    if let (None, Some(before)) = (ledger.signed(&step.role), &step.before) {
        // What the first ceremony with a ledger follows is where its memory begins.
        ledger.note_signed(&step.role, before.signed().version(), Sha256::of(before.covered()), now);
    }
    ledger.note_signed(&step.role, after.signed().version(), sha256, now);
    if step.role.is_list() && step.role != RoleName::targets() {
        for (role, held) in delegated(after.signed()) {
            let Some(name) = judge::project_of(&role) else { continue };
            let known = ledger.claimed().any(|(claimed, seen)| {
                claimed == name.as_str() && seen.keys == held.keys && seen.threshold == held.threshold
            });
            if !known {
                ledger.note_claimed(&name, &held.keys, held.threshold, now);
            }
        }
    }
    let mut after = after;
    for signer in by {
        let signature = signer.sign(after.covered()).map_err(pipeline_sign::Error::from)?;
        after = after.with_signature(signature);
    }
    Ok(after)
}
