//! A source of files: walking it, hashing it, and a first tree of it.

use super::{NO_PAGES, Row, fresh, repository, thousands, tuffet};
use crate::Wanted;
use crate::measure::{self, Side, Took};
use std::path::Path;

/// Target paths are relative paths, and files stay where they are.
const IN_PLACE: &str = "layout = \"tree\"\n";
const ELSEWHERE: &str = "[index]\nformats = []\n[site]\ntargets = \"none\"\n";

/// Nothing new in a large source, and ten files new in it.
pub(super) fn walk(wanted: &Wanted) -> Vec<Row> {
    let count = if wanted.quick { 2_000 } else { 1_000_000 };
    let folder = repository(wanted, "tuffet", IN_PLACE, ELSEWHERE);
    let source = folder.join("dists");
    files(&source, count, 10, 10);
    run_build(&folder);
    run_build(&folder);
    let mut nothing = vec![Side::new("tuffet build")];
    let mut ten = Side::new("tuffet build");
    let floor = ["walk1", source.to_str().unwrap(), "own2+stat"];
    let find = format!("find '{}' -type f -printf '%s %T@\\n' > /dev/null", source.display());
    if wanted.peers.is_some() {
        nothing.extend([Side::new("floor: limits walk1 own2+stat"), Side::new("find with stat")]);
    }
    for round in 0..wanted.runs {
        nothing[0].runs.push(run_build(&folder));
        if let Some(peers) = &wanted.peers {
            nothing[1].runs.push(measure::run(&peers.join("limits"), &floor, &folder, "").0);
            nothing[2].runs.push(measure::run(Path::new("sh"), &["-c", &find], &folder, "").0);
        }
        for number in 0..10 {
            std::fs::write(source.join(format!("{number}/new-{round}")), format!("{round} {number}"))
                .unwrap();
        }
        measure::settle();
        ten.runs.push(run_build(&folder));
    }
    is_good(&folder);
    measure::discard(wanted, &folder);
    let goals = vec!["1.5 times the floor, 2 times faster than find".to_owned()];
    let work = format!("nothing new, {} files, ten in a folder, warm", thousands(count));
    let rest = vec![format!("150 ms more than {:.2} s, the row before", nothing[0].median().wall)];
    vec![
        Row { name: "nothing".to_owned(), work, sides: nothing, goals, ..Row::default() },
        Row {
            name: "ten".to_owned(),
            work: "ten new files there".to_owned(),
            sides: vec![ten],
            goals: rest,
            ..Row::default()
        },
    ]
}

fn run_build(folder: &Path) -> Took {
    measure::run(&tuffet(), &["build", "--quiet"], folder, "").0
}

fn is_good(folder: &Path) {
    measure::run(&tuffet(), &["verify", "--metadata-only", "--quiet"], folder, "");
}

/// Hashing from page cache: the stage alone, of a dry run.
pub(super) fn hash(wanted: &Wanted) -> Vec<Row> {
    let (small, large) = if wanted.quick { (200, 1 << 20) } else { (200_000, 100 << 20) };
    let row = |name: &str, count: usize, bytes: usize, peer: &str, goal: &str| {
        let folder = repository(wanted, "tuffet", IN_PLACE, ELSEWHERE);
        files(&folder.join("dists"), count, 1000, bytes);
        let mut sides = vec![Side::new("tuffet, the digest stage"), Side::new(&format!("xargs -P2 {peer}"))];
        let each = if bytes > 1 << 19 { " -n1" } else { "" };
        let hash = format!("find dists -type f -print0 | xargs -0 -P2{each} {peer} > /dev/null");
        for _ in 0..wanted.runs {
            let args = ["build", "--dry-run", "--format", "json"];
            let (took, said) = measure::run(&tuffet(), &args, &folder, "");
            let said: serde_json::Value = serde_json::from_str(&said).unwrap();
            sides[0].runs.push(Took { wall: said["seconds"]["digest"].as_f64().unwrap(), ..took });
            sides[1].runs.push(measure::run(Path::new("sh"), &["-c", &hash], &folder, "").0);
        }
        measure::discard(wanted, &folder);
        let work = format!("hashing {count} files of {} KB, warm", bytes / 1000);
        let goals = vec![goal.to_owned()];
        Row { name: name.to_owned(), work, sides, goals, ..Row::default() }
    };
    let faster = "6 times faster than sha256sum";
    let mut rows = Vec::new();
    if wanted.takes("hash-small") {
        rows.push(row("hash-small", small, 10_000, "sha256sum", faster));
    }
    if wanted.takes("hash-large") {
        rows.push(row("hash-large", 10, large, "openssl dgst -sha256", "1.3 times openssl"));
    }
    rows
}

/// The first tree of a source, site and all.
pub(super) fn first_build(wanted: &Wanted) -> Vec<Row> {
    let count = if wanted.quick { 200 } else { 20_000 };
    let mut sides = vec![Side::new("tuffet build")];
    let peers = wanted.peers.as_ref().filter(|peers| peers.join("tuftool").exists());
    if peers.is_some() {
        sides.push(Side::new("tuftool create"));
    }
    for _ in 0..wanted.runs {
        measure::forget();
        let folder = repository(wanted, "tuffet", IN_PLACE, NO_PAGES);
        files(&folder.join("dists"), count, count, 10_000);
        measure::settle();
        sides[0].runs.push(run_build(&folder));
        is_good(&folder);
        if let Some(peers) = peers {
            let out = fresh(wanted, "peer");
            let tool = format!("TUFTOOL='{}'", peers.join("tuftool").display());
            let script = |name: &str, args: &str| {
                let script = format!("{tool} exec bash '{}' {args}", peers.join(name).display());
                measure::run(Path::new("sh"), &["-c", &script], &out, "").0
            };
            script("setup.sh", "keys");
            measure::settle();
            let targets = folder.join("dists/0");
            sides[1].runs.push(script("create.sh", &format!("keys '{}' out", targets.display())));
            measure::discard(wanted, &out);
        }
        measure::discard(wanted, &folder);
    }
    let work = format!("a first tree of {count} files of 10 KB, site and all");
    let goals = vec!["40 times faster than tuftool".to_owned()];
    vec![Row { name: "tree".to_owned(), work, sides, goals, ..Row::default() }]
}

/// Makes files, so many in a folder; no two are alike.
fn files(folder: &Path, count: usize, in_a_folder: usize, bytes: usize) {
    let mut content = vec![b'.'; bytes];
    for number in 0..count {
        let folder = folder.join((number / in_a_folder).to_string());
        if number % in_a_folder == 0 {
            std::fs::create_dir_all(&folder).unwrap();
        }
        let digits = format!("{number:010}");
        content[..10].copy_from_slice(digits.as_bytes());
        std::fs::write(folder.join(format!("file-{number}.bin")), &content).unwrap();
    }
    measure::settle();
}
