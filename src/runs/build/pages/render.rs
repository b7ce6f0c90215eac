//! What is made, as bytes: the pages of projects, the page of all of them, and what stands for the METADATA of a wheel.

use super::{Bytes, Made, Pages, Request};
use crate::model::page::ProjectStatus;
use crate::model::{Entry, ProjectName, Sha256, TargetPath};
use crate::pipeline::index::{self, Page, PageFile};
use crate::pipeline::source::Facts;
use crate::runs::build;
use crate::site::layout;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Past this many projects `index.root = "auto"` leaves the root page out: it would be megabytes,
/// and no installer reads it.
const ROOT_PAGE_UP_TO: u64 = 50_000;

/// What the pages of a project are called.
pub(super) const HTML: &str = "index.html";
/// The same in JSON.
pub(super) const JSON: &str = "index.v1_json";

/// Every target that is made, with its bytes or where they are.
pub(super) fn all<'a>(request: &Request<'a>, facts: &BTreeMap<Sha256, Facts>) -> Vec<Made<'a>> {
    let (build, distributions) = (request.build, request.distributions);
    let none = Facts::default();
    let facts_of = |entry: &Entry| facts.get(&entry.digest).unwrap_or(&none);
    let mut made: Vec<Made<'a>> =
        distributions.iter().filter_map(|entry| metadata(entry, facts_of(entry))).collect();
    // A project with a status has a page even where it has no file to offer (PEP 792).
    let statuses = &request.found.statuses;
    let mut projects: BTreeMap<ProjectName, Vec<PageFile<'_>>> =
        statuses.keys().map(|project| (project.clone(), Vec::new())).collect();
    projects.retain(|project, _| !request.authors.have(project));
    for entry in distributions {
        if let Some(project) = project_of(&entry.path) {
            let mark = request.found.marks.get(&entry.path);
            let uploaded = mark.and_then(|mark| mark.uploaded.as_deref());
            let file = file(build, &project, entry, facts_of(entry), uploaded);
            let yanked = file.yanked.or_else(|| mark?.yanked.as_deref());
            projects.entry(project).or_default().push(PageFile { yanked, ..file });
        }
    }
    let listed: BTreeSet<ProjectName> =
        projects.keys().chain(request.authors.with_pages()).cloned().collect();
    let stay = pages_that_stay(request);
    projects.retain(|project, _| !stay.contains(project));
    let pages = projects
        .par_iter_mut()
        .flat_map_iter(|(project, files)| of_project(build.pages, project, statuses.get(project), files));
    made.extend(pages.collect::<Vec<_>>());
    if has_root(build.pages, listed.len() as u64) {
        made.extend(root(&listed));
    }
    made
}

/// The project that a distribution belongs to.
pub(super) fn project_of(path: &TargetPath) -> Option<ProjectName> {
    ProjectName::normalise(path.segments().nth(1)?).ok()
}

/// A file as pages show it, where the source itself says nothing of it but when it was uploaded.
pub(super) fn file<'a>(
    build: &'a build::Request<'_>,
    project: &ProjectName,
    entry: &'a Entry,
    facts: &'a Facts,
    uploaded: Option<&'a str>,
) -> PageFile<'a> {
    let yanked = build.yanked.reason(project, entry.path.split().1);
    PageFile { entry, facts, yanked, uploaded, base: build.files_url }
}

/// The METADATA of a wheel that has one.
pub(super) fn metadata<'a>(entry: &'a Entry, facts: &Facts) -> Option<Made<'a>> {
    let (digest, length) = facts.metadata?;
    let path = path_of_metadata(&entry.path)?;
    Some(Made { entry: Entry { path, length, digest }, bytes: Bytes::MetadataOf(entry) })
}

/// Where the METADATA of a wheel is listed.
pub(super) fn path_of_metadata(wheel: &TargetPath) -> Option<TargetPath> {
    format!("{wheel}.metadata").parse().ok()
}

/// Where the pages of a project are listed: in HTML, and in JSON.
pub(super) fn paths_of(project: &ProjectName) -> [String; 2] {
    [HTML, JSON].map(|name| format!("{}/{project}/{name}", layout::PAGES))
}

/// The pages of a project that are asked for.
pub(super) fn of_project(
    pages: Pages,
    project: &ProjectName,
    status: Option<&ProjectStatus>,
    files: &mut [PageFile<'_>],
) -> Vec<Made<'static>> {
    index::sort(project, files);
    let content = Page { project, status, files };
    let [html, json] = paths_of(project);
    let html = pages.html.then(|| page(html, index::project_html(&content)));
    let json = pages.json.then(|| page(json, index::project_json(&content)));
    [html, json].into_iter().flatten().flatten().collect()
}

/// Whether so many projects have a page that lists them.
pub(super) fn has_root(pages: Pages, projects: u64) -> bool {
    pages.html && pages.root.unwrap_or(projects <= ROOT_PAGE_UP_TO)
}

/// The page that lists these.
pub(super) fn root(projects: &BTreeSet<ProjectName>) -> Option<Made<'static>> {
    page(layout::ROOT_PAGE.to_owned(), index::root_html(projects.iter()))
}

/// Whether this is a page of one of these projects.
pub(super) fn is_page_of(path: &TargetPath, projects: &BTreeSet<ProjectName>) -> bool {
    path.segments().next() == Some(layout::PAGES)
        && project_of(path).is_some_and(|project| projects.contains(&project))
}

/// The projects of which nothing can be told just now and that have a page: it stays.
fn pages_that_stay(request: &Request<'_>) -> BTreeSet<ProjectName> {
    let unreadable = &request.found.unreadable;
    let paths = request.before.iter().filter(|_| !unreadable.is_empty()).map(|(_, entry)| &entry.path);
    paths.filter(|path| is_page_of(path, unreadable)).filter_map(project_of).collect()
}

fn page(path: String, bytes: Vec<u8>) -> Option<Made<'static>> {
    let (length, digest) = (bytes.len() as u64, Sha256::of(&bytes));
    Some(Made { entry: Entry { path: path.parse().ok()?, length, digest }, bytes: Bytes::Page(bytes) })
}
