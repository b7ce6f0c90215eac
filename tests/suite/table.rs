//! PEP 480's Table 1, with keys: for each set of keys in it, on a tree whose roles all have keys of their own,
//! python-tuf and tough say what its holder achieves, and `tuffet compromise` has to have said the same. The table
//! stands in `docs/threats.md`; TUFFET_BLESS=1 writes it anew.

use super::attacks::{ceremony, released};
use super::authors::CONFIG;
use super::support::Repo;
use super::support::attacked::{
    self, Caches, Case, Forgery, Served, evil, evil_file, evil_path, evil_role, seal,
};
use super::support::author::{Author, days_from_now, wheel};
use super::support::known;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tuffet::keys::{Ed25519, Signer as _};
use tuffet::model::{Sha256, TargetPath};

const NAMES: [&str; 3] = ["milk", "brie", "cheese"];

/// Every role of the tree, the bins as one, with the number of its key.
const KEYS: [(&str, u8); 10] = [
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

/// The rows of PEP 480: who is held, and what it says of malicious updates, freeze and metadata inconsistency.
const ROWS: [(&[&str], &str); 16] = [
    (&["timestamp"], "no, yes, no"),
    (&["snapshot"], "no, no, no"),
    (&["timestamp", "snapshot"], "no, yes, yes"),
    (&["targets"], "no, n/a, n/a"),
    (&["claimed"], "no, n/a, n/a"),
    (&["recently-claimed"], "no, n/a, n/a"),
    (&["unclaimed"], "no, n/a, n/a"),
    (&["bin"], "no, n/a, n/a"),
    (&["project.cheese"], "no, n/a, n/a"),
    (&["timestamp", "snapshot", "project.cheese"], "yes, yes, yes"),
    (&["timestamp", "snapshot", "recently-claimed"], "not claimed, yes, yes"),
    (&["timestamp", "snapshot", "unclaimed"], "not claimed, yes, yes"),
    (&["timestamp", "snapshot", "bin"], "not claimed, yes, yes"),
    (&["timestamp", "snapshot", "targets"], "yes, yes, yes"),
    (&["timestamp", "snapshot", "claimed"], "yes, yes, yes"),
    (&["root"], "yes, yes, yes"),
];

fn key(role: &str) -> Ed25519 {
    let name = match role {
        bin if bin.starts_with("bin-") => "bin",
        "recently-claimed.b" => "recently-claimed",
        name => name,
    };
    let number = KEYS.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{role}")).1;
    known::key(number)
}

fn evil_key() -> Ed25519 {
    known::key(99)
}

/// A tree with keys of its own for every role: the one that was published, signed anew.
struct Tree {
    dir: tempfile::TempDir,
    /// What every role says, the delegations by the new keys.
    roles: BTreeMap<String, Value>,
}

impl Tree {
    fn of(repo: &Repo) -> Self {
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
    fn write(&self, name: &str, version: u64, days: i64) -> PathBuf {
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
fn root(version: u64, days: i64, by: impl Fn(&str) -> Ed25519) -> Value {
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
fn covers(roles: &BTreeMap<String, Value>, role: &str, path: &str) -> bool {
    let digest = path.parse::<TargetPath>().unwrap().digest().to_string();
    let bins = roles["unclaimed"]["delegations"]["roles"].as_array().unwrap().iter();
    let mut prefixes = bins.filter(|child| child["name"] == role).flat_map(|child| {
        let prefixes = child["path_hash_prefixes"].as_array().unwrap();
        prefixes.iter().map(|prefix| prefix.as_str().unwrap())
    });
    prefixes.any(|prefix| digest.starts_with(prefix))
}

/// Somebody with these keys, and everybody's trees.
struct Holder<'a> {
    tree: &'a Tree,
    held: BTreeSet<&'a str>,
}

impl Holder<'_> {
    fn has(&self, role: &str) -> bool {
        self.held.contains(if role.starts_with("bin-") { "bin" } else { role })
    }

    /// The key of a role, or else one of their own.
    fn key(&self, role: &str) -> Ed25519 {
        if self.has(role) { key(role) } else { evil_key() }
    }

    /// What they serve: with the honest snapshot and timestamp, and with ones of their own, the latter signed
    /// as well as they can.
    fn serve(&self, mut forgery: Forgery, all: &mut Vec<Served>) {
        if self.has("root") {
            // Another root names keys of theirs for snapshot and timestamp.
            let by = |role: &str| match role {
                "timestamp" | "snapshot" => evil_key(),
                _ => key(role),
            };
            let bytes = seal(&root(2, 300, by), &[&key("root")]);
            forgery.served.over.insert("metadata/2.root.json".to_owned(), Some(bytes));
        }
        all.push(forgery.clone().serve(None, None));
        let (snapshot, timestamp) = (self.key("snapshot"), self.key("timestamp"));
        all.push(forgery.clone().serve(None, Some(&timestamp)));
        all.push(forgery.serve(Some(&snapshot), Some(&timestamp)));
    }

    /// Everything that they try to have forged releases taken from `site`.
    fn forgeries(&self, site: &Path) -> Vec<Served> {
        let mut all = Vec::new();
        let honest = Forgery::on(site);
        let roles = self.tree.roles.keys().filter(|role| {
            !role.starts_with("bin-")
                || NAMES.iter().any(|name| covers(&self.tree.roles, role, &evil_path(name)))
        });
        for role in roles {
            let mut signed = honest.role(role);
            // tough refuses a role that lists what it may not.
            let may = |name: &&&str| match role.strip_prefix("project.") {
                Some(project) => project == **name,
                None => !role.starts_with("bin-") || covers(&self.tree.roles, role, &evil_path(name)),
            };
            NAMES.iter().filter(may).for_each(|name| signed["targets"][evil_path(name)] = evil_file());
            // With the key, under the version that is listed and under a higher one; without it, as well as can be.
            if self.has(role) {
                let mut replaced = honest.clone();
                replaced.carry(&NAMES);
                replaced.replace(role, &signed, &[&self.key(role)]);
                self.serve(replaced, &mut all);
            }
            let mut published = honest.clone();
            published.carry(&NAMES);
            published.publish(role, signed, &[&self.key(role)]);
            let mut ways = Vec::new();
            self.serve(published, &mut ways);
            all.extend(if self.has(role) { ways } else { ways.split_off(2) });
        }
        if self.has("root") {
            let mut forgery = honest.clone();
            forgery.carry(&NAMES);
            forgery.publish("targets", evil_role(&NAMES), &[&evil_key()]);
            let bytes = seal(&root(2, 300, |_| evil_key()), &[&key("root"), &evil_key()]);
            forgery.served.over.insert("metadata/2.root.json".to_owned(), Some(bytes));
            all.push(forgery.serve(Some(&evil_key()), Some(&evil_key())));
        }
        all
    }
}

/// What was achieved against one kind of client: of each project, whether a forged release was taken.
type Taken = BTreeMap<&'static str, bool>;

/// What one session shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// Forged releases for a client that starts empty.
    New,
    /// The same for one that was here before.
    Returning,
    /// The same, once the next version of everything is out.
    Next,
    /// What is new is withheld, once the published timestamp has ended.
    Freeze,
    /// The same for one that was here before.
    FreezeReturning,
    /// Two roles as they never were published together.
    Mix,
    /// The same for one that was here before.
    MixReturning,
}

impl What {
    /// What a client looks up, in one session.
    fn asks(self) -> Vec<String> {
        let both = |name: &str| [released(name, "1.0"), released(name, "2.0")];
        match self {
            Self::New | Self::Returning | Self::Next => NAMES.map(evil_path).to_vec(),
            Self::Freeze | Self::FreezeReturning => NAMES.iter().flat_map(|name| both(name)).collect(),
            Self::Mix | Self::MixReturning => vec![released("cheese", "2.0"), released("milk", "2.0")],
        }
    }

    fn knows(self) -> bool {
        !matches!(self, Self::New | Self::Freeze | Self::Mix)
    }

    /// For which projects it was achieved.
    fn achieved(self, answers: &[String]) -> Vec<&'static str> {
        // The one file is there, and the other, which would be newer, is not.
        let stopped = |pair: &[String]| pair[0].len() == 64 && pair[1] == "none";
        let is = |index: usize| match self {
            Self::New | Self::Returning | Self::Next => answers[index] == evil(),
            Self::Freeze | Self::FreezeReturning => stopped(&answers[2 * index..]),
            Self::Mix | Self::MixReturning => stopped(answers),
        };
        (0..NAMES.len()).filter(|index| is(*index)).map(|index| NAMES[index]).collect()
    }
}

/// What was achieved: by client, row, what and project.
type Done = BTreeSet<(&'static str, usize, What, &'static str)>;

fn done(sessions: &[(usize, What, Case)], caches: &Caches) -> Done {
    let cases: Vec<Case> = sessions.iter().map(|(.., case)| case.clone()).collect();
    let mut done = Done::new();
    for (client, answers) in
        [("python-tuf", attacked::python_tuf(caches, &cases)), ("tough", attacked::tough(caches, &cases))]
    {
        for (answers, (row, what, _)) in answers.iter().zip(sessions) {
            done.extend(what.achieved(answers).into_iter().map(|project| (client, *row, *what, project)));
        }
    }
    done
}

/// A published repository: `milk` unclaimed, `brie` recently claimed, `cheese` claimed.
fn repository() -> Repo {
    let repo = Repo::with_config(CONFIG);
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    repo.run(&["build", "--init"]).ok();
    repo.register(&Author::known(11), "cheese", &["1.0"]);
    ceremony(&repo, &[]);
    repo.register(&Author::known(14), "brie", &["1.0"]);
    repo.verify();
    repo
}

fn compromise(repo: &Repo, site: &Path, held: &[&str], more: &[&str]) -> Value {
    let ids: Vec<String> = held.iter().map(|role| key(role).keyid().to_string()).collect();
    let ids = ids.join(",");
    let args = ["compromise", site.to_str().unwrap(), "--holding", &ids, "--format", "json"];
    repo.run(&[&args[..], more].concat()).ok().json()
}

#[test]
fn what_the_holders_of_each_set_of_keys_of_pep_480_achieve_is_what_compromise_says() {
    let repo = repository();
    let tree = Tree::of(&repo);
    // As it is, as it will be, and as it was when its timestamp ended.
    let (now, next, stale) = (tree.write("now", 1, 1), tree.write("next", 2, 1), tree.write("stale", 1, -1));
    let start = now.join("metadata/1.root.json");
    let releases = NAMES.map(|name| released(name, "1.0")).into_iter();
    let known: Vec<String> = releases.chain(NAMES.map(evil_path)).collect();
    let mut caches = Caches::of(&[(&now, known)]);
    caches.age(&now, &stale);
    let mut sessions = Vec::new();
    for (row, (held, _)) in ROWS.iter().enumerate() {
        let holder = Holder { tree: &tree, held: held.iter().copied().collect() };
        let mut served: Vec<(What, Vec<Served>)> = vec![
            (What::New, holder.forgeries(&now)),
            (What::Returning, holder.forgeries(&now)),
            (What::Next, holder.forgeries(&next)),
        ];
        let (mut frozen, mut mixed) = (Vec::new(), Vec::new());
        holder.serve(Forgery::on(&stale), &mut frozen);
        let mut forgery = Forgery::on(&next);
        tree.roles.keys().filter(|role| role.starts_with("bin-")).for_each(|bin| forgery.list(bin, 1));
        holder.serve(forgery, &mut mixed);
        served.extend([What::Freeze, What::FreezeReturning].map(|what| (what, frozen.clone())));
        served.extend([What::Mix, What::MixReturning].map(|what| (what, mixed.clone())));
        for (what, served) in served {
            let knows = what.knows().then(|| if what == What::FreezeReturning { &stale } else { &now });
            let knows = knows.cloned();
            sessions.extend(served.into_iter().map(|served| {
                (row, what, Case { served, root: start.clone(), knows: knows.clone(), ask: what.asks() })
            }));
        }
    }
    println!("{} sessions of each client", sessions.len());
    let done = done(&sessions, &caches);
    let mut table = String::from(
        "| somebody holds the keys of | forged for clients that start empty | forged for clients that were here \
         | withheld | mixed | PEP 480 |\n|---|---|---|---|---|---|\n",
    );
    for (row, (held, pep)) in ROWS.iter().enumerate() {
        let said = compromise(&repo, &now, held, &[]);
        let of = |project: &str| {
            said["projects"].as_array().unwrap().iter().find(|p| p["name"] == project).unwrap()
        };
        let did = |client, what, project| done.contains(&(client, row, what, project));
        for client in ["python-tuf", "tough"] {
            for project in NAMES {
                let verdict = of(project);
                let was_here = &verdict[if client == "tough" { "tough" } else { "returning" }];
                let returning = was_here["malicious_update"] == true;
                let waits = verdict["waits"] == true && client == "python-tuf";
                for (what, expected) in [
                    (What::New, &verdict["new"]["malicious_update"]),
                    (What::Returning, &json!(returning && !waits)),
                    (What::Next, &json!(returning)),
                    (What::Freeze, &verdict["new"]["freeze"]),
                    (What::FreezeReturning, &was_here["freeze"]),
                    (What::Mix, &verdict["new"]["mix"]),
                    (What::MixReturning, &was_here["mix"]),
                ] {
                    let found = json!(did(client, what, project));
                    assert_eq!(&found, expected, "{what:?}, {client}, {held:?}, {project}: {verdict}");
                }
            }
        }
        let both = |what, project| {
            let (python, tough) = (did("python-tuf", what, project), did("tough", what, project));
            assert_eq!(python, tough, "{what:?} {project} {held:?}");
            python
        };
        let new: Taken = NAMES.map(|project| (project, both(What::New, project))).into();
        let next: Taken = NAMES.map(|project| (project, both(What::Next, project))).into();
        let waits = NAMES.iter().any(|project| {
            did("tough", What::Returning, project) && !did("python-tuf", What::Returning, project)
        });
        let yes = |is: bool| if is { "yes" } else { "no" };
        table += &format!(
            "| {} | {} | {}{} | {} | {} | {pep} |\n",
            held.join(" and ").replace("project.cheese", "the project `cheese`").replace("bin", "the bins"),
            words(&new),
            words(&next),
            if waits { ", with the role's next version" } else { "" },
            yes(both(What::Freeze, "cheese")),
            yes(both(What::Mix, "cheese")),
        );
    }
    stands_in_the_document(&table);
}

/// Which projects, by where they stand.
fn words(taken: &Taken) -> &'static str {
    match (taken["milk"], taken["brie"], taken["cheese"]) {
        (false, false, false) => "none",
        (true, true, true) => "all",
        (true, true, false) => "not the claimed one",
        (true, false, false) => "the unclaimed one",
        (false, true, false) => "the recently claimed one",
        (false, false, true) => "the claimed one",
        _ => "others",
    }
}

