//! What a run wrote down that failed, or did not end, hides nothing that is so; and what was asked for once more, or is so
//! already, is done once.

use super::ceremonies::{Safe, apply, ceremony, prepare};
use super::half::{claimed, half, not_public, queue, registered, rekey, rotated};
use super::support::Repo;
use super::support::author::{Author, days_from_now, wheel};
use super::support::calls::{calls_of, with_fault};
use super::support::scenes::{WITH_PAGES, copy_of};
use serde_json::{Value, json};

fn listed(repo: &Repo) -> Value {
    repo.run(&["project", "list", "--format", "json"]).ok().json()["projects"].clone()
}

/// An index in which nothing of its own lapses, and an author whose role ends so many days from now.
fn ends_in(days: i64) -> (Repo, Author, String) {
    let repo = Repo::with_config(&format!(
        "{WITH_PAGES}[expiry]\nroot = \"2000d\"\ntargets = \"2000d\"\nclaimed = \"2000d\"\nunclaimed = \"2000d\"\n"
    ));
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    let then = days_from_now(days - 730);
    repo.run(&["build", "--init", "--now", &then]).ok();
    let author = Author::known(11);
    let zip = author.sign("cheese", &["1.0"], None, &["--now", &then]);
    let register = format!("cheese={}", author.keyid());
    repo.accept(&[&zip], &["--register", &register, "--now", &then]);
    (repo, author, then)
}

#[test]
fn keys_that_were_never_published_do_not_make_the_published_ones_young() {
    let (repo, author, then) = ends_in(600);
    repo.build(&[]);
    let heir = Author::known(14);
    let zip = heir.sign("cheese", &[], Some(&repo), &["--rekey", "--yes"]);
    let register = format!("cheese={}", heir.keyid());
    not_public(&repo, &["project", "rekey", zip.to_str().unwrap(), "--register", &register]);
    let one = listed(&repo)[0].clone();
    assert_eq!((&one["keys"], &one["since"]), (&json!([author.keyid()]), &json!(then)));
    // Nor does a revocation that was never published.
    not_public(&repo, &["project", "revoke", "cheese", "--yes"]);
    let one = listed(&repo)[0].clone();
    assert_eq!((&one["suspended"], &one["since"]), (&Value::Null, &json!(then)));
    assert_eq!(prepare(&repo, &["--older-than", "14d"]).0["promoted"], json!(["cheese"]));
}

#[test]
fn a_registration_that_was_never_published_does_not_keep_an_author_from_coming_back() {
    let (repo, author, _) = ends_in(1);
    assert_eq!(repo.build(&[])["suspended"], json!(["cheese"]));
    let other = Author::known(14);
    let zip = other.sign("cheese", &["2.0"], Some(&repo), &["--yes"]);
    let register = format!("cheese={}", other.keyid());
    not_public(&repo, &["project", "accept", zip.to_str().unwrap(), "--register", &register]);
    assert_eq!(listed(&repo)[0]["suspended"], "suspended");
    // Whose it was is known to a revocation, too.
    let revoked = copy_of(&repo);
    revoked.run(&["project", "revoke", "cheese", "--yes"]).ok();
    let lines = std::fs::read_to_string(revoked.path().join(".tuffet/ledger/registrations.jsonl")).unwrap();
    let last = lines.lines().last().unwrap();
    assert!(last.contains("revoked") && last.contains(&author.keyid()), "{last}");
    let again = author.sign("cheese", &[], Some(&repo), &["--yes"]);
    assert_eq!(repo.accept(&[&again], &[])["accepted"][0]["project"], "cheese");
    repo.run(&["verify"]).ok();
}

#[test]
fn who_is_to_be_revoked_comes_back_by_the_operators_word_alone() {
    let (repo, author, then) = ends_in(1);
    prepare(&repo, &["--now", &then]);
    repo.run(&["project", "revoke", "cheese", "--yes", "--now", &then]).ok();
    assert_eq!(repo.build(&[])["suspended"], json!(["cheese"]));
    let again = author.sign("cheese", &[], Some(&repo), &["--yes"]);
    assert_eq!(repo.run(&["project", "accept", again.to_str().unwrap()]).code, 3);
    repo.accept(&[&again], &["--register", &format!("cheese={}", author.keyid())]);
    repo.run(&["ceremony", "abandon"]).ok();
    assert_eq!((&queue(&repo), &listed(&repo)[0]["suspended"]), (&json!([]), &Value::Null));
    repo.verify();
}

