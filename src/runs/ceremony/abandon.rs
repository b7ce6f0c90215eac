//! `ceremony abandon`: nothing is published, and keys may change again. What waited for the ceremony to be over, of
//! projects that it would have signed over, is carried out.

use super::Error;
use crate::disk;
use crate::keys::Signer;
use crate::model::{Envelope, KeyId, ProjectName, RoleName, Snapshot, Timestamp, Version};
use crate::pipeline::collect::Layout;
use crate::report::{Reporter, Stage, event};
use crate::runs::project::accept::{self, Keys, queued};
use crate::runs::project::{self, Place, revoke};
use crate::site::{Site, layout, read};
use crate::state::State;
use crate::state::ceremony::{self as waiting, Outstanding, Queued, Wanted};
use crate::trust::Standing;
use std::collections::{BTreeMap, BTreeSet};

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
    waiting::clear_outstanding(&state)?;
    let queue = waiting::queue(&state)?;
    let waited: Vec<Queued> =
        queue.into_iter().filter(|one| outstanding.projects.contains(&one.project)).collect();
    let file = outstanding.file;
    if waited.is_empty() {
        return Ok(Outcome { file, carried: Vec::new() });
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    let at_once = |one: &&Queued| {
        published.projects.get(&one.project).is_some_and(|p| p.standing() == Standing::RecentlyClaimed)
    };
    let at_once: Vec<&Queued> = waited.iter().filter(at_once).collect();
    if at_once.is_empty() {
        return Ok(Outcome { file, carried: Vec::new() });
    }
    let Some(key) = online() else {
        let why = "the online key cannot be had: run `tuffet project` for it again";
        let carried = at_once.into_iter().map(|one| (one.project.clone(), Err(why.to_owned()))).collect();
        return Ok(Outcome { file, carried });
    };
    let mut carried = Carried::new();
    for one in at_once {
        let done = carry_out(place, layout, one, &*key, reporter).map_err(|error| error.to_string());
        if done.is_ok() {
            waiting::dequeue(&state, &BTreeSet::from([one.project.clone()]))?;
        }
        carried.push((one.project.clone(), done));
    }
    Ok(Outcome { file, carried })
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
        Wanted::Revoke => revoke::revoke(place, &one.project, online, reporter).map(|_| ()),
        Wanted::Rekey => {
            let zips = vec![State::new(place.state).queued_submission(&one.project)];
            let register = BTreeMap::from([(one.project.clone(), one.keys.clone())]);
            let request = queued::request(place, layout, &zips, &register);
            accept::accept(&accept::Request { keys: Keys::Change, ..request }, online, reporter).map(|_| ())
        }
    }
}
