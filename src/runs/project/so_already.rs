//! What waits in the queue and is so already: a run that carried it out did not get as far as to take it out, or somebody
//! asked for it on another way.

use super::{Error, revoke};
use crate::model::Moment;
use crate::site::projects::Project;
use crate::site::read::Published;
use crate::state::State;
use crate::state::ceremony::{self as waiting, Queued, Wanted};
use crate::state::ledger::{self, Registration, What};
use crate::submission::Submission;

/// Takes what is so already of these changes out of the queue; gives it.
pub(in crate::runs) fn forget(
    state: &State,
    published: &Published,
    ledger: &[Registration],
    now: Moment,
    queued: &[Queued],
) -> Result<Vec<Queued>, Error> {
    let done = queued.iter().filter(|one| is_so(state, one, published, ledger));
    let done: Vec<Queued> = done.cloned().collect();
    for one in &done {
        settle(state, one, published, ledger, now)?;
    }
    waiting::dequeue(state, |one| done.contains(one))?;
    Ok(done)
}

/// Whether a change is so already.
pub(in crate::runs) fn is_so(
    state: &State,
    one: &Queued,
    published: &Published,
    ledger: &[Registration],
) -> bool {
    let Some(project) = published.projects.get(&one.project) else { return false };
    match one.wanted {
        Wanted::Rekey => !project.is_suspended() && is_held_by(project, state, one),
        Wanted::Revoke => project.is_suspended() || is_registered_since(project, one, ledger),
    }
}

/// What is left to do of one that is: the ledger says that what is suspended was to be revoked.
fn settle(
    state: &State,
    one: &Queued,
    published: &Published,
    ledger: &[Registration],
    now: Moment,
) -> Result<(), Error> {
    let is_suspended = published.projects.get(&one.project).is_some_and(Project::is_suspended);
    let is_known = || ledger::last_loss(ledger, &one.project).is_some_and(|line| line.what == What::Revoked);
    if is_suspended && !is_known() {
        revoke::note(state, ledger, &one.project, now)?;
    }
    Ok(())
}

/// Whether the keys that the waiting submission brings hold the project, as many of them as it says.
fn is_held_by(project: &Project, state: &State, one: &Queued) -> bool {
    if !project.keys.keys().eq(&one.keys) {
        return false;
    }
    let claim = Submission::open(&state.queued_submission(one)).ok().and_then(|waits| waits.claim);
    claim.is_some_and(|claim| claim.holds(project))
}

/// Whether the operator gave the project keys after it was to be revoked.
fn is_registered_since(project: &Project, one: &Queued, ledger: &[Registration]) -> bool {
    let threshold = project.delegation.keys.threshold;
    ledger.iter().any(|line| {
        line.project == one.project.as_str()
            && line.what == What::Registered
            && line.at > one.at
            && line.names(&project.keys, threshold)
    })
}
