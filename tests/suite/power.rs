//! The power goes: what was written and not made durable may be lost, or be there in part, names in any order. Replayed
//! from the calls of a run, for every prefix of them: clients verify what is left, no fixed name has two contents, and the
//! next run ends where an undisturbed one does.
//!
//! Without more, one kind of cut is tried at each call, in turn. `TUFFET_POWER=N` tries all of them, and N pseudo-random
//! ones beside.

use super::support::calls::{Call, Op, calls_of};
use super::support::scenes::{Names, Scene, at};
use super::support::{Repo, clients};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tuffet::model::Sha256;

type Node = usize;

/// A file: what it holds, and what of that the disk has for certain.
#[derive(Clone)]
struct File {
    now: Vec<u8>,
    durable: Vec<u8>,
    mode: u32,
    modified: SystemTime,
}

/// A change of names that a power cut may undo: names taken away, and names given, of one call.
#[derive(Clone)]
struct Change {
    /// The folders, any of which makes it durable once it is synced.
    folders: Vec<Node>,
    taken: Option<(Node, String)>,
    given: Option<(Node, String, Node)>,
}

/// A file system of which it is known what would outlive a power cut.
#[derive(Clone)]
struct Disk {
    root: PathBuf,
    files: BTreeMap<Node, File>,
    folders: BTreeSet<Node>,
    now: BTreeMap<(Node, String), Node>,
    durable: BTreeMap<(Node, String), Node>,
    pending: Vec<Change>,
    next: Node,
}

/// How a power cut leaves what was not durable.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// All of it is lost.
    Lost,
    /// The names are there, and files that were not synced are empty.
    Empty,
    /// The names are there, and half of what was written.
    Half,
    /// Only the latest name is there.
    Latest,
    /// Some of it, by this seed.
    Some(u64),
}

/// A sequence of bits that looks random.
struct Dice(u64);

impl Dice {
    fn bit(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 & 1 == 1
    }
}

