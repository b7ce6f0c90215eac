//! `project list`: every project that has an author, with its standing, its keys, since when, and until when.

use super::Error;
use crate::model::{KeyId, Moment, ProjectName, ProjectRole};
use crate::report::{Reporter, Stage, event};
use crate::site::Site;
use crate::site::read::{self, Published};
use crate::state::State;
use crate::state::held::{self, Held};
use crate::state::ledger::{self, Registration, What};
use crate::trust::Standing;
use std::path::Path;

/// A project.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its name.
    pub project: ProjectName,
    /// How far it has come.
    pub standing: Standing,
    /// What took its author's role away, if something did.
    pub suspended: Option<What>,
    /// The keys that hold it.
    pub keys: Vec<KeyId>,
    /// How many of them must sign.
    pub threshold: u32,
    /// Since when; none if the ledger does not say.
    pub since: Option<Moment>,
    /// When the first of its roles ends.
    pub expires: Moment,
    /// Its members.
    pub members: Vec<String>,
    /// Its distributions.
    pub files: u64,
    /// Files of it that the last build held back.
    pub held: Vec<Held>,
}

/// Lists.
///
/// # Errors
/// [`Error`].
pub fn list(site: &Path, state: &Path, reporter: &dyn Reporter) -> Result<Vec<Listed>, Error> {
    let (site, state) = (Site::new(site), State::new(state));
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(site.root().display().to_string()));
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    let ledger = ledger::load(&state)?;
    let losses = ledger::last_of_each(ledger.iter().filter(|line| line.what.is_loss()));
    let held_since = ledger::last_of_each(ledger.iter().filter(|line| is_of_holders(line, &published)));
    let held = held::load(&state).unwrap_or_default();
    let listed = published.projects.iter().map(|(name, project)| {
        let loss = losses.get(name.as_str()).filter(|_| project.is_suspended());
        let suspended = project.is_suspended().then(|| loss.map_or(What::Suspended, |line| line.what));
        let folder = format!("packages/{name}/");
        let members = project.parts.keys().filter_map(|part| match part {
            ProjectRole::Member(member) => Some(member.to_string()),
            ProjectRole::Own | ProjectRole::Pages => None,
        });
        let is_file = |path: &str| path.starts_with("packages/") && !path.ends_with(".metadata");
        Listed {
            project: name.clone(),
            standing: project.standing(),
            suspended,
            keys: project.keys.keys().cloned().collect(),
            threshold: project.delegation.keys.threshold,
            since: loss.or_else(|| held_since.get(name.as_str())).map(|line| line.at),
            expires: project.roles().map(|(_, role, _)| role.expires).min().unwrap_or(Moment::EPOCH),
            members: members.collect(),
            files: project.targets().keys().filter(|path| is_file(path.as_str())).count() as u64,
            held: held.iter().filter(|held| held.target.starts_with(&folder)).cloned().collect(),
        }
    });
    Ok(listed.collect())
}

/// Whether a line says since when a project is held as it is published, and is not of a run that failed.
fn is_of_holders(line: &Registration, published: &Published) -> bool {
    let name = ProjectName::normalise(&line.project).ok();
    let project = name.and_then(|name| published.projects.get(&name));
    project.filter(|project| !project.is_suspended()).is_some_and(|project| {
        let says =
            line.what.is_arrival() || line.what == What::Claimed && project.standing() == Standing::Claimed;
        says && line.names(&project.keys, project.delegation.keys.threshold)
    })
}
