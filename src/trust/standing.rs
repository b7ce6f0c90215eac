//! How far a project has come on the way from the operator's keys to its author's (PEP 480).

use crate::model::RoleName;
use serde::Serialize;
use std::fmt;

/// Where a project stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nobody registered a key: the bins list it.
    Unclaimed,
    /// Its author registered a key, and the online key vouches for that.
    RecentlyClaimed,
    /// The administrators have signed for its author's key.
    Claimed,
}

impl Standing {
    /// Where a project stands that `list` delegates to: `claimed`, `recently-claimed` or a shard.
    #[must_use]
    pub fn below(list: &RoleName) -> Self {
        let claimed = RoleName::claimed();
        if *list == claimed || list.is_shard_of(&claimed) { Self::Claimed } else { Self::RecentlyClaimed }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unclaimed => "unclaimed",
            Self::RecentlyClaimed => "recently claimed",
            Self::Claimed => "claimed",
        })
    }
}
