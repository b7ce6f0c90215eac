//! How many projects targets belong to.

use crate::model::{Bins, Inventory};
use crate::pipeline::collect::Layout;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hasher};

/// Of more targets nobody counts the projects: that would take as long as comparing the bins.
const COUNTED_UP_TO: usize = 2_000_000;

/// How many projects distributions belong to that are all held together.
pub(super) fn of_inventory(layout: Layout, inventory: &Inventory) -> u64 {
    if layout == Layout::Tree {
        return 0;
    }
    let names: BTreeSet<&str> =
        inventory.iter().filter_map(|(_, entry)| entry.path.segments().nth(1)).collect();
    names.len() as u64
}

/// How many projects millions of targets belong to, by the hashes of their names.
pub(super) fn projects(layout: Layout, bins: &dyn Bins, targets: usize) -> Option<u64> {
    if layout == Layout::Tree {
        return Some(0);
    }
    if targets > COUNTED_UP_TO {
        return None;
    }
    let all: Vec<u32> = (0..bins.bins().get()).collect();
    let run = all.len().div_ceil(rayon::current_num_threads()).max(1);
    let runs: Vec<Vec<Vec<u64>>> = all.par_chunks(run).map(|run| shares(bins, run)).collect();
    let count = |share: usize| {
        let mut hashes: Vec<u64> = runs.iter().flat_map(|run| run[share].iter().copied()).collect();
        hashes.sort_unstable();
        hashes.dedup();
        hashes.len() as u64
    };
    Some((0..SHARES).into_par_iter().map(count).sum())
}

/// Equal names are in one of so many shares, each counted by itself.
const SHARES: usize = 64;

/// The hashes of the names of projects in some bins, those that begin alike together.
fn shares(bins: &dyn Bins, some: &[u32]) -> Vec<Vec<u64>> {
    let mut shares = vec![Vec::new(); SHARES];
    for entry in some.iter().flat_map(|bin| bins.targets(*bin)) {
        if let Some(name) = entry.path.split('/').nth(1) {
            let mut hasher = DefaultHasher::new();
            hasher.write(name.as_bytes());
            let hash = hasher.finish();
            shares[(hash >> (64 - SHARES.ilog2())) as usize].push(hash);
        }
    }
    shares
}
