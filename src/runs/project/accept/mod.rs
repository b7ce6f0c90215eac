//! `project accept` and `project rekey`: checks submissions, takes them in and publishes; all of them or
//! none, in one swap. Whatever is wrong is found before the site is touched.

mod already;
mod pages;
mod pass;
pub mod queued;
mod taken;
mod unpack;

use super::{Error, Freeze, Place, bring_pages, remove_pages, so_already, with_pages, with_root_page};
use crate::disk;
use crate::keys::Signer;
use crate::model::{
    BinCount, Entry, Inventory, KeyId, ProjectName, ProjectRole, Sha256, TargetPath, Version,
};
use crate::pipeline::collect::Layout;
use crate::pipeline::partition::Difference;
use crate::pipeline::sign::SignedRole;
use crate::pipeline::source::Facts;
use crate::report::{Reporter, Stage, event};
use crate::runs::build::Removals;
use crate::runs::elsewhere;
use crate::runs::guard;
use crate::runs::lapse;
use crate::runs::publish::{self, Online, Publication, Publicised};
use crate::runs::roles::Due;
use crate::runs::suspend;
use crate::site::read::{self, Published};
use crate::site::swap;
use crate::site::{Site, layout};
use crate::state::ceremony::{Queued, Wanted};
use crate::state::held::{self, Held};
use crate::state::ledger::{self, Registration};
use crate::state::{State, ceremony, facts, journal};
use crate::submission::Claim;
pub(in crate::runs) use pass::Passed;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use taken::taken;
pub use taken::{Taken, Taking};

/// Whether other keys may take the place of those that hold a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// They stay; a project that has none may get some.
    Stay,
    /// The submission is signed by new ones, which are to hold it.
    Change,
    /// The same of claimed projects, in a ceremony that signs their lists.
    Ceremony,
}

/// Asked where a submission would bind a key that the operator has not named: whether these keys are
/// to hold that project.
pub type Confirm<'a> = dyn Fn(&ProjectName, &Claim) -> bool + 'a;

/// What to take in.
pub struct Request<'a> {
    /// The site.
    pub place: Place<'a>,
    /// Whether the site carries files at all.
    pub carries_files: bool,
    /// How the source is laid out.
    pub layout: Layout,
    /// The submissions.
    pub zips: &'a [PathBuf],
    /// Whose keys are whose: the operator's decision.
    pub register: &'a BTreeMap<ProjectName, BTreeSet<KeyId>>,
    /// How many of several keys must sign, where the operator says it: what carries the keys says so, too, and nobody
    /// signed for that.
    pub thresholds: &'a BTreeMap<ProjectName, u32>,
    /// The only projects that these submissions may be for; empty for any.
    pub only: &'a BTreeSet<ProjectName>,
    /// Whether files of an unclaimed project may go that the first submission does not list.
    pub removals: Removals,
    /// Whether keys may change.
    pub keys: Keys,
    /// Whether a ceremony keeps them from it.
    pub freeze: Freeze,
    /// Whom to ask.
    pub confirm: &'a Confirm<'a>,
}

/// What was taken in.
#[derive(Debug)]
pub struct Outcome {
    /// Each submission.
    pub taken: Vec<Taken>,
    /// The snapshot that is current now.
    pub snapshot: Version,
    /// What was written into the site.
    pub written: swap::Written,
}

