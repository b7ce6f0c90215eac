//! `kill -9` at any moment: readers find the tree before or the tree after, whole; the next build
//! succeeds; no versioned or hashed name ever has two contents.
//!
//! TUFFET_KILLS sets how many kills in the window must be counted (default 12).

use super::support::author::wheel;
use super::support::scenes::{Names, Scene, WITH_PAGES, at};
use super::support::{Repo, clients, files_below};
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

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

/// Kills a command before each of the calls that give a name, and hands what is left to `between`; the next time it ends
/// where it does when nobody disturbs it.
fn killed_everywhere(
    scene: &Scene,
    between: impl Fn(&Repo),
    after: impl Fn(&Repo),
) -> BTreeMap<String, String> {
    let (args, undisturbed) = (scene.args(), scene.undisturbed().all_targets());
    let names_given = named_by(&scene.copy(), &args);
    assert!(
        names_given.contains_key("site/metadata/timestamp.json") && names_given.len() >= 25,
        "{names_given:?}"
    );
    for (name, path) in &names_given {
        let repo = scene.copy();
        let inject = "inject=rename,renameat,renameat2,link,linkat:error=EIO:signal=KILL";
        let trace = "trace=rename,renameat,renameat2,link,linkat";
        let mut command = strace(&repo, &args, &["-o", "/dev/null", "-P", path, "-e", trace, "-e", inject]);
        let status = command.stderr(Stdio::null()).status().expect("this test needs strace, from Debian");
        assert!(!status.success(), "{name}: the run was not killed");
        let mut names = Names::default();
        check_at(&repo, &mut names);
        between(&repo);
        check_at(&repo, &mut names);
        let again = repo.run(&args);
        assert_eq!(again.code, 0, "{name}: {again:?}");
        check_at(&repo, &mut names);
        assert_eq!(
            repo.all_targets(),
            undisturbed,
            "{name}: the next run ends where an undisturbed one does"
        );
        after(&repo);
        check_at(&repo, &mut names);
    }
    println!("{}: killed before each of {} renames and links", scene.name, names_given.len());
    names_given
}

#[test]
fn killed_before_each_rename_and_each_link_of_a_run() {
    let scene = Scene::build(20, 3);
    let before = timestamp(&scene.base);
    killed_everywhere(
        &scene,
        |repo| assert_eq!(timestamp(repo), before, "killed before its timestamp"),
        |_| (),
    );
}

#[test]
fn killed_before_each_rename_and_each_link_of_an_accept() {
    let scene = Scene::accept();
    let before = timestamp(&scene.base);
    let between = |repo: &Repo| {
        assert_eq!(timestamp(repo), before, "killed before its timestamp");
        // A build in between changes nothing that is published, and loses nothing that is not.
        repo.run(&[&["build"], &at(0)[..]].concat()).ok();
    };
    killed_everywhere(&scene, between, |_| ());
}

#[test]
fn killed_before_each_rename_and_each_link_of_a_ceremony() {
    let after = |repo: &Repo| {
        let (name, bytes) = wheel("milk", "2.0");
        repo.add(&name, &bytes);
        repo.run(&[&["build"], &at(0)[..]].concat()).ok();
    };
    let names_given = killed_everywhere(&Scene::apply(), |_| (), after);
    for late in ["site/metadata/2.root.json", "site/metadata/timestamp.json", ".tuffet/online.key"] {
        assert!(names_given.contains_key(late), "{late}: {names_given:?}");
    }
}

fn check_at(repo: &Repo, names: &mut Names) {
    let verified = repo.run(&[&["verify"], &at(1)[..]].concat());
    assert_eq!(verified.code, 0, "{}", verified.stdout);
    names.look_at(repo);
}
