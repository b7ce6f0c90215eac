//! What was signed earlier and has not ended, as far as its files are still there: whoever serves clients can
//! show it to those that start empty. Nothing below the roots is verified here, for what a version is worth
//! depends on the role that leads to it.

use super::chain::{self, Error, Origin as _};
use super::{Site, layout, read};
use crate::model::{
    Envelope, KeyId, Metadata, Moment, ProjectRole, RoleName, Root, Snapshot, Targets, Version,
};
use crate::trust::Verified;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What is there of earlier versions, and of the current ones of the roles that lead to projects.
#[derive(Debug)]
pub struct Past {
    /// Every root from the oldest on, the newest last, each verified by the one before it.
    pub roots: Vec<Verified<Root>>,
    /// Snapshots.
    pub snapshots: Vec<Envelope<Snapshot>>,
    /// `targets`, `unclaimed`, lists and their shards, and of projects' own roles those that name one of the
    /// keys that were asked for.
    pub roles: BTreeMap<RoleName, Vec<Envelope<Targets>>>,
    /// Which versions of each role have a file, whether they have ended or not.
    pub versions: BTreeMap<RoleName, BTreeSet<Version>>,
    /// Every key that one of these names.
    pub keys: BTreeSet<KeyId>,
}

/// Reads what has not ended at `now`. Of projects' own roles those are left out in which none of `keys` stands,
/// ids of keys or what such ids begin with.
///
/// # Errors
/// If the roots do not follow from each other, or a file cannot be read. A file that is no metadata is none.
pub fn read(site: &Site, now: Moment, keys: &BTreeSet<String>) -> Result<Past, Error> {
    let roots = read::root_chain(site)?;
    let mut versions: BTreeMap<RoleName, BTreeSet<Version>> = BTreeMap::new();
    for name in site.folder().file_names(layout::METADATA)? {
        if let Some((version, role)) = layout::parse(&name) {
            versions.entry(role).or_default().insert(version);
        }
    }
    let snapshots = versions.get(&RoleName::snapshot()).into_iter().flatten();
    let snapshots: Vec<Envelope<Snapshot>> = snapshots
        .filter_map(|version| load(site, &RoleName::snapshot(), *version, now, None).transpose())
        .collect::<Result<_, Error>>()?;
    let files: Vec<(&RoleName, Version, Option<&BTreeSet<String>>)> = versions
        .iter()
        .filter_map(|(role, versions)| Some((role, versions, wanted(role, keys)?)))
        .flat_map(|(role, versions, keys)| versions.iter().map(move |version| (role, *version, keys)))
        .collect();
    let loaded = files.into_par_iter().filter_map(|(role, version, keys)| {
        let loaded = load::<Targets>(site, role, version, now, keys).transpose()?;
        Some(loaded.map(|envelope| (role.clone(), envelope)))
    });
    let mut roles: BTreeMap<RoleName, Vec<Envelope<Targets>>> = BTreeMap::new();
    for (role, envelope) in loaded.collect::<Result<Vec<_>, Error>>()? {
        roles.entry(role).or_default().push(envelope);
    }
    let delegations = roles.values().flatten().filter_map(|role| role.signed().delegations.as_ref());
    let named = delegations.flat_map(|delegations| delegations.keys.keys());
    let keys = roots.iter().flat_map(|root| root.keys.keys()).chain(named).cloned().collect();
    Ok(Past { roots, snapshots, roles, versions, keys })
}

/// Whether a role leads to projects, and which keys it has to name to be of interest; none for any.
fn wanted<'a>(role: &RoleName, keys: &'a BTreeSet<String>) -> Option<Option<&'a BTreeSet<String>>> {
    if *role == RoleName::targets() || *role == RoleName::unclaimed() || role.is_list() {
        return Some(None);
    }
    let is_own = matches!(ProjectRole::parse(role), Some((_, ProjectRole::Own)));
    (is_own && !keys.is_empty()).then_some(Some(keys))
}

/// A version that has not ended and, where keys are given, names one of them.
fn load<T: Metadata>(
    site: &Site,
    role: &RoleName,
    version: Version,
    now: Moment,
    keys: Option<&BTreeSet<String>>,
) -> Result<Option<Envelope<T>>, Error> {
    let Some(bytes) = site.file(&layout::role_file(role, version), chain::LARGEST)? else { return Ok(None) };
    if let Some(keys) = keys {
        let text = String::from_utf8_lossy(&bytes);
        if !keys.iter().any(|key| text.contains(&format!("\"{key}"))) {
            return Ok(None);
        }
    }
    let envelope = Envelope::<T>::parse(&bytes).ok();
    Ok(envelope
        .filter(|envelope| envelope.signed().version() == version && envelope.signed().expires() > now))
}
