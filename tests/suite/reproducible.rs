//! Equal input and equal time give equal bytes.

use super::support::{Repo, snapshot_of};
use std::process::Command;

const FIRST: &str = "2026-01-01T00:00:00Z";
const SECOND: &str = "2026-01-01T06:00:00Z";

#[test]
fn two_builds_of_equal_input_and_time_are_equal_with_any_number_of_threads_and_without_the_cache() {
    let base = Repo::new();
    base.add_wheel(0);
    base.run(&["build", "--init", "--now", FIRST]).ok();
    (1..60).for_each(|number| drop(base.add_wheel(number)));
    base.add("z-last/q-1.0.tar.gz", b"q");
    let mut sites = Vec::new();
    for (what, jobs) in [("one thread", "1"), ("two threads", "2"), ("no cache", "2")] {
        let copy = Repo::new();
        for name in ["site", ".tuffet", "dists"] {
            let mut cp = Command::new("cp");
            super::support::clients::run(cp.arg("-a").arg(base.path().join(name)).arg(copy.path()), "cp");
        }
        if what == "no cache" {
            for name in ["cache", "lock", "journal.jsonl"] {
                let path = copy.path().join(".tuffet").join(name);
                let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
            }
            assert!(copy.path().join(".tuffet/online.key").exists());
        }
        let out = copy.build(&["--now", SECOND, "--jobs", jobs]);
        assert_eq!(out["files"]["added"], 60, "{what}");
        sites.push((what, copy));
    }
    let (_, first) = &sites[0];
    for (what, copy) in &sites[1..] {
        assert_eq!(snapshot_of(&first.site()), snapshot_of(&copy.site()), "{what}");
        let diff = Command::new("diff").arg("-r").arg(first.site()).arg(copy.site()).output().unwrap();
        assert!(diff.status.success() && diff.stdout.is_empty(), "{what}");
    }
}

#[test]
fn the_time_comes_from_now_or_source_date_epoch_alone() {
    let repo = Repo::new();
    repo.add_wheel(0);
    let out = repo.command(&["build", "--init"]).env("SOURCE_DATE_EPOCH", "1767225600").output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(repo.signed("timestamp.json")["expires"], "2026-01-02T00:00:00Z");
    let modified =
        std::fs::metadata(repo.site().join("metadata/timestamp.json")).unwrap().modified().unwrap();
    assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), 1_767_225_600);
}
