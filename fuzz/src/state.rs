//! What is remembered from run to run: damage in it is noticed, or costs time, and nothing else.

use super::scratch;
use std::collections::BTreeSet;
use std::path::Path;
use tuffet::ceremony::ledger::Ledger;
use tuffet::disk::FileStamp;
use tuffet::disk::lock::{WhenHeld, acquire};
use tuffet::model::Sha256;
use tuffet::pipeline::collect::Listing;
use tuffet::pipeline::source::Facts;
use tuffet::site::manifest::Edition;
use tuffet::state::cache::{Comparison, DigestCache, Remembered};
use tuffet::state::{
    State, ceremony, facts, held, journal, ledger as registrations, listings, tree, undecided, uploads,
};

/// Files of a state folder; those with a checksum get the one that they should have.
pub(crate) fn state(bytes: &[u8]) {
    let root = scratch::free("state");
    scratch::unpack(&root, &scratch::files(bytes));
    for (name, mend) in [
        ("cache/tree", tree_digest as fn(&mut [u8])),
        ("cache/digests.head", head_sum),
        ("cache/digests", table_sum),
    ] {
        if let Ok(mut bytes) = std::fs::read(root.join(name)) {
            mend(&mut bytes);
            std::fs::write(root.join(name), bytes).expect("it was just read");
        }
    }
    let state = State::new(&root);
    if let Some(known) = tree::load(&state) {
        tree::save(&state, &known).expect("it was there");
        assert_eq!(tree::load(&state), Some(known));
    }
    digests(&state);
    let _ = (facts::load::<Facts>(&state), listings::load::<Listing>(&state));
    let _ = (held::load(&state), uploads::load::<Edition>(&state));
    let _ = uploads::note_removed(&state, &["packages/x".to_owned()]);
    let _ = (journal::last_run(&state), journal::highest_published(&state));
    let _ = (registrations::load(&state), undecided::load(&state));
    let _ = (ceremony::queue(&state), ceremony::outstanding(&state), ceremony::handed_out(&state));
    let _ = acquire(&root.join("lock"), WhenHeld::GiveUp);
}

/// Everything that is asked of the cache of digests.
fn digests(state: &State) {
    for in_memory in [false, true] {
        let load = || {
            let cache = DigestCache::load(state);
            if in_memory { cache.in_memory() } else { cache }
        };
        let cache = load();
        let below: Vec<(String, Remembered)> = cache.below("").collect();
        for (path, remembered) in below.iter().take(4) {
            let _ = (cache.recall(path, &remembered.stamp), cache.digest(path, &remembered.stamp));
        }
        let _ = (cache.has_target_beginning("packages/"), cache.settled(), cache.is_whole());
        let targets: BTreeSet<_> = below.iter().take(4).map(|(_, one)| one.target.clone()).collect();
        let _ = cache.others(&targets, &|_| false);
        let _ = Comparison::new(&cache).gone();
    }
    let mut cache = DigestCache::load(state);
    let one = Remembered {
        stamp: FileStamp::NONE,
        digest: Sha256::of(b"x"),
        target: "packages/x/x-1.0.zip".parse().expect("a path"),
    };
    cache.remember_all(std::iter::once(("x/x-1.0.zip", one.clone())));
    cache.forget_below("y");
    if cache.save(state).is_ok() {
        let again = DigestCache::load(state);
        assert_eq!(again.digest("x/x-1.0.zip", &one.stamp), Some(one.digest), "what is remembered is there");
    }
}

/// Behind a line and 65 bytes comes what the digest in those is of.
fn tree_digest(bytes: &mut [u8]) {
    let Some(line) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    if let Some((before, body)) = bytes.split_at_mut_checked(line + 66) {
        before[line + 1..].copy_from_slice(format!("{}\n", Sha256::of(body)).as_bytes());
    }
}

/// Behind a line and four bytes comes what the checksum in those is of.
fn head_sum(bytes: &mut [u8]) {
    let Some(line) = bytes.iter().position(|byte| *byte == b'\n') else { return };
    if let Some((before, body)) = bytes.split_at_mut_checked(line + 5) {
        before[line + 1..].copy_from_slice(&crc32fast::hash(body).to_le_bytes());
    }
}

/// The last 28 bytes say where the list of pages is, and give its checksum.
fn table_sum(bytes: &mut [u8]) {
    let Some(at) = bytes.len().checked_sub(28) else { return };
    let (body, footer) = bytes.split_at_mut(at);
    let from = u64::from_le_bytes(footer[..8].try_into().expect("eight bytes"));
    if let Some(list) = usize::try_from(from).ok().and_then(|from| body.get(from..)) {
        footer[8..16].copy_from_slice(&(list.len() as u64).to_le_bytes());
        footer[16..20].copy_from_slice(&crc32fast::hash(list).to_le_bytes());
    }
}

/// The signer's ledger.
pub(crate) fn ledger(bytes: &[u8]) {
    let path = scratch::file("ledger.jsonl", bytes);
    if let Ok(mut ledger) = Ledger::read(&path) {
        let _ = ledger.claimed().count();
        ledger.note_abandoned("a file", tuffet::model::Moment::EPOCH);
        if bytes.last().is_none_or(|byte| *byte == b'\n') {
            ledger.save().expect("the folder is there");
            Ledger::read(Path::new(&path)).expect("what was added can be read");
        }
    }
}
