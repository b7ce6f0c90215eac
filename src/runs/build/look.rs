//! Some paths of the source, and nothing else of it: what is at them, and which published targets are gone from them.

use super::find::{Extent, Found, TOO_YOUNG};
use super::{Error, Mode, Removals, Request};
use crate::disk;
use crate::disk::stage::Staging;
use crate::disk::walk;
use crate::model::{Entry, Inventory, ProjectName, TargetPath};
use crate::pipeline::collect::{self, Layout};
use crate::pipeline::digest;
use crate::pipeline::source::{Candidate, SourceFile};
use crate::report::{Code, Reporter, Stage, Warning, event};
use crate::state::State;
use crate::state::cache::DigestCache;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

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

/// Some paths of the source, and which published targets are gone from them; `None` where only a walk can tell. `half`
/// says whether somebody may be writing them just now.
pub(super) fn look(
    request: &Request<'_>,
    state: &State,
    paths: &[String],
    half: digest::Half,
    before: &dyn Before,
    reporter: &dyn Reporter,
) -> Result<Option<(Found, BTreeSet<TargetPath>)>, Error> {
    let cache = DigestCache::load(state);
    let paths: BTreeSet<String> = paths.iter().cloned().collect();
    let known = |path: &str, stamp: &_| cache.recall(path, stamp).map(|r| r.target);
    let wanted = collect::Request {
        source: request.source,
        layout: request.layout,
        selection: request.selection,
        known: &known,
        known_listing: &|_| None,
        may_be_empty: false,
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
    let told: BTreeSet<&str> = candidates.iter().map(|candidate| candidate.target.as_str()).collect();
    let mut rivals: BTreeMap<TargetPath, String> = BTreeMap::new();
    for target in candidates.iter().map(|candidate| &candidate.target) {
        for rival in target.rivals() {
            if let Ok(path) = rival.parse()
                && (told.contains(rival) || before.find(&path)?.is_some())
            {
                rivals.insert(target.clone(), rival.to_owned());
            }
        }
    }
    if !rivals.is_empty() && !gone.is_empty() {
        // Whether the rival is among what is gone, a walk sees.
        return Ok(None);
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
    let known = |path: &str, stamp: &_| cache.digest(path, stamp);
    let digested = event::stage(reporter, Stage::Digest, Some(seen), || {
        digest::digest(candidates, &known, half, reporter)
    })?;
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
    if cache.is_damaged() {
        return Ok(None);
    }
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
    let is_known = |target: &TargetPath| {
        [' ', '!'].iter().any(|sign| cache.has_target_beginning(&format!("{target}{sign}")))
    };
    for target in candidates.iter().map(|candidate| &candidate.target) {
        let is_one = |path: &TargetPath| path.rivals().any(|rival| rival == target.as_str());
        if is_known(target) || before.beside(target)?.iter().any(is_one) {
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
    let root = disk::folder::resolve(request.source)?;
    let mut removed = BTreeSet::new();
    for path in gone {
        let mut was: BTreeSet<TargetPath> = cache
            .below(path)
            .filter(|(relative, _)| !there.contains(relative.as_str()))
            .map(|(_, remembered)| remembered.target)
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
        if was.is_empty() && !is_folder_of_some && walk::at(&root, Path::new(path))?.is_empty() {
            let message = "there is no such file, and nothing is published that it could have been";
            reporter.warn(Warning::of_file(Code::NotThere, path.clone(), message));
        }
        removed.extend(was);
    }
    // A file of the same name may lie somewhere else.
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
