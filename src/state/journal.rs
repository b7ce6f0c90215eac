//! The journal: one JSON line for each run.

use super::State;
use crate::disk::{self, read, write};
use crate::model::{Moment, Version};
use serde::Serialize;

/// What one run did.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The moment that the run took for now.
    pub now: Moment,
    /// The command.
    pub run: &'static str,
    /// The snapshot that is current after it.
    pub snapshot: Option<Version>,
    /// Whether it made something public.
    pub published: bool,
    /// Targets added, changed, removed and held.
    pub targets: [u64; 4],
    /// Roles signed.
    pub signed: u64,
}

/// Appends a line.
///
/// # Errors
/// If it cannot be written.
pub fn append(state: &State, entry: &Entry) -> Result<(), disk::Error> {
    // A struct of integers and texts always has a form in JSON.
    let line = serde_json::to_string(entry).unwrap_or_default();
    write::append_line(&state.journal(), &line)
}

/// When the last run that ended well took place; `None` if no journal says.
#[must_use]
pub fn last_run(state: &State) -> Option<Moment> {
    #[derive(serde::Deserialize)]
    struct Line {
        now: Moment,
    }
    let bytes = read::bytes_if_there(&state.journal()).ok().flatten()?;
    let text = String::from_utf8_lossy(&bytes);
    text.lines().rev().find_map(|line| serde_json::from_str::<Line>(line).ok()).map(|line| line.now)
}

/// The highest snapshot that a run recorded as published; `None` if no journal says.
#[must_use]
pub fn highest_published(state: &State) -> Option<Version> {
    #[derive(serde::Deserialize)]
    struct Line {
        snapshot: Option<Version>,
        published: bool,
    }
    let bytes = read::bytes_if_there(&state.journal()).ok().flatten()?;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    lines.filter(|line| line.published).filter_map(|line| line.snapshot).max()
}
