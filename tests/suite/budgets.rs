//! What ten hostile megabytes may cost: each parser reads them in a process of its own, in no more than a second of a
//! processor and 500 MB. The table is printed; `docs/reliability.md` has it.

use super::fuzzed::parsers;
use super::support::monsters::{self, Monster};
use std::path::{Path, PathBuf};
use std::process::Command;
use tuffet::disk::memory;
use tuffet::keys::pem;
use tuffet::model::{
    BinCount, BinFile, Compression, Envelope, Root, Snapshot, SnapshotFile, Targets, Timestamp, page,
};
use tuffet::pipeline::inspect::inspect;
use tuffet::pipeline::inventory::{self, Names};
use tuffet::report::Silent;

/// What a parser may take.
const SECONDS: f64 = 1.0;
const MEGABYTES: f64 = 500.0;

/// So many times slower may the tests' own build be, which is not optimised as much as what users run, and checks every
/// number for overflow. Measured over the rows that take longest: 2.0 times; the rest is for machines that are slower.
const SLOWER: f64 = if cfg!(debug_assertions) { 2.5 } else { 1.0 };

const PARSER: &str = "TUFFET_TEST_PARSER";
const FILE: &str = "TUFFET_TEST_FILE";

#[test]
fn no_ten_megabytes_take_a_second_or_half_a_gigabyte() {
    let folder = tempfile::tempdir().unwrap();
    let mut broken = Vec::new();
    println!(
        "| parser | what is the matter | MB | seconds | memory, MB | verdict |\n|---|---|---:|---:|---:|---|"
    );
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
        let mut cells = cost.splitn(3, ' ');
        let (seconds, memory): (f64, f64) =
            (cells.next().unwrap().parse().unwrap(), cells.next().unwrap().parse().unwrap());
        let verdict: String = cells.next().unwrap_or_default().chars().take(120).collect();
        println!("| {parser} | {what} | {megabytes:.1} | {seconds:.2} | {memory:.0} | {verdict} |");
        if seconds > SECONDS * SLOWER || memory > MEGABYTES {
            broken.push(format!("{parser}, {what}: {seconds:.2} s, {memory:.0} MB"));
        }
    });
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Runs in a child of the test above.
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
    limit(rustix::process::Resource::Cpu, 60);
    let path = PathBuf::from(file);
    let bytes = std::fs::read(&path).unwrap();
    memory::forget_peak();
    let before = processor_seconds();
    let verdict = parse(&parser, &path, &bytes);
    let seconds = processor_seconds() - before;
    let peak = memory::resident().unwrap().peak as f64 / 1e6;
    let verdict = verdict.map_or_else(|why| why.replace(['\n', '|'], " "), |()| "taken".to_owned());
    println!("cost: {seconds:.2} {peak:.0} {verdict}");
}

/// What this process took of processors until now: `man 5 proc_pid_stat`, in hundredths.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap());
    ticks.sum::<f64>() / 100.0
}

/// One reading, by the nearest way in.
fn parse(parser: &str, path: &Path, bytes: &[u8]) -> Result<(), String> {
    let text = || std::str::from_utf8(bytes).unwrap();
    let as_file = |name: &str| {
        let to = path.with_file_name(name);
        std::fs::rename(path, &to).unwrap();
        to
    };
    fn done<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<(), String> {
        result.map(drop).map_err(|e| e.to_string())
    }
    match parser {
        "root" => done(Envelope::<Root>::parse(bytes)),
        "targets" => done(Envelope::<Targets>::parse(bytes)),
        "timestamp" => done(Envelope::<Timestamp>::parse(bytes)),
        "snapshot" => done(Envelope::<Snapshot>::parse(bytes)),
        "bin" => done(BinFile::parse(bytes).ok_or("another form")),
        "snapshot-file" => done(SnapshotFile::parse(bytes.to_vec()).ok_or("another form")),
        "page-html" => {
            let _ = page::html(bytes);
            Ok(())
        }
        "page-json" => done(page::json(bytes)),
        "inventory-text" | "inventory-parquet" => {
            done(inventory::read(&[path.to_owned()], Names::Distributions, &Silent))
        }
        "inventory-at-once" => {
            let (paths, bins) = ([path.to_owned()], BinCount::for_targets(0));
            done(inventory::catalogue(&paths, Names::Distributions, bins, &Silent))
        }
        "wheel" | "sdist" => {
            let name = if parser == "wheel" { "x-1.0-py3-none-any.whl" } else { "x-1.0.tar.gz" };
            let (facts, _) = inspect(&as_file(name), name).map_err(|e| e.to_string())?;
            facts.broken.map_or(Ok(()), Err)
        }
        "submission" => done(tuffet::submission::Submission::open(path)),
        "ceremony" => done(tuffet::ceremony::Ceremony::read(path)),
        "joining" => done(tuffet::submission::Joining::read(path)),
        "ledger" => done(tuffet::ceremony::Ledger::read(path)),
        "key-file" => done(pem::read(text())),
        "public-key" => {
            done(pem::public(text()).ok_or("no public key").and_then(|key| key.map_err(|_| "no public key")))
        }
        "copies" => {
            let unpacked =
                Compression::ALL.map(|form| form.decompress(bytes, 4 * monsters::SIZE + (1 << 20)).is_some());
            if unpacked.contains(&true) { Ok(()) } else { Err("it is none, or holds more".to_owned()) }
        }
        // These judge nothing but themselves, and read once.
        other => {
            parsers::run(other, bytes);
            Ok(())
        }
    }
}
