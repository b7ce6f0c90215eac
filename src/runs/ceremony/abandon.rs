//! `ceremony abandon`: nothing is published, and keys may change again. What waited for the ceremony to be over, of
//! projects that it would have signed over, is carried out.

use super::Error;
use crate::disk;
use crate::keys::Signer;
use crate::model::{Envelope, KeyId, Metadata, Moment, ProjectName, RoleName, Snapshot, Timestamp, Version};
use crate::pipeline::collect::Layout;
use crate::report::{Reporter, Stage, event};
use crate::runs::elsewhere;
use crate::runs::project::accept::{self, Keys, queued};
use crate::runs::project::{self, Freeze, Place, revoke, so_already};
use crate::site::copies;
use crate::site::read as tree;
use crate::site::{Site, layout};
use crate::state::State;
use crate::state::ceremony::{self as waiting, Outstanding, Queued, Wanted};
use crate::state::{ledger, undecided};
use crate::trust::Standing;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;

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
    elsewhere::check(&state)?;
    let outstanding = waiting::outstanding(&state)?.ok_or(Error::NoneOutstanding)?;
    match is_public(&site, &outstanding)? {
        Some(true) => return Err(Error::AlreadyPublic),
        Some(false) => take_back(&site, &state, &outstanding)?,
        None => {}
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

/// Removes roles of the ceremony that a run of `ceremony apply` placed, and that nothing leads to: whoever goes back after a
/// break-in takes the newest that holders signed, and these may be signed by keys that no root names.
fn take_back(site: &Site, state: &State, outstanding: &Outstanding) -> Result<(), disk::Error> {
    let mut placed = Vec::new();
    for (role, version) in &outstanding.roles {
        placed.extend(copies::with_original(site, layout::role_file(role, *version))?);
    }
    elsewhere::remove(site, state, &placed)
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
    let published = event::stage(reporter, Stage::Read, None, || tree::read(site, reporter))?;
    waited.retain(|one| published.standing(&one.project) == Standing::RecentlyClaimed);
    let done = so_already::forget(state, &published, &ledger::load(state)?, now, &waited)?;
    waited.retain(|one| !done.contains(one));
    Ok((done.into_iter().map(|one| (one.project, Ok(()))).collect(), waited))
}

/// Whether what the ceremony signs is published. After a break-in the tree is the attacker's, who may list what they like, or
/// leave what nobody can read: then the key tells that signs the timestamp from then on, or nothing does.
fn is_public(site: &Site, outstanding: &Outstanding) -> Result<Option<bool>, disk::Error> {
    let goes_back = outstanding.since.is_some();
    let timestamp = match read::<Timestamp>(site, layout::TIMESTAMP) {
        Ok(timestamp) => timestamp,
        Err(_) if goes_back => return Ok(None),
        Err(error) => return Err(error),
    };
    let by = |id: &KeyId| timestamp.signatures().iter().any(|one| one.keyid == *id);
    if goes_back || outstanding.online.as_ref().is_some_and(by) {
        return Ok(Some(outstanding.online.as_ref().is_some_and(by)));
    }
    if let Some(root) = outstanding.root
        && site.folder().stamp(&layout::role_file(&RoleName::root(), root))?.is_some()
    {
        return Ok(Some(true));
    }
    let Some(snapshot) = timestamp.signed().snapshot() else { return Ok(Some(false)) };
    let snapshot = layout::role_file(&RoleName::snapshot(), snapshot.version);
    let snapshot = read::<Snapshot>(site, &snapshot)?;
    let is_listed = |(role, version): (&RoleName, &Version)| {
        snapshot.signed().meta.get(role).is_some_and(|meta| meta.version >= *version)
    };
    Ok(Some(outstanding.roles.iter().any(is_listed)))
}

/// A role of the site. What cannot be read may lead to anything.
fn read<T: Metadata>(site: &Site, name: &str) -> Result<Envelope<T>, disk::Error> {
    let path = site.folder().path(name);
    let untold = |why: &dyn Display| {
        let message = format!(
            "whether the ceremony is public cannot be told, for {why}. Put the file back first, from a copy of the site"
        );
        disk::Error::new("read", &path, io::Error::new(io::ErrorKind::InvalidData, message))
    };
    let bytes = disk::read::bytes_if_there(&path)?.ok_or_else(|| untold(&"it is not there"))?;
    Envelope::parse(&bytes).map_err(|error| untold(&error))
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
