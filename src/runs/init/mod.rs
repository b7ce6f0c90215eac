//! `init`: makes the keys, those that are not given, and version 1 of every role. The offline keys are used here
//! once; from then on they belong somewhere else.

mod first;

use super::roles;
use crate::disk::{self, folder, write};
use crate::keys::{self, Kind, Signer, file};
use crate::model::{BinCount, Compression, KeyId, Moment, RoleName};
use crate::pipeline::sign;
use crate::report::{Code, Reporter, Silent, Stage, Warning, event};
use crate::site::swap::{self, RoleFile, Swap};
use crate::site::{self, Site};
use crate::state::State;
use crate::trust::Lives;
use std::collections::BTreeSet;
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
    /// Who holds root.
    pub root_keys: Quorum,
    /// Who holds `targets`, `claimed` and `unclaimed`.
    pub admin_keys: Quorum,
    /// How many bins.
    pub bins: BinCount,
    /// In which forms metadata gets compressed copies.
    pub compress: &'a [Compression],
    /// How long roles live.
    pub lives: &'a Lives,
    /// The run's now.
    pub now: Moment,
}

/// Where keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// They are made.
    Made,
    /// They are there already.
    Given,
}

/// Keys that hold a role together.
#[derive(Clone, Copy, Debug)]
pub struct Quorum {
    /// How many there are.
    pub keys: u32,
    /// How many of them must sign.
    pub threshold: u32,
    /// Where they come from.
    pub source: Source,
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
pub struct Keys {
    /// Root keys.
    pub root: Vec<Box<dyn Signer>>,
    /// Administrators' keys.
    pub admin: Vec<Box<dyn Signer>>,
    /// The online key.
    pub online: Box<dyn Signer>,
}

/// A key that is there already.
pub struct Given {
    /// What it is called: its file, or its URI.
    pub name: PathBuf,
    /// The key.
    pub signer: Box<dyn Signer>,
}

/// Keys that are there already, in place of making any.
#[derive(Default)]
pub struct GivenKeys {
    /// Root keys; if there are none, they are made.
    pub root: Vec<Given>,
    /// Administrators' keys; if there are none, they are made.
    pub admin: Vec<Given>,
    /// The online key, and what of it goes into the state folder.
    pub online: Option<(Given, Option<keys::pem::Passphrase>)>,
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
    /// One key in two places.
    #[error("key {} is given twice, and what several keys sign is worth as much as there are holders", .0.short())]
    Twice(KeyId),
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
    given: GivenKeys,
    reporter: &dyn Reporter,
) -> Result<Outcome, Error> {
    let online_path = State::new(request.state).online_key();
    refuse(request.site, request.keys_dir, &online_path, request.root_keys, request.admin_keys)?;
    refuse_twice(&given)?;
    let root_paths = key_paths(request.keys_dir, "root", request.root_keys);
    let admin_paths = key_paths(request.keys_dir, "admin", request.admin_keys);
    let create = |path: &Path, passphrase: Option<&keys::pem::Passphrase>| -> Result<Given, Error> {
        let key = file::create(path, Kind::Ed25519, passphrase.map(|passphrase| passphrase.as_str()))?;
        Ok(Given { name: path.to_owned(), signer: Box::new(key) })
    };
    let offline = |given: Vec<Given>, paths: &[PathBuf]| -> Result<(Vec<PathBuf>, Vec<_>), Error> {
        let all = match given.is_empty() {
            true => paths
                .iter()
                .map(|path| create(path, passphrases.offline.as_ref()))
                .collect::<Result<_, _>>()?,
            false => given,
        };
        Ok(all.into_iter().map(|key| (key.name, key.signer)).unzip())
    };
    let (root_keys, admin_keys, online_key, keys) =
        event::stage(reporter, Stage::Sign, None, || -> Result<_, Error> {
            let (root_names, root) = offline(given.root, &root_paths)?;
            let (admin_names, admin) = offline(given.admin, &admin_paths)?;
            let online = match given.online {
                None => create(&online_path, passphrases.online.as_ref())?,
                Some((online, text)) => {
                    if let Some(text) = text {
                        write::write_secret(&online_path, text.as_bytes())?;
                    }
                    online
                }
            };
            Ok((root_names, admin_names, online.name, Keys { root, admin, online: online.signer }))
        })?;
    let as_it_is = keys.admin.iter().filter(|key| key.of_role(&RoleName::claimed()).is_none());
    for key in as_it_is {
        let message = format!(
            "administrator's key {} signs targets, claimed and unclaimed as it is, so that one can be shown for another \
             (docs/ceremony.md): give each a key of its own, by a ceremony",
            key.keyid().short()
        );
        reporter.warn(Warning::of_run(Code::AsItIs, message));
    }
    publish_first(request, &keys)?;
    Ok(Outcome { root_keys, admin_keys, online_key, bins: request.bins })
}

/// No key counts for two of the same threshold.
fn refuse_twice(given: &GivenKeys) -> Result<(), Error> {
    for keys in [&given.root, &given.admin] {
        let mut seen = BTreeSet::new();
        if let Some(twice) = keys.iter().find(|key| !seen.insert(key.signer.keyid())) {
            return Err(Error::Twice(twice.signer.keyid().clone()));
        }
    }
    Ok(())
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
    staging.close();
    Ok(())
}

/// Where keys go that are made.
fn key_paths(keys_dir: &Path, name: &str, quorum: Quorum) -> Vec<PathBuf> {
    let count = if quorum.source == Source::Made { quorum.keys } else { 0 };
    (1..=count).map(|number| keys_dir.join(format!("{name}-{number}.key"))).collect()
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
    root_keys: Quorum,
    admin_keys: Quorum,
) -> Result<(), Error> {
    for (what, Quorum { keys, threshold, .. }) in [("root", root_keys), ("admin", admin_keys)] {
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
    let [root, admin] =
        [("root", root_keys), ("admin", admin_keys)].map(|(name, of)| key_paths(keys_dir, name, of));
    for path in root.iter().chain(&admin).map(PathBuf::as_path).chain([online_key]) {
        if folder::is_there(path)? {
            let way_out = "move it away if it belongs to another repository, or name another folder";
            return Err(Error::Exists { path: path.to_owned(), way_out });
        }
    }
    Ok(())
}
