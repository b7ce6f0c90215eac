//! What the last build knew of the tree that it published: what of it was verified, when each bin ends, and how many
//! targets there are. With it a build that is told what changed reads the bins that change and no other.

use super::State;
use crate::disk::{self, place, read};
use crate::model::{Known, Moment, Sha256, Version};
use serde::{Deserialize, Serialize};

/// The first line of the file; another form, another number.
const HEADER: &[u8] = b"tuffet tree 2\n";

/// What is known of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Its snapshot.
    pub snapshot: Version,
    /// What was verified of it: of another snapshot nothing else is known.
    pub known: Known,
    /// How many targets there are.
    pub targets: u64,
    /// When each bin ends.
    pub ends: Vec<Moment>,
}

/// The second line.
#[derive(Serialize, Deserialize)]
struct Line {
    snapshot: Version,
    known: Known,
    targets: u64,
}

impl Tree {
    /// The file: behind two lines the end of each bin in eight bytes, and before them the SHA-256 of all that.
    fn to_bytes(&self) -> Vec<u8> {
        let line = Line { snapshot: self.snapshot, known: self.known.clone(), targets: self.targets };
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
        let Line { snapshot, known, targets } = serde_json::from_slice(line).ok()?;
        let (ends, rest) = ends.as_chunks::<8>();
        let ends: Option<Vec<Moment>> =
            ends.iter().map(|end| Moment::from_unix(i64::from_le_bytes(*end))).collect();
        let ends = ends.filter(|ends| rest.is_empty() && ends.len() == known.bins.count.get() as usize)?;
        Some(Self { snapshot, known, targets, ends })
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
        _ => place::write_atomic(&state.tree(), &bytes),
    }
}
