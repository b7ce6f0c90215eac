//! What ten hostile megabytes may cost: each parser reads them in a process of its own and no more than 500 MB, and comes
//! to an end. How long that takes is measured elsewhere, by `benches/budgets.rs`.

use super::fuzzed::parsers;
use super::support::monsters::{self, Monster};
use super::support::{parquets, reading};
use std::path::PathBuf;
use std::process::Command;
use tuffet::disk::memory;
use tuffet::pipeline::inventory::{self, Names};
use tuffet::report::Silent;

/// What a parser may take.
const MEGABYTES: f64 = 500.0;

/// After so many seconds of a processor the kernel ends it: no machine is that slow, and what takes twice as long for each
/// byte more gets there.
const NO_END: u64 = 20;

const PARSER: &str = "TUFFET_TEST_PARSER";
const FILE: &str = "TUFFET_TEST_FILE";

#[test]
fn no_ten_megabytes_take_half_a_gigabyte_or_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let mut broken = Vec::new();
    println!("| parser | what is the matter | MB | memory, MB | verdict |\n|---|---|---:|---:|---|");
    monsters::all(|(parser, what, bytes): Monster| {
        let file = folder.path().join("x");
        std::fs::write(&file, &bytes).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["budgets::one_parser", "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
        let output = child.env(PARSER, parser).env(FILE, &file).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.split_once("cost: ").map(|(_, cost)| cost.to_owned()));
        let megabytes = bytes.len() as f64 / 1e6;
        let Some(cost) = line else {
            broken.push(format!("{parser}, {what}: {:?}", output.status));
            println!("| {parser} | {what} | {megabytes:.1} | it ended: {} |", output.status);
            return;
        };
        let (memory, verdict) = cost.split_once(' ').unwrap();
        let memory: f64 = memory.parse().unwrap();
        let verdict: String = verdict.chars().take(120).collect();
        println!("| {parser} | {what} | {megabytes:.1} | {memory:.0} | {verdict} |");
        if memory > MEGABYTES {
            broken.push(format!("{parser}, {what}: {memory:.0} MB"));
        }
    });
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Files that are made by hand fail for what is the matter with them, and not for how they are made.
#[test]
fn what_is_made_by_hand_is_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.parquet");
    let read = |bytes: Vec<u8>| {
        std::fs::write(&path, bytes).unwrap();
        inventory::read(std::slice::from_ref(&path), Names::Targets, &Silent)
    };
    for bytes in parquets::sound() {
        let error = read(bytes).map(drop).unwrap_err().to_string();
        assert!(error.contains("there is no column path or filename"), "{error}");
    }
    for (bytes, name) in parquets::packed_otherwise().into_iter().zip(["LZO", "Brotli", "LZ4 as Hadoop"]) {
        let error = read(bytes).map(drop).unwrap_err().to_string();
        assert!(error.contains(&format!("it is packed with {name}")), "{error}");
        assert!(error.contains("write it with Zstandard"), "{error}");
    }
    for bytes in parquets::of_two_rows() {
        let read = read(bytes);
        // Of neither the size is a number.
        assert!(matches!(read, Err(inventory::Error::Empty { rows: 2 })), "{read:?}");
    }
}

/// Runs in a child of the first test.
#[test]
#[ignore = "the test of budgets runs it, for one parser at a time"]
fn one_parser() {
    let (Ok(parser), Some(file)) = (std::env::var(PARSER), std::env::var_os(FILE)) else { return };
    // Whatever goes wrong ends the child and not the machine.
    let limit = |resource, most| {
        let limit = rustix::process::Rlimit { current: Some(most), maximum: Some(most) };
        rustix::process::setrlimit(resource, limit).unwrap();
    };
    limit(rustix::process::Resource::As, 4 << 30);
    limit(rustix::process::Resource::Cpu, NO_END);
    let path = PathBuf::from(file);
    let bytes = std::fs::read(&path).unwrap();
    memory::forget_peak();
    let verdict = reading::read(&parser, &path, &bytes, parsers::run);
    let peak = memory::resident().unwrap().peak as f64 / 1e6;
    let verdict = verdict.map_or_else(|why| why.replace(['\n', '|'], " "), |()| "taken".to_owned());
    println!("cost: {peak:.0} {verdict}");
}
