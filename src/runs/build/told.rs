//! A build that is told which paths of the source changed: it reads the bins that change, and those that are due, and no
//! other. How a tree of millions takes in one file more.

use super::authors::Authors;
use super::differences::Pending;
use super::ended;
use super::ending::Ending;
use super::find::{self, Found};
use super::look::{self, Before as _};
use super::partly::Partly;
use super::place::{self, Act};
use super::{
    Error, Lazy, Mode, Outcome, Removals, Request, TargetFiles, check_replacements, guard, lapse, on_change,
    pages,
};
use crate::disk::stage::Bring;
use crate::keys::Signer;
use crate::model::{Entry, Inventory, Moment, TargetPath};
use crate::pipeline::collect::Layout;
use crate::pipeline::digest::Half;
use crate::pipeline::partition::{self, Decision, Decisions, Difference};
use crate::pipeline::source::SourceFile;
use crate::report::{Reporter, Silent, Stage, event};
use crate::runs::roles::Due;
use crate::site::outline::{self, Outline};
use crate::site::read;
use crate::site::swap::Written;
use crate::site::targets::Manner;
use crate::site::{Site, swap};
use crate::state::State;
use crate::state::held::{self, Held};
use crate::state::tree::{self, Counted, Tree};
use crate::trust::bin::VerifiedBin;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a build can go this way: what is at the paths says all there is to say of them.
pub(super) fn serves(request: &Request<'_>, state: &State) -> bool {
    request.changed.is_some() && !find::is_mirror(request, state)
}

/// Which bins are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Those that change or are due.
    Few,
    /// All, in a tree where nobody notices how long that takes: damage is found as early as can be.
    AllOfSmall,
}

/// Nobody notices how long it takes to read so many targets: a tenth of a second.
const SMALL: u64 = 20_000;

/// Whether the tree that the last build published is none of the small ones.
pub(super) fn is_large(state: &State) -> bool {
    tree::load(state).is_some_and(|tree| tree.targets > SMALL)
}

