//! Clocks that are wrong: versions rise all the same, nothing ends before its time, and nobody is left without a word.

use super::support::author::{Author, days_from_now, wheel};
use super::support::scenes::at;
use super::support::{Repo, clients, snapshot_of};
use serde_json::Value;
use std::process::Command;

fn codes(out: &Value) -> Vec<&str> {
    out["warnings"].as_array().unwrap().iter().map(|warning| warning["code"].as_str().unwrap()).collect()
}

fn ends(repo: &Repo) -> String {
    repo.signed("timestamp.json")["expires"].as_str().unwrap().to_owned()
}

#[test]
fn a_clock_that_was_set_back_by_hours_signs_on_and_nothing_ends_earlier() {
    let repo = Repo::published(3);
    repo.add_wheel(10);
    repo.build(&at(5));
    let (before, versions) = (ends(&repo), repo.versions());
    repo.add_wheel(11);
    let out = repo.build(&[]);
    assert_eq!(codes(&out), ["clock"]);
    assert!(ends(&repo) >= before, "{} ends before {before}", ends(&repo));
    let after = repo.versions();
    assert!(after.iter().all(|(role, version)| versions[role] <= *version));
    assert!(after != versions);
    repo.verify();
    clients::python_tuf(&repo.site(), &repo.path().join("client"), &repo.targets());
    // As long as the clock is behind, every run says so, and none of them hangs or loses count.
    assert_eq!(codes(&repo.build(&[])), ["clock"]);
}

#[test]
fn a_clock_that_is_days_behind_signs_nothing_until_somebody_has_looked() {
    let repo = Repo::published(3);
    repo.add_wheel(10);
    repo.build(&["--now", &days_from_now(10)]);
    let before = snapshot_of(&repo.site());
    repo.add_wheel(11);
    for args in [&["build"][..], &["sweep"], &["project", "revoke", "p1", "--yes"]] {
        let ran = repo.run(args);
        assert_eq!(ran.code, 3, "{ran:?}");
        let words: Vec<&str> = ran.stderr.split_whitespace().collect();
        let said = words.join(" ");
        assert!(
            said.contains("Set the clock right. If it is right, and was ahead then, say so by --now 20"),
            "{said}"
        );
    }
    assert_eq!(snapshot_of(&repo.site()), before);
    // It was ahead then. What that run signed for ten days more is signed anew, and all goes on as before.
    let now = days_from_now(0);
    let out = repo.build(&["--now", &now]);
    assert_eq!((out["published"].as_bool(), codes(&out)), (Some(true), vec![]));
    assert!(ends(&repo) < days_from_now(2), "{}", ends(&repo));
    repo.verify();
    repo.add_wheel(12);
    assert_eq!(codes(&repo.build(&[])), Vec::<&str>::new());
    clients::python_tuf(&repo.site(), &repo.path().join("client"), &repo.targets());
}

#[test]
fn what_a_clock_that_was_ahead_signed_is_signed_anew_though_nothing_changes() {
    let repo = Repo::published(3);
    repo.add_wheel(10);
    repo.build(&["--now", &days_from_now(10)]);
    let out = repo.build(&["--now", &days_from_now(0)]);
    assert_eq!(out["published"], true, "{out}");
    assert!(ends(&repo) < days_from_now(2), "{}", ends(&repo));
    let out = repo.build(&[]);
    assert_eq!((&out["published"], codes(&out)), (&false.into(), vec![]));
}

/// Nobody but its author gives a project back that was suspended.
#[test]
fn a_clock_that_is_past_the_end_of_offline_roles_suspends_nobody() {
    let config = "[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n[expiry]\nroot = \"2000d\"\n";
    let repo = Repo::with_config(config);
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    repo.build(&["--init"]);
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let files = repo.of_project("cheese");
    // The author's role lives for 730 days, `claimed` for 90 and `targets` for a year.
    let ahead = days_from_now(729);
    let out = repo.build(&["--now", &ahead]);
    assert!(codes(&out).contains(&"offline-expiry") && codes(&out).contains(&"author-expiry"), "{out}");
    assert_eq!(out["suspended"], serde_json::json!([]), "{out}");
    repo.build(&["--now", &days_from_now(0)]);
    assert_eq!(repo.of_project("cheese"), files);
    repo.verify();
}

#[test]
fn a_now_far_from_the_systems_clock_is_worth_a_word() {
    let repo = Repo::published(3);
    assert_eq!(codes(&repo.build(&["--now", &days_from_now(0)])), Vec::<&str>::new());
    assert_eq!(codes(&repo.build(&["--now", &days_from_now(3)])), ["clock"]);
    // Whoever builds the same tree twice means it; who has it in the environment by chance would take the site down.
    let output = repo.command(&["build", "--format", "json"]).env("SOURCE_DATE_EPOCH", "1700000000").output();
    let out: Value = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    assert_eq!(codes(&out), ["clock"]);
    let said = out["warnings"][0]["message"].as_str().unwrap();
    assert!(
        said.starts_with("SOURCE_DATE_EPOCH says 2023-11-14") && said.contains("ends as much earlier"),
        "{said}"
    );
    // Then everything that `init` and an author sign has ended.
    let fresh = Repo::with_config("[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n");
    let output = fresh.command(&["init"]).env("SOURCE_DATE_EPOCH", "1700000000").output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("warning[clock]: "));
    let author = Author::known(11);
    let dist = author.dist("cheese", &["1.0"]);
    let key = author.key.to_str().unwrap();
    let args =
        ["author", "sign", "cheese", "--dist", dist.to_str().unwrap(), "--key", key, "--out", "cheese.zip"];
    for (moment, warns) in [(Some("1700000000"), true), (None, false)] {
        let mut command = author.command(&args);
        moment.map(|moment| command.env("SOURCE_DATE_EPOCH", moment));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap().contains("warning[clock]: "), warns);
        std::fs::remove_file(author.path().join("cheese.zip")).unwrap();
    }
}

/// libfaketime makes a second of the machine's last so many for the program.
fn hurried(repo: &Repo, how: &str, args: &[&str]) -> Value {
    let mut command = Command::new("faketime");
    command.args(["-f", how]).arg(env!("CARGO_BIN_EXE_tuffet")).args(args).args(["--format", "json"]);
    let output = clients::run(command.current_dir(repo.path()), "faketime, from Debian's faketime");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_clock_that_jumps_within_a_run_is_read_once() {
    let repo = Repo::published(3);
    for (number, how) in [(20, "+0 x1000000"), (21, "+0 i3600.0"), (22, "-2h"), (23, "+3h"), (24, "+0")] {
        let versions = repo.versions();
        repo.add_wheel(number);
        let out = hurried(&repo, how, &["build"]);
        assert_eq!((&out["published"], &out["files"]["added"]), (&true.into(), &1.into()), "{how}: {out}");
        assert!(repo.versions().iter().all(|(role, version)| versions[role] <= *version), "{how}");
        // Every role of the run ends at one moment for each life, whatever the clock did meanwhile.
        let snapshot = repo.signed("timestamp.json")["meta"]["snapshot.json"]["version"].clone();
        assert_eq!(repo.signed(&format!("{snapshot}.snapshot.json"))["expires"], *ends(&repo), "{how}");
        repo.verify();
    }
    clients::python_tuf(&repo.site(), &repo.path().join("client"), &repo.targets());
}
