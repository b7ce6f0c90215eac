//! Reading the published tree as a client does, verified from its oldest root on (TUF 1.0.34
//! section 5). Whatever is built on it was checked here first.
//!
//! Expiry is left to the caller: a tree whose online roles have lapsed is exactly what a build
//! must be able to renew.

use super::{Site, layout};
use crate::disk::{self, read};
use crate::model::{
    BinCount, Entry, Inventory, Metadata, RoleMeta, RoleName, Root, Snapshot, Targets, Timestamp, Version,
};
use crate::report::{Event, Reporter};
use crate::trust::judge::{self, Expectation};
use crate::trust::{Fault, Verified};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// No metadata file is larger.
const LARGEST: u64 = 256 << 20;

/// A published tree, every role verified.
#[derive(Debug)]
pub struct Published {
    /// The newest root.
    pub root: Verified<Root>,
    /// The timestamp.
    pub timestamp: Verified<Timestamp>,
    /// The snapshot that is current.
    pub snapshot: Verified<Snapshot>,
    /// Top-level targets.
    pub targets: Verified<Targets>,
    /// Projects that the administrators have signed over.
    pub claimed: Verified<Targets>,
    /// Projects whose author has a key.
    pub recently_claimed: Verified<Targets>,
    /// The list of bins.
    pub unclaimed: Verified<Targets>,
    /// Every bin, by index.
    pub bins: Vec<Verified<Targets>>,
    /// How many bins there are.
    pub bin_count: BinCount,
}

/// Why the published tree cannot be built on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A role fails a rule of the specification.
    #[error(
        "{path}: {fault}. Nothing was signed; `tuffet verify` lists all that is wrong. Restore the site from a backup"
    )]
    Refused {
        /// The file, below the site.
        path: String,
        /// What is wrong.
        fault: Fault,
    },
    /// A role that must be there is not.
    #[error(
        "{path} is not there. Nothing was signed; `tuffet verify` lists all that is wrong. Restore the site from a backup"
    )]
    Missing {
        /// The file, below the site.
        path: String,
    },
    /// `init` began and did not end.
    #[error(
        "{path} is not there, and version 1 of other roles is: `init` was interrupted. Remove the \
         folder metadata/ of the site and the keys that it made, and run it again"
    )]
    HalfMade {
        /// The timestamp, below the site.
        path: &'static str,
    },
    /// The tree has another shape than tuffet's.
    #[error("{0}; this tree was not made by tuffet, which can verify it but not build on it")]
    Shape(String),
    /// A file cannot be read.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Whether anything was ever published at `site`, or begun to be.
///
/// # Errors
/// If the metadata folder cannot be listed.
pub fn is_begun(site: &Site) -> Result<bool, disk::Error> {
    Ok(!site.folder().file_names(layout::METADATA)?.is_empty())
}

/// Reads and verifies the tree at `site`.
///
/// # Errors
/// [`Error`]: the first thing that a client would refuse.
pub fn read(site: &Site, reporter: &dyn Reporter) -> Result<Published, Error> {
    let is_first = |name: &String| layout::parse(name).is_some_and(|(version, _)| version == Version::FIRST);
    if site.folder().stamp(layout::TIMESTAMP)?.is_none()
        && site.folder().file_names(layout::METADATA)?.iter().all(is_first)
    {
        return Err(Error::HalfMade { path: layout::TIMESTAMP });
    }
    let root = roots(site)?;
    let timestamp =
        top_level::<Timestamp>(site, &root, &RoleName::timestamp(), layout::TIMESTAMP.to_owned(), None)?;
    let meta =
        timestamp.snapshot().ok_or_else(|| Error::Shape("the timestamp lists no snapshot".to_owned()))?;
    let path = layout::role_file(&RoleName::snapshot(), meta.version);
    let snapshot = top_level::<Snapshot>(site, &root, &RoleName::snapshot(), path, Some(meta))?;
    let meta = listed(&snapshot, &RoleName::targets())?;
    let path = layout::role_file(&RoleName::targets(), meta.version);
    let targets = top_level::<Targets>(site, &root, &RoleName::targets(), path, Some(meta))?;
    let [claimed, recently_claimed, unclaimed] =
        [RoleName::claimed(), RoleName::recently_claimed(), RoleName::unclaimed()]
            .map(|role| delegated(site, &targets, &snapshot, &role));
    let (claimed, recently_claimed, unclaimed) = (claimed?, recently_claimed?, unclaimed?);
    let bin_count = bin_count(&unclaimed)?;
    let bins = (0..bin_count.get())
        .into_par_iter()
        .map(|index| {
            let bin = delegated(site, &unclaimed, &snapshot, &bin_count.role(index));
            reporter.event(Event::Done(1));
            bin
        })
        .collect::<Result<_, Error>>()?;
    Ok(Published {
        root,
        timestamp,
        snapshot,
        targets,
        claimed,
        recently_claimed,
        unclaimed,
        bins,
        bin_count,
    })
}

