//! A tree with the pages of its projects.

use super::one;
use super::{Durable, Row, build, counts, is_good, repository, thousands};
use crate::measure::{self, Side};
use crate::{Wanted, inventory};
use std::path::Path;

pub(super) fn rows(wanted: &Wanted) -> Vec<Row> {
    let count = counts(wanted).0;
    let list = inventory::of(wanted, count);
    let (mut first, mut more) = (Side::new("tuffet"), Side::new("tuffet --changed"));
    let mut projects = Side::new("");
    let mut files = 0;
    for _ in 0..wanted.runs {
        measure::make_room(wanted);
        let folder = repository(wanted, "tuffet", "", "");
        first.runs.push(build(&folder, &list, Durable::Yes));
        files = files_below(&folder.join("site"));
        // The first finds caches cold, and its project is new.
        for number in 0..=wanted.runs {
            let took = one::add(&folder, number);
            if number > 0 {
                more.runs.push(took);
                projects.runs.push(one::add_project(&folder, number));
            }
        }
        is_good(&folder);
        measure::discard(wanted, &folder);
    }
    let took = first.median();
    let notes = vec![format!(
        "{files} files, {:.0} a second; the system's share of the processors' time is {:.0} %.",
        files as f64 / took.wall,
        100.0 * took.system / took.cpu
    )];
    let row = |name: &str, work: String, side, goal: &str, notes| Row {
        name: name.to_owned(),
        work,
        sides: vec![side],
        goals: vec![goal.to_owned()],
        notes,
        ..Row::default()
    };
    let of_projects =
        vec![format!("A first file of a new project: {:.0} ms.", 1000.0 * projects.median().wall)];
    let many = thousands(count);
    vec![
        row("pages", format!("{many} targets from a list with pages of their projects"), first, "", notes),
        row("one-with-pages", format!("one file more there ({many})"), more, "100 ms", of_projects),
    ]
}

/// How many files are below a folder.
fn files_below(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let each =
        entries.map(|entry| if entry.file_type().unwrap().is_dir() { files_below(&entry.path()) } else { 1 });
    each.sum()
}
