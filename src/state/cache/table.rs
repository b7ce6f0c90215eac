//! A file of sorted keys with values, in pages of some kilobytes: what is asked for is read, and nothing else. Each page
//! has a checksum, and so has the list of pages at the end, so that damage is noticed where it is read.

use crate::disk::read::OpenFile;
use crate::disk::{self, write};
use std::borrow::Cow;
use std::ops::{ControlFlow, Range};
use std::path::Path;

/// The first bytes of the file; another form, another number.
const HEADER: &[u8] = b"tuffet table 1\n";

/// A page is full with so many bytes.
const PAGE: usize = 8192;

/// No key is longer; a path has 4,096 bytes at most.
const LONGEST_KEY: usize = 16 << 10;

/// What stands at the end: where the list of pages begins, how long it is, its checksum, how many keys there are.
const FOOTER: usize = 8 + 8 + 4 + 8;

/// The file, opened.
#[derive(Debug)]
pub(super) struct Table {
    bytes: Bytes,
    pages: Vec<Page>,
    /// The first keys of all pages.
    firsts: Vec<u8>,
    keys: u64,
    identity: Vec<u8>,
}

#[derive(Debug)]
enum Bytes {
    File(OpenFile),
    Memory(Vec<u8>),
}

#[derive(Debug)]
struct Page {
    first: Range<usize>,
    at: u64,
    length: u32,
    sum: u32,
    /// How many keys come before it.
    before: u64,
}

/// What was read is not what was written.
#[derive(Debug)]
pub(super) struct Damaged;

