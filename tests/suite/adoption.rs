//! Projects whose files the index has already, and their authors' first submissions.

use super::authors::{Clients, repository};
use super::support::Repo;
use super::support::author::{Author, places, wheel};
use serde_json::json;
use tuffet::model::Sha256;

#[test]
fn a_project_with_300_files_in_the_bins_is_adopted_and_clients_install_on() {
    let repo = repository();
    for number in 0..300 {
        let (name, bytes) = wheel("cheddar", &format!("1.{number}"));
        repo.add(&name, &bytes);
    }
    repo.build(&[]);
    let known = Clients::of(&repo);
    let before = repo.of_project("cheddar");
    assert_eq!(before.len(), 602);

    // Some of them lie on the laptop too, and one release is new.
    let author = Author::known(11);
    let dist = author.dist("cheddar", &["1.0", "1.299", "2.0"]);
    let (site, root) = places(Some(&repo));
    let zip = author.path().join("adopted.zip");
    let sign = ["author", "sign", "cheddar", "--key", author.key(), "--dist", dist.to_str().unwrap()];
    let more = ["--from", &site, "--root", &root, "--out", zip.to_str().unwrap()];
    // Nobody vouches for 300 files unseen.
    let ran = author.run(&[&sign[..], &more].concat());
    assert_eq!(ran.code, 2, "{ran:?}");
    assert_eq!(ran.stderr.matches("the same file is here").count(), 2, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches(", not here").count(), 298);
    assert!(!zip.exists());
    author.run(&[&sign[..], &more, &["--yes"]].concat()).ok();
    let taken = repo.accept(&[&zip], &["--register", &format!("cheddar={}", author.keyid())]);
    assert_eq!(taken["accepted"][0]["files"], json!(["packages/cheddar/cheddar-2.0-py3-none-any.whl"]));
    repo.verify();
    let after = repo.of_project("cheddar");
    assert_eq!(after.len(), 604);
    let is_page = |path: &String| path.starts_with("simple/");
    assert!(before.iter().all(|(path, digest)| is_page(path) || after[path] == *digest));
    known.verify(&repo, &after);
    assert!(repo.targets().keys().all(|path| !path.contains("/cheddar/")), "the bins list it still");
    // What the mirror has of it is what was signed: nothing is held, and nothing is to be done.
    let out = repo.build(&[]);
    assert_eq!((&out["published"], &out["files"]["held"]), (&json!(false), &json!(0)));
}

/// The index never had the files: it goes by what it published of them, and by the archives where they come along.
#[test]
fn projects_whose_files_are_known_from_lists_alone_are_claimed() {
    let (name, bytes) = wheel("milk", "1.0");
    let row = |requires: &str| {
        let (size, hash) = (bytes.len(), Sha256::of(&bytes));
        let said =
            if requires.is_empty() { String::new() } else { format!(", \"requires_python\": {requires:?}") };
        format!("{{\"path\": \"packages/milk/{name}\", \"size\": {size}, \"sha256\": \"{hash}\"{said}}}\n")
    };
    for (requires, is_here, metadata) in [(">=3.9", false, 0), (">=3.9", true, 1), ("", true, 1)] {
        let repo = Repo::with_config("[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n");
        std::fs::remove_dir_all(repo.source()).unwrap();
        let list = repo.path().join("all.jsonl");
        std::fs::write(&list, row(requires)).unwrap();
        let build = ["--inventory", list.to_str().unwrap()];
        repo.build(&[&build[..], &["--init"]].concat());
        assert_eq!(repo.of_project("milk").len(), 3, "{:?}", repo.of_project("milk"));
        let author = Author::known(11);
        let versions: &[&str] = if is_here { &["1.0", "2.0"] } else { &["2.0"] };
        let zip = author.sign("milk", versions, Some(&repo), &["--yes"]);
        repo.accept(&[&zip], &["--register", &format!("milk={}", author.keyid())]);
        // Who has the files at hand brings them along.
        let verify = |repo: &Repo| {
            let of_all: &[&str] = if is_here { &[] } else { &["--metadata-only"] };
            repo.run(&[&["verify"], of_all].concat()).ok();
        };
        let after = repo.of_project("milk");
        assert_eq!(after.len(), 2 + 2 + 1 + metadata, "{after:?}");
        verify(&repo);
        let page = std::fs::read_to_string(repo.site().join("simple/milk/index.v1_json")).unwrap();
        assert_eq!(page.contains(">=3.9"), !is_here, "{page}");
        let out = repo.build(&build);
        assert_eq!(out["published"], false, "{out}");
        // Who goes on from there goes by it, too.
        repo.accept(&[&author.sign("milk", &["3.0"], Some(&repo), &[])], &[]);
        verify(&repo);
    }
}

