//! What clients can be led through besides forged roles, with keys that are apart: older roots, lists that are left
//! out, and when a freeze ends. python-tuf and tough try it.

use super::support::attacked::{self, Caches, Case, Forgery, evil, evil_file, evil_path, seal};
use super::support::author::{days_from_now, released};
use super::support::known;
use super::support::rekeyed::{NAMES, Tree, compromise, covers, key, repository, root};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tuffet::keys::Signer as _;

/// Whoever withholds the newer roots makes use of the keys that an older one named, until that one ends.
#[test]
fn a_retired_online_key_works_for_clients_that_start_empty_until_the_root_that_named_it_ends() {
    let repo = repository();
    let tree = Tree::of(&repo);
    let site = tree.write("now", 1, 1);
    // A new root with other keys for snapshot and timestamp, by which both are signed anew.
    let retired = [key("snapshot"), key("timestamp")];
    let fresh = known::key(60);
    let by = |role: &str| if ["snapshot", "timestamp"].contains(&role) { known::key(60) } else { key(role) };
    let kept = site.join("metadata/1.root.json");
    std::fs::write(site.join("metadata/2.root.json"), seal(&root(2, 400, by), &[&key("root")])).unwrap();
    for (name, bytes) in Forgery::on(&site).serve(Some(&fresh), Some(&fresh)).over {
        std::fs::write(site.join(name), bytes.unwrap()).unwrap();
    }
    let caches = Caches::of(&[(&site, NAMES.map(|name| released(name, "1.0")).to_vec())]);
    let holding = ["snapshot", "timestamp", "bin"];
    let said = compromise(&repo, &site, &holding, &[]);
    let milk = said["projects"].as_array().unwrap().iter().find(|p| p["name"] == "milk").unwrap();
    assert_eq!((&milk["new"]["mix"], &milk["returning"]["mix"]), (&json!(true), &json!(false)), "{milk}");
    assert_eq!(
        (&milk["new"]["freeze"], &milk["returning"]["freeze"]),
        (&json!(true), &json!(false)),
        "{milk}"
    );

    let mut forgery = Forgery::on(&site);
    forgery.served.over.insert("metadata/2.root.json".to_owned(), None);
    forgery.carry(&NAMES);
    let bin = tree.roles.keys().find(|role| covers(&tree.roles, role, &evil_path("milk"))).unwrap();
    let mut signed = forgery.role(bin);
    signed["targets"][evil_path("milk")] = evil_file();
    forgery.publish(bin, signed, &[&key("bin")]);
    let served = forgery.serve(Some(&retired[0]), Some(&retired[1]));
    let case =
        |knows| Case { served: served.clone(), root: kept.clone(), knows, ask: vec![evil_path("milk")] };
    let cases = [case(None), case(Some(site.clone()))];
    let (python, tough) = (attacked::python_tuf(&caches, &cases), attacked::tough(&caches, &cases));
    assert_eq!((&python[0], &tough[0]), (&vec![evil()], &vec![evil()]));
    // tough keeps no root, and comes to the older one each time.
    assert!(python[1][0].starts_with("error") && tough[1] == [evil()], "{python:?} {tough:?}");
    assert_eq!(
        (&milk["tough"]["mix"], &milk["tough"]["malicious_update"]),
        (&json!(true), &json!(true)),
        "{milk}"
    );
    // Once it has ended there is nothing to withhold.
    let said = compromise(&repo, &site, &holding, &["--now", &days_from_now(301)]);
    let milk = said["projects"].as_array().unwrap().iter().find(|p| p["name"] == "milk").unwrap();
    assert_eq!((&milk["new"]["mix"], &milk["new"]["freeze"]), (&json!(false), &json!(false)), "{milk}");
}

