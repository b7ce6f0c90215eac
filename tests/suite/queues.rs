//! Changes of a claimed project's keys: they wait for a ceremony, and what the ledger of a signer knows decides.

use super::authors::{CONFIG, Clients, repository};
use super::ceremonies::{Safe, apply, ceremony, prepare};
use super::planted::force_changed;
use super::support::Repo;
use super::support::author::{Author, days_from_now, wheel};
use serde_json::{Value, json};
use std::path::Path;
use tuffet::ceremony::Ceremony;
use tuffet::model::{Envelope, Version};

/// A repository with `cheese` claimed, and its author; `milk` is nobody's.
fn claimed() -> (Repo, Safe, Author) {
    let repo = repository();
    let safe = Safe::of(&repo, 1);
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    ceremony(&repo, &safe, &["--confirm-all"]);
    (repo, safe, author)
}

fn rekey(repo: &Repo, zip: &Path, to: &Author) -> Value {
    let register = format!("cheese={}", to.keyid());
    let args = ["project", "rekey", zip.to_str().unwrap(), "--register", &register, "--format", "json"];
    repo.run(&args).ok().json()
}

/// What the signer was shown of a project.
fn shown(said: &Value, project: &str) -> (bool, bool) {
    let roles = said["roles"].as_array().unwrap().iter();
    let mut all = roles.flat_map(|role| role["projects"].as_array().unwrap());
    let one = all.find(|one| one["project"] == project).unwrap_or_else(|| panic!("{project}: {said}"));
    (one["approved"].as_bool().unwrap(), one["consent"].as_bool().unwrap())
}

#[test]
fn a_rekey_that_the_old_key_agreed_to_is_signed_and_parent_and_child_change_in_one_swap() {
    let (repo, safe, author) = claimed();
    let heir = Author::known(14);
    let known = Clients::of(&repo);
    let old = author.key().to_owned();
    let zip = heir.sign("cheese", &["1.1"], Some(&repo), &["--rekey", "--yes", "--old-key", &old]);
    assert_eq!(rekey(&repo, &zip, &heir)["queued"], json!(["cheese"]));
    std::fs::remove_file(&zip).unwrap();
    let status = repo.run(&["status", "--format", "json"]).ok().json();
    assert_eq!(status["queue"], json!(["cheese: other keys"]));
    // Until the ceremony everything goes on as it was, and what waits waits on the disk of the index.
    known.verify(&repo, &repo.all_targets());
    let (out, file) = prepare(&repo, &[]);
    assert_eq!(out["rekeyed"], json!(["cheese"]));
    // A release of the old key's would put the change of keys out of date: it waits.
    let late = author.sign("cheese", &["1.2"], Some(&repo), &[]);
    assert_eq!(repo.run(&["project", "accept", late.to_str().unwrap()]).code, 3);
    let (code, said, signed) = safe.sign(&file, &[]);
    assert_eq!((code, shown(&said, "cheese")), (0, (true, true)), "{said}");
    assert_eq!(apply(&repo, &[&signed])["rekeyed"], json!(["cheese"]));
    repo.verify();
    known.verify(&repo, &repo.all_targets());
    assert!(repo.of_project("cheese").keys().any(|path| path.ends_with("cheese-1.1-py3-none-any.whl")));
    let listed = repo.run(&["project", "list", "--format", "json"]).ok().json();
    assert_eq!(listed["projects"][0]["keys"], json!([heir.keyid()]));
    // The heir releases, the old key does not.
    repo.accept(&[&heir.sign("cheese", &["2.0"], Some(&repo), &[])], &[]);
    assert_eq!(repo.run(&["project", "accept", late.to_str().unwrap()]).code, 3);
    known.verify(&repo, &repo.all_targets());
    let status = repo.run(&["status", "--format", "json"]).ok().json();
    assert_eq!(status["queue"], json!([]));
}

