//! Two at once: one of them waits, or says that the other is at work, and what comes of it is what one after the other
//! gives.

use super::support::author::{Author, wheel};
use super::support::scenes::Scene;
use super::support::{Ran, Repo, clients};
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;

/// Starts a command that stays at work for as long as the lock is wanted: its own is taken first.
fn begin(repo: &Repo, args: &[&str]) -> Child {
    repo.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> Ran {
    Ran::of(child.wait_with_output().unwrap())
}

/// Both commands at once, as often as it takes for each to have been the first; either of them does its work, or says
/// that the other is at work.
fn at_once(scene: impl Fn() -> Scene, other: &[&str], is_serial: impl Fn(&Repo, &Ran, &Ran)) {
    let scene = scene();
    let mut ways: BTreeMap<(i32, i32), usize> = BTreeMap::new();
    for round in 0..12 {
        let repo = scene.copy();
        let (first, second) = if round % 2 == 0 {
            let first = begin(&repo, &scene.args());
            (first, begin(&repo, other))
        } else {
            let second = begin(&repo, other);
            (begin(&repo, &scene.args()), second)
        };
        let (first, second) = (end(first), end(second));
        for ran in [&first, &second] {
            assert!([0, 75].contains(&ran.code), "{ran:?}");
            assert!(ran.code == 0 || ran.stderr.contains("another run holds the lock"), "{ran:?}");
        }
        assert!(first.code == 0 || second.code == 0, "somebody does the work: {first:?} {second:?}");
        *ways.entry((first.code, second.code)).or_default() += 1;
        repo.verify();
        is_serial(&repo, &first, &second);
        clients::python_tuf(&repo.site(), &repo.path().join("client"), &repo.all_targets());
    }
    println!("{} and {}: (exit codes) times: {ways:?}", scene.args.join(" "), other.join(" "));
}

#[test]
fn two_builds() {
    let undisturbed = Scene::build(10, 5).undisturbed().all_targets();
    at_once(
        || Scene::build(10, 5),
        &["build", "--allow-removals", "--replace", "p1-1.0-py3-none-any.whl"],
        |repo, _, _| assert_eq!(repo.all_targets(), undisturbed),
    );
}

#[test]
fn a_build_and_a_sweep() {
    let undisturbed = Scene::build(10, 5).undisturbed().all_targets();
    at_once(
        || Scene::build(10, 5),
        &["sweep"],
        |repo, build, _| {
            if build.code == 0 {
                assert_eq!(repo.all_targets(), undisturbed);
            }
        },
    );
}

#[test]
fn an_accept_and_a_build() {
    let undisturbed = Scene::accept().undisturbed().all_targets();
    at_once(Scene::accept, &["build"], |repo, accept, _| {
        if accept.code == 0 {
            assert_eq!(repo.all_targets(), undisturbed);
        }
    });
}

#[test]
fn who_waits_does_its_work_after_the_other() {
    let scene = Scene::build(10, 5);
    let repo = scene.copy();
    let undisturbed = scene.undisturbed().all_targets();
    // Whoever comes first, the build has been done when both have ended.
    let args = [&scene.args()[..], &["--wait"]].concat();
    let children: Vec<Child> = (0..4).map(|_| begin(&repo, &args)).collect();
    children.into_iter().for_each(|child| _ = end(child).ok());
    repo.verify();
    assert_eq!(repo.all_targets(), undisturbed);
}

/// Waits until a file says that something has begun.
fn size(repo: &Repo, name: &str) -> u64 {
    std::fs::metadata(repo.source().join(name)).map_or(0, |found| found.len())
}

/// A source that rsync is writing while builds run: nothing is published that was not a whole file, and once rsync has
/// ended, a build publishes just what is there.
fn while_rsync_writes(targets: &str, inplace: bool) {
    let config = format!(
        "[source]\npath = \"dists\"\n[site]\ntargets = \"{targets}\"\n[keys]\ninsecure_plain = true\n[index]\nformats = []\n"
    );
    let repo = Repo::with_config(&config);
    let upstream = tempfile::TempDir::new().unwrap();
    // Each version of the mirror's upstream has other bytes under some names: large enough to be seen half written.
    let write = |number: usize, version: usize| {
        let path = upstream.path().join(format!("p{number}-1.0-py3-none-any.whl"));
        let bytes = vec![u8::try_from(b'a' as usize + version).unwrap(); 3_000_000 + number];
        std::fs::write(&path, &bytes).unwrap();
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - std::time::Duration::from_secs(7200 - 60 * version as u64))
            .unwrap();
    };
    (0..6).for_each(|number| write(number, 0));
    let rsync = |slow: bool| {
        let mut command = Command::new("rsync");
        command.arg("-a");
        command.args(inplace.then_some("--inplace")).args(slow.then_some("--bwlimit=20000"));
        command.arg(format!("{}/", upstream.path().display())).arg(repo.source());
        command
    };
    clients::run(&mut rsync(false), "rsync, from Debian");
    repo.run(&["build", "--init"]).ok();
    let whole = |number: usize, version: usize| {
        let bytes = vec![u8::try_from(b'a' as usize + version).unwrap(); 3_000_000 + number];
        tuffet::model::Sha256::of(&bytes).to_string()
    };
    let mut during = 0;
    for version in 1..3 {
        let replaced: Vec<String> = (0..3).map(|number| format!("p{number}-1.0-py3-none-any.whl")).collect();
        (0..3).for_each(|number| write(number, version));
        (version * 10..version * 10 + 3).for_each(|number| write(number, version));
        let mut writing = rsync(true).spawn().unwrap();
        let mut args = vec!["build"];
        replaced.iter().for_each(|name| args.extend(["--replace", name]));
        while writing.try_wait().unwrap().is_none() {
            let ran = repo.run(&args);
            // A name that rsync has not made yet cannot be replaced; no other failure is excused.
            assert!(ran.code == 0 || ran.stderr.contains("there is no such file in the source"), "{ran:?}");
            during += 1;
            let known = |path: &str, sha256: &str| {
                let number: usize = path.split(['/', '-']).nth(1).unwrap()[1..].parse().unwrap();
                (0..3).any(|version| whole(number, version) == *sha256)
            };
            if targets == "copy" || !inplace {
                for (path, sha256) in repo.targets() {
                    assert!(known(&path, &sha256), "{path} was published half written");
                }
                let verified = repo.run(&["verify"]);
                assert_eq!(verified.code, 0, "{}", verified.stdout);
            }
        }
        assert!(writing.wait().unwrap().success());
        repo.run(&args).ok();
        let targets = repo.targets();
        for number in (0..3).chain(version * 10..version * 10 + 3) {
            let path = format!("packages/p{number}/p{number}-1.0-py3-none-any.whl");
            assert!(size(&repo, path.rsplit('/').next().unwrap()) > 0);
            assert_eq!(targets.get(&path), Some(&whole(number, version)), "{path}");
        }
        let verified = repo.run(&["verify"]);
        assert_eq!(verified.code, 0, "{}", verified.stdout);
        clients::python_tuf(&repo.site(), &repo.path().join("client"), &targets);
    }
    println!("targets = {targets}, inplace: {inplace}: {during} builds while rsync wrote");
    assert!(during >= 4, "only {during} builds ran while rsync wrote");
}

