//! P-256 in the place of Ed25519: for every role at once, judged by python-tuf, tough and openssl.

use super::authors::{CONFIG, Clients};
use super::ceremonies::{Safe, apply, prepare};
use super::support::author::{Author, days_from_now, wheel, with_member};
use super::support::{Repo, clients, files_below, snapshot_of};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Makes a P-256 key; gives its id.
fn generate(repo: &Repo, path: &str) -> String {
    let args =
        ["key", "generate", "--kind", "p256", "--out", path, "--insecure-plain-keys", "--format", "json"];
    let made = repo.run(&args).ok().json();
    assert_eq!((&made["keytype"], &made["scheme"]), (&json!("ecdsa"), &json!("ecdsa-sha2-nistp256")));
    made["keyid"].as_str().unwrap().to_owned()
}

/// A repository with an unclaimed project, every key of which is a P-256 one.
fn repository(config: &str) -> Repo {
    let repo = Repo::with_config(config);
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    let mut init = vec!["init".to_owned()];
    for (flag, names) in
        [("--root-key", &["root-1", "root-2", "root-3"][..]), ("--admin-key", &["admin-1", "admin-2"])]
    {
        for name in names {
            let path = format!("offline-keys/{name}.key");
            generate(&repo, &path);
            init.extend([flag.to_owned(), path]);
        }
    }
    generate(&repo, "online.key");
    init.extend(["--online-key".to_owned(), "online.key".to_owned()]);
    let said = repo.run(&init.iter().map(String::as_str).collect::<Vec<_>>()).ok();
    // The administrators' keys sign each role as it is, and that is said.
    assert!(said.stderr.contains("as it is"), "{}", said.stderr);
    repo.build(&[]);
    repo
}

/// An author with a P-256 key.
fn author(repo: &Repo) -> Author {
    let author = Author::known(11);
    std::fs::remove_file(&author.key).unwrap();
    generate(repo, author.key());
    author
}

/// Every kind of key that the metadata of a site names.
fn kinds(site: &Path) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for name in files_below(&site.join("metadata")) {
        let file: Value =
            serde_json::from_slice(&std::fs::read(site.join("metadata").join(&name)).unwrap()).unwrap();
        let signed = &file["signed"];
        for keys in [&signed["keys"], &signed["delegations"]["keys"]] {
            let keys = keys.as_object().into_iter().flatten();
            kinds.extend(keys.map(|(_, key)| key["keytype"].as_str().unwrap().to_owned()));
        }
    }
    kinds
}

