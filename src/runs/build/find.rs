//! The files of the source: collected, digested, and remembered for the next run.

use super::{Digests, Error, Mode, Removals, Request, placement};
use crate::disk::stage::Staging;
use crate::disk::{self, FileStamp};
use crate::model::page::ProjectStatus;
use crate::model::{ProjectName, TargetPath};
use crate::pipeline::collect::{self, Collected, Layout, Listing};
use crate::pipeline::digest;
use crate::pipeline::source::{Mark, SourceFile};
use crate::report::{Code, Reporter, Stage, Warning, event};
use crate::state::cache::{DigestCache, Remembered};
use crate::state::{State, listings};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

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
    /// The layout of the source.
    pub(super) layout: Layout,
    /// What the source says of files beside their bytes.
    pub(super) marks: BTreeMap<TargetPath, Mark>,
    /// Projects of which nothing can be told just now.
    pub(super) unreadable: BTreeSet<ProjectName>,
    /// The status of projects that are not simply active.
    pub(super) statuses: BTreeMap<ProjectName, ProjectStatus>,
    cache: DigestCache,
    /// What the pages of a mirror offered before, and now.
    listings: [BTreeMap<String, Listing>; 2],
    /// Files that were touched so shortly before they were read that their times prove nothing.
    young: BTreeSet<usize>,
}

pub(super) fn find(request: &Request<'_>, state: &State, reporter: &dyn Reporter) -> Result<Found, Error> {
    let cache = DigestCache::load(state);
    let remembered = request.digests == Digests::Remembered;
    let known =
        |path: &str, stamp: &_| cache.recall(path, stamp).filter(|_| remembered).map(|r| r.target.clone());
    let listings: BTreeMap<String, Listing> = listings::load(state);
    // Asked once, before the first page is read.
    let reading = OnceLock::new();
    let is_young = |stamp: &FileStamp| {
        let at = || match request.mode {
            Mode::Publish => Staging::file_system_time(state.root()).ok(),
            Mode::DryRun => None,
        };
        reading.get_or_init(at).is_none_or(|at| stamp.is_younger_than(TOO_YOUNG, at))
    };
    let wanted = collect::Request {
        source: request.source,
        layout: request.layout,
        selection: request.selection,
        known: &known,
        known_listing: &|project| listings.get(project).cloned(),
        was_mirror: placement::was_mirror(state),
        is_young: &is_young,
    };
    let collected = event::stage(reporter, Stage::Collect, None, || collect::collect(&wanted, reporter));
    let mut collected = match collected {
        Err(error) if request.removals == Removals::Allowed && error.is_empty() => Collected::default(),
        collected => collected?,
    };
    let candidates = std::mem::take(&mut collected.candidates);
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
    let young: BTreeSet<usize> = fresh.iter().copied().filter(is_young).collect();
    let hashed = (fresh.len() as u64, bytes_hashed);
    let mut unsure: Vec<TargetPath> = unstable.into_iter().map(|candidate| candidate.target).collect();
    unsure.extend(collected.withheld);
    let mut found = Found {
        files: Vec::with_capacity(files.len()),
        unsure,
        seen,
        hashed,
        layout: collected.layout.unwrap_or(request.layout),
        marks: collected.marks,
        unreadable: collected.unreadable,
        statuses: collected.statuses,
        cache,
        listings: [listings, collected.listings],
        young: BTreeSet::new(),
    };
    for (index, file) in files.into_iter().enumerate() {
        if file.candidate.told.is_some_and(|told| told != file.digest) {
            reporter.warn(garbled(&file));
            found.unsure.push(file.candidate.target);
            continue;
        }
        if young.contains(&index) {
            found.young.insert(found.files.len());
        }
        found.files.push(file);
    }
    Ok(found)
}

/// The warning about a file that is not what the mirror's own page says.
fn garbled(file: &SourceFile) -> Warning {
    let message = format!("its SHA-256 is {}; have the mirror fetch it again", file.digest);
    Warning::of_file(Code::Garbled, file.candidate.relative.clone(), message)
}

/// Writes the caches, where anything in them changed.
pub(super) fn remember(state: &State, found: Found) -> Result<(), disk::Error> {
    let mut cache = DigestCache::default();
    for (index, file) in found.files.iter().enumerate() {
        if !found.young.contains(&index) {
            let (stamp, digest, target) = (file.candidate.stamp, file.digest, file.candidate.target.clone());
            cache.remember(&file.candidate.relative, Remembered { stamp, digest, target });
        }
    }
    if cache != found.cache {
        cache.save(state)?;
    }
    let [before, now] = &found.listings;
    if before == now { Ok(()) } else { listings::save(state, now) }
}
