//! The catalogue: millions of targets in bin order, in little more memory than their names and digests take.
//!
//! Records are gathered in heaps, one for some neighbouring bins each, and sorted heap by heap: what is worked on at
//! one time fits into a processor's cache, and nothing is ever held twice.

use super::{BinCount, Entry, Sha256, TargetPath};

/// No more heaps than this; each holds one bin, or several neighbours.
const HEAPS: u32 = 256;

/// What a record has before its path: digest, length, and the length of the path with the bin's place in the heap.
const HEAD: usize = 32 + 8 + 4;

/// Records begin at multiples of this, so that 32 bits reach 16 GiB.
const ALIGN: usize = 4;

/// Records lie in chunks of this size, none in two: what is there is never moved.
const CHUNK: usize = 1 << 18;

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
    records: Records,
    count: usize,
}

/// Records, each at a place that never changes.
#[derive(Debug, Default)]
struct Records {
    /// All but a record that is longer than a chunk are [`CHUNK`]s; behind such a one there are empty ones, as many as
    /// it takes the room of.
    chunks: Vec<Vec<u8>>,
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
    records: Records,
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

impl Records {
    /// Adds a record; gives nothing, for what is added is found again by [`Records::places`].
    fn add(&mut self, bin: u32, path: &str, length: u64, digest: &Sha256) {
        // A path is no longer than a line of a list, a megabyte.
        let size = u32::try_from(path.len()).unwrap_or(u32::MAX).min((1 << 24) - 1);
        let needs = (HEAD + path.len()).next_multiple_of(ALIGN);
        if self.chunks.last().is_none_or(|last| last.capacity() - last.len() < needs) {
            self.chunks.push(Vec::with_capacity(CHUNK.max(needs)));
        }
        let Some(chunk) = self.chunks.last_mut() else { return };
        chunk.extend_from_slice(digest.as_bytes());
        chunk.extend_from_slice(&length.to_le_bytes());
        chunk.extend_from_slice(&((bin << 24) | size).to_le_bytes());
        chunk.extend_from_slice(path.as_bytes());
        chunk.resize(chunk.len().next_multiple_of(ALIGN), 0);
        for _ in 1..needs.div_ceil(CHUNK) {
            self.chunks.push(Vec::new());
        }
    }

    /// Where each record is, with its bin's place in the heap.
    fn places(&self) -> impl Iterator<Item = (u32, u32)> {
        let chunks = self.chunks.iter().enumerate();
        chunks.flat_map(|(number, chunk)| {
            let mut at = 0;
            std::iter::from_fn(move || {
                if at >= chunk.len() {
                    return None;
                }
                let place = (number * CHUNK + at) / ALIGN;
                let (bin, size) = tag(&chunk[at..]);
                at += (HEAD + size).next_multiple_of(ALIGN);
                Some((bin, u32::try_from(place).unwrap_or(u32::MAX)))
            })
        })
    }

    /// The record at a place, and whatever follows.
    fn at(&self, place: u32) -> &[u8] {
        let at = place as usize * ALIGN;
        &self.chunks[at / CHUNK][at % CHUNK..]
    }

    fn path(&self, place: u32) -> &[u8] {
        let record = self.at(place);
        let (_, size) = tag(record);
        &record[HEAD..HEAD + size]
    }

    fn entry(&self, place: u32) -> EntryRef<'_> {
        let record = self.at(place);
        EntryRef {
            // It was a text when it was added.
            path: std::str::from_utf8(self.path(place)).unwrap_or_default(),
            length: u64::from_le_bytes(array(&record[32..40])),
            digest: Sha256::from_bytes(array(&record[..32])),
        }
    }
}

/// What two paths begin with alike.
fn shared<'a>(common: Option<&'a [u8]>, path: &'a [u8]) -> &'a [u8] {
    let Some(common) = common else { return path };
    if path.starts_with(common) {
        return common;
    }
    let alike = common.iter().zip(path).take_while(|(a, b)| a == b).count();
    &common[..alike]
}

