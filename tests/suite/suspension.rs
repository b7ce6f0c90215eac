//! What is not published although it is there: held files, roles that would lapse, revoked projects.

use super::authors::{Clients, repository};
use super::support::author::{Author, days_from_now, places, released, wheel, with_member};
use super::support::{Repo, snapshot_of};
use serde_json::json;
use tuffet::model::Moment;

#[test]
fn files_in_the_mirror_that_the_author_did_not_sign_are_held_and_shown() {
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let (name, bytes) = wheel("cheese", "1.1");
    repo.add(&name, &bytes);
    let (other, _) = wheel("cheese", "1.0");
    repo.add(&other, b"not what was signed");
    let before = snapshot_of(&repo.site());
    let out = repo.build(&[]);
    assert_eq!((&out["published"], &out["files"]["held"]), (&json!(false), &json!(2)), "{out}");
    assert!(out["warnings"].as_array().unwrap().iter().all(|warning| warning["code"] == "not-signed"));
    assert_eq!(snapshot_of(&repo.site()), before);
    for command in [&["status"][..], &["explain", "cheese"], &["project", "list"]] {
        let shown = repo.run(command).ok().stdout;
        assert!(shown.contains(&name) && shown.contains(&other), "{command:?}: {shown}");
    }
    // Once signed, the one is no longer held; the other stays what was signed.
    repo.accept(&[&author.sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
    let held = repo.run(&["status", "--format", "json"]).ok().json()["held"].clone();
    assert_eq!(held.as_array().unwrap().len(), 1, "{held}");
    assert_eq!(repo.build(&[])["files"]["held"], 1);
    repo.verify();
}

#[test]
fn a_role_is_warned_of_and_suspended_before_it_lapses_and_never_after() {
    // Days before the role lapses; what `status` and `build` say; whether clients take its files.
    for (left, health, code, published) in [
        (150, "well", None, true),
        (20, "ends-soon", Some("author-expiry"), true),
        (1, "well", Some("suspended"), false),
        (-1, "well", Some("suspended"), false),
    ] {
        let config = "[source]\npath = \"dists\"\n[site]\ntough_alias = true\n[keys]\ninsecure_plain = true\n\
                      [expiry]\nroot = \"2000d\"\ntargets = \"2000d\"\nclaimed = \"2000d\"\nunclaimed = \"2000d\"\n";
        let repo = Repo::with_config(config);
        let (name, bytes) = wheel("milk", "1.0");
        repo.add(&name, &bytes);
        let then = days_from_now(left - 730);
        repo.run(&["build", "--init", "--now", &then]).ok();
        let author = Author::known(11);
        let zip = author.sign("cheese", &["1.0"], None, &["--now", &then]);
        let register = format!("cheese={}", author.keyid());
        repo.accept(&[&zip], &["--register", &register, "--now", &then]);
        let files = repo.of_project("cheese");
        let out = repo.build(&[]);
        let codes: Vec<&str> =
            out["warnings"].as_array().unwrap().iter().map(|w| w["code"].as_str().unwrap()).collect();
        assert_eq!(codes.first().copied(), code, "{left}: {out}");
        assert_eq!(out["suspended"], if published { json!([]) } else { json!(["cheese"]) }, "{left}");
        let status = repo.run(&["status", "--format", "json"]).ok().json();
        let roles = status["roles"].as_array().unwrap();
        let role = roles.iter().find(|role| role["role"] == "project.cheese").unwrap();
        assert_eq!(role["health"], health, "{left}: {role}");
        assert_eq!(repo.run(&["status", "--within", "30d"]).code, i32::from(left == 20), "{left}");
        repo.verify();
        // Everything else is taken in any case, by tough too, which a lapsed role would stop.
        let known = Clients::of(&repo);
        if published {
            known.verify(&repo, &files);
            continue;
        }
        known.refuse(&repo, &files);
        assert!(!repo.all_targets().keys().any(|path| path.contains("/cheese/")));
        // Nothing of it falls to the bins, though the mirror has it; a sweep keeps what was signed.
        let (name, bytes) = wheel("cheese", "1.0");
        repo.add(&name, &bytes);
        assert_eq!(repo.build(&[])["files"]["held"], 1, "{left}");
        repo.run(&["sweep", "--grace", "1s", "--now", &days_from_now(3)]).ok();
        repo.run(&["build"]).ok();
        repo.verify();
        let listed = repo.run(&["project", "list"]).ok().stdout;
        assert!(listed.contains("suspended"), "{listed}");
        // The author comes back with the same key: no --register is needed.
        let again = author.sign("cheese", &[], Some(&repo), &["--yes"]);
        let taken = repo.accept(&[&again], &[]);
        assert_eq!(taken["accepted"][0]["project"], "cheese", "{taken}");
        assert_eq!(repo.of_project("cheese"), files);
        repo.verify();
        known.verify(&repo, &files);
    }
}

/// Once it is claimed nothing but another ceremony suspends it.
#[test]
fn a_project_that_is_about_to_lapse_is_not_signed_over_and_comes_back_without_a_word_of_suspension() {
    for (left, is_left_out) in [(60, false), (20, true), (1, true)] {
        let config = "[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n\
                      [expiry]\nroot = \"2000d\"\ntargets = \"2000d\"\nclaimed = \"2000d\"\nunclaimed = \"2000d\"\n";
        let repo = Repo::with_config(config);
        let (name, bytes) = wheel("milk", "1.0");
        repo.add(&name, &bytes);
        let then = days_from_now(left - 730);
        repo.run(&["build", "--init", "--now", &then]).ok();
        let author = Author::known(11);
        let zip = author.sign("cheese", &["1.0"], None, &["--now", &then]);
        let register = format!("cheese={}", author.keyid());
        repo.accept(&[&zip], &["--register", &register, "--now", &then]);
        let file = repo.path().join("ceremony.json");
        let args = ["ceremony", "prepare", "--format", "json", "--out", file.to_str().unwrap()];
        let out = repo.run(&args).ok().json();
        let says = out["stale"][0]["why"].as_str().is_some_and(|why| why.contains("project.cheese ends on"));
        assert_eq!((out["promoted"] == json!([]), says), (is_left_out, is_left_out), "{left}: {out}");
        // The last build was half a day ago, and had no reason to suspend it; the next one would have.
        let unix = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        let before = Moment::from_unix(i64::try_from(unix).unwrap() - 43_200).unwrap().to_string();
        assert_eq!(repo.build(&["--now", &before])["suspended"], json!([]), "{left}");
        let renewed = repo.accept(&[&author.sign("cheese", &["1.1"], Some(&repo), &[])], &[]);
        assert!(!renewed.to_string().contains("suspended"), "{left}: {renewed}");
        repo.verify();
    }
}

#[test]
fn a_revoked_project_stays_reserved_until_somebody_is_registered_again() {
    let repo = repository();
    let (author, other) = (Author::known(11), Author::known(14));
    repo.register(&author, "cheese", &["1.0"]);
    let known = Clients::of(&repo);
    let files = repo.of_project("cheese");
    assert_eq!(repo.run(&["project", "revoke", "milk", "--yes"]).code, 2);
    assert_eq!(repo.run(&["project", "revoke", "cheese"]).code, 2, "nobody was asked");
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    known.refuse(&repo, &files);
    // pip finds nothing of it, and after a sweep nobody gets a file by its plain name.
    let there = |name: &str| repo.site().join(name).exists();
    assert!(!there("simple/cheese/index.html") && !there("simple/cheese/index.v1_json"));
    repo.run(&["sweep", "--now", &days_from_now(3)]).ok();
    assert!(!there("packages/cheese/cheese-1.0-py3-none-any.whl"));
    repo.build(&[]);
    repo.verify();
    let (name, bytes) = wheel("cheese", "1.0");
    repo.add(&name, &bytes);
    assert_eq!(repo.build(&[])["files"]["held"], 1);
    repo.verify();
    known.verify(&repo, &repo.all_targets());
    // The key that was taken away opens nothing by itself, and another needs the operator, too.
    let again = author.sign("cheese", &[], Some(&repo), &["--yes"]);
    let refused = repo.run(&["project", "accept", again.to_str().unwrap(), "--format", "json"]);
    assert_eq!(refused.json()["refused"][0]["refusals"][0]["check"], "registration");
    let taken = other.sign("cheese", &["2.0"], Some(&repo), &["--yes"]);
    repo.accept(&[&taken], &["--register", &format!("cheese={}", other.keyid())]);
    repo.verify();
    known.verify(&repo, &repo.of_project("cheese"));
}

/// The snapshot in which the project was suspended is kept, and says nothing of what its member has released since.
#[test]
fn a_sweep_leaves_alone_what_a_member_released_since_the_project_came_back() {
    let repo = repository();
    let (author, alice) = (Author::known(11), Author::known(12));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &alice, "cheese-2.*");
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    let again = author.sign("cheese", &[], Some(&repo), &["--yes"]);
    repo.accept(&[&again], &["--register", &format!("cheese={}", author.keyid())]);
    let joining = alice.path().join("again.json");
    let joining = joining.to_str().unwrap();
    let (site, root) = places(Some(&repo));
    let join = ["author", "join", "cheese", "--as", "alice", "--key", alice.key(), "--out", joining];
    alice.run(&[&join[..], &["--from", &site, "--root", &root]].concat()).ok();
    let what = ["--member", joining, "--paths", "cheese-2.*"];
    repo.accept(&[&author.delegate("cheese", &repo, &what)], &[]);
    repo.accept(&[&alice.sign("cheese", &["2.0"], Some(&repo), &["--as", "alice"])], &[]);
    repo.run(&["sweep"]).ok();
    assert!(repo.site().join(released("cheese", "2.0")).exists());
    repo.verify();
}

#[test]
fn what_is_revoked_here_is_to_be_removed_where_the_site_is_uploaded_to() {
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let manifest = repo.path().join("to-do.txt");
    let upload = |repo: &Repo| {
        repo.run(&["build", "--manifest", manifest.to_str().unwrap()]).ok();
        let text = std::fs::read_to_string(&manifest).unwrap();
        std::fs::remove_file(&manifest).unwrap();
        text
    };
    let first = upload(&repo);
    for name in ["upload simple/cheese/index.html", "upload metadata/1.project.cheese.json"] {
        assert!(first.contains(name), "{first}");
    }
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    let second = upload(&repo);
    for name in
        ["remove simple/cheese/index.html", "remove simple/cheese/index.v1_json", "purge simple/cheese/"]
    {
        assert!(second.contains(name), "{second}");
    }
    // And the author comes back.
    let again = author.sign("cheese", &[], Some(&repo), &["--yes"]);
    repo.accept(&[&again], &["--register", &format!("cheese={}", author.keyid())]);
    let third = upload(&repo);
    assert!(third.contains("upload simple/cheese/index.html") && !third.contains("remove simple"), "{third}");
}
