//! What came into the source, changed or left it since the snapshot that was gone back to after a break-in: nothing of
//! it is published, or taken away, before somebody has decided. Part of the ledger.

use super::State;
use super::ledger::Error;
use crate::disk::{self, read, write};
use crate::model::{TargetPath, Version};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// What is not decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undecided {
    /// The snapshot that was gone back to.
    pub since: Option<Version>,
    /// The targets.
    pub targets: BTreeSet<TargetPath>,
    /// What stood here before the last ceremony that goes back: it stands here again if that is given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Replaced>,
}

/// What was not decided before a ceremony went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// The identity of the ceremony's file.
    pub by: String,
    /// The snapshot that was gone back to then, if one was.
    pub since: Option<Version>,
    /// The targets.
    pub targets: BTreeSet<TargetPath>,
}

/// What is not decided; nothing where nothing is recorded.
///
/// # Errors
/// [`Error`].
pub fn load(state: &State) -> Result<Undecided, Error> {
    let path = path(state);
    let Some(bytes) = read::bytes_if_there(&path)? else { return Ok(Undecided::default()) };
    serde_json::from_slice(&bytes).map_err(|source| Error::Damaged { path, line: 1, source })
}

/// Records it, if that is not what stands there.
///
/// # Errors
/// If it cannot be written.
pub fn save(state: &State, undecided: &Undecided) -> Result<(), disk::Error> {
    let path = path(state);
    if undecided.targets.is_empty() && undecided.instead_of.is_none() {
        return if disk::folder::is_there(&path)? { write::remove_file(&path) } else { Ok(()) };
    }
    if load(state).is_ok_and(|there| there == *undecided) {
        return Ok(());
    }
    // Paths and a number always have a form in JSON.
    write::write_durable(&path, &serde_json::to_vec(undecided).unwrap_or_default())
}

/// Records what is not decided once a ceremony, by the identity of its file, has gone back to a snapshot; what cannot be
/// read was written by whoever held the machine.
///
/// # Errors
/// If it cannot be written.
pub fn go_back(
    state: &State,
    by: &str,
    since: Version,
    targets: BTreeSet<TargetPath>,
) -> Result<(), disk::Error> {
    let Undecided { since: before, targets: others, instead_of } = load(state).unwrap_or_default();
    // A run of the same ceremony that did not end has recorded it already.
    let again = instead_of.filter(|replaced| replaced.by == by);
    let replaced = again.unwrap_or_else(|| Replaced { by: by.to_owned(), since: before, targets: others });
    save(state, &Undecided { since: Some(since), targets, instead_of: Some(replaced) })
}

/// Notes that the ceremony which recorded it is public: what stood here before does not come back.
///
/// # Errors
/// [`Error`].
pub fn settle(state: &State) -> Result<(), Error> {
    Ok(save(state, &Undecided { instead_of: None, ..load(state)? })?)
}

/// Takes back what a ceremony recorded that is given up.
///
/// # Errors
/// [`Error`].
pub fn take_back(state: &State, by: &str) -> Result<(), Error> {
    let Some(replaced) = load(state)?.instead_of.filter(|replaced| replaced.by == by) else { return Ok(()) };
    let Replaced { since, targets, .. } = replaced;
    Ok(save(state, &Undecided { since, targets, instead_of: None })?)
}

fn path(state: &State) -> PathBuf {
    state.ledger("undecided.json")
}
