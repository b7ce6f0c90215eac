//! Repositories in which one command is about to do much: what is killed, or goes wrong at each of its calls.

use super::author::{Author, wheel};
use super::{Ran, Repo, clients, snapshot_of};
use crate::ceremonies::{Safe, prepare};
use std::any::Any;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;
use tuffet::model::metadata::parse_file_name;
use tuffet::model::target_path::looks_hashed;
use tuffet::model::{Moment, Sha256};

/// Everything a build writes: files, pages, the root page, compressed copies.
pub(crate) const WITH_PAGES: &str =
    "[source]\npath = \"dists\"\n[site]\ncompress = [\"gz\"]\n[keys]\ninsecure_plain = true\n";

/// `--now` so many hours after the command that is about to be run; that one's is the same for a whole run of the tests,
/// and a client's clock agrees with it.
pub(crate) fn at(hours: i64) -> [&'static str; 2] {
    static NOW: OnceLock<i64> = OnceLock::new();
    let now = *NOW.get_or_init(|| SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().cast_signed());
    ["--now", Moment::from_unix(now + hours * 3600).unwrap().to_string().leak()]
}

/// A repository, and a command that is about to be run there.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) base: Repo,
    pub(crate) args: Vec<String>,
    /// What the command needs to be there, outside of the repository.
    _kept: Vec<Box<dyn Any>>,
}

impl Scene {
    fn new(name: &'static str, base: Repo, args: &[&str], kept: Vec<Box<dyn Any>>) -> Self {
        let args = args.iter().map(ToString::to_string).collect();
        Self { name, base, args, _kept: kept }
    }

    /// The first build of all, keys and first roles with it.
    pub(crate) fn first_build() -> Self {
        let repo = Repo::with_config(WITH_PAGES);
        (0..3).for_each(|number| drop(repo.add_wheel(number)));
        Self::new("build --init", repo, &[&["build", "--init"], &at(0)[..]].concat(), Vec::new())
    }

    /// A build that brings `more` projects, exchanges a file, and takes one out.
    pub(crate) fn build(before: usize, more: usize) -> Self {
        let repo = Repo::with_config(WITH_PAGES);
        (0..before).for_each(|number| drop(repo.add_wheel(number)));
        repo.run(&[&["build", "--init"], &at(-1)[..]].concat()).ok();
        // Half of them say something of themselves.
        (before..before + more).step_by(2).for_each(|number| drop(repo.add_wheel(number)));
        for number in (before + 1..before + more).step_by(2) {
            let (name, bytes) = wheel(&format!("p{number}"), "1.0");
            repo.add(&name, &bytes);
        }
        repo.add("p1-1.0-py3-none-any.whl", b"replaced");
        repo.remove("p2-1.0-py3-none-any.whl");
        let args = ["build", "--allow-removals", "--replace", "p1-1.0-py3-none-any.whl"];
        Self::new("build", repo, &[&args, &at(0)[..]].concat(), Vec::new())
    }

    /// A project in the bins is adopted: bins, root page, pages, list and role all change.
    pub(crate) fn accept() -> Self {
        let base = Repo::with_config(WITH_PAGES);
        for (project, version) in [("milk", "1.0"), ("cheese", "1.0"), ("cheese", "1.1")] {
            let (name, bytes) = wheel(project, version);
            base.add(&name, &bytes);
        }
        base.run(&[&["build", "--init"], &at(-1)[..]].concat()).ok();
        let (author, now) = (Author::known(11), at(0));
        let zip = author.sign("cheese", &["2.0"], Some(&base), &[&at(0)[..], &["--yes"]].concat());
        let register = format!("cheese={}", author.keyid());
        let args = ["project", "accept", zip.to_str().unwrap(), "--register", &register, now[0], now[1]];
        Self::new("project accept", base, &args, vec![Box::new(author)])
    }

    /// Online key, a claimed project's key and a promotion in one ceremony: more is never changed in one swap.
    pub(crate) fn apply() -> Self {
        let base = Repo::with_config(WITH_PAGES);
        let (name, bytes) = wheel("milk", "1.0");
        base.add(&name, &bytes);
        base.run(&[&["build", "--init"], &at(-1)[..]].concat()).ok();
        let (author, heir, now) = (Author::known(11), Author::known(14), at(0));
        let safe = Safe::with(&base, &["admin-1", "root-1", "root-2"]);
        let register = |project: &str| {
            let zip = author.sign(project, &["1.0"], None, &at(0));
            let register = format!("{project}={}", author.keyid());
            base.accept(&[&zip], &[&["--register", &register], &at(0)[..]].concat());
        };
        register("cheese");
        let (_, file) = prepare(&base, &at(0));
        let (_, _, signed) = safe.sign(&file, &["--confirm-all", now[0], now[1]]);
        base.run(&[&["ceremony", "apply", signed.to_str().unwrap()][..], &at(0)].concat()).ok();
        register("brie");
        let old = author.key().to_owned();
        let rekey = ["--rekey", "--yes", "--old-key", &old, now[0], now[1]];
        let rekey = heir.sign("cheese", &["1.1"], Some(&base), &rekey);
        let to = format!("cheese={}", heir.keyid());
        base.run(&["project", "rekey", rekey.to_str().unwrap(), "--register", &to, now[0], now[1]]).ok();
        let (out, file) = prepare(&base, &["--rotate", "online", now[0], now[1]]);
        assert_eq!(out["rekeyed"], serde_json::json!(["cheese"]));
        let next = base.path().join(".tuffet/online.next.key");
        let shown = base.run(&["key", "show", next.to_str().unwrap(), "--format", "json"]).ok().json();
        let trust = format!("online={}", shown["keyid"].as_str().unwrap());
        let (code, said, signed) = safe.sign(&file, &["--confirm-all", "--trust", &trust, now[0], now[1]]);
        assert_eq!(code, 0, "{said}");
        let args = ["ceremony", "apply", signed.to_str().unwrap(), now[0], now[1]];
        Self::new("ceremony apply", base, &args, vec![Box::new(safe)])
    }

