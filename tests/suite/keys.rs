//! `key generate` and `key show`, judged by the programs whose keys they are: ssh-keygen and openssl.

use super::support::{Repo, clients};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn show(repo: &Repo, file: &str, args: &[&str]) -> Value {
    repo.run(&[&["key", "show", file, "--format", "json"], args].concat()).ok().json()
}

/// A key by ssh-keygen; gives its file name.
fn ssh_keygen(repo: &Repo, name: &str, kind: &str, passphrase: &str) -> String {
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-t", kind, "-N", passphrase, "-C", "somebody@somewhere", "-f"])
        .arg(repo.path().join(name));
    clients::run(&mut command, "ssh-keygen, from Debian's openssh-client");
    name.to_owned()
}

/// The 32 public bytes in the last field of an OpenSSH line, in hex.
fn public_of_line(line: &str) -> String {
    let mut openssl = Command::new("openssl");
    let encoded = line.split(' ').nth(1).unwrap();
    let output = openssl.args(["base64", "-d", "-A"]).stdin(std::process::Stdio::piped());
    let mut child = output.stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), encoded.as_bytes()).unwrap();
    let bytes = child.wait_with_output().unwrap().stdout;
    hex::encode(&bytes[bytes.len() - 32..])
}

fn text(path: PathBuf) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_key_that_is_made_is_read_by_openssl_and_its_public_part_by_ssh_keygen() {
    let repo = Repo::new();
    let made =
        repo.run(&["key", "generate", "--out", "author.key", "--insecure-plain-keys", "--format", "json"]);
    let made = made.ok().json();
    let path = repo.path().join("author.key");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for file in ["author.key", "author.key.pub"] {
        let shown = show(&repo, file, &[]);
        assert_eq!((&shown["keyid"], &shown["public"]), (&made["keyid"], &made["public"]), "{file}");
    }
    let line = text(repo.path().join("author.key.pub"));
    assert_eq!(public_of_line(&line), made["public"].as_str().unwrap());
    let mut keygen = Command::new("ssh-keygen");
    clients::run(keygen.args(["-l", "-f"]).arg(repo.path().join("author.key.pub")), "ssh-keygen");
    let public = repo.path().join("public.pem");
    let mut openssl = Command::new("openssl");
    clients::run(openssl.args(["pkey", "-in"]).arg(&path).args(["-pubout", "-out"]).arg(&public), "openssl");
    assert_eq!(show(&repo, "public.pem", &[])["keyid"], made["keyid"]);
    // Nothing is ever overwritten, neither the key nor its public part.
    let before = text(path.clone());
    for gone in ["author.key.pub", "author.key"] {
        let refused = repo.run(&["key", "generate", "--out", "author.key", "--insecure-plain-keys"]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert_eq!(text(path.clone()), before);
        if gone == "author.key.pub" {
            std::fs::remove_file(repo.path().join(gone)).unwrap();
        }
    }
}

#[test]
fn an_encrypted_key_needs_its_passphrase_and_says_so() {
    let repo = Repo::new();
    std::fs::write(repo.path().join("phrase"), "correct horse\n").unwrap();
    std::fs::write(repo.path().join("wrong"), "battery\n").unwrap();
    for name in ["phrase", "wrong"] {
        std::fs::set_permissions(repo.path().join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    repo.run(&["key", "generate", "--out", "k", "--passphrase-file", "phrase"]).ok();
    assert!(text(repo.path().join("k")).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let shown = show(&repo, "k", &["--passphrase-file", "phrase"]);
    assert_eq!(shown["keyid"], show(&repo, "k.pub", &[])["keyid"]);
    for (args, code, said) in [
        (&["key", "show", "k"][..], 3, "--passphrase-file"),
        (&["key", "show", "k", "--passphrase-file", "wrong"], 3, "the passphrase does not open it"),
        (&["key", "generate", "--out", "other"], 2, "--passphrase-file"),
    ] {
        let ran = repo.run(args);
        assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.replace("\n ", "").contains(said), "{args:?}: {}", ran.stderr);
    }
    assert!(!repo.path().join("other").exists() && !repo.path().join("other.pub").exists());
}

#[test]
fn keys_of_openssh_are_read_as_they_are() {
    let repo = Repo::new();
    std::fs::write(repo.path().join("phrase"), "correct horse\n").unwrap();
    for (name, passphrase) in [("id_plain", ""), ("id_locked", "correct horse")] {
        ssh_keygen(&repo, name, "ed25519", passphrase);
        let line = text(repo.path().join(format!("{name}.pub")));
        // The public part of an OpenSSH key is not encrypted.
        for file in [name.to_owned(), format!("{name}.pub")] {
            assert_eq!(show(&repo, &file, &[])["public"], public_of_line(&line).as_str(), "{file}");
        }
    }
    // Used to sign: as the online key of a repository, plain and encrypted.
    for (name, passphrase) in [("id_plain", None), ("id_locked", Some("phrase"))] {
        sign_with(&repo, &repo.path().join(name), passphrase.map(|name| repo.path().join(name)));
    }
}

/// Loads the key as the library does and checks a signature of it.
fn sign_with(repo: &Repo, path: &Path, passphrase: Option<PathBuf>) {
    use tuffet::keys::{Signer as _, file};
    let ask = |_: &Path| match &passphrase {
        Some(path) => Ok(zeroize_line(path)),
        None => Err("nobody is here".to_owned()),
    };
    let key = file::load(path, &ask).unwrap();
    let signature = key.sign(b"message").unwrap();
    let public = tuffet::trust::signature::PublicKey::read(key.key()).unwrap();
    public.verify(b"message", &signature.sig).unwrap();
    let shown = show(repo, path.file_name().unwrap().to_str().unwrap(), &[]);
    assert_eq!(shown["keyid"], key.keyid().as_str());
}

fn zeroize_line(path: &Path) -> tuffet::keys::pem::Passphrase {
    tuffet::keys::pem::Passphrase::new(text(path.to_owned()).trim().to_owned())
}

#[test]
fn what_cannot_sign_for_tuf_is_refused_with_the_reason() {
    let repo = Repo::new();
    ssh_keygen(&repo, "id_rsa", "rsa", "");
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-t", "ecdsa", "-b", "384", "-N", "", "-f"]).arg(repo.path().join("id_ecdsa"));
    clients::run(&mut command, "ssh-keygen, from Debian's openssh-client");
    // A line of a key in a token, as OpenSSH writes it; no token is at hand to make one.
    let sk = "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAICFo/k5LU8863u66YC9eUO2170QduohPURkQnbLa/dczAAAABHNzaDo= x\n";
    std::fs::write(repo.path().join("id_sk.pub"), sk).unwrap();
    let plain = text({
        ssh_keygen(&repo, "id", "ed25519", "");
        repo.path().join("id")
    });
    std::fs::write(repo.path().join("torn"), &plain[..plain.len() / 2]).unwrap();
    std::fs::write(repo.path().join("other"), "hello\n").unwrap();
    for (file, said) in [
        ("id_rsa", "ssh-rsa"),
        ("id_rsa.pub", "ssh-rsa"),
        ("id_ecdsa", "ecdsa-sha2-nistp384"),
        ("id_sk.pub", "security token"),
        ("torn", "cut short"),
        ("other", "no PKCS#8 key"),
        ("nowhere", "there is no key file"),
    ] {
        let ran = repo.run(&["key", "show", file]);
        assert_eq!(ran.code, 3, "{file}: {}", ran.stderr);
        assert!(ran.stderr.replace("\n ", "").contains(said), "{file}: {}", ran.stderr);
    }
}

/// The numbers stand in the file, so that whoever wrote it could have its reader compute for hours, or fill the memory.
#[test]
fn a_key_that_nobody_could_wait_for_is_refused_before_a_passphrase_is_asked_for() {
    let repo = Repo::new();
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/key-file");
    for (seed, said, way_out) in [
        ("hostile-scrypt-n-2-to-30", "scrypt with N = 1073741824, r = 8 and p = 1", "openssl pkcs8 -topk8"),
        ("hostile-scrypt-n-2-to-63", "scrypt with N = 9223372036854775808", "openssl pkcs8 -topk8"),
        ("hostile-scrypt-p-65535", "scrypt with N = 2, r = 128 and p = 65535", "openssl pkcs8 -topk8"),
        ("hostile-scrypt-n-0", "no PKCS#8 key", ""),
        ("hostile-scrypt-n-1", "no PKCS#8 key", ""),
        ("hostile-pbkdf2-2-to-32", "4294967295 iterations of PBKDF2", "openssl pkcs8 -topk8"),
        ("hostile-bcrypt-2-to-32", "4294967295 rounds of bcrypt", "ssh-keygen -p -a 100"),
    ] {
        std::fs::copy(seeds.join(seed), repo.path().join("key")).unwrap();
        std::fs::set_permissions(repo.path().join("key"), std::fs::Permissions::from_mode(0o600)).unwrap();
        let ran = repo.run(&["key", "show", "key"]);
        assert_eq!(ran.code, 3, "{seed}: {}", ran.stderr);
        let stderr = ran.stderr.replace("\n ", "");
        assert!(stderr.contains(said) && stderr.contains(way_out), "{seed}: {stderr}");
    }
}
