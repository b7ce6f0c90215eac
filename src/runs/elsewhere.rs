//! What is to be known where the site is uploaded to: names that get their bytes back, and names that go, each noted
//! before it happens, for the next manifest to list. Noted and not done, it is not listed; done and not noted, what
//! is served there would stay wrong for ever.

use crate::disk;
use crate::disk::place::Placer;
use crate::disk::stage::Staging;
use crate::model::Entry;
use crate::site::copies::{self, Plan};
use crate::site::manifest::Edition;
use crate::site::swap::Written;
use crate::site::{Site, targets};
use crate::state::{State, uploads};

/// Says early what would stop a run late: whoever may note something cannot where the record cannot be read.
pub(super) fn check(state: &State) -> Result<(), disk::Error> {
    uploads::load::<Edition>(state).map(|_| ())
}

/// Notes that the names of these targets get bytes that are, or may be, published already.
pub(super) fn gives_back<'e>(
    state: &State,
    entries: impl IntoIterator<Item = &'e Entry>,
) -> Result<(), disk::Error> {
    let names: Vec<String> = entries.into_iter().flat_map(targets::names).collect();
    uploads::note_given_back(state, &names)
}

/// Notes which compressed copies are written and removed; of those beside what was never published only the latter.
pub(super) fn copies(state: &State, plan: &Plan, was_published: bool) -> Result<(), disk::Error> {
    if was_published {
        let names: Vec<String> = plan.writes().cloned().collect();
        uploads::note_given_back(state, &names)?;
    }
    uploads::note_removed(state, plan.removes())
}

/// Writes and removes compressed copies beside what is published, or may be.
pub(super) fn carry_out(
    site: &Site,
    state: &State,
    staging: &Staging,
    plan: &Plan,
) -> Result<Written, disk::Error> {
    if plan.is_empty() {
        return Ok(Written::default());
    }
    copies(state, plan, true)?;
    copies::carry_out(site, staging, plan)
}

/// Removes these files; durable when this returns.
pub(super) fn remove(site: &Site, state: &State, names: &[String]) -> Result<(), disk::Error> {
    uploads::note_removed(state, names)?;
    let placer = Placer::new(site.folder());
    names.iter().try_for_each(|name| placer.remove(name))?;
    placer.sync()
}
