//! The version of a metadata file: an integer above 0 (TUF 1.0.34 section 4.3).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;

/// A metadata version. It only ever rises, and a number is used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(NonZeroU64);

impl Version {
    /// Version 1.
    pub const FIRST: Self = Self(NonZeroU64::MIN);
    /// The highest that tuffet writes, or counts as one of its own leftovers: a version that
    /// jumps burns its role's name for every returning client.
    pub const CEILING: u64 = 1 << 31;
    /// The highest of an author's that an empty role of the administrators' follows: half of what there is, so that the author
    /// who comes back has the other half. No author gets there release by release.
    pub const SUCCEEDED: u64 = Self::CEILING / 2;

    /// `number` as a version; `None` for 0.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The number.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0.get()
    }

    /// The next version.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
