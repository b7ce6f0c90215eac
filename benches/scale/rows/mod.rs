//! The comparisons: what is measured beside what, and what is hoped for.

use crate::measure::{self, Side, Took};
use crate::{Wanted, inventory};
use std::path::{Path, PathBuf};

/// What came of one comparison.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) work: String,
    /// tuffet first.
    pub(crate) sides: Vec<Side>,
    pub(crate) goals: Vec<String>,
}

/// How many bins all of these trees have.
fn bins(wanted: &Wanted) -> &'static str {
    if wanted.quick { "256" } else { "16384" }
}

/// Whether a process waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Durable {
    Yes,
    No,
}

/// Every row that is wanted and whose peers are there.
pub(crate) fn all(wanted: &Wanted) -> Vec<Row> {
    let (million, many) = if wanted.quick { (20_000, 40_000) } else { (1_000_000, 17_000_000) };
    let mut rows = Vec::new();
    if wanted.takes("durable") {
        rows.push(lists(wanted, "durable", million, Durable::Yes, &["floor", "python-tuf"]));
    }
    if wanted.takes("bare") {
        rows.push(lists(wanted, "bare", million, Durable::No, &["floor", "python-tuf tuned", "tough"]));
    }
    if wanted.takes("one") {
        rows.push(one_more(wanted, "one", million, true));
    }
    if wanted.takes("all") {
        rows.push(lists(wanted, "all", many, Durable::Yes, &["floor"]));
    }
    if wanted.takes("all-tuned") && !wanted.quick {
        rows.push(tuned_beside(wanted, 15_000_000, many));
    }
    if wanted.takes("one-of-all") {
        rows.push(one_more(wanted, "one-of-all", many, false));
    }
    rows
}

fn tuffet() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_tuffet"))
}

/// A new repository with no target yet.
fn repository(wanted: &Wanted, name: &str) -> PathBuf {
    let folder = wanted.dir.join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.join("dists")).unwrap();
    let config = format!(
        "[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n[bins]\ncount = {}\n[index]\nformats = []\n",
        bins(wanted)
    );
    std::fs::write(folder.join("pipeline.toml"), config).unwrap();
    measure::run(&tuffet(), &["init"], &folder, "");
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
fn verify(folder: &Path) {
    measure::run(&tuffet(), &["verify", "--metadata-only", "--quiet"], folder, "");
}

/// The bins of lists, signed and written.
fn lists(wanted: &Wanted, name: &'static str, count: usize, durable: Durable, beside: &[&str]) -> Row {
    let list = inventory::of(wanted, count);
    let mut sides = vec![Side::new("tuffet")];
    let beside: Vec<&str> = beside.iter().copied().filter(|_| wanted.peers.is_some()).collect();
    sides.extend(beside.iter().map(|name| Side::new(name)));
    for _ in 0..wanted.runs {
        let folder = repository(wanted, "tuffet");
        sides[0].runs.push(build(&folder, &list, durable));
        // The whole verifier holds a tree of a million in memory, and not one of seventeen.
        if count <= 1_000_000 {
            verify(&folder);
        }
        std::fs::remove_dir_all(folder).unwrap();
        for (side, peer) in sides[1..].iter_mut().zip(&beside) {
            side.runs.push(peer_lists(wanted, peer, &list, count, durable));
        }
    }
    let waits = if durable == Durable::Yes { "durable" } else { "not waiting for the disk" };
    let goals = match (name, count) {
        ("durable", _) => vec!["8 times faster than python-tuf".to_owned(), "1.5 times the floor".to_owned()],
        ("bare", _) => vec![
            "6 times faster than python-tuf tuned, 7 times faster than tough".to_owned(),
            "1.5 times the floor".to_owned(),
        ],
        _ => vec!["1.5 times the floor".to_owned(), "2,560 MiB".to_owned()],
    };
    Row { name, work: format!("{} targets from a list, {waits}", thousands(count)), sides, goals }
}

