//! One file more, in a tree that is there.

use super::{
    Durable, NO_PAGES, Row, build, counts, fresh, is_good, python, python_creates, repository, thousands,
    tuffet,
};
use crate::measure::{self, Side, Took};
use crate::{Wanted, inventory};
use std::path::Path;

pub(super) fn at_a_million(wanted: &Wanted) -> Vec<Row> {
    vec![row(wanted, "one", counts(wanted).0, wanted.peers.is_some(), "25 ms; python-tuf 12 times slower")]
}

pub(super) fn of_all(wanted: &Wanted) -> Vec<Row> {
    vec![row(wanted, "one-of-all", counts(wanted).1, false, "40 ms")]
}

fn row(wanted: &Wanted, name: &str, count: usize, beside: bool, goal: &str) -> Row {
    let list = inventory::of(wanted, count);
    let folder = repository(wanted, "tuffet", "", NO_PAGES);
    build(&folder, &list, Durable::Yes);
    let mut sides = vec![Side::new("tuffet --changed")];
    let out = fresh(wanted, "peer");
    if beside {
        sides.push(Side::new("python-tuf, one bin loaded"));
        python_creates(wanted, list.to_str().unwrap(), &count.to_string(), "site", &[], &out);
    }
    // The first run of either finds caches cold.
    for number in 0..=wanted.runs.max(5) {
        let took = add(&folder, number);
        if number > 0 {
            sides[0].runs.push(took);
        }
        if beside {
            let change = format!("simple/newcomer/{}", file(number));
            measure::settle();
            let took = python(wanted, &["update", "--out", "site", "--change", &change], &out);
            if number > 0 {
                sides[1].runs.push(took);
            }
        }
    }
    is_good(&folder);
    measure::discard(wanted, &folder);
    measure::discard(wanted, &out);
    let work = format!("one file more in a tree of {}, durable", thousands(count));
    Row { name: name.to_owned(), work, sides, goals: vec![goal.to_owned()], ..Row::default() }
}

/// Adds the first file of a project to the source, and builds.
pub(super) fn add_project(folder: &Path, number: usize) -> Took {
    add_file(folder, &format!("beginner_{number}-1.0-py3-none-any.whl"))
}

/// The target that [`add`] makes of a number.
pub(super) fn target(number: usize) -> String {
    format!("packages/newcomer/{}", file(number))
}

fn file(number: usize) -> String {
    format!("newcomer-{number}.0-py3-none-any.whl")
}

/// Adds a file of a project to the source, and builds: with number 0 the project is new.
pub(super) fn add(folder: &Path, number: usize) -> Took {
    add_file(folder, &file(number))
}

fn add_file(folder: &Path, file: &str) -> Took {
    std::fs::write(folder.join("dists").join(file), format!("the bytes of {file}")).unwrap();
    measure::settle();
    measure::run(&tuffet(), &["build", "--quiet", "--changed", "-"], folder, file).0
}
