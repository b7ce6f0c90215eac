//! The journal: one JSON line for each run that ended well: what it published, what was signed, and why. A journal that has
//! grown long makes way for a new one; a few of those before it are kept.

use super::State;
use crate::disk::{self, folder, read, write};
use crate::model::{Moment, RoleName, Version};
use serde::Serialize;
use std::path::PathBuf;

/// A journal of this many bytes makes way for a new one.
const LONG: u64 = 1 << 20;

/// So many of those before it are kept.
const KEPT: u32 = 9;

/// What one run did.
#[derive(Clone, Debug, Serialize)]
pub struct Entry<'a> {
    /// The moment that the run took for now.
    pub now: Moment,
    /// The command.
    pub run: &'static str,
    /// The snapshot that is current after it.
    pub snapshot: Option<Version>,
    /// Whether it made something public.
    pub published: bool,
    /// Targets added, changed, removed and held.
    pub targets: [u64; 4],
    /// What was signed.
    pub signed: &'a [Signed],
}

/// A role of which a run published a new version, or bins that follow each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// The role, or the first of the bins.
    pub role: RoleName,
    /// The last of the bins, where they are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<RoleName>,
    /// The version.
    pub version: Version,
    /// Why.
    pub why: Why,
}

/// Why there is a new version of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It says something else.
    Changed,
    /// It was due to be signed again.
    Due,
    /// It came signed, from its holders; or it stands in for one that lapses, or was revoked.
    Brought,
    /// It leads to others that are new.
    Leads,
}

/// Puts bins that follow each other, with one version and one reason, into one line.
#[must_use]
pub fn together(bins: impl IntoIterator<Item = (u32, RoleName, Version, Why)>) -> Vec<Signed> {
    let mut all: Vec<_> = bins.into_iter().collect();
    all.sort_unstable_by_key(|(bin, ..)| *bin);
    let mut lines: Vec<Signed> = Vec::new();
    let mut next = 0;
    for (bin, role, version, why) in all {
        match lines.last_mut().filter(|last| bin == next && (last.version, last.why) == (version, why)) {
            Some(last) => last.to = Some(role),
            None => lines.push(Signed { role, to: None, version, why }),
        }
        next = bin + 1;
    }
    lines
}

/// Appends a line.
///
/// # Errors
/// If it cannot be written.
pub fn append(state: &State, entry: &Entry<'_>) -> Result<(), disk::Error> {
    let journal = state.journal();
    if folder::size(&journal)?.is_some_and(|size| size >= LONG) {
        for number in (1..KEPT).rev() {
            let before = older(state, number);
            if folder::is_there(&before)? {
                write::rename(&before, &older(state, number + 1))?;
            }
        }
        write::rename(&journal, &older(state, 1))?;
    }
    // A struct of integers and texts always has a form in JSON.
    let line = serde_json::to_string(entry).unwrap_or_default();
    write::append_line(&journal, &line)
}

/// The journal before the current one, the one before that, and so on, from 1.
fn older(state: &State, number: u32) -> PathBuf {
    state.journal().with_extension(format!("{number}.jsonl"))
}

/// What `find` makes of the newest journal for which it makes anything. A line without what is asked for costs it little.
fn newest<T>(state: &State, find: impl Fn(&str) -> Option<T>) -> Option<T> {
    let all = std::iter::once(state.journal()).chain((1..=KEPT).map(|number| older(state, number)));
    // A run that stopped between renaming and writing leaves no current one.
    all.filter_map(|path| read::bytes_if_there(&path).ok().flatten())
        .find_map(|bytes| find(&String::from_utf8_lossy(&bytes)))
}

/// When the last run that ended well took place; `None` if no journal says.
#[must_use]
pub fn last_run(state: &State) -> Option<Moment> {
    #[derive(serde::Deserialize)]
    struct Line {
        now: Moment,
    }
    newest(state, |text| {
        let mut lines = text.lines().rev().filter(|line| line.contains("\"now\""));
        lines.find_map(|line| serde_json::from_str::<Line>(line).ok()).map(|line| line.now)
    })
}

/// The highest snapshot that a run recorded as published; `None` if no journal says.
#[must_use]
pub fn highest_published(state: &State) -> Option<Version> {
    #[derive(serde::Deserialize)]
    struct Line {
        snapshot: Option<Version>,
        published: bool,
    }
    newest(state, |text| {
        let lines = text.lines().filter(|line| line.contains("\"published\""));
        let lines = lines.filter_map(|line| serde_json::from_str::<Line>(line).ok());
        lines.filter(|line| line.published).filter_map(|line| line.snapshot).max()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_stopped_between_two_journals_hides_neither() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path());
        append(&state, &entry(Some(7), true)).unwrap();
        std::fs::rename(state.journal(), older(&state, 1)).unwrap();
        assert_eq!((last_run(&state), highest_published(&state)), (Some(Moment::EPOCH), Version::new(7)));
        std::fs::rename(older(&state, 1), older(&state, 2)).unwrap();
        assert_eq!(highest_published(&state), Version::new(7));
    }

    fn entry(snapshot: Option<u64>, published: bool) -> Entry<'static> {
        let snapshot = snapshot.map(|number| Version::new(number).unwrap());
        Entry { now: Moment::EPOCH, run: "build", snapshot, published, targets: [0; 4], signed: &[] }
    }

    #[test]
    fn a_long_journal_makes_way_and_what_it_said_is_still_known() {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path());
        append(&state, &entry(Some(7), true)).unwrap();
        std::fs::OpenOptions::new().append(true).open(state.journal()).unwrap().set_len(LONG).unwrap();
        // Half a line, as a run that died leaves one.
        for _ in 0..12 {
            append(&state, &entry(Some(3), false)).unwrap();
            assert_eq!(last_run(&state), Some(Moment::EPOCH));
            assert_eq!(highest_published(&state).map(Version::number), Some(7), "3 was never published");
        }
        assert_eq!(std::fs::read_to_string(state.journal()).unwrap().lines().count(), 12);
        for number in 0..12 {
            std::fs::write(state.journal(), vec![b'\n'; 1 << 20]).unwrap();
            append(&state, &entry(Some(100 + number), true)).unwrap();
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 10);
        assert_eq!(highest_published(&state).map(Version::number), Some(111));
    }

    #[test]
    fn bins_that_follow_each_other_are_one_line() {
        let bin = |number: u32| format!("bin-{number:02x}").parse::<RoleName>().unwrap();
        let version = |number| Version::new(number).unwrap();
        let one = |number, v, why| (number, bin(number), version(v), why);
        let bins =
            [one(9, 2, Why::Due), one(0, 2, Why::Changed), one(1, 2, Why::Changed), one(2, 3, Why::Changed)];
        let line = |from, to: Option<u32>, v, why| Signed {
            role: bin(from),
            to: to.map(bin),
            version: version(v),
            why,
        };
        let expected =
            [line(0, Some(1), 2, Why::Changed), line(2, None, 3, Why::Changed), line(9, None, 2, Why::Due)];
        assert_eq!(together(bins), expected);
    }
}
