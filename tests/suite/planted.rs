//! What somebody who holds the index's machine, or carries a submission, plants for others to sign or to decide: it is shown
//! before anybody signs it, and decided by nobody but who may.

use super::authors::repository;
use super::support::author::{Author, Forge, force, places, wheel, with_member};
use super::support::{Ran, Repo, known};
use serde_json::{Value, json};
use std::path::PathBuf;
use tuffet::keys::{Signer as _, file};
use tuffet::model::{Sha256, canonical};

/// Signs as somebody does whom nobody can ask, and who has not seen anything.
fn unseen(author: &Author, repo: &Repo, args: &[&str]) -> Ran {
    let (site, root) = places(Some(repo));
    let more = ["--key", author.key(), "--from", &site, "--root", &root, "--out", "unseen.zip"];
    author.run(&[&["author"], args, &more].concat())
}

/// What it says on one line, after which nothing is there.
#[track_caller]
fn refused(author: &Author, ran: &Ran, says: &[&str]) {
    assert_eq!(ran.code, 2, "{ran:?}");
    let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in says {
        assert!(said.contains(text), "{text}: {said}");
    }
    assert!(!author.path().join("unseen.zip").exists());
}

/// `cheese` of alice's, to whom the index gave eve beside her; eve let somebody in and released.
fn planted(repo: &Repo) -> (Author, Author, Author) {
    let (alice, eve, mallory) = (Author::openssh(""), Author::known(12), Author::known(13));
    repo.register(&alice, "cheese", &["1.0"]);
    let public = alice.key.with_extension("pub");
    let beside = ["--rekey", "--holder", public.to_str().unwrap(), "--threshold", "1", "--yes"];
    let zip = eve.sign("cheese", &["0.9"], Some(repo), &beside);
    let [alices, eves] = [&alice, &eve].map(|author| format!("cheese={}", author.keyid()));
    let args = ["project", "rekey", zip.to_str().unwrap(), "--register", &alices, "--register", &eves];
    repo.run(&args).ok();
    with_member(repo, &eve, &mallory, "cheese-9*");
    (alice, eve, mallory)
}

#[test]
fn an_author_is_asked_before_they_sign_what_a_key_beside_theirs_signed() {
    let repo = repository();
    let (alice, eve, mallory) = planted(&repo);
    let dist = alice.dist("cheese", &["1.1"]);
    let release = ["sign", "cheese", "--dist", dist.to_str().unwrap()];
    let by_eve = format!("These did: key id {}", eve.keyid());
    let member = format!("alice cheese-9* key id {}", mallory.keyid());
    let says =
        ["None of your keys signed project.cheese", &by_eve, "cheese-0.9-py3", &member, "and 1 member"];
    refused(&alice, &unseen(&alice, &repo, &release), &says);
    // Letting somebody in signs the same role.
    let (bob, joining) = (Author::known(14), alice.path().join("bob.json"));
    bob.run(&[
        "author",
        "join",
        "cheese",
        "--as",
        "bob",
        "--key",
        bob.key(),
        "--out",
        joining.to_str().unwrap(),
    ])
    .ok();
    let ran = unseen(&alice, &repo, &["delegate", "cheese", "--member", joining.to_str().unwrap()]);
    refused(&alice, &ran, &says);
    // Who has looked says so, once.
    let said = unseen(&alice, &repo, &[&release[..], &["--yes", "--format", "json"]].concat()).ok().json();
    assert_eq!((&said["adopted"], &said["members"]), (&json!(2), &json!(["alice"])), "{said}");
    repo.accept(&[&alice.path().join("unseen.zip")], &[]);
    let next = alice.sign("cheese", &["1.2"], Some(&repo), &[]);
    repo.accept(&[&next], &[]);
    repo.verify();
}

