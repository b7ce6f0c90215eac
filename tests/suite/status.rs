//! `status` and `explain`: what an operator sees of a tree that is well, and of one that is not.

use super::index::sample;
use super::support::{Repo, known};
use serde_json::Value;

fn status(repo: &Repo, args: &[&str]) -> Value {
    repo.run(&[&["status", "--format", "json"], args].concat()).ok().json()
}

/// The health of one role.
fn health(status: &Value, role: &str) -> String {
    let roles = status["roles"].as_array().unwrap();
    let role = roles.iter().find(|listed| listed["role"] == role).unwrap_or_else(|| panic!("no {role}"));
    role["health"].as_str().unwrap().to_owned()
}

#[test]
fn a_healthy_tree_is_described_and_raises_no_alarm() {
    let repo = sample();
    let said = status(&repo, &["--within", "30d"]);
    let roles = said["roles"].as_array().unwrap();
    assert_eq!(roles.len(), 7 + 16);
    for (role, custody, threshold, keys) in [
        ("root", "offline", 2, 3),
        ("targets", "offline", 1, 2),
        ("claimed", "offline", 1, 2),
        ("unclaimed", "offline", 1, 2),
        ("recently-claimed", "online", 1, 1),
        ("bin-7", "online", 1, 1),
        ("snapshot", "online", 1, 1),
        ("timestamp", "online", 1, 1),
    ] {
        let listed = roles.iter().find(|listed| listed["role"] == role).unwrap();
        assert_eq!(
            (&listed["custody"], &listed["threshold"], listed["keys"].as_array().unwrap().len()),
            (&custody.into(), &threshold.into(), keys),
            "{role}"
        );
        assert_eq!(
            listed["version"].as_u64(),
            repo.versions().get(role).copied().or(listed["version"].as_u64())
        );
        assert_eq!(listed["health"], "well", "{role}");
    }
    assert_eq!(said["projects"], serde_json::json!({"unclaimed": 5, "recently_claimed": 0, "claimed": 0}));
    assert_eq!((&said["held"], &said["queue"]), (&serde_json::json!([]), &serde_json::json!([])));
    let text = repo.run(&["status"]).ok().stdout;
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("16 bins") && text.contains("5 unclaimed"), "{text}");
}