/// Takes in. The caller holds the lock.
///
/// # Errors
/// [`Error`]; the site is then what it was.
pub fn accept(request: &Request<'_>, online: &dyn Signer, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let place = request.place;
    let (site, state) = (Site::new(place.site), State::new(place.state));
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(place.site.display().to_string()));
    }
    if !request.carries_files {
        return Err(Error::NoFilesHere);
    }
    if request.layout == Layout::Tree {
        return Err(Error::NoProjects);
    }
    elsewhere::check(&state)?;
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    guard::check_tree(&published, online, place.now)?;
    let ledger = ledger::load(&state)?;
    let pass::Looked { passed, already } = pass::pass(request, &published, &ledger)?;
    let is_so = |queued: &Queued| {
        already.iter().any(|submission| submission.project == queued.project)
            && so_already::is_so(&state, queued, &published, &ledger)
    };
    ceremony::dequeue(&state, is_so)?;
    let mut outcome = Outcome {
        taken: already.into_iter().map(|submission| taken::taken_before(submission, &published)).collect(),
        snapshot: published.snapshot.version,
        written: swap::Written::default(),
    };
    if passed.is_empty() {
        return Ok(outcome);
    }
    let intake = Intake { request, published: &published, passed, beside: Beside::default() };
    let (passed, publicised) = intake.take_in(Online::of(online), reporter)?;
    // Who registers a project does not want it revoked any more.
    let is_over = |queued: &Queued, passed: &Passed| {
        queued.project == passed.submission.project
            && (request.keys == Keys::Change
                || queued.wanted == Wanted::Revoke && passed.checked.binds.is_some())
    };
    ceremony::dequeue(&state, |queued| passed.iter().any(|passed| is_over(queued, passed)))?;
    finish(request, &state, &passed, &publicised)?;
    outcome.taken.extend(passed.into_iter().map(|passed| taken(passed, &published)));
    Ok(Outcome { snapshot: publicised.snapshot, written: publicised.written, ..outcome })
}

/// What is published in the same swap as submissions.
#[derive(Default)]
pub(in crate::runs) struct Beside {
    /// Roles that are signed already.
    pub(in crate::runs) roles: Vec<SignedRole>,
    /// Projects that `recently-claimed` lets go of.
    pub(in crate::runs) leave: BTreeSet<ProjectName>,
    /// Projects that nothing is published of any more.
    pub(in crate::runs) gone: BTreeSet<ProjectName>,
    /// What the ledger is to know.
    pub(in crate::runs) lines: Vec<Registration>,
    /// Another number of bins.
    pub(in crate::runs) bins: Option<BinCount>,
}

/// Submissions that passed, and what goes with them.
pub(in crate::runs) struct Intake<'a> {
    pub(in crate::runs) request: &'a Request<'a>,
    pub(in crate::runs) published: &'a Published,
    pub(in crate::runs) passed: Vec<Passed>,
    pub(in crate::runs) beside: Beside,
}

