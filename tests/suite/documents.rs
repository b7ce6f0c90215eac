//! The documents are true: every warning has its section, every exit code its row, what is shown to be
//! copied is what the program takes.

use super::support::Repo;
use std::collections::BTreeSet;
use std::path::Path;
use tuffet::report::Code;

fn document(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

#[test]
fn every_warning_has_a_section_and_every_section_a_warning() {
    let text = document("troubleshooting.md");
    let sections: BTreeSet<&str> = text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(sections, codes);
}

#[test]
fn every_exit_code_of_the_help_is_explained() {
    let help = Repo::new().run(&["--help"]).ok().stdout;
    let codes = help.lines().filter_map(|line| line.strip_prefix("  ")?.split("  ").next());
    let codes: BTreeSet<u8> = codes.filter_map(|code| code.trim().parse().ok()).collect();
    assert!(codes.contains(&75) && codes.len() == 7, "{codes:?}");
    for text in [document("operating.md"), document("../README.md")] {
        for code in &codes {
            assert!(text.contains(&format!("\n| {code} | ")), "exit code {code} has no row");
        }
    }
}

/// Every `tuffet …` that a document shows is a command line that the program parses.
#[test]
fn the_commands_that_documents_show_are_ones_that_the_program_takes() {
    let mut tried = 0;
    for name in [
        "author.md",
        "ceremony.md",
        "operating.md",
        "recovery.md",
        "serving.md",
        "threats.md",
        "trust.md",
        "troubleshooting.md",
        "../README.md",
    ] {
        let text = document(name);
        for (at, _) in text.match_indices("tuffet ") {
            let before = text[..at].chars().next_back().unwrap_or(' ');
            if !['`', '/', ' ', '\n'].contains(&before) {
                continue;
            }
            let text = text.replace("\\\n", "  ");
            let end = text[at..].find(['`', '\n', '|', '>', ';', '#']).map_or(text.len(), |end| at + end);
            let words: Vec<&str> = text[at..end].split_whitespace().skip(1).collect();
            let words: Vec<&str> = words.into_iter().map(|word| word.trim_matches('"')).collect();
            let commands = [
                "author",
                "build",
                "ceremony",
                "completions",
                "compromise",
                "explain",
                "init",
                "key",
                "man",
                "project",
                "status",
                "sweep",
                "verify",
            ];
            // A command that is only named takes what is shown elsewhere.
            let is_named = words.len() < 3 && words.iter().all(|word| word.chars().all(char::is_alphabetic));
            let groups = ["author", "ceremony", "compromise", "key", "project"];
            let is_named = is_named && words.first().is_some_and(|word| groups.contains(word));
            if is_named || !words.first().is_some_and(|word| commands.contains(word)) {
                continue;
            }
            // An empty folder: what is asked for is refused there, and not as a wrong command line.
            let ran = Repo::new().run(&[&words[..], &["--config", "nowhere/pipeline.toml"]].concat());
            assert!(!ran.stderr.contains("Usage:"), "{name}: tuffet {words:?}: {}", ran.stderr);
            tried += 1;
        }
    }
    assert!(tried > 25, "{tried}");
}

/// Every check that can refuse a submission stands in the table for authors, and every row is one.
#[test]
fn every_check_of_a_submission_is_explained_to_authors() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut checks = BTreeSet::new();
    for name in super::support::files_below(&src) {
        let text = std::fs::read_to_string(src.join(&name)).unwrap();
        let begins = ["Refusal::new(", "refuse(", "Refusal::new(\n", "refuse(\n"];
        for (at, begin) in begins.iter().flat_map(|begin| text.match_indices(begin)) {
            let rest = text[at + begin.len()..].trim_start();
            let word = rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
            checks.extend(word.filter(|word| !word.contains(' ')).map(str::to_owned));
        }
    }
    let text = document("author.md");
    let rows = text.lines().skip_while(|line| *line != "| check | meaning |");
    let named: BTreeSet<String> = rows
        .filter_map(|line| line.strip_prefix("| `")?.split(" |").next())
        .flat_map(|cell| cell.split(['`', ',', ' ']).map(str::to_owned).collect::<Vec<_>>())
        .filter(|word| !word.is_empty())
        .collect();
    assert!(checks.len() > 20, "{checks:?}");
    assert!(checks.is_subset(&named), "not explained: {:?}", checks.difference(&named).collect::<Vec<_>>());
}

#[test]
fn every_dependency_has_its_row_and_every_row_a_dependency() {
    let text = document("dependencies.md");
    let manifest: toml::Table = toml::from_str(
        &std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap(),
    )
    .unwrap();
    let names =
        |section: &str| manifest[section].as_table().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let rows = rows.flat_map(|line| line.split('|').nth(1).unwrap().split('`').skip(1).step_by(2));
    assert_eq!(rows.map(str::to_owned).collect::<BTreeSet<String>>(), names("dependencies"));
    let (_, tests) = text.split_once("For the tests alone:").unwrap();
    for name in names("dev-dependencies") {
        assert!(tests.contains(&format!("`{name}`")), "{name} is not named among those of the tests");
    }
}
