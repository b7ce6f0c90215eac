//! Each error names the thing and the way out, in 80 columns.

use super::support::{Ran, Repo, clients};
use std::os::unix::fs::PermissionsExt as _;

/// Insists that a run failed with this code and said these things, in lines that fit.
#[track_caller]
fn says(ran: &Ran, code: i32, said: &[&str]) {
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
    for text in said {
        let flowing = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flowing.contains(text), "{text:?} is not in: {flowing}");
    }
    for line in ran.stderr.lines().filter(|line| line.contains(' ')) {
        assert!(line.trim().chars().count() <= 80 || !line.trim().contains(' '), "too wide: {line}");
    }
    assert_eq!(ran.stdout, "", "an error goes to standard error");
}

#[test]
fn a_source_that_is_not_there_and_a_key_that_is_not_there() {
    let repo = Repo::published(3);
    std::fs::rename(repo.source(), repo.path().join("away")).unwrap();
    says(&repo.run(&["build"]), 4, &["dists is not there", "source.path", "mounted"]);
    std::fs::rename(repo.path().join("away"), repo.source()).unwrap();
    std::fs::remove_file(repo.path().join(".tuffet/online.key")).unwrap();
    says(&repo.run(&["build"]), 3, &[".tuffet/online.key", "no key file"]);
}

#[test]
fn a_folder_of_the_site_on_another_file_system() {
    use std::os::unix::fs::MetadataExt as _;
    let repo = Repo::published(3);
    let other = tempfile::TempDir::new_in("/dev/shm").expect("this test needs /dev/shm");
    let device = |path: &std::path::Path| std::fs::metadata(path).unwrap().dev();
    assert_ne!(
        device(other.path()),
        device(repo.path()),
        "this test needs /dev/shm to be a file system of its own"
    );
    let (packages, moved) = (repo.site().join("packages"), other.path().join("packages"));
    clients::run(std::process::Command::new("cp").arg("-a").args([&packages, &moved]), "cp");
    std::fs::remove_dir_all(&packages).unwrap();
    std::os::unix::fs::symlink(&moved, &packages).unwrap();
    repo.add_wheel(7);
    says(&repo.run(&["build"]), 5, &["site/packages", "another file system", "all of the site on one"]);
    std::fs::remove_file(&packages).unwrap();
    clients::run(std::process::Command::new("cp").arg("-a").args([&moved, &packages]), "cp");
    repo.run(&["build"]).ok();
    repo.verify();
}

