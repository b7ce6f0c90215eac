//! The rules of `docs/architecture.md`: which folder may import which, one door to the file
//! system, one reading of the clock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The library, in the order in which its folders build on each other: `runs` may import all before it, and the
/// binary all of them.
const LIBRARY: [&str; 12] = [
    "model",
    "trust",
    "disk",
    "keys",
    "report",
    "state",
    "site",
    "submission",
    "ceremony",
    "audit",
    "pipeline",
    "runs",
];

/// What each folder may import, besides itself.
const MAY_IMPORT: [(&str, &[&str]); 13] = [
    ("model", &[]),
    ("trust", &["model"]),
    ("disk", &["model"]),
    ("keys", &["model", "trust", "disk"]),
    ("report", &["model"]),
    ("state", &["model", "disk"]),
    ("site", &["model", "trust", "disk", "report"]),
    ("submission", &["model", "trust", "disk", "site"]),
    ("ceremony", &["model", "trust", "disk"]),
    ("audit", &["model", "trust", "disk", "report"]),
    ("pipeline", &["model", "disk", "keys", "report"]),
    ("runs", LIBRARY.split_at(11).0),
    ("cli", &LIBRARY),
];

/// Every source file by its path below `src/`, without its tests.
fn sources() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let names = super::support::files_below(&src).into_iter().filter(|name| name.ends_with(".rs"));
    names
        .map(|name| {
            let text = std::fs::read_to_string(src.join(&name)).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            let code: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            (name, code.join("\n"))
        })
        .collect()
}

/// The folders of the crate that a file names by `crate::` or, in the binary, `tuffet::`.
fn imports(code: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for marker in ["crate::", "tuffet::"] {
        for (at, _) in code.match_indices(marker) {
            let rest = &code[at + marker.len()..];
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.insert(&rest[..end]);
        }
    }
    found
}

#[test]
fn each_folder_imports_only_what_the_map_allows() {
    let mut arrows = 0;
    for (file, code) in sources() {
        let Some((folder, _)) = file.split_once('/') else { continue };
        let (_, allowed) = MAY_IMPORT.iter().find(|(name, _)| *name == folder).unwrap_or_else(|| {
            panic!("src/{folder} is not on the map: add it to docs/architecture.md and to this test")
        });
        for import in imports(&code) {
            let known = MAY_IMPORT.iter().any(|(name, _)| *name == import);
            let own = import == folder || (folder == "cli" && !known);
            assert!(
                !known || own || allowed.contains(&import),
                "src/{file} imports {import}, which {folder} may not"
            );
            arrows += usize::from(known && !own);
        }
        assert!(!code.contains("use crate::*"), "src/{file} imports everything");
    }
    assert!(arrows > 50, "only {arrows} imports were seen: this test reads the wrong thing");
}

#[test]
fn no_stage_knows_another() {
    let stages = ["collect", "digest", "inventory", "partition", "inspect", "index", "sign"];
    let mut seen = BTreeSet::new();
    for (file, code) in sources() {
        let Some(rest) = file.strip_prefix("pipeline/") else { continue };
        let Some(own) = stages.iter().find(|stage| rest.starts_with(**stage)) else { continue };
        seen.insert(*own);
        for other in stages.iter().filter(|stage| stage != &own) {
            let names =
                [format!("pipeline::{other}"), format!("super::{other}"), format!("super::super::{other}")];
            assert!(names.iter().all(|name| !code.contains(name)), "src/{file} knows the stage {other}");
        }
    }
    assert_eq!(seen.len(), stages.len());
}

#[test]
fn there_is_one_door_to_the_file_system() {
    let doors =
        ["std::fs", "File::open", "File::create", "OpenOptions", "rustix::fs", "tempfile::", "walkdir::"];
    let mut inside = 0;
    for (file, code) in sources() {
        let named = doors.iter().filter(|door| code.contains(**door));
        if file.starts_with("disk/") {
            inside += named.count();
        } else {
            // OpenFile::open is the door itself.
            let code = code.replace("OpenFile::open", "");
            let named: Vec<_> = doors.iter().filter(|door| code.contains(**door)).collect();
            assert!(named.is_empty(), "src/{file} goes around disk/: {named:?}");
        }
    }
    assert!(inside > 5, "disk/ was not seen");
}

#[test]
fn the_clock_is_read_in_one_place() {
    let clocks = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now", "UtcDateTime::now"];
    let readers: Vec<String> = sources()
        .into_iter()
        .filter(|(_, code)| clocks.iter().any(|clock| code.contains(clock)))
        .map(|(file, _)| file)
        .collect();
    assert_eq!(readers, ["cli/clock.rs"]);
}

