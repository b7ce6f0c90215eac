//! One damage at a time to a good tree: `verify` names each.

use super::support::Repo;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A tree with two builds behind it and nothing old left, so that there is exactly one file of
/// each version.
fn good() -> Repo {
    let repo = Repo::new();
    (100..220).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&["build", "--init", "--now", "2026-01-01T00:00:00Z"]).ok();
    repo.add_wheel(300);
    std::fs::copy(repo.site().join("metadata/timestamp.json"), repo.path().join("old-timestamp.json"))
        .unwrap();
    repo.run(&["build", "--now", "2026-01-03T00:00:00Z"]).ok();
    repo.run(&["sweep", "--now", "2026-01-05T00:00:00Z"]).ok();
    repo
}

const NOW: &str = "2026-01-03T01:00:00Z";

fn metadata(repo: &Repo) -> PathBuf {
    repo.site().join("metadata")
}

/// The current file of a role.
fn file_of(repo: &Repo, role: &str) -> PathBuf {
    match role {
        "root" => metadata(repo).join("1.root.json"),
        "timestamp" => metadata(repo).join("timestamp.json"),
        "snapshot" => {
            let version = repo.signed("timestamp.json")["meta"]["snapshot.json"]["version"].clone();
            metadata(repo).join(format!("{version}.snapshot.json"))
        }
        role => metadata(repo).join(format!("{}.{role}.json", repo.versions()[role])),
    }
}

const ROLES: [&str; 8] =
    ["root", "timestamp", "snapshot", "targets", "claimed", "recently-claimed", "unclaimed", "bin-0"];

fn hashed(repo: &Repo) -> PathBuf {
    let target = "packages/p130/p130-1.0-py3-none-any.whl";
    repo.site().join(format!("packages/p130/{}.p130-1.0-py3-none-any.whl", repo.targets()[target]))
}

fn plain(repo: &Repo) -> PathBuf {
    repo.site().join("packages/p130/p130-1.0-py3-none-any.whl")
}

/// Writes bytes under a new inode, so that other names of the old file keep theirs.
fn rewrite(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    rewrite(path, &bytes);
}

fn edit(path: &Path, change: impl Fn(&mut Value)) {
    let mut value: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut value);
    rewrite(path, &tuffet::model::canonical::to_canonical(&value).unwrap());
}

/// Damages a tree, and says what a finding must mention.
type Damage = Box<dyn Fn(&Repo) -> String>;

