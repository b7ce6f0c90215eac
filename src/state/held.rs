//! What the last build held back, so that `status` can say so without looking at the source.

use super::{State, lines};
use crate::disk;
use serde::{Deserialize, Serialize};

/// The first line of the file; another form, another number.
const HEADER: &str = "tuffet held 1";

/// A file of the source that is not published as it is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Held {
    /// Its path below the source, or the target where the file is not known.
    pub file: String,
    /// The target that it would be.
    pub target: String,
    /// Why it is held, and the way out.
    pub why: String,
}

/// What the last build held; `None` if no build left a record.
#[must_use]
pub fn load(state: &State) -> Option<Vec<Held>> {
    lines::load(&state.held(), HEADER)
}

/// Records what a build held, if that is not what stands there.
///
/// # Errors
/// If it cannot be written.
pub fn save(state: &State, held: &[Held]) -> Result<(), disk::Error> {
    if load(state).as_deref() == Some(held) { Ok(()) } else { lines::save(&state.held(), HEADER, held) }
}
