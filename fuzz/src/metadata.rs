//! Signed metadata of every kind.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Debug;
use tuffet::model::canonical::{is_canonical, value_to_canonical};
use tuffet::model::{
    BinFile, BinList, DelegatedRole, Entry, Envelope, Hands, Holders, Key, KeyId, Listing, Metadata,
    ProjectName, RoleKeys, RoleName, Root, Snapshot, SnapshotFile, TargetPath, Targets, Timestamp,
};
use tuffet::trust::judge::{Expectation, judge};
use tuffet::trust::{claim, signature::PublicKey, verified};

/// Reads it, and holds what was read against what any reader of JSON reads, and against itself.
fn read<T: Metadata + PartialEq + Debug>(bytes: &[u8]) -> Option<Envelope<T>> {
    let envelope = Envelope::<T>::parse(bytes).ok()?;
    let general: Value = serde_json::from_slice(bytes).expect("what is taken is JSON");
    let covered = value_to_canonical(&general["signed"]).expect("what is taken has a canonical form");
    assert_eq!(envelope.covered(), covered, "what is signed is what stands there");
    assert_eq!(general["signatures"].as_array().map(Vec::len), Some(envelope.signatures().len()));
    assert!(envelope.signed().version().number() > 0);
    // Unknown fields of signatures may be anything, and are signed by nobody.
    if let Ok(written) = envelope.to_bytes() {
        let again = Envelope::<T>::parse(&written).expect("what was written can be read");
        assert_eq!(again.covered(), envelope.covered());
        assert_eq!(again.signed(), envelope.signed());
        assert_eq!(again.signatures(), envelope.signatures());
    }
    Some(envelope)
}

/// Whatever it says, no key counts twice for a threshold.
fn verify<T: Metadata>(
    bytes: &[u8],
    envelope: &Envelope<T>,
    keys: &BTreeMap<KeyId, Key>,
    signers: &RoleKeys,
) {
    assert!(signers.threshold > 0);
    let role = RoleName::targets();
    let _ = judge::<T>(bytes, &Expectation { role: &role, keys, signers, meta: None });
    if verified::check(envelope, keys, signers).is_ok() {
        let named = signers.keyids.iter().filter_map(|id| PublicKey::read(keys.get(id)?).ok());
        let different: std::collections::BTreeSet<Vec<u8>> = named.map(|key| key.bytes().to_vec()).collect();
        assert!(different.len() >= signers.threshold as usize, "one key counted twice");
    }
}

pub(crate) fn root(bytes: &[u8]) {
    let Some(envelope) = read::<Root>(bytes) else { return };
    let root = envelope.signed();
    for (role, signers) in root.roles.iter().take(8) {
        verify(bytes, &envelope, &root.keys, signers);
        let holders = Holders::of_top(root, role);
        assert!(holders.ids().len() <= signers.keyids.len());
    }
    tuffet::trust::OnlineKeys::of(root).iter().count();
}

pub(crate) fn targets(bytes: &[u8]) {
    let Some(envelope) = read::<Targets>(bytes) else { return };
    let targets = envelope.signed();
    let project = ProjectName::normalise("x").expect("a name");
    let _ = claim::faults(targets, &project, &BTreeMap::new());
    let _ = (BinList::of(targets), Hands::of(targets));
    let path: TargetPath = "packages/x/x-1.0.zip".parse().expect("a path");
    let digest = path.digest().to_string();
    let Some(delegations) = &targets.delegations else { return };
    for child in delegations.roles.iter().take(8) {
        let _ = child.covers(&path, &digest);
        patterns(child);
        verify(bytes, &envelope, &delegations.keys, &child.role_keys());
    }
}

/// A plain pattern covers what it includes, in every client.
fn patterns(child: &DelegatedRole) {
    for pattern in child.paths.iter().flatten().take(8).filter(|pattern| pattern.is_plain()) {
        assert!(pattern.includes(pattern) && pattern.ambiguity().is_none());
        if let Ok(path) = pattern.as_str().replace('*', "x").parse() {
            assert!(pattern.covers(&path), "{pattern:?}");
        }
    }
}

