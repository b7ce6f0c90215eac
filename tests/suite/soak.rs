//! A soak: one repository to which everything happens that can happen to one, in an order drawn at random, while clients read
//! it without pause. After every event the tree verifies and holds what a model of it says; no reader sees an error.
//!
//! TUFFET_SOAK sets for how many seconds it goes on (default 15, and until every kind of event has had its turn),
//! TUFFET_SOAK_SEED what is drawn (default 1, or the time of day where TUFFET_SOAK is given).

mod authors;
mod ceremony;
mod readers;
mod source;
mod tally;
mod world;

use super::support::clients;
use super::support::nginx::Nginx;
use readers::{Fault, Readers};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};
use tally::Dice;
use tuffet::model::target_path::looks_hashed;
use world::World;

/// What can happen: its name, how often it is drawn in a round, and what does it.
type Kind = (&'static str, usize, fn(&mut World) -> String);

const KINDS: [Kind; 28] = [
    ("source: files added", 4, |world| in_source(world, World::add)),
    ("source: files removed", 3, |world| in_source(world, World::remove)),
    ("source: files brought back", 1, |world| in_source(world, World::bring_back)),
    ("source: a file replaced", 2, |world| in_source(world, World::replace)),
    ("build", 4, World::build),
    ("build --replace", 2, World::build_replacing),
    ("build --changed", 4, World::build_changed),
    ("build, kill -9", 3, World::build_killed),
    ("build, killed before a call", 3, World::build_stopped),
    ("two builds at once", 2, World::two_builds),
    ("build of a source that shrank", 1, World::shrink),
    ("accept, a registration", 2, World::register),
    ("accept, an adoption", 1, World::adopt_project),
    ("accept, a release", 4, World::release),
    ("accept, a member comes", 1, World::join),
    ("accept, a member's release", 2, World::member_releases),
    ("accept, a member goes", 1, World::leave),
    ("accept, tampered with", 2, World::tampered),
    ("accept, killed before a call", 2, World::accept_stopped),
    ("revoke", 1, World::revoke),
    ("rekey", 1, World::rekey),
    ("ceremony prepare", 2, World::prepare),
    ("ceremony prepare, online key", 1, World::rotate),
    ("ceremony sign", 2, World::sign),
    ("ceremony apply", 2, World::apply),
    ("ceremony abandon", 1, World::abandon),
    ("sweep", 2, World::sweep),
    ("sweep, killed before a call", 1, World::sweep_stopped),
];

/// The caches go now and then, at the end of a round.
const FORGETS: &str = "state without caches";

fn in_source(world: &mut World, change: fn(&mut World)) -> String {
    change(world);
    "done".to_owned()
}

#[test]
fn everything_happens_and_no_reader_sees_an_error() {
    let given = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seconds = given("TUFFET_SOAK");
    // Whoever has it go on for longer looks for something new; a change is not to fail for what is none of its own.
    let drawn = seconds.map_or(1, |_| SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs());
    let (seconds, seed) = (seconds.unwrap_or(15), given("TUFFET_SOAK_SEED").unwrap_or(drawn));
    println!("TUFFET_SOAK_SEED={seed}");
    let mut world = World::new(seed);
    world.check();
    let (site, root) = (world.repo.site(), world.aside("root.json"));
    std::fs::copy(site.join("metadata/1.root.json"), &root).unwrap();
    let nginx = Nginx::serve(&site, &world.aside("nginx"));
    // It knows the repository as it is now, and sleeps.
    let (sleeper, at_first) = (world.aside("sleeper"), world.repo.all_targets());
    clients::python_tuf_at(&nginx.base(), &site, &sleeper, &at_first);
    let readers = Readers::begin(&nginx, &root, &world.aside("readers"), seed);

    let (begun, mut rounds, mut excused) = (Instant::now(), 0_u64, BTreeMap::new());
    let is_over = |rounds| rounds > 0 && begun.elapsed() >= Duration::from_secs(seconds);
    while !is_over(rounds) {
        for kind in round(seed, rounds).into_iter().take_while(|_| !is_over(rounds)) {
            happen(&mut world, kind);
            judge(&world, readers.faults(), &mut excused);
        }
        rounds += 1;
    }
    // What killed runs left, and nothing leads to, goes with a sweep.
    happen(&mut world, ("build", 1, World::build));
    happen(&mut world, ("sweep", 1, World::sweep));
    let took = begun.elapsed();
    let (read, faults) = readers.end();
    judge(&world, faults, &mut excused);
    KINDS.iter().for_each(|(name, ..)| assert!(world.tally.times(name) > 0, "{name}"));

    world.repo.verify();
    let all = world.repo.all_targets();
    assert_eq!(clients::python_tuf_at(&nginx.base(), &site, &sleeper, &all), all.len() as u64);
    let missing = missing(&nginx.log());
    let events = world.steps;
    println!("{} s, {rounds} rounds, {events} events, {} files swept\n", took.as_secs(), world.tally.swept);
    println!(
        "{}\n| reader | {} |\n|---|---|---|---|---|---|---|",
        world.tally.table(),
        readers::COUNTED.join(" | ")
    );
    for (reader, counts) in &read {
        let counted = readers::COUNTED.map(|what| counts[what].to_string());
        println!("| {reader} | {} |", counted.join(" | "));
        assert!(counts["reads"] > 0 && counts["files"] > 0, "{reader} reads: {counts:?}");
    }
    println!("\nexcused of pip: {excused:?}; answered with 404: {missing:?}");
}

/// The events of a round: each kind as often as it is to be, in the first round once, in an order drawn at random.
fn round(seed: u64, round: u64) -> Vec<Kind> {
    let mut dice = Dice::of(seed, u64::MAX - round);
    let often = |times: usize| if round == 0 { 1 } else { times };
    let mut kinds: Vec<Kind> =
        KINDS.iter().flat_map(|kind| std::iter::repeat_n(*kind, often(kind.1))).collect();
    dice.shuffle(&mut kinds);
    if round.is_multiple_of(4) {
        kinds.insert(dice.below(kinds.len()), (FORGETS, 1, World::forget));
    }
    kinds
}

/// Has an event happen, and looks at what came of it.
fn happen(world: &mut World, (name, _, event): Kind) {
    let step = world.step();
    world.tally.begin(format!("#{step} {name}"));
    let came_to = event(world);
    world.tally.end(name, &came_to);
    world.check();
}

/// No reader may see an error, but for one: pip reads plain names, and where a file is replaced or goes between its request
/// for the page and the one for the file, it finds neither state as a whole. It is excused where that happened.
fn judge(world: &World, faults: Vec<Fault>, excused: &mut BTreeMap<&'static str, u64>) {
    for Fault { reader, project, began, ended, error } in faults {
        let name = project.as_deref().unwrap_or_default();
        let cause = race(&error).filter(|_| reader == "pip" && world.is_unsettled(name, began, ended));
        let Some(cause) = cause else { panic!("{reader}, {project:?}, {began:?} to {ended:?}:\n{error}") };
        *excused.entry(cause).or_default() += 1;
    }
}

/// What pip says where a plain name changed between two of its requests.
fn race(error: &str) -> Option<&'static str> {
    match error {
        _ if error.contains("DO NOT MATCH THE HASHES") => Some("a file was replaced after its page was read"),
        _ if error.contains("No matching distribution") || error.contains("404") => {
            Some("a page or file was gone after what names it was read")
        }
        _ => None,
    }
}

/// What was asked for and is not there, by kind. Only a root that is not there yet may be asked for in vain, and plain names.
fn missing(log: &str) -> BTreeMap<&'static str, u64> {
    let mut missing = BTreeMap::new();
    for line in log.lines() {
        let status = line.split("\" ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        let path = line.split(' ').nth(6).unwrap();
        assert!(["200", "304", "404"].contains(&status), "{line}");
        if status != "404" {
            continue;
        }
        let file = path.rsplit('/').next().unwrap();
        let kind = match path.starts_with("/metadata/") {
            true if file.ends_with(".root.json") => "the next root",
            false if !path.split('/').any(looks_hashed) => "a plain name",
            _ => panic!("what a timestamp leads to is not there: {line}"),
        };
        *missing.entry(kind).or_default() += 1;
    }
    missing
}
