//! Running whole processes, and what came of several runs.

use crate::Wanted;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// What one process took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Took {
    /// Seconds on the wall.
    pub(crate) wall: f64,
    /// Seconds of all processors, its children's too.
    pub(crate) cpu: f64,
    /// Those of them that the system took.
    pub(crate) system: f64,
    /// The most memory that was resident, in MiB.
    pub(crate) memory: f64,
}

/// Runs a command that must end well, under `/usr/bin/time` (Debian's package `time`), which knows of processors and
/// memory; gives what it took, and what it printed.
pub(crate) fn run(program: &Path, args: &[&str], folder: &Path, input: &str) -> (Took, String) {
    use std::io::Write as _;
    let said = folder.join("time.txt");
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%U %S %M", "-o"]).arg(&said).arg(program).args(args).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().expect("/usr/bin/time is not there: install the package time");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let wall = began.elapsed().as_secs_f64();
    assert!(
        output.status.success(),
        "{} {args:?}: {}",
        program.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = std::fs::read_to_string(&said).unwrap();
    let numbers: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    let [user, system, memory] = numbers[..] else { panic!("{text}") };
    let took = Took { wall, cpu: user + system, system, memory: memory / 1024.0 };
    (took, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits until what earlier processes wrote is on the disk, so that nobody pays for another.
pub(crate) fn settle() {
    let synced = Command::new("sync").status().expect("sync is part of every system");
    assert!(synced.success());
}

/// Has the kernel forget the names and the inodes that other rows have left it with, where root asks it to: it looks for each
/// new file among them, and what millions of them cost is not the work of a row. Content goes with them: a source is made
/// after this.
pub(crate) fn forget() {
    settle();
    let _ = std::fs::write("/proc/sys/vm/drop_caches", "2");
}

/// Moves a tree out of the way. ext4 does not give the place of a file that was removed to another for five minutes, and
/// searches long for a place that it may give: whoever writes after a removal pays for it, up to ten times his own time.
pub(crate) fn discard(wanted: &Wanted, tree: &Path) {
    let discarded = discarded(wanted);
    std::fs::create_dir_all(&discarded).unwrap();
    // What a run before this one was stopped over may still lie there, under any number.
    let place = (0..).map(|number: u32| discarded.join(number.to_string())).find(|place| !place.exists());
    std::fs::rename(tree, place.unwrap()).unwrap();
}

/// Removes what was discarded where room runs short, and waits until nobody pays for that any more.
pub(crate) fn make_room(wanted: &Wanted) {
    std::fs::create_dir_all(&wanted.dir).unwrap();
    let free = Command::new("df").args(["--output=avail", "-B1M"]).arg(&wanted.dir).output().unwrap();
    let free = String::from_utf8_lossy(&free.stdout);
    let free: u64 = free.lines().last().unwrap().trim().parse().unwrap();
    if free < 8_000 && discarded(wanted).exists() {
        std::fs::remove_dir_all(discarded(wanted)).unwrap();
        settle();
        std::thread::sleep(std::time::Duration::from_secs(310));
    }
}

fn discarded(wanted: &Wanted) -> PathBuf {
    wanted.dir.join("discarded")
}

/// One side of a comparison.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Side {
    pub(crate) name: String,
    pub(crate) runs: Vec<Took>,
}

impl Side {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), runs: Vec::new() }
    }

    /// The run whose time is the median.
    pub(crate) fn median(&self) -> Took {
        self.sorted()[self.runs.len() / 2]
    }

    /// The least time, and the most.
    pub(crate) fn extent(&self) -> (f64, f64) {
        let all = self.sorted();
        (all[0].wall, all[all.len() - 1].wall)
    }

    fn sorted(&self) -> Vec<Took> {
        let mut all = self.runs.clone();
        all.sort_by(|a, b| a.wall.total_cmp(&b.wall));
        all
    }
}