#[test]
fn a_member_is_asked_before_they_sign_what_a_key_beside_theirs_signed() {
    let repo = repository();
    let (author, eve, mallory) = (Author::known(11), Author::known(12), Author::known(13));
    repo.register(&author, "cheese", &["1.0"]);
    // The role of the member, for either of two keys.
    let joining = mallory.path().join("mallory.json");
    let args = ["author", "join", "cheese", "--as", "mallory", "--key", mallory.key(), "--out"];
    mallory.run(&[&args[..], &[joining.to_str().unwrap()]].concat()).ok();
    let zip = author.delegate("cheese", &repo, &["--member", joining.to_str().unwrap()]);
    let mut forge = Forge::open(&zip, 11);
    forge.signers.insert("project.cheese.mallory".to_owned(), vec![13]);
    let shown = eve.run(&["key", "show", eve.key(), "--format", "json"]).ok().json();
    let (keyid, public) = (eve.keyid(), shown["public"].clone());
    let delegations = &mut forge.role("project.cheese")["delegations"];
    let key = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}});
    delegations["keys"][&keyid] = key;
    for role in delegations["roles"].as_array_mut().unwrap() {
        let mut ids: Vec<Value> = role["keyids"].as_array().unwrap().clone();
        ids.push(json!(keyid));
        role["keyids"] = ids.into();
    }
    let zip = repo.path().join("two.zip");
    std::fs::write(&zip, forge.zip()).unwrap();
    repo.accept(&[&zip], &[]);
    repo.accept(&[&eve.sign("cheese", &["0.9"], Some(&repo), &["--as", "mallory", "--yes"])], &[]);

    let dist = mallory.dist("cheese", &["1.1"]);
    let release = ["sign", "cheese", "--as", "mallory", "--dist", dist.to_str().unwrap()];
    let says = ["None of your keys signed project.cheese.mallory", "cheese-0.9-py3"];
    refused(&mallory, &unseen(&mallory, &repo, &release), &says);
    unseen(&mallory, &repo, &[&release[..], &["--yes"]].concat()).ok();
    repo.accept(&[&mallory.path().join("unseen.zip")], &[]);
    repo.verify();
}

#[test]
fn keys_that_the_safe_signed_over_are_named_and_not_asked_about() {
    let repo = repository();
    let (alice, ..) = planted(&repo);
    repo.ceremony(&[]);
    let dist = alice.dist("cheese", &["1.1"]);
    let said =
        unseen(&alice, &repo, &["sign", "cheese", "--dist", dist.to_str().unwrap(), "--format", "json"]);
    assert_eq!(said.ok().json()["adopted"], 0);
}

#[test]
fn a_page_that_a_member_signed_says_nothing_new_in_an_authors_submission() {
    let repo = repository();
    let (author, bob) = (Author::known(11), Author::known(12));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &bob, "cheese-9*");
    for (yanked, version) in [("cheese==1.0: broken", "1.1"), ("cheese==1.1: broken", "1.1")] {
        let zip = author.sign("cheese", &[version], Some(&repo), &["--yank", yanked]);
        let mut forge = Forge::open(&zip, 11);
        forge.signers.insert("project.cheese.pages".to_owned(), vec![12]);
        let by_bob: PathBuf = repo.path().join("by-bob.zip");
        std::fs::write(&by_bob, forge.zip()).unwrap();
        let ran = repo.run(&["project", "accept", by_bob.to_str().unwrap(), "--format", "json"]);
        let refusals = ran.json()["refused"][0]["refusals"].clone();
        assert_eq!(refusals[0]["check"], "page", "{refusals}");
        assert!(refusals[0]["what"].as_str().unwrap().contains("another's to release"), "{refusals}");
    }
    let zip = author.sign("cheese", &["1.1"], Some(&repo), &["--yank", "cheese==1.0: broken"]);
    let taken = repo.accept(&[&zip], &[]);
    assert_eq!(taken["accepted"][0]["files"].as_array().unwrap().len(), 1, "{taken}");
    repo.verify();
}

