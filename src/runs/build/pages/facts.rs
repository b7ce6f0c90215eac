//! What distributions say of themselves: remembered by their digests, or read in them.

use super::Request;
use crate::disk;
use crate::model::{Entry, Sha256, TargetPath};
use crate::pipeline::inspect;
use crate::pipeline::source::{Facts, SourceFile};
use crate::report::{Code, Reporter, Warning, event};
use crate::runs::build::place::Act;
use crate::site::Site;
use crate::state::{State, facts};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the bytes of a distribution can be read: the site's copy, which nobody changes, else the
/// source's file if it still is what was hashed; `None` if they are nowhere at hand.
pub(super) fn path_of(
    site: &Site,
    entry: &Entry,
    by_target: &BTreeMap<&TargetPath, &SourceFile>,
) -> Result<Option<PathBuf>, disk::Error> {
    let hashed = entry.path.hashed(&entry.digest.to_string());
    if site.folder().stamp(&hashed)?.is_some() {
        return Ok(Some(site.folder().path(&hashed)));
    }
    let Some(file) = by_target.get(&entry.path).filter(|file| file.entry() == *entry) else {
        return Ok(None);
    };
    let path = &file.candidate.path;
    match disk::read::OpenFile::open(path).and_then(|open| open.stamp()) {
        Ok(stamp) if stamp == file.candidate.stamp => Ok(Some(path.clone())),
        Ok(_) => Ok(None),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e),
    }
}

pub(super) fn by_target(files: &[SourceFile]) -> BTreeMap<&TargetPath, &SourceFile> {
    files.iter().map(|file| (&file.candidate.target, file)).collect()
}

/// What every distribution says of itself; archives that are not remembered are opened.
pub(super) fn gather(
    request: &Request<'_>,
    reporter: &dyn Reporter,
) -> Result<BTreeMap<Sha256, Facts>, disk::Error> {
    let site = Site::new(request.build.site);
    let state = State::new(request.build.state);
    let known: BTreeMap<Sha256, Facts> = facts::load(&state);
    let by_target = by_target(&request.found.files);
    let all: Vec<Option<(Sha256, Facts)>> = request
        .distributions
        .par_iter()
        .map(|entry| {
            reporter.event(event::Event::Done(1));
            // What a list said is no archive's word: it stands until one is at hand.
            let (known, told) = (known.get(&entry.digest), request.found.facts.get(&entry.digest));
            Ok(match (known, told) {
                (Some(known), _) if !known.is_told => Some((entry.digest, known.clone())),
                (_, Some(told)) => Some((entry.digest, told.clone())),
                (known, None) => {
                    let stays = || known.map(|known| (entry.digest, known.clone()));
                    read(&site, entry, &by_target)?.or_else(stays)
                }
            })
        })
        .collect::<Result<_, disk::Error>>()?;
    let mut all: BTreeMap<Sha256, Facts> = all.into_iter().flatten().collect();
    if all != known && request.act != Act::Look {
        facts::save(&state, &all)?;
    }
    for entry in request.distributions {
        if let Some(told) = request.found.facts.get(&entry.digest) {
            all.insert(entry.digest, told.clone());
        }
    }
    warn_of_broken(request.distributions.iter(), &all, reporter);
    Ok(all)
}

/// What these distributions say of themselves, of which nothing is remembered.
pub(super) fn of_new<'a>(
    request: &Request<'_>,
    distributions: impl Iterator<Item = &'a Entry> + Clone,
    reporter: &dyn Reporter,
) -> Result<BTreeMap<Sha256, Facts>, disk::Error> {
    let site = Site::new(request.build.site);
    let by_target = by_target(&request.found.files);
    let all: Vec<&Entry> = distributions.clone().collect();
    let all = all.into_par_iter().map(|entry| read(&site, entry, &by_target));
    let all = all.collect::<Result<Vec<_>, disk::Error>>()?.into_iter().flatten().collect();
    warn_of_broken(distributions, &all, reporter);
    Ok(all)
}

/// What a distribution says of itself. Of bytes that are nowhere at hand, held ones that are served from elsewhere, or
/// changing just now, nothing is said, and nothing remembered.
fn read(
    site: &Site,
    entry: &Entry,
    by_target: &BTreeMap<&TargetPath, &SourceFile>,
) -> Result<Option<(Sha256, Facts)>, disk::Error> {
    let Some(path) = path_of(site, entry, by_target)? else { return Ok(None) };
    Ok(Some((entry.digest, inspect::inspect(&path, entry.path.split().1)?.0)))
}

fn warn_of_broken<'a>(
    distributions: impl Iterator<Item = &'a Entry>,
    facts: &BTreeMap<Sha256, Facts>,
    reporter: &dyn Reporter,
) {
    for entry in distributions {
        if let Some(why) = facts.get(&entry.digest).and_then(|facts| facts.broken.as_ref()) {
            reporter.warn(Warning::of_file(Code::BrokenArchive, entry.path.as_str(), why.clone()));
        }
    }
}
