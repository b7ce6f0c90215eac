//! `build`: read what is published, collect, digest, partition, place, sign, swap. A build with
//! nothing new and nothing due writes nothing.

mod authors;
mod census;
mod copies;
mod differences;
mod ended;
mod ending;
pub(in crate::runs) mod find;
mod keep;
mod listed;
mod look;
mod manifest;
mod pages;
mod partly;
mod place;
mod replace;
mod request;
mod staging;
mod strayed;
mod told;
mod walked;

pub use differences::differences;
pub use find::{count, lists};
pub use manifest::{Written as ManifestWritten, is_manifest};
pub use pages::Pages;
pub use request::{Digests, Mode, Outcome, Removals, Request, TargetFiles};

use super::elsewhere;
use super::guard::{self, Refusal};
use super::lapse;
use super::placement::Placement;
use super::project::remove_pages;
use super::publish;
use super::roles::Due;
use crate::disk;
use crate::disk::stage::Bring;
use crate::keys::Signer;
use crate::model::{Entry, Inventory, Moment, ProjectName, TargetPath};
use crate::pipeline::collect::{self, Layout};
use crate::pipeline::digest::{self, Half};
use crate::pipeline::inventory;
use crate::pipeline::partition::{self, Decision, Difference};
use crate::pipeline::source::SourceFile;
use crate::report::{Reporter, Stage, event};
use crate::site::Site;
use crate::site::read;
use crate::site::swap;
use crate::site::targets::Manner;
use crate::state::State;
use crate::state::held::{self, Held};
use crate::state::tree::Counted;
use authors::Authors;
use differences::Pending;
use ending::Ending;
use find::Found;
use place::Act;
use replace::{check_replacements, on_change};
use staging::Lazy;
use std::collections::BTreeSet;
use told::Reads;

