//! The pages of a few projects, made anew from what the published ones say: the same, byte for byte, as a build makes
//! that knows every distribution, and where those pages do not say enough it is that build which makes them.

use super::support::author::{Author, days_from_now, wheel};
use super::support::{Repo, clients, snapshot_of};
use serde_json::json;
use std::path::PathBuf;

const HEAD: &str = "[keys]\ninsecure_plain = true\n[bins]\ncount = 64\n[source]\npath = \"dists\"\n";

fn config(source: &str, index: &str) -> String {
    format!("{HEAD}{source}[index]\n{index}")
}

fn add(repo: &Repo, project: &str, version: &str) -> String {
    let (name, bytes) = wheel(project, version);
    repo.add(&name, &bytes);
    name
}

/// Some projects, one of them with four files.
fn repository(config: &str) -> Repo {
    let repo = Repo::with_config(config);
    for version in ["1.0", "1.1", "2.0"] {
        add(&repo, "many", version);
    }
    (0..4).for_each(|number| drop(add(&repo, &format!("p{number}"), "1.0")));
    repo.add("many-0.5.tar.gz", b"no archive");
    repo.run(&["build", "--init", "--now", &days_from_now(-1)]).ok();
    repo
}

/// A bin that lists none of these projects.
fn bin_without(repo: &Repo, projects: &[&str]) -> PathBuf {
    let metadata = repo.site().join("metadata");
    let bins = std::fs::read_dir(&metadata).unwrap().map(|entry| entry.unwrap().path());
    let is_bin = |path: &PathBuf| path.to_str().unwrap().contains(".bin-");
    let lists = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let is_of =
            |project: &&str| text.contains(&format!("/{project}/")) || text.contains("simple/index.html");
        projects.iter().any(is_of)
    };
    bins.filter(is_bin).find(|path| !lists(path)).unwrap()
}

/// Which way a build went that was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It looked at what changes alone.
    Short,
    /// It looked at everything.
    Whole,
}

/// A build that is told `paths` makes what one makes that remembers nothing of the tree.
#[track_caller]
fn makes_the_same(repo: &Repo, paths: &str, more: &[&str], way: Way) -> Repo {
    let now = days_from_now(0);
    let args = [&["--now", &now][..], more].concat();
    let [told, forgot, damaged] = [repo.twin(), repo.twin(), repo.twin()];
    std::fs::remove_file(forgot.path().join(".tuffet/cache/tree")).unwrap();
    let [one, other] = [&told, &forgot].map(|repo| repo.told(paths, &args).ok().json());
    for key in ["files", "targets", "projects"] {
        assert_eq!(one[key], other[key], "{key}");
    }
    assert_eq!(snapshot_of(&told.site()), snapshot_of(&forgot.site()));
    let all = if told.path().join("list.csv").exists() { "--metadata-only" } else { "--strict" };
    told.run(&["verify", all, "--now", &now]).ok();
    // Only a build that looks at everything stops at damage elsewhere.
    let bin = bin_without(&damaged, &["many", "newcomer", "p1"]);
    let mut bytes = std::fs::read(&bin).unwrap();
    let last = bytes.len() - 3;
    bytes[last] ^= 1;
    std::fs::write(&bin, bytes).unwrap();
    let is_short = damaged.told(paths, &args).code == 0;
    assert_eq!(if is_short { Way::Short } else { Way::Whole }, way);
    told
}

#[test]
fn files_come_and_go() {
    for index in
        ["", "formats = [\"json\"]\n", "root = false\n", "formats = [\"json\", \"html\"]\nroot = true\n"]
    {
        let repo = repository(&config("yanked = [\"many==1.1: sour\", \"newcomer==1.0\"]\n", index));
        let file = add(&repo, "many", "3.0");
        let repo = makes_the_same(&repo, &file, &[], Way::Short);
        let file = add(&repo, "newcomer", "1.0");
        let repo = makes_the_same(&repo, &file, &[], Way::Short);
        assert!(repo.targets().contains_key("packages/newcomer/newcomer-1.0-py3-none-any.whl.metadata"));
        repo.remove("p1-1.0-py3-none-any.whl");
        repo.remove("many-1.0-py3-none-any.whl");
        let two = "p1-1.0-py3-none-any.whl\nmany-1.0-py3-none-any.whl\n";
        let repo = makes_the_same(&repo, two, &["--allow-removals"], Way::Short);
        assert!(repo.targets().keys().all(|path| !path.contains("/p1/") && !path.contains("many-1.0")));
        // Other bytes, of an archive that says nothing now; and the first that does.
        repo.add("many-2.0-py3-none-any.whl", b"no archive any more");
        let replace = ["--replace", "many-2.0-py3-none-any.whl"];
        let repo = makes_the_same(&repo, "many-2.0-py3-none-any.whl", &replace, Way::Short);
        assert!(!repo.targets().contains_key("packages/many/many-2.0-py3-none-any.whl.metadata"));
        let (name, bytes) = wheel("many", "2.0");
        repo.add(&name, &bytes);
        let repo = makes_the_same(&repo, &name, &replace, Way::Short);
        // Held, and as it was.
        repo.add(&name, b"other bytes");
        let repo = makes_the_same(&repo, &format!("{name}\np2-1.0-py3-none-any.whl"), &[], Way::Short);
        assert_eq!(repo.build(&[])["published"], json!(false));
        let targets = repo.targets();
        let count = targets.len() as u64;
        assert_eq!(clients::python_tuf(&repo.site(), &repo.path().join("client"), &targets), count);
    }
}