/// The first eight bytes as a number in their order; what is shorter comes first, as zeros do.
fn key(rest: &[u8]) -> u64 {
    match rest.first_chunk() {
        Some(bytes) => u64::from_be_bytes(*bytes),
        None => {
            let mut bytes = [0; 8];
            bytes[..rest.len()].copy_from_slice(rest);
            u64::from_be_bytes(bytes)
        }
    }
}

/// The bin's place in the heap, and the length of the path, of a record.
fn tag(record: &[u8]) -> (u32, usize) {
    let tag = u32::from_le_bytes(array(&record[40..44]));
    (tag >> 24, (tag & 0xff_ffff) as usize)
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(bytes);
    out
}

impl Heap {
    fn add(&mut self, bin: u32, path: &str, length: u64, digest: &Sha256) {
        self.records.add(bin, path, length, digest);
        self.count += 1;
    }

    /// The targets of these parts of one heap in order, each once: of those that differ the first is kept.
    #[must_use]
    pub fn sorted(parts: Vec<Self>) -> (Shelf, Twice) {
        let bins = parts.first().map_or(0, |part| part.bins) as usize;
        let count = parts.iter().map(|part| part.count).sum();
        let records = Records { chunks: parts.into_iter().flat_map(|part| part.records.chunks).collect() };
        let mut of_bins = vec![0_usize; bins + 1];
        let mut places: Vec<(u32, u32)> = Vec::with_capacity(count);
        let mut common: Option<&[u8]> = None;
        for (bin, place) in records.places() {
            of_bins[bin as usize + 1] += 1;
            places.push((bin, place));
            common = Some(shared(common, records.path(place)));
        }
        let common = common.map_or(0, <[u8]>::len);
        for bin in 0..bins {
            of_bins[bin + 1] += of_bins[bin];
        }
        // What follows on what all paths begin with tells most of them apart, and spares a look at the path itself.
        let mut next = of_bins.clone();
        let mut keyed = vec![(0_u64, 0_u32); places.len()];
        for (bin, place) in places {
            keyed[next[bin as usize]] = (key(&records.path(place)[common..]), place);
            next[bin as usize] += 1;
        }
        let mut twice = Twice::default();
        let (mut order, mut starts) = (Vec::with_capacity(keyed.len()), vec![0_u32]);
        for bin in 0..bins {
            let some = &mut keyed[of_bins[bin]..of_bins[bin + 1]];
            some.sort_unstable_by(|a, b| {
                let paths = || records.path(a.1).cmp(records.path(b.1));
                a.0.cmp(&b.0).then_with(paths).then(a.1.cmp(&b.1))
            });
            let mut last: Option<(u64, u32)> = None;
            for &(key, place) in &*some {
                let is_again = |(other, before): &(u64, u32)| {
                    *other == key && records.path(*before) == records.path(place)
                };
                match last.filter(is_again) {
                    None => {
                        order.push(place);
                        last = Some((key, place));
                    }
                    Some((_, before)) if records.entry(before).agrees(&records.entry(place)) => {
                        twice.alike += 1
                    }
                    Some(_) => twice.conflicts.push(records.entry(place).path.to_owned()),
                }
            }
            starts.push(u32::try_from(order.len()).unwrap_or(u32::MAX));
        }
        (Shelf { records, order, starts }, twice)
    }
}

impl Shelf {
    fn bin(&self, bin: usize) -> impl Iterator<Item = EntryRef<'_>> + Clone {
        let places = &self.order[self.starts[bin] as usize..self.starts[bin + 1] as usize];
        places.iter().map(|place| self.records.entry(*place))
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
        let by_path = |place: &u32| shelf.records.path(*place).cmp(wanted);
        places.binary_search_by(by_path).ok().map(|at| shelf.records.entry(places[at]))
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
                shelf.order[start..end].binary_search_by(|place| shelf.records.path(*place).cmp(wanted));
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
    fn a_path_longer_than_a_chunk_has_room() {
        let long = format!("{}x", "a/".repeat(300_000));
        let entries = [entry("a", 1), entry(&long, 2), entry("b", 3)];
        let (catalogue, _) = catalogue(BinCount::new(1).unwrap(), &entries);
        let mut found: Vec<Entry> = catalogue.iter().map(|e| e.to_entry().unwrap()).collect();
        found.sort_by_key(|entry| entry.length);
        assert_eq!(found, entries);
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
