//! Trees that somebody with a key, or with a hand in the folder, made on purpose: `verify` names
//! what a client refuses, and neither stops, hangs nor leaves its folder.

use super::support::{Repo, known};
use serde_json::{Value, json};

const NOW: &str = "2026-01-01T01:00:00Z";

/// Three wheels, published by keys that everybody knows.
fn published() -> Repo {
    let repo = known::repo();
    (0..3).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&["build", "--now", known::MADE]).ok();
    repo
}

/// A bin that lists something, and its file.
fn full_bin(repo: &Repo) -> (String, String) {
    let bins = repo.versions().into_iter().filter(|(role, _)| role.starts_with("bin-"));
    let mut bins = bins.map(|(role, version)| (role.clone(), format!("{version}.{role}.json")));
    bins.find(|(_, file)| !repo.signed(file)["targets"].as_object().unwrap().is_empty()).unwrap()
}

fn verify(repo: &Repo) -> (i32, Value) {
    let mut command = repo.command(&["verify", "--format", "json", "--now", NOW]);
    // Nothing that stands in a tree may make it wait or eat the memory.
    let program = command.get_program().to_owned();
    let mut bounded = std::process::Command::new("timeout");
    bounded.arg("60").arg(program).args(command.get_args()).current_dir(repo.path());
    command = bounded;
    let output = command.output().unwrap();
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {:?} {}", output.status, String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), json)
}

#[track_caller]
fn names(repo: &Repo, what: &str, said: &str) {
    let (code, json) = verify(repo);
    assert_eq!(code, 1, "{what}: {json}");
    let found = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .any(|f| f["severity"] == "error" && f.to_string().contains(said));
    assert!(found, "{what}: {said:?} is not named: {json}");
}

fn first_target(signed: &mut Value) -> &mut Value {
    signed["targets"].as_object_mut().unwrap().values_mut().next().unwrap()
}

/// Bins are not held where no file is looked at, and a look-up through two of them is.
#[test]
fn of_two_bins_that_cover_a_path_the_first_decides() {
    let repo = published();
    known::resign(&repo, "1.unclaimed.json", &[4, 5], |signed| {
        for role in signed["delegations"]["roles"].as_array_mut().unwrap() {
            role["path_hash_prefixes"] = (0..16).map(|digit| format!("{digit:x}")).collect();
        }
    });
    let bins = repo.versions().into_iter().filter(|(role, _)| role.starts_with("bin-"));
    let files: Vec<String> = bins.map(|(role, version)| format!("{version}.{role}.json")).collect();
    let target = |length: u64| json!({"hashes": {"sha256": "ab".repeat(32)}, "length": length});
    known::resign(&repo, &files[0], &[6], |signed| signed["targets"]["both"] = target(1));
    known::resign(&repo, &files[1], &[6], |signed| {
        signed["targets"]["both"] = target(2);
        signed["targets"]["second"] = target(3);
    });
    let ran = repo.run(&["verify", "--metadata-only", "--format", "json", "--now", NOW]);
    let json = ran.json();
    assert_eq!(ran.code, 0, "{json}");
    let found: Vec<&Value> = json["findings"].as_array().unwrap().iter().collect();
    assert_eq!(found.len(), 1, "{json}");
    assert_eq!((&found[0]["role"], &found[0]["target"]), (&json!("bin-1"), &json!("both")), "{json}");
    assert!(found[0]["what"].as_str().unwrap().contains("what bin-0 says of it first"), "{json}");
    assert_eq!(json["targets"], 6, "{json}");
}

#[test]
fn what_some_client_refuses_is_an_error_though_it_is_properly_signed() {
    type Change = fn(&mut Value);
    let bin: [(&str, Change, &str); 8] = [
        ("a fraction in expires", |s| s["expires"] = "2026-01-08T00:00:00.5Z".into(), "expires"),
        ("an offset in expires", |s| s["expires"] = "2026-01-08T02:00:00+02:00".into(), "expires"),
        ("spec_version 1", |s| s["spec_version"] = "1".into(), "specification"),
        ("spec_version 1.x", |s| s["spec_version"] = "1.x".into(), "specification"),
        ("spec_version 2.0.0", |s| s["spec_version"] = "2.0.0".into(), "specification"),
        ("an empty custom", |s| first_target(s)["custom"] = json!({}), "custom"),
        ("a digest that climbs", |s| first_target(s)["hashes"]["sha256"] = "../../../x".into(), "sha256"),
        ("an unknown hash", |s| first_target(s)["hashes"]["blake3"] = "00".into(), "blake3"),
    ];
    for (what, change, said) in bin {
        let repo = published();
        known::resign(&repo, &full_bin(&repo).1, &[6], change);
        names(&repo, what, said);
    }
    let unclaimed: [(&str, Change, &str); 6] = [
        ("an unknown field in delegations", |s| s["delegations"]["x"] = 1.into(), "delegations"),
        ("succinct roles", |s| s["delegations"]["succinct_roles"] = json!({}), "succinct_roles"),
        ("an unknown field in a delegation", |s| s["delegations"]["roles"][0]["x"] = 1.into(), "bin-0"),
        (
            "a key named twice",
            |s| {
                let id = s["delegations"]["roles"][0]["keyids"][0].clone();
                s["delegations"]["roles"][0]["keyids"].as_array_mut().unwrap().push(id);
            },
            "twice",
        ),
        (
            "a pattern that clients read differently",
            |s| {
                s["delegations"]["roles"][0].as_object_mut().unwrap().remove("path_hash_prefixes");
                s["delegations"]["roles"][0]["paths"] = json!(["packages/{a,b}/*"]);
            },
            "pattern",
        ),
        (
            "a key under another id",
            |s| {
                let key = s["delegations"]["keys"].as_object().unwrap().values().next().unwrap().clone();
                s["delegations"]["keys"]["00ff"] = key;
            },
            "00ff",
        ),
    ];
    for (what, change, said) in unclaimed {
        let repo = published();
        known::resign(&repo, "1.unclaimed.json", &[4, 5], change);
        names(&repo, what, said);
    }
    let root: [(&str, Change, &str); 2] = [
        (
            "a fifth top-level role",
            |s| s["roles"]["mirrors"] = json!({"keyids": [], "threshold": 1}),
            "mirrors",
        ),
        (
            "a key of a kind that no client reads",
            |s| {
                let key = json!({"keytype": "ed448", "scheme": "ed448", "keyval": {"public": "00"}});
                s["keys"]["ed448"] = key;
            },
            "ed448",
        ),
    ];
    for (what, change, said) in root {
        let repo = published();
        known::resign(&repo, "1.root.json", &[1, 2, 3], change);
        names(&repo, what, said);
    }
}