#[test]
fn what_is_due_ends_soon_or_has_expired_raises_the_alarm() {
    let repo = known::repo();
    repo.add_wheel(1);
    repo.run(&["build", "--now", known::MADE]).ok();
    // Made on 1 January: a day for snapshot and timestamp, seven for bins, 90 for claimed.
    let table = [
        ("2026-01-01T01:00:00Z", "30d", 0, "timestamp", "well"),
        ("2026-01-01T23:00:00Z", "30d", 1, "timestamp", "due"),
        ("2026-01-02T00:00:00Z", "30d", 1, "timestamp", "expired"),
        ("2026-01-07T12:00:00Z", "30d", 1, "bin-0", "due"),
        ("2026-03-31T00:00:00Z", "2d", 1, "claimed", "ends-soon"),
        ("2026-12-31T00:00:00Z", "2d", 1, "root", "ends-soon"),
        ("2027-01-02T00:00:00Z", "2d", 1, "root", "expired"),
    ];
    for (now, within, code, role, wanted) in table {
        let ran = repo.run(&["status", "--now", now, "--within", within, "--format", "json"]);
        assert_eq!(ran.code, code, "{now}: {}", ran.stdout);
        assert_eq!(health(&ran.json(), role), wanted, "{now} {role}");
        assert_eq!(repo.run(&["status", "--now", now]).code, 0, "without --within it only tells");
    }
    let text = repo.run(&["status", "--now", "2027-01-02T00:00:00Z"]).ok().stdout;
    assert!(text.lines().any(|line| line.starts_with("root ") && line.contains("EXPIRED")), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    // A span as long as the life of an offline role is never out of it.
    assert_eq!(repo.run(&["status", "--now", known::MADE, "--within", "366d"]).code, 1);
}

#[test]
fn held_files_are_shown_until_they_are_taken() {
    let repo = Repo::published(4);
    repo.add("p2-1.0-py3-none-any.whl", b"other bytes");
    repo.build(&[]);
    let held = status(&repo, &[])["held"].clone();
    assert_eq!(held.as_array().unwrap().len(), 1);
    assert_eq!(held[0]["target"], "packages/p2/p2-1.0-py3-none-any.whl");
    assert!(held[0]["why"].as_str().unwrap().contains("--replace p2-1.0-py3-none-any.whl"), "{held}");
    assert!(repo.run(&["status"]).ok().stdout.contains("1 file"));
    let explained = repo.run(&["explain", "p2"]).ok().stdout;
    assert!(explained.contains("held: p2-1.0-py3-none-any.whl"), "{explained}");
    std::fs::remove_dir_all(repo.path().join(".tuffet/cache")).unwrap();
    assert_eq!(status(&repo, &[])["held_known"], false, "no record is not the same as nothing held");
    repo.build(&["--replace", "p2-1.0-py3-none-any.whl"]);
    let said = status(&repo, &[]);
    assert_eq!((&said["held"], &said["held_known"]), (&serde_json::json!([]), &true.into()));
}

#[test]
fn names_of_files_play_no_tricks_on_a_terminal() {
    let repo = Repo::published(1);
    let name = "e\u{1b}[31m\u{1b}]0;pwn\u{7}/p0-1.0-py3-none-any.whl";
    repo.remove("p0-1.0-py3-none-any.whl");
    repo.add(name, b"other bytes");
    for command in [&["build"][..], &["status"], &["explain", "p0"]] {
        let ran = repo.run(command).ok();
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("u{1b}") && !said.contains(['\u{1b}', '\u{7}']), "{command:?}: {said:?}");
    }
}

#[test]
fn a_collector_reads_the_metrics() {
    let repo = sample();
    let text = repo.run(&["status", "--format", "prometheus"]).ok().stdout;
    let mut families = std::collections::BTreeSet::new();
    let mut samples = 0;
    for line in text.lines() {
        // The exposition format: a comment of three kinds, or name{labels} value.
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert!(families.insert(rest.split(' ').next().unwrap()), "{line}: declared twice");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(families.contains(name.split('{').next().unwrap()), "{line}: not declared");
            samples += 1;
        }
    }
    assert!(samples > 15, "{text}");
    let roles = status(&repo, &[])["roles"].clone();
    let root: tuffet::model::Moment = roles[0]["expires"].as_str().unwrap().parse().unwrap();
    let line =
        format!("tuffet_role_expires_timestamp_seconds{{role=\"root\",custody=\"offline\"}} {}", root.unix());
    assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    let refused = repo.run(&["build", "--format", "prometheus"]);
    assert_eq!(refused.code, 2);
}

#[test]
fn what_alarms_go_by_grows_as_things_get_worse() {
    let repo = known::repo();
    repo.add_wheel(1);
    repo.run(&["build", "--now", known::MADE]).ok();
    let value = |now: &str, name: &str| -> f64 {
        let text = repo.run(&["status", "--format", "prometheus", "--now", now]).ok().stdout;
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{text}"));
        line.trim().parse().unwrap()
    };
    for (now, due) in
        [("2026-01-01T01:00:00Z", 0.0), ("2026-01-01T23:00:00Z", 1.0), ("2026-02-01T00:00:00Z", 1.0)]
    {
        assert_eq!(value(now, "tuffet_roles_due{role=\"timestamp\"}"), due, "{now}");
    }
    // A clock that was set back shows, too.
    let before = "2025-12-30T00:00:00Z";
    assert_eq!(value(before, "tuffet_last_run_age_seconds"), -2.0 * 86_400.0);
    let said = repo.run(&["status", "--now", before]).ok().stdout;
    assert!(said.contains("AHEAD of this clock") && said.lines().all(|line| line.len() <= 80), "{said}");
}

