//! The files of the source: collected, digested, and remembered for the next run.

use super::{Digests, Error, Mode, Removals, Request, placement};
use crate::disk::stage::Staging;
use crate::disk::walk;
use crate::disk::{self, FileStamp};
use crate::model::page::ProjectStatus;
use crate::model::{Entry, Inventory, ProjectName, Sha256, TargetPath};
use crate::pipeline::collect::{self, Collected, Layout, Listing};
use crate::pipeline::digest;
use crate::pipeline::inventory::{self, Listed, Names};
use crate::pipeline::source::{Candidate, Facts, Mark, SourceFile};
use crate::report::{Code, Reporter, Stage, Warning, event};
use crate::state::cache::{DigestCache, Remembered};
use crate::state::{State, listings};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A file touched within this many nanoseconds before it was hashed may have been touched again
/// without its times showing it: it is hashed anew next time.
const TOO_YOUNG: i64 = 2_000_000_000;

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
    pub(super) statuses: BTreeMap<ProjectName, ProjectStatus>,
    /// What lists say of the metadata inside files.
    pub(super) facts: BTreeMap<Sha256, Facts>,
    cache: DigestCache,
    /// How much of the source was read: what it looks like is to be remembered.
    extent: Extent,
    /// What the pages of a mirror offered before, and now.
    listings: [BTreeMap<String, Listing>; 2],
    /// Files that were touched so shortly before they were read that their times prove nothing.
    young: BTreeSet<usize>,
}

/// How much of the source was read.
enum Extent {
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

/// What is published of files of the source.
pub(super) trait Before {
    /// What is published under this path.
    fn find(&self, path: &TargetPath) -> Result<Option<Entry>, Error>;

    /// What is published below a folder, which ends in a slash.
    fn below(&self, folder: &str) -> Result<Vec<TargetPath>, Error>;

    /// What is published in the bin of this path.
    fn beside(&self, path: &TargetPath) -> Result<Vec<TargetPath>, Error>;
}

impl Before for Inventory {
    fn find(&self, path: &TargetPath) -> Result<Option<Entry>, Error> {
        Ok(Inventory::find(self, path).cloned())
    }

    fn below(&self, folder: &str) -> Result<Vec<TargetPath>, Error> {
        let paths = self.iter().map(|(_, entry)| &entry.path);
        Ok(paths.filter(|path| path.as_str().starts_with(folder)).cloned().collect())
    }

