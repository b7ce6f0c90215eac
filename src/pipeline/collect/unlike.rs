//! What of a source is not as it was: most of a source that is walked every day is.

use super::{Error, Named, Request, judge};
use crate::disk::walk::{self, Found, Listed, Listing};
use crate::disk::{self, FileStamp};
use crate::pipeline::source::Candidate;
use crate::report::Warning;
use rayon::prelude::*;

/// What of a source is not as it was.
#[derive(Debug, Default)]
pub struct Unlike {
    /// How many files are.
    pub like: u64,
    /// Those that are not, or are new.
    pub candidates: Vec<Candidate>,
    /// The paths of files of which nobody can tell what they are.
    pub uncertain: Vec<String>,
    /// The paths of files that are no candidates, and were selected.
    pub skipped: Vec<String>,
    /// Why each of them is none.
    pub warnings: Vec<Warning>,
}

/// Walks a source that is no mirror. `unlike` says which names in a folder are not as they were, by their places; links among
/// them lead to files of which `is_like` says the same. Nothing where there are more than `most`, or no candidate at all.
///
/// # Errors
/// [`Error`].
pub fn unlike(
    request: &Request<'_>,
    unlike: &(dyn Fn(&str, &Listing) -> Vec<usize> + Sync),
    is_like: &(dyn Fn(&str, &FileStamp) -> bool + Sync),
    most: usize,
) -> Result<Option<Unlike>, Error> {
    if !disk::folder::is_folder(request.source)? {
        return Err(Error::Missing(request.source.to_owned()));
    }
    let root = disk::folder::resolve(request.source)?;
    let folders = walk::each_folder(&root, &|folder, listing| {
        let files = listing.iter().filter(|(_, listed)| **listed != Listed::Folder).count();
        // Of a name that is no text nothing is known.
        let places = folder.to_str().map(|folder| unlike(folder, listing));
        let is_unlike = |at: usize| places.as_ref().is_none_or(|places| places.binary_search(&at).is_ok());
        let mut found = Vec::new();
        if places.as_ref().is_none_or(|places| !places.is_empty()) {
            let all = listing.iter().enumerate().filter(|(at, _)| is_unlike(*at));
            found.extend(all.filter_map(|(_, (name, listed))| walk::found(&root, folder, name, *listed)));
        }
        (files - found.len(), found)
    })?;
    let mut result = Unlike::default();
    let mut rest: Vec<Found> = Vec::new();
    for (like, found) in folders {
        result.like += like as u64;
        rest.extend(found);
    }
    if rest.len() > most {
        return Ok(None);
    }
    rest.sort_by(|a, b| a.relative.cmp(&b.relative));
    let named = rest.into_par_iter().filter_map(|found| judge(request, &root, found).transpose());
    for (shown, named) in named.collect::<Result<Vec<Named>, disk::Error>>()? {
        match named {
            Ok(candidate) if is_like(&candidate.relative, &candidate.stamp) => result.like += 1,
            Ok(candidate) => result.candidates.push(candidate),
            // What it may be is to be looked at with the others.
            Err(skipped) if !skipped.may_be.is_empty() => result.uncertain.push(shown),
            Err(skipped) => {
                result.warnings.push(Warning::of_file(skipped.code, shown.clone(), skipped.why));
                result.skipped.push(shown);
            }
        }
    }
    let is_any = result.like > 0 || !result.candidates.is_empty();
    Ok(is_any.then_some(result))
}
