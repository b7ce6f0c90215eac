//! The catalogue: millions of targets in bin order, in little more memory than their names and digests take.
//!
//! Records are gathered in heaps, one for some neighbouring bins each, and sorted heap by heap: what is worked on at
//! one time fits into a processor's cache, and nothing is ever held twice.

use super::{BinCount, Entry, Sha256, TargetPath};
use std::cmp::Ordering;

/// No more heaps than this; each holds one bin, or several neighbours.
const HEAPS: u32 = 256;

/// What a record has before its path: digest, length, and the length of the path with the bin's place in the heap.
const HEAD: usize = 32 + 8 + 4;

/// Records begin at multiples of this, so that 32 bits reach 16 GiB.
const ALIGN: usize = 4;

/// One target of a catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRef<'a> {
    /// Its path, which is a [`TargetPath`].
    pub path: &'a str,
    /// Its size in bytes.
    pub length: u64,
    /// Its digest.
    pub digest: Sha256,
}

impl<'a> EntryRef<'a> {
    /// The same, as an entry of its own; `None` if the path is no target path, which no catalogue of ours holds.
    #[must_use]
    pub fn to_entry(self) -> Option<Entry> {
        Some(Entry { path: self.path.parse().ok()?, length: self.length, digest: self.digest })
    }

    /// Whether it says of its path what `other` says.
    #[must_use]
    pub fn agrees(&self, other: &EntryRef<'_>) -> bool {
        (self.length, self.digest) == (other.length, other.digest)
    }
}

impl<'a> From<&'a Entry> for EntryRef<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self { path: entry.path.as_str(), length: entry.length, digest: entry.digest }
    }
}

/// What every bin lists, whoever keeps it.
pub trait Bins: Sync {
    /// How many bins there are.
    fn bins(&self) -> BinCount;

    /// How many targets a bin has.
    fn size(&self, bin: u32) -> usize;

    /// The targets of a bin, in the order of their paths.
    fn targets(&self, bin: u32) -> Box<dyn Iterator<Item = EntryRef<'_>> + '_>;
}

/// Targets as they come, in no order.
#[derive(Debug)]
pub struct Gather {
    bins: BinCount,
    heaps: Vec<Heap>,
}

/// Some of the targets of some neighbouring bins, in no order.
#[derive(Debug, Default)]
pub struct Heap {
    /// How many bins they fall into.
    bins: u32,
    bytes: Vec<u8>,
    count: usize,
}

/// Targets in bin order, and by path within each bin.
#[derive(Debug)]
pub struct Catalogue {
    bins: BinCount,
    shelves: Vec<Shelf>,
}

/// The targets of some neighbouring bins, in order.
#[derive(Debug, Default)]
pub struct Shelf {
    bytes: Vec<u8>,
    /// Where each record begins, in [`ALIGN`]s.
    order: Vec<u32>,
    /// Where in `order` each bin begins, and where the last one ends.
    starts: Vec<u32>,
}

/// What was said twice of the targets of a heap.
#[derive(Debug, Default)]
pub struct Twice {
    /// How many records said what another said.
    pub alike: u64,
    /// Targets of which two things were said.
    pub conflicts: Vec<String>,
}

fn heaps_of(bins: BinCount) -> u32 {
    bins.get().min(HEAPS)
}

impl Gather {
    /// Nothing yet.
    #[must_use]
    pub fn new(bins: BinCount) -> Self {
        let heaps = heaps_of(bins);
        let heap = || Heap { bins: bins.get() / heaps, ..Heap::default() };
        Self { bins, heaps: (0..heaps).map(|_| heap()).collect() }
    }

    /// Adds a target. `path` must be a [`TargetPath`]; see [`TargetPath::check`].
    pub fn add(&mut self, path: &str, length: u64, digest: &Sha256) {
        let bin = self.bins.bin_of(&Sha256::of(path.as_bytes()));
        let each = self.bins.get() / heaps_of(self.bins);
        self.heaps[(bin / each) as usize].add(bin % each, path, length, digest);
    }

    /// How many there are, those that were added twice counted twice.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heaps.iter().map(|heap| heap.count).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What all of these have gathered, for as many bins, as heaps that can be sorted in any order or at the same time:
    /// [`Catalogue::of`] takes what comes of them.
    #[must_use]
    pub fn heaps(all: Vec<Self>) -> Vec<Vec<Heap>> {
        let mut heaps: Vec<Vec<Heap>> = Vec::new();
        for gather in all {
            heaps.resize_with(gather.heaps.len().max(heaps.len()), Vec::new);
            heaps.iter_mut().zip(gather.heaps).for_each(|(heap, part)| heap.push(part));
        }
        heaps
    }
}

