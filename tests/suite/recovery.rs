//! The drill: an index taken over for a while, noticed, and recovered by the commands of `docs/recovery.md`.

use super::authors::{Clients, repository};
use super::ceremonies::{Safe, ceremony};
use super::support::author::{Author, days_from_now, wheel};
use super::support::{Repo, clients};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tuffet::keys::{Signer as _, file};
use tuffet::model::{Sha256, canonical};

/// The commands that the document shows, in order.
fn commands() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/recovery.md");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("$ tuffet ")).map(str::to_owned).collect()
}

/// Signs every bin, the snapshot and the timestamp with versions far ahead, as the holder of the online key can.
fn raise_versions(repo: &Repo) {
    const RAISED: u64 = 1 << 30;
    let key = file::load(&repo.path().join(".tuffet/online.key"), &|_| Err(String::new())).unwrap();
    let write = |name: &str, signed: &Value| {
        let signature = key.sign(&canonical::to_canonical(signed).unwrap()).unwrap();
        let bytes = canonical::to_canonical(&json!({"signatures": [signature], "signed": signed})).unwrap();
        std::fs::write(repo.site().join("metadata").join(name), &bytes).unwrap();
        bytes
    };
    let mut timestamp = repo.signed("timestamp.json");
    let version = timestamp["meta"]["snapshot.json"]["version"].as_u64().unwrap();
    let mut snapshot = repo.signed(&format!("{version}.snapshot.json"));
    for (role, version) in repo.versions() {
        if role.starts_with("bin-") || role == "recently-claimed" {
            let mut signed = repo.signed(&format!("{version}.{role}.json"));
            signed["version"] = RAISED.into();
            write(&format!("{RAISED}.{role}.json"), &signed);
            snapshot["meta"][format!("{role}.json")]["version"] = RAISED.into();
        }
    }
    snapshot["version"] = RAISED.into();
    let bytes = write(&format!("{RAISED}.snapshot.json"), &snapshot);
    timestamp["version"] = RAISED.into();
    let digest = Sha256::of(&bytes).to_string();
    timestamp["meta"]["snapshot.json"] =
        json!({"version": RAISED, "length": bytes.len(), "hashes": {"sha256": digest}});
    write("timestamp.json", &timestamp);
}

pub(super) fn copy(from: &Path, to: &Path) {
    clients::run(std::process::Command::new("cp").arg("-a").arg(from).arg(to), "cp");
}

