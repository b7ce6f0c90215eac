//! What strangers put into a source: names and metadata that break out of any text, files that are none, links in circles,
//! and much of everything. Nothing hangs, nothing is lost, and nobody's browser runs a word of it.

use super::support::nginx::Nginx;
use super::support::{Repo, clients, files_below};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

/// A repository with such a source, made by `tests/clients/hostile_source.py`.
fn hostile(more: &str) -> Repo {
    let config = format!("[source]\npath = \"dists/all\"\n[keys]\ninsecure_plain = true\n{more}");
    let repo = Repo::with_config(&config);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/hostile_source.py");
    clients::run(Command::new("python3").arg(script).arg(repo.source().join("all")), "python3");
    repo
}

fn counts(out: &Value) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for warning in out["warnings"].as_array().unwrap() {
        *counts.entry(warning["code"].as_str().unwrap()).or_default() += 1;
    }
    counts
}

/// Whatever a person is shown is one that a terminal only shows.
fn shows_nothing_unseen(text: &str) {
    let unseen = text.chars().find(|c| *c != '\n' && tuffet::model::page::is_unseen(*c));
    assert_eq!(unseen, None, "{text}");
}

#[test]
fn what_breaks_out_of_text_is_published_as_text_or_named_and_left_out() {
    let repo = hostile("[site]\ntough_alias = true\n");
    let out = repo.build(&["--init"]);
    let counts = counts(&out);
    // Whatever is not published is named.
    let named: BTreeSet<&str> =
        out["warnings"].as_array().unwrap().iter().filter_map(|warning| warning["path"].as_str()).collect();
    let listed: BTreeSet<String> = repo
        .targets()
        .into_keys()
        .filter_map(|path| Some(path.strip_prefix("packages/")?.split_once('/')?.1.to_owned()))
        .collect();
    let source = repo.source().join("all");
    let mut seen = 0;
    for entry in walkdir::WalkDir::new(&source).into_iter().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = entry.path().strip_prefix(&source).unwrap().to_string_lossy().into_owned();
        if !entry.file_type().is_dir() {
            seen += 1;
            assert!(listed.contains(&name) || named.contains(path.as_str()), "{path:?} is lost");
        }
    }
    println!(
        "{seen} files seen, {} published, {} targets, warnings: {counts:?}",
        listed.len(),
        out["targets"]
    );
    for code in ["not-a-distribution", "partial-download", "link-skipped", "name-skipped", "project-unknown"]
    {
        assert!(counts.contains_key(code), "{code}: {counts:?}");
    }
    assert!(seen > 150 && listed.len() > 10, "{seen} {listed:?}");
    // Three ways to write one project are one project.
    let targets = repo.targets();
    let foo: Vec<&String> = targets.keys().filter(|path| path.starts_with("packages/foo-bar/")).collect();
    assert_eq!(foo.len(), 3, "{foo:?}");
    repo.verify();
    clients::python_tuf(&repo.site(), &repo.path().join("client"), &targets);
    clients::tough(&repo.site(), &targets).unwrap();
    // Nothing got out of its folder, and no command was run.
    assert!(!repo.path().join("owned").exists() && !repo.source().join("owned").exists());
    for name in files_below(&repo.site()) {
        assert!(name.split('/').all(|segment| segment != ".."), "{name}");
    }
    // Every page in JSON is JSON, and says what the archives say.
    for (page, _) in targets.iter().filter(|(path, _)| path.ends_with("index.v1_json")) {
        let json: Value = serde_json::from_slice(&std::fs::read(repo.site().join(page)).unwrap()).unwrap();
        assert!(json["files"].as_array().is_some_and(|files| !files.is_empty()), "{page}");
    }
    for args in
        [&["build", "-v"][..], &["build", "--rehash", "-v"], &["verify"], &["status"], &["explain", "cheese"]]
    {
        let ran = repo.run(args).ok();
        shows_nothing_unseen(&ran.stdout);
        shows_nothing_unseen(&ran.stderr);
    }
    assert_eq!(repo.build(&[])["published"], false);
}

/// Chromium's document after it has run whatever it takes for a script.
fn document(base: &str, page: &str, profile: &Path) -> String {
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]);
    chromium.args(["--disable-background-networking", "--disable-component-update", "--disable-sync"]);
    chromium
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(["--virtual-time-budget=2000", "--dump-dom"]);
    let output =
        clients::run(chromium.arg(format!("{base}/{page}")).stderr(Stdio::null()), "chromium, from Debian");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn no_page_runs_a_script_in_a_browser() {
    let repo = hostile("");
    repo.build(&["--init"]);
    let server = Nginx::serve(&repo.site(), &repo.path().join("nginx"));
    let profile = repo.path().join("profile");
    let mut pages: Vec<String> =
        repo.targets().into_keys().filter(|path| path.ends_with("/index.html")).collect();
    // The pages of the worst metadata and the worst names, and the list of all.
    pages.retain(|page| {
        ["index.html", "cheese", "requires", "attribute", "entity", "json", "control", "other"]
            .iter()
            .any(|name| *page == format!("simple/{name}") || *page == format!("simple/{name}/index.html"))
    });
    assert_eq!(pages.len(), 8, "{pages:?}");
    for page in &pages {
        let document = document(&server.base(), page, &profile);
        assert!(document.contains("<h1>"), "{page}: {document}");
        let begin = document.split("<head>").next().unwrap();
        assert!(!begin.contains("data-owned"), "{page} ran a script: {begin}");
        assert!(!document.contains("<script") && !document.contains("<img"), "{page}: {document}");
    }
    // The measure itself: a page that does run one is caught.
    std::fs::write(
        repo.site().join("owned.html"),
        "<!DOCTYPE html><html><head></head><body><h1>x</h1>\
         <script>document.documentElement.setAttribute('data-owned','yes')</script></body></html>",
    )
    .unwrap();
    let caught = document(&server.base(), "owned.html", &profile);
    assert!(caught.split("<head>").next().unwrap().contains("data-owned"), "{caught}");
}

#[test]
fn much_of_everything() {
    // A hundred thousand files in one folder, names of five files, and five gigabytes of nothing.
    let repo = Repo::with_config(
        "[source]\npath = \"dists\"\n[site]\ntargets = \"none\"\n[keys]\ninsecure_plain = true\n[index]\nformats = []\n",
    );
    let one = |number: usize| repo.source().join(format!("p{number}-1.0-py3-none-any.whl"));
    for number in 0..5 {
        repo.add_wheel(number);
    }
    for number in 5..100_000 {
        std::fs::hard_link(one(number % 5), one(number)).unwrap();
    }
    let sparse = repo.source().join("sparse-1.0.tar.gz");
    std::fs::File::create(&sparse).unwrap().set_len(5 << 30).unwrap();
    repo.age("sparse-1.0.tar.gz");
    let out = repo.build(&["--init"]);
    assert_eq!((&out["targets"], &out["files"]["added"]), (&100_001.into(), &100_001.into()), "{out}");
    let verified = repo.run(&["verify", "--metadata-only", "--format", "json"]).ok().json();
    assert_eq!(verified["targets"], 100_001);
    assert_eq!(repo.build(&[])["published"], false);
}
