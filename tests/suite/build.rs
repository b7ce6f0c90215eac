//! A build costs what changed, and never changes a name that was public.

use super::support::{Repo, snapshot_of};
use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use tuffet::model::{BinCount, TargetPath};

/// The bins, among 16, that these targets fall into.
fn bins_of(targets: &[&str]) -> BTreeSet<String> {
    let count = BinCount::new(16).unwrap();
    let bin =
        |path: &&str| count.role(count.bin_of(&path.parse::<TargetPath>().unwrap().digest())).to_string();
    targets.iter().map(bin).collect()
}

/// The roles whose versions differ, snapshot apart.
fn changed(before: &std::collections::BTreeMap<String, u64>, repo: &Repo) -> BTreeSet<String> {
    repo.versions()
        .into_iter()
        .filter(|(role, version)| before.get(role) != Some(version))
        .map(|(role, _)| role)
        .collect()
}

#[test]
fn a_build_with_nothing_new_writes_nothing() {
    let repo = Repo::published(20);
    // The first build hashed files that were too young to be trusted; this one settles them.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    repo.build(&[]);
    let (site, state) = (snapshot_of(&repo.site()), snapshot_of(&repo.path().join(".tuffet")));
    let out = repo.build(&[]);
    assert_eq!(out["published"], false);
    assert_eq!((&out["bins"]["signed"], &out["bins"]["renewed"]), (&0.into(), &0.into()));
    assert_eq!(out["files"]["hashed"], 0);
    assert_eq!(out["files"]["seen"], 20);
    assert_eq!(out["written"]["files"], 0);
    assert_eq!(snapshot_of(&repo.site()), site);
    let mut after = snapshot_of(&repo.path().join(".tuffet"));
    let journal = after.remove("journal.jsonl").unwrap();
    let mut state = state;
    let before = state.remove("journal.jsonl").unwrap();
    assert_eq!(after, state, "only the journal may change");
    assert!(journal.starts_with(&before));
    assert_eq!(journal[before.len()..].iter().filter(|byte| **byte == b'\n').count(), 1);
}

#[test]
fn one_wheel_more_or_less_changes_its_bin_and_no_other() {
    let repo = Repo::published(20);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    repo.build(&[]);
    let before = repo.versions();
    let name = repo.add_wheel(99);
    let target = format!("packages/p99/{name}");
    let out = repo.build(&[]);
    assert_eq!(out["files"]["hashed"], 1);
    assert_eq!(out["files"]["added"], 1);
    assert_eq!(out["bins"]["signed"], 1);
    assert_eq!(changed(&before, &repo), bins_of(&[&target]));
    assert!(repo.targets().contains_key(&target));

    let before = repo.versions();
    repo.remove(&name);
    let out = repo.build(&[]);
    assert_eq!((&out["files"]["removed"], &out["bins"]["signed"]), (&1.into(), &1.into()));
    assert_eq!(changed(&before, &repo), bins_of(&[&target]));
    assert!(!repo.targets().contains_key(&target));
    repo.verify();
}

#[test]
fn a_file_younger_than_two_seconds_is_hashed_again() {
    let repo = Repo::new();
    (0..3).for_each(|number| drop(repo.add_wheel(number)));
    // Dated ahead, it stays younger than two seconds however slow this machine is.
    let file =
        std::fs::File::options().append(true).open(repo.source().join("p1-1.0-py3-none-any.whl")).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(3600)).unwrap();
    // A file that somebody has open for writing is left alone.
    drop(file);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    repo.run(&["build", "--init"]).ok();
    assert_eq!(
        repo.build(&[])["files"]["hashed"],
        1,
        "size and times are as they were: only its youth tells"
    );
}

