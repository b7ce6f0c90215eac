//! Each call of the file system goes wrong, one at a time, in each way that such a call can: afterwards clients verify, no
//! fixed name has two contents, and the same command, run again, ends where an undisturbed one does.
//!
//! Without more, each call that changes something goes wrong in one of its ways, in turn, and so does every fourth of the
//! others. `TUFFET_FAULTS=all` has every call go wrong in every way, and prints the table that stands in
//! `docs/reliability.md`.

use super::support::calls::{Call, calls_of, with_fault};
use super::support::repo::Ran;
use super::support::scenes::{Names, Scene, at};
use super::support::{Repo, clients, files_below};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::process::ExitStatusExt as _;

/// So many timestamps of a scene are shown to python-tuf.
const CLIENTS: usize = 20;

/// What a command is to end in, and what was counted on the way.
struct Trials<'a> {
    scene: &'a Scene,
    targets: BTreeMap<String, String>,
    /// For a sweep, which gives nobody anything else to see.
    files: Vec<String>,
    names: Names,
    /// Timestamps that a client was led by already.
    seen: BTreeSet<Vec<u8>>,
    rows: BTreeMap<(&'static str, &'static str), Row>,
    failed: Vec<String>,
}

#[derive(Default)]
struct Row {
    tried: usize,
    /// The run ended well all the same.
    unharmed: usize,
    /// The run said what went wrong.
    said: usize,
    /// It was killed.
    killed: usize,
    /// What was left, or the next run, was not as it is to be.
    lost: usize,
}

/// Every way in which a call can go wrong, or one of them.
fn faults(call: &Call, all: bool) -> Vec<&'static str> {
    let faults = call.op.faults();
    if all {
        return faults.to_vec();
    }
    if !call.op.changes() && !call.call.is_multiple_of(4) {
        return Vec::new();
    }
    // What stops a run has a turn as often as all errors together.
    let (stops, errors): (Vec<_>, Vec<_>) =
        faults.iter().partition(|fault| matches!(**fault, "stop" | "torn"));
    let turn = call.call / 2;
    match stops.is_empty() || call.call.is_multiple_of(2) {
        true => vec![errors[turn % errors.len()]],
        false => vec![stops[turn % stops.len()]],
    }
}

impl<'a> Trials<'a> {
    fn of(scene: &'a Scene) -> Self {
        let undisturbed = scene.undisturbed();
        let mut names = Names::default();
        assert_eq!(names.changed(&scene.base), None);
        Self {
            scene,
            targets: undisturbed.all_targets(),
            files: files_below(&undisturbed.site()),
            names,
            seen: BTreeSet::new(),
            rows: BTreeMap::new(),
            failed: Vec::new(),
        }
    }

    fn try_one(&mut self, call: &Call, kind: &'static str) {
        let repo = self.scene.copy();
        let output = with_fault(&repo, &self.scene.args(), call.call, kind);
        let signal = output.status.signal();
        let ran = Ran::of(output);
        let row = self.rows.entry((call.op.group(), kind)).or_default();
        row.tried += 1;
        match (signal, ran.code) {
            (Some(_), _) => row.killed += 1,
            (None, 0) => row.unharmed += 1,
            (None, _) => row.said += 1,
        }
        if let Err(what) = self.judge(&repo, signal, &ran) {
            let (op, path) = (call.op, call.path.strip_prefix(self.scene.base.path()).unwrap_or(&call.path));
            self.rows.entry((call.op.group(), kind)).or_default().lost += 1;
            self.failed.push(format!("call {} ({op:?} {}): {kind}: {what}", call.call, path.display()));
        }
    }

