//! Files for parsers that read files, and several files in one input.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

thread_local! {
    static FOLDER: OnceCell<TempDir> = const { OnceCell::new() };
}

/// A path of this thread's own, where nothing is.
pub(crate) fn free(name: &str) -> PathBuf {
    let path = FOLDER.with(|folder| folder.get_or_init(|| TempDir::new().unwrap()).path().join(name));
    if path.is_dir() {
        std::fs::remove_dir_all(&path).unwrap();
    } else if path.exists() {
        std::fs::remove_file(&path).unwrap();
    }
    path
}

/// A file with these bytes.
pub(crate) fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = free(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// How each file in an input begins: a line that names it.
const BEGIN: &[u8] = b"=== ";

/// Files in one input, each behind a line `=== name`; none if it does not begin so.
pub(crate) fn files(bytes: &[u8]) -> Vec<(&str, &[u8])> {
    let mut files = Vec::new();
    let mut rest = bytes.strip_prefix(BEGIN);
    while let Some(from) = rest {
        let end = from.windows(5).position(|five| five == b"\n=== ");
        let (one, next) = match end {
            Some(at) => (&from[..at], Some(&from[at + 5..])),
            None => (from, None),
        };
        let (name, content) = match one.iter().position(|byte| *byte == b'\n') {
            Some(at) => (&one[..at], &one[at + 1..]),
            None => (one, &one[..0]),
        };
        if let Ok(name) = std::str::from_utf8(name) {
            files.push((name, content));
        }
        rest = next;
    }
    files
}

/// Writes such files below `folder`, but those whose names lead out of it.
pub(crate) fn unpack(folder: &Path, files: &[(&str, &[u8])]) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, content) in files {
        let stays = name.split('/').all(|segment| !matches!(segment, "" | "." | "..") && segment.len() < 200);
        let path = folder.join(name);
        // A name may be a folder, by another file's, or too long.
        if stays && !name.contains('\0') && std::fs::create_dir_all(path.parent().unwrap_or(folder)).is_ok() {
            let _ = std::fs::write(&path, content);
        }
    }
}