#[test]
fn only_the_binary_prints_or_exits() {
    for (file, code) in sources() {
        let library = !file.starts_with("cli/") && file != "main.rs";
        for call in ["println!", "eprintln!", "process::exit", "std::io::stdout", "std::io::stderr"] {
            assert!(!(library && code.contains(call)), "src/{file} calls {call}");
        }
    }
}

#[test]
fn model_and_trust_are_pure() {
    for (file, code) in sources() {
        if file.starts_with("model/") || file.starts_with("trust/") {
            for impure in ["std::fs", "std::thread", "rayon", "std::env", "std::process", "std::net"] {
                assert!(!code.contains(impure), "src/{file} uses {impure}");
            }
        }
    }
}

#[test]
fn the_map_names_every_folder() {
    let map =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md")).unwrap();
    for (folder, _) in MAY_IMPORT {
        assert!(map.contains(&format!("`{folder}/`")), "docs/architecture.md does not name {folder}/");
    }
}

/// What the map says of a file it says of one that is there, by the end of its path where the folder is plain.
#[test]
fn every_file_that_the_map_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let map = std::fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let there: BTreeSet<String> = ["src", "tests", "benches", "fuzz/src"]
        .iter()
        .flat_map(|folder| walkdir::WalkDir::new(root.join(folder)))
        .map(|entry| format!("/{}", entry.unwrap().path().strip_prefix(root).unwrap().display()))
        .collect();
    let named: BTreeSet<&str> = map.split('`').filter(|word| word.ends_with(".rs")).collect();
    assert!(named.len() > 100, "{named:?}");
    for name in named {
        assert!(there.iter().any(|path| path.ends_with(&format!("/{name}"))), "{name} is not there");
    }
}

/// `--from https://…` is the author's: one file knows how, one command asks for it, and no run that publishes
/// could open a connection.
#[test]
fn nothing_but_the_authors_commands_opens_a_connection() {
    let (mut knows, mut asks) = (Vec::new(), Vec::new());
    for (file, code) in sources() {
        if ["ureq", "TcpStream", "UdpSocket", "TcpListener"].iter().any(|word| code.contains(word)) {
            knows.push(file.clone());
        }
        if code.contains("http::Served") {
            asks.push(file);
        }
    }
    assert_eq!((knows, asks), (vec!["site/http.rs".to_owned()], vec!["cli/author/mod.rs".to_owned()]));
}

#[test]
fn the_calls_of_the_file_system_are_made_in_one_folder() {
    // What a process takes, and what others have open, is asked of /proc, which is no file system that can lose anything.
    let others = ["disk/memory.rs", "disk/writers.rs"];
    let mut inside = 0;
    for (file, code) in sources().into_iter().filter(|(file, _)| file.starts_with("disk/")) {
        let calls = [
            "fs::read",
            "fs::write",
            "fs::File",
            "fs::rename",
            "fs::remove",
            "fs::create",
            "fs::copy",
            "fs::open",
        ];
        let calls = calls.iter().filter(|call| code.contains(**call)).count();
        if file.starts_with("disk/call/") {
            inside += calls;
        } else if !others.contains(&file.as_str()) {
            // A reader that wants the file itself gets it.
            let handed = usize::from(file == "disk/read.rs");
            assert!(calls <= handed, "src/{file} calls the file system itself");
        }
    }
    assert!(inside > 5, "disk/call/ was not seen");
}

#[test]
fn a_connection_is_opened_in_two_places_and_never_by_a_build() {
    let mut doors = BTreeMap::new();
    for (file, code) in sources() {
        for door in ["ureq", "std::net", "TcpStream", "UdpSocket", "UnixStream", "rustix::net"] {
            if code.contains(door) {
                doors.entry(door).or_insert_with(Vec::new).push(file.clone());
            }
        }
    }
    let expected =
        [("UnixStream", vec!["keys/agent.rs".to_owned()]), ("ureq", vec!["site/http.rs".to_owned()])];
    assert_eq!(doors, BTreeMap::from(expected));
    // And asked of the kernel: no socket of any kind, from the first build on.
    let repo = super::support::Repo::new();
    repo.add_wheel(1);
    let log = repo.path().join("sockets");
    for args in [&["build", "--init"][..], &["build", "--rehash"], &["sweep"], &["status"], &["verify"]] {
        let mut strace = std::process::Command::new("strace");
        strace.args(["-f", "-qq", "-e", "trace=%network", "-o"]).arg(&log);
        strace.arg(env!("CARGO_BIN_EXE_tuffet")).args(args).current_dir(repo.path());
        super::support::clients::run(&mut strace, "strace, from Debian");
        let calls = std::fs::read_to_string(&log).unwrap();
        let calls: Vec<&str> =
            calls.lines().filter(|line| line.contains('(') && !line.contains("???(")).collect();
        assert!(calls.is_empty(), "{args:?}: {calls:?}");
    }
}
