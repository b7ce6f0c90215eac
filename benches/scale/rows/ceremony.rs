//! An offline ceremony over many projects: `prepare`, `sign` and `apply`, and what is carried between them.

use super::{Row, fresh, is_good, repository, tuffet};
use crate::Wanted;
use crate::measure::{self, Side};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use tuffet::keys::{Ed25519, Signer as _};
use tuffet::model::{KeyId, Moment, ProjectName};
use tuffet::pipeline::index::Yanked;
use tuffet::runs::author::sign;
use tuffet::submission::pack;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// How many submissions are taken in at a time: more of them do not fit into one command line.
const AT_ONCE: usize = 5_000;

pub(super) fn row(wanted: &Wanted) -> Vec<Row> {
    let count = if wanted.quick { 20 } else { 20_000 };
    let projects = projects(wanted, count);
    let registered = registered(wanted, &projects);
    let mut sides = ["prepare", "sign", "apply"].map(|verb| Side::new(&format!("tuffet ceremony {verb}")));
    let mut carried = (0, 0);
    for _ in 0..wanted.runs {
        measure::make_room(wanted);
        let (folder, safe) = (wanted.dir.join("tuffet"), fresh(wanted, "safe"));
        let [from, to] = [&registered, &folder].map(|path| path.to_str().unwrap());
        measure::run(Path::new("cp"), &["-a", from, to], &wanted.dir, "");
        let ceremony = |args: &[&str], folder: &Path| {
            measure::settle();
            measure::run(&tuffet(), &[&["ceremony"], args].concat(), folder, "").0
        };
        let carry =
            |file: &str, from: &Path, to: &Path| std::fs::copy(from.join(file), to.join(file)).unwrap();
        sides[0].runs.push(ceremony(&["prepare", "--out", "ceremony.json"], &folder));
        carried.0 = carry("ceremony.json", &folder, &safe);
        carry("admin-1.key", &folder.join("offline-keys"), &safe);
        // The ledger of a new holder knows none of the projects' keys.
        let sign = ["sign", "ceremony.json", "--key", "admin-1.key", "--confirm-all", "--out", "signed.json"];
        sides[1].runs.push(ceremony(&sign, &safe));
        carried.1 = carry("signed.json", &safe, &folder);
        sides[2].runs.push(ceremony(&["apply", "signed.json"], &folder));
        is_good(&folder);
        assert_eq!(standings(&folder), BTreeMap::from([("claimed".to_owned(), count)]));
        measure::discard(wanted, &folder);
        measure::discard(wanted, &safe);
    }
    measure::discard(wanted, &registered);
    let notes = vec![
        format!(
            "{} bytes go to the safe and {} come back, {} and {} for each project.",
            carried.0,
            carried.1,
            carried.0 / count as u64,
            carried.1 / count as u64
        ),
        format!(
            "every project has a key and a release of its own, signed by the library as by `tuffet author sign`, and waits \
             since `tuffet project accept` took it in, {AT_ONCE} in one run."
        ),
    ];
    let work = format!(
        "a ceremony over {count} projects that wait, each with one release and its pages; no other targets"
    );
    vec![Row { name: "ceremony".to_owned(), work, sides: sides.into(), notes, ..Row::default() }]
}

/// Names of projects: of PyPI's as many, evenly spread, so that lists are split as they would be there; or made-up ones.
fn projects(wanted: &Wanted, count: usize) -> Vec<ProjectName> {
    let Some(peers) = &wanted.peers else {
        return (0..count).map(|number| ProjectName::normalise(&format!("p{number}")).unwrap()).collect();
    };
    let table = std::fs::read_to_string(peers.join("names.tsv")).unwrap();
    let names: Vec<&str> = table.lines().skip(1).filter_map(|line| line.split('\t').next()).collect();
    (0..count).map(|number| ProjectName::normalise(names[number * names.len() / count]).unwrap()).collect()
}

/// A repository in which each of these projects is registered with a first release, and waits for a ceremony.
fn registered(wanted: &Wanted, projects: &[ProjectName]) -> PathBuf {
    let (folder, authors) = (repository(wanted, "registered", "", ""), fresh(wanted, "authors"));
    measure::run(&tuffet(), &["build", "--quiet", "--allow-removals"], &folder, "");
    for some in projects.chunks(AT_ONCE) {
        let mut args = vec!["project".to_owned(), "accept".to_owned(), "--quiet".to_owned()];
        for project in some {
            let (zip, keyid) = submission(&authors, project);
            args.extend([format!("../authors/{zip}"), format!("--register={project}={keyid}")]);
        }
        measure::run(&tuffet(), &args.iter().map(String::as_str).collect::<Vec<_>>(), &folder, "");
    }
    is_good(&folder);
    assert_eq!(standings(&folder), BTreeMap::from([("recently-claimed".to_owned(), projects.len())]));
    measure::discard(wanted, &authors);
    folder
}

/// The submission of a project's first release, by an author with a new key; gives its name, and the id of the key.
fn submission(authors: &Path, project: &ProjectName) -> (String, KeyId) {
    let dist = authors.join(project.as_str());
    std::fs::create_dir(&dist).unwrap();
    let name = project.as_str().replace('-', "_");
    let wheel = std::fs::File::create(dist.join(format!("{name}-1.0-py3-none-any.whl"))).unwrap();
    let mut wheel = ZipWriter::new(wheel);
    wheel.start_file(format!("{name}-1.0.dist-info/METADATA"), SimpleFileOptions::default()).unwrap();
    write!(wheel, "Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n").unwrap();
    wheel.finish().unwrap();
    let key = Ed25519::generate().unwrap();
    let (none, nothing) = (BTreeMap::new(), Yanked::default());
    let request = sign::Request {
        project,
        dist: Some(&dist),
        from: None,
        member: None,
        holders: &none,
        threshold: None,
        rekey: false,
        agreed: &[],
        without: &nothing,
        yank: &nothing,
        unyank: &nothing,
        status: None,
        now: now(),
    };
    let release = sign::draft(&request, &[&key]).unwrap().sign(&[&key]).unwrap();
    let zip = format!("{project}.zip");
    pack::write(&release, &authors.join(&zip)).unwrap();
    (zip, key.keyid().clone())
}

fn now() -> Moment {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Moment::from_unix(since.as_secs().try_into().unwrap()).unwrap()
}

/// How many projects have come how far.
fn standings(folder: &Path) -> BTreeMap<String, usize> {
    let (_, said) = measure::run(&tuffet(), &["project", "list", "--format", "json"], folder, "");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let mut counts = BTreeMap::new();
    for project in said["projects"].as_array().unwrap() {
        *counts.entry(project["standing"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}
