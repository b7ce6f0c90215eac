//! The operator's side of authors' projects: taking submissions in, and taking keys away.

pub mod accept;
pub mod list;
pub mod revoke;
pub(super) mod so_already;

use super::{elsewhere, publish};
use crate::disk;
use crate::disk::stage::Staging;
use crate::model::{Compression, Moment};
use crate::model::{Entry, Inventory, ProjectName, Sha256, TargetFile, TargetPath};
use crate::pipeline::index;
use crate::report::{Reporter, Silent};
use crate::runs::guard::Refusal as Forbidden;
use crate::runs::roles::Numbers;
use crate::site::Site;
use crate::site::copies::{self, Original};
use crate::site::layout;
use crate::site::read::{self, Published};
use crate::site::swap::Written;
use crate::site::targets::{self, Arrival, Content, Incoming, Manner, PlainName, Survey};
use crate::state::{State, ceremony, ledger};
use crate::submission::Refusal;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Why a project was not changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is published.
    #[error("nothing is published in {0} yet; `tuffet build --init` publishes")]
    NotBegun(String),
    /// Submissions that are not taken, each with every reason found.
    #[error("{}", refused(.0))]
    Refused(Vec<(PathBuf, Vec<Refusal>)>),
    /// The site does not carry its files.
    #[error(
        "site.targets is \"none\": files are served from elsewhere, and what an author submits would be nowhere. \
         Set it to \"copy\" or \"hardlink\" to take in submissions"
    )]
    NoFilesHere,
    /// A key was named for a project that nobody submits.
    #[error("--register {0}=…: none of the submissions is for {0}")]
    NothingToRegister(String),
    /// A ceremony is under way that signs the project over.
    #[error(
        "{0} is in a ceremony that is under way: its keys do not change until `tuffet ceremony apply`, or `tuffet \
         ceremony abandon`"
    )]
    Frozen(ProjectName),
    /// A change of keys that can be made at once, among some that wait for a ceremony.
    #[error("{0} waits for no ceremony: hand it in by itself, without those that do")]
    NothingToWaitFor(ProjectName),
    /// There are no projects.
    #[error(
        "source.layout is \"tree\": its files are no Python distributions, and there are no projects whose authors \
         could sign"
    )]
    NoProjects,
    /// There is no such project among those that have an author.
    #[error("{0} has no author's key here; `tuffet project list` shows those that have")]
    NoAuthor(String),
    /// The administrators signed for it.
    #[error(
        "{0} is claimed: its delegation is signed offline, and changes in a ceremony alone. New releases and \
         members need none"
    )]
    Claimed(ProjectName),
    /// The published tree is not one that a client accepts.
    #[error(transparent)]
    Published(#[from] read::Error),
    /// Something forbids signing.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
    /// Nothing was published.
    #[error(transparent)]
    Publish(#[from] publish::Error),
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

fn refused(refused: &[(PathBuf, Vec<Refusal>)]) -> String {
    let mut out = String::from("nothing was taken in.");
    for (path, refusals) in refused {
        out += &format!("\n{}: refused", path.display());
        for refusal in refusals {
            out += &format!("\n- {refusal}");
        }
    }
    out
}

/// What every one of these runs knows of the site.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The site.
    pub site: &'a Path,
    /// The state folder.
    pub state: &'a Path,
    /// Whether stock tough gets its names too.
    pub tough_alias: bool,
    /// In which forms metadata and pages get compressed copies.
    pub compress: &'a [Compression],
    /// How long roles live.
    pub lives: &'a crate::trust::Lives,
    /// The run's now.
    pub now: Moment,
}

impl Place<'_> {
    fn manner(&self) -> Manner {
        // What is brought in lies in the staging folder, where nobody else writes.
        Manner { bring: crate::disk::stage::Bring::Link, tough_alias: self.tough_alias }
    }

    pub(super) fn publish(&self) -> publish::Manner<'_> {
        publish::Manner { lives: self.lives, compress: self.compress, now: self.now, numbers: Numbers::All }
    }
}

/// Whether the keys of projects in a ceremony that is under way stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freeze {
    /// They do.
    Holds,
    /// It is being given up: what waited for its end is carried out.
    Over,
}

/// Refuses to change the keys of a project that a ceremony signs over just now.
fn frozen(state: &State, name: &ProjectName, freeze: Freeze) -> Result<(), Error> {
    if freeze == Freeze::Over {
        return Ok(());
    }
    match ceremony::outstanding(state)? {
        Some(ceremony) if ceremony.projects.contains(name) => Err(Error::Frozen(name.clone())),
        _ => Ok(()),
    }
}

/// Whether a ceremony that is under way gives the project other holders.
fn is_handed_over(state: &State, name: &ProjectName) -> Result<bool, Error> {
    Ok(ceremony::outstanding(state)?.is_some_and(|ceremony| ceremony.held.contains(name)))
}

/// Whether a ceremony that is under way frees the name of the project.
fn is_freed(state: &State, name: &ProjectName) -> Result<bool, Error> {
    Ok(ceremony::outstanding(state)?.is_some_and(|ceremony| ceremony.freed.contains(name)))
}

