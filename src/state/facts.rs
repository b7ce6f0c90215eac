//! The cache of what distributions say of themselves, by their digest: no archive is opened twice.
//!
//! A cache that cannot be read is as good as none.

use super::State;
use crate::disk::{self, place, read};
use crate::model::Sha256;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The first line of the file; another form, another number.
const HEADER: &str = "tuffet facts 1";

/// Reads what is remembered.
#[must_use]
pub fn load<T: DeserializeOwned>(state: &State) -> BTreeMap<Sha256, T> {
    let bytes = read::bytes_if_there(&state.facts()).ok().flatten().unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return BTreeMap::new();
    }
    lines.map(serde_json::from_str::<(Sha256, T)>).collect::<Result<_, _>>().unwrap_or_default()
}

/// Remembers `facts` and nothing else.
///
/// # Errors
/// If it cannot be written.
pub fn save<T: Serialize>(state: &State, facts: &BTreeMap<Sha256, T>) -> Result<(), disk::Error> {
    let mut out = format!("{HEADER}\n").into_bytes();
    for line in facts {
        // A digest and a few texts always have a form in JSON.
        out.extend(serde_json::to_vec(&line).unwrap_or_default());
        out.push(b'\n');
    }
    place::write_atomic(&state.facts(), &out)
}
