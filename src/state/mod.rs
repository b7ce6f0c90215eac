//! The state folder: the lock, the caches, the journal of runs.
//!
//! Only the online key and the ledger in it are needed; the rest is a cache, and deleting it costs
//! time, never correctness.

pub mod cache;
pub mod ceremony;
pub mod facts;
pub mod held;
pub mod journal;
pub mod ledger;
mod lines;
pub mod listings;
pub mod tree;
pub mod undecided;
pub mod uploads;

use crate::disk;
use crate::disk::lock::{self, FileLock, NotTaken, WhenHeld};
use std::path::{Path, PathBuf};

/// How the name of an online key begins and ends that signs no more.
const RETIRED: &str = "online.";
const RETIRED_END: &str = ".retired.key";

/// The state folder and the names in it.
#[derive(Clone, Debug)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// The state folder at `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The online key.
    #[must_use]
    pub fn online_key(&self) -> PathBuf {
        self.root.join("online.key")
    }

    /// The online key that is to take its place, while a ceremony is under way.
    #[must_use]
    pub fn next_online_key(&self) -> PathBuf {
        self.root.join("online.next.key")
    }

    /// Where an online key lies that signs no more, by the beginning of its id, until whoever runs the index destroys it.
    #[must_use]
    pub fn retired_online_key(&self, short: &str) -> PathBuf {
        self.root.join(format!("{RETIRED}{short}{RETIRED_END}"))
    }

    /// Those that are there.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn retired_online_keys(&self) -> Result<Vec<PathBuf>, disk::Error> {
        let is_one = |name: &String| name.starts_with(RETIRED) && name.ends_with(RETIRED_END);
        let names = disk::folder::Folder::new(&self.root).file_names("")?.into_iter().filter(is_one);
        Ok(names.map(|name| self.root.join(name)).collect())
    }

    /// Where files are staged, if it is on the site's file system.
    #[must_use]
    pub fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    pub(crate) fn digests(&self) -> PathBuf {
        self.root.join("cache").join("digests")
    }

    pub(crate) fn digests_head(&self) -> PathBuf {
        self.root.join("cache").join("digests.head")
    }

    pub(crate) fn facts(&self) -> PathBuf {
        self.root.join("cache").join("facts.jsonl")
    }

    pub(crate) fn listings(&self) -> PathBuf {
        self.root.join("cache").join("listings.jsonl")
    }

    pub(crate) fn uploads(&self) -> PathBuf {
        self.root.join("uploads.jsonl")
    }

    pub(crate) fn held(&self) -> PathBuf {
        self.root.join("cache").join("held.jsonl")
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.root.join("cache").join("tree")
    }

    /// A file of the ledger.
    pub(crate) fn ledger(&self, name: &str) -> PathBuf {
        self.root.join("ledger").join(name)
    }

    pub(crate) fn registrations(&self) -> PathBuf {
        self.ledger("registrations.jsonl")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.root.join("journal.jsonl")
    }

    /// Whether a run that did not end may have left something that no build has looked at since.
    ///
    /// # Errors
    /// If the system refuses to say.
    pub fn is_marked(&self) -> Result<bool, disk::Error> {
        disk::folder::is_there(&self.mark())
    }

    /// Notes that, so that it outlives the runs before the next build.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn set_mark(&self) -> Result<(), disk::Error> {
        if self.is_marked()? { Ok(()) } else { disk::write::write_atomic(&self.mark(), b"") }
    }

    /// Takes the note back: a build has looked.
    ///
    /// # Errors
    /// If it cannot be removed.
    pub fn clear_mark(&self) -> Result<(), disk::Error> {
        if self.is_marked()? { disk::write::remove_file(&self.mark()) } else { Ok(()) }
    }

    fn mark(&self) -> PathBuf {
        self.root.join("interrupted")
    }

    /// How target files got into the site last time, in the words of whoever set it.
    #[must_use]
    pub fn placement(&self) -> Option<String> {
        String::from_utf8(disk::read::bytes_if_there(&self.placement_file()).ok()??).ok()
    }

    /// Sets what [`State::placement`] gives.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn set_placement(&self, words: &str) -> Result<(), disk::Error> {
        disk::write::write_atomic(&self.placement_file(), words.as_bytes())
    }

    fn placement_file(&self) -> PathBuf {
        self.root.join("cache").join("placement")
    }

    /// Takes the lock that one run at a time holds.
    ///
    /// # Errors
    /// If another run has it, or the folder or the lock file cannot be created.
    pub fn lock(&self, when_held: WhenHeld) -> Result<FileLock, NotTaken> {
        disk::folder::create(&self.root)?;
        lock::acquire(&self.root.join("lock"), when_held)
    }
}
