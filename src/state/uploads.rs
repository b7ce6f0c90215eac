//! How far the pipeline that uploads a site has come: from which state to which the last manifest led,
//! and what was removed here since and is to be removed there, or got its bytes back here and is to get them there.
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
    /// Whether it was perhaps never written, so that its not being there says nothing.
    #[serde(default)]
    pub perhaps: bool,
    /// Where it began, and where earlier ones led that were not carried out or only in part; empty if it
    /// listed everything.
    pub from: Vec<T>,
    /// Where it led.
    pub to: T,
    /// How files had got their names then, in the words of whoever wrote it; empty if the next is to list everything.
    pub manner: String,
    /// Files removed here, and whether the last manifest says so.
    pub removed: Vec<(String, Listed)>,
    /// Names that got published bytes here which no change of a role shows, and whether the last manifest says so.
    #[serde(default)]
    pub given_back: Vec<(String, Listed)>,
}

/// Whether a removed file, or a name that was given back, is in the last manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listed {
    /// It is.
    Yes,
    /// It was removed, or given back, after that.
    No,
}

/// More names that were given back are not held: whoever has to upload so many may as well upload everything.
const MANY: usize = 100_000;

/// The record; `None` if no manifest was ever written.
///
/// # Errors
/// If it is there and cannot be read: what it says of removed files is nowhere else.
pub fn load<T: DeserializeOwned>(state: &State) -> Result<Option<Uploads<T>>, disk::Error> {
    let way_out = "Remove it: then the next manifest lists everything, and what was removed here since the last one \
                   has to be removed by hand where the site is served from. One from a backup will do if nothing \
                   was removed here since it was made";
    lines::one_or_fail(&state.uploads(), HEADER, way_out)
}

/// Writes the record, durable when this returns: what is removed after that is in it whatever happens.
///
/// # Errors
/// If it cannot be written.
pub fn save<T: Serialize>(state: &State, uploads: &Uploads<T>) -> Result<(), disk::Error> {
    lines::save_durable(&state.uploads(), HEADER, [uploads])
}

/// Notes that files were removed from the site, if there is anybody who must know.
///
/// # Errors
/// If it cannot be written, or the one before cannot be read.
pub fn note_removed(state: &State, names: &[String]) -> Result<(), disk::Error> {
    let Some(mut uploads) = load_for(state, names)? else { return Ok(()) };
    uploads.removed.extend(names.iter().map(|name| (name.clone(), Listed::No)));
    save(state, &uploads)
}

/// Notes that names are about to get the bytes that are published under them, if there is anybody who must know.
///
/// # Errors
/// If it cannot be written, or the one before cannot be read.
pub fn note_given_back(state: &State, names: &[String]) -> Result<(), disk::Error> {
    let Some(mut uploads) = load_for(state, names)? else { return Ok(()) };
    if uploads.given_back.len() + names.len() > MANY {
        uploads.given_back.clear();
        uploads.manner.clear();
    } else {
        uploads.given_back.extend(names.iter().map(|name| (name.clone(), Listed::No)));
    }
    save(state, &uploads)
}

/// The record, where something is to be noted in it.
fn load_for(state: &State, names: &[String]) -> Result<Option<Uploads<serde_json::Value>>, disk::Error> {
    if names.is_empty() { Ok(None) } else { load(state) }
}
