//! Ceremonies: trust moves to keys that are not on the machine, by one file to the safe and back.

use super::authors::{Clients, repository};
use super::support::Repo;
use super::support::author::{Author, days_from_now, wheel};
use super::support::snapshot_of;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tuffet::ceremony::Ceremony;
use tuffet::model::{Envelope, Signature, Targets};

/// A safe: a folder with the keys of one holder, and nothing else of the index's.
pub(super) struct Safe {
    dir: TempDir,
    keys: Vec<String>,
}

impl Safe {
    /// With one administrator's key.
    pub(super) fn of(repo: &Repo, number: u8) -> Self {
        Self::with(repo, &[&format!("admin-{number}")])
    }

    /// With these of the offline keys.
    pub(super) fn with(repo: &Repo, names: &[&str]) -> Self {
        let safe =
            Self { dir: TempDir::new().unwrap(), keys: names.iter().map(ToString::to_string).collect() };
        for name in names {
            let key = repo.path().join(format!("offline-keys/{name}.key"));
            std::fs::copy(key, safe.dir.path().join(format!("{name}.key"))).unwrap();
        }
        safe
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What the ledger of the safe holds.
    pub(super) fn ledger(&self) -> PathBuf {
        self.dir.path().join(format!("{}.key.ledger", self.keys[0]))
    }

    /// Carries a file in, signs it, and carries it out.
    pub(super) fn sign(&self, file: &Path, more: &[&str]) -> (i32, Value, PathBuf) {
        let (output, inside) = self.signing(file, &[&["--format", "json"], more].concat());
        let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.code().unwrap(), said, inside)
    }

