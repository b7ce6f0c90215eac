//! A build that is told which paths of the source changed: it reads the bins that change, and those that are due, and no
//! other. How a tree of millions takes in one file more.

use super::authors::Authors;
use super::differences::Pending;
use super::ending::Ending;
use super::find;
use super::look::{self, Before};
use super::place::{self, Act};
use super::{
    Error, Lazy, Mode, Outcome, Removals, Request, TargetFiles, check_replacements, guard, lapse, on_change,
    pages,
};
use crate::disk::stage::Bring;
use crate::keys::Signer;
use crate::model::{BinCount, Bins, Entry, EntryRef, Inventory, Moment, TargetPath};
use crate::pipeline::collect::Layout;
use crate::pipeline::partition::{self, Difference};
use crate::pipeline::source::SourceFile;
use crate::report::{Reporter, Silent, Stage, event};
use crate::runs::roles::Due;
use crate::site::outline::{self, Outline};
use crate::site::read;
use crate::site::targets::Manner;
use crate::site::{Site, swap};
use crate::state::State;
use crate::state::held;
use crate::state::tree::{self, Tree};
use crate::trust::bin::VerifiedBin;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Whether a build can go this way: what is at the paths says all there is to say of them.
pub(super) fn serves(request: &Request<'_>, state: &State) -> bool {
    request.changed.is_some() && !find::is_mirror(request, state)
}

