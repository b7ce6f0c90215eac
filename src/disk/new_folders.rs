//! Folders that a tree does not have yet: filled where nobody serves them, and then shown whole. One rename
//! takes the place of one for each file, which would make all threads wait for the folder it leads to.

use super::folder::Standing;
use super::place::Placer;
use super::stage::Staging;
use super::{Context as _, Error, Folder, call};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::PathBuf;

/// Folders below one folder that are not there yet, and lie in the staging folder until they are shown.
#[derive(Debug)]
pub struct NewFolders {
    /// The first of each way that is not there, by its name, and where it is for now.
    tops: BTreeMap<String, PathBuf>,
    /// Where the first ones are for now.
    staging: PathBuf,
}

impl NewFolders {
    /// The folders that files of these names need and `folder` does not have, made empty in `staging`.
    ///
    /// # Errors
    /// If the file system refuses to say what is there, or a folder cannot be made.
    pub fn make<'n>(
        staging: &Staging,
        folder: &Folder,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Self, Error> {
        let wanted: BTreeSet<&str> =
            names.filter_map(|name| name.rsplit_once('/')).map(|(parent, _)| parent).collect();
        let mut present: BTreeSet<&str> = BTreeSet::new();
        let mut new = Self { tops: BTreeMap::new(), staging: staging.path().to_owned() };
        let mut by_depth: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for parent in wanted {
            let ways = parent.match_indices('/').map(|(at, _)| at).chain([parent.len()]);
            let mut is_new = false;
            for (depth, way) in ways.map(|at| &parent[..at]).enumerate() {
                if is_new {
                    by_depth.entry(depth).or_default().insert(way);
                } else if new.tops.contains_key(way) {
                    is_new = true;
                } else if !present.contains(way) {
                    match folder.standing(way)? {
                        Standing::Nothing => {
                            new.tops.insert(way.to_owned(), staging.fresh_here());
                            is_new = true;
                        }
                        Standing::File(_) | Standing::Other => drop(present.insert(way)),
                    }
                }
            }
        }
        let mut levels = vec![new.tops.values().cloned().collect::<Vec<_>>()];
        levels.extend(by_depth.values().map(|ways| ways.iter().filter_map(|way| new.path(way)).collect()));
        for level in levels {
            level.par_iter().try_for_each(|path| {
                call::make_folder(path).context("create the folder", path)?;
                call::set_mode(path, 0o755).context("open", path)
            })?;
            staging.must_sync(level);
        }
        Ok(new)
    }

    /// Where the file `name` is to be made for now, if it is in one of these folders.
    #[must_use]
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let way = |(at, _)| Some(self.tops.get(&name[..at])?.join(&name[at + 1..]));
        name.match_indices('/').find_map(way)
    }

    /// Gives the folders their names; what they hold must be durable. Files of the names `missing` did not come,
    /// and folders that are empty for it are not shown.
    ///
    /// # Errors
    /// If one has got its name meanwhile, or cannot be moved.
    pub fn show<'n>(&self, placer: &Placer<'_>, missing: impl Iterator<Item = &'n str>) -> Result<(), Error> {
        for file in missing.filter_map(|name| self.path(name)) {
            let ways = file.ancestors().skip(1).take_while(|way| *way != self.staging);
            for way in ways {
                match call::remove_folder(way) {
                    Err(e) if e.kind() == ErrorKind::DirectoryNotEmpty => break,
                    Err(e) if e.kind() != ErrorKind::NotFound => return Err(Error::new("remove", way, e)),
                    _ => {}
                }
            }
        }
        self.tops.par_iter().try_for_each(|(name, staged)| {
            if super::folder::is_there(staged)? { placer.show(staged, name) } else { Ok(()) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    const NAMES: [&str; 5] = ["old/a", "old/new/b", "wide/deep/c", "wide/deep/er/d", "e"];

    fn site() -> (tempfile::TempDir, Folder, Staging) {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("site");
        std::fs::create_dir_all(site.join("old")).unwrap();
        let staging = Staging::open(&[folder.path().join("staging")], &site).unwrap();
        (folder, Folder::new(&site), staging)
    }

    fn fill(new: &NewFolders, staging: &Staging, names: &[&str]) {
        for path in names.iter().filter_map(|name| new.path(name)) {
            staging.write_at(path, b"bytes", None).unwrap();
        }
        staging.sync().unwrap();
    }

    #[test]
    fn nothing_is_there_before_it_is_shown_and_then_all_of_it() {
        let (_folder, site, staging) = site();
        let new = NewFolders::make(&staging, &site, NAMES.into_iter()).unwrap();
        let ours: Vec<bool> = NAMES.iter().map(|name| new.path(name).is_some()).collect();
        assert_eq!(ours, [false, true, true, true, false], "what is there already takes files one by one");
        fill(&new, &staging, &NAMES);
        for name in NAMES {
            assert_eq!(site.standing(name).unwrap(), Standing::Nothing, "{name}");
        }
        let placer = Placer::new(&site);
        new.show(&placer, std::iter::empty()).unwrap();
        placer.sync().unwrap();
        for name in ["old/new/b", "wide/deep/c", "wide/deep/er/d"] {
            assert!(matches!(site.standing(name).unwrap(), Standing::File(_)), "{name}");
        }
        for folder in ["old/new", "wide", "wide/deep", "wide/deep/er"] {
            let mode = std::fs::metadata(site.path(folder)).unwrap().permissions().mode();
            assert_eq!(mode & 0o7777, 0o755, "{folder}");
        }
    }

    #[test]
    fn a_folder_that_nothing_came_into_is_not_shown() {
        let (_folder, site, staging) = site();
        let new = NewFolders::make(&staging, &site, NAMES.into_iter()).unwrap();
        fill(&new, &staging, &["wide/deep/c"]);
        new.show(&Placer::new(&site), ["old/new/b", "wide/deep/er/d", "wide/deep/er/d"].into_iter()).unwrap();
        for (name, is_there) in [("old/new", false), ("wide/deep", true), ("wide/deep/er", false)] {
            assert_eq!(site.standing(name).unwrap() != Standing::Nothing, is_there, "{name}");
        }
    }

    #[test]
    fn a_folder_that_came_meanwhile_is_left_alone() {
        let (_folder, site, staging) = site();
        let new = NewFolders::make(&staging, &site, ["wide/a"].into_iter()).unwrap();
        fill(&new, &staging, &["wide/a"]);
        std::fs::create_dir(site.path("wide")).unwrap();
        let refused = new.show(&Placer::new(&site), std::iter::empty()).unwrap_err().to_string();
        assert!(refused.contains("wide"), "{refused}");
        assert_eq!(site.standing("wide/a").unwrap(), Standing::Nothing);
    }
}
