//! `ceremony apply`: what came back from the safe is checked against what is published, and published in one swap with
//! what the online key has to say to it.

use super::merge::{self, Merged};
use super::{Error, finish, raised, recover, sign};
use crate::ceremony::{Ceremony, Ledger};
use crate::keys::Signer;
use crate::model::{ProjectName, RoleName, TargetPath, Version};
use crate::pipeline::collect::Layout;
use crate::report::{Reporter, Stage, event};
use crate::runs::build;
use crate::runs::elsewhere;
use crate::runs::guard;
use crate::runs::project::Place;
use crate::runs::project::accept::{Beside, Intake, Passed, queued};
use crate::runs::publish::Online;
use crate::site::Site;
use crate::site::projects::Project;
use crate::site::read::{self, Published};
use crate::state::State;
use crate::state::ceremony::{self as waiting, Outstanding, Queued};
use crate::state::ledger::{self, Registration, What};
use crate::trust::Standing;
use crate::trust::ceremony::{Act, Change};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What to publish.
#[derive(Debug)]
pub struct Request<'a> {
    /// The site.
    pub place: Place<'a>,
    /// How the source is laid out.
    pub layout: Layout,
    /// How the source is read.
    pub source: &'a build::Request<'a>,
    /// What came back: one file of each holder.
    pub files: &'a [PathBuf],
}

/// Who signs online: the key that does, and the one that is to.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// The key that signs now.
    pub now: &'a dyn Signer,
    /// The one that takes its place, where the ceremony brings one.
    pub next: Option<&'a dyn Signer>,
}

/// What was published.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What became of which project.
    pub projects: Vec<(Act, ProjectName)>,
    /// Changes of keys that wait on, for they were not signed.
    pub waiting: Vec<ProjectName>,
    /// Roles, with their versions.
    pub roles: Vec<(RoleName, Version)>,
    /// The snapshot that is current now.
    pub snapshot: Version,
    /// Whether readers may for a moment have found a root without the rest: `targets` is not signed by those who
    /// held it until now.
    pub gap: bool,
    /// Where the online key went that signs no more.
    pub retired_key: Option<PathBuf>,
    /// Targets of the state gone back to whose bytes are neither in the site nor in the copy: they are not published.
    pub lost: Vec<TargetPath>,
}

/// Publishes. The caller holds the lock.
///
/// # Errors
/// [`Error`]; the site is then what it was.
pub fn apply(request: &Request<'_>, keys: Keys<'_>, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let place = request.place;
    let (site, state) = (Site::new(place.site), State::new(place.state));
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(place.site.display().to_string()));
    }
    elsewhere::check(&state)?;
    let outstanding = waiting::outstanding(&state)?.ok_or(Error::NoneOutstanding)?;
    let files: Vec<Ceremony> =
        request.files.iter().map(|path| Ceremony::read(path)).collect::<Result<_, _>>()?;
    if let Some(place) = files.iter().position(|file| file.prepared != outstanding.file) {
        return Err(Error::Abandoned(request.files[place].clone()));
    }
    if let Some(since) = &outstanding.since {
        return recover::apply(request, request.source, keys, (&outstanding, since), &files, reporter);
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    if merge::is_published(&published, &files) {
        // A run before this one got as far as the swap, and did not end.
        let merged = merge::signed(&files, merge::Against::Itself)?;
        return finish::finish(
            request,
            &merged,
            &outstanding,
            published.snapshot.version,
            &[],
            keys.now.keyid(),
        );
    }
    guard::check_tree(&published, keys.now, place.now)?;
    let merged = merge::signed(&files, merge::Against::Published(&published))?;
    // The form of every role once more: what holders signed with another release is no reason to publish it.
    let all = sign::Confirmed::everything();
    sign::sign(&merged.ceremony, &[], &mut Ledger::nothing(), &all, place.now)?;
    let online = online(&outstanding, keys)?;

    let mut drawn = Drawn { published: &published, beside: Beside::default(), rekeyed: Vec::new() };
    for change in &merged.changes {
        drawn.change(change, place)?;
    }
    for name in &outstanding.freed {
        let project = published.projects.get(name);
        if project.is_some_and(|project| project.standing() == Standing::Claimed) {
            // Whether that is freed, the lists say that the administrators signed.
            continue;
        }
        drawn.beside.leave.insert(name.clone());
        let is_nobodys =
            |project: &Project| project.is_suspended() && project.standing() == Standing::RecentlyClaimed;
        if !project.is_some_and(is_nobodys) {
            return Err(Error::ProjectChanged(name.clone()));
        }
        drawn.beside.lines.push(finish::line(place.now, name, What::Freed, project));
    }
    drawn.beside.bins = merged.bins();
    drawn.beside.roles = merged.roles()?;
    let queue = waiting::queue(&state)?;
    let queue: Vec<Queued> = queue.into_iter().filter(|one| drawn.rekeyed.contains(&one.project)).collect();
    let passed = rekeyed(request, &published, &ledger::load(&state)?, &queue, &merged)?;
    let (zips, register) = (Vec::new(), BTreeMap::new());
    let accept = queued::request(place, request.layout, &zips, &register);
    let intake = Intake { request: &accept, published: &published, passed, beside: drawn.beside };
    let (_, publicised) = intake.take_in(online, reporter)?;
    finish::finish(request, &merged, &outstanding, publicised.snapshot, &publicised.signed, keys.now.keyid())
}