#[test]
fn every_role_can_be_held_by_p256_keys_and_both_clients_take_all_of_it() {
    let repo = repository(CONFIG);
    repo.verify();
    let known = Clients::of(&repo);
    let (author, alice) = (author(&repo), author(&repo));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &alice, "cheese-2.*");
    repo.accept(&[&alice.sign("cheese", &["2.0"], Some(&repo), &["--as", "alice"])], &[]);
    repo.verify();
    known.verify(&repo, &repo.all_targets());
    // A ceremony by an administrator, then one that changes the online key, by root's holders too.
    let admin = Safe::of(&repo, 1);
    let (_, file) = prepare(&repo, &[]);
    let (code, said, signed) = admin.sign(&file, &["--confirm", &format!("cheese={}", author.keyid())]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(apply(&repo, &[&signed])["claimed"], json!(["cheese"]));
    known.verify(&repo, &repo.all_targets());
    let next = generate(&repo, "next.key");
    let (_, file) = prepare(&repo, &["--rotate", "online", "--next-online", "next.key"]);
    let trust = ["--trust", &format!("online={next}")];
    let root = Safe::with(&repo, &["root-1", "root-2"]);
    let (code, said, by_root) = root.sign(&file, &trust);
    assert_eq!(code, 0, "{said}");
    let (code, said, by_admin) = admin.sign(&file, &trust);
    assert_eq!(code, 0, "{said}");
    apply(&repo, &[&by_root, &by_admin]);
    let (name, bytes) = wheel("milk", "2.0");
    repo.add(&name, &bytes);
    assert_eq!(repo.build(&[])["published"], true);
    repo.accept(&[&author.sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
    repo.verify();
    known.verify(&repo, &repo.all_targets());
    assert_eq!(kinds(&repo.site()), ["ecdsa".to_owned()].into());
    for command in [&["status"][..], &["explain", "cheese"], &["compromise", "--holding", "online"]] {
        repo.run(command).ok();
    }
}

#[test]
fn two_runs_with_p256_keys_write_the_same_bytes() {
    let repo = repository(CONFIG);
    let (name, bytes) = wheel("milk", "2.0");
    repo.add(&name, &bytes);
    let (twin, now) = (repo.twin(), days_from_now(0));
    for repo in [&repo, &twin] {
        assert_eq!(repo.build(&["--now", &now])["published"], true);
    }
    assert_eq!(snapshot_of(&repo.site()), snapshot_of(&twin.site()));
}

#[test]
fn keys_of_openssl_and_openssh_are_read_and_ours_by_them() {
    let repo = Repo::new();
    let made = generate(&repo, "ours.key");
    let openssl = |args: &[&str]| {
        let mut command = Command::new("openssl");
        clients::run(command.args(args).current_dir(repo.path()), "openssl").stdout
    };
    let show = |file: &str| {
        repo.run(&["key", "show", file, "--format", "json"]).ok().json()["keyid"].as_str().unwrap().to_owned()
    };
    openssl(&["pkey", "-in", "ours.key", "-pubout", "-out", "ours.pem"]);
    for file in ["ours.key", "ours.key.pub", "ours.pem"] {
        assert_eq!(show(file), made, "{file}");
    }
    let mut keygen = Command::new("ssh-keygen");
    clients::run(keygen.args(["-l", "-f"]).arg(repo.path().join("ours.key.pub")), "ssh-keygen");
    // OpenSSL's, plain and encrypted; and the same with its point in the short form.
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "theirs.key"]);
    openssl(&[
        "pkcs8",
        "-topk8",
        "-scrypt",
        "-in",
        "theirs.key",
        "-out",
        "locked.key",
        "-passout",
        "pass:pw",
    ]);
    openssl(&["pkey", "-in", "theirs.key", "-pubout", "-ec_conv_form", "compressed", "-out", "short.pem"]);
    let theirs = show("theirs.key");
    assert_eq!(show("short.pem"), theirs);
    let mut command = repo.command(&["key", "show", "locked.key", "--format", "json"]);
    let shown = clients::run(command.env("TUFFET_PASSPHRASE", "pw"), "tuffet").stdout;
    assert_eq!(serde_json::from_slice::<Value>(&shown).unwrap()["keyid"], theirs.as_str());
    // OpenSSH's own form.
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ecdsa", "-b", "256", "-N", "", "-f"]).arg(repo.path().join("id_ecdsa"));
    clients::run(&mut keygen, "ssh-keygen");
    assert_eq!(show("id_ecdsa"), show("id_ecdsa.pub"));
    for (kind, said) in [("P-384", "1.3.132.0.34"), ("secp256k1", "1.3.132.0.10")] {
        let curve = format!("ec_paramgen_curve:{kind}");
        openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", &curve, "-out", "other.key"]);
        let ran = repo.run(&["key", "show", "other.key"]);
        assert!(ran.code == 3 && ran.stderr.contains(said), "{ran:?}");
    }
    let ran = repo.run(&["key", "show", "ours.key", "--role", "claimed"]);
    assert!(ran.code == 2 && ran.stderr.contains("only from Ed25519 keys"), "{ran:?}");
}

#[test]
fn a_project_is_held_by_keys_of_both_kinds_together() {
    let repo = super::authors::repository();
    let (one, two) = (Author::known(12), author(&repo));
    let public = two.key.with_extension("key.pub");
    let zip = one.sign("cheese", &["1.0"], None, &["--holder", public.to_str().unwrap(), "--threshold", "2"]);
    let both = two.path().join("both.zip");
    let add =
        ["author", "sign", "cheese", "--add-to", zip.to_str().unwrap(), "--out", both.to_str().unwrap()];
    two.run(&[&add[..], &["--key", two.key(), "--yes"]].concat()).ok();
    let ids = [one.keyid(), two.keyid()].map(|keyid| format!("cheese={keyid}"));
    repo.accept(&[&both], &["--register", &ids[0], "--register", &ids[1]]);
    repo.verify();
    Clients::of(&repo);
}
