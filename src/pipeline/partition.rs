//! partition: takes what is published and what the source holds, decides what becomes of each
//! target, and says which bins that changes. Pure: it decides, others act.

use crate::model::{Entry, EntryRef, Inventory, TargetPath};
use crate::pipeline::source::SourceFile;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is published as it is.
    Keep(Entry),
    /// Its bytes differ now; the published ones stay.
    Hold(Entry),
    /// It is new, or its new bytes are taken.
    Bring {
        /// Which file of the source, by place.
        source: usize,
        /// What was published before.
        replaces: Option<Entry>,
    },
}

/// What becomes of a target whose bytes differ from the published ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnChange {
    /// The new bytes are taken.
    Take,
    /// The published ones stay: a distribution never changes under its name.
    Hold,
}

/// Two files of the source want to be one target.
#[derive(Debug, thiserror::Error)]
#[error(
    "two files of one name have different bytes: {first} and {second}; remove one of them, or name \
     one in source.exclude"
)]
pub struct Conflict {
    first: String,
    second: String,
}

/// What becomes of every target, by path, and which published ones left the source.
#[derive(Debug, Default)]
pub struct Decisions {
    /// Every target that stays or comes.
    pub targets: BTreeMap<TargetPath, Decision>,
    /// Published targets that are not in the source any more.
    pub removed: Vec<TargetPath>,
}

/// Decides; `on_change` is asked for each target whose bytes differ. What is published of `unsure`,
/// targets that are in the source and could not be read, stays. Files that `is_authors` picks are not for
/// the bins, and nothing is decided about them here: see [`held`].
///
/// # Errors
/// [`Conflict`].
pub fn decide(
    published: &Inventory,
    files: &[SourceFile],
    unsure: &[TargetPath],
    is_authors: &dyn Fn(&TargetPath) -> bool,
    on_change: impl Fn(&SourceFile) -> OnChange,
) -> Result<Decisions, Conflict> {
    let before: BTreeMap<&TargetPath, &Entry> =
        published.iter().map(|(_, entry)| (&entry.path, entry)).collect();
    let mut chosen: BTreeMap<&TargetPath, usize> = BTreeMap::new();
    for (index, file) in files.iter().enumerate().filter(|(_, file)| !is_authors(&file.candidate.target)) {
        let first = *chosen.entry(&file.candidate.target).or_insert(index);
        if files[first].digest != file.digest {
            let [first, second] = [first, index].map(|i| files[i].candidate.relative.clone());
            return Err(Conflict { first, second });
        }
    }
    let mut decisions = Decisions::default();
    for (target, source) in chosen {
        let decision = match before.get(target) {
            Some(&old) if *old == files[source].entry() => Decision::Keep(old.clone()),
            Some(&old) if on_change(&files[source]) == OnChange::Hold => Decision::Hold(old.clone()),
            old => Decision::Bring { source, replaces: old.map(|&old| old.clone()) },
        };
        decisions.targets.insert(target.clone(), decision);
    }
    for target in unsure {
        if let Some(&old) = before.get(target) {
            decisions.targets.entry(target.clone()).or_insert_with(|| Decision::Keep(old.clone()));
        }
    }
    let gone = before.into_keys().filter(|path| !decisions.targets.contains_key(path));
    decisions.removed = gone.cloned().collect();
    Ok(decisions)
}

/// Which files of authors' projects are not what their author signed; `signed` gives what that is. They are
/// neither listed nor brought in.
pub fn held<'a>(
    files: &'a [SourceFile],
    is_authors: &'a dyn Fn(&TargetPath) -> bool,
    signed: &'a BTreeMap<TargetPath, Entry>,
) -> impl Iterator<Item = (&'a SourceFile, Unsigned)> {
    files.iter().filter(|file| is_authors(&file.candidate.target)).filter_map(|file| {
        match signed.get(&file.candidate.target) {
            None => Some((file, Unsigned::Unknown)),
            Some(entry) if *entry != file.entry() => Some((file, Unsigned::Other)),
            Some(_) => None,
        }
    })
}

/// How a file of an author's project is not what the author signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// The author signed no file of that name.
    Unknown,
    /// The author signed other bytes.
    Other,
}

