//! Key files: one key each, for its owner's eyes only.

use super::pem::{self, Contents, Passphrase};
use super::{Ed25519, Signer as _, ed25519};
use crate::disk::{self, read, write};
use crate::model::Key;
use std::path::{Path, PathBuf};

/// Why a key file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none.
    #[error("there is no key file {}; if it was there, restore it from a backup", .0.display())]
    Missing(PathBuf),
    /// It cannot be read or written.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// Others than its owner may read it.
    #[error("{} may be read by others (mode {mode:o}); run: chmod 600 {}", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What stands in it is no key, or the passphrase is wrong.
    #[error("{}: {source}", path.display())]
    Contents {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: pem::Error,
    },
    /// No passphrase could be had.
    #[error("{} is encrypted, and there is no passphrase for it: {reason}", path.display())]
    NoPassphrase {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// No key could be made.
    #[error(transparent)]
    Randomness(#[from] ed25519::NoRandomness),
}

/// Where a passphrase comes from: asked only if a key needs one.
pub type Ask<'a> = dyn Fn(&Path) -> Result<Passphrase, String> + 'a;

/// Loads the key at `path`.
///
/// # Errors
/// [`Error`], each naming the file.
pub fn load(path: &Path, ask: &Ask<'_>) -> Result<Ed25519, Error> {
    let file = match read::OpenFile::open(path) {
        Ok(file) => file,
        Err(e) if e.is_not_found() => return Err(Error::Missing(path.to_owned())),
        Err(e) => return Err(e.into()),
    };
    let mode = file.mode()?;
    if mode & 0o077 != 0 {
        return Err(Error::Open { path: path.to_owned(), mode });
    }
    let contents = |source| Error::Contents { path: path.to_owned(), source };
    let text = file.secret_text()?.ok_or_else(|| contents(pem::Error::NotPkcs8))?;
    match pem::read(&text).map_err(contents)? {
        Contents::Plain(key) => Ok(*key),
        Contents::Encrypted(locked) => {
            let no_passphrase = |reason| Error::NoPassphrase { path: path.to_owned(), reason };
            let passphrase = ask(path).map_err(no_passphrase)?;
            locked.open(&passphrase).map_err(contents)
        }
    }
}

/// The public key in the file at `path`, if it holds that half alone; such a file is nobody's secret.
///
/// # Errors
/// [`Error`], each naming the file.
pub fn public_half(path: &Path) -> Result<Option<Key>, Error> {
    let text = match read::secret_through_links(path) {
        Err(e) if e.is_not_found() => return Err(Error::Missing(path.to_owned())),
        text => text?,
    };
    let contents = |source| Error::Contents { path: path.to_owned(), source };
    let text = text.ok_or_else(|| contents(pem::Error::NotPkcs8))?;
    pem::public(&text).transpose().map_err(contents)
}

/// The public key in the file at `path`, private or public; a passphrase is asked for only if it
/// cannot be had otherwise. Who may read the file is not looked at: nothing is signed.
///
/// # Errors
/// [`Error`], each naming the file.
pub fn public(path: &Path, ask: &Ask<'_>) -> Result<Key, Error> {
    let text = match read::secret_through_links(path) {
        Err(e) if e.is_not_found() => return Err(Error::Missing(path.to_owned())),
        text => text?,
    };
    let contents = |source| Error::Contents { path: path.to_owned(), source };
    let text = text.ok_or_else(|| contents(pem::Error::NotPkcs8))?;
    if let Some(key) = pem::public(&text) {
        return key.map_err(contents);
    }
    match pem::read(&text).map_err(contents)? {
        Contents::Plain(key) => Ok(key.key().clone()),
        Contents::Encrypted(locked) => {
            if let Some(key) = locked.public() {
                return Ok(key);
            }
            let no_passphrase = |reason| Error::NoPassphrase { path: path.to_owned(), reason };
            let passphrase = ask(path).map_err(no_passphrase)?;
            Ok(locked.open(&passphrase).map_err(contents)?.key().clone())
        }
    }
}

/// Makes a new key and writes it to `path`, where nothing may be; encrypted if there is a
/// passphrase.
///
/// # Errors
/// If the file is there, or cannot be written.
pub fn create(path: &Path, passphrase: Option<&str>) -> Result<Ed25519, Error> {
    let key = Ed25519::generate()?;
    let text =
        pem::write(&key, passphrase).map_err(|source| Error::Contents { path: path.to_owned(), source })?;
    write::write_secret(path, text.as_bytes())?;
    Ok(key)
}
