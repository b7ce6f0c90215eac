//! Other keys, thresholds and numbers of bins: with clients from before, across, and after.

use super::authors::{Clients, repository};
use super::ceremonies::{Safe, apply, ceremony, prepare};
use super::support::author::{Author, wheel};
use super::support::{Repo, snapshot_of};
use serde_json::{Value, json};
use std::path::PathBuf;
use tuffet::ceremony::Ceremony;
use tuffet::model::forms::{self, Edition};
use tuffet::model::{Envelope, Hands, Holders, Targets};

/// A repository with a project of each standing, and one of the administrators'; with the safes of everybody.
struct House {
    repo: Repo,
    admin: Safe,
    root: Safe,
    author: Author,
}

impl House {
    fn new() -> Self {
        let repo = repository();
        let admin = Safe::of(&repo, 1);
        let root = Safe::with(&repo, &["root-1", "root-2"]);
        let author = Author::known(11);
        repo.register(&author, "cheese", &["1.0"]);
        repo.register(&author, "edam", &["1.0"]);
        ceremony(&repo, &admin, &["--confirm-all"]);
        repo.run(&["project", "revoke", "edam", "--yes"]).ok();
        ceremony(&repo, &admin, &["--suspensions"]);
        repo.register(&author, "brie", &["1.0"]);
        repo.register(&author, "gouda", &["1.0"]);
        repo.run(&["project", "revoke", "gouda", "--yes"]).ok();
        Self { repo, admin, root, author }
    }

    /// A new offline key; gives the file with its public part, and its id.
    fn key(&self, name: &str) -> (String, String) {
        let path = self.repo.path().join(format!("offline-keys/{name}.key"));
        let path = path.to_str().unwrap();
        self.repo.run(&["key", "generate", "--out", path, "--insecure-plain-keys"]).ok();
        (format!("{path}.pub"), self.id(name))
    }

    fn id(&self, name: &str) -> String {
        let path = self.repo.path().join(format!("offline-keys/{name}.key"));
        let shown = self.repo.run(&["key", "show", path.to_str().unwrap(), "--format", "json"]).ok().json();
        shown["keyid"].as_str().unwrap().to_owned()
    }

    /// Everything goes on: a build, a release of each author's, and the clients take all of it.
    fn lives_on(&self, known: &Clients, number: u8) {
        self.repo.verify();
        known.verify(&self.repo, &self.repo.all_targets());
        let (name, bytes) = wheel("milk", &format!("2.{number}"));
        self.repo.add(&name, &bytes);
        assert_eq!(self.repo.build(&[])["published"], true);
        let version = format!("2.{number}");
        for project in ["cheese", "brie"] {
            self.repo.accept(&[&self.author.sign(project, &[&version], Some(&self.repo), &[])], &[]);
        }
        self.repo.verify();
        known.verify(&self.repo, &self.repo.all_targets());
    }

    fn role(&self, role: &str) -> Value {
        let status = self.repo.run(&["status", "--format", "json"]).ok().json();
        let roles = status["roles"].as_array().unwrap().clone();
        roles.into_iter().find(|one| one["role"] == role).unwrap()
    }
}

/// `--older-than 9d` keeps projects out that wait: these ceremonies are about keys.
const KEYS_ONLY: [&str; 2] = ["--older-than", "9d"];

