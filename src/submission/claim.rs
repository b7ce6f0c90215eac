//! The public keys that are to hold a project, as a submission carries them: metadata itself never holds
//! the keys that sign it.

use crate::model::{Key, KeyId};
use crate::site::projects::Project;
use crate::trust::Consent;
use crate::trust::claim::key_fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Keys, and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The keys by id.
    pub keys: BTreeMap<KeyId, Key>,
    /// How many must sign.
    pub threshold: u32,
    /// What those said to it who hold the project until now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
}

impl Claim {
    /// No project is held by more keys.
    pub const MOST_KEYS: usize = 20;

    /// Whether these very keys, as many of them as it says, hold the project as it is published.
    #[must_use]
    pub fn holds(&self, project: &Project) -> bool {
        self.keys == project.keys && self.threshold == project.delegation.keys.threshold
    }

    /// What is wrong with it; `None` for keys that every client can use.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let many = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        if self.keys.is_empty() || self.keys.len() > Self::MOST_KEYS {
            return Some(format!("it names {many} keys, and 1 to {} can hold a project", Self::MOST_KEYS));
        }
        if self.threshold == 0 || self.threshold > many {
            return Some(format!("{} of {many} keys cannot be asked to sign", self.threshold));
        }
        self.keys.iter().find_map(|(keyid, key)| key_fault(keyid, key))
    }
}
