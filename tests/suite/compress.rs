//! `site.compress`: copies of metadata and pages that a server sends as they are.

use super::support::{Repo, clients, files_below, snapshot_of};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use tuffet::model::Compression;

fn config(compress: &str) -> String {
    format!(
        "[source]\npath = \"dists\"\n[site]\ncompress = {compress}\n[keys]\ninsecure_plain = true\n[bins]\ncount = 2\n"
    )
}

pub(crate) fn compressed(compress: &str) -> Repo {
    let repo = Repo::with_config(&config(compress));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cp = Command::new("cp");
    clients::run(cp.arg("-a").arg(root.join("sample-repo/.")).arg(repo.source()), "cp");
    repo.run(&["build", "--init"]).ok();
    repo
}

/// Every page and every role that has no copy in some form, and every copy that is none.
fn faults(repo: &Repo, forms: &[Compression]) -> Vec<String> {
    let files = snapshot_of(&repo.site());
    let mut faults = Vec::new();
    let mut current: BTreeSet<String> =
        repo.versions().iter().map(|(role, version)| format!("metadata/{version}.{role}.json")).collect();
    // Under both names; what is no longer current got its copies when it was.
    for (page, digest) in repo.targets().iter().filter(|(path, _)| path.starts_with("simple/")) {
        let (folder, name) = page.rsplit_once('/').unwrap();
        current.extend([page.clone(), format!("{folder}/{digest}.{name}")]);
    }
    for (name, bytes) in &files {
        if let Some((original, form)) =
            Compression::original_of(name).filter(|_| !name.starts_with("packages/"))
        {
            match files.get(original) {
                Some(original) if form.is_copy(bytes, original) && forms.contains(&form) => {}
                _ => faults.push(format!("{name} is no copy")),
            }
        } else if current.contains(name) || name.ends_with(".root.json") {
            let missing = forms.iter().map(|form| form.copy_of(name)).find(|copy| !files.contains_key(copy));
            faults.extend(missing.map(|copy| format!("{copy} is not there")));
        }
    }
    faults
}

