//! `author sign --add-to`: one more holder signs a submission that another made.

use super::{Error, Published, unseen};
use crate::keys::Signer;
use crate::model::{KeyId, Moment, ProjectName, ProjectRole, RoleKeys, RoleName, Version};
use crate::pipeline::sign;
use crate::submission::{Submission, pack};
use crate::trust::verified;
use std::collections::BTreeMap;
use std::path::Path;

/// What was signed.
#[derive(Clone, Debug)]
pub struct Added {
    /// The role.
    pub role: RoleName,
    /// Its version.
    pub version: Version,
    /// How many of the holders have signed, and how many must.
    pub signed: (u32, u32),
}

/// What to sign, too.
pub struct AddTo<'a> {
    /// The project.
    pub project: &'a ProjectName,
    /// The submission that another made.
    pub zip: &'a Path,
    /// What is published: it says who holds the project, where the submission does not.
    pub from: Option<Published<'a>>,
    /// The run's now.
    pub now: Moment,
}

/// Adds the signatures of `signers` to the project's own role, and writes the whole to `out`.
///
/// # Errors
/// [`Error`].
pub fn add_signature(request: &AddTo<'_>, signers: &[&dyn Signer], out: &Path) -> Result<Added, Error> {
    let (project, zip) = (request.project, request.zip);
    let submission = Submission::open(zip)?;
    if submission.project != *project {
        let what = format!("{} is for {}, and not for {project}", zip.display(), submission.project);
        return Err(Error::Standing(what));
    }
    let own = submission.roles.get(&ProjectRole::Own).ok_or_else(|| {
        Error::Standing(format!("{} holds no role that more than one key has to sign", zip.display()))
    })?;
    let (holders, threshold) = match (&submission.claim, request.from) {
        (Some(claim), _) => (claim.keys.clone(), claim.threshold),
        (None, Some(from)) => {
            let client = from.open(project, request.now)?;
            let held = client.project.as_ref().filter(|project| !project.is_suspended());
            let nobody =
                || Error::Standing(format!("nobody holds {project} there, and the ZIP carries no keys"));
            let held = held.ok_or_else(nobody)?;
            (held.keys.clone(), held.delegation.keys.threshold)
        }
        (None, None) => {
            let what = "the ZIP does not say who holds the project: give --from SITE and --root FILE";
            return Err(Error::Standing(what.to_owned()));
        }
    };
    if let Some(what) = unseen::fault(own.envelope.signed(), project, &holders) {
        let what = format!("{} is none that an index takes in: {what}. Ask whoever made it", zip.display());
        return Err(Error::Refused(what));
    }
    sign::fits(&own.name, own.envelope.covered(), signers)?;
    let mut envelope = own.envelope.clone();
    for signer in signers {
        if !holders.contains_key(signer.keyid()) {
            let ids: Vec<&str> = holders.keys().map(KeyId::as_str).collect();
            let named = format!("{} do", ids.join(", "));
            return Err(Error::NotAHolder { key: signer.keyid().clone(), role: own.name.clone(), named });
        }
        let signature = signer.sign(own.envelope.covered()).map_err(sign::Error::from)?;
        envelope = envelope.with_signature(signature);
    }
    let bytes = envelope.to_bytes().map_err(sign::Error::from)?;
    let replaced = BTreeMap::from([(own.file(), bytes)]);
    pack::copy_with(&submission, &replaced, out)?;
    // What stands on it is no signature yet.
    let all = RoleKeys::new(holders.keys().cloned().collect(), u32::MAX);
    let count = verified::check(&envelope, &holders, &all).err().map_or(0, |shortfall| shortfall.valid);
    let signed = (count, threshold);
    Ok(Added { role: own.name.clone(), version: own.version, signed })
}