fn table() -> Vec<(String, Damage)> {
    let mut table: Vec<(String, Damage)> = Vec::new();
    let mut row = |what: &str, damage: Damage| table.push((what.to_owned(), damage));
    for role in ROLES {
        row(
            &format!("{role}: a flipped byte"),
            Box::new(move |repo| {
                flip(&file_of(repo, role));
                role.into()
            }),
        );
        row(
            &format!("{role}: missing"),
            Box::new(move |repo| {
                std::fs::remove_file(file_of(repo, role)).unwrap();
                role.into()
            }),
        );
        row(
            &format!("{role}: truncated"),
            Box::new(move |repo| {
                let bytes = std::fs::read(file_of(repo, role)).unwrap();
                rewrite(&file_of(repo, role), &bytes[..bytes.len() - 7]);
                role.into()
            }),
        );
        row(
            &format!("{role}: its signatures removed"),
            Box::new(move |repo| {
                edit(&file_of(repo, role), |value| value["signatures"] = json!([]));
                role.into()
            }),
        );
        row(
            &format!("{role}: a signature doubled"),
            Box::new(move |repo| {
                edit(&file_of(repo, role), |value| {
                    let first = value["signatures"][0].clone();
                    value["signatures"].as_array_mut().unwrap().push(first);
                });
                role.into()
            }),
        );
        row(
            &format!("{role}: signed by another key"),
            Box::new(move |repo| {
                let other = if role == "root" || role == "claimed" { "timestamp" } else { "root" };
                let donor: Value =
                    serde_json::from_slice(&std::fs::read(file_of(repo, other)).unwrap()).unwrap();
                edit(&file_of(repo, role), |value| value["signatures"] = donor["signatures"].clone());
                role.into()
            }),
        );
    }
    for role in ["root", "targets", "unclaimed"] {
        row(
            &format!("{role}: a threshold lowered or raised"),
            Box::new(move |repo| {
                let path = file_of(repo, role);
                let text = std::fs::read_to_string(&path).unwrap();
                let changed = if role == "root" {
                    text.replacen("\"threshold\":2", "\"threshold\":1", 1)
                } else {
                    text.replacen("\"threshold\":1", "\"threshold\":2", 1)
                };
                assert_ne!(text, changed);
                rewrite(&path, changed.as_bytes());
                role.into()
            }),
        );
    }
    row(
        "an older timestamp in place of the newer",
        Box::new(|repo| {
            let old = std::fs::read(repo.path().join("old-timestamp.json")).unwrap();
            rewrite(&file_of(repo, "timestamp"), &old);
            "snapshot".into()
        }),
    );
    row(
        "an older bin in place of the newer",
        Box::new(|repo| {
            let older = repo
                .versions()
                .into_iter()
                .find(|(role, version)| role.starts_with("bin-") && *version == 2)
                .unwrap()
                .0;
            let newer = repo
                .versions()
                .into_iter()
                .find(|(role, version)| role.starts_with("bin-") && *version == 3)
                .unwrap()
                .0;
            let bytes = std::fs::read(file_of(repo, &older)).unwrap();
            rewrite(&file_of(repo, &newer), &bytes);
            newer
        }),
    );
    row(
        "two bins of one version swapped",
        Box::new(|repo| {
            let full: Vec<String> = repo
                .versions()
                .into_iter()
                .filter(|(role, version)| role.starts_with("bin-") && *version == 2)
                .map(|(role, _)| role)
                .collect();
            let (a, b) = (file_of(repo, &full[0]), file_of(repo, &full[1]));
            let (bytes_a, bytes_b) = (std::fs::read(&a).unwrap(), std::fs::read(&b).unwrap());
            rewrite(&a, &bytes_b);
            rewrite(&b, &bytes_a);
            full[0].clone()
        }),
    );
    type Place = fn(&Repo) -> PathBuf;
    for (name, place) in [("hashed", hashed as Place), ("plain", plain as Place)] {
        row(
            &format!("{name} target: a flipped byte"),
            Box::new(move |repo| {
                flip(&place(repo));
                "p130-1.0".into()
            }),
        );
        row(
            &format!("{name} target: missing"),
            Box::new(move |repo| {
                std::fs::remove_file(place(repo)).unwrap();
                "p130-1.0".into()
            }),
        );
        row(
            &format!("{name} target: truncated"),
            Box::new(move |repo| {
                let bytes = std::fs::read(place(repo)).unwrap();
                rewrite(&place(repo), &bytes[..5]);
                "p130-1.0".into()
            }),
        );
    }
    table
}

fn verify(repo: &Repo, strict: bool, now: &str) -> (i32, Value) {
    let mut args = vec!["verify", "--format", "json", "--now", now];
    if strict {
        args.push("--strict");
    }
    let ran = repo.run(&args);
    (ran.code, ran.json())
}

fn names(json: &Value, what: &str) -> bool {
    json["findings"].as_array().unwrap().iter().any(|finding| finding.to_string().contains(what))
}

/// One tree is made, and a copy of it damaged in each row.
fn copy_of(repo: &Repo) -> Repo {
    let copy = Repo::new();
    for name in ["site", ".tuffet", "old-timestamp.json"] {
        let mut cp = std::process::Command::new("cp");
        super::support::clients::run(cp.arg("-a").arg(repo.path().join(name)).arg(copy.path()), "cp");
    }
    copy
}

#[test]
fn each_damage_is_named_and_fails_the_check() {
    let good = good();
    assert_eq!(verify(&good, true, NOW).0, 0, "{}", verify(&good, true, NOW).1);
    for (what, damage) in table() {
        let repo = copy_of(&good);
        let must_name = damage(&repo);
        for strict in [true, false] {
            let (code, json) = verify(&repo, strict, NOW);
            assert_eq!(code, 1, "{what} (strict: {strict}): {json}");
            assert!(names(&json, &must_name), "{what}: {must_name} is not named: {json}");
        }
        // Where files are not looked at, roles are read another way.
        let alone = repo.run(&["verify", "--metadata-only", "--format", "json", "--strict", "--now", NOW]);
        if what.starts_with("hashed") || what.starts_with("plain") {
            assert_eq!((alone.code, of_roles(&alone.json())), (0, vec![]), "{what}");
        } else {
            assert_eq!(of_roles(&alone.json()), of_roles(&verify(&repo, true, NOW).1), "{what}");
            assert!(alone.code == 1 && names(&alone.json(), &must_name), "{what}: {}", alone.stdout);
        }
    }
}

/// The findings about roles.
fn of_roles(json: &Value) -> Vec<Value> {
    json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| !finding["role"].is_null())
        .cloned()
        .collect()
}

