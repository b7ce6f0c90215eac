//! `kill -9` at any moment: readers find the tree before or the tree after, whole; the next build
//! succeeds; no versioned or hashed name ever has two contents.
//!
//! TUFFET_KILLS sets how many kills in the window must be counted (default 12).

use super::ceremonies::{Safe, prepare};
use super::support::author::{Author, wheel};
use super::support::{Repo, clients, files_below};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tuffet::model::metadata::parse_file_name;
use tuffet::model::target_path::looks_hashed;

/// Everything a build writes: files, pages, the root page, compressed copies.
const WITH_PAGES: &str =
    "[source]\npath = \"dists\"\n[site]\ncompress = [\"gz\"]\n[keys]\ninsecure_plain = true\n";

/// What each versioned or hashed name was first seen to hold.
#[derive(Default)]
struct Names(BTreeMap<String, Vec<u8>>);

impl Names {
    fn look_at(&mut self, repo: &Repo) {
        for name in files_below(&repo.site()) {
            let file = name.rsplit('/').next().unwrap();
            if looks_hashed(file) || parse_file_name(file).is_some() {
                let bytes = std::fs::read(repo.site().join(&name)).unwrap();
                let first = self.0.entry(name.clone()).or_insert_with(|| bytes.clone());
                assert!(*first == bytes, "{name} had other bytes before");
            }
        }
    }
}

/// What must hold after any kill.
fn check(repo: &Repo, names: &mut Names) {
    let verified = repo.run(&["verify"]);
    assert_eq!(verified.code, 0, "{}", verified.stdout);
    names.look_at(repo);
}

fn timestamp(repo: &Repo) -> Vec<u8> {
    std::fs::read(repo.site().join("metadata/timestamp.json")).unwrap()
}

#[test]
fn killed_at_random_moments() {
    let wanted: usize = std::env::var("TUFFET_KILLS").map_or(12, |text| text.parse().unwrap());
    let repo = Repo::with_config(WITH_PAGES);
    (0..40).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&["build", "--init"]).ok();
    let mut names = Names::default();
    names.look_at(&repo);
    // A pseudo-random sequence with a fixed seed: the moments vary with the machine all the same.
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let mut whole = Duration::from_millis(30);
    let (mut in_window, mut outside, mut next) = (0, 0, 100);
    while in_window < wanted {
        assert!(
            outside < wanted * 40,
            "{in_window} of {} kills fell between write and rename",
            in_window + outside
        );
        // Forty files come and the forty of the round before go.
        for number in next..next + 40 {
            repo.add_wheel(number);
        }
        if next > 100 {
            (next - 40..next).for_each(|number| repo.remove(&format!("p{number}-1.0-py3-none-any.whl")));
        }
        next += 40;
        let (before, files) = (timestamp(&repo), files_below(&repo.site()).len());
        let mut build = repo.command(&["build", "--allow-removals"]);
        let mut build = build.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * u32::try_from(random() % 1000).unwrap() / 1000);
        let _ = build.kill();
        build.wait().unwrap();
        let written =
            files_below(&repo.site()).len() != files || repo.path().join(".tuffet/staging").exists();
        if timestamp(&repo) == before && written {
            in_window += 1;
        } else {
            outside += 1;
        }
        check(&repo, &mut names);
        let start = Instant::now();
        repo.run(&["build", "--allow-removals"]).ok();
        // As long as the slowest build that was not disturbed: a window that every moment falls in.
        whole = (whole * 3 + start.elapsed()) / 4;
        check(&repo, &mut names);
        // Eighty files, two pages each, and the root page; none of the wheels has metadata.
        assert_eq!(repo.targets().len(), 80 * 3 + 1);
    }
    println!("killed {} times: {in_window} between the first write and the timestamp", in_window + outside);
}

/// A repository with a change waiting, which a build would publish in a known order of calls.
fn waiting() -> Repo {
    let repo = Repo::with_config(WITH_PAGES);
    (0..20).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&["build", "--init", "--now", "2026-11-01T00:00:00Z"]).ok();
    (20..23).for_each(|number| drop(repo.add_wheel(number)));
    repo.add("p1-1.0-py3-none-any.whl", b"replaced");
    repo
}

const BUILD: [&str; 5] = ["build", "--now", "2026-11-01T01:00:00Z", "--replace", "p1-1.0-py3-none-any.whl"];

