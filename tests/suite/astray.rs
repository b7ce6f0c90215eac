//! Names that no change of a role leads to: those that another manner gives, and those that a run which did not end left.
//! The next build gives them to files, the next manifest to whoever uploads the site.

use super::manifest::{Elsewhere, differs, lines};
use super::support::author::{Author, wheel};
use super::support::calls::{Call, Op, calls_of, stopped_before, with_fault};
use super::support::scenes::{Scene, WITH_PAGES, at, copy_of};
use super::support::{Repo, pages, snapshot_of};
use serde_json::json;
use std::path::Path;

pub(super) const MANNERS: [&str; 4] =
    ["targets = \"copy\"", "targets = \"none\"", "tough_alias = true", "compress = [\"gz\"]"];

pub(super) fn in_manner(manner: &str) -> String {
    format!(
        "[source]\npath = \"dists\"\n[site]\n{manner}\n[keys]\ninsecure_plain = true\n[bins]\ncount = 2\n"
    )
}

/// A repository that was built in one manner, and is about to be in another; and what is new.
fn about_to_build(first: &str, second: &str) -> (Repo, String) {
    let repo = Repo::with_config(&in_manner(first));
    (0..3).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&["build", "--init"]).ok();
    repo.configure(&in_manner(second));
    let (name, bytes) = wheel("p1", "2.0");
    repo.add(&name, &bytes);
    (repo, name)
}

/// What changes names, or takes files away.
fn named(calls: &[Call]) -> impl Iterator<Item = &Call> {
    let changes = |call: &&Call| matches!(call.op, Op::Rename | Op::Link | Op::Remove);
    calls.iter().filter(changes)
}

/// Nothing is wrong with what is published, and every file has the names that it is to have.
pub(super) fn is_whole(repo: &Repo, manner: &str, when: &str) {
    let verified = repo.run(&["verify"]);
    assert_eq!(verified.code, 0, "{when}: {}", verified.stdout);
    let targets = repo.targets();
    for (path, digest) in targets.iter().filter(|(path, _)| path.starts_with("packages/")) {
        let alias = repo.site().join(format!("{digest}.{path}"));
        assert!(manner != "tough_alias = true" || alias.exists(), "{when}: {}", alias.display());
    }
    for path in targets.keys().filter(|path| path.starts_with("simple/")) {
        let copy = repo.site().join(format!("{path}.gz"));
        assert_eq!(copy.exists(), manner == "compress = [\"gz\"]", "{when}: {}", copy.display());
    }
    if repo.site().join("simple").exists() {
        pages::say_what_is_there(repo, when);
    }
}

#[test]
fn a_build_in_another_manner_is_stopped() {
    for [first, second, third] in
        [[0, 1, 0], [0, 2, 0], [0, 2, 2], [2, 0, 2], [1, 0, 0], [1, 0, 1], [0, 3, 0], [3, 0, 3]]
            .map(|of| of.map(|one| MANNERS[one]))
    {
        let (repo, _) = about_to_build(first, second);
        let (_, calls) = calls_of(&copy_of(&repo), &["build"]);
        let of_state = |call: &&Call| {
            call.other.as_ref().is_some_and(|to| to.components().any(|part| part.as_os_str() == ".tuffet"))
        };
        let timestamp =
            |call: &&Call| call.other.as_ref().is_some_and(|to| to.ends_with("metadata/timestamp.json"));
        for call in named(&calls).filter(|call| of_state(call) || timestamp(call)) {
            let repo = copy_of(&repo);
            let when = format!("{first}, {second} before {:?} {}, {third}", call.op, call.path.display());
            stopped_before(&repo, &["build"], call.call);
            repo.configure(&in_manner(third));
            repo.build(&[]);
            if third != MANNERS[1] {
                is_whole(&repo, third, &when);
            }
        }
    }
}

