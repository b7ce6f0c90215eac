//! What a run asked of the file system, call by call, and how a call can be made to go wrong; see `src/disk/call/`.

use super::Repo;
use super::repo::Ran;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// One call of a run.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Call {
    /// Its number, from 1.
    pub(crate) call: usize,
    pub(crate) op: Op,
    pub(crate) path: PathBuf,
    /// Whether it did what it was to do.
    pub(crate) done: bool,
    /// The other path of a link or rename.
    pub(crate) other: Option<PathBuf>,
    /// Where bytes were written.
    pub(crate) at: Option<usize>,
    /// Those, in hex.
    pub(crate) bytes: Option<String>,
    /// To which length a file was cut.
    pub(crate) length: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
pub(crate) enum Op {
    Look,
    List,
    Open,
    Read,
    Lock,
    Create,
    Write,
    Cut,
    Clone,
    Dress,
    Folder,
    Link,
    Rename,
    Remove,
    RemoveFolder,
    Sync,
    SyncAll,
}

impl Op {
    /// The word for it in a table.
    pub(crate) fn group(self) -> &'static str {
        match self {
            Self::Look | Self::List | Self::Lock => "look, list, lock",
            Self::Open | Self::Read => "open, read",
            Self::Create | Self::Write | Self::Cut | Self::Clone => "create, write",
            Self::Dress => "set mode, time",
            Self::Folder | Self::Link | Self::Rename => "folder, link, rename",
            Self::Remove | Self::RemoveFolder => "remove",
            Self::Sync | Self::SyncAll => "sync",
        }
    }

    /// Whether it leaves something other than it was.
    pub(crate) fn changes(self) -> bool {
        !matches!(self, Self::Look | Self::List | Self::Lock | Self::Open | Self::Read)
    }

    /// In which ways it can go wrong, as `TUFFET_FAULT` names them.
    pub(crate) fn faults(self) -> &'static [&'static str] {
        match self {
            Self::Look => &["io", "denied"],
            Self::List | Self::Open => &["io", "denied", "too-many-files", "gone"],
            Self::Read => &["io", "short", "gone"],
            Self::Lock => &["io"],
            Self::Create => {
                &["stop", "no-space", "io", "denied", "too-many-files", "full", "read-only", "gone"]
            }
            Self::Write | Self::Cut | Self::Clone => {
                &["stop", "torn", "no-space", "io", "short", "full", "read-only", "gone"]
            }
            Self::Dress => &["stop", "io", "denied", "read-only", "gone"],
            Self::Folder | Self::Link | Self::Rename => {
                &["stop", "no-space", "io", "denied", "full", "read-only", "gone"]
            }
            Self::Remove | Self::RemoveFolder => &["stop", "io", "denied", "read-only", "gone"],
            Self::Sync | Self::SyncAll => &["stop", "no-space", "io", "read-only", "gone"],
        }
    }
}

/// Runs a command with one thread, and gives every call that it made.
pub(crate) fn calls_of(repo: &Repo, args: &[&str]) -> (Ran, Vec<Call>) {
    let log = repo.path().join("calls.jsonl");
    let output = repo.command(args).env("TUFFET_CALLS", &log).env("RAYON_NUM_THREADS", "1").output().unwrap();
    let text = std::fs::read_to_string(&log).expect("calls are noted by builds with debug assertions alone");
    std::fs::remove_file(&log).unwrap();
    let mut calls: Vec<Call> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for call in &mut calls {
        call.path = absolute(repo.path(), &call.path);
        call.other = call.other.as_deref().map(|path| absolute(repo.path(), path));
    }
    (Ran::of(output), calls)
}

/// Runs a command with one thread, whose call with this number goes wrong.
pub(crate) fn with_fault(repo: &Repo, args: &[&str], call: usize, kind: &str) -> Output {
    faulty(repo, args, call, kind).output().unwrap()
}

/// The same with a kill before the call; gives the last call that was made, too.
pub(crate) fn stopped_before(repo: &Repo, args: &[&str], call: usize) -> (Output, Option<Call>) {
    let log = repo.path().join("calls.jsonl");
    let output = faulty(repo, args, call, "stop").env("TUFFET_CALLS", &log).output().unwrap();
    let text = std::fs::read_to_string(&log).expect("calls are noted by builds with debug assertions alone");
    (output, text.lines().last().map(|line| serde_json::from_str(line).unwrap()))
}

fn faulty(repo: &Repo, args: &[&str], call: usize, kind: &str) -> Command {
    let mut command = repo.command(args);
    command.env("TUFFET_FAULT", format!("{call}:{kind}")).env("RAYON_NUM_THREADS", "1");
    command
}

fn absolute(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix(".").unwrap_or(path))
}