/// Builds; `None` where only a walk can tell what there is, or only all distributions what stands on a page.
pub(super) fn build(
    request: &Request<'_>,
    site: &Site,
    state: &State,
    online: &dyn Signer,
    reporter: &dyn Reporter,
) -> Result<Option<Outcome>, Error> {
    let remembered = tree::load(state);
    let was_verified = remembered.as_ref().map(|tree| &tree.known);
    let published = event::stage(reporter, Stage::Read, None, || outline::read(site, was_verified))?;
    guard::check_tree(&published, online, request.now)?;
    guard::warn_of_offline_roles(&published, request.lives, request.now, reporter);
    let lapsing = lapse::lapsing(&published, request.lives, request.now, reporter);
    let has_pages = request.layout != Layout::Tree && request.pages.any();
    let counted = remembered.as_ref().filter(|tree| tree.known.snapshot == published.snapshot.digest);
    let counted = counted.and_then(|tree| tree.pages).filter(|_| has_pages);
    // Which projects the root page names depends on those that lapse.
    if has_pages && (counted.is_none() || !lapsing.is_empty()) {
        return Ok(None);
    }
    let (ends, before_all) =
        event::stage(reporter, Stage::Read, None, || known(site, &published, remembered))?;
    let bins = Partly { site, published: &published, read: RefCell::default() };
    let paths = request.changed.unwrap_or_default();
    let Some((mut found, removed)) = look::look(request, state, paths, &bins, reporter)? else {
        return Ok(None);
    };
    let authors = Authors::of(request.layout, &published, &lapsing);
    let pending = Pending::of(request, state, &found.files)?;
    let named = found.files.iter().map(|file| &file.candidate.target).chain(&found.unsure);
    let looked_at: BTreeSet<TargetPath> =
        named.chain(&removed).filter(|path| !pending.has(path)).cloned().collect();
    let before = bins.some(&looked_at)?;
    let is_authors = |path: &TargetPath| authors.own(path) || pending.has(path);
    let on_change = |file: &SourceFile| on_change(request, file);
    let decisions = event::stage(reporter, Stage::Partition, None, || {
        partition::decide(&before, &found.files, &found.unsure, &is_authors, on_change)
    })?;
    let mut held = authors.held(&found.files, reporter);
    held.extend(pending.held(&found.files, &authors, reporter));
    check_replacements(request.replace, &found.files, &pending)?;
    if request.removals == Removals::Guarded {
        let distributions = counted.map_or(before_all, |counted| counted.distributions);
        guard::check_removals(&decisions.removed, usize::try_from(distributions).unwrap_or(usize::MAX))?;
    }
    let plan = match counted {
        Some(counted) => {
            let find = |paths: &BTreeSet<TargetPath>| bins.some(paths);
            match pages::Plan::of(request, &decisions, counted, &authors, &find)? {
                Some(plan) => Some(plan),
                None => return Ok(None),
            }
        }
        None => None,
    };
    let act = match (request.target_files, request.mode) {
        (TargetFiles::Elsewhere, _) => Act::Elsewhere,
        (_, Mode::DryRun) => Act::Look,
        (_, Mode::Publish) => Act::Bring,
    };
    let interrupted = swap::was_interrupted(site, &state.staging());
    if interrupted && request.mode == Mode::Publish {
        // What such a run may have left is for a build that looks at everything.
        state.set_mark()?;
    }
    let bring = if request.target_files == TargetFiles::Link { Bring::Link } else { Bring::Copy };
    let place = place::Request {
        site,
        act,
        manner: Manner { bring, tough_alias: request.tough_alias },
        decisions: &decisions,
        restore: false,
        interrupted: interrupted || state.is_marked(),
        on_change: &on_change,
    };
    let mut staging = Lazy::new(site, state);
    let placed = place::place(&place, &mut staging, &mut found.files, reporter)?;
    let wanted = pages::Request {
        build: request,
        act: if request.mode == Mode::DryRun { Act::Look } else { act },
        manner: place.manner,
        suspect: false,
        distributions: &placed.entries,
        found: &found,
        before: &before,
        authors: &authors,
    };
    let touched = match plan {
        Some(plan) => {
            Some(event::stage(reporter, Stage::Index, None, || plan.make(&wanted, &mut staging, reporter))?)
        }
        None => None,
    };
    held.extend(placed.held);
    let untouched = held::load(state).unwrap_or_default().into_iter();
    held.extend(untouched.filter(|held| !looked_at.iter().any(|path| path.as_str() == held.target)));
    held.sort();
    held.dedup();
    // What is remembered of the source was what is listed, and is so again.
    let listed: BTreeSet<&Entry> = placed.entries.iter().collect();
    let is_settled = found.cache.settled() == Some(find::settled(request, &published.snapshot.digest))
        && held.is_empty()
        && !pending.any()
        && found.is_listed(|entry| listed.contains(entry));
    let count = published.bin_list.count;
    let of_files = Difference::between(&before, &Inventory::new(count, placed.entries.iter().cloned()));
    let distributions = counted.map_or(before_all, |counted| counted.distributions);
    let mut before = before;
    let mut now = placed.entries;
    let mut written = placed.written;
    let pages = touched.as_ref().and_then(|touched| touched.counted);
    if let Some(touched) = touched {
        let both = before.iter().chain(touched.before.iter()).map(|(_, entry)| entry.clone());
        before = Inventory::new(count, both.collect::<Vec<_>>());
        now.extend(touched.after);
        written.add(touched.written);
    }
    let difference = Difference::between(&before, &Inventory::new(count, now.iter().cloned()));
    let due = Due::with_bins(&published, &ends, request.lives, request.now);
    let wanted: BTreeSet<u32> = difference.bins.iter().chain(&due.bins).copied().collect();
    let after = bins.with(&wanted, &before, now)?;
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
    };
    let remember = |snapshot| {
        pending.remember(state, &found.files, &|path| bins.find(path).is_ok_and(|found| found.is_some()))?;
        let settled = is_settled.then(|| find::settled(request, &snapshot));
        Ok(find::remember(state, found, settled)?)
    };
    Ok(Some(ending.carry_out(outcome, &mut staging, remember, online, reporter)?))
}

/// When each bin ends, and how many targets there are, if that is known of this very tree; else every bin is read once.
fn known(site: &Site, published: &Outline, remembered: Option<Tree>) -> Result<(Vec<Moment>, u64), Error> {
    let all: Vec<u32> = (0..published.bin_list.count.get()).collect();
    let is_it =
        |tree: &Tree| tree.known.snapshot == published.snapshot.digest && tree.ends.len() == all.len();
    if let Some(tree) = remembered.filter(is_it) {
        return Ok((tree.ends, tree.targets));
    }
    let each = |_, bin: &VerifiedBin<'_>| Ok::<_, Error>((bin.expires(), bin.count() as u64));
    let read = read::each_bin(site, published, &all, &Silent, &each)?;
    Ok((read.iter().map(|(end, _)| *end).collect(), read.iter().map(|(_, count)| count).sum()))
}

