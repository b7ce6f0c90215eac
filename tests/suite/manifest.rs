//! `build --manifest`: a site that is uploaded by it, one file at a time, is whole at every moment.

use super::support::calls::{Call, Op, calls_of};
use super::support::{Repo, clients, files_below, nginx::Nginx, snapshot_of};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The lines of a manifest that say something, as verb and path.
pub(crate) fn lines(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(' ').unwrap()).map(|(v, p)| (v.to_owned(), p.to_owned())).collect()
}

/// Where a site is served from.
pub(crate) struct Elsewhere {
    pub(crate) folder: PathBuf,
    purged: BTreeSet<String>,
}

impl Elsewhere {
    /// A place that nothing was uploaded to, or what a copy of the repository has with it.
    pub(crate) fn of(repo: &Repo) -> Self {
        let folder = repo.path().join("elsewhere");
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder, purged: BTreeSet::new() }
    }

    /// Carries out a manifest, and calls `after` for each step.
    pub(crate) fn carry_out(&mut self, site: &Path, manifest: &Path, mut after: impl FnMut(&str)) {
        self.purged.clear();
        for (verb, path) in lines(&std::fs::read_to_string(manifest).unwrap()) {
            let to = self.folder.join(&path);
            match verb.as_str() {
                "upload" => {
                    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
                    // In one step, as an object store does it.
                    std::fs::copy(site.join(&path), self.folder.join("incoming")).unwrap();
                    std::fs::rename(self.folder.join("incoming"), to).unwrap();
                }
                "remove" => std::fs::remove_file(&to).unwrap_or_else(|e| panic!("remove {path}: {e}")),
                "purge" => drop(self.purged.insert(path.clone())),
                other => panic!("{other}"),
            }
            after(&path);
        }
        std::fs::remove_file(manifest).unwrap();
    }
}

/// python-tuf with a warm cache, one that starts empty, and pip, each asked to look once more.
struct Readers {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Readers {
    fn start(base: &str, site: &Path, work: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/readers.py");
        let mut command = Command::new(clients::python());
        command.arg(script).arg(base).arg(site.join("metadata/1.root.json")).arg(work);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout }
    }

    fn look(&mut self, who: &str, when: &str) -> Value {
        writeln!(self.stdin, "{who}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        let seen: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{when}: {e}: {line}"));
        assert_eq!(seen["errors"], serde_json::json!([]), "after {when}");
        seen
    }

    fn end(mut self) {
        drop(self.stdin);
        assert!(self.child.wait().unwrap().success());
    }
}