#[test]
fn a_file_that_may_not_be_read() {
    let repo = Repo::published(3);
    let name = repo.add_wheel(7);
    std::fs::set_permissions(repo.source().join(&name), std::fs::Permissions::from_mode(0o000)).unwrap();
    let ran = if std::fs::read(repo.source().join(&name)).is_ok() {
        // For root every file can be read: run as somebody else, to whom the repository belongs.
        let nobody = "65534";
        clients::run(std::process::Command::new("chown").args(["-R", nobody]).arg(repo.path()), "chown");
        let program = repo.path().join("tuffet");
        // By a process of its own: a test that begins one meanwhile would have it open for writing.
        clients::run(std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_tuffet")).arg(&program), "cp");
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid", nobody, "--regid", nobody, "--clear-groups"]).arg(program).arg("build");
        let output =
            command.current_dir(repo.path()).output().expect("this test needs setpriv, from util-linux");
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    } else {
        repo.run(&["build"])
    };
    says(&ran, 5, &[&name, "Permission denied", "source.exclude"]);
}

#[test]
fn an_expired_root() {
    let repo = Repo::published(3);
    says(
        &repo.run(&["build", "--now", "2099-01-01T00:00:00Z"]),
        3,
        &["root expired on", "clock", "sign the next version"],
    );
}

#[test]
fn a_mistake_in_pipeline_toml_is_named_with_its_line_and_key() {
    let table = [
        ("[source]\npath = \"dists\"\nlayuot = \"flat\"\n", &["line 3", "layuot", "layout"][..]),
        ("[sources]\npath = \"dists\"\n", &["line 1", "sources", "source"]),
        ("[source]\npath = 7\n", &["line 2", "path = 7", "string"]),
        ("[source\npath = \"dists\"\n", &["line 1", "[source"]),
        ("[bins]\ncount = 12\n", &["line 2", "count = 12", "power of two"]),
        ("[bins]\ncount = \"many\"\n", &["line 2", "many", "auto"]),
        ("[expiry]\ntimestamp = \"soon\"\n", &["line 2", "soon", "24h"]),
        ("[site]\ntargets = \"move\"\n", &["line 2", "move", "hardlink"]),
        ("[source]\nexclude = [\"a[\"]\n", &["source.exclude", "a["]),
        ("[source]\npath = \".\"\n", &["site.path lies inside source.path"]),
        ("[state]\npath = \"site/state\"\n", &["online key would be served"]),
        ("[index]\nfiles_url = \"files.example\"\n", &["line 2", "https://files.example"]),
        ("[source]\nyanked = [\"x==\"]\n", &["source.yanked", "x=="]),
        ("[index]\nroot = \"no\"\n", &["line 2", "no"][..]),
    ];
    for (config, said) in table {
        let repo = Repo::with_config(config);
        let said: Vec<&str> = said.iter().copied().chain(["pipeline.toml"]).collect();
        says(&repo.run(&["build", "--init"]), 2, &said);
        assert!(!repo.path().join(".tuffet").exists(), "nothing is made: {config}");
    }
}

#[test]
fn no_configuration_and_nothing_published() {
    let repo = Repo::new();
    says(&repo.run(&["build"]), 2, &["nothing is published in site", "tuffet init", "build --init"]);
    std::fs::remove_file(repo.path().join("pipeline.toml")).unwrap();
    says(&repo.run(&["build"]), 2, &["there is no pipeline.toml", "tuffet init"]);
    says(&repo.run(&["verify"]), 2, &["no folder site/metadata"]);
    // init writes one; the source in it is not there, and it says so.
    std::fs::remove_dir_all(repo.source()).unwrap();
    says(&repo.run(&["init"]), 2, &["has been written", "source.path", "dists is not there"]);
    says(&repo.run(&["init"]), 4, &["dists is not there"]);
}

#[test]
fn init_overwrites_nothing() {
    let repo = Repo::published(3);
    says(&repo.run(&["init"]), 2, &["site/metadata is there already", "overwrites nothing"]);
    std::fs::remove_dir_all(repo.site()).unwrap();
    says(&repo.run(&["init"]), 2, &["offline-keys/root-1.key is there already", "move it away"]);
    says(&repo.run(&["init", "--keys-dir", "elsewhere"]), 2, &[".tuffet/online.key is there already"]);
    says(&repo.run(&["init", "--root-threshold", "4"]), 2, &["--root-threshold 4", "--root-keys 3"]);
}

#[test]
fn passphrases_protect_new_keys_and_a_wrong_one_is_told_apart() {
    let repo = Repo::with_config("[source]\npath = \"dists\"\n");
    repo.add_wheel(1);
    says(
        &repo.run(&["build", "--init"]),
        2,
        &["--passphrase-file", "TUFFET_PASSPHRASE", "--insecure-plain-keys"],
    );
    std::fs::write(repo.path().join("pass"), "correct horse\n").unwrap();
    repo.run(&["build", "--init", "--passphrase-file", "pass"]).ok();
    let key = std::fs::read_to_string(repo.path().join(".tuffet/online.key")).unwrap();
    assert!(key.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{key}");
    says(&repo.run(&["build"]), 3, &["online.key is encrypted", "--passphrase-file"]);
    std::fs::write(repo.path().join("pass"), "wrong\n").unwrap();
    says(
        &repo.run(&["build", "--passphrase-file", "pass"]),
        3,
        &["online.key", "passphrase does not open it"],
    );
    let right = repo.command(&["build"]).env("TUFFET_PASSPHRASE", "correct horse").output().unwrap();
    assert!(right.status.success());
}

#[test]
fn plain_keys_are_read_by_openssl_and_openssls_by_us() {
    let repo = Repo::published(1);
    let key = repo.path().join("offline-keys/root-1.key");
    let openssl = |args: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        clients::run(command.args(args).current_dir(repo.path()), "openssl").stdout
    };
    let text = openssl(&["pkey", "-in", key.to_str().unwrap(), "-noout", "-text"]);
    assert!(String::from_utf8(text).unwrap().contains("ED25519 Private-Key"));
    // What OpenSSL encrypts by itself is opened with the passphrase, scrypt and PBKDF2 alike.
    let online = repo.path().join(".tuffet/online.key");
    let plain = std::fs::read(&online).unwrap();
    for extra in [&["-scrypt"][..], &["-v2prf", "hmacWithSHA256"]] {
        std::fs::write(&online, &plain).unwrap();
        let to_pkcs8 = [
            "pkcs8",
            "-topk8",
            "-v2",
            "aes-256-cbc",
            "-passout",
            "pass:pw",
            "-in",
            ".tuffet/online.key",
            "-out",
            "k",
        ];
        openssl(&[&to_pkcs8, extra].concat());
        std::fs::copy(repo.path().join("k"), &online).unwrap();
        let ran = repo.command(&["build"]).env("TUFFET_PASSPHRASE", "pw").output().unwrap();
        assert!(ran.status.success(), "{extra:?}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

#[test]
fn a_key_file_that_others_may_read_or_that_is_cut_short_is_refused() {
    let repo = Repo::published(1);
    let online = repo.path().join(".tuffet/online.key");
    std::fs::set_permissions(&online, std::fs::Permissions::from_mode(0o644)).unwrap();
    says(&repo.run(&["build"]), 3, &["online.key may be read by others", "chmod 600"]);
    std::fs::set_permissions(&online, std::fs::Permissions::from_mode(0o600)).unwrap();
    let text = std::fs::read_to_string(&online).unwrap();
    std::fs::write(&online, &text[..60]).unwrap();
    says(&repo.run(&["build"]), 3, &["online.key", "cut short"]);
}

#[test]
fn json_is_one_document_even_for_an_error_and_help_fits() {
    let repo = Repo::published(1);
    std::fs::remove_dir_all(repo.source()).unwrap();
    let ran = repo.run(&["build", "--format", "json"]);
    assert_eq!((ran.code, &ran.json()["exit"]), (4, &4.into()));
    for args in [
        &["--help"][..],
        &["init", "--help"],
        &["build", "--help"],
        &["verify", "--help"],
        &["sweep", "--help"],
    ] {
        let help = repo.run(args).ok().stdout;
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    }
    for args in [&["completions", "bash"][..], &["completions", "fish"], &["man"], &["man", "build"]] {
        let out = repo.run(args).ok().stdout;
        assert!(out.contains("tuffet") && out.contains("build"), "{args:?}");
    }
}

#[test]
fn what_would_put_keys_where_they_are_served_is_refused() {
    let repo = Repo::new();
    repo.add_wheel(1);
    for folder in ["dists/keys", "site/keys"] {
        says(&repo.run(&["init", "--keys-dir", folder]), 2, &[folder, "--keys-dir"]);
        assert!(!repo.path().join(folder).exists() && !repo.site().join("metadata").exists());
    }
}

#[test]
fn a_dry_run_makes_no_repository_and_a_lost_site_no_second_one() {
    let repo = Repo::new();
    repo.add_wheel(1);
    says(&repo.run(&["build", "--init", "--dry-run"]), 2, &["--dry-run", "nothing is published yet"]);
    assert!(!repo.site().exists() && !repo.path().join("offline-keys").exists());
    repo.run(&["build", "--init"]).ok();
    std::fs::rename(repo.site(), repo.path().join("away")).unwrap();
    says(&repo.run(&["build"]), 3, &["there is an online key", "mounted"]);
    says(&repo.run(&["build", "--init"]), 2, &["root-1.key is there already"]);
}

#[test]
fn an_init_that_did_not_end_says_how_to_begin_again() {
    let repo = Repo::new();
    repo.add_wheel(1);
    repo.run(&["init"]).ok();
    std::fs::remove_file(repo.site().join("metadata/timestamp.json")).unwrap();
    says(&repo.run(&["build", "--init"]), 3, &["init` was interrupted", "run it again"]);
}
