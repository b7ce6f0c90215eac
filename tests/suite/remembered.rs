//! What the state folder remembers of the source's files: it says what it was told, and after damage less, never
//! something else. And the walk that is held against it: it publishes what a build that remembers nothing does.

use super::support::author::wheel;
use super::support::{Repo, snapshot_of};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tuffet::disk::FileStamp;
use tuffet::model::{Sha256, TargetPath};
use tuffet::state::State;
use tuffet::state::cache::{DigestCache, Remembered};

fn remembered(path: &str, content: u8, is_tree: bool) -> Remembered {
    let name = path.rsplit('/').next().unwrap();
    let target = if is_tree { path.to_owned() } else { format!("packages/p/{name}") };
    let stamp = FileStamp {
        device: 7,
        inode: 1 << (content % 60),
        size: 10,
        modified: -i64::from(content),
        changed: 1_764_000_000_000_000_000,
    };
    Remembered { stamp, digest: Sha256::of(&[content]), target: target.parse().unwrap() }
}

fn path(number: usize) -> String {
    match number % 7 {
        0 => format!("f{}", number % 40),
        1 => format!("a/f{number}"),
        2 => format!("a/b/f {}", number % 90),
        3 => format!("a-b/f{number}"),
        4 => format!("a/b!/f{number}"),
        5 => format!("é/f{}!x", number % 50),
        _ => format!("a/b/c{}/f{number}", number % 11),
    }
}

type Model = BTreeMap<String, Remembered>;

#[derive(Clone, Debug)]
enum Step {
    Remember(usize, u8),
    Forget(usize),
    ForgetFolder(&'static str),
    Walk(usize, usize),
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..6000_usize, any::<u8>()).prop_map(|(number, content)| Step::Remember(number, content)),
        3 => (0..6000_usize).prop_map(Step::Forget),
        1 => prop_oneof![Just("a/b"), Just("a"), Just("é"), Just("a/b/c3")].prop_map(Step::ForgetFolder),
        1 => (0..6000_usize, 0..6000_usize).prop_map(|(from, count)| Step::Walk(from, count)),
        2 => Just(Step::Reopen),
    ];
    vec(step, 1..24)
}

fn below<'a>(model: &'a Model, path: &'a str) -> impl Iterator<Item = (&'a String, &'a Remembered)> {
    model.iter().filter(move |(other, _)| {
        other.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn holds(cache: &DigestCache, model: &Model) {
    for number in (0..6000).step_by(61) {
        let path = path(number);
        let known = model.get(&path);
        let stamp = known.map_or(FileStamp::NONE, |one| one.stamp);
        assert_eq!(cache.recall(&path, &stamp).as_ref(), known, "{path}");
        assert_eq!(cache.digest(&path, &stamp), known.map(|one| one.digest), "{path}");
        assert_eq!(cache.digest(&path, &FileStamp { size: 11, ..stamp }), None, "{path}");
    }
    for folder in ["a", "a/b", "a/b/c3", "a-b", "é", "f7", "nothing"] {
        let said: BTreeMap<String, Remembered> = cache.below(folder).collect();
        let right: BTreeMap<String, Remembered> =
            below(model, folder).map(|(path, one)| (path.clone(), one.clone())).collect();
        assert_eq!(said, right, "{folder}");
    }
    let targets: BTreeSet<TargetPath> = (0..6000)
        .step_by(83)
        .flat_map(|number| [path(number), format!("packages/p/{}", path(number).rsplit('/').next().unwrap())])
        .map(|target| target.parse().unwrap())
        .collect();
    let others: BTreeSet<(String, TargetPath)> =
        cache.others(&targets, &|path| path.starts_with("a-b")).into_iter().collect();
    let right: BTreeSet<(String, TargetPath)> = model
        .iter()
        .filter(|(path, one)| targets.contains(&one.target) && !path.starts_with("a-b"))
        .map(|(path, one)| (path.clone(), one.target.clone()))
        .collect();
    assert_eq!(others, right);
    for start in ["a/b!", "a/b ", "a/b/f ", "f3", "packages/p/f1", "é/f7!", "é!", "packages/p/f7!", "zz"] {
        let right = model.values().any(|one| one.target.as_str().starts_with(start));
        assert_eq!(cache.has_target_beginning(start), right, "{start}");
    }
    assert!(!cache.is_damaged());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 64, ..ProptestConfig::default() })]

    #[test]
    fn it_says_what_it_was_told(steps in steps(), is_tree in any::<bool>(), in_memory in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::new(folder.path());
        let open = || if in_memory { DigestCache::load(&state).in_memory() } else { DigestCache::load(&state) };
        let mut model = Model::new();
        let mut cache = open();
        let mut is_whole = false;
        for step in steps {
            match step {
                Step::Remember(number, content) => {
                    let one = remembered(&path(number), content, is_tree);
                    model.insert(path(number), one.clone());
                    cache.remember(&path(number), one);
                }
                Step::Forget(number) => {
                    let path = path(number);
                    let gone: Vec<String> = below(&model, &path).map(|(path, _)| path.clone()).collect();
                    gone.iter().for_each(|path| drop(model.remove(path)));
                    cache.forget_below(&path);
                }
                Step::ForgetFolder(folder) => {
                    let gone: Vec<String> = below(&model, folder).map(|(path, _)| path.clone()).collect();
                    gone.iter().for_each(|path| drop(model.remove(path)));
                    cache.forget_below(folder);
                }
                Step::Walk(from, count) => {
                    let all = (from..from + count).map(path);
                    model = all.map(|path| (path.clone(), remembered(&path, 9, is_tree))).collect();
                    let walked = model.iter().map(|(path, one)| (path.as_str(), one.clone()));
                    cache.remember_all(walked);
                    is_whole = true;
                }
                Step::Reopen => {
                    cache.save(&state).unwrap();
                    cache = open();
                }
            }
            prop_assert_eq!(cache.is_whole(), is_whole);
        }
        holds(&cache, &model);
        cache.save(&state).unwrap();
        holds(&DigestCache::load(&state), &model);
        prop_assert_eq!(DigestCache::load(&state).is_whole(), is_whole);
    }
}

