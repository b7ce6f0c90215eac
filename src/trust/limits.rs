//! What supported clients read at most, by default (python-tuf 7.0, tough 0.24, tuf-js 6.0,
//! go-tuf 2): the strictest of them each.

/// Bytes of a root file; no setting in the repository lifts it.
pub const ROOT_BYTES: u64 = 512_000;
/// Bytes of the timestamp; no setting in the repository lifts it.
pub const TIMESTAMP_BYTES: u64 = 16_384;
/// Bytes of a snapshot whose length the timestamp does not list.
pub const SNAPSHOT_BYTES: u64 = 1_048_576;
/// Bytes of a targets role whose length the snapshot does not list.
pub const TARGETS_BYTES: u64 = 5_000_000;
/// Roles visited in one search for a target.
pub const ROLES_VISITED: usize = 32;
/// Root rotations followed in one refresh.
pub const ROOT_ROTATIONS: u64 = 256;
