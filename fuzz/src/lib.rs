//! What is fuzzed: every parser of bytes from outside, by name. A fuzz target runs one of them; a test of the suite runs
//! them all over the seeds and over whatever was ever found.
//!
//! Each is held to more than not to panic: what is read twice, or by two readers, is the same.

mod archives;
mod keys;
mod lists;
mod metadata;
mod pages;
mod scratch;
mod settings;
mod state;
mod texts;

/// Takes bytes that may be anything.
pub type Parser = fn(&[u8]);

/// Every parser by the name of its target, which is that of its seeds' folder.
pub const PARSERS: [(&str, Parser); 26] = [
    ("agent", keys::agent),
    ("bin", metadata::bin),
    ("canonical", metadata::canonical),
    ("ceremony", archives::ceremony),
    ("changed", lists::changed),
    ("copies", archives::copies),
    ("distribution", archives::distribution),
    ("inventory-parquet", lists::parquet),
    ("inventory-text", lists::text),
    ("joining", archives::joining),
    ("key-file", keys::file),
    ("ledger", state::ledger),
    ("mirror", pages::mirror),
    ("names", texts::names),
    ("page-html", pages::html),
    ("page-json", pages::json),
    ("public-key", keys::public),
    ("root", metadata::root),
    ("settings", settings::settings),
    ("snapshot", metadata::snapshot),
    ("snapshot-file", metadata::snapshot_file),
    ("state", state::state),
    ("submission", archives::submission),
    ("targets", metadata::targets),
    ("texts", texts::texts),
    ("timestamp", metadata::timestamp),
];

/// Runs the parser of this name.
///
/// # Panics
/// If there is none, or the parser is not what it should be.
pub fn run(name: &str, bytes: &[u8]) {
    let found = PARSERS.iter().find(|(known, _)| *known == name);
    let (_, parser) = found.unwrap_or_else(|| panic!("{name} is no parser"));
    parser(bytes);
}
