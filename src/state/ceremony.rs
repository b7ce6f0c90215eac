//! What the index knows of ceremonies: which is under way, what waits for the next one, and which versions were ever
//! handed out to be signed. Part of the ledger: no cache, and nothing else knows it.

use super::State;
use super::ledger::Error;
use crate::disk::folder::Folder;
use crate::disk::{self, read, write};
use crate::model::{KeyId, Moment, ProjectName, RoleName, Sha256, Version};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A ceremony that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outstanding {
    /// When its file was made.
    pub at: Moment,
    /// The identity of that file.
    pub file: String,
    /// The projects in it, whose keys stay as they are meanwhile.
    pub projects: BTreeSet<ProjectName>,
    /// Those of them that get other holders, and whose releases wait.
    pub held: BTreeSet<ProjectName>,
    /// Names of the online list that are free once it is applied.
    pub freed: BTreeSet<ProjectName>,
    /// The roles that it signs, but for the root, at the versions that it gives them.
    #[serde(default)]
    pub roles: BTreeMap<RoleName, Version>,
    /// The root that it signs, if it does.
    #[serde(default)]
    pub root: Option<Version>,
    /// The online key that it brings.
    pub online: Option<KeyId>,
    /// What it goes back to, after a break-in.
    pub since: Option<Since>,
}

/// A state of the site that a ceremony goes back to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// The snapshot.
    pub snapshot: Version,
    /// The digest of its file.
    pub sha256: Sha256,
    /// Where a copy of the site of that time is.
    pub copy: PathBuf,
}

/// What is wanted of a project's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wanted {
    /// Others take their place: a submission waits beside the queue.
    Rekey,
    /// They are taken away.
    Revoke,
}

/// A change that waits for a ceremony, or for one to be over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// The project.
    pub project: ProjectName,
    /// What is wanted.
    pub wanted: Wanted,
    /// Since when it waits.
    pub at: Moment,
    /// The keys that the operator decided on; for a revocation none.
    pub keys: BTreeSet<KeyId>,
    /// The digest of the submission, which is part of the name that it waits under. None for a revocation, and for what
    /// an earlier release let wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
}

impl Queued {
    /// What it is, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self.wanted {
            Wanted::Rekey => format!("{}: other keys", self.project),
            Wanted::Revoke => format!("{}: to be revoked", self.project),
        }
    }
}

/// The highest version of each offline role that was ever handed out to be signed: a holder signs no second
/// content for one, whether it was published or not.
///
/// # Errors
/// [`Error`].
pub fn handed_out(state: &State) -> Result<BTreeMap<RoleName, Version>, Error> {
    Ok(load(&state.handed_out())?.unwrap_or_default())
}

/// Notes that these versions are handed out; of those that were before, `counts` says which still do.
///
/// # Errors
/// [`Error`].
pub fn hand_out(
    state: &State,
    versions: impl Iterator<Item = (RoleName, Version)>,
    counts: impl Fn(&RoleName, Version) -> bool,
) -> Result<(), Error> {
    let mut all = handed_out(state)?;
    all.retain(|role, version| counts(role, *version));
    for (role, version) in versions {
        let highest = all.entry(role).or_insert(version);
        *highest = version.max(*highest);
    }
    Ok(save(&state.handed_out(), &all)?)
}

/// The ceremony that is under way, if one is.
///
/// # Errors
/// [`Error`].
pub fn outstanding(state: &State) -> Result<Option<Outstanding>, Error> {
    load(&state.outstanding())
}

/// Notes that a ceremony is under way.
///
/// # Errors
/// If it cannot be written.
pub fn set_outstanding(state: &State, outstanding: &Outstanding) -> Result<(), disk::Error> {
    save(&state.outstanding(), outstanding)
}

/// Notes that none is.
///
/// # Errors
/// If it cannot be removed.
pub fn clear_outstanding(state: &State) -> Result<(), disk::Error> {
    write::remove_file(&state.outstanding())
}

