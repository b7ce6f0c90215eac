//! Roles of authors that are about to lapse: a build cannot renew them, and one that has lapsed takes the
//! whole repository down for tough (TUF 1.0.34 section 5.6.7 ends a look-up there).

use super::guard;
use crate::disk;
use crate::model::{Moment, ProjectName, RoleName};
use crate::report::{Code, Reporter, Warning};
use crate::site::outline::Outline;
use crate::site::projects::Project;
use crate::state::State;
use crate::state::ledger::{self, Registration, What};
use crate::trust::{Lives, Standing, lives};
use std::collections::BTreeSet;

/// What else the run publishes.
#[derive(Debug, Default)]
pub(super) struct Beside<'a> {
    /// Projects that get a role of their own, or leave `recently-claimed`.
    pub(super) moved: BTreeSet<&'a ProjectName>,
    /// Roles that people have signed anew.
    pub(super) renewed: BTreeSet<&'a RoleName>,
}

/// Projects to suspend: a snapshot signed now leads to them for as long as it lives, and one of their roles
/// would lapse before that. Those that come near it, and those that only a ceremony can suspend, are named.
///
/// Nothing is suspended where a role that people sign has ended: clients whose clocks say so take nothing at all, so that nobody
/// gains by it, and if it is our clock that is wrong, no operator could give the author's role back.
pub(super) fn lapsing<'a>(
    published: &'a Outline,
    lives: &Lives,
    now: Moment,
    beside: &Beside<'_>,
    reporter: &dyn Reporter,
) -> Vec<&'a ProjectName> {
    let is_over = guard::offline_roles(published)
        .any(|(role, expires)| expires <= now && role != RoleName::root() && !beside.renewed.contains(&role));
    let mut lapsing = Vec::new();
    let stay =
        |(name, project): &(&ProjectName, &Project)| !project.is_suspended() && !beside.moved.contains(name);
    for (name, project) in published.projects.iter().filter(stay) {
        let Some((role, expires)) = project.first_to_end() else { continue };
        let recently = project.standing() == Standing::RecentlyClaimed;
        if expires <= now.plus(lives::must_outlive(lives)) && recently && !is_over {
            let message = format!(
                "{role} ends on {expires} and nobody signed it again: {name} is suspended, and nothing of it is \
                 published, until its author submits a new version"
            );
            reporter.warn(Warning::of_run(Code::Suspended, message));
            lapsing.push(name);
        } else if expires < now.plus(lives::notice(&role, lives)) {
            let (days, then) = (
                expires.since(now).as_secs() / 86_400,
                if recently && is_over {
                    "the project is not suspended as long as roles of the index's own have ended, or the clock is ahead"
                } else if recently {
                    "the last build before that suspends the project"
                } else {
                    "from then on clients refuse the project, and tough the repository; a ceremony can suspend it"
                },
            );
            let when =
                if expires <= now { format!("ended on {expires}") } else { format!("ends in {days} days") };
            let message = format!("{role} {when}: its holder must sign again and submit; {then}");
            reporter.warn(Warning::of_run(Code::AuthorExpiry, message));
        }
    }
    lapsing
}

/// Notes in the ledger whose the suspended projects are.
pub(super) fn record(
    state: &State,
    published: &Outline,
    lapsing: &[&ProjectName],
    now: Moment,
) -> Result<(), disk::Error> {
    let lines = lapsing.iter().filter_map(|name| {
        let project = published.projects.get(*name)?;
        Some(Registration {
            project: name.to_string(),
            what: What::Suspended,
            at: now,
            keys: project.keys.clone(),
            threshold: project.delegation.keys.threshold,
        })
    });
    ledger::append(state, &lines.collect::<Vec<_>>())
}
