//! Whoever holds the online key and the web server tries everything against an unclaimed, a recently claimed and
//! a claimed project, and python-tuf and tough say what they take. `tuffet compromise` says it before.

use super::authors::CONFIG;
use super::support::Repo;
use super::support::attacked::{
    self, Caches, Case, Forgery, Served, delegate, evil, evil_file, evil_path, evil_role, seal,
};
use super::support::author::{Author, days_from_now, released, wheel};
use super::support::known;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tuffet::keys::{KeyPair, Signer, file};

/// Where each of the three projects stands.
const PROJECTS: [(&str, &str); 3] =
    [("milk", "unclaimed"), ("brie", "recently-claimed"), ("cheese", "claimed")];

const NAMES: [&str; 3] = ["milk", "brie", "cheese"];

/// The three projects, `cheese` claimed so many days ago; and a copy of the site from before the last release.
pub(super) fn repository(days: i64) -> (Repo, PathBuf) {
    let repo = Repo::with_config(CONFIG);
    let (author, other) = (Author::known(11), Author::known(14));
    let add = |version: &str| {
        let (name, bytes) = wheel("milk", version);
        repo.add(&name, &bytes);
    };
    let then = days_from_now(-days);
    let at = ["--now", &then];
    add("1.0");
    repo.run(&[&["build", "--init"][..], &at].concat()).ok();
    let register = format!("cheese={}", author.keyid());
    let zip = author.sign("cheese", &["1.0"], None, &at);
    repo.accept(&[&zip], &[&["--register", &register][..], &at].concat());
    let unclaimed = repo.path().join("before");
    copy(&repo.site(), &unclaimed);
    repo.ceremony(&at);
    if days > 90 {
        // Signed again meanwhile, as claimed lives for 90 days.
        let renewed = days_from_now(-60);
        repo.ceremony(&["--now", &renewed]);
    }
    repo.build(&[]);
    repo.register(&other, "brie", &["1.0"]);
    let old = repo.path().join("old");
    copy(&repo.site(), &old);
    add("2.0");
    repo.build(&[]);
    repo.accept(&[&author.sign("cheese", &["2.0"], Some(&repo), &[])], &[]);
    repo.accept(&[&other.sign("brie", &["2.0"], Some(&repo), &[])], &[]);
    repo.verify();
    (repo, old)
}

pub(super) fn copy(from: &Path, to: &Path) {
    let mut cp = std::process::Command::new("cp");
    super::support::clients::run(cp.arg("-a").arg(from).arg(to), "cp");
}

/// `claimed` gives way to a shard for names in `c`, as past 500 projects.
fn split(repo: &Repo) {
    let load = |name: &str| file::load(&repo.path().join(name), &|_| Err(String::new())).unwrap();
    let online = load(".tuffet/online.key");
    let admins = ["offline-keys/admin-1.key", "offline-keys/admin-2.key"].map(load);
    let mut forgery = Forgery::on(&repo.site());
    let mut shard = forgery.role("claimed");
    shard["version"] = 1.into();
    let mut targets = forgery.role("targets");
    let version = forgery.version("targets") + 1;
    targets["version"] = version.into();
    let first = &mut targets["delegations"]["roles"][0];
    assert_eq!(first["name"], "claimed");
    first["name"] = "claimed.c".into();
    first.as_object_mut().unwrap().remove("path_hash_prefixes");
    first["paths"] = json!(["packages/c*/*", "simple/c*/*"]);
    let of_shard = admins.each_ref().map(|admin| admin.of_role(&"claimed.c".parse().unwrap()).unwrap());
    let whole = first["keyids"].take();
    first["keyids"] = of_shard.iter().map(|key| json!(key.keyid())).collect();
    let keys = targets["delegations"]["keys"].as_object_mut().unwrap();
    keys.retain(|id, _| !whole.as_array().unwrap().iter().any(|gone| gone == id));
    keys.extend(of_shard.iter().map(|key| (key.keyid().to_string(), json!(key.key()))));
    for (role, version, signed, by) in
        [("claimed.c", 1, &shard, &of_shard[0] as &dyn Signer), ("targets", version, &targets, &admins[0])]
    {
        let bytes = seal(signed, &[by]);
        std::fs::write(repo.site().join(format!("metadata/{version}.{role}.json")), bytes).unwrap();
        forgery.list(role, version);
    }
    for (name, bytes) in forgery.serve(Some(&online), Some(&online)).over {
        std::fs::write(repo.site().join(name), bytes.unwrap()).unwrap();
    }
    repo.verify();
}

/// What somebody tries, with a name.
struct Attacks {
    site: PathBuf,
    online: KeyPair,
    evil: KeyPair,
    all: Vec<(String, Served)>,
}

