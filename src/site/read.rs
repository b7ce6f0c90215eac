//! Reading the published tree as a client does, verified from its oldest root on (TUF 1.0.34
//! section 5). Whatever is built on it was checked here first.
//!
//! Expiry is left to the caller: a tree whose online roles have lapsed is exactly what a build
//! must be able to renew.

use super::chain::{self, Origin};
use super::outline::{self, Outline};
use super::projects::Project;
use super::{Site, layout};
use crate::disk;
use crate::model::{
    Entry, Inventory, KeyId, Listed, Lists, ProjectName, RoleName, Root, Sha256, Snapshot, Targets, Version,
};
use crate::report::{Event, Reporter};
use crate::trust::bin::VerifiedBin;
use crate::trust::{Standing, Verified};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::OnceLock;

/// A published tree, every role verified.
#[derive(Debug)]
pub struct Published {
    /// What leads to the bins.
    pub outline: Outline,
    /// The snapshot that is current, or that is gone back to.
    pub snapshot: Verified<Snapshot>,
    /// The list of bins.
    pub unclaimed: Verified<Targets>,
    /// Every bin, by index.
    pub bins: Vec<Verified<Targets>>,
}

impl Deref for Published {
    type Target = Outline;

    fn deref(&self) -> &Outline {
        &self.outline
    }
}

pub use super::chain::Error;

/// Whether anything was ever published at `site`, or begun to be.
///
/// # Errors
/// If the metadata folder cannot be listed.
pub fn is_begun(site: &Site) -> Result<bool, disk::Error> {
    let first = layout::role_file(&RoleName::root(), Version::FIRST);
    Ok(site.folder().stamp(&first)?.is_some() || !site.folder().file_names(layout::METADATA)?.is_empty())
}

/// Reads and verifies the tree at `site`.
///
/// # Errors
/// [`Error`]: the first thing that a client would refuse.
pub fn read(site: &Site, reporter: &dyn Reporter) -> Result<Published, Error> {
    let published = without_bins(site)?;
    let bins = bins(site, &published.unclaimed, &published.listing, reporter)?;
    Ok(Published { bins, ..published })
}

/// The same, but that no bin is read yet: [`each_bin`] does.
///
/// # Errors
/// As [`read`].
pub fn without_bins(site: &Site) -> Result<Published, Error> {
    let head = outline::head(site)?;
    let (edition, snapshot) = outline::snapshot(site, &head)?;
    let listing = Listed::Parsed(snapshot.meta.clone());
    let unclaimed =
        |targets: &Verified<Targets>, listing: &dyn Lists| outline::bin_list(site, targets, listing);
    let (outline, unclaimed) = outline::complete(site, head, edition, listing, unclaimed)?;
    Ok(Published { outline, snapshot, unclaimed, bins: Vec::new() })
}

