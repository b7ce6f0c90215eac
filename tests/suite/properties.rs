//! What must hold for any input: canonical JSON against tough's implementation, bins against the
//! specification, sequences of changes against a naive model.

use super::support::Repo;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::Serialize as _;
use serde_json::Value;
use std::collections::BTreeMap;
use tuffet::model::{BinCount, DelegatedRole, PathPattern, TargetPath, canonical};
use unicode_normalization::UnicodeNormalization as _;

/// JSON without fractions; strings in NFC, since tough normalises and we never write others.
fn json() -> impl Strategy<Value = Value> {
    let text = any::<String>().prop_map(|text| text.nfc().collect::<String>());
    // tough sorts members by their quoted and escaped form; names of ours hold nothing for which
    // that is another order (`TargetPath` sees to it).
    let name = text.clone().prop_map(|text| text.replace(|c: char| c <= '"' || c == '\\', "x"));
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::from),
            btree_map(name.clone(), inner, 0..8)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn path() -> impl Strategy<Value = TargetPath> {
    "[a-z0-9+._é-]{1,12}(/[A-Za-z0-9 !+._-]{1,12}){0,3}"
        .prop_filter_map("not a path", |text| text.parse().ok())
}

proptest! {
    #[test]
    fn canonical_json_is_what_tough_signs(value in json()) {
        let mut theirs = Vec::new();
        let formatter = olpc_cjson::CanonicalFormatter::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut theirs, formatter)).unwrap();
        prop_assert_eq!(canonical::to_canonical(&value).unwrap(), theirs);
    }

    #[test]
    fn every_path_falls_into_the_one_bin_whose_prefixes_cover_it(path in path(), power in 0_u32..=16) {
        let count = BinCount::new(1 << power).unwrap();
        let hex = path.digest().to_string();
        let own = count.bin_of(&path.digest());
        let covers = |bin: u32| {
            let role = DelegatedRole::by_hash(count.role(bin), vec![], 1, count.prefixes(bin));
            role.covers(&path, &hex)
        };
        prop_assert!(covers(own));
        // Its neighbours and a few others do not: the bins are disjoint.
        for other in [0, 1, own.wrapping_sub(1), own + 1, count.get() / 2, count.get() - 1] {
            if other != own && other < count.get() {
                prop_assert!(!covers(other));
            }
        }
    }

    #[test]
    fn a_pattern_without_wildcards_covers_itself_alone(a in path(), b in path()) {
        let pattern = PathPattern::new(a.as_str());
        prop_assert!(pattern.covers(&a));
        prop_assert_eq!(pattern.covers(&b), a == b);
    }

    #[test]
    fn a_path_that_parses_is_shown_as_it_was_read(text in any::<String>()) {
        if let Ok(path) = text.parse::<TargetPath>() {
            prop_assert_eq!(path.as_str(), text);
        }
    }
}

#[test]
fn all_prefixes_together_cover_everything_once() {
    for power in 0..=16 {
        let count = BinCount::new(1 << power).unwrap();
        let all: Vec<String> = (0..count.get()).flat_map(|bin| count.prefixes(bin)).collect();
        let digits = u32::try_from(all[0].len()).unwrap();
        assert_eq!(all.len(), 16_usize.pow(digits));
        assert!(all.is_sorted() && all.windows(2).all(|pair| pair[0] != pair[1]), "{count} bins");
    }
}

/// One thing that happens to a source between two builds.
#[derive(Clone, Debug)]
enum Change {
    Add(usize, u8),
    Remove(usize),
    Touch(usize),
}

fn changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let change = prop_oneof![
        4 => (0..12_usize, any::<u8>()).prop_map(|(number, byte)| Change::Add(number, byte)),
        2 => (0..12_usize).prop_map(Change::Remove),
        1 => (0..12_usize).prop_map(Change::Touch),
    ];
    vec(vec(change, 0..4), 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 64, ..ProptestConfig::default() })]

    /// The naive model is a map from name to bytes: new names are added, names that left go, and
    /// the bytes of a name that stays never change.
    #[test]
    fn any_sequence_of_changes_ends_where_a_map_says(rounds in changes()) {
        let repo = Repo::new();
        repo.add("anchor-1.0-py3-none-any.whl", b"always there");
        repo.run(&["build", "--init"]).ok();
        let mut source: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut model: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        // Names that were public once keep their bytes until a sweep.
        let mut public: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for round in rounds {
            for change in round {
                match change {
                    Change::Add(number, byte) => {
                        let name = format!("p{number}-1.0-py3-none-any.whl");
                        source.insert(name.clone(), vec![byte; 10]);
                        repo.add(&name, &[byte; 10]);
                    }
                    Change::Remove(number) => {
                        let name = format!("p{number}-1.0-py3-none-any.whl");
                        if source.remove(&name).is_some() {
                            repo.remove(&name);
                        }
                    }
                    Change::Touch(number) => {
                        let name = format!("p{number}-1.0-py3-none-any.whl");
                        if source.contains_key(&name) {
                            repo.age(&name);
                        }
                    }
                }
            }
            let out = repo.build(&["--allow-removals"]);
            let before = model.clone();
            model.retain(|name, _| source.contains_key(name));
            for (name, bytes) in &source {
                let first = public.entry(name.clone()).or_insert_with(|| bytes.clone());
                if first == bytes || before.contains_key(name) {
                    model.insert(name.clone(), first.clone());
                }
            }
            prop_assert_eq!(out["published"].as_bool().unwrap(), model != before);
            let expected: BTreeMap<String, String> = model
                .iter()
                .map(|(name, bytes)| {
                    let project = name.split('-').next().unwrap();
                    (format!("packages/{project}/{name}"), tuffet::model::Sha256::of(bytes).to_string())
                })
                .chain([(
                    "packages/anchor/anchor-1.0-py3-none-any.whl".to_owned(),
                    tuffet::model::Sha256::of(b"always there").to_string(),
                )])
                .collect();
            prop_assert_eq!(repo.targets(), expected);
            repo.verify();
        }
    }
}