/// What is published is what was before the change that was given up, and the ledger knows the one after it.
#[test]
fn a_rekey_that_was_signed_and_abandoned_is_signed_again_by_the_signers_word() {
    let (repo, safe, author) = claimed();
    let heir = Author::known(14);
    let old = author.key().to_owned();
    let zip = heir.sign("cheese", &["1.1"], Some(&repo), &["--rekey", "--yes", "--old-key", &old]);
    rekey(&repo, &zip, &heir);
    let (_, file) = prepare(&repo, &[]);
    assert_eq!(safe.sign(&file, &[]).0, 0);
    repo.run(&["ceremony", "abandon"]).ok();
    let (_, file) = prepare(&repo, &[]);
    // Without a word of the signer's on the project, nothing of it is signed; nor with one on somebody else's key.
    let strange = format!("cheese={}", Author::known(99).keyid());
    for more in
        [&["--abandoned"][..], &["--abandoned", "--confirm-all"], &["--abandoned", "--confirm", &strange]]
    {
        assert_eq!(safe.sign(&file, more).0, 3, "{more:?}");
    }
    let confirm = format!("cheese={}", heir.keyid());
    let (code, said, signed) = safe.sign(&file, &["--abandoned", "--confirm", &confirm]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(apply(&repo, &[&signed])["rekeyed"], json!(["cheese"]));
    repo.verify();
    Clients::of(&repo);
}

#[test]
fn a_rekey_that_only_the_index_asks_for_needs_the_signers_word() {
    let (repo, safe, author) = claimed();
    let heir = Author::known(14);
    let zip = heir.sign("cheese", &[], Some(&repo), &["--rekey", "--yes"]);
    rekey(&repo, &zip, &heir);
    let (_, file) = prepare(&repo, &[]);
    // A consent that somebody else has signed is none, nor is one that is older than the key.
    let honest = Ceremony::read(&file).unwrap();
    let name = tuffet::model::ProjectName::normalise("cheese").unwrap();
    let heirs = &tuffet::model::forms::projects_of(honest.steps[0].after.signed())[&name];
    for (by, at) in [(14, days_from_now(0)), (11, days_from_now(-30))] {
        use tuffet::keys::Signer as _;
        let at: tuffet::model::Moment = at.parse().unwrap();
        let covered = tuffet::trust::Consent::covered(&name, &heirs.keys, 1, at).unwrap();
        let signatures = vec![super::support::known::key(by).sign(&covered).unwrap()];
        let mut forged = honest.clone();
        forged.consents.insert(name.clone(), tuffet::trust::Consent { at, signatures });
        let path = repo.path().join("forged.json");
        forged.write(&path).unwrap();
        let (code, said, _) = safe.sign(&path, &["--confirm-all"]);
        assert_eq!((code, shown(&said, "cheese")), (0, (false, false)), "{said}");
    }
    let (_, said, unsigned) = safe.sign(&file, &["--confirm-all"]);
    assert_eq!(shown(&said, "cheese"), (false, false), "{said}");
    let ran = repo.run(&["ceremony", "apply", unsigned.to_str().unwrap()]);
    assert!(ran.code == 3 && ran.stderr.contains("nothing was approved"), "{ran:?}");
    let told = safe.told(&file, &["--confirm-all"]);
    assert!(told.contains("Nothing is left in it") && !told.contains("ceremony apply"), "{told}");
    assert!(told.contains("with --confirm for what you know"), "{told}");
    let (code, _, signed) = safe.sign(&file, &["--confirm", &format!("cheese={}", heir.keyid())]);
    assert_eq!(code, 0);
    assert_eq!(apply(&repo, &[&signed])["rekeyed"], json!(["cheese"]));
    repo.verify();
    Clients::of(&repo);
    drop(author);
}

#[test]
fn a_revoked_claimed_project_ends_in_an_empty_role_of_the_administrators_until_its_name_is_freed() {
    let (repo, safe, _author) = claimed();
    let known = Clients::of(&repo);
    let files = repo.of_project("cheese");
    let (name, bytes) = wheel("cheese", "0.9");
    repo.add(&name, &bytes);
    assert_eq!(repo.build(&[])["files"]["held"], 1);
    let revoked = repo.run(&["project", "revoke", "cheese", "--yes", "--format", "json"]).ok().json();
    assert_eq!(revoked["queued"], true);
    known.verify(&repo, &files);
    let (out, file) = prepare(&repo, &[]);
    assert_eq!(out["suspended"], json!(["cheese"]));
    // The index alone suspends nobody.
    let (_, said, unsigned) = safe.sign(&file, &["--confirm-all"]);
    assert_eq!(shown(&said, "cheese"), (false, false), "{said}");
    assert_eq!(repo.run(&["ceremony", "apply", unsigned.to_str().unwrap()]).code, 3);
    let (code, said, signed) = safe.sign(&file, &["--confirm", "cheese=suspended"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(apply(&repo, &[&signed])["suspended"], json!(["cheese"]));
    repo.verify();
    known.refuse(&repo, &files);
    known.verify(&repo, &repo.all_targets());
    assert!(!repo.site().join("simple/cheese/index.html").exists());
    assert_eq!(repo.build(&[])["files"]["held"], 1, "the name did not fall to a bin");
    repo.verify();
    // Nobody registers it past the administrators.
    let heir = Author::known(14);
    let zip = heir.sign("cheese", &["1.0"], Some(&repo), &["--yes"]);
    let register = format!("cheese={}", heir.keyid());
    assert_eq!(repo.run(&["project", "accept", zip.to_str().unwrap(), "--register", &register]).code, 3);
    rekey(&repo, &zip, &heir);
    let (_, file) = prepare(&repo, &[]);
    let (_, _, signed) = safe.sign(&file, &["--confirm", &register]);
    assert_eq!(apply(&repo, &[&signed])["rekeyed"], json!(["cheese"]));
    repo.verify();
    known.verify(&repo, &repo.all_targets());
    // Freed: only when it is revoked, and only by name.
    let early = repo.path().join("early.json");
    let free = ["ceremony", "prepare", "--out", early.to_str().unwrap(), "--free", "cheese"];
    assert_eq!(repo.run(&free).code, 2);
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    ceremony(&repo, &safe, &["--suspensions"]);
    let (out, file) = prepare(&repo, &["--free", "cheese"]);
    assert_eq!(out["freed"], json!(["cheese"]));
    assert_eq!(safe.sign(&file, &["--confirm-all", "--suspensions"]).0, 3);
    let (code, said, signed) = safe.sign(&file, &["--confirm", "cheese=freed"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(apply(&repo, &[&signed])["freed"], json!(["cheese"]));
    repo.build(&[]);
    repo.verify();
    assert!(repo.targets().contains_key("packages/cheese/cheese-0.9-py3-none-any.whl"));
    known.verify(&repo, &repo.all_targets());
    // Somebody else registers it, one version above whatever was.
    let again = heir.sign("cheese", &["3.0"], Some(&repo), &["--yes"]);
    repo.accept(&[&again], &["--register", &register, "--allow-removals"]);
    repo.verify();
    known.verify(&repo, &repo.all_targets());
}

/// Whoever has the online key and a project of their own can list that at any number that its key signs.
#[test]
fn a_project_whose_version_somebody_raised_is_taken_away_and_stops_no_ceremony() {
    let raised = |repo: &Repo, version: u64| {
        force_changed(repo, "project.cheese", Some(11), |signed| signed["version"] = version.into());
        repo.verify();
        repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    };
    // As far as an author who comes back has room above it, an empty role follows.
    let (repo, safe, author) = claimed();
    raised(&repo, (1 << 30) - 20_000);
    // A number that somebody put beside it, or under another role, is nobody's: holders sign none so far above.
    for file in ["1073741900.project.cheese.json", "20000.claimed.json"] {
        std::fs::write(repo.site().join("metadata").join(file), b"{}").unwrap();
    }
    ceremony(&repo, &safe, &["--suspensions"]);
    for file in ["1073741900.project.cheese.json", "20000.claimed.json"] {
        std::fs::remove_file(repo.site().join("metadata").join(file)).unwrap();
    }
    repo.verify();
    let zip = author.sign("cheese", &["1.7"], Some(&repo), &["--yes"]);
    rekey(&repo, &zip, &author);
    ceremony(&repo, &safe, &["--confirm", &format!("cheese={}", author.keyid())]);
    repo.verify();
    // Beyond that it is let go of, and what else there is gets signed.
    for version in [1 << 30, 1 << 40] {
        let (repo, safe, author) = claimed();
        let known = Clients::of(&repo);
        raised(&repo, version);
        repo.register(&author, "brie", &["1.0"]);
        let (out, file) = prepare(&repo, &[]);
        assert_eq!((&out["suspended"], &out["stale"][0]["project"]), (&json!([]), &json!("cheese")), "{out}");
        assert!(out["stale"][0]["why"].as_str().unwrap().contains("--free cheese"), "{out}");
        let (code, said, signed) = safe.sign(&file, &["--confirm-all"]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(apply(&repo, &[&signed])["claimed"], json!(["brie"]));
        let (out, file) = prepare(&repo, &["--free", "cheese"]);
        assert_eq!(out["freed"], json!(["cheese"]), "{out}");
        assert_eq!(safe.sign(&file, &["--confirm-all", "--suspensions"]).0, 3);
        let (code, said, signed) = safe.sign(&file, &["--confirm", "cheese=freed"]);
        assert_eq!(code, 0, "{said}");
        assert_eq!(apply(&repo, &[&signed])["freed"], json!(["cheese"]));
        assert!(!repo.site().join("simple/cheese/index.html").exists());
        repo.verify();
        known.verify(&repo, &repo.all_targets());
        repo.build(&[]);
        repo.verify();
        let (out, _) = prepare(&repo, &[]);
        assert_eq!(out["stale"].as_array().map_or(0, Vec::len), 0, "{out}");
    }
    // Nor is it signed over.
    let repo = repository();
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    force_changed(&repo, "project.cheese", Some(11), |signed| signed["version"] = (1u64 << 30).into());
    let (out, _) = prepare(&repo, &[]);
    assert_eq!((&out["promoted"], &out["stale"][0]["project"]), (&json!([]), &json!("cheese")), "{out}");
}

/// What the index says of the number is nothing that the signer goes by.
#[test]
fn an_empty_role_that_leaves_an_author_no_number_is_not_signed_and_keeps_nobody_from_the_rest() {
    let (repo, safe, author) = claimed();
    repo.register(&author, "brie", &["1.0"]);
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    let (_, file) = prepare(&repo, &[]);
    let mut ceremony = Ceremony::read(&file).unwrap();
    let step = ceremony.steps.iter_mut().find(|step| step.role.as_str() == "project.cheese").unwrap();
    let mut raised = step.after.signed().clone();
    raised.version = Version::new((1 << 30) + 1).unwrap();
    let nobody = |_: &[u8]| Ok::<_, tuffet::model::canonical::Error>(Vec::new());
    step.after = Envelope::seal(raised, nobody).unwrap();
    ceremony.write(&file).unwrap_or_else(|_| {
        std::fs::remove_file(&file).unwrap();
        ceremony.write(&file).unwrap();
    });
    let (code, said, _) = safe.sign(&file, &["--confirm-all", "--confirm", "cheese=suspended"]);
    assert!(code == 3 && said["error"].as_str().unwrap().contains("somebody raised it"), "{said}");
    let (code, said, signed) = safe.sign(&file, &["--confirm-all"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(apply(&repo, &[&signed])["claimed"], json!(["brie"]));
    repo.verify();
}

#[test]
fn a_name_that_the_online_key_holds_is_freed_with_a_ceremony_and_none_is_made_for_it() {
    let (repo, author) = (repository(), Author::known(11));
    repo.register(&author, "cheese", &["1.0"]);
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    let file = repo.path().join("alone.json");
    let args =
        ["ceremony", "prepare", "--free", "cheese", "--format", "json", "--out", file.to_str().unwrap()];
    let out = repo.run(&args).ok().json();
    assert_eq!((&out["freed"], &out["stale"][0]["project"]), (&json!([]), &json!("cheese")), "{out}");
    assert!(!file.exists());
    // Another project is to be signed over: the name is freed with that.
    repo.register(&author, "brie", &["1.0"]);
    let (out, file) = prepare(&repo, &["--free", "cheese"]);
    assert_eq!((&out["freed"], &out["promoted"]), (&json!(["cheese"]), &json!(["brie"])), "{out}");
    // Whoever comes back in the meantime would lose it as the ceremony ends.
    let back = author.sign("cheese", &["1.1"], Some(&repo), &["--yes"]);
    let register = format!("cheese={}", author.keyid());
    let accept = ["project", "accept", back.to_str().unwrap(), "--register", &register, "--format", "json"];
    let refused = repo.run(&accept).json();
    let refusal = &refused["refused"][0]["refusals"][0];
    assert_eq!(refusal["check"], "registration", "{refused}");
    assert!(refusal["what"].as_str().unwrap().contains("frees the name"), "{refused}");
    let rekey = ["project", "rekey", back.to_str().unwrap(), "--register", &register, "--format", "json"];
    let refused = repo.run(&rekey).json();
    assert_eq!(refused["refused"][0]["refusals"][0]["check"], "registration", "{refused}");
    let safe = Safe::of(&repo, 1);
    let (_, _, signed) = safe.sign(&file, &["--confirm-all"]);
    apply(&repo, &[&signed]);
    repo.verify();
    let listed = repo.run(&["project", "list", "--format", "json"]).ok().json();
    assert_eq!(listed["projects"].as_array().unwrap().len(), 1, "{listed}");
    let back = author.sign("cheese", &["1.1"], Some(&repo), &["--yes"]);
    repo.accept(&[&back], &["--register", &register]);
    repo.verify();
}

/// What is under way was written before a submission was refused for it.
#[test]
fn a_name_that_got_its_author_back_is_not_freed() {
    let (repo, author) = (repository(), Author::known(11));
    repo.register(&author, "cheese", &["1.0"]);
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    repo.register(&author, "brie", &["1.0"]);
    let (_, file) = prepare(&repo, &["--free", "cheese"]);
    let under_way = repo.path().join(".tuffet/ledger/ceremony.json");
    let text = std::fs::read_to_string(&under_way).unwrap();
    std::fs::remove_file(&under_way).unwrap();
    let back = author.sign("cheese", &["1.1"], Some(&repo), &["--yes"]);
    repo.accept(&[&back], &["--register", &format!("cheese={}", author.keyid())]);
    std::fs::write(&under_way, text).unwrap();
    let safe = Safe::of(&repo, 1);
    let (_, _, signed) = safe.sign(&file, &["--confirm-all"]);
    let ran = repo.run(&["ceremony", "apply", signed.to_str().unwrap()]);
    assert!(ran.code == 3 && ran.stderr.contains("cheese"), "{ran:?}");
    repo.verify();
    assert!(repo.all_targets().contains_key("packages/cheese/cheese-1.1-py3-none-any.whl"));
}

#[test]
fn what_waited_for_a_ceremony_that_is_abandoned_is_carried_out() {
    let repo = repository();
    let (author, heir) = (Author::known(11), Author::known(14));
    repo.register(&author, "cheese", &["1.0"]);
    repo.register(&author, "brie", &["1.0"]);
    prepare(&repo, &[]);
    let zip = heir.sign("cheese", &[], Some(&repo), &["--rekey", "--yes"]);
    rekey(&repo, &zip, &heir);
    repo.run(&["project", "revoke", "brie", "--yes"]).ok();
    let abandoned = repo.run(&["ceremony", "abandon", "--format", "json"]).ok().json();
    assert_eq!(abandoned["carried_out"], json!(["brie", "cheese"]));
    repo.verify();
    let listed = repo.run(&["project", "list", "--format", "json"]).ok().json();
    assert_eq!(listed["projects"][0]["suspended"], "revoked");
    assert_eq!(listed["projects"][1]["keys"], json!([heir.keyid()]));
    Clients::of(&repo);
}

#[test]
fn a_claimed_project_that_lapses_is_named_first_and_suspended_on_demand() {
    let repo = Repo::with_config(&format!(
        "{CONFIG}[expiry]\nroot = \"1300d\"\ntargets = \"1300d\"\nunclaimed = \"1300d\"\nclaimed = \"700d\"\n"
    ));
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    let then = days_from_now(-600);
    repo.run(&["build", "--init", "--now", &then]).ok();
    let safe = Safe::of(&repo, 1);
    let author = Author::known(11);
    let zip = author.sign("cheese", &["1.0"], None, &["--now", &then]);
    let register = format!("cheese={}", author.keyid());
    repo.accept(&[&zip], &["--register", &register, "--now", &then]);
    let (_, file) = prepare(&repo, &["--now", &then]);
    let (_, _, signed) = safe.sign(&file, &["--confirm-all", "--now", &then]);
    repo.run(&["ceremony", "apply", signed.to_str().unwrap(), "--now", &then]).ok();
    // Today one of its roles has 130 days left, and a ceremony is held every 700.
    repo.build(&[]);
    repo.register(&author, "brie", &["1.0"]);
    let (out, file) = prepare(&repo, &[]);
    assert_eq!(
        (&out["lapsing"][0]["project"], out["lapsing"].as_array().unwrap().len()),
        (&json!("cheese"), 1)
    );
    assert_eq!(out["suspended"], json!([]));
    let text = repo.run(&["ceremony", "abandon"]).ok();
    std::fs::remove_file(&file).unwrap();
    let args = ["ceremony", "prepare", "--suspend-lapsing", "--out", file.to_str().unwrap()];
    let ran = repo.run(&args).ok();
    assert!(ran.stdout.starts_with("LAPSES: project.cheese ends in "), "{} {text:?}", ran.stdout);
    let (_, _, signed) = safe.sign(&file, &["--confirm-all", "--suspensions"]);
    let applied = apply(&repo, &[&signed]);
    assert_eq!((&applied["suspended"], &applied["claimed"]), (&json!(["cheese"]), &json!(["brie"])));
    repo.verify();
    Clients::of(&repo).verify(&repo, &repo.all_targets());
}
