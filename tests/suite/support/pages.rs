//! Plain pages as pip goes by them.

use super::{Repo, files_below};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use tuffet::model::Sha256;

/// The links of the plain pages and of their compressed copies: the page, the link, where it leads, and the hash that it
/// names.
fn links(repo: &Repo) -> Vec<(String, String, PathBuf, Option<String>)> {
    let pages = repo.site().join("simple");
    let mut links = Vec::new();
    for page in files_below(&pages) {
        let path = pages.join(&page);
        let text = match Path::new(&page).file_name().and_then(|name| name.to_str()) {
            Some("index.html") => std::fs::read_to_string(&path).unwrap(),
            Some("index.html.gz") => {
                let mut text = String::new();
                let file = std::fs::File::open(&path).unwrap();
                flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
                text
            }
            _ => continue,
        };
        for link in text.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let (to, fragment) = link.split_once('#').unwrap_or((link, ""));
            let file = path.parent().unwrap().join(to);
            let file = if to.ends_with('/') { file.join("index.html") } else { file };
            links.push((
                page.clone(),
                to.to_owned(),
                file,
                fragment.strip_prefix("sha256=").map(str::to_owned),
            ));
        }
    }
    links
}

/// Every link leads to a file.
pub(crate) fn lead_somewhere(repo: &Repo, when: &str) {
    for (page, to, file, _) in links(repo) {
        assert!(file.is_file(), "{when}: {page} leads to {to}, which is not there");
    }
}

/// Every link leads to the file that it names the hash of.
pub(crate) fn say_what_is_there(repo: &Repo, when: &str) {
    lead_somewhere(repo, when);
    for (page, to, file, sha256) in links(repo) {
        let is = Sha256::of(&std::fs::read(file).unwrap()).to_string();
        assert!(sha256.is_none_or(|sha256| sha256 == is), "{when}: {page} says another hash of {to}");
    }
}
