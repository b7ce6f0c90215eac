//! sweep: what no reader can still want goes, and nothing else.

use super::support::calls::{Op, calls_of, with_fault};
use super::support::scenes::{Scene, WITH_PAGES, at as hours, copy_of};
use super::support::{Repo, files_below, pages};

fn at(repo: &Repo, now: &str, args: &[&str]) -> serde_json::Value {
    repo.run(&[args, &["--format", "json", "--now", now]].concat()).ok().json()
}

/// A repository with three builds: one at 0:00, a wheel more at 6:00, one less at 12:00.
fn with_history() -> Repo {
    let repo = Repo::new();
    (0..20).for_each(|number| drop(repo.add_wheel(number)));
    at(&repo, "2026-01-01T00:00:00Z", &["build", "--init"]);
    repo.add_wheel(50);
    at(&repo, "2026-01-01T06:00:00Z", &["build"]);
    repo.remove("p1-1.0-py3-none-any.whl");
    at(&repo, "2026-01-01T12:00:00Z", &["build"]);
    repo
}

#[test]
fn what_was_current_within_the_grace_period_stays() {
    let repo = with_history();
    // Snapshot 2 ceased at 6:00, snapshot 3 at 12:00; 1 was replaced by 2 at once.
    let table = [
        ("2026-01-01T13:00:00Z", vec![1, 2, 3, 4]),
        ("2026-01-02T00:01:00Z", vec![2, 3, 4]),
        ("2026-01-02T06:01:00Z", vec![3, 4]),
        ("2026-01-02T12:01:00Z", vec![4]),
    ];
    for (now, kept) in table {
        let before = files_below(&repo.site());
        let dry = at(&repo, now, &["sweep", "--dry-run"]);
        assert_eq!(files_below(&repo.site()), before, "a dry run removes nothing");
        let swept = at(&repo, now, &["sweep"]);
        assert_eq!(dry["removed"], swept["removed"]);
        assert_eq!(swept["kept_snapshots"], serde_json::json!(kept), "{now}");
        let verified = repo.run(&["verify", "--strict", "--now", "2026-01-01T13:00:00Z"]);
        assert_eq!(verified.code, 0, "{}", verified.stdout);
    }
    let left = files_below(&repo.site());
    assert!(!left.iter().any(|name| name.contains("p1-1.0")), "{left:?}");
    assert!(left.contains(&"metadata/1.root.json".to_owned()));
    assert!(!repo.site().join("packages/p1").exists(), "an empty folder goes with its last file");
    assert_eq!(at(&repo, "2026-01-02T12:02:00Z", &["sweep"])["removed"], serde_json::json!([]));
}

#[test]
fn what_an_operator_put_into_the_site_stays() {
    let repo = Repo::with_config(WITH_PAGES);
    (0..3).for_each(|number| drop(repo.add_wheel(number)));
    at(&repo, "2026-01-01T00:00:00Z", &["build", "--init"]);
    repo.remove("p1-1.0-py3-none-any.whl");
    at(&repo, "2026-01-01T12:00:00Z", &["build", "--allow-removals"]);
    let hex = "a".repeat(64);
    let theirs = [format!("blobs/{hex}.json"), "blobs/json".to_owned(), format!("{hex}.release/notes.txt")];
    // Beside a hashed copy that goes: other bytes under its plain name.
    let beside = "packages/p1/p1-1.0-py3-none-any.whl".to_owned();
    for name in theirs.iter().chain([&beside]) {
        let path = repo.site().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = std::fs::remove_file(&path);
        std::fs::write(path, b"theirs").unwrap();
    }
    let swept = at(&repo, "2026-01-02T12:01:00Z", &["sweep"]);
    assert!(swept["removed"].to_string().contains(".p1-1.0-py3"), "{swept}");
    for name in theirs.iter().chain([&beside]) {
        assert_eq!(std::fs::read(repo.site().join(name)).unwrap(), b"theirs", "{name}");
    }
}

