//! Authors' projects in the life of a repository: adoption, keys of every kind, held files, roles that lapse,
//! long lists.

use super::authors::{Clients, repository};
use super::support::author::{Author, Forge, places, wheel};
use super::support::nginx::Nginx;
use super::support::{Repo, clients, known, snapshot_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

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

/// An ssh-agent that ends with this.
struct Agent {
    socket: String,
    pid: String,
}

impl Agent {
    fn start(folder: &Path) -> Self {
        let socket = folder.join("agent").display().to_string();
        let out = clients::run(
            Command::new("ssh-agent").args(["-a", &socket]),
            "ssh-agent, from Debian's openssh-client",
        );
        let said = String::from_utf8(out.stdout).unwrap();
        let pid = said.split("SSH_AGENT_PID=").nth(1).unwrap().split(';').next().unwrap().to_owned();
        Self { socket, pid }
    }

    fn add(&self, key: &Path) {
        let mut command = Command::new("ssh-add");
        command.arg(key).env("SSH_AUTH_SOCK", &self.socket).stdin(Stdio::null());
        clients::run(&mut command, "ssh-add, from Debian's openssh-client");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(&self.pid).status();
    }
}

#[test]
fn promise_6_one_ssh_key_signs_for_three_projects_plain_with_a_passphrase_and_through_an_agent() {
    let repo = repository();
    let known = Clients::of(&repo);
    let author = Author::openssh("");
    let keyid = author.keyid();
    // The same key, once more with a passphrase.
    let locked = author.path().join("locked");
    std::fs::copy(&author.key, &locked).unwrap();
    let mut chmod = Command::new("chmod");
    clients::run(chmod.arg("600").arg(&locked), "chmod");
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-p", "-P", "", "-N", "open sesame", "-f"]).arg(&locked);
    clients::run(&mut keygen, "ssh-keygen, from Debian's openssh-client");
    let agent = Agent::start(author.path());
    agent.add(&author.key);
    let public = author.key.with_extension("pub");

    let ways: [(&str, &Path, [&str; 2]); 3] = [
        ("brie", &author.key, ["X", ""]),
        ("cheese", &locked, ["TUFFET_PASSPHRASE", "open sesame"]),
        ("gouda", &public, ["SSH_AUTH_SOCK", &agent.socket]),
    ];
    let mut zips = Vec::new();
    for (project, key, [variable, value]) in ways {
        let dist = author.dist(project, &["1.0"]);
        let zip = author.path().join(format!("{project}.zip"));
        let (dist, out) = (dist.to_str().unwrap(), zip.to_str().unwrap());
        let args = ["author", "sign", project, "--dist", dist, "--key", key.to_str().unwrap(), "--out", out];
        let mut command = author.command(&args);
        clients::run(command.env(variable, value), project);
        zips.push(zip);
    }
    let register: Vec<String> = ways
        .iter()
        .flat_map(|(project, ..)| ["--register".to_owned(), format!("{project}={keyid}")])
        .collect();
    let register: Vec<&str> = register.iter().map(String::as_str).collect();
    repo.accept(&zips.iter().map(std::path::PathBuf::as_path).collect::<Vec<_>>(), &register);
    repo.verify();
    known.verify(&repo, &repo.all_targets());

    // Without an agent, with one that does not hold it, and with a role that is too large for one.
    let args = ["author", "sign", "edam", "--dist", ".", "--key", public.to_str().unwrap(), "--out", "x.zip"];
    let said = author.run(&args);
    assert!(said.code == 3 && said.stderr.contains("SSH_AUTH_SOCK"), "{said:?}");
    let stranger = Author::openssh("");
    let public = stranger.key.with_extension("pub");
    let args = ["author", "sign", "edam", "--dist", ".", "--key", public.to_str().unwrap(), "--out", "x.zip"];
    let out = stranger.command(&args).env("SSH_AUTH_SOCK", &agent.socket).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap().replace("\n ", "");
    assert!(said.contains("does not hold this key"), "{said}");
}

#[test]
fn a_role_too_large_for_an_ssh_agent_is_refused_by_its_name_before_anything_is_signed() {
    let author = Author::openssh("");
    let agent = Agent::start(author.path());
    agent.add(&author.key);
    let folder = author.path().join("dist");
    std::fs::create_dir(&folder).unwrap();
    // Some 180 bytes of the role for each; an agent takes 262,080.
    for number in 0..2000 {
        std::fs::write(folder.join(format!("huge-1.{number}.tar")), b"").unwrap();
    }
    let public = author.key.with_extension("pub");
    let (dist, public) = (folder.to_str().unwrap(), public.to_str().unwrap());
    let args = ["author", "sign", "huge", "--dist", dist, "--key", public, "--out", "huge.zip"];
    let out = author.command(&args).env("SSH_AUTH_SOCK", &agent.socket).output().unwrap();
    let said = String::from_utf8(out.stderr).unwrap().replace("\n ", "");
    assert!(said.contains("project.huge has") && said.contains("262080"), "{said}");
    assert!(!author.path().join("huge.zip").exists());
    author.run(&["author", "sign", "huge", "--dist", dist, "--key", author.key(), "--out", "huge.zip"]).ok();
}

#[test]
fn a_member_outside_of_the_pattern_is_refused_by_clients_when_it_is_forced_into_the_tree() {
    let repo = repository();
    let (author, alice) = (Author::known(11), Author::known(12));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &alice, "cheese-2.*");
    let release = alice.sign("cheese", &["2.0"], Some(&repo), &["--as", "alice"]);
    let mut forge = Forge::open(&release, 12);
    let path = "packages/cheese/cheese-3.0.tar.gz";
    forge.list("project.cheese.alice", path, b"forged");
    let known = Clients::of(&repo);
    let zip = repo.path().join("forged.zip");
    std::fs::write(&zip, forge.zip()).unwrap();
    let ran = repo.run(&["project", "accept", zip.to_str().unwrap(), "--format", "json"]);
    assert_eq!(ran.json()["refused"][0]["refusals"][0]["check"], "target-path");

    // Whoever holds the online key forces it in all the same.
    fn packed(name: &str) -> Option<&str> {
        name.strip_prefix("targets/").filter(|name| name.starts_with("packages/"))
    }
    let files = forge.files.iter().filter_map(|(name, bytes)| Some((packed(name)?, bytes)));
    let files: Vec<(&str, &[u8])> = files.map(|(name, bytes)| (name, bytes.as_slice())).collect();
    force(&repo, "project.cheese.alice", 2, &forge.sealed("project.cheese.alice"), &files);
    let digest = tuffet::model::Sha256::of(b"forged").to_string();
    known.refuse(&repo, &BTreeMap::from([(path.to_owned(), digest)]));
    let found = repo.run(&["verify", "--format", "json"]);
    assert_eq!(found.code, 1);
    let says = |finding: &&Value| finding["target"] == path && finding["role"] == "project.cheese.alice";
    let found = found.json();
    let finding =
        found["findings"].as_array().unwrap().iter().find(says).unwrap_or_else(|| panic!("{found}"));
    assert!(finding["what"].as_str().unwrap().starts_with("no client finds it"), "{finding}");
}

