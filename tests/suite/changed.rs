//! `build --changed`: the paths that somebody names, and nothing else of the source. A complete list gives the tree
//! that a walk gives, byte for byte; a list that lies publishes nothing that is not so.

use super::support::{Ran, Repo, clients, snapshot_of};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
enum Change {
    Add(usize, u8),
    Remove(usize),
    Move(usize),
}

fn changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let change = prop_oneof![
        4 => (0..9_usize, 0..3_u8).prop_map(|(number, byte)| Change::Add(number, byte)),
        2 => (0..9_usize).prop_map(Change::Remove),
        1 => (0..9_usize).prop_map(Change::Move),
    ];
    vec(vec(change, 0..4), 1..6)
}

/// Files with one folder for two, two versions for some projects, a name that only the archive could settle, and one
/// that lies in two folders.
fn name(number: usize) -> String {
    match number {
        7 => "d3/odd-1-2.tar.gz".to_owned(),
        8 => "d4/p1-1.0-py3-none-any.whl".to_owned(),
        number => format!("d{}/p{}-{}.0-py3-none-any.whl", number / 2, number % 4, number / 4 + 1),
    }
}

const FLAT: &str = "[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n[index]\nformats = []\n";
const PAGES: &str = "[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n";
const YANKED: &str = "[source]\npath = \"dists\"\nyanked = [\"p1==2.0\"]\n[keys]\ninsecure_plain = true\n[index]\nformats = [\"json\"]\n";
const TREE: &str =
    "[source]\npath = \"dists\"\nlayout = \"tree\"\nexclude = [\"d0/p1*\"]\n[keys]\ninsecure_plain = true\n";

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_complete_list_gives_the_tree_that_a_walk_gives(
        rounds in changes(),
        config in prop_oneof![Just(FLAT), Just(PAGES), Just(YANKED), Just(TREE)],
        forgets in any::<bool>(),
    ) {
        let walks = Repo::with_config(config);
        walks.add("x/anchor-1.0-py3-none-any.whl", b"always there");
        walks.run(&["build", "--init", "--now", "2026-01-01T00:00:00Z"]).ok();
        let listens = walks.twin();
        for (round, changes) in rounds.into_iter().enumerate() {
            let mut paths = BTreeSet::new();
            for change in changes {
                let both = [&walks, &listens];
                match change {
                    Change::Add(number, byte) => {
                        both.iter().for_each(|repo| repo.add(&name(number), &[byte; 10]));
                        paths.insert(name(number));
                    }
                    Change::Remove(number) if walks.source().join(name(number)).exists() => {
                        both.iter().for_each(|repo| repo.remove(&name(number)));
                        paths.insert(name(number));
                    }
                    Change::Move(number) if walks.source().join(name(number)).exists() => {
                        let to = format!("moved/{}", name(number));
                        both.iter().for_each(|repo| {
                            let to = repo.source().join(&to);
                            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                            std::fs::rename(repo.source().join(name(number)), to).unwrap();
                        });
                        paths.extend([name(number), to]);
                    }
                    Change::Remove(_) | Change::Move(_) => {}
                }
            }
            if forgets {
                // The caches are nothing but caches.
                let _ = std::fs::remove_dir_all(listens.path().join(".tuffet/cache"));
                if continue_with_a_walk(&walks, &listens, round) {
                    continue;
                }
                return Ok(());
            }
            let now = format!("2026-01-01T00:{:02}:00Z", round + 1);
            let list: String = paths.iter().map(|path| format!("{path}\n")).collect();
            let told = listens.told(&list, &["--now", &now, "--allow-removals"]);
            let walked = walks.run(&["build", "--format", "json", "--now", &now, "--allow-removals"]);
            prop_assert_eq!(told.code, walked.code, "{}\n{}", &told.stderr, &walked.stderr);
            if walked.code == 0 {
                prop_assert_eq!(&told.json()["files"]["added"], &walked.json()["files"]["added"]);
                prop_assert_eq!(&told.json()["targets"], &walked.json()["targets"]);
            } else {
                // Two files of one name with other bytes: neither goes on.
                // A walk warns of files that the list says nothing of.
                let error = |ran: &Ran| ran.stderr[ran.stderr.find("error:").unwrap()..].to_owned();
                prop_assert_eq!(error(&told), error(&walked));
                return Ok(());
            }
            prop_assert_eq!(snapshot_of(&listens.site()), snapshot_of(&walks.site()), "round {}: {}", round, list);
        }
        listens.run(&["verify", "--strict", "--now", "2026-01-01T00:20:00Z"]).ok();
        // A walk after it finds nothing that it was not told.
        let after = listens.build(&["--now", "2026-01-01T00:20:00Z"]);
        prop_assert_eq!(&after["published"], &json!(false));
    }
}

