//! Layout `bandersnatch`: the mirror that bandersnatch keeps, `web/simple` and `web/packages`. Its
//! pages are the list: what they offer is a candidate of the project whose page it is, with its marks.
//! What lies in `packages/` and is offered nowhere is left alone.
//!
//! Measured with bandersnatch 6.8 and 8.2: pages may lie one folder deeper (`hash-index`), in one
//! format or in several, and be older than one another.

mod listing;
mod page;
mod tree;

pub use listing::Listing;
pub(super) use tree::{Sure, is_half, web};

use super::{Named, Request, Skipped};
use crate::disk::walk::Found;
use crate::disk::{self, FileStamp, read};
use crate::model::page::ProjectStatus;
use crate::model::target_path::looks_hashed;
use crate::model::{Distribution, ProjectName, TargetPath};
use crate::pipeline::source::{Candidate, Mark};
use crate::report::{Code, Reporter, Warning};
use listing::{Read, Upstream};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use tree::{Form, Held, Sources, Tree};

/// No page is larger: the largest of PyPI's is some 10 MB.
const LARGEST: u64 = 256 << 20;

/// What a mirror holds.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    pub(super) named: Vec<Named>,
    pub(super) marks: BTreeMap<TargetPath, Mark>,
    pub(super) statuses: BTreeMap<ProjectName, ProjectStatus>,
    /// Projects whose page cannot be read, and of which nothing is remembered.
    pub(super) unreadable: BTreeSet<ProjectName>,
    pub(super) listings: BTreeMap<String, Listing>,
}

/// Collects a mirror whose folders are at `prefix` below `root`.
pub(super) fn collect(
    request: &Request<'_>,
    root: &Path,
    prefix: &str,
    found: Vec<Found>,
    reporter: &dyn Reporter,
) -> Result<Mirror, disk::Error> {
    let Tree { projects, mut packages } = tree::sort(root, prefix, found)?;
    let read: Vec<(ProjectName, Result<Seen, String>)> = projects
        .into_par_iter()
        .map(|(project, sources)| {
            let listing = list(request, &project, &sources)?;
            Ok((project, listing))
        })
        .collect::<Result<_, disk::Error>>()?;
    let mut mirror = Mirror::default();
    let mut offered: BTreeSet<String> = BTreeSet::new();
    for (project, listing) in read {
        let (listing, lasts) = match listing {
            Ok(Seen { listing, lasts }) => (listing, lasts),
            Err(why) => {
                reporter.warn(Warning::of_file(
                    Code::PageUnreadable,
                    format!("{prefix}simple/{project}/"),
                    why,
                ));
                let Some(known) = (request.known_listing)(project.as_str()) else {
                    mirror.unreadable.insert(project);
                    continue;
                };
                (known, true)
            }
        };
        offer(request, prefix, &project, &listing, &packages, &mut offered, &mut mirror);
        if lasts {
            mirror.listings.insert(project.to_string(), listing);
        }
    }
    packages.retain(|path, _| !offered.contains(path));
    let mut rest: Vec<(String, Held)> = packages.into_iter().collect();
    rest.sort_by(|a, b| a.0.cmp(&b.0));
    for (path, held) in rest {
        if let Some(skipped) = left_over(&path, &mirror.unreadable, &offered)
            && request.selection.takes(Path::new(&held.relative))
        {
            mirror.named.push((held.relative, Err(skipped)));
        }
    }
    Ok(mirror)
}

/// A listing, and whether it may be remembered: a page that was written a moment before may be written
/// again without looking otherwise.
struct Seen {
    listing: Listing,
    lasts: bool,
}

/// What a project's pages offer: remembered, if they look as they did, else read. `Err` says in words
/// why they cannot be read.
fn list(
    request: &Request<'_>,
    project: &ProjectName,
    sources: &Sources,
) -> Result<Result<Seen, String>, disk::Error> {
    let all = sources.pages.iter().map(|(_, held)| held).chain(&sources.upstream);
    let from: Vec<(String, FileStamp)> = all.map(|held| (held.relative.clone(), held.stamp)).collect();
    if let Some(known) = (request.known_listing)(project.as_str())
        .filter(|known| known.from == from && sources.broken.is_none())
    {
        return Ok(Ok(Seen { listing: known, lasts: true }));
    }
    let lasts = !from.iter().any(|(_, stamp)| (request.is_young)(stamp));
    if let Some(broken) = &sources.broken {
        return Ok(Err(format!("{broken} leads to no file of the mirror")));
    }
    let mut pages = Vec::new();
    for (form, held) in &sources.pages {
        let bytes = match read::bounded(&held.path, LARGEST) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(e) => return Ok(Err(format!("{e}"))),
        };
        // A page that is being written, or was torn, must not empty its project.
        if bytes.is_empty() {
            return Ok(Err(format!("{} is empty", held.relative)));
        }
        let page = match form {
            Form::Html => page::html(&bytes),
            Form::Json => match page::json(&bytes) {
                Ok(page) => page,
                Err(e) => return Ok(Err(format!("{} is no page: {e}", held.relative))),
            },
        };
        if *form == Form::Html && !ends_whole(&bytes) {
            return Ok(Err(format!("{} is cut short", held.relative)));
        }
        pages.push(Read { page, modified: held.stamp.modified });
    }
    // It says what is yanked and quarantined, which one that is torn must not take back; beside pages that do not say how
    // new they are it would not count.
    let mut upstream = None;
    let counts = pages.iter().any(|read| read.page.serial > 0);
    if let Some(held) = sources.upstream.as_ref().filter(|_| counts) {
        let bytes = match read::bounded(&held.path, LARGEST) {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(e) => return Ok(Err(format!("{e}"))),
        };
        match Upstream::read(&bytes) {
            Ok(read) => upstream = Some(read),
            Err(e) => return Ok(Err(format!("{} cannot be read: {e}", held.relative))),
        }
    }
    let (offers, status) = listing::merge(pages, upstream.as_ref());
    Ok(Ok(Seen { listing: Listing { from, offers, status }, lasts }))
}

