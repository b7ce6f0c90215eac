//! Compressed copies beside metadata and pages: a server that sends them as they are must send what
//! the file itself says.

use crate::disk::Folder;
use crate::disk::folder::Standing;
use crate::disk::read;
use crate::model::{Compression, Sha256};
use crate::trust::Finding;
use rayon::prelude::*;

/// No file that has copies is larger, nor one of them.
const LARGEST: u64 = 256 << 20;

/// A copy, by its name in the folder.
#[derive(Clone, Debug)]
pub(super) struct Copied {
    pub(super) name: String,
    pub(super) original: String,
    pub(super) form: Compression,
}

/// Checks copies in `folder`; `shown` is what stands before their names in a finding.
pub(super) fn check(folder: &Folder, copies: &[Copied], shown: &str, findings: &mut Vec<Finding>) {
    let found = copies.par_iter().filter_map(|copied| {
        let what = judge(folder, copied)?;
        let finding = Finding::file(&format!("{shown}{}", copied.name), what.words);
        Some(if what.harmless { finding.warning() } else { finding })
    });
    findings.extend(found.collect::<Vec<_>>());
}

struct Fault {
    words: String,
    harmless: bool,
}

fn judge(folder: &Folder, copied: &Copied) -> Option<Fault> {
    let bytes = |name: &str| read::bounded(&folder.path(name), LARGEST).ok().flatten();
    // That the file itself is gone is found elsewhere.
    let original = bytes(&copied.original)?;
    // Another version of the file may be longer; and many copies are looked at side by side.
    let most = original.len().saturating_mul(4).saturating_add(1 << 20);
    // Nothing becomes shorter by much when it is unpacked.
    let copy = read::bounded(&folder.path(&copied.name), LARGEST.min(most as u64)).ok().flatten();
    let inside = copy.and_then(|copy| copied.form.decompress(&copy, most));
    let Some(inside) = inside else {
        let words = "it is no whole compressed file, or holds far more than what it is a copy of".to_owned();
        return Some(Fault { words, harmless: false });
    };
    if inside == original {
        return None;
    }
    // As with the page itself: a run that did not end may have left it with another version.
    let (at, name) = copied.original.rsplit_once('/').unwrap_or(("", &copied.original));
    let twin = format!("{at}/{}.{name}", Sha256::of(&inside));
    let harmless = matches!(folder.standing(twin.trim_start_matches('/')), Ok(Standing::File(_)));
    let words = if harmless {
        format!("this compressed copy has the bytes of another version of {}", copied.original)
    } else {
        format!("this compressed copy has other bytes than {}", copied.original)
    };
    Some(Fault { words, harmless })
}
