//! The cache of digests: what each file of the source hashed to, and what it looked like then. Of a million files
//! those are read that are asked for; what changed since they were all written is kept beside them.

mod comparison;
mod head;
mod record;
mod table;

pub use comparison::Comparison;
pub use record::Remembered;

use super::State;
use crate::disk::{self, FileStamp};
use crate::model::{Sha256, TargetPath};
use head::Head;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use table::{Damaged, Table, Writer};

/// With more changes than these all files are written anew.
const MOST_CHANGES: usize = 4096;

/// The cache, by path below the source.
#[derive(Debug, Default)]
pub struct DigestCache {
    is_whole: bool,
    settled: Option<Sha256>,
    base: Option<Table>,
    /// What differs from that; nothing for a file that is gone.
    changes: BTreeMap<Vec<u8>, Option<Remembered>>,
    is_to_be_written: bool,
    is_damaged: AtomicBool,
}

impl DigestCache {
    /// Opens the cache of a state folder; an empty one if there is none that can be read.
    #[must_use]
    pub fn load(state: &State) -> Self {
        let base = Table::open(&state.digests());
        let head = head::load(state);
        let Some(Head { base: identity, is_whole, settled, changes }) = head else {
            return Self { base, ..Self::default() };
        };
        match base {
            _ if identity.is_empty() => Self { is_whole, settled, changes, ..Self::default() },
            Some(base) if base.identity() == identity => {
                Self { is_whole, settled, base: Some(base), changes, ..Self::default() }
            }
            // One of the two is another's: what it says of files that look so is still true, and it is not all.
            base => Self { base, is_to_be_written: true, ..Self::default() },
        }
    }

    /// The same in memory, for whoever asks for everything.
    #[must_use]
    pub fn in_memory(mut self) -> Self {
        if let Some(base) = self.base.take() {
            self.base = base.in_memory();
            if self.base.is_none() {
                return Self { changes: self.changes, is_to_be_written: true, ..Self::default() };
            }
        }
        self
    }

    /// Whether a walk filled it, so that what it does not know was not there.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Whether something in it could not be read, so that it did not say all that it should.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// The snapshot, by the digest of its file, that lists what is remembered here and nothing else, if there was one.
    #[must_use]
    pub fn settled(&self) -> Option<Sha256> {
        self.settled
    }

    /// Sets what [`DigestCache::settled`] gives.
    pub fn settle(&mut self, snapshot: Option<Sha256>) {
        self.is_to_be_written |= self.settled != snapshot;
        self.settled = snapshot;
    }

