//! What is left to do when a ceremony is public: the state folder learns of it, and a key takes the place of another.
//! All of it can be done twice, for the run may die in between.

use super::Error;
use super::apply::{Outcome, Request};
use super::merge::Merged;
use crate::disk::{self, write};
use crate::model::{Envelope, Key, KeyId, Moment, ProjectName, RoleName, Signature, Timestamp, Version};
use crate::runs::project::{Place, remove_pages};
use crate::runs::publish;
use crate::site::Site;
use crate::site::projects::Project;
use crate::site::{layout, swap};
use crate::state::State;
use crate::state::ceremony::{self as waiting, Outstanding, Wanted};
use crate::state::journal::{self, Signed};
use crate::state::ledger::{Registration, What};
use crate::trust::ceremony::Act;
use crate::trust::signature::PublicKey;

/// Finishes; gives what was published. `signed` is what this run knows of that: nothing, if one before it published.
pub(super) fn finish(
    request: &Request<'_>,
    merged: &Merged,
    outstanding: &Outstanding,
    snapshot: Version,
    signed: &[Signed],
    online: &KeyId,
) -> Result<Outcome, Error> {
    let place = request.place;
    let (site, state) = (Site::new(place.site), State::new(place.state));
    root(place, merged)?;
    let is =
        |act: Act| merged.changes.iter().filter(move |change| change.act == act).map(|change| &change.name);
    remove_pages(&site, &state, &is(Act::Suspended).collect::<Vec<_>>())?;
    let before = merged.ceremony.roots.last().and_then(|root| root.signed().role(&RoleName::timestamp()));
    let before = before.and_then(|keys| keys.keyids.first());
    let wanted = outstanding.online.as_ref();
    let retired_key =
        wanted.map(|wanted| change_key(&state, before, wanted == online)).transpose()?.flatten();
    let is_done = |one: &waiting::Queued| match one.wanted {
        // Others may have been asked for since.
        Wanted::Rekey => merged.changes.iter().any(|change| {
            let gets = change.after.as_ref().is_some_and(|after| after.ids() == one.keys.iter().collect());
            change.act == Act::Rekeyed && change.name == one.project && gets
        }),
        Wanted::Revoke => is(Act::Suspended).chain(is(Act::Freed)).any(|name| *name == one.project),
    };
    waiting::dequeue(&state, is_done)?;
    let waiting_on = waiting::queue(&state)?.into_iter().filter(|one| one.wanted == Wanted::Rekey);
    let waiting_on = waiting_on.map(|one| one.project).collect();
    let roles = merged.roles()?;
    let entry = journal::Entry {
        now: place.now,
        run: "ceremony",
        snapshot: Some(snapshot),
        published: true,
        targets: [0; 4],
        signed,
    };
    journal::append(&state, &entry)?;
    // Last of all: as long as it stands, the same command brings the rest to its end.
    waiting::clear_outstanding(&state)?;
    Ok(Outcome {
        projects: merged.changes.iter().map(|change| (change.act, change.name.clone())).collect(),
        waiting: waiting_on,
        roles: roles.into_iter().map(|role| (role.role, role.version)).collect(),
        snapshot,
        gap: merged.gap,
        retired_key,
        lost: Vec::new(),
    })
}

/// The root comes after the timestamp; a run that died in between has not placed it.
pub(super) fn root(place: Place<'_>, merged: &Merged) -> Result<(), Error> {
    let site = Site::new(place.site);
    let Some(root) = &merged.ceremony.root else { return Ok(()) };
    let role = RoleName::root();
    if site.folder().stamp(&layout::role_file(&role, root.signed().version))?.is_some() {
        return Ok(());
    }
    let staging = publish::open_staging(&place)?;
    let bytes = root.to_bytes()?;
    let numbered = swap::Numbered::ByUs;
    let file = swap::RoleFile { role: &role, version: root.signed().version, bytes: &bytes, numbered };
    swap::place_root(&site, &staging, &file, place.compress, place.now)?;
    staging.close();
    Ok(())
}

/// The next online key takes the place of the one before, which is kept under another name: whoever runs the index
/// destroys it. `has_changed` says that the key at hand is the next one already.
fn change_key(
    state: &State,
    before: Option<&KeyId>,
    has_changed: bool,
) -> Result<Option<std::path::PathBuf>, disk::Error> {
    let short = before.map_or("before", KeyId::short);
    let retired = state.retired_online_key(short);
    if disk::folder::is_there(&state.next_online_key())? {
        if !disk::folder::is_there(&state.online_key())? {
            write::rename(&state.next_online_key(), &state.online_key())?;
        } else if has_changed {
            // Somebody has put it there, as a build that found the one before had asked for.
            write::remove_file(&state.next_online_key())?;
        } else {
            write::rename(&state.online_key(), &retired)?;
            write::rename(&state.next_online_key(), &state.online_key())?;
        }
    }
    // There is none where pipeline.toml named the key, which lies in a token.
    Ok(disk::folder::is_there(&retired)?.then_some(retired))
}

/// The snapshot that the published timestamp leads to, if this key has signed that timestamp.
pub(super) fn snapshot_by(site: &Site, key: &Key) -> Result<Option<Version>, disk::Error> {
    let bytes = disk::read::bytes_if_there(&site.folder().path(layout::TIMESTAMP))?;
    let Some(timestamp) = bytes.and_then(|bytes| Envelope::<Timestamp>::parse(&bytes).ok()) else {
        return Ok(None);
    };
    let public = PublicKey::read(key).ok();
    let is_its = |signature: &Signature| {
        public.as_ref().is_some_and(|key| key.verify(timestamp.covered(), &signature.sig).is_ok())
    };
    let signed = timestamp.signatures().iter().any(is_its);
    Ok(timestamp.signed().snapshot().filter(|_| signed).map(|meta| meta.version))
}

/// A line of the ledger about a project, as it is published.
pub(super) fn line(at: Moment, name: &ProjectName, what: What, project: Option<&Project>) -> Registration {
    Registration {
        project: name.to_string(),
        what,
        at,
        keys: project.map(|project| project.keys.clone()).unwrap_or_default(),
        threshold: project.map_or(1, |project| project.delegation.keys.threshold),
    }
}
