//! `ceremony apply` and `ceremony abandon`: what came back from the safe is checked against what is published,
//! and published in one swap with what the online key has to say to it.

use super::Error;
use crate::ceremony::{Ceremony, Step};
use crate::keys::Signer;
use crate::model::{
    Compression, Envelope, Inventory, Metadata, Moment, ProjectName, RoleKeys, RoleName, Targets, Version,
};
use crate::pipeline::sign::SignedRole;
use crate::report::{Reporter, Stage, event};
use crate::runs::guard;
use crate::runs::lists::Registered;
use crate::runs::publish::{Manner, Publication};
use crate::runs::roles::Due;
use crate::site::Site;
use crate::site::projects::Project;
use crate::site::read::{self, Published};
use crate::site::swap;
use crate::state::ledger::{self, Registration, What};
use crate::state::{State, journal};
use crate::trust::ceremony::{self as judge, Change};
use crate::trust::{Lives, Standing, verified};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What to publish.
#[derive(Debug)]
pub struct Request<'a> {
    /// The site.
    pub site: &'a Path,
    /// The state folder.
    pub state: &'a Path,
    /// In which forms metadata gets compressed copies.
    pub compress: &'a [Compression],
    /// How long roles live.
    pub lives: &'a Lives,
    /// The run's now.
    pub now: Moment,
    /// What came back: one file of each holder.
    pub files: &'a [PathBuf],
}

/// What was published.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Projects that are claimed now.
    pub claimed: Vec<ProjectName>,
    /// Roles, with their versions.
    pub roles: Vec<(RoleName, Version)>,
    /// The snapshot that is current now.
    pub snapshot: Version,
}

/// Publishes. The caller holds the lock.
///
/// # Errors
/// [`Error`]; the site is then what it was.
pub fn apply(request: &Request<'_>, online: &dyn Signer, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let (site, state) = (Site::new(request.site), State::new(request.state));
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(request.site.display().to_string()));
    }
    if ledger::outstanding(&state)?.is_none() {
        return Err(Error::NoneOutstanding);
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    guard::check_tree(&published, online, request.now)?;
    let files: Vec<Ceremony> =
        request.files.iter().map(|path| Ceremony::read(path)).collect::<Result<_, _>>()?;
    let steps = merged(&published, &files)?;
    let mut claimed = BTreeSet::new();
    for step in &steps {
        claimed.extend(promoted(&published, step)?);
    }
    let mut registered = Registered::of(&published);
    claimed.iter().for_each(|name| registered.remove(name));
    let roles: Vec<SignedRole> = steps
        .iter()
        .map(|step| {
            let bytes = step.after.to_bytes()?;
            Ok(SignedRole { role: step.role.clone(), version: step.after.signed().version(), bytes })
        })
        .collect::<Result<_, Error>>()?;
    let names = roles.iter().map(|role| (role.role.clone(), role.version)).collect();
    let after: Inventory = published.inventory()?;
    let unchanged = BTreeSet::new();
    let publication = Publication {
        site: &site,
        published: &published,
        after: &after,
        changed: &unchanged,
        registered,
        roles,
        due: Due::at(&published, request.lives, request.now),
    };
    let staging = swap::open_staging(&site, &state.staging())?;
    let manner = Manner { lives: request.lives, compress: request.compress, now: request.now };
    let publicised = publication.publish(manner, &staging, online, reporter)?;
    for name in &claimed {
        let Some(project) = published.projects.get(name) else { continue };
        let line = Registration {
            project: name.to_string(),
            what: What::Claimed,
            at: request.now,
            keys: project.keys.clone(),
            threshold: project.delegation.keys.threshold,
        };
        ledger::append(&state, &line)?;
    }
    ledger::clear_outstanding(&state)?;
    let entry = journal::Entry {
        now: request.now,
        run: "ceremony",
        snapshot: Some(publicised.snapshot),
        published: true,
        targets: [0; 4],
        signed: steps.len() as u64,
    };
    journal::append(&state, &entry)?;
    Ok(Outcome { claimed: claimed.into_iter().collect(), roles: names, snapshot: publicised.snapshot })
}

/// Gives a ceremony up: nothing is published, and keys may change again.
///
/// # Errors
/// [`Error::NoneOutstanding`], or that the state cannot be written.
pub fn abandon(state: &Path) -> Result<(), Error> {
    let state = State::new(state);
    match ledger::outstanding(&state)? {
        None => Err(Error::NoneOutstanding),
        Some(_) => Ok(ledger::clear_outstanding(&state)?),
    }
}

