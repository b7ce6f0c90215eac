//! Fixed keys and a fixed clock give known bytes: the metadata of a small repository, and what the
//! program says. `tests/golden/` holds them, and no file that nobody compares.
//!
//! TUFFET_BLESS=1 writes them anew; look at the difference before it is committed.

use super::support::{known, snapshot_of};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What was said but for how far the moment that was given is from today, which is never the same.
fn without_clock(said: &str) -> String {
    let mut is_clock = false;
    let mut rest = String::new();
    for line in said.lines() {
        is_clock = line.starts_with("warning[clock]: ") || (is_clock && line.starts_with(' '));
        if !is_clock {
            rest += line;
            rest.push('\n');
        }
    }
    rest
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

#[test]
fn known_keys_and_a_known_time_give_known_bytes_and_words() {
    let repo = known::repo();
    (0..4).for_each(|number| drop(repo.add_wheel(number)));
    repo.add("notes.txt", b"no distribution");
    let mut actual: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut said = |name: &str, args: &[&str]| {
        let ran = repo.run(args).ok();
        let text = format!("$ tuffet {}\n{}{}", args.join(" "), ran.stdout, without_clock(&ran.stderr));
        actual.insert(format!("said/{name}.txt"), text.into_bytes());
    };
    said("first-build", &["build", "--now", "2026-01-01T00:00:00Z"]);
    said("verify", &["verify", "--now", "2026-01-01T01:00:00Z"]);
    repo.add_wheel(9);
    // With --rehash, what is hashed does not depend on how old the files are by now.
    said("second-build", &["build", "--rehash", "--now", "2026-01-01T02:00:00Z"]);
    said("nothing-new", &["build", "--now", "2026-01-01T02:00:00Z"]);
    said("status", &["status", "--now", "2026-01-01T03:00:00Z"]);
    said("explain", &["explain", "p2"]);
    said("compromise", &["compromise", "--holding", "online", "--now", "2026-01-01T03:00:00Z"]);
    said("sweep", &["sweep", "--dry-run", "--now", "2026-01-03T00:00:00Z"]);
    for (name, args) in [
        ("help", &["--help"][..]),
        ("help-init", &["init", "--help"]),
        ("help-build", &["build", "--help"]),
        ("help-verify", &["verify", "--help"]),
        ("help-sweep", &["sweep", "--help"]),
        ("help-status", &["status", "--help"]),
        ("help-explain", &["explain", "--help"]),
        ("help-compromise", &["compromise", "--help"]),
        ("help-key", &["key", "--help"]),
    ] {
        said(name, args);
    }
    for (name, bytes) in snapshot_of(&repo.site().join("metadata")) {
        actual.insert(format!("metadata/{name}"), bytes);
    }
    if std::env::var_os("TUFFET_BLESS").is_some() {
        let _ = std::fs::remove_dir_all(golden());
        for (name, bytes) in &actual {
            std::fs::create_dir_all(golden().join(name).parent().unwrap()).unwrap();
            std::fs::write(golden().join(name), bytes).unwrap();
        }
    }
    let expected = snapshot_of(&golden());
    for (name, bytes) in &actual {
        let golden = expected.get(name).unwrap_or_else(|| panic!("tests/golden/{name} is not there"));
        assert!(
            golden == bytes,
            "tests/golden/{name} is not what we get:\n{}",
            String::from_utf8_lossy(bytes)
        );
    }
    let unused: BTreeSet<_> = expected.keys().filter(|name| !actual.contains_key(*name)).collect();
    assert!(unused.is_empty(), "nobody uses these golden files: {unused:?}");
}
