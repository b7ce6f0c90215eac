//! `sweep`: removes what no reader can still want.

use crate::disk;
use crate::model::{Metadata, Moment, moment};
use crate::report::{Code, Reporter, Stage, Warning, event};
use crate::site::Site;
use crate::site::read;
use crate::site::sweep::{self, Plan};
use crate::state::{State, uploads};
use crate::trust::Lives;
use std::path::Path;
use std::time::Duration;

/// What to sweep.
#[derive(Debug)]
pub struct Request<'a> {
    /// The site.
    pub site: &'a Path,
    /// The state folder.
    pub state: &'a Path,
    /// How long after it ceased to be current a snapshot's files stay.
    pub grace: Duration,
    /// How long roles live.
    pub lives: &'a Lives,
    /// The run's now.
    pub now: Moment,
    /// Whether to say only what would go.
    pub dry_run: bool,
}

/// What was swept.
#[derive(Debug)]
pub struct Outcome {
    /// What was, or would be, removed.
    pub plan: Plan,
    /// The grace period that held.
    pub grace: Duration,
}

/// Why nothing was swept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The published tree is not one that a client accepts.
    #[error(transparent)]
    Published(#[from] read::Error),
    /// It cannot be decided what to remove.
    #[error(transparent)]
    Undecided(#[from] sweep::Error),
    /// Nothing is published.
    #[error("nothing is published in {0}")]
    NotBegun(String),
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Sweeps. The caller holds the lock.
///
/// # Errors
/// [`Error`]. A tree that does not verify is never swept: what it refers to is not known.
pub fn sweep(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let site = Site::new(request.site);
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(request.site.display().to_string()));
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    // A client that fetched the timestamp a moment before it was replaced may hold it to its end.
    let held = request.lives.timestamp.max(published.timestamp.expires().since(request.now));
    let grace = request.grace.max(held);
    if grace > request.grace {
        let message = format!(
            "a client may hold a timestamp for {}: nothing younger than that was removed",
            moment::show_duration(grace)
        );
        reporter.warn(Warning::of_run(Code::GraceRaised, message));
    }
    let plan = sweep::plan(&site, &published.snapshot, request.now.minus(grace))?;
    if !request.dry_run {
        // Noted first: what is noted and still there is not listed, what is gone and not noted would
        // stay for ever where the site is served from.
        uploads::note_removed(&State::new(request.state), &plan.remove)?;
        sweep::remove(&site, &plan)?;
    }
    Ok(Outcome { plan, grace })
}
