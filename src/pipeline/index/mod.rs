//! index: takes the files of a project, gives its pages: PEP 503 in HTML, PEP 691 with PEP 700 in
//! JSON. Pure: equal input gives equal bytes. Links are relative, so that a site can be moved, unless
//! the files are served from elsewhere.

mod html;
mod json;
mod yanked;

pub use html::{project as project_html, root as root_html};
pub use json::project as project_json;
pub use yanked::{BadYank, Yanked};

use crate::model::page::ProjectStatus;
use crate::model::{Entry, ProjectName, Sha256, TargetPath, distribution, page};
use crate::pipeline::source::Facts;
use pep440_rs::Version;
use std::collections::BTreeMap;
use std::str::FromStr;

/// The version of the simple API that the pages follow (PEP 792).
const API_VERSION: &str = "1.4";

/// The page of a project.
#[derive(Clone, Debug)]
pub struct Page<'a> {
    /// The project.
    pub project: &'a ProjectName,
    /// Its status, where that is not `active`.
    pub status: Option<&'a ProjectStatus>,
    /// Its files, sorted.
    pub files: &'a [PageFile<'a>],
}

/// A file on a page.
#[derive(Clone, Debug)]
pub struct PageFile<'a> {
    /// The target.
    pub entry: &'a Entry,
    /// What it says of itself.
    pub facts: &'a Facts,
    /// Why it is yanked (PEP 592), `""` without a reason; `None` if it is not.
    pub yanked: Option<&'a str>,
    /// When it was uploaded, as PEP 700 writes it; none if the source does not say.
    pub uploaded: Option<&'a str>,
    /// Where files are served from, without a slash at the end; none for the site itself.
    pub base: Option<&'a str>,
}

impl PageFile<'_> {
    fn name(&self) -> &str {
        self.entry.path.split().1
    }

    fn version(&self, project: &ProjectName) -> Option<Version> {
        Version::from_str(distribution::version_text(self.name(), project)?).ok()
    }

    /// The file, as seen from `simple/<project>/`.
    fn url(&self) -> String {
        format!("{}/{}", self.base.unwrap_or("../.."), page::percent_encoded(self.entry.path.as_str()))
    }
}

/// Sorts the files of a page by version (PEP 440), then by name; files whose version is none come
/// first.
pub fn sort(project: &ProjectName, files: &mut [PageFile<'_>]) {
    files.sort_by_cached_key(|file| (file.version(project), file.name().to_owned()));
}

/// Both pages of a project that serves its files itself. `told` says what no archive does, by the name of a
/// file: what is yanked, and when it was uploaded; and the status of the project.
#[must_use]
pub fn pages_of(
    project: &ProjectName,
    distributions: &[Entry],
    facts: &BTreeMap<Sha256, Facts>,
    told: &page::Page,
) -> Vec<(TargetPath, Vec<u8>)> {
    let none = Facts::default();
    let links: BTreeMap<&str, &page::Link> =
        told.files.iter().map(|link| (link.name.as_str(), link)).collect();
    let mut files: Vec<PageFile<'_>> = distributions
        .iter()
        .map(|entry| {
            let link = links.get(entry.path.split().1);
            PageFile {
                entry,
                facts: facts.get(&entry.digest).unwrap_or(&none),
                yanked: link.and_then(|link| link.yanked.as_deref()),
                uploaded: link.and_then(|link| link.uploaded.as_deref()),
                base: None,
            }
        })
        .collect();
    sort(project, &mut files);
    let page = Page { project, status: told.status.as_ref(), files: &files };
    let html = (format!("simple/{project}/index.html"), project_html(&page));
    let json = (format!("simple/{project}/index.v1_json"), project_json(&page));
    let named = [html, json].into_iter().filter_map(|(path, bytes)| Some((path.parse().ok()?, bytes)));
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_sorted_by_version_and_not_by_text() {
        let project = ProjectName::normalise("x").unwrap();
        let names = [
            "x-10.0.tar.gz",
            "x-9.0.tar.gz",
            "x-9.0rc1.tar.gz",
            "x-9.0-py3-none-any.whl",
            "x-9.0+l.1.tar.gz",
        ];
        let entries: Vec<Entry> = names
            .iter()
            .map(|name| Entry {
                path: format!("packages/x/{name}").parse().unwrap(),
                length: 1,
                digest: Sha256::of(b""),
            })
            .collect();
        let facts = Facts::default();
        let mut files: Vec<PageFile<'_>> = entries
            .iter()
            .map(|entry| PageFile { entry, facts: &facts, yanked: None, uploaded: None, base: None })
            .collect();
        sort(&project, &mut files);
        let sorted: Vec<&str> = files.iter().map(PageFile::name).collect();
        assert_eq!(
            sorted,
            [
                "x-9.0rc1.tar.gz",
                "x-9.0-py3-none-any.whl",
                "x-9.0.tar.gz",
                "x-9.0+l.1.tar.gz",
                "x-10.0.tar.gz"
            ]
        );
    }
}
