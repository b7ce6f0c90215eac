//! The published tree without its bins: every role that leads to them, verified, and the two long ones, the snapshot and
//! the list of bins, not even read apart where they are what was verified before.

use super::chain::{self, Error, Origin};
use super::projects::{self, List, Project};
use super::{Site, layout, read};
use crate::disk::read::OpenFile;
use crate::model::{
    BinList, Hashes, Known, Listed, Lists, Moment, ProjectName, RoleMeta, RoleName, Root, Sha256, Snapshot,
    SnapshotFile, Targets, Timestamp, Version,
};
use crate::trust::Verified;
use std::collections::BTreeMap;

/// A published tree, without what its bins list.
#[derive(Debug)]
pub struct Outline {
    /// The newest root.
    pub root: Verified<Root>,
    /// The timestamp.
    pub timestamp: Verified<Timestamp>,
    /// The snapshot that is current, or that is gone back to.
    pub snapshot: Edition,
    /// What is listed of every role: what the snapshot lists, or, where it is gone back to, newer versions of those
    /// roles that no online key signs.
    pub listing: Listed,
    /// Top-level targets.
    pub targets: Verified<Targets>,
    /// `claimed`, `recently-claimed`, and their shards.
    pub lists: BTreeMap<RoleName, List>,
    /// Every project that one of them delegates to.
    pub projects: BTreeMap<ProjectName, Project>,
    /// What the list of bins says.
    pub bin_list: BinList,
    /// What its file hashes to.
    pub bin_list_digest: Sha256,
}

/// Which snapshot it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edition {
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
    /// What its file hashes to.
    pub digest: Sha256,
}

impl Outline {
    /// What is known of a tree with the same keys and list of bins once its snapshot is one that hashes to this.
    #[must_use]
    pub fn known(&self, snapshot: Sha256) -> Known {
        let [root, targets] = [self.root.envelope().covered(), self.targets.envelope().covered()];
        Known {
            root: Sha256::of(root),
            snapshot,
            targets: Sha256::of(targets),
            unclaimed: self.bin_list_digest,
            bins: self.bin_list.clone(),
        }
    }
}

/// Reads and verifies the roles that lead to bins; what is `known` of the long ones is taken as it was.
///
/// # Errors
/// As [`read::read`].
pub fn read(site: &Site, known: Option<&Known>) -> Result<Outline, Error> {
    // The digest of the list is begun at once, for it takes longest.
    let digest = || known.and_then(|known| bin_list_digest(site, known.bins.version));
    std::thread::scope(|scope| {
        let digest = known.map(|_| scope.spawn(digest));
        let head = head(site)?;
        let (snapshot, listing) =
            match known.map(|known| snapshot_as_known(site, &head, known)).transpose()? {
                Some(Some(seen)) => seen,
                _ => {
                    let (edition, snapshot) = snapshot(site, &head)?;
                    (edition, Listed::Parsed(snapshot.meta.clone()))
                }
            };
        let unclaimed = |targets: &Verified<Targets>, listing: &dyn Lists| {
            let digest = digest.and_then(|thread| thread.join().ok()).flatten();
            if let (Some(known), Some((digest, length))) = (known, digest)
                && known.is_list_of_bins(digest, targets.envelope().covered())
                && *chain::listed(listing, &RoleName::unclaimed())?
                    == RoleMeta::of_role(known.bins.version, length)
            {
                return Ok((digest, known.bins.clone(), ()));
            }
            let (digest, list, _) = bin_list(site, targets, listing)?;
            Ok((digest, list, ()))
        };
        Ok(complete(site, head, snapshot, listing, unclaimed)?.0)
    })
}

/// Where every reading begins.
pub(super) struct Head {
    root: Verified<Root>,
    timestamp: Verified<Timestamp>,
}

/// The newest root, and the timestamp that it leads to.
pub(super) fn head(site: &Site) -> Result<Head, Error> {
    let is_first = |name: &String| layout::parse(name).is_some_and(|(version, _)| version == Version::FIRST);
    if site.folder().stamp(layout::TIMESTAMP)?.is_none()
        && site.folder().file_names(layout::METADATA)?.iter().all(is_first)
    {
        return Err(Error::HalfMade { path: layout::TIMESTAMP });
    }
    let root = read::roots(site)?;
    let timestamp = chain::timestamp(site, &root)?;
    Ok(Head { root, timestamp })
}

/// The snapshot, verified.
pub(super) fn snapshot(site: &Site, head: &Head) -> Result<(Edition, Verified<Snapshot>), Error> {
    let (snapshot, digest) = chain::snapshot(site, &head.root, &head.timestamp)?;
    Ok((Edition { version: snapshot.version, expires: snapshot.expires, digest }, snapshot))
}

/// The same if it is the one that is known, and of the form that we write.
fn snapshot_as_known(site: &Site, head: &Head, known: &Known) -> Result<Option<(Edition, Listed)>, Error> {
    let Some(meta) = head.timestamp.snapshot() else { return Ok(None) };
    let path = layout::role_file(&RoleName::snapshot(), meta.version);
    let Some(bytes) = site.file(&path, chain::LARGEST)? else { return Ok(None) };
    let (length, digest) = (bytes.len() as u64, Sha256::of(&bytes));
    let is_listed = meta.length.is_none_or(|listed| listed == length)
        && meta.hashes.as_ref().is_none_or(|hashes| *hashes == Hashes::sha256_only(digest));
    if !is_listed || !known.is_snapshot(digest, head.root.envelope().covered()) {
        return Ok(None);
    }
    let file = SnapshotFile::parse(bytes).filter(|file| file.version == meta.version);
    Ok(file.map(|file| {
        (Edition { version: file.version, expires: file.expires, digest }, Listed::Written(file))
    }))
}

/// What the file of this version of the list of bins hashes to, and its length, if there is one.
fn bin_list_digest(site: &Site, version: Version) -> Option<(Sha256, u64)> {
    let path = site.folder().path(&layout::role_file(&RoleName::unclaimed(), version));
    OpenFile::open(&path).and_then(|file| file.digest()).ok()
}

/// The list of bins, read and verified.
pub(super) fn bin_list(
    origin: &dyn Origin,
    targets: &Targets,
    listing: &dyn Lists,
) -> Result<(Sha256, BinList, Verified<Targets>), Error> {
    let (unclaimed, digest) = read::unclaimed(origin, targets, listing)?;
    let list = BinList::of(&unclaimed).ok_or_else(|| {
        let roles = unclaimed.delegations.as_ref().map_or(0, |below| below.roles.len());
        Error::Shape(format!("unclaimed delegates to {roles} roles, which are not hashed bins"))
    })?;
    Ok((digest, list, unclaimed))
}

/// The rest of the tree; `unclaimed` reads the list of bins.
pub(super) fn complete<T>(
    site: &Site,
    head: Head,
    snapshot: Edition,
    listing: Listed,
    unclaimed: impl FnOnce(&Verified<Targets>, &dyn Lists) -> Result<(Sha256, BinList, T), Error>,
) -> Result<(Outline, T), Error> {
    let Head { root, timestamp } = head;
    let targets = chain::targets(site, &root, &listing)?;
    let (lists, found) = projects::lists(site, &targets, &listing, None)?;
    let projects = projects::read(site, &listing, found)?;
    let (bin_list_digest, bin_list, read) = unclaimed(&targets, &listing)?;
    let outline =
        Outline { root, timestamp, snapshot, listing, targets, lists, projects, bin_list, bin_list_digest };
    Ok((outline, read))
}
