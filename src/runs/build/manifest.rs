//! `--manifest`: what whoever uploads the site has to do, from where the last manifest led; from where
//! that one began, if it has not been carried out, which its file shows by being there still.

use super::{Request, placement};
use crate::disk::{self, folder, read, write};
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

/// Whether the file at `path` is a manifest, which the next one may replace.
#[must_use]
pub fn is_manifest(path: &Path) -> bool {
    read::begins_with(path, manifest::FIRST_WORDS.as_bytes()).unwrap_or(false)
}

/// Writes the manifest to `file`.
pub(super) fn write(request: &Request<'_>, file: &Path, now: &Edition) -> Result<Written, disk::Error> {
    let (site, state) = (Site::new(request.site), State::new(request.state));
    let manner = placement::words(request);
    let before = uploads::load::<Edition>(&state);
    let waits = match &before {
        Some(before) => folder::is_there(Path::new(&before.file))?,
        None => false,
    };
    let from = match &before {
        // Names that no change of a role shows have come or gone: all are listed.
        Some(before) if before.manner != manner => Vec::new(),
        // One that waits may have been carried out in part.
        Some(before) if waits && before.from.is_empty() => Vec::new(),
        Some(before) if waits => before.from.iter().copied().chain([before.to]).collect(),
        Some(before) => vec![before.to],
        None => Vec::new(),
    };
    let mut manifest = manifest::manifest(&site, now, &from)?;
    let removed = before.map(|before| before.removed).unwrap_or_default();
    let removed = removed.into_iter().filter(|(_, listed)| waits || *listed == Listed::No);
    manifest.remove = still_gone(&site, removed.map(|(name, _)| name))?;
    forget_removed(&mut manifest);
    write::write_atomic(file, manifest.text(now).as_bytes())?;
    let removed = manifest.remove.iter().map(|name| (name.clone(), Listed::Yes)).collect();
    let file = folder::resolve_as_far_as_there(file).display().to_string();
    let mut reached: Vec<Edition> = Vec::new();
    for edition in from {
        if !reached.contains(&edition) {
            reached.push(edition);
        }
    }
    uploads::save(&state, &Uploads { file, from: reached, to: *now, manner, removed })?;
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