fn of_files(state: &State, count: usize) -> Model {
    let model: Model = (0..count)
        .map(|number| format!("d{}/f{number}", number / 10))
        .map(|path| (path.clone(), remembered(&path, 1, false)))
        .collect();
    let mut cache = DigestCache::load(state);
    cache.remember_all(model.iter().map(|(path, one)| (path.as_str(), one.clone())));
    cache.settle(Some(Sha256::of(b"snapshot")));
    cache.save(state).unwrap();
    let mut cache = DigestCache::load(state);
    cache.remember("d1/f12", remembered("d1/f12", 2, false));
    cache.save(state).unwrap();
    model
}

fn files_of(folder: &Path) -> Vec<String> {
    snapshot_of(folder).into_keys().collect()
}

#[test]
fn after_damage_it_says_less_and_never_something_else() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::new(folder.path());
    let mut model = of_files(&state, 5000);
    model.insert("d1/f12".to_owned(), remembered("d1/f12", 2, false));
    assert_eq!(files_of(folder.path()), ["cache/digests", "cache/digests.head"]);
    for name in files_of(folder.path()) {
        let path = folder.path().join(&name);
        let whole = std::fs::read(&path).unwrap();
        let step = (whole.len() / 150).max(1);
        let flipped = (0..whole.len()).step_by(step).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x41;
            (format!("{name}, byte {at}"), bytes)
        });
        let cut = [0, 1, 17, whole.len() / 2, whole.len() - 1]
            .map(|at| (format!("{name}, {at} bytes"), whole[..at].to_vec()));
        let foreign = [("tuffet digests 1\n", name.clone()), ("{}", name.clone())];
        let foreign = foreign.map(|(text, name)| (format!("{name}: {text}"), text.as_bytes().to_vec()));
        for (what, bytes) in flipped.chain(cut).chain(foreign) {
            std::fs::write(&path, bytes).unwrap();
            for in_memory in [false, true] {
                let cache = DigestCache::load(&state);
                let cache = if in_memory { cache.in_memory() } else { cache };
                let mut known = 0;
                for (path, one) in model.iter().step_by(7) {
                    let said = cache.recall(path, &one.stamp);
                    assert!(said.is_none() || said.as_ref() == Some(one), "{what}: {path}");
                    known += usize::from(said.is_some());
                }
                let all: BTreeMap<String, Remembered> =
                    (0..500).flat_map(|n| cache.below(&format!("d{n}"))).collect();
                let is_all = all == model;
                assert!(
                    is_all || cache.is_damaged() || !cache.is_whole(),
                    "{what}: {known} known, {}",
                    all.len()
                );
                assert!(is_all || cache.is_damaged() || cache.settled().is_none(), "{what}");
                // And what is written after it is whole again.
                if cache.is_damaged() || !cache.is_whole() {
                    continue;
                }
                assert_eq!(known, model.len().div_ceil(7), "{what}");
            }
        }
        std::fs::write(&path, &whole).unwrap();
    }
    // A walk mends it.
    let path = folder.path().join("cache/digests");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut cache = DigestCache::load(&state).in_memory();
    assert!(!cache.is_whole());
    cache.remember_all(model.iter().map(|(path, one)| (path.as_str(), one.clone())));
    cache.save(&state).unwrap();
    let cache = DigestCache::load(&state).in_memory();
    assert!(
        cache.is_whole()
            && model.iter().all(|(path, one)| cache.recall(path, &one.stamp).as_ref() == Some(one))
    );
}

