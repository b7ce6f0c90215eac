//! Layout `bandersnatch`: what the real bandersnatch mirrors goes in, and what a torn or stale mirror
//! must not take away.

use super::support::{Repo, clients};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

const REASON: &str = "Curdled: \"off\" & <sour>";

/// Tests run side by side, and two of them may ask for the same mirror.
static MAKING: Mutex<()> = Mutex::new(());

/// A mirror of the sample repository by the real bandersnatch, made once for each set of settings.
fn mirror(name: &str, settings: &[&str]) -> PathBuf {
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = clients::target_folder().join("mirrors").join(name);
    let script = root.join("tests/clients/mirror.py");
    let stamp = out.with_extension("made-by");
    let wanted = std::fs::read(&script).unwrap();
    if std::fs::read(&stamp).ok().as_ref() != Some(&wanted) {
        let _ = std::fs::remove_dir_all(&out);
        std::fs::create_dir_all(&out).unwrap();
        let mut command = Command::new(clients::python());
        command.arg(script).arg(root.join("sample-repo")).arg(&out);
        command.args([
            "--yank",
            &format!("curds-0.9.1-py3-none-any.whl={REASON}"),
            "--yank",
            "curds-0.9.1.tar.gz=",
        ]);
        command.args(settings.iter().flat_map(|setting| ["--set", setting]));
        clients::run(command.args(["--status", "whey=archived"]), "bandersnatch from PyPI");
        std::fs::write(stamp, wanted).unwrap();
    }
    out
}

fn config(source: &Path, more: &str) -> String {
    format!("[source]\npath = {source:?}\n{more}\n[keys]\ninsecure_plain = true\n")
}

/// A repository whose source is a copy of a mirror, which a test may damage.
pub(crate) fn copied(name: &str, settings: &[&str]) -> Repo {
    let mirror = mirror(name, settings);
    let repo = Repo::with_config("[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n");
    let mut cp = Command::new("cp");
    clients::run(cp.arg("-a").arg(mirror.join(".")).arg(repo.source()), "cp");
    repo
}

/// The targets that are files of the source, and what comes out of them.
fn packages(repo: &Repo) -> BTreeMap<String, String> {
    repo.targets().into_iter().filter(|(path, _)| path.starts_with("packages/")).collect()
}

