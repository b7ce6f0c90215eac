//! Keys in tokens, through PKCS#11: a smart card, a hardware security module, SoftHSM. The key never leaves it.
//!
//! The module that knows the token is code that is loaded at run time, and may hang: all of it is called on a thread of
//! its own. Of one token several keys may be used at a time, so that each closes its own session, and nobody logs the
//! others out; the token logs out with the last.

#[cfg(feature = "pkcs11")]
mod module;
mod uri;

#[cfg(not(feature = "pkcs11"))]
use self::without as module;
use super::pem::Passphrase;
use super::remote::{Remote, Silent};
use super::{CannotSign, Signer};
use crate::model::{Key, KeyId};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use uri::{Error as NotAUri, Uri};

/// Why a key in a token cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// This build knows no tokens.
    #[error("this tuffet was built without the feature `pkcs11`, and uses no keys in tokens")]
    NotBuilt,
    /// Nobody says which module knows the token.
    #[error(
        "{0}: which module knows this token? Add ?module-path=FILE to the URI, set TUFFET_PKCS11_MODULE, or \
         keys.pkcs11_module in pipeline.toml (SoftHSM's is /usr/lib/softhsm/libsofthsm2.so)"
    )]
    NoModule(String),
    /// The module cannot be used.
    #[error("{}: this PKCS#11 module cannot be used: {what}", path.display())]
    Module {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The token is not there.
    #[error("{uri}: there is no such token; {}. Is it plugged in?", listed("the module shows", there))]
    NoToken {
        /// What was looked for.
        uri: String,
        /// The labels of those that are.
        there: Vec<String>,
    },
    /// Several tokens fit.
    #[error("{uri}: several tokens fit: {}. Name one by its serial=", there.join(", "))]
    TwoTokens {
        /// What was looked for.
        uri: String,
        /// Their labels and serial numbers.
        there: Vec<String>,
    },
    /// The key is not there.
    #[error("{uri}: the token holds no such key; {}", listed("it holds", there))]
    NoObject {
        /// What was looked for.
        uri: String,
        /// The labels and ids of those that are.
        there: Vec<String>,
    },
    /// Several keys fit.
    #[error("{uri}: several keys fit: {}. Name one by its id=", there.join(", "))]
    TwoObjects {
        /// What was looked for.
        uri: String,
        /// Their labels and ids.
        there: Vec<String>,
    },
    /// There is a private key, and nothing that says which.
    #[error(
        "{0}: the token holds the private key and not its public half: put that beside it, under the same id"
    )]
    NoPublicHalf(String),
    /// The key is of another kind.
    #[error("{uri}: it is a key of another kind than Ed25519 and P-256 ({kind})")]
    Kind {
        /// What was looked for.
        uri: String,
        /// Which.
        kind: String,
    },
    /// No PIN could be had.
    #[error("{uri}: the token wants a PIN, and there is none: {reason}")]
    NoPin {
        /// The key.
        uri: String,
        /// Why not.
        reason: String,
    },
    /// The PIN is wrong.
    #[error(
        "{uri}: {} is wrong. Correct it before anything is tried again, for tokens count{}", the_pin(file.as_deref()),
        if *is_last { ": the next wrong one locks this one" } else { "" }
    )]
    WrongPin {
        /// The key.
        uri: String,
        /// The file that the PIN was read from, if its URI names one.
        file: Option<PathBuf>,
        /// Whether there is one try left.
        is_last: bool,
    },
    /// The PIN was wrong too often.
    #[error(
        "{0}: its PIN was wrong too often, and is locked: the token's security officer sets another (`pkcs11-tool \
         --init-pin --login --login-type so`)"
    )]
    PinLocked(String),
    /// Nobody has set a PIN.
    #[error("{0}: the token has no PIN yet: set one (`pkcs11-tool --init-pin --login --login-type so`)")]
    PinNotSet(String),
    /// The token went away.
    #[error("{0}: the token was removed")]
    Removed(String),
    /// The token is silent.
    #[error("{uri}: {silent}")]
    Silent {
        /// The key.
        uri: String,
        /// How.
        silent: Silent,
    },
    /// The module refused something else.
    #[error("{uri}: the module refused: {what}")]
    Refused {
        /// The key.
        uri: String,
        /// What it said.
        what: String,
    },
}

fn the_pin(source: Option<&Path>) -> String {
    match source {
        Some(path) => format!("the PIN in {}", path.display()),
        None => "the PIN".to_owned(),
    }
}

fn listed(verb: &str, there: &[String]) -> String {
    if there.is_empty() { format!("{verb} none") } else { format!("{verb} {}", there.join(", ")) }
}

/// Where a PIN comes from: asked only if the token wants one.
pub type AskPin<'a> = dyn Fn(&Uri) -> Result<Passphrase, String> + 'a;

