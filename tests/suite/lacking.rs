//! Names that published files lack, and names that hold what was never published: whichever run comes next, and whatever
//! it was asked, a later build knows of them, and so does whoever uploads the site.

use super::astray::{MANNERS, carry_out, in_manner, is_whole, uploaded};
use super::ceremonies::{Safe, apply, prepare};
use super::half::{half, not_public, registered, rotated};
use super::manifest::{Elsewhere, differs, lines};
use super::recovery;
use super::support::author::{Author, wheel, wheel_with, zip_of};
use super::support::calls::{Call, Op, calls_of, stopped_before, with_fault};
use super::support::scenes::{Scene, WITH_PAGES, at, copy_of};
use super::support::{Repo, pages, snapshot_of};
use serde_json::{Value, json};
use std::path::Path;

fn codes(out: &Value) -> Vec<&str> {
    out["warnings"].as_array().unwrap().iter().filter_map(|warning| warning["code"].as_str()).collect()
}

/// What changes names.
fn renames(calls: &[Call]) -> impl Iterator<Item = &Call> {
    calls.iter().filter(|call| matches!(call.op, Op::Rename | Op::Link | Op::Remove))
}

#[test]
fn pages_that_an_accept_left_and_another_took_back_are_put_right_where_the_site_is_uploaded_to() {
    let config = format!("{WITH_PAGES}[bins]\ncount = 2\n");
    let base = Repo::with_config(&config);
    let (name, bytes) = wheel("milk", "1.0");
    base.add(&name, &bytes);
    base.run(&[&["build", "--init"], &at(-9)[..]].concat()).ok();
    let author = Author::known(11);
    let register = format!("cheese={}", author.keyid());
    let zip = author.sign("cheese", &["1.0"], None, &at(-8));
    base.accept(&[&zip], &[&["--register", &register], &at(-8)[..]].concat());
    // A manifest that waits, of everything.
    base.build(&[&["--manifest", "to-do.txt"], &at(-7)[..]].concat());
    let zip = author.sign("cheese", &["1.1"], Some(&base), &[&["--yes"], &at(-6)[..]].concat());
    let args = [&["project", "accept", zip.to_str().unwrap()], &at(-6)[..]].concat();
    let (_, calls) = calls_of(&copy_of(&base), &args);
    let mut tried = 0;
    for call in renames(&calls) {
        let repo = copy_of(&base);
        let mut there = Elsewhere::of(&repo);
        stopped_before(&repo, &args, call.call);
        carry_out(&repo, &mut there);
        // Nothing of it is wanted any more: its pages go back to what they were.
        let zip = author.sign("cheese", &[], Some(&repo), &[&["--yes"], &at(-5)[..]].concat());
        repo.run(&[&["project", "accept", zip.to_str().unwrap()], &at(-5)[..]].concat());
        repo.build(&[&["--manifest", "to-do.txt"], &at(-4)[..]].concat());
        carry_out(&repo, &mut there);
        let when = format!("stopped before {:?} {}", call.op, call.path.display());
        assert_eq!(differs(&repo, &there.folder), [""; 0], "{when}");
        let (here, elsewhere) = (snapshot_of(&repo.site()), snapshot_of(&there.folder));
        for path in here.keys().filter(|path| path.starts_with("simple/cheese/")) {
            assert!(here.get(path) == elsewhere.get(path), "{when}: {path}");
        }
        tried += 1;
    }
    assert!(tried > 10, "{tried}");
}

#[test]
fn a_file_that_is_nowhere_when_the_manner_changes_is_lost_until_the_source_has_it() {
    let repo = Repo::with_config(&in_manner(MANNERS[1]));
    let (name, first) = wheel("cheese", "1.0");
    repo.add(&name, &first);
    (1..3).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&["build", "--init"]).ok();
    repo.configure(&in_manner(MANNERS[0]));
    repo.add(&name, &wheel_with("cheese", "1.0", "Summary: other\n").1);
    for _ in 0..2 {
        let out = repo.build(&[]);
        assert!(codes(&out).contains(&"lost"), "{out}");
        assert_ne!(repo.run(&["verify"]).code, 0, "what is not there is noticed");
    }
    repo.add(&name, &first);
    repo.build(&[]);
    is_whole(&repo, MANNERS[0], "the source has the published bytes again");
    let out = repo.build(&[]);
    assert!(!codes(&out).contains(&"lost") && out["written"]["files"] == json!(0), "{out}");
}