/// Puts a role and its files into the tree, with a snapshot and a timestamp that lead to it.
fn force(repo: &Repo, role: &str, version: u64, bytes: &[u8], files: &[(&str, &[u8])]) {
    use tuffet::keys::{Signer as _, file};
    use tuffet::model::{Sha256, canonical};
    let site = repo.site();
    for (path, bytes) in files {
        let path: tuffet::model::TargetPath = path.parse().unwrap();
        let digest = Sha256::of(bytes).to_string();
        for name in [path.to_string(), path.hashed(&digest), path.tough_alias(&digest)] {
            std::fs::create_dir_all(site.join(&name).parent().unwrap()).unwrap();
            std::fs::write(site.join(name), bytes).unwrap();
        }
    }
    std::fs::write(site.join(format!("metadata/{version}.{role}.json")), bytes).unwrap();
    let key = file::load(&repo.path().join(".tuffet/online.key"), &|_| Err(String::new())).unwrap();
    let seal = |signed: &Value| {
        let signature = key.sign(&canonical::to_canonical(signed).unwrap()).unwrap();
        canonical::to_canonical(&json!({"signatures": [signature], "signed": signed})).unwrap()
    };
    let mut timestamp = repo.signed("timestamp.json");
    let current = timestamp["meta"]["snapshot.json"]["version"].as_u64().unwrap();
    let mut snapshot = repo.signed(&format!("{current}.snapshot.json"));
    snapshot["version"] = (current + 1).into();
    snapshot["meta"][format!("{role}.json")] = json!({"version": version});
    let sealed = seal(&snapshot);
    std::fs::write(site.join(format!("metadata/{}.snapshot.json", current + 1)), &sealed).unwrap();
    let next = timestamp["version"].as_u64().unwrap() + 1;
    timestamp["version"] = next.into();
    timestamp["meta"]["snapshot.json"] = json!({"version": current + 1, "length": sealed.len(), "hashes": {"sha256": Sha256::of(&sealed).to_string()}});
    std::fs::write(site.join("metadata/timestamp.json"), seal(&timestamp)).unwrap();
}

