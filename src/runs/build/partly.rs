//! The published tree as a build sees it that looks at a few paths: a bin is read when something in it is asked for.

use super::Error;
use super::look::Before;
use crate::model::{BinCount, Bins, Entry, EntryRef, Inventory, TargetPath};
use crate::report::Silent;
use crate::site::Site;
use crate::site::outline::Outline;
use crate::site::read;
use crate::trust::bin::VerifiedBin;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// The published tree, of which bins are read when they are asked for.
pub(super) struct Partly<'a> {
    site: &'a Site,
    published: &'a Outline,
    read: RefCell<BTreeMap<u32, Vec<Entry>>>,
}

impl<'a> Partly<'a> {
    /// None is read yet.
    pub(super) fn new(site: &'a Site, published: &'a Outline) -> Self {
        Self { site, published, read: RefCell::default() }
    }

    /// Reads these bins, unless they are there.
    fn fetch(&self, bins: &BTreeSet<u32>) -> Result<(), Error> {
        let missing: Vec<u32> =
            bins.iter().copied().filter(|bin| !self.read.borrow().contains_key(bin)).collect();
        let entries = |_, bin: &VerifiedBin<'_>| {
            let targets = bin.targets().map_err(|e| read::Error::Shape(e.to_string()))?;
            Ok::<Vec<Entry>, Error>(targets.into_iter().filter_map(EntryRef::to_entry).collect())
        };
        let read = read::each_bin(self.site, self.published, &missing, &Silent, &entries)?;
        self.read.borrow_mut().extend(missing.into_iter().zip(read));
        Ok(())
    }

    fn bin_of(&self, path: &TargetPath) -> u32 {
        self.published.bin_list.count.bin_of(&path.digest())
    }

    /// What is published of these.
    pub(super) fn some(&self, paths: &BTreeSet<TargetPath>) -> Result<Inventory, Error> {
        self.fetch(&paths.iter().map(|path| self.bin_of(path)).collect())?;
        let entries = paths.iter().map(|path| self.find(path)).collect::<Result<Vec<_>, Error>>()?;
        Ok(Inventory::new(self.published.bin_list.count, entries.into_iter().flatten()))
    }

    /// These bins, with `after` in place of `before`.
    pub(super) fn with(
        &self,
        bins: &BTreeSet<u32>,
        before: &Inventory,
        after: Vec<Entry>,
    ) -> Result<Few, Error> {
        self.fetch(bins)?;
        let read = self.read.borrow();
        let mut some: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
        for bin in bins {
            let entries = read.get(bin).into_iter().flatten();
            some.insert(*bin, entries.filter(|entry| before.find(&entry.path).is_none()).cloned().collect());
        }
        for entry in after {
            if let Some(bin) = some.get_mut(&self.bin_of(&entry.path)) {
                bin.push(entry);
            }
        }
        some.values_mut().for_each(|bin| bin.sort());
        Ok(Few { count: self.published.bin_list.count, bins: some })
    }
}

impl Before for Partly<'_> {
    fn find(&self, path: &TargetPath) -> Result<Option<Entry>, Error> {
        let bin = self.bin_of(path);
        self.fetch(&BTreeSet::from([bin]))?;
        let read = self.read.borrow();
        let entries = read.get(&bin).map(Vec::as_slice).unwrap_or_default();
        Ok(entries.binary_search_by(|entry| entry.path.cmp(path)).ok().map(|at| entries[at].clone()))
    }

    fn below(&self, folder: &str) -> Result<Vec<TargetPath>, Error> {
        let all: Vec<u32> = (0..self.published.bin_list.count.get()).collect();
        let below = |_, bin: &VerifiedBin<'_>| {
            let targets = bin.targets().map_err(|e| read::Error::Shape(e.to_string()))?;
            let below = targets.iter().filter(|target| target.path.starts_with(folder));
            Ok::<Vec<TargetPath>, Error>(below.filter_map(|target| target.path.parse().ok()).collect())
        };
        let found = read::each_bin(self.site, self.published, &all, &Silent, &below)?;
        Ok(found.into_iter().flatten().collect())
    }

    fn beside(&self, path: &TargetPath) -> Result<Vec<TargetPath>, Error> {
        let bin = self.bin_of(path);
        self.fetch(&BTreeSet::from([bin]))?;
        let read = self.read.borrow();
        Ok(read.get(&bin).into_iter().flatten().map(|entry| entry.path.clone()).collect())
    }
}

/// What some bins are to list.
pub(super) struct Few {
    count: BinCount,
    bins: BTreeMap<u32, Vec<Entry>>,
}

impl Bins for Few {
    fn bins(&self) -> BinCount {
        self.count
    }

    fn size(&self, bin: u32) -> usize {
        self.bins.get(&bin).map_or(0, Vec::len)
    }

    fn targets(&self, bin: u32) -> Box<dyn Iterator<Item = EntryRef<'_>> + '_> {
        Box::new(self.bins.get(&bin).into_iter().flatten().map(EntryRef::from))
    }
}
