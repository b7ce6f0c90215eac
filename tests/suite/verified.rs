//! What a build that is told what changed takes as it was verified before: no damage to the site or to that memory, and
//! no memory of another tree, gives another tree than a walk does, or one at all.

use super::support::{Ran, Repo, snapshot_of};
use std::path::{Path, PathBuf};
use tuffet::model::{Known, Listed, Sha256};
use tuffet::site::Site;
use tuffet::site::outline::{self, Outline};
use tuffet::state::State;
use tuffet::state::tree::{self, Tree};

const FLAT: &str =
    "[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n[bins]\ncount = 64\n[index]\nformats = []\n";
/// What is done to a repository.
type Damage = Box<dyn Fn(&Repo)>;

const NOW: &str = "2026-01-02T00:00:00Z";

fn repository() -> Repo {
    let repo = Repo::with_config(FLAT);
    (0..12).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&["build", "--init", "--now", "2026-01-01T00:00:00Z"]).ok();
    repo
}

/// The same repository, with one file more in its source.
fn with_one_more(repo: &Repo) -> (Repo, PathBuf) {
    let twin = repo.twin();
    let list = twin.path().join("changed");
    std::fs::write(&list, twin.add_wheel(40)).unwrap();
    (twin, list)
}

/// What a build that is told, and one that walks, make of a repository with one file more, `damage` done to both.
fn both(repo: &Repo, damage: &dyn Fn(&Repo)) -> [(Ran, Repo); 2] {
    [true, false].map(|is_told| {
        let (twin, list) = with_one_more(repo);
        damage(&twin);
        let told = ["build", "--now", NOW, "--changed", list.to_str().unwrap()];
        (twin.run(if is_told { &told } else { &told[..3] }), twin)
    })
}

fn state(repo: &Repo) -> State {
    State::new(&repo.path().join(".tuffet"))
}

fn read(repo: &Repo, known: Option<&Known>) -> Outline {
    outline::read(&Site::new(&repo.site()), known).unwrap()
}

fn the_one(repo: &Repo, ending: &str) -> PathBuf {
    let all = std::fs::read_dir(repo.site().join("metadata")).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> = all.filter(|path| path.to_str().unwrap().ends_with(ending)).collect();
    all.sort();
    all.pop().unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn what_was_verified_is_taken_as_it_was_and_only_under_the_keys_that_it_was_verified_by() {
    let repo = repository();
    let Tree { known, .. } = tree::load(&state(&repo)).unwrap();
    let general = read(&repo, None);
    assert!(matches!(general.listing, Listed::Parsed(_)));
    assert_eq!(general.known(general.snapshot.digest), known);
    // Neither of the long roles is read apart: what is known of them counts.
    let mut other = known.clone();
    other.bins.expires = "2040-01-01T00:00:00Z".parse().unwrap();
    let taken = read(&repo, Some(&other));
    assert!(matches!(taken.listing, Listed::Written(_)));
    assert_eq!((&taken.bin_list, taken.snapshot), (&other.bins, general.snapshot));
    assert_eq!(taken.listing.to_listing(), general.listing.to_listing());
    // Of other bytes, or under other keys, it is not.
    let [mut root, mut snapshot, mut targets, mut unclaimed, mut version] = [(); 5].map(|()| other.clone());
    let none = Sha256::of(b"another");
    root.root = none;
    snapshot.snapshot = none;
    targets.targets = none;
    unclaimed.unclaimed = none;
    version.bins.version = version.bins.version.next();
    for known in [root, snapshot] {
        let read = read(&repo, Some(&known));
        assert!(matches!(read.listing, Listed::Parsed(_)));
        assert_eq!(read.listing.to_listing(), general.listing.to_listing());
    }
    for known in [targets, unclaimed, version] {
        assert_eq!(read(&repo, Some(&known)).bin_list, general.bin_list);
    }
}

#[test]
fn damage_to_what_was_verified_is_found_as_a_walk_finds_it() {
    let repo = repository();
    for ending in [".snapshot.json", ".unclaimed.json", ".targets.json", ".root.json", "timestamp.json"] {
        let file = the_one(&repo, ending);
        let size = std::fs::read(&file).unwrap().len();
        let name = file.file_name().unwrap();
        for at in [size / 3, size / 2, size - 8] {
            let damage = |repo: &Repo| flip(&repo.site().join("metadata").join(name), at);
            let [(told, _), (walked, _)] = both(&repo, &damage);
            assert_eq!((told.code, &told.stderr), (walked.code, &walked.stderr), "{ending} at {at}");
            assert_ne!(told.code, 0, "{ending} at {at}");
        }
        let [(told, _), (walked, _)] =
            both(&repo, &|repo| std::fs::remove_file(repo.site().join("metadata").join(name)).unwrap());
        assert_eq!((told.code, &told.stderr), (walked.code, &walked.stderr), "no {ending}");
        assert_ne!(told.code, 0, "no {ending}");
    }
}

#[test]
fn a_memory_that_is_damaged_or_of_another_tree_changes_nothing() {
    let repo = repository();
    let memory = |repo: &Repo| repo.path().join(".tuffet/cache/tree");
    let size = std::fs::read(memory(&repo)).unwrap().len();
    let other = repository();
    let foreign = std::fs::read(memory(&other)).unwrap();
    repo.run(&["build", "--now", "2026-01-01T00:10:00Z"]).ok();
    let old = std::fs::read(memory(&repo)).unwrap();
    repo.add_wheel(30);
    repo.run(&["build", "--now", "2026-01-01T00:20:00Z"]).ok();
    assert_ne!(std::fs::read(memory(&repo)).unwrap(), old);
    let mut damages: Vec<Damage> = vec![
        Box::new(|_| ()),
        Box::new(move |repo| std::fs::write(memory(repo), &foreign).unwrap()),
        Box::new(move |repo| std::fs::write(memory(repo), &old).unwrap()),
        Box::new(move |repo| std::fs::remove_file(memory(repo)).unwrap()),
        Box::new(move |repo| std::fs::write(memory(repo), "").unwrap()),
    ];
    for at in (0..size).step_by(size / 8) {
        damages.push(Box::new(move |repo| flip(&memory(repo), at)));
        damages.push(Box::new(move |repo| {
            let bytes = std::fs::read(memory(repo)).unwrap();
            std::fs::write(memory(repo), &bytes[..at]).unwrap();
        }));
    }
    for (number, damage) in damages.iter().enumerate() {
        let [(told, one), (walked, two)] = both(&repo, damage);
        assert_eq!((told.code, walked.code), (0, 0), "{number}: {}{}", told.stderr, walked.stderr);
        assert_eq!(snapshot_of(&one.site()), snapshot_of(&two.site()), "{number}");
        assert_eq!(tree::load(&state(&one)), tree::load(&state(&two)), "{number}");
        assert!(tree::load(&state(&one)).is_some());
    }
}
