//! The files of the source: collected, digested, and remembered for the next run.

use super::{Digests, Error, Mode, Removals, Request};
use crate::disk::stage::Staging;
use crate::disk::{self, FileStamp};
use crate::model::page::ProjectStatus;
use crate::model::{Entry, ProjectName, Sha256, TargetPath};
use crate::pipeline::collect::{self, Layout, Listing};
use crate::pipeline::digest;
use crate::pipeline::inventory::{self, Listed, Names};
use crate::pipeline::source::{Facts, Mark, SourceFile};
use crate::report::{Code, Reporter, Stage, Warning, event};
use crate::runs::placement;
use crate::state::cache::{DigestCache, Remembered};
use crate::state::{State, listings};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::OnceLock;

/// A file touched within this many nanoseconds before it was hashed may have been touched again
/// without its times showing it: it is hashed anew next time.
pub(super) const TOO_YOUNG: i64 = 2_000_000_000;

/// The files of the source with their digests, and what is to be remembered of them.
pub(in crate::runs) struct Found {
    pub(in crate::runs) files: Vec<SourceFile>,
    /// Targets that may be in the source, and could not be read as what they should be: what is
    /// published of them stays.
    pub(super) unsure: Vec<TargetPath>,
    /// Files of the source that are to be targets.
    pub(in crate::runs) seen: u64,
    pub(in crate::runs) hashed: (u64, u64),
    /// The layout of the source.
    pub(in crate::runs) layout: Layout,
    /// What the source says of files beside their bytes.
    pub(in crate::runs) marks: BTreeMap<TargetPath, Mark>,
    /// Projects of which nothing can be told just now.
    pub(super) unreadable: BTreeSet<ProjectName>,
    /// The status of projects that are not simply active.
    pub(in crate::runs) statuses: BTreeMap<ProjectName, ProjectStatus>,
    /// What lists say of the metadata inside files.
    pub(super) facts: BTreeMap<Sha256, Facts>,
    pub(super) cache: DigestCache,
    /// How much of the source was read: what it looks like is to be remembered.
    pub(super) extent: Extent,
    /// What the pages of a mirror offered before, and now.
    pub(super) listings: [BTreeMap<String, Listing>; 2],
    /// Files that were touched so shortly before they were read that their times prove nothing.
    pub(super) young: BTreeSet<usize>,
}

/// How much of the source was read.
pub(super) enum Extent {
    /// All of it.
    Whole,
    /// Some paths; those that are gone are named.
    But(BTreeSet<String>),
    /// Nothing: lists were.
    Nothing,
}

