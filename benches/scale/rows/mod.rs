//! The comparisons: what is measured beside what, and what is hoped for.

mod ceremony;
mod files;
mod lists;
mod one;
mod pages;
mod refresh;
mod sizes;
mod verify;

use crate::measure::{self, Side, Took};
use crate::{Wanted, report};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What came of one comparison.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) work: String,
    /// tuffet first; what else begins with its name is another part of its work.
    pub(crate) sides: Vec<Side>,
    pub(crate) goals: Vec<String>,
    /// What else is to be said.
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    /// The machine, and the day.
    #[serde(default)]
    pub(crate) on: String,
}

/// Measures rows.
type Measure = fn(&Wanted) -> Vec<Row>;

/// Everything that can be measured, by the names of its rows, in the order of the table.
const ALL: [(&[&str], Measure); 14] = [
    (&["durable"], lists::durable),
    (&["bare"], lists::bare),
    (&["all"], lists::all),
    (&["all-tuned"], lists::all_tuned),
    (&["one"], one::at_a_million),
    (&["one-of-all"], one::of_all),
    (&["verify"], verify::row),
    (&["refresh"], refresh::row),
    (&["pages", "one-with-pages"], pages::rows),
    (&["nothing", "ten"], files::walk),
    (&["hash-small", "hash-large"], files::hash),
    (&["tree"], files::first_build),
    (&["ceremony"], ceremony::row),
    (&["sizes"], sizes::rows),
];

/// The names of all rows, in the order of the table.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().flat_map(|(names, _)| names.iter().copied())
}

/// Measures every row that is wanted and whose peers are there; `take` is given each as it is done.
pub(crate) fn measure(wanted: &Wanted, take: &mut dyn FnMut(Row)) {
    let on = report::machine(wanted);
    for (_, measure) in ALL.iter().filter(|(names, _)| names.iter().any(|name| wanted.takes(name))) {
        measure::make_room(wanted);
        for row in measure(wanted) {
            take(Row { on: on.clone(), ..row });
        }
    }
}

/// Whether a process waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durable {
    Yes,
    No,
}

/// How many bins all of these trees have.
fn bins(wanted: &Wanted) -> &'static str {
    if wanted.quick { "256" } else { "16384" }
}

fn tuffet() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_tuffet"))
}

/// A new repository with no target yet; `more` is what else its configuration says.
fn repository(wanted: &Wanted, name: &str, source: &str, more: &str) -> PathBuf {
    let folder = fresh(wanted, name);
    std::fs::create_dir_all(folder.join("dists")).unwrap();
    let config = format!(
        "[source]\npath = \"dists\"\n{source}[keys]\ninsecure_plain = true\n[bins]\ncount = {}\n{more}",
        bins(wanted)
    );
    std::fs::write(folder.join("pipeline.toml"), config).unwrap();
    measure::run(&tuffet(), &["init"], &folder, "");
    folder
}

/// What a configuration says for a tree without pages.
const NO_PAGES: &str = "[index]\nformats = []\n";

/// An empty folder.
fn fresh(wanted: &Wanted, name: &str) -> PathBuf {
    let folder = wanted.dir.join(name);
    if folder.exists() {
        measure::discard(wanted, &folder);
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn build(folder: &Path, list: &Path, durable: Durable) -> Took {
    let list = list.to_str().unwrap();
    let mut args = vec!["build", "--quiet", "--inventory", list];
    if durable == Durable::No {
        args.push("--no-sync");
    }
    measure::settle();
    measure::run(&tuffet(), &args, folder, "").0
}

/// The tree is one that clients take.
fn is_good(folder: &Path) {
    measure::run(&tuffet(), &["verify", "--metadata-only", "--quiet"], folder, "");
}

/// A tree by python-tuf.
fn python_creates(
    wanted: &Wanted,
    list: &str,
    count: &str,
    site: &str,
    more: &[&str],
    folder: &Path,
) -> Took {
    let args = ["create", "--inv", list, "--n", count, "--bins", bins(wanted), "--out", site];
    python(wanted, &[&args[..], more].concat(), folder)
}

fn python(wanted: &Wanted, args: &[&str], folder: &Path) -> Took {
    let peers = wanted.peers.as_ref().unwrap();
    let script = peers.join("peer_pytuf.py");
    measure::run(&peers.join("python"), &[&[script.to_str().unwrap()], args].concat(), folder, "").0
}

fn thousands(count: usize) -> String {
    match count {
        count if count % 1_000_000 == 0 => format!("{} M", count / 1_000_000),
        count => format!("{} k", count / 1000),
    }
}

/// How many targets stand for a million, and for all of PyPI's seventeen.
fn counts(wanted: &Wanted) -> (usize, usize) {
    if wanted.quick { (20_000, 40_000) } else { (1_000_000, 17_000_000) }
}