/// tough leaves a role that the snapshot does not list unloaded, its siblings too, and goes on behind its parent.
/// That is why shards of `claimed` are siblings in `targets`; those of `recently-claimed` are not.
#[test]
fn a_shard_below_another_list_can_be_left_out_for_tough_where_it_starts_empty() {
    let repo = repository();
    let mut tree = Tree::of(&repo);
    let shard = tree.roles["recently-claimed"].clone();
    let list = tree.roles.get_mut("recently-claimed").unwrap();
    let own = key("recently-claimed");
    list["delegations"] = json!({
        "keys": {own.keyid().as_str(): own.key()},
        "roles": [{
            "name": "recently-claimed.b", "keyids": [own.keyid()], "threshold": 1, "terminating": false,
            "paths": ["packages/b*/*", "simple/b*/*"],
        }],
    });
    tree.roles.insert("recently-claimed.b".to_owned(), shard);
    let site = tree.write("now", 1, 1);
    let said = compromise(&repo, &site, &["timestamp", "snapshot", "bin"], &[]);
    let brie = said["projects"].as_array().unwrap().iter().find(|p| p["name"] == "brie").unwrap();
    let flags = ["new", "returning", "tough"].map(|kind| brie[kind]["malicious_update"] == true);
    assert_eq!(flags, [true, false, false], "{brie}");
    assert!(brie["why"].as_str().unwrap().contains("tough goes on without"), "{brie}");

    let releases = NAMES.map(|name| released(name, "1.0")).into_iter();
    let caches = Caches::of(&[(&site, releases.chain(NAMES.map(evil_path)).collect())]);
    let mut forgery = Forgery::on(&site);
    forgery.carry(&NAMES);
    let bin = tree.roles.keys().find(|role| covers(&tree.roles, role, &evil_path("brie"))).unwrap();
    let mut signed = forgery.role(bin);
    signed["targets"][evil_path("brie")] = evil_file();
    forgery.publish(bin, signed, &[&key("bin")]);
    forgery.leave_out("recently-claimed.b");
    let served = forgery.serve(Some(&key("snapshot")), Some(&key("timestamp")));
    let root = site.join("metadata/1.root.json");
    let case = |knows| {
        let (served, root) = (served.clone(), root.clone());
        Case { served, root, knows, ask: vec![evil_path("brie")] }
    };
    let cases = [case(None), case(Some(site.clone()))];
    let (python, tough) = (attacked::python_tuf(&caches, &cases), attacked::tough(&caches, &cases));
    assert!(python.iter().all(|answers| answers[0].starts_with("error")), "{python:?}");
    assert_eq!(tough[0], [evil()]);
    assert_ne!(tough[1], [evil()]);
}

/// Who signs snapshots and timestamps withholds until the first role ends that they cannot sign again.
#[test]
fn a_freeze_ends_with_the_role_that_is_named() {
    let repo = repository();
    let mut tree = Tree::of(&repo);
    let (free, and_claimed) = (["timestamp", "snapshot"], ["timestamp", "snapshot", "claimed"]);
    let ends = days_from_now(2);
    tree.roles.get_mut("claimed").unwrap()["expires"] = ends.clone().into();
    let site = tree.write("now", 1, 1);
    let limits = |held: &[&str]| {
        let said = compromise(&repo, &site, held, &[]);
        let projects = said["projects"].as_array().unwrap().clone();
        let limit = |p: &Value| (p["name"].as_str().unwrap().to_owned(), p["limited_by"].clone());
        projects.iter().map(limit).collect::<BTreeMap<_, _>>()
    };
    let of_claimed = limits(&free);
    assert!(
        of_claimed.values().all(|limit| *limit == json!({"role": "claimed", "expires": ends})),
        "{of_claimed:?}"
    );
    // Whoever signs `claimed` gives its projects to keys of theirs; the others are asked for further on.
    let without = limits(&and_claimed);
    let roles: Vec<&str> =
        ["milk", "brie", "cheese"].map(|name| without[name]["role"].as_str().unwrap()).to_vec();
    assert!(roles[0].starts_with("bin-") || roles[0] == "recently-claimed", "{roles:?}");
    assert_eq!(roles[1..], ["recently-claimed", "root"]);

    // The same once `claimed` has ended.
    let ended = days_from_now(-1);
    tree.roles.get_mut("claimed").unwrap()["expires"] = ended.into();
    let stale = tree.write("stale", 1, -1);
    let caches = Caches::of(&[(&site, vec![released("milk", "1.0")])]);
    let mut cases = Vec::new();
    for held in [&free[..], &and_claimed] {
        let mut forgery = Forgery::on(&stale);
        if held.contains(&"claimed") {
            let mut signed = forgery.role("claimed");
            signed["expires"] = days_from_now(5).into();
            forgery.replace("claimed", &signed, &[&key("claimed")]);
        }
        let served = forgery.serve(Some(&key("snapshot")), Some(&key("timestamp")));
        let (root, ask) =
            (site.join("metadata/1.root.json"), NAMES.map(|name| released(name, "1.0")).to_vec());
        cases.push(Case { served, root, knows: None, ask });
    }
    for answers in [attacked::python_tuf(&caches, &cases), attacked::tough(&caches, &cases)] {
        assert!(answers[0].iter().all(|answer| answer.starts_with("error")), "{answers:?}");
        assert!(answers[1].iter().all(|answer| answer.len() == 64), "{answers:?}");
    }
}

