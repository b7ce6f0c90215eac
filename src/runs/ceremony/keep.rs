//! What a ceremony's file carries of what is published, read as it lies there.

use super::Error;
use crate::disk;
use crate::model::{Envelope, RoleName, Root, Version};
use crate::site::{Site, layout};

/// No root is larger.
const LARGEST: u64 = 1 << 20;

/// Every published root up to this version, the oldest first. They are public, and whoever looks at them checks
/// them one by the other.
pub(super) fn roots(site: &Site, newest: Version) -> Result<Vec<Envelope<Root>>, Error> {
    let mut roots = Vec::new();
    for number in 1..=newest.number() {
        let Some(version) = Version::new(number) else { continue };
        let path = site.folder().path(&layout::role_file(&RoleName::root(), version));
        let Some(bytes) = disk::read::bounded(&path, LARGEST)? else { continue };
        roots.extend(Envelope::parse(&bytes).ok());
    }
    Ok(roots)
}
