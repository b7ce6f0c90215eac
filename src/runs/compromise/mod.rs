//! `compromise`: what somebody could do, project by project, who holds some keys and controls what clients are
//! served. Reads, and writes nothing.

mod holders;
mod weights;

pub use weights::{Error as WeightsError, Shares, Weights};

use crate::disk;
use crate::model::{Envelope, Moment, ProjectName, ProjectRole, RoleName, Targets};
use crate::report::{Reporter, Stage, event};
use crate::site::read::{self, Published};
use crate::site::{Site, past};
use crate::state::State;
use crate::state::ledger::{self, What};
use crate::trust::compromise::{Asked, Evidence, Holding, Judge, Subject, Verdict};
use crate::trust::{Lives, Standing};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// What to judge.
#[derive(Debug)]
pub struct Request<'a> {
    /// The site.
    pub site: &'a Path,
    /// The state folder that belongs to it, for the dates in its ledger; none if that is not known.
    pub state: Option<&'a Path>,
    /// How long roles live.
    pub lives: &'a Lives,
    /// The run's now.
    pub now: Moment,
    /// Whose keys are held: `online`, names of roles, ids of keys or what they begin with.
    pub holding: &'a [String],
    /// How often projects are downloaded, if that is to count.
    pub weights: Option<&'a Weights>,
}

/// A project that was judged.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its name.
    pub name: ProjectName,
    /// Where it stands.
    pub standing: Standing,
    /// What is possible.
    pub verdict: Verdict,
}

/// What was found.
#[derive(Debug)]
pub struct Outcome {
    /// The keys that are held.
    pub holding: Holding,
    /// Every project, by name.
    pub projects: Vec<Judged>,
    /// The shares of downloads, where weights were given.
    pub shares: Option<Shares>,
}

impl Outcome {
    /// How many projects somebody could forge.
    #[must_use]
    pub fn at_risk(&self) -> usize {
        self.projects.iter().filter(|judged| judged.verdict.malicious_update()).count()
    }
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is published.
    #[error("nothing is published in {0} yet; `tuffet build --init` publishes")]
    NotBegun(String),
    /// Nobody holds so.
    #[error(
        "--holding {0:?} is neither `online`, nor a role of this site, nor a key that one of its roles names; \
         `tuffet status` lists roles and keys"
    )]
    Nobody(String),
    /// Several keys begin so.
    #[error("--holding {0:?}: the ids of {1} keys begin so; give more of it")]
    Several(String, usize),
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

/// Judges every project.
///
/// # Errors
/// [`Error`].
pub fn compromise(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let site = Site::new(request.site);
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(request.site.display().to_string()));
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    let asked = holders::asked(request.holding, &published);
    let past = past::read(&site, request.now, &asked.texts())?;
    let holding = holders::found(asked, &published, &past)?;
    let evidence = Evidence {
        roots: &past.roots,
        timestamp: &published.timestamp,
        snapshot: &published.snapshot,
        snapshots: past.snapshots.iter().collect(),
        roles: past.roles.iter().map(|(role, versions)| (role.clone(), versions.iter().collect())).collect(),
        stand_ins: stand_ins(&published).collect(),
        versions: &past.versions,
        lives: request.lives,
        now: request.now,
    };
    let judge = Judge::new(&evidence, &holding);
    let since = request.state.map(since).transpose()?.unwrap_or_default();
    let bins = bins(&published, &holding);
    let names: Vec<&ProjectName> = published.projects.keys().chain(bins.keys()).collect();
    let mut projects: Vec<Judged> = names
        .into_par_iter()
        .map(|name| judge_one(name, &published, &holding, &bins, &since, &judge))
        .collect();
    projects.sort_by(|a, b| a.name.cmp(&b.name));
    let stranger = |name: &ProjectName| judge_one(name, &published, &holding, &bins, &since, &judge);
    let shares = request.weights.map(|weights| weights.shares(&projects, &stranger));
    Ok(Outcome { holding, projects, shares })
}

fn judge_one(
    name: &ProjectName,
    published: &Published,
    holding: &Holding,
    bins: &BTreeMap<ProjectName, Option<Asked>>,
    since: &Since,
    judge: &Judge<'_>,
) -> Judged {
    let standing = published.standing(name);
    let asked = match published.projects.get(name) {
        Some(project) => project
            .roles()
            .filter(|(role, ..)| !matches!(ProjectRole::parse(role), Some((_, ProjectRole::Pages))))
            .map(|(role, metadata, keys)| Asked {
                role,
                expires: metadata.expires,
                held: holding.reaches(&keys),
            })
            .collect(),
        None => bins.get(name).cloned().flatten().into_iter().collect(),
    };
    let since = since.get(&(name.to_string(), standing)).copied();
    let verdict = judge.verdict(&Subject { name, standing, asked, since });
    Judged { name: name.clone(), standing, verdict }
}

/// The empty roles that stand in for claimed projects.
fn stand_ins(published: &Published) -> impl Iterator<Item = (&RoleName, &Envelope<Targets>)> {
    let suspended = published.projects.values().filter(|project| project.is_suspended());
    let claimed = suspended.filter(|project| project.standing() == Standing::Claimed);
    claimed.map(|project| (&project.delegation.name, project.own.envelope()))
}

/// Since when projects stand where they do, by the ledger.
type Since = BTreeMap<(String, Standing), Moment>;

fn since(state: &Path) -> Result<Since, Error> {
    let mut since = Since::new();
    for line in ledger::load(&State::new(state))? {
        let standing = match line.what {
            What::Registered => Standing::RecentlyClaimed,
            What::Claimed => Standing::Claimed,
            What::Rekeyed | What::Revoked | What::Suspended | What::Freed => continue,
        };
        // The latest: what is certain.
        since.insert((line.project, standing), line.at);
    }
    Ok(since)
}

/// The projects that no list delegates to, each with the first of its bins to end that cannot be signed.
fn bins(published: &Published, holding: &Holding) -> BTreeMap<ProjectName, Option<Asked>> {
    let mut all: BTreeMap<ProjectName, Option<Asked>> = BTreeMap::new();
    let roles: Vec<(RoleName, bool)> = published
        .unclaimed
        .delegations
        .iter()
        .flat_map(|delegations| &delegations.roles)
        .map(|child| (child.name.clone(), holding.reaches(&child.role_keys())))
        .collect();
    for ((role, held), bin) in roles.into_iter().zip(&published.bins) {
        for path in bin.targets.keys() {
            let segments: Vec<&str> = path.segments().collect();
            let [crate::site::layout::PACKAGES, name, _] = segments[..] else { continue };
            let Ok(name) = ProjectName::normalise(name) else { continue };
            if published.projects.contains_key(&name) {
                continue;
            }
            let first = all.entry(name).or_default();
            if !held && first.as_ref().is_none_or(|first| bin.expires < first.expires) {
                *first = Some(Asked { role: role.clone(), expires: bin.expires, held });
            }
        }
    }
    all
}
