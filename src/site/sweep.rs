//! sweep: marks all that some reader may still want, and removes the rest. Decides first, acts
//! second.
//!
//! Kept are: every root for ever; every role at the version that the current snapshot lists; all
//! that a snapshot refers to which was current at some time within the grace period; every
//! version above the published one, since its number is used up; and what plain names hold, and plain pages lead to,
//! that a run has left behind which did not end, until a build puts them right.

use super::ahead::{self, Ahead};
use super::{Site, layout, swap};
use crate::disk::place::Placer;
use crate::disk::walk::{self, Kind};
use crate::disk::{self, read};
use crate::model::project_role::SUSPENDS;
use crate::model::target_path::looks_hashed;
use crate::model::{
    Envelope, Metadata, Moment, ProjectRole, RoleName, Snapshot, TargetFile, TargetPath, Targets, Version,
    envelope,
};
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

/// Why it cannot be decided what to remove.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A role within the grace period cannot be read.
    #[error(
        "{path} is damaged ({source}), and a reader may still want what it refers to: nothing was \
         removed. Restore it, or remove it if nobody can want it"
    )]
    Damaged {
        /// The file, below the site.
        path: String,
        /// What is wrong with it.
        source: envelope::Error,
    },
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Decides what to remove: what no snapshot needs that was current at or after `since`.
///
/// `current` is the verified snapshot.
///
/// # Errors
/// [`Error`].
pub fn plan(site: &Site, current: &Snapshot, since: Moment) -> Result<Plan, Error> {
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
    let mut needed = needed_roles(site, current, &kept_snapshots)?;
    let suspended = suspended(site, current, &needed);
    needed.extend(suspended.iter().cloned());
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
    let bytes = add_target_files(site, current, &needed, &suspended, &mut files)?;
    Ok(Plan { remove: files.into_iter().collect(), bytes, kept_snapshots })
}

/// Every version of a role that a kept snapshot lists, and the kept snapshots themselves.
fn needed_roles(
    site: &Site,
    current: &Snapshot,
    kept: &[Version],
) -> Result<BTreeSet<(RoleName, Version)>, Error> {
    let mut needed = BTreeSet::new();
    for &version in kept {
        needed.insert((RoleName::snapshot(), version));
        let meta = if version == current.version {
            current.meta.clone()
        } else {
            parse::<Snapshot>(site, &RoleName::snapshot(), version)?.meta
        };
        needed.extend(meta.into_iter().map(|(role, meta)| (role, meta.version)));
    }
    Ok(needed)
}

/// The last versions that authors and members signed of projects that are suspended: they are not published,
/// and the authors come back to them. One that was suspended in a snapshot that is kept, and is not any more, is published.
fn suspended(
    site: &Site,
    current: &Snapshot,
    needed: &BTreeSet<(RoleName, Version)>,
) -> BTreeSet<(RoleName, Version)> {
    let is_current = |role: &RoleName, version| current.meta.get(role).is_some_and(|m| m.version == version);
    let own = needed.iter().filter(|(role, version)| {
        is_current(role, *version)
            && ProjectRole::parse(role).is_some_and(|(_, part)| part == ProjectRole::Own)
    });
    let mut all = BTreeSet::new();
    for (role, version) in own {
        let stands_in = parse::<Targets>(site, role, *version).ok();
        let before = stands_in.and_then(|role| Version::new(role.extra.get(SUSPENDS)?.as_u64()?));
        let Some((version, before)) =
            before.and_then(|version| Some((version, parse::<Targets>(site, role, version).ok()?)))
        else {
            continue;
        };
        all.insert((role.clone(), version));
        for child in before.delegations.iter().flat_map(|d| &d.roles) {
            all.extend(current.meta.get(&child.name).map(|meta| (child.name.clone(), meta.version)));
        }
    }
    all
}

/// A role that a reader may still want: what it refers to must be known before anything goes.
fn parse<T: Metadata>(site: &Site, role: &RoleName, version: Version) -> Result<T, Error> {
    let path = layout::role_file(role, version);
    let bytes = read::bytes(&site.folder().path(&path))?;
    Envelope::<T>::parse(&bytes).map(Envelope::into_signed).map_err(|source| Error::Damaged { path, source })
}

