//! How much of an index's downloads is safe from whoever holds the online key, when the authors of its most
//! downloaded projects have claimed them; and how long it takes to judge every project of an index like PyPI.
//!
//! `TUFFET_NAMES=pypi-names.tsv.gz cargo bench --bench compromise` reads a compressed table with the columns name,
//! month of the last release, and rank by downloads, where that is known. Names without a rank come after those, the
//! latest release first. A project weighs 1/rank. Without the variable nothing is measured.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement stops where something is not as it should be, and says what it found"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::{Duration, Instant};
use tuffet::keys::{Ed25519, Signer};
use tuffet::model::forms::{self, Edition, ListForm};
use tuffet::model::{
    BinCount, Envelope, Hand, Hands, Holders, KeyId, Metadata, Moment, ProjectName, RoleKeys, RoleMeta,
    RoleName, Root, Snapshot, Targets, Timestamp, Version, canonical, shards,
};
use tuffet::trust::compromise::{Evidence, Holding, Judge, Subject};
use tuffet::trust::{Lives, Standing, Verified, verified};

/// What each claim share is compared with: Diplomat (NSDI 2016), by the logs of PyPI.
const DIPLOMAT: [(&str, f64); 3] = [("1 %", 73.0), ("10 %", 96.0), ("all", 99.33)];

fn main() {
    let Some(path) = std::env::var_os("TUFFET_NAMES") else {
        println!("TUFFET_NAMES names no table: nothing is measured");
        return;
    };
    let ranked = ranked(std::path::Path::new(&path));
    let all: f64 = (1..=ranked.len()).map(weight).sum();
    println!("{} names", ranked.len());
    println!("claimed    safe share    Diplomat    lists judged in    projects judged in");
    for (share, diplomat) in DIPLOMAT {
        let claimed = match share {
            "1 %" => ranked.len() / 100,
            "10 %" => ranked.len() / 10,
            _ => ranked.len(),
        };
        let (safe, lists, projects) = measure(&ranked, claimed);
        let share_safe = 100.0 * safe / all;
        println!("{share:<9}  {share_safe:>8.2} %  {diplomat:>8.2} %  {lists:>15.2?}  {projects:>20.2?}");
    }
}

/// What the project of a rank weighs.
fn weight(rank: usize) -> f64 {
    1.0 / f64::from(u32::try_from(rank).expect("there are fewer names"))
}

/// Every name, the most downloaded first.
fn ranked(path: &std::path::Path) -> Vec<ProjectName> {
    let file = std::fs::File::open(path).expect("TUFFET_NAMES can be opened");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).expect("it is compressed text");
    let mut lines: Vec<(u64, std::cmp::Reverse<&str>, &str)> = text
        .lines()
        .skip(1)
        .filter_map(|line| {
            let mut columns = line.split('\t');
            let (name, month, rank) = (columns.next()?, columns.next()?, columns.next().unwrap_or_default());
            Some((rank.parse().unwrap_or(u64::MAX), std::cmp::Reverse(month), name))
        })
        .collect();
    lines.sort_unstable();
    let mut seen = BTreeSet::new();
    let names = lines.into_iter().filter_map(|(.., name)| ProjectName::normalise(name).ok());
    names.filter(|name| seen.insert(name.clone())).collect()
}

fn seal<T: Metadata>(signed: T, key: &dyn Signer) -> Envelope<T> {
    let sign =
        |covered: &[u8]| Ok::<_, canonical::Error>(vec![key.sign(covered).expect("keys in memory sign")]);
    Envelope::seal(signed, sign).expect("roles have a canonical form")
}

fn keys(all: &[&Ed25519]) -> BTreeMap<KeyId, tuffet::model::Key> {
    all.iter().map(|key| (key.keyid().clone(), key.key().clone())).collect()
}

