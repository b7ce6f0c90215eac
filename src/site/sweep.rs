//! sweep: marks all that some reader may still want, and removes the rest. Decides first, acts
//! second.
//!
//! Kept are: every root for ever; every role at the version that the current snapshot lists; all
//! that a snapshot refers to which was current at some time within the grace period; and every
//! version above the published one, since its number is used up.

use super::{Site, layout, swap};
use crate::disk::place::Placer;
use crate::disk::walk::{self, Kind};
use crate::disk::{self, read};
use crate::model::target_path::looks_hashed;
use crate::model::{Envelope, Moment, RoleName, Snapshot, Targets, Version};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a sweep would remove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// Files below the site, sorted.
    pub remove: Vec<String>,
    /// What they free, in bytes; a file with several names counts once.
    pub bytes: u64,
    /// The snapshots whose files stay, the current one last.
    pub kept_snapshots: Vec<Version>,
}

/// Decides what to remove: what no snapshot needs that was current at or after `since`.
///
/// `current` is the verified snapshot.
///
/// # Errors
/// If the site cannot be walked.
pub fn plan(site: &Site, current: &Snapshot, since: Moment) -> Result<Plan, disk::Error> {
    let mut files = BTreeSet::new();
    let mut versions: BTreeMap<RoleName, BTreeSet<Version>> = BTreeMap::new();
    for name in site.folder().file_names(layout::METADATA)? {
        if let Some((version, role)) = layout::parse(&name) {
            versions.entry(role).or_default().insert(version);
        }
    }
    let mut kept_snapshots = Vec::new();
    for &version in versions.get(&RoleName::snapshot()).into_iter().flatten() {
        if version == current.version
            || (version < current.version && swap::retired_at(site, version)? >= since)
        {
            kept_snapshots.push(version);
        }
    }
    let needed = needed_roles(site, current, &kept_snapshots);
    for (role, versions) in &versions {
        if *role == RoleName::root() {
            continue;
        }
        let published = match role {
            role if *role == RoleName::snapshot() => Some(current.version),
            role => current.meta.get(role).map(|meta| meta.version),
        };
        for &version in versions {
            let keep = needed.contains(&(role.clone(), version))
                || published.is_none_or(|published| version > published);
            if !keep {
                files.insert(layout::role_file(role, version));
            }
        }
    }
    let bytes = add_target_files(site, &needed, &mut files)?;
    Ok(Plan { remove: files.into_iter().collect(), bytes, kept_snapshots })
}

/// Every version of a role that a kept snapshot lists, and the kept snapshots themselves.
fn needed_roles(site: &Site, current: &Snapshot, kept: &[Version]) -> BTreeSet<(RoleName, Version)> {
    let mut needed = BTreeSet::new();
    for &version in kept {
        needed.insert((RoleName::snapshot(), version));
        let listed = if version == current.version {
            Some(current.meta.clone())
        } else {
            let path = site.folder().path(&layout::role_file(&RoleName::snapshot(), version));
            let bytes = read::bytes(&path).ok();
            bytes.and_then(|bytes| Some(Envelope::<Snapshot>::parse(&bytes).ok()?.into_signed().meta))
        };
        needed.extend(listed.into_iter().flatten().map(|(role, meta)| (role, meta.version)));
    }
    needed
}

/// Adds target files that no needed role lists. A plain name is only ever removed together with
/// a hashed one of it: what else an operator put into the site is none of our business.
fn add_target_files(
    site: &Site,
    needed: &BTreeSet<(RoleName, Version)>,
    remove: &mut BTreeSet<String>,
) -> Result<u64, disk::Error> {
    let roles: Vec<_> =
        needed.iter().filter(|(role, _)| !role.is_top_level() || *role == RoleName::targets()).collect();
    let wanted: BTreeSet<String> = roles
        .into_par_iter()
        .flat_map_iter(|(role, version)| {
            let bytes =
                read::bytes(&site.folder().path(&layout::role_file(role, *version))).unwrap_or_default();
            let targets = Envelope::<Targets>::parse(&bytes).map(Envelope::into_signed);
            targets.into_iter().flat_map(|role| role.targets).flat_map(|(path, file)| {
                let digests: Vec<String> = file.hashes.digests().map(str::to_owned).collect();
                let hashed = digests.into_iter().flat_map(|d| [path.hashed(&d), path.tough_alias(&d)]);
                hashed.chain([path.to_string()]).collect::<Vec<_>>()
            })
        })
        .collect();
    let mut freed = BTreeMap::new();
    let mut sizes = BTreeMap::new();
    for found in walk::below(site.root())? {
        let (Some(name), Kind::File(stamp)) = (found.relative.to_str(), found.kind) else { continue };
        sizes.insert(name.to_owned(), stamp);
    }
    for (name, stamp) in &sizes {
        if name.starts_with("metadata/") {
            if remove.contains(name) {
                freed.insert(stamp.inode, stamp.size);
            }
            continue;
        }
        let (folder, file) =
            name.rsplit_once('/').map_or(("", name.as_str()), |(folder, file)| (folder, file));
        let is_alias = name.split_once('/').is_some_and(|(first, _)| looks_hashed(first));
        if wanted.contains(name) || !(looks_hashed(file) || is_alias) {
            continue;
        }
        freed.insert(stamp.inode, stamp.size);
        remove.insert(name.clone());
        if !is_alias && looks_hashed(file) {
            let plain =
                if folder.is_empty() { file[65..].to_owned() } else { format!("{folder}/{}", &file[65..]) };
            if sizes.contains_key(&plain) && !wanted.contains(&plain) {
                remove.insert(plain);
            }
        }
    }
    Ok(freed.values().sum())
}

/// Removes what `plan` says; plain names before hashed ones, so that an interrupted sweep leaves
/// nothing that the next would not find.
///
/// # Errors
/// If a file cannot be removed.
pub fn remove(site: &Site, plan: &Plan) -> Result<(), disk::Error> {
    let placer = Placer::new(site.folder());
    let is_hashed = |name: &&String| looks_hashed(name.rsplit('/').next().unwrap_or(name));
    let (hashed, plain): (Vec<_>, Vec<_>) = plan.remove.iter().partition(is_hashed);
    for name in plain.iter().chain(&hashed) {
        placer.remove(name)?;
    }
    let folders: BTreeSet<&str> =
        plan.remove.iter().filter_map(|name| Some(name.rsplit_once('/')?.0)).collect();
    for folder in folders {
        placer.remove_empty_folders(folder);
    }
    Ok(())
}
