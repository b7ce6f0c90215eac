//! `ceremony prepare`: everything that waits, in one file. Signs nothing, and changes nothing that is published.

use super::plan::{Always, Plan};
use super::rotate::{self, Rotation};
use super::{Back, Differences, Error, raised, recover};
use crate::ceremony::Ceremony;
use crate::model::{BinCount, Hands, Holders, Metadata, Moment, ProjectName, RoleName};
use crate::pipeline::collect::Layout;
use crate::report::{Reporter, Stage, event};
use crate::runs::build;
use crate::runs::project::accept::queued;
use crate::runs::project::{Place, so_already};
use crate::runs::roles::{Numbers, Versions};
use crate::site::Site;
use crate::site::projects::Project;
use crate::site::read::{self, Published};
use crate::state::State;
use crate::state::ceremony::{self as waiting, Outstanding, Queued, Since, Wanted};
use crate::state::ledger::{self, Registration};
use crate::trust::{Consent, Standing, lives};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file is at the safe and back within this span.
const ROUND: Duration = Duration::from_secs(30 * 86_400);

/// What becomes of claimed projects whose roles end before the ceremony after next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lapsing {
    /// They are named.
    Named,
    /// An empty role stands in for each.
    Suspended,
}

/// What to prepare.
#[derive(Debug)]
pub struct Request<'a> {
    /// The site.
    pub place: Place<'a>,
    /// How the source is laid out.
    pub layout: Layout,
    /// Projects wait at least so long after their keys were registered.
    pub older_than: Duration,
    /// What becomes of projects that lapse.
    pub lapsing: Lapsing,
    /// Names that are to be free again.
    pub free: &'a BTreeSet<ProjectName>,
    /// Another number of bins.
    pub bins: Option<BinCount>,
    /// Roles that are to get other keys, or thresholds.
    pub rotate: &'a [Rotation],
    /// The state to go back to, after a break-in.
    pub back: Option<Back<'a>>,
    /// How the source is read.
    pub source: &'a build::Request<'a>,
    /// Where the file goes.
    pub out: &'a Path,
}

/// What was prepared.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Projects that are to be signed over.
    pub promoted: Vec<ProjectName>,
    /// Projects that get other keys.
    pub rekeyed: Vec<ProjectName>,
    /// Projects that an empty role is to stand in for.
    pub suspended: Vec<ProjectName>,
    /// Names that are to be free again.
    pub freed: Vec<ProjectName>,
    /// Projects that wait on, for their keys are too young or of an age that nobody knows.
    pub young: Vec<ProjectName>,
    /// Claimed projects with a role that ends before the ceremony after next, the first to end first.
    pub lapsing: Vec<(ProjectName, RoleName, Moment)>,
    /// Changes of keys that wait on, each with the reason.
    pub stale: Vec<(ProjectName, String)>,
    /// Projects of `recently-claimed` that an empty role is to stand in for, after a break-in.
    pub emptied: Vec<ProjectName>,
    /// Roles that stand in the site in a newer version than then, and stay, as the online key cannot have signed them:
    /// with the version of then and the newer one.
    pub newer: Vec<(RoleName, u64, u64)>,
    /// Files of the state folder that do not count any more after a break-in, under the names that they have now.
    pub set_aside: Vec<PathBuf>,
    /// What came into the source, changed or left it since, and waits for a decision.
    pub differences: Differences,
    /// Roles that are to be signed, with their versions.
    pub roles: Vec<(RoleName, u64)>,
}

/// Whether a ceremony is wanted that goes back after a break-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goes {
    /// On from what is published.
    On,
    /// Back to a snapshot of before.
    Back,
}

/// Whether a ceremony can begin now: to be asked before a key is made for it, or put out of the way.
///
/// # Errors
/// [`Error`]: why not.
pub fn check(site: &Path, state: &Path, goes: Goes) -> Result<(), Error> {
    let (site, state) = (Site::new(site), State::new(state));
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(site.root().display().to_string()));
    }
    match goes {
        Goes::On if waiting::outstanding(&state)?.is_some() => Err(Error::Outstanding),
        Goes::On => Ok(()),
        Goes::Back => recover::check(&site, &state),
    }
}

