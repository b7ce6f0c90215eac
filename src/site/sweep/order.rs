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
enum Turn {
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
    fn of(name: &str) -> Self {
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

/// Removes what `plan` says.
///
/// # Errors
/// If a file cannot be removed.
pub fn remove(site: &Site, plan: &Plan) -> Result<(), disk::Error> {
    let placer = Placer::new(site.folder());
    let mut names: Vec<(Turn, &String)> = plan.remove.iter().map(|name| (Turn::of(name), name)).collect();
    names.sort();
    for turn in names.chunk_by(|(one, _), (other, _)| one == other) {
        for (_, name) in turn {
            placer.remove(name)?;
        }
        if let [(Turn::Snapshot | Turn::Page, _), ..] = turn {
            // A power cut keeps the order, too.
            turn.iter().for_each(|(_, name)| placer.touch(name));
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
