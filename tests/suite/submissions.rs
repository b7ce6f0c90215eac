//! Submissions that must not be taken in: each is refused with its reason, and the site is what it was, byte
//! for byte.

use super::support::author::{Author, Forge, places, wheel, zip_of};
use super::support::{Repo, snapshot_of, zips};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::{Cursor, Write as _};
use std::path::Path;
use tuffet::submission::Submission;
use zip::write::SimpleFileOptions;

/// Which submission a hostile one is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Base {
    /// The author's next release of a project with a member.
    Release,
    /// The member's release.
    Member,
    /// The first release of a project that nobody registered.
    New,
}

/// What is done to it.
enum Change {
    /// Something that it says.
    Say(fn(&mut Forge)),
    /// The form of the ZIP.
    Form(fn(&Forge) -> Vec<u8>),
    /// Nothing: what it is given along with is wrong.
    Arguments(&'static [&'static str]),
}

use Base::{Member, New, Release};
use Change::{Arguments, Form, Say};

const OWN: &str = "project.cheese";
const PAGES: &str = "project.cheese.pages";
const ALICE: &str = "project.cheese.alice";
const WHEEL: &str = "packages/cheese/cheese-1.1-py3-none-any.whl";

/// Every hostile submission: what it is, what it is made from, the check that refuses it, what is done.
fn table() -> Vec<(&'static str, Base, &'static str, Change)> {
    vec![
        (
            "a null for its delegations",
            Member,
            "metadata",
            Say(|f| f.role(ALICE)["delegations"] = Value::Null),
        ),
        (
            "a null in a delegation",
            Release,
            "metadata",
            Say(|f| f.role(OWN)["delegations"]["roles"][1]["path_hash_prefixes"] = Value::Null),
        ),
        (
            "a member's key that everybody can sign for",
            Release,
            "delegation",
            Say(|f| {
                let key = json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": format!("01{}", "00".repeat(31))}});
                let keyid = serde_json::from_value::<tuffet::model::Key>(key.clone())
                    .unwrap()
                    .id()
                    .unwrap()
                    .to_string();
                let delegations = &mut f.role(OWN)["delegations"];
                delegations["keys"][&keyid] = key;
                let keyids = delegations["roles"][1]["keyids"].as_array_mut().unwrap();
                keyids.push(keyid.into());
            }),
        ),
        (
            "101 members",
            Release,
            "members",
            Say(|f| {
                for number in 0..100 {
                    delegate(
                        f,
                        &format!("project.cheese.m{number}"),
                        &format!("packages/cheese/cheese-{number}.zip"),
                    );
                }
            }),
        ),
        (
            "a hundred patterns for one member, and one more",
            Release,
            "members",
            Say(|f| {
                let patterns: Vec<String> =
                    (0..101).map(|n| format!("packages/cheese/cheese-{n}.zip")).collect();
                f.role(OWN)["delegations"]["roles"][1]["paths"] = json!(patterns);
            }),
        ),
        (
            "a member who yanks what the author released",
            Member,
            "page",
            Say(|f| {
                let name = "targets/simple/cheese/index.v1_json";
                let text = String::from_utf8(f.files[name].clone()).unwrap();
                let mut page: Value = serde_json::from_str(&text).unwrap();
                page["files"][0]["yanked"] = "not mine".into();
                let bytes = format!("{page}\n");
                f.list(PAGES, "simple/cheese/index.v1_json", bytes.as_bytes());
            }),
        ),
        (
            "a stranger's signature beside the author's",
            Release,
            "signature",
            Say(|f| _ = f.signers.insert(OWN.into(), vec![11, 99])),
        ),
        (
            "200 roles",
            Release,
            "size",
            Form(|f| {
                zip_with(f, |zip| {
                    for number in 0..200 {
                        zip.start_file(
                            format!("metadata/1.project.cheese.m{number}.json"),
                            SimpleFileOptions::default(),
                        )
                        .unwrap();
                        zip.write_all(b"{}").unwrap();
                    }
                })
            }),
        ),
        ("a version that jumps", Release, "version", Say(|f| set_version(f, OWN, 5))),
        ("a version that repeats", Release, "version", Say(|f| set_version(f, OWN, 2))),
        ("a version above 2^31", Release, "version", Say(|f| set_version(f, OWN, (1 << 31) + 1))),
        (
            "a version in the name that is not the one inside",
            Release,
            "version",
            Say(|f| f.role(OWN)["version"] = 9.into()),
        ),
        ("a first version that is not 1", New, "version", Say(|f| set_version(f, "project.brie", 2))),
        (
            "a role with 100 days left",
            Release,
            "expiry",
            Say(|f| f.role(OWN)["expires"] = in_seconds(100 * 86_400)),
        ),
        (
            "a member with five minutes left",
            Member,
            "expiry",
            Say(|f| f.role(ALICE)["expires"] = in_seconds(300)),
        ),
        (
            "a role that has expired",
            Release,
            "expiry",
            Say(|f| f.role(OWN)["expires"] = "2020-01-01T00:00:00Z".into()),
        ),
        (
            "a role that lives for three years",
            Release,
            "expiry",
            Say(|f| f.role(OWN)["expires"] = in_seconds(1095 * 86_400)),
        ),
        (
            "an expiry that python-tuf cannot read",
            Release,
            "metadata",
            Say(|f| {
                let text = f.role(OWN)["expires"].as_str().unwrap().replace('Z', ".5Z");
                f.role(OWN)["expires"] = text.into();
            }),
        ),
        ("another project's role", Release, "role-name", Say(|f| copy_role(f, OWN, "project.milk"))),
        ("a role of ours", Release, "role-name", Say(|f| copy_role(f, OWN, "bin-0"))),
        ("a role called as targets is", Release, "role-name", Say(|f| copy_role(f, OWN, "targets"))),
        (
            "a part that is no member",
            Release,
            "role-name",
            Say(|f| copy_role(f, OWN, "project.cheese.Alice")),
        ),
        (
            "a member that nobody delegates to",
            Release,
            "delegation",
            Say(|f| copy_role(f, PAGES, "project.cheese.bob")),
        ),
        (
            "a delegation to another project's role",
            Release,
            "role-name",
            Say(|f| delegate(f, "project.milk", "packages/cheese/*")),
        ),
        (
            "a delegation of another project's path",
            Release,
            "target-path",
            Say(|f| delegate(f, "project.cheese.bob", "packages/milk/*")),
        ),
        (
            "a delegation of every path",
            Release,
            "target-path",
            Say(|f| delegate(f, "project.cheese.bob", "*")),
        ),
        (
            "a delegation by a pattern that clients read differently",
            Release,
            "target-path",
            Say(|f| delegate(f, "project.cheese.bob", "packages/cheese/**")),
        ),
        (
            "a delegation to somebody who never signed",
            Release,
            "member-missing",
            Say(|f| delegate(f, "project.cheese.bob", "packages/cheese/*")),
        ),
        (
            "21 members for one path",
            Release,
            "members",
            Say(|f| {
                for number in 0..20 {
                    delegate(f, &format!("project.cheese.m{number}"), "packages/cheese/cheese-2.0*");
                }
            }),
        ),
        (
            "pages that are delegated to a stranger",
            Release,
            "delegation",
            Say(|f| {
                let keys = f.role(OWN)["delegations"]["roles"][0]["keyids"].clone();
                f.role(OWN)["delegations"]["roles"][0]["keyids"] = json!([keys[0], stranger().0]);
                f.role(OWN)["delegations"]["keys"][stranger().0] = stranger().1;
            }),
        ),
        (
            "pages that come second",
            Release,
            "delegation",
            Say(|f| {
                let roles = f.role(OWN)["delegations"]["roles"].as_array_mut().unwrap();
                roles.reverse();
            }),
        ),
        (
            "a field in its delegations that tough loses",
            Release,
            "delegation",
            Say(|f| f.role(OWN)["delegations"]["x-note"] = 1.into()),
        ),
        (
            "a key under an id that is not its hash",
            Release,
            "delegation",
            Say(|f| {
                f.role(OWN)["delegations"]["keys"]["00"] = stranger().1;
            }),
        ),
        (
            "a field that is no part of a role",
            Release,
            "metadata",
            Say(|f| f.role(OWN)["x-tuffet-suspends"] = 1.into()),
        ),
        (
            "a target with more than length and hashes",
            Release,
            "metadata",
            Say(|f| f.role(OWN)["targets"][WHEEL]["custom"] = json!({})),
        ),
        (
            "a member who delegates on",
            Member,
            "delegation",
            Say(|f| {
                f.role(ALICE)["delegations"] = json!({"keys": {}, "roles": []});
            }),
        ),
        (
            "another project's path",
            Release,
            "target-path",
            Say(|f| f.list(OWN, "packages/milk/milk-2.0-py3-none-any.whl", b"x")),
        ),
        (
            "a member outside of the pattern",
            Member,
            "target-path",
            Say(|f| f.list(ALICE, "packages/cheese/cheese-3.0.tar.gz", b"x")),
        ),
        (
            "an extra file under simple/",
            Release,
            "target-path",
            Say(|f| f.list(PAGES, "simple/cheese/extra.html", b"x")),
        ),
        (
            "a page in the project's own role",
            Release,
            "page",
            Say(|f| f.list(OWN, "simple/cheese/index.html", b"x")),
        ),
        (
            "a page with one byte changed",
            Release,
            "page",
            Say(|f| {
                let mut page = f.files["targets/simple/cheese/index.html"].clone();
                let at = page.windows(4).position(|w| w == b"1.1<").unwrap();
                page[at] = b'2';
                f.list(PAGES, "simple/cheese/index.html", &page);
            }),
        ),
        (
            "a page that is no JSON",
            Release,
            "page",
            Say(|f| f.list(PAGES, "simple/cheese/index.v1_json", b"{")),
        ),
        (
            "only one of the pages",
            Release,
            "page",
            Say(|f| {
                f.role(PAGES)["targets"].as_object_mut().unwrap().remove("simple/cheese/index.html");
                f.files.remove("targets/simple/cheese/index.html");
            }),
        ),
        (
            "a release without new pages",
            Release,
            "page",
            Say(|f| {
                f.roles.remove(PAGES);
                f.files.retain(|name, _| !name.starts_with("targets/simple/"));
            }),
        ),
        (
            "a file name that begins with 64 hex digits and a dot",
            Release,
            "file-name",
            Say(|f| {
                f.list(OWN, &format!("packages/cheese/{}.cheese-1.2.tar.gz", "a".repeat(64)), b"x");
            }),
        ),
        (
            "a file that is no distribution",
            Release,
            "file-name",
            Say(|f| f.list(OWN, "packages/cheese/install.sh", b"x")),
        ),
        (
            "a distribution of another project",
            Release,
            "file-name",
            Say(|f| f.list(OWN, "packages/cheese/milk-2.0.tar.gz", b"x")),
        ),
        (
            "METADATA of no wheel",
            Release,
            "file-name",
            Say(|f| f.list(OWN, "packages/cheese/cheese-9-py3-none-any.whl.metadata", b"x")),
        ),
        (
            "METADATA that is not the wheel's",
            Release,
            "metadata-file",
            Say(|f| f.list(OWN, &format!("{WHEEL}.metadata"), b"Metadata-Version: 2.1\n")),
        ),
        (
            "a wheel without its METADATA",
            Release,
            "metadata-file",
            Say(|f| {
                f.role(OWN)["targets"].as_object_mut().unwrap().remove(&format!("{WHEEL}.metadata"));
                f.files.remove(&format!("targets/{WHEEL}.metadata"));
            }),
        ),
        (
            "other bytes under a published name",
            Release,
            "clash",
            Say(|f| {
                f.list(OWN, "packages/cheese/cheese-1.0-py3-none-any.whl", b"other");
            }),
        ),
        (
            "one file in two roles",
            Member,
            "target-path",
            Say(|f| {
                let (name, bytes) = wheel("cheese", "1.0");
                f.list(ALICE, &format!("packages/cheese/{name}"), &bytes);
            }),
        ),
        (
            "a file that is not in the ZIP",
            Release,
            "target-missing",
            Say(|f| _ = f.files.remove(&format!("targets/{WHEEL}"))),
        ),
        (
            "a file that is longer than signed",
            Release,
            "target-bytes",
            Say(|f| f.files.get_mut(&format!("targets/{WHEEL}")).unwrap().push(0)),
        ),
        (
            "a file of the right length with other bytes",
            Release,
            "target-bytes",
            Say(|f| f.files.get_mut(&format!("targets/{WHEEL}")).unwrap()[10] ^= 1),
        ),
        (
            "a file that no role lists",
            Release,
            "target-extra",
            Say(|f| _ = f.files.insert("targets/packages/cheese/cheese-7.tar.gz".into(), vec![1])),
        ),
        (
            "a digest of another kind beside sha256",
            Release,
            "hashes",
            Say(|f| f.role(OWN)["targets"][WHEEL]["hashes"]["md5"] = "00".into()),
        ),
        ("a stranger's signature", Release, "signature", Say(|f| _ = f.signers.insert(OWN.into(), vec![99]))),
        (
            "a stranger's signature beside the author's",
            Release,
            "signature",
            Say(|f| _ = f.signers.insert(OWN.into(), vec![11, 99])),
        ),
        ("no signature", Release, "signature", Say(|f| _ = f.signers.insert(OWN.into(), vec![]))),
        (
            "one signature twice",
            Release,
            "signature",
            Say(|f| _ = f.signers.insert(OWN.into(), vec![11, 11])),
        ),
        (
            "the author's role signed by the member",
            Release,
            "signature",
            Say(|f| _ = f.signers.insert(OWN.into(), vec![12])),
        ),
        ("a new key without --register", New, "registration", Say(|_| ())),
        (
            "a wrong key id in --register",
            New,
            "registration",
            Arguments(&[
                "--register",
                "brie=0000000000000000000000000000000000000000000000000000000000000000",
            ]),
        ),
        ("--register, and no key in the ZIP", New, "registration", Say(|f| _ = f.files.remove("keys.json"))),
        (
            "a key in the ZIP that is not the one that signs",
            New,
            "registration",
            Say(|f| {
                f.files.insert(
                    "keys.json".into(),
                    json!({"keys": {stranger().0: stranger().1}, "threshold": 1}).to_string().into(),
                );
            }),
        ),
        (
            "a threshold that no holders can reach",
            New,
            "registration",
            Say(|f| {
                let text = String::from_utf8(f.files["keys.json"].clone()).unwrap();
                f.files
                    .insert("keys.json".into(), text.replace("\"threshold\": 1", "\"threshold\": 2").into());
            }),
        ),
        (
            "other keys than hold the project",
            Release,
            "registration",
            Say(|f| {
                f.files.insert(
                    "keys.json".into(),
                    json!({"keys": {stranger().0: stranger().1}, "threshold": 1}).to_string().into(),
                );
            }),
        ),
        ("--yes, which binds no key", New, "registration", Arguments(&["--yes"])),
        ("a project that --only does not name", Release, "access", Arguments(&["--only", "milk"])),
        ("no role at all", Release, "role-name", Say(|f| f.roles.clear())),
        ("no ZIP", Release, "archive", Form(|_| b"PK this is none".to_vec())),
        (
            "a ZIP cut short",
            Release,
            "archive",
            Form(|f| {
                let mut zip = f.zip();
                zip.truncate(zip.len() / 2);
                zip
            }),
        ),
        (
            "something before the ZIP",
            Release,
            "archive",
            Form(|f| [b"#!/bin/sh\n".to_vec(), f.zip()].concat()),
        ),
        ("a file that is in no folder of a submission", Release, "stray", Form(|f| with(f, "README", b"x"))),
        ("a climbing path", Release, "entry-name", Form(|f| with(f, "targets/../../../etc/cron.d/x", b"x"))),
        ("an absolute path", Release, "entry-name", Form(|f| with(f, "/etc/passwd", b"x"))),
        ("a path with backslashes", Release, "entry-name", Form(|f| with(f, "targets\\..\\x", b"x"))),
        ("a name with a line break", Release, "entry-name", Form(|f| with(f, "targets/a\nb", b"x"))),
        (
            "a target path that no client can fetch",
            Release,
            "entry-name",
            Form(|f| with(f, "targets/packages/cheese/a%20b.whl", b"x")),
        ),
        (
            "two names that differ in case",
            Release,
            "case-clash",
            Form(|f| with(f, "targets/Packages/cheese/cheese-1.1-py3-none-any.whl", b"x")),
        ),
        (
            "a link",
            Release,
            "entry-kind",
            Form(|f| {
                zip_with(f, |zip| {
                    zip.add_symlink("targets/packages/cheese/l", "/etc/passwd", SimpleFileOptions::default())
                        .unwrap();
                })
            }),
        ),
        ("a name twice", Release, "duplicate", Form(|f| twice(&f.zip()))),
        (
            "a bomb",
            Release,
            "bomb",
            Form(|f| {
                zip_with(f, |zip| {
                    zip.start_file("targets/packages/cheese/cheese-8.tar.gz", SimpleFileOptions::default())
                        .unwrap();
                    zip.write_all(&vec![0; 64 << 20]).unwrap();
                })
            }),
        ),
        (
            "a role that is a bomb",
            Release,
            "bomb",
            Form(|f| {
                zip_with(f, |zip| {
                    zip.start_file("metadata/1.project.cheese.bob.json", SimpleFileOptions::default())
                        .unwrap();
                    zip.write_all(&vec![b' '; 64 << 20]).unwrap();
                })
            }),
        ),
        (
            "a role of six megabytes",
            Release,
            "size",
            Form(|f| {
                zip_with(f, |zip| {
                    let stored =
                        SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
                    zip.start_file("metadata/1.project.cheese.bob.json", stored).unwrap();
                    zip.write_all(&vec![b' '; 6 << 20]).unwrap();
                })
            }),
        ),
        (
            "more entries than any release has",
            Release,
            "archive",
            Form(|f| {
                zip_with(f, |zip| {
                    for number in 0..10_001 {
                        zip.start_file(format!("targets/{number}"), SimpleFileOptions::default()).unwrap();
                    }
                })
            }),
        ),
        (
            "a role that is no JSON",
            Release,
            "metadata",
            Form(|f| with(f, "metadata/1.project.cheese.bob.json", b"{")),
        ),
        (
            "a snapshot",
            Release,
            "metadata",
            Form(|f| {
                with(f, "metadata/9.snapshot.json", br#"{"signatures":[],"signed":{"_type":"snapshot"}}"#)
            }),
        ),
        (
            "a role without a version in its name",
            Release,
            "role-name",
            Form(|f| with(f, "metadata/project.cheese.json", b"{}")),
        ),
        (
            "two versions of a role",
            Release,
            "duplicate",
            Form(|f| {
                let bytes = f.sealed(OWN);
                with(f, "metadata/4.project.cheese.json", &bytes)
            }),
        ),
    ]
}

/// The repository that they are sent to, and what they are made from.
struct Scene {
    repo: Repo,
    /// The key id of whoever signs the first release.
    stranger: String,
    release: Forge,
    member: Forge,
    new: Forge,
}

fn scene() -> Scene {
    let repo = Repo::with_config("[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n");
    let (name, bytes) = wheel("milk", "1.0");
    repo.add(&name, &bytes);
    repo.run(&["build", "--init"]).ok();
    let (author, alice, stranger) = (Author::known(11), Author::known(12), Author::known(13));
    repo.register(&author, "cheese", &["1.0"]);
    let joining = alice.path().join("alice.json");
    let joining = joining.to_str().unwrap();
    alice.run(&["author", "join", "cheese", "--as", "alice", "--key", alice.key(), "--out", joining]).ok();
    let delegation = author.path().join("delegation.zip");
    let (site, root) = places(Some(&repo));
    let delegate = ["author", "delegate", "cheese", "--member", joining, "--paths", "cheese-2.*", "--yes"];
    let out =
        ["--key", author.key(), "--out", delegation.to_str().unwrap(), "--from", &site, "--root", &root];
    author.run(&[&delegate[..], &out].concat()).ok();
    repo.accept(&[&delegation], &[]);
    Scene {
        stranger: stranger.keyid(),
        release: Forge::open(&author.sign("cheese", &["1.1"], Some(&repo), &[]), 11),
        member: Forge::open(&alice.sign("cheese", &["2.0"], Some(&repo), &["--as", "alice"]), 12),
        new: Forge::open(&stranger.sign("brie", &["1.0"], None, &[]), 13),
        repo,
    }
}

/// Offers a submission; gives every check that refused it, and what was said.
fn refused(name: &str, repo: &Repo, zip: &[u8], more: &[&str]) -> (BTreeSet<String>, String) {
    let path = repo.path().join("offered.zip");
    std::fs::write(&path, zip).unwrap();
    let args = [&["project", "accept", path.to_str().unwrap(), "--format", "json"], more].concat();
    let ran = repo.run(&args);
    assert_eq!(ran.code, 3, "{name}: {}{}", ran.stdout, ran.stderr);
    let json = ran.json();
    let refusals = json["refused"][0]["refusals"].as_array().unwrap_or_else(|| panic!("{json}"));
    for refusal in refusals {
        for field in ["check", "file", "what"] {
            assert!(!refusal[field].as_str().unwrap().is_empty(), "{refusal}");
        }
        assert!(
            !refusal["way_out"].as_str().unwrap().is_empty(),
            "nothing that the author can do: {refusal}"
        );
    }
    let checks = refusals.iter().map(|refusal| refusal["check"].as_str().unwrap().to_owned()).collect();
    (checks, json.to_string())
}

#[test]
fn each_hostile_submission_is_refused_with_its_reason_and_leaves_the_site_as_it_was() {
    let scene = scene();
    let before = snapshot_of(&scene.repo.site());
    let table = table();
    assert!(table.len() >= 35);
    let mut wrong = Vec::new();
    for (name, base_of, check, change) in table {
        let base = match base_of {
            Release => &scene.release,
            Member => &scene.member,
            New => &scene.new,
        };
        let mut forge =
            Forge { roles: base.roles.clone(), signers: base.signers.clone(), files: base.files.clone() };
        let register = format!("brie={}", scene.stranger);
        let mut more: &[&str] = match base_of {
            New if check != "registration" => &["--register", &register],
            _ => &[],
        };
        let zip = match change {
            Say(change) => {
                change(&mut forge);
                forge.zip()
            }
            Form(form) => form(&forge),
            Arguments(arguments) => {
                more = arguments;
                forge.zip()
            }
        };
        let (checks, said) = refused(name, &scene.repo, &zip, more);
        // The reason that is meant, among as few others as it brings along.
        if !checks.contains(check) || checks.len() > 2 {
            wrong.push(format!("{name}: {checks:?}, not {check}: {said}"));
        }
        assert_eq!(snapshot_of(&scene.repo.site()), before, "{name}: the site has changed");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What they were made from is taken in.
    for (forge, more) in [(&scene.release, vec![]), (&scene.member, vec![])] {
        let path = scene.repo.path().join("offered.zip");
        std::fs::write(&path, forge.zip()).unwrap();
        let args = [vec!["project", "accept", path.to_str().unwrap()], more].concat();
        let ran = scene.repo.run(&args);
        // The second was signed before the first was published: its pages are not those any more.
        assert!(ran.code == 0 || ran.stderr.contains("sign again with --from"), "{ran:?}");
    }
    scene.repo.verify();
}

#[test]
fn a_replayed_submission_changes_nothing_and_one_made_on_what_is_no_longer_published_is_refused() {
    let repo = Repo::with_config("[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n");
    repo.run(&["build", "--init", "--allow-removals"]).ok();
    let author = Author::known(11);
    let first = author.sign("cheese", &["1.0"], None, &[]);
    let register = format!("cheese={}", author.keyid());
    repo.accept(&[&first], &["--register", &register]);
    let second = author.sign("cheese", &["1.1"], Some(&repo), &[]);
    let rival = author.sign("cheese", &["1.2"], Some(&repo), &[]);
    repo.accept(&[&second], &[]);
    let before = snapshot_of(&repo.site());
    assert_eq!(repo.accept(&[&second], &[])["accepted"][0]["already"], true);
    for zip in [&first, &rival] {
        let (checks, said) = refused("", &repo, &std::fs::read(zip).unwrap(), &[]);
        assert!(checks.contains("version") && said.contains("sign again with --from"), "{said}");
    }
    assert_eq!(snapshot_of(&repo.site()), before);
    repo.accept(&[&author.sign("cheese", &["1.2"], Some(&repo), &[])], &[]);
    repo.verify();
}

#[test]
fn of_several_submissions_all_are_taken_in_or_none() {
    let repo = Repo::with_config("[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n");
    repo.run(&["build", "--init", "--allow-removals"]).ok();
    let author = Author::known(11);
    let names = ["brie", "cheese", "gouda"];
    let zips: Vec<_> = names.iter().map(|name| author.sign(name, &["1.0"], None, &[])).collect();
    let zips: Vec<&Path> = zips.iter().map(std::path::PathBuf::as_path).collect();
    let register = names.map(|name| format!("{name}={}", author.keyid()));
    let two = ["--register", &register[0], "--register", &register[1]];
    let (before, snapshot) =
        (snapshot_of(&repo.site()), repo.build(&["--allow-removals"])["snapshot"].as_u64().unwrap());
    let shown: Vec<&str> = zips.iter().map(|zip| zip.to_str().unwrap()).collect();
    let ran = repo.run(&[&["project", "accept", "--format", "json"], &shown[..], &two].concat());
    assert_eq!(ran.code, 3);
    assert_eq!(ran.json()["refused"].as_array().unwrap().len(), 1);
    assert_eq!(snapshot_of(&repo.site()), before);
    let three = [&two[..], &["--register", &register[2]]].concat();
    let taken = repo.accept(&zips, &three);
    assert_eq!(taken["accepted"].as_array().unwrap().len(), 3);
    assert_eq!(taken["snapshot"], snapshot + 1, "one swap");
    repo.verify();
}

fn set_version(forge: &mut Forge, role: &str, version: u64) {
    let (number, signed) = forge.roles.get_mut(role).unwrap();
    *number = version;
    signed["version"] = version.into();
}

fn copy_role(forge: &mut Forge, from: &str, to: &str) {
    let (_, mut signed) = forge.roles[from].clone();
    signed["version"] = 1.into();
    let signers = forge.signers[from].clone();
    forge.add_role(to, 1, signed, &signers);
}

/// The id and the public part of a key that nobody registered.
fn stranger() -> (String, Value) {
    use tuffet::keys::Signer as _;
    let key = super::support::known::key(99);
    (key.keyid().to_string(), serde_json::to_value(key.key()).unwrap())
}

fn delegate(forge: &mut Forge, role: &str, pattern: &str) {
    let (keyid, key) = stranger();
    let delegations = &mut forge.role(OWN)["delegations"];
    delegations["keys"][&keyid] = key;
    let child = json!({
        "name": role, "keyids": [keyid], "threshold": 1, "terminating": false, "paths": [pattern],
    });
    delegations["roles"].as_array_mut().unwrap().push(child);
}

fn in_seconds(seconds: u64) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let moment = tuffet::model::Moment::from_unix(i64::try_from(now + seconds).unwrap()).unwrap();
    moment.to_string().into()
}

/// Writers that do not go back put sums behind each file; what may be heads of others does not stand there.
#[test]
fn between_the_files_of_a_zip_stands_little() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("submission.zip");
    let refused = |bytes: Vec<u8>| {
        std::fs::write(&path, bytes).unwrap();
        Submission::open(&path).map(drop).unwrap_err().to_string()
    };
    let mut zip = zip::ZipWriter::new_stream(Vec::new());
    for name in ["metadata/1.project.x.json", "README"] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(b"{}").unwrap();
    }
    let error = refused(zip.finish().unwrap().into_inner());
    assert!(error.contains("[stray]") && !error.contains("[archive]"), "{error}");
    let error = refused(zips::of_what_may_be_heads(100_000));
    assert!(error.contains("98000 bytes in it are no entry's"), "{error}");
}