/// Prepares; writes no file where nothing waits. The caller holds the lock.
///
/// # Errors
/// [`Error`].
pub fn prepare(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let place = request.place;
    let (site, state) = (Site::new(place.site), State::new(place.state));
    check(place.site, place.state, if request.back.is_some() { Goes::Back } else { Goes::On })?;
    let mut outcome = Outcome::default();
    let (published, always) = match request.back {
        None => (event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?, Always::Nothing),
        Some(back) => {
            let (recovered, differences) =
                recover::look(place, back, &BTreeMap::new(), request.source, reporter)?;
            // What waited was recorded on a machine that somebody else held.
            outcome.set_aside = waiting::set_aside(&state)?;
            outcome.emptied = recovered.recently.into_keys().collect();
            (outcome.differences, outcome.newer) = (differences, recovered.newer);
            (recovered.published, Always::Lists)
        }
    };
    let ledger = ledger::load(&state)?;
    if request.back.is_none() {
        so_already::forget(&state, &published, &ledger, place.now, &waiting::queue(&state)?)?;
    }
    // One far above what is published collides with nothing, and somebody may have put it there: holders sign no such number.
    let versions = Versions::counted(&site, &published, Numbers::NearPublished)?
        .above(&published, waiting::handed_out(&state)?);
    let mut drawing = Drawing {
        request,
        published: &published,
        ledger,
        plan: Plan::of(&published),
        consents: BTreeMap::new(),
        queued: waiting::queue(&state)?.into_iter().map(|one| one.project).collect(),
        outcome,
    };
    drawing.rotate()?;
    if request.back.is_none() {
        drawing.queue(&waiting::queue(&state)?)?;
        drawing.lapsing();
        drawing.free()?;
        drawing.promote();
    }
    let Drawing { plan, consents, mut outcome, .. } = drawing;
    let steps = plan.steps(&published, &versions, place.lives, (place.now, always))?;
    let root = steps.root.iter().map(|root| (RoleName::root(), root.signed().version()));
    let others = steps.steps.iter().map(|step| (step.role.clone(), step.after.signed().version()));
    let roles: Vec<_> = root.chain(others).collect();
    outcome.roles = roles.iter().map(|(role, version)| (role.clone(), version.number())).collect();
    if roles.is_empty() {
        // What the administrators hold would have changed a role of theirs.
        let why = "the online key holds its name, which is freed when a ceremony is applied, and there is nothing else to \
                   sign now: give --free again with the next one";
        outcome.stale.extend(outcome.freed.drain(..).map(|name| (name, why.to_owned())));
        return Ok(outcome);
    }
    let mut ceremony = Ceremony {
        prepared: String::new(),
        roots: read::root_chain(&site)?.iter().map(|root| root.envelope().clone()).collect(),
        root: steps.root,
        targets: published.targets.envelope().clone(),
        retired: steps.retired,
        steps: steps.steps,
        consents,
    };
    ceremony.prepared = ceremony.identity()?;
    waiting::hand_out(&state, roles.iter().cloned(), |role, version| {
        versions.counts(&published, role, version)
    })?;
    let changed = [&outcome.promoted, &outcome.rekeyed, &outcome.suspended, &outcome.freed];
    let outstanding = Outstanding {
        at: place.now,
        file: ceremony.prepared.clone(),
        projects: changed.into_iter().flatten().cloned().collect(),
        held: outcome.rekeyed.iter().chain(&outcome.suspended).cloned().collect(),
        freed: outcome.freed.iter().cloned().collect(),
        root: ceremony.root.as_ref().map(|root| root.signed().version()),
        roles: roles.into_iter().filter(|(role, _)| *role != RoleName::root()).collect(),
        online: rotate::online(&published, &plan),
        since: request.back.map(|back| since(&back)).transpose()?,
    };
    // First: a file of which nothing says that it is under way could be signed, and never applied or abandoned.
    waiting::set_outstanding(&state, &outstanding)?;
    if let Err(error) = ceremony.write(request.out) {
        waiting::clear_outstanding(&state)?;
        return Err(error.into());
    }
    Ok(outcome)
}

fn since(back: &Back<'_>) -> Result<Since, Error> {
    let sha256 = recover::digest(&Site::new(back.copy), back.snapshot)?;
    Ok(Since { snapshot: back.snapshot, sha256, copy: back.copy.to_owned() })
}

/// The plan, as it is drawn up.
struct Drawing<'a> {
    request: &'a Request<'a>,
    published: &'a Published,
    ledger: Vec<Registration>,
    plan: Plan,
    consents: BTreeMap<ProjectName, Consent>,
    /// Projects whose keys somebody wants changed, or taken away.
    queued: BTreeSet<ProjectName>,
    outcome: Outcome,
}

