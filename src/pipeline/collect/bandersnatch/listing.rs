//! What a mirror offers of one project: its page or pages, and where the mirror keeps it, what PyPI's
//! own JSON said of the files. A pure merge of what was read.

use super::page::{self, Link, Page};
use crate::disk::FileStamp;
use crate::model::page::{ProjectStatus, one_line};
use crate::model::{Sha256, strict};
use crate::pipeline::source::Mark;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What the pages of a project offered when they looked so. It can be remembered from run to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The files that it was read from, by path below the source, and what they looked like.
    pub(super) from: Vec<(String, FileStamp)>,
    pub(super) offers: Vec<Offer>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<ProjectStatus>,
}

/// A file that is offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Offer {
    /// Its path below the mirror's `packages/`.
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<Sha256>,
    #[serde(flatten)]
    pub(super) mark: Mark,
}

/// A page, and what decides which of two is the newer: the state of the mirror that it names, then
/// when it was written.
pub(super) struct Read {
    pub(super) page: Page,
    pub(super) modified: i64,
}

/// What the pages offer, taken together. The newest is the list, for a mirror whose settings changed
/// leaves old ones behind. What one form cannot say (HTML knows no times, bandersnatch's JSON no
/// reasons) is taken from the others and from PyPI's own words, where they are as new.
pub(super) fn merge(
    mut pages: Vec<Read>,
    upstream: Option<&Upstream>,
) -> (Vec<Offer>, Option<ProjectStatus>) {
    pages.sort_by_key(|read| std::cmp::Reverse((read.page.serial, read.modified)));
    let mut pages = pages.into_iter().map(|read| read.page);
    let Some(best) = pages.next() else { return (Vec::new(), None) };
    let as_new: Vec<Page> = pages.filter(|page| page.serial == best.serial).collect();
    let mut status = best.status;
    let mut others: BTreeMap<&str, Others<'_>> = BTreeMap::new();
    for page in &as_new {
        status = status.or_else(|| page.status.clone());
        page.files.iter().for_each(|link| others.entry(&link.path).or_default().add(link));
    }
    // A page that does not say how new it is is not corrected.
    let upstream = upstream.filter(|upstream| best.serial > 0 && upstream.serial >= best.serial);
    let offer = |link: Link| {
        let others = others.get(link.path.as_str()).copied().unwrap_or_default();
        let mut mark = Mark { yanked: link.yanked, uploaded: link.uploaded };
        if mark.yanked.as_deref() == Some("") {
            mark.yanked = others.reason.map(str::to_owned).or(mark.yanked);
        }
        mark.uploaded = mark.uploaded.or_else(|| others.uploaded.map(str::to_owned));
        let name = link.path.rsplit('/').next().unwrap_or(&link.path);
        if let Some(told) = upstream.and_then(|upstream| upstream.files.get(name)) {
            if let Some(yanked) = &told.yanked {
                mark.yanked.clone_from(yanked);
            }
            mark.uploaded = mark.uploaded.or_else(|| told.uploaded.clone());
        }
        Offer { sha256: link.sha256.or(others.sha256), path: link.path, mark }
    };
    let offers = best.files.into_iter().map(offer).collect();
    let status = status.or_else(|| upstream.and_then(|upstream| upstream.status.clone()));
    (offers, status)
}

/// What the other pages say of a file, the first of them that says it: one may name a file a million times.
#[derive(Clone, Copy, Default)]
struct Others<'a> {
    reason: Option<&'a str>,
    uploaded: Option<&'a str>,
    sha256: Option<Sha256>,
}

impl<'a> Others<'a> {
    fn add(&mut self, link: &'a Link) {
        self.reason = self.reason.or(link.yanked.as_deref().filter(|reason| !reason.is_empty()));
        self.uploaded = self.uploaded.or(link.uploaded.as_deref());
        self.sha256 = self.sha256.or(link.sha256);
    }
}

/// What PyPI's JSON (`json/<project>` in a mirror that keeps it) says of the files, by name. It is
/// written before the filters of a mirror and before its pages: it adds to them, and is no list.
#[derive(Clone, Debug, Default)]
pub(super) struct Upstream {
    serial: u64,
    files: BTreeMap<String, Told>,
    status: Option<ProjectStatus>,
}

