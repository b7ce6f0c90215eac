//! What the last build knew of the tree that it published: what of it was verified, when each bin ends, and how many
//! targets there are. With it a build that is told what changed reads the bins that change and no other.

use super::State;
use crate::disk::{self, read, write};
use crate::model::{Known, Moment, Sha256, Version};
use serde::{Deserialize, Serialize};

/// The first line of the file; another form, another number.
const HEADER: &[u8] = b"tuffet tree 3\n";

/// What is known of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Its snapshot.
    pub snapshot: Version,
    /// What was verified of it: of another snapshot nothing else is known.
    pub known: Known,
    /// How many targets there are.
    pub targets: u64,
    /// How many there are of what, if every project has its index pages.
    pub pages: Option<Counted>,
    /// When each bin ends.
    pub ends: Vec<Moment>,
}

/// How many there are of what the bins list, in a tree where every project has its index pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Projects.
    pub projects: u64,
    /// Distributions.
    pub distributions: u64,
}

/// The second line.
#[derive(Serialize, Deserialize)]
struct Line {
    snapshot: Version,
    known: Known,
    targets: u64,
    pages: Option<Counted>,
}

impl Tree {
    /// The file: behind two lines the end of each bin in eight bytes, and before them the SHA-256 of all that.
    fn to_bytes(&self) -> Vec<u8> {
        let Self { snapshot, ref known, targets, pages, .. } = *self;
        let line = Line { snapshot, known: known.clone(), targets, pages };
        // Digests, keys and integers always have a form in JSON.
        let mut body = serde_json::to_vec(&line).unwrap_or_default();
        body.push(b'\n');
        body.extend(self.ends.iter().flat_map(|end| end.unix().to_le_bytes()));
        let digest = format!("{}\n", Sha256::of(&body));
        [HEADER, digest.as_bytes(), &body].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (digest, body) = bytes.strip_prefix(HEADER)?.split_at_checked(65)?;
        let digest: Sha256 = std::str::from_utf8(digest).ok()?.strip_suffix('\n')?.parse().ok()?;
        if digest != Sha256::of(body) {
            return None;
        }
        let line = body.iter().position(|byte| *byte == b'\n')?;
        let (line, ends) = (&body[..line], &body[line + 1..]);
        let Line { snapshot, known, targets, pages } = serde_json::from_slice(line).ok()?;
        let (ends, rest) = ends.as_chunks::<8>();
        let ends: Option<Vec<Moment>> =
            ends.iter().map(|end| Moment::from_unix(i64::from_le_bytes(*end))).collect();
        let ends = ends.filter(|ends| rest.is_empty() && ends.len() == known.bins.count.get() as usize)?;
        Some(Self { snapshot, known, targets, pages, ends })
    }
}

/// What is known; `None` where nothing is, or what is there cannot be read.
#[must_use]
pub fn load(state: &State) -> Option<Tree> {
    Tree::from_bytes(&read::bytes_if_there(&state.tree()).ok().flatten()?)
}

/// Remembers it, if that is not what stands there.
///
/// # Errors
/// If it cannot be written.
pub fn save(state: &State, tree: &Tree) -> Result<(), disk::Error> {
    let bytes = tree.to_bytes();
    match read::bytes_if_there(&state.tree()) {
        Ok(Some(before)) if before == bytes => Ok(()),
        _ => write::write_atomic(&state.tree(), &bytes),
    }
}
