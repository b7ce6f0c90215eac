//! tuffet turns a directory of Python distributions into a TUF-signed static package repository.
//!
//! The folders read as the data's way through the program, nouns at the bottom:
//!
//! - [`model`]: TUF 1.0.34 and Python packaging as types, pure.
//! - [`trust`]: judgements over them, pure: what a client must believe.
//! - [`disk`]: the only door to the file system.
//! - [`keys`]: where signatures come from.
//! - [`report`]: events, which the binary turns into bars, lines or JSON.
//! - [`pipeline`]: the stages of a build, none of which knows another.
//! - [`site`]: the published tree: its names, reading, swapping, sweeping.
//! - [`submission`]: the ZIP that an author hands to an index, made and checked.
//! - [`ceremony`]: the file that travels to the safe and back, and the signer's ledger.
//! - [`audit`]: the whole-tree verifier.
//! - [`state`]: lock, cache and journal.
//! - [`runs`]: one page for each command; the only files that know two stages.
//!
//! `docs/architecture.md` has the map, and a test keeps its arrows.

pub mod audit;
pub mod ceremony;
pub mod disk;
pub mod keys;
pub mod model;
pub mod pipeline;
pub mod report;
pub mod runs;
pub mod site;
pub mod state;
pub mod submission;
pub mod trust;
