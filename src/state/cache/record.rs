//! What is remembered of one file, and its keys: by folder and name, so that the files of a folder stand together, and by
//! target where that is not the path.

use super::table::{Input, number};
use crate::disk::FileStamp;
use crate::model::{Sha256, TargetPath};

/// What is remembered of one file of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// What it looked like.
    pub stamp: FileStamp,
    /// The SHA-256 of its content.
    pub digest: Sha256,
    /// The target that it is.
    pub target: TargetPath,
}

/// How the keys of files begin; those of targets come after all of them.
pub(super) const FILES: &[u8] = b"p";
pub(super) const FILES_END: &[u8] = b"q";
const TARGETS: &[u8] = b"t";

/// Stands between a folder and a name, and between a target and a path: no path has it.
const END: u8 = 0;

/// The key of the file at `path`.
pub(super) fn key(path: &str) -> Vec<u8> {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let mut key = in_folder(folder);
    key.extend_from_slice(name.as_bytes());
    key
}

/// How the keys of all files in a folder begin.
pub(super) fn in_folder(folder: &str) -> Vec<u8> {
    let mut key = in_folders_with(folder);
    key.push(END);
    key
}

/// How the keys of files in the folders below a folder begin.
pub(super) fn in_folders_below(folder: &str) -> Vec<u8> {
    let mut key = in_folders_with(folder);
    key.push(b'/');
    key
}

/// How the keys of files in folders begin whose path begins with `start`.
pub(super) fn in_folders_with(start: &str) -> Vec<u8> {
    [FILES, start.as_bytes()].concat()
}

/// The path that a key is of.
pub(super) fn path(key: &[u8]) -> String {
    let inside = key.strip_prefix(FILES).unwrap_or(key);
    let end = inside.iter().position(|byte| *byte == END).unwrap_or(0);
    let (folder, name) = (&inside[..end], inside.get(end + 1..).unwrap_or_default());
    let [folder, name] = [folder, name].map(String::from_utf8_lossy);
    if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") }
}

/// The key of a target that is at another path.
pub(super) fn target_key(target: &str, path: &str) -> Vec<u8> {
    [TARGETS, target.as_bytes(), &[END], path.as_bytes()].concat()
}

/// How the keys of targets begin that begin so.
pub(super) fn targets_with(start: &str) -> Vec<u8> {
    [TARGETS, start.as_bytes()].concat()
}

/// The path in such a key.
pub(super) fn path_of_target_key(key: &[u8]) -> String {
    let end = key.iter().position(|byte| *byte == END).map_or(key.len(), |end| end + 1);
    String::from_utf8_lossy(&key[end..]).into_owned()
}

/// The value of the file at `path`.
pub(super) fn write(out: &mut Vec<u8>, path: &str, remembered: &Remembered) {
    let Remembered { stamp, digest, target } = remembered;
    [stamp.device, stamp.inode, stamp.size].iter().for_each(|one| number(out, *one));
    out.extend_from_slice(&stamp.modified.to_le_bytes());
    out.extend_from_slice(&stamp.changed.to_le_bytes());
    out.extend_from_slice(digest.as_bytes());
    if target.as_str() != path {
        out.extend_from_slice(target.as_str().as_bytes());
    }
}

/// What such a value says.
pub(super) fn read(path: &str, value: &[u8]) -> Option<Remembered> {
    let (stamp, digest, rest) = parts(value)?;
    let target = if rest.is_empty() { path } else { std::str::from_utf8(rest).ok()? };
    Some(Remembered { stamp, digest, target: target.parse().ok()? })
}

/// The digest in it, if the file looked so.
pub(super) fn digest(value: &[u8], stamp: &FileStamp) -> Option<Sha256> {
    parts(value).filter(|(other, ..)| other == stamp).map(|(_, digest, _)| digest)
}

/// The target in it, if that is not the path.
pub(super) fn other_target(value: &[u8]) -> Option<&str> {
    let (.., rest) = parts(value)?;
    std::str::from_utf8(rest).ok().filter(|target| !target.is_empty())
}

fn parts(value: &[u8]) -> Option<(FileStamp, Sha256, &[u8])> {
    let mut input = Input(value);
    let (device, inode, size) = (input.number()?, input.number()?, input.number()?);
    let [modified, changed] = [input.u64()?, input.u64()?].map(u64::cast_signed);
    let digest = Sha256::from_bytes(input.take(32)?.try_into().ok()?);
    Some((FileStamp { device, inode, size, modified, changed }, digest, input.0))
}
