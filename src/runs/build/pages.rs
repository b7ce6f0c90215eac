//! Targets that are made and not found: each wheel's METADATA beside it (PEP 658), and the index
//! pages. They follow from the distributions alone, so that what did not change is not written.

use super::authors::Authors;
use super::find::Found;
use super::place::Act;
use super::{Digests, Lazy};
use crate::disk;
use crate::model::{Entry, Inventory, ProjectName, Sha256, TargetPath};
use crate::pipeline::collect::Layout;
use crate::pipeline::index::{self, Page, PageFile};
use crate::pipeline::inspect;
use crate::pipeline::source::{Facts, SourceFile};
use crate::report::{Code, Reporter, Stage, Warning, event};
use crate::site::copies::{self, Original};
use crate::site::swap::Written;
use crate::site::targets::{self, Arrival, Content, Incoming, Manner, PlainName};
use crate::site::{Site, layout};
use crate::state::{State, facts};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Past this many projects `index.root = "auto"` leaves the root page out: it would be megabytes,
/// and no installer reads it.
const ROOT_PAGE_UP_TO: usize = 50_000;

/// Which pages are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    /// `index.html` of each project.
    pub html: bool,
    /// `index.v1_json` of each project.
    pub json: bool,
    /// `simple/index.html`; none for as long as there are not too many projects.
    pub root: Option<bool>,
}

impl Pages {
    pub(super) fn any(self) -> bool {
        self.html || self.json
    }
}

/// Whether a published target is a file of the source, and not one that is made. What another
/// layout published counts as found: it does not go unnoticed when the layout changes.
pub(super) fn is_found(layout: Layout, path: &TargetPath) -> bool {
    is_found_path(layout, path.as_str())
}

/// The same, asked for millions.
pub(super) fn is_found_path(layout: Layout, path: &str) -> bool {
    let made = path.starts_with("simple/") || (path.starts_with("packages/") && path.ends_with(".metadata"));
    layout == Layout::Tree || !made
}

/// What making them needs to know.
pub(super) struct Request<'a> {
    pub(super) build: &'a super::Request<'a>,
    pub(super) act: Act,
    pub(super) manner: Manner,
    /// Whether what stands in the site may be another than the tree says, or lack copies.
    pub(super) suspect: bool,
    /// Every distribution that is to be published.
    pub(super) distributions: &'a [Entry],
    /// The source, and what it says of files beside their bytes.
    pub(super) found: &'a Found,
    /// Everything published before.
    pub(super) before: &'a Inventory,
    /// Projects whose pages are their authors'.
    pub(super) authors: &'a Authors,
}

/// A target that is made.
struct Made<'a> {
    entry: Entry,
    bytes: Bytes<'a>,
}

/// Where its bytes come from.
enum Bytes<'a> {
    Page(Vec<u8>),
    /// The METADATA of a wheel, which is looked for and read only when it is to be written.
    MetadataOf(&'a Entry),
}

/// Makes what follows from the distributions: gives every made target that the bins are to list, and
/// what was written.
pub(super) fn make(
    request: &Request<'_>,
    staging: &mut Lazy<'_>,
    reporter: &dyn Reporter,
) -> Result<(Vec<Entry>, Written), disk::Error> {
    let build = request.build;
    if build.layout == Layout::Tree || !build.pages.any() {
        return Ok((Vec::new(), Written::default()));
    }
    event::stage(reporter, Stage::Index, Some(request.distributions.len() as u64), || {
        let facts = gather(request, reporter)?;
        let made = render(request, &facts);
        for unused in build.yanked.unused() {
            let message = format!("{unused:?} in source.yanked is no file and no release here");
            reporter.warn(Warning::of_run(Code::Yanked, message));
        }
        let published: BTreeMap<&TargetPath, &Entry> =
            request.before.iter().map(|(_, entry)| (&entry.path, entry)).collect();
        let is_new =
            |made: &&Made<'_>| request.suspect || published.get(&made.entry.path) != Some(&&made.entry);
        let (new, kept): (Vec<&Made<'_>>, Vec<&Made<'_>>) = made.iter().partition(is_new);
        // A page of which nothing can be told just now stays as it is.
        let stays = published.iter().filter(|(path, _)| is_page_of(path, &request.found.unreadable));
        let kept =
            kept.into_iter().map(|made| made.entry.clone()).chain(stays.map(|(_, entry)| (*entry).clone()));
        let (arrived, written) = bring(request, staging, &new, reporter)?;
        Ok((kept.chain(arrived).collect(), written))
    })
}