/// The whole source.
pub(in crate::runs) fn find(
    request: &Request<'_>,
    state: &State,
    reporter: &dyn Reporter,
) -> Result<Found, Error> {
    if !request.inventory.is_empty() {
        return listed(request, state, reporter);
    }
    let cache = DigestCache::load(state).in_memory();
    let remembered = request.digests == Digests::Remembered;
    let known = |path: &str, stamp: &_| cache.recall(path, stamp).filter(|_| remembered).map(|r| r.target);
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
        may_be_empty: request.removals == Removals::Allowed,
        was_mirror: placement::was_mirror(state),
        is_young: &is_young,
    };
    let mut collected = event::stage(reporter, Stage::Collect, None, || collect::collect(&wanted, reporter))?;
    let candidates = std::mem::take(&mut collected.candidates);
    let seen = candidates.len() as u64;
    let known = |path: &str, stamp: &_| cache.digest(path, stamp).filter(|_| remembered);
    let all_known = candidates.par_iter().all(|c| known(&c.relative, &c.stamp).is_some());
    let read_at = match request.mode {
        Mode::Publish if !all_known => Some(Staging::file_system_time(state.root())?),
        _ => None,
    };
    let digested = event::stage(reporter, Stage::Digest, Some(candidates.len() as u64), || {
        digest::digest(candidates, &known, digest::Half::Looked, reporter)
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
        facts: BTreeMap::new(),
        extent: Extent::Whole,
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

/// What lists in place of a source of this layout say.
///
/// # Errors
/// [`inventory::Error`].
pub fn lists(paths: &[PathBuf], layout: Layout, reporter: &dyn Reporter) -> Result<Listed, inventory::Error> {
    inventory::read(paths, names(layout), reporter)
}

/// What paths in such lists mean.
pub(super) fn names(layout: Layout) -> Names {
    if layout == Layout::Tree { Names::Targets } else { Names::Distributions }
}

/// How many files such lists name: the number of bins follows it.
///
/// # Errors
/// [`inventory::Error`].
pub fn count(paths: &[PathBuf], layout: Layout) -> Result<u64, inventory::Error> {
    inventory::count(paths, names(layout))
}

/// What the source is does not change by a list.
pub(super) fn layout_of_lists(request: &Request<'_>, state: &State) -> Layout {
    match request.layout {
        Layout::Auto if placement::was_mirror(state) => Layout::Bandersnatch,
        Layout::Auto => Layout::Flat,
        layout => layout,
    }
}

/// The same from lists, which nothing is walked and hashed for.
fn listed(request: &Request<'_>, state: &State, reporter: &dyn Reporter) -> Result<Found, Error> {
    let read = || lists(request.inventory, request.layout, reporter);
    let listed = event::stage(reporter, Stage::Collect, None, read);
    let listed = match listed {
        Err(inventory::Error::Empty { .. }) if request.removals == Removals::Allowed => Listed::default(),
        listed => listed?,
    };
    let layout = layout_of_lists(request, state);
    Ok(Found {
        files: listed.files,
        unsure: Vec::new(),
        seen: listed.rows,
        hashed: (0, 0),
        layout,
        marks: listed.marks,
        unreadable: BTreeSet::new(),
        statuses: BTreeMap::new(),
        facts: listed.facts,
        extent: Extent::Nothing,
        cache: DigestCache::default(),
        listings: Default::default(),
        young: BTreeSet::new(),
    })
}

/// Whether the source is a mirror, whose pages say what it offers: of such a one no path can be looked at alone.
pub(super) fn is_mirror(request: &Request<'_>, state: &State) -> bool {
    collect::is_mirror(request.source, request.layout, placement::was_mirror(state))
}

impl Found {
    /// Whether all there is was looked at, and not some paths alone.
    pub(super) fn is_whole(&self) -> bool {
        !matches!(self.extent, Extent::But(_))
    }

    /// Whether all that was found is listed as it was found, and nothing of what could not be read.
    pub(super) fn is_listed(
        &self,
        is_any: impl Fn(&TargetPath) -> bool,
        lists: impl Fn(&Entry) -> bool + Sync,
    ) -> bool {
        !self.unsure.iter().any(is_any) && self.files.par_iter().all(|file| lists(&file.entry()))
    }
}

/// In what words a cache is said to be what a snapshot lists: of another layout, with other globs, or with other pages, it
/// is not.
pub(super) fn settled(request: &Request<'_>, snapshot: &Sha256) -> Sha256 {
    let (layout, globs) = (request.layout.name(), request.selection.words());
    let pages = match request.layout {
        Layout::Tree => String::new(),
        _ => format!("{:?} {:?} {:?}", request.pages, request.files_url, request.yanked.entries()),
    };
    Sha256::of(format!("tuffet {} {snapshot} {layout} {globs} {pages}", env!("CARGO_PKG_VERSION")).as_bytes())
}

/// The warning about a file that is not what the mirror's own page says.
fn garbled(file: &SourceFile) -> Warning {
    let message = format!("its SHA-256 is {}; have the mirror fetch it again", file.digest);
    Warning::of_file(Code::Garbled, file.candidate.relative.clone(), message)
}

/// Writes the caches, where anything in them changed; `settled` is the snapshot that lists what was found and nothing
/// else.
pub(in crate::runs) fn remember(
    state: &State,
    found: Found,
    settled: Option<Sha256>,
) -> Result<(), disk::Error> {
    let Found { files, mut cache, extent, young, listings: [before, now], .. } = found;
    let remembered = files.iter().enumerate().map(|(index, file)| {
        // What a young file looks like proves nothing, and yet it is known where it was.
        let stamp = if young.contains(&index) { FileStamp::NONE } else { file.candidate.stamp };
        let (digest, target) = (file.digest, file.candidate.target.clone());
        (file.candidate.relative.as_str(), Remembered { stamp, digest, target })
    });
    match &extent {
        Extent::Nothing => return Ok(()),
        Extent::Whole => cache.remember_all(remembered),
        Extent::But(gone) => {
            gone.iter().for_each(|path| cache.forget_below(path));
            remembered.for_each(|(path, remembered)| cache.remember(path, remembered));
        }
    }
    cache.settle(settled);
    cache.save(state)?;
    if before == now { Ok(()) } else { listings::save(state, &now) }
}