/// Lets alice into the author's project `cheese`.
fn with_member(repo: &Repo, author: &Author, alice: &Author, paths: &str) {
    let joining = alice.path().join("alice.json");
    let joining = joining.to_str().unwrap();
    alice.run(&["author", "join", "cheese", "--as", "alice", "--key", alice.key(), "--out", joining]).ok();
    let zip = author.path().join("delegation.zip");
    let (site, root) = places(Some(repo));
    let delegate = ["author", "delegate", "cheese", "--member", joining, "--paths", paths, "--yes"];
    let out = ["--key", author.key(), "--out", zip.to_str().unwrap(), "--from", &site, "--root", &root];
    author.run(&[&delegate[..], &out].concat()).ok();
    repo.accept(&[&zip], &[]);
}

#[test]
fn files_in_the_mirror_that_the_author_did_not_sign_are_held_and_shown() {
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let (name, bytes) = wheel("cheese", "1.1");
    repo.add(&name, &bytes);
    let (other, _) = wheel("cheese", "1.0");
    repo.add(&other, b"not what was signed");
    let before = snapshot_of(&repo.site());
    let out = repo.build(&[]);
    assert_eq!((&out["published"], &out["files"]["held"]), (&json!(false), &json!(2)), "{out}");
    assert!(out["warnings"].as_array().unwrap().iter().all(|warning| warning["code"] == "not-signed"));
    assert_eq!(snapshot_of(&repo.site()), before);
    for command in [&["status"][..], &["explain", "cheese"], &["project", "list"]] {
        let shown = repo.run(command).ok().stdout;
        assert!(shown.contains(&name) && shown.contains(&other), "{command:?}: {shown}");
    }
    // Once signed, the one is no longer held; the other stays what was signed.
    repo.accept(&[&author.sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
    let held = repo.run(&["status", "--format", "json"]).ok().json()["held"].clone();
    assert_eq!(held.as_array().unwrap().len(), 1, "{held}");
    assert_eq!(repo.build(&[])["files"]["held"], 1);
    repo.verify();
}

/// `days` from now, as `--now` takes it.
fn days_from_now(days: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let moment = i64::try_from(now).unwrap() + days * 86_400;
    tuffet::model::Moment::from_unix(moment).unwrap().to_string()
}

#[test]
fn a_role_is_warned_of_and_suspended_before_it_lapses_and_never_after() {
    // Days before the role lapses; what `status` and `build` say; whether clients take its files.
    for (left, health, code, published) in [
        (150, "well", None, true),
        (20, "ends-soon", Some("author-expiry"), true),
        (1, "well", Some("suspended"), false),
        (-1, "well", Some("suspended"), false),
    ] {
        let config = "[source]\npath = \"dists\"\n[site]\ntough_alias = true\n[keys]\ninsecure_plain = true\n\
                      [expiry]\nroot = \"2000d\"\ntargets = \"2000d\"\nclaimed = \"2000d\"\nunclaimed = \"2000d\"\n";
        let repo = Repo::with_config(config);
        let (name, bytes) = wheel("milk", "1.0");
        repo.add(&name, &bytes);
        let then = days_from_now(left - 730);
        repo.run(&["build", "--init", "--now", &then]).ok();
        let author = Author::known(11);
        let zip = author.sign("cheese", &["1.0"], None, &["--now", &then]);
        let register = format!("cheese={}", author.keyid());
        repo.accept(&[&zip], &["--register", &register, "--now", &then]);
        let files = repo.of_project("cheese");
        let out = repo.build(&[]);
        let codes: Vec<&str> =
            out["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
        assert_eq!(codes.first().copied(), code, "{left}: {out}");
        assert_eq!(out["suspended"], if published { json!([]) } else { json!(["cheese"]) }, "{left}");
        let status = repo.run(&["status", "--format", "json"]).ok().json();
        let roles = status["roles"].as_array().unwrap();
        let role = roles.iter().find(|role| role["role"] == "project.cheese").unwrap();
        assert_eq!(role["health"], health, "{left}: {role}");
        assert_eq!(repo.run(&["status", "--within", "30d"]).code, i32::from(left == 20), "{left}");
        repo.verify();
        // Everything else is taken in any case, by tough too, which a lapsed role would stop.
        let known = Clients::of(&repo);
        if published {
            known.verify(&repo, &files);
            continue;
        }
        known.refuse(&repo, &files);
        assert!(!repo.all_targets().keys().any(|path| path.contains("/cheese/")));
        // Nothing of it falls to the bins, though the mirror has it; a sweep keeps what was signed.
        let (name, bytes) = wheel("cheese", "1.0");
        repo.add(&name, &bytes);
        assert_eq!(repo.build(&[])["files"]["held"], 1, "{left}");
        repo.run(&["sweep", "--grace", "1s", "--now", &days_from_now(3)]).ok();
        repo.run(&["build"]).ok();
        repo.verify();
        let listed = repo.run(&["project", "list"]).ok().stdout;
        assert!(listed.contains("suspended"), "{listed}");
        // The author comes back with the same key: no --register is needed.
        let again = author.sign("cheese", &[], Some(&repo), &["--yes"]);
        let taken = repo.accept(&[&again], &[]);
        assert_eq!(taken["accepted"][0]["project"], "cheese", "{taken}");
        assert_eq!(repo.of_project("cheese"), files);
        repo.verify();
        known.verify(&repo, &files);
    }
}

#[test]
fn a_revoked_project_stays_reserved_until_somebody_is_registered_again() {
    let repo = repository();
    let (author, other) = (Author::known(11), Author::known(14));
    repo.register(&author, "cheese", &["1.0"]);
    let known = Clients::of(&repo);
    let files = repo.of_project("cheese");
    assert_eq!(repo.run(&["project", "revoke", "milk", "--yes"]).code, 2);
    assert_eq!(repo.run(&["project", "revoke", "cheese"]).code, 2, "nobody was asked");
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    known.refuse(&repo, &files);
    // pip finds nothing of it, and after a sweep nobody gets a file by its plain name.
    let there = |name: &str| repo.site().join(name).exists();
    assert!(!there("simple/cheese/index.html") && !there("simple/cheese/index.v1_json"));
    repo.run(&["sweep", "--now", &days_from_now(3)]).ok();
    assert!(!there("packages/cheese/cheese-1.0-py3-none-any.whl"));
    repo.build(&[]);
    repo.verify();
    let (name, bytes) = wheel("cheese", "1.0");
    repo.add(&name, &bytes);
    assert_eq!(repo.build(&[])["files"]["held"], 1);
    repo.verify();
    known.verify(&repo, &repo.all_targets());
    // The key that was taken away opens nothing by itself, and another needs the operator, too.
    let again = author.sign("cheese", &[], Some(&repo), &["--yes"]);
    let refused = repo.run(&["project", "accept", again.to_str().unwrap(), "--format", "json"]);
    assert_eq!(refused.json()["refused"][0]["refusals"][0]["check"], "registration");
    let taken = other.sign("cheese", &["2.0"], Some(&repo), &["--yes"]);
    repo.accept(&[&taken], &["--register", &format!("cheese={}", other.keyid())]);
    repo.verify();
    known.verify(&repo, &repo.of_project("cheese"));
}

#[test]
fn a_rekey_is_signed_by_the_new_key_and_parent_and_child_change_in_one_swap() {
    let repo = repository();
    let (author, alice, heir) = (Author::known(11), Author::known(12), Author::known(14));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &alice, "cheese-2.*");
    let known = Clients::of(&repo);
    // The heir vouches for every file that is there, and is shown each.
    let (site, root) = places(Some(&repo));
    let unseen =
        ["author", "sign", "cheese", "--rekey", "--key", heir.key(), "--from", &site, "--root", &root];
    let ran = heir.run(&[&unseen[..], &["--out", "no.zip"]].concat());
    assert!(ran.code == 2 && ran.stderr.contains("signed in project.cheese"), "{ran:?}");
    let zip = heir.sign("cheese", &[], Some(&repo), &["--rekey", "--yes"]);
    let register = format!("cheese={}", heir.keyid());
    for (args, check) in [(vec!["accept"], "registration"), (vec!["rekey"], "registration")] {
        let args = [vec!["project"], args, vec![zip.to_str().unwrap(), "--format", "json"]].concat();
        let refused = repo.run(&args).json();
        assert_eq!(refused["refused"][0]["refusals"][0]["check"], check, "{refused}");
    }
    let ran =
        repo.run(&["project", "rekey", zip.to_str().unwrap(), "--register", &register, "--format", "json"]);
    ran.ok();
    repo.verify();
    known.verify(&repo, &repo.all_targets());
    let listed = repo.run(&["project", "list", "--format", "json"]).ok().json();
    assert_eq!(listed["projects"][0]["keys"], json!([heir.keyid()]));
    // The old key is no holder any more; the member goes on.
    let (site, root) = places(Some(&repo));
    let sign = ["author", "sign", "cheese", "--key", author.key(), "--from", &site, "--root", &root];
    let ran = author.run(&[&sign[..], &["--out", "x.zip", "--yank", "cheese==1.0"]].concat());
    assert!(ran.code == 3 && ran.stderr.replace("\n ", "").contains("does not hold"), "{ran:?}");
    repo.accept(&[&alice.sign("cheese", &["2.0"], Some(&repo), &["--as", "alice"])], &[]);
    repo.accept(&[&heir.sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
    repo.verify();
    known.verify(&repo, &repo.all_targets());
}

#[test]
fn with_a_threshold_the_submission_goes_from_holder_to_holder() {
    let repo = repository();
    let (one, two, three) = (Author::known(11), Author::known(12), Author::known(13));
    let public = |author: &Author| {
        // The public part alone is what one holder hands to another.
        let shown = author.run(&["key", "show", author.key(), "--format", "json"]).ok().json();
        let hex = shown["public"].as_str().unwrap().to_owned();
        let bytes: [u8; 32] = (0..32)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        let data = ssh_key::public::KeyData::Ed25519(ssh_key::public::Ed25519PublicKey(bytes));
        let path = author.path().join("public.pub");
        std::fs::write(&path, ssh_key::PublicKey::new(data, "x").to_openssh().unwrap()).unwrap();
        path.display().to_string()
    };
    let (public_two, public_three) = (public(&two), public(&three));
    let holders = ["--holder", &public_two, "--holder", &public_three, "--threshold", "2"];
    let zip = one.sign("cheese", &["1.0"], None, &holders);
    let ids = [one.keyid(), two.keyid(), three.keyid()].map(|keyid| format!("cheese={keyid}"));
    let register: Vec<&str> = ids.iter().flat_map(|id| ["--register", id]).collect();
    let args = [&["project", "accept", zip.to_str().unwrap(), "--format", "json"], &register[..]].concat();
    let refused = repo.run(&args);
    assert_eq!(refused.json()["refused"][0]["refusals"][0]["check"], "signature", "{refused:?}");
    let both = two.path().join("both.zip");
    let add =
        ["author", "sign", "cheese", "--add-to", zip.to_str().unwrap(), "--out", both.to_str().unwrap()];
    // Nobody signs unseen, and nobody who does not hold the project.
    assert_eq!(two.run(&[&add[..], &["--key", two.key()]].concat()).code, 2);
    let stranger = Author::known(99);
    assert_eq!(stranger.run(&[&add[..], &["--key", stranger.key(), "--yes"]].concat()).code, 3);
    let yes = ["--key", two.key(), "--yes", "--format", "json"];
    let added = two.run(&[&add[..], &yes].concat()).ok().json();
    assert_eq!((&added["signatures"], &added["threshold"]), (&json!(2), &json!(2)));
    repo.accept(&[&both], &register);
    repo.verify();
    Clients::of(&repo);
    // The next release carries no keys: what is published says whose they are.
    let next = one.sign("cheese", &["1.1"], Some(&repo), &[]);
    let (site, root) = places(Some(&repo));
    let add =
        ["author", "sign", "cheese", "--add-to", next.to_str().unwrap(), "--out", both.to_str().unwrap()];
    assert_eq!(three.run(&[&add[..], &["--key", three.key(), "--yes"]].concat()).code, 2);
    three.run(&[&add[..], &["--key", three.key(), "--yes", "--from", &site, "--root", &root]].concat()).ok();
    repo.accept(&[&both], &[]);
    repo.verify();
}

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
fn recently_claimed_is_split_past_500_projects_and_a_release_changes_no_list() {
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
fn what_is_claimed_goes_on_by_its_authors_key_and_changes_hands_offline_alone() {
    let repo = known::repo();
    let now = ["--now", known::MADE];
    let (author, alice) = (Author::known(11), Author::known(12));
    let register = format!("cheese={}", author.keyid());
    let accept = |zip: &Path, more: &[&str]| repo.accept(&[zip], &[&now[..], more].concat());
    accept(&author.sign("cheese", &["1.0"], None, &now), &["--register", &register]);

    // The administrators sign the delegation over; the online list lets go of it.
    let delegations = repo.signed("2.recently-claimed.json")["delegations"].clone();
    known::resign(&repo, "1.claimed.json", &[4], |claimed| claimed["delegations"] = delegations.clone());
    known::resign(&repo, "2.recently-claimed.json", &[6], |list| {
        list.as_object_mut().unwrap().remove("delegations");
    });
    repo.run(&[&["verify", "--strict"][..], &now].concat()).ok();
    let explained = repo.run(&[&["explain", "cheese"][..], &now].concat()).ok().stdout;
    assert!(explained.starts_with("cheese: claimed"), "{explained}");
    let verdict = explained.replace('\n', " ");
    assert!(
        verdict.contains("Nobody could forge this today but the author (1 of 1 keys) with the online key"),
        "{verdict}"
    );

    // Releases and members need nobody else.
    accept(&author.sign("cheese", &["1.1"], Some(&repo), &now), &[]);
    let joining = alice.path().join("alice.json");
    let joining = joining.to_str().unwrap();
    let join = ["author", "join", "cheese", "--as", "alice", "--key", alice.key(), "--out", joining];
    alice.run(&[&join[..], &now].concat()).ok();
    let zip = author.path().join("members.zip");
    let (site, root) = places(Some(&repo));
    let delegate = ["author", "delegate", "cheese", "--member", joining, "--yes", "--key", author.key()];
    let out = ["--out", zip.to_str().unwrap(), "--from", &site, "--root", &root];
    author.run(&[&delegate[..], &out, &now].concat()).ok();
    accept(&zip, &[]);
    accept(&alice.sign("cheese", &["2.0"], Some(&repo), &[&now[..], &["--as", "alice"]].concat()), &[]);
    repo.run(&[&["verify", "--strict"][..], &now].concat()).ok();
    let explained = repo.run(&[&["explain", "cheese"][..], &now].concat()).ok().stdout.replace('\n', " ");
    assert!(explained.contains("the member alice (1 of 1 keys)"), "{explained}");

    // Keys change by an offline signature, and by nothing else.
    let before = snapshot_of(&repo.site());
    let heir = Author::known(14);
    let rekey = heir.sign("cheese", &[], Some(&repo), &[&now[..], &["--rekey", "--yes"]].concat());
    let other = format!("cheese={}", heir.keyid());
    for args in [
        vec!["revoke", "cheese", "--yes"],
        vec!["rekey", rekey.to_str().unwrap(), "--register", &other],
        vec!["accept", rekey.to_str().unwrap(), "--register", &other],
    ] {
        let ran = repo.run(&[&["project"], &args[..], &now].concat());
        assert_eq!(ran.code, 3, "{args:?}: {ran:?}");
    }
    assert_eq!(snapshot_of(&repo.site()), before);
}

#[test]
fn an_author_is_told_whose_role_would_lapse_before_a_release_is_taken_in() {
    let repo = repository();
    let (author, alice) = (Author::known(11), Author::known(12));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &alice, "cheese-2.*");
    let zip = author.sign("cheese", &["1.1"], Some(&repo), &[]);
    // A snapshot that lives longer than Alice's role would lead to it after its end.
    let config = std::fs::read_to_string(repo.path().join("pipeline.toml")).unwrap();
    std::fs::write(repo.path().join("pipeline.toml"), config + "[expiry]\nsnapshot = \"800d\"\n").unwrap();
    let ran = repo.run(&["project", "accept", zip.to_str().unwrap(), "--format", "json"]);
    let refusals = ran.json()["refused"][0]["refusals"].clone();
    assert_eq!(refusals[0]["check"], "expiry", "{refusals}");
    assert_eq!(refusals[0]["file"], "project.cheese.alice");
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
fn a_member_joins_again_and_is_taken_out_with_files_kept_or_gone() {
    let repo = repository();
    let (author, alice) = (Author::known(11), Author::known(12));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &alice, "cheese-2.*");
    repo.accept(&[&alice.sign("cheese", &["2.0"], Some(&repo), &["--as", "alice"])], &[]);
    let known = Clients::of(&repo);
    let (site, root) = places(Some(&repo));
    let from = ["--from", &site, "--root", &root];
    let hers = "packages/cheese/cheese-2.0-py3-none-any.whl";
    let zip = author.path().join("members.zip");
    let delegate = |more: &[&str]| {
        let all =
            ["author", "delegate", "cheese", "--key", author.key(), "--out", zip.to_str().unwrap(), "--yes"];
        author.run(&[&all[..], &from, more].concat()).ok();
        repo.accept(&[&zip], &[]);
        repo.verify();
        known.verify(&repo, &repo.all_targets());
    };
    // She joins again, for another pattern: what she had released is the author's to keep.
    let joining = alice.path().join("again.json");
    let joining = joining.to_str().unwrap();
    let join = ["author", "join", "cheese", "--as", "alice", "--key", alice.key(), "--out", joining];
    alice.run(&[&join[..], &from].concat()).ok();
    delegate(&["--member", joining, "--paths", "cheese-3.*", "--keep-files"]);
    assert!(repo.of_project("cheese").contains_key(hers));
    repo.accept(&[&alice.sign("cheese", &["3.0"], Some(&repo), &["--as", "alice"])], &[]);
    // Taken out, her files kept; and in again, under the version that follows.
    delegate(&["--remove", "alice", "--keep-files"]);
    assert_eq!(repo.of_project("cheese").keys().filter(|path| path.ends_with(".whl")).count(), 3);
    let joining = alice.path().join("third.json");
    let joining = joining.to_str().unwrap();
    alice.run(&[&join[..7], &["--out", joining], &from].concat()).ok();
    delegate(&["--member", joining]);
    repo.accept(&[&alice.sign("cheese", &["4.0"], Some(&repo), &["--as", "alice"])], &[]);
    delegate(&["--remove", "alice"]);
    assert_eq!(repo.of_project("cheese").keys().filter(|path| path.ends_with(".whl")).count(), 3);
    // What she released last goes with the sweep; the rest stays.
    repo.run(&["sweep", "--now", &days_from_now(3)]).ok();
    assert!(!repo.site().join("packages/cheese/cheese-4.0-py3-none-any.whl").exists());
    repo.build(&[]);
    repo.verify();
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

#[test]
fn what_an_author_yanks_and_leaves_out_is_seen_before_and_after() {
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0", "1.1", "1.2"]);
    let zip =
        author.sign("cheese", &[], Some(&repo), &["--yank", "cheese==1.1: sour", "--without", "cheese==1.0"]);
    let shown = author.run(&["author", "show", zip.to_str().unwrap()]).ok().stdout;
    assert!(shown.contains("Yanked: cheese-1.1-py3-none-any.whl: sour"), "{shown}");
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