impl Heap {
    fn add(&mut self, bin: u32, path: &str, length: u64, digest: &Sha256) {
        // A path is no longer than a line of a list, a megabyte.
        let size = u32::try_from(path.len()).unwrap_or(u32::MAX).min((1 << 24) - 1);
        self.bytes.extend_from_slice(digest.as_bytes());
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(&((bin << 24) | size).to_le_bytes());
        self.bytes.extend_from_slice(path.as_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGN), 0);
        self.count += 1;
    }

    /// The targets of these parts of one heap in order, each once: of those that differ the first is kept.
    #[must_use]
    pub fn sorted(parts: Vec<Self>) -> (Shelf, Twice) {
        let bins = parts.first().map_or(0, |part| part.bins);
        let count = parts.iter().map(|part| part.count).sum();
        let size: usize = parts.iter().map(|part| part.bytes.len()).sum();
        let mut parts = parts.into_iter().map(|part| part.bytes);
        let mut bytes = parts.next().unwrap_or_default();
        bytes.reserve_exact(size - bytes.len());
        parts.for_each(|part| bytes.extend_from_slice(&part));
        bytes.shrink_to_fit();
        let mut of_bins = vec![0_u32; bins as usize + 1];
        let mut places: Vec<(u32, u32)> = Vec::with_capacity(count);
        let mut at = 0;
        while at < bytes.len() {
            let (bin, size) = tag(&bytes, at);
            of_bins[bin as usize + 1] += 1;
            places.push((bin, u32::try_from(at / ALIGN).unwrap_or(u32::MAX)));
            at = (at + HEAD + size).next_multiple_of(ALIGN);
        }
        for bin in 0..bins as usize {
            of_bins[bin + 1] += of_bins[bin];
        }
        let mut next = of_bins.clone();
        let mut order = vec![0_u32; places.len()];
        for (bin, place) in places {
            order[next[bin as usize] as usize] = place;
            next[bin as usize] += 1;
        }
        let mut twice = Twice::default();
        let (mut kept, mut starts) = (0_usize, vec![0_u32]);
        for bin in 0..bins as usize {
            let (start, end) = (of_bins[bin] as usize, of_bins[bin + 1] as usize);
            let by_path = |a: &u32, b: &u32| path_at(&bytes, *a).cmp(path_at(&bytes, *b)).then(a.cmp(b));
            order[start..end].sort_unstable_by(by_path);
            let begin = kept;
            for at in start..end {
                let place = order[at];
                let last = (kept > begin).then(|| record(&bytes, order[kept - 1]));
                let this = record(&bytes, place);
                match last.filter(|last| last.path == this.path) {
                    None => {
                        order[kept] = place;
                        kept += 1;
                    }
                    Some(last) if last.agrees(&this) => twice.alike += 1,
                    Some(_) => twice.conflicts.push(this.path.to_owned()),
                }
            }
            starts.push(u32::try_from(kept).unwrap_or(u32::MAX));
        }
        order.truncate(kept);
        (Shelf { bytes, order, starts }, twice)
    }
}

/// The bin's place in the heap, and the length of the path, of the record at this byte.
fn tag(bytes: &[u8], at: usize) -> (u32, usize) {
    let tag = u32::from_le_bytes(array(&bytes[at + 40..at + 44]));
    (tag >> 24, (tag & 0xff_ffff) as usize)
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}

fn path_at(bytes: &[u8], place: u32) -> &[u8] {
    let at = place as usize * ALIGN;
    let (_, size) = tag(bytes, at);
    &bytes[at + HEAD..at + HEAD + size]
}

fn record(bytes: &[u8], place: u32) -> EntryRef<'_> {
    let at = place as usize * ALIGN;
    EntryRef {
        // It was a text when it was added.
        path: std::str::from_utf8(path_at(bytes, place)).unwrap_or_default(),
        length: u64::from_le_bytes(array(&bytes[at + 32..at + 40])),
        digest: Sha256::from_bytes(array(&bytes[at..at + 32])),
    }
}

impl Shelf {
    fn bin(&self, bin: usize) -> impl Iterator<Item = EntryRef<'_>> + Clone {
        let places = &self.order[self.starts[bin] as usize..self.starts[bin + 1] as usize];
        places.iter().map(|place| record(&self.bytes, *place))
    }
}

impl Catalogue {
    /// The sorted heaps of a [`Gather`], in their order.
    #[must_use]
    pub fn of(bins: BinCount, shelves: Vec<Shelf>) -> Self {
        Self { bins, shelves }
    }

    /// One of no targets.
    #[must_use]
    pub fn empty(bins: BinCount) -> Self {
        let heaps = Gather::heaps(vec![Gather::new(bins)]);
        Self::of(bins, heaps.into_iter().map(|heap| Heap::sorted(heap).0).collect())
    }

    /// The number of bins it is ordered by.
    #[must_use]
    pub fn bins(&self) -> BinCount {
        self.bins
    }

    /// How many targets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.order.len()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many targets a bin has.
    #[must_use]
    pub fn count(&self, bin: u32) -> usize {
        let (shelf, bin) = self.place(bin);
        (shelf.starts[bin + 1] - shelf.starts[bin]) as usize
    }