/// What an older list says counts for clients that start empty, whoever it names: here one that did not name a
/// project yet, and one that gave the bins to a key that has been retired since.
#[test]
fn older_lists_lead_clients_that_start_empty_to_the_bins_and_to_retired_keys() {
    let repo = repository();
    let tree = Tree::of(&repo);
    let site = tree.write("now", 2, 1);
    let retired = known::key(61);
    let rewrite = |role: &str, change: &dyn Fn(&mut Value)| {
        let mut signed = tree.roles[role].clone();
        signed["version"] = 1.into();
        change(&mut signed);
        std::fs::write(site.join(format!("metadata/1.{role}.json")), seal(&signed, &[&key(role)])).unwrap();
    };
    rewrite("recently-claimed", &|list| _ = list.as_object_mut().unwrap().remove("delegations"));
    rewrite("unclaimed", &|list| {
        let delegations = &mut list["delegations"];
        delegations["keys"] = json!({retired.keyid().as_str(): retired.key()});
        let bins = delegations["roles"].as_array_mut().unwrap();
        bins.iter_mut().for_each(|bin| bin["keyids"] = json!([retired.keyid()]));
    });
    let releases = NAMES.map(|name| released(name, "1.0")).into_iter();
    let caches = Caches::of(&[(&site, releases.chain(NAMES.map(evil_path)).collect())]);
    let tops = ["timestamp", "snapshot"].map(|role| key(role).keyid().to_string()).join(",");
    for (project, list, bins) in
        [("brie", "recently-claimed", key("bin")), ("milk", "unclaimed", known::key(61))]
    {
        let holding = format!("{tops},{}", bins.keyid());
        let args = ["compromise", site.to_str().unwrap(), "--holding", &holding, "--format", "json"];
        let said = repo.run(&args).ok().json();
        let verdict = said["projects"].as_array().unwrap().iter().find(|p| p["name"] == project).unwrap();
        let flags = ["new", "returning", "tough"].map(|kind| verdict[kind]["malicious_update"] == true);
        assert_eq!(flags, [true, false, false], "{verdict}");
        assert_eq!(verdict["until"], tree.roles[list]["expires"], "{verdict}");

        let mut forgery = Forgery::on(&site);
        forgery.carry(&NAMES);
        forgery.list(list, 1);
        // tough wants every bin, by the keys that the list names.
        for bin in tree.roles.keys().filter(|role| role.starts_with("bin-")) {
            let mut signed = forgery.role(bin);
            if covers(&tree.roles, bin, &evil_path(project)) {
                signed["targets"][evil_path(project)] = evil_file();
            }
            forgery.publish(bin, signed, &[&bins]);
        }
        let served = forgery.serve(Some(&key("snapshot")), Some(&key("timestamp")));
        let root = site.join("metadata/1.root.json");
        let case = |knows| {
            let (served, root) = (served.clone(), root.clone());
            Case { served, root, knows, ask: vec![evil_path(project)] }
        };
        let cases = [case(None), case(Some(site.clone()))];
        for answers in [attacked::python_tuf(&caches, &cases), attacked::tough(&caches, &cases)] {
            assert_eq!(answers[0], [evil()], "{project}");
            assert!(answers[1][0].starts_with("error"), "{project}: {answers:?}");
        }
    }
}