#[test]
fn the_online_key_changes_and_no_client_from_before_is_left_behind() {
    let house = House::new();
    let repo = &house.repo;
    let known = Clients::of(repo);
    let before = house.role("timestamp")["keys"][0].clone();
    let (out, file) = prepare(repo, &[&KEYS_ONLY[..], &["--rotate", "online"]].concat());
    assert_eq!(out["roles"], json!({"root": 2, "targets": 2, "unclaimed": 2}));
    // A key that nobody vouches for is signed for by nobody.
    let (code, said, _) = house.root.sign(&file, &[]);
    assert!(code == 3 && said["error"].as_str().unwrap().contains("--trust"), "{said}");
    let next = repo.path().join(".tuffet/online.next.key");
    let shown = repo.run(&["key", "show", next.to_str().unwrap(), "--format", "json"]).ok().json();
    let id = shown["keyid"].as_str().unwrap();
    // Trusted for another role, or to go, it is not trusted for this.
    let trust = format!("online={id}");
    for wrong in [format!("root={id}"), format!("admin={id}"), format!("online=-{id}")] {
        assert_eq!(house.root.sign(&file, &["--trust", &wrong]).0, 3, "{wrong}");
    }
    assert_eq!(house.root.sign(&file, &["--trust", id]).0, 2, "a key without a role");
    let (code, _, by_root) = house.root.sign(&file, &["--trust", &trust]);
    assert_eq!(code, 0);
    let ran = repo.run(&["ceremony", "apply", by_root.to_str().unwrap()]);
    assert!(ran.code == 3 && ran.stderr.contains("targets is not signed yet"), "{ran:?}");
    let (code, _, by_admin) = house.admin.sign(&file, &["--trust", &trust]);
    assert_eq!(code, 0);
    let state = snapshot_of(&repo.path().join(".tuffet"));
    let applied = apply(repo, &[&by_root, &by_admin]);
    assert!(applied["retired_key"].as_str().unwrap().contains("retired"), "{applied}");

    // What a run leaves that dies before the root is there: clients go by the one before, and find all of it.
    let root = repo.site().join("metadata/2.root.json");
    let bytes = std::fs::read(&root).unwrap();
    std::fs::remove_file(&root).unwrap();
    known.verify(repo, &repo.all_targets());
    // The same files once more bring it to its end.
    for (name, bytes) in &state {
        let path = repo.path().join(".tuffet").join(name);
        if ["ledger/ceremony.json", "online.key", "online.next.key"].contains(&name.as_str()) {
            std::fs::write(&path, bytes).unwrap();
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(&path, private).unwrap();
        }
    }
    apply(repo, &[&by_root, &by_admin]);
    assert_eq!(std::fs::read(&root).unwrap(), bytes);

    assert_ne!(house.role("timestamp")["keys"][0], before);
    assert_eq!(house.role("bin-0")["keys"][0], id);
    assert_eq!(house.role("recently-claimed")["keys"][0], id);
    assert_eq!(house.role("project.gouda")["keys"][0], id, "what stands in for a suspended project");
    house.lives_on(&known, 1);
    // The key before signs nothing any more.
    let retired = std::fs::read_dir(repo.path().join(".tuffet")).unwrap().map(|e| e.unwrap().path());
    let retired: PathBuf =
        retired.into_iter().find(|path| path.to_str().unwrap().ends_with(".retired.key")).unwrap();
    std::fs::copy(retired, repo.path().join(".tuffet/online.key")).unwrap();
    let ran = repo.run(&["build"]);
    assert!(ran.code == 3 && ran.stderr.contains("may not sign"), "{ran:?}");
}

