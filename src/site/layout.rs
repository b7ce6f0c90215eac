//! The names of the published tree; the only file that knows them.

pub use crate::model::metadata::{parse_file_name as parse, versioned};
use crate::model::{RoleName, Version};

/// The TUF metadata base, below the site.
pub const METADATA: &str = "metadata";

/// The one file whose bytes change under its name.
pub const TIMESTAMP: &str = "metadata/timestamp.json";

/// Where distributions lie, in every layout but `tree`.
pub const PACKAGES: &str = "packages";

/// The file of a version of a role, below the site.
#[must_use]
pub fn role_file(role: &RoleName, version: Version) -> String {
    format!("{METADATA}/{}", versioned(role, version))
}
