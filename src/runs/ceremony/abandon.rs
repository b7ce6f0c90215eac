//! `ceremony abandon`: nothing is published, and keys may change again. What waited for the ceremony to be over, of
//! projects that it would have signed over, is carried out.

use super::Error;
use crate::disk;
use crate::keys::Signer;
use crate::model::{Envelope, KeyId, Moment, ProjectName, RoleName, Snapshot, Timestamp, Version};
use crate::pipeline::collect::Layout;
use crate::report::{Reporter, Stage, event};
use crate::runs::project::accept::{self, Keys, queued};
use crate::runs::project::{self, Freeze, Place, revoke, so_already};
use crate::site::{Site, layout, read};
use crate::state::State;
use crate::state::ceremony::{self as waiting, Outstanding, Queued, Wanted};
use crate::state::{ledger, undecided};
use crate::trust::Standing;
use std::collections::BTreeMap;

/// What became of what waited: done, or the reason why it waits on.
pub type Carried = Vec<(ProjectName, Result<(), String>)>;

/// What was given up.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The identity of the ceremony's file, by which who signed it says that it was abandoned.
    pub file: String,
    /// What became of what waited for its end.
    pub carried: Carried,
}

/// Gives the ceremony up. The caller holds the lock. `online` is asked for where something waited.
///
/// # Errors
/// [`Error::NoneOutstanding`], or that the state or the site cannot be read or written.
pub fn abandon(
    place: Place<'_>,
    layout: Layout,
    online: &dyn Fn() -> Option<Box<dyn Signer>>,
    reporter: &dyn Reporter,
) -> Result<Outcome, Error> {
    let (site, state) = (Site::new(place.site), State::new(place.state));
    let outstanding = waiting::outstanding(&state)?.ok_or(Error::NoneOutstanding)?;
    let timestamp = site.folder().path(layout::TIMESTAMP);
    let timestamp = disk::read::bytes_if_there(&timestamp)?.unwrap_or_default();
    let timestamp = Envelope::<Timestamp>::parse(&timestamp).ok();
    let by = |id: &KeyId| timestamp.iter().flat_map(Envelope::signatures).any(|one| one.keyid == *id);
    if outstanding.online.as_ref().is_some_and(by)
        || has_published(&site, timestamp.as_ref().map(Envelope::signed), &outstanding)?
    {
        return Err(Error::AlreadyPublic);
    }
    let (mut carried, at_once) = waited(&site, &state, &outstanding, place.now, reporter)?;
    let key = if at_once.is_empty() { None } else { online() };
    for one in at_once {
        let done = match &key {
            Some(key) => carry_out(place, layout, &one, &**key, reporter).map_err(|error| error.to_string()),
            None => Err("the online key cannot be had: run `tuffet project` for it again".to_owned()),
        };
        if done.is_ok() {
            waiting::dequeue(&state, |queued| queued.project == one.project)?;
        }
        carried.push((one.project, done));
    }
    if outstanding.since.is_some() {
        undecided::take_back(&state, &outstanding.file)?;
    }
    // Last of all: as long as it stands, the same command brings the rest to its end.
    waiting::clear_outstanding(&state)?;
    Ok(Outcome { file: outstanding.file, carried })
}

/// What waited for the ceremony's end, and needs no other: what a run that did not end has carried out already, and what is
/// to be.
fn waited(
    site: &Site,
    state: &State,
    outstanding: &Outstanding,
    now: Moment,
    reporter: &dyn Reporter,
) -> Result<(Carried, Vec<Queued>), Error> {
    let mut waited = waiting::queue(state)?;
    waited.retain(|one| outstanding.projects.contains(&one.project));
    if waited.is_empty() {
        return Ok((Carried::new(), waited));
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(site, reporter))?;
    waited.retain(|one| published.standing(&one.project) == Standing::RecentlyClaimed);
    let done = so_already::forget(state, &published, &ledger::load(state)?, now, &waited)?;
    waited.retain(|one| !done.contains(one));
    Ok((done.into_iter().map(|one| (one.project, Ok(()))).collect(), waited))
}

/// Whether the current snapshot lists what the ceremony signs. After a break-in it is the attacker's, who may list what they
/// like.
fn has_published(
    site: &Site,
    timestamp: Option<&Timestamp>,
    outstanding: &Outstanding,
) -> Result<bool, disk::Error> {
    let Some(snapshot) = timestamp.and_then(Timestamp::snapshot).filter(|_| outstanding.since.is_none())
    else {
        return Ok(false);
    };
    let path = site.folder().path(&layout::role_file(&RoleName::snapshot(), snapshot.version));
    let snapshot = disk::read::bytes_if_there(&path)?.unwrap_or_default();
    let Ok(snapshot) = Envelope::<Snapshot>::parse(&snapshot) else { return Ok(false) };
    let is_listed = |(role, version): (&RoleName, &Version)| {
        snapshot.signed().meta.get(role).is_some_and(|meta| meta.version >= *version)
    };
    Ok(outstanding.roles.iter().any(is_listed))
}

fn carry_out(
    place: Place<'_>,
    layout: Layout,
    one: &Queued,
    online: &dyn Signer,
    reporter: &dyn Reporter,
) -> Result<(), project::Error> {
    match one.wanted {
        Wanted::Revoke => revoke::revoke(place, &one.project, Freeze::Over, online, reporter).map(|_| ()),
        Wanted::Rekey => {
            let zips = vec![State::new(place.state).queued_submission(one)];
            let register = BTreeMap::from([(one.project.clone(), one.keys.clone())]);
            let request = queued::request(place, layout, &zips, &register);
            let request = accept::Request { keys: Keys::Change, freeze: Freeze::Over, ..request };
            accept::accept(&request, online, reporter).map(|_| ())
        }
    }
}