#[test]
fn the_two_files_of_two_states_are_not_taken_for_one() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let states = folders.each_ref().map(|folder| State::new(folder.path()));
    of_files(&states[0], 5000);
    of_files(&states[1], 6000);
    let [one, other] = folders.each_ref().map(|folder| folder.path().join("cache/digests"));
    std::fs::copy(&other, &one).unwrap();
    let cache = DigestCache::load(&states[0]);
    assert!(!cache.is_whole() && cache.settled().is_none());
    std::fs::remove_file(&one).unwrap();
    assert!(!DigestCache::load(&states[0]).is_whole());
    std::fs::remove_file(folders[1].path().join("cache/digests.head")).unwrap();
    let cache = DigestCache::load(&states[1]);
    assert!(!cache.is_whole() && cache.settled().is_none());
}

#[test]
fn one_file_is_found_and_changed_without_reading_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let state = State::new(folder.path());
    let model = of_files(&state, 20_000);
    let table = folder.path().join("cache/digests");
    let mut bytes = std::fs::read(&table).unwrap();
    // Some page of files, far from what is asked for.
    let far = bytes.len() * 2 / 5;
    bytes[far] ^= 1;
    std::fs::write(&table, &bytes).unwrap();
    let mut cache = DigestCache::load(&state);
    for path in ["d1500/f15003", "d777/f7771"] {
        assert_eq!(cache.recall(path, &model[path].stamp).as_ref(), Some(&model[path]));
        assert_eq!(cache.below(path.split('/').next().unwrap()).count(), 10);
        let others = cache.others(&BTreeSet::from([model[path].target.clone()]), &|_| false);
        assert_eq!(others, [(path.to_owned(), model[path].target.clone())]);
    }
    assert!(!cache.has_target_beginning("packages/p/f9 "));
    assert!(!cache.is_damaged());
    cache.remember("d1500/f15003", remembered("d1500/f15003", 5, false));
    cache.save(&state).unwrap();
    assert_eq!(std::fs::read(&table).unwrap(), bytes, "all was written again for one file");
    assert!(std::fs::metadata(folder.path().join("cache/digests.head")).unwrap().len() < 1000);
}

const TREE: &str = "[source]\npath = \"dists\"\nlayout = \"tree\"\nexclude = [\"*.no\"]\n[keys]\ninsecure_plain = true\n\
                    [bins]\ncount = 64\n";

#[derive(Clone, Debug)]
enum Change {
    Write(usize, u8),
    Remove(usize),
    Link(usize),
    Folder(usize),
}

fn changes() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let change = prop_oneof![
        5 => (0..24_usize, 0..3_u8).prop_map(|(number, byte)| Change::Write(number, byte)),
        3 => (0..24_usize).prop_map(Change::Remove),
        1 => (0..24_usize).prop_map(Change::Link),
        1 => (0..24_usize).prop_map(Change::Folder),
    ];
    vec(vec(change, 0..4), 1..6)
}