impl Drawing<'_> {
    fn rotate(&mut self) -> Result<(), Error> {
        for rotation in self.request.rotate {
            rotate::rotate(&mut self.plan, rotation)?;
        }
        if let Some(count) = self.request.bins {
            self.plan.bins.0 = count;
        }
        Ok(())
    }

    /// Changes of keys and revocations that waited for a ceremony.
    fn queue(&mut self, queue: &[Queued]) -> Result<(), Error> {
        for one in queue {
            let name = &one.project;
            let Some(project) = self.published.projects.get(name) else {
                self.outcome.stale.push((name.clone(), "it has no author's key any more".to_owned()));
                continue;
            };
            if project.standing() != Standing::Claimed {
                let why = "it is not claimed: `tuffet project` changes its keys at once".to_owned();
                self.outcome.stale.push((name.clone(), why));
                continue;
            }
            match one.wanted {
                Wanted::Revoke if !raised::is_succeeded(project) && self.request.free.contains(name) => {}
                Wanted::Revoke if !raised::is_succeeded(project) => {
                    self.outcome.stale.push((name.clone(), raised::of_claimed(name, project)));
                }
                Wanted::Revoke => {
                    self.plan.suspend(name, project);
                    self.outcome.suspended.push(name.clone());
                }
                Wanted::Rekey if project.is_suspended() && self.rotates_claimed() => {
                    let why = "the administrators' keys change in this ceremony, and they hold it: it waits for the next";
                    self.outcome.stale.push((name.clone(), why.to_owned()));
                }
                Wanted::Rekey => {
                    let place = (self.request.place, self.request.layout);
                    match queued::claim(place, self.published, &self.ledger, one)? {
                        Ok(claim) => {
                            self.consents
                                .extend(claim.consent.clone().map(|consent| (name.clone(), consent)));
                            self.plan.rekey(name, Holders::new(claim.keys, claim.threshold));
                            self.outcome.rekeyed.push(name.clone());
                        }
                        Err(why) => self.outcome.stale.push((name.clone(), why)),
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the lists of claimed projects go to others.
    fn rotates_claimed(&self) -> bool {
        !self.plan.hands.claimed.same(&Hands::of(&self.published.targets).claimed)
    }

    /// Claimed projects that would lapse before the ceremony after next: `claimed` itself ends before that.
    fn lapsing(&mut self) {
        let horizon = self.request.place.now.plus(self.request.place.lives.claimed);
        for (name, project) in &self.published.projects {
            let changes = self.outcome.suspended.contains(name) || self.outcome.rekeyed.contains(name);
            if project.standing() != Standing::Claimed || project.is_suspended() || changes {
                continue;
            }
            let ends = project.first_to_end().filter(|(_, expires)| *expires < horizon);
            let Some((role, expires)) = ends else { continue };
            self.outcome.lapsing.push((name.clone(), role, expires));
            if self.request.lapsing == Lapsing::Suspended && !raised::is_succeeded(project) {
                self.outcome.stale.push((name.clone(), raised::of_claimed(name, project)));
            } else if self.request.lapsing == Lapsing::Suspended {
                self.plan.suspend(name, project);
                self.outcome.suspended.push(name.clone());
            }
        }
        self.outcome.lapsing.sort_by_key(|(.., expires)| *expires);
    }

    fn free(&mut self) -> Result<(), Error> {
        for name in self.request.free {
            let project =
                self.published.projects.get(name).ok_or_else(|| Error::NobodysProject(name.clone()))?;
            let is_burnt = project.standing() == Standing::Claimed && !raised::is_succeeded(project);
            if !project.is_suspended() && !is_burnt {
                return Err(Error::NotRevoked(name.clone()));
            }
            self.plan.free(name);
            self.outcome.freed.push(name.clone());
        }
        Ok(())
    }

    /// The role of a project that has ended when the file is back from the safe, or that builds are about to suspend it for.
    fn ends_before_it_is_signed(&self, project: &Project) -> Option<(RoleName, Moment)> {
        let place = self.request.place;
        let horizon = place.now.plus(lives::must_outlive(place.lives)).plus(ROUND);
        project.first_to_end().filter(|(_, expires)| *expires <= horizon)
    }

    /// Whether a line says when the keys came that hold a project now, and is not of a run that failed.
    fn is_held_since(&self, line: &Registration) -> bool {
        let name = ProjectName::normalise(&line.project).ok();
        let project = name.and_then(|name| self.published.projects.get(&name));
        line.what.is_arrival() && project.is_some_and(|p| line.names(&p.keys, p.delegation.keys.threshold))
    }

    fn promote(&mut self) {
        let is_held = |line: &&Registration| self.is_held_since(line);
        let registered = ledger::last_of_each(self.ledger.iter().filter(is_held));
        for (name, project) in &self.published.projects {
            // One whose keys are to change is not signed over to the ones that go.
            let waits = self.queued.contains(name);
            if project.standing() != Standing::RecentlyClaimed || project.is_suspended() || waits {
                continue;
            }
            let since = registered.get(name.as_str()).map(|line| line.at);
            let older_than = self.request.older_than;
            let is_old = since.is_some_and(|since| since.plus(older_than) <= self.request.place.now);
            if let Some(own) = self.published.own_key(project.keys.keys()) {
                let why = format!("key {} holds a role of the index's own", own.short());
                self.outcome.stale.push((name.clone(), why));
            } else if let Some((role, expires)) = self.ends_before_it_is_signed(project) {
                let why = format!(
                    "{role} ends on {expires}: once it has, clients refuse the project, and nothing but a ceremony suspends a \
                     claimed one. Have its holder sign again"
                );
                self.outcome.stale.push((name.clone(), why));
            } else if !raised::is_succeeded(project) {
                self.outcome.stale.push((name.clone(), raised::of_unclaimed(name, project)));
            } else if older_than.is_zero() || is_old {
                self.plan.claim(name, project);
                self.outcome.promoted.push(name.clone());
            } else {
                self.outcome.young.push(name.clone());
            }
        }
    }
}
