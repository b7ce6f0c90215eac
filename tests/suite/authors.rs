//! The promises that are made to authors, each by its name, judged by python-tuf and tough: with clients that
//! knew the repository before, and with ones that start empty.

use super::support::author::{Author, places, wheel};
use super::support::nginx::Nginx;
use super::support::{Repo, clients, snapshot_of};
use std::collections::BTreeMap;
use std::process::Command;

/// Pages, plain keys, and the names that stock tough asks for.
pub(super) const CONFIG: &str =
    "[source]\npath = \"dists\"\n[site]\ntough_alias = true\n[keys]\ninsecure_plain = true\n";

/// A repository with one unclaimed project.
pub(super) fn repository() -> Repo {
    let repo = Repo::with_config(CONFIG);
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    repo.run(&["build", "--init"]).ok();
    repo
}

/// Clients of both kinds: one that knew the repository before, and one that starts empty each time.
pub(super) struct Clients {
    warm: tempfile::TempDir,
}

impl Clients {
    /// Clients that know what is published now.
    #[track_caller]
    pub(super) fn of(repo: &Repo) -> Self {
        let clients = Self { warm: tempfile::TempDir::new().unwrap() };
        clients.verify(repo, &repo.all_targets());
        clients
    }

    /// All of them verify these targets.
    #[track_caller]
    pub(super) fn verify(&self, repo: &Repo, targets: &BTreeMap<String, String>) {
        let cold = tempfile::TempDir::new().unwrap();
        for work in [cold.path(), self.warm.path()] {
            assert_eq!(clients::python_tuf(&repo.site(), work, targets), targets.len() as u64);
        }
        assert_eq!(clients::tough(&repo.site(), targets).unwrap(), targets.len() as u64);
    }

    /// None of them takes any of these targets.
    #[track_caller]
    pub(super) fn refuse(&self, repo: &Repo, targets: &BTreeMap<String, String>) {
        for (path, digest) in targets {
            let one = BTreeMap::from([(path.clone(), digest.clone())]);
            let cold = tempfile::TempDir::new().unwrap();
            for work in [cold.path(), self.warm.path()] {
                assert!(
                    clients::python_tuf_verifies(&repo.site(), work, &one).is_err(),
                    "python-tuf takes {path}"
                );
            }
            assert!(clients::tough_verifies(&repo.site(), &one).is_err(), "tough takes {path}");
        }
    }
}

#[test]
fn promise_1_a_new_project_and_an_authors_first_release_are_in_the_next_build_without_an_offline_key() {
    let repo = repository();
    let known = Clients::of(&repo);
    let keys = repo.path().join("offline-keys");
    std::fs::remove_dir_all(&keys).unwrap();
    std::fs::create_dir(&keys).unwrap();

    let (name, bytes) = wheel("newcomer", "1.0");
    repo.add(&name, &bytes);
    let author = Author::known(11);
    let zip = author.sign("cheese", &["1.0"], None, &[]);
    let register = format!("cheese={}", author.keyid());
    for args in [&["build"][..], &["project", "accept", zip.to_str().unwrap(), "--register", &register]] {
        let log = repo.path().join("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-e", "trace=file", "-o", log.to_str().unwrap()]);
        command.arg(env!("CARGO_BIN_EXE_tuffet")).args(args).current_dir(repo.path());
        clients::run(&mut command, "strace, from Debian");
        let trace = std::fs::read_to_string(&log).unwrap();
        assert!(trace.contains("online.key"), "strace saw nothing:\n{trace}");
        let looked: Vec<&str> = trace
            .lines()
            .filter(|line| line.contains("offline-keys") || line.contains("author.key"))
            .collect();
        assert!(looked.is_empty(), "{args:?}: {looked:?}");
    }
    repo.verify();
    let both: BTreeMap<_, _> =
        repo.of_project("newcomer").into_iter().chain(repo.of_project("cheese")).collect();
    assert_eq!(both.len(), 8, "{both:?}");
    known.verify(&repo, &both);
    known.verify(&repo, &repo.all_targets());
    // A build after that leaves it all alone.
    let before = snapshot_of(&repo.site());
    assert_eq!(repo.build(&[])["published"], false);
    assert_eq!(snapshot_of(&repo.site()), before);
}

