//! The files of a mirror by what they are for: pages, what PyPI said of a project, packages.

use crate::disk::walk::{Found, Kind};
use crate::disk::{self, FileStamp, read};
use crate::model::ProjectName;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// Whether `root`, or its folder `web/`, is what is left of a mirror: what only a mirror has is there, and
/// one of its two folders is not.
///
/// # Errors
/// If the system refuses to say.
pub(in crate::pipeline::collect) fn is_half(root: &Path) -> Result<bool, disk::Error> {
    for prefix in ["", "web/"] {
        let is_there = |name: &str| disk::folder::is_there(&root.join(format!("{prefix}{name}")));
        let is_whole = is_there("simple")? && is_there("packages")?;
        if !is_whole && (is_there("local-stats")? || is_there("last-modified")?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where the folders `simple/` and `packages/` of a mirror are below `root`: "" or "web/"; `None` if
/// this is no mirror.
///
/// # Errors
/// If the system refuses to say.
pub(in crate::pipeline::collect) fn web(
    root: &Path,
    how_sure: Sure,
) -> Result<Option<&'static str>, disk::Error> {
    for prefix in ["", "web/"] {
        let path = |name: &str| root.join(format!("{prefix}{name}"));
        if !disk::folder::is_folder(&path("simple"))? || !disk::folder::is_folder(&path("packages"))? {
            continue;
        }
        // Folders of these names can be in any source; these files are a mirror's.
        let signs = ["local-stats", "last-modified", "simple/index.html", "simple/index.v1_json"];
        let mut signs = signs.iter().map(|name| disk::folder::is_there(&path(name)));
        if how_sure == Sure::SaidSo || signs.any(|found| !matches!(found, Ok(false))) {
            return Ok(Some(prefix));
        }
    }
    Ok(None)
}

/// Whether it was said that a source is a mirror, or is to be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pipeline::collect) enum Sure {
    SaidSo,
    FindOut,
}

/// A mirror.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// What each project's listing is made from.
    pub(super) projects: BTreeMap<ProjectName, Sources>,
    /// The content of `packages/`, by path below it.
    pub(super) packages: HashMap<String, Held>,
}

/// A file of the mirror.
#[derive(Clone, Debug)]
pub(super) struct Held {
    /// Its path below the source.
    pub(super) relative: String,
    /// The file itself, links resolved.
    pub(super) path: PathBuf,
    pub(super) stamp: FileStamp,
}

/// What a project's listing is made from.
#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) pages: Vec<(Form, Held)>,
    /// A page that is there and cannot be opened: a link to nothing.
    pub(super) broken: Option<String>,
    /// What PyPI's own JSON said.
    pub(super) upstream: Option<Held>,
    /// What should be that, and leads nowhere.
    upstream_broken: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Html,
    Json,
}

/// Sorts what was found below `root`; the mirror's folders are at `prefix` there.
pub(super) fn sort(root: &Path, prefix: &str, found: Vec<Found>) -> Result<Tree, disk::Error> {
    let Tree { mut projects, mut packages } = Tree::default();
    for found in found {
        let Some(relative) = found.relative.to_str().map(str::to_owned) else { continue };
        let Some(below) = relative.strip_prefix(prefix) else { continue };
        let segments: Vec<&str> = below.split('/').collect();
        let role = match segments[..] {
            ["packages", ..] => Some(None),
            ["simple", name, page] => form(page).map(|form| Some((name, Some(form)))),
            // `hash-index`: below the first character of the name.
            ["simple", first, name, page] if first.chars().count() == 1 && name.starts_with(first) => {
                form(page).map(|form| Some((name, Some(form))))
            }
            ["json", name] => Some(Some((name, None))),
            // Another name of the same, or a copy that nothing writes any more.
            ["pypi", name, "json"] => {
                let project = ProjectName::normalise(name).ok();
                let is_known = project.is_some_and(|project| {
                    projects.get(&project).is_some_and(|sources: &Sources| sources.upstream.is_some())
                });
                if is_known || held(root, &relative, found.kind.clone())?.is_none() {
                    continue;
                }
                Some(Some((name, None)))
            }
            _ => None,
        };
        let Some(role) = role else { continue };
        let Some(held) = held(root, &relative, found.kind)? else {
            if let Some((name, form)) = role
                && let Ok(project) = ProjectName::normalise(name)
            {
                let sources = projects.entry(project).or_default();
                match form {
                    Some(_) => sources.broken = Some(relative),
                    None => sources.upstream_broken = Some(relative),
                }
            }
            continue;
        };
        match role {
            None => {
                packages.insert(below["packages/".len()..].to_owned(), held);
            }
            Some((name, form)) => {
                let Ok(project) = ProjectName::normalise(name) else { continue };
                let sources = projects.entry(project).or_default();
                match form {
                    Some(form) => sources.pages.push((form, held)),
                    None => sources.upstream = Some(held),
                }
            }
        }
    }
    projects.retain(|_, sources| !sources.pages.is_empty() || sources.broken.is_some());
    for sources in projects.values_mut() {
        let upstream = sources.upstream_broken.take().filter(|_| sources.upstream.is_none());
        sources.broken = sources.broken.take().or(upstream);
    }
    Ok(Tree { projects, packages })
}

fn form(page: &str) -> Option<Form> {
    match page {
        "index.html" | "index.v1_html" => Some(Form::Html),
        "index.v1_json" => Some(Form::Json),
        _ => None,
    }
}

/// The file behind an entry; links of `keep_index_versions` lead to one inside the mirror.
fn held(root: &Path, relative: &str, kind: Kind) -> Result<Option<Held>, disk::Error> {
    let (path, stamp) = match kind {
        Kind::File(stamp) => (root.join(relative), stamp),
        Kind::Link(Some(to)) if to.starts_with(root) => match read::OpenFile::open(&to) {
            Ok(file) => (to, file.stamp()?),
            Err(_) => return Ok(None),
        },
        Kind::Link(_) | Kind::Other => return Ok(None),
    };
    Ok(Some(Held { relative: relative.to_owned(), path, stamp }))
}
