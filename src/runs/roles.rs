//! What every run that signs has in common: which roles are due, which versions are free, and
//! the snapshot and timestamp that lead to the new ones.

use super::{lists, now};
use crate::disk::{self, folder};
use crate::keys::Signer;
use crate::model::{Lists as _, Moment, ProjectRole, RoleMeta, RoleName, Sha256, Timestamp, Version};
use crate::pipeline::sign::{self, SignedRole};
use crate::site::outline::Outline;
use crate::site::read::{self, Published};
use crate::site::swap::{Numbered, RoleFile};
use crate::site::{Site, layout};
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
    /// Every online role of a tree whose online key changes: but the bins, which change with it.
    pub(super) fn all(published: &Outline) -> Self {
        let lists = published.lists.keys().filter(|role| lists::is_recently_claimed(role)).cloned();
        let suspended = published.projects.values();
        let suspended = suspended.filter(|p| p.is_suspended() && p.standing() == Standing::RecentlyClaimed);
        let suspended = suspended.map(|project| project.delegation.name.clone());
        let roles = lists.chain(suspended).collect();
        Self { bins: Vec::new(), roles, snapshot: true, timestamp: true, first_to_end: None }
    }

    /// The same without the bins.
    pub(super) fn without_bins(self) -> Self {
        Self { bins: Vec::new(), ..self }
    }

    /// Which online roles of `published` are due at `now`.
    pub(super) fn at(published: &Published, lives: &Lives, now: Moment) -> Self {
        let ends: Vec<Moment> = published.bins.iter().map(|bin| bin.expires).collect();
        Self::with_bins(published, &ends, lives, now)
    }

    /// The same of a tree of which no bin is held; `ends` says when each of them does.
    pub(super) fn with_bins(published: &Outline, ends: &[Moment], lives: &Lives, now: Moment) -> Self {
        let is_due = |role: &RoleName, expires, life| renewal::due(role, expires, life) <= now;
        let bins: Vec<u32> = ends
            .iter()
            .zip(0..)
            .filter(|(ends, _)| renewal::may_be_due(**ends, lives.bins, now))
            .filter(|(ends, index)| is_due(&published.bin_list.count.role(*index), **ends, lives.bins))
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
        let ends = bins.iter().filter_map(|&bin| ends.get(bin as usize).copied());
        Self {
            first_to_end: ends.chain(roles.iter().map(|(_, expires)| *expires)).min(),
            bins,
            roles: roles.into_iter().map(|(role, _)| role.clone()).collect(),
            snapshot: is_due(&RoleName::snapshot(), published.snapshot.expires, lives.snapshot)
                || ends_late(published.snapshot.expires, lives.snapshot, now),
            timestamp: is_due(&RoleName::timestamp(), published.timestamp.expires, lives.timestamp)
                || ends_late(published.timestamp.expires, lives.timestamp, now),
        }
    }

    /// Whether they are reason enough for a run that has nothing else to publish.
    pub(super) fn suffices(&self, published: &Outline, lives: &Lives, now: Moment) -> bool {
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

/// Whether a role ends so much later than one that is signed now that a clock was ahead, or another life configured: what
/// is withheld from a client could be withheld for as long.
fn ends_late(expires: Moment, life: Duration, now: Moment) -> bool {
    expires > now.plus(life + now::MOST_BEHIND)
}

/// The next free version of each role: above the published one, and above anything that a run
/// which did not end has left behind.
pub(super) struct Versions {
    highest: BTreeMap<RoleName, Version>,
    numbers: Numbers,
    /// Where a number is looked up when it is to be used.
    asked: Option<Site>,
}

/// Which numbers count as used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Those of every file that is there.
    All,
    /// Those that are near what is published: somebody may have raised others to use them up (TUF 1.0.34 section
    /// 5.3.11).
    NearPublished,
    /// Those of every file that is there, looked up one by one: for a run that signs few roles of many.
    Asked,
}

/// A number of an online role further above what is published was not reached step by step.
const NEAR: u64 = 1_000_000;

/// The same of a role that ceremonies sign: one that is further above than those who sign believe is of no use.
const NEAR_OFFLINE: u64 = 1_000;

/// How far above what is published a number of this role still counts after a break-in.
fn near(role: &RoleName) -> u64 {
    let is_offline = role.is_claimed() || [RoleName::targets(), RoleName::unclaimed()].contains(role);
    if is_offline || ProjectRole::parse(role).is_some() { NEAR_OFFLINE } else { NEAR }
}

impl Versions {
    pub(super) fn of(site: &Site) -> Result<Self, disk::Error> {
        let highest = read::highest_versions(site, |_| Version::CEILING)?;
        Ok(Self { highest, numbers: Numbers::All, asked: None })
    }

