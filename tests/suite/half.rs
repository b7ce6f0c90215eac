//! Runs that made something public and did not end: the next says so, or does the rest, and nothing that was asked for is
//! lost.

use super::ceremonies::{Safe, apply, ceremony, prepare};
use super::recovery;
use super::support::Repo;
use super::support::author::{Author, wheel};
use super::support::calls::{Call, Op, calls_of, with_fault};
use super::support::scenes::{WITH_PAGES, copy_of};
use serde_json::json;
use std::path::Path;

/// The first call after the one that makes it public.
pub(super) fn after_the_timestamp(calls: &[Call]) -> usize {
    let is_it = |call: &&Call| {
        call.op == Op::Rename && call.other.as_ref().is_some_and(|to| to.ends_with("metadata/timestamp.json"))
    };
    calls.iter().find(is_it).unwrap().call + 1
}

/// Runs it up to the call after the one that makes it public.
pub(super) fn half(repo: &Repo, args: &[&str]) {
    let (ran, calls) = calls_of(&copy_of(repo), args);
    ran.ok();
    with_fault(repo, args, after_the_timestamp(&calls), "stop");
}

/// Runs it up to the call that makes it public.
pub(super) fn not_public(repo: &Repo, args: &[&str]) {
    let (ran, calls) = calls_of(&copy_of(repo), args);
    ran.ok();
    with_fault(repo, args, after_the_timestamp(&calls) - 1, "stop");
}

/// An index with a project of an author, whose name is cheese.
pub(super) fn registered() -> (Repo, Author) {
    let repo = Repo::with_config(WITH_PAGES);
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    repo.run(&["build", "--init"]).ok();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    (repo, author)
}