#[test]
fn a_build_from_a_list_is_stopped_and_the_next_walks() {
    for pages in ["", "[index]\nformats = []\n"] {
        let config = format!("{}{pages}", in_manner(MANNERS[0]));
        let repo = Repo::with_config(&config);
        (0..3).for_each(|number| drop(repo.add_wheel(number)));
        repo.run(&["build", "--init"]).ok();
        (3..6).for_each(|number| drop(repo.add_wheel(number)));
        repo.run(&["inventory", "--out", "list.jsonl"]).ok();
        let list = ["build", "--inventory", "list.jsonl"];
        let (ran, calls) = calls_of(&copy_of(&repo), &list);
        ran.ok();
        for call in named(&calls) {
            let repo = copy_of(&repo);
            stopped_before(&repo, &list, call.call);
            repo.build(&[]);
            is_whole(&repo, MANNERS[0], &format!("a list, before {:?} {}", call.op, call.path.display()));
        }
    }
}

#[test]
fn a_build_that_is_told_in_another_manner_is_no_trace_of_it() {
    for [first, second] in [[0, 1], [2, 0], [3, 0], [0, 3]].map(|of| of.map(|one| MANNERS[one])) {
        let (repo, name) = about_to_build(first, second);
        repo.told(&name, &[]).ok();
        pages::say_what_is_there(&copied_if(&repo, second), &format!("{first}, told in {second}"));
        repo.configure(&in_manner(first));
        repo.build(&[]);
        is_whole(&repo, first, &format!("{first}, told in {second}"));
    }
}

/// The repository, where its files lie in the site; else one that has them there.
fn copied_if(repo: &Repo, manner: &str) -> Repo {
    let copy = copy_of(repo);
    if manner == MANNERS[1] {
        copy.configure(&in_manner(MANNERS[0]));
        copy.build(&[]);
    }
    copy
}

#[test]
fn a_file_that_is_held_has_the_names_of_another_manner_too() {
    let (repo, _) = about_to_build(MANNERS[0], MANNERS[2]);
    repo.add("p1-1.0-py3-none-any.whl", b"other bytes, which nobody asked for");
    let out = repo.build(&[]);
    assert_eq!(out["files"]["held"], json!(1), "{out}");
    is_whole(&repo, MANNERS[2], "a file that is held");
}

#[test]
fn a_page_that_changes_has_no_copy_of_what_it_was_whoever_makes_it() {
    let config = |forms: &str| WITH_PAGES.replace("[\"gz\"]", forms);
    let repo = Repo::with_config(&config("[]"));
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    repo.run(&[&["build", "--init"], &at(-3)[..]].concat()).ok();
    // No build in this manner looks at everything, so that only these runs can know.
    repo.configure(&config("[\"gz\"]"));
    let author = Author::known(11);
    let zip = author.sign("cheese", &["1.0"], None, &at(-2));
    repo.accept(&[&zip], &[&["--register", &format!("cheese={}", author.keyid())], &at(-2)[..]].concat());
    let copy = repo.site().join("simple/cheese/index.html.gz");
    assert!(copy.exists() && repo.site().join("simple/index.html.gz").exists());
    repo.configure(&config("[]"));
    let zip = author.sign("cheese", &["1.1"], Some(&repo), &[&at(-1)[..], &["--yes"]].concat());
    repo.accept(&[&zip], &at(-1));
    assert!(!copy.exists(), "a server sends it in place of the page");
    let (name, bytes) = wheel("bread", "1.0");
    repo.add(&name, &bytes);
    repo.told(&name, &at(0)).ok();
    assert!(!repo.site().join("simple/index.html.gz").exists());
    pages::say_what_is_there(&repo, "copies of what was");
}

/// Carries the manifest out if it is there; to remove what never was there is no error of an object store, and what is gone
/// here by now is no more to be uploaded.
pub(super) fn carry_out(repo: &Repo, there: &mut Elsewhere) {
    let file = repo.path().join("to-do.txt");
    let Ok(text) = std::fs::read_to_string(&file) else { return };
    let is_possible = |line: &&str| {
        line.strip_prefix("remove ").is_none_or(|path| there.folder.join(path).exists())
            && line.strip_prefix("upload ").is_none_or(|path| repo.site().join(path).exists())
    };
    let text: Vec<&str> = text.lines().filter(is_possible).collect();
    std::fs::write(&file, text.join("\n")).unwrap();
    there.carry_out(&repo.site(), &file, |_| {});
}