#[test]
fn a_page_of_a_mirror_that_says_nothing_while_the_manner_changes_is_made_later() {
    let repo = super::bandersnatch::copied("all", &["json=true"]);
    let text = std::fs::read_to_string(repo.path().join("pipeline.toml")).unwrap();
    let config = |manner: &str| repo.configure(&format!("{text}[site]\n{manner}\n"));
    config(MANNERS[1]);
    repo.run(&["build", "--init"]).ok();
    let web = repo.source().join("web/simple/whey");
    let names = ["index.html", "index.v1_json"].map(|name| web.join(name));
    let kept = names.each_ref().map(|path| std::fs::read(path).unwrap());
    names.iter().for_each(|path| std::fs::write(path, "{").unwrap());
    config(MANNERS[0]);
    let out = repo.build(&[]);
    assert!(codes(&out).contains(&"page-unreadable"), "{out}");
    for (path, bytes) in names.iter().zip(kept) {
        std::fs::write(path, bytes).unwrap();
    }
    repo.build(&[]);
    is_whole(&repo, MANNERS[0], "the mirror's page is there again");
}

fn is_said_until_it_is_free(repo: &Repo, name: &Path) {
    for _ in 0..2 {
        let out = repo.build(&[]);
        assert!(codes(&out).contains(&"name-blocked"), "{out}");
    }
    std::fs::remove_dir(name).unwrap();
    repo.build(&[]);
    assert!(name.is_file());
}

#[test]
fn a_blocked_name_is_given_once_it_is_free() {
    let repo = Repo::with_config(&in_manner(MANNERS[0]));
    let name = repo.add_wheel(1);
    repo.run(&["build", "--init"]).ok();
    repo.configure(&in_manner(MANNERS[2]));
    let (path, digest) = repo.targets().into_iter().find(|(path, _)| path.ends_with(&name)).unwrap();
    let alias = repo.site().join(format!("{digest}.{path}"));
    std::fs::create_dir_all(&alias).unwrap();
    is_said_until_it_is_free(&repo, &alias);
    is_whole(&repo, MANNERS[2], "nothing stands there any more");
}

#[test]
fn a_blocked_name_stops_nothing_that_leaves_or_stays() {
    for which in 0..3 {
        for leaves in [true, false] {
            let repo = Repo::with_config(&in_manner(MANNERS[0]));
            let file = repo.add_wheel(1);
            repo.add_wheel(2);
            repo.run(&["build", "--init"]).ok();
            repo.configure(&in_manner(MANNERS[2]));
            let (path, digest) = repo.targets().into_iter().find(|(path, _)| path.ends_with(&file)).unwrap();
            let (folder, name) = path.rsplit_once('/').unwrap();
            let names = [format!("{folder}/{digest}.{name}"), path.clone(), format!("{digest}.{path}")];
            let blocked = repo.site().join(&names[which]);
            let _ = std::fs::remove_file(&blocked);
            std::fs::create_dir_all(&blocked).unwrap();
            // As a run leaves it that did not end.
            std::fs::create_dir(repo.path().join(".tuffet/staging")).unwrap();
            if leaves {
                repo.remove(&file);
            } else {
                repo.add(&file, b"other bytes");
            }
            let out = repo.build(&["--allow-removals"]);
            assert_eq!(codes(&out).contains(&"name-blocked"), !leaves, "{out}");
            assert_eq!(repo.targets().contains_key(&path), !leaves);
        }
    }
}