/// The submission with one more entry.
fn with(forge: &Forge, name: &str, bytes: &[u8]) -> Vec<u8> {
    let entries = forge.entries();
    let all = entries.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()));
    zip_of(all.chain([(name, bytes)]))
}

/// The submission with whatever `add` adds.
fn zip_with(forge: &Forge, add: impl Fn(&mut zip::ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new_append(Cursor::new(forge.zip())).unwrap();
    add(&mut zip);
    zip.finish().unwrap().into_inner()
}

/// The ZIP with two entries of one name: one of `keys.json`'s neighbours renamed in both of its places.
fn twice(zip: &[u8]) -> Vec<u8> {
    let (old, new) =
        (b"targets/simple/cheese/index.html".as_slice(), b"targets/simple/cheese/index.htmm".as_slice());
    let doubled = zip_append(zip, std::str::from_utf8(new).unwrap());
    let mut out = doubled;
    let mut at = 0;
    while let Some(found) = out[at..].windows(new.len()).position(|window| window == new) {
        out[at + found..at + found + new.len()].copy_from_slice(old);
        at += found + new.len();
    }
    out
}

fn zip_append(bytes: &[u8], name: &str) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new_append(Cursor::new(bytes.to_vec())).unwrap();
    zip.start_file(name, SimpleFileOptions::default()).unwrap();
    zip.write_all(b"other").unwrap();
    zip.finish().unwrap().into_inner()
}