/// A scene that is uploaded as it stands before its command.
pub(super) fn uploaded(scene: &Scene) -> (Repo, Elsewhere) {
    let repo = scene.copy();
    let mut there = Elsewhere::of(&repo);
    repo.told("pipeline", &[&["--manifest", "to-do.txt"], &at(-1)[..]].concat()).ok();
    carry_out(&repo, &mut there);
    (repo, there)
}

#[test]
fn what_a_stopped_build_left_is_put_right_where_the_site_is_uploaded_to() {
    let scene = Scene::build(4, 3);
    let (base, _) = uploaded(&scene);
    let (_, calls) = calls_of(&copy_of(&base), &scene.args());
    for call in named(&calls) {
        let repo = copy_of(&base);
        let mut there = Elsewhere::of(&repo);
        let when = format!("stopped before {:?} {}", call.op, call.path.display());
        // Whoever uploads has not come to it when the next build is stopped.
        repo.told("nothing", &[&["--manifest", "to-do.txt"], &at(0)[..]].concat()).ok();
        let manifest = repo.path().join("to-do.txt");
        let pages = files_of_pages(&repo);
        let text = std::fs::read_to_string(&manifest).unwrap();
        std::fs::write(&manifest, format!("{text}\n{pages}")).unwrap();
        stopped_before(&repo, &scene.args(), call.call);
        carry_out(&repo, &mut there);
        // What it would have brought is not wanted any more, by whoever is told of little.
        for entry in std::fs::read_dir(repo.source()).unwrap() {
            std::fs::remove_file(entry.unwrap().path()).unwrap();
        }
        (0..4).for_each(|number| drop(repo.add_wheel(number)));
        let told = ["--allow-removals", "--replace", "p1-1.0-py3-none-any.whl", "--manifest", "to-do.txt"];
        repo.told("p1-1.0-py3-none-any.whl\np2-1.0-py3-none-any.whl", &[&told, &at(1)[..]].concat()).ok();
        carry_out(&repo, &mut there);
        assert_eq!(differs(&repo, &there.folder), [""; 0], "{when}");
        let (here, elsewhere) = (snapshot_of(&repo.site()), snapshot_of(&there.folder));
        for path in repo.targets().keys() {
            assert!(here.get(path) == elsewhere.get(path), "{when}: {path}");
        }
    }
}

/// Lines of a manifest that upload every plain page and file.
fn files_of_pages(repo: &Repo) -> String {
    repo.targets().keys().map(|path| format!("upload {path}\n")).collect()
}

#[test]
fn a_manifest_that_was_carried_out_is_where_the_next_begins_whatever_was_recorded() {
    let scene = Scene::build(4, 3);
    let (base, _) = uploaded(&scene);
    let args = [scene.args(), vec!["--manifest", "to-do.txt"]].concat();
    let (_, calls) = calls_of(&copy_of(&base), &args);
    let of_manifest = |call: &&Call| {
        let is_one = |path: &Path| path.ends_with("to-do.txt") || path.ends_with("uploads.jsonl");
        is_one(&call.path) || call.other.as_deref().is_some_and(is_one)
    };
    let chosen: Vec<&Call> = calls.iter().filter(|c| c.op == Op::Rename).filter(of_manifest).collect();
    let [_, chosen @ ..] = &chosen[..] else { panic!("that pages of a project go") };
    assert_eq!(chosen.len(), 3, "a record, the manifest, and that it is there: {chosen:?}");
    for call in (chosen[0].call..=chosen[2].call + 1).filter(|at| calls.iter().any(|c| c.call == *at)) {
        let repo = copy_of(&base);
        let mut there = Elsewhere::of(&repo);
        with_fault(&repo, &args, call, "stop");
        carry_out(&repo, &mut there);
        // The replaced file has its first bytes again.
        repo.add_wheel(1);
        let back = ["--replace", "p1-1.0-py3-none-any.whl", "--manifest", "to-do.txt"];
        repo.build(&[&back, &at(1)[..]].concat());
        carry_out(&repo, &mut there);
        assert_eq!(differs(&repo, &there.folder), [""; 0], "stopped at call {call}");
        let plain = "packages/p1/p1-1.0-py3-none-any.whl";
        let (here, elsewhere) = (repo.site().join(plain), there.folder.join(plain));
        assert_eq!(std::fs::read(here).unwrap(), std::fs::read(elsewhere).unwrap(), "stopped at call {call}");
    }
}