#[test]
fn promise_5_members_come_and_go_by_the_keys_of_author_and_member_alone() {
    let repo = repository();
    let (author, alice) = (Author::known(11), Author::known(12));
    repo.register(&author, "cheese", &["1.0"]);
    let known = Clients::of(&repo);
    let (site, root) = places(Some(&repo));
    let from = ["--from", &site, "--root", &root];

    // Alice may release 2.*; nobody but she and the author signs anything.
    let joining = alice.path().join("alice.json");
    let joining = joining.to_str().unwrap();
    alice.run(&["author", "join", "cheese", "--as", "alice", "--key", alice.key(), "--out", joining]).ok();
    let delegation = author.path().join("delegation.zip");
    let delegate = ["author", "delegate", "cheese", "--member", joining, "--paths", "cheese-2.*", "--yes"];
    let out = ["--key", author.key(), "--out", delegation.to_str().unwrap()];
    author.run(&[&delegate[..], &out, &from].concat()).ok();
    let taken = repo.accept(&[&delegation], &[]);
    assert_eq!(
        taken["accepted"][0]["roles"],
        serde_json::json!({"project.cheese": 2, "project.cheese.alice": 1, "project.cheese.pages": 1})
    );
    known.verify(&repo, &repo.all_targets());

    // Her release reaches clients and the index page with no author in between.
    let release = alice.sign("cheese", &["2.0"], Some(&repo), &["--as", "alice"]);
    repo.accept(&[&release], &[]);
    repo.verify();
    let hers = "packages/cheese/cheese-2.0-py3-none-any.whl";
    assert!(repo.of_project("cheese").contains_key(hers));
    known.verify(&repo, &repo.all_targets());
    let page = std::fs::read_to_string(repo.site().join("simple/cheese/index.html")).unwrap();
    assert!(page.contains("cheese-2.0-py3-none-any.whl") && page.contains("cheese-1.0-py3-none-any.whl"));
    let nginx = Nginx::serve(&repo.site(), &repo.path().join("nginx"));
    assert_eq!(installed(&nginx, "cheese"), "2.0");

    // Outside of her pattern: our own tool refuses, and so does the index when she forges it.
    let dist = alice.dist("cheese", &["3.0"]);
    let sign = ["author", "sign", "cheese", "--as", "alice", "--key", alice.key(), "--out", "no.zip"];
    let ran = alice.run(&[&sign[..], &["--dist", dist.to_str().unwrap()], &from].concat());
    assert!(ran.code != 0 && ran.stderr.contains("outside"), "{ran:?}");

    // Taken out: her files go, her next release is refused, and no client takes the last one.
    let removal = author.path().join("removal.zip");
    let remove = ["author", "delegate", "cheese", "--remove", "alice", "--yes", "--key", author.key()];
    let late = alice.sign("cheese", &["2.1"], Some(&repo), &["--as", "alice"]);
    let hers_only: BTreeMap<_, _> =
        repo.of_project("cheese").into_iter().filter(|(path, _)| path == hers).collect();
    author.run(&[&remove[..], &["--out", removal.to_str().unwrap()], &from].concat()).ok();
    repo.accept(&[&removal], &[]);
    repo.verify();
    known.refuse(&repo, &hers_only);
    known.verify(&repo, &repo.all_targets());
    let ran = repo.run(&["project", "accept", late.to_str().unwrap(), "--format", "json"]);
    assert_eq!(ran.code, 3);
    let refusals = ran.json()["refused"][0]["refusals"].clone();
    assert_eq!(refusals[1]["file"], "metadata/3.project.cheese.alice.json", "{refusals}");
    assert_eq!(refusals[1]["check"], "delegation", "{refusals}");
    assert_eq!(installed(&nginx, "cheese"), "1.0");
}

/// The version that pip installs from nginx into an empty folder.
fn installed(nginx: &Nginx, project: &str) -> String {
    let folder = tempfile::TempDir::new().unwrap();
    let mut pip = Command::new(clients::python());
    pip.args(["-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-deps", "--isolated", "--target"]);
    pip.arg(folder.path()).args(["--index-url", &format!("{}/simple/", nginx.base()), project]);
    clients::run(&mut pip, "pip");
    let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    let prefix = format!("{project}-");
    let info = names.iter().find_map(|name| name.strip_prefix(&prefix)?.strip_suffix(".dist-info"));
    info.unwrap_or_else(|| panic!("{names:?}")).to_owned()
}
