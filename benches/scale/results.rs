//! What is kept of each row: `docs/performance/results.json`, from which the rest is written.

use crate::rows::{self, Row};
use crate::{plot, report};
use std::path::{Path, PathBuf};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Keeps a row in place of what was known of it, and writes all that people read.
pub(crate) fn keep(row: Row) {
    let folder = docs().join("performance");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("results.json");
    let mut all: Vec<Row> = match std::fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap(),
        Err(_) => Vec::new(),
    };
    all.retain(|other| other.name != row.name);
    all.push(row);
    let place = |row: &Row| {
        let (name, count) = plot::point(row).map_or((row.name.as_str(), 0), |count| ("sizes", count));
        (rows::names().position(|other| other == name), count)
    };
    all.sort_by_key(place);
    std::fs::write(&path, serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
    std::fs::write(docs().join("performance.md"), report::text(&all)).unwrap();
    for (name, svg) in plot::plots(&all) {
        std::fs::write(folder.join(name), svg).unwrap();
    }
}