/// Whoever signs pages signs what they say of every file, those of others among them.
#[test]
fn what_another_signed_in_the_pages_is_shown_to_whoever_signs_them_next() {
    let repo = repository();
    let (author, bob) = (Author::known(11), Author::known(12));
    repo.register(&author, "cheese", &["1.0"]);
    with_member(&repo, &author, &bob, "cheese-9*");
    let status = ["--yank", "cheese==1.0: broken", "--status", "deprecated: see brie"];
    repo.accept(&[&author.sign("cheese", &["1.1"], Some(&repo), &status)], &[]);
    let is_told = |ran: &Ran, by: &Author| {
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        let of_pages = "None of your keys signed project.cheese.pages as it is published. These did: key id";
        said.contains(&format!("{of_pages} {}", by.keyid()))
            && said.contains("cheese-1.0-py3-none-any.whl requires Python >=3.8 yanked: broken")
    };
    let signed = |who: &Author, version: &str, more: &[&str]| {
        let dist = who.dist("cheese", &[version]);
        let ran =
            unseen(who, &repo, &[&["sign", "cheese", "--dist", dist.to_str().unwrap()], more].concat()).ok();
        let zip = who.path().join("unseen.zip");
        repo.accept(&[&zip], &[]);
        std::fs::remove_file(zip).unwrap();
        ran
    };
    let first = signed(&bob, "9.0", &["--as", "alice"]);
    assert!(is_told(&first, &author) && !first.stderr.contains("cheese-9.0"), "{first:?}");
    assert!(first.stdout.contains("Status: deprecated (see brie)"), "{first:?}");
    let again = signed(&bob, "9.1", &["--as", "alice"]);
    assert_eq!(again.stderr, "", "they signed the pages themselves");
    let next = signed(&author, "1.2", &[]);
    assert!(is_told(&next, &bob) && next.stderr.contains("cheese-9.1"), "{next:?}");
    repo.verify();
}

#[test]
fn what_another_holder_signed_in_the_pages_is_shown_where_there_are_no_members() {
    let repo = repository();
    let (author, other) = (Author::known(11), Author::known(12));
    let beside = ["--holder", other.key(), "--threshold", "1", "--yank", "cheese==1.0: broken"];
    let zip = author.sign("cheese", &["1.0"], None, &beside);
    let [authors, others] = [&author, &other].map(|author| format!("cheese={}", author.keyid()));
    repo.accept(&[&zip], &["--register", &authors, "--register", &others]);
    repo.ceremony(&[]);
    let ran = unseen(&other, &repo, &["sign", "cheese"]).ok();
    let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    let says = "cheese-1.0-py3-none-any.whl requires Python >=3.8 yanked: broken";
    assert!(said.contains(says) && said.contains("None of your keys signed project.cheese"), "{ran:?}");
}

#[test]
fn what_a_submission_says_in_its_pages_is_shown_before_another_signs_it() {
    let author = Author::known(11);
    let more = ["--yank", "cheese==1.0: broken", "--status", "archived: see brie"];
    let zip = author.sign("cheese", &["1.0"], None, &more);
    let ran = author.run(&["author", "show", zip.to_str().unwrap()]).ok();
    for says in ["Status: archived (see brie)", "    requires Python >=3.8\n    yanked: broken"] {
        assert!(ran.stdout.contains(says), "{says}: {}", ran.stdout);
    }
    let said = author.run(&["author", "show", zip.to_str().unwrap(), "--format", "json"]).ok().json();
    assert_eq!(said["status"], json!({"status": "archived", "reason": "see brie"}));
    assert_eq!(said["requires_python"], json!({"cheese-1.0-py3-none-any.whl": ">=3.8"}));
    assert_eq!(said["yanked"], json!([{"file": "cheese-1.0-py3-none-any.whl", "reason": "broken"}]));
}

/// Publishes a role with a change, signed with the online key or with one of [`known`]'s.
pub(super) fn force_changed(repo: &Repo, role: &str, key: Option<u8>, change: impl FnOnce(&mut Value)) {
    force_with(repo, role, key, change, &[]);
}

