//! The cache beside a walk: which files look otherwise than they did, and which are gone.

use super::{DigestCache, record};
use crate::disk::FileStamp;
use crate::disk::walk::{Listed, Listing};
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Which keys of the table were seen, by their numbers.
#[derive(Debug)]
pub(super) struct Seen(Vec<AtomicU64>);

impl Seen {
    pub(super) fn of(cache: &DigestCache) -> Self {
        let keys = cache.base.as_ref().map_or(0, super::Table::keys);
        Self((0..keys.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn mark(&self, number: u64) {
        if let Some(word) = usize::try_from(number / 64).ok().and_then(|at| self.0.get(at)) {
            word.fetch_or(1 << (number % 64), Ordering::Relaxed);
        }
    }

    fn has(&self, number: u64) -> bool {
        let word = usize::try_from(number / 64).ok().and_then(|at| self.0.get(at));
        word.is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (number % 64)) != 0)
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum()
    }

    /// Hands over the keys of files that were not seen.
    pub(super) fn each_other(&self, cache: &DigestCache, mut each: impl FnMut(&[u8])) {
        let Some(base) = &cache.base else { return };
        let mut files = base.keys();
        cache.note(base.from(record::FILES_END, |number, _, _| {
            files = number;
            ControlFlow::Break(())
        }));
        if self.count() == files {
            return;
        }
        cache.note(base.beginning(record::FILES, |number, key, _| {
            if !self.has(number) {
                each(key);
            }
            ControlFlow::Continue(())
        }));
    }
}

/// The cache while folders are held against it, in any order and by many threads.
#[derive(Debug)]
pub struct Comparison<'a> {
    cache: &'a DigestCache,
    seen: Seen,
    /// Changed files that were seen.
    changed: Mutex<BTreeSet<Vec<u8>>>,
}

impl<'a> Comparison<'a> {
    /// With nothing seen yet; the cache should be in memory.
    #[must_use]
    pub fn new(cache: &'a DigestCache) -> Self {
        Self { cache, seen: Seen::of(cache), changed: Mutex::default() }
    }

    /// Holds what is in a folder against the cache: the places of the names that are no folders, and do not look as they
    /// did or are not known.
    pub fn folder(&self, folder: &str, listing: &Listing) -> Vec<usize> {
        let prefix = record::in_folder(folder);
        let names = listing.iter().enumerate().filter(|(_, (_, listed))| **listed != Listed::Folder);
        let mut names = names.map(|(at, (name, listed))| (at, name.as_bytes(), stamp(listed))).peekable();
        let mut unlike = Vec::new();
        if names.peek().is_none() {
            return unlike;
        }
        let mut changes = self.cache.changes.range(prefix.clone()..);
        if changes.next().is_some_and(|(key, _)| key.starts_with(&prefix)) {
            let is_unlike = |(_, name, stamp): &(usize, &[u8], Option<&FileStamp>)| {
                !self.is_like(&[prefix.as_slice(), name].concat(), *stamp)
            };
            return names.filter(is_unlike).map(|(at, ..)| at).collect();
        }
        if let Some(base) = &self.cache.base {
            self.cache.note(base.beginning(&prefix, |number, key, value| {
                let known = &key[prefix.len()..];
                while let Some((at, ..)) = names.next_if(|(_, name, _)| *name < known) {
                    unlike.push(at);
                }
                if let Some((at, _, stamp)) = names.next_if(|(_, name, _)| *name == known) {
                    self.seen.mark(number);
                    if stamp.is_none_or(|stamp| record::digest(value, stamp).is_none()) {
                        unlike.push(at);
                    }
                }
                if names.peek().is_some() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            }));
        }
        unlike.extend(names.map(|(at, ..)| at));
        unlike
    }

    /// The same of one file, where something in its folder changed since the table was written.
    fn is_like(&self, key: &[u8], stamp: Option<&FileStamp>) -> bool {
        let in_base = self.cache.in_base_by_number(key, |number, value| {
            self.seen.mark(number);
            stamp.is_some_and(|stamp| record::digest(value, stamp).is_some())
        });
        let Some(changed) = self.cache.changes.get(key) else { return in_base == Some(true) };
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_vec());
        changed.as_ref().is_some_and(|one| Some(&one.stamp) == stamp)
    }

    /// The paths that were not seen: what was there is gone. Nothing where the cache is damaged.
    #[must_use]
    pub fn gone(self) -> Option<Vec<String>> {
        let changed = self.changed.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut gone = Vec::new();
        self.seen.each_other(self.cache, |key| {
            if !self.cache.changes.contains_key(key) {
                gone.push(record::path(key));
            }
        });
        let known = self.cache.changes.iter().filter(|(key, one)| one.is_some() && !changed.contains(*key));
        gone.extend(known.map(|(key, _)| record::path(key)));
        gone.sort();
        (!self.cache.is_damaged()).then_some(gone)
    }
}

fn stamp(listed: &Listed) -> Option<&FileStamp> {
    if let Listed::File(stamp) = listed { Some(stamp) } else { None }
}