#[test]
fn published_bytes_stay_until_a_replacement_is_asked_for() {
    let repo = Repo::published(12);
    let old = std::fs::read(repo.site().join("packages/p3/p3-1.0-py3-none-any.whl")).unwrap();
    repo.add("p3-1.0-py3-none-any.whl", b"other bytes");
    let out = repo.build(&[]);
    assert_eq!((&out["files"]["held"], &out["published"]), (&1.into(), &false.into()));
    let warning = &out["warnings"][0];
    assert_eq!((&warning["code"], &warning["path"]), (&"held".into(), &"p3-1.0-py3-none-any.whl".into()));
    assert_eq!(std::fs::read(repo.site().join("packages/p3/p3-1.0-py3-none-any.whl")).unwrap(), old);

    let refused = repo.run(&["build", "--replace", "p4-9.9-py3-none-any.whl"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("p4-9.9"), "{}", refused.stderr);

    let out = repo.build(&["--replace", "p3-1.0-py3-none-any.whl"]);
    assert_eq!((&out["files"]["changed"], &out["files"]["held"]), (&1.into(), &0.into()));
    let new = std::fs::read(repo.site().join("packages/p3/p3-1.0-py3-none-any.whl")).unwrap();
    assert_eq!(new, b"other bytes");
    repo.verify();
}

#[test]
fn a_name_that_left_and_comes_back_with_other_bytes_is_held_until_a_sweep() {
    let repo = Repo::published(20);
    repo.remove("p5-1.0-py3-none-any.whl");
    repo.build(&[]);
    repo.add("p5-1.0-py3-none-any.whl", b"other bytes");
    let out = repo.build(&[]);
    assert_eq!((&out["files"]["held"], &out["files"]["added"]), (&1.into(), &0.into()));
    let later = "2099-01-01T00:00:00Z";
    repo.run(&["sweep", "--now", later]).ok();
    let out = repo.build(&[]);
    assert_eq!((&out["files"]["held"], &out["files"]["added"]), (&0.into(), &1.into()));
    repo.verify();
}

#[test]
fn two_files_of_one_name_with_other_bytes_stop_the_build_and_both_are_named() {
    let repo = Repo::published(3);
    repo.add("a/x-1.0.tar.gz", b"one");
    repo.add("b/x-1.0.tar.gz", b"two");
    let before = snapshot_of(&repo.site());
    let ran = repo.run(&["build"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("a/x-1.0.tar.gz") && ran.stderr.contains("b/x-1.0.tar.gz"), "{}", ran.stderr);
    assert_eq!(snapshot_of(&repo.site()), before);
    repo.add("b/x-1.0.tar.gz", b"one");
    assert_eq!(repo.build(&[])["files"]["added"], 1);
}

#[test]
fn what_is_no_distribution_is_skipped_and_named() {
    let repo = Repo::published(3);
    let outside = tempfile::NamedTempFile::new().unwrap();
    let hashed = format!("{}.x-1.0-py3-none-any.whl", "a".repeat(64));
    let table: [(&str, &str); 7] = [
        ("README.md", "not-a-distribution"),
        ("x-1.0-py3-none-any.whl.part", "partial-download"),
        (".x-1.0.tar.gz.Ab12Cd", "partial-download"),
        ("empty-1.0.tar.gz", "partial-download"),
        ("mystery-latest.tar.gz", "project-unknown"),
        ("bad%20name-1.0.tar.gz", "project-unknown"),
        (&hashed, "name-skipped"),
    ];
    for (name, _) in table {
        let bytes: &[u8] = if name.starts_with("empty") { b"" } else { b"x" };
        repo.add(name, bytes);
    }
    std::os::unix::fs::symlink(outside.path(), repo.source().join("out-1.0.tar.gz")).unwrap();
    std::os::unix::fs::symlink("nowhere", repo.source().join("dangling-1.0.tar.gz")).unwrap();
    std::os::unix::fs::symlink("p1-1.0-py3-none-any.whl", repo.source().join("inside-1.0-py3-none-any.whl"))
        .unwrap();
    let out = repo.build(&[]);
    let warnings = out["warnings"].as_array().unwrap();
    let code = |name: &str| {
        let warning = warnings.iter().find(|warning| warning["path"] == name);
        warning.unwrap_or_else(|| panic!("{name} is not named: {warnings:?}"))["code"].as_str().unwrap()
    };
    for (name, expected) in table {
        assert_eq!(code(name), expected, "{name}");
    }
    assert_eq!(code("out-1.0.tar.gz"), "link-skipped");
    assert_eq!(code("dangling-1.0.tar.gz"), "link-skipped");
    assert_eq!(out["files"]["added"], 1, "the link that stays inside is a file like any other");
    repo.verify();
}

/// A run would stage over it, and remove it.
#[test]
fn in_layout_tree_what_bears_a_name_of_a_runs_own_is_left_out_and_named() {
    let repo =
        Repo::with_config("[source]\npath = \"dists\"\nlayout = \"tree\"\n[keys]\ninsecure_plain = true\n");
    let names = [".tuffet-staging/a.txt", ".tuffet-probe", ".tuffet-x"];
    for name in names.iter().chain(&["d/x.txt", "d/.tuffet-probe"]) {
        repo.add(name, b"x");
    }
    let out = repo.run(&["build", "--init", "--format", "json"]).ok().json();
    let mut named: Vec<&str> =
        out["warnings"].as_array().unwrap().iter().filter_map(|one| one["path"].as_str()).collect();
    named.sort_unstable();
    assert_eq!(named, [".tuffet-probe", ".tuffet-staging/a.txt", ".tuffet-x"], "{out}");
    assert_eq!(repo.targets().into_keys().collect::<Vec<_>>(), ["d/.tuffet-probe", "d/x.txt"]);
    assert_eq!(repo.build(&[])["published"], false);
    repo.verify();
}

#[test]
fn an_sdist_whose_name_settles_nothing_is_asked_itself() {
    let repo = Repo::published(3);
    repo.add("thing-1.0-1.tar.gz", &sdist("thing-1.0-1", "Thing"));
    repo.add("other-1.0-1.tar.gz", &sdist("other-1.0-1", "requests"));
    let out = repo.build(&[]);
    assert!(repo.targets().contains_key("packages/thing/thing-1.0-1.tar.gz"), "{:?}", repo.targets());
    assert_eq!(
        out["warnings"][0]["path"], "other-1.0-1.tar.gz",
        "an sdist may not get into another project's folder"
    );
    assert_eq!(out["files"]["added"], 1);
}

/// An sdist with nothing but a PKG-INFO.
fn sdist(stem: &str, name: &str) -> Vec<u8> {
    let mut archive =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let info = format!("Metadata-Version: 1.0\nName: {name}\nVersion: 1.0\n\nbody\n");
    let mut header = tar::Header::new_gnu();
    header.set_size(info.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, format!("{stem}/PKG-INFO"), info.as_bytes()).unwrap();
    archive.into_inner().unwrap().finish().unwrap()
}

#[test]
fn layout_tree_publishes_files_under_their_paths_and_takes_new_bytes() {
    let repo = Repo::with_config(
        "[source]\npath = \"dists\"\nlayout = \"tree\"\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n",
    );
    for name in
        ["firmware/v1/image bin+x!.img", "top.txt", "ünïcode/日本.txt", "metadata/no.json", "simple/no.html"]
    {
        repo.add(name, name.as_bytes());
    }
    let out = repo.run(&["build", "--init", "--format", "json"]).ok().json();
    let skipped: Vec<_> =
        out["warnings"].as_array().unwrap().iter().map(|w| w["path"].as_str().unwrap()).collect();
    assert_eq!(skipped, ["metadata/no.json", "simple/no.html"]);
    repo.add("top.txt", b"new content");
    let out = repo.build(&[]);
    assert_eq!((&out["files"]["changed"], &out["files"]["held"]), (&1.into(), &0.into()));
    assert_eq!(std::fs::read(repo.site().join("top.txt")).unwrap(), b"new content");
    let targets = repo.targets();
    assert!(targets.contains_key("firmware/v1/image bin+x!.img") && targets.contains_key("ünïcode/日本.txt"));
    repo.verify();
}

#[test]
fn a_linked_source_is_not_hashed_again_because_of_our_links() {
    let config = "[source]\npath = \"dists\"\n[site]\ntargets = \"hardlink\"\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n";
    let repo = Repo::with_config(config);
    (0..5).for_each(|number| drop(repo.add_wheel(number)));
    std::thread::sleep(std::time::Duration::from_millis(2100));
    repo.run(&["build", "--init"]).ok();
    let source = std::fs::metadata(repo.source().join("p1-1.0-py3-none-any.whl")).unwrap();
    let plain = std::fs::metadata(repo.site().join("packages/p1/p1-1.0-py3-none-any.whl")).unwrap();
    assert_eq!(
        (source.ino(), source.nlink()),
        (plain.ino(), 3),
        "source, plain and hashed name are one file"
    );
    assert_eq!(repo.build(&[])["files"]["hashed"], 0);
    repo.verify();
}

#[test]
fn published_modes_do_not_follow_the_umask_or_the_source() {
    for config in ["copy", "hardlink"] {
        let config = format!(
            "[source]\npath = \"dists\"\n[site]\ntargets = \"{config}\"\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n"
        );
        let repo = Repo::with_config(&config);
        repo.add_wheel(1);
        let wheel = repo.source().join("p1-1.0-py3-none-any.whl");
        std::fs::set_permissions(&wheel, std::fs::Permissions::from_mode(0o600)).unwrap();
        let program = env!("CARGO_BIN_EXE_tuffet");
        let mut shell = std::process::Command::new("sh");
        shell.arg("-c").arg(format!("umask 077; exec {program} build --init")).current_dir(repo.path());
        assert!(shell.output().unwrap().status.success());
        for entry in walkdir::WalkDir::new(repo.site()).into_iter().map(Result::unwrap) {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o7777;
            let expected = if entry.file_type().is_dir() { 0o755 } else { 0o644 };
            assert_eq!(mode, expected, "{}", entry.path().display());
        }
        assert_eq!(
            std::fs::metadata(&wheel).unwrap().permissions().mode() & 0o7777,
            0o600,
            "the source is not ours"
        );
        let key = std::fs::metadata(repo.path().join(".tuffet/online.key")).unwrap();
        assert_eq!(key.permissions().mode() & 0o7777, 0o600);
    }
}

#[test]
fn a_dry_run_writes_nothing_and_says_what_would_happen() {
    let repo = Repo::published(3);
    repo.add_wheel(9);
    let before = snapshot_of(repo.path());
    let out = repo.build(&["--dry-run"]);
    assert_eq!(
        (&out["files"]["added"], &out["bins"]["signed"], &out["published"]),
        (&1.into(), &1.into(), &false.into())
    );
    assert_eq!(snapshot_of(repo.path()), before);
}

#[test]
fn files_that_are_served_from_elsewhere_are_signed_and_not_copied() {
    let config = "[source]\npath = \"dists\"\n[site]\ntargets = \"none\"\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n";
    let repo = Repo::with_config(config);
    repo.add_wheel(1);
    repo.run(&["build", "--init"]).ok();
    assert!(!repo.site().join("packages").exists());
    assert_eq!(repo.targets().len(), 1);
    repo.verify();
}

#[test]
fn rehash_puts_back_what_is_gone_or_damaged() {
    let repo = Repo::published(3);
    let plain = repo.site().join("packages/p1/p1-1.0-py3-none-any.whl");
    let hash = repo.targets()["packages/p2/p2-1.0-py3-none-any.whl"].clone();
    let hashed = repo.site().join(format!("packages/p2/{hash}.p2-1.0-py3-none-any.whl"));
    std::fs::remove_file(&plain).unwrap();
    std::fs::remove_file(&hashed).unwrap();
    std::fs::write(&hashed, b"damaged").unwrap();
    assert_eq!(repo.run(&["verify"]).code, 1);
    let out = repo.build(&["--rehash"]);
    let codes: Vec<_> =
        out["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["restored", "restored"]);
    assert_eq!(out["published"], false);
    repo.verify();
}

#[test]
fn an_online_role_is_renewed_in_time_and_not_before() {
    let repo = Repo::new();
    (0..20).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&["build", "--init", "--now", "2026-01-01T00:00:00Z"]).ok();
    let table = [
        // Nothing is due before half of a life: the shortest is a day.
        ("2026-01-01T11:00:00Z", false),
        // By 3/4 of a day snapshot and timestamp are.
        ("2026-01-01T18:01:00Z", true),
        ("2026-01-01T18:30:00Z", false),
    ];
    for (now, published) in table {
        assert_eq!(repo.build(&["--now", now])["published"], published, "{now}");
    }
    // After a week every bin has been renewed, and not all of them in one run.
    let mut renewed = Vec::new();
    for day in 2..=7 {
        let out = repo.build(&["--now", &format!("2026-01-{day:02}T18:01:00Z")]);
        renewed.push(out["bins"]["renewed"].as_u64().unwrap());
    }
    assert_eq!(renewed.iter().sum::<u64>(), 16, "{renewed:?}");
    assert!(renewed.iter().all(|&count| count < 16), "{renewed:?}");
    let verified = repo.run(&["verify", "--strict", "--now", "2026-01-07T18:02:00Z"]);
    assert_eq!(verified.code, 0, "{}", verified.stdout);
}

#[test]
fn a_version_left_over_by_a_run_that_did_not_end_is_never_used_again() {
    let repo = Repo::published(3);
    let name = repo.add_wheel(7);
    let bin = bins_of(&[&format!("packages/p7/{name}")]).pop_first().unwrap();
    let before = repo.versions()[&bin];
    let leftover = repo.site().join(format!("metadata/{}.{bin}.json", before + 1));
    std::fs::write(&leftover, b"half a file").unwrap();
    std::fs::write(repo.site().join("metadata/3.snapshot.json"), b"half a file").unwrap();
    let out = repo.build(&[]);
    assert_eq!(repo.versions()[&bin], before + 2);
    assert_eq!(out["snapshot"], 4);
    assert_eq!(std::fs::read(leftover).unwrap(), b"half a file");
    assert_eq!(repo.run(&["verify"]).ok().code, 0);
}

#[test]
fn a_build_signs_nothing_over_a_tree_that_a_client_refuses() {
    let repo = Repo::published(20);
    let path = repo.site().join("metadata/1.unclaimed.json");
    let text = std::fs::read_to_string(&path).unwrap().replace("\"threshold\":1", "\"threshold\":2");
    std::fs::write(&path, text).unwrap();
    repo.add_wheel(33);
    let before = snapshot_of(&repo.site());
    let ran = repo.run(&["build"]);
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.contains("1.unclaimed.json"), "{}", ran.stderr);
    assert_eq!(snapshot_of(&repo.site()), before);
}

#[test]
fn another_repositorys_online_key_signs_nothing() {
    let (repo, other) = (Repo::published(3), Repo::published(1));
    std::fs::copy(other.path().join(".tuffet/online.key"), repo.path().join(".tuffet/online.key")).unwrap();
    repo.add_wheel(5);
    let ran = repo.run(&["build"]);
    assert_eq!(ran.code, 3);
    assert!(
        ran.stderr.contains("online key") && ran.stderr.contains("timestamp")
            || ran.stderr.contains("snapshot"),
        "{}",
        ran.stderr
    );
}

#[test]
fn no_offline_key_is_needed_or_looked_for_once_the_repository_is_made() {
    let repo = Repo::published(3);
    std::fs::remove_dir_all(repo.path().join("offline-keys")).unwrap();
    repo.add_wheel(4);
    assert_eq!(repo.build(&[])["files"]["added"], 1);
    repo.verify();
}

#[test]
fn a_file_that_changes_while_it_is_read_is_left_for_the_next_run() {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicBool, Ordering};
    let repo = Repo::published(3);
    // Large enough that reading it takes longer than the pause between two writes.
    repo.add("big-1.0.tar.gz", &vec![7; 64 << 20]);
    let stop = AtomicBool::new(false);
    let out = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file =
                std::fs::File::options().append(true).open(repo.source().join("big-1.0.tar.gz")).unwrap();
            while !stop.load(Ordering::Relaxed) {
                file.write_all(b"x").unwrap();
            }
        });
        let out = repo.build(&[]);
        stop.store(true, Ordering::Relaxed);
        out
    });
    let warning = &out["warnings"][0];
    assert_eq!((&warning["code"], &warning["path"]), (&"unstable".into(), &"big-1.0.tar.gz".into()));
    assert_eq!((&out["files"]["added"], &out["published"]), (&0.into(), &false.into()));
    assert_eq!(repo.build(&[])["files"]["added"], 1);
    repo.verify();
}