/// The same, with files that the role lists then.
fn force_with(
    repo: &Repo,
    role: &str,
    key: Option<u8>,
    change: impl FnOnce(&mut Value),
    files: &[(&str, &[u8])],
) {
    let version = repo.versions()[role];
    let mut signed = repo.signed(&format!("{version}.{role}.json"));
    signed["version"] = (version + 1).into();
    change(&mut signed);
    let covered = canonical::to_canonical(&signed).unwrap();
    let signature = match key {
        Some(number) => known::key(number).sign(&covered),
        None => {
            let online = repo.path().join(".tuffet/online.key");
            file::load(&online, &|_| Err(String::new())).unwrap().sign(&covered)
        }
    };
    let sealed = json!({"signatures": [signature.unwrap()], "signed": &signed});
    let version = signed["version"].as_u64().unwrap();
    force(repo, role, version, &canonical::to_canonical(&sealed).unwrap(), files);
}

/// The delegation of pages that speaks for files, too: what is listed there is shown by no list of files and no list of members.
#[test]
fn nobody_signs_on_from_a_role_that_no_index_takes_in() {
    let repo = repository();
    let (alice, ..) = planted(&repo);
    force_changed(&repo, "project.cheese", Some(12), |signed| {
        signed["targets"] = json!({});
        let roles = signed["delegations"]["roles"].as_array_mut().unwrap();
        roles.truncate(1);
        roles[0]["paths"].as_array_mut().unwrap().push(json!("packages/cheese/*"));
    });
    let dist = alice.dist("cheese", &["1.1"]);
    for args in
        [["sign", "cheese", "--dist", dist.to_str().unwrap()], ["delegate", "cheese", "--remove", "alice"]]
    {
        let ran = unseen(&alice, &repo, &[&args[..], &["--yes"]].concat());
        assert!(ran.code == 3 && ran.stderr.contains("taken it over"), "{ran:?}");
        assert!(!alice.path().join("unseen.zip").exists());
    }
}

/// Only the list names her: the role is the author's own, and letting a member in would make her one who signs its pages.
#[test]
fn a_key_beside_the_authors_is_shown_before_it_gets_a_say() {
    let repo = repository();
    let (alice, eve, bob) = (Author::known(11), Author::known(12), Author::known(13));
    repo.register(&alice, "cheese", &["1.0"]);
    let shown = eve.run(&["key", "show", eve.key(), "--format", "json"]).ok().json();
    let key = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": shown["public"]}});
    force_changed(&repo, "recently-claimed", None, |signed| {
        signed["delegations"]["keys"][eve.keyid()] = key;
        signed["delegations"]["roles"][0]["keyids"].as_array_mut().unwrap().push(json!(eve.keyid()));
    });
    let joining = bob.path().join("bob.json");
    let args = ["author", "join", "cheese", "--as", "bob", "--key", bob.key(), "--out"];
    bob.run(&[&args[..], &[joining.to_str().unwrap()]].concat()).ok();
    let delegate = ["delegate", "cheese", "--member", joining.to_str().unwrap()];
    let says = ["word of the index alone", &format!("key id {}", eve.keyid()), "1 key would be signed"];
    refused(&alice, &unseen(&alice, &repo, &delegate), &says);
    // A release without members gives her nothing.
    alice.sign("cheese", &["1.1"], Some(&repo), &[]);
}

/// What pip goes by instead of the wheel.
#[test]
fn metadata_that_the_wheel_does_not_hold_is_not_signed_for() {
    let repo = repository();
    let (alice, ..) = planted(&repo);
    let beside = "packages/cheese/cheese-1.0-py3-none-any.whl.metadata";
    force_changed(&repo, "project.cheese", Some(12), |signed| {
        let (name, bytes) = ("packages/cheese/cheese-1.0-py3-none-any.whl", wheel("cheese", "1.0").1);
        signed["targets"][name] =
            json!({"length": bytes.len(), "hashes": {"sha256": Sha256::of(&bytes).to_string()}});
        signed["targets"][beside] =
            json!({"length": 4, "hashes": {"sha256": Sha256::of(b"evil").to_string()}});
    });
    let dist = alice.dist("cheese", &["1.0", "1.1"]);
    let ran = unseen(&alice, &repo, &["sign", "cheese", "--dist", dist.to_str().unwrap(), "--yes"]);
    assert!(ran.code == 3 && ran.stderr.contains("METADATA"), "{ran:?}");
    // Where the wheel is not here, both are shown.
    let dist = alice.dist("cheese", &["1.1"]);
    let ran = unseen(&alice, &repo, &["sign", "cheese", "--dist", dist.to_str().unwrap()]);
    refused(&alice, &ran, &[&format!("its METADATA has sha256 {}", Sha256::of(b"evil"))]);
}

