//! `ceremony show` and `ceremony sign`: on a machine that has this binary, the file and a key. Nothing that the
//! file says of itself is believed: what is shown follows from the bytes to be signed, from their signed
//! predecessors, and from the ledger beside the key.

mod form;

use super::Error;
use crate::ceremony::{Ceremony, Ledger, Retired, Step};
use crate::keys::Signer;
use crate::model::{
    Delegations, Envelope, Key, KeyId, Metadata, Moment, ProjectName, RoleKeys, RoleName, Sha256, Signature,
    TargetPath, Targets,
};
use crate::pipeline::sign as pipeline_sign;
use crate::trust::ceremony::{self as judge, Change, Held};
use crate::trust::signature::PublicKey;
use crate::trust::{Fault, verified};
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
    chain(ceremony, signers, ledger)?;
    for (index, step) in ceremony.steps.iter().enumerate() {
        if ceremony.steps[..index].iter().any(|other| other.role == step.role) {
            let what = "it stands in the file twice".to_owned();
            return Err(Error::Strange { role: step.role.clone(), what });
        }
        form::check(ceremony, step, now)?;
    }
    let held_before = held_before(ceremony, ledger)?;
    let mut steps = Vec::new();
    let mut roles = Vec::new();
    for step in &ceremony.steps {
        predecessor(ceremony, step, ledger, confirmed)?;
        let (projects, lists) = judged(step, &held_before, ledger, confirmed, now)?;
        let after = approved(step, &projects)?;
        let (keys, held) = holders(ceremony, &step.role)?;
        if let Some(shortfall) = nobody_else(&after, &keys, &held) {
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
    nobody_falls(ceremony, &held_before, &steps, ledger)?;
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

/// The published root and targets must hold, and must not be older than what the ledger knows.
fn chain(ceremony: &Ceremony, signers: &[&dyn Signer], ledger: &Ledger) -> Result<(), Error> {
    let root = ceremony.root.signed();
    let by_root = |role: &RoleName| root.role(role).cloned().unwrap_or_else(|| RoleKeys::new(Vec::new(), 1));
    let (root_role, targets_role) = (RoleName::root(), RoleName::targets());
    let unsigned =
        |role: &RoleName, shortfall| Error::Chain { role: role.clone(), fault: Fault::Unsigned(shortfall) };
    verified::check(&ceremony.root, &root.keys, &by_root(&root_role)).map_err(|s| unsigned(&root_role, s))?;
    verified::check(&ceremony.targets, &root.keys, &by_root(&targets_role))
        .map_err(|s| unsigned(&targets_role, s))?;
    match ledger.signed(&root_role) {
        Some(known) if known.sha256 != Sha256::of(ceremony.root.covered()) => {
            let what = "it is another root than the one that this ledger began with".to_owned();
            return Err(Error::Ledger { role: root_role, what });
        }
        Some(_) => {}
        // A file can hold a root of anybody's making. What one's own key has signed, nobody else has made.
        None if !signers.is_empty()
            && !signers.iter().any(|signer| has_signed(&ceremony.targets, *signer)) =>
        {
            let what = "this ledger knows no root yet, and your key has not signed targets: nothing shows whose \
                        repository this is. Begin with the ledger of a holder who has";
            return Err(Error::Ledger { role: targets_role, what: what.to_owned() });
        }
        None => {}
    }
    for (role, version, covered) in [
        (root_role, root.version, ceremony.root.covered()),
        (targets_role, ceremony.targets.signed().version, ceremony.targets.covered()),
    ] {
        if let Some(last) = ledger.signed(&role)
            && (version < last.version || (version == last.version && Sha256::of(covered) != last.sha256))
        {
            let what = format!(
                "the file goes by version {version}, and version {} was signed with this ledger",
                last.version
            );
            return Err(Error::Ledger { role, what });
        }
    }
    Ok(())
}

/// Whether a signer's own key has signed an envelope, by the key that the signer holds and not one in the file.
fn has_signed(envelope: &Envelope<Targets>, signer: &dyn Signer) -> bool {
    let key = PublicKey::read(signer.key());
    let signature = envelope.signatures().iter().find(|signature| signature.keyid == *signer.keyid());
    key.ok()
        .zip(signature)
        .is_some_and(|(key, signature)| key.verify(envelope.covered(), &signature.sig).is_ok())
}

/// Who holds which project by the lists that change, or that give way to others, as the administrators signed
/// them last.
fn held_before(ceremony: &Ceremony, ledger: &Ledger) -> Result<BTreeMap<RoleName, Held>, Error> {
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
fn delegated(list: &Targets) -> BTreeMap<RoleName, Held> {
    let added = judge::changes(None, list).into_iter();
    added
        .filter_map(|change| if let Change::Added(role, held) = change { Some((role, held)) } else { None })
        .collect()
}

/// Every project that was held is held as it was, by one list or another: no name falls to the bins.
fn nobody_falls(
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
fn covered(ceremony: &Ceremony, role: &RoleName) -> bool {
    let path =
        judge::project_of(role).and_then(|name| format!("packages/{name}/-").parse::<TargetPath>().ok());
    let Some(path) = path else { return false };
    let digest = path.digest().to_string();
    let children = top(ceremony).delegations.iter().flat_map(|d| &d.roles);
    let mut lists = children.filter(|child| child.name.is_list() && child.covers(&path, &digest));
    lists.any(|child| ceremony.steps.iter().any(|step| step.role == child.name))
}

/// `targets` as it is to be, or as it is published.
fn top(ceremony: &Ceremony) -> &Targets {
    let to_be = ceremony.steps.iter().find(|step| step.role == RoleName::targets());
    to_be.map_or(ceremony.targets.signed(), |step| step.after.signed())
}

/// The keys that a role is held by: as `targets` says that is to be signed, or that is published.
fn holders(ceremony: &Ceremony, role: &RoleName) -> Result<(BTreeMap<KeyId, Key>, RoleKeys), Error> {
    let root = ceremony.root.signed();
    let targets = RoleName::targets();
    if *role == targets {
        let keys = root.role(role).cloned().unwrap_or_else(|| RoleKeys::new(Vec::new(), 1));
        return Ok((root.keys.clone(), keys));
    }
    let none = Delegations::default();
    let delegations = top(ceremony).delegations.as_ref().unwrap_or(&none);
    let strange =
        || Error::Strange { role: role.clone(), what: "targets does not delegate to it".to_owned() };
    let child = delegations.roles.iter().find(|child| child.name == *role).ok_or_else(strange)?;
    Ok((delegations.keys.clone(), child.role_keys()))
}

/// The signatures that are there already must be right ones.
fn nobody_else(after: &Envelope<Targets>, keys: &BTreeMap<KeyId, Key>, held: &RoleKeys) -> Option<Fault> {
    let signed = after.signatures().iter().filter(|signature| held.keyids.contains(&signature.keyid));
    let all = RoleKeys::new(signed.map(|signature| signature.keyid.clone()).collect(), held.threshold);
    let without = match verified::check(after, keys, &all) {
        Ok(without) => without,
        Err(shortfall) => shortfall.without,
    };
    let broken = without.into_iter().find(|(_, fault)| fault.is_damage());
    broken.map(|(keyid, fault)| Fault::BrokenSignature { keyid, fault })
}

/// What a role follows must be what the ledger signed last, and what its parent's keys have signed.
fn predecessor(
    ceremony: &Ceremony,
    step: &Step,
    ledger: &Ledger,
    confirmed: &Confirmed,
) -> Result<(), Error> {
    let role = &step.role;
    let refuse = |what: String| Err(Error::Ledger { role: role.clone(), what });
    let version = step.after.signed().version();
    let last = ledger.signed(role);
    let Some(before) = &step.before else {
        return match last {
            Some(last) => refuse(format!(
                "the file calls it new, and version {} was signed with this ledger",
                last.version
            )),
            None => Ok(()),
        };
    };
    // As it was published: by the keys that targets named until now.
    let none = Delegations::default();
    let parent = ceremony.targets.signed().delegations.as_ref().unwrap_or(&none);
    let (keys, held) = if *role == RoleName::targets() {
        let root = ceremony.root.signed();
        let held = root.role(role).cloned().unwrap_or_else(|| RoleKeys::new(Vec::new(), 1));
        (&root.keys, held)
    } else {
        let child = parent.roles.iter().find(|child| child.name == *role);
        let held = child.map_or_else(|| RoleKeys::new(Vec::new(), 1), |child| child.role_keys());
        (&parent.keys, held)
    };
    verified::check(before, keys, &held)
        .map_err(|shortfall| Error::Chain { role: role.clone(), fault: Fault::Unsigned(shortfall) })?;
    if *role == RoleName::targets() && before.covered() != ceremony.targets.covered() {
        return refuse("the file holds two published versions of it".to_owned());
    }
    if version <= before.signed().version() {
        return refuse(format!("version {version} does not follow version {}", before.signed().version()));
    }
    let Some(last) = last else { return Ok(()) };
    // That no version gets a second content is looked at where it is signed: it may lose projects before that.
    if version < last.version {
        return refuse(format!("version {} was signed with this ledger, with other content", last.version));
    }
    let follows = (before.signed().version(), Sha256::of(before.covered()));
    // A ceremony that was signed and abandoned is not what this follows; what it signed over stays all the same.
    let is_own = confirmed.abandoned && ledger.has_signed(role, follows.0, follows.1);
    if version > last.version && follows != (last.version, last.sha256) && !is_own {
        return refuse(format!(
            "it follows version {}, which is not what was signed last with this ledger (version {}); if that ceremony was \
             abandoned, and you know it from the people who run the index, give --abandoned",
            follows.0, last.version
        ));
    }
    Ok(())
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