/// Builds; `None` where only a walk can tell what there is, or only all distributions what stands on a page.
pub(super) fn build(
    request: &Request<'_>,
    (reads, half): (Reads, Half),
    site: &Site,
    state: &State,
    online: &dyn Signer,
    reporter: &dyn Reporter,
) -> Result<Option<Outcome>, Error> {
    let tree = tree::load(state);
    let remembered = tree.as_ref().filter(|tree| reads == Reads::Few || tree.targets > SMALL);
    let was_verified = remembered.map(|tree| &tree.known);
    let published = event::stage(reporter, Stage::Read, None, || outline::read(site, was_verified))?;
    guard::check_tree(&published, online, request.now)?;
    guard::warn_of_offline_roles(&published, request.lives, request.now, reporter);
    let lapsing = lapse::lapsing(&published, request.lives, request.now, &lapse::Beside::default(), reporter);
    let has_pages = request.layout != Layout::Tree && request.pages.any();
    let counted = tree.as_ref().filter(|tree| has_pages && tree.known.snapshot == published.snapshot.digest);
    let counted = counted.and_then(|tree| tree.pages);
    // Which projects the root page names depends on those that lapse.
    if has_pages && (counted.is_none() || !lapsing.is_empty()) {
        return Ok(None);
    }
    let (ends, before_all) =
        event::stage(reporter, Stage::Read, None, || known(site, &published, remembered))?;
    let distributions = counted.map_or(before_all, |counted| counted.distributions);
    let bins = Partly::new(site, &published);
    let paths = request.changed.unwrap_or_default();
    let Some((mut found, removed)) = look::look(request, state, paths, half, &bins, reporter)? else {
        return Ok(None);
    };
    let authors = Authors::of(request.layout, &published, &lapsing);
    let pending = Pending::of(request, state, &found.files)?;
    let named = found.files.iter().map(|file| &file.candidate.target).chain(&found.unsure);
    let looked_at: BTreeSet<TargetPath> =
        named.chain(&removed).filter(|path| !pending.has(path)).cloned().collect();
    let before = bins.some(&looked_at)?;
    let is_authors = |path: &TargetPath| authors.own(path) || pending.has(path);
    let decisions = event::stage(reporter, Stage::Partition, None, || {
        let on_change = |file: &SourceFile| on_change(request, file);
        partition::decide(&before, &found.files, &found.unsure, &is_authors, on_change)
    })?;
    let mut held = authors.held(&found.files, reporter);
    held.extend(pending.held(&found.files, &authors, reporter));
    check_replacements(request.replace, &found.files, &pending)?;
    if request.removals == Removals::Guarded {
        guard::check_removals(&decisions.removed, usize::try_from(distributions).unwrap_or(usize::MAX))?;
    }
    let find = |paths: &BTreeSet<TargetPath>| bins.some(paths);
    let plan = match counted {
        None => None,
        Some(counted) => match pages::Plan::of(request, &decisions, counted, &authors, &find)? {
            Some(plan) => Some(plan),
            None => return Ok(None),
        },
    };
    let interrupted = swap::was_interrupted(site, &state.staging())?;
    let replaces = |decision: &Decision| matches!(decision, Decision::Bring { replaces: Some(_), .. });
    let leaves = !decisions.removed.is_empty() || decisions.targets.values().any(replaces);
    if leaves && (interrupted || state.is_marked()?) {
        // Whatever leaves has its own bytes for its grace, and so does what was made of it.
        return Ok(None);
    }
    if interrupted && request.mode == Mode::Publish {
        // What such a run may have left is for a build that looks at everything.
        state.set_mark()?;
    }
    let mut staging = Lazy::new(site, state);
    let coming = Coming { request, site, state, decisions: &decisions, before: &before, authors: &authors };
    let came = coming.bring(plan, interrupted, &mut found, &mut staging, reporter)?;
    held.extend(came.held);
    let untouched = held::load(state).unwrap_or_default().into_iter();
    held.extend(untouched.filter(|held| !looked_at.iter().any(|path| path.as_str() == held.target)));
    held.sort();
    held.dedup();
    // What is remembered of the source was what is listed, and is so again.
    let listed: BTreeMap<&TargetPath, &Entry> = came.after.iter().map(|entry| (&entry.path, entry)).collect();
    let is_settled = found.cache.settled() == Some(find::settled(request, &published.snapshot.digest))
        && held.is_empty()
        && !pending.any()
        && came.pages.is_some() == has_pages
        && found.is_listed(
            |path| listed.contains_key(path),
            |entry| listed.get(&entry.path) == Some(&entry) || authors.sign(entry),
        );
    let Came { of_files, before, after, written, pages, .. } = came;
    let count = published.bin_list.count;
    let difference = Difference::between(&before, &Inventory::new(count, after.iter().cloned()));
    let due = Due::with_bins(&published, &ends, request.lives, request.now);
    let ended = if has_pages { ended::projects(&before, &after, &authors) } else { BTreeSet::new() };
    let wanted: BTreeSet<u32> = difference.bins.iter().chain(&due.bins).copied().collect();
    let after = bins.with(&wanted, &before, after)?;
    let targets = (before_all + difference.added).saturating_sub(difference.removed);
    guard::warn_of_bins(count, request.bins, usize::try_from(targets).unwrap_or(usize::MAX), reporter);
    let outcome = Outcome {
        snapshot: Some(published.snapshot.version),
        targets,
        distributions: (distributions + of_files.added).saturating_sub(of_files.removed),
        projects: pages.map(|counted| counted.projects),
        layout: Some(found.layout),
        bins: u64::from(count.get()),
        seen: found.seen,
        hashed: found.hashed,
        added: of_files.added,
        changed: of_files.changed,
        removed: of_files.removed,
        held: held.len() as u64,
        names: of_files.names,
        written,
        ..Outcome::default()
    };
    let ending = Ending {
        request,
        site,
        state,
        published: &published,
        ends: &ends,
        lapsing: &lapsing,
        after: &after,
        targets,
        pages,
        changed: &difference.bins,
        due,
        // Whether other files have their names as `site.targets` wants it now is for a build that looks at all of them.
        layout: None,
        held: &held,
        ended: &ended,
        lacks_names: false,
    };
    let remember = |snapshot| {
        pending.remember(state, &found.files, &|path| bins.find(path).is_ok_and(|found| found.is_some()))?;
        let settled = is_settled.then(|| find::settled(request, &snapshot));
        Ok(find::remember(state, found, settled)?)
    };
    Ok(Some(ending.carry_out(outcome, &mut staging, remember, online, reporter)?))
}