/// The published tree, of which bins are read when they are asked for.
struct Partly<'a> {
    site: &'a Site,
    published: &'a Outline,
    read: RefCell<BTreeMap<u32, Vec<Entry>>>,
}

impl Partly<'_> {
    /// Reads these bins, unless they are there.
    fn fetch(&self, bins: &BTreeSet<u32>) -> Result<(), Error> {
        let missing: Vec<u32> =
            bins.iter().copied().filter(|bin| !self.read.borrow().contains_key(bin)).collect();
        let entries = |_, bin: &VerifiedBin<'_>| {
            let targets = bin.targets().map_err(|e| read::Error::Shape(e.to_string()))?;
            Ok::<Vec<Entry>, Error>(targets.into_iter().filter_map(EntryRef::to_entry).collect())
        };
        let read = read::each_bin(self.site, self.published, &missing, &Silent, &entries)?;
        self.read.borrow_mut().extend(missing.into_iter().zip(read));
        Ok(())
    }

    fn bin_of(&self, path: &TargetPath) -> u32 {
        self.published.bin_list.count.bin_of(&path.digest())
    }

    /// What is published of these.
    fn some(&self, paths: &BTreeSet<TargetPath>) -> Result<Inventory, Error> {
        self.fetch(&paths.iter().map(|path| self.bin_of(path)).collect())?;
        let entries = paths.iter().map(|path| self.find(path)).collect::<Result<Vec<_>, Error>>()?;
        Ok(Inventory::new(self.published.bin_list.count, entries.into_iter().flatten()))
    }

    /// These bins, with `after` in place of `before`.
    fn with(&self, bins: &BTreeSet<u32>, before: &Inventory, after: Vec<Entry>) -> Result<Few, Error> {
        self.fetch(bins)?;
        let read = self.read.borrow();
        let mut some: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
        for bin in bins {
            let entries = read.get(bin).into_iter().flatten();
            some.insert(*bin, entries.filter(|entry| before.find(&entry.path).is_none()).cloned().collect());
        }
        for entry in after {
            if let Some(bin) = some.get_mut(&self.bin_of(&entry.path)) {
                bin.push(entry);
            }
        }
        some.values_mut().for_each(|bin| bin.sort());
        Ok(Few { count: self.published.bin_list.count, bins: some })
    }
}

impl Before for Partly<'_> {
    fn find(&self, path: &TargetPath) -> Result<Option<Entry>, Error> {
        let bin = self.bin_of(path);
        self.fetch(&BTreeSet::from([bin]))?;
        let read = self.read.borrow();
        let entries = read.get(&bin).map(Vec::as_slice).unwrap_or_default();
        Ok(entries.binary_search_by(|entry| entry.path.cmp(path)).ok().map(|at| entries[at].clone()))
    }

    fn below(&self, folder: &str) -> Result<Vec<TargetPath>, Error> {
        let all: Vec<u32> = (0..self.published.bin_list.count.get()).collect();
        let below = |_, bin: &VerifiedBin<'_>| {
            let targets = bin.targets().map_err(|e| read::Error::Shape(e.to_string()))?;
            let below = targets.iter().filter(|target| target.path.starts_with(folder));
            Ok::<Vec<TargetPath>, Error>(below.filter_map(|target| target.path.parse().ok()).collect())
        };
        let found = read::each_bin(self.site, self.published, &all, &Silent, &below)?;
        Ok(found.into_iter().flatten().collect())
    }

    fn beside(&self, path: &TargetPath) -> Result<Vec<TargetPath>, Error> {
        let bin = self.bin_of(path);
        self.fetch(&BTreeSet::from([bin]))?;
        let read = self.read.borrow();
        Ok(read.get(&bin).into_iter().flatten().map(|entry| entry.path.clone()).collect())
    }
}

/// What some bins are to list.
struct Few {
    count: BinCount,
    bins: BTreeMap<u32, Vec<Entry>>,
}

impl Bins for Few {
    fn bins(&self) -> BinCount {
        self.count
    }

    fn size(&self, bin: u32) -> usize {
        self.bins.get(&bin).map_or(0, Vec::len)
    }

    fn targets(&self, bin: u32) -> Box<dyn Iterator<Item = EntryRef<'_>> + '_> {
        Box::new(self.bins.get(&bin).into_iter().flatten().map(EntryRef::from))
    }
}