impl Attacks {
    /// Begins one: the forged releases are there, and in the bins, which the online key signs.
    fn begin(&self) -> Forgery {
        let mut forgery = Forgery::on(&self.site);
        forgery.carry(&NAMES);
        for (bin, paths) in bins(&forgery) {
            let mut signed = forgery.role(&bin);
            paths.iter().for_each(|path| signed["targets"][path] = evil_file());
            forgery.publish(&bin, signed, &[&self.online]);
        }
        forgery
    }

    fn end(&mut self, name: String, forgery: Forgery) {
        self.all.push((name, forgery.serve(Some(&self.online), Some(&self.online))));
    }

    fn attempt(&mut self, name: String, change: impl FnOnce(&mut Forgery, &Self)) {
        let mut forgery = self.begin();
        change(&mut forgery, self);
        self.end(name, forgery);
    }
}

/// The bins that the forged releases fall into.
fn bins(forgery: &Forgery) -> BTreeMap<String, Vec<String>> {
    let unclaimed = forgery.role("unclaimed");
    let mut bins: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in NAMES.map(evil_path) {
        let digest = path.parse::<tuffet::model::TargetPath>().unwrap().digest().to_string();
        let covers = |child: &&Value| {
            let mut prefixes = child["path_hash_prefixes"].as_array().unwrap().iter();
            prefixes.any(|prefix| digest.starts_with(prefix.as_str().unwrap()))
        };
        let bin = unclaimed["delegations"]["roles"].as_array().unwrap().iter().find(covers).unwrap();
        bins.entry(bin["name"].as_str().unwrap().to_owned()).or_default().push(path);
    }
    bins
}

