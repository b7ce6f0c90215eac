//! How long each role lives (`[expiry]` in pipeline.toml), and when its holders should hear of it.

use crate::model::RoleName;
use std::time::Duration;

/// The life of each kind of role, from its signature to its expiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lives {
    /// `root`.
    pub root: Duration,
    /// `targets`.
    pub targets: Duration,
    /// `claimed` and its shards.
    pub claimed: Duration,
    /// `recently-claimed` and its shards.
    pub recently_claimed: Duration,
    /// `unclaimed`.
    pub unclaimed: Duration,
    /// The bins.
    pub bins: Duration,
    /// `snapshot`.
    pub snapshot: Duration,
    /// `timestamp`.
    pub timestamp: Duration,
}

/// Roles of a project: their authors say how long, and this is what they say by default.
const PROJECT: Duration = Duration::from_secs(730 * 86_400);

/// Authors hear of the end of a role so long before: they are many, and have other things to do.
const AUTHORS_NOTICE: Duration = Duration::from_secs(60 * 86_400);

impl Default for Lives {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self {
            root: days(365),
            targets: days(365),
            claimed: days(90),
            recently_claimed: days(7),
            unclaimed: days(365),
            bins: days(7),
            snapshot: days(1),
            timestamp: days(1),
        }
    }
}

impl Lives {
    /// The life of a role of ours, by its name.
    #[must_use]
    pub fn of(&self, role: &RoleName) -> Duration {
        match role.as_str() {
            "root" => self.root,
            "targets" => self.targets,
            "unclaimed" => self.unclaimed,
            "snapshot" => self.snapshot,
            "timestamp" => self.timestamp,
            name if name == "claimed" || name.starts_with("claimed.") => self.claimed,
            name if name.starts_with("recently-claimed") => self.recently_claimed,
            name if name.starts_with("project.") => PROJECT,
            _ => self.bins,
        }
    }
}

/// How long every role must still live to which a snapshot leads that is signed now: as long as a client
/// may go by that snapshot and its timestamp.
#[must_use]
pub fn must_outlive(lives: &Lives) -> Duration {
    lives.snapshot.max(lives.timestamp)
}

/// How long before the end of an offline or author role its holders should hear of it: they have to meet.
#[must_use]
pub fn notice(role: &RoleName, lives: &Lives) -> Duration {
    if role.as_str().starts_with("project.") {
        return AUTHORS_NOTICE;
    }
    // A month, or a third of a life that is short.
    Duration::from_secs(30 * 86_400).min(lives.of(role) / 3)
}
