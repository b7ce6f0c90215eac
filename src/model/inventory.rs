//! The inventory: every target that the bins should list, in bin order.

use super::catalogue::Bins;
use super::{BinCount, EntryRef, Sha256, TargetFile, TargetPath};

/// One target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its path.
    pub path: TargetPath,
    /// Its size in bytes.
    pub length: u64,
    /// Its digest.
    pub digest: Sha256,
}

impl Entry {
    /// What metadata says of it.
    #[must_use]
    pub fn target_file(&self) -> TargetFile {
        TargetFile::new(self.length, self.digest)
    }
}

/// Entries sorted by bin and then by path, so that each bin is one run of them and comparing two
/// inventories is one pass over both.
#[derive(Clone, Debug)]
pub struct Inventory {
    bins: BinCount,
    entries: Vec<(u32, Entry)>,
}

impl Inventory {
    /// Sorts `entries` into bin order. Paths must differ; of two equal ones the last is kept.
    pub fn new(bins: BinCount, entries: impl IntoIterator<Item = Entry>) -> Self {
        let mut entries: Vec<(u32, Entry)> =
            entries.into_iter().map(|entry| (bins.bin_of(&entry.path.digest()), entry)).collect();
        entries.sort_by(|a, b| (a.0, &a.1.path).cmp(&(b.0, &b.1.path)));
        entries.reverse();
        entries.dedup_by(|a, b| a.1.path == b.1.path);
        entries.reverse();
        Self { bins, entries }
    }

    /// The number of bins it is ordered by.
    #[must_use]
    pub fn bins(&self) -> BinCount {
        self.bins
    }

    /// How many targets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All entries with their bin, in bin order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &Entry)> {
        self.entries.iter().map(|(bin, entry)| (*bin, entry))
    }

    /// The entry of this path.
    #[must_use]
    pub fn find(&self, path: &TargetPath) -> Option<&Entry> {
        let run = self.run(self.bins.bin_of(&path.digest()));
        run.binary_search_by(|(_, entry)| entry.path.cmp(path)).ok().map(|at| &run[at].1)
    }

    /// The entries of one bin, by path.
    pub fn bin(&self, index: u32) -> impl Iterator<Item = &Entry> {
        self.run(index).iter().map(|(_, entry)| entry)
    }

    fn run(&self, index: u32) -> &[(u32, Entry)] {
        let start = self.entries.partition_point(|(bin, _)| *bin < index);
        let end = self.entries.partition_point(|(bin, _)| *bin <= index);
        &self.entries[start..end]
    }
}

impl Bins for Inventory {
    fn bins(&self) -> BinCount {
        self.bins
    }

    fn size(&self, bin: u32) -> usize {
        self.run(bin).len()
    }

    fn targets(&self, bin: u32) -> Box<dyn Iterator<Item = EntryRef<'_>> + '_> {
        Box::new(self.bin(bin).map(EntryRef::from))
    }
}