#[test]
fn an_index_that_was_taken_over_comes_back_by_the_document_alone() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let (author, attacker) = (Author::known(11), Author::known(99));
    repo.register(&author, "cheese", &["1.0"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    repo.register(&author, "brie", &["1.0"]);
    let known = Clients::of(&repo);
    let snapshot = repo.versions().len();
    assert!(snapshot > 20);
    let good = repo.signed("timestamp.json")["meta"]["snapshot.json"]["version"].as_u64().unwrap();
    let backup = repo.path().join("backup");
    copy(&repo.site(), &backup);

    // Taken over: a forged release of an unclaimed project, another key for a recently claimed one, keys planted for
    // a name that was nobody's; bins of before overwritten under their names; versions raised.
    let (name, bytes) = wheel("milk", "9.9");
    repo.add(&name, &bytes);
    let (first, _) = wheel("milk", "1.0");
    let honest = std::fs::read(repo.source().join(&first)).unwrap();
    repo.add(&first, b"not what it was");
    repo.build(&[]);
    repo.run(&["project", "revoke", "brie", "--yes"]).ok();
    let zip = attacker.sign("brie", &["6.6"], None, &["--yes"]);
    let ran = repo.run(&[
        "project",
        "accept",
        zip.to_str().unwrap(),
        "--register",
        &format!("brie={}", attacker.keyid()),
        "--allow-removals",
    ]);
    assert!(ran.code == 0 || ran.stderr.contains("version"), "{ran:?}");
    let zip = attacker.sign("numpy", &["1.0"], None, &[]);
    repo.accept(&[&zip], &["--register", &format!("numpy={}", attacker.keyid())]);
    // An honest author, who knows of nothing.
    repo.accept(&[&author.sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
    raise_versions(&repo);
    let forged = repo.of_project("milk");
    assert!(forged.keys().any(|path| path.contains("milk-9.9")));
    let victims = Clients::of(&repo);
    let ours = repo.versions().into_iter().find(|(role, _)| role.starts_with("bin-")).unwrap();
    std::fs::write(repo.site().join(format!("metadata/1.{}.json", ours.0)), b"{}").unwrap();

    // By the document.
    let mut ran = 0;
    let mut keyid = String::new();
    let zip = author.path().join("brie-again.zip");
    for command in commands() {
        if command.starts_with("ceremony sign") && keyid.is_empty() {
            let next = repo.path().join(".tuffet/online.next.key");
            let shown = repo.run(&["key", "show", next.to_str().unwrap(), "--format", "json"]).ok().json();
            keyid = shown["keyid"].as_str().unwrap().to_owned();
        }
        let given = BTreeMap::from([
            ("SNAPSHOT", good.to_string()),
            ("BACKUP", backup.to_str().unwrap().to_owned()),
            ("root-1.key", "offline-keys/root-1.key".to_owned()),
            ("root-2.key", "offline-keys/root-2.key".to_owned()),
            ("admin-1.key", "offline-keys/admin-1.key".to_owned()),
            ("online=KEYID", format!("online={keyid}")),
            ("packages/NAME/FILE", first.clone()),
            ("ZIP", zip.to_str().unwrap().to_owned()),
            ("NAME=KEYID", format!("brie={}", author.keyid())),
        ]);
        let words: Vec<String> = command
            .split(' ')
            .map(|word| given.get(word).cloned().unwrap_or_else(|| word.to_owned()))
            .collect();
        if command.starts_with("build --replace") {
            // Looked at: what is wrong goes, what is right comes back.
            let status = repo.run(&["status", "--format", "json"]).ok().json();
            let held: Vec<&str> = status["held"]
                .as_array()
                .unwrap()
                .iter()
                .map(|held| held["file"].as_str().unwrap())
                .collect();
            assert_eq!(held, [first.as_str(), name.as_str()], "{status}");
            repo.remove(&name);
            repo.add(&first, &honest);
        }
        if command.starts_with("project accept") {
            let signed = author.sign("brie", &["1.1"], Some(&repo), &["--yes"]);
            std::fs::copy(signed, &zip).unwrap();
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        repo.run(&words).ok();
        ran += 1;
        if command.starts_with("ceremony apply") {
            for name in ["numpy", "brie"] {
                assert!(!repo.site().join(format!("simple/{name}/index.html")).exists(), "{name}");
            }
        }
        if command.starts_with("verify") {
            // The attack is over for everybody: those who took what was forged, those who were away, and new ones.
            let now = repo.all_targets();
            assert!(
                !now.keys()
                    .any(|path| path.contains("9.9") || path.contains("numpy") || path.contains("brie"))
            );
            assert!(now.keys().any(|path| path.contains("cheese-1.1")), "an author's own release stays");
            for clients in [&known, &victims] {
                clients.verify(&repo, &now);
            }
        }
    }
    println!("{ran} commands");
    assert!(ran >= 8, "{ran}");
    // What the attacker left is named, and nothing leads to it.
    let verified = repo.run(&["verify", "--format", "json"]).ok().json();
    for finding in verified["findings"].as_array().unwrap() {
        assert!(finding["target"].as_str().unwrap().contains("numpy"), "{finding}");
    }
    let now = repo.all_targets();
    assert!(
        now.contains_key(&format!("packages/milk/{first}"))
            && now.keys().any(|path| path.contains("brie-1.1"))
    );
    for clients in [&known, &victims] {
        clients.verify(&repo, &now);
    }
    assert!(repo.versions().values().all(|version| *version < 1_000), "{:?}", repo.versions());
    assert_eq!(repo.build(&[])["published"], false);
    // The key that they had signs nothing any more; what they have in their hands leads no client back.
    assert_eq!(repo.build(&[])["files"]["held"], 0);
}

/// Everybody's keys in one safe, which is not how it is to be.
fn house(repo: &Repo) -> Safe {
    Safe::with(repo, &["admin-1", "root-1", "root-2"])
}

/// The word that the next online key is known.
fn trust(repo: &Repo) -> String {
    let next = repo.path().join(".tuffet/online.next.key");
    let shown = repo.run(&["key", "show", next.to_str().unwrap(), "--format", "json"]).ok().json();
    format!("online={}", shown["keyid"].as_str().unwrap())
}

/// A repository in which `cheese` is claimed, and the safe; its snapshot, a copy of it as it is then, and clients that
/// know it.
fn copied() -> (Repo, Safe, (u64, PathBuf), Clients) {
    let repo = repository();
    let safe = house(&repo);
    repo.register(&Author::known(11), "cheese", &["1.0"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    let (good, backup) = (snapshot_now(&repo), repo.path().join("backup"));
    copy(&repo.site(), &backup);
    let known = Clients::of(&repo);
    (repo, safe, (good, backup), known)
}

/// Prepares to go back, signs, and gives the file.
pub(super) fn signed(repo: &Repo, safe: &Safe, snapshot: u64, copy: &Path) -> PathBuf {
    signed_with(repo, safe, (snapshot, copy), &[])
}

/// The same, and this is given to `ceremony sign` too.
pub(super) fn signed_with(
    repo: &Repo,
    safe: &Safe,
    (snapshot, copy): (u64, &Path),
    more: &[&str],
) -> PathBuf {
    let out = repo.path().join(format!("back-to-{snapshot}.json"));
    let number = snapshot.to_string();
    let back = ["--compromised-since", &number, "--copy", copy.to_str().unwrap()];
    let args = ["ceremony", "prepare", "--out", out.to_str().unwrap()];
    repo.run(&[&args[..], &back].concat()).ok();
    let trust = trust(repo);
    let (code, said, signed) = safe.sign(&out, &[&["--trust", &trust], more].concat());
    assert_eq!(code, 0, "{said}");
    signed
}

pub(super) fn snapshot_now(repo: &Repo) -> u64 {
    repo.signed("timestamp.json")["meta"]["snapshot.json"]["version"].as_u64().unwrap()
}

#[test]
fn a_recovery_that_died_ends_by_the_same_command_before_its_timestamp_and_behind_it() {
    let (repo, safe, (good, backup), known) = copied();
    let (name, bytes) = wheel("milk", "2.0");
    repo.add(&name, &bytes);
    repo.build(&[]);
    // A key that lies there already is nobody's choice.
    let planted = repo.path().join(".tuffet/online.next.key");
    repo.run(&["key", "generate", "--out", planted.to_str().unwrap(), "--insecure-plain-keys"]).ok();
    let bytes = std::fs::read(&planted).unwrap();
    let file = signed(&repo, &safe, good, &backup);
    assert_ne!(std::fs::read(&planted).unwrap(), bytes);
    let (timestamp, state) =
        (std::fs::read(repo.site().join("metadata/timestamp.json")).unwrap(), repo.path().join("state"));
    copy(&repo.path().join(".tuffet"), &state);
    let apply = ["ceremony", "apply", file.to_str().unwrap()];
    repo.run(&apply).ok();
    let undisturbed = repo.all_targets();
    known.verify(&repo, &undisturbed);
    for before_the_timestamp in [true, false] {
        if before_the_timestamp {
            std::fs::write(repo.site().join("metadata/timestamp.json"), &timestamp).unwrap();
        }
        std::fs::remove_file(repo.site().join("metadata/2.root.json")).unwrap();
        // What is not decided is written down before anything is public; the rest of the state comes after it.
        for name in ["ledger/ceremony.json", "online.key", "online.next.key"] {
            let mut cp = std::process::Command::new("cp");
            let (from, to) = (state.join(name), repo.path().join(".tuffet").join(name));
            clients::run(cp.arg("-a").arg(from).arg(to), "cp");
        }
        if !before_the_timestamp {
            let abandoned = repo.run(&["ceremony", "abandon"]);
            assert!(abandoned.code == 2 && abandoned.stderr.contains("public already"), "{abandoned:?}");
        }
        repo.run(&apply).ok();
        repo.run(&["build", "--rehash"]).ok();
        repo.run(&["verify"]).ok();
        assert_eq!(repo.all_targets(), undisturbed);
        known.verify(&repo, &undisturbed);
    }
}

/// Whoever held the machine put names there that were nobody's, in a bin and by a key of their own.
#[test]
fn what_came_since_is_not_found_any_more_and_a_sweep_takes_it() {
    let (repo, safe, (good, backup), known) = copied();
    let (evil, bytes) = wheel("evil", "6.6");
    repo.add(&evil, &bytes);
    repo.build(&[]);
    repo.register(&Author::known(99), "numpy", &["1.0"]);
    repo.remove(&evil);
    let is_shown = |project: &str| repo.site().join(format!("simple/{project}/index.html")).exists();
    assert!(is_shown("evil") && is_shown("numpy") && is_shown("milk") && is_shown("cheese"));
    let file = signed(&repo, &safe, good, &backup);
    repo.run(&["ceremony", "apply", file.to_str().unwrap()]).ok();
    assert!(!is_shown("evil") && !is_shown("numpy") && is_shown("milk") && is_shown("cheese"));
    repo.run(&["build", "--rehash"]).ok();
    assert!(!is_shown("evil") && !is_shown("numpy"));
    // Roles that snapshots list which were gone back on may be gone, and are no reason to stop: to what these listed nobody
    // comes, and somebody may still be at the rest.
    repo.run(&["sweep"]).ok();
    let lies = |project: &str| repo.site().join(format!("packages/{project}")).exists();
    assert!(lies("evil") && !lies("numpy"));
    repo.run(&["sweep", "--now", &days_from_now(2)]).ok();
    assert!(!lies("evil"));
    repo.run(&["verify"]).ok();
    known.verify(&repo, &repo.all_targets());
}

/// Whoever held the machine can write what they like into its state folder, and files of any number into the site.
#[test]
fn nothing_that_was_planted_stands_in_the_way_of_going_back() {
    let (repo, safe, (good, backup), known) = copied();
    // What an author released since stays.
    repo.accept(&[&Author::known(11).sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
    let ledger = |name: &str| repo.path().join(".tuffet/ledger").join(name);
    // A ceremony under way that brings the key which signs already, back to nowhere; a queue and numbers that
    // nobody can read, or that nobody would sign.
    super::ceremonies::prepare(&repo, &["--bins", "32"]);
    let mut under_way: Value =
        serde_json::from_slice(&std::fs::read(ledger("ceremony.json")).unwrap()).unwrap();
    let online = file::load(&repo.path().join(".tuffet/online.key"), &|_| Err(String::new())).unwrap();
    under_way["online"] = json!(online.keyid());
    under_way["since"] = json!({"snapshot": 1, "sha256": Sha256::of(b"").to_string(), "copy": "/nowhere"});
    std::fs::write(ledger("ceremony.json"), under_way.to_string()).unwrap();
    std::fs::write(ledger("queue.json"), "no JSON").unwrap();
    std::fs::write(ledger("handed-out.json"), json!({"claimed": 900_000, "targets": 20_000}).to_string())
        .unwrap();
    for number in (5..1_500).chain([9_000, 999_999]) {
        for role in ["claimed", "targets", "unclaimed"] {
            std::fs::write(repo.site().join(format!("metadata/{number}.{role}.json")), "{}").unwrap();
        }
    }
    std::fs::write(ledger("registrations.jsonl"), "no JSON\n").unwrap();
    let file = signed(&repo, &safe, good, &backup);
    assert!(ledger("ceremony.json.1.set-aside").exists() && ledger("queue.json.1.set-aside").exists());
    let roles = tuffet::ceremony::Ceremony::read(&file).unwrap();
    assert!(roles.steps.iter().any(|step| step.role.as_str() == "claimed"), "the safe's ledger looks at it");
    // Given up, and prepared once more: the holders sign the second one as well.
    repo.run(&["ceremony", "abandon"]).ok();
    let out = repo.path().join("again.json");
    let number = good.to_string();
    let args =
        ["ceremony", "prepare", "--out", out.to_str().unwrap(), "--compromised-since", &number, "--copy"];
    let said = repo.run(&[&args[..], &[backup.to_str().unwrap(), "--format", "json"]].concat()).ok().json();
    assert_eq!(said["set_aside"], json!([]));
    assert_eq!(said["newer"], json!([{"role": "project.cheese", "then": 1, "version": 2}]));
    let trust = trust(&repo);
    let (code, said, file) = safe.sign(&out, &["--trust", &trust, "--abandoned"]);
    assert_eq!(code, 0, "{said}");
    repo.run(&["ceremony", "apply", file.to_str().unwrap()]).ok();
    repo.run(&["build", "--rehash"]).ok();
    repo.run(&["verify"]).ok();
    known.verify(&repo, &repo.all_targets());
}

#[test]
fn it_goes_back_to_before_the_online_key_changed_too() {
    let repo = repository();
    let safe = house(&repo);
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    repo.register(&author, "brie", &["1.0"]);
    let (good, backup) = (snapshot_now(&repo), repo.path().join("backup"));
    copy(&repo.site(), &backup);
    let known = Clients::of(&repo);
    let (_, file) = super::ceremonies::prepare(&repo, &["--rotate", "online", "--older-than", "9d"]);
    let trust = trust(&repo);
    let (code, said, rotated) = safe.sign(&file, &["--trust", &trust]);
    assert_eq!(code, 0, "{said}");
    super::ceremonies::apply(&repo, &[&rotated]);
    let (name, bytes) = wheel("milk", "6.6");
    repo.add(&name, &bytes);
    repo.build(&[]);
    let wrong = repo.path().join("wrong");
    copy(&super::authors::repository().site(), &wrong);
    let out = repo.path().join("no.json");
    let args = ["ceremony", "prepare", "--out", out.to_str().unwrap(), "--compromised-since", "1", "--copy"];
    let ran = repo.run(&[&args[..], &[wrong.to_str().unwrap()]].concat());
    assert!(ran.code == 3 && ran.stderr.contains("the copy goes by a root"), "{ran:?}");
    let file = signed(&repo, &safe, good, &backup);
    // Bytes that are nowhere are named, and what the source still has of them comes back with the next build.
    let milk = "packages/milk/milk-1.0-py3-none-any.whl";
    let digest = repo.targets()[milk].clone();
    for place in [repo.site(), backup] {
        std::fs::remove_file(place.join(format!("packages/milk/{digest}.milk-1.0-py3-none-any.whl")))
            .unwrap();
    }
    let applied = super::ceremonies::apply(&repo, &[&file]);
    assert_eq!(applied["lost"], json!([milk]));
    repo.build(&["--rehash"]);
    assert!(repo.targets().contains_key(milk));
    repo.run(&["verify"]).ok();
    let now = repo.all_targets();
    assert!(!now.keys().any(|path| path.contains("6.6")));
    known.verify(&repo, &now);
    let listed = repo.run(&["project", "list", "--format", "json"]).ok().json();
    let suspended = listed["projects"].as_array().unwrap().iter().map(|one| one["suspended"].clone());
    assert_eq!(suspended.collect::<Vec<_>>(), [json!("revoked"), json!("revoked")]);
}

/// Whose a project is that comes back says the last line about it, which whoever held the machine could write.
#[test]
fn a_planted_line_gives_nobody_a_claimed_project_that_was_revoked() {
    let (repo, safe, _, _) = copied();
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    ceremony(&repo, &safe, &["--suspensions"]);
    let (good, backup) = (snapshot_now(&repo), repo.path().join("backup-2"));
    copy(&repo.site(), &backup);
    let thief = Author::known(99);
    let shown = thief.run(&["key", "show", thief.key(), "--format", "json"]).ok().json();
    let key = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": shown["public"]}});
    let (keyid, at) = (thief.keyid(), "2026-01-01T00:00:00Z");
    let line =
        json!({"project": "cheese", "what": "suspended", "at": at, "keys": {keyid: key}, "threshold": 1});
    let ledger = repo.path().join(".tuffet/ledger/registrations.jsonl");
    let text = std::fs::read_to_string(&ledger).unwrap();
    std::fs::write(&ledger, format!("{text}{line}\n")).unwrap();
    let file = signed(&repo, &safe, good, &backup);
    repo.run(&["ceremony", "apply", file.to_str().unwrap()]).ok();
    let zip = thief.sign("cheese", &["6.6"], Some(&repo), &["--yes"]);
    let ran = repo.run(&["project", "rekey", zip.to_str().unwrap()]);
    assert!(ran.code == 3 && ran.stderr.contains("[registration]"), "{ran:?}");
}
