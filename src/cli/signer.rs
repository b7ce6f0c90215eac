//! Keys that sign, by the files that name them: private ones, or public ones whose other half lies in a
//! running ssh-agent.

use super::args::Common;
use super::failure::{Failure, REFUSED};
use super::passphrase;
use std::path::{Path, PathBuf};
use tuffet::keys::agent::AgentKey;
use tuffet::keys::{Signer, file};

/// Where an ssh-agent says that it is.
const AGENT: &str = "SSH_AUTH_SOCK";

/// The key that the file at `path` names.
pub(crate) fn load(common: &Common, path: &Path) -> Result<Box<dyn Signer>, Failure> {
    if let Some(public) = file::public_half(path)? {
        let socket = std::env::var_os(AGENT).filter(|path| !path.is_empty()).map(PathBuf::from);
        let key = AgentKey::find(public, path, socket.as_deref());
        return Ok(Box::new(key.map_err(|e| Failure::new(REFUSED, e.to_string()))?));
    }
    Ok(Box::new(file::load(path, &|path| passphrase::ask(common, path))?))
}

/// All of them, each key once.
pub(crate) fn load_all(common: &Common, paths: &[PathBuf]) -> Result<Vec<Box<dyn Signer>>, Failure> {
    let mut signers: Vec<Box<dyn Signer>> = Vec::new();
    for path in paths {
        let signer = load(common, path)?;
        if !signers.iter().any(|other| other.keyid() == signer.keyid()) {
            signers.push(signer);
        }
    }
    Ok(signers)
}