/// Whether a page of HTML has its end.
fn ends_whole(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(200)..];
    String::from_utf8_lossy(tail).to_ascii_lowercase().contains("</html>")
}

/// Adds what a listing offers to `mirror`.
fn offer(
    request: &Request<'_>,
    prefix: &str,
    project: &ProjectName,
    listing: &Listing,
    packages: &HashMap<String, Held>,
    offered: &mut BTreeSet<String>,
    mirror: &mut Mirror,
) {
    if let Some(status) = &listing.status {
        mirror.statuses.insert(project.clone(), status.clone());
    }
    let mut names = BTreeSet::new();
    let quarantined = listing.status.as_ref().is_some_and(|status| status.status == "quarantined");
    for offer in &listing.offers {
        offered.insert(offer.path.clone());
        // PEP 792: an index must not offer the files of such a project.
        if quarantined {
            continue;
        }
        let relative = format!("{prefix}packages/{}", offer.path);
        if !request.selection.takes(Path::new(&relative)) {
            continue;
        }
        let name = offer.path.rsplit('/').next().unwrap_or(&offer.path);
        let skip = |code, why: String, may_be| (relative.clone(), Err(Skipped { code, why, may_be }));
        if !names.insert(name) {
            let why = format!("the page of {project} offers another file of this name, too");
            mirror.named.push(skip(Code::NameSkipped, why, Vec::new()));
            continue;
        }
        if name.ends_with(".metadata") {
            let why = "names that end so are for the METADATA of wheels, which is made here".to_owned();
            mirror.named.push(skip(Code::NameSkipped, why, Vec::new()));
            continue;
        }
        if looks_hashed(name) {
            let why = "its name begins as the hashed copies do (64 hex digits and a dot)".to_owned();
            mirror.named.push(skip(Code::NameSkipped, why, Vec::new()));
            continue;
        }
        let target: TargetPath = match format!("packages/{project}/{name}").parse() {
            Ok(target) => target,
            Err(e) => {
                mirror.named.push(skip(Code::NameSkipped, format!("{e}"), Vec::new()));
                continue;
            }
        };
        if offer.mark != Mark::default() {
            mirror.marks.insert(target.clone(), offer.mark.clone());
        }
        match packages.get(&offer.path) {
            None => {
                let why = format!("the page of {project} offers it, and it is not there");
                mirror.named.push(skip(Code::NotMirrored, why, vec![target]));
            }
            Some(held) if held.stamp.size == 0 => {
                mirror.named.push(skip(Code::PartialDownload, "it is empty".to_owned(), vec![target]));
            }
            Some(held) => {
                let (path, stamp, told) = (held.path.clone(), held.stamp, offer.sha256);
                mirror.named.push((relative.clone(), Ok(Candidate { relative, path, stamp, target, told })));
            }
        }
    }
}

/// What to say of a file in `packages/` that no page offers; `None` if that goes without saying.
fn left_over(path: &str, unreadable: &BTreeSet<ProjectName>, offered: &BTreeSet<String>) -> Option<Skipped> {
    let name = path.rsplit('/').next().unwrap_or(path);
    if path.strip_suffix(".metadata").is_some_and(|wheel| offered.contains(wheel)) {
        return None;
    }
    if name.starts_with('.') {
        let why = "its name is that of a file that is still being downloaded".to_owned();
        return Some(Skipped { code: Code::PartialDownload, why, may_be: Vec::new() });
    }
    let readings = match Distribution::from_file_name(name) {
        Distribution::Settled(project) => vec![project],
        Distribution::Unsettled(projects) => projects,
        Distribution::Other => Vec::new(),
    };
    // Of such a project its page is named, and not every file.
    if readings.iter().any(|project| unreadable.contains(project)) {
        return None;
    }
    let why = "no page of the mirror offers it".to_owned();
    Some(Skipped { code: Code::NotOffered, why, may_be: Vec::new() })
}
