//! The journal: one JSON line for each run.

use super::State;
use crate::disk::{self, place};
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
    place::append_line(&state.journal(), &line)
}
