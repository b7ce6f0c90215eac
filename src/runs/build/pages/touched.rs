//! The pages of a few projects, made anew from what the published ones say and from what changed: no other page is
//! looked at. Where a published page is not what would be made of what it says, as after a change of the configuration, only a
//! build that knows every distribution can make it.

use super::{Made, Request, arrive, facts, render};
use crate::disk::{self, read};
use crate::model::{Entry, Inventory, ProjectName, Sha256, TargetPath, page};
use crate::pipeline::index::PageFile;
use crate::pipeline::partition::{Decision, Decisions};
use crate::pipeline::source::{Facts, Mark};
use crate::report::Reporter;
use crate::runs::build::authors::Authors;
use crate::runs::build::{self, Error, Lazy};
use crate::site::swap::Written;
use crate::site::{Site, layout};
use crate::state::tree::Counted;
use std::collections::{BTreeMap, BTreeSet};

/// What is published of these paths.
pub(in crate::runs::build) type Find<'a> = dyn Fn(&BTreeSet<TargetPath>) -> Result<Inventory, Error> + 'a;

/// What the pages say that may change.
pub(in crate::runs::build) struct Plan {
    counted: Counted,
    projects: BTreeMap<ProjectName, Vec<Offered>>,
    /// What the root page lists, if there is one and it may change.
    root: Option<BTreeSet<ProjectName>>,
    /// What is published of all that may change.
    published: Inventory,
}

/// A file on a page.
struct Offered {
    entry: Entry,
    facts: Facts,
    uploaded: Option<String>,
}

/// What came of making them anew.
pub(in crate::runs::build) struct Touched {
    /// What is published of all that was looked at.
    pub(in crate::runs::build) before: Inventory,
    /// What the bins are to list of it.
    pub(in crate::runs::build) after: Vec<Entry>,
    /// What was written.
    pub(in crate::runs::build) written: Written,
    /// How much there is then; nothing where a page lacks.
    pub(in crate::runs::build) counted: Option<Counted>,
}

impl Plan {
    /// Reads the pages that `decisions` may change, in a tree where each of `counted` projects has its pages; nothing
    /// where they do not say enough.
    pub(in crate::runs::build) fn of(
        build: &build::Request<'_>,
        decisions: &Decisions,
        counted: Counted,
        authors: &Authors,
        find: &Find<'_>,
    ) -> Result<Option<Self>, Error> {
        let site = Site::new(build.site);
        // What may come, and what may go, of each project.
        let mut changes: BTreeMap<ProjectName, [BTreeSet<&TargetPath>; 2]> = BTreeMap::new();
        let came = decisions.targets.iter().filter_map(|(path, decision)| match decision {
            Decision::Bring { replaces, .. } => Some((path, replaces.is_some())),
            Decision::Keep(_) | Decision::Hold(_) => None,
        });
        for (path, goes) in came.clone().chain(decisions.removed.iter().map(|path| (path, true))) {
            let Some(project) = render::project_of(path) else { return Ok(None) };
            let [all, gone] = changes.entry(project).or_default();
            all.insert(path);
            gone.extend(goes.then_some(path));
        }
        let metadata =
            changes.values().flat_map(|[all, _]| all).filter_map(|path| render::path_of_metadata(path));
        let pages = changes.keys().flat_map(render::paths_of).chain([layout::ROOT_PAGE.to_owned()]);
        let paths = pages.filter_map(|path| path.parse().ok()).chain(metadata).collect();
        let published = find(&paths)?;
        let listed = |path: &str| published.find(&path.parse().ok()?);
        let mut projects = BTreeMap::new();
        let mut others = false;
        let mut count = counted.projects;
        for (project, [all, gone]) in changes {
            let [html, json] = render::paths_of(&project).map(|path| listed(&path));
            if html.is_none() && json.is_none() {
                if !gone.is_empty() {
                    return Ok(None);
                }
                (others, count) = (true, count + 1);
                projects.insert(project, Vec::new());
                continue;
            }
            let Some(files) = offered(build, &site, &project, html, json)? else { return Ok(None) };
            let is_its = |path: &&&TargetPath| files.iter().any(|file| file.entry.path == ***path);
            if gone.iter().filter(is_its).count() != gone.len() {
                return Ok(None);
            }
            if gone.len() == files.len() {
                others = true;
                count -= u64::from(all.len() == gone.len()).min(count);
            }
            projects.insert(project, files);
        }
        let root_page = listed(layout::ROOT_PAGE);
        if root_page.is_none() && render::has_root(build.pages, count + authors.count_with_pages()) {
            return Ok(None);
        }
        let root = match root_page.filter(|_| others) {
            None => None,
            Some(entry) => match root(&site, entry)? {
                Some(names) => Some(names),
                None => return Ok(None),
            },
        };
        Ok(Some(Self { counted, projects, root, published }))
    }