#[test]
fn a_blocked_name_of_an_authors_file_is_said_every_time() {
    let (repo, _) = registered();
    let text = std::fs::read_to_string(repo.path().join("pipeline.toml")).unwrap();
    repo.configure(&text.replace("[site]\n", "[site]\ntough_alias = true\n"));
    let targets = repo.of_project("cheese");
    let (path, digest) = targets.iter().find(|(path, _)| path.ends_with(".whl")).unwrap();
    let alias = repo.site().join(format!("{digest}.{path}"));
    std::fs::create_dir_all(&alias).unwrap();
    is_said_until_it_is_free(&repo, &alias);
    // And in the manner of before, after a run that did not end.
    std::fs::remove_file(&alias).unwrap();
    std::fs::create_dir(&alias).unwrap();
    std::fs::create_dir(repo.path().join(".tuffet/staging")).unwrap();
    is_said_until_it_is_free(&repo, &alias);
}

#[test]
fn a_page_whose_names_are_blocked_stops_no_build() {
    for is_folder in [true, false] {
        let (repo, _) = registered();
        for project in ["milk", "cheese"] {
            let path = format!("simple/{project}/index.html");
            let digest = &repo.all_targets()[&path];
            let folder = repo.site().join("simple").join(project);
            let hashed = folder.join(format!("{digest}.index.html"));
            if is_folder {
                std::fs::remove_file(&hashed).unwrap();
                std::fs::create_dir(&hashed).unwrap();
            } else {
                std::fs::rename(&folder, repo.path().join(project)).unwrap();
                std::fs::write(&folder, "a file").unwrap();
            }
        }
        // As a run leaves it that did not end.
        std::fs::create_dir(repo.path().join(".tuffet/staging")).unwrap();
        let name = repo.add_wheel(3);
        let out = repo.build(&[]);
        assert!(codes(&out).contains(&"name-blocked"), "{out}");
        assert!(repo.targets().keys().any(|path| path.ends_with(&name)));
    }
}

#[test]
fn what_was_made_of_a_replaced_file_has_its_own_bytes_when_it_leaves() {
    let base = Repo::with_config(WITH_PAGES);
    let (name, bytes) = wheel("cheese", "1.0");
    base.add(&name, &bytes);
    base.add_wheel(1);
    base.run(&[&["build", "--init"], &at(-3)[..]].concat()).ok();
    let metadata = format!("packages/cheese/{name}.metadata");
    let published = std::fs::read(base.site().join(&metadata)).unwrap();
    let other = "Metadata-Version: 2.1\nName: cheese\nVersion: 1.0\nSummary: other\n";
    base.add(&name, &zip_of([("cheese-1.0.dist-info/METADATA", other.as_bytes())].into_iter()));
    let args = [&["build", "--replace", &name], &at(-2)[..]].concat();
    let (_, calls) = calls_of(&copy_of(&base), &args);
    let mut tried = 0;
    let before = base.targets();
    assert!(before.contains_key(&metadata));
    for call in renames(&calls) {
        let repo = copy_of(&base);
        stopped_before(&repo, &args, call.call);
        let now = || std::fs::read(repo.site().join(&metadata)).unwrap();
        if repo.targets() != before || now() == published {
            continue;
        }
        // This one has no METADATA.
        repo.add(&name, b"no archive");
        repo.told(&name, &[&["--replace", &name], &at(-1)[..]].concat()).ok();
        assert!(!repo.targets().contains_key(&metadata));
        assert!(now() == published, "stopped before {:?} {}", call.op, call.path.display());
        tried += 1;
    }
    assert!(tried > 1, "{tried}");
}