#[test]
fn a_site_uploaded_file_by_file_is_whole_at_every_step() {
    let repo = super::compress::compressed("[\"gz\"]");
    let manifest = repo.path().join("to-do.txt");
    let mut there = Elsewhere::of(&repo);
    let build = |args: &[&str]| repo.build(&[&["--manifest", "to-do.txt"], args].concat());

    // The first lists everything.
    let out = build(&[]);
    assert_eq!((&out["published"], &out["manifest"]["remove"]), (&false.into(), &0.into()));
    there.carry_out(&repo.site(), &manifest, |_| {});
    assert_eq!(snapshot_current(&repo, &there.folder), [""; 0]);

    let nginx = Nginx::serve(&there.folder, &repo.path().join("nginx"));
    let mut readers = Readers::start(&nginx.base(), &repo.site(), &repo.path().join("readers"));
    let mut looked = 0;
    let mut step = |there: &mut Elsewhere, who: &str, what: &str| {
        let began = readers.look(who, what);
        let mut last = began.clone();
        there.carry_out(&repo.site(), &manifest, |path| {
            last = readers.look(who, &format!("{what}: {path}"));
            looked += 1;
        });
        assert_eq!(snapshot_current(&repo, &there.folder), [""; 0], "{what}");
        (began, last)
    };
    // Something new.
    let wheel = std::fs::read(repo.source().join("whey/whey-3.2-py3-none-any.whl")).unwrap();
    repo.add("whey/whey-3.2-1-py3-none-any.whl", &wheel);
    build(&[]);
    let (before, after) = step(&mut there, "look", "an addition");
    assert!(after["files"].as_u64() > before["files"].as_u64(), "{before} {after}");
    for path in
        ["metadata/timestamp.json", "simple/whey/", "simple/whey/index.html", "simple/whey/index.v1_json"]
    {
        assert!(there.purged.contains(path), "{path}: {:?}", there.purged);
    }
    assert!(!there.purged.iter().any(|path| path.contains("curds")), "{:?}", there.purged);
    // Nothing new, and a new project, which the root page lists.
    build(&[]);
    assert_eq!(lines(&std::fs::read_to_string(&manifest).unwrap()), []);
    step(&mut there, "look", "nothing");
    repo.add("fresh/fresh-1.0-py3-none-any.whl", b"no archive");
    build(&[]);
    step(&mut there, "look", "a project");
    // Other bytes under a published name: pip asks for that name, and no order of two uploads keeps it
    // in step with its page. TUF clients ask for the hashed one.
    repo.add("fresh/fresh-1.0-py3-none-any.whl", b"another");
    build(&["--replace", "fresh/fresh-1.0-py3-none-any.whl"]);
    step(&mut there, "tuf", "a replacement");
    assert!(there.purged.contains("packages/fresh/fresh-1.0-py3-none-any.whl"));
    // A manifest that nobody carried out, a build without one, then one with all of it.
    repo.remove("curds/curds-0.9.1.tar.gz");
    build(&[]);
    repo.add("whey/whey-3.2-2-py3-none-any.whl", &wheel);
    repo.build(&[]);
    repo.add("whey/whey-3.2-3-py3-none-any.whl", &wheel);
    build(&[]);
    step(&mut there, "look", "three builds in one");
    readers.end();
    assert!(looked > 60, "{looked} steps");
}

