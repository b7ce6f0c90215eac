//! sweep: marks all that some reader may still want, and removes the rest. Decides first, acts
//! second.
//!
//! Kept are: every root for ever; every role at the version that the current snapshot lists; all
//! that a snapshot refers to which was current at some time within the grace period; every
//! version above the published one, since its number is used up; and what plain names hold, and plain pages lead to,
//! that a run has left behind which did not end, until a build puts them right.

mod ahead;
mod files;
pub(super) mod order;

pub use order::remove;

use super::{Site, layout, swap};
use crate::disk::{self, read};
use crate::model::project_role::SUSPENDS;
use crate::model::{Envelope, Metadata, Moment, ProjectRole, RoleName, Snapshot, Targets, Version, envelope};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a sweep would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Files below the site, sorted.
    pub remove: Vec<String>,
    /// What they free, in bytes; a file with several names counts once.
    pub bytes: u64,
    /// The snapshots whose files stay, the current one last.
    pub kept_snapshots: Vec<Version>,
    /// Folders in which nothing is any more: a sweep that did not end took what was.
    #[serde(skip)]
    empty: Vec<String>,
}

/// Why it cannot be decided what to remove.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A role within the grace period cannot be read.
    #[error(
        "{path} is damaged ({source}), and a reader may still want what it refers to: nothing was \
         removed. Restore it, or remove it if nobody can want it"
    )]
    Damaged {
        /// The file, below the site.
        path: String,
        /// What is wrong with it.
        source: envelope::Error,
    },
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Decides what to remove: what no snapshot needs that was current at or after `since`.
///
/// `current` is the verified snapshot.
///
/// # Errors
/// [`Error`].
pub fn plan(site: &Site, current: &Snapshot, since: Moment) -> Result<Plan, Error> {
    let mut remove = BTreeSet::new();
    let mut versions: BTreeMap<RoleName, BTreeSet<Version>> = BTreeMap::new();
    for name in site.folder().file_names(layout::METADATA)? {
        if let Some((version, role)) = layout::parse(&name) {
            versions.entry(role).or_default().insert(version);
        }
    }
    let mut kept_snapshots = Vec::new();
    for &version in versions.get(&RoleName::snapshot()).into_iter().flatten() {
        if version == current.version
            || (version < current.version && swap::retired_at(site, version)? >= since)
        {
            kept_snapshots.push(version);
        }
    }
    let mut needed = needed_roles(site, current, &kept_snapshots, &versions)?;
    let suspended = suspended(site, current, &needed);
    needed.extend(suspended.iter().cloned());
    for (role, versions) in &versions {
        if *role == RoleName::root() {
            continue;
        }
        let published = match role {
            role if *role == RoleName::snapshot() => Some(current.version),
            role => current.meta.get(role).map(|meta| meta.version),
        };
        for &version in versions {
            let keep = needed.contains(&(role.clone(), version))
                || published.is_none_or(|published| version > published);
            if !keep {
                remove.insert(layout::role_file(role, version));
            }
        }
    }
    let lying = files::Lying::look(site)?;
    let bytes = files::add(site, current, &lying, &needed, &suspended, &mut remove)?;
    Ok(Plan { remove: remove.into_iter().collect(), bytes, kept_snapshots, empty: lying.empty })
}

/// Every version of a role that a kept snapshot lists, and the kept snapshots themselves. `there` are those that lie in the site.
///
/// A snapshot that a ceremony went back on lists roles at versions above what is published, or ones that are not listed any
/// more: in no other way do those ever fall. Where that ceremony has removed them nobody comes to what they refer to.
fn needed_roles(
    site: &Site,
    current: &Snapshot,
    kept: &[Version],
    there: &BTreeMap<RoleName, BTreeSet<Version>>,
) -> Result<BTreeSet<(RoleName, Version)>, Error> {
    let is_taken_back = |role: &RoleName, version| {
        let is_ahead = current.meta.get(role).is_none_or(|published| version > published.version);
        is_ahead && !there.get(role).is_some_and(|versions| versions.contains(&version))
    };
    let mut needed = BTreeSet::new();
    for &version in kept {
        needed.insert((RoleName::snapshot(), version));
        let meta = if version == current.version {
            current.meta.clone()
        } else {
            parse::<Snapshot>(site, &RoleName::snapshot(), version)?.meta
        };
        let listed = meta.into_iter().map(|(role, meta)| (role, meta.version));
        needed.extend(listed.filter(|(role, version)| !is_taken_back(role, *version)));
    }
    Ok(needed)
}

/// The last versions that authors and members signed of projects that are suspended: they are not published,
/// and the authors come back to them. One that was suspended in a snapshot that is kept, and is not any more, is published.
fn suspended(
    site: &Site,
    current: &Snapshot,
    needed: &BTreeSet<(RoleName, Version)>,
) -> BTreeSet<(RoleName, Version)> {
    let is_current = |role: &RoleName, version| current.meta.get(role).is_some_and(|m| m.version == version);
    let own = needed.iter().filter(|(role, version)| {
        is_current(role, *version)
            && ProjectRole::parse(role).is_some_and(|(_, part)| part == ProjectRole::Own)
    });
    let mut all = BTreeSet::new();
    for (role, version) in own {
        let stands_in = parse::<Targets>(site, role, *version).ok();
        let before = stands_in.and_then(|role| Version::new(role.extra.get(SUSPENDS)?.as_u64()?));
        let Some((version, before)) =
            before.and_then(|version| Some((version, parse::<Targets>(site, role, version).ok()?)))
        else {
            continue;
        };
        all.insert((role.clone(), version));
        for child in before.delegations.iter().flat_map(|d| &d.roles) {
            all.extend(current.meta.get(&child.name).map(|meta| (child.name.clone(), meta.version)));
        }
    }
    all
}

/// A role that a reader may still want: what it refers to must be known before anything goes.
fn parse<T: Metadata>(site: &Site, role: &RoleName, version: Version) -> Result<T, Error> {
    let path = layout::role_file(role, version);
    let bytes = read::bytes(&site.folder().path(&path))?;
    Envelope::<T>::parse(&bytes).map(Envelope::into_signed).map_err(|source| Error::Damaged { path, source })
}