    /// The same, but for numbers far above what is published.
    pub(super) fn near(site: &Site, published: &Outline) -> Result<Self, disk::Error> {
        let most = |role: &RoleName| {
            let listed = published.listing.meta(role).map(|meta| meta.version.number());
            let snapshot = (*role == RoleName::snapshot()).then(|| published.snapshot.version.number());
            listed.or(snapshot).unwrap_or_default().saturating_add(near(role)).min(Version::CEILING)
        };
        let highest = read::highest_versions(site, most)?;
        Ok(Self { highest, numbers: Numbers::NearPublished, asked: None })
    }

    /// As a run wants them.
    pub(super) fn counted(site: &Site, published: &Outline, numbers: Numbers) -> Result<Self, disk::Error> {
        match numbers {
            Numbers::All => Self::of(site),
            Numbers::NearPublished => Self::near(site, published),
            Numbers::Asked => Ok(Self { highest: BTreeMap::new(), numbers, asked: Some(site.clone()) }),
        }
    }

    /// The next version of the timestamp, whose file has no number in its name.
    fn next_timestamp(&self, published: &Outline) -> Version {
        let (last, snapshot) = (published.timestamp.version, published.snapshot.version);
        let is_near = last.number() <= snapshot.number().saturating_add(NEAR);
        if self.numbers != Numbers::NearPublished || is_near { last.next() } else { snapshot.next() }
    }

    /// Whether a number that was handed out counts as used.
    pub(super) fn counts(&self, published: &Outline, role: &RoleName, version: Version) -> bool {
        let listed = published.listing.meta(role).map(|meta| meta.version.number()).unwrap_or_default();
        let most = match self.numbers {
            Numbers::All | Numbers::Asked => Version::CEILING,
            // One that a run chose above the files that are near is near itself.
            Numbers::NearPublished => listed.saturating_add(2 * near(role)),
        };
        version.number() < most
    }

    /// The same, above these versions too, as far as they count.
    pub(super) fn above(mut self, published: &Outline, used: BTreeMap<RoleName, Version>) -> Self {
        let used: Vec<(RoleName, Version)> =
            used.into_iter().filter(|(role, version)| self.counts(published, role, *version)).collect();
        for (role, version) in used {
            let highest = self.highest.entry(role).or_insert(version);
            *highest = version.max(*highest);
        }
        self
    }

    pub(super) fn next(&self, role: &RoleName, published: Version) -> Version {
        let next = self.highest.get(role).copied().unwrap_or(published).max(published).next();
        self.first_free(role, next)
    }

    /// The next version of a role that the snapshot may list; 1 where it never was.
    pub(super) fn next_of(&self, role: &RoleName, published: &Outline) -> Version {
        let listed = published.listing.meta(role).map(|meta| meta.version);
        let next = match listed.max(self.highest.get(role).copied()) {
            Some(version) => version.next(),
            None => Version::FIRST,
        };
        self.first_free(role, next)
    }

    /// The first number from `next` on that no file has, where that is asked for.
    fn first_free(&self, role: &RoleName, mut next: Version) -> Version {
        let Some(site) = &self.asked else { return next };
        // Where the system does not say, the number is taken, and the name then refused to whoever comes second.
        while folder::is_there(&site.folder().path(&layout::role_file(role, next))).unwrap_or(false) {
            next = next.next();
        }
        next
    }
}

/// The snapshot over `published` with `roles` in place of their older versions.
pub(super) fn next_snapshot(
    published: &Outline,
    roles: impl Iterator<Item = (RoleName, RoleMeta)>,
    versions: &Versions,
    expires: Moment,
    online: &[&dyn Signer],
) -> Result<SignedRole, sign::Error> {
    // A snapshot lists no root: clients find that one by its number.
    let changes = roles.filter(|(role, _)| *role != RoleName::root()).collect();
    let version = versions.next(&RoleName::snapshot(), published.snapshot.version);
    let covered = published.listing.next(version, expires, changes)?;
    sign::written(RoleName::snapshot(), version, &covered, online)
}

/// The timestamp that leads to a snapshot whose file has this length and this digest.
pub(super) fn next_timestamp(
    published: &Outline,
    snapshot: Version,
    file: (u64, Sha256),
    versions: &Versions,
    expires: Moment,
    online: &[&dyn Signer],
) -> Result<SignedRole, sign::Error> {
    let version = versions.next_timestamp(published);
    let timestamp = Timestamp::to(version, expires, snapshot, file);
    sign::role(RoleName::timestamp(), timestamp, online)
}