#[test]
fn a_published_file_that_is_cut_short_or_garbled_stays_as_it_was() {
    let repo = Repo::published(12);
    repo.add("thing-1.0-1.tar.gz", &sdist("thing-1.0-1", "thing"));
    repo.build(&[]);
    let before = repo.targets();
    repo.add("p3-1.0-py3-none-any.whl", b"");
    repo.add("thing-1.0-1.tar.gz", b"no archive any more");
    let out = repo.build(&[]);
    assert_eq!((&out["files"]["removed"], &out["published"]), (&0.into(), &false.into()));
    assert_eq!(out["warnings"].as_array().unwrap().len(), 2, "{out}");
    assert_eq!(repo.targets(), before);
    repo.verify();
}

#[test]
fn in_layout_tree_a_file_becomes_a_folder_and_a_folder_a_file() {
    let repo = Repo::with_config(
        "[source]\npath = \"dists\"\nlayout = \"tree\"\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n",
    );
    (0..30).for_each(|number| repo.add(&format!("many/{number}"), b"x"));
    repo.add("a", b"a file");
    repo.add("b/inside", b"in a folder");
    repo.run(&["build", "--init", "--now", "2026-01-01T00:00:00Z"]).ok();
    repo.remove("a");
    repo.add("a/inside", b"in a folder now");
    std::fs::remove_dir_all(repo.source().join("b")).unwrap();
    repo.add("b", b"a file now");
    let out = repo.build(&["--now", "2026-01-01T01:00:00Z"]);
    let codes: Vec<_> =
        out["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
    // The last is about --now.
    assert_eq!(codes, ["name-blocked", "name-blocked", "clock"], "{out}");
    let mode = std::fs::metadata(repo.site().join("a")).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, 0o644, "the published file is left alone");
    assert_eq!(repo.run(&["verify", "--strict", "--now", "2026-01-01T01:30:00Z"]).ok().code, 0);
    repo.run(&["sweep", "--now", "2026-01-03T00:00:00Z"]).ok();
    let out = repo.build(&["--now", "2026-01-03T00:00:00Z"]);
    assert_eq!((&out["files"]["added"], &out["warnings"][0]["code"]), (&2.into(), &"clock".into()));
    assert_eq!(repo.run(&["verify", "--strict", "--now", "2026-01-03T00:30:00Z"]).ok().code, 0);
}