/// A walk of both, one without its caches; false where two files of one name stop both.
fn continue_with_a_walk(walks: &Repo, listens: &Repo, round: usize) -> bool {
    let now = format!("2026-01-01T00:{:02}:00Z", round + 1);
    let [one, other] = [walks, listens].map(|repo| repo.run(&["build", "--now", &now, "--allow-removals"]));
    assert_eq!(one.code, other.code);
    if one.code == 0 {
        assert_eq!(snapshot_of(&listens.site()), snapshot_of(&walks.site()));
    }
    one.code == 0
}

#[test]
fn a_list_that_lies_publishes_nothing_that_is_not_so() {
    let repo = Repo::published(12);
    let before = snapshot_of(&repo.site());
    let code = |out: &Value| {
        let all = out["warnings"].as_array().unwrap().iter();
        all.map(|w| w["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    // Not there, and never was; there, and as it was; twice.
    let out =
        repo.told("none-1.0.tar.gz\np3-1.0-py3-none-any.whl\n./p3-1.0-py3-none-any.whl\n\n", &[]).ok().json();
    assert_eq!((&out["published"], &out["files"]["seen"]), (&json!(false), &json!(1)), "{out}");
    assert_eq!(code(&out), ["not-there"]);
    assert_eq!(snapshot_of(&repo.site()), before);
    // Outside the source.
    for outside in ["../pipeline.toml", "/etc/passwd", "a/../../dists/p3-1.0-py3-none-any.whl"] {
        let refused = repo.told(outside, &[]);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(outside) && refused.stderr.contains("outside"), "{}", refused.stderr);
    }
    // What no file is called: a name that is too long, a list of one line, a list with other ends of lines.
    let out = repo.told(&format!("{0}.whl\n{0}/x.whl\n", "n".repeat(300)), &[]).ok().json();
    assert_eq!((&out["published"], code(&out)), (&json!(false), vec!["not-there".to_owned(); 2]), "{out}");
    let endless = repo.told(&"p3-1.0-py3-none-any.whl ".repeat(400), &[]);
    assert_eq!(endless.code, 2, "{}", endless.stderr);
    assert!(endless.stderr.contains("the system takes") && endless.stderr.len() < 500, "{}", endless.stderr);
    let ended = repo.told("p3-1.0-py3-none-any.whl\0p4-1.0-py3-none-any.whl\0", &[]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("NUL"), "{}", ended.stderr);
    // The source itself is all of it.
    for (number, all) in [(17, ".\n"), (18, "p3-1.0-py3-none-any.whl\n./\n")] {
        repo.add_wheel(number);
        let out = repo.told(all, &[]).ok().json();
        assert_eq!(out["files"]["added"], json!(1), "{out}");
    }
    repo.remove("p17-1.0-py3-none-any.whl");
    repo.remove("p18-1.0-py3-none-any.whl");
    let out = repo.told(repo.source().to_str().unwrap(), &["--allow-removals"]).ok().json();
    assert_eq!((&out["files"]["removed"], &out["targets"]), (&json!(2), &json!(12)), "{out}");
    // Through a link that leads out, or to the same file again.
    std::os::unix::fs::symlink("/etc", repo.source().join("etc")).unwrap();
    std::os::unix::fs::symlink(repo.path(), repo.source().join("up")).unwrap();
    let out = repo.told("etc/passwd\nup/dists/p4-1.0-py3-none-any.whl\netc\n", &[]).ok().json();
    assert_eq!((&out["published"], &out["targets"]), (&json!(false), &json!(12)), "{out}");
    // A file that the list says nothing of is neither taken nor dropped.
    repo.add_wheel(20);
    repo.remove("p5-1.0-py3-none-any.whl");
    let added = repo.add_wheel(21);
    let out = repo.told(&added, &[]).ok().json();
    assert_eq!((&out["files"]["added"], &out["files"]["removed"]), (&json!(1), &json!(0)), "{out}");
    assert!(repo.targets().contains_key("packages/p5/p5-1.0-py3-none-any.whl"));
    assert!(!repo.targets().contains_key("packages/p20/p20-1.0-py3-none-any.whl"));
    // Other bytes under a published name are held.
    repo.add("p6-1.0-py3-none-any.whl", b"other bytes");
    let out = repo.told("p6-1.0-py3-none-any.whl", &[]).ok().json();
    assert_eq!((&out["published"], &out["files"]["held"]), (&json!(false), &json!(1)), "{out}");
    let out = repo.told("p6-1.0-py3-none-any.whl", &["--replace", "p6-1.0-py3-none-any.whl"]).ok().json();
    assert_eq!(&out["files"]["changed"], &json!(1));
    repo.run(&["verify"]).ok();
    let work = repo.path().join("client");
    assert_eq!(clients::python_tuf(&repo.site(), &work, &repo.targets()), 13);
}

#[test]
fn a_source_that_is_gone_is_no_list_of_removals() {
    let repo = Repo::published(12);
    let before = snapshot_of(&repo.site());
    let all: String = (0..12).map(|number| format!("p{number}-1.0-py3-none-any.whl\n")).collect();
    (0..6).for_each(|number| repo.remove(&format!("p{number}-1.0-py3-none-any.whl")));
    assert_eq!(repo.told(&all, &[]).code, 4, "more than a tenth");
    (6..12).for_each(|number| repo.remove(&format!("p{number}-1.0-py3-none-any.whl")));
    assert_eq!(repo.told("p0-1.0-py3-none-any.whl", &[]).code, 4, "an empty source");
    std::fs::remove_dir(repo.source()).unwrap();
    assert_eq!(repo.told("p0-1.0-py3-none-any.whl", &[]).code, 4, "no source");
    assert_eq!(snapshot_of(&repo.site()), before);
    std::fs::create_dir(repo.source()).unwrap();
    let out = repo.told("p0-1.0-py3-none-any.whl", &["--allow-removals"]).ok().json();
    assert_eq!((&out["files"]["removed"], &out["targets"]), (&json!(1), &json!(11)));
}

#[test]
fn one_file_is_added_to_what_lists_published() {
    let scanned = Repo::published(40);
    let list = scanned.path().join("all.parquet");
    scanned.run(&["inventory", "--out", list.to_str().unwrap()]).ok();
    let repo = Repo::new();
    repo.run(&["build", "--init", "--inventory", list.to_str().unwrap()]).ok();
    let added = repo.add_wheel(40);
    let out = repo.told(&added, &[]).ok().json();
    assert_eq!(
        (&out["targets"], &out["files"]["added"], &out["bins"]["signed"]),
        (&json!(41), &json!(1), &json!(1))
    );
    let out = repo.told("p7-1.0-py3-none-any.whl", &[]).ok().json();
    assert_eq!((&out["targets"], &out["files"]["removed"]), (&json!(40), &json!(1)), "{out}");
    repo.run(&["verify", "--metadata-only"]).ok();
}

#[test]
fn a_second_file_of_a_name_is_held_against_the_first_however_young_that_is() {
    let repo = Repo::published(12);
    let before = snapshot_of(&repo.site());
    let name = "p3-1.0-py3-none-any.whl";
    repo.add(&format!("elsewhere/{name}"), b"other bytes");
    let [told, walked] =
        [repo.told(&format!("elsewhere/{name}"), &[]), repo.run(&["build", "--format", "json"])];
    assert_eq!((told.code, &told.stderr), (walked.code, &walked.stderr));
    assert!(told.code == 3 && told.stderr.contains("elsewhere/p3"), "{}", told.stderr);
    assert_eq!(snapshot_of(&repo.site()), before);
    // The same bytes are the same target.
    repo.add(&format!("elsewhere/{name}"), format!("the content of {name}").as_bytes());
    let out = repo.told(&format!("elsewhere/{name}"), &[]).ok().json();
    assert_eq!((&out["published"], &out["files"]["held"]), (&json!(false), &json!(0)), "{out}");
    // And it stays while one of the two does.
    repo.remove(name);
    let out = repo.told(name, &[]).ok().json();
    assert_eq!((&out["published"], &out["files"]["removed"]), (&json!(false), &json!(0)), "{out}");
    repo.remove(&format!("elsewhere/{name}"));
    let out = repo.told(&format!("elsewhere/{name}"), &[]).ok().json();
    assert_eq!(&out["files"]["removed"], &json!(1), "{out}");
}

#[test]
fn no_name_gets_beside_one_that_tough_sorts_otherwise() {
    let repo = Repo::with_config(TREE);
    repo.add("x/a b", b"with a space");
    repo.add("x/other", b"other");
    repo.run(&["build", "--init"]).ok();
    repo.add("x/a", b"without");
    let out = repo.told("x/a", &["--allow-removals"]).ok().json();
    assert_eq!(&out["warnings"][0]["code"], "name-skipped", "{out}");
    assert_eq!(repo.targets().into_keys().collect::<Vec<_>>(), ["x/a", "x/other"]);
    repo.run(&["verify", "--strict"]).ok();
    // Both at once, and the one in place of the other.
    repo.add("y/b", b"without");
    repo.add("y/b c", b"with a space");
    let out = repo.told("y/b\ny/b c", &[]).ok().json();
    assert_eq!(&out["warnings"][0]["path"], "y/b c", "{out}");
    std::fs::remove_file(repo.source().join("y/b")).unwrap();
    repo.add("y/b d", b"another");
    repo.told("y/b\ny/b d\ny/b c", &["--allow-removals"]).ok();
    assert_eq!(repo.targets().into_keys().collect::<Vec<_>>(), ["x/a", "x/other", "y/b c", "y/b d"]);
    repo.run(&["verify", "--strict"]).ok();
}

#[test]
fn what_a_killed_run_left_waits_for_a_build_that_looks_at_everything() {
    for config in [FLAT, PAGES] {
        let repo = Repo::with_config(config);
        (0..12).for_each(|number| drop(repo.add_wheel(number)));
        repo.run(&["build", "--init"]).ok();
        let placement = || std::fs::read_to_string(repo.path().join(".tuffet/cache/placement")).unwrap();
        std::fs::create_dir(repo.path().join(".tuffet/staging")).unwrap();
        let file = repo.add_wheel(20);
        let text = std::fs::read_to_string(repo.path().join("pipeline.toml")).unwrap();
        std::fs::write(repo.path().join("pipeline.toml"), text + "[site]\ntough_alias = true\n").unwrap();
        repo.told(&file, &[]).ok();
        assert!(repo.path().join(".tuffet/interrupted").exists());
        assert_eq!(placement(), "", "names that other files lack are still to be made");
        repo.build(&[]);
        assert!(!repo.path().join(".tuffet/interrupted").exists());
        assert!(placement().contains("tough_alias true"));
        let digest = &repo.targets()["packages/p3/p3-1.0-py3-none-any.whl"];
        assert!(repo.site().join(format!("{digest}.packages/p3/p3-1.0-py3-none-any.whl")).exists());
    }
}
