//! Repositories that nobody here made. They are found through TUFFET_FOREIGN_TREES, which `.ci/run`
//! sets; without it there is nothing to read, and in CI that is a failure.

use std::path::{Path, PathBuf};
use std::process::Command;

fn trees() -> Option<PathBuf> {
    let found = std::env::var_os("TUFFET_FOREIGN_TREES").map(PathBuf::from);
    let in_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
    assert!(found.is_some() || !in_ci, "TUFFET_FOREIGN_TREES must name the folder of foreign repositories");
    if found.is_none() {
        eprintln!("TUFFET_FOREIGN_TREES is not set: no foreign repository was read");
    }
    found
}

fn verify(tree: &Path, args: &[&str]) -> (i32, serde_json::Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tuffet"));
    command.args(["verify", "--format", "json", "--metadata"]).arg(tree.join("metadata"));
    command.arg("--targets").arg(tree.join("targets")).args(args).env_remove("SOURCE_DATE_EPOCH");
    let output = command.output().unwrap();
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn valid_repositories_of_others_are_accepted() {
    let Some(trees) = trees() else { return };
    let table = [
        ("conformance-tuf-on-ci", Some("initial_root.json"), 1),
        ("tough-reference-impl", None, 3),
        ("tough-consistent-snapshots", None, 2),
        ("python-tuf-repository", None, 3),
    ];
    for (name, root, targets) in table {
        let tree = trees.join(name);
        let root = root.map(|root| tree.join(root));
        let args: Vec<&str> = root.iter().flat_map(|root| ["--root", root.to_str().unwrap()]).collect();
        let (code, json) = verify(&tree, &args);
        assert_eq!(
            (code, &json["ok"], &json["targets"]),
            (0, &true.into(), &targets.into()),
            "{name}: {json}"
        );
    }
}

#[test]
fn sigstore_is_accepted_at_its_moment_but_for_nine_files_and_expired_now() {
    let Some(trees) = trees() else { return };
    let tree = trees.join("conformance-sigstore");
    let moment = std::fs::read_to_string(tree.join("faketime")).unwrap();
    let moment = moment.trim().replace(' ', "T");
    let root = tree.join("initial_root.json");
    for args in [&["--root", root.to_str().unwrap()][..], &[]] {
        let (code, json) = verify(&tree, &[args, &["--now", &moment]].concat());
        assert_eq!(code, 1, "nine of ten target files are not there");
        let findings = json["findings"].as_array().unwrap();
        let errors: Vec<&str> = findings
            .iter()
            .filter(|f| f["severity"] == "error")
            .map(|f| f["what"].as_str().unwrap())
            .collect();
        assert_eq!(errors.len(), 9, "{errors:#?}");
        assert!(errors.iter().all(|what| what.contains("is not there")), "{errors:#?}");
        let (code, json) = verify(&tree, &[args, &["--metadata-only", "--now", &moment]].concat());
        assert_eq!((code, &json["ok"]), (0, &true.into()), "{json}");
    }
    let (code, json) = verify(&tree, &["--metadata-only", "--now", "2026-11-22T00:00:00Z"]);
    assert_eq!(code, 1);
    let expired: Vec<_> =
        json["findings"].as_array().unwrap().iter().map(|f| f["role"].as_str().unwrap()).collect();
    assert!(expired.contains(&"timestamp") && expired.contains(&"root"), "{json}");
}