/// Changes of `cheese` and `brie` that wait although no ceremony is under way, for the online key could not be had.
fn waiting() -> (Repo, Author, Author, std::path::PathBuf) {
    let (repo, author) = registered();
    let heir = Author::known(14);
    repo.register(&author, "brie", &["1.0"]);
    prepare(&repo, &[]);
    let zip = heir.sign("cheese", &[], Some(&repo), &["--rekey", "--yes"]);
    rekey(&repo, &zip, &heir);
    repo.run(&["project", "revoke", "brie", "--yes"]).ok();
    let (key, away) = (repo.path().join(".tuffet/online.key"), repo.path().join("away.key"));
    std::fs::rename(&key, &away).unwrap();
    repo.run(&["ceremony", "abandon"]).ok();
    std::fs::rename(&away, &key).unwrap();
    assert_eq!(queue(&repo), json!(["brie: to be revoked", "cheese: other keys"]));
    (repo, author, heir, zip)
}

#[test]
fn what_is_so_already_waits_for_no_ceremony() {
    let (repo, author, heir, zip) = waiting();
    let register = format!("cheese={}", heir.keyid());
    half(&repo, &["project", "rekey", zip.to_str().unwrap(), "--register", &register]);
    half(&repo, &["project", "revoke", "brie", "--yes"]);
    assert_eq!(queue(&repo).as_array().unwrap().len(), 2);
    // Registered anew by a run that did not end either; a ledger counts in seconds.
    let registered = copy_of(&repo);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let again = author.sign("brie", &[], Some(&registered), &["--yes"]);
    let register = format!("brie={}", author.keyid());
    half(&registered, &["project", "accept", again.to_str().unwrap(), "--register", &register]);
    for (repo, promoted) in [(repo, json!(["cheese"])), (registered, json!(["brie", "cheese"]))] {
        assert_eq!(prepare(&repo, &[]).0["promoted"], promoted);
        repo.run(&["ceremony", "abandon"]).ok();
        assert_eq!(queue(&repo), json!([]));
        let waits = std::fs::read_dir(repo.path().join(".tuffet/ledger/queue")).unwrap();
        assert_eq!(waits.count(), 0);
    }
}

#[test]
fn who_registers_a_project_does_not_want_it_revoked_any_more() {
    let (repo, author, ..) = waiting();
    half(&repo, &["project", "revoke", "brie", "--yes"]);
    let again = author.sign("brie", &[], Some(&repo), &["--yes"]);
    repo.accept(&[&again], &["--register", &format!("brie={}", author.keyid())]);
    assert_eq!(queue(&repo), json!(["cheese: other keys"]));
}

#[test]
fn a_submission_that_waits_stays_whole_until_another_waits_in_its_place() {
    let (repo, _safe, author) = claimed();
    let (heir, third) = (Author::known(14), Author::known(15));
    let old = ["--rekey", "--yes", "--old-key", author.key()];
    rekey(&repo, &heir.sign("cheese", &["1.1"], Some(&repo), &old), &heir);
    let zip = third.sign("cheese", &["1.2"], Some(&repo), &old);
    let register = format!("cheese={}", third.keyid());
    let args = ["project", "rekey", zip.to_str().unwrap(), "--register", &register];
    let (ran, calls) = calls_of(&copy_of(&repo), &args);
    ran.ok();
    let is_waiting = |path: &std::path::Path| path.to_string_lossy().contains("/ledger/queue");
    let changes = calls.iter().filter(|call| call.op.changes() && is_waiting(&call.path));
    let mut tried = 0;
    for call in changes {
        for kind in ["stop", "torn", "no-space"] {
            let repo = copy_of(&repo);
            with_fault(&repo, &args, call.call, kind);
            let (out, _) = prepare(&repo, &[]);
            assert_eq!(
                out["rekeyed"],
                json!(["cheese"]),
                "{kind} at {:?} {}: {out}",
                call.op,
                call.path.display()
            );
            tried += 1;
        }
    }
    assert!(tried > 12, "{tried}");
    repo.run(&args).ok();
    let folder = repo.path().join(".tuffet/ledger/queue");
    let names = || std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let [kept] = &names()[..] else { panic!("{:?}", names()) };
    // As releases before this one wrote it.
    std::fs::rename(kept, folder.join("cheese.zip")).unwrap();
    let path = repo.path().join(".tuffet/ledger/queue.json");
    let mut waits: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    waits[0].as_object_mut().unwrap().remove("sha256").unwrap();
    std::fs::write(&path, waits.to_string()).unwrap();
    assert_eq!(prepare(&repo, &[]).0["rekeyed"], json!(["cheese"]));
}

