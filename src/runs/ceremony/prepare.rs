//! `ceremony prepare`: everything that waits, in one file. Signs nothing, and changes nothing that is published.

use super::Error;
use crate::ceremony::{Ceremony, Retired, Step};
use crate::model::{Envelope, Moment, ProjectName, RoleName, Targets};
use crate::report::{Reporter, Stage, event};
use crate::runs::lists::{self, Claimed};
use crate::runs::roles::Versions;
use crate::site::Site;
use crate::site::read::{self, Published};
use crate::state::State;
use crate::state::ledger;
use crate::trust::{Lives, Standing};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// What to prepare.
#[derive(Debug)]
pub struct Request<'a> {
    /// The site.
    pub site: &'a Path,
    /// The state folder.
    pub state: &'a Path,
    /// How long roles live.
    pub lives: &'a Lives,
    /// Projects wait at least so long after their keys were registered.
    pub older_than: Duration,
    /// The run's now.
    pub now: Moment,
    /// Where the file goes.
    pub out: &'a Path,
}

/// What was prepared.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Projects that are to be signed over.
    pub promoted: Vec<ProjectName>,
    /// Projects that wait on, for their keys are too young or of an age that nobody knows.
    pub young: Vec<ProjectName>,
    /// Roles that are to be signed, with their versions.
    pub roles: Vec<(RoleName, u64)>,
}

/// Prepares; writes no file where nothing waits. The caller holds the lock.
///
/// # Errors
/// [`Error`].
pub fn prepare(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let (site, state) = (Site::new(request.site), State::new(request.state));
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(request.site.display().to_string()));
    }
    if ledger::outstanding(&state)?.is_some() {
        return Err(Error::Outstanding);
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    let versions = Versions::of(&site)?.above(ledger::handed_out(&state)?);
    let mut outcome = Outcome::default();
    let lines = ledger::load(&state)?;
    let mut claimed = Claimed::of(&published);
    for (name, project) in published.projects.iter() {
        if project.standing() != Standing::RecentlyClaimed || project.is_suspended() {
            continue;
        }
        let since = ledger::last(&lines, name).map(|line| line.at);
        let is_old = since.is_some_and(|since| since.plus(request.older_than) <= request.now);
        if request.older_than.is_zero() || is_old {
            claimed.add(name, project);
            outcome.promoted.push(name.clone());
        } else {
            outcome.young.push(name.clone());
        }
    }
    let steps = steps(request, &published, &versions, &claimed)?;
    outcome.roles =
        steps.iter().map(|step| (step.role.clone(), step.after.signed().version.number())).collect();
    if steps.is_empty() {
        return Ok(outcome);
    }
    let lists = claimed.roles(&published);
    let goes = |role: &RoleName| !lists::is_recently_claimed(role) && !lists.contains_key(role);
    let retired = published.lists.iter().filter(|(role, _)| goes(role));
    let retired = retired
        .map(|(role, list)| Retired { role: role.clone(), last: list.metadata.envelope().clone() })
        .collect();
    let ceremony = Ceremony {
        root: published.root.envelope().clone(),
        targets: published.targets.envelope().clone(),
        retired,
        steps,
    };
    let versions = ceremony.steps.iter().map(|step| (step.role.clone(), step.after.signed().version));
    ledger::hand_out(&state, versions)?;
    ceremony.write(request.out)?;
    let frozen: BTreeSet<String> = outcome.promoted.iter().map(ToString::to_string).collect();
    ledger::set_outstanding(&state, request.now, frozen)?;
    Ok(outcome)
}

/// The roles to be signed: `targets` where its lists change, the lists that change, and whatever has less than
/// half of its life left.
fn steps(
    request: &Request<'_>,
    published: &Published,
    versions: &Versions,
    claimed: &Claimed,
) -> Result<Vec<Step>, Error> {
    let is_near = |role: &RoleName, expires: Moment| expires <= request.now.plus(request.lives.of(role) / 2);
    let lists = claimed.roles(published);
    let top = claimed.targets(published, lists.keys());
    let mut steps = Vec::new();
    let targets = RoleName::targets();
    if top != published.targets.delegations || is_near(&targets, published.targets.expires) {
        steps.push(step(request, published, versions, targets, Some(published.targets.envelope()), top)?);
    }
    for (role, delegations) in lists {
        let before = published.lists.get(&role).map(|list| &list.metadata);
        let same = before.is_some_and(|before| before.delegations == delegations);
        if !same || before.is_some_and(|before| is_near(&role, before.expires)) {
            let before = before.map(|before| before.envelope());
            steps.push(step(request, published, versions, role, before, delegations)?);
        }
    }
    let unclaimed = RoleName::unclaimed();
    if is_near(&unclaimed, published.unclaimed.expires) {
        let delegations = published.unclaimed.delegations.clone();
        let before = Some(published.unclaimed.envelope());
        steps.push(step(request, published, versions, unclaimed, before, delegations)?);
    }
    debug_assert!(steps.iter().all(|step| !lists::is_recently_claimed(&step.role)));
    Ok(steps)
}

fn step(
    request: &Request<'_>,
    published: &Published,
    versions: &Versions,
    role: RoleName,
    before: Option<&Envelope<Targets>>,
    delegations: Option<crate::model::Delegations>,
) -> Result<Step, Error> {
    let version = versions.next_of(&role, published);
    let expires = request.now.plus(request.lives.of(&role));
    let targets = Targets::new(version, expires, BTreeMap::new(), delegations);
    let after = Envelope::seal(targets, |_| Ok::<_, Error>(Vec::new()))?;
    Ok(Step { role, before: before.cloned(), after })
}