/// Signed with the online key, by nobody's program but an attacker's: `project.edam` is to speak for `packages/gouda/`, too.
#[test]
fn a_list_that_has_a_project_speak_for_another_is_an_error_and_no_build_goes_on_from_it() {
    let repo = repository();
    repo.register(&Author::known(11), "edam", &["1.0"]);
    repo.verify();
    let role = "recently-claimed";
    force_changed(&repo, role, None, |signed| {
        let child = signed["delegations"]["roles"].as_array_mut().unwrap();
        child[0]["paths"].as_array_mut().unwrap().push(json!("packages/gouda/*"));
    });
    let found = repo.run(&["verify", "--format", "json"]);
    assert_eq!(found.code, 1, "{found:?}");
    let found = found.json();
    let says = |finding: &&Value| finding["role"] == role && finding["severity"] == "error";
    let finding =
        found["findings"].as_array().unwrap().iter().find(says).unwrap_or_else(|| panic!("{found}"));
    assert!(finding["what"].as_str().unwrap().contains("project.edam"), "{finding}");
    let before = std::fs::read(repo.site().join("metadata/timestamp.json")).unwrap();
    let ran = repo.run(&["build"]);
    assert!(ran.code == 3 && ran.stderr.contains("project.edam"), "{ran:?}");
    assert_eq!(
        Sha256::of(&std::fs::read(repo.site().join("metadata/timestamp.json")).unwrap()),
        Sha256::of(&before)
    );
}

#[test]
fn a_list_that_delegates_to_what_is_neither_a_project_nor_its_shard_is_an_error() {
    let repo = repository();
    repo.register(&Author::known(11), "edam", &["1.0"]);
    for (role, says) in [
        ("evil", "neither a project nor a shard"),
        ("project.edam.bob", "neither a project nor a shard"),
        ("recently-claimed.g", "other keys than its own"),
    ] {
        force_changed(&repo, "recently-claimed", None, |signed| {
            let roles = signed["delegations"]["roles"].as_array_mut().unwrap();
            let mut child = roles[0].clone();
            (child["name"], child["paths"]) = (json!(role), json!(["packages/gouda/*"]));
            *roles = vec![roles[0].clone(), child];
        });
        let found = repo.run(&["verify", "--format", "json"]).json();
        let is_it = |finding: &Value| {
            finding["role"] == "recently-claimed" && finding["what"].as_str().unwrap().contains(says)
        };
        assert!(found["findings"].as_array().unwrap().iter().any(is_it), "{role}: {found}");
    }
}