/// Judges every project where the first `claimed` have been so for long; gives what is safe by weight, and how long
/// it took to judge the lists, and the projects.
fn measure(ranked: &[ProjectName], claimed: usize) -> (f64, Duration, Duration) {
    let now = Moment::from_unix(1_780_000_000).expect("a moment of this century");
    let day = Duration::from_secs(86_400);
    let (online, admin, author) =
        (Ed25519::from_seed(&[1; 32]), Ed25519::from_seed(&[2; 32]), Ed25519::from_seed(&[3; 32]));
    let (one, of_online, of_admin) =
        (Version::FIRST, vec![online.keyid().clone()], vec![admin.keyid().clone()]);
    let role = |name: &str| name.parse::<RoleName>().expect("a name of a role");
    let mut roles: BTreeMap<RoleName, Envelope<Targets>> = BTreeMap::new();
    let holders = |key: &Ed25519| Holders::new(keys(&[key]), 1);
    let hand = Hand::apart(holders(&admin));
    let hands = Hands { claimed: hand.clone(), unclaimed: hand };
    let edition = Edition { version: one, expires: now.plus(day * 7) };
    let of_role = |name: &RoleName| admin.of_role(name).expect("its key is of prime order");
    let mut names: Vec<ProjectName> = ranked.iter().take(claimed).cloned().collect();
    names.sort();
    let mut lists = Vec::new();
    for shard in shards::shards(&names, 500) {
        let name = RoleName::claimed().shard(&shard.prefix).expect("a part of a name");
        let projects = shard.names.into_iter().map(|project| (project, holders(&author))).collect();
        roles.insert(name.clone(), seal(forms::list(edition, &projects), &of_role(&name)));
        lists.push(ListForm { role: name, shard: Some((shard.prefix, shard.reach)) });
    }
    let bins = forms::bins(edition, BinCount::new(16_384).expect("a power of two"), &holders(&online));
    roles.insert(RoleName::unclaimed(), seal(bins, &of_role(&RoleName::unclaimed())));
    let nobody = BTreeMap::new();
    roles.insert(RoleName::recently_claimed(), seal(forms::list(edition, &nobody), &online));
    let top = forms::top(edition, &lists, &hands, &holders(&online));
    roles.insert(RoleName::targets(), seal(top, &admin));
    let meta = roles.keys().map(|name| (name.clone(), RoleMeta::of_role(one, 0))).collect();
    let snapshot = seal(Snapshot::new(one, now.plus(day), meta), &online);
    let by = |ids: &Vec<KeyId>| RoleKeys::new(ids.clone(), 1);
    let top_level = [
        (role("root"), by(&of_admin)),
        (role("targets"), by(&of_admin)),
        (role("snapshot"), by(&of_online)),
        (role("timestamp"), by(&of_online)),
    ];
    let root = Root::new(one, now.plus(day * 300), keys(&[&online, &admin]), BTreeMap::from(top_level));
    let root = seal(root, &admin);
    let root: Verified<Root> =
        verified::verify(root, &keys(&[&admin]), &by(&of_admin)).expect("the root is signed");
    let timestamp = Timestamp::new(one, now.plus(day), one, b"");
    let (versions, lives) = (BTreeMap::new(), Lives::default());
    let roots = [root];
    let evidence = Evidence {
        roots: &roots,
        timestamp: &timestamp,
        snapshot: snapshot.signed(),
        snapshots: vec![&snapshot],
        roles: roles.iter().map(|(name, envelope)| (name.clone(), vec![envelope])).collect(),
        stand_ins: Vec::new(),
        versions: &versions,
        lives: &lives,
        now,
    };
    let holding = Holding::new(of_online.into_iter().collect());
    let begun = Instant::now();
    let judge = Judge::new(&evidence, &holding);
    let lists = begun.elapsed();
    let begun = Instant::now();
    let mut safe = 0.0;
    for (index, name) in ranked.iter().enumerate() {
        let standing = if index < claimed { Standing::Claimed } else { Standing::Unclaimed };
        let since = (index < claimed).then(|| now.minus(day * 200));
        let verdict = judge.verdict(&Subject { name, standing, asked: Vec::new(), since });
        if !verdict.malicious_update() {
            safe += weight(index + 1);
        }
    }
    (safe, lists, begun.elapsed())
}