    /// Two snapshots are past the grace period, with files that nothing later refers to.
    pub(crate) fn sweep() -> Self {
        let repo = Repo::with_config(WITH_PAGES);
        (0..4).for_each(|number| drop(repo.add_wheel(number)));
        repo.run(&[&["build", "--init"], &at(-97)[..]].concat()).ok();
        repo.remove("p1-1.0-py3-none-any.whl");
        repo.run(&[&["build", "--allow-removals"], &at(-91)[..]].concat()).ok();
        repo.add_wheel(7);
        repo.run(&[&["build"], &at(-1)[..]].concat()).ok();
        Self::new("sweep", repo, &[&["sweep"], &at(0)[..]].concat(), Vec::new())
    }

    /// The arguments as they are given to a command.
    pub(crate) fn args(&self) -> Vec<&str> {
        self.args.iter().map(String::as_str).collect()
    }

    /// Runs the command once more where it was run before, and may not have ended.
    pub(crate) fn again(&self, repo: &Repo) -> Ran {
        let timestamp = |repo: &Repo| std::fs::read(repo.site().join("metadata/timestamp.json")).ok();
        // What was taken in, or applied to its end, is not taken in twice.
        let is_published = timestamp(repo) != timestamp(&self.base);
        let is_over = match self.name {
            "project accept" => is_published,
            "ceremony apply" => is_published && !repo.path().join(".tuffet/ledger/ceremony.json").exists(),
            _ => false,
        };
        if self.name == "build --init" && timestamp(repo).is_none() {
            // Nothing was published. Keys are never overwritten: what they are, whoever made them knows.
            for left in ["offline-keys", ".tuffet", "site"] {
                let _ = std::fs::remove_dir_all(repo.path().join(left));
            }
        }
        if is_over {
            return repo.run(&[&["build"], &at(0)[..]].concat());
        }
        repo.run(&self.args())
    }

    /// A copy of the repository, to be spoilt.
    pub(crate) fn copy(&self) -> Repo {
        copy_of(&self.base)
    }

    /// A copy in which the command was run, and nothing went wrong.
    pub(crate) fn undisturbed(&self) -> Repo {
        let repo = self.copy();
        repo.run(&self.args()).ok();
        repo
    }
}

/// A copy of a repository, to be spoilt: times of files and links between them are kept.
pub(crate) fn copy_of(base: &Repo) -> Repo {
    copy_into(&std::env::temp_dir(), base)
}

/// The same, in a folder of its own in `parent`.
pub(crate) fn copy_into(parent: &Path, base: &Repo) -> Repo {
    let repo = Repo::within(parent, WITH_PAGES);
    let mut cp = Command::new("cp");
    clients::run(cp.arg("-a").arg(base.path().join(".")).arg(repo.path()), "cp");
    repo
}

/// What each versioned or hashed name was first seen to hold.
#[derive(Clone, Default)]
pub(crate) struct Names(BTreeMap<String, Sha256>);

impl Names {
    /// Notes what is new, and insists that nothing else has changed.
    pub(crate) fn look_at(&mut self, repo: &Repo) {
        if let Some(name) = self.changed(repo) {
            panic!("{name} had other bytes before");
        }
    }

    /// Notes what is new; a name that had other bytes before.
    pub(crate) fn changed(&mut self, repo: &Repo) -> Option<String> {
        if !repo.site().exists() {
            return None;
        }
        let is_fixed = |name: &String| {
            let file = name.rsplit('/').next().unwrap();
            looks_hashed(file) || parse_file_name(file).is_some()
        };
        snapshot_of(&repo.site()).into_iter().filter(|(name, _)| is_fixed(name)).find_map(|(name, bytes)| {
            let digest = Sha256::of(&bytes);
            let first = self.0.entry(name.clone()).or_insert(digest);
            (*first != digest).then_some(name)
        })
    }
}
