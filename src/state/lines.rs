//! The form of every file that the state folder remembers things in: a header line that names form and
//! number, then a line of JSON each. A file that cannot be read, or that another version wrote, is as
//! good as none.

use crate::disk::{self, read, write};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// The lines of the file at `path`; `None` if there is none under this header, or one that cannot be
/// read whole.
pub(super) fn load<T: DeserializeOwned>(path: &Path, header: &str) -> Option<Vec<T>> {
    let bytes = read::bytes_if_there(path).ok().flatten()?;
    let text = String::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    if lines.next() != Some(header) {
        return None;
    }
    lines.map(serde_json::from_str).collect::<Result<_, _>>().ok()
}

/// Replaces the file at `path`.
pub(super) fn save<T: Serialize>(
    path: &Path,
    header: &str,
    lines: impl IntoIterator<Item = T>,
) -> Result<(), disk::Error> {
    let mut out = format!("{header}\n").into_bytes();
    for line in lines {
        // Texts, digests and integers always have a form in JSON.
        out.extend(serde_json::to_vec(&line).unwrap_or_default());
        out.push(b'\n');
    }
    write::write_atomic(path, &out)
}
