//! Metadata that is made to be read in two ways, or in none: what the parsers make of it, by kind. What it may cost is in
//! `budgets.rs`.

use super::support::known;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tuffet::keys::Signer as _;
use tuffet::model::{
    DelegatedRole, Envelope, Key, KeyId, Metadata, RoleKeys, Root, Signature, Snapshot, Targets, Timestamp,
};
use tuffet::trust::verified;

const HEAD: &str = r#""expires":"2030-01-01T00:00:00Z","spec_version":"1.0.31""#;

/// Metadata of each kind with this version, and with more members behind.
fn kinds(version: &str, more: &str) -> [(&'static str, String); 4] {
    let signed = |kind: &str, body: &str| {
        format!(
            r#"{{"signatures":[],"signed":{{"_type":"{kind}",{HEAD},"version":{version},{body}{more}}}}}"#
        )
    };
    [
        ("root", signed("root", r#""consistent_snapshot":true,"keys":{},"roles":{}"#)),
        ("targets", signed("targets", r#""targets":{}"#)),
        ("timestamp", signed("timestamp", r#""meta":{"snapshot.json":{"version":1}}"#)),
        ("snapshot", signed("snapshot", r#""meta":{}"#)),
    ]
}

/// What the parser of a kind says: the bytes that a signature would cover, or why not.
fn parse(kind: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    fn of<T: Metadata>(bytes: &[u8]) -> Result<Vec<u8>, String> {
        Envelope::<T>::parse(bytes).map(|envelope| envelope.covered().to_vec()).map_err(|e| e.to_string())
    }
    match kind {
        "root" => of::<Root>(bytes),
        "targets" => of::<Targets>(bytes),
        "timestamp" => of::<Timestamp>(bytes),
        _ => of::<Snapshot>(bytes),
    }
}

#[track_caller]
fn refused(what: &str, kind: &str, bytes: &[u8], said: &str) {
    let why = parse(kind, bytes).err().unwrap_or_else(|| panic!("{kind}, {what}: it was taken"));
    assert!(why.contains(said), "{kind}, {what}: {why}");
}

#[test]
fn numbers_that_are_none_are_refused_and_the_largest_are_what_they_say() {
    for (version, said) in [
        ("0", "nonzero"),
        ("-1", "nonzero"),
        ("18446744073709551616", "integer"),
        ("1e400", "out of range"),
        ("1.0", "integer"),
        ("\"1\"", "nonzero"),
        ("null", "nonzero"),
    ] {
        for (kind, text) in kinds(version, "") {
            refused(version, kind, text.as_bytes(), said);
        }
    }
    for version in ["1", "9223372036854775808", "18446744073709551615"] {
        for (kind, text) in kinds(version, "") {
            let covered = String::from_utf8(parse(kind, text.as_bytes()).unwrap()).unwrap();
            assert!(covered.contains(&format!("\"version\":{version}}}")), "{covered}");
        }
    }
}

#[test]
fn thresholds_that_nobody_or_nothing_reaches_are_refused_as_they_are_read() {
    let role = |threshold: &str| format!(r#"{{"keyids":[],"threshold":{threshold}}}"#);
    for (threshold, said) in [
        ("0", "would accept anything"),
        ("-1", "u32"),
        ("4294967296", "u32"),
        ("9223372036854775808", "u32"),
        ("18446744073709551616", "integer"),
        ("1e400", "out of range"),
        ("1.0", "integer"),
    ] {
        let [(_, root), (_, targets), ..] = kinds("1", "");
        let root = root.replace(r#""roles":{}"#, &format!(r#""roles":{{"root":{}}}"#, role(threshold)));
        refused(threshold, "root", root.as_bytes(), said);
        let child = role(threshold).replacen('{', r#"{"name":"a","terminating":true,"paths":["a"],"#, 1);
        let delegations = format!(r#""targets":{{}},"delegations":{{"keys":{{}},"roles":[{child}]}}"#);
        let targets = targets.replace(r#""targets":{}"#, &delegations);
        refused(threshold, "targets", targets.as_bytes(), said);
    }
}

#[test]
fn a_member_that_stands_there_twice_is_refused_wherever_it_stands() {
    for more in [
        r#","version":2"#,
        r#","_type":"root""#,
        r#","x":1,"x":1"#,
        r#","x":{"a":1,"a":2}"#,
        r#","x":[{"y":{"\u0061":1,"a":1}}]"#,
        r#","x":{"\ud83d\ude00":1,"😀":2}"#,
    ] {
        for (kind, text) in kinds("1", more) {
            refused(more, kind, text.as_bytes(), "twice");
        }
    }
    for (kind, text) in kinds("1", "") {
        let twice = text.replacen('{', r#"{"signatures":[],"#, 1);
        refused("signatures", kind, twice.as_bytes(), "duplicate field");
        let twice = text.replacen('{', r#"{"signed":{},"#, 1);
        refused("signed", kind, twice.as_bytes(), "duplicate field");
        let signature = r#""signatures":[{"keyid":"a","sig":"","keyid":"b"}]"#;
        let twice = text.replacen(r#""signatures":[]"#, signature, 1);
        refused("a signature's id", kind, twice.as_bytes(), "twice");
    }
    let [(_, root), (_, targets), _, (_, snapshot)] = kinds("1", "");
    let key = r#"{"keytype":"ed25519","scheme":"ed25519","keyval":{"public":"00"}}"#;
    let keys = root.replace(r#""keys":{}"#, &format!(r#""keys":{{"a":{key},"a":{key}}}"#));
    refused("a key", "root", keys.as_bytes(), "twice");
    let role = r#""root":{"keyids":[],"threshold":1}"#;
    refused(
        "a role",
        "root",
        root.replace(r#""roles":{}"#, &format!(r#""roles":{{{role},{role}}}"#)).as_bytes(),
        "twice",
    );
    let target = |length: u8| format!(r#""a":{{"length":{length},"hashes":{{}}}}"#);
    let both = format!(r#""targets":{{{},{}}}"#, target(1), target(2));
    refused("a target", "targets", targets.replace(r#""targets":{}"#, &both).as_bytes(), "twice");
    let meta = r#""meta":{"a.json":{"version":1},"a.json":{"version":2}}"#;
    refused("a role's version", "snapshot", snapshot.replace(r#""meta":{}"#, meta).as_bytes(), "twice");
}

#[test]
fn what_is_no_text_or_nested_without_end_is_refused() {
    for (kind, text) in kinds("1", r#","x":"aa""#) {
        let bytes: Vec<u8> =
            text.replace("aa", "\u{1}\u{1}").bytes().map(|b| if b == 1 { 0xff } else { b }).collect();
        refused("not UTF-8", kind, &bytes, "UTF-8");
        // Nor where nobody would look.
        let beside = text.replacen('{', "{\"x\":\"\u{1}\",", 1);
        let beside: Vec<u8> = beside.bytes().map(|b| if b == 1 { 0xff } else { b }).collect();
        refused("a member beside those that is no UTF-8", kind, &beside, "UTF-8");
        refused("a lone surrogate", kind, text.replace("aa", "\\ud800").as_bytes(), "escape");
        refused("a control character", kind, text.replace("aa", "\n").as_bytes(), "control character");
        refused("a byte-order mark", kind, format!("\u{feff}{text}").as_bytes(), "expected value");
        refused("something behind it", kind, format!("{text}{{}}").as_bytes(), "trailing");
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [130, 10_000, 1_000_000] {
            let deep = format!(r#","x":{}0{}"#, open.repeat(depth), close.repeat(depth));
            for (kind, text) in kinds("1", &deep) {
                let why = parse(kind, text.as_bytes()).unwrap_err();
                assert!(
                    why.contains("recursion limit") || why.contains("are read of so many"),
                    "{kind}: {why}"
                );
            }
        }
        let deep = format!(r#","x":{}0{}"#, open.repeat(100), close.repeat(100));
        for (kind, text) in kinds("1", &deep) {
            assert!(parse(kind, text.as_bytes()).is_ok(), "{kind}");
        }
    }
}

#[test]
fn a_million_signatures_or_keys_are_refused_at_the_first_that_is_too_many() {
    let signature = json!({"keyid": "a", "sig": "00".repeat(64)}).to_string();
    for count in [1025, 1_000_000] {
        for (kind, text) in kinds("1", "").into_iter().take(if count == 1025 { 4 } else { 1 }) {
            let all = format!(r#""signatures":[{}]"#, vec![signature.as_str(); count].join(","));
            refused(
                "signatures",
                kind,
                text.replacen(r#""signatures":[]"#, &all, 1).as_bytes(),
                "more than 1024",
            );
        }
        let ids = vec!["\"a\""; count].join(",");
        let [(_, root), ..] = kinds("1", "");
        let roles = format!(r#""roles":{{"root":{{"keyids":[{ids}],"threshold":1}}}}"#);
        let why = parse("root", root.replace(r#""roles":{}"#, &roles).as_bytes()).unwrap_err();
        assert!(why.contains("more than 1024"), "{why}");
    }
}

/// Whatever ids it stands under, and however often, one key is one.
#[test]
fn no_key_counts_twice_for_a_threshold() {
    let (one, other) = (known::key(1), known::key(2));
    let [(_, text), ..] = kinds("1", "");
    let unsigned = Envelope::<Root>::parse(text.as_bytes()).unwrap();
    let sign = |key: &tuffet::keys::Ed25519, id: &str| {
        let signature = key.sign(unsigned.covered()).unwrap();
        Signature { keyid: KeyId::new(id), ..signature }
    };
    let shouted = Key { keyval: one.key().keyval.clone(), ..one.key().clone() };
    let shouted = Key {
        keyval: tuffet::model::key::KeyValue {
            public: shouted.keyval.public.to_uppercase(),
            ..shouted.keyval
        },
        ..shouted
    };
    let keys: BTreeMap<KeyId, Key> = [("a", one.key().clone()), ("b", one.key().clone()), ("c", shouted)]
        .into_iter()
        .chain([("d", other.key().clone())])
        .map(|(id, key)| (KeyId::new(id), key))
        .collect();
    let envelope = ["a", "a", "b", "c"].iter().fold(unsigned.clone(), |envelope, id| {
        let mut file: Value = serde_json::from_slice(&envelope.to_bytes().unwrap()).unwrap();
        file["signatures"].as_array_mut().unwrap().push(serde_json::to_value(sign(&one, id)).unwrap());
        Envelope::parse(file.to_string().as_bytes()).unwrap()
    });
    assert_eq!(envelope.signatures().len(), 4);
    let role =
        |ids: &[&str], threshold| RoleKeys::new(ids.iter().map(|id| KeyId::new(id)).collect(), threshold);
    for ids in
        [&["a", "a"][..], &["a", "b"], &["a", "c"], &["a", "b", "c", "d"], &["a", "a", "a", "b", "b", "c"]]
    {
        assert!(verified::check(&envelope, &keys, &role(ids, 1)).is_ok(), "{ids:?}");
        let short = verified::check(&envelope, &keys, &role(ids, 2)).unwrap_err();
        assert_eq!((short.valid, short.threshold), (1, 2), "{ids:?}");
    }
    let both = envelope.with_signature(sign(&other, "d"));
    assert!(verified::check(&both, &keys, &role(&["a", "d"], 2)).is_ok());
    assert_eq!(verified::check(&both, &keys, &role(&["a", "b", "c", "d"], 3)).unwrap_err().valid, 2);
    // A threshold of 0 cannot be read; made here, it lets nothing through either.
    assert!(verified::check(&unsigned, &keys, &role(&["a"], 0)).is_err());
    let child =
        DelegatedRole::by_hash("a".parse().unwrap(), role(&["a", "b"], 2).keyids, 2, vec![String::new()]);
    assert_eq!(verified::check(&both, &keys, &child.role_keys()).unwrap_err().valid, 1);
}
