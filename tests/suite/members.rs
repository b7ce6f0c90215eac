//! Co-maintainers, beside what promise 5 shows: outside of their patterns, in again, out, and about to lapse.

use super::authors::{Clients, repository};
use super::support::author::{Author, Forge, days_from_now, force, places, with_member};
use serde_json::Value;
use std::collections::BTreeMap;

#[test]
fn a_member_outside_of_the_pattern_is_refused_by_clients_when_it_is_forced_into_the_tree() {
    let repo = repository();
    let (author, alice) = (Author::known(11), Author::known(12));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &alice, "cheese-2.*");
    let release = alice.sign("cheese", &["2.0"], Some(&repo), &["--as", "alice"]);
    let mut forge = Forge::open(&release, 12);
    let path = "packages/cheese/cheese-3.0.tar.gz";
    forge.list("project.cheese.alice", path, b"forged");
    let known = Clients::of(&repo);
    let zip = repo.path().join("forged.zip");
    std::fs::write(&zip, forge.zip()).unwrap();
    let ran = repo.run(&["project", "accept", zip.to_str().unwrap(), "--format", "json"]);
    assert_eq!(ran.json()["refused"][0]["refusals"][0]["check"], "target-path");

    // Whoever holds the online key forces it in all the same.
    fn packed(name: &str) -> Option<&str> {
        name.strip_prefix("targets/").filter(|name| name.starts_with("packages/"))
    }
    let files = forge.files.iter().filter_map(|(name, bytes)| Some((packed(name)?, bytes)));
    let files: Vec<(&str, &[u8])> = files.map(|(name, bytes)| (name, bytes.as_slice())).collect();
    force(&repo, "project.cheese.alice", 2, &forge.sealed("project.cheese.alice"), &files);
    let digest = tuffet::model::Sha256::of(b"forged").to_string();
    known.refuse(&repo, &BTreeMap::from([(path.to_owned(), digest)]));
    let found = repo.run(&["verify", "--format", "json"]);
    assert_eq!(found.code, 1);
    let says = |finding: &&Value| finding["target"] == path && finding["role"] == "project.cheese.alice";
    let found = found.json();
    let finding =
        found["findings"].as_array().unwrap().iter().find(says).unwrap_or_else(|| panic!("{found}"));
    assert!(finding["what"].as_str().unwrap().starts_with("no client finds it"), "{finding}");
}

#[test]
fn an_author_is_told_whose_role_would_lapse_before_a_release_is_taken_in() {
    let repo = repository();
    let (author, alice) = (Author::known(11), Author::known(12));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &alice, "cheese-2.*");
    let zip = author.sign("cheese", &["1.1"], Some(&repo), &[]);
    // A snapshot that lives longer than Alice's role would lead to it after its end.
    let config = std::fs::read_to_string(repo.path().join("pipeline.toml")).unwrap();
    std::fs::write(repo.path().join("pipeline.toml"), config + "[expiry]\nsnapshot = \"800d\"\n").unwrap();
    let ran = repo.run(&["project", "accept", zip.to_str().unwrap(), "--format", "json"]);
    let refusals = ran.json()["refused"][0]["refusals"].clone();
    assert_eq!(refusals[0]["check"], "expiry", "{refusals}");
    assert_eq!(refusals[0]["file"], "project.cheese.alice");
}

#[test]
fn a_member_joins_again_and_is_taken_out_with_files_kept_or_gone() {
    let repo = repository();
    let (author, alice) = (Author::known(11), Author::known(12));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &alice, "cheese-2.*");
    repo.accept(&[&alice.sign("cheese", &["2.0"], Some(&repo), &["--as", "alice"])], &[]);
    let known = Clients::of(&repo);
    let (site, root) = places(Some(&repo));
    let from = ["--from", &site, "--root", &root];
    let hers = "packages/cheese/cheese-2.0-py3-none-any.whl";
    let zip = author.path().join("members.zip");
    let delegate = |more: &[&str]| {
        let all =
            ["author", "delegate", "cheese", "--key", author.key(), "--out", zip.to_str().unwrap(), "--yes"];
        author.run(&[&all[..], &from, more].concat()).ok();
        repo.accept(&[&zip], &[]);
        repo.verify();
        known.verify(&repo, &repo.all_targets());
    };
    // She joins again, for another pattern: what she had released is the author's to keep.
    let joining = alice.path().join("again.json");
    let joining = joining.to_str().unwrap();
    let join = ["author", "join", "cheese", "--as", "alice", "--key", alice.key(), "--out", joining];
    alice.run(&[&join[..], &from].concat()).ok();
    delegate(&["--member", joining, "--paths", "cheese-3.*", "--keep-files"]);
    assert!(repo.of_project("cheese").contains_key(hers));
    repo.accept(&[&alice.sign("cheese", &["3.0"], Some(&repo), &["--as", "alice"])], &[]);
    // Taken out, her files kept; and in again, under the version that follows.
    delegate(&["--remove", "alice", "--keep-files"]);
    assert_eq!(repo.of_project("cheese").keys().filter(|path| path.ends_with(".whl")).count(), 3);
    let joining = alice.path().join("third.json");
    let joining = joining.to_str().unwrap();
    alice.run(&[&join[..7], &["--out", joining], &from].concat()).ok();
    delegate(&["--member", joining]);
    repo.accept(&[&alice.sign("cheese", &["4.0"], Some(&repo), &["--as", "alice"])], &[]);
    delegate(&["--remove", "alice"]);
    assert_eq!(repo.of_project("cheese").keys().filter(|path| path.ends_with(".whl")).count(), 3);
    // What she released last goes with the sweep; the rest stays.
    repo.run(&["sweep", "--now", &days_from_now(3)]).ok();
    assert!(!repo.site().join("packages/cheese/cheese-4.0-py3-none-any.whl").exists());
    repo.build(&[]);
    repo.verify();
}
