//! Some paths of a source, and nothing else of it: for those whose mirror says what it changed.

use super::{Collected, Error, Layout, Named, Request, flat, judge};
use crate::disk;
use crate::disk::walk::{self, LONGEST};
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

/// How much of what is too long is shown.
const SHOWN: usize = 64;

/// What is no path of the source.
#[derive(Debug, thiserror::Error)]
pub enum NoPath {
    /// It leads out of it.
    #[error("--changed: {0:?} lies outside the source folder, or has .. in it; name paths below it")]
    Outside(String),
    /// The system takes no such path.
    #[error(
        "--changed: what begins with {start:?} is no path of the source: from the root it would have {length} bytes, \
         and the system takes {LONGEST} at most; write one path a line"
    )]
    TooLong {
        /// Its first characters.
        start: String,
        /// Its bytes, with those of the way to the source.
        length: usize,
    },
    /// It has a NUL, which ends a path.
    #[error("--changed: {0:?} has a NUL in it, and no path has; write one path a line")]
    Nul(String),
}

/// Paths below the source, each once, from what somebody wrote: relative to it, or absolute. `None` where the source itself
/// is among them, so that all of it is to be looked at.
///
/// # Errors
/// [`NoPath`].
pub fn paths_of<'a>(
    source: &Path,
    given: impl Iterator<Item = &'a str>,
) -> Result<Option<BTreeSet<String>>, NoPath> {
    let resolved = disk::folder::resolve_as_far_as_there(source);
    let absolute = std::path::absolute(source).unwrap_or_else(|_| source.to_owned());
    let sources = [source, &absolute, &resolved];
    let root = resolved.as_os_str().len() + "/".len();
    let mut paths = BTreeSet::new();
    let mut is_all = false;
    for line in given.filter(|line| !line.is_empty()) {
        let path = Path::new(line);
        let too_long = |length| NoPath::TooLong { start: line.chars().take(SHOWN).collect(), length };
        // Before it is taken apart: it may be all of a list that has other line breaks than ours.
        if line.len() > LONGEST {
            return Err(too_long(if path.is_absolute() { line.len() } else { root + line.len() }));
        }
        if line.contains('\0') {
            return Err(NoPath::Nul(line.to_owned()));
        }
        let outside = || NoPath::Outside(line.to_owned());
        let below = match path.is_absolute() {
            true => sources.iter().find_map(|source| path.strip_prefix(source).ok()).ok_or_else(outside)?,
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
        let below = names.join("/");
        if root + below.len() > LONGEST {
            return Err(too_long(root + below.len()));
        }
        if below.is_empty() {
            is_all = true;
        } else {
            paths.insert(below);
        }
    }
    Ok((!is_all).then_some(paths))
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
        let given = ["a/b", "./a//b", "/no/such/source/a/b", "c", ""];
        let paths = paths_of(source, given.into_iter()).unwrap();
        assert_eq!(paths, Some(BTreeSet::from(["a/b".to_owned(), "c".to_owned()])));
        for all in [".", "./", "/no/such/source", "/no/such/source/."] {
            assert_eq!(paths_of(source, ["a/b", all].into_iter()).unwrap(), None, "{all}");
        }
        for outside in ["../x", "a/../../x", "/etc/passwd", "/no/such/source/../x"] {
            let refused = paths_of(source, [outside].into_iter()).unwrap_err();
            assert!(matches!(refused, NoPath::Outside(_)), "{outside}: {refused}");
        }
    }

    #[test]
    fn what_no_file_can_be_called_is_refused_before_it_is_taken_apart() {
        let source = Path::new("/no/such/source");
        let longest = "a/".repeat((LONGEST - "/no/such/source/".len()) / 2) + "b";
        for (line, fits) in [(longest.clone(), true), (longest + "b", false)] {
            let paths = paths_of(source, [line.as_str()].into_iter());
            match fits {
                true => assert_eq!(paths.unwrap(), Some(BTreeSet::from([line]))),
                false => assert!(matches!(paths, Err(NoPath::TooLong { .. })), "{paths:?}"),
            }
        }
        let endless = "é/".repeat(1 << 20);
        let refused = paths_of(source, [endless.as_str()].into_iter()).unwrap_err().to_string();
        assert!(refused.contains("3145744 bytes") && refused.len() < 400, "{refused}");
        let refused = paths_of(source, ["a\0b"].into_iter()).unwrap_err();
        assert!(matches!(refused, NoPath::Nul(_)), "{refused}");
    }
}