    fn beside(&self, path: &TargetPath) -> Result<Vec<TargetPath>, Error> {
        Ok(self.bin(self.bins().bin_of(&path.digest())).map(|entry| entry.path.clone()).collect())
    }
}

/// Some paths of the source, and which published targets are gone from them; `None` where only a walk can tell.
pub(super) fn changed(
    request: &Request<'_>,
    state: &State,
    paths: &[String],
    before: &dyn Before,
    reporter: &dyn Reporter,
) -> Result<Option<(Found, BTreeSet<TargetPath>)>, Error> {
    let cache = DigestCache::load(state);
    let paths = collect::paths_of(request.source, paths.iter().map(String::as_str))?;
    let known = |path: &str, stamp: &_| cache.recall(path, stamp).map(|r| r.target.clone());
    let wanted = collect::Request {
        source: request.source,
        layout: request.layout,
        selection: request.selection,
        known: &known,
        known_listing: &|_| None,
        was_mirror: false,
        is_young: &|_| true,
    };
    let looked = event::stage(reporter, Stage::Collect, None, || collect::changed(&wanted, &paths, reporter));
    let collect::Changed { collected, gone } = match looked {
        Err(error) if request.removals == Removals::Allowed && error.is_empty() => {
            collect::Changed { gone: paths, ..Default::default() }
        }
        looked => looked?,
    };
    let layout = collected.layout.unwrap_or(request.layout);
    let mut candidates = collected.candidates;
    let mut rivals: BTreeMap<TargetPath, String> = BTreeMap::new();
    for target in candidates.iter().map(|candidate| &candidate.target) {
        for rival in target.rivals() {
            if let Ok(path) = rival.parse()
                && before.find(&path)?.is_some()
            {
                rivals.insert(target.clone(), rival.to_owned());
            }
        }
    }
    candidates.retain(|candidate| {
        let rival = rivals.get(&candidate.target);
        if let Some(rival) = rival {
            let message = format!("beside {rival}, tough would sort its name differently and refuse both");
            reporter.warn(Warning::of_file(Code::NameSkipped, candidate.relative.clone(), message));
        }
        rival.is_none()
    });
    if have_rivals(&candidates, &cache, before)? {
        return Ok(None);
    }
    let seen = candidates.len() as u64;
    candidates.extend(twins(request, &cache, &candidates, &gone)?);
    candidates.sort_by(|a, b| a.relative.cmp(&b.relative));
    let read_at = match request.mode {
        Mode::Publish => Some(Staging::file_system_time(state.root())?),
        Mode::DryRun => None,
    };
    let known = |path: &str, stamp: &_| cache.recall(path, stamp).map(|r| r.digest);
    let digested =
        event::stage(reporter, Stage::Digest, Some(seen), || digest::digest(candidates, &known, reporter))?;
    let digest::Digested { files, fresh, unstable, bytes_hashed } = digested;
    let is_young = |&index: &usize| {
        read_at.is_some_and(|at| files[index].candidate.stamp.is_younger_than(TOO_YOUNG, at))
    };
    let young: BTreeSet<usize> = fresh.iter().copied().filter(is_young).collect();
    let Some(mut removed) = removed(request, &cache, layout, &gone, &files, before, reporter)? else {
        return Ok(None);
    };
    let now: BTreeSet<TargetPath> = files.iter().map(|file| file.candidate.target.clone()).collect();
    let mut unsure: Vec<TargetPath> = unstable.into_iter().map(|candidate| candidate.target).collect();
    unsure.extend(collected.withheld);
    removed.retain(|path| !unsure.contains(path) && !now.contains(path));
    let found = Found {
        files,
        unsure,
        seen,
        hashed: (fresh.len() as u64, bytes_hashed),
        layout,
        marks: BTreeMap::new(),
        unreadable: BTreeSet::new(),
        statuses: BTreeMap::new(),
        facts: BTreeMap::new(),
        extent: Extent::But(gone),
        cache,
        listings: Default::default(),
        young,
    };
    Ok(Some((found, removed)))
}

/// Whether a name that tough sorts otherwise stands beside one of these already: which of the two is left out is for a
/// walk to say.
fn have_rivals(candidates: &[Candidate], cache: &DigestCache, before: &dyn Before) -> Result<bool, Error> {
    let known: BTreeSet<&str> = cache.targets().flat_map(TargetPath::rivals).collect();
    for target in candidates.iter().map(|candidate| &candidate.target) {
        let is_one = |path: &TargetPath| path.rivals().any(|rival| rival == target.as_str());
        if known.contains(target.as_str()) || before.beside(target)?.iter().any(is_one) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Files elsewhere in the source that are the same targets: they must have the same bytes.
fn twins(
    request: &Request<'_>,
    cache: &DigestCache,
    candidates: &[Candidate],
    gone: &BTreeSet<String>,
) -> Result<Vec<Candidate>, Error> {
    let targets = candidates.iter().map(|candidate| candidate.target.clone()).collect();
    let looked_at: BTreeSet<&str> = candidates.iter().map(|candidate| candidate.relative.as_str()).collect();
    let root = disk::folder::resolve(request.source)?;
    let mut twins = Vec::new();
    for (relative, target) in cache.others(&targets, &|path| looked_at.contains(path) || is_below(gone, path))
    {
        if let Some(stamp) = walk::at(&root, Path::new(&relative))?.first().and_then(walk::Found::stamp) {
            let path = root.join(&relative);
            twins.push(Candidate { relative, path, stamp, target, told: None });
        }
    }
    Ok(twins)
}

impl Found {
    /// Whether all there is was looked at, and not some paths alone.
    pub(super) fn is_whole(&self) -> bool {
        !matches!(self.extent, Extent::But(_))
    }

    /// Has all stay that is published of `before` and was not looked at: but `removed` and what was found.
    pub(super) fn keep_the_rest(&mut self, before: &Inventory, removed: &BTreeSet<TargetPath>) {
        let now: BTreeSet<&TargetPath> = self.files.iter().map(|file| &file.candidate.target).collect();
        let stays = before.iter().map(|(_, entry)| &entry.path);
        let stays = stays.filter(|path| !removed.contains(*path) && !now.contains(*path));
        self.unsure.extend(stays.cloned());
        let project = |path: &TargetPath| ProjectName::normalise(path.segments().nth(1)?).ok();
        let touched: BTreeSet<ProjectName> = now.into_iter().chain(removed).filter_map(project).collect();
        let projects = before.iter().filter_map(|(_, entry)| project(&entry.path));
        self.unreadable.extend(projects.filter(|project| !touched.contains(project)));
    }
}

/// Whether a path is one of these, or below one.
fn is_below(paths: &BTreeSet<String>, path: &str) -> bool {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    ends.into_iter().any(|end| paths.contains(&path[..end]))
}

/// The published targets that were at paths of the source that are gone. Paths of which nobody knows anything are
/// warned of; where only a walk can tell what was there, there is no answer.
fn removed(
    request: &Request<'_>,
    cache: &DigestCache,
    layout: Layout,
    gone: &BTreeSet<String>,
    files: &[SourceFile],
    before: &dyn Before,
    reporter: &dyn Reporter,
) -> Result<Option<BTreeSet<TargetPath>>, Error> {
    let there: BTreeSet<&str> = files.iter().map(|file| file.candidate.relative.as_str()).collect();
    let mut removed = BTreeSet::new();
    for path in gone {
        let mut was: BTreeSet<TargetPath> = cache
            .below(path)
            .filter(|(relative, _)| !there.contains(relative.as_str()))
            .map(|(_, remembered)| remembered.target.clone())
            .collect();
        if was.is_empty() && layout != Layout::Tree {
            was.extend(published(collect::may_have_been(layout, path), before)?);
            // Where no file of the source was ever seen, as behind lists, a name stands for its target.
            let is_exact = |target: &TargetPath| target.as_str() == path || target.split().1 == path;
            if !was.iter().all(|target| !cache.is_whole() && is_exact(target)) {
                return Ok(None);
            }
        }
        if layout == Layout::Tree {
            was.extend(collect::may_have_been(layout, path));
            if published(was.clone(), before)?.is_empty() {
                was.extend(before.below(&format!("{path}/"))?);
            }
            was.retain(|target| !there.contains(target.as_str()));
        }
        let was = published(was, before)?;
        let is_folder_of_some = there.iter().any(|one| one.starts_with(&format!("{path}/")));
        if was.is_empty() && !is_folder_of_some {
            let message = "there is no such file, and nothing is published that it could have been";
            reporter.warn(Warning::of_file(Code::NotThere, path.clone(), message));
        }
        removed.extend(was);
    }
    // A file of the same name may lie somewhere else.
    let root = disk::folder::resolve(request.source)?;
    let looked_at = |path: &str| there.contains(path) || is_below(gone, path);
    for (relative, target) in cache.others(&removed, &looked_at) {
        if !walk::at(&root, Path::new(&relative))?.is_empty() {
            removed.remove(&target);
        }
    }
    Ok(Some(removed))
}

/// Those of these targets that are published.
fn published(
    targets: impl IntoIterator<Item = TargetPath>,
    before: &dyn Before,
) -> Result<BTreeSet<TargetPath>, Error> {
    let mut there = BTreeSet::new();
    for target in targets {
        if before.find(&target)?.is_some() {
            there.insert(target);
        }
    }
    Ok(there)
}

/// The warning about a file that is not what the mirror's own page says.
fn garbled(file: &SourceFile) -> Warning {
    let message = format!("its SHA-256 is {}; have the mirror fetch it again", file.digest);
    Warning::of_file(Code::Garbled, file.candidate.relative.clone(), message)
}

/// Writes the caches, where anything in them changed.
pub(in crate::runs) fn remember(state: &State, found: Found) -> Result<(), disk::Error> {
    let mut cache = match &found.extent {
        Extent::Nothing => return Ok(()),
        Extent::Whole => DigestCache::of_walk(),
        Extent::But(gone) => found.cache.without(gone),
    };
    for (index, file) in found.files.iter().enumerate() {
        // What a young file looks like proves nothing, and yet it is known where it was.
        let stamp = if found.young.contains(&index) { FileStamp::NONE } else { file.candidate.stamp };
        let (digest, target) = (file.digest, file.candidate.target.clone());
        cache.remember(&file.candidate.relative, Remembered { stamp, digest, target });
    }
    if cache != found.cache {
        cache.save(state)?;
    }
    let [before, now] = &found.listings;
    if before == now { Ok(()) } else { listings::save(state, now) }
}
