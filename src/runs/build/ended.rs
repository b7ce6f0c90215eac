//! Projects of which nothing is published any more: installers go by plain pages, which stay where they are until
//! somebody removes them.

use super::authors::Authors;
use crate::disk;
use crate::disk::read;
use crate::model::{Entry, Inventory, ProjectName, Sha256, TargetPath};
use crate::runs::project::project_of;
use crate::site::{Site, layout};
use std::collections::BTreeSet;

/// The two pages of a project.
const PAGES: [&str; 2] = ["index.html", "index.v1_json"];

/// Those that had a page in `before`, and have nothing in `after`.
pub(super) fn projects<'e>(
    before: &Inventory,
    after: impl IntoIterator<Item = &'e Entry>,
    authors: &Authors,
) -> BTreeSet<ProjectName> {
    let pages = before.iter().map(|(_, entry)| &entry.path).filter(|path| is_page(path));
    let mut had: BTreeSet<ProjectName> = pages.filter_map(project_of).collect();
    if !had.is_empty() {
        after.into_iter().filter_map(|entry| project_of(&entry.path)).for_each(|name| _ = had.remove(&name));
        authors.with_pages().for_each(|name| _ = had.remove(name));
    }
    had
}

/// Those that nobody lists, no author's either, and of which pages are there that were published: a run did not end that was to remove them.
pub(super) fn left_over<'e>(
    site: &Site,
    listed: impl IntoIterator<Item = &'e Entry>,
    authors: &Authors,
) -> Result<BTreeSet<ProjectName>, disk::Error> {
    let listed: BTreeSet<ProjectName> =
        listed.into_iter().filter_map(|entry| project_of(&entry.path)).collect();
    let mut found = BTreeSet::new();
    for folder in site.folder().folder_names(layout::PAGES)? {
        let Some(name) = ProjectName::normalise(&folder).ok().filter(|name| name.as_str() == folder) else {
            continue;
        };
        if listed.contains(&name) || authors.have(&name) {
            continue;
        }
        for page in PAGES {
            let Ok(path) = format!("{}/{name}/{page}", layout::PAGES).parse::<TargetPath>() else { continue };
            let Some(bytes) = read::bytes_if_there(&site.folder().path(path.as_str()))? else { continue };
            // What is no page of ours is somebody's own.
            if site.folder().stamp(&path.hashed(&Sha256::of(&bytes).to_string()))?.is_some() {
                found.insert(name);
                break;
            }
        }
    }
    Ok(found)
}

fn is_page(path: &TargetPath) -> bool {
    let (first, third) = (path.segments().next(), path.segments().nth(2));
    first == Some(layout::PAGES) && third.is_some_and(|name| PAGES.contains(&name))
}
