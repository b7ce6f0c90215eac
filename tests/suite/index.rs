//! Index pages: installers find files by them, and TUF clients verify them like any target.

use super::support::author::{wheel, zip_of};
use super::support::{Repo, clients, snapshot_of};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// The sample repository, published with all pages.
pub(crate) fn sample() -> Repo {
    let repo = Repo::with_config("[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut cp = Command::new("cp");
    clients::run(cp.arg("-a").arg(root.join("sample-repo/.")).arg(repo.source()), "cp");
    repo.run(&["build", "--init"]).ok();
    repo
}

fn script(name: &str) -> Command {
    let mut command = Command::new(clients::python());
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients").join(name));
    command
}

#[test]
fn every_page_says_what_the_archives_say() {
    let repo = sample();
    let output = clients::run(script("pages.py").arg(repo.site()), "pypi-simple from PyPI");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&json["projects"], &json["files"]), (&5.into(), &36.into()), "18 files, twice");
    let config = "[source]\npath = \"dists\"\nyanked = [\"curds==0.9.1: \\\"off\\\" & <sour>\", \"whey-3.2.tar.gz\"]\n\
                  [keys]\ninsecure_plain = true\n";
    std::fs::write(repo.path().join("pipeline.toml"), config).unwrap();
    repo.build(&[]);
    let reason = "\"off\" & <sour>";
    let yanked = serde_json::json!({
        "curds-0.9.1-py3-none-any.whl": reason, "curds-0.9.1.tar.gz": reason, "whey-3.2.tar.gz": "",
    });
    clients::run(script("pages.py").arg(repo.site()).arg(yanked.to_string()), "pypi-simple from PyPI");
}

#[test]
fn pip_finds_downloads_and_installs_from_the_pages() {
    let repo = sample();
    let mut server = script("serve.py");
    let mut server = server.arg(repo.site()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut base = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut base).unwrap();
    let index = format!("{}/simple/", base.trim());
    let into = repo.path().join("installed");
    let mut pip = Command::new(clients::python());
    pip.args(["-m", "pip", "install", "--no-cache-dir", "--index-url", &index, "--target"]).arg(&into);
    let pip = pip.arg("spider-web").env_remove("PIP_FIND_LINKS");
    clients::run(pip, "pip");
    for module in ["spider_web.py", "whey.py", "curds.py", "tuffet_greeting.py"] {
        assert!(into.join(module).exists(), "{module}");
    }
    // The newest by PEP 440: a local version is above its public one, a beta is not taken.
    let version = |module: &str| std::fs::read_to_string(into.join(module)).unwrap();
    assert!(
        version("spider_web.py").contains("1.0+local.1") && version("tuffet_greeting.py").contains("\"1.1\"")
    );
    drop(server.stdin.take());
    server.wait().unwrap();
}

#[test]
fn python_tuf_and_tough_verify_pages_and_metadata_like_any_target() {
    let repo = sample();
    std::fs::write(
        repo.path().join("pipeline.toml"),
        "[source]\npath = \"dists\"\n[site]\ntough_alias = true\n[keys]\ninsecure_plain = true\n",
    )
    .unwrap();
    repo.build(&[]);
    let targets = repo.targets();
    for path in ["simple/index.html", "simple/curds/index.html", "simple/curds/index.v1_json"] {
        assert!(targets.contains_key(path), "{path}");
    }
    assert!(targets.contains_key("packages/whey/whey-3.2-py3-none-any.whl.metadata"));
    let count = targets.len() as u64;
    assert_eq!(clients::python_tuf(&repo.site(), &repo.path().join("client"), &targets), count);
    assert_eq!(clients::tough(&repo.site(), &targets).unwrap(), count);
}

#[test]
fn one_file_more_writes_the_pages_of_its_project_and_no_others() {
    let repo = sample();
    let before = snapshot_of(&repo.site());
    let wheel = "whey-3.2-py3-none-any.whl";
    let bytes = std::fs::read(repo.source().join("whey").join(wheel)).unwrap();
    repo.add("whey/whey-3.2-1-py3-none-any.whl", &bytes);
    let out = repo.build(&[]);
    assert_eq!((&out["files"]["added"], &out["files"]["changed"]), (&1.into(), &0.into()));
    let changed: BTreeSet<String> = snapshot_of(&repo.site())
        .into_iter()
        .filter(|(name, bytes)| !name.starts_with("metadata/") && before.get(name) != Some(bytes))
        .map(|(name, _)| name.rsplit_once('/').unwrap().0.to_owned())
        .collect();
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), ["packages/whey", "simple/whey"]);
    repo.verify();
    assert_eq!(repo.build(&[])["published"], false);
}

