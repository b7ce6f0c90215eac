//! Signers that do not do what they should: an ssh-agent that answers with something else, refuses, hangs or goes away.
//! Nothing of it is ever public.

use super::support::author::{Author, wheel};
use super::support::{Ran, Repo, known, snapshot_of};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use tuffet::keys::{Signer as _, openssh};

/// What an agent does when it is asked to sign.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Does {
    /// What it should.
    Right,
    /// It signs another message.
    Another,
    /// It signs with another key.
    AnothersKey,
    /// It flips one bit.
    Bit,
    /// It answers with a signature of no kind that is known.
    Nonsense,
    Refuses,
    Hangs,
    GoesAway,
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    out.extend(bytes);
}

fn take<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let (length, tail) = rest.split_first_chunk::<4>().unwrap();
    let (bytes, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
    *rest = tail;
    bytes
}

/// An agent with one key, which does this from the signature `from` on; gives its socket.
fn agent(folder: &Path, number: u8, does: Does, from: usize) -> PathBuf {
    let socket = folder.join(format!("agent-{does:?}-{from}"));
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || listener.incoming().for_each(|one| serve(one.unwrap(), number, does, from)));
    socket
}

fn serve(mut connection: UnixStream, number: u8, does: Does, from: usize) {
    let key = known::key(number);
    let public = ssh_key::PublicKey::from(KeyData::Ed25519(Ed25519PublicKey(key.public_bytes())));
    let blob = public.to_bytes().unwrap();
    let mut signatures = 0;
    loop {
        let mut length = [0; 4];
        if connection.read_exact(&mut length).is_err() {
            return;
        }
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        connection.read_exact(&mut request).unwrap();
        let mut answer = Vec::new();
        if request[0] == 11 {
            answer.extend([12, 0, 0, 0, 1]);
            put(&mut answer, &blob);
            put(&mut answer, b"a key");
        } else {
            let mut rest = &request[1..];
            assert_eq!(take(&mut rest), blob);
            let message = take(&mut rest);
            let does = if signatures < from { Does::Right } else { does };
            signatures += 1;
            let sign = |number: u8, message: &[u8]| {
                hex::decode(known::key(number).sign(message).unwrap().sig).unwrap()
            };
            let mut signature = sign(number, message);
            match does {
                Does::Right | Does::Nonsense | Does::Refuses => {}
                Does::Another => signature = sign(number, b"something else"),
                Does::AnothersKey => signature = sign(99, message),
                Does::Bit => signature[40] ^= 4,
                Does::Hangs => std::thread::sleep(std::time::Duration::from_secs(600)),
                Does::GoesAway => return,
            }
            let mut inner = Vec::new();
            put(&mut inner, if does == Does::Nonsense { b"ssh-dss" } else { b"ssh-ed25519" });
            put(&mut inner, &signature);
            answer.push(if does == Does::Refuses { 5 } else { 14 });
            if does != Does::Refuses {
                put(&mut answer, &inner);
            }
        }
        let mut whole = Vec::new();
        put(&mut whole, &answer);
        connection.write_all(&whole).unwrap();
    }
}

/// What each of them makes a run say.
const FAULTS: [(Does, &str); 7] = [
    (Does::Another, "is no signature of its own"),
    (Does::AnothersKey, "is no signature of its own"),
    (Does::Bit, "is no signature of its own"),
    (Does::Nonsense, "no signature of this kind"),
    (Does::Refuses, "the ssh-agent refused"),
    (Does::Hangs, "did not answer within 1 s (--signer-timeout)"),
    (Does::GoesAway, "the ssh-agent went away"),
];

fn says(ran: &Ran, said: &str) {
    let flowing = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(ran.code == 3 && flowing.contains(said), "{said}: {ran:?}");
}

