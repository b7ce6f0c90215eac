//! Every parser that is fuzzed (`fuzz/`) runs over its seeds, and over whatever was ever found, at each `cargo test`.
//!
//! TUFFET_BLESS=1 writes the seeds that a real repository gives anew.

#[allow(unreachable_pub, reason = "fuzz targets, which are another crate, share it")]
#[path = "../../fuzz/src/lib.rs"]
pub(crate) mod parsers;

use super::support::author::{Author, wheel};
use super::support::known::{self, MADE};
use super::support::{Repo, snapshot_of};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tuffet::keys::{Signer as _, openssh, pem};

/// What a real repository gives begins so; the other seeds were written by hand, or found.
const REAL: &str = "real-";

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds")
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_parser_has_a_target_and_seeds_and_there_are_no_others() {
    let parsers: BTreeSet<String> = parsers::PARSERS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(parsers.len(), parsers::PARSERS.len(), "a name is there twice");
    assert_eq!(names_in(&seeds()), parsers);
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let targets = names_in(&manifest.join("fuzz_targets"));
    assert_eq!(targets, parsers.iter().map(|name| format!("{name}.rs")).collect());
    let text = std::fs::read_to_string(manifest.join("Cargo.toml")).unwrap();
    for name in &parsers {
        assert!(
            text.contains(&format!("[[bin]]\nname = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"\n")),
            "{name}"
        );
        let target = std::fs::read_to_string(manifest.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("tuffet_fuzz::run(\"{name}\", bytes)")), "{name}: it runs another");
    }
}

#[test]
fn what_is_kept_of_hostile_bytes_is_still_read_as_it_should_be() {
    let mut failed = Vec::new();
    for (name, _) in parsers::PARSERS {
        let folder = seeds().join(name);
        let files = names_in(&folder);
        assert!(!files.is_empty(), "{name} has no seeds");
        for file in files {
            let bytes = std::fs::read(folder.join(&file)).unwrap();
            if std::panic::catch_unwind(|| parsers::run(name, &bytes)).is_err() {
                failed.push(format!("{name}/{file}"));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:?}");
}

/// Real artefacts are what they are taken for, so that a fuzzer begins with inputs that reach all of a parser.
#[test]
fn real_artefacts_are_read_and_are_kept_as_seeds() {
    let real = Real::made();
    let mut kept: BTreeMap<(&str, String), Vec<u8>> = BTreeMap::new();
    for (target, name, bytes) in real.0 {
        parsers::run(target, &bytes);
        assert!(bytes.len() <= 64 << 10, "{target}/{name} has {} bytes", bytes.len());
        kept.insert((target, format!("{REAL}{name}")), bytes);
    }
    if std::env::var_os("TUFFET_BLESS").is_some() {
        for ((target, name), bytes) in &kept {
            std::fs::create_dir_all(seeds().join(target)).unwrap();
            std::fs::write(seeds().join(target).join(name), bytes).unwrap();
        }
    }
    let there = parsers::PARSERS.iter().flat_map(|(target, _)| {
        let names = names_in(&seeds().join(target)).into_iter();
        names.filter(|name| name.starts_with(REAL)).map(move |name| (*target, name))
    });
    let there: BTreeSet<(&str, String)> = there.collect();
    assert_eq!(there, kept.into_keys().collect(), "TUFFET_BLESS=1 writes them anew");
}

/// What a small repository is made of: target, name, bytes.
struct Real(Vec<(&'static str, String, Vec<u8>)>);

impl Real {
    fn made() -> Self {
        let mut real = Self(Vec::new());
        let repo = known::repo();
        let config = "[source]\npath = \"dists\"\nyanked = [\"curds==1.0: sour\"]\n[site]\ncompress = [\"gz\", \"br\", \"zst\"]\n\
            [keys]\ninsecure_plain = true\n[expiry]\nbins = \"9d\"\n";
        std::fs::write(repo.path().join("pipeline.toml"), config).unwrap();
        real.add("settings", "repository", config.as_bytes());
        real.add("settings", "init", include_bytes!("../../src/cli/pipeline.toml"));
        for version in ["1.0", "1.1"] {
            let (name, bytes) = wheel("curds", version);
            repo.add(&name, &bytes);
            real.add("distribution", &name, &bytes);
        }
        repo.run(&["build", "--now", MADE]).ok();
        real.authors(&repo);
        real.tree(&repo);
        real.state(&repo);
        real.keys();
        real
    }

    fn add(&mut self, target: &'static str, name: &str, bytes: &[u8]) {
        self.0.push((target, name.replace('/', "-"), bytes.to_vec()));
    }

    fn add_file(&mut self, target: &'static str, path: &Path) {
        let name = path.file_name().unwrap().to_str().unwrap();
        self.add(target, name, &std::fs::read(path).unwrap());
    }

    /// A submission, a member, a ceremony and its ledger, an inventory.
    fn authors(&mut self, repo: &Repo) {
        let now = ["--now", MADE];
        let author = Author::known(11);
        let zip = author.sign("cheese", &["1.0"], None, &now);
        self.add_file("submission", &zip);
        let register = format!("cheese={}", author.keyid());
        repo.run(
            &[&["project", "accept", zip.to_str().unwrap(), "--register", &register], &now[..]].concat(),
        )
        .ok();
        let path = |name: &str| repo.path().join(name).display().to_string();
        let (joining, ceremony, parquet) =
            (path("joining.json"), path("ceremony.json"), path("list.parquet"));
        let join = ["author", "join", "cheese", "--as", "alice", "--key", author.key(), "--out", &joining];
        author.run(&[&join[..], &now].concat()).ok();
        repo.run(&[&["ceremony", "prepare", "--out", &ceremony], &now[..]].concat()).ok();
        self.add("ceremony", "prepared", &std::fs::read(&ceremony).unwrap());
        let (key, ledger) = (path("admin.key"), path("ledger"));
        let text = pem::write(&known::key(4).into(), None).unwrap();
        tuffet::disk::write::write_secret(Path::new(&key), text.as_bytes()).unwrap();
        let sign = ["ceremony", "sign", &ceremony, "--key", &key, "--ledger", &ledger, "--confirm-all"];
        repo.run(&[&sign[..], &now].concat()).ok();
        repo.run(&["inventory", "--out", &parquet]).ok();
        self.add("ceremony", "signed", &std::fs::read(&ceremony).unwrap());
        self.add_file("ledger", Path::new(&ledger));
        self.add_file("joining", Path::new(&joining));
        self.add_file("inventory-parquet", Path::new(&parquet));
    }

    fn tree(&mut self, repo: &Repo) {
        for (path, bytes) in snapshot_of(&repo.site()) {
            let name = path.rsplit('/').next().unwrap();
            let role = name.split('.').nth(1).unwrap_or_default();
            let targets: &[&'static str] = match (name, role) {
                _ if [".gz", ".br", ".zst"].iter().any(|end| name.ends_with(end)) => {
                    if name.starts_with("1.targets") { &["copies"] } else { &[] }
                }
                ("index.html", _) => &["page-html"],
                ("index.json" | "index.v1_json", _) => &["page-json"],
                _ if !name.ends_with(".json") || !path.starts_with("metadata/") => &[],
                ("timestamp.json", _) => &["timestamp"],
                (_, "root") => &["root"],
                (_, "snapshot") => &["snapshot", "snapshot-file"],
                (_, role) if role.starts_with("bin-") => &["bin", "targets"],
                _ => &["targets"],
            };
            targets.iter().for_each(|target| self.add(target, &path, &bytes));
        }
    }

    /// Every file of the state folder but the key, alone and with the others.
    fn state(&mut self, repo: &Repo) {
        let mut all = Vec::new();
        for (name, bytes) in snapshot_of(&repo.path().join(".tuffet")) {
            if !name.ends_with(".key") && !name.starts_with("staging/") && !bytes.is_empty() {
                let one = [format!("=== {name}\n").as_bytes(), &bytes].concat();
                self.add("state", &name, &one);
                all.extend([&one[..], b"\n"].concat());
            }
        }
        self.add("state", "all", &all);
    }

    fn keys(&mut self) {
        let key = known::key(4).key().clone();
        self.add("key-file", "plain", pem::write(&known::key(4).into(), None).unwrap().as_bytes());
        self.add("public-key", "line", openssh::public_line(&key, "a comment").unwrap().as_bytes());
        self.add("public-key", "hex", key.keyval.public.as_bytes());
        let answers = {
            let line = ssh_key::PublicKey::from_openssh(&openssh::public_line(&key, "").unwrap()).unwrap();
            let text = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
            let identities =
                [&[12, 0, 0, 0, 1][..], &text(&line.to_bytes().unwrap()), &text(b"comment")].concat();
            let signature = [text(b"ssh-ed25519"), text(&[7; 64])].concat();
            [text(&identities), text(&[&[14][..], &text(&signature)].concat())].concat()
        };
        self.add("agent", "answers", &answers);
    }
}