#[test]
fn an_extra_file_is_a_warning_which_only_strict_counts() {
    let good = good();
    for extra in
        ["metadata/99.bin-0.json", "metadata/notes.txt", "packages/p130/extra-1.0.tar.gz", "stray.html"]
    {
        let repo = copy_of(&good);
        std::fs::write(repo.site().join(extra), b"x").unwrap();
        assert_eq!(verify(&repo, false, NOW).0, 0, "{extra}");
        let (code, json) = verify(&repo, true, NOW);
        assert_eq!(code, 1, "{extra}");
        assert!(names(&json, extra), "{json}");
    }
}

#[test]
fn each_role_is_named_once_it_has_expired() {
    let good = good();
    for (now, role) in [
        ("2026-01-04T01:00:00Z", "timestamp"),
        ("2026-01-04T01:00:00Z", "snapshot"),
        ("2026-01-11T00:00:00Z", "bin-0"),
        ("2026-01-11T00:00:00Z", "recently-claimed"),
        ("2026-04-02T00:00:00Z", "claimed"),
        ("2027-01-02T00:00:00Z", "targets"),
        ("2027-01-02T00:00:00Z", "unclaimed"),
        ("2027-01-02T00:00:00Z", "root"),
    ] {
        for only in [&[][..], &["--metadata-only"]] {
            let ran = good.run(&[&["verify", "--format", "json", "--now", now], only].concat());
            assert_eq!(ran.code, 1);
            let json = ran.json();
            let mut expired = json["findings"].as_array().unwrap().iter();
            assert!(
                expired.any(|f| f["role"] == role && f["what"].as_str().unwrap().contains("expired")),
                "{role}: {json}"
            );
        }
    }
}

/// Every single byte of a small file, flipped in two ways: none goes unnoticed.
#[test]
fn no_flipped_byte_of_a_timestamp_goes_unnoticed() {
    use tuffet::audit::{Request, TargetFiles, audit};
    use tuffet::report::Silent;
    let repo = good();
    let path = file_of(&repo, "timestamp");
    let bytes = std::fs::read(&path).unwrap();
    let (metadata, targets) = tuffet::audit::bases_of(&repo.site());
    for at in 0..bytes.len() {
        for bit in [0x01, 0x20] {
            let mut damaged = bytes.clone();
            damaged[at] ^= bit;
            std::fs::write(&path, &damaged).unwrap();
            let request = Request {
                metadata: &metadata,
                targets: &targets,
                root: None,
                target_files: TargetFiles::Ignored,
                now: NOW.parse().unwrap(),
                published: None,
                since: None,
            };
            let outcome = audit(&request, &Silent).unwrap();
            let error = outcome.findings.iter().any(|f| f.severity == tuffet::trust::Severity::Error);
            assert!(error, "byte {at}, bit {bit:#x}: {}", String::from_utf8_lossy(&damaged));
        }
    }
}

#[test]
fn an_older_state_put_back_whole_is_named_where_it_was_built() {
    let repo = Repo::published(24);
    let old = std::fs::read(repo.site().join("metadata/timestamp.json")).unwrap();
    repo.add_wheel(30);
    repo.build(&[]);
    rewrite(&repo.site().join("metadata/timestamp.json"), &old);
    // Every file that it leads to is still there, and no client that starts empty would see it.
    let (code, json) = {
        let ran = repo.run(&["verify", "--format", "json"]);
        (ran.code, ran.json())
    };
    assert_eq!(code, 1, "{json}");
    assert!(names(&json, "snapshot 3 was published"), "{json}");
}

#[test]
fn an_upgrade_that_goes_back_is_named_by_since() {
    let repo = Repo::published(24);
    let mut cp = std::process::Command::new("cp");
    super::support::clients::run(cp.arg("-a").arg(repo.site()).arg(repo.path().join("old")), "cp");
    repo.add_wheel(30);
    repo.build(&[]);
    let forward = repo.run(&["verify", "--since", "old", "--strict"]);
    assert_eq!(forward.code, 0, "{}", forward.stdout);
    let back = repo.run(&["verify", "old", "--since", "site", "--format", "json"]);
    assert_eq!(back.code, 1);
    for role in ["timestamp", "snapshot", "bin-"] {
        assert!(names(&back.json(), role), "{}", back.stdout);
    }
    // The same version with other bytes, each of them properly signed.
    let other = Repo::published(24);
    let swapped = repo.run(&["verify", "--since", other.site().to_str().unwrap(), "--format", "json"]);
    assert_eq!(swapped.code, 1);
    assert!(names(&swapped.json(), "1.root.json"), "{}", swapped.stdout);
}