/// Of layout `tree`: what is left lies where distributions do.
#[test]
fn what_lay_anywhere_goes_whatever_is_left() {
    for left in [None, Some("packages/b.txt")] {
        let repo = Repo::with_config(
            "[source]\npath = \"dists\"\nlayout = \"tree\"\n[keys]\ninsecure_plain = true\n",
        );
        let all = ["docs/a.txt", "c.txt", "packages/b.txt"];
        all.iter().for_each(|name| repo.add(name, name.as_bytes()));
        at(&repo, "2026-01-01T00:00:00Z", &["build", "--init"]);
        all.iter().filter(|name| Some(**name) != left).for_each(|name| repo.remove(name));
        at(&repo, "2026-01-01T12:00:00Z", &["build", "--allow-removals"]);
        at(&repo, "2026-01-03T12:01:00Z", &["sweep"]);
        let there = files_below(&repo.site());
        assert!(!there.iter().any(|name| name.ends_with("a.txt") || name.ends_with("c.txt")), "{there:?}");
    }
}

#[test]
fn the_grace_is_never_shorter_than_a_client_may_hold_a_timestamp() {
    let repo = with_history();
    let swept = at(&repo, "2026-01-01T13:00:00Z", &["sweep", "--grace", "1s"]);
    assert_eq!(swept["warnings"][0]["code"], "grace-raised");
    assert_eq!(swept["grace"], "1d");
    assert_eq!(swept["kept_snapshots"], serde_json::json!([1, 2, 3, 4]));
}

#[test]
fn no_version_above_the_published_one_is_removed_and_no_root() {
    let repo = with_history();
    let metadata = repo.site().join("metadata");
    for name in ["9.bin-0.json", "9.snapshot.json", "2.root.json.bak"] {
        std::fs::write(metadata.join(name), b"{}").unwrap();
    }
    std::fs::write(repo.site().join("favicon.ico"), b"mine").unwrap();
    std::fs::create_dir_all(repo.site().join("packages/mine")).unwrap();
    std::fs::write(repo.site().join("packages/mine/notes.txt"), b"mine").unwrap();
    at(&repo, "2026-02-01T00:00:00Z", &["sweep"]);
    for name in ["9.bin-0.json", "9.snapshot.json", "2.root.json.bak", "1.root.json", "4.snapshot.json"] {
        assert!(metadata.join(name).exists(), "{name}");
    }
    assert!(repo.site().join("favicon.ico").exists() && repo.site().join("packages/mine/notes.txt").exists());
}

#[test]
fn a_snapshot_that_was_never_current_does_not_shorten_the_grace_of_the_one_before() {
    let repo = with_history();
    // As if a run had been stopped just before its timestamp, long ago.
    let leftover = repo.site().join("metadata/5.snapshot.json");
    std::fs::write(&leftover, std::fs::read(repo.site().join("metadata/4.snapshot.json")).unwrap()).unwrap();
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::options().append(true).open(&leftover).unwrap().set_modified(long_ago).unwrap();
    repo.add_wheel(60);
    at(&repo, "2026-01-05T00:00:00Z", &["build"]);
    let swept = at(&repo, "2026-01-05T01:00:00Z", &["sweep"]);
    assert_eq!(swept["kept_snapshots"], serde_json::json!([4, 6]));
}