impl Disk {
    /// What is below `root`, all of it durable.
    fn of(root: &Path) -> Self {
        let mut disk = Self {
            root: root.to_owned(),
            files: BTreeMap::new(),
            folders: BTreeSet::from([0]),
            now: BTreeMap::new(),
            durable: BTreeMap::new(),
            pending: Vec::new(),
            next: 1,
        };
        let mut inodes: BTreeMap<u64, Node> = BTreeMap::new();
        for entry in walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let (parent, name) = disk.place(entry.path()).unwrap();
            let node = *inodes.entry(metadata.ino()).or_insert(disk.next);
            if node == disk.next {
                disk.next += 1;
                if metadata.is_dir() {
                    disk.folders.insert(node);
                } else {
                    let now = std::fs::read(entry.path()).unwrap();
                    let modified = metadata.modified().unwrap();
                    let file = File { durable: now.clone(), now, mode: metadata.mode(), modified };
                    disk.files.insert(node, file);
                }
            }
            disk.now.insert((parent, name), node);
        }
        disk.durable = disk.now.clone();
        disk
    }

    /// The folder that a path is in, and its name there; none outside.
    fn place(&self, path: &Path) -> Option<(Node, String)> {
        let inside = path.strip_prefix(&self.root).ok()?;
        let parent = inside.parent()?.iter().try_fold(0, |at, name| {
            let name = name.to_str().unwrap().to_owned();
            self.now.get(&(at, name)).copied()
        })?;
        Some((parent, inside.file_name()?.to_str()?.to_owned()))
    }

    fn node(&self, path: &Path) -> Option<Node> {
        if path == self.root {
            return Some(0);
        }
        self.now.get(&self.place(path)?).copied()
    }

    fn change(&mut self, taken: Option<(Node, String)>, given: Option<(Node, String, Node)>) {
        if let Some(key) = &taken {
            self.now.remove(key);
        }
        if let Some((folder, name, node)) = &given {
            self.now.insert((*folder, name.clone()), *node);
        }
        // A rename is one step of the journal: where it leads to makes it durable.
        let by = given.as_ref().map(|given| given.0).or(taken.as_ref().map(|taken| taken.0));
        self.pending.push(Change { folders: by.into_iter().collect(), taken, given });
    }

    fn make(&mut self, path: &Path, is_folder: bool) {
        let Some((parent, name)) = self.place(path) else { return };
        let node = self.next;
        self.next += 1;
        if is_folder {
            self.folders.insert(node);
        } else {
            let file =
                File { now: Vec::new(), durable: Vec::new(), mode: 0o644, modified: SystemTime::now() };
            self.files.insert(node, file);
        }
        self.change(None, Some((parent, name, node)));
    }

    /// Does what a call did.
    fn replay(&mut self, call: &Call) {
        if !call.done {
            return;
        }
        let other = call.other.as_deref();
        match call.op {
            Op::Look | Op::List | Op::Read | Op::Lock | Op::Dress => {}
            Op::Open if self.node(&call.path).is_none() => self.make(&call.path, false),
            Op::Open => {}
            Op::Create => match self.node(&call.path) {
                Some(node) => self.files.get_mut(&node).unwrap().now.clear(),
                None => self.make(&call.path, false),
            },
            Op::Folder => self.make(&call.path, true),
            Op::Write => {
                let Some(node) = self.node(&call.path) else { return };
                let (at, bytes) = (call.at.unwrap(), hex::decode(call.bytes.as_ref().unwrap()).unwrap());
                let now = &mut self.files.get_mut(&node).unwrap().now;
                now.resize(now.len().max(at + bytes.len()), 0);
                now[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            Op::Cut => {
                let node = self.node(&call.path).unwrap();
                self.files.get_mut(&node).unwrap().now.truncate(call.length.unwrap());
            }
            Op::Clone => {
                let bytes = std::fs::read(other.unwrap()).unwrap();
                let node = self.node(&call.path).unwrap();
                self.files.get_mut(&node).unwrap().now = bytes;
            }
            Op::Link => {
                let Some(node) = self.node(&call.path) else { return };
                let (folder, name) = self.place(other.unwrap()).unwrap();
                self.change(None, Some((folder, name, node)));
            }
            Op::Rename => {
                let (from, node) = (self.place(&call.path).unwrap(), self.node(&call.path).unwrap());
                let (folder, name) = self.place(other.unwrap()).unwrap();
                // Two names of one file: the system does nothing.
                if self.now.get(&(folder, name.clone())) != Some(&node) {
                    self.change(Some(from), Some((folder, name, node)));
                }
            }
            Op::Remove | Op::RemoveFolder => {
                let from = self.place(&call.path).unwrap();
                self.change(Some(from), None);
            }
            Op::Sync => {
                let node = self.node(&call.path).unwrap();
                if let Some(file) = self.files.get_mut(&node) {
                    file.durable = file.now.clone();
                } else {
                    self.settle(|change| change.folders.contains(&node));
                }
            }
            Op::SyncAll => {
                self.files.values_mut().for_each(|file| file.durable = file.now.clone());
                self.settle(|_| true);
            }
        }
    }

    /// Makes the changes of names durable that `is_due`; each in its turn.
    fn settle(&mut self, is_due: impl Fn(&Change) -> bool) {
        let (due, rest) = std::mem::take(&mut self.pending).into_iter().partition(is_due);
        self.pending = rest;
        for change in due {
            apply(&mut self.durable, &change);
        }
    }

    /// What is there when the power is back.
    fn after(&self, cut: Cut) -> BTreeMap<PathBuf, (Node, Option<Vec<u8>>)> {
        let mut dice = Dice(match cut {
            Cut::Some(seed) => seed | 1,
            _ => 1,
        });
        let mut names = self.durable.clone();
        for (number, change) in self.pending.iter().enumerate() {
            let is_there = match cut {
                Cut::Lost => false,
                Cut::Empty | Cut::Half => true,
                Cut::Latest => number + 1 == self.pending.len(),
                Cut::Some(_) => dice.bit(),
            };
            if is_there {
                apply(&mut names, change);
            }
        }
        let contents: BTreeMap<Node, Vec<u8>> = self
            .files
            .iter()
            .map(|(node, file)| {
                let left = match cut {
                    Cut::Lost | Cut::Empty | Cut::Latest => file.durable.clone(),
                    // Bytes that were there already do not go with those that were added.
                    Cut::Half if file.now.starts_with(&file.durable) => {
                        file.now[..file.durable.len().midpoint(file.now.len())].to_vec()
                    }
                    Cut::Half => file.now[..file.now.len() / 2].to_vec(),
                    Cut::Some(_) if dice.bit() => file.now.clone(),
                    Cut::Some(_) => file.durable.clone(),
                };
                (*node, left)
            })
            .collect();
        let mut found = BTreeMap::new();
        let mut open = vec![(0, PathBuf::new())];
        while let Some((folder, path)) = open.pop() {
            for ((_, name), node) in names.range((folder, String::new())..(folder + 1, String::new())) {
                let path = path.join(name);
                if self.folders.contains(node) {
                    open.push((*node, path.clone()));
                }
                found.insert(path, (*node, contents.get(node).cloned()));
            }
        }
        found
    }

    /// Puts that into a folder.
    fn put(&self, left: &BTreeMap<PathBuf, (Node, Option<Vec<u8>>)>, root: &Path) {
        use std::os::unix::fs::PermissionsExt as _;
        let mut made: BTreeMap<Node, PathBuf> = BTreeMap::new();
        for (path, (node, bytes)) in left {
            let path = root.join(path);
            match (bytes, made.get(node)) {
                (None, _) => std::fs::create_dir(&path).unwrap(),
                (Some(_), Some(other)) => std::fs::hard_link(other, &path).unwrap(),
                (Some(bytes), None) => {
                    let known = &self.files[node];
                    std::fs::write(&path, bytes).unwrap();
                    let file = std::fs::File::options().append(true).open(&path).unwrap();
                    file.set_modified(known.modified).unwrap();
                    file.set_permissions(std::fs::Permissions::from_mode(known.mode)).unwrap();
                    made.insert(*node, path);
                }
            }
        }
    }
}

fn apply(names: &mut BTreeMap<(Node, String), Node>, change: &Change) {
    if let Some(key) = &change.taken {
        names.remove(key);
    }
    if let Some((folder, name, node)) = &change.given {
        names.insert((*folder, name.clone()), *node);
    }
}

/// Replays a command, and cuts the power after each of its calls that changed something.
/// Without more, at one in `one_in` of them.
fn at_each_call(scene: &Scene, one_in: usize) {
    let random: Option<u64> = std::env::var("TUFFET_POWER").ok().map(|text| text.parse().unwrap());
    let repo = scene.copy();
    std::fs::remove_file(repo.path().join("pipeline.toml")).unwrap();
    let mut disk = Disk::of(repo.path());
    std::fs::copy(scene.base.path().join("pipeline.toml"), repo.path().join("pipeline.toml")).unwrap();
    let (ran, calls) = calls_of(&repo, &scene.args());
    ran.ok();
    let undisturbed = repo.all_targets();
    let (mut states, mut cuts, mut failed) = (BTreeSet::new(), 0, Vec::new());
    let mut seen = BTreeSet::new();
    let changing = calls.iter().filter(|call| call.op.changes() || call.op == Op::Open);
    for (number, call) in changing.enumerate() {
        disk.replay(call);
        let some = |seed: u64| Cut::Some(0x9e37_79b9_7f4a_7c15 ^ (seed << 32) ^ call.call as u64);
        let mut kinds = vec![Cut::Lost, Cut::Empty, Cut::Half, Cut::Latest, some(0)];
        match random {
            Some(random) => kinds.extend((1..random).map(some)),
            None if !number.is_multiple_of(one_in) => kinds.clear(),
            None => kinds = vec![kinds[number / one_in % kinds.len()]],
        }
        for cut in kinds {
            cuts += 1;
            let left = disk.after(cut);
            if states.insert(Sha256::of(format!("{left:?}").as_bytes()))
                && let Err(what) = survives(scene, &disk, &left, &undisturbed, &mut seen)
            {
                failed.push(format!(
                    "after call {} ({:?} {}), {cut:?}: {what}",
                    call.call,
                    call.op,
                    call.path.display()
                ));
            }
        }
    }
    // The replay is what happened: with everything there, it is the tree that the run left.
    disk.settle(|_| true);
    disk.files.values_mut().for_each(|file| file.durable = file.now.clone());
    let replayed = Repo::with_config("");
    std::fs::remove_file(replayed.path().join("pipeline.toml")).unwrap();
    std::fs::remove_dir(replayed.source()).unwrap();
    disk.put(&disk.after(Cut::Lost), replayed.path());
    assert_eq!(replayed.all_targets(), undisturbed, "the replay went elsewhere");
    println!(
        "{}: {} calls, {cuts} power cuts, {} different states, {} not survived",
        scene.name,
        calls.len(),
        states.len(),
        failed.len()
    );
    assert!(
        failed.is_empty(),
        "{} of {}:\n{}",
        failed.len(),
        states.len(),
        failed[..failed.len().min(30)].join("\n")
    );
}

fn survives(
    scene: &Scene,
    disk: &Disk,
    left: &BTreeMap<PathBuf, (Node, Option<Vec<u8>>)>,
    undisturbed: &BTreeMap<String, String>,
    seen: &mut BTreeSet<Vec<u8>>,
) -> Result<(), String> {
    let repo = Repo::with_config("");
    std::fs::remove_file(repo.path().join("pipeline.toml")).unwrap();
    std::fs::remove_dir(repo.source()).unwrap();
    disk.put(left, repo.path());
    std::fs::copy(scene.base.path().join("pipeline.toml"), repo.path().join("pipeline.toml")).unwrap();
    let mut names = Names::default();
    assert_eq!(names.changed(&scene.base), None);
    let mut check = |repo: &Repo, when: &str| {
        let timestamp = std::fs::read(repo.site().join("metadata/timestamp.json"));
        let Ok(timestamp) = timestamp else { return Err(format!("{when}: no timestamp")) };
        let verified = repo.run(&[&["verify"], &at(1)[..]].concat());
        if verified.code != 0 {
            return Err(format!("{when}: verify: {}{}", verified.stdout, verified.stderr));
        }
        if seen.len() < 20 && seen.insert(timestamp) {
            let work = repo.path().join("client");
            clients::python_tuf_verifies(&repo.site(), &work, &repo.all_targets())?;
        }
        Ok(())
    };
    check(&repo, "when the power is back")?;
    let again = scene.again(&repo);
    if again.code != 0 {
        return Err(format!("the next run: {again:?}"));
    }
    check(&repo, "after the next run")?;
    if repo.all_targets() != *undisturbed {
        return Err("the next run ends elsewhere".to_owned());
    }
    // What nobody was ever led to may have been lost; what was public before the run may not have changed.
    match names.changed(&repo) {
        Some(name) => Err(format!("{name} had other bytes before")),
        None => Ok(()),
    }
}

#[test]
fn a_build_survives_the_power_going_at_each_call() {
    at_each_call(&Scene::build(4, 2), 1);
}

#[test]
fn a_build_of_many_files_survives_the_power_going_at_each_call() {
    // More than are made durable one by one.
    at_each_call(&Scene::build(4, 30), 6);
}

#[test]
fn an_accept_survives_the_power_going_at_each_call() {
    at_each_call(&Scene::accept(), 1);
}

#[test]
fn an_apply_survives_the_power_going_at_each_call() {
    at_each_call(&Scene::apply(), 2);
}

#[test]
fn a_sweep_survives_the_power_going_at_each_call() {
    at_each_call(&Scene::sweep(), 1);
}