/// Puts out of the way what a machine that somebody else held says of ceremonies: the one under way, what waits, and the
/// numbers that were handed out and the registrations where they cannot be read. Gives the names that the files have then.
///
/// # Errors
/// If a file cannot be renamed.
pub fn set_aside(state: &State) -> Result<Vec<PathBuf>, disk::Error> {
    let mut all = vec![state.outstanding(), state.queue(), state.submissions()];
    // What the system just now refuses to read is not damaged.
    let is_damaged = |error: Error| matches!(error, Error::Damaged { .. });
    all.extend(handed_out(state).is_err_and(is_damaged).then(|| state.handed_out()));
    all.extend(super::ledger::load(state).is_err_and(is_damaged).then(|| state.registrations()));
    let mut aside = Vec::new();
    for path in all {
        if !disk::folder::is_there(&path)? {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let free = (1..).map(|number: u32| path.with_file_name(format!("{name}.{number}.set-aside")));
        let is_free = |to: &PathBuf| disk::folder::is_there(to).is_ok_and(|is_there| !is_there);
        let Some(to) = free.take(1_000_000).find(is_free) else { continue };
        write::rename(&path, &to)?;
        aside.push(to);
    }
    Ok(aside)
}

/// Everything that waits, in the order of the names.
///
/// # Errors
/// [`Error`].
pub fn queue(state: &State) -> Result<Vec<Queued>, Error> {
    Ok(load(&state.queue())?.unwrap_or_default())
}

/// Lets a change wait, in place of another that waits for the same project; with the submission that it brings. What
/// waited before stays whole until the queue names the new one.
///
/// # Errors
/// [`Error`].
pub fn enqueue(state: &State, mut queued: Queued, submission: Option<&Path>) -> Result<(), Error> {
    let mut all = queue(state)?;
    if let Some(submission) = submission {
        queued.sha256 = Some(read::OpenFile::open(submission)?.digest()?.0);
        // Some hundred megabytes at most; and the author's file may be gone when the ceremony is held.
        write::copy_durable(submission, &state.queued_submission(&queued))?;
    }
    all.retain(|other| other.project != queued.project);
    all.push(queued);
    all.sort_by(|one, other| one.project.cmp(&other.project));
    save(&state.queue(), &all)?;
    Ok(forget_submissions(state, &all)?)
}

/// Takes changes out of the queue: they are carried out, or not wanted any more.
///
/// # Errors
/// [`Error`].
pub fn dequeue(state: &State, is_done: impl Fn(&Queued) -> bool) -> Result<(), Error> {
    let mut stays = queue(state)?;
    let before = stays.len();
    stays.retain(|queued| !is_done(queued));
    if stays.len() == before {
        return Ok(());
    }
    save(&state.queue(), &stays)?;
    Ok(forget_submissions(state, &stays)?)
}

/// Removes submissions that nothing of the queue names: of what waits no more, and of runs that did not end.
fn forget_submissions(state: &State, queue: &[Queued]) -> Result<(), disk::Error> {
    let folder = Folder::new(&state.submissions());
    let named: BTreeSet<PathBuf> = queue.iter().map(|queued| state.queued_submission(queued)).collect();
    let there = folder.file_names("")?.into_iter().map(|name| folder.path(&name));
    there.filter(|path| !named.contains(path)).try_for_each(|path| write::remove_file(&path))
}

impl State {
    fn handed_out(&self) -> PathBuf {
        self.ledger("handed-out.json")
    }

    /// What says which ceremony is under way.
    #[must_use]
    pub fn outstanding(&self) -> PathBuf {
        self.ledger("ceremony.json")
    }

    fn queue(&self) -> PathBuf {
        self.ledger("queue.json")
    }

    /// Where the submissions of changes of keys wait.
    fn submissions(&self) -> PathBuf {
        self.ledger("queue")
    }

    /// The submission of a change of keys that waits.
    #[must_use]
    pub fn queued_submission(&self, queued: &Queued) -> PathBuf {
        let project = &queued.project;
        let name = match &queued.sha256 {
            Some(sha256) => format!("{project}.{sha256}.zip"),
            None => format!("{project}.zip"),
        };
        self.submissions().join(name)
    }
}

fn load<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    let Some(bytes) = read::bytes_if_there(path)? else { return Ok(None) };
    let damaged = |source| Error::Damaged { path: path.to_owned(), line: 1, source };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

fn save<T: Serialize>(path: &Path, value: &T) -> Result<(), disk::Error> {
    // Names, numbers and moments always have a form in JSON.
    write::write_durable(path, &serde_json::to_vec(value).unwrap_or_default())
}
