//! The document for installers: PEP 691, with `versions`, `size` and `upload-time` of PEP 700, PEP 714's
//! `core-metadata` and the status of PEP 792.

use super::{API_VERSION, Page, PageFile};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The document of a project.
#[must_use]
pub fn project(page: &Page<'_>) -> Vec<u8> {
    let Page { project: name, status, files } = *page;
    // 1.0 and 1.0.0 sort as one, so that neither needs to be beside itself; PEP 700 has each once.
    let (mut versions, mut seen) = (Vec::new(), BTreeSet::new());
    for version in files.iter().filter_map(|file| file.version(name)).map(|version| version.to_string()) {
        if seen.insert(version.clone()) {
            versions.push(version);
        }
    }
    let mut document = json!({
        "meta": {"api-version": API_VERSION},
        "name": name.as_str(),
        "versions": versions,
        "files": files.iter().map(file).collect::<Vec<Value>>(),
    });
    if let Some(status) = status {
        document["project-status"] = match &status.reason {
            Some(reason) => json!({"status": status.status, "reason": reason}),
            None => json!({"status": status.status}),
        };
    }
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
    if let Some(uploaded) = file.uploaded {
        value["upload-time"] = uploaded.into();
    }
    if let Some(requires) = &file.facts.requires_python {
        value["requires-python"] = requires.as_str().into();
    }
    // Under this name alone: pip 22.3 to 23.1 fail on the older one (PEP 714).
    if let Some((digest, _)) = &file.facts.metadata {
        value["core-metadata"] = json!({"sha256": digest});
    }
    value
}