impl Table {
    /// Opens the file at `path`; `None` if there is none, or it is none of ours.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let file = OpenFile::open(path).ok()?;
        let length = file.stamp().ok()?.size;
        let at = length.checked_sub(FOOTER as u64)?;
        let identity = file.part(at, FOOTER).ok()?;
        let mut footer = Input(&identity);
        let (list, list_length, sum, keys) = (footer.u64()?, footer.u64()?, footer.u32()?, footer.u64()?);
        if list.checked_add(list_length)? != at || file.part(0, HEADER.len()).ok()? != HEADER {
            return None;
        }
        let bytes = file.part(list, usize::try_from(list_length).ok()?).ok()?;
        if crc32fast::hash(&bytes) != sum {
            return None;
        }
        let mut table = Self {
            bytes: Bytes::File(file),
            pages: Vec::new(),
            firsts: Vec::new(),
            keys,
            identity: identity.clone(),
        };
        let mut input = Input(&bytes);
        let mut at = HEADER.len() as u64;
        let mut before = 0;
        while !input.0.is_empty() {
            let (length, count, sum) = (input.number()?, input.number()?, input.u32()?);
            let key = input.number()?;
            let from = table.firsts.len();
            table.firsts.extend_from_slice(input.take(usize::try_from(key).ok()?)?);
            let first = from..table.firsts.len();
            let last = table.pages.last().map(|page: &Page| &table.firsts[page.first.clone()]);
            if last.is_some_and(|last| table.firsts[first.clone()] <= *last) {
                return None;
            }
            table.pages.push(Page { first, at, length: u32::try_from(length).ok()?, sum, before });
            // No key takes less than three bytes, so that no count is larger than what it counts.
            if count > length {
                return None;
            }
            at = at.checked_add(length)?;
            before = before.checked_add(count)?;
        }
        (at == list && before == keys).then_some(table)
    }

    /// The same in memory, all of it read and checked; `None` if it is damaged.
    pub(super) fn in_memory(mut self) -> Option<Self> {
        if let Bytes::File(file) = &self.bytes {
            let end = self.pages.last().map_or(0, |page| page.at + u64::from(page.length));
            let bytes = file.part(0, usize::try_from(end).ok()?).ok()?;
            let sum = |page: &Page| bytes.get(page.range()).map(crc32fast::hash);
            if !self.pages.iter().all(|page| sum(page) == Some(page.sum)) {
                return None;
            }
            self.bytes = Bytes::Memory(bytes);
        }
        Some(self)
    }

    /// What tells this file from any other.
    pub(super) fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// How many keys there are.
    pub(super) fn keys(&self) -> u64 {
        self.keys
    }

    /// Hands over every key from `from` on, by its number, with its value, until it is enough.
    pub(super) fn from(
        &self,
        from: &[u8],
        mut each: impl FnMut(u64, &[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Damaged> {
        let later = self.pages.partition_point(|page| self.firsts[page.first.clone()] <= *from);
        let mut key = Vec::with_capacity(256);
        for page in &self.pages[later.saturating_sub(1)..] {
            let bytes = self.page(page)?;
            let mut input = Input(&bytes);
            let mut number = page.before;
            let first = &self.firsts[page.first.clone()];
            if first <= key.as_slice() {
                return Err(Damaged);
            }
            key.clear();
            while !input.0.is_empty() {
                let value = input.record(&mut key).ok_or(Damaged)?;
                if number == page.before && key != first {
                    return Err(Damaged);
                }
                if key.as_slice() >= from && each(number, &key, value).is_break() {
                    return Ok(());
                }
                number += 1;
            }
        }
        Ok(())
    }

    /// Hands over every key that begins so.
    pub(super) fn beginning(
        &self,
        with: &[u8],
        mut each: impl FnMut(u64, &[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Damaged> {
        self.from(
            with,
            |number, key, value| {
                if key.starts_with(with) { each(number, key, value) } else { ControlFlow::Break(()) }
            },
        )
    }

    fn page(&self, page: &Page) -> Result<Cow<'_, [u8]>, Damaged> {
        match &self.bytes {
            Bytes::Memory(bytes) => bytes.get(page.range()).map(Cow::Borrowed).ok_or(Damaged),
            Bytes::File(file) => {
                let bytes = file.part(page.at, page.length as usize).map_err(|_| Damaged)?;
                if crc32fast::hash(&bytes) == page.sum { Ok(Cow::Owned(bytes)) } else { Err(Damaged) }
            }
        }
    }
}

impl Page {
    fn range(&self) -> Range<usize> {
        // Files beyond the address space were not opened.
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        at..at.saturating_add(self.length as usize)
    }
}

/// Makes such a file.
#[derive(Debug)]
pub(super) struct Writer {
    out: Vec<u8>,
    list: Vec<u8>,
    /// Where the page begins that is being filled, how many keys are in it, and the first of them.
    page: usize,
    count: u64,
    first: Vec<u8>,
    last: Vec<u8>,
    keys: u64,
}

impl Writer {
    pub(super) fn new() -> Self {
        let (list, first, last) = Default::default();
        Self { out: HEADER.to_vec(), list, page: HEADER.len(), count: 0, first, last, keys: 0 }
    }

    /// Adds a key, which comes after all before it.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        if self.count == 0 {
            self.first.clear();
            self.first.extend_from_slice(key);
            self.last.clear();
        }
        record(&mut self.out, &self.last, key, value);
        self.last.clear();
        self.last.extend_from_slice(key);
        self.count += 1;
        self.keys += 1;
        if self.out.len() - self.page >= PAGE {
            self.end_page();
        }
    }

    fn end_page(&mut self) {
        if self.count == 0 {
            return;
        }
        let page = &self.out[self.page..];
        number(&mut self.list, page.len() as u64);
        number(&mut self.list, self.count);
        self.list.extend_from_slice(&crc32fast::hash(page).to_le_bytes());
        number(&mut self.list, self.first.len() as u64);
        self.list.extend_from_slice(&self.first);
        self.page = self.out.len();
        self.count = 0;
    }

    /// Writes the file, in place of what is there.
    pub(super) fn write(mut self, path: &Path) -> Result<(), disk::Error> {
        self.end_page();
        let at = self.out.len() as u64;
        self.out.extend_from_slice(&self.list);
        self.out.extend_from_slice(&at.to_le_bytes());
        self.out.extend_from_slice(&(self.list.len() as u64).to_le_bytes());
        self.out.extend_from_slice(&crc32fast::hash(&self.list).to_le_bytes());
        self.out.extend_from_slice(&self.keys.to_le_bytes());
        write::write_atomic(path, &self.out)
    }
}

/// A key with its value after the key `last`.
pub(super) fn record(out: &mut Vec<u8>, last: &[u8], key: &[u8], value: &[u8]) {
    let shared = last.iter().zip(key).take_while(|(a, b)| a == b).count();
    number(out, shared as u64);
    number(out, (key.len() - shared) as u64);
    number(out, value.len() as u64);
    out.extend_from_slice(&key[shared..]);
    out.extend_from_slice(value);
}

/// A number in as many bytes as it needs, seven bits in each.
pub(super) fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// What is still to be read.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    /// The value of the next key; `key` becomes that from the one before it. None is longer than [`LONGEST_KEY`]: each may
    /// have most of the one before, in a few bytes.
    pub(super) fn record(&mut self, key: &mut Vec<u8>) -> Option<&'a [u8]> {
        let shared = usize::try_from(self.number()?).ok()?;
        let (rest, value) = (usize::try_from(self.number()?).ok()?, usize::try_from(self.number()?).ok()?);
        if shared > key.len() || rest > LONGEST_KEY - shared.min(LONGEST_KEY) {
            return None;
        }
        let rest = self.take(rest)?;
        // Keys rise, or nobody would find them.
        if rest <= &key[shared..] {
            return None;
        }
        key.truncate(shared);
        key.extend_from_slice(rest);
        self.take(value)
    }
}
