//! A build from lists alone, of which nothing but bins follows: no file is brought in and no page made, so that
//! seventeen million targets fit into one small machine. Bins are compared one by one with what is published, and no
//! more of those are held than are looked at.

use super::authors::Authors;
use super::differences::Pending;
use super::ending::Ending;
use super::pages;
use super::{
    Error, Lazy, Mode, Outcome, Placement, Removals, Request, census, check_replacements, find, guard, keep,
    lapse, on_change,
};
use crate::disk::FileStamp;
use crate::keys::Signer;
use crate::model::{BinCount, Bins, Catalogue, Entry, EntryRef, Moment, TargetPath};
use crate::pipeline::collect::Layout;
use crate::pipeline::inventory::{self, Counted};
use crate::pipeline::partition::{self, Became, Beside, Difference, OnChange};
use crate::pipeline::source::{Candidate, SourceFile};
use crate::report::{Code, Reporter, Silent, Stage, Warning, event};
use crate::runs::roles::Due;
use crate::site::Site;
use crate::site::read::{self, Published};
use crate::state::State;
use crate::state::held::Held;
use crate::trust::bin::VerifiedBin;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Whether a build can go this way.
pub(super) fn serves(request: &Request<'_>) -> bool {
    !request.inventory.is_empty() && (request.layout == Layout::Tree || !request.pages.any())
}

/// Builds.
pub(super) fn build(
    request: &Request<'_>,
    site: &Site,
    state: &State,
    online: &dyn Signer,
    reporter: &dyn Reporter,
) -> Result<Outcome, Error> {
    let published = event::stage(reporter, Stage::Read, None, || read::without_bins(site))?;
    guard::check_tree(&published, online, request.now)?;
    guard::warn_of_offline_roles(&published, request.lives, request.now, reporter);
    let layout = find::layout_of_lists(request, state);
    let Counted { catalogue, rows } = event::stage(reporter, Stage::Collect, None, || {
        let names = find::names(request.layout);
        match inventory::catalogue(request.inventory, names, published.bin_list.count, reporter) {
            Err(inventory::Error::Empty { .. }) if request.removals == Removals::Allowed => {
                Ok(Counted { catalogue: Catalogue::empty(published.bin_list.count), rows: 0 })
            }
            counted => counted,
        }
    })?;
    let lapsing = lapse::lapsing(&published, request.lives, request.now, &lapse::Beside::default(), reporter);
    let authors = Authors::of(request.layout, &published, &lapsing);
    let few = few(request, &catalogue, &authors, state)?;
    let pending = Pending::of(request, state, &few)?;
    let mut held = authors.held(&few, reporter);
    held.extend(pending.held(&few, &authors, reporter));
    check_replacements(request.replace, &few, &pending)?;
    let rules = Rules { request, authors: &authors, pending: &pending };
    let compare = |bin, old: &VerifiedBin<'_>| rules.compare(bin, old, &catalogue, Difference::unnamed());
    let all: Vec<u32> = (0..published.bin_list.count.get()).collect();
    let found = event::stage(reporter, Stage::Partition, Some(all.len() as u64), || {
        read::each_bin(site, &published, &all, reporter, &compare)
    })?;
    let mut compared = Compared::of(found);
    compared.difference.names = rules.names(site, &published, &catalogue, &compared.difference.bins)?;
    if request.removals == Removals::Guarded {
        guard::check_removals(&compared.removed, compared.before)?;
    }
    for (entry, why) in &compared.held {
        reporter.warn(Warning::of_file(Code::Held, entry.path.as_str(), why.clone()));
        held.push(Held { file: entry.path.to_string(), target: entry.path.to_string(), why: why.clone() });
    }
    let after = Amended { catalogue: &catalogue, patches: std::mem::take(&mut compared.patches) };
    let len = after.len();
    guard::warn_of_bins(published.bin_list.count, request.bins, len, reporter);

    let mut staging = Lazy::new(site, state);
    let mut outcome = Outcome {
        snapshot: Some(published.snapshot.version),
        targets: len as u64,
        distributions: len as u64,
        projects: census::projects(request.layout, &after, len),
        layout: Some(layout),
        bins: u64::from(published.bin_list.count.get()),
        seen: rows,
        added: compared.difference.added,
        changed: compared.difference.changed,
        removed: compared.difference.removed,
        held: held.len() as u64,
        names: std::mem::take(&mut compared.difference.names),
        ..Outcome::default()
    };
    let mut kept = keep::Kept::default();
    if request.mode == Mode::Publish && Placement::of(request).is_doubtful(site, state)? {
        kept = keep::mend(request, &published, &authors, &[], &mut staging, reporter)?;
        outcome.written.add(kept.written);
    }
    let ending = Ending {
        request,
        site,
        state,
        published: &published,
        ends: &compared.ends,
        lapsing: &lapsing,
        after: &after,
        targets: len as u64,
        pages: None,
        changed: &compared.difference.bins,
        due: Due::with_bins(&published, &compared.ends, request.lives, request.now),
        layout: Some(layout),
        held: &held,
        ended: &BTreeSet::new(),
        lacks_names: kept.lacks_names,
    };
    let remember = |_| Ok(pending.remember(state, &few, &|path| after.has(path))?);
    ending.carry_out(outcome, &mut staging, remember, online, reporter)
}

