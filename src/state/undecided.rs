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
    if undecided.targets.is_empty() {
        return if disk::folder::is_there(&path)? { write::remove_file(&path) } else { Ok(()) };
    }
    if load(state).is_ok_and(|there| there == *undecided) {
        return Ok(());
    }
    // Paths and a number always have a form in JSON.
    write::write_durable(&path, &serde_json::to_vec(undecided).unwrap_or_default())
}

fn path(state: &State) -> PathBuf {
    state.ledger("undecided.json")
}
