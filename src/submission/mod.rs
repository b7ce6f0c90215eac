//! What an author hands to an index: a ZIP with `metadata/` and `targets/` (PEP 480, "Snapshot Process"),
//! made and checked here. It is accepted whole or not at all.
//!
//! [`pack`] writes one; [`open`] reads one that a stranger wrote, and refuses every form that could mean two
//! things (`archive`); [`claim`] is the file that carries the public keys; [`check`] holds it against what is published.

mod archive;
pub mod check;
pub mod claim;
pub mod join;
pub mod open;
pub mod pack;
pub mod refusal;

pub use claim::Claim;
pub use join::Joining;
pub use open::Submission;
pub use refusal::Refusal;

/// The file with the public keys of a project, at the top of the ZIP.
pub const KEYS: &str = "keys.json";

/// Where roles lie in the ZIP.
const METADATA: &str = "metadata/";

/// Where target files lie in the ZIP.
const TARGETS: &str = "targets/";

/// No role of a project is larger: clients read at most 5,000,000 bytes, and an ssh-agent signs far less.
pub const LARGEST_ROLE: u64 = 4_000_000;

/// No file of a project is larger.
pub const LARGEST_FILE: u64 = 2 << 30;

/// No submission holds more, unpacked.
pub const LARGEST_SUBMISSION: u64 = 8 << 30;

/// No submission holds more entries.
const MOST_ENTRIES: usize = 10_000;
