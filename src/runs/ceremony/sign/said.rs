//! What the signer says beforehand: of projects, of keys, and of ceremonies that came to nothing.

use super::{Custodian, Known};
use crate::ceremony::Ledger;
use crate::model::{Holders, KeyId, ProjectName, RoleName};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What the signer says of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// These keys are its author's, sorted, and so many of them must sign; none where there is but one.
    Keys(Vec<KeyId>, Option<u32>),
    /// It is to be suspended.
    Suspended,
    /// Its name is to be free again.
    Freed,
}

impl Said {
    /// Whether these holders are the ones that are meant.
    #[must_use]
    pub fn means(&self, held: &Holders) -> bool {
        let Self::Keys(keys, threshold) = self else { return false };
        let alone = keys.len() == 1 && threshold.is_none() && held.threshold == 1;
        held.ids() == keys.iter().collect() && (*threshold == Some(held.threshold) || alone)
    }
}

/// A ceremony that was signed and abandoned, as the signer knows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Abandoned {
    /// The one that was signed last.
    Last,
    /// The one whose identity begins so.
    Ceremony(String),
}

/// What the signer decided beforehand.
#[derive(Clone, Debug, Default)]
pub struct Confirmed {
    /// What is known of single projects.
    pub projects: BTreeMap<ProjectName, Said>,
    /// Which keys of which roles come or go, and which thresholds change, as the signer knows from those who hold them.
    pub known: BTreeSet<(Custodian, Known)>,
    /// Whether the index is believed in the keys of projects that nobody holds yet.
    pub all: bool,
    /// Whether the index is believed in whom it suspends.
    pub suspensions: bool,
    /// Ceremonies that were signed and abandoned, so that this one follows older versions.
    pub abandoned: BTreeSet<Abandoned>,
    /// How long the ledger must have known a key that nobody confirms.
    pub older_than: Duration,
}

/// Whether a file may go back behind what was signed last for a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GoesBack {
    /// It was given up before, or this is the same file once more.
    Freely,
    /// The signer says that this ceremony was abandoned.
    Behind(String),
    /// It may not: what there is to say about that.
    No(String),
}

impl Confirmed {
    /// Of somebody who looks at a file, and signs nothing.
    #[must_use]
    pub fn everything() -> Self {
        Self { all: true, suspensions: true, ..Self::default() }
    }

    /// Whether the ceremony `identity` may go back behind what was signed last for a role.
    pub(super) fn goes_back(&self, ledger: &Ledger, role: &RoleName, identity: &str) -> GoesBack {
        let Some(file) = ledger.signed(role).and_then(|signed| signed.file.clone()) else {
            return GoesBack::No("other holders signed it, and it was published".to_owned());
        };
        if ledger.is_abandoned(role) || file == identity {
            return GoesBack::Freely;
        }
        let is_last = ledger.last_ceremony() == Some(&file);
        let is_it = |said: &Abandoned| match said {
            Abandoned::Last => is_last,
            Abandoned::Ceremony(begin) => file.starts_with(begin.as_str()),
        };
        if self.abandoned.iter().any(is_it) {
            return GoesBack::Behind(file);
        }
        let (which, id) = match is_last {
            true => ("", String::new()),
            false => (", which was not the last,", format!("={}", file.get(..8).unwrap_or(&file))),
        };
        GoesBack::No(format!(
            "if that ceremony{which} was abandoned, and you know it from the people who run the index, give \
             --abandoned{id}"
        ))
    }
}
