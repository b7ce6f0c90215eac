//! The power goes: what was written and not made durable may be lost, or be there in part, names in any order. Replayed
//! from the calls of a run, for every prefix of them: clients verify what is left, no fixed name has two contents, and the
//! next run ends where an undisturbed one does.
//!
//! Without more, one kind of cut is tried at each call, in turn. `TUFFET_POWER=N` tries all of them, and N pseudo-random
//! ones beside.

use super::support::author::Author;
use super::support::calls::{Call, Op, calls_of};
use super::support::scenes::{Names, Scene, at};
use super::support::undurable::{Cut, Disk, Left};
use super::support::{Repo, clients};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tuffet::model::Sha256;

/// Replays a command, and cuts the power after each of its calls that changed something.
/// Without more, at one in `one_in` of them.
fn at_each_call(scene: &Scene, one_in: usize) {
    let random: Option<u64> = std::env::var("TUFFET_POWER").ok().map(|text| text.parse().unwrap());
    let repo = scene.copy();
    std::fs::remove_file(repo.path().join("pipeline.toml")).unwrap();
    let mut disk = Disk::of(repo.path());
    std::fs::copy(scene.base.path().join("pipeline.toml"), repo.path().join("pipeline.toml")).unwrap();
    let (ran, calls) = calls_of(&repo, &scene.args());
    ran.ok();
    let undisturbed = repo.all_targets();
    let (mut states, mut cuts, mut failed) = (BTreeSet::new(), 0, Vec::new());
    let mut seen = BTreeSet::new();
    let changing = calls.iter().filter(|call| call.op.changes() || call.op == Op::Open);
    for (number, call) in changing.enumerate() {
        disk.replay(call);
        let some = |seed: u64| Cut::Some(0x9e37_79b9_7f4a_7c15 ^ (seed << 32) ^ call.call as u64);
        let mut kinds = vec![Cut::Lost, Cut::Empty, Cut::Half, Cut::Latest, some(0)];
        match random {
            Some(random) => kinds.extend((1..random).map(some)),
            None if !number.is_multiple_of(one_in) => kinds.clear(),
            None => kinds = vec![kinds[number / one_in % kinds.len()]],
        }
        for cut in kinds {
            cuts += 1;
            let left = disk.after(cut);
            if states.insert(Sha256::of(format!("{left:?}").as_bytes()))
                && let Err(what) = survives(scene, &disk, &left, &undisturbed, &mut seen)
            {
                failed.push(format!(
                    "after call {} ({:?} {}), {cut:?}: {what}",
                    call.call,
                    call.op,
                    call.path.display()
                ));
            }
        }
    }
    // The replay is what happened: with everything there, it is the tree that the run left.
    disk.settle_all();
    let replayed = Repo::with_config("");
    std::fs::remove_file(replayed.path().join("pipeline.toml")).unwrap();
    std::fs::remove_dir(replayed.source()).unwrap();
    disk.put(&disk.after(Cut::Lost), replayed.path());
    assert_eq!(replayed.all_targets(), undisturbed, "the replay went elsewhere");
    println!(
        "{}: {} calls, {cuts} power cuts, {} different states, {} not survived",
        scene.name,
        calls.len(),
        states.len(),
        failed.len()
    );
    assert!(
        failed.is_empty(),
        "{} of {}:\n{}",
        failed.len(),
        states.len(),
        failed[..failed.len().min(30)].join("\n")
    );
}

fn survives(
    scene: &Scene,
    disk: &Disk,
    left: &Left,
    undisturbed: &BTreeMap<String, String>,
    seen: &mut BTreeSet<Vec<u8>>,
) -> Result<(), String> {
    let repo = Repo::with_config("");
    std::fs::remove_file(repo.path().join("pipeline.toml")).unwrap();
    std::fs::remove_dir(repo.source()).unwrap();
    disk.put(left, repo.path());
    std::fs::copy(scene.base.path().join("pipeline.toml"), repo.path().join("pipeline.toml")).unwrap();
    let mut names = Names::default();
    assert_eq!(names.changed(&scene.base), None);
    let mut check = |repo: &Repo, when: &str| {
        let timestamp = std::fs::read(repo.site().join("metadata/timestamp.json"));
        let Ok(timestamp) = timestamp else { return Err(format!("{when}: no timestamp")) };
        let verified = repo.run(&[&["verify"], &at(1)[..]].concat());
        if verified.code != 0 {
            return Err(format!("{when}: verify: {}{}", verified.stdout, verified.stderr));
        }
        if seen.len() < 20 && seen.insert(timestamp) {
            let work = repo.path().join("client");
            clients::python_tuf_verifies(&repo.site(), &work, &repo.all_targets())?;
        }
        Ok(())
    };
    check(&repo, "when the power is back")?;
    let again = scene.again(&repo);
    if again.code != 0 {
        return Err(format!("the next run: {again:?}"));
    }
    check(&repo, "after the next run")?;
    if repo.all_targets() != *undisturbed {
        return Err("the next run ends elsewhere".to_owned());
    }
    // What nobody was ever led to may have been lost; what was public before the run may not have changed.
    match names.changed(&repo) {
        Some(name) => Err(format!("{name} had other bytes before")),
        None => Ok(()),
    }
}

#[test]
fn a_build_survives_the_power_going_at_each_call() {
    at_each_call(&Scene::build(4, 2), 1);
}

#[test]
fn a_build_of_many_files_survives_the_power_going_at_each_call() {
    // More than are made durable one by one.
    at_each_call(&Scene::build(4, 30), 6);
}

#[test]
fn an_accept_survives_the_power_going_at_each_call() {
    at_each_call(&Scene::accept(), 1);
}

#[test]
fn an_apply_survives_the_power_going_at_each_call() {
    at_each_call(&Scene::apply(), 2);
}

#[test]
fn a_sweep_survives_the_power_going_at_each_call() {
    at_each_call(&Scene::sweep(), 1);
}

/// A folder is an entry of another one, and what lies in it is as durable as that.
#[test]
fn folders_of_what_must_not_be_lost_are_durable_themselves() {
    let init = Repo::with_config("[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n");
    let repo = super::authors::repository();
    let author = Author::known(11);
    let zip = author.sign("cheese", &["1.0"], None, &[]);
    let register = format!("cheese={}", author.keyid());
    let accept = ["project", "accept", zip.to_str().unwrap(), "--register", &register];
    let staged = |path: &Path| path.components().any(|part| part.as_os_str() == "staging");
    for (repo, args) in [(&init, &["init"][..]), (&repo, &accept)] {
        let (ran, calls) = calls_of(repo, args);
        ran.ok();
        let kept: Vec<&Path> = [".tuffet", "offline-keys"].iter().map(Path::new).collect();
        let is_kept = |path: &Path| {
            let below = path.strip_prefix(repo.path()).unwrap();
            kept.iter().any(|kept| below.starts_with(kept)) && !staged(below)
        };
        let made = calls.iter().enumerate().filter(|(_, one)| one.op == Op::Folder && is_kept(&one.path));
        let mut counted = 0;
        for (at, one) in made {
            let parent = one.path.parent().unwrap();
            let is_synced =
                |later: &Call| later.op == Op::SyncAll || later.op == Op::Sync && later.path == parent;
            assert!(
                calls[at..].iter().any(is_synced),
                "{args:?}: {} in {}",
                one.path.display(),
                parent.display()
            );
            counted += 1;
        }
        assert!(counted > 0, "{args:?}");
    }
}
