//! `author sign --add-to`: one more holder signs a submission that another made.

use super::Error;
use crate::keys::Signer;
use crate::model::{ProjectName, ProjectRole, RoleName, Version};
use crate::pipeline::sign;
use crate::submission::{Submission, pack};
use std::collections::BTreeMap;
use std::path::Path;

/// What was signed.
#[derive(Clone, Debug)]
pub struct Added {
    /// The role.
    pub role: RoleName,
    /// Its version.
    pub version: Version,
    /// How many of the keys that the ZIP carries have signed, and how many must; none if it carries none.
    pub signed: Option<(u32, u32)>,
}

/// Adds the signatures of `signers` to the project's own role in `zip`, and writes the whole to `out`.
///
/// # Errors
/// [`Error`].
pub fn add_signature(
    project: &ProjectName,
    zip: &Path,
    signers: &[&dyn Signer],
    out: &Path,
) -> Result<Added, Error> {
    let submission = Submission::open(zip)?;
    if submission.project != *project {
        let what = format!("{} is for {}, and not for {project}", zip.display(), submission.project);
        return Err(Error::Standing(what));
    }
    let own = submission.roles.get(&ProjectRole::Own).ok_or_else(|| {
        Error::Standing(format!("{} holds no role that more than one key has to sign", zip.display()))
    })?;
    sign::fits(&own.name, own.envelope.covered(), signers)?;
    let mut envelope = own.envelope.clone();
    for signer in signers {
        if submission.claim.as_ref().is_some_and(|claim| !claim.keys.contains_key(signer.keyid())) {
            let named = "the ZIP does not carry it among the keys of the project".to_owned();
            return Err(Error::NotAHolder { key: signer.keyid().clone(), role: own.name.clone(), named });
        }
        let signature = signer.sign(own.envelope.covered()).map_err(sign::Error::from)?;
        envelope = envelope.with_signature(signature);
    }
    let bytes = envelope.to_bytes().map_err(sign::Error::from)?;
    let replaced = BTreeMap::from([(own.file(), bytes)]);
    pack::copy_with(&submission, &replaced, out)?;
    let signed = submission.claim.as_ref().map(|claim| {
        let count = envelope.signatures().iter().filter(|one| claim.keys.contains_key(&one.keyid)).count();
        (u32::try_from(count).unwrap_or(u32::MAX), claim.threshold)
    });
    Ok(Added { role: own.name.clone(), version: own.version, signed })
}
