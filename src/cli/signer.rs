//! Keys that sign, by what names them: a file with a private key, or with a public one whose other half lies in a
//! running ssh-agent; a `pkcs11:` URI of a key in a token, or a file that holds one.

use super::args::Common;
use super::failure::{Failure, REFUSED};
use super::settings::Settings;
use super::{passphrase, pin};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tuffet::keys::agent::AgentKey;
use tuffet::keys::file::{self, Names, SCHEME};
use tuffet::keys::pem::Passphrase;
use tuffet::keys::token::{self, TokenKey, Uri, Way};
use tuffet::keys::{KeyPair, Signer};
use tuffet::model::{Key, moment};
use tuffet::state::State;

/// Where an ssh-agent says that it is.
const AGENT: &str = "SSH_AUTH_SOCK";

/// The module that knows the tokens.
const MODULE: &str = "TUFFET_PKCS11_MODULE";

/// The key that `name` names.
pub(crate) fn load(common: &Common, name: &Path) -> Result<Box<dyn Signer>, Failure> {
    load_with(common, None, name)
}

/// The same; `settings` say which module knows the tokens, where nothing else does.
pub(crate) fn load_with(
    common: &Common,
    settings: Option<&Settings>,
    name: &Path,
) -> Result<Box<dyn Signer>, Failure> {
    if let Some(uri) = uri(name)? {
        return token(common, settings, &uri);
    }
    match file::names(name)? {
        Some(Names::Token(text)) => token(common, settings, &parsed(&text)?),
        Some(Names::Public(public)) => {
            let key = AgentKey::find(public, name, variable(AGENT).as_deref(), patience(common)?);
            Ok(Box::new(key.map_err(|e| Failure::new(REFUSED, e.to_string()))?))
        }
        None => Ok(Box::new(pair(common, name)?)),
    }
}

/// The key in the file at `path`.
fn pair(common: &Common, path: &Path) -> Result<KeyPair, Failure> {
    Ok(file::load(path, &|path| passphrase::ask(common, path))?)
}

/// All of them, each key once.
pub(crate) fn load_all(common: &Common, names: &[PathBuf]) -> Result<Vec<Box<dyn Signer>>, Failure> {
    let mut signers: Vec<Box<dyn Signer>> = Vec::new();
    for name in names {
        let signer = load(common, name)?;
        if !signers.iter().any(|other| other.keyid() == signer.keyid()) {
            signers.push(signer);
        }
    }
    Ok(signers)
}

/// The online key: the one that pipeline.toml names, else the one in the state folder.
pub(crate) fn online(
    common: &Common,
    settings: &Settings,
    state: &State,
) -> Result<Box<dyn Signer>, Failure> {
    match &settings.online {
        Some(uri) => token(common, Some(settings), uri),
        None => load_with(common, Some(settings), &state.online_key()),
    }
}

/// Whether the online key lies in a token.
pub(crate) fn is_online_in_token(settings: &Settings, state: &State) -> bool {
    settings.online.is_some() || matches!(token_in(&state.online_key()), Ok(Some(_)))
}

/// The public half of the key that `name` names.
pub(crate) fn public(common: &Common, name: &Path) -> Result<Key, Failure> {
    let uri = match uri(name)? {
        Some(uri) => Some(uri),
        None => match file::names(name)? {
            Some(Names::Token(text)) => Some(parsed(&text)?),
            Some(Names::Public(key)) => return Ok(key),
            None => None,
        },
    };
    match uri {
        None => Ok(file::public(name, &|path| passphrase::ask(common, path))?),
        Some(uri) => with_way(common, None, &uri, token::public),
    }
}

/// The key in a token that the file at `name` names, if it names one.
pub(crate) fn token_in(name: &Path) -> Result<Option<Uri>, Failure> {
    match file::names(name)? {
        Some(Names::Token(text)) => parsed(&text).map(Some),
        _ => Ok(None),
    }
}

/// What goes into the state folder of a key that is there already: its URI, or all that its file holds.
pub(crate) fn text(name: &Path) -> Result<Passphrase, Failure> {
    let in_file = || token_in(name);
    let named = uri(name)?.map_or_else(in_file, |uri| Ok(Some(uri)))?;
    if let Some(uri) = &named
        && let Some(path) = uri.pin_source.as_ref().filter(|path| path.is_relative())
    {
        return Err(Failure::usage(format!(
            "{uri}: pin-source names {}, and the URI is read by runs in other folders: give the whole path",
            path.display()
        )));
    }
    if uri(name)?.is_some() {
        return Ok(Passphrase::new(format!("{}\n", name.display())));
    }
    Ok(file::text(name)?)
}

/// The URI that a name is, if it is one.
pub(crate) fn uri(name: &Path) -> Result<Option<Uri>, Failure> {
    match name.to_str().filter(|text| text.starts_with(SCHEME)) {
        Some(text) => parsed(text).map(Some),
        None => Ok(None),
    }
}

fn parsed(text: &str) -> Result<Uri, Failure> {
    text.parse().map_err(|e: token::NotAUri| Failure::usage(e.to_string()))
}

fn token(common: &Common, settings: Option<&Settings>, uri: &Uri) -> Result<Box<dyn Signer>, Failure> {
    with_way(common, settings, uri, |way| TokenKey::find(way).map(|key| Box::new(key) as Box<dyn Signer>))
}

fn with_way<T>(
    common: &Common,
    settings: Option<&Settings>,
    uri: &Uri,
    then: impl FnOnce(&Way<'_>) -> Result<T, token::Error>,
) -> Result<T, Failure> {
    let module = variable(MODULE).or_else(|| settings?.pkcs11_module.clone());
    let way = Way { uri, module: module.as_deref(), pin: &pin::ask, patience: patience(common)? };
    then(&way).map_err(|e| Failure::new(REFUSED, e.to_string()))
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// `--signer-timeout SPAN`.
fn patience(common: &Common) -> Result<Duration, Failure> {
    let span = moment::parse_duration(&common.signer_timeout);
    span.map_err(|e| Failure::usage(format!("--signer-timeout: {e}")))
}
