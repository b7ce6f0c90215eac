//! `pipeline.toml`. Its form is the binary's own, and is read here from the same file.

use std::path::Path;
use tuffet::pipeline::collect::Selection;
use tuffet::pipeline::index::Yanked;

#[allow(dead_code, reason = "the binary reads more of it")]
#[path = "../../src/cli/settings/file.rs"]
mod file;

pub(crate) fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match file::File::parse(Path::new("pipeline.toml"), text) {
        Ok(file) => {
            let _ = Selection::new(&file.source.include, &file.source.exclude);
            if let Ok(yanked) = Yanked::new(&file.source.yanked) {
                assert_eq!(yanked.is_empty(), file.source.yanked.is_empty());
            }
        }
        Err(what) => assert!(what.starts_with("pipeline.toml"), "{what}"),
    }
}