/// The files of the lists about which more is to be said than that they are targets: those of authors' projects, those
/// that nobody has decided about, and those that `--replace` names.
fn few(
    request: &Request<'_>,
    catalogue: &Catalogue,
    authors: &Authors,
    state: &State,
) -> Result<Vec<SourceFile>, Error> {
    let mut paths: BTreeSet<TargetPath> = BTreeSet::new();
    if authors.any() {
        let own = catalogue.iter().filter(|entry| authors.own_path(entry.path));
        paths.extend(own.filter_map(|entry| entry.path.parse().ok()));
    }
    paths.extend(Pending::of(request, state, &[])?.targets().cloned());
    paths.extend(request.replace.iter().filter_map(|path| path.parse().ok()));
    let found = paths.iter().filter_map(|path| catalogue.find(path)?.to_entry());
    Ok(found.map(as_file).collect())
}

fn as_file(entry: Entry) -> SourceFile {
    let stamp = FileStamp { size: entry.length, ..FileStamp::NONE };
    let (relative, target) = (entry.path.to_string(), entry.path);
    let candidate = Candidate { relative, path: PathBuf::new(), stamp, target, told: None };
    SourceFile { candidate, digest: entry.digest }
}

/// What decides about a target.
struct Rules<'a> {
    request: &'a Request<'a>,
    authors: &'a Authors,
    pending: &'a Pending,
}

/// What differs between a published bin and the same one in the lists, and is not to be as the lists have it.
#[derive(Default)]
struct OfBin {
    before: usize,
    ends: Option<Moment>,
    difference: Difference,
    /// What the bin is to list otherwise than the lists do: nothing of this path, or this.
    patch: BTreeMap<String, Option<Entry>>,
    removed: Vec<TargetPath>,
    held: Vec<(Entry, String)>,
}

impl Rules<'_> {
    /// What became of the first targets, by name: the bins are too many for each to hold what it would name.
    fn names(
        &self,
        site: &Site,
        published: &Published,
        catalogue: &Catalogue,
        changed: &BTreeSet<u32>,
    ) -> Result<Vec<(Became, TargetPath)>, Error> {
        let mut all = Difference::default();
        for bin in changed {
            let compare =
                |bin, old: &VerifiedBin<'_>| self.compare(bin, old, catalogue, Difference::default());
            for found in read::each_bin(site, published, &[*bin], &Silent, &compare)? {
                all.absorb(found.difference);
            }
            if all.is_full() {
                break;
            }
        }
        Ok(all.names)
    }

    fn compare(
        &self,
        bin: u32,
        old: &VerifiedBin<'_>,
        catalogue: &Catalogue,
        difference: Difference,
    ) -> Result<OfBin, Error> {
        let targets = old.targets().map_err(|e| read::Error::Shape(e.to_string()))?;
        let mut found = OfBin { ends: Some(old.expires()), difference, ..OfBin::default() };
        // In a first tree nothing is compared: what the lists say is what is new.
        let is_first = targets.is_empty() && !self.pending.any() && !self.authors.any();
        if is_first && found.difference.count_added(bin, catalogue.count(bin)) {
            return Ok(found);
        }
        let is_pending =
            |path: &str| self.pending.any() && path.parse().is_ok_and(|path| self.pending.has(&path));
        let is_found = |path: &str| pages::is_found_path(self.request.layout, path);
        for beside in partition::beside(targets.into_iter(), catalogue.bin(bin)) {
            let (old, new) = match beside {
                Beside::Old(old) => (Some(old), None),
                Beside::New(new) => (None, Some(new)),
                Beside::Both(old, new) => (Some(old), Some(new)),
            };
            let Some(path) = new.or(old).map(|entry| entry.path) else { continue };
            found.before += usize::from(old.is_some() && is_found(path));
            // What is not decided stays as it is published; what authors sign is not for the bins.
            let wanted = if is_pending(path) {
                old
            } else if self.authors.own_path(path) {
                None
            } else {
                match (old, new) {
                    (Some(old), Some(new)) if !old.agrees(&new) && self.holds(new) => {
                        let why = format!(
                            "published with other bytes; `build --replace {path}` takes the new ones"
                        );
                        found.held.extend(old.to_entry().map(|entry| (entry, why)));
                        Some(old)
                    }
                    _ => new,
                }
            };
            if wanted != new {
                let entry = wanted.and_then(EntryRef::to_entry);
                found.patch.insert(path.to_owned(), entry);
            }
            match (old, wanted) {
                (None, None) => {}
                (None, Some(_)) => found.difference.note(Became::Added, bin, path),
                (Some(old), Some(new)) if old.agrees(&new) => {}
                (Some(_), Some(_)) => found.difference.note(Became::Changed, bin, path),
                // A page that another build made is no file that is gone.
                (Some(_), None) if !is_found(path) => {
                    found.difference.bins.insert(bin);
                }
                (Some(_), None) => {
                    found.difference.note(Became::Removed, bin, path);
                    found.removed.extend(path.parse());
                }
            }
        }
        Ok(found)
    }

    fn holds(&self, new: EntryRef<'_>) -> bool {
        let Some(file) = new.to_entry().map(as_file) else { return true };
        on_change(self.request, &file) == OnChange::Hold
    }
}

