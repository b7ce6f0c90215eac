//! A published tree signed anew, so that every role has a key of its own: what somebody achieves with some of them.

use super::attacked::{Forgery, seal};
use super::author::{Author, days_from_now, released, wheel};
use super::{Repo, known};
use crate::authors::CONFIG;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tuffet::keys::{Ed25519, Signer as _};
use tuffet::model::{Sha256, TargetPath};

/// The projects of the tree.
pub(crate) const NAMES: [&str; 3] = ["milk", "brie", "cheese"];

/// Every role of the tree, the bins as one, with the number of its key.
pub(crate) const KEYS: [(&str, u8); 10] = [
    ("root", 41),
    ("timestamp", 42),
    ("snapshot", 43),
    ("targets", 44),
    ("claimed", 45),
    ("recently-claimed", 46),
    ("unclaimed", 47),
    ("bin", 48),
    ("project.cheese", 49),
    ("project.brie", 50),
];

/// The key of a role.
pub(crate) fn key(role: &str) -> Ed25519 {
    let name = match role {
        bin if bin.starts_with("bin-") => "bin",
        "recently-claimed.b" => "recently-claimed",
        name => name,
    };
    let number = KEYS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{role}")).1;
    known::key(number)
}

/// A key that no role names.
pub(crate) fn evil_key() -> Ed25519 {
    known::key(99)
}

/// A tree with keys of its own for every role: the one that was published, signed anew.
pub(crate) struct Tree {
    dir: tempfile::TempDir,
    /// What every role says, the delegations by the new keys.
    pub(crate) roles: BTreeMap<String, Value>,
}

impl Tree {
    /// Every role of what is published, under its new keys.
    pub(crate) fn of(repo: &Repo) -> Self {
        let published = Forgery::on(&repo.site());
        let files: Vec<String> = published.snapshot["meta"].as_object().unwrap().keys().cloned().collect();
        let mut roles = BTreeMap::new();
        for role in files.iter().map(|file| file.trim_end_matches(".json")) {
            let mut signed = published.role(role);
            if let Some(children) = signed.pointer_mut("/delegations/roles").and_then(Value::as_array_mut) {
                let mut keys = BTreeMap::new();
                for child in children {
                    let own = key(child["name"].as_str().unwrap());
                    child["keyids"] = json!([own.keyid()]);
                    keys.insert(own.keyid().to_string(), json!(own.key()));
                }
                signed["delegations"]["keys"] = json!(keys);
            }
            roles.insert(role.to_owned(), signed);
        }
        Self { dir: tempfile::TempDir::new().unwrap(), roles }
    }

    /// Writes the tree with every role in this version, each project with a release of this number besides what
    /// it had, snapshot and timestamp ending `days` from now.
    pub(crate) fn write(&self, name: &str, version: u64, days: i64) -> PathBuf {
        let site = self.dir.path().join(name);
        std::fs::create_dir_all(site.join("metadata")).unwrap();
        let put = |file: String, bytes: Vec<u8>| {
            let path = site.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        };
        put("metadata/1.root.json".to_owned(), seal(&root(1, 300, key), &[&key("root")]));
        let mut meta = BTreeMap::new();
        for number in 1..=version {
            for (role, signed) in &self.roles {
                let mut signed = signed.clone();
                signed["version"] = number.into();
                signed["targets"] = json!({});
                for (project, by) in [("milk", None), ("brie", Some("brie")), ("cheese", Some("cheese"))] {
                    for release in 1..=number {
                        let path = released(project, &format!("{release}.0"));
                        let bytes = path.as_bytes();
                        let lists = match by {
                            Some(project) => *role == format!("project.{project}"),
                            None => covers(&self.roles, role, &path),
                        };
                        if lists {
                            let digest = Sha256::of(bytes).to_string();
                            signed["targets"][&path] =
                                json!({"length": bytes.len(), "hashes": {"sha256": digest}});
                            let path: TargetPath = path.parse().unwrap();
                            put(path.hashed(&digest), bytes.to_vec());
                            put(path.tough_alias(&digest), bytes.to_vec());
                        }
                    }
                }
                put(format!("metadata/{number}.{role}.json"), seal(&signed, &[&key(role)]));
                meta.insert(format!("{role}.json"), json!({"version": number}));
            }
        }
        let expires = days_from_now(days);
        let snapshot = json!({
            "_type": "snapshot", "spec_version": "1.0.31", "version": version, "expires": expires, "meta": meta,
        });
        let bytes = seal(&snapshot, &[&key("snapshot")]);
        let digest = Sha256::of(&bytes).to_string();
        let timestamp = json!({
            "_type": "timestamp", "spec_version": "1.0.31", "version": version, "expires": expires,
            "meta": {"snapshot.json": {"version": version, "length": bytes.len(), "hashes": {"sha256": digest}}},
        });
        put(format!("metadata/{version}.snapshot.json"), bytes);
        put("metadata/timestamp.json".to_owned(), seal(&timestamp, &[&key("timestamp")]));
        site
    }
}

/// A root that gives each top-level role to one key.
pub(crate) fn root(version: u64, days: i64, by: impl Fn(&str) -> Ed25519) -> Value {
    let (mut keys, mut roles) = (BTreeMap::new(), BTreeMap::new());
    for role in ["root", "timestamp", "snapshot", "targets"] {
        let key = by(role);
        keys.insert(key.keyid().to_string(), json!(key.key()));
        roles.insert(role, json!({"keyids": [key.keyid()], "threshold": 1}));
    }
    json!({
        "_type": "root", "spec_version": "1.0.31", "consistent_snapshot": true, "version": version,
        "expires": days_from_now(days), "keys": keys, "roles": roles,
    })
}

/// Whether a bin is the one for this path.
pub(crate) fn covers(roles: &BTreeMap<String, Value>, role: &str, path: &str) -> bool {
    let digest = path.parse::<TargetPath>().unwrap().digest().to_string();
    let bins = roles["unclaimed"]["delegations"]["roles"].as_array().unwrap().iter();
    let mut prefixes = bins.filter(|child| child["name"] == role).flat_map(|child| {
        let prefixes = child["path_hash_prefixes"].as_array().unwrap();
        prefixes.iter().map(|prefix| prefix.as_str().unwrap())
    });
    prefixes.any(|prefix| digest.starts_with(prefix))
}

/// A published repository: `milk` unclaimed, `brie` recently claimed, `cheese` claimed.
pub(crate) fn repository() -> Repo {
    let repo = Repo::with_config(CONFIG);
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    repo.run(&["build", "--init"]).ok();
    repo.register(&Author::known(11), "cheese", &["1.0"]);
    repo.ceremony(&[]);
    repo.register(&Author::known(14), "brie", &["1.0"]);
    repo.verify();
    repo
}

/// What is said of whoever holds the keys of these roles.
pub(crate) fn compromise(repo: &Repo, site: &Path, held: &[&str], more: &[&str]) -> Value {
    let ids: Vec<String> = held.iter().map(|role| key(role).keyid().to_string()).collect();
    let ids = ids.join(",");
    let args = ["compromise", site.to_str().unwrap(), "--holding", &ids, "--format", "json"];
    repo.run(&[&args[..], more].concat()).ok().json()
}
