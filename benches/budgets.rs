//! How long the worst ten megabytes take each parser, for which a second of a processor is allowed.
//!
//! `cargo bench --bench budgets` reads each several times, by turns with what hashes the same bytes, and prints the median
//! of both and their ratio; it fails where one takes longer than it may. What memory they take, a test sees to.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a measurement stops where something is not as it should be, and says what it found"
)]

#[path = "../tests/suite/support/deflated.rs"]
mod deflated;
#[path = "../tests/suite/support/monsters.rs"]
mod monsters;
#[allow(dead_code, reason = "the test of budgets has more use for it")]
#[path = "../tests/suite/support/parquets.rs"]
mod parquets;
#[allow(unreachable_pub, reason = "fuzz targets, which are another crate, share it")]
#[path = "../fuzz/src/lib.rs"]
mod parsers;
#[path = "../tests/suite/support/reading.rs"]
mod reading;
#[path = "../tests/suite/support/zips.rs"]
mod zips;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use tuffet::model::Sha256;

/// What a parser may take.
const SECONDS: f64 = 1.0;

/// How often each is read.
const ROUNDS: usize = 3;

/// What one parser took for the input that took it longest.
#[derive(Default)]
struct Worst {
    inputs: usize,
    seconds: f64,
    floor: f64,
    what: &'static str,
}

fn main() -> ExitCode {
    let folder = tempfile::tempdir().unwrap();
    let mut all: BTreeMap<&'static str, Worst> = BTreeMap::new();
    monsters::all(|(parser, what, bytes)| {
        let (seconds, floor) = measured(folder.path(), parser, &bytes);
        eprintln!("{parser}, {what}: {seconds:.3} s");
        let worst = all.entry(parser).or_default();
        worst.inputs += 1;
        if seconds >= worst.seconds {
            (worst.seconds, worst.floor, worst.what) = (seconds, floor, what);
        }
    });
    println!(
        "| parser | inputs | seconds at most | times hashing them | of what |\n|---|---:|---:|---:|---|"
    );
    for (parser, Worst { inputs, seconds, floor, what }) in &all {
        println!("| {parser} | {inputs} | {seconds:.2} | {:.1} | {what} |", seconds / floor);
    }
    let over = all.values().filter(|worst| worst.seconds > SECONDS).count();
    if over > 0 {
        eprintln!("{over} parsers took longer than {SECONDS} s of a processor");
    }
    if over > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What reading these bytes takes of processors, and what hashing them does, in seconds: medians.
fn measured(folder: &Path, parser: &str, bytes: &[u8]) -> (f64, f64) {
    let mut readings = Vec::new();
    let mut hashings = Vec::new();
    for _ in 0..ROUNDS {
        // Some readers want a name of their own, and move it.
        let path = folder.join("x");
        std::fs::write(&path, bytes).unwrap();
        readings.push(processors(|| drop(black_box(reading::read(parser, &path, bytes, parsers::run)))));
        hashings.push(processors(|| _ = black_box(Sha256::of(bytes))));
    }
    (median(readings), median(hashings))
}

/// What this takes of all processors, in seconds.
fn processors(work: impl FnOnce()) -> f64 {
    let now = || {
        let usage = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        usage.tv_sec as f64 + usage.tv_nsec as f64 / 1e9
    };
    let before = now();
    work();
    now() - before
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