/// One target of two bins, or of one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside<'a> {
    /// Only the old one has it.
    Old(EntryRef<'a>),
    /// Only the new one has it.
    New(EntryRef<'a>),
    /// Both do, whatever each says of it.
    Both(EntryRef<'a>, EntryRef<'a>),
}

/// Two bins side by side, each in the order of its paths.
pub fn beside<'a>(
    old: impl Iterator<Item = EntryRef<'a>>,
    new: impl Iterator<Item = EntryRef<'a>>,
) -> impl Iterator<Item = Beside<'a>> {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    std::iter::from_fn(move || {
        let order = match (old.peek(), new.peek()) {
            (Some(a), Some(b)) => a.path.cmp(b.path),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        Some(match order {
            Ordering::Less => Beside::Old(old.next()?),
            Ordering::Greater => Beside::New(new.next()?),
            Ordering::Equal => Beside::Both(old.next()?, new.next()?),
        })
    })
}

/// How two inventories differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// The bins in which they do.
    pub bins: BTreeSet<u32>,
    /// Targets that only the new one has.
    pub added: u64,
    /// Targets whose size or digest differs.
    pub changed: u64,
    /// Targets that only the old one has.
    pub removed: u64,
    /// What became of which target, in bin order: the first thousand.
    pub names: Vec<(Became, TargetPath)>,
    /// Whether only numbers are wanted.
    unnamed: bool,
}

/// What became of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It is new.
    Added,
    /// It has other bytes.
    Changed,
    /// It is gone.
    Removed,
}

/// So many changes are named; more are only counted.
const NAMED: usize = 1000;

