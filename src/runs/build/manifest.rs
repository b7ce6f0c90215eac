//! `--manifest`: what whoever uploads the site has to do, from where the last manifest led; from where
//! that one began, if it has not been carried out, which its file shows by being there still.

use super::Request;
use crate::disk::{self, folder, read, write};
use crate::model::Version;
use crate::runs::placement::Placement;
use crate::site::Site;
use crate::site::manifest::{self, Edition};
use crate::state::State;
use crate::state::uploads::{self, Listed, Uploads};
use std::collections::{BTreeSet, HashSet};
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
    let manner = Placement::of(request).words();
    let before = uploads::load::<Edition>(&state)?;
    let waits = match &before {
        Some(before) => before.perhaps || folder::is_there(Path::new(&before.file))?,
        None => false,
    };
    let from = match &before {
        // Names that no change of a role shows have come or gone: all are listed.
        Some(before) if before.manner != manner => Vec::new(),
        // One that waits may have been carried out in part.
        Some(before) if waits && before.from.is_empty() => Vec::new(),
        Some(before) => {
            let began = before.from.iter().copied().filter(|_| waits);
            let mut from: Vec<Edition> = began.chain(since(&site, &before.to, now)?).collect();
            let mut seen = HashSet::new();
            from.retain(|edition| seen.insert(*edition));
            from
        }
        None => Vec::new(),
    };
    let (removed, given_back) = before.map(|before| (before.removed, before.given_back)).unwrap_or_default();
    let to_list = |names: Vec<(String, Listed)>| -> BTreeSet<String> {
        let listed = names.into_iter().filter(|(_, listed)| waits || *listed == Listed::No);
        listed.map(|(name, _)| name).collect()
    };
    let given_back = to_list(given_back);
    let mut manifest = manifest::manifest(&site, now, &from, &given_back)?;
    for name in still_gone(&site, to_list(removed))? {
        // A cache may hold a removed file under a name that could come back with other bytes.
        manifest.forget_unless_hashed(&name);
        manifest.remove.push(name);
    }
    let listed = |name: &String| (name.clone(), Listed::Yes);
    let record = Uploads {
        file: folder::resolve_as_far_as_there(file).display().to_string(),
        perhaps: true,
        from,
        to: *now,
        manner,
        removed: manifest.remove.iter().map(listed).collect(),
        given_back: given_back.iter().map(listed).collect(),
    };
    // First: a manifest of which nothing is recorded could be carried out, and the next would begin where that began.
    uploads::save(&state, &record)?;
    write::write_durable(file, manifest.text(now).as_bytes())?;
    let file = folder::resolve_as_far_as_there(file).display().to_string();
    uploads::save(&state, &Uploads { file, perhaps: false, ..record })?;
    Ok(Written {
        upload: manifest.uploads(),
        remove: manifest.remove.len() as u64,
        purge: manifest.purge.len() as u64,
    })
}

/// Where the last manifest led, and what was published after it and is not any more: a manifest that was carried out
/// late uploaded plain names as they were by then.
fn since(site: &Site, to: &Edition, now: &Edition) -> Result<Vec<Edition>, disk::Error> {
    let mut editions = vec![*to];
    for snapshot in (to.snapshot.number() + 1..now.snapshot.number()).filter_map(Version::new) {
        match Edition::of(site, to.root, snapshot, to.timestamp) {
            Ok(edition) => editions.push(edition),
            // A number that was never used; or it is swept, and then so is where the manifest led, and all is listed.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(editions)
}

/// Names that were removed and did not come back.
fn still_gone(site: &Site, names: BTreeSet<String>) -> Result<Vec<String>, disk::Error> {
    let mut gone = Vec::new();
    for name in names {
        if site.folder().stamp(&name)?.is_none() {
            gone.push(name);
        }
    }
    Ok(gone)
}