/// What PyPI says of one file.
#[derive(Clone, Debug)]
struct Told {
    /// Whether it is yanked; `None` if that is not said.
    yanked: Option<Option<String>>,
    uploaded: Option<String>,
}

impl Upstream {
    /// Reads the document; what it does not say in the form expected is passed over.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Document {
            #[serde(default)]
            last_serial: Option<u64>,
            #[serde(default)]
            releases: BTreeMap<String, Vec<File>>,
            #[serde(default, rename = "project-status")]
            status: Value,
        }
        #[derive(Deserialize)]
        struct File {
            filename: String,
            #[serde(default)]
            yanked: Value,
            #[serde(default)]
            yanked_reason: Option<String>,
            #[serde(default)]
            upload_time_iso_8601: Option<String>,
        }
        strict::check_density(bytes).map_err(serde_json::Error::custom)?;
        let document: Document = serde_json::from_slice(bytes)?;
        let files = document.releases.into_values().flatten().map(|file| {
            let reason = file.yanked_reason.unwrap_or_default();
            let reason = one_line(&reason);
            let said = page::yanked(&file.yanked).map(|said| if said.is_empty() { reason } else { said });
            let yanked = if file.yanked.is_null() { None } else { Some(said) };
            let uploaded = file.upload_time_iso_8601.filter(|time| page::is_time(time));
            (file.filename, Told { yanked, uploaded })
        });
        let word = |key: &str| document.status.get(key).and_then(Value::as_str).map(str::to_owned);
        let status = word("status").and_then(|status| ProjectStatus::new(&status, word("reason")));
        Ok(Self { serial: document.last_serial.unwrap_or_default(), files: files.collect(), status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(serial: u64, files: &[(&str, Option<&str>, Option<&str>)]) -> Page {
        let link = |(path, yanked, uploaded): &(&str, Option<&str>, Option<&str>)| Link {
            path: (*path).to_owned(),
            sha256: None,
            yanked: yanked.map(str::to_owned),
            uploaded: uploaded.map(str::to_owned),
        };
        Page { serial, files: files.iter().map(link).collect(), status: None }
    }

    #[test]
    fn the_newest_page_is_the_list_and_others_add_what_it_cannot_say() {
        let time = Some("2024-01-01T00:00:00Z");
        let html = page(7, &[("p/a.whl", Some("why"), None), ("p/b.whl", None, None)]);
        let json = page(7, &[("p/a.whl", Some(""), time), ("p/b.whl", None, time)]);
        let stale = page(6, &[("p/a.whl", None, None), ("p/gone.whl", None, None)]);
        let pages =
            [html, json, stale].into_iter().zip([1, 2, 3]).map(|(page, modified)| Read { page, modified });
        let (offers, _) = merge(pages.collect(), None);
        let told: Vec<_> = offers
            .iter()
            .map(|offer| (offer.path.as_str(), offer.mark.yanked.as_deref(), offer.mark.uploaded.as_deref()))
            .collect();
        assert_eq!(told, [("p/a.whl", Some("why"), time), ("p/b.whl", None, time)]);
    }

    #[test]
    fn pypis_own_words_count_where_they_are_as_new_as_the_page() {
        let upstream = br#"{"last_serial":7,"releases":{"1":[
            {"filename":"a.whl","yanked":true,"yanked_reason":"why","upload_time_iso_8601":"2024-01-01T00:00:00.5Z"},
            {"filename":"never-mirrored.whl","yanked":false}]},"project-status":{"status":"archived"}}"#;
        let upstream = Upstream::read(upstream).unwrap();
        let list = |serial| {
            merge(vec![Read { page: page(serial, &[("p/a.whl", None, None)]), modified: 0 }], Some(&upstream))
        };
        let (offers, status) = list(7);
        assert_eq!((offers.len(), offers[0].mark.yanked.as_deref()), (1, Some("why")));
        assert_eq!(offers[0].mark.uploaded.as_deref(), Some("2024-01-01T00:00:00.5Z"));
        assert_eq!(status.unwrap().status, "archived");
        let (offers, status) = list(8);
        assert_eq!((offers[0].mark.clone(), status), (Mark::default(), None));
    }
}
