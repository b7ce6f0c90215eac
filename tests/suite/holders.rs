//! Whose key it is: keys of every kind, several holders, new ones, and what the administrators signed over.

use super::authors::{Clients, repository};
use super::support::author::{Author, places, with_member};
use super::support::{clients, known, snapshot_of};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};

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
    // Nobody signed for how many of them it takes: the operator was told, as of the keys.
    let ran = |number: &str| {
        let said = ["--register", number, "--format", "json"];
        repo.run(&[&["project", "accept", both.to_str().unwrap()], &register[..], &said].concat())
    };
    let refused = ran("cheese=1");
    assert_eq!(refused.json()["refused"][0]["refusals"][0]["check"], "registration", "{refused:?}");
    assert_eq!(ran("cheese=two").code, 2);
    let alone = ["project", "accept", both.to_str().unwrap(), "--register", "cheese=2"];
    assert_eq!(repo.run(&alone).code, 2, "of which keys?");
    ran("cheese=2").ok();
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
    // Who vouches for its keys at the safe says how many of them must sign, too.
    let safe = super::ceremonies::Safe::of(&repo, 1);
    let (_, file) = super::ceremonies::prepare(&repo, &[]);
    let confirm: Vec<&str> = ids.iter().flat_map(|id| ["--confirm", id]).collect();
    for (threshold, approved) in
        [(&[][..], false), (&["--confirm", "cheese=1"], false), (&["--confirm", "cheese=2"], true)]
    {
        let safe = super::ceremonies::Safe::of(&repo, 2);
        let (code, said, _) = safe.sign(&file, &[&confirm[..], threshold].concat());
        assert_eq!(code, 0, "{said}");
        assert_eq!(said["roles"][0]["projects"][0]["approved"], approved, "{threshold:?}: {said}");
    }
    let twice = [&confirm[..], &["--confirm", "cheese=2", "--confirm", "cheese=1"]].concat();
    assert_eq!(safe.sign(&file, &twice).0, 2, "it says two things");
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
        verdict.contains(
            "Nobody could forge this today but the author (1 of 1 keys) with the web server or the online key"
        ),
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
    for (args, code) in [
        // These wait for a ceremony.
        (vec!["revoke", "cheese", "--yes"], 0),
        (vec!["rekey", rekey.to_str().unwrap(), "--register", &other], 0),
        (vec!["accept", rekey.to_str().unwrap(), "--register", &other], 3),
    ] {
        let ran = repo.run(&[&["project"], &args[..], &now].concat());
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
    }
    assert_eq!(snapshot_of(&repo.site()), before);
}