fn strace(repo: &Repo, args: &[&str], options: &[&str]) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq"]).args(options).arg(env!("CARGO_BIN_EXE_tuffet")).args(args);
    command
        .current_dir(repo.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .env_remove("SOURCE_DATE_EPOCH");
    command
}

/// The renames and links of a whole run that give a name below the site, from what the kernel was
/// asked: the name, and the path by which strace knows the call (it looks at the first path of
/// `rename` and at both of the others).
fn named_by(repo: &Repo, args: &[&str]) -> BTreeMap<String, String> {
    let log = repo.path().join("calls");
    let calls = "trace=rename,renameat,renameat2,link,linkat";
    clients::run(&mut strace(repo, args, &["-e", calls, "-o", log.to_str().unwrap()]), "strace, from Debian");
    let log = std::fs::read_to_string(log).unwrap();
    let mut named = BTreeMap::new();
    for call in log.lines() {
        let paths: Vec<&str> = call.split('"').skip(1).step_by(2).collect();
        if let [from, to] = paths[..]
            && (to.starts_with("site/") || to.starts_with(".tuffet/online"))
        {
            named.insert(to.to_owned(), if call.contains(" rename(") { from } else { to }.to_owned());
        }
    }
    named
}

/// A copy of a repository, to be spoilt.
fn copy_of(base: &Repo) -> Repo {
    let repo = Repo::with_config(WITH_PAGES);
    let mut cp = Command::new("cp");
    clients::run(cp.args(["-a", "site", ".tuffet", "dists"]).arg(repo.path()).current_dir(base.path()), "cp");
    repo
}

/// Kills a run before each of the calls that give a name, and hands what is left to `after`.
fn killed_everywhere(base: &Repo, args: &[&str], after: impl Fn(&Repo, &mut Names, &str)) -> usize {
    let names_given = named_by(&copy_of(base), args);
    assert!(
        names_given.contains_key("site/metadata/timestamp.json") && names_given.len() >= 25,
        "{names_given:?}"
    );
    for (name, path) in &names_given {
        let repo = copy_of(base);
        let before = timestamp(&repo);
        let inject = "inject=rename,renameat,renameat2,link,linkat:error=EIO:signal=KILL";
        let trace = "trace=rename,renameat,renameat2,link,linkat";
        let mut command = strace(&repo, args, &["-o", "/dev/null", "-P", path, "-e", trace, "-e", inject]);
        let status = command.stderr(Stdio::null()).status().expect("this test needs strace, from Debian");
        assert!(!status.success(), "{name}: the run was not killed");
        assert_eq!(timestamp(&repo), before, "{name}: killed before its timestamp");
        let mut names = Names::default();
        check_at(&repo, &mut names);
        after(&repo, &mut names, name);
    }
    names_given.len()
}

#[test]
fn killed_before_each_rename_and_each_link_of_a_run() {
    let undisturbed = {
        let repo = waiting();
        repo.run(&BUILD).ok();
        repo.targets()
    };
    let kills = killed_everywhere(&waiting(), &BUILD, |repo, names, name| {
        repo.run(&BUILD).ok();
        check_at(repo, names);
        assert_eq!(repo.targets(), undisturbed, "{name}: the next build ends where an undisturbed one does");
    });
    println!("killed before each of {kills} renames and links");
}

#[test]
fn killed_before_each_rename_and_each_link_of_an_accept() {
    const NOW: [&str; 2] = ["--now", "2026-11-01T01:00:00Z"];
    // A project in the bins is adopted: bins, root page, pages, list and role all change.
    let base = Repo::with_config(WITH_PAGES);
    for (project, version) in [("milk", "1.0"), ("cheese", "1.0"), ("cheese", "1.1")] {
        let (name, bytes) = wheel(project, version);
        base.add(&name, &bytes);
    }
    base.run(&["build", "--init", "--now", "2026-11-01T00:00:00Z"]).ok();
    let author = Author::known(11);
    let zip = author.sign("cheese", &["2.0"], Some(&base), &[&NOW[..], &["--yes"]].concat());
    let register = format!("cheese={}", author.keyid());
    let accept = ["project", "accept", zip.to_str().unwrap(), "--register", &register, NOW[0], NOW[1]];
    let undisturbed = {
        let repo = copy_of(&base);
        repo.run(&accept).ok();
        repo.all_targets()
    };
    let kills = killed_everywhere(&base, &accept, |repo, names, name| {
        // A build in between changes nothing that is published, and loses nothing that is not.
        repo.run(&[&["build"][..], &NOW].concat()).ok();
        check_at(repo, names);
        repo.run(&accept).ok();
        check_at(repo, names);
        assert_eq!(
            repo.all_targets(),
            undisturbed,
            "{name}: the next accept ends where an undisturbed one does"
        );
    });
    println!("killed before each of {kills} renames and links");
}