/// Adds target files that no needed role lists. A plain name is only ever removed together with
/// a hashed one of it: what else an operator put into the site is none of our business.
fn add_target_files(
    site: &Site,
    current: &Snapshot,
    needed: &BTreeSet<(RoleName, Version)>,
    suspended: &BTreeSet<(RoleName, Version)>,
    remove: &mut BTreeSet<String>,
) -> Result<u64, Error> {
    let roles: Vec<_> =
        needed.iter().filter(|(role, _)| !role.is_top_level() || *role == RoleName::targets()).collect();
    let parsed: Vec<(&RoleName, bool, Targets)> = roles
        .par_iter()
        .map(|one| Ok((&one.0, suspended.contains(one), parse::<Targets>(site, &one.0, one.1)?)))
        .collect::<Result<_, Error>>()?;
    // A role that nobody delegates any more stays, for its version is listed for ever; what it lists need not.
    let children = parsed.iter().flat_map(|(.., targets)| &targets.delegations).flat_map(|d| &d.roles);
    let delegated: BTreeSet<&RoleName> = children.map(|child| &child.name).collect();
    let names = |(_, is_suspended, targets): &(&RoleName, bool, Targets)| -> Vec<(String, bool)> {
        let of_one = |(path, file): (&TargetPath, &TargetFile)| {
            let hashed = file.hashes.digests().flat_map(|d| [path.hashed(d), path.tough_alias(d)]);
            let hashed = hashed.map(|name| (name, true));
            // What is suspended is not published: pip is not to find it.
            hashed.chain([(path.to_string(), !is_suspended)]).collect::<Vec<_>>()
        };
        targets.targets.iter().flat_map(of_one).collect()
    };
    let is_delegated =
        |(role, ..): &&(&RoleName, bool, Targets)| role.is_top_level() || delegated.contains(role);
    let named: Vec<Vec<(String, bool)>> = parsed.par_iter().filter(is_delegated).map(names).collect();
    let (wanted, unwanted): (Vec<_>, Vec<_>) = named.into_iter().flatten().partition(|(_, wanted)| *wanted);
    let wanted: BTreeSet<String> = wanted.into_iter().map(|(name, _)| name).collect();
    let unwanted: BTreeSet<String> =
        unwanted.into_iter().map(|(name, _)| name).filter(|name| !wanted.contains(name)).collect();
    let mut freed = BTreeMap::new();
    let (mut sizes, mut copies) = (BTreeMap::new(), BTreeMap::new());
    for found in walk::below(site.root())? {
        let (Some(name), Kind::File(stamp)) = (found.relative.to_str(), found.kind) else { continue };
        let copied = layout::copy(name).is_some() && !wanted.contains(name);
        if copied { &mut copies } else { &mut sizes }.insert(name.to_owned(), stamp);
    }
    let is_current =
        |one: &(RoleName, Version)| current.meta.get(&one.0).is_some_and(|meta| meta.version == one.1);
    let current = roles.iter().zip(&parsed).filter(|(one, _)| is_current(one));
    let current: BTreeMap<&RoleName, &Targets> = current.map(|(_, (name, _, role))| (*name, role)).collect();
    let ahead = Ahead::look(site, published(&current), &sizes)?;
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
        if wanted.contains(name) || !(looks_hashed(file) || is_alias) || ahead.lead_to(folder) {
            continue;
        }
        let plain = (!is_alias && looks_hashed(file)).then(|| {
            if folder.is_empty() { file[65..].to_owned() } else { format!("{folder}/{}", &file[65..]) }
        });
        if let Some(plain) = &plain
            && wanted.contains(plain)
            && ahead::holds(site, (plain, sizes.get(plain)), (&file[..64], stamp))?
        {
            continue;
        }
        freed.insert(stamp.inode, stamp.size);
        remove.insert(name.clone());
        remove.extend(plain.filter(|plain| sizes.contains_key(plain) && !wanted.contains(plain)));
    }
    remove.extend(unwanted.into_iter().filter(|name| sizes.contains_key(name)));
    // A compressed copy goes with its file, and where that is gone.
    for (name, stamp) in copies {
        let is_orphan = |original: &str| remove.contains(original) || !sizes.contains_key(original);
        if layout::copy(&name).is_some_and(|(original, _)| is_orphan(original)) {
            freed.insert(stamp.inode, stamp.size);
            remove.insert(name);
        }
    }
    Ok(freed.values().sum())
}

/// The roles that a search can come to, of those at their `current` versions: others are listed for ever, and say nothing.
fn published<'a>(current: &BTreeMap<&RoleName, &'a Targets>) -> Vec<&'a Targets> {
    let mut names = BTreeSet::from([RoleName::targets()]);
    let mut found: Vec<&Targets> = current.get(&RoleName::targets()).copied().into_iter().collect();
    let mut at = 0;
    while let Some(role) = found.get(at) {
        for child in role.delegations.iter().flat_map(|delegations| &delegations.roles) {
            if names.insert(child.name.clone()) {
                found.extend(current.get(&child.name));
            }
        }
        at += 1;
    }
    found
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
