//! `status`: what is published, how long it holds, and what waits for somebody. Reads, and writes
//! nothing.

use crate::disk;
use crate::model::{KeyId, Metadata, Moment, ProjectName, RoleName, Version};
use crate::report::{Reporter, Stage, event};
use crate::site::Site;
use crate::site::read::{self, Published};
use crate::site::roles::PublishedRole;
use crate::state::held::{self, Held};
use crate::state::{State, ceremony, journal, ledger};
use crate::trust::{Custody, Lives, OnlineKeys, Standing, lives, renewal};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What to look at.
#[derive(Debug)]
pub struct Request<'a> {
    /// The site.
    pub site: &'a Path,
    /// The state folder.
    pub state: &'a Path,
    /// How long roles live.
    pub lives: &'a Lives,
    /// The run's now.
    pub now: Moment,
    /// An offline or author role that ends within this span counts as ending soon; none for a
    /// span that suits each role.
    pub within: Option<Duration>,
}

/// How a role is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Nothing is to be done.
    Well,
    /// An online role past its point of renewal: the next build signs it again.
    Due,
    /// Its holders must sign a new version soon.
    EndsSoon,
    /// It has ended, and clients refuse it.
    Expired,
}

/// A role.
#[derive(Clone, Debug)]
pub struct RoleStatus {
    /// Its name.
    pub role: RoleName,
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
    /// Who holds its keys.
    pub custody: Custody,
    /// How many keys must sign.
    pub threshold: u32,
    /// The keys that may.
    pub keys: Vec<KeyId>,
    /// When a build renews it, if a build can.
    pub due: Option<Moment>,
    /// How it is.
    pub health: Health,
}

/// How many projects there are of each standing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Projects {
    /// In the bins.
    pub unclaimed: u64,
    /// Whose author registered a key.
    pub recently_claimed: u64,
    /// For whose author the administrators have signed.
    pub claimed: u64,
}

/// What was seen.
#[derive(Debug)]
pub struct Outcome {
    /// The run's now.
    pub now: Moment,
    /// The snapshot that is current.
    pub snapshot: Version,
    /// Every role, in the order in which trust flows.
    pub roles: Vec<RoleStatus>,
    /// Targets.
    pub targets: u64,
    /// Projects, by standing.
    pub projects: Projects,
    /// What the last build held back; `None` if no build left a record.
    pub held: Option<Vec<Held>>,
    /// What waits for a ceremony.
    pub queue: Vec<String>,
    /// Online keys that sign no more and still lie in the state folder.
    pub retired_keys: Vec<PathBuf>,
    /// When the last run that ended well took place.
    pub last_run: Option<Moment>,
}

impl Outcome {
    /// The worst that is to be said of any role.
    #[must_use]
    pub fn worst(&self) -> Health {
        self.roles.iter().map(|role| role.health).max().unwrap_or(Health::Well)
    }
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is published.
    #[error("nothing is published in {0} yet; `tuffet build --init` publishes")]
    NotBegun(String),
    /// The published tree is not one that a client accepts.
    #[error(transparent)]
    Published(#[from] read::Error),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// What waits for a ceremony, and the one that is under way.
fn queue(state: &State) -> Result<Vec<String>, ledger::Error> {
    let outstanding = ceremony::outstanding(state)?;
    let under_way = outstanding.map(|outstanding| {
        let projects = match outstanding.projects.len() {
            0 => String::new(),
            many => format!(", with projects in it: {many}"),
        };
        format!("a ceremony is under way since {}{projects}", outstanding.at)
    });
    let waiting = ceremony::queue(state)?;
    Ok(under_way.into_iter().chain(waiting.iter().map(ceremony::Queued::words)).collect())
}

/// Looks. A role that has expired is part of the answer, a role that does not verify is an error.
///
/// # Errors
/// [`Error`].
pub fn status(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let site = Site::new(request.site);
    let state = State::new(request.state);
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(request.site.display().to_string()));
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    let online = OnlineKeys::of(&published.root).and_admins(&published.targets);
    Ok(Outcome {
        now: request.now,
        snapshot: published.snapshot.version(),
        targets: published.targets_roles().map(|(_, role)| role.targets.len() as u64).sum(),
        projects: projects(&published),
        held: held::load(&state),
        queue: queue(&state)?,
        retired_keys: state.retired_online_keys()?,
        last_run: journal::last_run(&state),
        roles: published.roles().into_iter().map(|role| judge(request, &online, role)).collect(),
    })
}

fn judge(request: &Request<'_>, online: &OnlineKeys, published: PublishedRole) -> RoleStatus {
    let PublishedRole { role, version, expires, keys } = published;
    let custody = online.custody(&role, &keys);
    let due = match custody {
        // An empty role that stands in for a project lives as long as the list that delegates to it.
        Custody::Online if role.as_str().starts_with("project.") => {
            Some(renewal::due(&role, expires, request.lives.recently_claimed))
        }
        Custody::Online => Some(renewal::due(&role, expires, request.lives.of(&role))),
        Custody::Offline | Custody::Author => None,
    };
    let soon = request.within.unwrap_or_else(|| lives::notice(&role, request.lives));
    let health = if expires <= request.now {
        Health::Expired
    } else if due.is_some_and(|due| due <= request.now) {
        Health::Due
    } else if due.is_none() && expires.since(request.now) < soon {
        Health::EndsSoon
    } else {
        Health::Well
    };
    RoleStatus { role, version, expires, custody, threshold: keys.threshold, keys: keys.keyids, due, health }
}

/// The projects of a tree, by the second segment of `packages/<project>/<file>`; in layout `tree`
/// the first segment is the publisher's own, and such paths are rare and harmless here.
fn projects(published: &Published) -> Projects {
    let paths = published.bins.iter().flat_map(|bin| bin.targets.keys());
    let names = paths.filter_map(|path| {
        let mut segments = path.segments();
        let (first, name, _) = (segments.next()?, segments.next()?, segments.next()?);
        (first == crate::site::layout::PACKAGES).then_some(name)
    });
    let mut all: BTreeSet<ProjectName> = published.projects.keys().cloned().collect();
    // What is no project name belongs to a tree of files that are no distributions.
    all.extend(names.filter_map(|name| ProjectName::normalise(name).ok()));
    let mut projects = Projects::default();
    for project in all {
        *match published.standing(&project) {
            Standing::Unclaimed => &mut projects.unclaimed,
            Standing::RecentlyClaimed => &mut projects.recently_claimed,
            Standing::Claimed => &mut projects.claimed,
        } += 1;
    }
    projects
}
