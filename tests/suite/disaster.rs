//! No run publishes a disaster, and no two run at once.

use super::support::{Repo, snapshot_of};
use std::time::Duration;

#[test]
fn a_source_that_is_empty_missing_or_a_fifth_smaller_stops_the_build() {
    type Damage = fn(&Repo);
    let table: [(&str, Damage, &str); 3] = [
        ("missing", |repo| std::fs::rename(repo.source(), repo.path().join("away")).unwrap(), "not there"),
        (
            "empty",
            |repo| {
                std::fs::remove_dir_all(repo.source()).unwrap();
                std::fs::create_dir(repo.source()).unwrap();
            },
            "--allow-removals",
        ),
        (
            "a fifth gone",
            |repo| (0..4).for_each(|n| repo.remove(&format!("p{n}-1.0-py3-none-any.whl"))),
            "4 of 20",
        ),
    ];
    for (what, damage, said) in table {
        let repo = Repo::published(20);
        damage(&repo);
        let before = snapshot_of(&repo.site());
        let ran = repo.run(&["build"]);
        assert_eq!(ran.code, 4, "{what}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{what}: {}", ran.stderr);
        assert_eq!(snapshot_of(&repo.site()), before, "{what}");
    }
}

#[test]
fn removals_may_be_allowed_but_a_missing_source_never() {
    let repo = Repo::published(20);
    (0..4).for_each(|n| repo.remove(&format!("p{n}-1.0-py3-none-any.whl")));
    assert_eq!(repo.build(&["--allow-removals"])["files"]["removed"], 4);
    std::fs::remove_dir_all(repo.source()).unwrap();
    assert_eq!(repo.run(&["build", "--allow-removals"]).code, 4);
    std::fs::create_dir(repo.source()).unwrap();
    assert_eq!(repo.build(&["--allow-removals"])["files"]["removed"], 16);
    repo.verify();
}

#[test]
fn a_second_run_at_the_same_time_gives_up_or_waits() {
    let repo = Repo::published(3);
    repo.add_wheel(8);
    let state = tuffet::state::State::new(&repo.path().join(".tuffet"));
    let lock = state.lock(tuffet::disk::lock::WhenHeld::GiveUp).expect("nobody holds it");
    for command in [&["build"][..], &["sweep"], &["build", "--dry-run"]] {
        let ran = repo.run(command);
        assert_eq!(ran.code, 75, "{command:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("lock"), "{}", ran.stderr);
    }
    let mut waiting = repo.command(&["build", "--wait"]).stdout(std::process::Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert!(waiting.try_wait().unwrap().is_none(), "it waits as long as the lock is held");
    drop(lock);
    assert!(waiting.wait().unwrap().success());
    assert_eq!(repo.targets().len(), 4);
}

#[test]
fn the_lock_of_a_dead_process_is_no_lock() {
    let repo = Repo::published(3);
    let mut holder = std::process::Command::new("flock");
    holder.arg(repo.path().join(".tuffet/lock")).args(["sleep", "60"]);
    let mut holder = holder.spawn().expect("this test needs flock, from util-linux");
    while repo.run(&["build", "--dry-run"]).code != 75 {
        assert!(holder.try_wait().unwrap().is_none());
    }
    // flock hands its lock to the process it started, and waits for that: it must die.
    let kill = || {
        let mut pkill = std::process::Command::new("pkill");
        pkill.args(["-KILL", "-P", &holder.id().to_string()]);
        pkill.status().expect("this test needs pkill, from procps")
    };
    // It has the lock a moment before it starts one.
    while !kill().success() {}
    // It ends when the other has: before that, the lock may be held yet.
    holder.wait().unwrap();
    repo.run(&["build"]).ok();
}
