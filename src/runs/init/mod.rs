//! `init`: makes the keys and version 1 of every role. The offline keys are made here and used
//! once; from then on they belong somewhere else.

mod first;

use super::roles;
use crate::disk::{self, folder};
use crate::keys::{self, Ed25519, file};
use crate::model::{BinCount, Compression, Moment};
use crate::pipeline::sign;
use crate::report::{Reporter, Silent, Stage, event};
use crate::site::swap::{self, RoleFile, Swap};
use crate::site::{self, Site};
use crate::state::State;
use crate::trust::Lives;
use std::path::{Path, PathBuf};

/// What a new repository is to be.
#[derive(Debug)]
pub struct Request<'a> {
    /// The site.
    pub site: &'a Path,
    /// The state folder.
    pub state: &'a Path,
    /// Where the offline keys go.
    pub keys_dir: &'a Path,
    /// How many root keys, and how many of them must sign.
    pub root_keys: (u32, u32),
    /// How many administrators' keys, and how many of them must sign.
    pub admin_keys: (u32, u32),
    /// How many bins.
    pub bins: BinCount,
    /// In which forms metadata gets compressed copies.
    pub compress: &'a [Compression],
    /// How long roles live.
    pub lives: &'a Lives,
    /// The run's now.
    pub now: Moment,
}

/// Passphrases for new key files; none for plain ones.
#[derive(Debug, Default)]
pub struct Passphrases {
    /// For the root and administrators' keys.
    pub offline: Option<keys::pem::Passphrase>,
    /// For the online key.
    pub online: Option<keys::pem::Passphrase>,
}

/// The keys of a new repository.
#[derive(Debug)]
pub struct Keys {
    /// Root keys.
    pub root: Vec<Ed25519>,
    /// Administrators' keys.
    pub admin: Vec<Ed25519>,
    /// The online key.
    pub online: Ed25519,
}

/// What was made.
#[derive(Debug)]
pub struct Outcome {
    /// The root keys.
    pub root_keys: Vec<PathBuf>,
    /// The administrators' keys.
    pub admin_keys: Vec<PathBuf>,
    /// The online key.
    pub online_key: PathBuf,
    /// How many bins.
    pub bins: BinCount,
}

/// Why a repository could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A threshold is 0, or above the number of keys.
    #[error(
        "--{what}-threshold {threshold} cannot be met by --{what}-keys {keys}: give one from 1 to {keys}"
    )]
    Threshold {
        /// "root" or "admin".
        what: &'static str,
        /// The number of keys.
        keys: u32,
        /// How many must sign.
        threshold: u32,
    },
    /// Something is there that would be overwritten.
    #[error("{} is there already, and init overwrites nothing; {way_out}", path.display())]
    Exists {
        /// What.
        path: PathBuf,
        /// What to do.
        way_out: &'static str,
    },
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] file::Error),
    /// A role could not be signed.
    #[error(transparent)]
    Sign(#[from] sign::Error),
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Makes the repository. The caller holds the lock.
///
/// # Errors
/// [`Error`]; whatever could be overwritten is left alone, and the timestamp, without which
/// nothing is published, comes last.
pub fn init(
    request: &Request<'_>,
    passphrases: &Passphrases,
    reporter: &dyn Reporter,
) -> Result<Outcome, Error> {
    let online_path = State::new(request.state).online_key();
    refuse(request.site, request.keys_dir, &online_path, request.root_keys, request.admin_keys)?;
    let (root_paths, admin_paths) = key_paths(request.keys_dir, request.root_keys.0, request.admin_keys.0);

    let create = |paths: &[PathBuf], passphrase: Option<&str>| -> Result<Vec<Ed25519>, Error> {
        paths.iter().map(|path| Ok(file::create(path, passphrase)?)).collect()
    };
    let offline = passphrases.offline.as_ref().map(|p| p.as_str());
    let keys = event::stage(reporter, Stage::Sign, None, || -> Result<_, Error> {
        Ok(Keys {
            root: create(&root_paths, offline)?,
            admin: create(&admin_paths, offline)?,
            online: file::create(&online_path, passphrases.online.as_ref().map(|p| p.as_str()))?,
        })
    })?;
    publish_first(request, &keys)?;
    Ok(Outcome {
        root_keys: root_paths,
        admin_keys: admin_paths,
        online_key: online_path,
        bins: request.bins,
    })
}

/// Publishes version 1 of every role, signed by these keys: `init` without making them, for
/// repositories whose every byte is to be known beforehand.
///
/// # Errors
/// If a role cannot be signed, or the file system fails.
pub fn publish_first(request: &Request<'_>, keys: &Keys) -> Result<(), Error> {
    let site = Site::new(request.site);
    let (roles, timestamp) = first::roles(request, keys)?;
    let staging = swap::open_staging(&site, &State::new(request.state).staging())?;
    let files: Vec<RoleFile<'_>> = roles.iter().map(roles::as_file).collect();
    let swap = Swap {
        roles: &files,
        root: None,
        timestamp: &timestamp.bytes,
        compress: request.compress,
        retires: None,
        now: request.now,
    };
    swap::publish(&site, &staging, Vec::new(), &swap, &Silent)?;
    Ok(())
}

fn key_paths(keys_dir: &Path, root: u32, admin: u32) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let paths = |name: &str, count: u32| {
        (1..=count).map(|number| keys_dir.join(format!("{name}-{number}.key"))).collect()
    };
    (paths("root", root), paths("admin", admin))
}

/// What [`init`] refuses before it makes anything: thresholds that cannot be met, and names that
/// are taken. For callers that would ask a person for passphrases first.
///
/// # Errors
/// [`Error::Threshold`] or [`Error::Exists`].
pub fn refuse(
    site: &Path,
    keys_dir: &Path,
    online_key: &Path,
    root_keys: (u32, u32),
    admin_keys: (u32, u32),
) -> Result<(), Error> {
    for (what, (keys, threshold)) in [("root", root_keys), ("admin", admin_keys)] {
        if threshold == 0 || threshold > keys {
            return Err(Error::Threshold { what, keys, threshold });
        }
    }
    let site = Site::new(site);
    if site::read::is_begun(&site)? {
        let path = site.folder().path(site::layout::METADATA);
        let way_out = "a repository is published there; for another one, name another site.path";
        return Err(Error::Exists { path, way_out });
    }
    let (root, admin) = key_paths(keys_dir, root_keys.0, admin_keys.0);
    for path in root.iter().chain(&admin).map(PathBuf::as_path).chain([online_key]) {
        if folder::is_there(path)? {
            let way_out = "move it away if it belongs to another repository, or name another folder";
            return Err(Error::Exists { path: path.to_owned(), way_out });
        }
    }
    Ok(())
}
