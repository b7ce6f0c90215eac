//! Builds and sweeps go on while clients read without pause: no client sees an error.
//!
//! TUFFET_CHURN sets the number of builds (default 20).

use super::support::{Repo, clients};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// A timestamp that lives for seconds allows a grace of seconds, so that sweeps really remove
/// what clients held a moment ago.
const CONFIG: &str = "[source]\npath = \"dists\"\n[site]\ncompress = [\"gz\"]\n[keys]\ninsecure_plain = true\n[expiry]\ntimestamp = \"10s\"\n";

#[test]
fn readers_see_no_error_while_builds_and_sweeps_go_on() {
    let builds: usize = std::env::var("TUFFET_CHURN").map_or(20, |text| text.parse().unwrap());
    let repo = Repo::with_config(CONFIG);
    (0..40).for_each(|number| drop(repo.add_wheel(number)));
    repo.run(&["build", "--init"]).ok();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/churn.py");
    let mut readers = Command::new(clients::python());
    let readers = readers.arg(script).arg(repo.site()).arg(repo.path().join("clients"));
    let mut readers = readers.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(readers.stdout.take().unwrap());
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");

    let (mut swept, mut round) = (0, 0);
    // At least so many builds, and until sweeps had something to take.
    while round < builds || swept < 20 {
        assert!(round < builds + 500, "only {swept} files were swept in {round} rounds");
        // One file goes or comes back in each round.
        let number = round % 40;
        let name = format!("p{number}-1.0-py3-none-any.whl");
        if repo.source().join(&name).exists() && round % 80 < 40 {
            repo.remove(&name);
        } else {
            repo.add_wheel(number);
        }
        let out = repo.build(&["--allow-removals"]);
        assert_eq!(out["published"], true);
        let out = repo.run(&["sweep", "--grace", "10s", "--format", "json"]).ok().json();
        swept += out["removed"].as_array().unwrap().len();
        round += 1;
    }
    drop(readers.stdin.take());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert!(readers.wait().unwrap().success());
    let results: serde_json::Value = serde_json::from_str(&rest).unwrap();
    for client in ["warm", "cold"] {
        let result = &results[client];
        assert_eq!(result["errors"], serde_json::json!([]), "the {client} client");
        assert!(
            result["refreshes"].as_u64().unwrap() >= 5 && result["downloads"].as_u64().unwrap() >= 10,
            "{result}"
        );
    }
    println!("{round} builds, {swept} files swept, clients: {rest}");
}