#[test]
fn a_file_that_differs_from_what_is_published_is_not_adopted() {
    let repo = repository();
    let author = Author::known(11);
    let dist = author.dist("milk", &["1.0"]);
    std::fs::write(dist.join("milk-1.0-py3-none-any.whl"), wheel("milk", "1.1").1).unwrap();
    let (site, root) = places(Some(&repo));
    let sign = ["author", "sign", "milk", "--key", author.key(), "--dist", dist.to_str().unwrap(), "--yes"];
    let ran = author.run(&[&sign[..], &["--from", &site, "--root", &root, "--out", "x.zip"]].concat());
    assert_eq!(ran.code, 3);
    assert!(ran.stderr.replace("\n ", "").contains("bytes never change under a name"), "{}", ran.stderr);
    assert!(!author.path().join("x.zip").exists());
}

#[test]
fn an_index_without_pages_is_adopted_with_the_files_at_hand() {
    let repo = Repo::with_config(
        "[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n[index]\nformats = []\n",
    );
    let (name, bytes) = wheel("cheese", "1.0");
    repo.add(&name, &bytes);
    repo.run(&["build", "--init"]).ok();
    let author = Author::known(11);
    let zip = author.sign("cheese", &["1.0", "1.1"], Some(&repo), &["--yes"]);
    repo.accept(&[&zip], &["--register", &format!("cheese={}", author.keyid())]);
    repo.verify();
    assert_eq!(repo.of_project("cheese").len(), 6);
    // Without the file there is nothing to say of it on a page.
    let (site, root) = places(Some(&repo));
    let (name, bytes) = wheel("brie", "1.0");
    repo.add(&name, &bytes);
    repo.build(&[]);
    let sign = [
        "author",
        "sign",
        "brie",
        "--key",
        author.key(),
        "--out",
        "x.zip",
        "--yes",
        "--from",
        &site,
        "--root",
        &root,
    ];
    let ran = author.run(&sign);
    assert!(ran.code == 3 && ran.stderr.contains("--dist"), "{ran:?}");
}

#[test]
fn a_first_submission_that_leaves_published_files_out_needs_the_operator_to_say_so() {
    let repo = repository();
    let author = Author::known(11);
    let zip = author.sign("milk", &["2.0"], None, &[]);
    let register = format!("milk={}", author.keyid());
    let accept = ["project", "accept", zip.to_str().unwrap(), "--register", &register];
    let ran = repo.run(&[&accept[..], &["--format", "json"]].concat());
    assert_eq!(ran.json()["refused"][0]["refusals"][0]["check"], "removals", "{ran:?}");
    // A slip in --register is named.
    let slip = register.replace("milk", "mlik");
    let ran = repo.run(&[&accept[..3], &["--register", &slip]].concat());
    assert_eq!(ran.code, 3, "{ran:?}");
    let ran = repo.run(&[&accept[..], &["--allow-removals", "--register", &slip]].concat());
    assert!(ran.code == 2 && ran.stderr.contains("mlik"), "{ran:?}");
    let out = repo.run(&[&accept[..], &["--allow-removals", "--format", "json"]].concat()).ok().json();
    assert_eq!(out["accepted"][0]["dropped"], json!(["packages/milk/milk-1.0-py3-none-any.whl"]));
    repo.verify();
}
