//! `author join`: a member's first, empty, signed role.

use super::{Error, Published, name_of, next, targets};
use crate::keys::Signer;
use crate::model::{MemberName, Moment, ProjectName, ProjectRole, Version};
use crate::pipeline::sign;
use crate::submission::Joining;
use crate::submission::check::LONGEST_LIFE;
use std::collections::BTreeMap;
use std::path::Path;

/// Signs the role and writes it to `out`; gives its version.
///
/// # Errors
/// [`Error`].
pub fn join(
    project: &ProjectName,
    member: &MemberName,
    signer: &dyn Signer,
    from: Option<Published<'_>>,
    now: Moment,
    out: &Path,
) -> Result<Version, Error> {
    let role = name_of(&ProjectRole::Member(member.clone()), project)?;
    let client = from.map(|from| from.open(project, now)).transpose()?;
    let version = next(client.as_ref(), &role);
    let metadata = targets(version, now.plus(LONGEST_LIFE), BTreeMap::new(), None);
    let signed = sign::role(role, metadata, &[signer])?;
    Joining::write(project, member, signer.key(), &signed.bytes, out)?;
    Ok(version)
}