    /// What a person is told who signs it, in one line.
    pub(super) fn told(&self, file: &Path, more: &[&str]) -> String {
        let text = String::from_utf8(self.signing(file, more).0.stdout).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn signing(&self, file: &Path, more: &[&str]) -> (std::process::Output, PathBuf) {
        let inside = self.dir.path().join(file.file_name().unwrap());
        std::fs::copy(file, &inside).unwrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tuffet"));
        command.current_dir(self.dir.path()).stdin(std::process::Stdio::null());
        command.args(["ceremony", "sign", inside.to_str().unwrap()]);
        self.keys.iter().for_each(|key| _ = command.args(["--key", &format!("{key}.key")]));
        (command.args(more).output().unwrap(), inside)
    }
}

/// An envelope that nobody has signed.
fn seal(targets: Targets) -> Envelope<Targets> {
    let nobody = |_: &[u8]| Ok::<Vec<Signature>, tuffet::model::canonical::Error>(Vec::new());
    Envelope::seal(targets, nobody).unwrap()
}

pub(super) fn prepare(repo: &Repo, more: &[&str]) -> (Value, PathBuf) {
    let out = repo.path().join("ceremony.json");
    let _ = std::fs::remove_file(&out);
    let args = ["ceremony", "prepare", "--out", out.to_str().unwrap(), "--format", "json"];
    (repo.run(&[&args[..], more].concat()).ok().json(), out)
}

pub(super) fn apply(repo: &Repo, files: &[&Path]) -> Value {
    let files: Vec<&str> = files.iter().map(|file| file.to_str().unwrap()).collect();
    repo.run(&[&["ceremony", "apply", "--format", "json"][..], &files].concat()).ok().json()
}

/// One whole ceremony over everything that waits.
pub(super) fn ceremony(repo: &Repo, safe: &Safe, more: &[&str]) -> Value {
    let (_, file) = prepare(repo, &[]);
    let (code, said, signed) = safe.sign(&file, more);
    assert_eq!(code, 0, "{said}");
    apply(repo, &[&signed])
}

#[test]
fn promise_3_promotion_changes_the_parents_alone_and_clients_install_on() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let known = Clients::of(&repo);
    let role = repo.site().join("metadata/1.project.cheese.json");
    let (before, versions) = (std::fs::read(&role).unwrap(), repo.versions());
    // Nothing of the index but the file is at the safe, and no author's key is anywhere near.
    let applied = ceremony(&repo, &safe, &["--confirm", &format!("cheese={}", author.keyid())]);
    assert_eq!(applied["claimed"], json!(["cheese"]));
    assert_eq!(std::fs::read(&role).unwrap(), before);
    let after = repo.versions();
    let changed: Vec<&String> = after.keys().filter(|role| versions.get(*role) != after.get(*role)).collect();
    assert_eq!(changed, ["claimed", "recently-claimed"]);
    repo.verify();
    known.verify(&repo, &repo.all_targets());
    let explained = repo.run(&["explain", "cheese"]).ok().stdout.replace('\n', " ");
    assert!(explained.contains("Nobody could forge this today but the author"), "{explained}");
    // The author goes on as before.
    repo.accept(&[&author.sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
    repo.verify();
    known.verify(&repo, &repo.of_project("cheese"));
    // Nothing waits any more.
    let (out, file) = prepare(&repo, &[]);
    assert_eq!((&out["out"], file.exists()), (&Value::Null, false));
}

#[test]
fn a_key_seen_for_the_first_time_is_written_down_and_waits_for_the_next_ceremony() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let (author, other) = (Author::known(11), Author::known(14));
    repo.register(&author, "cheese", &["1.0"]);
    repo.register(&other, "brie", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let (code, said, signed) = safe.sign(&file, &["--confirm", &format!("brie={}", other.keyid())]);
    assert_eq!(code, 0, "{said}");
    let projects = said["roles"][0]["projects"].as_array().unwrap();
    let approved: Vec<(&str, bool)> = projects
        .iter()
        .map(|project| (project["project"].as_str().unwrap(), project["approved"].as_bool().unwrap()))
        .collect();
    assert_eq!(approved, [("brie", true), ("cheese", false)]);
    assert_eq!(apply(&repo, &[&signed])["claimed"], json!(["brie"]));
    repo.verify();
    // Next time the ledger knows the key, and nobody has to confirm it; unless that is to be so for longer.
    let (_, file) = prepare(&repo, &[]);
    let (_, said, _) = safe.sign(&file, &["--older-than", "14d"]);
    assert_eq!(said["roles"][0]["projects"][0]["approved"], false, "{said}");
    let (_, said, signed) = safe.sign(&file, &[]);
    assert!(said["roles"][0]["projects"][0]["since"].is_string(), "{said}");
    assert_eq!(apply(&repo, &[&signed])["claimed"], json!(["cheese"]));
    repo.verify();
    Clients::of(&repo);
}

#[test]
fn a_file_is_refused_that_the_ledger_contradicts_and_a_changed_byte_is_noticed() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = repo.path().join("changed.json");
    std::fs::write(&changed, text.replace("packages/cheese/*", "packages/chease/*")).unwrap();
    assert_eq!(safe.sign(&changed, &["--confirm-all"]).0, 3);
    std::fs::write(&changed, &text[..text.len() / 2]).unwrap();
    assert_eq!(safe.sign(&changed, &["--confirm-all"]).0, 2);

    // Signed once with the project, and abandoned: the next file has another version, and what was signed over
    // stays in it.
    let confirm = format!("cheese={}", author.keyid());
    let first = repo.path().join("first.json");
    std::fs::copy(&file, &first).unwrap();
    let (code, _, _) = safe.sign(&first, &["--confirm", &confirm]);
    assert_eq!(code, 0);
    repo.run(&["ceremony", "abandon"]).ok();
    repo.register(&author, "brie", &["1.0"]);
    let (out, second) = prepare(&repo, &[]);
    assert_eq!(out["roles"], json!({"claimed": 3}));
    let copy = repo.path().join("copy.json");
    std::fs::copy(&second, &copy).unwrap();
    // A second content for a version is refused, as is one that lets go of what this ledger signed over.
    let honest = Ceremony::read(&second).unwrap();
    let forged = |change: &dyn Fn(&mut Targets)| {
        let mut ceremony = honest.clone();
        let mut targets = ceremony.steps[0].after.signed().clone();
        change(&mut targets);
        ceremony.steps[0].after = seal(targets);
        ceremony.write(&changed).unwrap();
        safe.sign(&changed, &["--confirm-all", "--abandoned"]).0
    };
    assert_eq!(forged(&|targets| targets.version = tuffet::model::Version::new(2).unwrap()), 3);
    assert_eq!(
        forged(&|targets| targets
            .delegations
            .as_mut()
            .unwrap()
            .roles
            .retain(|c| c.name.as_str() != "project.cheese")),
        3
    );
    // It follows an older version than was signed last, which somebody has to know the reason of.
    assert_eq!(safe.sign(&copy, &["--confirm-all"]).0, 3);
    let (code, said, signed) = safe.sign(&copy, &["--confirm-all", "--abandoned"]);
    assert_eq!(code, 0, "{said}");
    // What came after the signature is no more signed than what came before it: once this is applied, the first
    // file is superseded.
    assert_eq!(apply(&repo, &[&signed])["claimed"], json!(["brie", "cheese"]));
    repo.verify();
    assert_eq!(safe.sign(&first, &["--confirm", &confirm]).0, 3, "version 2 comes before version 3");
    // A holder of another key has no say, and signs nothing.
    let root = Safe::with(&repo, &["root-1"]);
    assert_eq!(root.sign(&file, &["--confirm-all"]).0, 3);
    assert_eq!(repo.build(&[])["published"], false);
}

#[test]
fn keys_do_not_change_while_a_ceremony_signs_them_over() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let (author, heir) = (Author::known(11), Author::known(14));
    repo.register(&author, "cheese", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let another = repo.path().join("another.json");
    assert_eq!(
        repo.run(&["ceremony", "prepare", "--out", another.to_str().unwrap()]).code,
        2,
        "one at a time"
    );
    let before = snapshot_of(&repo.site());
    let revoked = repo.run(&["project", "revoke", "cheese", "--yes", "--format", "json"]).ok().json();
    assert_eq!(revoked["queued"], true);
    let rekey = heir.sign("cheese", &[], Some(&repo), &["--rekey", "--yes"]);
    let register = format!("cheese={}", heir.keyid());
    let rekey = ["project", "rekey", rekey.to_str().unwrap(), "--register", &register, "--format", "json"];
    assert_eq!(repo.run(&rekey).ok().json()["queued"], json!(["cheese"]), "in place of the revocation");
    assert_eq!(snapshot_of(&repo.site()), before);
    // A release is no change of keys, and does not wait.
    repo.accept(&[&author.sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
    let (name, bytes) = wheel("milk", "1.1");
    repo.add(&name, &bytes);
    repo.build(&[]);
    let (_, _, signed) = safe.sign(&file, &["--confirm-all"]);
    assert_eq!(apply(&repo, &[&signed])["claimed"], json!(["cheese"]));
    repo.verify();
    // The same file a second time is superseded; so is one that was abandoned and prepared anew.
    assert_eq!(repo.run(&["ceremony", "apply", signed.to_str().unwrap()]).code, 2);
    repo.register(&author, "brie", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    assert_eq!(repo.run(&["ceremony", "apply", signed.to_str().unwrap()]).code, 3);
    // Unsigned, it says what is missing.
    let ran = repo.run(&["ceremony", "apply", file.to_str().unwrap()]);
    assert!(ran.code == 3 && ran.stderr.contains("0 of the 1 signatures"), "{ran:?}");
    repo.run(&["ceremony", "abandon"]).ok();
    assert_eq!(repo.run(&["ceremony", "abandon"]).code, 2);
    repo.run(&["project", "revoke", "brie", "--yes"]).ok();
    repo.verify();
}

/// What is wrong with what came back, or with when: nothing of it changes the site, and each says why.
#[test]
fn what_comes_back_is_refused_with_its_reason_and_the_site_stays_as_it_is() {
    let repo = repository();
    let author = Author::known(11);
    let safe = Safe::of(&repo, 1);
    let apply = |file: &Path| repo.run(&["ceremony", "apply", file.to_str().unwrap()]);
    let refused = |what: &str, file: &Path, code: i32, words: &str| {
        let before = snapshot_of(&repo.site());
        let ran = apply(file);
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ran.code == code && said.contains(words), "{what}: {ran:?}");
        assert_eq!(snapshot_of(&repo.site()), before, "{what}");
    };
    // Nothing waits: no file, and nothing to apply.
    let (out, file) = prepare(&repo, &[]);
    assert_eq!((&out["out"], file.exists()), (&Value::Null, false));
    refused("no ceremony", &file, 2, "no ceremony is under way");
    repo.register(&author, "cheese", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let first = repo.path().join("first.json");
    std::fs::copy(&file, &first).unwrap();
    refused("too few holders", &file, 3, "0 of the 1 signatures needed are there");
    refused("no such file", &repo.path().join("nowhere.json"), 2, "there is no such file");
    // Two files at once: the first is given up before the second is made, and is worth nothing from then on.
    assert_eq!(repo.run(&["ceremony", "prepare", "--out", "two.json"]).code, 2);
    repo.run(&["ceremony", "abandon"]).ok();
    let (_, second) = prepare(&repo, &[]);
    let (_, _, signed_first) = safe.sign(&first, &["--confirm-all"]);
    refused("one that was abandoned", &signed_first, 3, "it was abandoned");
    let (code, _, signed) = safe.sign(&second, &["--confirm-all", "--abandoned"]);
    assert_eq!(code, 0);
    // A byte, a signature, a holder who has no say.
    let text = std::fs::read_to_string(&signed).unwrap();
    let changed = repo.path().join("changed.json");
    std::fs::write(&changed, text.replacen("packages/cheese/*", "packages/chease/*", 1)).unwrap();
    refused("a changed byte", &changed, 3, "was changed since it was made");
    let at = text.rfind("\"sig\": \"").unwrap() + 8;
    let other = if &text[at..=at] == "0" { "1" } else { "0" };
    std::fs::write(&changed, format!("{}{other}{}", &text[..at], &text[at + 1..])).unwrap();
    refused("a broken signature", &changed, 3, "0 of the 1 signatures needed are there");
    let stranger = Safe::with(&repo, &["root-1"]);
    let (code, said, _) = stranger.sign(&second, &["--confirm-all"]);
    assert!(code == 3 && said["error"].as_str().unwrap().contains("has a say"), "{said}");
    // A build and a release in between change nothing that it says.
    let (name, bytes) = wheel("milk", "1.1");
    repo.add(&name, &bytes);
    repo.build(&[]);
    repo.accept(&[&author.sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
    // What is asked of its keys in between waits.
    let revoked = repo.run(&["project", "revoke", "cheese", "--yes", "--format", "json"]).ok().json();
    assert_eq!(revoked["queued"], true);
    assert_eq!(super::ceremonies::apply(&repo, &[&signed])["claimed"], json!(["cheese"]));
    repo.verify();
    refused("once more", &signed, 2, "no ceremony is under way");
    // And is in the next one.
    let (out, _) = prepare(&repo, &[]);
    assert_eq!(out["suspended"], json!(["cheese"]));
    Clients::of(&repo);
}

#[test]
fn an_index_that_was_taken_over_gets_nothing_signed_that_the_ledger_does_not_know() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let (author, attacker) = (Author::known(11), Author::known(99));
    repo.register(&author, "cheese", &["1.0"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    repo.register(&author, "brie", &["1.0"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    repo.register(&author, "edam", &["1.0"]);
    // It plants keys for projects of others, dated a year back.
    let year = days_from_now(-365);
    for name in ["numpy", "requests", "django"] {
        let zip = attacker.sign(name, &["1.0"], None, &[]);
        repo.accept(&[&zip], &["--register", &format!("{name}={}", attacker.keyid())]);
    }
    let ledger = repo.path().join(".tuffet/ledger/registrations.jsonl");
    let text = std::fs::read_to_string(&ledger).unwrap();
    let today = &days_from_now(0)[..10];
    std::fs::write(&ledger, text.replace(today, &year[..10])).unwrap();
    let (out, file) = prepare(&repo, &["--older-than", "14d"]);
    assert_eq!(out["promoted"].as_array().unwrap().len(), 4, "the index believes itself: {out}");
    let (code, said, _) = safe.sign(&file, &[]);
    assert_eq!(code, 0, "{said}");
    let role = &said["roles"][0];
    assert!(role["signed"].as_array().unwrap().is_empty(), "{said}");
    let named =
        role["projects"].as_array().unwrap().iter().filter(|project| project["approved"] == false).count();
    assert_eq!(named, 4, "{said}");

    // Each of these files would let a name go, or give it to another: all are refused with the reason, whatever
    // the signer believes of new keys.
    let honest = Ceremony::read(&file).unwrap();
    let memory = std::fs::read(safe.ledger()).unwrap();
    let forged = |change: &dyn Fn(&mut Ceremony)| {
        let mut ceremony = honest.clone();
        change(&mut ceremony);
        let path = repo.path().join("forged.json");
        ceremony.write(&path).unwrap();
        std::fs::write(safe.ledger(), &memory).unwrap();
        safe.sign(&path, &["--confirm-all"])
    };
    let in_claimed = |change: &dyn Fn(&mut Targets)| {
        forged(&|ceremony| {
            let mut targets = ceremony.steps[0].after.signed().clone();
            change(&mut targets);
            ceremony.steps[0].after = seal(targets);
        })
    };
    let in_claimed_as = |role: &str| forged(&|ceremony| ceremony.steps[0].role = role.parse().unwrap());
    let key = |targets: &mut Targets, role: &str| {
        let delegations = targets.delegations.as_mut().unwrap();
        let planted = delegations
            .roles
            .iter()
            .find(|child| child.name.as_str() == "project.numpy")
            .unwrap()
            .keys
            .clone();
        let child = delegations.roles.iter_mut().find(|child| child.name.as_str() == role).unwrap();
        child.keys = planted;
    };
    for (what, (code, said, _)) in [
        (
            "an online list as one that gives way",
            forged(&|ceremony| {
                let versions = repo.versions();
                let file = format!("metadata/{}.recently-claimed.json", versions["recently-claimed"]);
                let last =
                    Envelope::<Targets>::parse(&std::fs::read(repo.site().join(file)).unwrap()).unwrap();
                let role = "recently-claimed".parse().unwrap();
                ceremony.retired.push(tuffet::ceremony::Retired { role, last });
            }),
        ),
        (
            "another key under the id of the administrators'",
            forged(&|ceremony| {
                let mut targets = ceremony.targets.signed().clone();
                targets.version = targets.version.next();
                let delegations = targets.delegations.as_mut().unwrap();
                let keyid = delegations.roles[0].keys.keyids[0].clone();
                delegations
                    .keys
                    .insert(keyid, tuffet::keys::Signer::key(&super::support::known::key(99)).clone());
                let before = Some(ceremony.targets.clone());
                let step =
                    tuffet::ceremony::Step { role: "targets".parse().unwrap(), before, after: seal(targets) };
                ceremony.steps.insert(0, step);
            }),
        ),
        (
            "a planted project that speaks for another's files",
            in_claimed(&|targets| {
                let roles = &mut targets.delegations.as_mut().unwrap().roles;
                let planted = roles.iter_mut().find(|child| child.name.as_str() == "project.numpy").unwrap();
                planted.paths = Some(vec![tuffet::model::PathPattern::new("packages/scipy/*")]);
            }),
        ),
        (
            "a project whose delegation ends no search",
            in_claimed(&|targets| {
                targets.delegations.as_mut().unwrap().roles[0].terminating = false;
            }),
        ),
        (
            "a role that lives for ten years",
            in_claimed(&|targets| targets.expires = days_from_now(3650).parse().unwrap()),
        ),
        ("a field of its own", in_claimed(&|targets| _ = targets.extra.insert("x".to_owned(), 1.into()))),
        ("a role of the online key's", in_claimed_as("recently-claimed")),
        (
            "targets that gives a shard to the online key",
            forged(&|ceremony| {
                let mut targets = ceremony.targets.signed().clone();
                targets.version = targets.version.next();
                let delegations = targets.delegations.as_mut().unwrap();
                let online = delegations
                    .roles
                    .iter()
                    .find(|c| c.name.as_str() == "recently-claimed")
                    .unwrap()
                    .keys
                    .clone();
                let shard = tuffet::model::DelegatedRole::by_path(
                    "claimed.d".parse().unwrap(),
                    online.keyids,
                    1,
                    vec![
                        tuffet::model::PathPattern::new("packages/d*/*"),
                        tuffet::model::PathPattern::new("simple/d*/*"),
                    ],
                    tuffet::model::delegation::Ends::Nothing,
                );
                delegations.roles.insert(0, shard);
                let before = Some(ceremony.targets.clone());
                let step =
                    tuffet::ceremony::Step { role: "targets".parse().unwrap(), before, after: seal(targets) };
                ceremony.steps.insert(0, step);
            }),
        ),
        (
            "a list that nobody published as one that gives way, unsigned",
            forged(&|ceremony| {
                // Whoever it names would count as held by the administrators' word.
                let last = seal(ceremony.steps[0].after.signed().clone());
                let role = "claimed.zz".parse().unwrap();
                ceremony.retired.push(tuffet::ceremony::Retired { role, last });
            }),
        ),
        (
            "another role of the administrators' as the predecessor",
            forged(&|ceremony| {
                // Even where claimed's own key had signed it.
                let mut targets = ceremony.targets.signed().clone();
                targets.version = tuffet::model::Version::new(3).unwrap();
                let admin = repo.path().join("offline-keys/admin-1.key");
                let admin = tuffet::keys::file::load(&admin, &|_| Err(String::new())).unwrap();
                let by = |covered: &[u8]| {
                    use tuffet::keys::Signer as _;
                    let admin = admin.of_role(&"claimed".parse().unwrap()).unwrap();
                    Ok::<_, tuffet::model::canonical::Error>(vec![admin.sign(covered).unwrap()])
                };
                ceremony.steps[0].before = Some(Envelope::seal(targets, by).unwrap());
                let mut after = ceremony.steps[0].after.signed().clone();
                after.delegations = None;
                ceremony.steps[0].after = seal(after);
            }),
        ),
        (
            "a predecessor of a list that nobody published",
            forged(&|ceremony| {
                let after = seal(ceremony.steps[0].after.signed().clone());
                let role = "claimed.zz".parse().unwrap();
                let step = tuffet::ceremony::Step { role, before: Some(after.clone()), after };
                ceremony.steps.push(step);
            }),
        ),
        (
            "another key under a project's key id",
            in_claimed(&|targets| {
                let evil = tuffet::keys::Signer::key(&super::support::known::key(99)).clone();
                let keys = &mut targets.delegations.as_mut().unwrap().keys;
                keys.values_mut().for_each(|key| *key = evil.clone());
            }),
        ),
        (
            "a version that nobody comes after",
            in_claimed(&|targets| targets.version = tuffet::model::Version::new(1 << 30).unwrap()),
        ),
        (
            "an empty role in place of a project that nobody suspends",
            forged(&|ceremony| {
                let edition = tuffet::model::forms::Edition {
                    version: tuffet::model::Version::new(9).unwrap(),
                    expires: days_from_now(80).parse().unwrap(),
                };
                let after = seal(tuffet::model::forms::stand_in(edition, 1));
                let role = "project.django".parse().unwrap();
                ceremony.steps.push(tuffet::ceremony::Step { role, before: None, after });
            }),
        ),
        ("a step twice", forged(&|ceremony| ceremony.steps.push(ceremony.steps[0].clone()))),
        (
            "a claimed project left out",
            in_claimed(&|targets| {
                targets
                    .delegations
                    .as_mut()
                    .unwrap()
                    .roles
                    .retain(|child| child.name.as_str() != "project.cheese");
            }),
        ),
        (
            "another version than follows",
            in_claimed(&|targets| targets.version = tuffet::model::Version::FIRST),
        ),
        (
            "an older claimed as the predecessor",
            forged(&|ceremony| {
                let bytes = std::fs::read(repo.site().join("metadata/2.claimed.json")).unwrap();
                ceremony.steps[0].before = Some(Envelope::<Targets>::parse(&bytes).unwrap());
            }),
        ),
        ("no predecessor", forged(&|ceremony| ceremony.steps[0].before = None)),
        (
            "targets that names no claimed",
            forged(&|ceremony| {
                let mut targets = ceremony.targets.signed().clone();
                targets.version = targets.version.next();
                targets.delegations.as_mut().unwrap().roles.remove(0);
                let before = Some(ceremony.targets.clone());
                let step =
                    tuffet::ceremony::Step { role: "targets".parse().unwrap(), before, after: seal(targets) };
                ceremony.steps.insert(0, step);
            }),
        ),
        (
            "recently-claimed before claimed",
            forged(&|ceremony| {
                let mut targets = ceremony.targets.signed().clone();
                targets.version = targets.version.next();
                targets.delegations.as_mut().unwrap().roles.swap(0, 1);
                let before = Some(ceremony.targets.clone());
                let step =
                    tuffet::ceremony::Step { role: "targets".parse().unwrap(), before, after: seal(targets) };
                ceremony.steps.insert(0, step);
            }),
        ),
    ] {
        assert_eq!(code, 3, "{what}: {said}");
    }
    // The key of a claimed project stays, though the rest is believed.
    let (code, said, out) = in_claimed(&|targets| key(targets, "project.cheese"));
    assert_eq!(code, 0, "{said}");
    let projects = said["roles"][0]["projects"].as_array().unwrap();
    let cheese = projects.iter().find(|project| project["project"] == "cheese").unwrap();
    assert_eq!((&cheese["act"], &cheese["approved"]), (&json!("rekeyed"), &json!(false)));
    let signed = Ceremony::read(&out).unwrap().steps[0].after.signed().clone();
    let cheese = tuffet::model::ProjectName::normalise("cheese").unwrap();
    let holders = tuffet::model::forms::projects_of(&signed);
    assert_eq!(holders[&cheese].keyids[0].as_str(), author.keyid());
}

#[test]
fn two_of_three_holders_sign_apart_on_folders_that_share_nothing_but_the_file() {
    let repo = Repo::with_config(super::authors::CONFIG);
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    repo.run(&["init", "--admin-keys", "3", "--admin-threshold", "2"]).ok();
    repo.build(&[]);
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    repo.register(&author, "brie", &["1.0"]);
    let known = Clients::of(&repo);
    let safes = [1, 2, 3].map(|number| Safe::of(&repo, number));
    let (_, file) = prepare(&repo, &[]);
    let (_, said, one) = safes[0].sign(&file, &["--confirm-all"]);
    assert_eq!(
        (said["roles"][0]["signed"].as_array().unwrap().len(), &said["roles"][0]["threshold"]),
        (1, &json!(2))
    );
    let ran = repo.run(&["ceremony", "apply", one.to_str().unwrap()]);
    assert!(ran.code == 3 && ran.stderr.contains("1 of the 2 signatures"), "{ran:?}");
    // Who confirms other projects signs another content.
    let (_, _, other) = safes[1].sign(&file, &["--confirm", &format!("brie={}", author.keyid())]);
    let ran = repo.run(&["ceremony", "apply", one.to_str().unwrap(), other.to_str().unwrap()]);
    assert!(ran.code == 3 && ran.stderr.contains("different contents"), "{ran:?}");
    let (_, _, two) = safes[2].sign(&file, &["--confirm-all"]);
    let applied = apply(&repo, &[&one, &two]);
    assert_eq!(applied["claimed"], json!(["brie", "cheese"]));
    repo.verify();
    known.verify(&repo, &repo.all_targets());
    // From hand to hand is as good as apart.
    repo.register(&author, "edam", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let (_, _, one) = safes[0].sign(&file, &["--confirm-all"]);
    let (_, _, both) = safes[2].sign(&one, &["--confirm-all"]);
    assert_eq!(apply(&repo, &[&both])["claimed"], json!(["edam"]));
    repo.verify();
    known.verify(&repo, &repo.all_targets());
}

#[test]
fn roles_near_their_end_are_signed_again_though_nothing_else_waits() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let later = days_from_now(50);
    let (out, file) = prepare(&repo, &["--now", &later]);
    assert_eq!(out["roles"], json!({"claimed": 2}), "half of its 90 days are over");
    let (code, said, signed) = safe.sign(&file, &["--now", &later]);
    assert_eq!(code, 0, "{said}");
    repo.run(&["ceremony", "apply", signed.to_str().unwrap(), "--now", &later]).ok();
    repo.run(&["verify", "--strict", "--now", &later]).ok();
    let status = repo.run(&["status", "--format", "json", "--now", &later]).ok().json();
    let claimed = status["roles"].as_array().unwrap().iter().find(|role| role["role"] == "claimed").unwrap();
    assert!(claimed["expires"].as_str().unwrap() > &days_from_now(139)[..], "{claimed}");
}

#[test]
fn a_root_of_the_attackers_own_is_signed_for_neither_with_a_ledger_nor_without() {
    use tuffet::keys::Signer as _;
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let honest = Ceremony::read(&file).unwrap();
    // Another root, and a targets that it vouches for, under which the administrator has a say, too.
    let evil = super::support::known::key(99);
    let mut root = honest.roots[0].signed().clone();
    root.keys.insert(evil.keyid().clone(), evil.key().clone());
    for keys in root.roles.values_mut() {
        keys.keyids.push(evil.keyid().clone());
        keys.threshold = 1;
    }
    let by_evil =
        |covered: &[u8]| Ok::<_, tuffet::model::canonical::Error>(vec![evil.sign(covered).unwrap()]);
    let mut forged = honest.clone();
    forged.roots = vec![Envelope::seal(root, by_evil).unwrap()];
    forged.targets = Envelope::seal(honest.targets.signed().clone(), by_evil).unwrap();
    let path = repo.path().join("forged.json");
    forged.write(&path).unwrap();
    let fresh = Safe::of(&repo, 1);
    assert_eq!(fresh.sign(&path, &["--confirm-all"]).0, 3);
    let known = Safe::of(&repo, 2);
    assert_eq!(known.sign(&file, &["--confirm-all"]).0, 0);
    assert_eq!(known.sign(&path, &["--confirm-all"]).0, 3);
}

/// Whose names fall to the bins is decided by what a shard speaks for, too; with two holders, by both.
#[test]
fn a_shard_does_not_speak_for_fewer_names_unseen_and_no_word_counts_for_two_contents() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    // `claimed` as a shard for names in c, as past 500 projects; then one that is for the name c alone.
    let split = |from: &Ceremony, reach: tuffet::model::shards::Reach| {
        use tuffet::model::forms;
        let mut ceremony = from.clone();
        let top = ceremony.targets.signed();
        let held = |role: &str| {
            let below = top.delegations.as_ref().unwrap();
            let child = below.roles.iter().find(|child| child.name.as_str().starts_with(role)).unwrap();
            tuffet::model::Holders::of_child(child, below)
        };
        let edition =
            forms::Edition { version: top.version.next(), expires: days_from_now(300).parse().unwrap() };
        let role = "claimed.c".parse().unwrap();
        let lists = [forms::ListForm { role, shard: Some(("c".to_owned(), reach)) }];
        let after = forms::top(edition, &lists, &tuffet::model::Hands::of(top), &held("recently-claimed"));
        let before = Some(ceremony.targets.clone());
        let step = tuffet::ceremony::Step { role: "targets".parse().unwrap(), before, after: seal(after) };
        ceremony.steps = vec![step];
        ceremony
    };
    let published = |role: &str| {
        let file = format!("metadata/{}.{role}.json", repo.versions()[role]);
        Envelope::<Targets>::parse(&std::fs::read(repo.site().join(file)).unwrap()).unwrap()
    };
    repo.register(&author, "brie", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let honest = Ceremony::read(&file).unwrap();
    let path = repo.path().join("split.json");
    let mut narrowed = split(&honest, tuffet::model::shards::Reach::Exact);
    narrowed.write(&path).unwrap();
    assert_eq!(safe.sign(&path, &["--confirm-all"]).0, 3, "claimed gives way to nothing");
    let last = published("claimed");
    narrowed.retired.push(tuffet::ceremony::Retired { role: "claimed".parse().unwrap(), last });
    narrowed.write(&path).unwrap();
    assert_eq!(safe.sign(&path, &["--confirm-all"]).0, 3, "cheese would stand nowhere");

    // Two administrators, one of whom is enough, approve different things: neither counts by chance.
    repo.register(&author, "cambozola", &["1.0"]);
    repo.run(&["ceremony", "abandon"]).ok();
    let (_, file) = prepare(&repo, &[]);
    let other = Safe::of(&repo, 2);
    let (_, _, one) = safe.sign(&file, &["--confirm", &format!("brie={}", author.keyid())]);
    let (_, _, two) = other.sign(&file, &["--confirm-all"]);
    let ran = repo.run(&["ceremony", "apply", one.to_str().unwrap(), two.to_str().unwrap()]);
    assert!(ran.code == 3 && ran.stderr.contains("different"), "{ran:?}");
    assert_eq!(apply(&repo, &[&two])["claimed"], json!(["brie", "cambozola"]));
    // The one whose word did not count goes on from what the other signed.
    repo.register(&author, "edam", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let (code, said, signed) = safe.sign(&file, &["--confirm-all"]);
    assert_eq!((code, &said["by_others"]), (0, &json!(true)), "{said}");
    assert_eq!(apply(&repo, &[&signed])["claimed"], json!(["edam"]));
    repo.verify();
    Clients::of(&repo);
}

/// `--abandoned` goes back by the one ceremony that was given up, and by no more.
#[test]
fn what_was_signed_and_applied_is_not_taken_back_as_abandoned() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let (author, attacker) = (Author::known(11), Author::known(99));
    let old = || {
        let bytes = std::fs::read(repo.site().join("metadata/1.claimed.json")).unwrap();
        Envelope::<Targets>::parse(&bytes).unwrap()
    };
    repo.register(&author, "cheese", &["1.0"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    repo.register(&author, "brie", &["1.0"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    repo.register(&author, "edam", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let mut forged = Ceremony::read(&file).unwrap();
    let mut targets = forged.steps[0].after.signed().clone();
    let holders = tuffet::model::Holders::new(
        {
            use tuffet::keys::Signer as _;
            let key = super::support::known::key(99);
            std::collections::BTreeMap::from([(key.keyid().clone(), key.key().clone())])
        },
        1,
    );
    let name = tuffet::model::ProjectName::normalise("cheese").unwrap();
    let projects = std::collections::BTreeMap::from([(name, holders)]);
    targets.delegations = tuffet::model::forms::delegations(&projects);
    forged.steps[0].after = seal(targets);
    forged.steps[0].before = Some(old());
    let path = repo.path().join("forged.json");
    forged.write(&path).unwrap();
    for flags in [&["--confirm-all"][..], &["--confirm-all", "--abandoned"]] {
        let (code, said, _) = safe.sign(&path, flags);
        assert_eq!(code, 3, "{flags:?}: {said}");
    }
    drop(attacker);
}

/// A key that signs for the index could have what it signed there shown for the project.
#[test]
fn no_project_is_signed_over_to_a_key_that_holds_a_role_of_the_indexs_own() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let (author, admin) = (Author::known(11), repo.path().join("offline-keys/admin-1.key"));
    std::fs::copy(&admin, &author.key).unwrap();
    let zip = author.sign("cheese", &["1.0"], None, &[]);
    let register = format!("cheese={}", author.keyid());
    let ran = repo.run(&["project", "accept", zip.to_str().unwrap(), "--register", &register]);
    assert!(ran.code == 3 && ran.stderr.contains("role of the index's own"), "{ran:?}");
    // The index says otherwise.
    repo.register(&Author::known(12), "cheese", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let mut forged = Ceremony::read(&file).unwrap();
    let list = forged.steps[0].after.signed().clone();
    let mut projects = tuffet::model::forms::projects_of(&list);
    let admin = tuffet::keys::file::load(&admin, &|_| Err(String::new())).unwrap();
    let kept = {
        use tuffet::keys::Signer as _;
        std::collections::BTreeMap::from([(admin.keyid().clone(), admin.key().clone())])
    };
    projects.values_mut().for_each(|held| *held = tuffet::model::Holders::new(kept.clone(), 1));
    let edition = tuffet::model::forms::Edition { version: list.version, expires: list.expires };
    forged.steps[0].after = seal(tuffet::model::forms::list(edition, &projects));
    let path = repo.path().join("forged.json");
    forged.write(&path).unwrap();
    let (code, said, _) = safe.sign(&path, &["--confirm-all"]);
    assert!(code == 3 && said["error"].as_str().unwrap().contains("role of the index's own"), "{said}");
}

/// A word that one ceremony was abandoned takes back what was signed in it, all of it, and nothing else.
#[test]
fn an_abandoned_ceremony_takes_back_its_own_roles_and_no_others() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    // One that is about bins alone is signed, and given up.
    let (_, bins) = prepare(&repo, &["--bins", "32"]);
    assert_eq!(safe.sign(&bins, &[]).0, 0);
    let abandoned = repo.run(&["ceremony", "abandon", "--format", "json"]).ok().json();
    let id = abandoned["id"].as_str().unwrap()[..8].to_owned();
    // claimed goes back no further for that.
    repo.register(&author, "brie", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    let mut forged = Ceremony::read(&file).unwrap();
    let old = std::fs::read(repo.site().join("metadata/1.claimed.json")).unwrap();
    forged.steps[0].before = Some(Envelope::<Targets>::parse(&old).unwrap());
    let path = repo.path().join("forged.json");
    forged.write(&path).unwrap();
    let named = format!("--abandoned={id}");
    for flag in ["--abandoned", &named] {
        let (code, said, _) = safe.sign(&path, &["--confirm-all", flag]);
        assert!(code == 3 && said["error"].as_str().unwrap().contains("was not the last"), "{flag}: {said}");
    }
    // The next one has nothing to do with it; the one after that follows what was given up before the last.
    let (code, said, signed) = safe.sign(&file, &["--confirm-all"]);
    assert_eq!(code, 0, "{said}");
    apply(&repo, &[&signed]);
    let (_, bins) = prepare(&repo, &["--bins", "32"]);
    for flags in [&[][..], &["--abandoned"], &["--abandoned=ffffffff"]] {
        let (code, said, _) = safe.sign(&bins, flags);
        assert!(code == 3 && said["error"].as_str().unwrap().contains(&named), "{flags:?}: {said}");
    }
    assert_eq!(safe.sign(&bins, &["--abandoned=nothing"]).0, 2);
    let (code, said, signed) = safe.sign(&bins, &[&named]);
    assert_eq!(code, 0, "{said}");
    apply(&repo, &[&signed]);
    repo.verify();
}

/// What follows one role of a ceremony cannot go back behind another of it.
#[test]
fn a_ceremony_of_which_something_is_published_was_not_abandoned() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    repo.register(&Author::known(11), "cheese", &["1.0"]);
    let (_, file) = prepare(&repo, &["--bins", "32"]);
    let (code, said, signed) = safe.sign(&file, &["--confirm-all"]);
    assert_eq!(code, 0, "{said}");
    apply(&repo, &[&signed]);
    repo.register(&Author::known(11), "brie", &["1.0"]);
    let (_, file) = prepare(&repo, &["--bins", "64"]);
    let mut forged = Ceremony::read(&file).unwrap();
    let old = std::fs::read(repo.site().join("metadata/1.claimed.json")).unwrap();
    let claimed = forged.steps.iter_mut().find(|step| step.role.as_str() == "claimed").unwrap();
    claimed.before = Some(Envelope::<Targets>::parse(&old).unwrap());
    let path = repo.path().join("forged.json");
    forged.write(&path).unwrap();
    let (code, said, _) = safe.sign(&path, &["--confirm-all", "--abandoned"]);
    assert!(code == 3 && said["error"].as_str().unwrap().contains("was not abandoned"), "{said}");
}

#[test]
fn a_hundred_planted_keys_and_a_swapped_one_are_named_and_none_is_signed_over() {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let (author, attacker) = (Author::known(11), Author::known(99));
    let names: Vec<String> = (0..100).map(|number| format!("victim-{number}")).collect();
    for name in &names {
        let (file, bytes) = wheel(name, "1.0");
        repo.add(&file, &bytes);
    }
    repo.build(&[]);
    repo.register(&author, "cheese", &["1.0"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    // `edam` waits, and the ledger has seen its key.
    repo.register(&author, "edam", &["1.0"]);
    let (_, file) = prepare(&repo, &[]);
    assert_eq!(safe.sign(&file, &[]).0, 0);
    repo.run(&["ceremony", "abandon"]).ok();
    // Taken over.
    let zips: Vec<PathBuf> = names.iter().map(|name| attacker.sign(name, &["6.6"], None, &[])).collect();
    let zips: Vec<&Path> = zips.iter().map(PathBuf::as_path).collect();
    let id = attacker.keyid();
    let register: Vec<String> = names.iter().map(|name| format!("--register={name}={id}")).collect();
    let mut flags: Vec<&str> = register.iter().map(String::as_str).collect();
    flags.push("--allow-removals");
    repo.accept(&zips, &flags);
    let swapped = attacker.sign("edam", &[], Some(&repo), &["--rekey", "--yes"]);
    repo.run(&["project", "rekey", swapped.to_str().unwrap(), "--register", &format!("edam={id}")]).ok();
    let ledger = repo.path().join(".tuffet/ledger/registrations.jsonl");
    let text = std::fs::read_to_string(&ledger).unwrap();
    std::fs::write(&ledger, text.replace(&days_from_now(0)[..10], &days_from_now(-365)[..10])).unwrap();
    let (out, file) = prepare(&repo, &["--older-than", "14d"]);
    assert_eq!(out["promoted"].as_array().unwrap().len(), 101, "the index believes itself");

    let mut older = Ceremony::read(&file).unwrap();
    let bytes = std::fs::read(repo.site().join("metadata/1.claimed.json")).unwrap();
    older.steps[0].before = Some(Envelope::<Targets>::parse(&bytes).unwrap());
    let path = repo.path().join("older.json");
    older.write(&path).unwrap();
    let (code, said, _) = safe.sign(&path, &[]);
    assert!(code == 3 && said["error"].as_str().unwrap().contains("version 2 was signed"), "{said}");

    let mut shown = std::process::Command::new(env!("CARGO_BIN_EXE_tuffet"));
    shown.args(["ceremony", "show", file.to_str().unwrap(), "--ledger", safe.ledger().to_str().unwrap()]);
    let shown = String::from_utf8(shown.output().unwrap().stdout).unwrap();
    for name in names.iter().map(String::as_str).chain(["edam"]) {
        assert!(shown.contains(&format!("\n  {name}  never seen before\n    {id}\n")), "{name}:\n{shown}");
    }
    assert_eq!(shown.matches("instead of").count(), 1, "{shown}");
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
    let (code, said, signed) = safe.sign(&file, &[]);
    assert_eq!(code, 0, "{said}");
    let projects = said["roles"][0]["projects"].as_array().unwrap();
    assert!(projects.len() == 101 && projects.iter().all(|one| one["approved"] == false), "{said}");
    assert!(said["roles"][0]["signed"].as_array().unwrap().is_empty(), "{said}");
    assert_eq!(repo.run(&["ceremony", "apply", signed.to_str().unwrap()]).code, 3);
    println!("{} projects named, none signed over", projects.len());
}