/// Whoever holds the index signed it with eve's key: an entry without sha256 is on no page, and clients take it all the same.
#[test]
fn an_entry_that_no_index_takes_in_is_not_signed_on() {
    let hidden = "packages/cheese/cheese-9.9-py3-none-any.whl";
    let wheel = wheel("cheese", "1.0").1;
    let whole = json!({"sha256": Sha256::of(&wheel).to_string()});
    for (path, entry, says) in [
        (hidden, json!({"length": 4, "hashes": {"sha512": "ab".repeat(64)}}), "sha256 alone"),
        (hidden, json!({"length": 4, "hashes": whole, "custom": {"a": 1}}), "no part of it"),
        (
            "packages/brie/brie-1.0.tar.gz",
            json!({"length": 4, "hashes": whole}),
            "none of the project's files",
        ),
        (
            "packages/cheese/cheese-1.0-py3-none-any.whl",
            json!({"length": wheel.len() + 1, "hashes": whole}),
            "and it has",
        ),
    ] {
        let repo = repository();
        let (alice, ..) = planted(&repo);
        force_changed(&repo, "project.cheese", Some(12), |signed| signed["targets"][path] = entry);
        let dist = alice.dist("cheese", &["1.0", "1.1"]);
        let ran = unseen(&alice, &repo, &["sign", "cheese", "--dist", dist.to_str().unwrap(), "--yes"]);
        let said = ran.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(ran.code == 3 && said.contains(says) && said.contains("taken it over"), "{says}: {ran:?}");
        assert!(!alice.path().join("unseen.zip").exists());
    }
}

/// A page has the author's signature like a file.
#[test]
fn what_a_page_says_is_shown_and_an_author_can_take_it_back() {
    let repo = repository();
    let (alice, ..) = planted(&repo);
    let path = "simple/cheese/index.v1_json";
    let mut page: Value = serde_json::from_slice(&std::fs::read(repo.site().join(path)).unwrap()).unwrap();
    let publish = |page: &Value| {
        let bytes = page.to_string().into_bytes();
        let entry = json!({"length": bytes.len(), "hashes": {"sha256": Sha256::of(&bytes).to_string()}});
        let change = |signed: &mut Value| signed["targets"][path] = entry;
        force_with(&repo, "project.cheese.pages", Some(12), change, &[(path, &bytes)]);
    };
    page["project-status"] = json!({"status": "quarantined", "reason": "malware"});
    page["files"][0]["yanked"] = json!("broken");
    page["files"][0]["upload-time"] = json!("2099-01-01T00:00:00Z");
    // Of a file that is none, with the bytes of one that is.
    let mut ghost = page["files"][0].clone();
    (ghost["filename"], ghost["requires-python"]) = (json!("cheese-0.0-py3-none-any.whl"), json!(">=99"));
    page["files"].as_array_mut().unwrap().push(ghost);
    publish(&page);
    let release = ["sign", "cheese"];
    let says =
        ["the project is quarantined (malware)", "yanked: broken", "requires Python >=3.8", "uploaded 2099"];
    refused(&alice, &unseen(&alice, &repo, &release), &says);
    let said = unseen(&alice, &repo, &[&release[..], &["--yes"]].concat()).ok();
    assert!(said.stderr.contains("quarantined (malware)"), "what was signed is said: {said:?}");
    assert!(said.stdout.contains("Status: quarantined (malware)"), "{said:?}");
    let zip = Forge::open(&alice.path().join("unseen.zip"), 99);
    let signed = String::from_utf8(zip.files["targets/simple/cheese/index.v1_json"].clone()).unwrap();
    assert!(!signed.contains(">=99") && !signed.contains("0.0-py3"), "{signed}");
    let said =
        unseen(&alice, &repo, &["sign", "cheese", "--yes", "--status", "active", "--format", "json"]).ok();
    assert_eq!(said.json()["status"], Value::Null);
    assert_eq!(unseen(&alice, &repo, &["sign", "cheese", "--yes", "--status", "gone"]).code, 2);
    let archived = ["sign", "cheese", "--yes", "--status", "archived: see brie", "--format", "json"];
    let said = unseen(&alice, &repo, &archived).ok().json();
    assert_eq!(said["status"], json!({"status": "archived", "reason": "see brie"}));
    std::fs::remove_file(alice.path().join("unseen.zip")).unwrap();
    // Of two links with one name each reader takes another.
    let twice = page["files"][0].clone();
    page["files"].as_array_mut().unwrap().push(twice);
    publish(&page);
    let ran = unseen(&alice, &repo, &["sign", "cheese", "--yes"]);
    assert!(ran.code == 3 && ran.stderr.contains("twice"), "{ran:?}");
}

