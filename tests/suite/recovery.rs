//! The drill: an index taken over for a while, noticed, and recovered by the commands of `docs/recovery.md`.

use super::authors::{Clients, repository};
use super::ceremonies::{Safe, ceremony};
use super::support::author::{Author, wheel};
use super::support::{Repo, clients};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
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

fn copy(from: &Path, to: &Path) {
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
            ("KEYID", keyid.clone()),
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
