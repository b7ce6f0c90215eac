//! What the last build held back, so that `status` can say so without looking at the source.
//!
//! A record that cannot be read is as good as none: the next build writes it anew.

use super::State;
use crate::disk::{self, place, read};
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
    let bytes = read::bytes_if_there(&state.held()).ok().flatten()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    if lines.next() != Some(HEADER) {
        return None;
    }
    lines.map(serde_json::from_str).collect::<Result<_, _>>().ok()
}

/// Records what a build held, if that is not what stands there.
///
/// # Errors
/// If it cannot be written.
pub fn save(state: &State, held: &[Held]) -> Result<(), disk::Error> {
    if load(state).as_deref() == Some(held) {
        return Ok(());
    }
    let mut out = format!("{HEADER}\n").into_bytes();
    for one in held {
        // A few texts always have a form in JSON.
        out.extend(serde_json::to_vec(one).unwrap_or_default());
        out.push(b'\n');
    }
    place::write_atomic(&state.held(), &out)
}