/// Every attack on every kind of role.
fn attacks(repo: &Repo, olds: &[PathBuf]) -> Vec<(String, Served)> {
    let online = file::load(&repo.path().join(".tuffet/online.key"), &|_| Err(String::new())).unwrap();
    let mut attacks = Attacks { site: repo.site(), online, evil: known::key(99).into(), all: Vec::new() };
    let honest = Forgery::on(&repo.site());
    let lists: Vec<String> = ["claimed", "claimed.c", "recently-claimed", "unclaimed"]
        .into_iter()
        .filter(|role| honest.version(role) > 0)
        .map(str::to_owned)
        .collect();
    let bin = bins(&honest).into_keys().next().unwrap();
    let projects = ["project.cheese", "project.brie"].map(str::to_owned);
    let roles: Vec<String> =
        [&["targets".to_owned()][..], &lists, &projects, std::slice::from_ref(&bin)].concat();
    let decoys = vec!["packages/decoy/*".to_owned()];
    let folders: Vec<String> = NAMES.iter().map(|name| format!("packages/{name}/*")).collect();
    attacks.attempt("nothing but the bins".to_owned(), |_, _| ());
    for role in &roles {
        attacks.attempt(format!("omit {role}"), |forgery, _| forgery.leave_out(role));
        for version in 1..honest.version(role) {
            if repo.site().join(format!("metadata/{version}.{role}.json")).exists() {
                let name = format!("older version {version} of {role}");
                attacks.attempt(name, |forgery, _| forgery.list(role, version));
            }
        }
        for (by, name) in [("online", "the online key"), ("evil", "a foreign key")] {
            attacks.attempt(format!("{role} signed with {name}"), |forgery, attacks| {
                let mut signed = forgery.role(role);
                // tough refuses a role that lists what it may not.
                let may = |name: &&&str| match role.strip_prefix("project.") {
                    Some(project) => project == **name,
                    None => !role.starts_with("bin-") || bins(forgery)[role].contains(&evil_path(name)),
                };
                NAMES.iter().filter(may).for_each(|name| signed["targets"][evil_path(name)] = evil_file());
                let key = if by == "online" { &attacks.online } else { &attacks.evil };
                forgery.publish(role, signed, &[key]);
            });
        }
        // The online list is a second parent of it, for a path that a client looks up first, or for all.
        let all = [&decoys[..], &folders].concat();
        for (paths, name) in [(&decoys, "a decoy"), (&all, "everything")] {
            attacks.attempt(format!("second parent of {role} for {name}"), |forgery, attacks| {
                let mut list = forgery.role("recently-claimed");
                delegate(&mut list, role, &attacks.evil, paths);
                forgery.publish("recently-claimed", list, &[&attacks.online]);
                let mut signed = evil_role(&NAMES);
                signed["targets"]["packages/decoy/decoy-1.0.tar.gz"] = evil_file();
                forgery.publish(role, signed, &[&attacks.evil]);
            });
        }
    }
    for parent in [&["targets".to_owned()][..], &lists].concat() {
        // A delegation that is there already covers more, by a key of the attacker's.
        attacks.attempt(format!("widened pattern in {parent}"), |forgery, attacks| {
            let mut signed = forgery.role(&parent);
            let child = signed["delegations"]["roles"].as_array().and_then(|roles| roles.first()).cloned();
            let child = child.map_or("project.milk".to_owned(), |c| c["name"].as_str().unwrap().to_owned());
            if let Some(roles) = signed.pointer_mut("/delegations/roles").and_then(Value::as_array_mut) {
                roles.remove(0);
            }
            delegate(&mut signed, &child, &attacks.evil, &folders);
            forgery.publish(&parent, signed, &[&attacks.online]);
            forgery.publish(&child, evil_role(&NAMES), &[&attacks.evil]);
        });
        attacks.attempt(format!("new sibling in {parent}"), |forgery, attacks| {
            let mut signed = forgery.role(&parent);
            delegate(&mut signed, "project.aaa", &attacks.evil, &folders);
            forgery.publish(&parent, signed, &[&attacks.online]);
            forgery.publish("project.aaa", evil_role(&NAMES), &[&attacks.evil]);
        });
    }
    // What somebody signed as one role, in the place of another.
    for place in &roles {
        for other in roles.iter().filter(|other| *other != place) {
            attacks.attempt(format!("{other} in the place of {place}"), |forgery, _| {
                let version = forgery.version(other);
                let bytes = forgery.served.read(&format!("metadata/{version}.{other}.json")).unwrap();
                forgery.served.over.insert(format!("metadata/{version}.{place}.json"), Some(bytes));
                forgery.list(place, version);
            });
        }
    }
    // What root itself names, signed by keys of the attacker's.
    for (name, snapshot, timestamp) in
        [("snapshot", &attacks.evil, &attacks.online), ("timestamp", &attacks.online, &attacks.evil)]
    {
        let served = attacks.begin().serve(Some(snapshot), Some(timestamp));
        attacks.all.push((format!("{name} signed with a foreign key"), served));
    }
    let (online, evil): (&dyn Signer, &dyn Signer) = (&attacks.online, &attacks.evil);
    let all_by: [&[&dyn Signer]; 3] = [&[online], &[online, evil], &[evil]];
    for by in all_by {
        let mut forgery = attacks.begin();
        let mut root = forgery.served.signed("1.root.json");
        root["version"] = 2.into();
        root["keys"][attacks.evil.keyid().as_str()] = json!(attacks.evil.key());
        for role in ["root", "timestamp", "snapshot", "targets"] {
            root["roles"][role] = json!({"keyids": [attacks.evil.keyid()], "threshold": 1});
        }
        forgery.served.over.insert("metadata/2.root.json".to_owned(), Some(seal(&root, by)));
        forgery.publish("targets", evil_role(&NAMES), &[&attacks.evil]);
        let served = forgery.serve(Some(&attacks.evil), Some(&attacks.evil));
        attacks.all.push((format!("root signed with {} keys that have no say", by.len()), served));
    }
    // Everything as it was then, with newer snapshots and timestamps than any.
    for old in olds {
        let snapshot = Forgery::on(old).snapshot;
        attacks.attempt(format!("replay of {}", old.file_name().unwrap().display()), |forgery, _| {
            for (file, meta) in snapshot["meta"].as_object().unwrap() {
                if !file.starts_with("bin-") {
                    forgery.snapshot["meta"][file] = meta.clone();
                }
            }
        });
    }
    attacks.all
}

/// How the sessions of a project's attacks went.
#[derive(Default)]
struct Count {
    attempts: usize,
    taken: usize,
    by: Vec<String>,
}

/// Tries everything; gives, by project, client and whether it was there before, what was taken.
fn tried(repo: &Repo, olds: &[PathBuf]) -> BTreeMap<(&'static str, &'static str, &'static str), Count> {
    let site = repo.site();
    let everything: Vec<String> = NAMES.map(|name| released(name, "2.0")).to_vec();
    let caches = Caches::of(&[(&site, everything)]);
    let (mut cases, mut names) = (Vec::new(), Vec::new());
    let root = site.join("metadata/1.root.json");
    for (name, served) in attacks(repo, olds) {
        for (project, _) in PROJECTS {
            for (kind, knows, decoy) in
                [("new", None, false), ("returning", Some(&site), false), ("new", None, true)]
            {
                let decoys = decoy.then(|| "packages/decoy/decoy-1.0.tar.gz".to_owned());
                let ask = decoys.into_iter().chain([evil_path(project)]).collect();
                let (served, root, knows) = (served.clone(), root.clone(), knows.cloned());
                cases.push(Case { served, root, knows, ask });
                names.push((project, kind, name.clone()));
            }
        }
    }
    let mut counts: BTreeMap<_, Count> = BTreeMap::new();
    for (client, answers) in
        [("python-tuf", attacked::python_tuf(&caches, &cases)), ("tough", attacked::tough(&caches, &cases))]
    {
        assert_eq!(answers.len(), names.len());
        for (answers, (project, kind, name)) in answers.iter().zip(&names) {
            let count = counts.entry((*project, client, *kind)).or_default();
            count.attempts += 1;
            if answers.last().unwrap() == &evil() {
                count.taken += 1;
                count.by.push(name.clone());
            }
        }
    }
    counts
}

