//! Instructions of the hot paths, counted by callgrind: the same on a quiet machine and on a noisy one.
//!
//! `cargo bench --bench counts` counts, and holds what it counts against `benches/counts.tsv`: it fails where a path takes
//! a twentieth more than is kept there. `-- --keep` keeps what was counted. Needs valgrind. Counts differ between
//! compilers and processors; the file says of which they are.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement stops where something is not as it should be, and says what it found"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use tuffet::keys::{Ed25519, Signer as _};
use tuffet::model::{
    BinCount, BinFile, Delegations, EntryRef, Key, KeyId, Metadata as _, Moment, RoleKeys, RoleMeta,
    RoleName, Sha256, Snapshot, TargetPath, Targets, Version, bin_file,
};
use tuffet::pipeline::inventory::{self, Names};
use tuffet::report::Silent;
use tuffet::trust::judge::Expectation;
use tuffet::trust::lookup::{Known, Roles};

/// A path that is hot where there are millions of targets: what one unit of it is, how many units a round has, and what
/// does rounds of it.
type Hot = (&'static str, &'static str, u64, fn(usize));

const HOT: [Hot; 8] = [
    ("list", "row of a list, to its place in the catalogue", 5_000, list),
    ("write", "target written into a bin", 1_000, |rounds| {
        let targets = targets(1_000);
        (0..rounds).for_each(|_| drop(black_box(written(&targets))));
    }),
    ("parse", "target read from a bin", 1_000, parse),
    ("sign", "KB signed, eight bins of 200 KB at a time", 1_600, sign),
    ("accept", "KB verified", 200, accept),
    ("search", "search for a target in 16,384 bins", 1_000, search),
    ("snapshot", "role written into a snapshot", 16_384, snapshot),
    ("bin-of", "path hashed to its bin", 1_000, |rounds| {
        let (targets, bins) = (targets(1_000), BinCount::new(16_384).unwrap());
        for _ in 0..rounds {
            for (path, _) in &targets {
                black_box(bins.bin_of(&path.digest()));
            }
        }
    }),
];

fn targets(count: usize) -> Vec<(TargetPath, Sha256)> {
    let target = |number: usize| {
        let path = format!("packages/project-{number:05}/project_{number:05}-1.2.3-py3-none-any.whl");
        (path.parse().unwrap(), Sha256::of(path.as_bytes()))
    };
    (0..count).map(target).collect()
}

fn moment() -> Moment {
    "2030-01-01T00:00:00Z".parse().unwrap()
}

fn key() -> Ed25519 {
    Ed25519::from_seed(&[7; 32])
}

fn written(targets: &[(TargetPath, Sha256)]) -> (Vec<u8>, bin_file::Parts) {
    let mut out = Vec::new();
    let entries = targets.iter().map(|(path, digest)| EntryRef {
        path: path.as_str(),
        length: 12_345,
        digest: *digest,
    });
    let parts = bin_file::write(&mut out, &keyid(), Version::FIRST, moment(), entries);
    (out, parts)
}

fn keyid() -> KeyId {
    key().keyid().clone()
}

fn list(rounds: usize) {
    let mut text = String::new();
    for (path, digest) in targets(5_000) {
        writeln!(text, "{path}\t12345\t{digest}").unwrap();
    }
    let path = std::env::temp_dir().join(format!("tuffet-counts-{}.tsv", std::process::id()));
    std::fs::write(&path, text).unwrap();
    let bins = BinCount::new(16_384).unwrap();
    for _ in 0..rounds {
        black_box(inventory::catalogue(std::slice::from_ref(&path), Names::Targets, bins, &Silent).unwrap());
    }
    std::fs::remove_file(path).unwrap();
}

fn parse(rounds: usize) {
    let (file, _) = written(&targets(1_000));
    for _ in 0..rounds {
        black_box(BinFile::parse(&file).unwrap().targets().count());
    }
}

fn sign(rounds: usize) {
    let messages: Vec<Vec<u8>> = (0..8_u8).map(|number| vec![number; 200_000]).collect();
    let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
    // The lanes prove themselves once.
    black_box(key().sign_all(&messages).unwrap());
    for _ in 0..rounds {
        black_box(key().sign_all(&messages).unwrap());
    }
}

