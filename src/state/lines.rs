//! The form of every file that the state folder remembers things in: a header line that names form and
//! number, then a line of JSON each. A file that cannot be read, or that another version wrote, is as
//! good as none.

use crate::disk::{self, read, write};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::Path;

/// The lines of the file at `path`; `None` if there is none under this header, or one that cannot be
/// read whole.
pub(super) fn load<T: DeserializeOwned>(path: &Path, header: &str) -> Option<Vec<T>> {
    let bytes = read::bytes_if_there(path).ok().flatten()?;
    parse(&bytes, header)
}

/// The one line of a file that is no cache, so that it is never as good as none; `way_out` says what to do about one that
/// does not have the form.
///
/// # Errors
/// If it is there and cannot be read whole.
pub(super) fn one_or_fail<T: DeserializeOwned>(
    path: &Path,
    header: &str,
    way_out: &str,
) -> Result<Option<T>, disk::Error> {
    let Some(bytes) = read::bytes_if_there(path)? else { return Ok(None) };
    let broken = || {
        let message = format!("it is not what tuffet wrote there ({header:?}). {way_out}");
        disk::Error::new("read", path, io::Error::new(io::ErrorKind::InvalidData, message))
    };
    let [line] = parse(&bytes, header).and_then(|lines| lines.try_into().ok()).ok_or_else(broken)?;
    Ok(Some(line))
}

fn parse<T: DeserializeOwned>(bytes: &[u8], header: &str) -> Option<Vec<T>> {
    let mut lines = std::str::from_utf8(bytes).ok()?.lines();
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
    write::write_atomic(path, &text(header, lines))
}

/// Replaces the file at `path`, durable when this returns: for what is no cache.
pub(super) fn save_durable<T: Serialize>(
    path: &Path,
    header: &str,
    lines: impl IntoIterator<Item = T>,
) -> Result<(), disk::Error> {
    write::write_durable(path, &text(header, lines))
}

fn text<T: Serialize>(header: &str, lines: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut out = format!("{header}\n").into_bytes();
    for line in lines {
        // Texts, digests and integers always have a form in JSON.
        out.extend(serde_json::to_vec(&line).unwrap_or_default());
        out.push(b'\n');
    }
    out
}
