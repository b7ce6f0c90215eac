//! `--replace`: published files whose other bytes are taken.

use super::differences::Pending;
use super::{Error, Request};
use crate::pipeline::collect::Layout;
use crate::pipeline::partition::OnChange;
use crate::pipeline::source::SourceFile;

/// What becomes of a file whose published bytes are others: in layout `tree` a name may change
/// its content, a distribution may not unless it is asked for.
pub(super) fn on_change(request: &Request<'_>, file: &SourceFile) -> OnChange {
    let named = request.replace.iter().any(|path| is_named(path, file));
    if request.layout == Layout::Tree || named { OnChange::Take } else { OnChange::Hold }
}

/// Whether `--replace PATH` means this file: by its path below the source, or as a target.
pub(super) fn is_named(path: &str, file: &SourceFile) -> bool {
    let path = path.strip_prefix("./").unwrap_or(path);
    path == file.candidate.relative || path == file.candidate.target.as_str()
}

/// Every path that is given is one that can be replaced.
///
/// # Errors
/// [`Error::NothingToReplace`].
pub(super) fn check_replacements(
    replace: &[String],
    files: &[SourceFile],
    pending: &Pending,
) -> Result<(), Error> {
    let is_there = |path: &String| files.iter().any(|file| is_named(path, file)) || pending.decides(path);
    match replace.iter().find(|path| !is_there(path)) {
        Some(path) => Err(Error::NothingToReplace(path.clone())),
        None => Ok(()),
    }
}
