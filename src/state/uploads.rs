//! How far the pipeline that uploads a site has come: from which state to which the last manifest led,
//! and what was removed here since and is to be removed there.
//!
//! Without this record the next manifest lists everything.

use super::{State, lines};
use crate::disk;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The first line of the file; another form, another number.
const HEADER: &str = "tuffet uploads 1";

/// The record; `T` is a published state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploads<T> {
    /// Where the last manifest began; `None` if it listed everything.
    pub from: Option<T>,
    /// Where it led.
    pub to: T,
    /// Files removed here, and whether the last manifest says so.
    pub removed: Vec<(String, Listed)>,
}

/// Whether a removed file is in the last manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listed {
    /// It is.
    Yes,
    /// It was removed after that.
    No,
}

/// The record; `None` if no manifest was ever written.
#[must_use]
pub fn load<T: DeserializeOwned>(state: &State) -> Option<Uploads<T>> {
    lines::load(&state.uploads(), HEADER)?.into_iter().next()
}

/// Writes the record.
///
/// # Errors
/// If it cannot be written.
pub fn save<T: Serialize>(state: &State, uploads: &Uploads<T>) -> Result<(), disk::Error> {
    lines::save(&state.uploads(), HEADER, [uploads])
}

/// Notes that files were removed from the site, if there is anybody who must know.
///
/// # Errors
/// If it cannot be written.
pub fn note_removed(state: &State, names: &[String]) -> Result<(), disk::Error> {
    let Some(mut uploads) = load::<serde_json::Value>(state).filter(|_| !names.is_empty()) else {
        return Ok(());
    };
    uploads.removed.extend(names.iter().map(|name| (name.clone(), Listed::No)));
    save(state, &uploads)
}