/// Takes the pages of projects away that are not published any more: pip goes by them, and no TUF client asks
/// for their plain names. Plain names of files stay until a sweep, for somebody may be at them.
pub(super) fn remove_pages(site: &Site, state: &State, names: &[&ProjectName]) -> Result<(), disk::Error> {
    let mut gone = Vec::new();
    for name in names {
        for page in ["index.html", "index.v1_json"] {
            gone.extend(copies::with_original(site, format!("{}/{name}/{page}", layout::PAGES))?);
        }
    }
    elsewhere::remove(site, state, &gone)
}

/// The projects of a tree that have pages, or files: those in the bins by `bins`, and those of authors.
fn names(bins: &Inventory, authors: BTreeSet<ProjectName>) -> BTreeSet<ProjectName> {
    let mut names = authors;
    names.extend(bins.iter().filter_map(|(_, entry)| project_of(&entry.path)));
    names
}

/// The project of which a target is a file or a page.
pub(super) fn project_of(path: &TargetPath) -> Option<ProjectName> {
    let mut segments = path.segments();
    let (first, name, rest) = (segments.next(), segments.next(), segments.next());
    let is_of_one = rest.is_some() && [Some(layout::PACKAGES), Some(layout::PAGES)].contains(&first);
    is_of_one.then(|| name.and_then(|name| ProjectName::normalise(name).ok()))?
}

/// Authors' projects whose pages are published, and that are not about to be suspended.
fn with_pages(published: &Published, lapsing: &[&ProjectName]) -> BTreeSet<ProjectName> {
    let projects = published.projects.iter().filter(|(_, project)| !project.is_suspended());
    let projects = projects.filter(|(name, _)| !lapsing.contains(name));
    projects.map(|(name, _)| name.clone()).collect()
}

/// `bins` with the root page as it is to be, if there is one; and that page, if it changes.
fn with_root_page(bins: Inventory, authors: BTreeSet<ProjectName>) -> (Inventory, Option<(Entry, Vec<u8>)>) {
    let is_root = |entry: &Entry| entry.path.as_str() == layout::ROOT_PAGE;
    let Some(before) = bins.iter().map(|(_, entry)| entry).find(|entry| is_root(entry)).cloned() else {
        return (bins, None);
    };
    let bytes = index::root_html(names(&bins, authors).iter());
    let entry = Entry { path: before.path.clone(), length: bytes.len() as u64, digest: Sha256::of(&bytes) };
    if entry == before {
        return (bins, None);
    }
    let others = bins.iter().map(|(_, entry)| entry).filter(|entry| !is_root(entry)).cloned();
    (Inventory::new(bins.bins(), others.chain([entry.clone()])), Some((entry, bytes)))
}

/// Brings pages of ours into the site, with their compressed copies.
fn bring_pages(
    place: &Place<'_>,
    staging: &Staging,
    pages: &[(Entry, Vec<u8>)],
) -> Result<Written, disk::Error> {
    let (site, state) = (Site::new(place.site), State::new(place.state));
    let incoming: Vec<Incoming<'_>> = pages
        .iter()
        .map(|(entry, bytes)| Incoming {
            entry,
            content: Content::Made(bytes, place.now),
            plain: PlainName::Pass,
        })
        .collect();
    let surveys = targets::survey(&site, &incoming, place.manner())?;
    let arrivals = bring(place, staging, &incoming, &surveys, &Silent)?;
    let mut written = Written::default();
    for ((entry, _), arrival) in pages.iter().zip(&arrivals) {
        if matches!(arrival, Arrival::New(_)) {
            written.add(Written { files: 1, bytes: entry.length });
        }
    }
    let originals: Vec<Original<'_>> =
        pages.iter().map(|(entry, bytes)| Original::of_target(entry, bytes)).collect();
    let plan = copies::plan(&site, &originals, place.compress)?;
    written.add(elsewhere::carry_out(&site, &state, staging, &plan)?);
    Ok(written)
}

/// Brings targets in. Of those whose names hold something already, as a run leaves them that did not end, it is noted
/// first: where the site is uploaded to they may hold it too.
fn bring(
    place: &Place<'_>,
    staging: &Staging,
    incoming: &[Incoming<'_>],
    surveys: &[Survey],
    reporter: &dyn Reporter,
) -> Result<Vec<Arrival>, disk::Error> {
    let again = incoming.iter().zip(surveys).filter(|(_, survey)| survey.is_there_in_part());
    elsewhere::gives_back(&State::new(place.state), again.map(|(file, _)| file.entry))?;
    targets::bring(&Site::new(place.site), staging, incoming, surveys, place.manner(), reporter)
}

/// What the bins list of each of these projects; one pass over all of them.
fn in_bins(
    published: &Published,
    projects: &BTreeSet<ProjectName>,
) -> BTreeMap<ProjectName, BTreeMap<TargetPath, TargetFile>> {
    let mut found: BTreeMap<ProjectName, BTreeMap<TargetPath, TargetFile>> = BTreeMap::new();
    for (path, file) in published.bins.iter().flat_map(|bin| &bin.targets) {
        let mut segments = path.segments();
        let (first, name, rest) = (segments.next(), segments.next(), segments.next());
        let is_ours = rest.is_some() && [Some(layout::PACKAGES), Some(layout::PAGES)].contains(&first);
        let name = name.filter(|_| is_ours).and_then(|name| ProjectName::normalise(name).ok());
        if let Some(name) = name.filter(|name| projects.contains(name)) {
            found.entry(name).or_default().insert(path.clone(), file.clone());
        }
    }
    found
}
