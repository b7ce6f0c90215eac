//! Compressed copies of what was published before `site.compress` asked for them, and the end of those
//! that it does not ask for any more.

use super::{Lazy, Request};
use crate::disk::{self, read};
use crate::model::{Metadata, RoleName, Version};
use crate::site::copies::{self, Original};
use crate::site::read::Published;
use crate::site::swap::Written;
use crate::site::{Site, layout};

/// Brings the copies of published roles in step with `site.compress`. Pages have theirs from whoever
/// makes them.
pub(super) fn mend(
    request: &Request<'_>,
    site: &Site,
    published: &Published,
    staging: &mut Lazy<'_>,
) -> Result<Written, disk::Error> {
    let gone = copies::in_other_forms(site, request.compress)?;
    staging.carry_out(&gone, true)?;
    if request.compress.is_empty() {
        return Ok(Written::default());
    }
    let listed = published.snapshot.meta.iter().map(|(role, meta)| (role.clone(), meta.version));
    let snapshot = (RoleName::snapshot(), published.snapshot.version());
    let roots = (1..=published.root.version().number()).filter_map(Version::new);
    let roots = roots.map(|version| (RoleName::root(), version));
    let mut originals = Vec::new();
    for (role, version) in listed.chain([snapshot]).chain(roots) {
        let name = layout::role_file(&role, version);
        // The oldest roots need not be there.
        if let Some(bytes) = read::bytes_if_there(&site.folder().path(&name))? {
            originals.push(Original { names: vec![name], bytes: bytes.into() });
        }
    }
    staging.carry_out(&copies::plan(site, &originals, request.compress)?, true)
}