#[test]
fn a_recovery_that_was_given_up_half_way_is_begun_anew() {
    let (repo, _) = registered();
    let safe = Safe::with(&repo, &["admin-1", "root-1", "root-2"]);
    let (good, backup) = (recovery::snapshot_now(&repo), repo.path().join("backup"));
    recovery::copy(&repo.site(), &backup);
    let file = recovery::signed(&repo, &safe, good, &backup);
    not_public(&repo, &["ceremony", "apply", file.to_str().unwrap()]);
    assert!(repo.site().join("metadata/2.targets.json").exists());
    repo.run(&["ceremony", "abandon"]).ok();
    assert!(!repo.site().join("metadata/2.targets.json").exists());
    for file in [file, repo.path().join(format!("back-to-{good}.json"))] {
        std::fs::remove_file(file).unwrap();
    }
    let file = recovery::signed_with(&repo, &safe, (good, &backup), &["--abandoned"]);
    apply(&repo, &[&file]);
    repo.build(&["--rehash"]);
    repo.run(&["verify"]).ok();
}

#[test]
fn a_ceremony_of_which_it_cannot_be_told_whether_it_is_public_is_not_given_up() {
    let (repo, signed, _safe) = rotated();
    let apply = ["ceremony", "apply", signed.to_str().unwrap()];
    half(&repo, &apply);
    let snapshot = format!("metadata/{}.snapshot.json", recovery::snapshot_now(&repo));
    for (name, bytes) in [
        ("metadata/timestamp.json", None),
        ("metadata/timestamp.json", Some("")),
        (&*snapshot, None),
        (&*snapshot, Some("{")),
    ] {
        let repo = copy_of(&repo);
        // The key that the timestamp is signed with tells nothing of a ceremony that brings none.
        let path = repo.path().join(".tuffet/ledger/ceremony.json");
        let mut noted: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        noted.as_object_mut().unwrap().remove("online").unwrap();
        std::fs::write(&path, noted.to_string()).unwrap();
        let lost = repo.site().join(name);
        std::fs::remove_file(&lost).unwrap();
        if let Some(bytes) = bytes {
            std::fs::write(&lost, bytes).unwrap();
        }
        let before = snapshot_of(&repo.site());
        let ran = repo.run(&["ceremony", "abandon"]);
        assert!(ran.code == 5 && ran.stderr.contains("Put the file back first"), "{name}: {}", ran.stderr);
        assert!(snapshot_of(&repo.site()) == before && path.exists());
    }
}

#[test]
fn a_root_that_is_there_is_public() {
    let (repo, _) = registered();
    let safe = Safe::with(&repo, &["root-1", "root-2"]);
    let (_, file) = prepare(&repo, &["--rotate", "root", "--threshold", "root=1"]);
    let (code, said, signed) = safe.sign(&file, &["--trust", "root=1"]);
    assert_eq!(code, 0, "{said}");
    let args = ["ceremony", "apply", signed.to_str().unwrap()];
    let (_, calls) = calls_of(&copy_of(&repo), &args);
    let is_root =
        |call: &&Call| call.other.as_ref().is_some_and(|to| to.to_string_lossy().contains("/2.root.json"));
    let placed = calls.iter().find(is_root).unwrap().call;
    with_fault(&repo, &args, placed + 1, "stop");
    assert!(repo.site().join("metadata/2.root.json").exists());
    let ran = repo.run(&["ceremony", "abandon"]);
    assert!(ran.code != 0 && ran.stderr.contains("public already"), "{}", ran.stderr);
    apply(&repo, &[&signed]);
    repo.run(&["build"]).ok();
    repo.verify();
}

#[test]
fn a_submission_that_comes_in_in_another_manner_is_no_trace_of_it() {
    for [first, second] in [[2, 0], [3, 0]].map(|of| of.map(|one| MANNERS[one])) {
        let repo = Repo::with_config(&in_manner(first));
        repo.add_wheel(1);
        repo.run(&[&["build", "--init"], &at(-5)[..]].concat()).ok();
        repo.configure(&in_manner(second));
        let author = Author::known(11);
        let zip = author.sign("cheese", &["1.0"], None, &at(-4));
        repo.accept(&[&zip], &[&["--register", &format!("cheese={}", author.keyid())], &at(-4)[..]].concat());
        repo.configure(&in_manner(first));
        repo.build(&at(-3));
        for (path, digest) in repo.all_targets() {
            let copied = first == MANNERS[3] && path.starts_with("simple/");
            assert!(!copied || repo.site().join(format!("{path}.gz")).exists(), "{path}");
            let alias = repo.site().join(format!("{digest}.{path}"));
            assert!(first != MANNERS[2] || alias.exists(), "{}", alias.display());
        }
        pages::say_what_is_there(&repo, first);
    }
}

