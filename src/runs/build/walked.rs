//! A build that walks, and finds little that is not as the last one left it: what it found it tells to the build that is
//! told what changed.

use super::told::{self, Reads};
use super::{Digests, Error, Outcome, Placement, Request, find};
use crate::disk;
use crate::keys::Signer;
use crate::model::{Envelope, Sha256, Timestamp};
use crate::pipeline::collect::{self, Layout, Unlike};
use crate::pipeline::digest::Half;
use crate::pipeline::source::Candidate;
use crate::report::{Reporter, Stage, event};
use crate::site::{Site, layout};
use crate::state::State;
use crate::state::cache::{Comparison, DigestCache};
use std::collections::BTreeSet;

/// Past so many changes a build that looks at everything is as fast.
const FEW: usize = 2000;

/// Whether a build can go this way: where nothing is to be looked at but the source, and everything is counted.
pub(super) fn serves(request: &Request<'_>, site: &Site, state: &State) -> Result<bool, Error> {
    let is_counted = request.layout == Layout::Tree || request.pages.any();
    if !is_counted || request.changed.is_some() || !request.inventory.is_empty() {
        return Ok(false);
    }
    // What a build of a small tree has to say of its archives it says every time.
    if request.layout != Layout::Tree && (!told::is_large(state) || find::is_mirror(request, state)) {
        return Ok(false);
    }
    let asked = request.digests == Digests::Anew || !request.replace.is_empty() || request.decided;
    Ok(!asked && !Placement::of(request).is_doubtful(site, state)?)
}

/// Builds; `None` where more than this has to be looked at.
pub(super) fn build(
    request: &Request<'_>,
    site: &Site,
    state: &State,
    online: &dyn Signer,
    reporter: &dyn Reporter,
) -> Result<Option<Outcome>, Error> {
    let cache = DigestCache::load(state);
    if !cache.is_whole() || cache.settled().is_none() || cache.settled() != current(request, site)? {
        return Ok(None);
    }
    let cache = cache.in_memory();
    let walked = event::stage(reporter, Stage::Collect, None, || walk(request, &cache))?;
    let Some((unlike, gone)) = walked else {
        return Ok(None);
    };
    drop(cache);
    let candidates = unlike.candidates.iter().map(|candidate| candidate.relative.clone());
    let paths: Vec<String> = candidates.chain(unlike.uncertain.iter().cloned()).chain(gone).collect();
    let request = Request { changed: Some(&paths), ..*request };
    // Nobody said of these that they are whole.
    let how = (Reads::AllOfSmall, Half::Looked);
    let Some(outcome) = told::build(&request, how, site, state, online, reporter)? else {
        return Ok(None);
    };
    unlike.warnings.into_iter().for_each(|warning| reporter.warn(warning));
    let projects = if request.layout == Layout::Tree { Some(0) } else { outcome.projects };
    Ok(Some(Outcome { seen: unlike.like + outcome.seen, projects, ..outcome }))
}

/// In what words the cache would be what is published now; the build that is told verifies what stands there.
fn current(request: &Request<'_>, site: &Site) -> Result<Option<Sha256>, Error> {
    let bytes = disk::read::bytes_if_there(&site.folder().path(layout::TIMESTAMP))?;
    let timestamp = bytes.and_then(|bytes| Envelope::<Timestamp>::parse(&bytes).ok());
    let digest = timestamp.and_then(|timestamp| timestamp.signed().snapshot()?.hashes.as_ref()?.sha256());
    Ok(digest.map(|digest| find::settled(request, &digest)))
}

/// What is not as the cache says, and which paths are gone; `None` where that is much, or more than the paths tell.
fn walk(request: &Request<'_>, cache: &DigestCache) -> Result<Option<(Unlike, Vec<String>)>, Error> {
    let comparison = Comparison::new(cache);
    let wanted = collect::Request {
        source: request.source,
        layout: request.layout,
        selection: request.selection,
        known: &|_, _| None,
        known_listing: &|_| None,
        may_be_empty: false,
        was_mirror: false,
        is_young: &|_| true,
    };
    let is_like = |path: &str, stamp: &_| cache.digest(path, stamp).is_some();
    let Some(unlike) =
        collect::unlike(&wanted, &|folder, listing| comparison.folder(folder, listing), &is_like, FEW)?
    else {
        return Ok(None);
    };
    let gone = comparison.gone().filter(|gone| gone.len() + unlike.candidates.len() <= FEW);
    let Some(gone) = gone else { return Ok(None) };
    // A file that is known, and is to be none now, may be more than gone.
    let is_known = |path: &String| cache.below(path).next().is_some();
    // Which of two names that tough sorts otherwise is left out depends on both.
    let changed: BTreeSet<&str> = unlike
        .candidates
        .iter()
        .map(|one| one.relative.as_str())
        .chain(gone.iter().map(String::as_str))
        .collect();
    let is_rival = |one: &Candidate| one.target.rivals().any(|rival| changed.contains(rival));
    if unlike.skipped.iter().any(is_known) || unlike.candidates.iter().any(is_rival) {
        return Ok(None);
    }
    Ok(Some((unlike, gone)))
}
