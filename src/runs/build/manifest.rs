//! `--manifest`: what whoever uploads the site has to do, from where the last manifest led; from where
//! that one began, if it has not been carried out, which its file shows by being there still.

use super::Request;
use crate::disk::{self, folder, place};
use crate::site::manifest::{self, Edition, Manifest};
use crate::site::{Site, layout};
use crate::state::State;
use crate::state::uploads::{self, Listed, Uploads};
use std::collections::BTreeSet;
use std::path::Path;

/// Which files are removed and uploaded where the site is served from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files to upload.
    pub upload: u64,
    /// Files to remove.
    pub remove: u64,
    /// Paths that caches are to forget.
    pub purge: u64,
}

/// Writes the manifest to `file`. `all` says that files have names now that no change of a role shows.
pub(super) fn write(
    request: &Request<'_>,
    file: &Path,
    now: &Edition,
    all: bool,
) -> Result<Written, disk::Error> {
    let (site, state) = (Site::new(request.site), State::new(request.state));
    let before = uploads::load::<Edition>(&state);
    let waits = folder::is_there(file);
    let from = before.as_ref().and_then(|before| if waits { before.from } else { Some(before.to) });
    let from = from.filter(|_| !all);
    let mut manifest = manifest::manifest(&site, now, from.as_ref())?;
    let removed = before.map(|before| before.removed).unwrap_or_default();
    let removed = removed.into_iter().filter(|(_, listed)| waits || *listed == Listed::No);
    manifest.remove = still_gone(&site, removed.map(|(name, _)| name))?;
    forget_removed(&mut manifest);
    place::write_atomic(file, manifest.text(now).as_bytes())?;
    let removed = manifest.remove.iter().map(|name| (name.clone(), Listed::Yes)).collect();
    uploads::save(&state, &Uploads { from, to: *now, removed })?;
    Ok(Written {
        upload: manifest.uploads(),
        remove: manifest.remove.len() as u64,
        purge: manifest.purge.len() as u64,
    })
}

/// Names that were removed and did not come back.
fn still_gone(site: &Site, names: impl Iterator<Item = String>) -> Result<Vec<String>, disk::Error> {
    let mut gone = Vec::new();
    for name in names.collect::<BTreeSet<_>>() {
        if site.folder().stamp(&name)?.is_none() {
            gone.push(name);
        }
    }
    Ok(gone)
}

/// A cache may hold a removed file under a name that could come back with other bytes.
fn forget_removed(manifest: &mut Manifest) {
    for name in manifest.remove.clone() {
        let file = name.rsplit('/').next().unwrap_or(&name);
        let never_again = crate::model::target_path::looks_hashed(file) || name.starts_with(layout::METADATA);
        if !never_again && layout::copy(&name).is_none() {
            manifest.forget(&name);
        }
    }
}