/// Which projects' second release clients do not find, who are served an older tree under new timestamps and
/// snapshots: those that start empty, and those that know this tree already.
fn frozen(repo: &Repo, old: &Path) -> BTreeMap<(&'static str, &'static str, &'static str), bool> {
    let online = file::load(&repo.path().join(".tuffet/online.key"), &|_| Err(String::new())).unwrap();
    let served = Forgery::on(old).serve(Some(&online), Some(&online));
    let caches = Caches::of(&[(old, NAMES.map(|name| released(name, "1.0")).to_vec())]);
    let (mut cases, mut names) = (Vec::new(), Vec::new());
    for (project, _) in PROJECTS {
        for (kind, knows) in [("new", None), ("returning", Some(old.to_owned()))] {
            let ask = ["1.0", "2.0"].map(|version| released(project, version)).to_vec();
            let root = repo.site().join("metadata/1.root.json");
            cases.push(Case { served: served.clone(), root, knows, ask });
            names.push((project, kind));
        }
    }
    let mut frozen = BTreeMap::new();
    for (client, answers) in
        [("python-tuf", attacked::python_tuf(&caches, &cases)), ("tough", attacked::tough(&caches, &cases))]
    {
        for (answers, (project, kind)) in answers.iter().zip(&names) {
            let is_frozen = answers[0].len() == 64 && answers[1] == "none";
            frozen.insert((*project, client, *kind), is_frozen);
        }
    }
    frozen
}

/// Holds what the clients did against what `tuffet compromise` says.
fn compare(what: &str, repo: &Repo, olds: &[PathBuf]) -> Value {
    let said = repo.run(&["compromise", "--holding", "online", "--format", "json"]).ok().json();
    let counts = tried(repo, olds);
    let frozen = frozen(repo, &olds[0]);
    println!("{what}:");
    for (project, standing) in PROJECTS {
        let verdict = said["projects"].as_array().unwrap().iter().find(|p| p["name"] == project).unwrap();
        assert_eq!(verdict["standing"], standing);
        for ((name, client, kind), count) in counts.iter().filter(|((name, ..), _)| *name == project) {
            println!(
                "  {name} ({standing}), {client}, {kind}: {} attempts, {} forgeries taken, {} refused",
                count.attempts,
                count.taken,
                count.attempts - count.taken
            );
            let is_frozen = frozen[&(*name, *client, *kind)];
            let kind = if (*client, *kind) == ("tough", "returning") { "tough" } else { *kind };
            let expected = verdict[kind]["malicious_update"] == true;
            assert_eq!(count.taken > 0, expected, "{name} {client} {kind}: {:?}; {verdict}", count.by);
            assert_eq!(verdict["waits"], false);
            assert_eq!(json!(is_frozen), verdict[kind]["freeze"], "{name} {client} {kind}");
        }
    }
    said
}

#[test]
fn nothing_that_the_online_key_signs_forges_a_project_that_was_claimed_long_ago() {
    let (repo, old) = repository(120);
    let said = compare("claimed 120 days ago, in one list", &repo, std::slice::from_ref(&old));
    assert_eq!((&said["at_risk"], &said["safe"]), (&json!(2), &json!(1)));
    split(&repo);
    let said = compare("claimed 120 days ago, in shards", &repo, &[old]);
    assert_eq!((&said["at_risk"], &said["safe"]), (&json!(2), &json!(1)));
}

#[test]
fn a_client_that_starts_empty_can_be_shown_a_list_from_before_a_project_was_claimed() {
    let (repo, old) = repository(0);
    let before = repo.path().join("before");
    let said = compare("claimed just now", &repo, &[old, before]);
    assert_eq!(said["at_risk"], 3);
    let cheese = said["projects"].as_array().unwrap().iter().find(|p| p["name"] == "cheese").unwrap();
    assert_eq!(cheese["returning"]["malicious_update"], false, "{cheese}");
    assert!(cheese["until"].as_str().unwrap() > &days_from_now(80)[..], "{cheese}");
}