    /// Makes the pages anew, of what is to be listed now: `request` has the distributions that were looked at, before and now.
    pub(in crate::runs::build) fn make(
        mut self,
        request: &Request<'_>,
        staging: &mut Lazy<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Touched, Error> {
        let build = request.build;
        let now: BTreeMap<&TargetPath, &Entry> = request.distributions.iter().map(|e| (&e.path, e)).collect();
        let gone = request.before.iter().map(|(_, entry)| entry);
        let gone: Vec<&Entry> = gone.filter(|entry| now.get(&entry.path) != Some(entry)).collect();
        let came: Vec<&Entry> =
            now.into_values().filter(|entry| request.before.find(&entry.path) != Some(entry)).collect();
        let facts = facts::of_new(request, came.iter().copied(), reporter)?;
        let mut made: Vec<Made<'_>> = Vec::new();
        let mut counted =
            Counted { distributions: self.counted.distributions, projects: self.counted.projects };
        counted.distributions = (counted.distributions + came.len() as u64).saturating_sub(gone.len() as u64);
        for (project, files) in &mut self.projects {
            let is_its = |entry: &&&Entry| render::project_of(&entry.path).as_ref() == Some(project);
            let was = files.len();
            let gone: BTreeSet<&TargetPath> = gone.iter().filter(is_its).map(|entry| &entry.path).collect();
            files.retain(|file| !gone.contains(&file.entry.path));
            for entry in came.iter().copied().filter(|entry| is_its(&entry)) {
                let facts = facts.get(&entry.digest).cloned().unwrap_or_default();
                made.extend(render::metadata(entry, &facts));
                files.push(Offered { entry: entry.clone(), facts, uploaded: None });
            }
            if !files.is_empty() {
                let mut files: Vec<PageFile<'_>> =
                    files.iter().map(|file| file.shown(build, project)).collect();
                made.extend(render::of_project(build.pages, project, None, &mut files));
            }
            match (was, files.len()) {
                (0, 1..) => counted.projects += 1,
                (1.., 0) => counted.projects = counted.projects.saturating_sub(1),
                _ => {}
            }
        }
        let has_root = render::has_root(build.pages, counted.projects + request.authors.count_with_pages());
        let root_page = layout::ROOT_PAGE.parse().ok();
        let root_page = root_page.and_then(|path| self.published.find(&path)).cloned();
        let mut is_complete = true;
        let mut after: Vec<Entry> = Vec::new();
        match (self.root, root_page) {
            (Some(mut names), Some(_)) if has_root => {
                for (project, files) in &self.projects {
                    if files.is_empty() {
                        names.remove(project)
                    } else {
                        names.insert(project.clone())
                    };
                }
                made.extend(render::root(&names));
            }
            (None, Some(entry)) if has_root => after.push(entry),
            (_, None) => is_complete = !has_root,
            (_, Some(_)) => {}
        }
        let is_new = |made: &&Made<'_>| self.published.find(&made.entry.path) != Some(&made.entry);
        let (new, kept): (Vec<&Made<'_>>, Vec<&Made<'_>>) = made.iter().partition(is_new);
        let (arrived, written) = arrive::bring(request, staging, &new, reporter)?;
        is_complete &= arrived.len() == new.len();
        after.extend(kept.into_iter().map(|made| made.entry.clone()));
        after.extend(arrived);
        // Of a file that stayed after all, so does its METADATA.
        let is_touched = |path: &TargetPath| {
            [&gone, &came]
                .into_iter()
                .flatten()
                .any(|entry| path.as_str().strip_suffix(".metadata") == Some(entry.path.as_str()))
        };
        let is_metadata = |path: &TargetPath| path.segments().next() != Some(layout::PAGES);
        let stays = self.published.iter().map(|(_, entry)| entry);
        after.extend(stays.filter(|entry| is_metadata(&entry.path) && !is_touched(&entry.path)).cloned());
        Ok(Touched { before: self.published, after, written, counted: is_complete.then_some(counted) })
    }
}

impl Offered {
    fn shown<'a>(&'a self, build: &'a build::Request<'_>, project: &ProjectName) -> PageFile<'a> {
        render::file(build, project, &self.entry, &self.facts, self.uploaded.as_deref())
    }
}