#[test]
fn a_broken_archive_is_published_without_metadata_and_named() {
    let repo = sample();
    repo.add("broken-1.0-py3-none-any.whl", b"no archive");
    let out = repo.build(&[]);
    let warning = &out["warnings"][0];
    assert_eq!((&warning["code"], out["warnings"].as_array().unwrap().len()), (&"broken-archive".into(), 1));
    let targets = repo.targets();
    assert!(targets.contains_key("simple/broken/index.html"));
    assert!(!targets.contains_key("packages/broken/broken-1.0-py3-none-any.whl.metadata"));
    repo.verify();
}

#[test]
fn the_pages_are_the_same_without_the_cache_and_go_when_they_are_not_wanted() {
    let repo = sample();
    let before = snapshot_of(&repo.site());
    std::fs::remove_dir_all(repo.path().join(".tuffet/cache")).unwrap();
    assert_eq!(repo.build(&[])["published"], false);
    assert_eq!(snapshot_of(&repo.site()), before);
    let config = |formats: &str| {
        format!(
            "[source]\npath = \"dists\"\n[index]\nformats = {formats}\nroot = false\n[keys]\ninsecure_plain = true\n"
        )
    };
    for (formats, pages) in [("[\"json\"]", 5), ("[]", 0), ("[\"html\", \"json\"]", 10)] {
        std::fs::write(repo.path().join("pipeline.toml"), config(formats)).unwrap();
        repo.build(&[]);
        let listed = repo.targets().into_keys().filter(|path| path.starts_with("simple/")).count();
        assert_eq!(listed, pages, "{formats}");
        repo.verify();
    }
}

#[test]
fn a_page_that_a_killed_run_passed_on_is_given_back() {
    let repo = sample();
    let page = repo.site().join("simple/curds/index.html");
    let good = std::fs::read(&page).unwrap();
    let other = repo.site().join(format!("simple/curds/{}.index.html", tuffet::model::Sha256::of(b"other")));
    std::fs::write(&other, b"other").unwrap();
    std::fs::remove_file(&page).unwrap();
    std::fs::hard_link(&other, &page).unwrap();
    assert_eq!(repo.run(&["verify"]).code, 0, "pip gets a whole page: a warning");
    assert_eq!(repo.run(&["verify", "--strict"]).code, 1);
    std::fs::create_dir_all(repo.path().join(".tuffet/staging")).unwrap();
    repo.build(&[]);
    assert_eq!(std::fs::read(&page).unwrap(), good);
}

#[test]
fn a_yanked_release_is_marked_and_not_chosen() {
    let repo = sample();
    std::fs::write(
        repo.path().join("pipeline.toml"),
        "[source]\npath = \"dists\"\nyanked = [\"curds==1.0: sour <milk>\", \"whey-3.2.tar.gz\", \"gone==1\"]\n\
         [keys]\ninsecure_plain = true\n",
    )
    .unwrap();
    let out = repo.build(&[]);
    assert_eq!((&out["files"]["added"], &out["published"]), (&0.into(), &true.into()));
    let warnings = out["warnings"].as_array().unwrap();
    assert!(warnings.len() == 1 && warnings[0]["message"].as_str().unwrap().contains("gone==1"), "{out}");
    let page = std::fs::read_to_string(repo.site().join("simple/curds/index.html")).unwrap();
    assert_eq!(page.matches("data-yanked=\"sour &lt;milk&gt;\"").count(), 2, "{page}");
    let document = std::fs::read(repo.site().join("simple/whey/index.v1_json")).unwrap();
    let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
    let yanked: Vec<_> =
        document["files"].as_array().unwrap().iter().map(|file| file["yanked"].clone()).collect();
    assert_eq!(yanked, [serde_json::json!(false), serde_json::json!(true)]);
    repo.verify();

    let nginx = super::support::nginx::Nginx::serve(&repo.site(), &repo.path().join("nginx"));
    let into = repo.path().join("installed");
    let mut pip = Command::new(clients::python());
    pip.args(["-m", "pip", "install", "--no-cache-dir", "--index-url"])
        .arg(format!("{}/simple/", nginx.base()));
    clients::run(pip.arg("--target").arg(&into).arg("curds").env_remove("PIP_FIND_LINKS"), "pip");
    let version = std::fs::read_to_string(into.join("curds.py")).unwrap();
    assert!(version.contains("0.9.1"), "the newest is yanked: {version}");
}