/// What of the current state is not there as it is in the site.
fn snapshot_current(repo: &Repo, folder: &Path) -> Vec<String> {
    let ran = repo.run(&["verify", folder.to_str().unwrap(), "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let there = snapshot_of(folder);
    let here = snapshot_of(&repo.site());
    // What the site keeps of earlier states was uploaded when it was current.
    let differs = here.iter().filter(|(name, bytes)| there.get(*name).is_some_and(|other| other != *bytes));
    differs.map(|(name, _)| name.clone()).collect()
}

#[test]
fn what_is_swept_here_goes_there_and_settings_that_change_names_list_everything() {
    let repo = super::compress::compressed("[\"gz\", \"br\"]");
    let manifest = repo.path().join("to-do.txt");
    let mut there = Elsewhere::of(&repo);
    let build = |args: &[&str]| repo.build(&[&["--manifest", "to-do.txt"], args].concat());
    build(&[]);
    there.carry_out(&repo.site(), &manifest, |_| {});
    repo.remove("curds/curds-0.9.1.tar.gz");
    build(&["--now", "2027-01-01T00:00:00Z"]);
    there.carry_out(&repo.site(), &manifest, |_| {});
    repo.run(&["sweep", "--now", "2027-01-03T00:00:00Z"]).ok();
    build(&["--now", "2027-01-03T00:00:00Z"]);
    let text = std::fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("remove packages/curds/curds-0.9.1.tar.gz\n"), "{text}");
    // Not carried out: the next one says it again, and no other ever.
    build(&["--now", "2027-01-03T00:00:00Z"]);
    let again = std::fs::read_to_string(&manifest).unwrap();
    let removes =
        |text: &str| lines(text).into_iter().filter(|(verb, _)| verb == "remove").collect::<Vec<_>>();
    assert_eq!(removes(&text), removes(&again));
    let known: BTreeSet<String> = files_below(&there.folder).into_iter().collect();
    let removes: Vec<(String, String)> = removes(&text);
    assert!(removes.iter().any(|(_, path)| known.contains(path)));
    // What was never there need not be removed there: object stores do not mind.
    std::fs::write(
        &manifest,
        again
            .lines()
            .filter(|line| line.strip_prefix("remove ").is_none_or(|path| known.contains(path)))
            .fold(String::new(), |text, line| text + line + "\n"),
    )
    .unwrap();
    there.carry_out(&repo.site(), &manifest, |_| {});
    assert_eq!(snapshot_of(&there.folder), snapshot_of(&repo.site()));
    build(&["--now", "2027-01-03T00:00:00Z"]);
    assert_eq!(lines(&std::fs::read_to_string(&manifest).unwrap()), []);
    std::fs::remove_file(&manifest).unwrap();
    // Other copies.
    let config = std::fs::read_to_string(repo.path().join("pipeline.toml")).unwrap();
    std::fs::write(repo.path().join("pipeline.toml"), config.replace("\"br\"", "\"zst\"")).unwrap();
    build(&["--now", "2027-01-03T00:00:00Z"]);
    there.carry_out(&repo.site(), &manifest, |_| {});
    assert_eq!(snapshot_of(&there.folder), snapshot_of(&repo.site()));
    for inside in ["site/to-do.txt", "dists/to-do.txt"] {
        let ran = repo.run(&["build", "--manifest", inside]);
        assert_eq!(ran.code, 2, "{inside}: {}", ran.stderr);
    }
}

/// The plain pages that somebody who reads `elsewhere` gets in another version than is published; all
/// that is current must be there.
pub(crate) fn differs(repo: &Repo, elsewhere: &Path) -> Vec<String> {
    let ran = repo.run(&["verify", elsewhere.to_str().unwrap(), "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.stdout);
    let there = snapshot_of(elsewhere);
    let targets = repo.targets();
    let pages = snapshot_of(&repo.site()).into_iter().filter(|(name, _)| name.starts_with("simple/"));
    let pages = pages.filter(|(name, bytes)| targets.contains_key(name) && there.get(name) != Some(bytes));
    pages.map(|(name, _)| name).collect()
}

/// A repository, and a place that nothing was uploaded to.
fn fresh() -> (Repo, Elsewhere, PathBuf) {
    let repo = super::index::sample();
    let there = Elsewhere::of(&repo);
    let to_do = repo.path().join("to-do.txt");
    (repo, there, to_do)
}

fn to_do(repo: &Repo) {
    repo.build(&["--allow-removals", "--manifest", "to-do.txt"]);
}

/// Puts one wheel more into the source.
fn release(repo: &Repo, number: usize) -> String {
    let wheel = std::fs::read(repo.source().join("whey/whey-3.2-py3-none-any.whl")).unwrap();
    let name = format!("whey/whey-3.2-{number}-py3-none-any.whl");
    repo.add(&name, &wheel);
    name
}

#[test]
fn a_manifest_that_was_carried_out_in_part_leaves_nothing_behind() {
    let (repo, mut there, file) = fresh();
    to_do(&repo);
    there.carry_out(&repo.site(), &file, |_| {});
    let name = release(&repo, 1);
    to_do(&repo);
    let half = repo.path().join("half.txt");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&half, text.split_once("# delegated roles").unwrap().0).unwrap();
    there.carry_out(&repo.site(), &half, |_| {});
    // What it brought is taken back.
    repo.remove(&name);
    to_do(&repo);
    there.carry_out(&repo.site(), &file, |_| {});
    assert_eq!(differs(&repo, &there.folder), [""; 0]);
}

#[test]
fn names_that_a_setting_gave_are_listed_whenever_it_was_set() {
    let (repo, mut there, file) = fresh();
    to_do(&repo);
    there.carry_out(&repo.site(), &file, |_| {});
    let config = std::fs::read_to_string(repo.path().join("pipeline.toml")).unwrap();
    let config = format!("{config}[site]\ntough_alias = true\ncompress = [\"gz\"]\n");
    std::fs::write(repo.path().join("pipeline.toml"), config).unwrap();
    repo.build(&[]);
    to_do(&repo);
    there.carry_out(&repo.site(), &file, |_| {});
    assert_eq!(differs(&repo, &there.folder), [""; 0]);
    let elsewhere = files_below(&there.folder);
    for part in [".packages/whey", "simple/whey/index.html.gz", ".targets.json.gz"] {
        assert!(elsewhere.iter().any(|name| name.contains(part)), "{part}");
    }
}

#[test]
fn a_manifest_of_another_name_does_not_say_that_the_first_was_carried_out() {
    let (repo, mut there, _) = fresh();
    repo.build(&["--manifest", "one.txt"]);
    release(&repo, 1);
    repo.build(&["--manifest", "two.txt"]);
    there.carry_out(&repo.site(), &repo.path().join("two.txt"), |_| {});
    assert_eq!(differs(&repo, &there.folder), [""; 0]);
}

#[test]
fn a_site_that_was_restored_from_a_backup_is_listed_whole() {
    let (repo, mut there, file) = fresh();
    to_do(&repo);
    there.carry_out(&repo.site(), &file, |_| {});
    let backup = repo.path().join("backup");
    clients::run(Command::new("cp").arg("-a").arg(repo.site()).arg(&backup), "cp");
    let name = release(&repo, 1);
    to_do(&repo);
    there.carry_out(&repo.site(), &file, |_| {});
    std::fs::remove_dir_all(repo.site()).unwrap();
    std::fs::rename(backup, repo.site()).unwrap();
    // The same numbers, with other content.
    repo.remove(&name);
    release(&repo, 2);
    repo.build(&[]);
    to_do(&repo);
    there.carry_out(&repo.site(), &file, |_| {});
    assert_eq!(differs(&repo, &there.folder), [""; 0]);
}

#[test]
fn a_manifest_replaces_nothing_but_a_manifest() {
    let (repo, ..) = fresh();
    for file in [".tuffet/online.key", ".tuffet/new", "pipeline.toml", "site/x", "dists/x"] {
        let path = repo.path().join(file);
        let before = std::fs::read(&path).ok();
        let ran = repo.run(&["build", "--manifest", file]);
        assert_eq!(ran.code, 2, "{file}: {}", ran.stderr);
        assert_eq!(std::fs::read(&path).ok(), before, "{file}");
    }
    for number in 0..3 {
        let before = snapshot_of(&repo.path().join(".tuffet"));
        to_do(&repo);
        let after = snapshot_of(&repo.path().join(".tuffet"));
        let changed = after
            .iter()
            .filter(|(name, bytes)| before.get(*name) != Some(bytes))
            .map(|(name, _)| name.as_str());
        let changed: Vec<&str> = changed.filter(|name| !name.starts_with("cache/")).collect();
        assert_eq!(changed == ["journal.jsonl"], number > 0, "{number}: {changed:?}");
    }
}

/// What it lacks is never made good where the site is uploaded to, so that it is durable before the first file goes.
#[test]
fn what_is_to_be_removed_there_is_written_down_for_good_before_it_is_removed_here() {
    let repo = super::compress::compressed("[\"gz\"]");
    let build = |args: &[&str]| repo.build(&[&["--manifest", "to-do.txt"], args].concat());
    build(&[]);
    repo.remove("curds/curds-0.9.1.tar.gz");
    build(&["--now", "2027-01-01T00:00:00Z"]);
    let (ran, calls) = calls_of(&repo, &["sweep", "--now", "2027-01-03T00:00:00Z"]);
    ran.ok();
    let first =
        calls.iter().position(|call| call.op == Op::Remove && call.path.starts_with(repo.site())).unwrap();
    let before = &calls[..first];
    let synced = |name: &str, calls: &[Call]| {
        let is_it = |call: &Call| call.op == Op::Sync && call.path.to_string_lossy().ends_with(name);
        calls.iter().any(is_it)
    };
    let named = before.iter().rposition(|call| {
        call.op == Op::Rename && call.other.as_ref().is_some_and(|to| to.ends_with("uploads.jsonl"))
    });
    let (written, after) = before.split_at(named.expect("the record was replaced"));
    assert!(synced("uploads.jsonl.new", written), "{written:?}");
    let folder = after[0].path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
    assert!(synced(&folder, after), "{after:?}");
}
