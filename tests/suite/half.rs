//! Runs that made something public and did not end: the next says so, or does the rest, and nothing that was asked for is
//! lost.

use super::ceremonies::{Safe, apply, ceremony, prepare};
use super::support::Repo;
use super::support::author::{Author, wheel};
use super::support::calls::{Call, Op, calls_of, with_fault};
use super::support::scenes::{WITH_PAGES, copy_of};
use serde_json::json;
use std::path::Path;

/// The first call after the one that makes it public.
fn after_the_timestamp(calls: &[Call]) -> usize {
    let is_it = |call: &&Call| {
        call.op == Op::Rename && call.other.as_ref().is_some_and(|to| to.ends_with("metadata/timestamp.json"))
    };
    calls.iter().find(is_it).unwrap().call + 1
}

/// Runs it up to the call after the one that makes it public.
fn half(repo: &Repo, args: &[&str]) {
    let (ran, calls) = calls_of(&copy_of(repo), args);
    ran.ok();
    with_fault(repo, args, after_the_timestamp(&calls), "stop");
}

/// An index with a project of an author, whose name is cheese.
fn registered() -> (Repo, Author) {
    let repo = Repo::with_config(WITH_PAGES);
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    repo.run(&["build", "--init"]).ok();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    (repo, author)
}

fn claimed() -> (Repo, Safe, Author) {
    let (repo, author) = registered();
    let safe = Safe::with(&repo, &["admin-1", "root-1", "root-2"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    (repo, safe, author)
}

fn queue(repo: &Repo) -> serde_json::Value {
    repo.run(&["status", "--format", "json"]).ok().json()["queue"].clone()
}

fn rekey(repo: &Repo, zip: &Path, to: &Author) {
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
fn rotated() -> (Repo, std::path::PathBuf, Safe) {
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
