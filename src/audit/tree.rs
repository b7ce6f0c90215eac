//! The metadata files of a tree, by role and version.

use crate::disk::{self, Folder, read};
use crate::model::{RoleName, Version, metadata};
use std::collections::BTreeMap;
use std::path::Path;

/// No metadata file is larger: PyPI's snapshot with every project signed by its author is 31 MB.
const LARGEST: u64 = 256 << 20;

/// The metadata base of a tree.
#[derive(Debug)]
pub(super) struct Tree {
    folder: Folder,
    /// Every file directly in it.
    pub(super) names: Vec<String>,
    versions: BTreeMap<RoleName, Vec<Version>>,
}

impl Tree {
    pub(super) fn open(metadata: &Path) -> Result<Self, disk::Error> {
        let folder = Folder::new(&disk::folder::resolve(metadata)?);
        let names = folder.file_names("")?;
        let mut versions: BTreeMap<RoleName, Vec<Version>> = BTreeMap::new();
        for name in &names {
            if let Some((version, role)) = metadata::parse_file_name(name) {
                versions.entry(role).or_default().push(version);
            }
        }
        versions.values_mut().for_each(|versions| versions.sort());
        Ok(Self { folder, names, versions })
    }

    /// The versions of a role that have a file, in order.
    pub(super) fn versions(&self, role: &RoleName) -> &[Version] {
        self.versions.get(role).map(Vec::as_slice).unwrap_or_default()
    }

    /// The file `name`, `None` if it is not there.
    ///
    /// # Errors
    /// In words, if it is there and cannot be read as a file: a fault of the tree.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        read::bounded(&self.folder.path(name), LARGEST).map_err(|e| e.source.to_string())
    }
}