/// Some are excluded, some not finished, some no targets, some not beside others.
fn name(number: usize) -> String {
    match number {
        20 => "d1/x.no".to_owned(),
        21 => "d1/x.part".to_owned(),
        22 => "d1/x%".to_owned(),
        23 => "d1/f5 1".to_owned(),
        number => format!("d{}/f{number}", number % 5),
    }
}

fn apply(root: &Path, change: &Change) {
    let path = |number| root.join(name(number));
    let clear = |number| {
        let path = path(number);
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() => std::fs::remove_dir_all(path).unwrap(),
            Ok(_) => std::fs::remove_file(path).unwrap(),
            Err(_) => std::fs::create_dir_all(path.parent().unwrap()).unwrap(),
        }
    };
    match *change {
        Change::Write(number, byte) => {
            clear(number);
            std::fs::write(path(number), [byte; 5]).unwrap();
        }
        Change::Remove(number) => clear(number),
        Change::Link(number) => {
            clear(number);
            std::os::unix::fs::symlink("../d9/always", path(number)).unwrap();
        }
        Change::Folder(number) => {
            clear(number);
            std::fs::create_dir(path(number)).unwrap();
            std::fs::write(path(number).join("inside"), b"inside").unwrap();
        }
    }
}

fn said(out: &Value) -> (Value, BTreeSet<String>) {
    let warnings = out["warnings"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let mut files = out["files"].clone();
    // Who remembers nothing reads everything.
    ["hashed", "bytes_hashed"].iter().for_each(|key| drop(files.as_object_mut().unwrap().remove(*key)));
    (json!([files, out["targets"], out["published"], out["bins"], out["projects"]]), warnings)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_walk_beside_what_is_remembered_publishes_what_one_does_that_remembers_nothing(rounds in changes()) {
        let remembers = Repo::with_config(TREE);
        (0..40).for_each(|number| remembers.add(&format!("d9/more{number}"), &[1; 5]));
        remembers.add("d9/always", b"always there");
        remembers.run(&["build", "--init", "--now", "2026-01-01T00:00:00Z"]).ok();
        let forgets = remembers.twin();
        let last = format!("2026-01-0{}T01:00:00Z", rounds.len());
        for (round, changes) in rounds.into_iter().enumerate() {
            for repo in [&remembers, &forgets] {
                changes.iter().for_each(|change| apply(&repo.source(), change));
            }
            std::fs::remove_file(forgets.path().join(".tuffet/cache/digests.head")).unwrap();
            let now = format!("2026-01-0{}T00:00:00Z", round + 1);
            let built = [&remembers, &forgets].map(|repo| repo.build(&["--now", &now]));
            prop_assert_eq!(said(&built[0]), said(&built[1]), "round {}: {:?}", round, changes);
            prop_assert_eq!(snapshot_of(&remembers.site()), snapshot_of(&forgets.site()), "round {}", round);
        }
        remembers.run(&["verify", "--now", &last]).ok();
    }
}

/// Adds files, all of them names of one: thousands of files would take some file systems minutes to make.
fn add_many(repo: &Repo, mut paths: impl Iterator<Item = String>) {
    let first = paths.next().unwrap();
    repo.add(&first, b"all the same");
    for path in paths {
        let path = repo.source().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::hard_link(repo.source().join(&first), path).unwrap();
    }
}

/// Overwrites every bin but those of these targets.
fn damage_bins_but(repo: &Repo, targets: &[&str]) {
    let bins = tuffet::model::BinCount::new(64).unwrap();
    let bin =
        |target: &&str| bins.role(bins.bin_of(&target.parse::<TargetPath>().unwrap().digest())).to_string();
    let spared: Vec<String> = targets.iter().map(bin).collect();
    let versions =
        repo.versions().into_iter().filter(|(role, _)| role.starts_with("bin-") && !spared.contains(role));
    for (role, version) in versions {
        std::fs::write(repo.site().join(format!("metadata/{version}.{role}.json")), b"{}").unwrap();
    }
}

#[test]
fn a_walk_of_a_large_tree_that_finds_little_new_reads_no_more_bins_than_change() {
    for (count, is_large) in [(200, false), (20_100, true)] {
        let repo = Repo::with_config(&format!("{TREE}[site]\ntargets = \"none\"\n"));
        add_many(&repo, (0..count).map(|number| format!("d{}/f{number}", number % 200)));
        repo.run(&["build", "--init"]).ok();
        // Until then their times prove nothing.
        std::thread::sleep(std::time::Duration::from_millis(2100));
        repo.build(&[]);
        damage_bins_but(&repo, &["d3/new"]);
        if !is_large {
            assert_ne!(repo.run(&["build"]).code, 0, "nothing is signed over a damaged tree");
            continue;
        }
        let said = |out: Value| {
            (out["published"].clone(), out["files"]["seen"].clone(), out["bins"]["signed"].clone())
        };
        assert_eq!(said(repo.build(&[])), (json!(false), json!(count), json!(0)));
        repo.add("d3/new", b"new");
        assert_eq!(said(repo.build(&[])), (json!(true), json!(count + 1), json!(1)));
        // Whoever remembers nothing, or is asked to look at everything, does.
        assert_ne!(repo.run(&["build", "--rehash"]).code, 0);
        std::fs::remove_file(repo.path().join(".tuffet/cache/digests.head")).unwrap();
        assert_ne!(repo.run(&["build"]).code, 0);
    }
}

/// What is done to a repository, and in words.
type Done<'a> = (&'a str, &'a dyn Fn(&Repo));

#[test]
fn a_walk_of_a_large_tree_with_pages_makes_those_of_what_is_new() {
    const CONFIG: &str = "[keys]\ninsecure_plain = true\n[bins]\ncount = 64\n[site]\ntargets = \"none\"\n\
                          [source]\npath = \"dists\"\n";
    let repo = Repo::with_config(CONFIG);
    add_many(&repo, (0..20_000).map(|n| format!("d{}/p{}-{n}.0.tar.gz", n % 100, n % 20)));
    repo.add("d1/odd-1-2.tar.gz", b"its name does not say what it is");
    repo.add("notes.txt", b"no distribution");
    let now = |round: u32| format!("2026-01-01T00:{round:02}:00Z");
    repo.run(&["build", "--init", "--now", &now(0)]).ok();
    // Until then their times prove nothing.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    repo.build(&["--now", &now(1)]);
    let steps: [Done<'_>; 3] = [
        ("nothing", &|_| {}),
        ("a version and a project more, one gone, a file moved", &|repo| {
            for (project, version) in [("p3", "1.0"), ("newcomer", "1.0")] {
                let (name, bytes) = wheel(project, version);
                repo.add(&name, &bytes);
            }
            repo.remove("d4/p4-4.0.tar.gz");
            std::fs::create_dir(repo.source().join("z")).unwrap();
            let [from, to] = ["d5/p5-5.0.tar.gz", "z/p5-5.0.tar.gz"];
            std::fs::rename(repo.source().join(from), repo.source().join(to)).unwrap();
        }),
        ("yanked", &|repo| repo.configure(&format!("{CONFIG}yanked = [\"p3==3.0\"]\n"))),
    ];
    for (round, (what, step)) in (2..).zip(steps) {
        step(&repo);
        let forgets = repo.twin();
        std::fs::remove_file(forgets.path().join(".tuffet/cache/digests.head")).unwrap();
        let built = [&repo, &forgets].map(|repo| repo.build(&["--now", &now(round)]));
        // Of archives that were broken before it does not speak again.
        assert_eq!(said(&built[0]).0, said(&built[1]).0, "{what}");
        assert_eq!(snapshot_of(&repo.site()), snapshot_of(&forgets.site()), "{what}");
    }
    repo.run(&["verify", "--metadata-only", "--now", &now(9)]).ok();
    // It reads no bin but those that change, and those of files so young that their times prove nothing.
    std::thread::sleep(std::time::Duration::from_millis(2100));
    repo.build(&["--now", &now(9)]);
    let odd = ["packages/odd/odd-1-2.tar.gz", "packages/odd-1/odd-1-2.tar.gz", "simple/index.html"];
    damage_bins_but(&repo, &odd);
    let out = repo.build(&["--now", &now(9)]);
    assert_eq!((&out["published"], &out["projects"]), (&json!(false), &json!(21)), "{out}");
    repo.configure(CONFIG);
    assert_ne!(repo.run(&["build", "--now", &now(9)]).code, 0, "every page may be another now");
}