#[test]
fn one_role_under_two_parents_is_an_error() {
    let repo = published();
    let unclaimed = repo.signed("1.unclaimed.json")["delegations"].clone();
    known::resign(&repo, "1.recently-claimed.json", &[6], |signed| signed["delegations"] = unclaimed.clone());
    names(&repo, "second parent", "both delegate to it");
}

#[test]
fn a_role_that_leads_back_to_itself_is_walked_once() {
    let repo = published();
    let (role, file) = full_bin(&repo);
    let mut delegations = repo.signed("1.unclaimed.json")["delegations"].clone();
    delegations["roles"].as_array_mut().unwrap().retain(|child| child["name"] == role.as_str());
    known::resign(&repo, &file, &[6], |signed| signed["delegations"] = delegations.clone());
    names(&repo, "a circle", &role);
}

#[test]
fn things_that_are_no_files_are_findings_and_stop_nothing() {
    let metadata = |repo: &Repo, name: &str| repo.site().join("metadata").join(name);
    let fifo = |path: &std::path::Path| {
        let _ = std::fs::remove_file(path);
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    for (name, said) in [
        ("timestamp.json", "cannot be read"),
        ("1.targets.json", "cannot be read"),
        ("1.root.json", "there is no root"),
    ] {
        let repo = published();
        fifo(&metadata(&repo, name));
        names(&repo, name, said);
        let repo = published();
        std::fs::remove_file(metadata(&repo, name)).unwrap();
        std::os::unix::fs::symlink("/dev/zero", metadata(&repo, name)).unwrap();
        names(&repo, name, said);
    }
    let repo = published();
    let plain = repo.site().join("packages/p1/p1-1.0-py3-none-any.whl");
    std::fs::remove_file(&plain).unwrap();
    std::fs::create_dir(&plain).unwrap();
    names(&repo, "a folder for a file", "p1-1.0");
}

#[test]
fn a_root_that_claims_the_highest_version_does_not_make_it_go_round() {
    let repo = published();
    known::resign(&repo, "1.root.json", &[1, 2, 3], |signed| signed["version"] = u64::MAX.into());
    let metadata = repo.site().join("metadata");
    std::fs::copy(metadata.join("1.root.json"), metadata.join(format!("{}.root.json", u64::MAX))).unwrap();
    verify(&repo);
    let ran = repo.run(&["build", "--now", NOW]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
}

#[test]
fn a_build_signs_nothing_that_needs_more_signatures_than_it_can_make() {
    let repo = published();
    known::resign(&repo, "1.root.json", &[1, 2, 3], |signed| {
        let second = signed["roles"]["targets"]["keyids"][0].clone();
        for role in ["snapshot", "timestamp"] {
            signed["roles"][role]["keyids"].as_array_mut().unwrap().push(second.clone());
            signed["roles"][role]["threshold"] = 2.into();
        }
    });
    let number =
        |id: &Value| (4..=5).find(|n| tuffet::keys::Signer::keyid(&known::key(*n)).as_str() == id).unwrap();
    let admin = number(&repo.signed("1.root.json")["roles"]["targets"]["keyids"][0]);
    known::resign(&repo, "2.snapshot.json", &[6, admin], |_| {});
    known::resign(&repo, "timestamp.json", &[6, admin], |_| {});
    assert_eq!(verify(&repo).0, 0, "{}", verify(&repo).1);
    repo.add_wheel(9);
    let ran = repo.run(&["build", "--now", NOW]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("needs 2 signatures"), "{}", ran.stderr);
}

#[test]
fn a_missing_root_breaks_the_way_of_a_client_that_trusts_an_older_one() {
    let repo = published();
    let mut cp = std::process::Command::new("cp");
    super::support::clients::run(cp.arg("-a").arg(repo.site()).arg(repo.path().join("old")), "cp");
    known::resign(&repo, "1.root.json", &[1, 2, 3], |signed| signed["version"] = 3.into());
    let metadata = repo.site().join("metadata");
    std::fs::rename(metadata.join("1.root.json"), metadata.join("3.root.json")).unwrap();
    let ran = repo.run(&["verify", "--now", NOW, "--since", "old"]);
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("2.root.json is not there"), "{}", ran.stdout);
}
