//! The nouns of TUF 1.0.34 and of Python packaging, pure: no file, no clock, no thread.
//!
//! Everything here is parsed at the edge into a type whose constructor may refuse, so that the
//! rest of the program never checks twice. Unknown fields survive a round trip, as the
//! specification demands (section 4, "implementations MUST ignore unrecognized attribute-value
//! fields" and signatures cover them).

pub mod bin_file;
pub mod bin_list;
pub mod bins;
pub mod canonical;
pub mod catalogue;
pub mod compression;
pub mod delegation;
pub mod distribution;
pub mod envelope;
pub mod forms;
pub mod hand;
pub mod hash;
pub mod holders;
pub mod inventory;
pub mod key;
pub mod known;
pub mod listed;
pub mod metadata;
pub mod moment;
pub mod page;
pub mod project;
pub mod project_role;
pub mod role_key;
pub mod role_name;
pub mod root;
pub mod shards;
pub mod snapshot;
pub mod snapshot_file;
pub mod strict;
pub mod target_path;
pub mod targets;
pub mod timestamp;
pub mod version;
pub(crate) mod zips;

pub use bin_file::BinFile;
pub use bin_list::BinList;
pub use bins::BinCount;
pub use catalogue::{Bins, Catalogue, EntryRef, Gather};
pub use compression::Compression;
pub use delegation::{DelegatedRole, Delegations, PathPattern};
pub use distribution::Distribution;
pub use envelope::{Envelope, Signature};
pub use hand::{Hand, Hands};
pub use hash::{Hashes, Sha256};
pub use holders::Holders;
pub use inventory::{Entry, Inventory};
pub use key::{Key, KeyId};
pub use known::Known;
pub use listed::{Listed, Lists};
pub use metadata::Metadata;
pub use moment::Moment;
pub use project::ProjectName;
pub use project_role::{MemberName, ProjectRole};
pub use role_name::RoleName;
pub use root::{RoleKeys, Root};
pub use snapshot::{Listing, RoleMeta, Snapshot};
pub use snapshot_file::SnapshotFile;
pub use target_path::TargetPath;
pub use targets::{TargetFile, Targets};
pub use timestamp::Timestamp;
pub use version::Version;