#[test]
fn pages_of_a_project_that_was_revoked_by_half_go_with_a_build_from_a_list_too() {
    let config = format!("{}[index]\nformats = []\n", in_manner(MANNERS[0]));
    let repo = Repo::with_config(&config);
    repo.add_wheel(1);
    repo.run(&[&["build", "--init"], &at(-5)[..]].concat()).ok();
    let author = Author::known(11);
    let zip = author.sign("cheese", &["1.0"], None, &at(-4));
    repo.accept(&[&zip], &[&["--register", &format!("cheese={}", author.keyid())], &at(-4)[..]].concat());
    repo.run(&["inventory", "--out", "list.jsonl"]).ok();
    let args = [&["project", "revoke", "cheese", "--yes"], &at(-3)[..]].concat();
    let (_, calls) = calls_of(&copy_of(&repo), &args);
    let is_page =
        |call: &&Call| call.op == Op::Remove && call.path.to_string_lossy().contains("simple/cheese");
    let mut tried = 0;
    for call in calls.iter().filter(is_page) {
        let repo = copy_of(&repo);
        with_fault(&repo, &args, call.call, "stop");
        repo.build(&[&["--inventory", "list.jsonl"], &at(-2)[..]].concat());
        for page in ["index.html", "index.v1_json"] {
            assert!(!repo.site().join("simple/cheese").join(page).exists(), "{page}");
        }
        tried += 1;
    }
    assert!(tried > 1, "{tried}");
}

#[test]
fn many_builds_between_two_manifests_list_what_they_changed_and_no_more() {
    let repo = Repo::with_config(&in_manner(MANNERS[0]));
    (0..20).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&["build", "--init"]).ok();
    let mut there = Elsewhere::of(&repo);
    repo.build(&["--manifest", "to-do.txt"]);
    carry_out(&repo, &mut there);
    for number in 0..110 {
        let (name, bytes) = wheel("cheese", &format!("1.{number}"));
        repo.add(&name, &bytes);
        repo.told(&name, &[]).ok();
    }
    repo.build(&["--manifest", "to-do.txt"]);
    let text = std::fs::read_to_string(repo.path().join("to-do.txt")).unwrap();
    let uploads = lines(&text).into_iter().filter(|(verb, _)| verb == "upload").count();
    assert!(text.contains("cheese-1.0-") && !text.contains("packages/p1/"), "{uploads} uploads");
    carry_out(&repo, &mut there);
    assert_eq!(differs(&repo, &there.folder), [""; 0]);
}

#[test]
fn a_record_of_uploads_that_cannot_be_read_stops_who_would_write_it_before_anything_else() {
    let (repo, author) = registered();
    repo.build(&["--manifest", "to-do.txt"]);
    let zip = author.sign("cheese", &["1.1"], Some(&repo), &["--yes"]);
    let accept = ["project", "accept", zip.to_str().unwrap()];
    let revoke = ["project", "revoke", "cheese", "--yes"];
    repo.add_wheel(1);
    let (rotated, signed, _safe) = rotated();
    rotated.build(&["--manifest", "to-do.txt"]);
    let ceremony = ["ceremony", "apply", signed.to_str().unwrap()];
    let other = "tuffet uploads 1\n{\"file\":\"a\",\"from\":[],\"to\":{},\"manner\":\"\",\"removed\":[]}\n";
    for words in ["tuffet uploads 1\n{\"file\":", "tuffet uploads 1\n", other] {
        for (repo, args) in [
            (&repo, &accept[..]),
            (&repo, &revoke),
            (&repo, &["build"]),
            (&rotated, &ceremony),
            (&rotated, &["ceremony", "abandon"]),
        ] {
            let repo = copy_of(repo);
            let record = repo.path().join(".tuffet/uploads.jsonl");
            std::fs::write(&record, words).unwrap();
            let ledger = || {
                let mut all = snapshot_of(&repo.path().join(".tuffet"));
                all.retain(|name, _| name.starts_with("ledger"));
                all
            };
            let before = (snapshot_of(&repo.site()), ledger());
            let ran = repo.run(args);
            assert!(ran.code != 0 && ran.stderr.contains("uploads.jsonl"), "{args:?}: {}", ran.stderr);
            assert!((snapshot_of(&repo.site()), ledger()) == before, "{args:?}");
            assert!(args[0] != "build" || repo.run(&["build", "--dry-run"]).code == 0);
            std::fs::remove_file(&record).unwrap();
            repo.run(args).ok();
        }
    }
}

