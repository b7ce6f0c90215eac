//! What a soak draws, and what it counts.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A pseudo-random sequence: the same for the same seed.
pub(super) struct Dice(u64);

impl Dice {
    /// For one step of a soak: what is drawn there does not depend on how much was drawn before, which the machine's
    /// pace has a say in.
    pub(super) fn of(seed: u64, step: u64) -> Self {
        // SplitMix64, so that neighbouring seeds have nothing in common; never zero, in which the sequence would stay.
        let mut mixed = seed ^ step.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((mixed ^ (mixed >> 31)) | 1)
    }

    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    /// Whether one in so many.
    pub(super) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(super) fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.below(from.len())].clone())
    }

    pub(super) fn shuffle<T>(&mut self, all: &mut [T]) {
        for end in (1..all.len()).rev() {
            all.swap(end, self.below(end + 1));
        }
    }
}

/// What happened so far. Where the soak ends in an error, it is printed.
pub(super) struct Tally {
    seed: u64,
    /// How often each event came to what.
    events: BTreeMap<(String, String), usize>,
    /// How often each warning was given, by the command that gave it.
    warnings: BTreeMap<(&'static str, String), usize>,
    /// How many files sweeps removed.
    pub(super) swept: usize,
    /// The events, one a line.
    history: Vec<String>,
}

/// So much of the history is shown.
const SHOWN: usize = 60;

impl Tally {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, events: BTreeMap::new(), warnings: BTreeMap::new(), swept: 0, history: Vec::new() }
    }

    /// Something is about to happen: said beforehand, for it may be the last.
    pub(super) fn begin(&mut self, what: impl Into<String>) {
        self.history.push(what.into());
    }

    /// What it came to.
    pub(super) fn end(&mut self, event: &str, came_to: &str) {
        *self.events.entry((event.to_owned(), came_to.to_owned())).or_default() += 1;
        if let Some(last) = self.history.last_mut() {
            _ = write!(last, " -> {event}: {came_to}");
        }
    }

    /// A detail for the history.
    pub(super) fn note(&mut self, detail: impl Into<String>) {
        self.history.push(format!("    {}", detail.into()));
    }

    pub(super) fn warned(&mut self, by: &'static str, code: &str) {
        *self.warnings.entry((by, code.to_owned())).or_default() += 1;
    }

    /// How often an event took place, whatever it came to.
    pub(super) fn times(&self, event: &str) -> usize {
        self.events.iter().filter(|((name, _), _)| name == event).map(|(_, times)| times).sum()
    }

    /// All of it as tables.
    pub(super) fn table(&self) -> String {
        let mut out = "| event | came to | times |\n|---|---|---|\n".to_owned();
        for ((event, came_to), times) in &self.events {
            _ = writeln!(out, "| {event} | {came_to} | {times} |");
        }
        out += "\n| warning of | which | times |\n|---|---|---|\n";
        for ((by, code), times) in &self.warnings {
            _ = writeln!(out, "| {by} | {code} | {times} |");
        }
        out
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("TUFFET_SOAK_SEED={}: what happened last:", self.seed);
            self.history
                .iter()
                .skip(self.history.len().saturating_sub(SHOWN))
                .for_each(|line| println!("{line}"));
        }
    }
}
