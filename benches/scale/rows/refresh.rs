//! What a client carries: python-tuf downloads targets of the largest tree.

use super::{Durable, NO_PAGES, Row, build, counts, is_good, one, repository, thousands};
use crate::measure::{self, Side};
use crate::{Wanted, inventory};
use std::path::Path;

/// What PEP 458 takes a distribution to have, in bytes (its constant C9).
const DISTRIBUTION: f64 = 2_184_393.0;

pub(super) fn row(wanted: &Wanted) -> Vec<Row> {
    let Some(peers) = &wanted.peers else { return Vec::new() };
    let count = counts(wanted).1;
    let list = inventory::of(wanted, count);
    let folder = repository(wanted, "tuffet", "", NO_PAGES);
    build(&folder, &list, Durable::Yes);
    for number in 0..5 {
        one::add(&folder, number);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/scale/refresh.py");
    let mut side = Side::new("python-tuf, five targets");
    let mut fetch = |targets: &[String]| -> Vec<Vec<u64>> {
        let mut args = vec![script.to_str().unwrap(), "site", "client"];
        args.extend(targets.iter().map(String::as_str));
        let (took, said) = measure::run(&peers.join("python"), &args, &folder, "");
        side.runs.push(took);
        let numbers = |line: &str| line.split(' ').map(|word| word.parse().unwrap()).collect();
        said.lines().map(numbers).collect()
    };
    let first = fetch(&(0..5).map(one::target).collect::<Vec<_>>());
    one::add(&folder, 5);
    let later = fetch(&[one::target(5)]);
    is_good(&folder);
    measure::discard(wanted, &folder);
    side.runs.truncate(1);
    let words = |what: &str, numbers: &[u64], pep: &str| {
        let share = |bytes: u64| 100.0 * bytes as f64 / DISTRIBUTION;
        format!(
            "{what}: {} requests, {} bytes of metadata, {} gzipped: {:.0} % and {:.0} % of PEP 458's average \
             distribution{pep}.",
            numbers[0],
            numbers[1],
            numbers[2],
            share(numbers[1]),
            share(numbers[2])
        )
    };
    let sum = |of: usize| first[1..].iter().map(|numbers| numbers[of]).sum::<u64>() / 4;
    let notes = vec![
        words("a new client's first target", &first[0], " (the PEP: 69 % for 2.3 M targets)"),
        words("each of four more", &[sum(0), sum(1), sum(2)], " (the PEP: 5 %)"),
        words("the next target after a build", &later[0], " (the PEP: 9 %)"),
    ];
    let work = format!("downloads from a tree of {}", thousands(count));
    vec![Row { name: "refresh".to_owned(), work, sides: vec![side], notes, ..Row::default() }]
}