/// What the pages of a project offer, if it is they that would be made of it.
fn offered(
    build: &build::Request<'_>,
    site: &Site,
    project: &ProjectName,
    html: Option<&Entry>,
    json: Option<&Entry>,
) -> Result<Option<Vec<Offered>>, disk::Error> {
    let Some(said) = json.map(|entry| said(site, entry)).transpose()?.flatten() else { return Ok(None) };
    let offered: Option<Vec<Offered>> = said.files.into_iter().map(|link| of_link(project, link)).collect();
    let Some(offered) = offered else { return Ok(None) };
    let mut files: Vec<PageFile<'_>> = offered.iter().map(|file| file.shown(build, project)).collect();
    let again = render::of_project(build.pages, project, None, &mut files);
    let is_same = again.iter().map(|made| &made.entry).eq([html, json].into_iter().flatten());
    Ok(is_same.then_some(offered))
}

fn of_link(project: &ProjectName, link: page::Link) -> Option<Offered> {
    let path = format!("packages/{project}/{}", link.name).parse().ok()?;
    // How long the METADATA is no page says.
    let metadata = link.metadata.map(|digest| (digest, 0));
    Some(Offered {
        entry: Entry { path, length: link.size?, digest: link.sha256? },
        facts: Facts { requires_python: link.requires_python, metadata, ..Facts::default() },
        uploaded: link.uploaded,
    })
}

/// What a published page in JSON says.
fn said(site: &Site, entry: &Entry) -> Result<Option<page::Page>, disk::Error> {
    Ok(published(site, entry)?.and_then(|bytes| page::json(&bytes).ok()))
}

/// What the published root page lists, if it is the one that would be made of that.
fn root(site: &Site, entry: &Entry) -> Result<Option<BTreeSet<ProjectName>>, disk::Error> {
    let Some(bytes) = published(site, entry)? else { return Ok(None) };
    let names = page::html(&bytes).files.into_iter().map(|link| ProjectName::normalise(&link.name).ok());
    let names: Option<BTreeSet<ProjectName>> = names.collect();
    Ok(names.filter(|names| render::root(names).is_some_and(|made| made.entry == *entry)))
}

/// The bytes of a published page, if they are there.
fn published(site: &Site, entry: &Entry) -> Result<Option<Vec<u8>>, disk::Error> {
    let bytes = read::bytes_if_there(&site.folder().path(&entry.path.hashed(&entry.digest.to_string())))?;
    Ok(bytes.filter(|bytes| Sha256::of(bytes) == entry.digest))
}

/// When files were uploaded, as the published pages of projects say it that are looked at, and of which nobody else says it.
pub(in crate::runs::build) fn uploads(
    site: &Site,
    before: &Inventory,
    unreadable: &BTreeSet<ProjectName>,
) -> Result<BTreeMap<TargetPath, Mark>, disk::Error> {
    let mut marks = BTreeMap::new();
    for (_, entry) in before.iter() {
        let Some(project) = render::project_of(&entry.path).filter(|project| !unreadable.contains(project))
        else {
            continue;
        };
        if entry.path.as_str() != render::paths_of(&project)[1] {
            continue;
        }
        let files = said(site, entry)?.map(|said| said.files).unwrap_or_default();
        let offered = files.into_iter().filter_map(|link| of_link(&project, link));
        let marked = offered.filter(|file| file.uploaded.is_some());
        marks.extend(marked.map(|file| (file.entry.path, Mark { yanked: None, uploaded: file.uploaded })));
    }
    Ok(marks)
}
