//! Plain names that are ahead of what is published: a run gave them their files that did not end. TUF clients fetch the
//! published ones; pip fetches these, and of pages follows the links.

use crate::disk::read::{self, OpenFile};
use crate::disk::{self, FileStamp};
use crate::model::{Compression, Sha256, TargetFile, TargetPath};
use crate::site::{Site, layout};
use std::collections::{BTreeMap, BTreeSet};

/// No copy is larger, for no page is.
const LARGEST: u64 = 256 << 20;

/// Pages that stay under their plain names, each with what the roles list of it that say what it is to be.
pub(super) type Pages<'a> = BTreeMap<&'a TargetPath, Vec<&'a TargetFile>>;

/// Which of them hold other bytes than any of these files, they themselves or a compressed copy.
pub(super) struct Ahead {
    projects: BTreeSet<String>,
    is_root: bool,
}

impl Ahead {
    /// Looks at the plain `pages`, of the files that `stamps` has by their names. Only one that is no name of its hashed file is
    /// read.
    ///
    /// # Errors
    /// If one cannot be read.
    pub(super) fn look(
        site: &Site,
        pages: &Pages<'_>,
        stamps: &BTreeMap<String, FileStamp>,
    ) -> Result<Self, disk::Error> {
        let mut ahead = Self { projects: BTreeSet::new(), is_root: false };
        for (path, files) in pages {
            let Some((layout::PAGES, page)) = path.as_str().split_once('/') else { continue };
            let mut forms = std::iter::once(None).chain(Compression::ALL.map(Some));
            let is_ahead = forms.try_fold(false, |is_ahead, form| {
                Ok::<_, disk::Error>(is_ahead || !is_one_of(site, path, form, files, stamps)?)
            })?;
            match page.split_once('/') {
                _ if !is_ahead => {}
                Some((project, _)) => drop(ahead.projects.insert(project.to_owned())),
                None => ahead.is_root = true,
            }
        }
        Ok(ahead)
    }

    /// Whether links can lead from one of them into `folder`, by way of the page of a project, too, or it is there itself.
    pub(super) fn lead_to(&self, folder: &str) -> bool {
        match folder.split_once('/') {
            Some((layout::PAGES | layout::PACKAGES, project)) => {
                self.is_root || self.projects.contains(project)
            }
            // What its copy holds is a version of the root page that lies beside it.
            _ => self.is_root && folder == layout::PAGES,
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

/// Whether the plain page, or its copy in a form, is one of these files; none is.
fn is_one_of(
    site: &Site,
    path: &TargetPath,
    form: Option<Compression>,
    files: &[&TargetFile],
    stamps: &BTreeMap<String, FileStamp>,
) -> Result<bool, disk::Error> {
    let named = |name: &str| form.map_or_else(|| name.to_owned(), |form| form.copy_of(name));
    let name = named(path.as_str());
    let Some(plain) = stamps.get(&name) else { return Ok(true) };
    let digests = || files.iter().flat_map(|file| file.hashes.digests());
    let mut twins = digests().filter_map(|digest| stamps.get(&named(&path.hashed(digest))));
    if twins.any(|twin| twin.is_same_file(plain)) {
        return Ok(true);
    }
    let at = site.folder().path(&name);
    let (digest, length) = match form {
        None => OpenFile::open(&at)?.digest()?,
        Some(form) => {
            let longest = files.iter().map(|file| file.length).max().unwrap_or_default();
            let inside = read::bounded(&at, LARGEST)?
                .and_then(|copy| form.decompress(&copy, usize::try_from(longest).unwrap_or(usize::MAX)));
            let Some(inside) = inside else { return Ok(false) };
            (Sha256::of(&inside), inside.len() as u64)
        }
    };
    let digest = digest.to_string();
    Ok(files.iter().any(|file| file.length == length && file.hashes.digests().any(|one| *one == digest)))
}
