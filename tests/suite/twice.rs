//! Runs that did not end, one after another, and sweeps between them: what plain names hold by then, a client that goes by
//! them finds whole, and the next build that ends puts it right.

use super::support::author::{Author, wheel};
use super::support::calls::{Call, Op, calls_of, stopped_before, with_fault};
use super::support::scenes::{Scene, WITH_PAGES, at, copy_of};
use super::support::{Repo, pages};

/// What changes names.
fn named(calls: &[Call]) -> impl Iterator<Item = &Call> {
    calls
        .iter()
        .filter(|call| matches!(call.op, Op::Rename | Op::Link | Op::Folder | Op::Remove | Op::RemoveFolder))
}

/// The call that makes it public.
fn timestamp(calls: &[Call]) -> usize {
    let is_it = |call: &&Call| {
        call.op == Op::Rename && call.other.as_ref().is_some_and(|to| to.ends_with("metadata/timestamp.json"))
    };
    calls.iter().find(is_it).unwrap().call
}

/// What is found of the tree, but for metadata of runs that did not end: its numbers are used up, and it stays.
fn findings(repo: &Repo, now: &[&str]) -> Vec<String> {
    let found = repo.run(&[&["verify", "--format", "json"], now].concat()).json();
    let found = found["findings"].as_array().unwrap().iter();
    let found = found.filter(|finding| finding["what"] != "nobody refers to this file");
    found.map(ToString::to_string).collect()
}

fn swept(repo: &Repo, now: &[&str], when: &str) {
    repo.run(&[&["sweep", "--grace", "1h"], now].concat()).ok();
    pages::lead_somewhere(repo, &format!("{when}, and swept"));
    let verified = repo.run(&[&["verify"], now].concat());
    assert_eq!(verified.code, 0, "{when}, and swept: {}", verified.stdout);
}

/// A repository whose next build was stopped before the timestamp, and from whose source went again what that build would
/// have brought.
fn undone() -> Repo {
    let scene = Scene::build(4, 3);
    let repo = scene.copy();
    let (_, calls) = calls_of(&scene.copy(), &scene.args());
    with_fault(&repo, &scene.args(), timestamp(&calls), "stop");
    for entry in std::fs::read_dir(repo.source()).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    (0..4).for_each(|number| drop(repo.add_wheel(number)));
    repo
}

#[test]
fn a_build_that_undoes_a_stopped_one_is_stopped_too() {
    let (repo, build) = (undone(), [&["build"], &at(1)[..]].concat());
    let (_, calls) = calls_of(&copy_of(&repo), &build);
    for call in named(&calls) {
        let repo = copy_of(&repo);
        let when = format!("stopped twice, the second time before {:?} {}", call.op, call.path.display());
        stopped_before(&repo, &build, call.call);
        swept(&repo, &at(1), &when);
        repo.run(&build).ok();
        pages::say_what_is_there(&repo, &when);
        assert_eq!(findings(&repo, &at(1)), [""; 0], "{when}");
    }
}

#[test]
fn a_build_undoes_one_that_failed() {
    let scene = Scene::build(4, 3);
    let (_, calls) = calls_of(&scene.copy(), &scene.args());
    for call in named(&calls) {
        let repo = scene.copy();
        let when = format!("failed at {:?} {}", call.op, call.path.display());
        with_fault(&repo, &scene.args(), call.call, "io");
        repo.remove("p1-1.0-py3-none-any.whl");
        repo.add_wheel(1);
        repo.run(
            &[&["build", "--allow-removals", "--replace", "p1-1.0-py3-none-any.whl"], &at(1)[..]].concat(),
        )
        .ok();
        pages::say_what_is_there(&repo, &when);
        assert_eq!(findings(&repo, &at(1)), [""; 0], "{when}");
    }
}

#[test]
fn a_project_goes_of_which_a_stopped_build_brought_more() {
    let repo = Repo::with_config(WITH_PAGES);
    (0..3).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&[&["build", "--init"], &at(-1)[..]].concat()).ok();
    let (name, bytes) = wheel("p1", "2.0");
    repo.add(&name, &bytes);
    let build = [&["build"], &at(0)[..]].concat();
    let (_, calls) = calls_of(&copy_of(&repo), &build);
    for call in named(&calls) {
        let repo = copy_of(&repo);
        let when = format!("stopped before {:?} {}", call.op, call.path.display());
        with_fault(&repo, &build, call.call, "stop");
        repo.remove("p1-1.0-py3-none-any.whl");
        repo.remove(&name);
        repo.run(&[&["build", "--allow-removals"], &at(1)[..]].concat()).ok();
        swept(&repo, &at(1), &when);
        // Days later nobody can be at it.
        repo.run(&[&["build"], &at(71)[..]].concat()).ok();
        swept(&repo, &at(72), &when);
        assert_eq!(findings(&repo, &at(72)), [""; 0], "{when}");
        assert!(
            !repo.site().join("packages/p1").exists() && !repo.site().join("simple/p1").exists(),
            "{when}"
        );
    }
}

#[test]
fn a_revoked_project_comes_back_and_is_stopped() {
    let repo = Repo::with_config(WITH_PAGES);
    repo.add_wheel(0);
    repo.run(&[&["build", "--init"], &at(-72)[..]].concat()).ok();
    let author = Author::known(11);
    let release = |version: &str, from: Option<&Repo>, now: [&str; 2]| {
        author.sign("cheese", &[version], from, &[&now[..], &["--yes"]].concat())
    };
    let register = format!("cheese={}", author.keyid());
    let first = release("1.0", None, at(-70));
    repo.accept(&[&first], &[&["--register", &register], &at(-70)[..]].concat());
    repo.run(&[&["project", "revoke", "cheese", "--yes"], &at(-60)[..]].concat()).ok();
    repo.run(&[&["build"], &at(-1)[..]].concat()).ok();
    repo.run(&[&["sweep"], &at(-1)[..]].concat()).ok();
    let again = release("2.0", Some(&repo), at(0));
    let accept =
        [&["project", "accept", again.to_str().unwrap(), "--register", &register], &at(0)[..]].concat();
    let (accepted, calls) = calls_of(&copy_of(&repo), &accept);
    accepted.ok();
    for call in named(&calls) {
        let repo = copy_of(&repo);
        let when = format!("stopped before {:?} {}", call.op, call.path.display());
        with_fault(&repo, &accept, call.call, "stop");
        swept(&repo, &at(0), &when);
        repo.run(&[&["build"], &at(1)[..]].concat()).ok();
        swept(&repo, &at(1), &when);
    }
}
