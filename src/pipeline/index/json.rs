//! The document for installers: PEP 691, with `versions` and `size` of PEP 700 and PEP 714's
//! `core-metadata`.

use super::{API_VERSION, PageFile};
use crate::model::ProjectName;
use serde_json::{Value, json};

/// The document of a project; `files` are sorted.
#[must_use]
pub fn project(name: &ProjectName, files: &[PageFile<'_>]) -> Vec<u8> {
    let mut versions: Vec<String> = Vec::new();
    for version in files.iter().filter_map(|file| file.version(name)).map(|version| version.to_string()) {
        if versions.last() != Some(&version) {
            versions.push(version);
        }
    }
    let document = json!({
        "meta": {"api-version": API_VERSION},
        "name": name.as_str(),
        "versions": versions,
        "files": files.iter().map(file).collect::<Vec<Value>>(),
    });
    // serde_json sorts the members: equal input gives equal bytes.
    let mut bytes = document.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

fn file(file: &PageFile<'_>) -> Value {
    let mut value = json!({
        "filename": file.name(),
        "url": file.url(),
        "hashes": {"sha256": file.entry.digest},
        "size": file.entry.length,
        "yanked": match file.yanked {
            None => json!(false),
            Some("") => json!(true),
            Some(reason) => json!(reason),
        },
    });
    if let Some(requires) = &file.facts.requires_python {
        value["requires-python"] = requires.as_str().into();
    }
    if let Some((digest, _)) = &file.facts.metadata {
        value["core-metadata"] = json!({"sha256": digest});
        value["dist-info-metadata"] = json!({"sha256": digest});
    }
    value
}
