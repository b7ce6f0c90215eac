//! ZIPs: of files as they should be, and such as are made to cost their reader all that they can.

use std::io::{Cursor, Write as _};
use zip::write::SimpleFileOptions;

/// A sound one.
pub(crate) fn of(files: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// The end of one with so many files, whose list begins there.
fn end(files: u16, at: usize) -> Vec<u8> {
    let counts = [files.to_le_bytes(), files.to_le_bytes()].concat();
    [b"PK\x05\x06\0\0\0\0", &counts[..], &[0; 4], &(at as u32).to_le_bytes(), &[0; 2]].concat()
}

/// The head of a file in the list at its end; a name of so many bytes, and what comments on it, follow.
fn listed(name: u16, comment: u16, at: usize) -> [u8; 46] {
    let mut head = [0; 46];
    head[..4].copy_from_slice(b"PK\x01\x02");
    head[28..30].copy_from_slice(&name.to_le_bytes());
    head[32..34].copy_from_slice(&comment.to_le_bytes());
    head[42..].copy_from_slice(&(at as u32).to_le_bytes());
    head
}

/// Nothing but what may begin a list, and two ends.
pub(crate) fn of_what_may_be_lists(size: usize) -> Vec<u8> {
    let heads = b"PK\x01\x02".repeat(size / 4);
    [heads, end(1, 0), end(1, size / 8 * 4)].concat()
}

/// Many ends, each with a list of its own: each head in one is as long as so many of them, so that lists which begin at
/// another never meet.
pub(crate) fn of_lists(size: usize) -> Vec<u8> {
    let head = listed(u16::MAX, u16::MAX - 16, 0);
    let ends: Vec<u8> = (0..2850).flat_map(|at| end(60_000, 46 * at)).collect();
    [head.repeat(size / 46), ends].concat()
}

/// Empty files, and between them what may be heads of others, each of which would end behind the file that follows.
pub(crate) fn of_what_may_be_heads(size: usize) -> Vec<u8> {
    let name = |at: usize| format!("{at:08}").into_bytes();
    let heads = b"PK\x03\x04".repeat(4_900);
    let one = |at: usize| [b"PK\x03\x04", &[0; 22][..], b"\x08\0\0\0", &name(at), &heads].concat();
    let length = one(0).len();
    let files = size / length;
    let list = (0..files).flat_map(|at| [&listed(8, 0, at * length)[..], &name(at)].concat());
    (0..files).flat_map(one).chain(list).chain(end(files as u16, files * length)).collect()
}