impl Intake<'_> {
    /// Unpacks, compares, and publishes all of it in one swap. Whatever is wrong is found before the site is
    /// touched.
    pub(in crate::runs) fn take_in(
        self,
        online: Online<'_>,
        reporter: &dyn Reporter,
    ) -> Result<(Vec<Passed>, Publicised), Error> {
        let Self { request, published, passed, beside } = self;
        let place = request.place;
        let (site, state) = (Site::new(place.site), State::new(place.state));
        let staging = publish::open_staging(&place)?;
        let known: BTreeMap<Sha256, Facts> = facts::load(&state);
        let received =
            event::stage(reporter, Stage::Place, None, || unpack::receive(request, &staging, &passed));
        let compared = received.and_then(|received| {
            unpack::compare_pages(&site, published, &passed, &received, &known)?;
            Ok(received)
        });
        let received = match compared {
            Ok(received) => received,
            Err(error) => {
                // The site is as it was: there is nothing of which the next run had to know.
                staging.close();
                return Err(error);
            }
        };
        // Everything holds. From here on the site is written to, and nothing refers to it before the swap.
        let mut written = unpack::place_files(request, &site, &staging, &passed, &received, reporter)?;

        let before = published.inventory()?;
        let moved: BTreeSet<&ProjectName> = passed.iter().map(|passed| &passed.submission.project).collect();
        let is_moved = |entry: &Entry| {
            let project = entry.path.segments().nth(1).and_then(|name| ProjectName::normalise(name).ok());
            let is_its =
                [Some(layout::PACKAGES), Some(layout::PAGES)].contains(&entry.path.segments().next());
            is_its && project.is_some_and(|project| moved.contains(&project))
        };
        let rest = before.iter().map(|(_, entry)| entry).filter(|entry| !is_moved(entry)).cloned();
        let other = lapse::Beside {
            moved: moved.iter().copied().chain(&beside.leave).collect(),
            renewed: beside.roles.iter().map(|signed| &signed.role).collect(),
        };
        let lapsing = lapse::lapsing(published, place.lives, place.now, &other, reporter);
        lapse::record(&state, published, &lapsing, place.now)?;
        let gone: Vec<&ProjectName> = lapsing.iter().copied().chain(&beside.gone).collect();
        let mut authors = with_pages(published, &gone);
        authors.extend(moved.iter().map(|project| (*project).clone()));
        let count = beside.bins.unwrap_or(published.bin_list.count);
        let (after, root_page) = with_root_page(Inventory::new(count, rest), authors);
        written.add(bring_pages(&place, &staging, &root_page.into_iter().collect::<Vec<_>>())?);

        let (mut registered, mut roles) =
            suspend::suspend(published, &site, &lapsing, place.publish(), online.key)?;
        beside.leave.iter().for_each(|name| registered.remove(name));
        for Passed { submission, checked, .. } in &passed {
            if let (Some(claim), Some(role)) = (&checked.binds, ProjectRole::Own.of(&submission.project))
                && request.keys != Keys::Ceremony
            {
                registered.set(&submission.project, role, claim.keys.clone(), claim.threshold);
            }
            let signed = checked.roles.iter().cloned();
            roles.extend(signed.map(|(role, version, bytes)| SignedRole { role, version, bytes }));
        }
        roles.extend(beside.roles);
        let anew = online.before.is_some() || count != published.bin_list.count;
        let mut changed = Difference::between(&before, &after).bins;
        let mut due = Due::at(published, place.lives, place.now);
        if anew {
            changed = (0..count.get()).collect();
            due = due.without_bins();
        }
        if online.before.is_some() {
            due = Due::all(published);
            registered.hand_over(published, online.key);
        }
        let publication =
            Publication { site: &site, published, after: &after, changed: &changed, registered, roles, due };
        // Recorded first: a line about something that was never published is harmless, and a registration
        // without its date would be lost.
        let registrations = passed.iter().filter_map(|passed| {
            let claim = passed.checked.binds.as_ref()?;
            Some(Registration {
                project: passed.submission.project.to_string(),
                what: passed.came,
                at: place.now,
                keys: claim.keys.clone(),
                threshold: claim.threshold,
            })
        });
        let registrations: Vec<Registration> = registrations.collect();
        ledger::append(&state, registrations.iter().chain(&beside.lines))?;
        let mut publicised = publication.publish(place.publish(), &staging, online, reporter)?;
        written.add(publicised.written);
        publicised.written = written;
        remove_pages(&site, &state, &gone)?;
        staging.close();
        Ok((passed, publicised))
    }
}

/// What the state folder remembers of it.
fn finish(
    request: &Request<'_>,
    state: &State,
    passed: &[Passed],
    publicised: &Publicised,
) -> Result<(), disk::Error> {
    if let Some(all) = held::load(state) {
        let is_signed = |held: &Held| {
            let target = held.target.parse::<TargetPath>().ok();
            target.is_some_and(|target| passed.iter().any(|p| p.submission.targets.contains_key(&target)))
        };
        let still: Vec<Held> = all.into_iter().filter(|held| !is_signed(held)).collect();
        held::save(state, &still)?;
    }
    let added = passed.iter().map(|passed| passed.submission.targets.len() as u64).sum();
    let removed = passed.iter().map(|passed| passed.checked.dropped.len() as u64).sum();
    let run = match request.keys {
        Keys::Stay => "accept",
        Keys::Change | Keys::Ceremony => "rekey",
    };
    let entry = journal::Entry {
        now: request.place.now,
        run,
        snapshot: Some(publicised.snapshot),
        published: true,
        targets: [added, 0, removed, 0],
        signed: &publicised.signed,
    };
    journal::append(state, &entry)
}
