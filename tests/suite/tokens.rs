//! Keys in a token, through PKCS#11: SoftHSM from Debian, and the real clients over what it signs.

use super::authors::{CONFIG, Clients};
use super::support::author::{Author, wheel};
use super::support::token::{MODULE, PIN, Token, uri};
use super::support::{Ran, Repo, files_below, snapshot_of};
use serde_json::json;
use std::path::Path;
use std::process::Command;

/// Runs the program with the way to the token.
fn run(repo: &Repo, token: &Token, args: &[&str]) -> Ran {
    Ran::of(token.with(&mut repo.command(args)).output().unwrap())
}

fn keyid(repo: &Repo, token: &Token, name: &str) -> String {
    let shown = run(repo, token, &["key", "show", name, "--format", "json"]).ok().json();
    shown["keyid"].as_str().unwrap().to_owned()
}

/// A token with an online key of this kind, and a repository whose builds it signs.
fn repository(curve: &str, config: &str) -> (Token, Repo) {
    let token = Token::new();
    token.key("online", "01", curve);
    let repo = Repo::with_config(config);
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    run(&repo, &token, &["init", "--online-key", &uri("online")]).ok();
    run(&repo, &token, &["build"]).ok();
    (token, repo)
}

fn says(ran: &Ran, code: i32, said: &str) {
    let flowing = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(ran.code == code && flowing.contains(said), "{said}: {ran:?}");
    let text = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!text.contains(PIN), "it says the PIN: {text}");
}

#[test]
fn the_online_key_is_in_a_token_of_either_kind_and_both_clients_take_what_it_signs() {
    for (curve, keytype) in [("edwards25519", "ed25519"), ("prime256v1", "ecdsa")] {
        let (token, repo) = repository(curve, CONFIG);
        // The state folder holds the name of the key, and nothing of it.
        let named = std::fs::read_to_string(repo.path().join(".tuffet/online.key")).unwrap();
        assert_eq!(named, format!("{}\n", uri("online")));
        let root = repo.signed("1.root.json");
        let online = keyid(&repo, &token, &uri("online"));
        assert_eq!(root["roles"]["timestamp"]["keyids"], json!([online]));
        assert_eq!(root["keys"][&online]["keytype"], keytype);
        repo.verify();
        let known = Clients::of(&repo);
        let author = Author::known(11);
        let zip = author.sign("cheese", &["1.0"], None, &[]);
        let register = format!("cheese={}", author.keyid());
        run(&repo, &token, &["project", "accept", zip.to_str().unwrap(), "--register", &register]).ok();
        let (name, bytes) = wheel("milk", "2.0");
        repo.add(&name, &bytes);
        let built = run(&repo, &token, &["build", "--format", "json"]).ok().json();
        assert_eq!(built["published"], true);
        repo.verify();
        known.verify(&repo, &repo.all_targets());
    }
}