    /// The targets of one bin, by path.
    pub fn bin(&self, bin: u32) -> impl Iterator<Item = EntryRef<'_>> + Clone {
        let (shelf, bin) = self.place(bin);
        shelf.bin(bin)
    }

    /// All targets, in bin order.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        (0..self.bins.get()).flat_map(|bin| self.bin(bin))
    }

    /// The target of this path.
    #[must_use]
    pub fn find(&self, path: &TargetPath) -> Option<EntryRef<'_>> {
        let (shelf, bin) = self.place(self.bins.bin_of(&path.digest()));
        let places = &shelf.order[shelf.starts[bin] as usize..shelf.starts[bin + 1] as usize];
        let wanted = path.as_str().as_bytes();
        let by_path = |place: &u32| -> Ordering { path_at(&shelf.bytes, *place).cmp(wanted) };
        places.binary_search_by(by_path).ok().map(|at| record(&shelf.bytes, places[at]))
    }

    /// Takes these targets out.
    pub fn remove(&mut self, paths: &[TargetPath]) {
        for path in paths {
            let bin = self.bins.bin_of(&path.digest());
            let each = self.bins.get() / heaps_of(self.bins);
            let shelf = &mut self.shelves[(bin / each) as usize];
            let bin = (bin % each) as usize;
            let (start, end) = (shelf.starts[bin] as usize, shelf.starts[bin + 1] as usize);
            let wanted = path.as_str().as_bytes();
            let found =
                shelf.order[start..end].binary_search_by(|place| path_at(&shelf.bytes, *place).cmp(wanted));
            if let Ok(at) = found {
                shelf.order.remove(start + at);
                shelf.starts[bin + 1..].iter_mut().for_each(|start| *start -= 1);
            }
        }
    }

    fn place(&self, bin: u32) -> (&Shelf, usize) {
        let each = self.bins.get() / heaps_of(self.bins);
        (&self.shelves[(bin / each) as usize], (bin % each) as usize)
    }
}

impl Bins for Catalogue {
    fn bins(&self) -> BinCount {
        self.bins
    }

    fn size(&self, bin: u32) -> usize {
        self.count(bin)
    }

    fn targets(&self, bin: u32) -> Box<dyn Iterator<Item = EntryRef<'_>> + '_> {
        Box::new(self.bin(bin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Inventory;

    fn catalogue(bins: BinCount, entries: &[Entry]) -> (Catalogue, Twice) {
        let (half, rest) = entries.split_at(entries.len() / 2);
        let [mut gather, mut other] = [Gather::new(bins), Gather::new(bins)];
        half.iter().for_each(|e| gather.add(e.path.as_str(), e.length, &e.digest));
        rest.iter().for_each(|e| other.add(e.path.as_str(), e.length, &e.digest));
        assert_eq!(gather.len() + other.len(), entries.len());
        let mut all = Twice::default();
        let shelves = Gather::heaps(vec![gather, other]).into_iter().map(|heap| {
            let (shelf, twice) = Heap::sorted(heap);
            all.alike += twice.alike;
            all.conflicts.extend(twice.conflicts);
            shelf
        });
        (Catalogue::of(bins, shelves.collect()), all)
    }

    fn entry(path: &str, length: u64) -> Entry {
        Entry { path: path.parse().unwrap(), length, digest: Sha256::of(path.as_bytes()) }
    }

    #[test]
    fn it_holds_what_an_inventory_holds_in_the_same_order() {
        let entries: Vec<Entry> = (0..3000).map(|i| entry(&format!("p/{}/é-{i}", i % 17), i)).collect();
        for bins in [1, 16, 256, 1024, 65_536] {
            let bins = BinCount::new(bins).unwrap();
            let (catalogue, twice) = catalogue(bins, &entries);
            let inventory = Inventory::new(bins, entries.iter().cloned());
            assert_eq!((twice.alike, twice.conflicts.len()), (0, 0));
            assert!(catalogue.iter().eq(inventory.iter().map(|(_, entry)| EntryRef::from(entry))));
            assert_eq!(catalogue.len(), 3000);
            for one in &entries {
                assert_eq!(catalogue.find(&one.path).unwrap().to_entry().unwrap(), *one);
            }
            assert_eq!(catalogue.find(&"p/none".parse().unwrap()), None);
            assert_eq!((0..bins.get()).map(|bin| catalogue.count(bin)).sum::<usize>(), 3000);
            let mut catalogue = catalogue;
            let (gone, stay) = entries.split_at(100);
            let gone: Vec<TargetPath> = gone.iter().map(|entry| entry.path.clone()).collect();
            catalogue.remove(&gone);
            assert!(gone.iter().all(|path| catalogue.find(path).is_none()));
            assert!(stay.iter().all(|entry| catalogue.find(&entry.path).is_some()));
        }
    }

    #[test]
    fn what_is_said_twice_counts_once_and_contradictions_are_named() {
        let mut entries: Vec<Entry> = (0..50).map(|i| entry(&format!("p/{i}"), i)).collect();
        entries.push(entry("p/7", 7));
        entries.push(entry("p/8", 9));
        let (catalogue, twice) = catalogue(BinCount::new(16).unwrap(), &entries);
        assert_eq!((catalogue.len(), twice.alike, twice.conflicts), (50, 1, vec!["p/8".to_owned()]));
    }
}
