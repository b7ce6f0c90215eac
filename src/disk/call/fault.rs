//! Faults on demand, in builds with debug assertions. `TUFFET_FAULT=NUMBER:KIND` has the call with that number (the first
//! is 1) go wrong in that way, `TUFFET_CALLS=FILE` writes a line of JSON for each call. With either of them calls are made
//! one at a time, so that their order is that of their numbers.

use super::{Op, With};
use rustix::io::Errno;
use serde_json::json;
use std::fs;
use std::io::{self, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// How a call goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It fails, with this error.
    Fails(Errno),
    /// It and every later call that needs room fail: the disk is full, and stays so.
    Full,
    /// It and every later call that changes something fail: the file system has been mounted again to be read alone.
    ReadOnly,
    /// It and every later call fail: the disk is gone.
    Gone,
    /// Half of the bytes are read or written, as the system may.
    Short,
    /// The process is killed before it.
    Stop,
    /// Half of the bytes are written, and the process is killed.
    Torn,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "no-space" => Self::Fails(Errno::NOSPC),
            "io" => Self::Fails(Errno::IO),
            "denied" => Self::Fails(Errno::ACCESS),
            "too-many-files" => Self::Fails(Errno::MFILE),
            "full" => Self::Full,
            "read-only" => Self::ReadOnly,
            "gone" => Self::Gone,
            "short" => Self::Short,
            "stop" => Self::Stop,
            "torn" => Self::Torn,
            _ => return None,
        })
    }

    /// What a call gets in place of being made; it is the one, or a later one.
    fn instead(self, op: Op, is_the_one: bool) -> Option<Errno> {
        let needs_room = matches!(op, Op::Create | Op::Write | Op::Clone | Op::Folder | Op::Link);
        let changes_nothing = matches!(op, Op::Look | Op::List | Op::Open | Op::Read | Op::Lock);
        match self {
            Self::Fails(error) => is_the_one.then_some(error),
            Self::Full => needs_room.then_some(Errno::NOSPC),
            Self::ReadOnly => (!changes_nothing).then_some(Errno::ROFS),
            Self::Gone => Some(Errno::IO),
            Self::Short | Self::Stop | Self::Torn => None,
        }
    }
}

/// What is to go wrong, and where calls are noted.
struct Plan {
    at: u64,
    kind: Option<Kind>,
    turn: Mutex<Turn>,
}

struct Turn {
    made: u64,
    notes: Option<fs::File>,
}

/// The plan of this process, if there is one.
///
/// # Panics
/// If the variables say nothing that can be done: a test that means a fault must get it.
fn plan() -> Option<&'static Plan> {
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    let read = || {
        let (fault, notes) = (std::env::var("TUFFET_FAULT").ok(), std::env::var_os("TUFFET_CALLS"));
        if fault.is_none() && notes.is_none() {
            return None;
        }
        let fault = fault.map(|text| {
            let parts = text.split_once(':');
            let parsed = parts.and_then(|(at, kind)| Some((at.parse().ok()?, Kind::named(kind)?)));
            parsed.unwrap_or_else(|| panic!("TUFFET_FAULT={text}: no NUMBER:KIND"))
        });
        let notes = notes.map(|path| match fs::File::create(&path) {
            Ok(file) => file,
            Err(e) => panic!("TUFFET_CALLS={}: {e}", PathBuf::from(&path).display()),
        });
        let (at, kind) = fault.map_or((0, None), |(at, kind)| (at, Some(kind)));
        Some(Plan { at, kind, turn: Mutex::new(Turn { made: 0, notes }) })
    };
    PLAN.get_or_init(read).as_ref()
}

impl Plan {
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a call, or what the plan has in its place.
pub(super) fn around<T>(
    op: Op,
    path: &Path,
    with: With<'_>,
    make: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let Some(plan) = plan() else { return make() };
    let mut turn = plan.turn();
    turn.made += 1;
    let is_the_one = turn.made == plan.at;
    let strikes = plan.kind.filter(|_| plan.at != 0 && turn.made >= plan.at);
    if is_the_one && strikes == Some(Kind::Stop) {
        die();
    }
    if let Some(error) = strikes.and_then(|kind| kind.instead(op, is_the_one)) {
        turn.note(op, path, with, false);
        return Err(error.into());
    }
    let made = make();
    turn.note(op, path, with, made.is_ok());
    if is_the_one && strikes == Some(Kind::Torn) {
        die();
    }
    made
}

impl Turn {
    fn note(&mut self, op: Op, path: &Path, with: With<'_>, is_done: bool) {
        let Some(notes) = &mut self.notes else { return };
        let mut line = json!({"call": self.made, "op": format!("{op:?}"), "path": path, "done": is_done});
        match with {
            With::Nothing => {}
            With::Path(other) => line["other"] = json!(other),
            With::Bytes(at, bytes) => {
                line["at"] = json!(at);
                line["bytes"] = json!(hex::encode(bytes));
            }
            With::Length(length) => line["length"] = json!(length),
        }
        if let Err(e) = writeln!(notes, "{line}") {
            panic!("TUFFET_CALLS cannot be written: {e}");
        }
    }
}

/// How many of so many bytes the next call may read or write.
pub(super) fn room(op: Op, bytes: usize) -> usize {
    let Some(plan) = plan() else { return bytes };
    let halves = match plan.kind {
        Some(Kind::Short) => true,
        Some(Kind::Torn) => op == Op::Write,
        _ => false,
    };
    if halves && plan.turn().made + 1 == plan.at { bytes.div_ceil(2) } else { bytes }
}

/// Where the next bytes go that are written to a file; 0 where nobody will ask.
pub(super) fn offset(mut file: &fs::File) -> u64 {
    if plan().is_none() {
        return 0;
    }
    // A file that is only ever added to is at its end.
    let appends = rustix::fs::fcntl_getfl(file).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::APPEND));
    let at = if appends { file.metadata().map(|found| found.len()) } else { file.stream_position() };
    at.unwrap_or_default()
}

/// Ends the process as `kill -9` does.
fn die() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    loop {
        std::thread::park();
    }
}