#[test]
fn a_signer_that_is_at_fault_stops_a_build_before_anything_is_public() {
    let repo = known::repo();
    let now = ["--now", known::MADE];
    let key = repo.path().join(".tuffet/online.key");
    // The online key, as its public half: the other one is in an agent.
    let line = openssh::public_line(known::key(6).key(), "online").unwrap();
    std::fs::write(&key, format!("{line}\n")).unwrap();
    repo.add_wheel(1);
    let build = |socket: &Path, more: &[&str]| {
        let mut command = repo.command(&[&["build", "--signer-timeout", "1s"][..], &now, more].concat());
        Ran::of(command.env("SSH_AUTH_SOCK", socket).output().unwrap())
    };
    let before = snapshot_of(&repo.site().join("metadata"));
    for (does, said) in FAULTS {
        // At the first signature, and when there are some already.
        for from in [0, 2] {
            says(&build(&agent(repo.path(), 6, does, from), &[]), said);
            assert_eq!(snapshot_of(&repo.site().join("metadata")), before, "{does:?} after {from}");
        }
    }
    // An agent that is not there, and one with another key.
    says(&build(&repo.path().join("nowhere"), &[]), "does not answer");
    says(&build(&agent(repo.path(), 7, Does::Right, 0), &[]), "does not hold this key");
    build(&agent(repo.path(), 6, Does::Right, 1), &[]).ok();
    repo.run(&[&["verify", "--strict"][..], &now].concat()).ok();
}

#[test]
fn a_signer_that_is_at_fault_leaves_no_submission() {
    let author = Author::known(11);
    let public = author.path().join("author.pub");
    let line = openssh::public_line(known::key(11).key(), "author").unwrap();
    std::fs::write(&public, format!("{line}\n")).unwrap();
    let dist = author.dist("cheese", &["1.0"]);
    let args =
        ["author", "sign", "cheese", "--dist", dist.to_str().unwrap(), "--key", public.to_str().unwrap()];
    let args = [&args[..], &["--out", "cheese.zip", "--signer-timeout", "1s"]].concat();
    for (does, said) in FAULTS {
        let mut command = author.command(&args);
        command.env("SSH_AUTH_SOCK", agent(author.path(), 11, does, 0));
        says(&Ran::of(command.output().unwrap()), said);
        assert!(!author.path().join("cheese.zip").exists(), "{does:?}");
    }
    let mut command = author.command(&args);
    command.env("SSH_AUTH_SOCK", agent(author.path(), 11, Does::Right, 0));
    Ran::of(command.output().unwrap()).ok();
}

#[test]
fn what_is_wrong_with_a_key_file_is_told_apart_and_nothing_is_published() {
    for kind in ["ed25519", "p256"] {
        let repo = Repo::with_config("[source]\npath = \"dists\"\n[index]\nformats = []\n");
        let (name, bytes) = wheel("milk", "1.0");
        repo.add(&name, &bytes);
        let secret = |name: &str, text: &str| {
            let path = repo.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        secret("right", "correct horse\n");
        secret("wrong", "battery\n");
        let phrase = ["--passphrase-file", "right"];
        for file in ["online.key", "other.key"] {
            repo.run(&[&["key", "generate", "--kind", kind, "--out", file][..], &phrase].concat()).ok();
        }
        repo.run(&[&["init", "--online-key", "online.key"][..], &phrase].concat()).ok();
        let key = repo.path().join(".tuffet/online.key");
        let whole = std::fs::read_to_string(&key).unwrap();
        assert_eq!(whole, std::fs::read_to_string(repo.path().join("online.key")).unwrap());
        let other = std::fs::read_to_string(repo.path().join("other.key")).unwrap();
        let before = snapshot_of(&repo.site());
        let table: [(&str, &str, u32, &str); 7] = [
            (&whole, "wrong", 0o600, "the passphrase does not open it"),
            (&whole, "", 0o600, "is encrypted, and there is no passphrase for it"),
            (&other, "right", 0o600, "may not sign"),
            (&whole[..whole.len() / 2], "right", 0o600, "cut short"),
            ("", "right", 0o600, "cut short"),
            (&whole, "right", 0o640, "may be read by others (mode 640)"),
            (&whole, "right", 0o604, "may be read by others (mode 604)"),
        ];
        for (text, phrase, mode, said) in table {
            std::fs::write(&key, text).unwrap();
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
            let phrase = if phrase.is_empty() { vec![] } else { vec!["--passphrase-file", phrase] };
            says(&repo.run(&[&["build"][..], &phrase].concat()), said);
            assert_eq!(snapshot_of(&repo.site()), before, "{kind}: {said}");
        }
        std::fs::remove_file(&key).unwrap();
        says(&repo.run(&[&["build"][..], &phrase].concat()), "there is no key file");
        secret(".tuffet/online.key", &whole);
        assert_eq!(repo.build(&phrase)["published"], true);
    }
}