/// The line that the last run wrote.
fn account(repo: &Repo) -> Value {
    let journal = std::fs::read_to_string(repo.path().join(".tuffet/journal.jsonl")).unwrap();
    serde_json::from_str(journal.lines().last().unwrap()).unwrap()
}

#[test]
fn the_journal_says_why_each_role_was_signed() {
    let repo = known::repo();
    repo.add_wheel(1);
    repo.run(&["build", "--now", known::MADE]).ok();
    let whys = |repo: &Repo| -> Vec<(String, String)> {
        let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
        let signed = account(repo)["signed"].as_array().unwrap().clone();
        signed.iter().map(|one| (text(one, "role"), text(one, "why"))).collect()
    };
    let pairs = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        all.iter().map(|(role, why)| ((*role).to_owned(), (*why).to_owned())).collect()
    };
    // Nothing is new, and the two that live for a day are over the middle of it.
    repo.run(&["build", "--now", "2026-01-01T20:00:00Z"]).ok();
    assert_eq!(whys(&repo), pairs(&[("snapshot", "due"), ("timestamp", "leads")]));
    repo.add_wheel(2);
    repo.run(&["build", "--now", "2026-01-01T21:00:00Z"]).ok();
    let signed = whys(&repo);
    assert!(signed[0].0.starts_with("bin-") && signed[0].1 == "changed", "{signed:?}");
    assert_eq!(signed[signed.len() - 2..], pairs(&[("snapshot", "leads"), ("timestamp", "leads")]));
    assert_eq!(account(&repo)["targets"], serde_json::json!([1, 0, 0, 0]));
    // Bins live for a week.
    repo.run(&["build", "--now", "2026-01-08T00:00:00Z"]).ok();
    assert!(whys(&repo).contains(&("bin-0".to_owned(), "due".to_owned())), "{:?}", whys(&repo));
}

#[test]
fn explain_names_the_roles_and_who_could_forge() {
    let repo = sample();
    for (name, standing, last) in [
        ("Tuffet.Greeting", Some("unclaimed"), "bin-"),
        ("packages/curds/curds-1.0.0.tar.gz", Some("unclaimed"), "bin-"),
        ("simple/index.html", None, "bin-"),
    ] {
        let json = repo.run(&["explain", name, "--format", "json"]).ok().json();
        assert_eq!(json["standing"].as_str(), standing);
        let chain: Vec<&str> =
            json["chain"].as_array().unwrap().iter().map(|role| role["role"].as_str().unwrap()).collect();
        assert_eq!(chain[..5], ["root", "targets", "claimed", "recently-claimed", "unclaimed"]);
        assert!(chain[5..].iter().all(|role| role.starts_with(last)) && chain.len() > 5, "{chain:?}");
        let online = &repo.signed("1.root.json")["roles"]["timestamp"]["keyids"][0];
        assert!(json["verdict"].as_str().unwrap().contains(&online.as_str().unwrap()[..8]), "{json}");
        for target in json["targets"].as_array().unwrap() {
            assert_eq!(repo.targets()[target["path"].as_str().unwrap()], target["sha256"].as_str().unwrap());
        }
        let text = repo.run(&["explain", name]).ok().stdout;
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
    let unknown = repo.run(&["explain", "curds-1.0.0.tar.gz"]);
    assert_eq!(unknown.code, 2);
    let said = unknown.stderr.replace("\n ", "");
    assert!(said.contains("did you mean packages/curds/curds-1.0.0.tar.gz?"), "{said}");
}

#[test]
fn a_tree_that_does_not_verify_is_not_described() {
    let repo = Repo::published(2);
    std::fs::write(repo.site().join("metadata/1.targets.json"), b"{}").unwrap();
    for command in [&["status"][..], &["explain", "p1"]] {
        let ran = repo.run(command);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!(ran.stderr.contains("1.targets.json"), "{}", ran.stderr);
    }
}