/// The online keys, as the ceremony has them.
fn online<'a>(outstanding: &Outstanding, keys: Keys<'a>) -> Result<Online<'a>, Error> {
    let Some(wanted) = &outstanding.online else { return Ok(Online::of(keys.now)) };
    match keys.next.filter(|next| next.keyid() == wanted) {
        Some(next) => Ok(Online { key: next, before: Some(keys.now) }),
        None => Err(Error::NextOnlineKey(wanted.clone())),
    }
}

/// The submissions of projects that get other keys: the very keys that were signed for.
fn rekeyed(
    request: &Request<'_>,
    published: &Published,
    ledger: &[Registration],
    queue: &[Queued],
    merged: &Merged,
) -> Result<Vec<Passed>, Error> {
    let passed = queued::passed((request.place, request.layout), published, ledger, queue)?;
    for change in merged.changes.iter().filter(|change| change.act == Act::Rekeyed) {
        let name = &change.name;
        let one = passed.iter().find(|passed| passed.submission.project == *name);
        let claim = one.and_then(|passed| passed.checked.binds.as_ref());
        let fits = claim
            .zip(change.after.as_ref())
            .is_some_and(|(claim, after)| claim.keys == after.keys && claim.threshold == after.threshold);
        if !fits {
            return Err(Error::ProjectChanged(name.clone()));
        }
    }
    Ok(passed)
}

/// What goes into the swap.
struct Drawn<'a> {
    published: &'a Published,
    beside: Beside,
    rekeyed: Vec<ProjectName>,
}

impl Drawn<'_> {
    /// A project that gets other holders must be what it was when the file was prepared.
    fn change(&mut self, change: &Change, place: Place<'_>) -> Result<(), Error> {
        let name = &change.name;
        let changed = || Error::ProjectChanged(name.clone());
        let project = self.published.projects.get(name).ok_or_else(changed)?;
        let held = super::plan::holders(project);
        let standing = project.standing();
        let (what, fits) = match change.act {
            Act::Claimed => {
                self.beside.leave.insert(name.clone());
                let same = change.after.as_ref().is_some_and(|after| after.same(&held));
                (
                    Some(What::Claimed),
                    same && standing == Standing::RecentlyClaimed && !project.is_suspended(),
                )
            }
            // Its line is written with the submission.
            Act::Rekeyed => {
                self.rekeyed.push(name.clone());
                (None, change.before.as_ref().is_some_and(|before| before.same(&held)))
            }
            Act::Suspended => {
                self.beside.gone.insert(name.clone());
                (Some(What::Suspended), change.before.as_ref().is_some_and(|before| before.same(&held)))
            }
            Act::Freed => {
                if !project.is_suspended() {
                    self.beside.gone.insert(name.clone());
                }
                let is_let_go = project.is_suspended() || !raised::is_succeeded(project);
                (Some(What::Freed), is_let_go && standing == Standing::Claimed)
            }
        };
        if !fits {
            return Err(changed());
        }
        if let Some(what) = what {
            let queue = waiting::queue(&State::new(place.state))?;
            let is_revoked =
                queue.iter().any(|one| one.project == *name && one.wanted == waiting::Wanted::Revoke);
            let what = if what == What::Suspended && is_revoked { What::Revoked } else { what };
            self.beside.lines.push(finish::line(place.now, name, what, Some(project)));
        }
        Ok(())
    }
}