    fn judge(&mut self, repo: &Repo, signal: Option<i32>, ran: &Ran) -> Result<(), String> {
        match signal {
            Some(9) => {}
            Some(signal) => return Err(format!("it was killed by signal {signal}: {ran:?}")),
            None if ran.code == 101 || ran.stderr.contains("panicked") => {
                return Err(format!("panic: {ran:?}"));
            }
            None if ran.code != 0 && !ran.stderr.contains("cannot") => {
                return Err(format!("it says: {ran:?}"));
            }
            None => {}
        }
        let mut names = self.names.clone();
        self.check(repo, &mut names, "after it")?;
        let again = self.scene.again(repo);
        if again.code != 0 {
            return Err(format!("the next run: {again:?}, after {ran:?}"));
        }
        self.check(repo, &mut names, "after the next run")?;
        if repo.all_targets() != self.targets {
            return Err("the next run ends elsewhere".to_owned());
        }
        if self.scene.name == "sweep" && files_below(&repo.site()) != self.files {
            return Err("the next sweep leaves other files".to_owned());
        }
        Ok(())
    }

    /// What holds at any time: a client gets what the timestamp leads to, and no fixed name has changed.
    fn check(&mut self, repo: &Repo, names: &mut Names, when: &str) -> Result<(), String> {
        let Ok(timestamp) = std::fs::read(repo.site().join("metadata/timestamp.json")) else {
            // Nothing was ever published, and nobody was promised anything.
            return if self.scene.name == "build --init" {
                Ok(())
            } else {
                Err(format!("{when}: no timestamp"))
            };
        };
        let verified = repo.run(&[&["verify"], &at(1)[..]].concat());
        if verified.code != 0 {
            return Err(format!("{when}: verify: {}{}", verified.stdout, verified.stderr));
        }
        if let Some(name) = names.changed(repo) {
            return Err(format!("{when}: {name} had other bytes before"));
        }
        // What verify accepts python-tuf is asked about once for each timestamp, and keys that are drawn anew make many.
        if self.seen.len() < CLIENTS && self.seen.insert(timestamp) {
            let work = repo.path().join("client");
            let targets = repo.all_targets();
            clients::python_tuf_verifies(&repo.site(), &work, &targets)
                .map_err(|said| format!("{when}: python-tuf: {said}"))?;
        }
        Ok(())
    }
}

/// Without more, `one_in` so many of those that have a turn.
fn at_each_call(scene: &Scene, least: usize, one_in: usize) {
    let all = std::env::var("TUFFET_FAULTS").is_ok_and(|value| value == "all");
    let (ran, calls) = calls_of(&scene.copy(), &scene.args());
    ran.ok();
    assert!(calls.len() >= least, "{}: only {} calls were seen", scene.name, calls.len());
    let mut trials = Trials::of(scene);
    let chosen = calls.iter().flat_map(|call| faults(call, all).into_iter().map(move |kind| (call, kind)));
    for (call, kind) in chosen.step_by(if all { 1 } else { one_in }) {
        trials.try_one(call, kind);
    }
    println!("\n`{}`: {} calls", scene.name, calls.len());
    println!(
        "| calls | fault | tried | survived | ended well | said so | killed |\n|---|---|---|---|---|---|---|"
    );
    let (mut tried, failed) = (0, trials.failed.len());
    for ((group, kind), row) in &trials.rows {
        let Row { tried: of, unharmed, said, killed, lost } = row;
        println!("| {group} | {kind} | {of} | {} | {unharmed} | {said} | {killed} |", of - lost);
        tried += of;
    }
    println!("{}: {tried} faults, {failed} not survived", scene.name);
    assert!(
        trials.failed.is_empty(),
        "{} of {tried}:\n{}",
        failed,
        trials.failed[..failed.min(40)].join("\n")
    );
}

#[test]
fn a_first_build_survives_a_fault_at_each_call() {
    at_each_call(&Scene::first_build(), 200, 5);
}

#[test]
fn a_build_survives_a_fault_at_each_call() {
    at_each_call(&Scene::build(4, 2), 200, 1);
}

#[test]
fn an_accept_survives_a_fault_at_each_call() {
    at_each_call(&Scene::accept(), 200, 1);
}

#[test]
fn an_apply_survives_a_fault_at_each_call() {
    at_each_call(&Scene::apply(), 200, 2);
}

#[test]
fn a_sweep_survives_a_fault_at_each_call() {
    at_each_call(&Scene::sweep(), 50, 1);
}