/// The newest root, each verified by the one before it and by itself (sections 5.3.4 to 5.3.10).
fn roots(site: &Site) -> Result<Verified<Root>, Error> {
    let names = site.folder().file_names(layout::METADATA)?;
    let versions =
        names.iter().filter_map(|name| layout::parse(name)).filter(|(_, role)| *role == RoleName::root());
    let oldest = versions.map(|(version, _)| version).min().unwrap_or(Version::FIRST);
    let mut path = layout::role_file(&RoleName::root(), oldest);
    let bytes = bytes_of(site, &path)?;
    let mut trusted = accept_root(&bytes, None, oldest).map_err(|fault| Error::Refused { path, fault })?;
    loop {
        let next = trusted.version.next();
        path = layout::role_file(&RoleName::root(), next);
        let Some(bytes) = read::bounded(&site.folder().path(&path), LARGEST)? else { return Ok(trusted) };
        if next == trusted.version {
            return Err(Error::Shape(format!("root claims version {next}, after which there is none")));
        }
        trusted =
            accept_root(&bytes, Some(&trusted), next).map_err(|fault| Error::Refused { path, fault })?;
    }
}

/// A root signed by enough keys of its own and, where there is one, of its predecessor.
fn accept_root(
    bytes: &[u8],
    before: Option<&Verified<Root>>,
    version: Version,
) -> Result<Verified<Root>, Fault> {
    let own = crate::model::Envelope::<Root>::parse(bytes)?.into_signed();
    let role = RoleName::root();
    let meta = RoleMeta { version, length: None, hashes: None, extra: BTreeMap::new() };
    let by = |root: &Root| {
        let signers = root.role(&role).cloned().unwrap_or_else(|| crate::model::RoleKeys::new(Vec::new(), 1));
        judge::accept::<Root>(
            bytes,
            &Expectation { role: &role, keys: &root.keys, signers: &signers, meta: Some(&meta) },
        )
    };
    if let Some(before) = before {
        by(before)?;
    }
    by(&own)
}

fn top_level<T: Metadata>(
    site: &Site,
    root: &Root,
    role: &RoleName,
    path: String,
    meta: Option<&RoleMeta>,
) -> Result<Verified<T>, Error> {
    let signers = root.role(role).ok_or_else(|| Error::Shape(format!("root names no keys for {role}")))?;
    let bytes = bytes_of(site, &path)?;
    judge::accept(&bytes, &Expectation { role, keys: &root.keys, signers, meta })
        .map_err(|fault| Error::Refused { path, fault })
}

fn delegated(
    site: &Site,
    parent: &Targets,
    snapshot: &Snapshot,
    role: &RoleName,
) -> Result<Verified<Targets>, Error> {
    let shape = || Error::Shape(format!("the role {role} is not delegated"));
    let delegations = parent.delegations.as_ref().ok_or_else(shape)?;
    let delegation = delegations.roles.iter().find(|child| child.name == *role).ok_or_else(shape)?;
    let meta = listed(snapshot, role)?;
    let path = layout::role_file(role, meta.version);
    let bytes = bytes_of(site, &path)?;
    let signers = delegation.role_keys();
    judge::accept(&bytes, &Expectation { role, keys: &delegations.keys, signers: &signers, meta: Some(meta) })
        .map_err(|fault| Error::Refused { path, fault })
}

fn listed<'a>(snapshot: &'a Snapshot, role: &RoleName) -> Result<&'a RoleMeta, Error> {
    snapshot.meta.get(role).ok_or_else(|| Error::Shape(format!("the snapshot does not list the role {role}")))
}

fn bytes_of(site: &Site, path: &str) -> Result<Vec<u8>, Error> {
    read::bounded(&site.folder().path(path), LARGEST)?.ok_or_else(|| Error::Missing { path: path.to_owned() })
}

/// The number of bins that `unclaimed` delegates to, if they are exactly the ones that this
/// number gives.
fn bin_count(unclaimed: &Targets) -> Result<BinCount, Error> {
    let roles = unclaimed.delegations.as_ref().map(|d| d.roles.as_slice()).unwrap_or_default();
    let shape =
        || Error::Shape(format!("unclaimed delegates to {} roles, which are not hashed bins", roles.len()));
    let count = BinCount::new(roles.len() as u64).map_err(|_| shape())?;
    let all = (0..count.get()).zip(roles).all(|(index, role)| {
        role.name == count.role(index) && role.path_hash_prefixes.as_ref() == Some(&count.prefixes(index))
    });
    if all { Ok(count) } else { Err(shape()) }
}

impl Published {
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
        Ok(Inventory::new(self.bin_count, entries.collect::<Result<Vec<_>, Error>>()?))
    }
}

/// The highest version of each role that has a file, published or left over by a run that did
/// not end: a number is used once.
///
/// # Errors
/// If the metadata folder cannot be listed.
pub fn highest_versions(site: &Site) -> Result<BTreeMap<RoleName, Version>, disk::Error> {
    let mut highest = BTreeMap::new();
    for name in site.folder().file_names(layout::METADATA)? {
        if let Some((version, role)) = layout::parse(&name)
            && version.number() < Version::CEILING
        {
            let entry = highest.entry(role).or_insert(version);
            *entry = version.max(*entry);
        }
    }
    Ok(highest)
}