#[test]
fn pages_link_to_files_that_are_served_from_elsewhere() {
    let repo = sample();
    std::fs::write(
        repo.path().join("pipeline.toml"),
        "[source]\npath = \"dists\"\n[index]\nfiles_url = \"https://files.example/pypi/\"\n[keys]\ninsecure_plain = true\n",
    )
    .unwrap();
    repo.build(&[]);
    let page = std::fs::read_to_string(repo.site().join("simple/curds/index.html")).unwrap();
    let link = "href=\"https://files.example/pypi/packages/curds/curds-1.0.0.tar.gz#sha256=";
    assert!(page.contains(link), "{page}");
    repo.verify();
}

/// The pages of a project, in both forms.
fn both_pages(repo: &Repo, project: &str) -> (String, serde_json::Value) {
    let read = |page: &str| std::fs::read(repo.site().join(format!("simple/{project}/{page}"))).unwrap();
    (String::from_utf8(read("index.html")).unwrap(), serde_json::from_slice(&read("index.v1_json")).unwrap())
}

/// PEP 714: pip 22.3 to 23.1 end in a traceback where a page in JSON has the older name, and cannot even get a newer pip.
#[test]
fn metadata_has_its_older_name_in_html_alone() {
    let repo = sample();
    let (html, json) = both_pages(&repo, "whey");
    assert!(html.contains("data-core-metadata=") && html.contains("data-dist-info-metadata="));
    let files = json["files"].as_array().unwrap();
    assert!(files.iter().any(|file| file["core-metadata"]["sha256"].is_string()), "{json}");
    assert!(files.iter().all(|file| file.get("dist-info-metadata").is_none()), "{json}");
}

#[test]
fn each_version_is_listed_once() {
    let repo = sample();
    for name in ["vv-1.0.tar.gz", "vv-1.0.0.tar.gz"] {
        repo.add(name, b"no archive");
    }
    for version in ["1.0", "1.0.0"] {
        let (name, bytes) = wheel("vv", version);
        repo.add(&name, &bytes);
    }
    repo.build(&[]);
    assert_eq!(both_pages(&repo, "vv").1["versions"], serde_json::json!(["1.0", "1.0.0"]));
}

/// Tools write what a distribution says of itself last, and there are wheels of 17,000 files on PyPI.
#[test]
fn metadata_is_found_behind_any_number_of_files() {
    let repo = sample();
    let names: Vec<String> = (0..12_000).map(|number| format!("big/{number}.py")).collect();
    let metadata = "Metadata-Version: 2.1\nName: big\nVersion: 1.0\nRequires-Python: >=3.9\n";
    let files = names.iter().map(|name| (name.as_str(), b"".as_slice()));
    let last = [("big-1.0.dist-info/METADATA", metadata.as_bytes())];
    repo.add("big-1.0-py3-none-any.whl", &zip_of(files.chain(last)));
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut add = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, name, bytes).unwrap();
    };
    names.iter().for_each(|name| add(&format!("big-1.0/{name}"), b""));
    // More than the first 64 MiB of what is unpacked.
    let noise: Vec<u8> =
        (0..70_u32 << 18).flat_map(|word| word.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    add("big-1.0/noise", &noise);
    add("big-1.0/PKG-INFO", metadata.as_bytes());
    repo.add("big-1.0.tar.gz", &tar.into_inner().unwrap().finish().unwrap());
    let out = repo.build(&[]);
    assert_eq!(out["warnings"], serde_json::json!([]), "{out}");
    let (_, json) = both_pages(&repo, "big");
    let files = json["files"].as_array().unwrap();
    assert!(files.len() == 2 && files.iter().all(|file| file["requires-python"] == ">=3.9"), "{json}");
    repo.verify();
}

/// pip goes by plain pages, as it does for one that is revoked.
#[test]
fn a_project_that_is_gone_is_gone_for_pip_at_once_and_for_clients_of_older_snapshots_later() {
    let repo = sample();
    let before = repo.targets();
    std::fs::remove_dir_all(repo.source().join("whey")).unwrap();
    let out = repo.build(&["--allow-removals"]);
    assert!(out["files"]["removed"].as_u64().unwrap() > 0, "{out}");
    let is_there = |name: &str| repo.site().join(name).exists();
    assert!(!is_there("simple/whey/index.html") && !is_there("simple/whey/index.v1_json"));
    assert!(is_there("simple/curds/index.html") && is_there("simple/curds/index.v1_json"));
    for (path, digest) in before.iter().filter(|(path, _)| path.starts_with("simple/whey/")) {
        let path: tuffet::model::TargetPath = path.parse().unwrap();
        assert!(is_there(&path.hashed(digest)), "{path}");
    }
    repo.verify();
}
