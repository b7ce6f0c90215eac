//! No secret leaves its file: everything that runs write and say is searched for every private key that they used, in each
//! form in which it could be there.

use super::ceremonies::{Safe, prepare};
use super::support::author::{Author, wheel};
use super::support::{Ran, Repo, files_below};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Base64 as RFC 4648 has it, without padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            out.push(DIGITS[(number >> (18 - 6 * digit) & 63) as usize] as char);
        }
    }
    out
}

/// The seed in a plain PKCS#8 file of an Ed25519 key: its last 32 bytes (RFC 8410 section 7).
fn seed(path: &Path) -> [u8; 32] {
    let (_, der) = pkcs8::SecretDocument::from_pem(&std::fs::read_to_string(path).unwrap()).unwrap();
    der.as_bytes()[der.as_bytes().len() - 32..].try_into().unwrap()
}

/// Each form in which 32 secret bytes could stand somewhere.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = hex::encode(secret);
    let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    // In base64 it looks otherwise by where in a group of three bytes it begins; the digits at its ends hold neighbours, too.
    for before in 0..3 {
        let text = base64(&[&vec![0; before][..], secret].concat());
        let inside = text[if before == 0 { 0 } else { before + 1 }..text.len() - 1].to_owned();
        forms.push(inside.replace('+', "-").replace('/', "_").into_bytes());
        forms.push(inside.into_bytes());
    }
    // As Rust prints bytes.
    let numbers: Vec<String> = secret.iter().map(ToString::to_string).collect();
    forms.push(numbers.join(", ").into_bytes());
    forms
}

/// The secrets of a seed: itself, and the two halves of what is made of it for signing (RFC 8032 section 5.1.5).
fn secrets(seed: &[u8; 32]) -> Vec<Vec<u8>> {
    let expanded = sha2::Sha512::digest(seed);
    let mut scalar = expanded[..32].to_vec();
    scalar[0] &= 248;
    scalar[31] = scalar[31] & 127 | 64;
    [&seed[..], &expanded[..32], &scalar, &expanded[32..]].iter().flat_map(|secret| forms(secret)).collect()
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

#[test]
fn no_run_writes_or_says_a_private_key() {
    let repo = Repo::with_config(
        "[source]\npath = \"dists\"\n[site]\ncompress = [\"gz\"]\n[keys]\ninsecure_plain = true\n",
    );
    let mut said: Vec<(String, Ran)> = Vec::new();
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    let mut run = |args: &[&str]| {
        let ran = Ran::of(repo.command(args).env("RUST_BACKTRACE", "full").output().unwrap());
        said.push((args.join(" "), ran));
    };
    run(&["build", "--init", "-v"]);
    run(&["build", "--format", "json"]);
    let author = Author::known(11);
    let register = format!("cheese={}", author.keyid());
    let zip = author.sign("cheese", &["1.0"], None, &[]);
    run(&["project", "accept", zip.to_str().unwrap(), "--register", &register, "-v"]);
    let safe = Safe::with(&repo, &["admin-1", "root-1", "root-2"]);
    let (_, file) = prepare(&repo, &["--rotate", "online"]);
    let next = repo.path().join(".tuffet/online.next.key");
    let shown = repo.run(&["key", "show", next.to_str().unwrap(), "--format", "json"]).ok().json();
    let trust = format!("online={}", shown["keyid"].as_str().unwrap());
    let (code, signed_said, signed) = safe.sign(&file, &["--confirm-all", "--trust", &trust]);
    assert_eq!(code, 0, "{signed_said}");
    let ledger = safe.ledger();
    run(&["ceremony", "show", signed.to_str().unwrap(), "--ledger", ledger.to_str().unwrap()]);
    run(&["ceremony", "apply", signed.to_str().unwrap(), "--format", "json"]);
    for args in [
        &["build", "-v"][..],
        &["status", "-v"],
        &["status", "--format", "prometheus"],
        &["explain", "cheese", "--format", "json"],
        &["compromise", "--holding", "online"],
        &["verify", "--strict"],
        &["sweep", "-v"],
        &["key", "show", ".tuffet/online.key"],
        &["key", "show", "offline-keys/admin-1.key", "--format", "json"],
    ] {
        run(args);
    }
    for (args, ran) in &said {
        assert_eq!(ran.code, 0, "{args}: {ran:?}");
    }
    // A key file that is damaged, cut short, of others, or of another kind is spoken of, and not shown.
    let online = repo.path().join(".tuffet/online.key");
    let whole = std::fs::read_to_string(&online).unwrap();
    let damaged = [
        whole[..whole.len() / 2].to_owned(),
        whole.replace("PRIVATE", "PUBLIC"),
        whole.replace("MC4C", "MC4D"),
        format!("{whole}{whole}"),
    ];
    for text in &damaged {
        std::fs::write(&online, text).unwrap();
        for args in [&["build", "-v"][..], &["key", "show", ".tuffet/online.key"]] {
            said.push((
                args.join(" "),
                Ran::of(repo.command(args).env("RUST_BACKTRACE", "full").output().unwrap()),
            ));
        }
    }
    std::fs::write(&online, &whole).unwrap();
    let refused = said.iter().filter(|(_, ran)| ran.code != 0).count();
    assert!(refused >= 6, "{refused}");

    // Every private key there is, with where it may be.
    let mut keys: BTreeMap<[u8; 32], Vec<String>> = BTreeMap::new();
    let places = [repo.path(), author.path(), safe.path()];
    for place in places {
        for name in files_below(place).into_iter().filter(|name| name.ends_with(".key")) {
            keys.entry(seed(&place.join(&name))).or_default().push(name.clone());
            let mode = std::fs::metadata(place.join(&name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{name} may be read by others");
        }
    }
    assert!(keys.len() >= 8, "root, administrators, online, the next online, the author: {keys:?}");
    let mut searched = 0;
    for (seed, files) in &keys {
        let needles = secrets(seed);
        // The search itself: the file of the key is found by it.
        let own = places.iter().find_map(|place| std::fs::read(place.join(&files[0])).ok()).unwrap();
        assert!(needles.iter().any(|needle| holds(&own, needle)), "{files:?}");
        for place in places {
            for name in files_below(place).into_iter().filter(|name| !name.ends_with(".key")) {
                let bytes = std::fs::read(place.join(&name)).unwrap();
                let unpacked =
                    tuffet::model::Compression::Gzip.decompress(&bytes, 1 << 24).unwrap_or_default();
                for text in [&bytes, &unpacked] {
                    assert!(
                        !needles.iter().any(|needle| holds(text, needle)),
                        "{name} holds the key of {files:?}"
                    );
                }
                searched += 1;
            }
        }
        for (args, ran) in &said {
            for text in [&ran.stdout, &ran.stderr] {
                assert!(
                    !needles.iter().any(|needle| holds(text.as_bytes(), needle)),
                    "{args} said {files:?}"
                );
            }
        }
        assert!(!needles.iter().any(|needle| holds(signed_said.to_string().as_bytes(), needle)));
    }
    println!(
        "{} keys, {} outputs and {searched} looks at files: none of them holds a secret",
        keys.len(),
        said.len()
    );
}
