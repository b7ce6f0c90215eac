//! `project revoke`: takes a project's keys away, at once where the online key vouches for them. The name
//! does not fall to a bin: an empty role stands in for the project.

use super::{Error, Freeze, Place, bring_pages, frozen, remove_pages, with_pages, with_root_page};
use crate::disk;
use crate::keys::Signer;
use crate::model::{Moment, ProjectName, Version};
use crate::pipeline::partition::Difference;
use crate::report::{Reporter, Stage, event};
use crate::runs::elsewhere;
use crate::runs::guard;
use crate::runs::lapse;
use crate::runs::publish::{self, Online, Publication};
use crate::runs::roles::Due;
use crate::runs::suspend;
use crate::site::Site;
use crate::site::read;
use crate::state::ledger::{self, Registration, What};
use crate::state::{State, ceremony, journal};
use crate::trust::Standing;

/// What was done.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The project.
    pub project: ProjectName,
    /// Targets that are not published any more.
    pub removed: u64,
    /// The snapshot that is current now.
    pub snapshot: Version,
}

/// Revokes. The caller holds the lock.
///
/// # Errors
/// [`Error`]; the site is then what it was.
pub fn revoke(
    place: Place<'_>,
    name: &ProjectName,
    freeze: Freeze,
    online: &dyn Signer,
    reporter: &dyn Reporter,
) -> Result<Outcome, Error> {
    let (site, state) = (Site::new(place.site), State::new(place.state));
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(place.site.display().to_string()));
    }
    elsewhere::check(&state)?;
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    guard::check_tree(&published, online, place.now)?;
    let project = published.projects.get(name).ok_or_else(|| Error::NoAuthor(name.to_string()))?;
    if project.standing() == Standing::Claimed {
        return Err(Error::Claimed(name.clone()));
    }
    frozen(&state, name, freeze)?;
    let keys = match ledger::last_loss(&ledger::load(&state)?, name) {
        Some(line) if project.is_suspended() => (line.keys.clone(), line.threshold),
        _ => (project.keys.clone(), project.delegation.keys.threshold),
    };
    let removed = project.targets().len() as u64;
    let line = Registration {
        project: name.to_string(),
        what: What::Revoked,
        at: place.now,
        keys: keys.0,
        threshold: keys.1,
    };
    ledger::append(&state, [&line])?;
    let staging = publish::open_staging(&place)?;
    let mut gone = lapse::lapsing(&published, place.lives, place.now, &lapse::Beside::default(), reporter);
    gone.retain(|lapsing| *lapsing != name);
    lapse::record(&state, &published, &gone, place.now)?;
    gone.push(name);
    let (registered, roles) = suspend::suspend(&published, &site, &gone, place.publish(), online)?;
    let before = published.inventory()?;
    let authors = with_pages(&published, &gone);
    let (after, root_page) = with_root_page(before.clone(), authors);
    bring_pages(&place, &staging, &root_page.into_iter().collect::<Vec<_>>())?;
    let difference = Difference::between(&before, &after);
    let publication = Publication {
        site: &site,
        published: &published,
        after: &after,
        changed: &difference.bins,
        registered,
        roles,
        due: Due::at(&published, place.lives, place.now),
    };
    let publicised = publication.publish(place.publish(), &staging, Online::of(online), reporter)?;
    remove_pages(&site, &state, &gone)?;
    staging.close();
    ceremony::dequeue(&state, |queued| queued.project == *name)?;
    let entry = journal::Entry {
        now: place.now,
        run: "revoke",
        snapshot: Some(publicised.snapshot),
        published: true,
        targets: [0, 0, removed, 0],
        signed: &publicised.signed,
    };
    journal::append(&state, &entry)?;
    Ok(Outcome { project: name.clone(), removed, snapshot: publicised.snapshot })
}

/// Lets a revocation wait: of a claimed project for the next ceremony, of one in a ceremony for its end. Gives
/// whether there is something to wait for: of a claimed project that is suspended nothing is published.
///
/// # Errors
/// [`Error`].
pub fn queue(place: Place<'_>, name: &ProjectName, reporter: &dyn Reporter) -> Result<bool, Error> {
    let (site, state) = (Site::new(place.site), State::new(place.state));
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    let project = published.projects.get(name).ok_or_else(|| Error::NoAuthor(name.to_string()))?;
    if project.is_suspended() {
        note(&state, &ledger::load(&state)?, name, place.now)?;
        return Ok(false);
    }
    let (project, wanted, keys) = (name.clone(), ceremony::Wanted::Revoke, Default::default());
    let queued = ceremony::Queued { project, wanted, at: place.now, keys, sha256: None };
    ceremony::enqueue(&state, queued, None)?;
    Ok(true)
}

/// Notes in the ledger that a suspended project is revoked: its author does not come back without the operator's word.
pub(in crate::runs) fn note(
    state: &State,
    ledger: &[Registration],
    name: &ProjectName,
    now: Moment,
) -> Result<(), disk::Error> {
    let last = ledger::last_loss(ledger, name).cloned();
    let keys = last.map(|line| (line.keys, line.threshold)).unwrap_or_default();
    let (project, what) = (name.to_string(), What::Revoked);
    ledger::append(state, [&Registration { project, what, at: now, keys: keys.0, threshold: keys.1 }])
}
