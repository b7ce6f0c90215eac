//! Following the chain of trust, a role at a time, each judged by what leads to it (TUF 1.0.34 section 5).

use super::{Site, layout};
use crate::disk::{self, read};
use crate::model::{
    DelegatedRole, Delegations, Envelope, Key, KeyId, Lists, Metadata, RoleKeys, RoleMeta, RoleName, Root,
    Sha256, Snapshot, Targets, Timestamp, Version,
};
use crate::trust::bin::{Empty, VerifiedBin};
use crate::trust::judge::{self, Expectation};
use crate::trust::{self, Fault, Verified};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// No metadata file is larger.
pub(super) const LARGEST: u64 = 256 << 20;

/// Where the files of a published tree come from.
pub trait Origin: Sync {
    /// The file `name` below the site, `None` if there is none.
    ///
    /// # Errors
    /// If it cannot be had, or has more than `most` bytes.
    fn file(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, disk::Error>;
}

impl Origin for Site {
    fn file(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, disk::Error> {
        read::bounded(&self.folder().path(name), most)
    }
}

/// Why the published tree cannot be trusted, or built on.
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

/// The newest root, beginning with `first`, each verified by the one before it and by itself (sections
/// 5.3.4 to 5.3.10). `first` must be of `version`, where that is known.
pub(super) fn roots(
    origin: &dyn Origin,
    first: &[u8],
    version: Option<Version>,
) -> Result<Verified<Root>, Error> {
    follow(origin, first, version, &mut |_| ())
}

/// The same; `passed` is given each that another follows.
pub(super) fn follow(
    origin: &dyn Origin,
    first: &[u8],
    version: Option<Version>,
    passed: &mut dyn FnMut(Verified<Root>),
) -> Result<Verified<Root>, Error> {
    let shown = |version: Option<Version>| match version {
        Some(version) => layout::role_file(&RoleName::root(), version),
        None => "the root that was given".to_owned(),
    };
    let refused = |fault| Error::Refused { path: shown(version), fault };
    let mut trusted = accept_root(first, None, version).map_err(refused)?;
    loop {
        let next = trusted.version.next();
        let path = layout::role_file(&RoleName::root(), next);
        let Some(bytes) = origin.file(&path, LARGEST)? else { return Ok(trusted) };
        if next == trusted.version {
            return Err(Error::Shape(format!("root claims version {next}, after which there is none")));
        }
        let newer = accept_root(&bytes, Some(&trusted), Some(next))
            .map_err(|fault| Error::Refused { path, fault })?;
        passed(std::mem::replace(&mut trusted, newer));
    }
}

/// A root signed by enough keys of its own and, where there is one, of its predecessor.
fn accept_root(
    bytes: &[u8],
    before: Option<&Verified<Root>>,
    version: Option<Version>,
) -> Result<Verified<Root>, Fault> {
    let own = Envelope::<Root>::parse(bytes)?.into_signed();
    let role = RoleName::root();
    let meta =
        version.map(|version| RoleMeta { version, length: None, hashes: None, extra: BTreeMap::new() });
    let by = |root: &Root| {
        let signers = root.role(&role).cloned().unwrap_or_else(|| RoleKeys::new(Vec::new(), 1));
        judge::accept::<Root>(
            bytes,
            &Expectation { role: &role, keys: &root.keys, signers: &signers, meta: meta.as_ref() },
        )
    };
    if let Some(before) = before {
        by(before)?;
    }
    by(&own)
}

/// The roles that root itself names.
pub(super) struct Top {
    pub(super) root: Verified<Root>,
    pub(super) timestamp: Verified<Timestamp>,
    pub(super) snapshot: Verified<Snapshot>,
    pub(super) targets: Verified<Targets>,
}

/// What `root` leads to.
pub(super) fn top(origin: &dyn Origin, root: Verified<Root>) -> Result<Top, Error> {
    let timestamp = timestamp(origin, &root)?;
    let (snapshot, _) = snapshot(origin, &root, &timestamp)?;
    let targets = targets(origin, &root, &snapshot.meta)?;
    Ok(Top { root, timestamp, snapshot, targets })
}

/// The timestamp.
pub(super) fn timestamp(origin: &dyn Origin, root: &Root) -> Result<Verified<Timestamp>, Error> {
    top_level(origin, root, &RoleName::timestamp(), layout::TIMESTAMP.to_owned(), None)
}

/// The snapshot that it leads to, and what its file hashes to.
pub(super) fn snapshot(
    origin: &dyn Origin,
    root: &Root,
    timestamp: &Timestamp,
) -> Result<(Verified<Snapshot>, Sha256), Error> {
    let meta =
        timestamp.snapshot().ok_or_else(|| Error::Shape("the timestamp lists no snapshot".to_owned()))?;
    let path = layout::role_file(&RoleName::snapshot(), meta.version);
    top_level_file(origin, root, &RoleName::snapshot(), path, Some(meta))
}

/// Top-level targets.
pub(super) fn targets(
    origin: &dyn Origin,
    root: &Root,
    listing: &dyn Lists,
) -> Result<Verified<Targets>, Error> {
    let meta = listed(listing, &RoleName::targets())?;
    let path = layout::role_file(&RoleName::targets(), meta.version);
    top_level(origin, root, &RoleName::targets(), path, Some(&meta))
}

/// A role that root itself names.
pub(super) fn top_level<T: Metadata>(
    origin: &dyn Origin,
    root: &Root,
    role: &RoleName,
    path: String,
    meta: Option<&RoleMeta>,
) -> Result<Verified<T>, Error> {
    accept(&bytes_of(origin, &path)?, root, role, path, meta)
}

/// The same, with what its file hashes to.
pub(super) fn top_level_file<T: Metadata>(
    origin: &dyn Origin,
    root: &Root,
    role: &RoleName,
    path: String,
    meta: Option<&RoleMeta>,
) -> Result<(Verified<T>, Sha256), Error> {
    let bytes = bytes_of(origin, &path)?;
    Ok((accept(&bytes, root, role, path, meta)?, Sha256::of(&bytes)))
}

fn accept<T: Metadata>(
    bytes: &[u8],
    root: &Root,
    role: &RoleName,
    path: String,
    meta: Option<&RoleMeta>,
) -> Result<Verified<T>, Error> {
    let signers = root.role(role).ok_or_else(|| Error::Shape(format!("root names no keys for {role}")))?;
    judge::accept(bytes, &Expectation { role, keys: &root.keys, signers, meta })
        .map_err(|fault| Error::Refused { path, fault })
}

/// A role that `delegations` lead to.
pub(super) fn delegated(
    origin: &dyn Origin,
    delegations: &Delegations,
    child: &DelegatedRole,
    listing: &dyn Lists,
) -> Result<Verified<Targets>, Error> {
    let (path, meta) = child_file(child, listing)?;
    accept_child(&bytes_of(origin, &path)?, delegations, child, path, &meta)
}

/// The same, with what its file hashes to.
pub(super) fn delegated_file(
    origin: &dyn Origin,
    delegations: &Delegations,
    child: &DelegatedRole,
    listing: &dyn Lists,
) -> Result<(Verified<Targets>, Sha256), Error> {
    let (path, meta) = child_file(child, listing)?;
    let bytes = bytes_of(origin, &path)?;
    Ok((accept_child(&bytes, delegations, child, path, &meta)?, Sha256::of(&bytes)))
}

fn child_file<'a>(
    child: &DelegatedRole,
    listing: &'a dyn Lists,
) -> Result<(String, Cow<'a, RoleMeta>), Error> {
    let meta = listed(listing, &child.name)?;
    Ok((layout::role_file(&child.name, meta.version), meta))
}

fn accept_child(
    bytes: &[u8],
    delegations: &Delegations,
    child: &DelegatedRole,
    path: String,
    meta: &RoleMeta,
) -> Result<Verified<Targets>, Error> {
    let signers = child.role_keys();
    let expected =
        Expectation { role: &child.name, keys: &delegations.keys, signers: &signers, meta: Some(meta) };
    judge::accept(bytes, &expected).map_err(|fault| Error::Refused { path, fault })
}

/// A bin that `delegations` lead to; the first of a tree that is empty stays in `empty`.
pub(super) fn whole_bin(
    origin: &dyn Origin,
    delegations: &Delegations,
    child: &DelegatedRole,
    listing: &dyn Lists,
    empty: &OnceLock<Empty<Verified<Targets>>>,
) -> Result<Verified<Targets>, Error> {
    let (path, meta) = child_file(child, listing)?;
    let bytes = bytes_of(origin, &path)?;
    let (role, keys, signers) = (&child.name, &delegations.keys, &child.role_keys());
    let expected = Expectation { role, keys, signers, meta: Some(&meta) };
    if let Some(empty) = empty.get().filter(|empty| empty.stands_for(&bytes, &expected)) {
        return Ok(empty.bin.clone());
    }
    let bin: Verified<Targets> =
        judge::accept(&bytes, &expected).map_err(|fault| Error::Refused { path, fault })?;
    if bin.targets.is_empty() {
        empty.get_or_init(|| Empty::new(&bytes, bin.version, &expected, bin.clone()));
    }
    Ok(bin)
}

/// The same of a bin that is given to `take` and not held.
pub(super) fn bin<T, E: From<Error>>(
    origin: &dyn Origin,
    empty: &OnceLock<Empty<()>>,
    (role, keys, signers): (&RoleName, &BTreeMap<KeyId, Key>, &RoleKeys),
    listing: &dyn Lists,
    take: impl FnOnce(&VerifiedBin<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let meta = listed(listing, role)?;
    let path = layout::role_file(role, meta.version);
    let bytes = bytes_of(origin, &path)?;
    let expected = Expectation { role, keys, signers, meta: Some(&meta) };
    let bin =
        trust::bin::accept(&bytes, &expected, empty.get()).map_err(|fault| Error::Refused { path, fault })?;
    if bin.count() == 0 {
        empty.get_or_init(|| Empty::new(&bytes, bin.version(), &expected, ()));
    }
    take(&bin)
}

/// What the snapshot says of a role.
pub(super) fn listed<'a>(listing: &'a dyn Lists, role: &RoleName) -> Result<Cow<'a, RoleMeta>, Error> {
    listing.meta(role).ok_or_else(|| Error::Shape(format!("the snapshot does not list the role {role}")))
}

fn bytes_of(origin: &dyn Origin, path: &str) -> Result<Vec<u8>, Error> {
    origin.file(path, LARGEST)?.ok_or_else(|| Error::Missing { path: path.to_owned() })
}