/// What was found of all bins.
struct Compared {
    /// How many files were published.
    before: usize,
    /// When each bin ends.
    ends: Vec<Moment>,
    difference: Difference,
    patches: BTreeMap<u32, BTreeMap<String, Option<Entry>>>,
    removed: Vec<TargetPath>,
    held: Vec<(Entry, String)>,
}

impl Compared {
    fn of(bins: Vec<OfBin>) -> Self {
        let mut all = Self {
            before: 0,
            ends: Vec::with_capacity(bins.len()),
            difference: Difference::default(),
            patches: BTreeMap::new(),
            removed: Vec::new(),
            held: Vec::new(),
        };
        for (found, bin) in bins.into_iter().zip(0..) {
            all.before += found.before;
            all.ends.extend(found.ends);
            all.difference.absorb(found.difference);
            all.removed.extend(found.removed);
            all.held.extend(found.held);
            if !found.patch.is_empty() {
                all.patches.insert(bin, found.patch);
            }
        }
        all
    }
}

/// A catalogue, and what of it is to be otherwise.
struct Amended<'a> {
    catalogue: &'a Catalogue,
    patches: BTreeMap<u32, BTreeMap<String, Option<Entry>>>,
}

impl Amended<'_> {
    fn len(&self) -> usize {
        let patched = self.patches.keys().map(|&bin| self.size(bin)).sum::<usize>();
        let without: usize = self.patches.keys().map(|&bin| self.catalogue.count(bin)).sum();
        self.catalogue.len() - without + patched
    }

    fn has(&self, path: &TargetPath) -> bool {
        let bin = self.catalogue.bins().bin_of(&path.digest());
        match self.patches.get(&bin).and_then(|patch| patch.get(path.as_str())) {
            Some(patched) => patched.is_some(),
            None => self.catalogue.find(path).is_some(),
        }
    }
}

impl Bins for Amended<'_> {
    fn bins(&self) -> BinCount {
        self.catalogue.bins()
    }

    fn size(&self, bin: u32) -> usize {
        if self.patches.contains_key(&bin) { self.targets(bin).count() } else { self.catalogue.count(bin) }
    }

    fn targets(&self, bin: u32) -> Box<dyn Iterator<Item = EntryRef<'_>> + '_> {
        let Some(patch) = self.patches.get(&bin) else { return Box::new(self.catalogue.bin(bin)) };
        let mut all: BTreeMap<&str, EntryRef<'_>> =
            self.catalogue.bin(bin).map(|entry| (entry.path, entry)).collect();
        for (path, entry) in patch {
            match entry {
                None => all.remove(path.as_str()),
                Some(entry) => all.insert(path, EntryRef::from(entry)),
            };
        }
        Box::new(all.into_values())
    }
}