/// Every role that was signed, with the signatures of all files on the content that has enough of them.
fn merged(published: &Published, files: &[Ceremony]) -> Result<Vec<Step>, Error> {
    let Some(first) = files.first() else { return Ok(Vec::new()) };
    for file in files {
        for (role, ours, theirs) in [
            (RoleName::root(), published.root.envelope().covered(), file.root.covered()),
            (RoleName::targets(), published.targets.envelope().covered(), file.targets.covered()),
        ] {
            if ours != theirs {
                return Err(Error::Superseded { role });
            }
        }
    }
    let mut steps = Vec::new();
    let mut top = published.targets.envelope().signed().clone();
    for step in &first.steps {
        let same = files.iter().flat_map(|file| file.steps.iter().filter(|other| other.role == step.role));
        let mut contents: Vec<Envelope<Targets>> = Vec::new();
        for other in same {
            let known = contents.iter_mut().find(|known| known.covered() == other.after.covered());
            match known {
                None => contents.push(other.after.clone()),
                Some(known) => {
                    for signature in other.after.signatures() {
                        *known = known.clone().with_signature(signature.clone());
                    }
                }
            }
        }
        let current = published_envelope(published, &step.role).map(|envelope| envelope.covered().to_vec());
        if current.as_deref() != step.before.as_ref().map(Envelope::covered) {
            return Err(Error::Superseded { role: step.role.clone() });
        }
        let (keys, held) = if step.role == RoleName::targets() {
            let held = published.root.role(&step.role).cloned();
            (published.root.keys.clone(), held.unwrap_or_else(|| RoleKeys::new(Vec::new(), 1)))
        } else {
            let delegations = top.delegations.clone().unwrap_or_default();
            let child = delegations.roles.iter().find(|child| child.name == step.role);
            let held = child.map_or_else(|| RoleKeys::new(Vec::new(), 1), |child| child.role_keys());
            (delegations.keys, held)
        };
        let signed = contents.iter().find(|one| verified::check(one, &keys, &held).is_ok());
        let Some(after) = signed else {
            if contents.iter().filter(|one| !one.signatures().is_empty()).count() > 1 {
                return Err(Error::Different { role: step.role.clone() });
            }
            let best = contents.iter().max_by_key(|one| one.signatures().len());
            return match best.map(|one| verified::check(one, &keys, &held)) {
                Some(Err(shortfall)) => Err(Error::Unsigned { role: step.role.clone(), shortfall }),
                _ => Err(Error::Superseded { role: step.role.clone() }),
            };
        };
        if step.role == RoleName::targets() {
            top = after.signed().clone();
        }
        steps.push(Step { role: step.role.clone(), before: step.before.clone(), after: after.clone() });
    }
    Ok(steps)
}

/// A role of a ceremony as it is published.
fn published_envelope<'a>(published: &'a Published, role: &RoleName) -> Option<&'a Envelope<Targets>> {
    if *role == RoleName::targets() {
        Some(published.targets.envelope())
    } else if *role == RoleName::unclaimed() {
        Some(published.unclaimed.envelope())
    } else {
        published.lists.get(role).map(|list| list.metadata.envelope())
    }
}

/// The projects that a step signs over: each must stand in `recently-claimed` as it is to stand in `claimed`.
fn promoted(published: &Published, step: &Step) -> Result<Vec<ProjectName>, Error> {
    let mut promoted = Vec::new();
    let before = step.before.as_ref().map(Envelope::signed);
    for change in judge::changes(before, step.after.signed()) {
        let Change::Added(role, held) = change else { continue };
        let Some(name) = judge::project_of(&role) else { continue };
        let project: Option<&Project> = published.projects.get(&name);
        let project = project.ok_or_else(|| Error::ProjectChanged(name.clone()))?;
        let mut keys: Vec<_> = project.keys.keys().cloned().collect();
        keys.sort();
        if keys != held.keys || project.delegation.keys.threshold != held.threshold || project.is_suspended()
        {
            return Err(Error::ProjectChanged(name));
        }
        // One that moves from one shard to another is claimed already.
        if project.standing() == Standing::RecentlyClaimed {
            promoted.push(name);
        }
    }
    Ok(promoted)
}