impl Difference {
    /// Compares two inventories of one bin order in one pass.
    #[must_use]
    pub fn between(old: &Inventory, new: &Inventory) -> Self {
        let mut difference = Self::default();
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let key = |&(bin, entry): &(u32, &Entry)| (bin, entry.path.clone());
            let (became, bin, path) = match (old.peek().map(key), new.peek().map(key)) {
                (None, None) => return difference,
                (Some(a), b) if b.as_ref().is_none_or(|b| a < *b) => {
                    old.next();
                    (Became::Removed, a.0, a.1)
                }
                (a, Some(b)) if a.as_ref().is_none_or(|a| b < *a) => {
                    new.next();
                    (Became::Added, b.0, b.1)
                }
                _ => match (old.next(), new.next()) {
                    (Some((_, a)), Some((bin, b))) if a != b => (Became::Changed, bin, b.path.clone()),
                    _ => continue,
                },
            };
            difference.note(became, bin, path.as_str());
        }
    }

    /// One that only counts.
    #[must_use]
    pub fn unnamed() -> Self {
        Self { unnamed: true, ..Self::default() }
    }

    /// Notes that so many targets are new in a bin; `false` if they are to be named.
    #[must_use]
    pub fn count_added(&mut self, bin: u32, count: usize) -> bool {
        if self.unnamed && count > 0 {
            self.added += count as u64;
            self.bins.insert(bin);
        }
        self.unnamed
    }

    /// Whether no more names would be noted.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.names.len() >= NAMED
    }

    /// Adds what was found of other bins, further on.
    pub fn absorb(&mut self, other: Self) {
        self.added += other.added;
        self.changed += other.changed;
        self.removed += other.removed;
        self.bins.extend(other.bins);
        let room = NAMED.saturating_sub(self.names.len());
        self.names.extend(other.names.into_iter().take(room));
    }

    /// Notes what became of a target.
    pub fn note(&mut self, became: Became, bin: u32, path: &str) {
        *match became {
            Became::Added => &mut self.added,
            Became::Changed => &mut self.changed,
            Became::Removed => &mut self.removed,
        } += 1;
        self.bins.insert(bin);
        if !self.unnamed
            && !self.is_full()
            && let Ok(path) = path.parse()
        {
            self.names.push((became, path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::FileStamp;
    use crate::model::{BinCount, Sha256};
    use crate::pipeline::source::Candidate;

    fn file(relative: &str, target: &str, bytes: &[u8]) -> SourceFile {
        let stamp = FileStamp { device: 1, inode: 1, size: bytes.len() as u64, modified: 0, changed: 0 };
        let candidate = Candidate {
            relative: relative.into(),
            path: relative.into(),
            stamp,
            target: target.parse().unwrap(),
            told: None,
        };
        SourceFile { candidate, digest: Sha256::of(bytes) }
    }

    fn inventory(files: &[SourceFile]) -> Inventory {
        Inventory::new(BinCount::new(16).unwrap(), files.iter().map(SourceFile::entry))
    }

    #[test]
    fn a_changed_file_is_held_or_taken_and_a_lost_one_removed() {
        let old = inventory(&[file("a", "p/a", b"1"), file("b", "p/b", b"2"), file("c", "p/c", b"3")]);
        let files = [file("a", "p/a", b"1"), file("b", "p/b", b"other"), file("d", "p/d", b"4")];
        let held = decide(&old, &files, &[], &|_| false, |_| OnChange::Hold).unwrap();
        assert!(matches!(held.targets[&"p/a".parse().unwrap()], Decision::Keep(_)));
        assert!(matches!(held.targets[&"p/b".parse().unwrap()], Decision::Hold(_)));
        assert!(matches!(held.targets[&"p/d".parse().unwrap()], Decision::Bring { replaces: None, .. }));
        assert_eq!(held.removed, ["p/c".parse().unwrap()]);
        let taken = decide(&old, &files, &[], &|_| false, |_| OnChange::Take).unwrap();
        assert!(matches!(taken.targets[&"p/b".parse().unwrap()], Decision::Bring { replaces: Some(_), .. }));
    }

    #[test]
    fn an_unstable_file_keeps_what_is_published() {
        let old = inventory(&[file("a", "p/a", b"1")]);
        let unstable = ["p/a", "p/n"].map(|path| path.parse().unwrap());
        let decisions = decide(&old, &[], &unstable, &|_| false, |_| OnChange::Take).unwrap();
        assert!(matches!(decisions.targets[&"p/a".parse().unwrap()], Decision::Keep(_)));
        assert_eq!(decisions.targets.len(), 1);
        assert!(decisions.removed.is_empty());
    }

    #[test]
    fn one_name_with_other_bytes_in_two_folders_is_an_error_that_names_both() {
        let none = inventory(&[]);
        let same = [file("x/a", "p/a", b"1"), file("y/a", "p/a", b"1")];
        assert_eq!(decide(&none, &same, &[], &|_| false, |_| OnChange::Take).unwrap().targets.len(), 1);
        let other = [file("x/a", "p/a", b"1"), file("y/a", "p/a", b"2")];
        let error = decide(&none, &other, &[], &|_| false, |_| OnChange::Take).unwrap_err().to_string();
        assert!(error.contains("x/a") && error.contains("y/a"), "{error}");
    }

    #[test]
    fn bins_side_by_side_lose_nothing() {
        let entries = |names: &[&str], bytes: &[u8]| -> Vec<Entry> {
            let entry = |name: &&str| file(name, name, bytes).entry();
            names.iter().map(entry).collect()
        };
        let (old, new) = (entries(&["a", "b", "d"], b"1"), entries(&["b", "c", "e"], b"2"));
        let [a, b, d] = [0, 1, 2].map(|at| EntryRef::from(&old[at]));
        let [b2, c, e] = [0, 1, 2].map(|at| EntryRef::from(&new[at]));
        let found: Vec<Beside<'_>> =
            beside(old.iter().map(EntryRef::from), new.iter().map(EntryRef::from)).collect();
        let expected = [Beside::Old(a), Beside::Both(b, b2), Beside::New(c), Beside::Old(d), Beside::New(e)];
        assert_eq!(found, expected);
        assert_eq!(beside([].into_iter(), [].into_iter()).count(), 0);
    }

    #[test]
    fn a_difference_names_the_bins() {
        let old = inventory(&[file("a", "p/a", b"1"), file("b", "p/b", b"2"), file("c", "p/c", b"3")]);
        let new = inventory(&[file("a", "p/a", b"1"), file("b", "p/b", b"x"), file("d", "p/d", b"4")]);
        let difference = Difference::between(&old, &new);
        assert_eq!((difference.added, difference.changed, difference.removed), (1, 1, 1));
        let bin = |path: &str| old.bins().bin_of(&path.parse::<TargetPath>().unwrap().digest());
        assert_eq!(difference.bins, BTreeSet::from([bin("p/b"), bin("p/c"), bin("p/d")]));
        assert_eq!(Difference::between(&new, &new), Difference::default());
    }
}