#[test]
fn a_replaced_file_that_leaves_the_source_has_its_own_bytes_for_its_grace() {
    let scene = Scene::build(4, 3);
    let (base, _) = uploaded(&scene);
    let name = base.add_wheel(2);
    base.build(&at(0));
    let target = format!("packages/p2/{name}");
    base.add(&name, b"replaced, and never published");
    let args = [&["build", "--replace", &name], &at(1)[..]].concat();
    let (_, calls) = calls_of(&copy_of(&base), &args);
    let before = base.targets();
    let names = [target, "simple/p2/index.html".to_owned(), "simple/p2/index.html.gz".to_owned()];
    let bytes = |repo: &Repo| names.each_ref().map(|name| std::fs::read(repo.site().join(name)).unwrap());
    let published = bytes(&base);
    let mut tried = 0;
    for call in renames(&calls) {
        let stopped = copy_of(&base);
        stopped_before(&stopped, &args, call.call);
        if stopped.targets() != before {
            continue;
        }
        stopped.remove(&name);
        tried += usize::from(bytes(&stopped) != published);
        let told = copy_of(&stopped);
        told.told(&name, &[&["--allow-removals"], &at(2)[..]].concat()).ok();
        stopped.build(&[&["--allow-removals"], &at(2)[..]].concat());
        for repo in [stopped, told] {
            assert!(!repo.targets().contains_key(&names[0]));
            let when = format!("stopped before {:?} {}", call.op, call.path.display());
            let [target, pages @ ..] = &names;
            assert!(std::fs::read(repo.site().join(target)).unwrap() == published[0], "{when}");
            // By these pip would go on.
            assert!(pages.iter().all(|page| !repo.site().join(page).exists()), "{when}");
        }
    }
    assert!(tried > 2, "{tried}");
}

#[test]
fn whoever_goes_back_meets_nothing_of_a_ceremony_that_was_given_up() {
    let (repo, rotated, safe) = rotated();
    let (good, backup) = (recovery::snapshot_now(&repo), repo.path().join("backup"));
    recovery::copy(&repo.site(), &backup);
    let metadata = || snapshot_of(&repo.site().join("metadata"));
    let before = metadata();
    not_public(&repo, &["ceremony", "apply", rotated.to_str().unwrap()]);
    assert!(metadata().len() > before.len() + 1, "roles were placed, and no root");
    repo.run(&["ceremony", "abandon"]).ok();
    let is_targets = |name: &&String| name.ends_with(".targets.json") || name.ends_with(".unclaimed.json");
    let (before, after): (Vec<_>, Vec<_>) = (
        before.keys().filter(is_targets).cloned().collect(),
        metadata().keys().filter(is_targets).cloned().collect(),
    );
    assert_eq!(before, after, "roles that nobody signed for in the end");
    let file = recovery::signed_with(&repo, &safe, (good, &backup), &["--abandoned"]);
    apply(&repo, &[&file]);
    repo.build(&["--rehash"]);
    repo.run(&["verify"]).ok();
}
