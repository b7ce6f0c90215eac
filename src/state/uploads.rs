//! How far the pipeline that uploads a site has come: from which state to which the last manifest led,
//! and what was removed here since and is to be removed there.
//!
//! This is no cache. Without it the next manifest lists everything, and what was removed here since the last
//! one stays where the site is served from.

use super::{State, lines};
use crate::disk;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The first line of the file; another form, another number.
const HEADER: &str = "tuffet uploads 1";

/// The record; `T` is a published state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploads<T> {
    /// The manifest, whose being there says that it has not been carried out.
    pub file: String,
    /// Where it began, and where earlier ones led that were not carried out or only in part; empty if it
    /// listed everything.
    pub from: Vec<T>,
    /// Where it led.
    pub to: T,
    /// How files had got their names then, in the words of whoever wrote it.
    pub manner: String,
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

/// Writes the record, if it is another.
///
/// # Errors
/// If it cannot be written.
pub fn save<T>(state: &State, uploads: &Uploads<T>) -> Result<(), disk::Error>
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    if load::<T>(state).as_ref() == Some(uploads) {
        return Ok(());
    }
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