#[test]
fn root_keys_and_their_threshold_change() {
    let house = House::new();
    let repo = &house.repo;
    let known = Clients::of(repo);
    let (public, id) = house.key("root-4");
    let keys = [house.id("root-2"), house.id("root-3")].map(|id| format!("root={id}"));
    let new = format!("root={public}");
    let args = ["--rotate", "root", "--keys", &keys[0], "--keys", &keys[1], "--keys", &new];
    let (out, file) = prepare(repo, &[&KEYS_ONLY[..], &args, &["--threshold", "root=3"]].concat());
    assert_eq!(out["roles"], json!({"root": 2}));
    let (id, gone) = (format!("root={id}"), format!("root=-{}", house.id("root-1")));
    let trust = ["--trust", &id, "--trust", &gone, "--trust", "root=3"];
    for lacks in [&trust[..4], &trust[2..], &[&trust[..2], &trust[4..]].concat()[..]] {
        assert_eq!(house.root.sign(&file, lacks).0, 3, "who comes, who goes and the threshold need a word");
    }
    let (code, said, old) = house.root.sign(&file, &trust);
    assert_eq!((code, &said["roles"][0]["missing"]), (0, &json!(2)), "{said}");
    // The old ones are enough for the old root, and not for the new one.
    assert_eq!(repo.run(&["ceremony", "apply", old.to_str().unwrap()]).code, 3);
    // A holder whose key is new begins with the ledger of one who was there.
    let newcomers = Safe::with(repo, &["root-4", "root-3"]);
    let (code, said, new) = newcomers.sign(&file, &trust);
    assert_eq!(code, 0, "root-3 has signed the root before: {said}");
    apply(repo, &[&old, &new]);
    assert_eq!(house.role("root")["threshold"], 3);
    house.lives_on(&known, 1);
    // The next change is signed by three of them; the one who left has no say any more.
    let (_, file) = prepare(repo, &[&KEYS_ONLY[..], &["--rotate", "root", "--threshold", "root=2"]].concat());
    let all = Safe::with(repo, &["root-2", "root-3", "root-4"]);
    let gone = Safe::with(repo, &["root-1"]);
    assert_eq!(gone.sign(&file, &["--trust", "root=2"]).0, 3);
    let (code, said, signed) = all.sign(&file, &["--trust", "root=2"]);
    assert_eq!(code, 0, "{said}");
    apply(repo, &[&signed]);
    house.lives_on(&known, 2);
    Clients::of(repo);
}

/// A key that nobody vouches for yet is no reason to leave a list out that is to get other holders.
#[test]
fn administrators_change_while_a_project_waits_that_nobody_approves() {
    for is_root_first in [true, false] {
        let house = House::new();
        let repo = &house.repo;
        let (public, id) = house.key("admin-3");
        let keys = [format!("admin={}", house.id("admin-1")), format!("admin={public}")];
        let (out, file) = prepare(repo, &["--rotate", "admin", "--keys", &keys[0], "--keys", &keys[1]]);
        assert_eq!(out["promoted"], json!(["brie"]), "{out}");
        let (comes, goes) = (format!("admin={id}"), format!("admin=-{}", house.id("admin-2")));
        let trust = ["--trust", &comes, "--trust", &goes];
        let signed = |safe: &Safe, file: &std::path::Path| {
            let (code, said, signed) = safe.sign(file, &trust);
            assert_eq!(code, 0, "{is_root_first}: {said}");
            signed
        };
        if is_root_first {
            let by_root = signed(&house.root, &file);
            apply(repo, &[&signed(&house.admin, &by_root)]);
        } else {
            let by_admin = signed(&house.admin, &file);
            apply(repo, &[&by_admin, &signed(&house.root, &file)]);
        }
        repo.verify();
        assert_eq!(house.role("claimed")["version"], 4);
        let standing = repo.run(&["project", "list", "--format", "json"]).ok().json().to_string();
        assert!(standing.contains("brie"), "{standing}");
        Clients::of(repo);
    }
}