    /// Writes what changed, or all if that is much; nothing if nothing did.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn save(mut self, state: &State) -> Result<(), disk::Error> {
        if !self.is_to_be_written && !self.is_damaged() {
            return Ok(());
        }
        if self.changes.len() > MOST_CHANGES || self.is_damaged() {
            self.write_base(state)?;
        }
        let base = self.base.as_ref().map_or(&[][..], Table::identity);
        head::save(state, base, self.is_whole && !self.is_damaged(), self.settled, &self.changes)
    }

    /// What is remembered of the file at `path`, if it still looks as it did.
    #[must_use]
    pub fn recall(&self, path: &str, stamp: &FileStamp) -> Option<Remembered> {
        self.at(path).filter(|remembered| remembered.stamp == *stamp)
    }

    /// Its digest alone.
    #[must_use]
    pub fn digest(&self, path: &str, stamp: &FileStamp) -> Option<Sha256> {
        let key = record::key(path);
        match self.changes.get(&key) {
            Some(changed) => changed.as_ref().filter(|one| one.stamp == *stamp).map(|one| one.digest),
            None => self.in_base(&key, |value| record::digest(value, stamp)).flatten(),
        }
    }

    /// What is remembered at `path` and below it.
    pub fn below(&self, path: &str) -> impl Iterator<Item = (String, Remembered)> + use<> {
        let mut below: Vec<(String, Remembered)> =
            self.at(path).map(|remembered| (path.to_owned(), remembered)).into_iter().collect();
        for prefix in [record::in_folder(path), record::in_folders_below(path)] {
            self.each_beginning(&prefix, |path, remembered| below.push((path, remembered)));
        }
        below.into_iter()
    }

    /// Whether a file is remembered as a target whose path begins so.
    #[must_use]
    pub fn has_target_beginning(&self, with: &str) -> bool {
        let begins = |target: &TargetPath| target.as_str().starts_with(with);
        if self.changes.values().flatten().any(|one| begins(&one.target)) {
            return true;
        }
        let mut has = false;
        // A target that is the path of its file stands under that alone.
        for prefix in [record::key(with), record::in_folders_with(with)] {
            self.each_beginning(&prefix, |_, remembered| has |= begins(&remembered.target));
        }
        has || self.files_of(&record::targets_with(with)).next().is_some()
    }

    /// Files that are remembered as one of these targets, but those that `known` knows: each with its target.
    #[must_use]
    pub fn others(
        &self,
        targets: &BTreeSet<TargetPath>,
        known: &dyn Fn(&str) -> bool,
    ) -> Vec<(String, TargetPath)> {
        let mut others = BTreeMap::new();
        for (key, changed) in &self.changes {
            if let Some(one) = changed.as_ref().filter(|one| targets.contains(&one.target)) {
                others.insert(record::path(key), one.target.clone());
            }
        }
        for target in targets {
            let own = self.at(target.as_str()).filter(|one| one.target == *target);
            let own = own.map(|_| target.as_str().to_owned());
            for path in self.files_of(&record::target_key(target.as_str(), "")).chain(own) {
                others.insert(path, target.clone());
            }
        }
        others.into_iter().filter(|(path, _)| !known(path)).collect()
    }

    /// Remembers a file.
    pub fn remember(&mut self, path: &str, remembered: Remembered) {
        if self.at(path).as_ref() != Some(&remembered) {
            self.is_to_be_written = true;
            self.changes.insert(record::key(path), Some(remembered));
        }
    }

    /// Forgets what is remembered at this path, and below it.
    pub fn forget_below(&mut self, path: &str) {
        for (gone, _) in self.below(path) {
            self.forget(record::key(&gone));
        }
    }

    /// Remembers these files, which are all that a walk found, and no other.
    pub fn remember_all<'a>(&mut self, files: impl Iterator<Item = (&'a str, Remembered)>) {
        let seen = comparison::Seen::of(self);
        let mut changes = BTreeMap::new();
        for (path, remembered) in files {
            let key = record::key(path);
            let number = self.in_base_by_number(&key, |number, value| {
                let is_it = record::read(path, value).is_some_and(|one| one == remembered);
                (number, is_it)
            });
            if let Some((number, is_it)) = number {
                seen.mark(number);
                if is_it {
                    continue;
                }
            }
            changes.insert(key, Some(remembered));
        }
        seen.each_other(self, |key| drop(changes.insert(key.to_vec(), None)));
        self.is_to_be_written |= changes != self.changes || !self.is_whole;
        self.is_whole = true;
        self.changes = changes;
    }

    /// Everything that is remembered of a file.
    fn at(&self, path: &str) -> Option<Remembered> {
        let key = record::key(path);
        match self.changes.get(&key) {
            Some(changed) => changed.clone(),
            None => self.in_base(&key, |value| record::read(path, value)).flatten(),
        }
    }

    fn forget(&mut self, key: Vec<u8>) {
        self.is_to_be_written = true;
        if self.in_base(&key, |_| ()).is_some() {
            self.changes.insert(key, None);
        } else {
            self.changes.remove(&key);
        }
    }

    fn in_base<T>(&self, key: &[u8], read: impl Fn(&[u8]) -> T) -> Option<T> {
        self.in_base_by_number(key, |_, value| read(value))
    }

    fn in_base_by_number<T>(&self, key: &[u8], read: impl Fn(u64, &[u8]) -> T) -> Option<T> {
        let mut found = None;
        let first = |number, other: &[u8], value: &[u8]| {
            if other == key {
                found = Some(read(number, value));
            }
            ControlFlow::Break(())
        };
        self.note(self.base.as_ref()?.from(key, first));
        found
    }

    /// Every file whose key begins so.
    fn each_beginning(&self, with: &[u8], mut each: impl FnMut(String, Remembered)) {
        if let Some(base) = &self.base {
            let read = base.beginning(with, |_, key, value| {
                if !self.changes.contains_key(key) {
                    let path = record::path(key);
                    if let Some(remembered) = record::read(&path, value) {
                        each(path, remembered);
                    }
                }
                ControlFlow::Continue(())
            });
            self.note(read);
        }
        let changed = self.changes.range(with.to_vec()..).take_while(|(key, _)| key.starts_with(with));
        for (key, remembered) in changed {
            if let Some(remembered) = remembered {
                each(record::path(key), remembered.clone());
            }
        }
    }

    /// The files that did not change under targets whose keys begin so.
    fn files_of(&self, with: &[u8]) -> impl Iterator<Item = String> + use<> {
        let mut files = Vec::new();
        if let Some(base) = &self.base {
            let read = base.beginning(with, |_, key, _| {
                files.push(record::path_of_target_key(key));
                ControlFlow::Continue(())
            });
            self.note(read);
        }
        files.retain(|path: &String| !self.changes.contains_key(&record::key(path)));
        files.into_iter()
    }

    fn note(&self, read: Result<(), Damaged>) {
        if read.is_err() {
            self.is_damaged.store(true, Ordering::Relaxed);
        }
    }

    /// Writes all files into one table, and the table of their targets after them.
    fn write_base(&mut self, state: &State) -> Result<(), disk::Error> {
        let mut writer = Writer::new();
        let mut targets = BTreeSet::new();
        let mut changes = std::mem::take(&mut self.changes).into_iter().peekable();
        let mut value = Vec::new();
        let mut add = |key: &[u8], value: &[u8]| {
            let path = record::path(key);
            if let Some(target) = record::other_target(value) {
                targets.insert(record::target_key(target, &path));
            }
            writer.add(key, value);
        };
        let mut add_change = |(key, changed): (Vec<u8>, Option<Remembered>),
                              add: &mut dyn FnMut(&[u8], &[u8])| {
            if let Some(remembered) = changed {
                value.clear();
                record::write(&mut value, &record::path(&key), &remembered);
                add(&key, &value);
            }
        };
        if let Some(base) = &self.base {
            let read = base.beginning(record::FILES, |_, key, value| {
                while let Some(change) = changes.next_if(|(other, _)| other.as_slice() < key) {
                    add_change(change, &mut add);
                }
                match changes.next_if(|(other, _)| other == key) {
                    Some(change) => add_change(change, &mut add),
                    None => add(key, value),
                }
                ControlFlow::Continue(())
            });
            self.note(read);
        }
        changes.for_each(|change| add_change(change, &mut add));
        targets.iter().for_each(|key| writer.add(key, b""));
        writer.write(&state.digests())?;
        self.base = Table::open(&state.digests());
        Ok(())
    }
}