/// Where the bytes of a distribution can be read: the site's copy, which nobody changes, else the
/// source's file if it still is what was hashed; `None` if they are nowhere at hand.
fn path_of(
    site: &Site,
    entry: &Entry,
    by_target: &BTreeMap<&TargetPath, &SourceFile>,
) -> Result<Option<PathBuf>, disk::Error> {
    let hashed = entry.path.hashed(&entry.digest.to_string());
    if site.folder().stamp(&hashed)?.is_some() {
        return Ok(Some(site.folder().path(&hashed)));
    }
    let Some(file) = by_target.get(&entry.path).filter(|file| file.entry() == *entry) else {
        return Ok(None);
    };
    let path = &file.candidate.path;
    match disk::read::OpenFile::open(path).and_then(|open| open.stamp()) {
        Ok(stamp) if stamp == file.candidate.stamp => Ok(Some(path.clone())),
        Ok(_) => Ok(None),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(e),
    }
}

fn by_target(files: &[SourceFile]) -> BTreeMap<&TargetPath, &SourceFile> {
    files.iter().map(|file| (&file.candidate.target, file)).collect()
}

/// What every distribution says of itself; archives that are not remembered are opened.
fn gather(request: &Request<'_>, reporter: &dyn Reporter) -> Result<BTreeMap<Sha256, Facts>, disk::Error> {
    let site = Site::new(request.build.site);
    let state = State::new(request.build.state);
    let known: BTreeMap<Sha256, Facts> = facts::load(&state);
    let by_target = by_target(&request.found.files);
    let all: Vec<Option<(Sha256, Facts)>> = request
        .distributions
        .par_iter()
        .map(|entry| {
            reporter.event(event::Event::Done(1));
            if let Some(facts) = request.found.facts.get(&entry.digest) {
                return Ok(Some((entry.digest, facts.clone())));
            }
            if let Some(facts) = known.get(&entry.digest) {
                return Ok(Some((entry.digest, facts.clone())));
            }
            // Bytes that are nowhere at hand are held ones that are served from elsewhere, or
            // changing just now: nothing is said of them, and nothing remembered.
            let Some(path) = path_of(&site, entry, &by_target)? else { return Ok(None) };
            Ok(Some((entry.digest, inspect::inspect(&path, entry.path.split().1)?.0)))
        })
        .collect::<Result<_, disk::Error>>()?;
    let all: BTreeMap<Sha256, Facts> = all.into_iter().flatten().collect();
    for entry in request.distributions {
        if let Some(why) = all.get(&entry.digest).and_then(|facts| facts.broken.as_ref()) {
            reporter.warn(Warning::of_file(Code::BrokenArchive, entry.path.as_str(), why.clone()));
        }
    }
    if all != known && request.act != Act::Look {
        facts::save(&state, &all)?;
    }
    Ok(all)
}