/// What a ceremony brings, changed in ways that its words do not tell.
fn unlike(file: &std::path::Path, id: &str) -> Vec<(&'static str, Ceremony)> {
    let honest = Ceremony::read(file).unwrap();
    let unsigned = |metadata: Targets| {
        let nobody = |_: &[u8]| Ok::<_, tuffet::model::canonical::Error>(Vec::new());
        Envelope::seal(metadata, nobody).unwrap()
    };
    let step = |ceremony: &Ceremony, role: &str| {
        ceremony.steps.iter().position(|step| step.role.as_str() == role).unwrap()
    };
    let id = tuffet::model::KeyId::given(id).unwrap();
    let targets = step(&honest, "targets");
    let after = honest.steps[targets].after.signed().clone();
    let mut plain = honest.clone();
    let mut hands = Hands::of(&after);
    hands.claimed.plain.insert(id.clone());
    let lists = forms::lists_of(&after).unwrap();
    let below = after.delegations.as_ref().unwrap();
    let recently = below.roles.iter().find(|child| child.name.as_str() == "recently-claimed").unwrap();
    let recently = Holders::of_child(recently, below);
    let edition = Edition { version: after.version, expires: after.expires };
    plain.steps[targets].after = unsigned(forms::top(edition, &lists, &hands, &recently));

    let mut left = honest.clone();
    let claimed = step(&honest, "claimed");
    let before = forms::projects_of(honest.steps[claimed].before.as_ref().unwrap().signed());
    let list = honest.steps[claimed].after.signed();
    let mut projects = forms::projects_of(list);
    let edam = tuffet::model::ProjectName::normalise("edam").unwrap();
    projects.insert(edam.clone(), before[&edam].clone());
    let edition = Edition { version: list.version, expires: list.expires };
    left.steps[claimed].after = unsigned(forms::list(edition, &projects));
    left.steps.retain(|step| step.role.as_str() != "project.edam");

    let mut twice = honest.clone();
    let mut root = honest.root.as_ref().unwrap().signed().clone();
    for keys in root.roles.values_mut().filter(|keys| keys.keyids.len() == 1) {
        keys.keyids.push(keys.keyids[0].clone());
    }
    let nobody = |_: &[u8]| Ok::<_, tuffet::model::canonical::Error>(Vec::new());
    twice.root = Some(Envelope::seal(root, nobody).unwrap());
    vec![("one key for all", plain), ("left to those who go", left), ("a key that counts twice", twice)]
}