fn page(repo: &Repo, project: &str) -> Value {
    let bytes = std::fs::read(repo.site().join(format!("simple/{project}/index.v1_json"))).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn codes(out: &Value) -> Vec<String> {
    out["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_bandersnatch_mirrors_gives_the_targets_that_the_same_files_give_flat() {
    let flat = super::index::sample();
    for (name, settings, times, reason) in [
        ("all", &["json=true"][..], true, REASON),
        ("plain", &[], true, REASON),
        ("html", &["simple-format=HTML"], false, REASON),
        ("json", &["simple-format=JSON"], true, ""),
        ("json-kept", &["simple-format=JSON", "json=true"], true, REASON),
        ("hash-index", &["hash-index=true"], true, REASON),
        ("kept-versions", &["keep_index_versions=3"], true, REASON),
        ("absolute", &["root_uri=https://files.example"], true, REASON),
    ] {
        let directory = mirror(name, settings);
        for source in [directory.clone(), directory.join("web")] {
            let repo = Repo::with_config(&config(&source, ""));
            let out = repo.run(&["build", "--init", "--format", "json"]).ok().json();
            assert_eq!((&out["layout"], codes(&out)), (&"bandersnatch".into(), vec![]), "{name}");
            assert_eq!(packages(&repo), packages(&flat), "{name}");
            repo.verify();
            let curds = page(&repo, "curds");
            let files = curds["files"].as_array().unwrap();
            let yanked: Vec<&Value> = files.iter().map(|file| &file["yanked"]).collect();
            let said = if reason.is_empty() { Value::from(true) } else { reason.into() };
            assert_eq!(yanked, [&said, &true.into(), &false.into(), &false.into()], "{name}");
            for file in files {
                let uploaded = file["upload-time"].as_str().unwrap_or_default();
                assert_eq!(uploaded.starts_with("202") && uploaded.ends_with('Z'), times, "{name}: {file}");
            }
            let status = &page(&repo, "whey")["project-status"];
            let kept = settings.contains(&"json=true");
            assert_eq!(status["status"].as_str(), kept.then_some("archived"), "{name}");
            assert_eq!(repo.build(&[])["published"], false, "{name}");
        }
    }
    let out = flat.build(&[]);
    assert_eq!(out["layout"], "flat");
}

/// Applies `damage` to the folder web/ of a mirror that is published, and builds again.
fn after(damage: impl FnOnce(&Path)) -> (Repo, BTreeMap<String, String>, Value) {
    let repo = copied("plain", &[]);
    repo.run(&["build", "--init"]).ok();
    let before = packages(&repo);
    damage(&repo.source().join("web"));
    let out = repo.build(&[]);
    repo.verify();
    (repo, before, out)
}

/// The one file below `packages/` whose name ends so.
fn blob(web: &Path, ending: &str) -> PathBuf {
    let below = walkdir::WalkDir::new(web.join("packages")).into_iter().map(Result::unwrap);
    let mut found =
        below.map(walkdir::DirEntry::into_path).filter(|path| path.to_string_lossy().ends_with(ending));
    found.next().unwrap_or_else(|| panic!("no {ending}"))
}

#[test]
fn a_torn_mirror_takes_nothing_away() {
    let tear = |path: PathBuf| {
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    type Damage<'a> = &'a dyn Fn(&Path);
    let table: [(&str, &str, Damage<'_>); 9] = [
        ("a page that is a link to nothing", "page-unreadable", &|web| {
            for page in ["index.html", "index.v1_html", "index.v1_json"] {
                let _ = std::fs::remove_file(web.join("simple/whey").join(page));
            }
            std::os::unix::fs::symlink("versions/gone.html", web.join("simple/whey/index.html")).unwrap();
        }),
        ("a torn page of JSON", "page-unreadable", &|web| tear(web.join("simple/whey/index.v1_json"))),
        ("a torn page of HTML", "page-unreadable", &|web| tear(web.join("simple/whey/index.html"))),
        ("an empty page", "page-unreadable", &|web| {
            std::fs::write(web.join("simple/whey/index.html"), b"").unwrap()
        }),
        ("a file gone", "not-mirrored", &|web| std::fs::remove_file(blob(web, "/whey-3.2.tar.gz")).unwrap()),
        ("a file emptied", "partial-download", &|web| {
            std::fs::write(blob(web, "/whey-3.2.tar.gz"), b"").unwrap()
        }),
        ("a file torn", "garbled", &|web| tear(blob(web, "/whey-3.2.tar.gz"))),
        ("a file that no page offers", "not-offered", &|web| {
            std::fs::copy(blob(web, "/whey-3.2.tar.gz"), web.join("packages/whey-9.9.tar.gz")).unwrap();
        }),
        ("a download that was stopped", "partial-download", &|web| {
            std::fs::write(web.join("packages/.whey-3.3.tar.gz.yb84t0j6"), b"half").unwrap();
        }),
    ];
    for (what, code, damage) in table {
        let (repo, before, out) = after(damage);
        let whey =
            |repo: &Repo| repo.targets().into_iter().filter(|(path, _)| path.contains("/whey/")).collect();
        let said: BTreeMap<String, String> = whey(&repo);
        assert!(codes(&out).iter().any(|found| found == code), "{what}: {out}");
        assert_eq!(packages(&repo), before, "{what}");
        assert_eq!(out["files"]["removed"], 0, "{what}");
        // Nothing remembered: still nothing is lost.
        std::fs::remove_dir_all(repo.path().join(".tuffet/cache")).unwrap();
        repo.build(&[]);
        assert_eq!(packages(&repo), before, "{what}, without the cache");
        assert_eq!(whey(&repo), said, "{what}: its pages say what they said");
    }
}

#[test]
fn what_the_mirror_drops_goes_and_what_it_says_anew_is_said() {
    let (repo, before, out) = after(|web| {
        let page = web.join("simple/curds/index.v1_json");
        let text = std::fs::read_to_string(&page).unwrap();
        let mut page_now: Value = serde_json::from_str(&text).unwrap();
        page_now["meta"]["_last-serial"] = "9999".into();
        let files = page_now["files"].as_array_mut().unwrap();
        files.retain(|file| file["filename"] != "curds-0.9.1.tar.gz");
        files.iter_mut().for_each(|file| file["yanked"] = "all of it".into());
        page_now["project-status"] = serde_json::json!({"status": "deprecated", "reason": "see <quark>"});
        std::fs::write(page, page_now.to_string()).unwrap();
    });
    // The page of HTML is older, and the newer one is the list.
    assert_eq!((&out["files"]["removed"], codes(&out)), (&1.into(), vec!["not-offered".to_owned()]));
    let gone: Vec<&String> = before.keys().filter(|path| !packages(&repo).contains_key(*path)).collect();
    assert_eq!(gone, ["packages/curds/curds-0.9.1.tar.gz"]);
    let curds = page(&repo, "curds");
    assert_eq!(curds["project-status"], serde_json::json!({"status": "deprecated", "reason": "see <quark>"}));
    assert!(curds["files"].as_array().unwrap().iter().all(|file| file["yanked"] == "all of it"));
    let html = std::fs::read_to_string(repo.site().join("simple/curds/index.html")).unwrap();
    for meta in [
        "<meta name=\"pypi:project-status\" content=\"deprecated\">",
        "<meta name=\"pypi:project-status-reason\" content=\"see &lt;quark&gt;\">",
    ] {
        assert!(html.contains(meta), "{html}");
    }
}

#[test]
fn what_a_page_must_not_offer_is_named_and_left_out() {
    let repo = copied("plain", &[]);
    let path = repo.source().join("web/simple/whey/index.v1_json");
    let mut document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let files = document["files"].as_array_mut().unwrap();
    let mut again = files[0].clone();
    again["url"] = "../../packages/elsewhere/whey-3.2-py3-none-any.whl".into();
    let mut metadata = files[0].clone();
    metadata["url"] = format!("{}.metadata", files[0]["url"].as_str().unwrap()).into();
    let mut climbing = files[0].clone();
    climbing["url"] = "../../packages/../../../etc/passwd".into();
    files.extend([again, metadata, climbing]);
    document["meta"]["_last-serial"] = "9999".into();
    std::fs::write(&path, document.to_string()).unwrap();
    let out = repo.run(&["build", "--init", "--format", "json"]).ok().json();
    assert_eq!(codes(&out), ["name-skipped", "name-skipped"], "{out}");
    assert_eq!(packages(&repo), packages(&super::index::sample()));
    repo.verify();
    assert_eq!(repo.build(&[])["published"], false);
}

#[test]
fn a_quarantined_project_offers_nothing_and_says_so() {
    let repo = copied("plain", &[]);
    repo.run(&["build", "--init"]).ok();
    let path = repo.source().join("web/simple/whey/index.v1_json");
    let mut document: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    document["meta"]["_last-serial"] = "9999".into();
    document["project-status"] = serde_json::json!({"status": "quarantined", "reason": "haunted"});
    std::fs::write(&path, document.to_string()).unwrap();
    // Two of eighteen files are more than a tenth.
    assert_eq!(repo.run(&["build"]).code, 4);
    repo.build(&["--allow-removals"]);
    assert!(!packages(&repo).keys().any(|path| path.starts_with("packages/whey/")));
    let whey = page(&repo, "whey");
    assert_eq!(
        (whey["files"].as_array().unwrap().len(), &whey["project-status"]["reason"]),
        (0, &"haunted".into())
    );
    repo.verify();
}

#[test]
fn layouts_are_told_apart_and_a_wrong_one_is_named() {
    // Folders of these names alone make no mirror.
    let repo = Repo::with_config("[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n");
    repo.add("simple/a-1.0-py3-none-any.whl", b"a");
    repo.add("packages/b-1.0-py3-none-any.whl", b"b");
    let out = repo.run(&["build", "--init", "--format", "json"]).ok().json();
    assert_eq!((&out["layout"], &out["files"]["added"]), (&"flat".into(), &2.into()));
    let no_mirror = Repo::with_config(&config(Path::new("dists"), "layout = \"bandersnatch\""));
    no_mirror.add("a-1.0-py3-none-any.whl", b"a");
    let ran = no_mirror.run(&["build", "--init"]);
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.contains("neither dists nor its folder web/"), "{}", ran.stderr);
    // Pages without files.
    let repo = copied("plain", &[]);
    std::fs::remove_dir_all(repo.source().join("web/packages")).unwrap();
    std::fs::create_dir(repo.source().join("web/packages")).unwrap();
    let ran = repo.run(&["build", "--init"]);
    assert_eq!(ran.code, 4);
    assert!(
        ran.stderr.replace("\n ", "").contains("offer 18 files, and none of them is there"),
        "{}",
        ran.stderr
    );
    assert!(!repo.path().join("site").exists(), "nothing was made");
}

#[test]
fn a_mirror_that_is_half_there_does_not_become_a_folder_of_distributions() {
    let repo = copied("plain", &[]);
    repo.run(&["build", "--init"]).ok();
    let published = packages(&repo);
    let (web, away) = (repo.source().join("web"), repo.path().join("away"));
    for cached in [true, false] {
        for gone in ["simple", "packages", ""] {
            if !cached {
                let _ = std::fs::remove_dir_all(repo.path().join(".tuffet/cache"));
            }
            let there = if gone.is_empty() { web.clone() } else { web.join(gone) };
            std::fs::rename(&there, &away).unwrap();
            let ran = repo.run(&["build"]);
            assert_eq!(ran.code, 4, "{gone} {cached}: {}{}", ran.stdout, ran.stderr);
            std::fs::rename(&away, there).unwrap();
            repo.build(&[]);
        }
    }
    // Nor does one become empty whose pages are gone.
    std::fs::remove_dir_all(web.join("simple")).unwrap();
    std::fs::create_dir(web.join("simple")).unwrap();
    let ran = repo.run(&["build"]);
    assert_eq!(ran.code, 4);
    assert!(ran.stderr.replace("\n ", "").contains("no page of the mirror"), "{}", ran.stderr);
    assert_eq!(packages(&repo), published);
}

/// Pages of bandersnatch's own do not say it; `json/NAME` alone does.
#[test]
fn a_torn_document_of_a_project_lifts_no_quarantine() {
    let repo = copied("all", &["json=true"]);
    let _ = std::fs::remove_file(repo.source().join("web/simple/whey/index.v1_json"));
    // Whatever lies under its other name.
    std::fs::write(repo.source().join("web/pypi/whey/json"), b"torn").unwrap();
    let document = repo.source().join("web/json/whey");
    let whole = std::fs::read(&document).unwrap();
    let mut said: Value = serde_json::from_slice(&whole).unwrap();
    said["last_serial"] = 9999.into();
    said["project-status"] = serde_json::json!({"status": "quarantined", "reason": "haunted"});
    let whole = said.to_string();
    std::fs::write(&document, &whole).unwrap();
    repo.run(&["build", "--init"]).ok();
    let is_quarantined = || page(&repo, "whey")["project-status"]["status"] == "quarantined";
    assert!(is_quarantined(), "{}", page(&repo, "whey"));
    std::thread::sleep(std::time::Duration::from_millis(2100));
    repo.build(&[]);
    std::fs::write(&document, &whole[..60]).unwrap();
    assert_eq!(codes(&repo.build(&[])), ["page-unreadable"]);
    assert!(is_quarantined() && !packages(&repo).keys().any(|path| path.starts_with("packages/whey/")));
    std::fs::remove_file(&document).unwrap();
    std::os::unix::fs::symlink(repo.source().join("web/json/nothing"), &document).unwrap();
    assert_eq!(codes(&repo.build(&[])), ["page-unreadable"]);
    assert!(is_quarantined());
    repo.verify();
}

/// Beside a page that does not say how new it is it says nothing, whole or torn.
#[test]
fn a_torn_document_that_would_not_count_stops_nothing() {
    let repo = copied("all", &["json=true"]);
    let folder = repo.source().join("web/simple/whey");
    let _ = std::fs::remove_file(folder.join("index.v1_json"));
    let page = folder.join("index.html");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, after) = text.split_once("<!--SERIAL").unwrap();
    let text = format!("{before}{}", after.split_once("-->").unwrap().1);
    std::fs::remove_file(&page).unwrap();
    let _ = std::fs::remove_file(folder.join("index.v1_html"));
    std::fs::write(&page, text).unwrap();
    std::fs::write(repo.source().join("web/json/whey"), b"torn").unwrap();
    assert_eq!(codes(&repo.run(&["build", "--init", "--format", "json"]).ok().json()), [""; 0]);
    assert!(packages(&repo).keys().any(|path| path.starts_with("packages/whey/")));
    // Of a project whose page is torn the page is named, and not each of its files.
    std::fs::write(&page, b"<html>").unwrap();
    std::fs::remove_dir_all(repo.path().join(".tuffet/cache")).unwrap();
    assert_eq!(codes(&repo.build(&[])), ["page-unreadable"]);
    repo.verify();
}

/// Nothing that can be read is not the same as nothing.
#[test]
fn what_cannot_be_read_stays_where_files_may_go() {
    let repo =
        Repo::with_config("[source]\npath = \"dists\"\nlayout = \"flat\"\n[keys]\ninsecure_plain = true\n");
    let names: Vec<String> = (0..3).map(|number| repo.add_wheel(number)).collect();
    repo.run(&["build", "--init"]).ok();
    repo.remove(&names[0]);
    for name in &names[1..] {
        std::fs::write(repo.source().join(name), b"").unwrap();
    }
    let out = repo.build(&["--allow-removals"]);
    let left: Vec<String> = packages(&repo).into_keys().collect();
    assert_eq!(left.len(), 2, "{left:?}: {out}");
    // And nothing at all is meant to be nothing.
    names[1..].iter().for_each(|name| repo.remove(name));
    repo.build(&["--allow-removals"]);
    assert_eq!(packages(&repo).len(), 0);
    repo.verify();
}
