//! In which order a sweep removes: one that does not end leaves nothing that leads to what is gone, and nothing that the
//! next would not find.

use super::Plan;
use crate::disk;
use crate::disk::place::Placer;
use crate::model::RoleName;
use crate::model::target_path::looks_hashed;
use crate::site::{Site, layout};
use std::collections::BTreeSet;

/// What goes one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::site) enum Turn {
    /// Snapshots, which list the roles: one whose roles are gone would keep the next sweep from knowing what they listed.
    Snapshot,
    /// The other metadata.
    Role,
    /// Compressed copies of pages.
    Copy,
    /// The page of all projects.
    RootPage,
    /// Those of projects.
    Page,
    /// Plain names of files.
    Plain,
    /// Names with a hash, by which the next sweep finds the plain ones.
    Hashed,
}

impl Turn {
    pub(in crate::site) fn of(name: &str) -> Self {
        let file = name.rsplit('/').next().unwrap_or(name);
        match name.split_once('/') {
            Some((layout::METADATA, file)) => match layout::parse(file) {
                Some((_, role)) if role == RoleName::snapshot() => Self::Snapshot,
                _ => Self::Role,
            },
            _ if layout::copy(name).is_some() => Self::Copy,
            _ if looks_hashed(file) => Self::Hashed,
            _ if name == layout::ROOT_PAGE => Self::RootPage,
            Some((layout::PAGES, _)) => Self::Page,
            _ => Self::Plain,
        }
    }
}

/// These names in the order in which they may go; each group after all of the one before is gone.
pub(in crate::site) fn one_after_the_other(names: &[String]) -> Vec<Vec<&String>> {
    let mut names: Vec<(Turn, &String)> = names.iter().map(|name| (Turn::of(name), name)).collect();
    names.sort();
    let waits = |turn| matches!(turn, Turn::Snapshot | Turn::Page);
    let mut groups: Vec<Vec<&String>> = Vec::new();
    let mut before = None;
    for (turn, name) in names {
        match groups.last_mut() {
            Some(group) if before == Some(turn) || !before.is_some_and(waits) => group.push(name),
            _ => groups.push(vec![name]),
        }
        before = Some(turn);
    }
    groups
}

/// Removes what `plan` says.
///
/// # Errors
/// If a file cannot be removed.
pub fn remove(site: &Site, plan: &Plan) -> Result<(), disk::Error> {
    let placer = Placer::new(site.folder());
    let groups = one_after_the_other(&plan.remove);
    for (at, group) in groups.iter().enumerate() {
        for name in group {
            placer.remove(name)?;
        }
        if at + 1 < groups.len() {
            // A power cut keeps the order, too.
            group.iter().for_each(|name| placer.touch(name));
            placer.sync()?;
        }
    }
    let emptied = plan.remove.iter().filter_map(|name| Some(name.rsplit_once('/')?.0));
    let folders: BTreeSet<&str> = emptied.chain(plan.empty.iter().map(String::as_str)).collect();
    for folder in folders {
        placer.remove_empty_folders(folder);
    }
    Ok(())
}