/// Why a build stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is published.
    #[error("nothing is published in {0} yet; run `tuffet init` first, or `tuffet build --init`")]
    NotBegun(String),
    /// Nothing is published, and there is an online key of a repository that was.
    #[error(
        "nothing is published in {0}, and yet there is an online key: is the site's disk mounted \
         (site.path)? If the site is lost, restore it from a backup"
    )]
    SiteGone(String),
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
    /// A list of files cannot be read.
    #[error(transparent)]
    Inventory(#[from] inventory::Error),
    /// Two files want to be one target.
    #[error(transparent)]
    Conflict(#[from] partition::Conflict),
    /// What `--changed` gives is no path of the source.
    #[error(transparent)]
    NoPath(#[from] collect::NoPath),
    /// A path given to `--replace` is no file of the source.
    #[error("--replace {0}: there is no such file in the source; name it by its path below the source")]
    NothingToReplace(String),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] crate::state::ledger::Error),
    /// Nothing was published.
    #[error(transparent)]
    Publish(#[from] publish::Error),
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
    not_begun(&site, &state)?;
    if request.mode == Mode::Publish {
        elsewhere::check(&state)?;
    }
    if listed::serves(request) {
        return listed::build(request, &site, &state, online, reporter);
    }
    let lines = request.changed.map(|lines| lines.iter().map(String::as_str));
    let paths = lines.map(|lines| collect::paths_of(request.source, lines)).transpose()?.flatten();
    let paths: Option<Vec<String>> = paths.map(|paths| paths.into_iter().collect());
    // What a manifest is to say of such names does not follow from a few paths.
    let is_doubtful = request.manifest.is_some() && Placement::of(request).is_doubtful(&site, &state)?;
    let request = &Request { changed: paths.as_deref().filter(|_| !is_doubtful), ..*request };
    if told::serves(request, &state)
        && let Some(outcome) =
            told::build(request, (Reads::Few, Half::Never), &site, &state, online, reporter)?
    {
        return Ok(outcome);
    }
    if walked::serves(request, &site, &state)?
        && let Some(outcome) = walked::build(request, &site, &state, online, reporter)?
    {
        return Ok(outcome);
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    guard::check_tree(&published, online, request.now)?;
    guard::warn_of_offline_roles(&published, request.lives, request.now, reporter);
    let before = published.inventory()?;
    let found_before =
        |(_, entry): (u32, &Entry)| pages::is_found(request.layout, &entry.path).then(|| entry.clone());
    let distributions_before =
        Inventory::new(published.bin_list.count, before.iter().filter_map(found_before));

    let mut found = found(request, &state, &distributions_before, reporter)?;
    // Of a project whose page cannot be read all that is published stays.
    let of_unreadable = |path: &TargetPath| {
        let project = path.segments().nth(1).and_then(|name| ProjectName::normalise(name).ok());
        project.is_some_and(|project| found.unreadable.contains(&project))
    };
    let stays = distributions_before.iter().map(|(_, entry)| &entry.path).filter(|path| of_unreadable(path));
    let stays: Vec<TargetPath> = stays.cloned().collect();
    found.unsure.extend(stays);
    if !found.is_whole() {
        found.marks = pages::uploads(&site, &before, &found.unreadable)?;
    }
    let on_change = |file: &SourceFile| on_change(request, file);
    let lapsing = lapse::lapsing(&published, request.lives, request.now, &lapse::Beside::default(), reporter);
    let authors = Authors::of(request.layout, &published, &lapsing);
    let pending = Pending::of(request, &state, &found.files)?;
    found.unsure.extend(pending.targets().cloned());
    let is_authors = |path: &TargetPath| authors.own(path) || pending.has(path);
    let decisions = event::stage(reporter, Stage::Partition, None, || {
        partition::decide(&distributions_before, &found.files, &found.unsure, &is_authors, on_change)
    })?;
    let mut not_signed = authors.held(&found.files, reporter);
    not_signed.extend(pending.held(&found.files, &authors, reporter));
    check_replacements(request.replace, &found.files, &pending)?;
    if request.removals == Removals::Guarded {
        guard::check_removals(&decisions.removed, distributions_before.len())?;
    }

    let act = match (request.target_files, request.mode) {
        (TargetFiles::Elsewhere, _) => Act::Elsewhere,
        (_, Mode::DryRun) => Act::Look,
        (_, Mode::Publish) => Act::Bring,
    };
    let bring = if request.target_files == TargetFiles::Link { Bring::Link } else { Bring::Copy };
    let changed = Placement::of(request).changed(&state);
    let place = place::Request {
        site: &site,
        act,
        manner: Manner { bring, tough_alias: request.tough_alias },
        decisions: &decisions,
        before: &distributions_before,
        restore: request.digests == Digests::Anew || changed.files,
        // What a run stages goes when it ends.
        interrupted: swap::was_interrupted(&site, &state.staging())? || state.is_marked()?,
        on_change: &on_change,
    };
    let mut staging = Lazy::new(&site, &state);
    if place.interrupted && !found.is_whole() && request.mode == Mode::Publish {
        // What such a run may have left is for a build that looks at everything.
        state.set_mark()?;
    }
    if place.interrupted && act == Act::Bring {
        staging.open()?;
    }
    let brings = decisions.targets.values().filter(|d| matches!(d, Decision::Bring { .. })).count() as u64;
    let mut placed = event::stage(reporter, Stage::Place, Some(brings), || {
        place::place(&place, &mut staging, &mut found.files, reporter)
    })?;
    let wanted = pages::Request {
        build: request,
        act: if request.mode == Mode::DryRun { Act::Look } else { act },
        manner: place.manner,
        // A page that a run which did not end has passed on may be another than is published.
        suspect: place.restore || place.interrupted || changed.copies,
        distributions: &placed.entries,
        found: &found,
        before: &before,
        authors: &authors,
    };
    let pages::Pressed { entries: made, mut written, of_projects, mut lacks_names } =
        pages::make(&wanted, &mut staging, reporter)?;
    if (changed.copies || place.restore || place.interrupted) && request.mode == Mode::Publish {
        let kept = keep::mend(request, &published, &authors, &found.files, &mut staging, reporter)?;
        written.add(kept.written);
        lacks_names |= kept.lacks_names;
        if place.interrupted && found.layout != Layout::Tree {
            let listed = before.iter().map(|(_, entry)| entry).chain(&placed.entries);
            let gone = ended::left_over(&site, listed, &authors)?;
            remove_pages(&site, &state, &gone.iter().collect::<Vec<_>>())?;
        }
    }
    written.add(placed.written);
    // In the manner of before nothing is lost that another look could find.
    let looked = changed.files || place.interrupted;
    lacks_names = looked && (lacks_names || placed.refused) || changed.files && placed.lost;
    placed.held.extend(not_signed);
    let distributions = Inventory::new(published.bin_list.count, placed.entries.iter().cloned());
    let after = Inventory::new(published.bin_list.count, placed.entries.iter().cloned().chain(made));
    guard::warn_of_bins(published.bin_list.count, request.bins, after.len(), reporter);
    let difference = Difference::between(&before, &after);
    let ended = match found.layout {
        Layout::Tree => BTreeSet::new(),
        _ => ended::projects(&before, after.iter().map(|(_, entry)| entry), &authors),
    };
    let of_files = Difference::between(&distributions_before, &distributions);

    let mut outcome = Outcome {
        snapshot: Some(published.snapshot.version),
        targets: after.len() as u64,
        distributions: distributions.len() as u64,
        projects: Some(census::of_inventory(request.layout, &distributions)),
        layout: Some(found.layout),
        bins: u64::from(published.bin_list.count.get()),
        seen: found.seen,
        hashed: found.hashed,
        added: of_files.added,
        changed: of_files.changed,
        removed: of_files.removed,
        names: of_files.names,
        written,
        ..Outcome::default()
    };
    let counted =
        Counted { projects: outcome.projects.unwrap_or_default(), distributions: outcome.distributions };
    let is_complete = request.layout != Layout::Tree
        && found.layout != Layout::Bandersnatch
        && request.pages.are_of_all(of_projects, counted.projects);
    let ends: Vec<Moment> = published.bins.iter().map(|bin| bin.expires).collect();
    let layout = found.is_whole().then_some(found.layout);
    let held = held_too(&state, placed.held, &found);
    outcome.held = held.len() as u64;
    let ending = Ending {
        request,
        site: &site,
        state: &state,
        published: &published,
        ends: &ends,
        lapsing: &lapsing,
        after: &after,
        targets: after.len() as u64,
        pages: is_complete.then_some(counted),
        changed: &difference.bins,
        due: Due::at(&published, request.lives, request.now),
        layout,
        held: &held,
        ended: &ended,
        lacks_names,
    };
    let is_settled = request.mode == Mode::Publish
        && found.is_whole()
        && held.is_empty()
        && !pending.any()
        && (is_complete || after.len() == distributions.len())
        && found.is_listed(
            |path| after.find(path).is_some(),
            |entry| after.find(&entry.path) == Some(entry) || authors.sign(entry),
        );
    let remember = |snapshot| {
        pending.remember(&state, &found.files, &|path| after.find(path).is_some())?;
        let settled = is_settled.then(|| find::settled(request, &snapshot));
        Ok(find::remember(&state, found, settled)?)
    };
    ending.carry_out(outcome, &mut staging, remember, online, reporter)
}

/// The source: the whole of it, or what is to be looked at.
fn found(
    request: &Request<'_>,
    state: &State,
    before: &Inventory,
    reporter: &dyn Reporter,
) -> Result<Found, Error> {
    if let Some(paths) = request.changed.filter(|_| !find::is_mirror(request, state))
        && let Some((mut found, removed)) = look::look(request, state, paths, Half::Never, before, reporter)?
    {
        found.keep_the_rest(before, &removed);
        return Ok(found);
    }
    find::find(request, state, reporter)
}

/// What is held, with what was held before and not looked at.
fn held_too(state: &State, mut held: Vec<Held>, found: &Found) -> Vec<Held> {
    if !found.is_whole() {
        let seen = |target: &str| found.files.iter().any(|file| file.candidate.target.as_str() == target);
        let before = held::load(state).unwrap_or_default().into_iter();
        held.extend(before.filter(|held| !seen(&held.target)));
        held.sort();
        held.dedup();
    }
    held
}

/// Nothing can be built on a site where nothing is.
///
/// # Errors
/// [`Error::NotBegun`] or [`Error::SiteGone`].
pub fn not_begun(site: &Site, state: &State) -> Result<(), Error> {
    let shown = site.root().display().to_string();
    match (read::is_begun(site)?, disk::folder::is_there(&state.online_key())?) {
        (true, _) => Ok(()),
        (false, true) => Err(Error::SiteGone(shown)),
        (false, false) => Err(Error::NotBegun(shown)),
    }
}