pub(super) fn claimed() -> (Repo, Safe, Author) {
    let (repo, author) = registered();
    let safe = Safe::with(&repo, &["admin-1", "root-1", "root-2"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    (repo, safe, author)
}

pub(super) fn queue(repo: &Repo) -> serde_json::Value {
    repo.run(&["status", "--format", "json"]).ok().json()["queue"].clone()
}

pub(super) fn rekey(repo: &Repo, zip: &Path, to: &Author) {
    let register = format!("cheese={}", to.keyid());
    repo.run(&["project", "rekey", zip.to_str().unwrap(), "--register", &register]).ok();
}

#[test]
fn a_ceremony_that_is_public_is_not_abandoned() {
    let (repo, safe, _) = claimed();
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    let (_, file) = prepare(&repo, &[]);
    let (code, said, signed) = safe.sign(&file, &["--confirm", "cheese=suspended"]);
    assert_eq!(code, 0, "{said}");
    half(&repo, &["ceremony", "apply", signed.to_str().unwrap()]);
    let abandoned = repo.run(&["ceremony", "abandon"]);
    assert!(abandoned.code != 0 && abandoned.stderr.contains("public already"), "{}", abandoned.stderr);
    assert_eq!(apply(&repo, &[&signed])["suspended"], json!(["cheese"]));
    assert_eq!(queue(&repo), json!([]));
    assert!(!repo.site().join("simple/cheese/index.html").exists());
    repo.verify();
}

#[test]
fn what_is_asked_for_between_two_halves_of_a_ceremony_waits_for_the_next() {
    let (repo, safe, author) = claimed();
    let (heir, third) = (Author::known(14), Author::known(15));
    let old = author.key().to_owned();
    let zip = heir.sign("cheese", &["1.1"], Some(&repo), &["--rekey", "--yes", "--old-key", &old]);
    rekey(&repo, &zip, &heir);
    let (_, file) = prepare(&repo, &[]);
    let (code, said, signed) = safe.sign(&file, &["--confirm-all"]);
    assert_eq!(code, 0, "{said}");
    half(&repo, &["ceremony", "apply", signed.to_str().unwrap()]);
    let old = heir.key().to_owned();
    let zip = third.sign("cheese", &["1.2"], Some(&repo), &["--rekey", "--yes", "--old-key", &old]);
    rekey(&repo, &zip, &third);
    apply(&repo, &[&signed]);
    assert_eq!(queue(&repo), json!(["cheese: other keys"]));
    ceremony(&repo, &safe, &["--confirm-all"]);
    let listed = repo.run(&["project", "list", "--format", "json"]).ok().json();
    assert_eq!(listed["projects"][0]["keys"], json!([third.keyid()]));
    repo.verify();
}

/// A signed ceremony that changes the online key, and what signs it.
pub(crate) fn rotated() -> (Repo, std::path::PathBuf, Safe) {
    let (repo, _) = registered();
    let safe = Safe::with(&repo, &["admin-1", "root-1", "root-2"]);
    let (_, file) = prepare(&repo, &["--older-than", "9d", "--rotate", "online"]);
    let next = repo.path().join(".tuffet/online.next.key");
    let shown = repo.run(&["key", "show", next.to_str().unwrap(), "--format", "json"]).ok().json();
    let trust = format!("online={}", shown["keyid"].as_str().unwrap());
    let (code, said, signed) = safe.sign(&file, &["--trust", &trust]);
    assert_eq!(code, 0, "{said}");
    (repo, signed, safe)
}

#[test]
fn the_key_that_came_is_never_the_one_to_be_destroyed() {
    let (repo, signed, _safe) = rotated();
    half(&repo, &["ceremony", "apply", signed.to_str().unwrap()]);
    let build = repo.run(&["build"]);
    assert!(build.code != 0 && build.stderr.contains("ceremony apply"), "{}", build.stderr);
    // As who restores a key would.
    let state = repo.path().join(".tuffet");
    std::fs::copy(state.join("online.next.key"), state.join("online.key")).unwrap();
    assert_eq!(apply(&repo, &[&signed])["retired_key"], json!(null));
    assert!(!state.join("online.next.key").exists());
    repo.run(&["build"]).ok();
    repo.verify();
}

#[test]
fn the_key_that_went_is_named_by_whichever_run_ends() {
    let (repo, signed, _safe) = rotated();
    let args = ["ceremony", "apply", signed.to_str().unwrap()];
    let (_, calls) = calls_of(&copy_of(&repo), &args);
    let public = after_the_timestamp(&calls);
    let changes =
        calls.iter().filter(|call| call.call >= public && matches!(call.op, Op::Rename | Op::Remove));
    for call in changes {
        let repo = copy_of(&repo);
        with_fault(&repo, &args, call.call, "stop");
        let when = format!("stopped before {:?} {}", call.op, call.path.display());
        if repo.path().join(".tuffet/ledger/ceremony.json").exists() {
            let retired = apply(&repo, &[&signed])["retired_key"].clone();
            assert!(
                retired.as_str().is_some_and(|path| repo.path().join(path).exists()),
                "{when}: {retired}"
            );
        }
        repo.run(&["build"]).ok();
        repo.verify();
    }
}

#[test]
fn a_key_that_is_made_is_there_whole_or_not_at_all() {
    let (repo, _) = registered();
    let args = ["ceremony", "prepare", "--out", "c.json", "--rotate", "online", "--older-than", "9d"];
    let (_, calls) = calls_of(&copy_of(&repo), &args);
    let key = |call: &&Call| call.path.to_string_lossy().contains("online.next.key");
    let mut tried = 0;
    for call in calls.iter().filter(key) {
        for kind in ["stop", "torn", "no-space", "io"] {
            let repo = copy_of(&repo);
            with_fault(&repo, &args, call.call, kind);
            let again = repo.run(&args);
            let is_over = again.stderr.contains("under way");
            assert!(again.code == 0 || is_over, "{kind} at {:?}: {}", call.op, again.stderr);
            tried += 1;
        }
    }
    assert!(tried >= 12, "{tried}");
}

#[test]
fn pages_of_a_project_that_was_revoked_by_half_go_with_the_next_build() {
    let (repo, _) = registered();
    let args = ["project", "revoke", "cheese", "--yes"];
    let (_, calls) = calls_of(&copy_of(&repo), &args);
    let pages = |call: &&Call| call.op == Op::Remove && call.path.to_string_lossy().contains("simple/cheese");
    let mut tried = 0;
    for call in calls.iter().filter(pages) {
        let repo = copy_of(&repo);
        with_fault(&repo, &args, call.call, "stop");
        repo.run(&["build"]).ok();
        assert!(!repo.site().join("simple/cheese/index.html").exists());
        assert!(!repo.site().join("simple/cheese/index.html.gz").exists());
        tried += 1;
    }
    assert!(tried > 1, "{tried}");
}

#[test]
fn a_recovery_that_a_second_run_ends_leaves_no_page_of_what_is_nobodys() {
    let (repo, safe, author) = claimed();
    repo.register(&author, "brie", &["1.0"]);
    let (good, backup) = (recovery::snapshot_now(&repo), repo.path().join("backup"));
    recovery::copy(&repo.site(), &backup);
    repo.register(&Author::known(14), "numpy", &["1.0"]);
    let file = recovery::signed(&repo, &safe, good, &backup);
    half(&repo, &["ceremony", "apply", file.to_str().unwrap()]);
    let has_page = |name: &str| repo.site().join(format!("simple/{name}/index.html")).exists();
    assert!(["cheese", "brie", "numpy", "milk"].into_iter().all(has_page));
    apply(&repo, &[&file]);
    assert_eq!(["cheese", "brie", "numpy", "milk"].map(has_page), [true, false, false, true]);
    repo.build(&["--rehash"]);
    repo.run(&["verify"]).ok();
}

#[test]
fn nobody_goes_back_from_a_ceremony_that_is_public_without_its_root() {
    let (repo, rotated, safe) = rotated();
    let (good, backup) = (recovery::snapshot_now(&repo), repo.path().join("backup"));
    recovery::copy(&repo.site(), &backup);
    half(&repo, &["ceremony", "apply", rotated.to_str().unwrap()]);
    let next = repo.path().join(".tuffet/online.next.key");
    let key = std::fs::read(&next).unwrap();
    let number = good.to_string();
    let back = ["--compromised-since", &number, "--copy", backup.to_str().unwrap(), "--out", "back.json"];
    let ran = repo.run(&[&["ceremony", "prepare"][..], &back].concat());
    assert!(ran.code == 2 && one_line(&ran.stderr).contains("`tuffet ceremony apply FILE`"), "{ran:?}");
    assert_eq!(std::fs::read(&next).unwrap(), key, "the key that the ceremony brings stays where it is");
    apply(&repo, &[&rotated]);
    let file = recovery::signed(&repo, &safe, good, &backup);
    apply(&repo, &[&file]);
    repo.build(&["--rehash"]);
    repo.run(&["verify"]).ok();
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Calls that change what the state folder knows, or what is public.
fn steps(calls: &[Call]) -> impl Iterator<Item = &Call> {
    let is_one = |path: &Path| {
        path.ends_with("metadata/timestamp.json") || path.to_string_lossy().contains("/ledger/")
    };
    calls.iter().filter(move |call| {
        call.op.changes() && (is_one(&call.path) || call.other.as_deref().is_some_and(is_one))
    })
}

#[test]
fn what_waited_is_carried_out_by_whichever_run_of_abandon_ends() {
    let (repo, author) = registered();
    let heir = Author::known(14);
    repo.register(&author, "brie", &["1.0"]);
    prepare(&repo, &[]);
    rekey(&repo, &heir.sign("cheese", &[], Some(&repo), &["--rekey", "--yes"]), &heir);
    repo.run(&["project", "revoke", "brie", "--yes"]).ok();
    let args = ["ceremony", "abandon"];
    let (ran, calls) = calls_of(&copy_of(&repo), &args);
    ran.ok();
    let mut tried = 0;
    for call in steps(&calls) {
        let repo = copy_of(&repo);
        with_fault(&repo, &args, call.call, "stop");
        if repo.path().join(".tuffet/ledger/ceremony.json").exists() {
            repo.run(&args).ok();
        }
        let when = format!("stopped before {:?} {}", call.op, call.path.display());
        assert_eq!(queue(&repo), json!([]), "{when}");
        let listed = repo.run(&["project", "list", "--format", "json"]).ok().json();
        assert_eq!(listed["projects"][0]["suspended"], "revoked", "{when}");
        assert_eq!(listed["projects"][1]["keys"], json!([heir.keyid()]), "{when}");
        repo.run(&["build"]).ok();
        repo.verify();
        tried += 1;
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn a_recovery_that_is_given_up_leaves_nothing_to_be_decided_but_what_was_before() {
    let (repo, safe, _) = claimed();
    let (good, backup) = (recovery::snapshot_now(&repo), repo.path().join("backup"));
    recovery::copy(&repo.site(), &backup);
    let (name, bytes) = wheel("milk", "2.0");
    repo.add(&name, &bytes);
    repo.build(&[]);
    let file = recovery::signed(&repo, &safe, good, &backup);
    let before = json!({"since": 1, "targets": [format!("packages/milk/{name}")]});
    for before in [None, Some(before)] {
        let repo = copy_of(&repo);
        let undecided = repo.path().join(".tuffet/ledger/undecided.json");
        if let Some(before) = &before {
            std::fs::write(&undecided, before.to_string()).unwrap();
        }
        // Twice: what the second run finds there is the first one's.
        for _ in 0..2 {
            not_public(&repo, &["ceremony", "apply", file.to_str().unwrap()]);
        }
        assert!(undecided.exists());
        repo.run(&["build"]).ok();
        repo.run(&["ceremony", "abandon"]).ok();
        let left = std::fs::read(&undecided).ok();
        let left = left.map(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).unwrap());
        assert_eq!(left, before);
        repo.run(&["build"]).ok();
        repo.run(&["verify"]).ok();
    }
}

#[test]
fn a_ceremony_whose_file_is_there_is_under_way() {
    let (repo, _) = registered();
    let args = ["ceremony", "prepare", "--out", "c.json"];
    let (ran, calls) = calls_of(&copy_of(&repo), &args);
    ran.ok();
    let of_file = calls.iter().filter(|call| call.op.changes() && call.path.ends_with("c.json"));
    let mut tried = 0;
    for call in steps(&calls).chain(of_file) {
        let repo = copy_of(&repo);
        with_fault(&repo, &args, call.call, "stop");
        let file = repo.path().join("c.json");
        if file.exists() {
            let (code, said, signed) = Safe::of(&repo, 1).sign(&file, &["--confirm-all"]);
            assert_eq!(code, 0, "{said}");
            assert_eq!(apply(&repo, &[&signed])["claimed"], json!(["cheese"]));
        } else {
            if repo.path().join(".tuffet/ledger/ceremony.json").exists() {
                repo.run(&["ceremony", "abandon"]).ok();
            }
            ceremony(&repo, &Safe::of(&repo, 1), &["--confirm-all"]);
        }
        repo.verify();
        tried += 1;
    }
    assert!(tried > 5, "{tried}");
    // A file that cannot be written is of no ceremony.
    assert_ne!(repo.run(&["ceremony", "prepare", "--out", "nowhere/c.json"]).code, 0);
    let ran = repo.run(&["ceremony", "abandon"]);
    assert!(ran.code == 2 && one_line(&ran.stderr).contains("`tuffet ceremony prepare`"), "{ran:?}");
    repo.run(&args).ok();
}

#[test]
fn pages_of_a_project_that_went_by_half_go_with_the_next_build() {
    let (repo, _) = registered();
    let (name, bytes) = wheel("brie", "1.0");
    repo.add(&name, &bytes);
    repo.build(&[]);
    repo.remove(&name);
    let args = ["build", "--allow-removals"];
    let (_, calls) = calls_of(&copy_of(&repo), &args);
    let pages = |call: &&Call| call.op == Op::Remove && call.path.to_string_lossy().contains("simple/brie");
    let mut tried = 0;
    for call in calls.iter().filter(pages) {
        let repo = copy_of(&repo);
        with_fault(&repo, &args, call.call, "stop");
        // What somebody put there is none of ours.
        let own = repo.site().join("simple/own/index.html");
        std::fs::create_dir_all(own.parent().unwrap()).unwrap();
        std::fs::write(&own, "mine").unwrap();
        repo.run(&["build"]).ok();
        let is_shown = |project: &str| repo.site().join(format!("simple/{project}/index.html")).exists();
        assert_eq!(["brie", "milk", "cheese", "own"].map(is_shown), [false, true, true, true]);
        assert!(!repo.site().join("simple/brie/index.html.gz").exists());
        tried += 1;
    }
    assert!(tried > 1, "{tried}");
}
