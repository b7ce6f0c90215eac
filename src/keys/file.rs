//! Key files: one key each, for its owner's eyes only.

use super::pem::{self, Contents, Passphrase};
use super::{KeyPair, Kind, Signer as _, ed25519};
use crate::disk::{self, read, write};
use crate::model::Key;
use std::path::{Path, PathBuf};

/// How the URI of a key in a token begins (RFC 7512).
pub const SCHEME: &str = "pkcs11:";

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
pub fn load(path: &Path, ask: &Ask<'_>) -> Result<KeyPair, Error> {
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

/// What a file says in place of a private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Names {
    /// The public half of one that lies elsewhere.
    Public(Key),
    /// A key in a token, by its `pkcs11:` URI.
    Token(String),
}

/// What the file at `path` says of a key that lies elsewhere, if it holds none itself; such a file is nobody's secret.
///
/// # Errors
/// [`Error`], each naming the file.
pub fn names(path: &Path) -> Result<Option<Names>, Error> {
    let text = text(path)?;
    if let Some(uri) = token(&text) {
        return Ok(Some(Names::Token(uri.to_owned())));
    }
    let contents = |source| Error::Contents { path: path.to_owned(), source };
    Ok(pem::public(&text).transpose().map_err(contents)?.map(Names::Public))
}

/// The URI of a key in a token, where that is all that a text says.
fn token(text: &str) -> Option<&str> {
    let text = text.trim();
    (text.starts_with(SCHEME) && !text.contains(char::is_whitespace)).then_some(text)
}

/// All that a key file holds, whoever may read it: to be copied.
///
/// # Errors
/// [`Error`], each naming the file.
pub fn text(path: &Path) -> Result<Passphrase, Error> {
    let text = match read::secret_through_links(path) {
        Err(e) if e.is_not_found() => return Err(Error::Missing(path.to_owned())),
        text => text?,
    };
    text.ok_or_else(|| Error::Contents { path: path.to_owned(), source: pem::Error::NotPkcs8 })
}

/// The public key in the file at `path`, private or public; a passphrase is asked for only if it
/// cannot be had otherwise. Who may read the file is not looked at: nothing is signed.
///
/// # Errors
/// [`Error`], each naming the file.
pub fn public(path: &Path, ask: &Ask<'_>) -> Result<Key, Error> {
    let text = text(path)?;
    let contents = |source| Error::Contents { path: path.to_owned(), source };
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

/// Makes a new key of this kind and writes it to `path`, where nothing may be; encrypted if there is a
/// passphrase.
///
/// # Errors
/// If the file is there, or cannot be written.
pub fn create(path: &Path, kind: Kind, passphrase: Option<&str>) -> Result<KeyPair, Error> {
    let key = KeyPair::generate(kind)?;
    let text =
        pem::write(&key, passphrase).map_err(|source| Error::Contents { path: path.to_owned(), source })?;
    write::write_secret(path, text.as_bytes())?;
    Ok(key)
}
