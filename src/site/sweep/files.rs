//! Which target files no reader can still want.

use super::ahead::{self, Ahead, Pages};
use super::{Error, parse};
use crate::disk;
use crate::disk::FileStamp;
use crate::disk::walk::{self, Listed};
use crate::model::target_path::looks_hashed;
use crate::model::{RoleName, Snapshot, TargetFile, TargetPath, Targets, Version};
use crate::site::{Site, layout};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// The folders of distributions and of pages.
const OURS: [&str; 2] = [layout::PACKAGES, layout::PAGES];

/// What lies in a site.
pub(super) struct Lying {
    /// Files by their names.
    files: BTreeMap<String, FileStamp>,
    /// Folders with nothing in them.
    pub(super) empty: Vec<String>,
}

impl Lying {
    /// Looks at all but the folder to stage in, which tells the next run of one that did not end.
    pub(super) fn look(site: &Site) -> Result<Self, disk::Error> {
        let each = walk::each_folder(site.root(), &|folder, listing| {
            let name = folder.to_str().unwrap_or_default();
            let first = name.split('/').next().unwrap_or_default();
            if first == layout::STAGING {
                return (None, Vec::new());
            }
            let files = listing.iter().filter_map(|(name, listed)| match listed {
                Listed::File(stamp) => Some((folder.join(name).to_str()?.to_owned(), *stamp)),
                _ => None,
            });
            // A folder that no target can be in is not ours.
            let is_ours = !name.is_empty() && first != layout::METADATA && !first.starts_with('.');
            let is_empty = is_ours && listing.iter().next().is_none();
            (is_empty.then(|| name.to_owned()), files.collect::<Vec<_>>())
        })?;
        let mut lying = Self { files: BTreeMap::new(), empty: Vec::new() };
        for (empty, files) in each {
            lying.empty.extend(empty);
            lying.files.extend(files);
        }
        Ok(lying)
    }
}

/// Adds target files that no needed role lists. A plain name is only ever removed together with
/// a hashed one of it, with the same bytes: what else an operator put into the site is none of our business.
pub(super) fn add(
    site: &Site,
    current: &Snapshot,
    lying: &Lying,
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
    let sizes = &lying.files;
    let is_copy = |name: &str| layout::copy(name).is_some() && !wanted.contains(name);
    // Where all targets are distributions and pages, a hashed name anywhere else is an operator's own. Without pages nothing
    // tells whether targets lay elsewhere once.
    let is_ours = |name: &str| {
        let first = name.split('/').next().unwrap_or(name);
        let folder = if looks_hashed(first) { &first[65..] } else { first };
        OURS.contains(&folder) && name.contains('/')
    };
    let has_pages = wanted.iter().any(|name| name.split('/').next() == Some(layout::PAGES));
    let is_anywhere = !has_pages || !wanted.iter().all(|name| is_ours(name));
    let ahead = Ahead::look(site, &pages(current, &roles, &parsed, &delegated), sizes)?;
    for (name, stamp) in sizes.iter().filter(|(name, _)| !is_copy(name)) {
        if name.starts_with("metadata/") {
            if remove.contains(name) {
                freed.insert(stamp.inode, stamp.size);
            }
            continue;
        }
        let (folder, file) =
            name.rsplit_once('/').map_or(("", name.as_str()), |(folder, file)| (folder, file));
        let is_alias = name.split_once('/').is_some_and(|(first, _)| looks_hashed(first));
        let may_be_ours = (looks_hashed(file) || is_alias) && (is_anywhere || is_ours(name));
        if wanted.contains(name) || !may_be_ours || ahead.lead_to(folder) {
            continue;
        }
        let plain = (!is_alias && looks_hashed(file)).then(|| {
            if folder.is_empty() { file[65..].to_owned() } else { format!("{folder}/{}", &file[65..]) }
        });
        let held = match &plain {
            Some(plain) if ahead::holds(site, (plain, sizes.get(plain)), (&file[..64], stamp))? => {
                Some(plain)
            }
            _ => None,
        };
        if held.is_some_and(|plain| wanted.contains(plain)) {
            continue;
        }
        freed.insert(stamp.inode, stamp.size);
        remove.insert(name.clone());
        remove.extend(held.cloned());
    }
    let leads_there = |name: &str| name.rsplit_once('/').is_some_and(|(folder, _)| ahead.lead_to(folder));
    remove.extend(unwanted.into_iter().filter(|name| sizes.contains_key(name) && !leads_there(name)));
    // A compressed copy goes with its file, and where that is gone.
    for (name, stamp) in sizes.iter().filter(|(name, _)| is_copy(name)) {
        let is_orphan = |original: &str| remove.contains(original) || !sizes.contains_key(original);
        if layout::copy(name).is_some_and(|(original, _)| is_orphan(original)) {
            freed.insert(stamp.inode, stamp.size);
            remove.insert(name.clone());
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

/// The pages of which plain names stay, each with what it is to be: as the current roles list it, and one that none of them
/// lists, as a role does that somebody may still be at.
fn pages<'a>(
    current: &Snapshot,
    roles: &[&'a (RoleName, Version)],
    parsed: &'a [(&'a RoleName, bool, Targets)],
    delegated: &BTreeSet<&RoleName>,
) -> Pages<'a> {
    let of = |targets: &'a Targets| {
        targets.targets.iter().filter(|(path, _)| path.segments().next() == Some(layout::PAGES))
    };
    let is_current =
        |one: &(RoleName, Version)| current.meta.get(&one.0).is_some_and(|meta| meta.version == one.1);
    let all = || roles.iter().zip(parsed);
    let now: BTreeMap<&RoleName, &Targets> =
        all().filter(|(one, _)| is_current(one)).map(|(_, (name, _, role))| (*name, role)).collect();
    let mut pages = Pages::new();
    for (path, file) in published(&now).into_iter().flat_map(of) {
        pages.entry(path).or_default().push(file);
    }
    let mut before = Pages::new();
    let stay = all().filter(|(_, (name, is_suspended, _))| {
        !is_suspended && (name.is_top_level() || delegated.contains(name))
    });
    for (path, file) in
        stay.flat_map(|(_, (.., role))| of(role)).filter(|(path, _)| !pages.contains_key(path))
    {
        before.entry(path).or_default().push(file);
    }
    pages.extend(before);
    pages
}
