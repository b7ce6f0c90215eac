//! `build`: read what is published, collect, digest, partition, place, sign, swap. A build with
//! nothing new and nothing due writes nothing.

use super::guard::{self, Refusal};
use super::place;
use super::roles::{self, Due, Versions};
use crate::disk;
use crate::disk::stage::{Bring, Staging};
use crate::keys::Signer;
use crate::model::{Inventory, Moment, RoleName, Version};
use crate::pipeline::collect::{self, Layout, Selection};
use crate::pipeline::digest;
use crate::pipeline::partition::{self, Difference, OnChange};
use crate::pipeline::sign::{self, SignedRole};
use crate::pipeline::source::{Candidate, SourceFile};
use crate::report::{Reporter, Stage, event};
use crate::site::read::{self, Published};
use crate::site::swap::{self, Swap, Written};
use crate::site::targets::Manner;
use crate::site::{Site, layout};
use crate::state::State;
use crate::state::cache::{DigestCache, Remembered};
use crate::state::journal;
use crate::trust::Lives;
use std::collections::BTreeSet;
use std::path::Path;

/// A file touched within this many nanoseconds before it was hashed may have been touched again
/// without its times showing it: it is hashed anew next time.
const TOO_YOUNG: i64 = 2_000_000_000;

/// How target files get into the site (`site.targets`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetFiles {
    /// Copied.
    Copy,
    /// Linked, for a source that replaces files by rename only.
    Link,
    /// Not at all: they are served from elsewhere.
    Elsewhere,
}

/// Whether a build may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Publish.
    Publish,
    /// Only say what would be done.
    DryRun,
}

/// Whether a shrinking source stops the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removals {
    /// More than a tenth gone stops it.
    Guarded,
    /// Any number may go.
    Allowed,
}

/// Whether remembered digests are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digests {
    /// Where the file looks as it did.
    Remembered,
    /// Every file is read, and every published file compared.
    Anew,
}

/// What a build is to do.
#[derive(Debug)]
pub struct Request<'a> {
    /// The source folder.
    pub source: &'a Path,
    /// How it is laid out.
    pub layout: Layout,
    /// Which of its files count.
    pub selection: &'a Selection,
    /// The site.
    pub site: &'a Path,
    /// How target files get there.
    pub target_files: TargetFiles,
    /// Whether stock tough gets its names too.
    pub tough_alias: bool,
    /// The state folder.
    pub state: &'a Path,
    /// How long roles live.
    pub lives: &'a Lives,
    /// The run's now.
    pub now: Moment,
    /// Whether to act.
    pub mode: Mode,
    /// Whether a shrinking source stops the build.
    pub removals: Removals,
    /// Whether remembered digests are trusted.
    pub digests: Digests,
    /// Published files whose new bytes are to be taken: paths below the source, or target paths.
    pub replace: &'a [String],
}

/// What a build did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The snapshot that is current now.
    pub snapshot: Option<Version>,
    /// Whether something became public.
    pub published: bool,
    /// Targets in the bins.
    pub targets: u64,
    /// Projects that they belong to; 0 in layout `tree`.
    pub projects: u64,
    /// Bins.
    pub bins: u64,
    /// Bins signed because their content changed.
    pub bins_signed: u64,
    /// Bins signed because they were due.
    pub bins_renewed: u64,
    /// Files of the source that are to be targets.
    pub seen: u64,
    /// Files hashed, and their bytes.
    pub hashed: (u64, u64),
    /// Targets added, changed, removed.
    pub added: u64,
    /// Targets whose bytes changed.
    pub changed: u64,
    /// Targets that left.
    pub removed: u64,
    /// Targets whose published bytes stay although the source has others.
    pub held: u64,
    /// What was written into the site.
    pub written: Written,
}

