//! The ledger: who registered which keys for which project, and when. It is no cache: nothing else knows
//! since when a key holds a project, nor whose a suspended project is.

use super::State;
use crate::disk::{self, read, write};
use crate::model::{Key, KeyId, Moment, ProjectName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What happened to a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Its author's keys were registered.
    Registered,
    /// Other keys took their place.
    Rekeyed,
    /// The operator took its keys away.
    Revoked,
    /// A role of it was about to lapse.
    Suspended,
    /// The administrators signed it over.
    Claimed,
    /// The name is nobody's any more.
    Freed,
}

impl What {
    /// Whether the project has no keys of its author's from then on, and the name stays reserved.
    #[must_use]
    pub fn is_loss(self) -> bool {
        matches!(self, Self::Revoked | Self::Suspended)
    }

    /// Whether other keys come to hold the project.
    #[must_use]
    pub fn is_arrival(self) -> bool {
        matches!(self, Self::Registered | Self::Rekeyed)
    }
}

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The project.
    pub project: String,
    /// What happened.
    pub what: What,
    /// When.
    pub at: Moment,
    /// The keys that hold it from then on, or held it until then.
    pub keys: BTreeMap<KeyId, Key>,
    /// How many of them must sign.
    pub threshold: u32,
}

impl Registration {
    /// Whether it is about these very holders: one of a run that failed is about others than are published.
    #[must_use]
    pub fn names(&self, keys: &BTreeMap<KeyId, Key>, threshold: u32) -> bool {
        self.keys == *keys && self.threshold == threshold
    }
}

/// A ledger that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line is damaged.
    #[error(
        "{} line {line}: {source}. Restore the ledger from a backup, or take that line out: what it says of a \
         project is then not known", path.display()
    )]
    Damaged {
        /// The file.
        path: std::path::PathBuf,
        /// Which line.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Every line, the oldest first.
///
/// # Errors
/// [`Error`].
pub fn load(state: &State) -> Result<Vec<Registration>, Error> {
    let path = state.registrations();
    let bytes = read::bytes_if_there(&path)?.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let whole = text.ends_with('\n') || text.is_empty();
    let count = text.lines().count();
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        match serde_json::from_str(line) {
            Ok(line) => lines.push(line),
            // A run that did not end leaves a line that is not whole; what it says was not published yet.
            Err(_) if index + 1 == count && !whole => {}
            Err(source) => return Err(Error::Damaged { path, line: index + 1, source }),
        }
    }
    Ok(lines)
}

/// Adds lines; durable when this returns. There may be thousands, of one ceremony: what is durable one by one takes a
/// wait for each.
///
/// # Errors
/// If they cannot be written.
pub fn append<'a>(
    state: &State,
    registrations: impl IntoIterator<Item = &'a Registration>,
) -> Result<(), disk::Error> {
    // Texts, keys and integers always have a form in JSON.
    let line = |line: &Registration| serde_json::to_string(line).unwrap_or_default();
    let lines: Vec<String> = registrations.into_iter().map(line).collect();
    write::append_durable_lines(&state.registrations(), &lines)
}

/// The last line of those that say what took a project's keys away: whose it was, where it is suspended. Lines are
/// written before anything is public, so that one about keys that came may be of a run that failed.
#[must_use]
pub fn last_loss<'a>(lines: &'a [Registration], project: &ProjectName) -> Option<&'a Registration> {
    lines.iter().rev().find(|line| line.project == project.as_str() && line.what.is_loss())
}

/// The last of these lines about each project, for whoever asks of many.
#[must_use]
pub fn last_of_each<'a>(
    lines: impl IntoIterator<Item = &'a Registration>,
) -> BTreeMap<&'a str, &'a Registration> {
    lines.into_iter().map(|line| (line.project.as_str(), line)).collect()
}