#[test]
fn what_is_taken_in_already_is_said_to_be() {
    let (repo, author) = registered();
    let zip = author.sign("cheese", &["1.1"], Some(&repo), &[]);
    let other = author.sign("cheese", &["1.2"], Some(&repo), &[]);
    let args = ["project", "accept", zip.to_str().unwrap()];
    half(&repo, &args);
    let (snapshot, now) = (
        repo.signed("timestamp.json")["meta"].clone(),
        std::fs::read(repo.site().join("metadata/timestamp.json")).unwrap(),
    );
    let said = repo.accept(&[&zip], &[]);
    let one = &said["accepted"][0];
    assert_eq!(
        (&one["project"], &one["already"], &one["files"]),
        (&json!("cheese"), &json!(true), &json!([]))
    );
    assert_eq!(said["written"], json!({"files": 0, "bytes": 0}));
    assert_eq!(said["snapshot"], snapshot["snapshot.json"]["version"]);
    assert!(repo.run(&args).ok().stdout.contains("taken in already"));
    assert_eq!(std::fs::read(repo.site().join("metadata/timestamp.json")).unwrap(), now);
    // Other bytes under the same version are not.
    assert_eq!(repo.run(&["project", "accept", other.to_str().unwrap()]).code, 3);
    // Beside another that is new it is no hindrance.
    let brie = author.sign("brie", &["1.0"], None, &[]);
    let said = repo.accept(&[&zip, &brie], &["--register", &format!("brie={}", author.keyid())]);
    let already: Vec<&Value> =
        said["accepted"].as_array().unwrap().iter().map(|one| &one["already"]).collect();
    assert_eq!(already, [&json!(true), &json!(false)]);
    repo.run(&["build"]).ok();
    repo.verify();
}

#[test]
fn a_change_of_keys_that_is_carried_out_already_is_said_to_be_and_waits_no_more() {
    let (repo, _, heir, zip) = waiting();
    let register = format!("cheese={}", heir.keyid());
    let args = ["project", "rekey", zip.to_str().unwrap(), "--register", &register];
    half(&repo, &args);
    assert!(repo.run(&args).ok().stdout.contains("taken in already"));
    assert_eq!(queue(&repo), json!(["brie: to be revoked"]));
    // In a ceremony, and claimed: what is so does not wait for the next one.
    let safe = Safe::of(&repo, 1);
    let applied = ceremony(&repo, &safe, &["--confirm-all"]);
    assert_eq!(applied["claimed"], json!(["cheese"]));
    assert!(repo.run(&args).ok().stdout.contains("taken in already"));
    repo.run(&["build"]).ok();
    repo.verify();
}

#[test]
fn a_key_that_signs_no_more_is_named_until_it_is_destroyed() {
    let (repo, signed, _safe) = rotated();
    let retired = apply(&repo, &[&signed])["retired_key"].clone();
    let status = || repo.run(&["status", "--format", "json"]).ok().json()["retired_keys"].clone();
    assert_eq!(status(), json!([retired]));
    std::fs::remove_file(repo.path().join(retired.as_str().unwrap())).unwrap();
    assert_eq!(status(), json!([]));
}