/// Online key, a claimed project's key and a promotion in one ceremony: more is never changed in one swap.
#[test]
fn killed_before_each_rename_and_each_link_of_a_ceremony() {
    const NOW: [&str; 2] = ["--now", "2026-11-01T01:00:00Z"];
    let base = Repo::with_config(WITH_PAGES);
    let (name, bytes) = wheel("milk", "1.0");
    base.add(&name, &bytes);
    base.run(&["build", "--init", "--now", "2026-11-01T00:00:00Z"]).ok();
    let (author, heir) = (Author::known(11), Author::known(14));
    let safe = Safe::with(&base, &["admin-1", "root-1", "root-2"]);
    let register = |project: &str| {
        let zip = author.sign(project, &["1.0"], None, &NOW);
        let register = format!("{project}={}", author.keyid());
        base.accept(&[&zip], &[&["--register", &register], &NOW[..]].concat());
    };
    register("cheese");
    let (_, file) = prepare(&base, &NOW);
    let (_, _, signed) = safe.sign(&file, &["--confirm-all", NOW[0], NOW[1]]);
    base.run(&[&["ceremony", "apply", signed.to_str().unwrap()][..], &NOW].concat()).ok();
    register("brie");
    let old = author.key().to_owned();
    let rekey =
        heir.sign("cheese", &["1.1"], Some(&base), &["--rekey", "--yes", "--old-key", &old, NOW[0], NOW[1]]);
    let to = format!("cheese={}", heir.keyid());
    base.run(&["project", "rekey", rekey.to_str().unwrap(), "--register", &to, NOW[0], NOW[1]]).ok();
    let (out, file) = prepare(&base, &["--rotate", "online", NOW[0], NOW[1]]);
    assert_eq!(out["rekeyed"], serde_json::json!(["cheese"]));
    let next = base.path().join(".tuffet/online.next.key");
    let shown = base.run(&["key", "show", next.to_str().unwrap(), "--format", "json"]).ok().json();
    let trust = format!("online={}", shown["keyid"].as_str().unwrap());
    let (code, said, signed) = safe.sign(&file, &["--confirm-all", "--trust", &trust, NOW[0], NOW[1]]);
    assert_eq!(code, 0, "{said}");
    let apply = ["ceremony", "apply", signed.to_str().unwrap(), NOW[0], NOW[1]];
    let undisturbed = {
        let repo = copy_of(&base);
        repo.run(&apply).ok();
        repo.all_targets()
    };
    let names_given = named_by(&copy_of(&base), &apply);
    for late in ["site/metadata/2.root.json", "site/metadata/timestamp.json", ".tuffet/online.key"] {
        assert!(names_given.contains_key(late), "{late}: {names_given:?}");
    }
    for (name, path) in &names_given {
        let repo = copy_of(&base);
        let inject = "inject=rename,renameat,renameat2,link,linkat:error=EIO:signal=KILL";
        let trace = "trace=rename,renameat,renameat2,link,linkat";
        let mut command = strace(&repo, &apply, &["-o", "/dev/null", "-P", path, "-e", trace, "-e", inject]);
        let status = command.stderr(Stdio::null()).status().expect("this test needs strace, from Debian");
        assert!(!status.success(), "{name}: the run was not killed");
        let mut names = Names::default();
        check_at(&repo, &mut names);
        let again = repo.run(&apply);
        assert_eq!(again.code, 0, "{name}: {again:?}");
        check_at(&repo, &mut names);
        assert_eq!(
            repo.all_targets(),
            undisturbed,
            "{name}: the next apply ends where an undisturbed one does"
        );
        let (name, bytes) = wheel("milk", "2.0");
        repo.add(&name, &bytes);
        repo.run(&[&["build"][..], &NOW].concat()).ok();
        check_at(&repo, &mut names);
    }
    println!("killed before each of {} renames and links", names_given.len());
}

fn check_at(repo: &Repo, names: &mut Names) {
    let verified = repo.run(&["verify", "--now", "2026-11-01T01:30:00Z"]);
    assert_eq!(verified.code, 0, "{}", verified.stdout);
    names.look_at(repo);
}