pub(crate) fn timestamp(bytes: &[u8]) {
    if let Some(envelope) = read::<Timestamp>(bytes) {
        let _ = envelope.signed().snapshot();
    }
}

pub(crate) fn snapshot(bytes: &[u8]) {
    read::<Snapshot>(bytes);
}

/// What the short way takes of a snapshot, the long one takes, and it means the same.
pub(crate) fn snapshot_file(bytes: &[u8]) {
    let Some(short) = SnapshotFile::parse(bytes.to_vec()) else { return };
    let long = read::<Snapshot>(bytes).expect("the long way takes what the short one does");
    assert_eq!(long.to_bytes().expect("no unknown fields"), bytes);
    let snapshot = long.signed();
    assert_eq!((snapshot.version, snapshot.expires), (short.version, short.expires));
    assert_eq!(snapshot.meta, short.listing());
    assert!(snapshot.meta.iter().all(|(role, meta)| short.get(role).as_ref() == Some(meta)));
    assert_eq!(short.with(short.version, short.expires, &Listing::new()).as_deref(), Some(long.covered()));
}

/// The same of a bin.
pub(crate) fn bin(bytes: &[u8]) {
    let Some(short) = BinFile::parse(bytes) else { return };
    let long = read::<Targets>(bytes).expect("the long way takes what the short one does");
    assert_eq!(long.to_bytes().expect("no unknown fields"), bytes);
    assert_eq!(long.covered(), short.covered);
    let [signature] = long.signatures() else { panic!("one signature") };
    assert_eq!((signature.keyid.as_str(), signature.sig.as_str()), (short.keyid, short.signature));
    let targets = long.signed();
    assert_eq!(
        (targets.version, targets.expires, targets.targets.len()),
        (short.version, short.expires, short.count)
    );
    assert!(targets.delegations.is_none() && targets.extra.is_empty());
    let listed = targets.targets.iter().map(|(path, file)| {
        let digest = file.hashes.sha256().expect("the short way wants one");
        assert!(file.extra.is_empty());
        Entry { path: path.clone(), length: file.length, digest }
    });
    assert!(listed.eq(short.targets().map(|target| target.to_entry().expect("a sound path"))));
}

/// Canonical JSON of what was read from canonical JSON is the same.
pub(crate) fn canonical(bytes: &[u8]) {
    let value = serde_json::from_slice::<Value>(bytes);
    let Ok(value) = value else { return };
    let Ok(canonical) = value_to_canonical(&value) else {
        assert!(!is_canonical(bytes));
        return;
    };
    assert!(!is_canonical(bytes) || canonical == bytes);
    if unicode_normalization::is_nfc(&String::from_utf8_lossy(&canonical)) && has_plain_names(&value) {
        assert_eq!(canonical, by_tough(&value), "tough writes it otherwise");
    }
    // Control characters stand there as they are, and no reader takes them so.
    if canonical.iter().all(|byte| *byte >= b' ') {
        let again: Value = serde_json::from_slice(&canonical).expect("canonical JSON is JSON");
        assert_eq!(again, value);
        assert_eq!(value_to_canonical(&again).expect("it has one"), canonical);
    }
}

/// tough sorts members by what is written of their names, quote and all (docs/decisions/0004).
fn has_plain_names(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().all(|(name, member)| {
            name.bytes().all(|byte| byte > b'"' && byte != b'\\') && has_plain_names(member)
        }),
        Value::Array(items) => items.iter().all(has_plain_names),
        _ => true,
    }
}

fn by_tough(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut out, olpc_cjson::CanonicalFormatter::new());
    serde::Serialize::serialize(value, &mut serializer).expect("integers and texts");
    out
}