#[test]
fn files_come_into_the_site_when_they_are_to_be_served_from_there_after_all() {
    let config = |targets: &str, alias: bool| {
        format!(
            "[source]\npath = \"dists\"\n[site]\ntargets = \"{targets}\"\ntough_alias = {alias}\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n"
        )
    };
    let repo = Repo::with_config(&config("none", false));
    repo.add_wheel(1);
    repo.run(&["build", "--init"]).ok();
    std::fs::write(repo.path().join("pipeline.toml"), config("copy", false)).unwrap();
    repo.build(&[]);
    repo.verify();
    assert!(super::support::clients::tough(&repo.site(), &repo.targets()).is_err());
    std::fs::write(repo.path().join("pipeline.toml"), config("copy", true)).unwrap();
    repo.build(&[]);
    repo.verify();
    assert_eq!(super::support::clients::tough(&repo.site(), &repo.targets()).unwrap(), 1);
}

#[test]
fn a_plain_name_left_astray_by_a_run_that_did_not_end_is_given_back() {
    let repo = Repo::published(3);
    // As a killed `--replace` leaves it, and the source has its old bytes again.
    let folder = repo.site().join("packages/p1");
    let name = "p1-1.0-py3-none-any.whl";
    let stray = folder.join(format!("{}.{name}", tuffet::model::Sha256::of(b"evil")));
    std::fs::write(&stray, b"evil").unwrap();
    std::fs::remove_file(folder.join(name)).unwrap();
    std::fs::hard_link(&stray, folder.join(name)).unwrap();
    std::fs::create_dir_all(repo.path().join(".tuffet/staging")).unwrap();
    let out = repo.build(&[]);
    assert_eq!(out["warnings"][0]["code"], "restored");
    assert_ne!(std::fs::read(folder.join(name)).unwrap(), b"evil");
    assert_eq!(repo.run(&["verify"]).code, 0);
    assert!(!repo.path().join(".tuffet/staging").exists());
}

