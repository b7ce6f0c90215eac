//! A file system of which it is known what would outlive a power cut, made of the calls of a run.

use super::calls::{Call, Op};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

type Node = usize;

/// Every path there is, which file or folder it leads to, and for a file what is in it.
pub(crate) type Left = BTreeMap<PathBuf, (Node, Option<Vec<u8>>)>;

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
pub(crate) struct Disk {
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
pub(crate) enum Cut {
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
    pub(crate) fn of(root: &Path) -> Self {
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
    pub(crate) fn replay(&mut self, call: &Call) {
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
                self.settle_all();
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
    pub(crate) fn after(&self, cut: Cut) -> Left {
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

    /// Has everything be on the disk.
    pub(crate) fn settle_all(&mut self) {
        self.settle(|_| true);
        self.files.values_mut().for_each(|file| file.durable = file.now.clone());
    }

    /// Puts that into a folder.
    pub(crate) fn put(&self, left: &Left, root: &Path) {
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
