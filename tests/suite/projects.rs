//! Authors' projects in the life of a repository: long lists, pages, names and copies, what came between.

use super::authors::{Clients, repository};
use super::support::author::{Author, Forge, force, places, wheel};
use super::support::nginx::Nginx;
use super::support::{Repo, snapshot_of};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

#[test]
fn what_is_served_over_http_is_read_as_a_client_reads_it() {
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let nginx = Nginx::serve(&repo.site(), &repo.path().join("nginx"));
    let root = author.path().join("root.json");
    std::fs::copy(repo.site().join("metadata/1.root.json"), &root).unwrap();
    let dist = author.dist("cheese", &["1.1"]);
    let sign = [
        "author",
        "sign",
        "cheese",
        "--key",
        author.key(),
        "--dist",
        dist.to_str().unwrap(),
        "--root",
        root.to_str().unwrap(),
    ];
    author.run(&[&sign[..], &["--from", &nginx.base(), "--out", "served.zip"]].concat()).ok();
    let from_folder = author.sign("cheese", &["1.1"], Some(&repo), &[]);
    let same = |name: &Path| {
        let forge = Forge::open(name, 11);
        forge
            .roles
            .into_iter()
            .map(|(role, (version, signed))| (role, version, signed["targets"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(same(&author.path().join("served.zip")), same(&from_folder));
    // What is asked for is what a look-up opens, and no other project's.
    assert!(!nginx.log().contains("milk"), "{}", nginx.log());
    // A tree that was tampered with is not read on.
    let timestamp = repo.site().join("metadata/timestamp.json");
    let text = std::fs::read_to_string(&timestamp).unwrap();
    std::fs::write(&timestamp, text.replace("\"version\":", "\"version\": ").replacen("1", "2", 1)).unwrap();
    let ran = author.run(&[&sign[..], &["--from", &nginx.base(), "--out", "no.zip"]].concat());
    assert!(ran.code == 3 && !author.path().join("no.zip").exists(), "{ran:?}");
    let ran = author.run(&[&sign[..], &["--from", "http://127.0.0.1:1", "--out", "no.zip"]].concat());
    assert_eq!(ran.code, 5, "{ran:?}");
}

#[test]
fn lists_are_split_past_500_projects_and_a_release_changes_none() {
    let repo = repository();
    let author = Author::known(11);
    let known = Clients::of(&repo);
    // One submission for each, all of them taken in together.
    let names: Vec<String> =
        (0..1200).map(|number| format!("{}x{number}", ["a", "dj", "z"][number % 3])).collect();
    let register: Vec<String> = names
        .iter()
        .flat_map(|name| ["--register".to_owned(), format!("{name}={}", author.keyid())])
        .collect();
    let zips: Vec<_> = {
        use std::sync::Mutex;
        let zips = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for part in names.chunks(600) {
                scope.spawn(|| {
                    let signed: Vec<_> =
                        part.iter().map(|name| author.sign(name, &["1.0"], None, &[])).collect();
                    zips.lock().unwrap().extend(signed);
                });
            }
        });
        zips.into_inner().unwrap()
    };
    let zips: Vec<&Path> = zips.iter().map(std::path::PathBuf::as_path).collect();
    let register: Vec<&str> = register.iter().map(String::as_str).collect();
    repo.accept(&zips, &register);
    repo.verify();
    let lists: Vec<String> =
        repo.versions().into_keys().filter(|role| role.starts_with("recently-claimed")).collect();
    assert_eq!(lists, ["recently-claimed", "recently-claimed.a", "recently-claimed.d", "recently-claimed.z"]);
    let sizes: Vec<u64> = lists
        .iter()
        .map(|role| {
            let file = format!("metadata/{}.{role}.json", repo.versions()[role]);
            std::fs::metadata(repo.site().join(file)).unwrap().len()
        })
        .collect();
    println!("recently-claimed and its shards: {sizes:?} bytes");
    assert!(sizes.iter().all(|size| *size < 256 * 1024), "{sizes:?}");
    // Clients look a few of each shard up; tough loads every role.
    let some: BTreeMap<_, _> =
        ["ax0", "djx1", "zx1199", "milk"].iter().flat_map(|name| repo.of_project(name)).collect();
    known.verify(&repo, &some);
    // A release of one project changes its own role and no list.
    let before = repo.versions();
    repo.accept(&[&author.sign("djx1", &["1.1"], Some(&repo), &[])], &[]);
    let after = repo.versions();
    let changed: Vec<&String> = after.keys().filter(|role| after[*role] != before[*role]).collect();
    assert_eq!(changed, ["project.djx1"]);
    // One more project changes the list that it is in.
    repo.register(&author, "djnew", &["1.0"]);
    let last = repo.versions();
    let changed: Vec<&String> =
        last.keys().filter(|role| role.starts_with("recently") && last[*role] != after[*role]).collect();
    assert_eq!(changed, ["recently-claimed.d"]);
    repo.verify();
    known.verify(&repo, &repo.of_project("djnew"));

    // A ceremony signs all of them over: `claimed` is split, too, its shards siblings in `targets`, and the online
    // list is whole again. A look-up in a client from before goes on.
    let safe = super::ceremonies::Safe::of(&repo, 1);
    let applied = super::ceremonies::ceremony(&repo, &safe, &["--confirm-all"]);
    assert_eq!(applied["claimed"].as_array().unwrap().len(), 1201);
    repo.verify();
    let versions = repo.versions();
    let children =
        repo.signed(&format!("{}.targets.json", versions["targets"]))["delegations"]["roles"].clone();
    let children: Vec<&str> =
        children.as_array().unwrap().iter().map(|child| child["name"].as_str().unwrap()).collect();
    assert_eq!(children, ["claimed.a", "claimed.d", "claimed.z", "recently-claimed", "unclaimed"]);
    assert_eq!(
        repo.signed(&format!("{}.recently-claimed.json", versions["recently-claimed"]))["delegations"],
        Value::Null
    );
    known.verify(&repo, &some_now(&repo));
    // One more: the shard that it falls into, and no other list.
    repo.register(&author, "djlast", &["1.0"]);
    let before = repo.versions();
    super::ceremonies::ceremony(&repo, &safe, &["--confirm-all"]);
    let after = repo.versions();
    let changed: Vec<&String> = after.keys().filter(|role| after.get(*role) != before.get(*role)).collect();
    assert_eq!(changed, ["claimed.d", "recently-claimed"]);
    repo.verify();
    known.verify(&repo, &some_now(&repo));
}

/// The targets of a few projects of each shard.
fn some_now(repo: &Repo) -> BTreeMap<String, String> {
    ["ax0", "djx1", "djnew", "zx1199", "milk"].iter().flat_map(|name| repo.of_project(name)).collect()
}

#[test]
fn pages_of_authors_that_say_something_else_than_their_roles_are_found_by_meaning() {
    type Change = fn(&str) -> String;
    let changes: [(&str, Change, &str); 6] = [
        ("index.v1_json", |text| text.replace("\"size\":", "\"size\":1"), "another size"),
        (
            "index.v1_json",
            |text| text.replace("../../packages/cheese", "https://example.com"),
            "somewhere else",
        ),
        ("index.v1_json", |_| "{}".to_owned(), "installers cannot read it"),
        ("index.html", |text| text.replace("#sha256=", "#sha256=0"), "another digest"),
        (
            "index.html",
            |text| text.replace("cheese-1.0-py3-none-any.whl</a>", "cheese-1.1.tar.gz</a>"),
            "no role",
        ),
        ("index.html", |text| text.replace("<a ", "<b "), "does not offer cheese-1.0-py3-none-any.whl"),
    ];
    let repo = repository();
    let author = Author::known(11);
    let forge = Forge::open(&author.sign("cheese", &["1.0"], None, &[]), 11);
    repo.accept(
        &[&author.path().join("cheese-1.0.zip")],
        &["--register", &format!("cheese={}", author.keyid())],
    );
    repo.verify();
    for (version, (page, change, what)) in (2..).zip(changes) {
        let path = format!("simple/cheese/{page}");
        let text = String::from_utf8(forge.files[&format!("targets/{path}")].clone()).unwrap();
        let changed = change(&text);
        assert_ne!(changed, text, "{what}");
        let mut forged =
            Forge { roles: forge.roles.clone(), signers: forge.signers.clone(), files: BTreeMap::new() };
        forged.list("project.cheese", &path, changed.as_bytes());
        forged.role("project.cheese")["version"] = version.into();
        force(
            &repo,
            "project.cheese",
            version,
            &forged.sealed("project.cheese"),
            &[(&path, changed.as_bytes())],
        );
        let found = repo.run(&["verify", "--format", "json"]);
        assert_eq!(found.code, 1, "{what}");
        let findings = found.json()["findings"].clone();
        let errors = findings.as_array().unwrap().iter().filter(|finding| finding["severity"] == "error");
        let said: Vec<&str> = errors.map(|finding| finding["what"].as_str().unwrap()).collect();
        assert!(said.iter().any(|said| said.contains(what)), "{what}: {said:?}");
    }
}

#[test]
fn what_authors_signed_gets_back_its_names_and_copies() {
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0", "1.1"]);
    let whole = snapshot_of(&repo.site());
    // A name of each kind is gone or damaged; the mirror has one of the files, too.
    let (mirrored, bytes) = wheel("cheese", "1.1");
    repo.add(&mirrored, &bytes);
    let names: Vec<String> = whole.keys().filter(|name| name.contains("/cheese/")).cloned().collect();
    let hashed = |file: &str| {
        let is_it = |name: &&String| name.ends_with(&format!(".{file}")) && name.starts_with("packages/");
        names.iter().find(is_it).unwrap().clone()
    };
    std::fs::remove_file(repo.site().join(hashed(&mirrored))).unwrap();
    std::fs::remove_file(repo.site().join("packages/cheese").join(&mirrored)).unwrap();
    std::fs::remove_file(repo.site().join("packages/cheese/cheese-1.0-py3-none-any.whl")).unwrap();
    // The plain name and the hashed one are one file.
    std::fs::remove_file(repo.site().join("simple/cheese/index.html")).unwrap();
    std::fs::write(repo.site().join("simple/cheese/index.html"), "other").unwrap();
    let out = repo.build(&["--rehash"]);
    let codes = out["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap());
    assert_eq!(codes.filter(|code| *code == "restored").count(), 3, "{out}");
    repo.verify();
    for name in &names {
        assert_eq!(std::fs::read(repo.site().join(name)).unwrap(), whole[name], "{name}");
    }
    // The plain name suffices to get the hashed one back; what is nowhere is said to be lost.
    let first = "cheese-1.0-py3-none-any.whl";
    for (gone, code) in
        [(vec![hashed(first)], "restored"), (vec![hashed(first), format!("packages/cheese/{first}")], "lost")]
    {
        gone.iter().for_each(|name| std::fs::remove_file(repo.site().join(name)).unwrap());
        let out = repo.build(&["--rehash"]);
        assert_eq!(out["warnings"][0]["code"], code, "{out}");
    }
}

#[test]
fn a_setting_for_compressed_copies_reaches_the_pages_of_authors() {
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let config = std::fs::read_to_string(repo.path().join("pipeline.toml")).unwrap();
    let config = config.replace("[site]\n", "[site]\ncompress = [\"gz\", \"br\", \"zst\"]\n");
    std::fs::write(repo.path().join("pipeline.toml"), config).unwrap();
    repo.build(&[]);
    let copies = |repo: &Repo| {
        let names = super::support::files_below(&repo.site().join("simple/cheese"));
        names.into_iter().filter(|name| [".gz", ".br", ".zst"].iter().any(|e| name.ends_with(e))).count()
    };
    assert_eq!(copies(&repo), 12);
    repo.verify();
    repo.accept(&[&author.sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
    assert_eq!(copies(&repo), 18, "the plain names, and the hashed ones of both releases");
    repo.verify();
}

#[test]
fn a_torn_line_in_the_ledger_costs_that_line_alone() {
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let ledger = repo.path().join(".tuffet/ledger/registrations.jsonl");
    let whole = std::fs::read_to_string(&ledger).unwrap();
    std::fs::write(&ledger, format!("{whole}{{\"project\":\"br")).unwrap();
    repo.register(&author, "brie", &["1.0"]);
    repo.register(&author, "gouda", &["1.0"]);
    let listed = repo.run(&["project", "list", "--format", "json"]).ok().json();
    let since = listed["projects"].as_array().unwrap().iter().filter(|one| one["since"].is_string()).count();
    assert_eq!(since, 3, "{listed}");
    // A damaged line in the middle is named.
    std::fs::write(&ledger, format!("no line\n{whole}")).unwrap();
    let ran = repo.run(&["project", "list"]);
    assert!(ran.code == 3 && ran.stderr.contains("line 1"), "{ran:?}");
}

#[test]
fn a_run_that_did_not_end_is_mended_by_the_next_build_whatever_came_between() {
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let page = repo.site().join("simple/cheese/index.html");
    let right = std::fs::read(&page).unwrap();
    // What a killed accept leaves: a page passed on, and a staging folder.
    std::fs::remove_file(&page).unwrap();
    std::fs::write(&page, "another version").unwrap();
    std::fs::create_dir_all(repo.path().join(".tuffet/staging")).unwrap();
    let refused = repo.path().join("refused.zip");
    let mut forge = Forge::open(&author.sign("cheese", &["1.1"], Some(&repo), &[]), 11);
    *forge
        .files
        .get_mut("targets/packages/cheese/cheese-1.1-py3-none-any.whl")
        .unwrap()
        .last_mut()
        .unwrap() ^= 1;
    std::fs::write(&refused, forge.zip()).unwrap();
    assert_eq!(repo.run(&["project", "accept", refused.to_str().unwrap()]).code, 3);
    assert_ne!(std::fs::read(&page).unwrap(), right);
    repo.build(&[]);
    assert_eq!(std::fs::read(&page).unwrap(), right);
    repo.verify();
    assert_eq!(repo.build(&[])["published"], false);
}

#[test]
fn in_layout_tree_there_are_no_projects() {
    let config = "[source]\npath = \"dists\"\nlayout = \"tree\"\n[keys]\ninsecure_plain = true\n";
    let repo = Repo::with_config(config);
    repo.add("docs/cheese/x.txt", b"x");
    repo.run(&["build", "--init"]).ok();
    let author = Author::known(11);
    let zip = author.sign("cheese", &["1.0"], None, &[]);
    let register = format!("cheese={}", author.keyid());
    let ran = repo.run(&["project", "accept", zip.to_str().unwrap(), "--register", &register]);
    assert!(ran.code == 2 && ran.stderr.contains("tree"), "{ran:?}");
}

#[test]
fn what_is_no_distribution_of_the_project_is_not_signed_and_not_taken_in() {
    let repo = repository();
    let author = Author::known(11);
    // Another project's wheel under this one's name, random bytes, and the same in a submission.
    let dist = author.path().join("dist");
    std::fs::create_dir(&dist).unwrap();
    let other = wheel("milk", "9.0").1;
    for (name, bytes) in [("cheese-1.1-py3-none-any.whl", &other[..]), ("cheese-1.2.tar.gz", b"random")] {
        std::fs::write(dist.join(name), bytes).unwrap();
        let args = [
            "author",
            "sign",
            "cheese",
            "--dist",
            dist.to_str().unwrap(),
            "--key",
            author.key(),
            "--out",
            "x.zip",
        ];
        let ran = author.run(&args);
        assert!(ran.code == 3 && ran.stderr.contains(name), "{ran:?}");
        std::fs::remove_file(dist.join(name)).unwrap();
    }
    let mut forge = Forge::open(&author.sign("cheese", &["1.0"], None, &[]), 11);
    forge.list("project.cheese", "packages/cheese/cheese-1.1-py3-none-any.whl", &other);
    let zip = repo.path().join("forged.zip");
    std::fs::write(&zip, forge.zip()).unwrap();
    let register = format!("cheese={}", author.keyid());
    let args = ["project", "accept", zip.to_str().unwrap(), "--register", &register, "--format", "json"];
    assert_eq!(repo.run(&args).json()["refused"][0]["refusals"][0]["check"], "distribution");
}

#[test]
fn what_an_author_yanks_and_leaves_out_is_seen_before_and_after() {
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0", "1.1", "1.2"]);
    let zip =
        author.sign("cheese", &[], Some(&repo), &["--yank", "cheese==1.1: sour", "--without", "cheese==1.0"]);
    let shown = author.run(&["author", "show", zip.to_str().unwrap()]).ok().stdout;
    let says = "  cheese-1.1-py3-none-any.whl\n    requires Python >=3.8\n    yanked: sour\n";
    assert!(shown.contains(says), "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    repo.accept(&[&zip], &[]);
    let page = std::fs::read_to_string(repo.site().join("simple/cheese/index.html")).unwrap();
    assert!(page.contains("data-yanked=\"sour\"") && !page.contains("cheese-1.0-py3"), "{page}");
    // It stays so, until it is taken back.
    repo.accept(&[&author.sign("cheese", &["1.3"], Some(&repo), &[])], &[]);
    let yanked = |repo: &Repo| {
        let page = std::fs::read_to_string(repo.site().join("simple/cheese/index.html")).unwrap();
        page.matches("data-yanked").count()
    };
    assert_eq!(yanked(&repo), 1);
    repo.accept(&[&author.sign("cheese", &[], Some(&repo), &["--unyank", "cheese==1.1"])], &[]);
    assert_eq!(yanked(&repo), 0);
    repo.verify();
    // Nothing new is nothing to sign; a folder that is not there, and another's file, are not written to.
    let dist = author.dist("cheese", &["1.3"]);
    let (site, root) = places(Some(&repo));
    let sign = ["author", "sign", "cheese", "--key", author.key(), "--from", &site, "--root", &root];
    for (more, said) in [
        (vec!["--dist", dist.to_str().unwrap(), "--out", "x.zip"], "not published already"),
        (vec!["--out", "nowhere/x.zip"], "folder is not there"),
        (vec!["--out", author.key()], "is no submission of cheese"),
        (vec!["--without", "cheese==7.0", "--out", "x.zip"], "no release of it"),
    ] {
        let ran = author.run(&[&sign[..], &more].concat());
        assert!(ran.code == 2 && ran.stderr.replace("\n ", "").contains(said), "{more:?}: {ran:?}");
    }
}