#[test]
fn a_record_of_uploads_that_cannot_be_read_is_not_none() {
    let scene = Scene::sweep();
    let (repo, _) = uploaded(&scene);
    let record = repo.path().join(".tuffet/uploads.jsonl");
    std::fs::write(&record, "tuffet uploads 1\n{\"file\":").unwrap();
    let before = snapshot_of(&repo.site());
    for args in [scene.args(), [&["build", "--manifest", "to-do.txt"], &at(0)[..]].concat()] {
        let ran = repo.run(&args);
        assert_eq!(ran.code, 5, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("uploads.jsonl") && ran.stderr.contains("Remove it"), "{}", ran.stderr);
        assert!(std::fs::read_to_string(&record).unwrap().ends_with("{\"file\":"));
    }
    assert_eq!(snapshot_of(&repo.site()), before, "nothing was removed of which nobody knows");
    std::fs::remove_file(&record).unwrap();
    repo.run(&scene.args()).ok();
}

#[test]
fn removals_go_elsewhere_in_the_order_in_which_a_sweep_removes() {
    let scene = Scene::sweep();
    let (repo, mut there) = uploaded(&scene);
    repo.run(&scene.args()).ok();
    repo.build(&[&["--manifest", "to-do.txt"], &at(0)[..]].concat());
    let text = std::fs::read_to_string(repo.path().join("to-do.txt")).unwrap();
    let groups: Vec<Vec<(String, String)>> = text.split("\n\n").map(lines).collect();
    let group = |part: &str| {
        let has = |group: &Vec<(String, String)>| {
            group.iter().any(|(verb, path)| verb == "remove" && path.contains(part))
        };
        groups.iter().position(has).unwrap_or_else(|| panic!("{part}: {text}"))
    };
    let order = [".snapshot.json", "bin-", "packages/p1/p1-1.0-py3-none-any.whl"].map(group);
    // No page is among them that could lead to the file: the build took it away.
    assert!(order[0] < order[1] && order[1] <= order[2], "{order:?}: {text}");
    carry_out(&repo, &mut there);
    assert_eq!(differs(&repo, &there.folder), [""; 0]);
}

#[test]
fn pages_of_a_mirror_that_say_nothing_now_get_their_names_back() {
    let repo = super::bandersnatch::copied("all", &["json=true"]);
    let text = std::fs::read_to_string(repo.path().join("pipeline.toml")).unwrap();
    repo.configure(&format!("{text}[site]\ncompress = [\"gz\"]\n"));
    repo.run(&["build", "--init"]).ok();
    let page = repo.site().join("simple/whey/index.html");
    let copy = repo.site().join("simple/whey/index.html.gz");
    let [before, copied] = [&page, &copy].map(|path| std::fs::read(path).unwrap());
    // As a run leaves it that did not end.
    std::fs::remove_file(&page).unwrap();
    std::fs::write(&page, "of a build that was stopped").unwrap();
    std::fs::write(&copy, "of it, too").unwrap();
    std::fs::create_dir(repo.path().join(".tuffet/staging")).unwrap();
    let web = repo.source().join("web/simple/whey");
    for name in ["index.html", "index.v1_json"] {
        std::fs::write(web.join(name), "{").unwrap();
    }
    let out = repo.build(&[]);
    assert!(out["warnings"].as_array().unwrap().iter().any(|w| w["code"] == "page-unreadable"), "{out}");
    assert_eq!(std::fs::read(&page).unwrap(), before);
    assert_eq!(out["published"], json!(false));
    assert_eq!(std::fs::read(&copy).unwrap(), copied);
}
