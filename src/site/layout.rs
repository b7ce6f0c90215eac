//! The names of the published tree; the only file that knows them.

use crate::model::{Compression, RoleName, Version};

pub use crate::model::metadata::{parse_file_name as parse, versioned};

/// The TUF metadata base, below the site.
pub const METADATA: &str = "metadata";

/// The one file whose bytes change under its name.
pub const TIMESTAMP: &str = "metadata/timestamp.json";

/// Where distributions lie, in every layout but `tree`.
pub const PACKAGES: &str = "packages";

/// Where index pages lie, in every layout but `tree`, which has none.
pub const PAGES: &str = "simple";

/// Where files are staged that cannot be moved here from the state folder: no server reads it.
pub const STAGING: &str = ".tuffet-staging";

/// The page of all projects.
pub const ROOT_PAGE: &str = "simple/index.html";

/// The file, below the site, that `name` is a compressed copy of, and how; `None` for any other name.
/// Nothing but metadata and pages has copies: elsewhere such a name is a file like any other.
#[must_use]
pub fn copy(name: &str) -> Option<(&str, Compression)> {
    let (original, form) = Compression::original_of(name)?;
    let ours = match original.split_once('/')? {
        (METADATA, file) => parse(file).is_some(),
        (PAGES, page) => page.ends_with("index.html") || page.ends_with("index.v1_json"),
        _ => false,
    };
    ours.then_some((original, form))
}

/// The file of a version of a role, below the site.
#[must_use]
pub fn role_file(role: &RoleName, version: Version) -> String {
    format!("{METADATA}/{}", versioned(role, version))
}