#[test]
fn every_role_and_every_page_has_copies_in_step_with_it_whatever_happens() {
    let mut repo = compressed("[\"gz\", \"br\", \"zst\"]");
    assert_eq!(faults(&repo, &Compression::ALL), [""; 0]);
    assert!(!repo.site().join("metadata/timestamp.json.gz").exists());
    repo.verify();
    // Something new, something gone, other pages.
    let wheel = std::fs::read(repo.source().join("whey/whey-3.2-py3-none-any.whl")).unwrap();
    repo.add("whey/whey-3.2-1-py3-none-any.whl", &wheel);
    repo.remove("curds/curds-0.9.1.tar.gz");
    repo.build(&[]);
    assert_eq!(faults(&repo, &Compression::ALL), [""; 0]);
    repo.verify();
    assert_eq!(repo.build(&[])["written"], serde_json::json!({"files": 0, "bytes": 0}));
    // Fewer forms, none, and all again.
    for (words, forms) in [
        ("[\"br\"]", &[Compression::Brotli][..]),
        ("[]", &[]),
        ("[\"zst\", \"gz\", \"br\"]", &Compression::ALL),
    ] {
        std::fs::write(repo.path().join("pipeline.toml"), config(words)).unwrap();
        let out = repo.build(&[]);
        assert_eq!(out["published"], false, "no role changes for it: {out}");
        assert_eq!(faults(&repo, forms), [""; 0], "{words}");
        repo.verify();
    }
    // Without the state folder's memory nothing is written that is right already.
    std::fs::remove_dir_all(repo.path().join(".tuffet/cache")).unwrap();
    let before = snapshot_of(&repo.site());
    repo.build(&[]);
    assert_eq!(snapshot_of(&repo.site()), before);
    // What is swept takes its copies along, and nothing else goes.
    let later = "2027-01-01T00:00:00Z";
    repo.remove("whey/whey-3.2-1-py3-none-any.whl");
    repo.build(&["--now", later]);
    let swept = repo.run(&["sweep", "--now", "2027-01-03T00:00:00Z", "--format", "json"]).ok().json();
    let swept: Vec<&str> =
        swept["removed"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    assert!(
        swept.iter().filter(|name| name.ends_with(".gz") && name.starts_with("simple/")).count() == 2,
        "{swept:?}"
    );
    assert!(
        swept.iter().any(|name| name.ends_with(".targets.json.zst") || name.contains(".snapshot.json.br"))
    );
    assert_eq!(faults(&repo, &Compression::ALL), [""; 0]);
    assert_eq!(repo.run(&["verify", "--strict", "--now", later]).code, 0);
    repo = compressed("[]");
    assert!(
        !files_below(&repo.site())
            .iter()
            .any(|name| { Compression::original_of(name).is_some() && !name.starts_with("packages/") })
    );
}

#[test]
fn a_copy_that_says_something_else_is_found_and_mended() {
    let repo = compressed("[\"gz\"]");
    let version = repo.versions()["bin-0"];
    let (bin, page) = (format!("metadata/{version}.bin-0.json.gz"), "simple/curds/index.html.gz".to_owned());
    for name in [&bin, &page] {
        let path = repo.site().join(name);
        let good = std::fs::read(&path).unwrap();
        for bad in [
            Compression::Gzip.compress(b"forged").unwrap(),
            b"torn".to_vec(),
            good[..good.len() / 2].to_vec(),
        ] {
            // The copy of the hashed page is the same file under another name, and stays.
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, bad).unwrap();
            let ran = repo.run(&["verify", "--format", "json"]);
            assert_eq!(ran.code, 1, "{name}");
            let found = ran.json()["findings"].clone();
            assert_eq!(
                (&found[0]["target"], found.as_array().unwrap().len()),
                (&name.as_str().into(), 1),
                "{found}"
            );
        }
        std::fs::write(&path, good).unwrap();
    }
    // A run that was killed between a page and its copy: the next one gives it the right bytes.
    let other = repo.site().join(format!("simple/curds/{}.index.html", tuffet::model::Sha256::of(b"other")));
    std::fs::write(other, b"other").unwrap();
    std::fs::write(repo.site().join(&page), Compression::Gzip.compress(b"other").unwrap()).unwrap();
    assert_eq!(repo.run(&["verify"]).code, 0, "a whole page, only not the newest: a warning");
    std::fs::create_dir_all(repo.path().join(".tuffet/staging")).unwrap();
    repo.build(&[]);
    assert_eq!(faults(&repo, &[Compression::Gzip]), [""; 0]);
}

#[test]
fn a_rehash_puts_back_copies_and_pages_and_says_so() {
    let repo = compressed("[\"gz\"]");
    for name in ["metadata/1.root.json.gz", "simple/curds/index.html.gz"] {
        std::fs::remove_file(repo.site().join(name)).unwrap();
        std::fs::write(repo.site().join(name), b"junk").unwrap();
    }
    std::fs::remove_file(repo.site().join("simple/whey/index.html")).unwrap();
    std::fs::write(repo.site().join("simple/whey/index.html"), b"junk").unwrap();
    assert_eq!(repo.run(&["verify"]).code, 1);
    let out = repo.build(&["--rehash"]);
    let warning = &out["warnings"][0];
    assert_eq!(
        (&warning["code"], &warning["path"]),
        (&"restored".into(), &"simple/whey/index.html".into()),
        "{out}"
    );
    assert_eq!(faults(&repo, &[Compression::Gzip]), [""; 0]);
    repo.verify();
}

#[test]
fn an_unknown_form_is_named() {
    let repo = Repo::with_config(&config("[\"gz\", \"lzma\"]"));
    let ran = repo.run(&["build", "--init"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("lzma") && ran.stderr.contains("`gz`"), "{}", ran.stderr);
}
