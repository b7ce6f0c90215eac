//! Lists in place of the source, and of what changed in it.

use super::scratch;
use std::path::{Path, PathBuf};
use tuffet::model::BinCount;
use tuffet::pipeline::collect::{Layout, may_have_been, paths_of};
use tuffet::pipeline::inventory::{self, Names};
use tuffet::report::Silent;

/// CSV, tabs, semicolons and JSON lines.
pub(crate) fn text(bytes: &[u8]) {
    if !bytes.starts_with(b"PAR1") {
        both(&scratch::file("list", bytes));
    }
}

pub(crate) fn parquet(bytes: &[u8]) {
    if bytes.starts_with(b"PAR1") {
        both(&scratch::file("list", bytes));
    }
}

/// What is read row by row, and what is read by many threads into a catalogue, is the same.
fn both(path: &Path) {
    let paths = [PathBuf::from(path)];
    for names in [Names::Distributions, Names::Targets] {
        let listed = inventory::read(&paths, names, &Silent);
        let counted = inventory::catalogue(&paths, names, BinCount::for_targets(0), &Silent);
        match (listed, counted) {
            (Ok(listed), Ok(counted)) => {
                assert_eq!((listed.rows, listed.files.len()), (counted.rows, counted.catalogue.len()));
                for file in &listed.files {
                    let entry = file.entry();
                    let found = counted.catalogue.find(&entry.path).expect("the catalogue has it");
                    assert_eq!((found.length, found.digest), (entry.length, entry.digest), "{entry:?}");
                }
            }
            (Err(_), Err(_)) => {}
            (listed, counted) => panic!("{:?} {:?}", listed.map(|l| l.files), counted.map(|c| c.rows)),
        }
    }
}

/// What `--changed` gives.
pub(crate) fn changed(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let source = Path::new("/no/such/source");
    let Ok(Some(paths)) = paths_of(source, text.lines()) else { return };
    for path in &paths {
        assert!(path.split('/').all(|segment| !matches!(segment, "" | "." | "..")), "{path}");
        for layout in [Layout::Flat, Layout::Tree] {
            let _ = may_have_been(layout, path);
        }
    }
    let again = paths_of(source, paths.iter().map(String::as_str)).expect("they lie below it");
    assert_eq!(again, Some(paths));
}