/// A key in a token, and the way to it.
pub struct Way<'a> {
    /// The key.
    pub uri: &'a Uri,
    /// The module, where the URI names none.
    pub module: Option<&'a Path>,
    /// Where a PIN comes from.
    pub pin: &'a AskPin<'a>,
    /// How long an answer may take.
    pub patience: Duration,
}

impl Way<'_> {
    /// Opens a session, not logged in yet; says how to.
    fn open(&self) -> Result<(Remote<module::Held>, module::Login), Error> {
        let uri = self.uri.clone();
        let module = uri.module.as_deref().or(self.module);
        let module = module.ok_or_else(|| Error::NoModule(uri.to_string()))?.to_owned();
        let failed = |e: std::io::Error| Error::Refused { uri: uri.to_string(), what: e.to_string() };
        let token = Remote::start(self.patience).map_err(failed)?;
        let login = self.ask(&token, move |held, uri| held.open(&module, uri))?;
        Ok((token, login))
    }

    /// Logs in.
    fn log_in(&self, token: &Remote<module::Held>, login: module::Login) -> Result<(), Error> {
        let pin = match login {
            module::Login::None => return Ok(()),
            // Somebody types it into the token itself.
            module::Login::Elsewhere => None,
            module::Login::Pin => Some(
                (self.pin)(self.uri).map_err(|reason| Error::NoPin { uri: self.uri.to_string(), reason })?,
            ),
        };
        self.ask(token, move |held, uri| held.log_in(uri, pin.as_ref()))
    }

    fn ask<T: Send + 'static>(
        &self,
        token: &Remote<module::Held>,
        what: impl FnOnce(&mut module::Held, &Uri) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let uri = self.uri.clone();
        let answer = token.ask(move |held| what(held, &uri));
        answer.map_err(|silent| Error::Silent { uri: self.uri.to_string(), silent })?
    }
}

/// The public half of a key in a token; a PIN is asked for only if it cannot be had otherwise.
///
/// # Errors
/// [`Error`].
pub fn public(way: &Way<'_>) -> Result<Key, Error> {
    let (token, login) = way.open()?;
    match way.ask(&token, |held, uri| held.public(uri)) {
        Err(Error::NoObject { .. }) => {
            way.log_in(&token, login)?;
            way.ask(&token, |held, uri| held.public(uri))
        }
        other => other,
    }
}

/// A key in a token.
pub struct TokenKey {
    token: Remote<module::Held>,
    key: Key,
    keyid: KeyId,
}

impl TokenKey {
    /// Finds it, and logs in.
    ///
    /// # Errors
    /// [`Error`].
    pub fn find(way: &Way<'_>) -> Result<Self, Error> {
        let (token, login) = way.open()?;
        way.log_in(&token, login)?;
        let key = way.ask(&token, |held, uri| held.choose(uri))?;
        let failed = |what: String| Error::Refused { uri: way.uri.to_string(), what };
        let keyid = key.id().map_err(|e| failed(e.to_string()))?;
        Ok(Self { token, key, keyid })
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TokenKey({})", self.keyid)
    }
}

impl Signer for TokenKey {
    fn key(&self) -> &Key {
        &self.key
    }

    fn keyid(&self) -> &KeyId {
        &self.keyid
    }

    fn answer(&self, message: &[u8]) -> Result<Vec<u8>, CannotSign> {
        let refuse = |reason: String| CannotSign { keyid: self.keyid.clone(), reason };
        let message = message.to_owned();
        let answer = self.token.ask(move |held| held.sign(&message));
        answer.map_err(|silent| refuse(format!("the token: {silent}")))?.map_err(refuse)
    }
}

/// What stands in for [`module`] where it is not built.
#[cfg(not(feature = "pkcs11"))]
mod without {
    use super::{Error, Key, Passphrase, Path, Uri};

    #[derive(Default)]
    pub(super) struct Held;

    pub(super) enum Login {
        None,
        Elsewhere,
        Pin,
    }

    impl Held {
        pub(super) fn open(&mut self, _: &Path, _: &Uri) -> Result<Login, Error> {
            let _ = (Login::None, Login::Elsewhere, Login::Pin);
            Err(Error::NotBuilt)
        }

        pub(super) fn log_in(&mut self, _: &Uri, _: Option<&Passphrase>) -> Result<(), Error> {
            Err(Error::NotBuilt)
        }

        pub(super) fn public(&mut self, _: &Uri) -> Result<Key, Error> {
            Err(Error::NotBuilt)
        }

        pub(super) fn choose(&mut self, _: &Uri) -> Result<Key, Error> {
            Err(Error::NotBuilt)
        }

        pub(super) fn sign(&mut self, _: &[u8]) -> Result<Vec<u8>, String> {
            Err(Error::NotBuilt.to_string())
        }
    }
}
