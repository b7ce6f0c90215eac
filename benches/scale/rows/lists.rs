//! The bins of a list, signed and written.

use super::{
    Durable, NO_PAGES, Row, bins, build, counts, fresh, is_good, python_creates, repository, thousands,
};
use crate::measure::{self, Side, Took};
use crate::{Wanted, inventory};
use std::path::Path;

pub(super) fn durable(wanted: &Wanted) -> Vec<Row> {
    let goals = ["8 times faster than python-tuf", "1.5 times the floor"];
    vec![lists(wanted, "durable", counts(wanted).0, Durable::Yes, &["floor", "python-tuf"], &goals)]
}

pub(super) fn bare(wanted: &Wanted) -> Vec<Row> {
    let goals = ["6 times faster than python-tuf tuned, 7 times faster than tough", "1.5 times the floor"];
    vec![lists(
        wanted,
        "bare",
        counts(wanted).0,
        Durable::No,
        &["floor", "python-tuf tuned", "tough"],
        &goals,
    )]
}

pub(super) fn all(wanted: &Wanted) -> Vec<Row> {
    let goals = ["1.5 times the floor", "2,560 MiB"];
    vec![lists(wanted, "all", counts(wanted).1, Durable::Yes, &["floor"], &goals)]
}

fn lists(
    wanted: &Wanted,
    name: &str,
    count: usize,
    durable: Durable,
    beside: &[&str],
    goals: &[&str],
) -> Row {
    let list = inventory::of(wanted, count);
    let mut sides = vec![Side::new("tuffet")];
    let beside: Vec<&str> = beside.iter().copied().filter(|_| wanted.peers.is_some()).collect();
    sides.extend(beside.iter().map(|name| Side::new(name)));
    for _ in 0..wanted.runs {
        measure::make_room(wanted);
        let folder = repository(wanted, "tuffet", "", NO_PAGES);
        sides[0].runs.push(build(&folder, &list, durable));
        is_good(&folder);
        measure::discard(wanted, &folder);
        for (side, peer) in sides[1..].iter_mut().zip(&beside) {
            side.runs.push(by_peer(wanted, peer, &list, count, durable));
        }
    }
    let waits = if durable == Durable::Yes { "durable" } else { "not waiting for the disk" };
    Row {
        name: name.to_owned(),
        work: format!("{} targets from a list, {waits}", thousands(count)),
        sides,
        goals: goals.iter().map(ToString::to_string).collect(),
        ..Row::default()
    }
}

/// python-tuf at its best, at fewer targets, beside all of them; scaled.
pub(super) fn all_tuned(wanted: &Wanted) -> Vec<Row> {
    if wanted.peers.is_none() {
        return Vec::new();
    }
    let (fewer, count) = (15_000_000, counts(wanted).1);
    let list = inventory::of(wanted, count);
    let mut sides = vec![Side::new("tuffet"), Side::new("python-tuf tuned, scaled")];
    for _ in 0..wanted.runs {
        measure::make_room(wanted);
        let folder = repository(wanted, "tuffet", "", NO_PAGES);
        sides[0].runs.push(build(&folder, &list, Durable::Yes));
        is_good(&folder);
        measure::discard(wanted, &folder);
        let took = by_peer(wanted, "python-tuf tuned", &list, fewer, Durable::No);
        let scale = count as f64 / fewer as f64;
        sides[1].runs.push(Took { wall: took.wall * scale, cpu: took.cpu * scale, ..took });
    }
    let work =
        format!("{} targets, durable; python-tuf at {}, not durable", thousands(count), thousands(fewer));
    let goals = vec!["8 times faster than python-tuf tuned".to_owned()];
    vec![Row { name: "all-tuned".to_owned(), work, sides, goals, ..Row::default() }]
}

/// The same by a peer, or by the floor: its own account of the work alone, without making room for it.
fn by_peer(wanted: &Wanted, peer: &str, list: &Path, count: usize, durable: Durable) -> Took {
    let peers = wanted.peers.as_ref().unwrap();
    let out = fresh(wanted, "peer");
    let (list, number) = (list.to_str().unwrap(), count.to_string());
    let site = out.join("site");
    let site = site.to_str().unwrap();
    measure::settle();
    let took = match peer {
        "floor" => {
            let sync = if durable == Durable::Yes { "syncfs" } else { "none" };
            let floor = |signer: &str| {
                let args = ["regen", "--inv", list, "--bin-order", "--reps", "1", "--out", site];
                let args = [&args[..], &["--signer", signer, "--sync", sync]].concat();
                let (took, said) = measure::run(&peers.join("limits"), &args, &out, "");
                Took { wall: floor_seconds(&said), ..took }
            };
            // Which of its signers is the faster depends on the processor.
            let (one, other) = (floor("aws"), floor("mb"));
            if one.wall <= other.wall { one } else { other }
        }
        "python-tuf" => python_creates(wanted, list, &number, site, &[], &out),
        "python-tuf tuned" => {
            let tuned = ["--jobs", "2", "--fast-canon", "--fast-write", "--gc-freeze"];
            python_creates(wanted, list, &number, site, &tuned, &out)
        }
        "tough" => {
            let args = ["create", "--inv", list, "--n", &number, "--bins", bins(wanted), "--out", site];
            let args = [&args[..], &["--jobs", "2"]].concat();
            measure::run(&peers.join("tough_peer"), &args, &out, "").0
        }
        other => panic!("{other} is no peer"),
    };
    measure::discard(wanted, &out);
    took
}

/// What the floor says that loading, ordering, signing and writing took.
fn floor_seconds(said: &str) -> f64 {
    let number = |text: &str, before: &str, after: &str| -> f64 {
        let from = text.find(before).unwrap_or_else(|| panic!("{before:?} in {text}")) + before.len();
        let to = text[from..].find(after).unwrap() + from;
        text[from..to].trim().parse().unwrap()
    };
    let of_line = |begins: &str| said.lines().find(|line| line.starts_with(begins)).unwrap();
    let loaded = of_line("inventory:");
    let order = of_line("partition:");
    number(&loaded[loaded.rfind(',').unwrap()..], ",", "s to load")
        + number(order, "path sha256", "s,")
        + number(order, "counting sort", "s,")
        + number(order, "sort in bins", "s (")
        + number(of_line("reorder"), "bin order:", "s")
        + number(of_line("regen"), "wall med", "s")
}