fn accept(rounds: usize) {
    let (mut file, parts) = written(&targets(1_150));
    let signature = key().sign(&file[parts.covered.clone()]).unwrap();
    file[parts.signature].copy_from_slice(signature.sig.as_bytes());
    let keys = BTreeMap::from([(keyid(), Key::ed25519(&key().public_bytes()))]);
    let (role, signers) = (BinCount::new(16).unwrap().role(3), RoleKeys::new(vec![keyid()], 1));
    let expected = Expectation { role: &role, keys: &keys, signers: &signers, meta: None };
    for _ in 0..rounds {
        black_box(tuffet::trust::bin::straight(&file, &expected).unwrap());
    }
}

fn search(rounds: usize) {
    let bins = BinCount::new(16_384).unwrap();
    let names: Vec<RoleName> = (0..bins.get()).map(|index| bins.role(index)).collect();
    let roles = (0..bins.get()).map(|index| {
        tuffet::model::DelegatedRole::by_hash(bins.role(index), vec![keyid()], 1, bins.prefixes(index))
    });
    let delegations = Delegations { roles: roles.collect(), ..Delegations::default() };
    let top = Targets::new(Version::FIRST, moment(), BTreeMap::new(), Some(delegations));
    let name = RoleName::targets();
    let leaves = names.iter().map(|name| (name, Known::Leaf));
    let roles = Roles::new(std::iter::once((&name, Known::Whole(&top))).chain(leaves));
    let targets = targets(1_000);
    for _ in 0..rounds {
        for (path, _) in &targets {
            assert!(black_box(roles.search(path, &|_| true)).found.is_some());
        }
    }
}

fn snapshot(rounds: usize) {
    let bins = BinCount::new(16_384).unwrap();
    let meta = |index| (bins.role(index), RoleMeta::of_role(Version::new(7).unwrap(), 200_000));
    let snapshot = Snapshot::new(Version::FIRST, moment(), (0..bins.get()).map(meta).collect());
    for _ in 0..rounds {
        black_box(snapshot.to_canonical().unwrap());
    }
}

/// The instructions of one unit, in hundredths: those that a second round takes.
fn count(name: &str, units: u64) -> u64 {
    let of = |rounds: &str| -> u64 {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(std::env::current_exe().unwrap())
            .args(["--one", name, rounds])
            .env("RAYON_NUM_THREADS", "1")
            .output();
        let output = output.unwrap_or_else(|error| panic!("valgrind: {error}; install the package valgrind"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        let line = said.lines().find_map(|line| line.split_once("Collected :")).unwrap();
        line.1.trim().parse().unwrap()
    };
    (of("2") - of("1")) * 100 / units
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/counts.tsv")
}

/// What was kept, by the name of the path.
fn kept() -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(file()).unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut columns = line.split('\t');
        let (name, count) = (columns.next()?, columns.next()?);
        Some((name.to_owned(), (count.parse::<f64>().ok()? * 100.0).round() as u64))
    });
    lines.collect()
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [one, name, rounds] = &args[..]
        && one == "--one"
    {
        let (.., work) = HOT.iter().find(|(other, ..)| other == name).unwrap();
        work(rounds.parse().unwrap());
        return;
    }
    let rustc = Command::new("rustc").arg("--version").output().unwrap();
    let mut text = format!(
        "# Instructions of a unit, by `cargo bench --bench counts -- --keep`; {}, {}\n",
        String::from_utf8_lossy(&rustc.stdout).trim(),
        if cfg!(debug_assertions) { "unoptimised" } else { "release" }
    );
    let kept = kept();
    let mut worse = Vec::new();
    for (name, unit, units, _) in HOT {
        let now = count(name, units);
        let of = |count: u64| count as f64 / 100.0;
        let before = kept.get(name).copied();
        let change = before.map_or(String::from("new"), |before| {
            format!("{:+.1} %", 100.0 * (of(now) / of(before.max(1)) - 1.0))
        });
        println!("{name:10} {:>12.2} {change:>9}  a {unit}", of(now));
        writeln!(text, "{name}\t{:.2}\t{unit}", of(now)).unwrap();
        if before.is_some_and(|before| now * 20 > before * 21) {
            worse.push(name);
        }
    }
    if args.iter().any(|arg| arg == "--keep") {
        std::fs::write(file(), text).unwrap();
    } else {
        assert!(worse.is_empty(), "more instructions than benches/counts.tsv says: {}", worse.join(", "));
    }
}