/// Every target that is made, with its bytes or where they are.
fn render<'a>(request: &Request<'a>, facts: &BTreeMap<Sha256, Facts>) -> Vec<Made<'a>> {
    let (build, distributions) = (request.build, request.distributions);
    let none = Facts::default();
    let facts_of = |entry: &Entry| facts.get(&entry.digest).unwrap_or(&none);
    let mut made: Vec<Made<'a>> = distributions
        .iter()
        .filter_map(|entry| {
            let (digest, length) = facts_of(entry).metadata?;
            let path = format!("{}.metadata", entry.path).parse().ok()?;
            Some(Made { entry: Entry { path, length, digest }, bytes: Bytes::MetadataOf(entry) })
        })
        .collect();
    // A project with a status has a page even where it has no file to offer (PEP 792).
    let statuses = &request.found.statuses;
    let mut projects: BTreeMap<ProjectName, Vec<PageFile<'_>>> =
        statuses.keys().map(|project| (project.clone(), Vec::new())).collect();
    projects.retain(|project, _| !request.authors.have(project));
    for entry in distributions {
        if let Some(project) = entry.path.segments().nth(1).and_then(|name| ProjectName::normalise(name).ok())
        {
            let mark = request.found.marks.get(&entry.path);
            let yanked = build.yanked.reason(&project, entry.path.split().1);
            let file = PageFile {
                entry,
                facts: facts_of(entry),
                yanked: yanked.or_else(|| mark?.yanked.as_deref()),
                uploaded: mark.and_then(|mark| mark.uploaded.as_deref()),
                base: build.files_url,
            };
            projects.entry(project).or_default().push(file);
        }
    }
    let Pages { html, json, root } = build.pages;
    let listed: BTreeSet<ProjectName> =
        projects.keys().chain(request.authors.with_pages()).cloned().collect();
    let stay = pages_that_stay(request);
    projects.retain(|project, _| !stay.contains(project));
    let pages = projects.par_iter_mut().flat_map_iter(|(project, files)| {
        index::sort(project, files);
        let content = Page { project, status: statuses.get(project), files };
        let html = html.then(|| page(format!("simple/{project}/index.html"), index::project_html(&content)));
        let json =
            json.then(|| page(format!("simple/{project}/index.v1_json"), index::project_json(&content)));
        [html, json].into_iter().flatten().flatten()
    });
    made.extend(pages.collect::<Vec<_>>());
    if html && root.unwrap_or(listed.len() <= ROOT_PAGE_UP_TO) {
        made.extend(page(layout::ROOT_PAGE.to_owned(), index::root_html(listed.iter())));
    }
    made
}

/// Whether this is a page of one of these projects.
fn is_page_of(path: &TargetPath, projects: &BTreeSet<ProjectName>) -> bool {
    let mut segments = path.segments();
    let (first, name) = (segments.next(), segments.next());
    let project = name.and_then(|name| ProjectName::normalise(name).ok());
    first == Some(layout::PAGES) && project.is_some_and(|project| projects.contains(&project))
}

/// The projects of which nothing can be told just now and that have a page: it stays.
fn pages_that_stay(request: &Request<'_>) -> BTreeSet<ProjectName> {
    let unreadable = &request.found.unreadable;
    let paths = request.before.iter().filter(|_| !unreadable.is_empty()).map(|(_, entry)| &entry.path);
    let pages = paths.filter(|path| is_page_of(path, unreadable));
    pages.filter_map(|path| ProjectName::normalise(path.segments().nth(1)?).ok()).collect()
}

fn page(path: String, bytes: Vec<u8>) -> Option<Made<'static>> {
    let (length, digest) = (bytes.len() as u64, Sha256::of(&bytes));
    Some(Made { entry: Entry { path: path.parse().ok()?, length, digest }, bytes: Bytes::Page(bytes) })
}

