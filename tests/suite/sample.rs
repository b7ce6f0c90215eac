//! `sample-repo/` is what its script makes, and nothing else.

use super::support::{clients, snapshot_of};
use std::path::Path;
use std::process::Command;

#[test]
fn the_sample_repository_is_what_its_script_makes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = tempfile::TempDir::new().unwrap();
    let mut python = Command::new("python3");
    clients::run(python.arg(root.join("tools/make-sample-repo.py")).arg(made.path()), "python3");
    let (expected, actual) = (snapshot_of(made.path()), snapshot_of(&root.join("sample-repo")));
    assert!(expected.len() >= 12);
    assert_eq!(expected.keys().collect::<Vec<_>>(), actual.keys().collect::<Vec<_>>());
    assert!(expected == actual, "sample-repo/ differs from what tools/make-sample-repo.py makes");
}