#[test]
fn what_the_configuration_says_otherwise_now_has_everything_looked_at() {
    let yanked = "yanked = [\"many==1.1: sour\"]\n";
    for (before, after, way) in [
        (config("", ""), config(yanked, ""), Way::Whole),
        (config(yanked, ""), config("", ""), Way::Whole),
        (config("", ""), config("yanked = [\"p2==1.0\"]\n", ""), Way::Short),
        (config("", ""), config("", "files_url = \"https://files.example\"\n"), Way::Whole),
        (config("", "formats = [\"json\"]\n"), config("", ""), Way::Whole),
        (config("", ""), config("", "formats = [\"json\"]\n"), Way::Whole),
        (config("", ""), config("", "formats = [\"html\"]\n"), Way::Whole),
        (config("", "formats = []\n"), config("", ""), Way::Whole),
        (config("", "root = false\n"), config("", ""), Way::Whole),
        (config("", ""), config("", "root = false\n"), Way::Short),
        // HTML alone does not say how long a file is.
        (config("", "formats = [\"html\"]\n"), config("", "formats = [\"html\"]\n"), Way::Whole),
    ] {
        let repo = repository(&before);
        repo.configure(&after);
        let file = add(&repo, "many", "3.0");
        makes_the_same(&repo, &file, &[], way);
    }
}

#[test]
fn a_page_that_is_gone_or_damaged_is_not_believed() {
    for damage in [None, Some(&b"{\"files\": []}"[..])] {
        let repo = repository(&config("", ""));
        let digest = &repo.targets()["simple/many/index.v1_json"];
        let page = repo.site().join(format!("simple/many/{digest}.index.v1_json"));
        std::fs::remove_file(&page).unwrap();
        if let Some(bytes) = damage {
            std::fs::write(&page, bytes).unwrap();
        }
        let file = add(&repo, "many", "3.0");
        repo.told(&file, &[]).ok();
        let page = std::fs::read_to_string(repo.site().join("simple/many/index.v1_json")).unwrap();
        assert_eq!(page.matches("\"filename\"").count(), 5, "{page}");
    }
}

#[test]
fn what_a_list_said_of_uploads_stays_on_the_page() {
    let repo = Repo::with_config(&config("", ""));
    let list = repo.path().join("list.csv");
    let row = |version: &str, digest: char| {
        let digest = digest.to_string().repeat(64);
        format!("many,{version},many-{version}.tar.gz,10,{digest},2025-01-02T10:00:00Z,>=3.8\n")
    };
    let header = "name,version,filename,size,sha256_digest,upload_time,requires_python\n";
    std::fs::write(&list, format!("{header}{}{}", row("1.0", 'a'), row("2.0", 'b'))).unwrap();
    repo.run(&["build", "--init", "--inventory", "list.csv"]).ok();
    let file = add(&repo, "many", "3.0");
    let repo = makes_the_same(&repo, &file, &[], Way::Short);
    let page = std::fs::read_to_string(repo.site().join("simple/many/index.v1_json")).unwrap();
    assert_eq!(page.matches("upload-time").count(), 2, "{page}");
    assert_eq!(page.matches("\"requires-python\":\">=3.8\"").count(), 3, "{page}");
}

#[test]
fn a_project_that_an_author_takes_over_leaves_the_pages_once() {
    let repo = repository(&config("", ""));
    let author = Author::known(7);
    repo.register(&author, "theirs", &["1.0"]);
    let file = add(&repo, "many", "3.0");
    let repo = makes_the_same(&repo, &file, &[], Way::Whole);
    let page = std::fs::read_to_string(repo.site().join("simple/index.html")).unwrap();
    assert!(page.contains("theirs/"), "{page}");
    let file = add(&repo, "newcomer", "1.0");
    let repo = makes_the_same(&repo, &file, &[], Way::Short);
    let page = std::fs::read_to_string(repo.site().join("simple/index.html")).unwrap();
    assert!(page.contains("theirs/") && page.contains("newcomer/"), "{page}");
}
