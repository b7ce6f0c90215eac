//! How far a project has come on the way from the operator's keys to its author's (PEP 480).

use crate::model::{ProjectName, Targets};
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
    /// Where `project` stands, given the two roles that can delegate it.
    #[must_use]
    pub fn of(project: &ProjectName, claimed: &Targets, recently_claimed: &Targets) -> Self {
        let role = format!("project.{project}");
        let delegates = |parent: &Targets| {
            parent.delegations.iter().flat_map(|d| &d.roles).any(|child| child.name.as_str() == role)
        };
        if delegates(claimed) {
            Self::Claimed
        } else if delegates(recently_claimed) {
            Self::RecentlyClaimed
        } else {
            Self::Unclaimed
        }
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
