//! Some paths of a source, and nothing else of it: for those whose mirror says what it changed.

use super::{Collected, Error, Layout, Named, Request, flat, judge};
use crate::disk;
use crate::disk::walk;
use crate::model::TargetPath;
use crate::model::target_path;
use crate::report::{Reporter, Warning};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::{Component, Path};

/// What became of some paths of a source.
#[derive(Debug, Default)]
pub struct Changed {
    /// What is there.
    pub collected: Collected,
    /// Paths that are no files to publish now: what was at them is gone, and what was below them too unless it is
    /// among the others.
    pub gone: BTreeSet<String>,
}

/// A path that is none of the source's.
#[derive(Debug, thiserror::Error)]
#[error("--changed: {0:?} lies outside the source folder; name paths below it")]
pub struct Outside(String);

/// Paths below the source, each once, from what somebody wrote: relative to it, or absolute.
///
/// # Errors
/// [`Outside`].
pub fn paths_of<'a>(
    source: &Path,
    given: impl Iterator<Item = &'a str>,
) -> Result<BTreeSet<String>, Outside> {
    let resolved = disk::folder::resolve_as_far_as_there(source);
    let mut paths = BTreeSet::new();
    for line in given.filter(|line| !line.is_empty()) {
        let outside = || Outside(line.to_owned());
        let path = Path::new(line);
        let below = match path.is_absolute() {
            true => {
                path.strip_prefix(source).or_else(|_| path.strip_prefix(&resolved)).map_err(|_| outside())?
            }
            false => path,
        };
        let mut names = Vec::new();
        for part in below.components() {
            match part {
                Component::Normal(name) => names.extend(name.to_str()),
                Component::CurDir => {}
                _ => return Err(outside()),
            }
        }
        if !names.is_empty() {
            paths.insert(names.join("/"));
        }
    }
    Ok(paths)
}

/// Looks at these paths, files or folders.
///
/// # Errors
/// [`Error`].
pub fn changed(
    request: &Request<'_>,
    paths: &BTreeSet<String>,
    reporter: &dyn Reporter,
) -> Result<Changed, Error> {
    if !disk::folder::is_folder(request.source)? {
        return Err(Error::Missing(request.source.to_owned()));
    }
    let root = disk::folder::resolve(request.source)?;
    let looked: Vec<Vec<walk::Found>> =
        paths.par_iter().map(|path| walk::at(&root, Path::new(path))).collect::<Result<_, disk::Error>>()?;
    let mut changed = Changed::default();
    changed.collected.layout = Some(if request.layout == Layout::Tree { Layout::Tree } else { Layout::Flat });
    let named: Vec<Named> = looked
        .into_par_iter()
        .flatten()
        .filter_map(|found| judge(request, &root, found).transpose())
        .collect::<Result<_, disk::Error>>()?;
    for (shown, named) in named {
        match named {
            Ok(candidate) => changed.collected.candidates.push(candidate),
            Err(skipped) => {
                changed.collected.withheld.extend(skipped.may_be);
                reporter.warn(Warning::of_file(skipped.code, shown, skipped.why));
            }
        }
    }
    changed.collected.candidates.sort_by(|a, b| a.relative.cmp(&b.relative));
    changed.collected.candidates.dedup_by(|a, b| a.relative == b.relative);
    let there: BTreeSet<&str> =
        changed.collected.candidates.iter().map(|one| one.relative.as_str()).collect();
    changed.gone = paths.iter().filter(|path| !there.contains(path.as_str())).cloned().collect();
    // What looks as if all of it had gone is usually a disk that is not mounted.
    if !changed.gone.is_empty() && disk::folder::is_empty(&root)? {
        return Err(Error::Empty(request.source.to_owned()));
    }
    Ok(changed)
}

/// The targets that a file at `relative` may have been.
#[must_use]
pub fn may_have_been(layout: Layout, relative: &str) -> Vec<TargetPath> {
    match layout {
        Layout::Tree => target_path::of_file(relative).into_iter().collect(),
        _ => flat::may_be(relative.rsplit('/').next().unwrap_or(relative)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_below_the_source_and_each_counts_once() {
        let source = Path::new("/no/such/source");
        let given = ["a/b", "./a//b", "/no/such/source/a/b", "c", "", "."];
        let paths = paths_of(source, given.into_iter()).unwrap();
        assert_eq!(paths, BTreeSet::from(["a/b".to_owned(), "c".to_owned()]));
        for outside in ["../x", "a/../../x", "/etc/passwd", "/no/such/source/../x"] {
            assert!(paths_of(source, [outside].into_iter()).is_err(), "{outside}");
        }
    }
}