#[test]
fn pipeline_toml_names_the_token_its_module_and_the_file_with_the_pin() {
    let token = Token::new();
    token.key("online", "01", "edwards25519");
    let config = format!(
        "[source]\npath = \"dists\"\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n\
         online = \"pkcs11:token=tuffet;object=online?pin-source=pin\"\npkcs11_module = \"{MODULE}\"\n"
    );
    let repo = Repo::with_config(&config);
    repo.add_wheel(1);
    let pin = repo.path().join("pin");
    std::fs::write(&pin, format!("{PIN}\n")).unwrap();
    let run =
        |args: &[&str]| Ran::of(repo.command(args).env("SOFTHSM2_CONF", token.conf()).output().unwrap());
    let mode =
        |mode| std::fs::set_permissions(&pin, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    mode(0o644);
    says(&run(&["build", "--init"]), 3, "others may read");
    // As systemd gives a unit its credentials: the right of a user stands in an access list.
    let with_credentials = |folder: &Path| {
        let mut command = repo.command(&["init"]);
        command.env("SOFTHSM2_CONF", token.conf()).env("CREDENTIALS_DIRECTORY", folder);
        Ran::of(command.output().unwrap())
    };
    says(&with_credentials(repo.path()), 3, "others may read");
    mode(0o440);
    says(&run(&["init"]), 3, "others may read");
    says(&with_credentials(&repo.path().join("dists/..").join("dists")), 3, "others may read");
    says(&with_credentials(Path::new("/")), 3, "others may read");
    with_credentials(&repo.path().join("dists/..")).ok();
    mode(0o600);
    run(&["build"]).ok();
    assert!(!repo.path().join(".tuffet/online.key").exists());
    let before = snapshot_of(&repo.site());
    std::fs::write(&pin, "13572468\n").unwrap();
    says(&run(&["build"]), 3, "pin is wrong. Correct it");
    assert_eq!(snapshot_of(&repo.site()), before);
    std::fs::write(&pin, format!("{PIN}\n")).unwrap();
    repo.verify();
    for (line, said) in [
        ("online = \"pkcs11:token=tuffet?pin-value=2468013579\"", "(pin-value) is not taken"),
        ("online = \"online.key\"", "it is no pkcs11: URI"),
    ] {
        repo.configure(&format!("[keys]\n{line}\n"));
        says(&run(&["build"]), 2, "pipeline.toml, line 2");
        let ran = run(&["build"]);
        assert!(ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ").contains(said), "{ran:?}");
    }
}

/// Signs a ceremony with a key in the token, at a safe of its own.
fn sign(safe: &Path, token: &Token, file: &Path, key: &str, more: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tuffet"));
    command.current_dir(safe).stdin(std::process::Stdio::null()).env_remove("SOURCE_DATE_EPOCH");
    command.args(["ceremony", "sign", file.to_str().unwrap(), "--format", "json", "--key", &uri(key)]);
    Ran::of(token.with(command.args(more)).output().unwrap())
}

#[test]
fn administrators_and_roots_keys_are_in_a_token_through_a_whole_ceremony_and_a_change_of_the_online_key() {
    let token = Token::new();
    for (label, id, curve) in [
        ("root", "01", "edwards25519"),
        ("admin", "02", "prime256v1"),
        ("online", "03", "edwards25519"),
        ("next", "04", "prime256v1"),
    ] {
        token.key(label, id, curve);
    }
    let repo = Repo::with_config(CONFIG);
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    let (root, admin, online, next) = (uri("root"), uri("admin"), uri("online"), uri("next"));
    let init = [
        "init",
        "--root-key",
        &root,
        "--root-threshold",
        "1",
        "--admin-key",
        &admin,
        "--online-key",
        &online,
    ];
    let said = run(&repo, &token, &init).ok();
    assert!(said.stderr.contains("as it is"), "{}", said.stderr);
    assert!(!repo.path().join("offline-keys").exists());
    let elsewhere = Repo::with_config(CONFIG);
    let near = format!("{online}?pin-source=pin");
    std::fs::write(elsewhere.path().join("pin"), format!("{PIN}\n")).unwrap();
    let only_mine = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(elsewhere.path().join("pin"), only_mine).unwrap();
    says(&run(&elsewhere, &token, &["init", "--online-key", &near]), 2, "give the whole path");
    run(&repo, &token, &["build"]).ok();
    let known = Clients::of(&repo);
    let author = Author::known(11);
    let zip = author.sign("cheese", &["1.0"], None, &[]);
    let register = format!("cheese={}", author.keyid());
    run(&repo, &token, &["project", "accept", zip.to_str().unwrap(), "--register", &register]).ok();

    let safe = tempfile::TempDir::new().unwrap();
    let ledger = ["--ledger", "signed.ledger"];
    let (_, file) = super::ceremonies::prepare(&repo, &[]);
    says(&sign(safe.path(), &token, &file, "admin", &["--confirm-all"]), 2, "--ledger FILE");
    // The key of root has no say in it.
    let confirm = [&ledger[..], &["--confirm", &register]].concat();
    says(&sign(safe.path(), &token, &file, "root", &confirm), 3, "");
    sign(safe.path(), &token, &file, "admin", &confirm).ok();
    let applied =
        run(&repo, &token, &["ceremony", "apply", file.to_str().unwrap(), "--format", "json"]).ok().json();
    assert_eq!(applied["claimed"], json!(["cheese"]));
    repo.verify();
    known.verify(&repo, &repo.all_targets());

    // The online key gives way to another in the token; a key file is not made in its place unasked.
    std::fs::remove_file(&file).unwrap();
    let prepare = ["ceremony", "prepare", "--out", file.to_str().unwrap(), "--rotate", "online"];
    says(&run(&repo, &token, &prepare), 2, "--next-online KEY");
    run(&repo, &token, &[&prepare[..], &["--next-online", &next]].concat()).ok();
    let trust = format!("online={}", keyid(&repo, &token, &next));
    let trust = [&ledger[..], &["--trust", &trust]].concat();
    sign(safe.path(), &token, &file, "root", &trust).ok();
    sign(safe.path(), &token, &file, "admin", &trust).ok();
    let applied = run(&repo, &token, &["ceremony", "apply", file.to_str().unwrap()]).ok();
    let flowing = applied.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flowing.contains(&format!("it lies in {online}")), "{flowing}");
    let named = std::fs::read_to_string(repo.path().join(".tuffet/online.key")).unwrap();
    assert_eq!(named, format!("{next}\n"));
    let status = repo.run(&["status"]).ok().stdout;
    let status = status.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(status.contains(&format!("Destroy {online} in its token")), "{status}");
    let (name, bytes) = wheel("milk", "2.0");
    repo.add(&name, &bytes);
    run(&repo, &token, &["build"]).ok();
    repo.verify();
    known.verify(&repo, &repo.all_targets());
}

#[test]
fn an_author_signs_with_a_token_whose_public_half_goes_out_as_a_line() {
    let (token, author) = (Token::new(), Author::known(11));
    token.key("author", "07", "prime256v1");
    let key = uri("author");
    let run = |args: &[&str]| Ran::of(token.with(&mut author.command(args)).output().unwrap());
    let shown = run(&["key", "show", &key, "--public-out", "author.pub", "--format", "json"]).ok().json();
    // Without the token.
    let again = author.run(&["key", "show", "author.pub", "--format", "json"]).ok().json();
    assert_eq!(shown["keyid"], again["keyid"]);
    token.key("other", "08", "edwards25519");
    says(&run(&["key", "show", &uri("other"), "--role", "claimed"]), 2, "signs as it is");
    let dist = author.dist("cheese", &["1.0"]);
    let args =
        ["author", "sign", "cheese", "--dist", dist.to_str().unwrap(), "--key", &key, "--out", "cheese.zip"];
    run(&args).ok();
    let repo = super::authors::repository();
    let register = format!("cheese={}", shown["keyid"].as_str().unwrap());
    repo.accept(&[&author.path().join("cheese.zip")], &["--register", &register]);
    repo.verify();
    Clients::of(&repo);
}

#[test]
fn what_is_wrong_with_a_token_is_told_apart_and_nothing_is_public() {
    let (token, repo) = repository("edwards25519", CONFIG);
    token.key("twin", "05", "edwards25519");
    token.key("twin", "06", "edwards25519");
    token.key("large", "08", "secp384r1");
    token.tool(&["--keypairgen", "--key-type", "rsa:2048", "--label", "rsa", "--id", "09"]);
    token.key("halved", "0a", "edwards25519");
    token.tool(&["--delete-object", "--type", "pubkey", "--id", "0a"]);
    let (name, bytes) = wheel("milk", "2.0");
    repo.add(&name, &bytes);
    let before = snapshot_of(&repo.site());
    let key = repo.path().join(".tuffet/online.key");
    let table = [
        (
            "pkcs11:token=tuffet;object=online?module-path=/nowhere.so",
            "/nowhere.so: this PKCS#11 module cannot be used",
        ),
        ("pkcs11:token=other;object=online", "there is no such token; the module shows \"tuffet\""),
        ("pkcs11:token=tuffet;object=absent", "the token holds no such key; it holds object="),
        ("pkcs11:token=tuffet;object=twin", "several keys fit: object=twin;id=%0"),
        ("pkcs11:token=tuffet", "several keys fit"),
        ("pkcs11:token=tuffet;object=large", "another kind than Ed25519 and P-256"),
        ("pkcs11:token=tuffet;object=rsa", "another kind than Ed25519 and P-256"),
        ("pkcs11:token=tuffet;object=halved", "not its public half"),
        ("pkcs11:token=tuffet;object=twin;id=%05", "may not sign"),
        ("pkcs11:token=tuffet;object=online?pin-source=/nowhere", "/nowhere"),
    ];
    for (uri, said) in table {
        std::fs::write(&key, format!("{uri}\n")).unwrap();
        says(&run(&repo, &token, &["build"]), 3, said);
        assert_eq!(snapshot_of(&repo.site()), before, "{uri}");
    }
    std::fs::write(&key, format!("{}\n", uri("online"))).unwrap();
    let build = |change: &dyn Fn(&mut Command)| {
        let mut command = repo.command(&["build"]);
        token.with(&mut command);
        change(&mut command);
        Ran::of(command.output().unwrap())
    };
    says(&build(&|command| _ = command.env("TUFFET_PIN", "13572468")), 3, "the PIN is wrong");
    says(&build(&|command| _ = command.env_remove("TUFFET_PIN")), 3, "wants a PIN, and there is none");
    says(
        &build(&|command| _ = command.env_remove("TUFFET_PKCS11_MODULE")),
        3,
        "which module knows this token?",
    );
    // A file that is no module, and a module that knows of no token.
    says(&build(&|command| _ = command.env("TUFFET_PKCS11_MODULE", "/bin/true")), 3, "module cannot be used");
    let empty = Token::new();
    let gone = format!("directories.tokendir = {}\n", empty.path().display());
    std::fs::write(empty.conf(), gone).unwrap();
    says(&build(&|command| _ = command.env("SOFTHSM2_CONF", empty.conf())), 3, "the module shows none");
    token.init("tuffet");
    says(&build(&|_| ()), 3, "several tokens fit");
    assert_eq!(snapshot_of(&repo.site()), before);
}

#[test]
fn a_token_that_is_slow_locked_removed_or_signs_something_else_stops_a_run_before_anything_is_public() {
    for curve in ["edwards25519", "prime256v1"] {
        let (token, repo) = repository(curve, CONFIG);
        let module = token.faulty_module();
        let (name, bytes) = wheel("milk", "2.0");
        repo.add(&name, &bytes);
        let before = snapshot_of(&repo.site().join("metadata"));
        let build = |fault: &str, after: &str| {
            let mut command = repo.command(&["build", "--signer-timeout", "1s"]);
            token.with(&mut command).env("TUFFET_PKCS11_MODULE", &module).env("REAL_MODULE", MODULE);
            Ran::of(command.env("FAULT", fault).env("AFTER", after).output().unwrap())
        };
        for after in ["0", "2"] {
            for (fault, said) in [
                ("wrong", "is no signature of its own"),
                ("slow", "did not answer within 1 s (--signer-timeout)"),
                ("removed", "the token was removed"),
            ] {
                says(&build(fault, after), 3, said);
                assert_eq!(snapshot_of(&repo.site().join("metadata")), before, "{fault} after {after}");
            }
        }
        says(&build("locked", "0"), 3, "its PIN was wrong too often");
        build("", "0").ok();
        assert_ne!(snapshot_of(&repo.site().join("metadata")), before);
        repo.verify();
    }
}

#[test]
fn no_run_writes_or_says_the_pin() {
    let (token, repo) = repository("edwards25519", CONFIG);
    let mut said = Vec::new();
    for args in [
        &["build", "-v"][..],
        &["build", "--rehash", "--format", "json"],
        &["status", "-v"],
        &["key", "show", &uri("online")],
        &["key", "show", "pkcs11:token=tuffet?pin-value=2468013579"],
        &["verify"],
    ] {
        let mut command = repo.command(args);
        said.push(Ran::of(token.with(&mut command).env("RUST_BACKTRACE", "full").output().unwrap()));
    }
    assert_eq!(said.iter().filter(|ran| ran.code != 0).count(), 1);
    for ran in &said {
        assert!(!format!("{ran:?}").contains(PIN), "{ran:?}");
    }
    let files = files_below(repo.path());
    assert!(files.len() > 20);
    for name in files {
        let bytes = std::fs::read(repo.path().join(&name)).unwrap();
        assert!(memchr::memmem::find(&bytes, PIN.as_bytes()).is_none(), "{name} holds the PIN");
    }
}
