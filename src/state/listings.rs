//! The cache of what a mirror's pages offer, by project: no page is read twice.

use super::{State, lines};
use crate::disk;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// The first line of the file; another form, another number.
const HEADER: &str = "tuffet listings 1";

/// Reads what is remembered.
#[must_use]
pub fn load<T: DeserializeOwned>(state: &State) -> BTreeMap<String, T> {
    lines::load(&state.listings(), HEADER).unwrap_or_default().into_iter().collect()
}

/// Remembers `listings` and nothing else.
///
/// # Errors
/// If it cannot be written.
pub fn save<T: Serialize>(state: &State, listings: &BTreeMap<String, T>) -> Result<(), disk::Error> {
    lines::save(&state.listings(), HEADER, listings)
}
