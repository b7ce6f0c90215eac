//! A repository whose keys everybody knows: golden bytes, and trees that an attacker with a key
//! could sign.

use super::Repo;
use serde_json::Value;
use tuffet::keys::{Ed25519, Signer, pem};
use tuffet::model::{BinCount, RoleName, canonical};
use tuffet::runs::init::{self, Keys, Quorum, Request, Source};
use tuffet::trust::Lives;

/// When it was made.
pub(crate) const MADE: &str = "2026-01-01T00:00:00Z";

/// The key of a number: 1 to 3 are root's, 4 and 5 the administrators', 6 is the online key.
pub(crate) fn key(number: u8) -> Ed25519 {
    Ed25519::from_seed(&[number; 32])
}

/// The repository, with two bins and nothing in them.
pub(crate) fn repo() -> Repo {
    let repo = Repo::with_config(
        "[source]\npath = \"dists\"\n[index]\nformats = []\n[keys]\ninsecure_plain = true\n",
    );
    let boxed = |number| Box::new(key(number)) as Box<dyn Signer>;
    let keys = Keys { root: [1, 2, 3].map(boxed).into(), admin: [4, 5].map(boxed).into(), online: boxed(6) };
    let (site, state) = (repo.site(), repo.path().join(".tuffet"));
    let request = Request {
        site: &site,
        state: &state,
        keys_dir: &repo.path().join("offline-keys"),
        root_keys: Quorum { keys: 3, threshold: 2, source: Source::Given },
        admin_keys: Quorum { keys: 2, threshold: 1, source: Source::Given },
        bins: BinCount::new(2).unwrap(),
        compress: &[],
        lives: &Lives::default(),
        now: MADE.parse().unwrap(),
    };
    init::publish_first(&request, &keys).unwrap();
    let online = pem::write(&key(6).into(), None).unwrap();
    tuffet::disk::write::write_secret(&state.join("online.key"), online.as_bytes()).unwrap();
    repo
}

/// Changes what a metadata file says and signs it again with these keys. Snapshot and timestamp
/// list the new bytes where they list any.
pub(crate) fn resign(repo: &Repo, file: &str, signers: &[u8], change: impl Fn(&mut Value)) {
    resign_one(repo, file, signers, &change);
}

fn resign_one(repo: &Repo, file: &str, signers: &[u8], change: &dyn Fn(&mut Value)) {
    let path = repo.site().join("metadata").join(file);
    let mut signed = repo.signed(file);
    change(&mut signed);
    let covered = canonical::to_canonical(&signed).unwrap();
    // The administrators have a key of their own for each of these roles.
    let role: RoleName = file.split('.').nth(1).unwrap().parse().unwrap_or_else(|_| RoleName::root());
    let apart = [RoleName::claimed(), RoleName::unclaimed()].contains(&role);
    let sign = |number: &u8| match key(*number).of_role(&role).filter(|_| apart && [4, 5].contains(number)) {
        Some(key) => key.sign(&covered).unwrap(),
        None => key(*number).sign(&covered).unwrap(),
    };
    let signatures: Vec<_> = signers.iter().map(sign).collect();
    let bytes =
        canonical::to_canonical(&serde_json::json!({"signatures": signatures, "signed": signed})).unwrap();
    std::fs::write(path, &bytes).unwrap();
    if file.ends_with(".snapshot.json") {
        resign_one(repo, "timestamp.json", &[6], &|timestamp| {
            let meta = &mut timestamp["meta"]["snapshot.json"];
            meta["length"] = bytes.len().into();
            meta["hashes"]["sha256"] = tuffet::model::Sha256::of(&bytes).to_string().into();
        });
    }
}
