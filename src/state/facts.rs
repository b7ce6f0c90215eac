//! The cache of what distributions say of themselves, by their digest: no archive is opened twice.

use super::{State, lines};
use crate::disk;
use crate::model::Sha256;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The first line of the file; another form, another number.
const HEADER: &str = "tuffet facts 3";

/// Reads what is remembered.
#[must_use]
pub fn load<T: DeserializeOwned>(state: &State) -> BTreeMap<Sha256, T> {
    lines::load(&state.facts(), HEADER).unwrap_or_default().into_iter().collect()
}

/// Remembers `facts` and nothing else.
///
/// # Errors
/// If it cannot be written.
pub fn save<T: Serialize>(state: &State, facts: &BTreeMap<Sha256, T>) -> Result<(), disk::Error> {
    lines::save(&state.facts(), HEADER, facts)
}