/// What is about to come into the site.
struct Coming<'a> {
    request: &'a Request<'a>,
    site: &'a Site,
    state: &'a State,
    decisions: &'a Decisions,
    /// What is published of the files that were looked at.
    before: &'a Inventory,
    authors: &'a Authors,
}

/// What came.
struct Came {
    /// How the files that were looked at differ.
    of_files: Difference,
    /// What was published of everything that was looked at: files, and what follows from them.
    before: Inventory,
    /// What the bins are to list of it.
    after: Vec<Entry>,
    written: Written,
    held: Vec<Held>,
    /// How many there are then, if every project has its pages.
    pages: Option<Counted>,
}

impl Coming<'_> {
    /// Brings files in, and the pages that follow from them.
    fn bring(
        &self,
        plan: Option<pages::Plan>,
        interrupted: bool,
        found: &mut Found,
        staging: &mut Lazy<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Came, Error> {
        let Self { request, site, state, decisions, before, authors } = *self;
        let act = match (request.target_files, request.mode) {
            (TargetFiles::Elsewhere, _) => Act::Elsewhere,
            (_, Mode::DryRun) => Act::Look,
            (_, Mode::Publish) => Act::Bring,
        };
        let bring = if request.target_files == TargetFiles::Link { Bring::Link } else { Bring::Copy };
        let manner = Manner { bring, tough_alias: request.tough_alias };
        let place = place::Request {
            site,
            act,
            manner,
            decisions,
            before,
            restore: false,
            interrupted: interrupted || state.is_marked()?,
            on_change: &|file| on_change(request, file),
        };
        let place::Placed { entries, held, mut written, .. } =
            place::place(&place, staging, &mut found.files, reporter)?;
        let of_files = Difference::between(before, &Inventory::new(before.bins(), entries.iter().cloned()));
        let Some(plan) = plan else {
            let before = before.clone();
            return Ok(Came { of_files, before, after: entries, written, held, pages: None });
        };
        let wanted = pages::Request {
            build: request,
            act: if request.mode == Mode::DryRun { Act::Look } else { act },
            manner,
            suspect: false,
            distributions: &entries,
            found,
            before,
            authors,
        };
        let touched = event::stage(reporter, Stage::Index, None, || plan.make(&wanted, staging, reporter))?;
        let both = before.iter().chain(touched.before.iter()).map(|(_, entry)| entry.clone());
        let before = Inventory::new(before.bins(), both);
        written.add(touched.written);
        let after = entries.into_iter().chain(touched.after).collect();
        Ok(Came { of_files, before, after, written, held, pages: touched.counted })
    }
}

/// When each bin ends, and how many targets there are, if that is known of this very tree; else every bin is read once.
fn known(site: &Site, published: &Outline, remembered: Option<&Tree>) -> Result<(Vec<Moment>, u64), Error> {
    let all: Vec<u32> = (0..published.bin_list.count.get()).collect();
    let is_it =
        |tree: &&Tree| tree.known.snapshot == published.snapshot.digest && tree.ends.len() == all.len();
    if let Some(tree) = remembered.filter(is_it) {
        return Ok((tree.ends.clone(), tree.targets));
    }
    let each = |_, bin: &VerifiedBin<'_>| Ok::<_, Error>((bin.expires(), bin.count() as u64));
    let read = read::each_bin(site, published, &all, &Silent, &each)?;
    Ok((read.iter().map(|(end, _)| *end).collect(), read.iter().map(|(_, count)| count).sum()))
}