#[test]
fn administrators_keys_and_their_threshold_change_with_all_that_they_hold() {
    let house = House::new();
    let repo = &house.repo;
    let known = Clients::of(repo);
    let (public, id) = house.key("admin-3");
    let keys = [format!("admin={}", house.id("admin-2")), format!("admin={public}")];
    let args = ["--rotate", "admin", "--keys", &keys[0], "--keys", &keys[1], "--threshold", "admin=2"];
    // Who is to have edam back waits: while it changes hands, an empty role of the old ones would stay behind.
    let heir = Author::known(12);
    let zip = heir.sign("edam", &["1.1"], Some(repo), &["--rekey", "--yes"]);
    let register = format!("edam={}", heir.keyid());
    repo.run(&["project", "rekey", zip.to_str().unwrap(), "--register", &register]).ok();
    let (out, file) = prepare(repo, &[&KEYS_ONLY[..], &args].concat());
    assert_eq!(
        out["roles"],
        json!({"root": 2, "targets": 2, "claimed": 4, "unclaimed": 2, "project.edam": 3})
    );
    assert_eq!((&out["rekeyed"], &out["stale"][0]["project"]), (&json!([]), &json!("edam")), "{out}");
    let (comes, goes) = (format!("admin={id}"), format!("admin=-{}", house.id("admin-1")));
    let trust = ["--trust", &comes, "--trust", &goes, "--trust", "admin=2"];
    let asked = house.root.sign(&file, &[]).1["error"].to_string();
    assert!(trust.iter().all(|word| asked.contains(word)), "{asked}");
    let of_targets = format!("targets={id}");
    let lacks = ["--trust", &of_targets, "--trust", &goes, "--trust", "admin=2"];
    assert_eq!(house.root.sign(&file, &lacks).0, 3, "claimed and unclaimed are others' to hold");
    // The same people, but not as they were told: with one key for all of these roles, with what stands in for a
    // project left to those who go, or with a key that counts twice.
    for (what, forged) in unlike(&file, &house.id("admin-2")) {
        let path = repo.path().join("forged.json");
        forged.write(&path).unwrap();
        assert_eq!(house.admin.sign(&path, &trust).0, 3, "{what}");
        assert_eq!(house.root.sign(&path, &trust).0, 3, "{what}");
    }
    let (code, said, by_root) = house.root.sign(&file, &trust);
    assert_eq!(code, 0, "{said}");
    // What was signed got lost: the same file is signed once more, without a word.
    let (code, said, by_root_again) = house.root.sign(&file, &trust);
    assert_eq!(
        (code, std::fs::read(&by_root_again).unwrap()),
        (0, std::fs::read(&by_root).unwrap()),
        "{said}"
    );
    // The one who goes signs targets for those who have the old root; the two who stay sign all of it.
    let (code, said, by_old) = house.admin.sign(&file, &trust);
    assert_eq!(code, 0, "{said}");
    let new = Safe::with(repo, &["admin-2", "admin-3"]);
    let (code, said, by_new) = new.sign(&file, &trust);
    assert_eq!(code, 0, "{said}");
    let before = std::fs::read(repo.site().join("metadata/1.project.cheese.json")).unwrap();
    apply(repo, &[&by_root, &by_old, &by_new]);
    assert_eq!(std::fs::read(repo.site().join("metadata/1.project.cheese.json")).unwrap(), before);
    let root = repo.site().join("metadata/2.root.json");
    let bytes = std::fs::read(&root).unwrap();
    std::fs::remove_file(&root).unwrap();
    known.verify(repo, &repo.all_targets());
    std::fs::write(&root, bytes).unwrap();
    for role in ["targets", "claimed", "unclaimed", "project.edam"] {
        assert_eq!(
            (&house.role(role)["threshold"], house.role(role)["custody"].as_str()),
            (&json!(2), Some("offline"))
        );
    }
    house.lives_on(&known, 1);
    // The next ceremony is theirs.
    let (_, file) = prepare(repo, &[]);
    assert_eq!(house.admin.sign(&file, &["--confirm-all"]).0, 3);
    let (code, said, signed) = new.sign(&file, &["--confirm-all"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(apply(repo, &[&signed])["claimed"], json!(["brie"]));
    house.lives_on(&known, 2);
}

#[test]
fn the_number_of_bins_grows_and_shrinks() {
    let house = House::new();
    let repo = &house.repo;
    let known = Clients::of(repo);
    for (number, bins) in [(1, "64"), (2, "32"), (3, "16")] {
        let (out, file) = prepare(repo, &[&KEYS_ONLY[..], &["--bins", bins]].concat());
        assert_eq!(out["roles"].as_object().unwrap().len(), 1, "{out}");
        let (code, said, signed) = house.admin.sign(&file, &[]);
        assert_eq!((code, said["bins"].to_string()), (0, bins.to_owned()), "{said}");
        apply(repo, &[&signed]);
        house.lives_on(&known, number);
        assert_eq!(repo.build(&[])["bins"]["total"].to_string(), bins);
    }
}

#[test]
fn a_root_near_its_end_is_signed_again_by_its_holders() {
    let house = House::new();
    let repo = &house.repo;
    let later = super::support::author::days_from_now(200);
    let args = ["--now", &later, "--older-than", "999d"];
    let (out, file) = prepare(repo, &args);
    assert_eq!(out["roles"]["root"], 2, "{out}");
    let (code, said, by_root) = house.root.sign(&file, &["--now", &later]);
    assert_eq!(code, 0, "{said}");
    let (code, said, by_admin) = house.admin.sign(&file, &["--now", &later]);
    assert_eq!(code, 0, "{said}");
    let files = [by_root.to_str().unwrap(), by_admin.to_str().unwrap()];
    repo.run(&[&["ceremony", "apply", "--now", &later][..], &files].concat()).ok();
    repo.run(&["build", "--now", &later]).ok();
    repo.run(&["verify", "--strict", "--now", &later]).ok();
    assert!(
        house.role("root")["expires"].as_str().unwrap() > &super::support::author::days_from_now(560)[..]
    );
}
