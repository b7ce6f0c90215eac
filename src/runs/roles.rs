//! What every run that signs has in common: which roles are due, which versions are free, and
//! the snapshot and timestamp that lead to the new ones.

use super::lists;
use crate::disk;
use crate::keys::Signer;
use crate::model::{BinCount, Metadata, Moment, RoleName, Snapshot, Timestamp, Version};
use crate::pipeline::sign::{self, SignedRole};
use crate::site::Site;
use crate::site::read::{self, Published};
use crate::site::swap::{Numbered, RoleFile};
use crate::trust::{Lives, Standing, renewal};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A run that has nothing else to publish renews roles at most this often.
const RENEWALS_APART: Duration = Duration::from_secs(3600);

/// A signed role as the swap takes it.
pub(super) fn as_file(role: &SignedRole) -> RoleFile<'_> {
    RoleFile { role: &role.role, version: role.version, bytes: &role.bytes, numbered: Numbered::ByUs }
}

/// The online roles whose time has come.
#[derive(Debug, Default)]
pub(super) struct Due {
    pub(super) bins: Vec<u32>,
    /// `recently-claimed`, its shards, and empty roles that stand in for projects.
    pub(super) roles: BTreeSet<RoleName>,
    pub(super) snapshot: bool,
    pub(super) timestamp: bool,
    /// When the first of the bins and roles ends.
    first_to_end: Option<Moment>,
}

impl Due {
    /// Which online roles of `published` are due at `now`.
    pub(super) fn at(published: &Published, lives: &Lives, now: Moment) -> Self {
        let is_due = |role: &RoleName, expires, life| renewal::due(role, expires, life) <= now;
        let bins = published.bins.iter().zip(0..);
        let bins: Vec<u32> = bins
            .filter(|(bin, index)| is_due(&published.bin_count.role(*index), bin.expires, lives.bins))
            .map(|(_, index)| index)
            .collect();
        let lists = published.lists.iter().filter(|(role, _)| lists::is_recently_claimed(role));
        let lists = lists.map(|(role, list)| (role, list.metadata.expires));
        let suspended = published
            .projects
            .values()
            .filter(|project| project.is_suspended() && project.standing() == Standing::RecentlyClaimed);
        let suspended = suspended.map(|project| (&project.delegation.name, project.own.expires));
        let roles: Vec<(&RoleName, Moment)> = lists
            .chain(suspended)
            .filter(|(role, expires)| is_due(role, *expires, lives.recently_claimed))
            .collect();
        let ends = bins.iter().filter_map(|&bin| Some(published.bins.get(bin as usize)?.expires));
        Self {
            first_to_end: ends.chain(roles.iter().map(|(_, expires)| *expires)).min(),
            bins,
            roles: roles.into_iter().map(|(role, _)| role.clone()).collect(),
            snapshot: is_due(&RoleName::snapshot(), published.snapshot.expires, lives.snapshot),
            timestamp: is_due(&RoleName::timestamp(), published.timestamp.expires, lives.timestamp),
        }
    }

    /// Whether they are reason enough for a run that has nothing else to publish.
    pub(super) fn suffices(&self, published: &Published, lives: &Lives, now: Moment) -> bool {
        if self.snapshot || self.timestamp {
            return true;
        }
        let Some(first_to_end) = self.first_to_end else { return false };
        // What would end before the next chance, twice over, does not wait for it.
        if first_to_end <= now.plus(RENEWALS_APART * 2) {
            return true;
        }
        // A moment ahead of now says nothing: the configured life was another then.
        let last = published.timestamp.expires.minus(lives.timestamp);
        last > now || now >= last.plus(RENEWALS_APART)
    }
}

/// The next free version of each role: above the published one, and above anything that a run
/// which did not end has left behind.
pub(super) struct Versions {
    highest: BTreeMap<RoleName, Version>,
}

impl Versions {
    pub(super) fn of(site: &Site) -> Result<Self, disk::Error> {
        Ok(Self { highest: read::highest_versions(site)? })
    }

    /// The same, above these versions too.
    pub(super) fn above(mut self, used: BTreeMap<RoleName, Version>) -> Self {
        for (role, version) in used {
            let highest = self.highest.entry(role).or_insert(version);
            *highest = version.max(*highest);
        }
        self
    }

    pub(super) fn next(&self, role: &RoleName, published: Version) -> Version {
        self.highest.get(role).copied().unwrap_or(published).max(published).next()
    }

    /// The next version of a role that the snapshot may list; 1 where it never was.
    pub(super) fn next_of(&self, role: &RoleName, published: &Published) -> Version {
        let listed = published.snapshot.meta.get(role).map(|meta| meta.version);
        match listed.max(self.highest.get(role).copied()) {
            Some(version) => version.next(),
            None => Version::FIRST,
        }
    }
}

/// The snapshot over `published` with `roles` in place of their older versions.
pub(super) fn next_snapshot(
    published: &Published,
    roles: &[SignedRole],
    versions: &Versions,
    expires: Moment,
    online: &dyn Signer,
) -> Result<SignedRole, sign::Error> {
    let mut meta = published.snapshot.meta.clone();
    for role in roles {
        meta.insert(role.role.clone(), role.meta());
    }
    let version = versions.next(&RoleName::snapshot(), published.snapshot.version);
    sign::role(RoleName::snapshot(), Snapshot::new(version, expires, meta), &[online])
}

/// The timestamp that leads to a snapshot of these bytes.
pub(super) fn next_timestamp(
    published: &Published,
    snapshot: (Version, &[u8]),
    expires: Moment,
    online: &dyn Signer,
) -> Result<SignedRole, sign::Error> {
    let version = published.timestamp.version.next();
    let timestamp = Timestamp::new(version, expires, snapshot.0, snapshot.1);
    sign::role(RoleName::timestamp(), timestamp, &[online])
}

/// Bins with the next version of each.
pub(super) fn bin_versions(published: &Published, versions: &Versions, bins: &[u32]) -> Vec<(u32, Version)> {
    let count: BinCount = published.bin_count;
    let current = |bin: u32| published.bins.get(bin as usize).map_or(Version::FIRST, |role| role.version());
    bins.iter().map(|&bin| (bin, versions.next(&count.role(bin), current(bin)))).collect()
}
