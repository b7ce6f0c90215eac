//! The README is true: its two commands do what it says.

use super::support::{Repo, clients};
use std::path::Path;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The commands of the README, in order: indented lines of its code blocks.
fn commands() -> Vec<String> {
    let readme = readme();
    let lines = readme.lines().filter_map(|line| line.strip_prefix("    "));
    lines.map(str::to_owned).collect()
}

#[test]
fn the_first_command_publishes_the_sample_repository_and_says_what_to_do_next() {
    let first = commands().into_iter().next().unwrap();
    let args = first.strip_prefix("cargo run --release -- ").expect("the first command runs the main job");
    let repo = Repo::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["pipeline.toml", "sample-repo"] {
        let mut cp = std::process::Command::new("cp");
        clients::run(cp.arg("-a").arg(root.join(name)).arg(repo.path()), "cp");
    }
    let ran = repo.run(&args.split(' ').collect::<Vec<_>>()).ok();
    for said in ["in site", "18 files of 5 projects", "tuffet verify site", "offline-keys", "carry"] {
        assert!(ran.stdout.contains(said), "{said:?} is not in:\n{}", ran.stdout);
    }
    assert!(
        ran.stdout.lines().chain(ran.stderr.lines()).all(|line| line.chars().count() <= 80),
        "{}",
        ran.stdout
    );
    assert_eq!(repo.run(&["verify", "site", "--strict"]).code, 0);
}

#[test]
fn the_second_command_is_the_one_that_ci_runs() {
    let second = commands().into_iter().nth(1).unwrap();
    let ci = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run")).unwrap();
    assert!(ci.lines().any(|line| line.trim() == second), "{second:?} is not a line of .ci/run");
}

#[test]
fn what_ci_installs_for_the_tests_is_named() {
    let ci = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/run")).unwrap();
    let list = ci.split("for pair in ").nth(1).and_then(|list| list.split(';').next()).unwrap();
    // Measurements are made under `time`, and no test is.
    let packages: Vec<&str> =
        list.split(' ').map(|pair| pair.split_once(':').unwrap().1).filter(|name| *name != "time").collect();
    assert!(packages.len() > 10, "{list}");
    let readme = readme();
    let said = readme.split("They need ").nth(1).unwrap().split(';').next().unwrap();
    let said: Vec<&str> = said.split([' ', ',', '\n']).collect();
    for package in packages {
        assert!(said.contains(&package), "the README does not say that {package} is needed: {said:?}");
    }
}