/// The same by a peer, or by the floor: its own account of the work alone, without making room for it.
fn peer_lists(wanted: &Wanted, peer: &str, list: &Path, count: usize, durable: Durable) -> Took {
    let peers = wanted.peers.as_ref().unwrap();
    let out = wanted.dir.join("peer");
    let _ = std::fs::remove_dir_all(&out);
    std::fs::create_dir_all(&out).unwrap();
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
        "python-tuf" => python_creates(peers, list, &number, site, &[], wanted, &out),
        "python-tuf tuned" => {
            let tuned = ["--jobs", "2", "--fast-canon", "--fast-write", "--gc-freeze"];
            python_creates(peers, list, &number, site, &tuned, wanted, &out)
        }
        "tough" => {
            let args = [
                "create",
                "--inv",
                list,
                "--n",
                &number,
                "--bins",
                bins(wanted),
                "--out",
                site,
                "--jobs",
                "2",
            ];
            measure::run(&peers.join("tough_peer"), &args, &out, "").0
        }
        other => panic!("{other} is no peer"),
    };
    std::fs::remove_dir_all(&out).unwrap();
    took
}

/// A tree by python-tuf.
fn python_creates(
    peers: &Path,
    list: &str,
    count: &str,
    site: &str,
    more: &[&str],
    wanted: &Wanted,
    folder: &Path,
) -> Took {
    let args = ["create", "--inv", list, "--n", count, "--bins", bins(wanted), "--out", site];
    python(peers, &[&args[..], more].concat(), folder)
}

fn python(peers: &Path, args: &[&str], folder: &Path) -> Took {
    let script = peers.join("peer_pytuf.py");
    measure::run(&peers.join("python"), &[&[script.to_str().unwrap()], args].concat(), folder, "").0
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

/// python-tuf at its best, at fewer targets, beside all of them; scaled.
fn tuned_beside(wanted: &Wanted, fewer: usize, count: usize) -> Row {
    let list = inventory::of(wanted, count);
    let mut sides = vec![Side::new("tuffet"), Side::new("python-tuf tuned, scaled")];
    for _ in 0..wanted.runs {
        let folder = repository(wanted, "tuffet");
        sides[0].runs.push(build(&folder, &list, Durable::Yes));
        std::fs::remove_dir_all(folder).unwrap();
        let took = peer_lists(wanted, "python-tuf tuned", &list, fewer, Durable::No);
        let scale = count as f64 / fewer as f64;
        sides[1].runs.push(Took { wall: took.wall * scale, cpu: took.cpu * scale, ..took });
    }
    Row {
        name: "all-tuned",
        work: format!(
            "{} targets, durable; python-tuf at {}, not durable",
            thousands(count),
            thousands(fewer)
        ),
        sides,
        goals: vec!["8 times faster than python-tuf tuned".to_owned()],
    }
}

/// One file more, in a tree that is there.
fn one_more(wanted: &Wanted, name: &'static str, count: usize, is_checked: bool) -> Row {
    let list = inventory::of(wanted, count);
    let folder = repository(wanted, "tuffet");
    build(&folder, &list, Durable::Yes);
    let mut sides = vec![Side::new("tuffet --changed")];
    let beside = wanted.peers.as_ref().filter(|_| is_checked);
    let out = wanted.dir.join("peer");
    if let Some(peers) = beside {
        sides.push(Side::new("python-tuf, one bin loaded"));
        let (list, number) = (list.to_str().unwrap(), count.to_string());
        let _ = std::fs::remove_dir_all(&out);
        std::fs::create_dir_all(&out).unwrap();
        python_creates(peers, list, &number, "site", &[], wanted, &out);
    }
    // The first run of either finds caches cold.
    for number in 0..=wanted.runs.max(5) {
        let file = format!("newcomer_{number}-1.0-py3-none-any.whl");
        std::fs::write(folder.join("dists").join(&file), format!("the bytes of {file}")).unwrap();
        measure::settle();
        let took = measure::run(&tuffet(), &["build", "--quiet", "--changed", "-"], &folder, &file).0;
        if number > 0 {
            sides[0].runs.push(took);
        }
        if let Some(peers) = beside {
            let change = format!("simple/newcomer/{file}");
            measure::settle();
            let took = python(peers, &["update", "--out", "site", "--change", &change], &out);
            if number > 0 {
                sides[1].runs.push(took);
            }
        }
    }
    if is_checked {
        verify(&folder);
    }
    std::fs::remove_dir_all(folder).unwrap();
    let _ = std::fs::remove_dir_all(&out);
    let goal = if name == "one" { "25 ms; python-tuf 12 times slower" } else { "40 ms" };
    Row {
        name,
        work: format!("one file more in a tree of {}, durable", thousands(count)),
        sides,
        goals: vec![goal.to_owned()],
    }
}

fn thousands(count: usize) -> String {
    match count {
        count if count % 1_000_000 == 0 => format!("{} M", count / 1_000_000),
        count => format!("{} k", count / 1000),
    }
}