/// By default a snapshot ends with its timestamp. Where it lives on, the timestamp's key alone withholds.
#[test]
fn the_timestamps_key_withholds_where_the_snapshot_outlives_the_timestamp() {
    let repo = repository();
    let tree = Tree::of(&repo);
    let mut answers = Vec::new();
    for (name, ends) in [("now", 1), ("stale", -1)] {
        let site = tree.write(name, 1, 1);
        // A snapshot of five days.
        for (name, bytes) in Forgery::on(&site).serve(Some(&key("snapshot")), Some(&key("timestamp"))).over {
            std::fs::write(site.join(name), bytes.unwrap()).unwrap();
        }
        let mut timestamp = Forgery::on(&site).timestamp;
        timestamp["expires"] = days_from_now(ends).into();
        let bytes = seal(&timestamp, &[&key("timestamp")]);
        std::fs::write(site.join("metadata/timestamp.json"), bytes).unwrap();
        if name == "now" {
            let said = compromise(&repo, &site, &["timestamp"], &[]);
            let limit = &said["projects"][0]["limited_by"];
            assert_eq!((&said["projects"][0]["freeze"], &limit["role"]), (&json!(true), &json!("snapshot")));
            continue;
        }
        let caches = Caches::of(&[]);
        for timestamp in [None, Some(&key("timestamp"))] {
            let served = Forgery::on(&site).serve(None, timestamp.map(|key| key as _));
            let root = site.join("metadata/1.root.json");
            let case = Case { served, root, knows: None, ask: vec![released("milk", "1.0")] };
            answers.push(attacked::python_tuf(&caches, std::slice::from_ref(&case))[0][0].clone());
            answers.push(attacked::tough(&caches, &[case])[0][0].clone());
        }
    }
    assert!(answers[..2].iter().all(|answer| answer.starts_with("error")), "{answers:?}");
    assert!(answers[2..].iter().all(|answer| answer.len() == 64), "{answers:?}");
}

/// What PEP 480 expects: with hashes in the snapshot nobody replaces a role without signing a snapshot.
#[test]
fn where_the_snapshot_lists_hashes_no_role_is_replaced_under_its_version() {
    let repo = repository();
    let tree = Tree::of(&repo);
    let site = tree.write("now", 1, 1);
    assert_eq!(compromise(&repo, &site, &["claimed"], &[])["at_risk"], 3);
    let mut hashed = Forgery::on(&site);
    for role in tree.roles.keys() {
        let bytes = std::fs::read(site.join(format!("metadata/1.{role}.json"))).unwrap();
        let digest = tuffet::model::Sha256::of(&bytes).to_string();
        let meta = json!({"version": 1, "length": bytes.len(), "hashes": {"sha256": digest}});
        hashed.snapshot["meta"][format!("{role}.json")] = meta;
    }
    for (name, bytes) in hashed.serve(Some(&key("snapshot")), Some(&key("timestamp"))).over {
        std::fs::write(site.join(name), bytes.unwrap()).unwrap();
    }
    // The snapshot without hashes may have been kept, until it ends.
    let said = compromise(&repo, &site, &["claimed"], &[]);
    assert_eq!(
        (&said["at_risk"], &said["projects"][0]["returning"]["malicious_update"]),
        (&json!(3), &json!(false))
    );
    std::fs::remove_file(site.join("metadata/1.snapshot.json")).unwrap();
    assert_eq!(compromise(&repo, &site, &["claimed"], &[])["at_risk"], 0);
    assert_eq!(compromise(&repo, &site, &["claimed", "snapshot", "timestamp"], &[])["at_risk"], 3);

    let mut forgery = Forgery::on(&site);
    forgery.carry(&NAMES);
    let mut signed = forgery.role("claimed");
    NAMES.iter().for_each(|name| signed["targets"][evil_path(name)] = evil_file());
    forgery.replace("claimed", &signed, &[&key("claimed")]);
    let root = site.join("metadata/1.root.json");
    let ask = NAMES.map(evil_path).to_vec();
    let case = Case { served: forgery.serve(None, None), root, knows: None, ask };
    let (caches, cases) = (Caches::of(&[]), [case]);
    for answers in [attacked::python_tuf(&caches, &cases), attacked::tough(&caches, &cases)] {
        assert!(answers[0].iter().all(|answer| answer.starts_with("error")), "{answers:?}");
    }
}
