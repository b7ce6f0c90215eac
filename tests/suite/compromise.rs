//! `tuffet compromise`: who is meant, what is said of whom, and that it agrees with `explain` and with clients.
//! What clients take of everything else is in `attacks.rs` and `table.rs`.

use super::attacks::{copy, repository};
use super::ceremonies::{Safe, apply, prepare};
use super::support::attacked::{self, Caches, Case, Forgery, evil, evil_path, evil_role};
use super::support::author::{Author, days_from_now, places, released, with_member};
use super::support::{Repo, known};
use serde_json::{Value, json};
use std::path::Path;
use tuffet::keys::file;

fn compromise(repo: &Repo, args: &[&str]) -> Value {
    repo.run(&[&["compromise", "--format", "json"], args].concat()).ok().json()
}

fn of<'a>(said: &'a Value, project: &str) -> &'a Value {
    said["projects"].as_array().unwrap().iter().find(|p| p["name"] == project).unwrap()
}

#[test]
fn who_is_meant_may_be_said_in_many_ways_and_nobody_is_taken_for_somebody_else() {
    let repo = known::repo();
    repo.add_wheel(1);
    repo.run(&["build", "--now", known::MADE]).ok();
    let at = ["--now", known::MADE];
    let keyid = |number: u8| tuffet::keys::Signer::keyid(&known::key(number)).to_string();
    let (online, admin) = (keyid(6), keyid(4));
    for (args, holding) in [
        (vec!["--holding", "online"], vec![&online]),
        (vec!["--holding", "timestamp,bin-0"], vec![&online]),
        (vec!["--holding", &online[..8]], vec![&online]),
        (vec!["--holding", &online, "--holding", &admin[..12]], vec![&online, &admin]),
        (vec!["--holding", "claimed"], vec![&admin, &keyid(5)]),
    ] {
        let said = compromise(&repo, &[&args[..], &at].concat());
        let mut expected = holding.clone();
        expected.sort();
        assert_eq!(said["holding"], json!(expected), "{args:?}");
        assert_eq!(said["at_risk"], 1, "{said}");
    }
    // Root takes two of its three keys.
    let roots = [1, 2].map(keyid);
    assert_eq!(compromise(&repo, &[&["--holding", &roots[0]][..], &at].concat())["at_risk"], 0);
    let said = compromise(&repo, &[&["--holding", &roots.join(",")][..], &at].concat());
    assert_eq!((&said["at_risk"], &said["projects"][0]["limited_by"]), (&json!(1), &Value::Null), "{said}");
    for who in ["nobody", "bin-9", "project.p1", &online[..7], "00000000", "z0000000"] {
        let ran = repo.run(&[&["compromise", "--holding", who][..], &at].concat());
        assert!(ran.code == 2 && ran.stderr.contains(who), "{who}: {ran:?}");
    }
    assert_eq!(repo.run(&["compromise"]).code, 2);
    // Another folder is another site, whose ledger nobody knows; one that is none is named.
    let elsewhere = repo.path().join("elsewhere");
    copy(&repo.site(), &elsewhere);
    let args = [&[elsewhere.to_str().unwrap(), "--holding", "online"][..], &at].concat();
    assert_eq!(compromise(&repo, &args)["at_risk"], 1);
    assert_eq!(repo.run(&["compromise", "--holding", "online", "nowhere"]).code, 2);
    let ran = repo.run(&[&["compromise", "--holding", "online"][..], &at].concat()).ok();
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 project could be forged, 0 could not."), "{}", ran.stdout);
}

#[test]
fn a_tree_of_files_has_no_projects_to_judge() {
    let repo =
        Repo::with_config("[source]\npath = \"dists\"\nlayout = \"tree\"\n[keys]\ninsecure_plain = true\n");
    repo.add("a/b.txt", b"b");
    repo.run(&["build", "--init"]).ok();
    let ran = repo.run(&["compromise", "--holding", "online"]);
    assert!(ran.code == 2 && ran.stderr.contains("layout tree"), "{ran:?}");
}

#[test]
fn of_clients_that_were_here_before_it_says_what_explain_says() {
    let (repo, _) = repository(0);
    let said = compromise(&repo, &["--holding", "online"]);
    for project in said["projects"].as_array().unwrap() {
        let explained =
            repo.run(&["explain", project["name"].as_str().unwrap()]).ok().stdout.replace('\n', " ");
        let only_the_author = explained.contains("Nobody could forge this today but the author");
        assert_eq!(
            project["returning"]["malicious_update"] == false,
            only_the_author,
            "{project}\n{explained}"
        );
    }
    assert_eq!(said["projects"].as_array().unwrap().len(), 3);
}

