//! The files of the source: collected, digested, and remembered for the next run.

use super::{Digests, Error, Mode, Removals, Request};
use crate::disk;
use crate::disk::stage::Staging;
use crate::model::TargetPath;
use crate::pipeline::collect::{self, Collected};
use crate::pipeline::digest;
use crate::pipeline::source::SourceFile;
use crate::report::{Reporter, Stage, event};
use crate::state::State;
use crate::state::cache::{DigestCache, Remembered};
use std::collections::BTreeSet;

/// A file touched within this many nanoseconds before it was hashed may have been touched again
/// without its times showing it: it is hashed anew next time.
const TOO_YOUNG: i64 = 2_000_000_000;

/// The files of the source with their digests, and what is to be remembered of them.
pub(super) struct Found {
    pub(super) files: Vec<SourceFile>,
    /// Targets that may be in the source, and could not be read as what they should be: what is
    /// published of them stays.
    pub(super) unsure: Vec<TargetPath>,
    /// Files of the source that are to be targets.
    pub(super) seen: u64,
    pub(super) hashed: (u64, u64),
    cache: DigestCache,
    /// Files that were touched so shortly before they were read that their times prove nothing.
    young: BTreeSet<usize>,
}

pub(super) fn find(request: &Request<'_>, state: &State, reporter: &dyn Reporter) -> Result<Found, Error> {
    let cache = DigestCache::load(state);
    let remembered = request.digests == Digests::Remembered;
    let known =
        |path: &str, stamp: &_| cache.recall(path, stamp).filter(|_| remembered).map(|r| r.target.clone());
    let wanted = collect::Request {
        source: request.source,
        layout: request.layout,
        selection: request.selection,
        known: &known,
    };
    let collected = event::stage(reporter, Stage::Collect, None, || collect::collect(&wanted, reporter));
    let Collected { candidates, withheld } = match collected {
        Err(collect::Error::Empty(_) | collect::Error::NoDistribution { .. })
            if request.removals == Removals::Allowed =>
        {
            Collected::default()
        }
        collected => collected?,
    };
    let seen = candidates.len() as u64;
    let known = |path: &str, stamp: &_| cache.recall(path, stamp).filter(|_| remembered).map(|r| r.digest);
    let all_known = candidates.iter().all(|c| known(&c.relative, &c.stamp).is_some());
    let read_at = match request.mode {
        Mode::Publish if !all_known => Some(Staging::file_system_time(state.root())?),
        _ => None,
    };
    let digested = event::stage(reporter, Stage::Digest, Some(candidates.len() as u64), || {
        digest::digest(candidates, &known, reporter)
    })?;
    let digest::Digested { files, fresh, unstable, bytes_hashed } = digested;
    let is_young = |&index: &usize| {
        read_at.is_some_and(|at| files[index].candidate.stamp.is_younger_than(TOO_YOUNG, at))
    };
    let young = fresh.iter().copied().filter(is_young).collect();
    let hashed = (fresh.len() as u64, bytes_hashed);
    let unsure = unstable.into_iter().map(|candidate| candidate.target).chain(withheld).collect();
    Ok(Found { files, unsure, seen, hashed, cache, young })
}

/// Writes the cache, if anything in it changed.
pub(super) fn remember(state: &State, found: Found) -> Result<(), disk::Error> {
    let mut cache = DigestCache::default();
    for (index, file) in found.files.iter().enumerate() {
        if !found.young.contains(&index) {
            let (stamp, digest, target) = (file.candidate.stamp, file.digest, file.candidate.target.clone());
            cache.remember(&file.candidate.relative, Remembered { stamp, digest, target });
        }
    }
    if cache == found.cache { Ok(()) } else { cache.save(state) }
}