#[test]
fn a_linked_source_that_is_written_in_place_is_not_called_put_back() {
    let config = "[source]\npath = \"dists\"\n[site]\ntargets = \"hardlink\"\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n";
    let repo = Repo::with_config(config);
    repo.add_wheel(1);
    repo.run(&["build", "--init"]).ok();
    use std::io::Write as _;
    let path = repo.source().join("p1-1.0-py3-none-any.whl");
    std::fs::File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
    let out = repo.build(&[]);
    let codes: Vec<_> =
        out["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["held", "lost"], "{out}");
    assert_eq!(repo.run(&["verify"]).code, 1);
}

#[test]
fn a_shorter_life_in_the_configuration_lets_nothing_expire() {
    let repo = Repo::new();
    (0..20).for_each(|number| drop(repo.add_wheel(number)));
    let config = |life: &str| {
        format!(
            "[source]\npath = \"dists\"\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n[expiry]\n{life}\n"
        )
    };
    std::fs::write(repo.path().join("pipeline.toml"), config("timestamp = \"30d\"\nsnapshot = \"30d\""))
        .unwrap();
    repo.run(&["build", "--init", "--now", "2026-01-01T00:00:00Z"]).ok();
    std::fs::write(repo.path().join("pipeline.toml"), config("timestamp = \"1d\"")).unwrap();
    for day in 2..=12 {
        let now = format!("2026-01-{day:02}T00:00:00Z");
        repo.build(&["--now", &now]);
        let verified = repo.run(&["verify", "--now", &now]);
        assert_eq!(verified.code, 0, "{now}: {}", verified.stdout);
    }
    // Bins that live for an hour are renewed within it.
    std::fs::write(repo.path().join("pipeline.toml"), config("bins = \"1h\"")).unwrap();
    repo.add_wheel(50);
    repo.build(&["--now", "2026-01-12T01:00:00Z"]);
    let out = repo.build(&["--now", "2026-01-12T01:50:00Z"]);
    assert_eq!(out["bins"]["renewed"], 1);
}

#[test]
fn a_layout_that_changes_does_not_trust_what_was_remembered_for_another() {
    let config = |layout: &str| {
        format!(
            "[source]\npath = \"dists\"\nlayout = \"{layout}\"\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n"
        )
    };
    let repo = Repo::with_config(&config("tree"));
    repo.add("thing-1.0-1.tar.gz", &sdist("thing-1.0-1", "thing"));
    std::thread::sleep(std::time::Duration::from_millis(2100));
    repo.run(&["build", "--init"]).ok();
    std::fs::write(repo.path().join("pipeline.toml"), config("flat")).unwrap();
    assert_eq!(repo.run(&["build"]).code, 4, "what the other layout published does not just go");
    repo.build(&["--allow-removals"]);
    assert_eq!(repo.targets().into_keys().collect::<Vec<_>>(), ["packages/thing/thing-1.0-1.tar.gz"]);
}

/// A build that walks looks for that whichever way it goes: nobody said that the file is whole.
#[test]
fn a_file_that_is_still_written_is_left_to_the_next_build_by_one_that_finds_little_changed() {
    let repo =
        Repo::with_config("[source]\npath = \"dists\"\nlayout = \"tree\"\n[keys]\ninsecure_plain = true\n");
    repo.add("a/one", b"1");
    std::thread::sleep(std::time::Duration::from_millis(2100));
    repo.run(&["build", "--init"]).ok();
    repo.build(&[]);
    use std::io::Write as _;
    let mut file = std::fs::File::create(repo.source().join("a/two")).unwrap();
    file.write_all(b"half").unwrap();
    let out = repo.build(&[]);
    assert_eq!(
        (&out["warnings"][0]["code"], &out["files"]["added"]),
        (&"unstable".into(), &0.into()),
        "{out}"
    );
    file.write_all(b" and half").unwrap();
    drop(file);
    let out = repo.build(&[]);
    assert_eq!((&out["warnings"], &out["files"]["added"]), (&serde_json::json!([]), &1.into()), "{out}");
    repo.verify();
}

#[test]
fn what_was_linked_is_copied_once_copies_are_wanted() {
    let config = |targets: &str| {
        format!(
            "[source]\npath = \"dists\"\n[site]\ntargets = \"{targets}\"\n[keys]\ninsecure_plain = true\n"
        )
    };
    let repo = Repo::with_config(&config("hardlink"));
    let names: Vec<String> = (0..3).map(|number| repo.add_wheel(number)).collect();
    repo.run(&["build", "--init"]).ok();
    std::fs::write(repo.path().join("pipeline.toml"), config("copy")).unwrap();
    let codes = |out: &serde_json::Value| -> Vec<String> {
        let warnings = out["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap());
        warnings.filter(|code| *code != "broken-archive").map(str::to_owned).collect()
    };
    let out = repo.build(&[]);
    assert_eq!(codes(&out), ["restored"; 3], "{out}");
    // As a run leaves it that ended between the name with a hash and the plain one.
    let plain = repo.site().join("packages/p1").join(&names[1]);
    std::fs::remove_file(&plain).unwrap();
    std::fs::hard_link(repo.source().join(&names[1]), &plain).unwrap();
    assert_eq!(codes(&repo.build(&["--rehash"])), ["restored"]);
    use std::io::Write as _;
    for name in &names {
        let path = repo.source().join(name);
        assert_eq!(std::fs::metadata(&path).unwrap().nlink(), 1, "{name}");
        std::fs::File::options().append(true).open(path).unwrap().write_all(b"more").unwrap();
    }
    repo.verify();
    let out = repo.build(&[]);
    assert_eq!(codes(&out), ["held"; 3], "{out}");
    repo.verify();
}
