//! Published files that a signer did not name, and would vouch for: with what is shown of each, and what of it can be compared.

use super::Error;
use super::content::Content;
use crate::model::{Entry, ProjectRole, RoleName, Sha256, TargetFile, TargetPath};
use std::collections::BTreeMap;

/// A published file that nobody but the index vouches for until now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The target.
    pub path: TargetPath,
    /// Its size in bytes.
    pub length: u64,
    /// Its digest.
    pub digest: Sha256,
    /// Whether the same file lies in the folder that was given.
    pub is_here: bool,
    /// The role that lists it, if it is one of the project's.
    pub by: Option<RoleName>,
    /// Whether that role was verified: of a suspended project nobody says any more who may sign it.
    pub is_verified: bool,
    /// What the published page says that it requires, which nobody can hold against a file that is not here.
    pub requires_python: Option<String>,
    /// Why the published page says that it is yanked.
    pub yanked: Option<String>,
    /// When the published page says that it was uploaded: some installers go by that.
    pub uploaded: Option<String>,
    /// The METADATA that is listed beside it, which nobody can hold against a file that is not here.
    pub metadata: Option<Sha256>,
}

impl Content {
    /// The files that somebody is asked to vouch for, with what the published page says of them.
    pub(super) fn asked_of(&self) -> Vec<Adopted> {
        let said = |mut adopted: Adopted| {
            let link = self.told.files.iter().find(|link| link.name == adopted.path.split().1);
            adopted.yanked = link.and_then(|link| link.yanked.clone());
            adopted.uploaded = link.and_then(|link| link.uploaded.clone());
            adopted.requires_python = link.and_then(|link| link.requires_python.clone());
            adopted
        };
        self.adopted.iter().cloned().map(said).collect()
    }

    /// Notes files that another vouched for until now.
    pub(super) fn adopt(&mut self, files: &BTreeMap<TargetPath, TargetFile>, by: Option<&RoleName>) {
        let digest = |path: &str| files.get(&path.parse::<TargetPath>().ok()?)?.hashes.sha256();
        // What lies beside a distribution is shown with it.
        let is_one = |path: &&TargetPath| {
            let of = path.as_str().strip_suffix(".metadata");
            path.as_str().starts_with("packages/") && of.is_none_or(|of| digest(of).is_none())
        };
        for path in files.keys().filter(is_one) {
            let Some(sha256) = files[path].hashes.sha256() else { continue };
            let metadata = digest(&format!("{path}.metadata"));
            let (path, length, by) = (path.clone(), files[path].length, by.cloned());
            self.adopted.push(Adopted {
                path,
                length,
                digest: sha256,
                is_here: false,
                by,
                is_verified: true,
                requires_python: None,
                yanked: None,
                uploaded: None,
                metadata,
            });
        }
    }

    /// The METADATA that the role lists beside a wheel is what the wheel holds.
    pub(super) fn compare(
        &self,
        entry: &Entry,
        part: &ProjectRole,
        metadata: Option<(Sha256, u64)>,
    ) -> Result<(), Error> {
        let Ok(beside) = format!("{}.metadata", entry.path).parse::<TargetPath>() else { return Ok(()) };
        let listed = self.files.get(part).and_then(|files| files.get_key_value(&beside));
        let Some((path, file)) = listed else { return Ok(()) };
        let (published, here) = (file.hashes.sha256(), metadata.map(|(digest, _)| digest));
        if published == here {
            return Ok(());
        }
        let shown = |digest: Option<Sha256>| digest.map_or("none".to_owned(), |digest| digest.to_string());
        Err(Error::OtherMetadata { path: path.clone(), published: shown(published), here: shown(here) })
    }
}