/// Brings the new ones into the site; gives those that came.
fn bring(
    request: &Request<'_>,
    staging: &mut Lazy<'_>,
    new: &[&Made<'_>],
    reporter: &dyn Reporter,
) -> Result<(Vec<Entry>, Written), disk::Error> {
    let manner = request.manner;
    let entries = || new.iter().map(|made| made.entry.clone()).collect();
    if request.act == Act::Look || new.is_empty() {
        return Ok((entries(), Written::default()));
    }
    let site = &Site::new(request.build.site);
    let by_target = by_target(&request.found.files);
    let bytes: Vec<Option<std::borrow::Cow<'_, [u8]>>> = new
        .par_iter()
        .map(|made| {
            Ok(match &made.bytes {
                Bytes::Page(bytes) => Some(bytes.as_slice().into()),
                Bytes::MetadataOf(wheel) => match path_of(site, wheel, &by_target)? {
                    Some(path) => inspect::inspect(&path, wheel.path.split().1)?.1.map(Into::into),
                    None => None,
                },
            })
        })
        .collect::<Result<_, disk::Error>>()?;
    let incoming: Vec<Incoming<'_>> = new
        .iter()
        .zip(&bytes)
        // An archive that changed since it was inspected is left to the next run.
        .filter_map(|(made, bytes)| {
            let bytes = bytes.as_deref().filter(|bytes| Sha256::of(bytes) == made.entry.digest)?;
            let content = Content::Made(bytes, request.build.now);
            Some(Incoming { entry: &made.entry, content, plain: PlainName::Pass })
        })
        .collect();
    let surveys = targets::survey(site, &incoming, manner)?;
    for (file, survey) in incoming.iter().zip(&surveys) {
        if survey.refusal().is_some() {
            let message = "in the site, its name or a folder on its way is something else; remove that";
            reporter.warn(Warning::of_file(Code::NameBlocked, file.entry.path.as_str(), message));
        }
    }
    if surveys.iter().all(|survey| survey.refusal().is_some()) {
        return Ok((Vec::new(), Written::default()));
    }
    let arrivals =
        targets::bring(site, staging.open()?, &incoming, &surveys, manner, &crate::report::Silent)?;
    let came = |arrival: &Arrival| matches!(arrival, Arrival::New(_) | Arrival::AlreadyThere);
    // Where everything is looked at, what was published and came again had been lost.
    let before: BTreeSet<&Entry> = match request.build.digests {
        Digests::Anew => request.before.iter().map(|(_, entry)| entry).collect(),
        Digests::Remembered => BTreeSet::new(),
    };
    let mut written = Written::default();
    let mut seen = BTreeSet::new();
    for (file, arrival) in incoming.iter().zip(&arrivals) {
        if matches!(arrival, Arrival::New(_)) && seen.insert(&file.entry.path) {
            if before.contains(file.entry) {
                let message = "one of its names was gone or had other bytes";
                reporter.warn(Warning::of_file(Code::Restored, file.entry.path.as_str(), message));
            }
            written.add(Written { files: 1, bytes: file.entry.length });
        }
    }
    let came: Vec<&Incoming<'_>> =
        incoming.iter().zip(&arrivals).filter(|(_, arrival)| came(arrival)).map(|(file, _)| file).collect();
    written.add(copy(request, site, staging, &came)?);
    Ok((came.into_iter().map(|file| file.entry.clone()).collect(), written))
}

/// Gives pages that came into the site their compressed copies, of both their names.
fn copy(
    request: &Request<'_>,
    site: &Site,
    staging: &mut Lazy<'_>,
    came: &[&Incoming<'_>],
) -> Result<Written, disk::Error> {
    if request.build.compress.is_empty() {
        return Ok(Written::default());
    }
    let pages = came.iter().filter_map(|file| match file.content {
        Content::Made(bytes, _) if file.entry.path.segments().next() == Some(layout::PAGES) => {
            let path = &file.entry.path;
            let names = vec![path.hashed(&file.entry.digest.to_string()), path.to_string()];
            Some(Original { names, bytes: bytes.into() })
        }
        _ => None,
    });
    let plan = copies::plan(site, &pages.collect::<Vec<_>>(), request.build.compress)?;
    if plan.is_empty() { Ok(Written::default()) } else { copies::carry_out(site, staging.open()?, &plan) }
}
