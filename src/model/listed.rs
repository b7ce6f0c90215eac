//! What a snapshot lists of roles, in whichever form it is at hand (TUF 1.0.34 section 4.4).

use super::{Listing, Metadata as _, Moment, RoleMeta, RoleName, Snapshot, SnapshotFile, Version, canonical};
use std::borrow::Cow;

/// What says which version of a role is current.
pub trait Lists: Sync {
    /// What is listed of a role.
    fn meta(&self, role: &RoleName) -> Option<Cow<'_, RoleMeta>>;
}

impl Lists for Listing {
    fn meta(&self, role: &RoleName) -> Option<Cow<'_, RoleMeta>> {
        self.get(role).map(Cow::Borrowed)
    }
}

/// What a snapshot lists.
#[derive(Clone, Debug)]
pub enum Listed {
    /// By role.
    Parsed(Listing),
    /// As it is written.
    Written(SnapshotFile),
}

impl Lists for Listed {
    fn meta(&self, role: &RoleName) -> Option<Cow<'_, RoleMeta>> {
        match self {
            Self::Parsed(listing) => listing.meta(role),
            Self::Written(file) => file.get(role).map(Cow::Owned),
        }
    }
}

impl Listed {
    /// The canonical bytes of a snapshot that lists the same, but `changes` in place of what it says of those roles, or
    /// beside it.
    ///
    /// # Errors
    /// If there are none.
    pub fn next(
        &self,
        version: Version,
        expires: Moment,
        changes: Listing,
    ) -> Result<Vec<u8>, canonical::Error> {
        if let Self::Written(file) = self
            && let Some(covered) = file.with(version, expires, &changes)
        {
            return Ok(covered);
        }
        let mut all = self.to_listing();
        all.extend(changes);
        Snapshot::new(version, expires, all).to_canonical()
    }

    /// All of it, by role.
    #[must_use]
    pub fn to_listing(&self) -> Listing {
        match self {
            Self::Parsed(listing) => listing.clone(),
            Self::Written(file) => file.listing(),
        }
    }
}