#[test]
fn a_build_on_a_source_that_rsync_writes_copied() {
    while_rsync_writes("copy", false);
}

#[test]
fn a_build_on_a_source_that_rsync_writes_in_place_copied() {
    while_rsync_writes("copy", true);
}

#[test]
fn a_build_on_a_source_that_rsync_writes_linked() {
    while_rsync_writes("hardlink", false);
}

#[test]
fn a_build_on_a_source_that_rsync_writes_in_place_linked() {
    while_rsync_writes("hardlink", true);
}

/// Locks, as they are found after a run that was killed, and on a disk that another machine shares.
#[test]
fn the_lock_of_a_dead_process_and_of_another_machine_are_told_apart() {
    let repo = Repo::published(3);
    let lock = repo.path().join(".tuffet/lock");
    assert_eq!(std::fs::read(&lock).unwrap(), b"", "a run that ended has given it back");
    // A run that is killed while it holds it.
    let mut held = repo.command(&["build", "--changed", "-"]);
    held.env("TUFFET_FAULT", "60:stop").env("RAYON_NUM_THREADS", "1");
    let killed = held.stdin(Stdio::null()).output().unwrap();
    assert!(killed.status.code().is_none(), "{killed:?}");
    let left = std::fs::read_to_string(&lock).unwrap();
    assert!(left.contains("\"process\""), "{left:?}");
    repo.build(&[]);
    // Another machine's: no kernel of this one's ever saw it.
    let elsewhere = r#"{"process":4711,"host":"build-7","boot":"6d1b","machine":"c0ffee"}"#;
    std::fs::write(&lock, elsewhere).unwrap();
    for args in [&["build"][..], &["build", "--wait"], &["sweep"]] {
        let ran = repo.run(args);
        assert_eq!(ran.code, 75, "{ran:?}");
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            said.contains("process 4711 on build-7, which is another machine, and not given back"),
            "{said}"
        );
        assert!(said.contains("if it is not, remove the file"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&lock).unwrap(), elsewhere);
    std::fs::remove_file(&lock).unwrap();
    repo.build(&[]);
}

#[test]
fn authors_sign_while_the_index_builds() {
    // What an author reads meanwhile is one of the states that were published.
    let repo = Repo::published(10);
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    for number in 0..4 {
        let (name, bytes) = wheel("milk", &format!("{number}.0"));
        repo.add(&name, &bytes);
        let build = begin(&repo, &["build"]);
        let zip = author.sign("cheese", &[&format!("2.{number}")], Some(&repo), &[]);
        end(build).ok();
        repo.accept(&[&zip], &[]);
        repo.verify();
    }
}
