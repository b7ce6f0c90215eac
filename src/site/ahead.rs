//! Plain names that are ahead of what is published: a run gave them their files that did not end. TUF clients fetch the
//! published ones; pip fetches these, and of pages follows the links.

use super::{Site, layout};
use crate::disk::read::OpenFile;
use crate::disk::{self, FileStamp};
use crate::model::{TargetFile, TargetPath, Targets};
use std::collections::{BTreeMap, BTreeSet};

/// Which plain pages hold other bytes than the published roles say.
pub(super) struct Ahead {
    projects: BTreeSet<String>,
    is_root: bool,
}

impl Ahead {
    /// Looks at the plain pages that `published` roles list, of the files that `stamps` has by their names. Only one that is
    /// no name of its hashed file is read.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(super) fn look(
        site: &Site,
        published: Vec<&Targets>,
        stamps: &BTreeMap<String, FileStamp>,
    ) -> Result<Self, disk::Error> {
        let mut ahead = Self { projects: BTreeSet::new(), is_root: false };
        for (path, file) in published.into_iter().flat_map(|role| &role.targets) {
            let Some((layout::PAGES, page)) = path.as_str().split_once('/') else { continue };
            let Some(plain) = stamps.get(path.as_str()) else { continue };
            let mut twins = file.hashes.digests().filter_map(|digest| stamps.get(&path.hashed(digest)));
            if twins.any(|twin| twin.is_same_file(plain)) || is_published(site, path, file)? {
                continue;
            }
            match page.split_once('/') {
                Some((project, _)) => drop(ahead.projects.insert(project.to_owned())),
                None => ahead.is_root = true,
            }
        }
        Ok(ahead)
    }

    /// Whether links can lead from one of them into `folder`, by way of the page of a project, too.
    pub(super) fn lead_to(&self, folder: &str) -> bool {
        match folder.split_once('/') {
            Some((layout::PAGES | layout::PACKAGES, project)) => {
                self.is_root || self.projects.contains(project)
            }
            _ => false,
        }
    }
}

/// Whether the file under a plain name is the one that has its hash in another: then it has two names, or is its copy, and is
/// whole. A run gave it the plain one that did not end before what it published.
///
/// # Errors
/// If it cannot be read.
pub(super) fn holds(
    site: &Site,
    (plain, seen): (&str, Option<&FileStamp>),
    (digest, hashed): (&str, &FileStamp),
) -> Result<bool, disk::Error> {
    match seen {
        Some(seen) if seen.is_same_file(hashed) => Ok(true),
        Some(seen) if seen.size == hashed.size => {
            Ok(OpenFile::open(&site.folder().path(plain))?.digest()?.0.to_string() == digest)
        }
        _ => Ok(false),
    }
}

/// Whether the plain page holds what a role says of it.
fn is_published(site: &Site, path: &TargetPath, file: &TargetFile) -> Result<bool, disk::Error> {
    let (digest, length) = OpenFile::open(&site.folder().path(path.as_str()))?.digest()?;
    let digest = digest.to_string();
    Ok(length == file.length && file.hashes.digests().any(|one| one == digest))
}
