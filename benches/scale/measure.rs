//! Running whole processes, and what came of several runs.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What one process took.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    /// Seconds on the wall.
    pub(crate) wall: f64,
    /// Seconds of all processors, its children's too.
    pub(crate) cpu: f64,
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
    let took = Took { wall, cpu: numbers[0] + numbers[1], memory: numbers[2] / 1024.0 };
    (took, String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits until what earlier processes wrote is on the disk, so that nobody pays for another.
pub(crate) fn settle() {
    let synced = Command::new("sync").status().expect("sync is part of every system");
    assert!(synced.success());
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub(crate) struct Side {
    pub(crate) name: String,
    pub(crate) runs: Vec<Took>,
}

impl Side {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), runs: Vec::new() }
    }

    fn sorted(&self, of: fn(&Took) -> f64) -> Vec<f64> {
        let mut all: Vec<f64> = self.runs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// The median, and the least and the most.
    pub(crate) fn wall(&self) -> (f64, f64, f64) {
        let all = self.sorted(|took| took.wall);
        (all[all.len() / 2], all[0], all[all.len() - 1])
    }

    pub(crate) fn cpu(&self) -> f64 {
        let all = self.sorted(|took| took.cpu);
        all[all.len() / 2]
    }

    pub(crate) fn memory(&self) -> f64 {
        let all = self.sorted(|took| took.memory);
        all[all.len() / 2]
    }
}