#[test]
fn lists_that_were_swept_away_count_until_the_ledger_says_that_they_have_ended() {
    let (repo, _) = repository(120);
    let later = days_from_now(3);
    repo.run(&["build", "--now", &later]).ok();
    repo.run(&["sweep", "--now", &later]).ok();
    assert!(!repo.site().join("metadata/1.claimed.json").exists());
    let args = ["--holding", "online", "--now", &later];
    assert_eq!(of(&compromise(&repo, &args), "cheese")["malicious_update"], false);
    let registrations = repo.path().join(".tuffet/ledger/registrations.jsonl");
    let text = std::fs::read_to_string(&registrations).unwrap();
    // Signed over 80 days ago: a list without it lives for ten more.
    let date = |days| days_from_now(days)[..10].to_owned();
    std::fs::write(&registrations, text.replace(&date(-120), &date(-80))).unwrap();
    let said = compromise(&repo, &args);
    let cheese = of(&said, "cheese");
    assert_eq!(
        (&cheese["new"]["malicious_update"], &cheese["returning"]["malicious_update"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(cheese["until"].as_str().unwrap()[..10], date(10));
    // Nobody wrote it down.
    std::fs::remove_file(&registrations).unwrap();
    let said = compromise(&repo, &args);
    let cheese = of(&said, "cheese");
    assert_eq!(cheese["new"]["malicious_update"], true);
    assert!(cheese["why"].as_str().unwrap().contains("nothing says since when"), "{cheese}");
}

#[test]
fn downloads_weigh_projects_and_names_that_nobody_has_are_at_risk() {
    let (repo, _) = repository(120);
    let weights = repo.path().join("weights.tsv");
    let with = |text: &str| {
        std::fs::write(&weights, text).unwrap();
        repo.run(&[
            "compromise",
            "--holding",
            "online",
            "--format",
            "json",
            "--weights",
            weights.to_str().unwrap(),
        ])
    };
    let said = with("Cheese\t60\nche.ese\t10\nmilk\t10\nCHEESE\t10\n").ok().json();
    // `che.ese` is another name, and anybody with the online key could put it into a bin.
    assert!((said["weights"]["safe"].as_f64().unwrap() - 70.0 / 90.0).abs() < 1e-9, "{said}");
    assert!((said["weights"]["at_risk"].as_f64().unwrap() - 20.0 / 90.0).abs() < 1e-9, "{said}");
    for text in ["cheese 3\n", "cheese\t-1\n", "\tx\n", "", "cheese\t0\n"] {
        assert_eq!(with(text).code, 2, "{text:?}");
    }
}

/// A member who was let go is still named by what the author signed before: as long as that lives, for whoever
/// signs snapshots and timestamps; as long as the last timestamp from then lives, for whoever kept it.
#[test]
fn a_former_member_forges_for_clients_that_start_empty_and_for_those_alone() {
    let (repo, _) = repository(120);
    let (author, alice) = (Author::known(11), Author::known(12));
    with_member(&repo, &author, &alice, "*");
    let before = repo.path().join("before-removal");
    copy(&repo.site(), &before);
    let removal = author.path().join("removal.zip");
    let (site, root) = places(Some(&repo));
    let remove = ["author", "delegate", "cheese", "--remove", "alice", "--yes", "--key", author.key()];
    let out = ["--out", removal.to_str().unwrap(), "--from", &site, "--root", &root];
    author.run(&[&remove[..], &out].concat()).ok();
    repo.accept(&[&removal], &[]);
    let with_online = format!("online,{}", alice.keyid());
    for (holding, from, to) in [(with_online, 600, 730), (alice.keyid(), 0, 1)] {
        let said = compromise(&repo, &["--holding", &holding]);
        let cheese = of(&said, "cheese");
        assert_eq!(cheese["new"]["malicious_update"], true, "{cheese}");
        assert_eq!(cheese["returning"]["malicious_update"], false, "{cheese}");
        let until = cheese["until"].as_str().unwrap();
        assert!(until > &days_from_now(from)[..] && until <= &days_from_now(to)[..], "{cheese}");
    }
    let past = ["--holding", &alice.keyid(), "--now", &days_from_now(2)];
    assert_eq!(of(&compromise(&repo, &past), "cheese")["malicious_update"], false);

    let online = file::load(&repo.path().join(".tuffet/online.key"), &|_| Err(String::new())).unwrap();
    let mut forgery = Forgery::on(&repo.site());
    forgery.carry(&["cheese"]);
    forgery.list("project.cheese", Forgery::on(&before).version("project.cheese"));
    forgery.publish("project.cheese.alice", evil_role(&["cheese"]), &[&known::key(12)]);
    let with_online = forgery.serve(Some(&online), Some(&online));
    let mut kept = Forgery::on(&before);
    kept.carry(&["cheese"]);
    kept.replace("project.cheese.alice", &evil_role(&["cheese"]), &[&known::key(12)]);
    let kept = kept.serve(None, None);
    let known = repo.site();
    let caches = Caches::of(&[(&known, vec![released("cheese", "2.0")])]);
    for served in [with_online, kept] {
        let case = |knows| {
            let (root, ask) = (Path::new(&root).to_owned(), vec![evil_path("cheese")]);
            Case { served: served.clone(), root, knows, ask }
        };
        let cases = [case(None), case(Some(known.clone()))];
        for answers in [attacked::python_tuf(&caches, &cases), attacked::tough(&caches, &cases)] {
            assert_eq!(answers[0], [evil()]);
            assert!(answers[1][0].starts_with("error"), "{answers:?}");
        }
    }
}

/// Keys in an ssh-agent sign each role as they are, and nothing in a role says whose it is.
#[test]
fn keys_that_sign_several_roles_as_they_are_are_counted_and_clients_take_one_role_for_another() {
    let (repo, _) = repository(120);
    let before = compromise(&repo, &["--holding", "online"]);
    assert_eq!(of(&before, "cheese")["malicious_update"], false);
    let admin = repo.path().join("offline-keys/admin-1.key");
    let admin = repo.run(&["key", "show", admin.to_str().unwrap(), "--format", "json"]).ok().json();
    let id = admin["keyid"].as_str().unwrap();
    let held = ["claimed", "unclaimed"].map(|role| format!("{role}={id}"));
    let args =
        ["--rotate", "claimed", "--as-it-is", &held[0], "--rotate", "unclaimed", "--as-it-is", &held[1]];
    let (_, file) = prepare(&repo, &[&["--older-than", "9d"][..], &args].concat());
    let safe = Safe::of(&repo, 1);
    let shown = repo.run(&["ceremony", "show", file.to_str().unwrap(), "--ledger", "none.ledger"]).ok();
    assert!(shown.stdout.contains("AS IT IS"), "{}", shown.stdout);
    let second = repo.path().join("offline-keys/admin-2.key");
    let second = repo.run(&["key", "show", second.to_str().unwrap(), "--format", "json"]).ok().json();
    let goes = ["claimed", "unclaimed"].map(|role| format!("{role}=-{}", second["keyid"].as_str().unwrap()));
    let plain = held.each_ref().map(|held| format!("{held}:as-it-is"));
    let trust = ["--trust", &plain[0], "--trust", &plain[1], "--trust", &goes[0], "--trust", &goes[1]];
    let apart = ["--trust", &held[0], "--trust", &held[1], "--trust", &goes[0], "--trust", &goes[1]];
    for lacks in [&trust[4..], &apart] {
        let (code, said, _) = safe.sign(&file, lacks);
        assert!(code == 3 && said["error"].as_str().unwrap().contains(":as-it-is"), "{lacks:?}: {said}");
    }
    let (code, said, signed) = safe.sign(&file, &trust);
    assert_eq!(code, 0, "{said}");
    apply(&repo, &[&signed]);
    repo.verify();

    let said = compromise(&repo, &["--holding", "online"]);
    let cheese = of(&said, "cheese");
    assert!(cheese["why"].as_str().unwrap().contains("another role that the same keys signed"), "{cheese}");
    let site = repo.site();
    let online = file::load(&repo.path().join(".tuffet/online.key"), &|_| Err(String::new())).unwrap();
    let digest = evil_path("cheese").parse::<tuffet::model::TargetPath>().unwrap().digest().to_string();
    let shown_as = |place: &str, other: &str| {
        let mut forgery = Forgery::on(&site);
        forgery.carry(&["cheese"]);
        for child in forgery.role("unclaimed")["delegations"]["roles"].as_array().unwrap() {
            let mut prefixes = child["path_hash_prefixes"].as_array().unwrap().iter();
            if prefixes.any(|prefix| digest.starts_with(prefix.as_str().unwrap())) {
                let bin = child["name"].as_str().unwrap();
                let mut signed = forgery.role(bin);
                signed["targets"][evil_path("cheese")] = attacked::evil_file();
                forgery.publish(bin, signed, &[&online]);
            }
        }
        let version = forgery.version(other);
        let bytes = forgery.served.read(&format!("metadata/{version}.{other}.json"));
        forgery.served.over.insert(format!("metadata/{version}.{place}.json"), bytes);
        forgery.list(place, version);
        forgery.serve(Some(&online), Some(&online))
    };
    let caches = Caches::of(&[(&site, vec![released("cheese", "2.0")])]);
    let mut cases = Vec::new();
    for place in ["targets", "claimed", "unclaimed"] {
        for other in ["targets", "claimed", "unclaimed"].into_iter().filter(|other| *other != place) {
            cases.extend([None, Some(site.clone())].map(|knows| Case {
                served: shown_as(place, other),
                root: site.join("metadata/1.root.json"),
                knows,
                ask: vec![evil_path("cheese")],
            }));
        }
    }
    let clients = [
        (attacked::python_tuf(&caches, &cases), ["new", "returning"]),
        (attacked::tough(&caches, &cases), ["new", "tough"]),
    ];
    for (answers, kinds) in clients {
        for (index, kind) in kinds.into_iter().enumerate() {
            let taken = answers.iter().skip(index).step_by(2).any(|answer| answer[0] == evil());
            let expected = cheese[kind]["malicious_update"] == true;
            assert_eq!(taken, expected, "{kind}: {answers:?}; {cheese}");
        }
    }
    assert_eq!(cheese["new"]["malicious_update"], true);
}
