//! Lists in place of the source: every form gives the same tree, and what is wrong in them is named.

use super::support::author::Author;
use super::support::{Repo, clients, snapshot_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Puts a list beside the source, and gives where.
fn list(repo: &Repo, name: &str, text: &str) -> PathBuf {
    let path = repo.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// A build from these lists.
fn from(repo: &Repo, lists: &[&PathBuf], more: &[&str]) -> Value {
    let lists: Vec<&str> = lists.iter().flat_map(|list| ["--inventory", list.to_str().unwrap()]).collect();
    repo.build(&[&lists[..], more].concat())
}

/// Rows in a form: target, size, SHA-256.
fn rows(form: &str, targets: &BTreeMap<String, (u64, String)>) -> String {
    let row = |(path, (size, hash)): (&String, &(u64, String))| match form {
        "jsonl" => json!({"path": path, "size": size.to_string(), "sha256_digest": hash}).to_string() + "\n",
        "tsv" => format!("{path}\t{size}\t{hash}\n"),
        "rstuf" => format!("{path};{size};sha256;{hash}\n"),
        _ => {
            let (_, file) = path.rsplit_once('/').unwrap();
            let project = path.split('/').nth(1).unwrap().to_uppercase();
            format!("{project},1.0,\"{file}\",{size},aa/bb/{file},{hash},2024-05-01 10:11:12.5 UTC,>=3.9\n")
        }
    };
    let header = "name,version,filename,size,path,sha256_digest,upload_time,requires_python\n";
    let text: String = targets.iter().map(row).collect();
    if form == "csv" { header.to_owned() + &text } else { text }
}

/// What the bins of a repository say, with sizes.
fn targets(repo: &Repo) -> BTreeMap<String, (u64, String)> {
    let length = |path: &str| std::fs::metadata(repo.site().join(path)).unwrap().len();
    repo.targets().into_iter().map(|(path, hash)| (path.clone(), (length(&path), hash))).collect()
}

#[test]
fn every_form_of_a_list_gives_the_tree_that_the_source_gives() {
    let scanned = Repo::published(30);
    let expected = targets(&scanned);
    let out = scanned.path().join("all.parquet");
    let wrote = scanned.run(&["inventory", "--out", out.to_str().unwrap(), "--format", "json"]).ok().json();
    assert_eq!((&wrote["rows"], &wrote["files"]["seen"]), (&json!(30), &json!(30)), "{wrote}");
    for form in ["parquet", "jsonl", "csv", "tsv", "rstuf"] {
        let repo = Repo::new();
        std::fs::remove_dir(repo.source()).unwrap();
        let path = match form {
            "parquet" => out.clone(),
            form => list(&repo, form, &rows(form, &expected)),
        };
        let built = from(&repo, &[&path], &["--init"]);
        assert_eq!(
            (&built["files"]["seen"], &built["files"]["hashed"]),
            (&json!(30), &json!(0)),
            "{form}: {built}"
        );
        let signed = built["bins"]["signed"].as_u64().unwrap();
        assert_eq!(built["written"]["files"].as_u64().unwrap(), signed + 2, "roles alone: {built}");
        assert_eq!(repo.targets(), scanned.targets(), "{form}");
        repo.run(&["verify", "--metadata-only"]).ok();
        // Nothing new, nothing written.
        let before = snapshot_of(&repo.site());
        assert_eq!(from(&repo, &[&path], &[])["published"], false);
        assert_eq!(snapshot_of(&repo.site()), before);
    }
}

#[test]
fn clients_take_what_a_list_named_from_where_the_files_are() {
    let scanned = Repo::published(5);
    let text = rows("csv", &targets(&scanned));
    let repo = Repo::with_config(
        "[source]\npath = \"dists\"\n[site]\ntough_alias = true\n[keys]\ninsecure_plain = true\n",
    );
    let built = from(&repo, &[&list(&repo, "list.csv", &text)], &["--init"]);
    assert_eq!(built["projects"], 5);
    let page = std::fs::read_to_string(repo.site().join("simple/p1/index.v1_json")).unwrap();
    let page: Value = serde_json::from_str(&page).unwrap();
    let file = &page["files"][0];
    assert_eq!(
        (&file["upload-time"], &file["requires-python"]),
        (&json!("2024-05-01T10:11:12.5Z"), &json!(">=3.9"))
    );
    assert_eq!(file["core-metadata"], Value::Null);
    // The files come from elsewhere: here, by chance, from the same place.
    for (path, hash) in scanned.targets() {
        let target: tuffet::model::TargetPath = path.parse().unwrap();
        for name in [path.clone(), target.hashed(&hash), target.tough_alias(&hash)] {
            let to = repo.site().join(name);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(scanned.site().join(&path), to).unwrap();
        }
    }
    let all = repo.all_targets();
    assert_eq!(all.len(), 5 + 2 * 5 + 1);
    let work = tempfile::TempDir::new().unwrap();
    clients::python_tuf(&repo.site(), work.path(), &all);
    clients::tough_verifies(&repo.site(), &all).unwrap();
}

#[test]
fn rows_that_say_nothing_sound_are_counted_and_named_and_the_others_published() {
    let repo = Repo::new();
    let hash = "a".repeat(64);
    let mut text = format!("name,filename,size,sha256_digest\nx,x-1.0.zip,7,{hash}\n");
    for number in 0..25 {
        text += &format!("x,x-2.{number}.zip,none,{hash}\n");
    }
    text +=
        &format!("x,x-3.0.exe,7,{hash}\ny,x-3.0.zip,7,{hash}\nx,x-4.0.zip,7,blake\nx,x-1.0.zip,7,{hash}\n");
    let built = from(&repo, &[&list(&repo, "list", &text)], &["--init"]);
    let warnings = built["warnings"].as_array().unwrap();
    let of = |code: &str| warnings.iter().filter(|one| one["code"] == code).collect::<Vec<_>>();
    assert_eq!((of("not-a-distribution").len(), of("project-unknown").len()), (1, 1), "{built}");
    let skipped = of("row-skipped");
    assert_eq!(skipped.len(), 22, "{built}");
    let text = built.to_string();
    for said in ["and 6 more rows, 26 in all", "1 rows say what another row said", "list:2"] {
        assert!(text.contains(said), "{said}: {built}");
    }
    assert_eq!(repo.targets().keys().collect::<Vec<_>>(), ["packages/x/x-1.0.zip"]);
}

#[test]
fn lists_are_joined_where_they_agree_and_refused_where_they_do_not_or_are_damaged() {
    let repo = Repo::new();
    let row =
        |number: u32, digit: &str| format!("packages/p{number}/p{number}-1.0.zip\t7\t{}\n", digit.repeat(64));
    let share = |from: u32, to: u32| (from..to).map(|number| row(number, "a")).collect::<String>();
    let (one, two) = (list(&repo, "one", &share(0, 12)), list(&repo, "two", &share(8, 20)));
    let built = from(&repo, &[&one, &two], &["--init"]);
    assert_eq!((&built["targets"], &built["files"]["seen"]), (&json!(20), &json!(24)), "{built}");
    let before = snapshot_of(&repo.site());
    let refused = |text: &str, code: i32, said: &str| {
        let bad = list(&repo, "bad", text);
        let ran =
            repo.run(&["build", "--inventory", one.to_str().unwrap(), "--inventory", bad.to_str().unwrap()]);
        assert!(ran.code == code && ran.stderr.replace("\n  ", " ").contains(said), "{said}: {ran:?}");
        assert_eq!(snapshot_of(&repo.site()), before, "{said}");
    };
    refused(&row(3, "b"), 3, "two rows say different things of packages/p3/p3-1.0.zip");
    refused(&share(8, 20)[..100], 3, "cut short");
    refused("hello", 2, "neither Parquet");
    refused("PAR1, but no more", 3, "damaged");
    refused("path,size\np,7\n", 2, "neither Parquet");
    refused(&share(12, 14), 4, "6 of 20");
    let ran = repo.run(&["build", "--inventory", "nowhere"]);
    assert!(ran.code == 5 && ran.stderr.contains("nowhere"), "{ran:?}");
    let empty = list(&repo, "empty", "path,size,sha256\n");
    let ran = repo.run(&["build", "--inventory", empty.to_str().unwrap()]);
    assert!(ran.code == 4 && ran.stderr.contains("--allow-removals"), "{ran:?}");
    // Another digest under a published name is held, as of a source.
    let changed = list(&repo, "changed", &(row(0, "b") + &share(1, 20)));
    let built = from(&repo, &[&changed], &[]);
    assert_eq!((&built["files"]["held"], &built["published"]), (&json!(1), &json!(false)), "{built}");
    let built = from(&repo, &[&changed], &["--replace", "packages/p0/p0-1.0.zip"]);
    assert_eq!((&built["files"]["changed"], &built["published"]), (&json!(1), &json!(true)), "{built}");
}

#[test]
fn a_list_publishes_nothing_of_a_project_that_its_author_did_not_sign() {
    let repo = Repo::new();
    let row = |name: &str, digit: &str| format!("packages/{name}/{name}-1.0.zip\t7\t{}\n", digit.repeat(64));
    let mine = list(&repo, "mine", &row("milk", "a"));
    from(&repo, &[&mine], &["--init"]);
    let author = Author::known(11);
    repo.register(&author, "cheese", &["1.0"]);
    let both = list(&repo, "both", &(row("milk", "a") + &row("cheese", "b")));
    let built = from(&repo, &[&both], &[]);
    assert_eq!((&built["files"]["held"], &built["published"]), (&json!(1), &json!(false)), "{built}");
    assert_eq!(built["warnings"][0]["code"], "not-signed", "{built}");
    assert_eq!(repo.targets().keys().collect::<Vec<_>>(), ["packages/milk/milk-1.0.zip"]);
    // What a build says that it would do, it does not do.
    let before = snapshot_of(&repo.site());
    let more = list(&repo, "more", &(row("milk", "a") + &row("whey", "c")));
    assert_eq!(from(&repo, &[&more], &["--dry-run"])["files"]["added"], 1);
    assert_eq!(snapshot_of(&repo.site()), before);
}

#[test]
fn in_layout_tree_paths_are_targets_as_they_are() {
    let repo =
        Repo::with_config("[source]\npath = \"dists\"\nlayout = \"tree\"\n[keys]\ninsecure_plain = true\n");
    let hash = "a".repeat(64);
    let text = format!(
        "a/b;c.txt;7;sha256;{hash}\nmetadata/x;7;sha256;{hash}\nd;7;blake2b-256;{hash}\n/e;0;sha256;{hash}\n"
    );
    let built = from(&repo, &[&list(&repo, "list", &text)], &["--init"]);
    assert_eq!(repo.targets().keys().collect::<Vec<_>>(), ["a/b;c.txt"], "{built}");
    assert_eq!(built["warnings"].as_array().unwrap().len(), 3, "{built}");
}

/// Published bytes follow from what is there, and from nothing that was said before.
#[test]
fn what_a_list_said_of_archives_is_forgotten_once_they_are_there() {
    let repo = super::index::sample();
    let before = snapshot_of(&repo.site().join("simple"));
    let targets = targets(&repo).into_iter().filter(|(path, _)| !path.ends_with(".metadata")).collect();
    let path = list(&repo, "list.csv", &rows("csv", &targets));
    from(&repo, &[&path], &[]);
    assert_ne!(snapshot_of(&repo.site().join("simple")), before, "the list has other words");
    repo.build(&[]);
    let now = snapshot_of(&repo.site().join("simple"));
    let differ: Vec<&String> = before.keys().filter(|name| now.get(*name) != before.get(*name)).collect();
    assert_eq!(differ, [""; 0]);
    repo.verify();
}

#[test]
fn lists_that_say_different_things_of_a_file_are_refused_and_one_completes_the_other() {
    let hash = "a".repeat(64);
    let row = |more: &str| {
        format!("{{\"path\": \"packages/x/x-1.0.zip\", \"size\": 7, \"sha256\": \"{hash}\"{more}}}\n")
    };
    let repo = Repo::with_config("[source]\npath = \"dists\"\n[keys]\ninsecure_plain = true\n");
    let of = |name: &str, more: &str| list(&repo, name, &row(more));
    let (plain, old, new, time) = (
        of("plain.jsonl", ""),
        of("old.jsonl", ", \"requires_python\": \">=3.1\""),
        of("new.jsonl", ", \"requires_python\": \">=3.12\""),
        of("time.jsonl", ", \"upload_time\": \"2024-05-01T10:11:12Z\""),
    );
    let args = |lists: &[&PathBuf]| -> Vec<String> {
        let given = lists.iter().flat_map(|list| ["--inventory".to_owned(), list.display().to_string()]);
        ["build".to_owned(), "--init".to_owned()].into_iter().chain(given).collect()
    };
    let run = |lists: &[&PathBuf]| {
        let args = args(lists);
        repo.run(&args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let refused = run(&[&old, &new]);
    assert!(refused.code == 3 && refused.stderr.contains("different things"), "{refused:?}");
    run(&[&plain, &time, &old]).ok();
    let page = std::fs::read_to_string(repo.site().join("simple/x/index.v1_json")).unwrap();
    assert!(page.contains("2024-05-01T10:11:12") && page.contains(">=3.1"), "{page}");
}