#[test]
fn what_stood_before_a_suspension_is_not_called_signed_unless_it_was() {
    let repo = repository();
    let alice = Author::known(11);
    repo.register(&alice, "cheese", &["1.0"]);
    repo.run(&["project", "revoke", "cheese", "--yes"]).ok();
    let sign = |says: &str| refused(&alice, &unseen(&alice, &repo, &["sign", "cheese"]), &[says]);
    sign("signed in project.cheese");
    let path = repo.site().join("metadata/1.project.cheese.json");
    let mut role: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    role["signatures"] = json!([]);
    role["signed"]["targets"]["packages/cheese/cheese-0.9-py3-none-any.whl"] =
        json!({"length": 4, "hashes": {"sha256": Sha256::of(b"evil").to_string()}});
    std::fs::write(&path, role.to_string()).unwrap();
    sign("cheese-0.9-py3-none-any.whl 4 bytes, listed in project.cheese, signed by none of your keys");
}

/// What goes from holder to holder may come from anywhere.
#[test]
fn nobody_is_named_as_a_signer_who_did_not_sign_nor_by_anothers_key() {
    let (one, two, mallory) = (Author::openssh(""), Author::openssh(""), Author::known(13));
    let public = two.key.with_extension("pub");
    let zip = one.sign("cheese", &["1.0"], None, &["--holder", public.to_str().unwrap(), "--threshold", "2"]);
    // A signature of theirs that is none.
    let forged = one.path().join("forged.zip");
    let mut forge = Forge::open(&zip, 99);
    let (version, signed) = forge.roles.remove("project.cheese").unwrap();
    let sealed = json!({"signatures": [{"keyid": one.keyid(), "sig": "00".repeat(64)}], "signed": signed});
    forge
        .files
        .insert(format!("metadata/{version}.project.cheese.json"), canonical::to_canonical(&sealed).unwrap());
    std::fs::write(&forged, forge.zip()).unwrap();
    let out = two.path().join("both.zip");
    let add = |zip: &std::path::Path| {
        let add =
            ["author", "sign", "cheese", "--add-to", zip.to_str().unwrap(), "--out", out.to_str().unwrap()];
        two.run(&[&add[..], &["--key", two.key(), "--yes", "--format", "json"]].concat())
    };
    assert_eq!(add(&zip).ok().json()["signatures"], 2);
    std::fs::remove_file(&out).unwrap();
    assert_eq!(add(&forged).ok().json()["signatures"], 1);
    let shown = two.run(&["author", "show", forged.to_str().unwrap()]).ok().stdout;
    assert!(shown.contains(&format!("WHICH DOES NOT VERIFY:\n    {}\n", one.keyid())), "{shown}");
    std::fs::remove_file(&out).unwrap();
    // Mallory's key under the id that two was told.
    let mut forge = Forge::open(&zip, 99);
    let (version, mut signed) = forge.roles.remove("project.cheese").unwrap();
    let public =
        mallory.run(&["key", "show", mallory.key(), "--format", "json"]).ok().json()["public"].clone();
    let key = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": public}});
    let ids: Vec<String> = vec![one.keyid(), two.keyid()];
    let pages = json!({"name": "project.cheese.pages", "keyids": ids, "threshold": 1, "terminating": true,
                       "paths": ["simple/cheese/*"]});
    let member = json!({"name": "project.cheese.bob", "keyids": ["ab".repeat(32)], "threshold": 1, "terminating": false,
                        "paths": ["packages/cheese/*"]});
    signed["delegations"] = json!({"keys": {"ab".repeat(32): key}, "roles": [pages, member]});
    let sealed = json!({"signatures": [], "signed": signed});
    forge
        .files
        .insert(format!("metadata/{version}.project.cheese.json"), canonical::to_canonical(&sealed).unwrap());
    std::fs::write(&forged, forge.zip()).unwrap();
    let ran = add(&forged);
    assert!(ran.code == 3 && ran.stderr.contains("under an id that is not its hash"), "{ran:?}");
    assert!(!out.exists());
}
