//! A repository in a temporary folder, driven through the program as a person drives it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one JSON document on standard output.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Insists on exit code 0.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self
    }
}

/// A repository with a configuration, a source and a site.
pub(crate) struct Repo {
    dir: TempDir,
}

/// The configuration of most tests: flat, plain keys, no pages beside the files.
const CONFIG: &str = "[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n[index]\nformats = []\n";

impl Repo {
    /// An empty source, nothing published.
    pub(crate) fn new() -> Self {
        Self::with_config(CONFIG)
    }

    /// The same with these lines of configuration.
    pub(crate) fn with_config(config: &str) -> Self {
        Self::within(&std::env::temp_dir(), config)
    }

    /// The same in a folder of its own in `parent`.
    pub(crate) fn within(parent: &Path, config: &str) -> Self {
        let dir = TempDir::new_in(parent).unwrap();
        std::fs::create_dir(dir.path().join("dists")).unwrap();
        std::fs::write(dir.path().join("pipeline.toml"), config).unwrap();
        Self { dir }
    }

    /// A source of `count` small wheels, published.
    pub(crate) fn published(count: usize) -> Self {
        let repo = Self::new();
        for number in 0..count {
            repo.add_wheel(number);
        }
        repo.run(&["build", "--init"]).ok();
        repo
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn site(&self) -> PathBuf {
        self.path().join("site")
    }

    pub(crate) fn source(&self) -> PathBuf {
        self.path().join("dists")
    }

    /// Adds the wheel of project `p<number>`; gives its file name.
    pub(crate) fn add_wheel(&self, number: usize) -> String {
        let name = format!("p{number}-1.0-py3-none-any.whl");
        self.add(&name, format!("the content of {name}").as_bytes());
        name
    }

    /// Puts a file into the source, dated an hour back as one that a mirror holds.
    pub(crate) fn add(&self, relative: &str, bytes: &[u8]) {
        let path = self.source().join(relative);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        self.age(relative);
    }

    /// Dates a file of the source an hour back.
    pub(crate) fn age(&self, relative: &str) {
        let file = std::fs::File::options().append(true).open(self.source().join(relative)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
    }

    pub(crate) fn remove(&self, relative: &str) {
        std::fs::remove_file(self.source().join(relative)).unwrap();
    }

    /// The program, ready to be started in the repository's folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tuffet"));
        command.args(args).current_dir(self.path());
        command.env_remove("SOURCE_DATE_EPOCH").env_remove("TUFFET_PASSPHRASE");
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// A build that is told these paths, one a line.
    pub(crate) fn told(&self, paths: &str, more: &[&str]) -> Ran {
        let mut command = self.command(&[&["build", "--format", "json", "--changed", "-"], more].concat());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(paths.as_bytes()).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }

    /// A second repository that is this one: keys, site, state, source.
    pub(crate) fn twin(&self) -> Self {
        let dir = TempDir::new().unwrap();
        let copied =
            Command::new("cp").arg("-a").arg(self.path().join(".")).arg(dir.path()).status().unwrap();
        assert!(copied.success());
        Self { dir }
    }

    /// Replaces the configuration.
    pub(crate) fn configure(&self, config: &str) {
        std::fs::write(self.path().join("pipeline.toml"), config).unwrap();
    }

    /// Builds, and gives the JSON of it.
    #[track_caller]
    pub(crate) fn build(&self, args: &[&str]) -> Value {
        self.run(&[&["build", "--format", "json"], args].concat()).ok().json()
    }

    /// Verifies strictly; nothing may be found.
    #[track_caller]
    pub(crate) fn verify(&self) -> Value {
        self.run(&["verify", "--strict", "--format", "json"]).ok().json()
    }

    /// The signed part of a metadata file.
    pub(crate) fn signed(&self, file: &str) -> Value {
        let bytes = std::fs::read(self.site().join("metadata").join(file)).unwrap();
        serde_json::from_slice::<Value>(&bytes).unwrap()["signed"].take()
    }

    /// The roles that the current snapshot lists, with their versions.
    pub(crate) fn versions(&self) -> BTreeMap<String, u64> {
        let version = self.signed("timestamp.json")["meta"]["snapshot.json"]["version"].clone();
        let snapshot = self.signed(&format!("{version}.snapshot.json"));
        let meta = snapshot["meta"].as_object().unwrap().clone();
        let pairs = meta.into_iter();
        pairs
            .map(|(file, meta)| {
                (file.trim_end_matches(".json").to_owned(), meta["version"].as_u64().unwrap())
            })
            .collect()
    }

    /// Every target that the bins list, with its SHA-256.
    pub(crate) fn targets(&self) -> BTreeMap<String, String> {
        let mut targets = BTreeMap::new();
        for (role, version) in self.versions().into_iter().filter(|(role, _)| role.starts_with("bin-")) {
            let signed = self.signed(&format!("{version}.{role}.json"));
            for (path, file) in signed["targets"].as_object().unwrap() {
                targets.insert(path.clone(), file["hashes"]["sha256"].as_str().unwrap().to_owned());
            }
        }
        targets
    }
}

/// Every file below a folder, with its bytes.
pub(crate) fn snapshot_of(root: &Path) -> BTreeMap<String, Vec<u8>> {
    files_below(root)
        .into_iter()
        .map(|name| (name.clone(), std::fs::read(root.join(&name)).unwrap()))
        .collect()
}

/// The names of every file below a folder, sorted.
pub(crate) fn files_below(root: &Path) -> Vec<String> {
    let entries = walkdir::WalkDir::new(root).sort_by_file_name().into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| !entry.file_type().is_dir());
    files.map(|entry| entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect()
}