/// Why a build stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is published.
    #[error("nothing is published in {0} yet; run `tuffet init` first, or `tuffet build --init`")]
    NotBegun(String),
    /// The published tree is not one that a client accepts.
    #[error(transparent)]
    Published(#[from] read::Error),
    /// Something forbids signing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The source cannot be collected.
    #[error(transparent)]
    Collect(#[from] collect::Error),
    /// A file cannot be read.
    #[error(transparent)]
    Digest(#[from] digest::Error),
    /// Two files want to be one target.
    #[error(transparent)]
    Conflict(#[from] partition::Conflict),
    /// A path given to `--replace` is no file of the source.
    #[error("--replace {0}: there is no such file in the source; name it by its path below the source")]
    NothingToReplace(String),
    /// A role could not be signed.
    #[error(transparent)]
    Sign(#[from] sign::Error),
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Builds. The caller holds the lock.
///
/// # Errors
/// [`Error`]; what readers find is then the tree before, whole.
pub fn build(request: &Request<'_>, online: &dyn Signer, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let site = Site::new(request.site);
    let state = State::new(request.state);
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(request.site.display().to_string()));
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    guard::check_tree(&published, online, request.now)?;
    guard::warn_of_offline_roles(&published, request.lives, request.now, reporter);
    let before = published.inventory()?;

    let mut found = find(request, &state, reporter)?;
    let on_change = |file: &SourceFile| on_change(request, file);
    let decisions = event::stage(reporter, Stage::Partition, None, || {
        partition::decide(&before, &found.files, &found.unstable, on_change)
    })?;
    check_replacements(request.replace, &found.files)?;
    if request.removals == Removals::Guarded {
        guard::check_removals(decisions.removed.len(), before.len())?;
    }

    let elsewhere = request.target_files == TargetFiles::Elsewhere || request.mode == Mode::DryRun;
    let restore = request.digests == Digests::Anew;
    let strayed = if elsewhere { Vec::new() } else { place::strayed(&site, &decisions)? };
    let brings = restore
        || !strayed.is_empty()
        || decisions.targets.values().any(|d| matches!(d, partition::Decision::Bring { .. }));
    let mut staging = Lazy::new(&site, &state);
    let bring = if request.target_files == TargetFiles::Link { Bring::Link } else { Bring::Copy };
    let manner = Manner { bring, tough_alias: request.tough_alias };
    let area = if elsewhere || !brings { None } else { Some(staging.open()?) };
    let to_bring = decisions.targets.len() as u64;
    let placed = event::stage(reporter, Stage::Place, brings.then_some(to_bring), || {
        let decisions = &decisions;
        let request = place::Request {
            site: &site,
            staging: area,
            manner,
            decisions,
            strayed: &strayed,
            restore,
            on_change: &on_change,
        };
        place::place(&request, &mut found.files, reporter)
    })?;
    let after = Inventory::new(published.bin_count, placed.entries);
    guard::warn_of_bins(published.bin_count, after.len(), reporter);
    let difference = Difference::between(&before, &after);

    let mut outcome = Outcome {
        snapshot: Some(published.snapshot.version),
        targets: after.len() as u64,
        projects: projects(request.layout, &after),
        bins: u64::from(published.bin_count.get()),
        seen: (found.files.len() + found.unstable.len()) as u64,
        hashed: found.hashed,
        added: difference.added,
        changed: difference.changed,
        removed: difference.removed,
        held: placed.held,
        written: Written { files: placed.written.0, bytes: placed.written.1 },
        ..Outcome::default()
    };
    publish(request, &site, &published, &after, &difference, &mut staging, online, &mut outcome, reporter)?;
    if request.mode == Mode::Publish {
        remember(&state, found)?;
        journal::append(&state, &journal_entry(request, &outcome))?;
    }
    Ok(outcome)
}

/// A staging folder that is opened when something is to be staged, and not before.
struct Lazy<'a> {
    site: &'a Site,
    state: &'a State,
    staging: Option<Staging>,
}

impl<'a> Lazy<'a> {
    fn new(site: &'a Site, state: &'a State) -> Self {
        Self { site, state, staging: None }
    }

    fn open(&mut self) -> Result<&Staging, disk::Error> {
        let opened = match self.staging.take() {
            Some(staging) => staging,
            None => swap::open_staging(self.site, &self.state.staging())?,
        };
        Ok(self.staging.insert(opened))
    }
}

/// The files of the source with their digests, and what is to be remembered of them.
struct Found {
    files: Vec<SourceFile>,
    unstable: Vec<Candidate>,
    hashed: (u64, u64),
    cache: DigestCache,
    /// Files that were touched so shortly before they were read that their times prove nothing.
    young: BTreeSet<usize>,
}

fn find(request: &Request<'_>, state: &State, reporter: &dyn Reporter) -> Result<Found, Error> {
    let cache = DigestCache::load(state);
    let known = |path: &str, stamp: &_| cache.recall(path, stamp).map(|r| r.target.clone());
    let wanted = collect::Request {
        source: request.source,
        layout: request.layout,
        selection: request.selection,
        known: &known,
    };
    let collected = event::stage(reporter, Stage::Collect, None, || collect::collect(&wanted, reporter));
    let candidates = match collected {
        Err(collect::Error::Empty(_)) if request.removals == Removals::Allowed => Vec::new(),
        Err(error) => return Err(error.into()),
        Ok(candidates) => candidates,
    };
    let remembered = request.digests == Digests::Remembered;
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
    Ok(Found { files, unstable, hashed, cache, young })
}

/// What becomes of a file whose published bytes are others: in layout `tree` a name may change
/// its content, a distribution may not unless it is asked for.
fn on_change(request: &Request<'_>, file: &SourceFile) -> OnChange {
    let candidate = &file.candidate;
    let named = |path: &String| *path == candidate.relative || path == candidate.target.as_str();
    if request.layout == Layout::Tree || request.replace.iter().any(named) {
        OnChange::Take
    } else {
        OnChange::Hold
    }
}

fn check_replacements(replace: &[String], files: &[SourceFile]) -> Result<(), Error> {
    let names: BTreeSet<&str> = files
        .iter()
        .flat_map(|file| [file.candidate.relative.as_str(), file.candidate.target.as_str()])
        .collect();
    match replace.iter().find(|path| !names.contains(path.as_str())) {
        Some(path) => Err(Error::NothingToReplace(path.clone())),
        None => Ok(()),
    }
}

fn projects(layout: Layout, inventory: &Inventory) -> u64 {
    if layout == Layout::Tree {
        return 0;
    }
    let names: BTreeSet<&str> =
        inventory.iter().filter_map(|(_, entry)| entry.path.segments().nth(1)).collect();
    names.len() as u64
}

#[expect(clippy::too_many_arguments, reason = "the one place where everything meets")]
fn publish(
    request: &Request<'_>,
    site: &Site,
    published: &Published,
    after: &Inventory,
    difference: &Difference,
    staging: &mut Lazy<'_>,
    online: &dyn Signer,
    outcome: &mut Outcome,
    reporter: &dyn Reporter,
) -> Result<(), Error> {
    let (now, lives) = (request.now, request.lives);
    let due = Due::at(published, lives, now);
    if difference.bins.is_empty() && !due.suffices(published, lives, now) {
        return Ok(());
    }
    outcome.bins_signed = difference.bins.len() as u64;
    let renewed: Vec<u32> = due.bins.iter().copied().filter(|bin| !difference.bins.contains(bin)).collect();
    outcome.bins_renewed = renewed.len() as u64;
    if request.mode == Mode::DryRun {
        return Ok(());
    }

    let versions = Versions::of(site)?;
    let dirty: Vec<u32> = difference.bins.iter().copied().chain(renewed).collect();
    let to_sign = roles::bin_versions(published, &versions, &dirty);
    let (mut signed, timestamp) = event::stage(reporter, Stage::Sign, Some(to_sign.len() as u64), || {
        let expires = now.plus(lives.bins);
        let mut signed = sign::bins(after, &to_sign, expires, online, reporter)?;
        if due.recently_claimed {
            let expires = now.plus(lives.recently_claimed);
            signed.push(roles::renew_recently_claimed(published, &versions, expires, online)?);
        }
        let mut current = None;
        if !signed.is_empty() || due.snapshot {
            let expires = now.plus(lives.snapshot);
            current = Some(roles::next_snapshot(published, &signed, &versions, expires, online)?);
        }
        let unchanged;
        let (version, bytes) = match &current {
            Some(snapshot) => (snapshot.version, &snapshot.bytes),
            None => {
                let version = published.snapshot.version;
                let path = layout::role_file(&RoleName::snapshot(), version);
                unchanged = disk::read::bytes(&site.folder().path(&path))?;
                (version, &unchanged)
            }
        };
        let timestamp =
            roles::next_timestamp(published, (version, bytes), now.plus(lives.timestamp), online)?;
        signed.extend(current);
        Ok::<(Vec<SignedRole>, SignedRole), Error>((signed, timestamp))
    })?;
    // Written and renamed in the order in which a reader could come to them.
    signed.sort_by_key(|role| role.role == RoleName::snapshot());
    let files: Vec<_> = signed.iter().map(roles::as_file).collect();
    let snapshot = signed.iter().find(|role| role.role == RoleName::snapshot()).map(|role| role.version);
    let retires = snapshot.map(|_| published.snapshot.version);
    let swap = Swap { roles: &files, timestamp: &timestamp.bytes, retires, now };
    let area = staging.open()?;
    let written = event::stage(reporter, Stage::Swap, Some(files.len() as u64), || {
        swap::publish(site, area, &swap, reporter)
    })?;
    outcome.snapshot = snapshot.or(outcome.snapshot);
    outcome.published = true;
    outcome.written.files += written.files;
    outcome.written.bytes += written.bytes;
    Ok(())
}

/// Writes the cache, if anything in it changed.
fn remember(state: &State, found: Found) -> Result<(), disk::Error> {
    let mut cache = DigestCache::default();
    for (index, file) in found.files.iter().enumerate() {
        if !found.young.contains(&index) {
            let (stamp, digest, target) = (file.candidate.stamp, file.digest, file.candidate.target.clone());
            cache.remember(&file.candidate.relative, Remembered { stamp, digest, target });
        }
    }
    if cache == found.cache { Ok(()) } else { cache.save(state) }
}

fn journal_entry(request: &Request<'_>, outcome: &Outcome) -> journal::Entry {
    journal::Entry {
        now: request.now,
        run: "build",
        snapshot: outcome.snapshot,
        published: outcome.published,
        targets: [outcome.added, outcome.changed, outcome.removed, outcome.held],
        signed: outcome.bins_signed + outcome.bins_renewed,
    }
}