fn stands_in_the_document(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/threats.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->");
    let (before, rest) = text.split_once(begin).expect("docs/threats.md has a place for the table");
    let (stands, after) = rest.split_once(end).expect("docs/threats.md says where the table ends");
    if std::env::var_os("TUFFET_BLESS").is_some() {
        std::fs::write(&path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert!(stands == table, "docs/threats.md has another table than:\n{table}");
    }
}

/// Whoever withholds the newer roots makes use of the keys that an older one named, until that one ends.
#[test]
fn a_retired_online_key_works_for_clients_that_start_empty_until_the_root_that_named_it_ends() {
    let repo = repository();
    let tree = Tree::of(&repo);
    let site = tree.write("now", 1, 1);
    // A new root with other keys for snapshot and timestamp, by which both are signed anew.
    let retired = [key("snapshot"), key("timestamp")];
    let fresh = known::key(60);
    let by = |role: &str| if ["snapshot", "timestamp"].contains(&role) { known::key(60) } else { key(role) };
    let kept = site.join("metadata/1.root.json");
    std::fs::write(site.join("metadata/2.root.json"), seal(&root(2, 400, by), &[&key("root")])).unwrap();
    for (name, bytes) in Forgery::on(&site).serve(Some(&fresh), Some(&fresh)).over {
        std::fs::write(site.join(name), bytes.unwrap()).unwrap();
    }
    let caches = Caches::of(&[(&site, NAMES.map(|name| released(name, "1.0")).to_vec())]);
    let holding = ["snapshot", "timestamp", "bin"];
    let said = compromise(&repo, &site, &holding, &[]);
    let milk = said["projects"].as_array().unwrap().iter().find(|p| p["name"] == "milk").unwrap();
    assert_eq!((&milk["new"]["mix"], &milk["returning"]["mix"]), (&json!(true), &json!(false)), "{milk}");
    assert_eq!(
        (&milk["new"]["freeze"], &milk["returning"]["freeze"]),
        (&json!(true), &json!(false)),
        "{milk}"
    );

    let mut forgery = Forgery::on(&site);
    forgery.served.over.insert("metadata/2.root.json".to_owned(), None);
    forgery.carry(&NAMES);
    let bin = tree.roles.keys().find(|role| covers(&tree.roles, role, &evil_path("milk"))).unwrap();
    let mut signed = forgery.role(bin);
    signed["targets"][evil_path("milk")] = evil_file();
    forgery.publish(bin, signed, &[&key("bin")]);
    let served = forgery.serve(Some(&retired[0]), Some(&retired[1]));
    let case =
        |knows| Case { served: served.clone(), root: kept.clone(), knows, ask: vec![evil_path("milk")] };
    let cases = [case(None), case(Some(site.clone()))];
    let (python, tough) = (attacked::python_tuf(&caches, &cases), attacked::tough(&caches, &cases));
    assert_eq!((&python[0], &tough[0]), (&vec![evil()], &vec![evil()]));
    // tough keeps no root, and comes to the older one each time.
    assert!(python[1][0].starts_with("error") && tough[1] == [evil()], "{python:?} {tough:?}");
    assert_eq!(
        (&milk["tough"]["mix"], &milk["tough"]["malicious_update"]),
        (&json!(true), &json!(true)),
        "{milk}"
    );
    // Once it has ended there is nothing to withhold.
    let said = compromise(&repo, &site, &holding, &["--now", &days_from_now(301)]);
    let milk = said["projects"].as_array().unwrap().iter().find(|p| p["name"] == "milk").unwrap();
    assert_eq!((&milk["new"]["mix"], &milk["new"]["freeze"]), (&json!(false), &json!(false)), "{milk}");
}

/// tough leaves a role that the snapshot does not list unloaded, its siblings too, and goes on behind its parent.
/// That is why shards of `claimed` are siblings in `targets`; those of `recently-claimed` are not.
#[test]
fn a_shard_below_another_list_can_be_left_out_for_tough_where_it_starts_empty() {
    let repo = repository();
    let mut tree = Tree::of(&repo);
    let shard = tree.roles["recently-claimed"].clone();
    let list = tree.roles.get_mut("recently-claimed").unwrap();
    let own = key("recently-claimed");
    list["delegations"] = json!({
        "keys": {own.keyid().as_str(): own.key()},
        "roles": [{
            "name": "recently-claimed.b", "keyids": [own.keyid()], "threshold": 1, "terminating": false,
            "paths": ["packages/b*/*", "simple/b*/*"],
        }],
    });
    tree.roles.insert("recently-claimed.b".to_owned(), shard);
    let site = tree.write("now", 1, 1);
    let said = compromise(&repo, &site, &["timestamp", "snapshot", "bin"], &[]);
    let brie = said["projects"].as_array().unwrap().iter().find(|p| p["name"] == "brie").unwrap();
    let flags = ["new", "returning", "tough"].map(|kind| brie[kind]["malicious_update"] == true);
    assert_eq!(flags, [true, false, false], "{brie}");
    assert!(brie["why"].as_str().unwrap().contains("tough goes on without"), "{brie}");

    let releases = NAMES.map(|name| released(name, "1.0")).into_iter();
    let caches = Caches::of(&[(&site, releases.chain(NAMES.map(evil_path)).collect())]);
    let mut forgery = Forgery::on(&site);
    forgery.carry(&NAMES);
    let bin = tree.roles.keys().find(|role| covers(&tree.roles, role, &evil_path("brie"))).unwrap();
    let mut signed = forgery.role(bin);
    signed["targets"][evil_path("brie")] = evil_file();
    forgery.publish(bin, signed, &[&key("bin")]);
    forgery.leave_out("recently-claimed.b");
    let served = forgery.serve(Some(&key("snapshot")), Some(&key("timestamp")));
    let root = site.join("metadata/1.root.json");
    let case = |knows| {
        let (served, root) = (served.clone(), root.clone());
        Case { served, root, knows, ask: vec![evil_path("brie")] }
    };
    let cases = [case(None), case(Some(site.clone()))];
    let (python, tough) = (attacked::python_tuf(&caches, &cases), attacked::tough(&caches, &cases));
    assert!(python.iter().all(|answers| answers[0].starts_with("error")), "{python:?}");
    assert_eq!(tough[0], [evil()]);
    assert_ne!(tough[1], [evil()]);
}

/// Who signs snapshots and timestamps withholds until the first role ends that they cannot sign again.
#[test]
fn a_freeze_ends_with_the_role_that_is_named() {
    let repo = repository();
    let mut tree = Tree::of(&repo);
    let (free, and_claimed) = (["timestamp", "snapshot"], ["timestamp", "snapshot", "claimed"]);
    let ends = days_from_now(2);
    tree.roles.get_mut("claimed").unwrap()["expires"] = ends.clone().into();
    let site = tree.write("now", 1, 1);
    let limits = |held: &[&str]| {
        let said = compromise(&repo, &site, held, &[]);
        let projects = said["projects"].as_array().unwrap().clone();
        let limit = |p: &Value| (p["name"].as_str().unwrap().to_owned(), p["limited_by"].clone());
        projects.iter().map(limit).collect::<BTreeMap<_, _>>()
    };
    let of_claimed = limits(&free);
    assert!(
        of_claimed.values().all(|limit| *limit == json!({"role": "claimed", "expires": ends})),
        "{of_claimed:?}"
    );
    // Whoever signs `claimed` gives its projects to keys of theirs; the others are asked for further on.
    let without = limits(&and_claimed);
    let roles: Vec<&str> =
        ["milk", "brie", "cheese"].map(|name| without[name]["role"].as_str().unwrap()).to_vec();
    assert!(roles[0].starts_with("bin-") || roles[0] == "recently-claimed", "{roles:?}");
    assert_eq!(roles[1..], ["recently-claimed", "root"]);

    // The same once `claimed` has ended.
    let ended = days_from_now(-1);
    tree.roles.get_mut("claimed").unwrap()["expires"] = ended.into();
    let stale = tree.write("stale", 1, -1);
    let caches = Caches::of(&[(&site, vec![released("milk", "1.0")])]);
    let mut cases = Vec::new();
    for held in [&free[..], &and_claimed] {
        let mut forgery = Forgery::on(&stale);
        if held.contains(&"claimed") {
            let mut signed = forgery.role("claimed");
            signed["expires"] = days_from_now(5).into();
            forgery.replace("claimed", &signed, &[&key("claimed")]);
        }
        let served = forgery.serve(Some(&key("snapshot")), Some(&key("timestamp")));
        let (root, ask) =
            (site.join("metadata/1.root.json"), NAMES.map(|name| released(name, "1.0")).to_vec());
        cases.push(Case { served, root, knows: None, ask });
    }
    for answers in [attacked::python_tuf(&caches, &cases), attacked::tough(&caches, &cases)] {
        assert!(answers[0].iter().all(|answer| answer.starts_with("error")), "{answers:?}");
        assert!(answers[1].iter().all(|answer| answer.len() == 64), "{answers:?}");
    }
}
