//! Putting an empty role under the online key in place of a project that stands in `recently-claimed`: the
//! name stays reserved, and nothing of it is published.

use super::lists::Registered;
use super::publish::{Error, Manner, stand_in};
use super::roles::Versions;
use crate::keys::Signer;
use crate::model::ProjectName;
use crate::model::project_role::SUSPENDS;
use crate::pipeline::sign::SignedRole;
use crate::site::Site;
use crate::site::outline::Outline;
use std::collections::BTreeMap;

/// What `recently-claimed` is to delegate to then, and the empty roles.
pub(super) fn suspend(
    published: &Outline,
    site: &Site,
    names: &[&ProjectName],
    manner: Manner<'_>,
    online: &dyn Signer,
) -> Result<(Registered, Vec<SignedRole>), Error> {
    let mut registered = Registered::of(published);
    let mut roles = Vec::new();
    if names.is_empty() {
        return Ok((registered, roles));
    }
    let versions = Versions::of(site)?;
    for name in names {
        let Some(project) = published.projects.get(*name) else { continue };
        let role = project.delegation.name.clone();
        let keys = BTreeMap::from([(online.keyid().clone(), online.key().clone())]);
        registered.set(name, role.clone(), keys, 1);
        let version = versions.next_of(&role, published);
        let before = project.own.extra.get(SUSPENDS).and_then(serde_json::Value::as_u64);
        let suspends = before.unwrap_or(project.own.version.number());
        roles.push(stand_in(role, version, Some(suspends), manner, online)?);
    }
    Ok((registered, roles))
}
