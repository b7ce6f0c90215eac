//! Roles of authors that are about to lapse: a build cannot renew them, and one that has lapsed takes the
//! whole repository down for tough (TUF 1.0.34 section 5.6.7 ends a look-up there).

use crate::disk;
use crate::model::{Moment, ProjectName};
use crate::report::{Code, Reporter, Warning};
use crate::site::outline::Outline;
use crate::state::State;
use crate::state::ledger::{self, Registration, What};
use crate::trust::{Lives, Standing, lives};

/// Projects to suspend: a snapshot signed now leads to them for as long as it lives, and one of their roles
/// would lapse before that. Those that come near it, and those that only a ceremony can suspend, are named.
pub(super) fn lapsing<'a>(
    published: &'a Outline,
    lives: &Lives,
    now: Moment,
    reporter: &dyn Reporter,
) -> Vec<&'a ProjectName> {
    let mut lapsing = Vec::new();
    for (name, project) in published.projects.iter().filter(|(_, project)| !project.is_suspended()) {
        let Some((role, expires)) =
            project.roles().map(|(role, metadata, _)| (role, metadata.expires)).min_by_key(|(_, e)| *e)
        else {
            continue;
        };
        let recently = project.standing() == Standing::RecentlyClaimed;
        if expires <= now.plus(lives::must_outlive(lives)) && recently {
            let message = format!(
                "{role} ends on {expires} and nobody signed it again: {name} is suspended, and nothing of it is \
                 published, until its author submits a new version"
            );
            reporter.warn(Warning::of_run(Code::Suspended, message));
            lapsing.push(name);
        } else if expires < now.plus(lives::notice(&role, lives)) {
            let (days, then) = (
                expires.since(now).as_secs() / 86_400,
                if recently {
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