/// Reads and verifies these bins, each on its own and by every thread, and gives what `take` makes of them, in the
/// order of `which`: no more of them are held than are looked at.
///
/// # Errors
/// [`Error`], or that of `take`.
pub fn each_bin<T: Send, E: From<Error> + Send>(
    site: &Site,
    published: &Outline,
    which: &[u32],
    reporter: &dyn Reporter,
    take: &(dyn Fn(u32, &VerifiedBin<'_>) -> Result<T, E> + Sync),
) -> Result<Vec<T>, E> {
    let list = &published.bin_list;
    let gone = |bin: u32| Error::Shape(format!("unclaimed delegates to no bin {bin}"));
    let empty = OnceLock::new();
    let read = which.par_iter().map(|&bin| {
        let signers = list.signers(bin).ok_or_else(|| gone(bin))?;
        let role = list.count.role(bin);
        let signed = (&role, &list.keys, signers);
        let taken = chain::bin(site, &empty, signed, &published.listing, |read| take(bin, read));
        reporter.event(Event::Done(1));
        taken
    });
    read.collect()
}

/// Every bin that `unclaimed` delegates to, in its order.
pub(super) fn bins(
    origin: &dyn Origin,
    unclaimed: &Targets,
    listing: &dyn Lists,
    reporter: &dyn Reporter,
) -> Result<Vec<Verified<Targets>>, Error> {
    let below = unclaimed.delegations.clone().unwrap_or_default();
    let empty = OnceLock::new();
    let read = below.roles.par_iter().map(|child| {
        let bin = chain::whole_bin(origin, &below, child, listing, &empty);
        reporter.event(Event::Done(1));
        bin
    });
    read.collect()
}

/// The role that delegates to the bins, and what its file hashes to.
pub(super) fn unclaimed(
    origin: &dyn Origin,
    targets: &Targets,
    listing: &dyn Lists,
) -> Result<(Verified<Targets>, Sha256), Error> {
    let role = RoleName::unclaimed();
    let shape = || Error::Shape(format!("the role {role} is not delegated"));
    let delegations = targets.delegations.as_ref().ok_or_else(shape)?;
    let child = delegations.roles.iter().find(|child| child.name == role).ok_or_else(shape)?;
    chain::delegated_file(origin, delegations, child, listing)
}

/// Every root from the oldest that is there on, the newest last, each verified by the one before it.
///
/// # Errors
/// [`Error`], if one of them does not follow.
pub fn root_chain(site: &Site) -> Result<Vec<Verified<Root>>, Error> {
    let mut roots = Vec::new();
    let newest = follow_roots(site, &mut |root| roots.push(root))?;
    roots.push(newest);
    Ok(roots)
}

/// The newest root, from the oldest that is there on.
pub(super) fn roots(site: &Site) -> Result<Verified<Root>, Error> {
    follow_roots(site, &mut |_| ())
}

/// The same; `passed` is given each that another follows.
fn follow_roots(site: &Site, passed: &mut dyn FnMut(Verified<Root>)) -> Result<Verified<Root>, Error> {
    let oldest = oldest_root(site)?;
    let path = layout::role_file(&RoleName::root(), oldest);
    let first = site.file(&path, chain::LARGEST)?.ok_or(Error::Missing { path })?;
    chain::follow(site, &first, Some(oldest), passed)
}

/// The oldest root that is there; the folder is listed only where that is not the first.
fn oldest_root(site: &Site) -> Result<Version, disk::Error> {
    let role = RoleName::root();
    if site.folder().stamp(&layout::role_file(&role, Version::FIRST))?.is_some() {
        return Ok(Version::FIRST);
    }
    let names = site.folder().file_names(layout::METADATA)?;
    let versions = names.iter().filter_map(|name| layout::parse(name)).filter(|(_, other)| *other == role);
    Ok(versions.map(|(version, _)| version).min().unwrap_or(Version::FIRST))
}

impl Published {
    /// A key among these that holds a role of the index's own: an author's is another, or one role could be shown for
    /// another.
    pub fn own_key<'a>(&self, mut keys: impl Iterator<Item = &'a KeyId>) -> Option<&'a KeyId> {
        let below = self.targets.delegations.as_ref();
        keys.find(|id| {
            self.root.keys.contains_key(*id) || below.is_some_and(|below| below.keys.contains_key(*id))
        })
    }

    /// How far a project has come; one that no list delegates to is unclaimed.
    #[must_use]
    pub fn standing(&self, project: &ProjectName) -> Standing {
        self.projects.get(project).map_or(Standing::Unclaimed, Project::standing)
    }

    /// Every target in the bins, in bin order.
    ///
    /// # Errors
    /// [`Error::Shape`] if a bin lists a target without a SHA-256.
    pub fn inventory(&self) -> Result<Inventory, Error> {
        let files = self.bins.iter().flat_map(|bin| &bin.targets);
        let entries = files.map(|(path, file)| {
            let digest = file.hashes.sha256();
            let digest = digest.ok_or_else(|| Error::Shape(format!("{path} is listed without a sha256")))?;
            Ok(Entry { path: path.clone(), length: file.length, digest })
        });
        Ok(Inventory::new(self.bin_list.count, entries.collect::<Result<Vec<_>, Error>>()?))
    }
}

/// The highest version of each role that has a file, published or left over by a run that did
/// not end: a number is used once. Only those below what `below` says of the role count.
///
/// # Errors
/// If the metadata folder cannot be listed.
pub fn highest_versions(
    site: &Site,
    below: impl Fn(&RoleName) -> u64,
) -> Result<BTreeMap<RoleName, Version>, disk::Error> {
    let mut highest = BTreeMap::new();
    for name in site.folder().file_names(layout::METADATA)? {
        if let Some((version, role)) = layout::parse(&name)
            && version.number() < below(&role)
        {
            let entry = highest.entry(role).or_insert(version);
            *entry = version.max(*entry);
        }
    }
    Ok(highest)
}
