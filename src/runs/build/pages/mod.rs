//! Targets that are made and not found: each wheel's METADATA beside it (PEP 658), and the index
//! pages. They follow from the distributions alone, so that what did not change is not written.

mod arrive;
mod facts;
mod render;
mod touched;

pub(super) use touched::{Plan, uploads};

use super::authors::Authors;
use super::find::Found;
use super::place::Act;
use super::{Lazy, keep};
use crate::disk;
use crate::model::{Entry, Inventory, TargetPath};
use crate::pipeline::collect::Layout;
use crate::report::{Code, Reporter, Stage, Warning, event};
use crate::site::swap::Written;
use crate::site::targets::Manner;
use crate::site::{Site, layout};
use std::collections::{BTreeMap, BTreeSet};

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

    /// Whether so many pages, in HTML and in JSON, are what so many projects have.
    pub(super) fn are_of_all(self, [html, json]: [u64; 2], projects: u64) -> bool {
        let of = |is_made: bool| if is_made { projects } else { 0 };
        self.any() && html == of(self.html) && json == of(self.json)
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

/// What came of making them.
#[derive(Debug, Default)]
pub(super) struct Pressed {
    /// Every made target that the bins are to list.
    pub(super) entries: Vec<Entry>,
    /// What was written.
    pub(super) written: Written,
    /// How many of them are pages of projects: in HTML, and in JSON.
    pub(super) of_projects: [u64; 2],
    /// Whether a page that stays as it is was to get names, and did not.
    pub(super) lacks_names: bool,
}

/// Makes what follows from the distributions.
pub(super) fn make(
    request: &Request<'_>,
    staging: &mut Lazy<'_>,
    reporter: &dyn Reporter,
) -> Result<Pressed, disk::Error> {
    let build = request.build;
    if build.layout == Layout::Tree || !build.pages.any() {
        return Ok(Pressed::default());
    }
    event::stage(reporter, Stage::Index, Some(request.distributions.len() as u64), || {
        let facts = facts::gather(request, reporter)?;
        let made = render::all(request, &facts);
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
        let stays = published.iter().filter(|(path, _)| render::is_page_of(path, &request.found.unreadable));
        let stays: Vec<&Entry> = stays.map(|(_, entry)| *entry).collect();
        let kept = kept.into_iter().map(|made| made.entry.clone()).chain(stays.iter().copied().cloned());
        let mut lacks_names = false;
        let (arrived, mut written) = arrive::bring(request, staging, &new, reporter)?;
        let entries: Vec<Entry> = kept.chain(arrived).collect();
        if request.suspect && request.act != Act::Look {
            let site = &Site::new(build.site);
            let listed: BTreeSet<&TargetPath> = entries.iter().map(|entry| &entry.path).collect();
            let leaves = |path: &TargetPath| !is_found(build.layout, path) && !listed.contains(path);
            let leaving = published.iter().filter(|(path, _)| leaves(path)).map(|(_, entry)| *entry);
            let leaving: Vec<&Entry> = leaving.collect();
            let both = [&stays[..], &leaving];
            let kept = keep::pages(site, both, request.manner, build.compress, staging, reporter)?;
            written.add(kept.written);
            lacks_names = kept.lacks_names;
        }
        let is_of_project = |entry: &&Entry| {
            entry.path.segments().next() == Some(layout::PAGES) && entry.path.as_str() != layout::ROOT_PAGE
        };
        let count = |name: &str| {
            entries.iter().filter(is_of_project).filter(|entry| entry.path.split().1 == name).count() as u64
        };
        let of_projects = [count(render::HTML), count(render::JSON)];
        Ok(Pressed { entries, written, of_projects, lacks_names })
    })
}