#[test]
fn a_tree_that_does_not_verify_is_not_swept() {
    let repo = with_history();
    std::fs::write(repo.site().join("metadata/timestamp.json"), b"{}").unwrap();
    let before = files_below(&repo.site());
    let ran = repo.run(&["sweep", "--now", "2026-03-01T00:00:00Z"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert_eq!(files_below(&repo.site()), before);
}

#[test]
fn nothing_is_swept_while_it_is_not_known_what_a_reader_may_want() {
    let repo = with_history();
    let path = repo.site().join("metadata/3.snapshot.json");
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, b"{").unwrap();
    std::fs::File::options().append(true).open(&path).unwrap().set_modified(modified).unwrap();
    let before = files_below(&repo.site());
    let ran = repo.run(&["sweep", "--now", "2026-01-02T06:01:00Z"]);
    assert_eq!(ran.code, 3, "{}", ran.stdout);
    assert!(ran.stderr.contains("3.snapshot.json"), "{}", ran.stderr);
    assert_eq!(files_below(&repo.site()), before);
}

#[test]
fn what_plain_pages_of_a_stopped_build_lead_to_stays() {
    let scene = Scene::build(6, 3);
    let (args, sweep) = (scene.args(), [&["sweep", "--grace", "1h"], &hours(1)[..]].concat());
    let (_, calls) = calls_of(&scene.copy(), &args);
    let named = calls.iter().filter(|call| matches!(call.op, Op::Rename | Op::Link | Op::Folder));
    let (mut kept, mut tried) = (0, 0);
    for call in named {
        let repo = scene.copy();
        with_fault(&repo, &args, call.call, "stop");
        let when = format!("stopped before {:?} {}", call.op, call.path.display());
        pages::lead_somewhere(&repo, &when);
        let swept = repo.run(&[&sweep[..], &["--format", "json"]].concat()).ok().json();
        pages::lead_somewhere(&repo, &format!("{when}, and swept"));
        // What a plain name holds by then is a version that lies beside it, as it was before the sweep.
        let verified = repo.run(&[&["verify"], &hours(1)[..]].concat());
        assert_eq!(verified.code, 0, "{when}, and swept: {}", verified.stdout);
        kept += usize::from(swept["removed"] == serde_json::json!([]));
        tried += 1;
        // The next build puts the pages right, and the sweep after it leaves nothing astray.
        scene.again(&repo).ok();
        repo.run(&sweep).ok();
        pages::lead_somewhere(&repo, &format!("{when}, built and swept"));
        let verified = repo.run(&[&["verify", "--strict"], &hours(1)[..]].concat());
        assert_eq!(verified.code, 0, "{when}: {}", verified.stdout);
    }
    println!("{tried} builds stopped and swept; in {kept} there was nothing to remove");
}

#[test]
fn a_sweep_that_is_stopped_takes_no_page_after_what_it_leads_to_and_keeps_no_other_from_its_work() {
    let repo = Repo::with_config(WITH_PAGES);
    (0..4).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&[&["build", "--init"], &hours(-60)[..]].concat()).ok();
    repo.remove("p1-1.0-py3-none-any.whl");
    repo.run(&[&["build", "--allow-removals"], &hours(-50)[..]].concat()).ok();
    repo.add_wheel(4);
    repo.run(&[&["build"], &hours(-40)[..]].concat()).ok();
    let (sweep, more) = ([&["sweep"], &hours(0)[..]].concat(), ["sweep", "--grace", "30d"]);
    let undisturbed = copy_of(&repo);
    let (swept, calls) = calls_of(&undisturbed, &sweep);
    swept.ok();
    assert!(
        !undisturbed.site().join("simple/p1").exists() && !undisturbed.site().join("packages/p1").exists()
    );
    let removing = calls.iter().filter(|call| matches!(call.op, Op::Remove | Op::RemoveFolder));
    for call in removing {
        let repo = copy_of(&repo);
        let when = format!("stopped before {:?} {}", call.op, call.path.display());
        with_fault(&repo, &sweep, call.call, "stop");
        pages::lead_somewhere(&repo, &when);
        // What is kept for longer now, the one before may have taken already.
        let longer = repo.run(&[&more[..], &hours(0)[..]].concat());
        assert_eq!(longer.code, 0, "{when}: {}", longer.stderr);
        repo.run(&sweep).ok();
        assert_eq!(files_below(&repo.site()), files_below(&undisturbed.site()), "{when}");
    }
}

#[test]
fn a_folder_that_a_stopped_sweep_has_emptied_goes_with_the_next() {
    let config = "[source]\npath = \"dists\"\nlayout = \"tree\"\n[keys]\ninsecure_plain = true\n";
    let repo = Repo::with_config(config);
    let copy = || {
        let copy = copy_of(&repo);
        copy.configure(config);
        copy
    };
    repo.add("a/b/c.txt", b"below");
    repo.add("z.txt", b"stays");
    repo.run(&[&["build", "--init"], &hours(-60)[..]].concat()).ok();
    std::fs::remove_dir_all(repo.source().join("a")).unwrap();
    repo.add("a", b"a file");
    let blocked = repo.run(&[&["build", "--allow-removals"], &hours(-50)[..]].concat()).ok();
    assert!(blocked.stderr.contains("name-blocked"), "{}", blocked.stderr);
    let sweep = [&["sweep"], &hours(0)[..]].concat();
    let (_, calls) = calls_of(&copy(), &sweep);
    let folders = calls.iter().filter(|call| call.op == Op::RemoveFolder);
    let mut tried = 0;
    for call in folders {
        let repo = copy();
        with_fault(&repo, &sweep, call.call, "stop");
        tried += usize::from(repo.site().join("a").is_dir());
        repo.run(&sweep).ok();
        repo.run(&[&["build"], &hours(0)[..]].concat()).ok();
        assert_eq!(std::fs::read(repo.site().join("a")).unwrap(), b"a file");
    }
    assert!(tried > 0, "it is gone before the first folder goes");
}
