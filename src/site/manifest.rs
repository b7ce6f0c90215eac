//! What to upload where a site is served from elsewhere, in the order in which no reader there finds a
//! name that is not there yet: files, then pages, then the roles from the leaves up, the timestamp last.
//! Decides, and writes nothing.

use super::sweep::order::{self, Turn};
use super::{Site, layout};
use crate::disk::{self, read};
use crate::model::target_path::looks_hashed;
use crate::model::{Compression, Envelope, RoleName, Sha256, Snapshot, TargetPath, Targets, Version};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// A published state of the site, by the versions that lead to all the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Edition {
    /// The newest root.
    pub root: Version,
    /// The snapshot.
    pub snapshot: Version,
    /// The timestamp.
    pub timestamp: Version,
    /// What the snapshot's file hashes to: a site that was restored from a backup uses numbers again.
    pub digest: Sha256,
}

impl Edition {
    /// The edition with these versions, as it stands in the site.
    ///
    /// # Errors
    /// If the snapshot cannot be read.
    pub fn of(
        site: &Site,
        root: Version,
        snapshot: Version,
        timestamp: Version,
    ) -> Result<Self, disk::Error> {
        let path = layout::role_file(&RoleName::snapshot(), snapshot);
        let digest = Sha256::of(&read::bytes(&site.folder().path(&path))?);
        Ok(Self { root, snapshot, timestamp, digest })
    }
}

/// How the text of a manifest begins.
pub const FIRST_WORDS: &str = "# What leads to snapshot";

/// What to do elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Files to upload, in groups: a group is there before the next is begun.
    pub upload: Vec<(&'static str, Vec<String>)>,
    /// Files that may be removed after that.
    pub remove: Vec<String>,
    /// Paths whose content changed under their name: a cache is to forget them.
    pub purge: BTreeSet<String>,
}

/// What changed on the way to an edition: what its roles say of that is the last word.
#[derive(Debug, Default)]
struct Change {
    roles: BTreeMap<RoleName, Version>,
    /// New or other bytes under this path.
    targets: BTreeMap<TargetPath, Sha256>,
    /// Those of them whose plain name had other bytes before.
    replaced: BTreeSet<TargetPath>,
}

/// What to upload to get to `now` from any of the editions `since`: from the first of them, if nothing of the
/// others was uploaded, or from any state between. Everything, if there is none, or if one of them cannot be
/// read any more. And of these names those that are there, for their bytes here are others than they were.
///
/// # Errors
/// If the file system fails.
pub fn manifest(
    site: &Site,
    now: &Edition,
    since: &[Edition],
    given_back: &BTreeSet<String>,
) -> Result<Manifest, disk::Error> {
    let way = if since.is_empty() { None } else { changes_on_the_way(site, now, since)? };
    let (change, since) = match way {
        Some(change) => (change, since),
        // The current edition was just published and is there.
        None => (everything(site, now)?.unwrap_or_default(), &[][..]),
    };
    let mut manifest = Manifest::default();
    let (mut files, mut pages, mut front) = (Vec::new(), Vec::new(), Vec::new());
    for (path, digest) in &change.targets {
        let hex = digest.to_string();
        let is_page = path.segments().next() == Some(layout::PAGES);
        let (hashed, alias) = (path.hashed(&hex), path.tough_alias(&hex));
        add(site, &mut files, &hashed)?;
        if alias != hashed {
            add(site, &mut files, &alias)?;
        }
        let plain = match path.as_str() {
            layout::ROOT_PAGE => &mut front,
            _ if is_page || change.replaced.contains(path) => &mut pages,
            _ => &mut files,
        };
        add(site, plain, path.as_str())?;
        // A plain name may have had other bytes once, whatever the two editions say.
        manifest.forget(path.as_str());
    }
    // A page that nobody lists any more lies here for its grace, and may be another than lies there.
    for path in change.replaced.iter().filter(|path| !change.targets.contains_key(*path)) {
        if path.segments().next() == Some(layout::PAGES) && site.folder().stamp(path.as_str())?.is_some() {
            let plain = if path.as_str() == layout::ROOT_PAGE { &mut front } else { &mut pages };
            add(site, plain, path.as_str())?;
            manifest.forget(path.as_str());
        }
    }
    let (mut delegated, mut targets, mut snapshot) = (Vec::new(), Vec::new(), Vec::new());
    for (role, version) in &change.roles {
        let group = if *role == RoleName::targets() { &mut targets } else { &mut delegated };
        add(site, group, &layout::role_file(role, *version))?;
    }
    if since.is_empty() || since.iter().any(|since| since.snapshot != now.snapshot) {
        add(site, &mut snapshot, &layout::role_file(&RoleName::snapshot(), now.snapshot))?;
    }
    let first = since.iter().map(|since| since.root.number() + 1).min().unwrap_or(1);
    for version in (first..=now.root.number()).filter_map(Version::new) {
        add(site, &mut front, &layout::role_file(&RoleName::root(), version))?;
    }
    let mut timestamp = Vec::new();
    if since.is_empty() || since.iter().any(|since| since.timestamp != now.timestamp) {
        timestamp.push(layout::TIMESTAMP.to_owned());
        manifest.purge.insert(layout::TIMESTAMP.to_owned());
    }
    let groups = [&files, &pages, &delegated, &targets, &snapshot, &front];
    let listed: BTreeSet<&String> =
        groups.into_iter().flatten().filter(|name| given_back.contains(*name)).collect();
    let more: Vec<&String> = given_back.iter().filter(|name| !listed.contains(name)).collect();
    for name in more {
        let group = match Turn::of(name) {
            Turn::Snapshot | Turn::Role => &mut delegated,
            Turn::Hashed => &mut files,
            Turn::RootPage => &mut front,
            Turn::Copy | Turn::Page | Turn::Plain => &mut pages,
        };
        if site.folder().stamp(name)?.is_some() {
            group.push(name.clone());
            manifest.forget_unless_hashed(name);
        }
    }
    let groups = [
        ("files", files),
        ("pages", pages),
        ("delegated roles", delegated),
        ("targets", targets),
        ("snapshot", snapshot),
        ("root and root page", front),
        ("timestamp", timestamp),
    ];
    manifest.upload = groups.into_iter().filter(|(_, names)| !names.is_empty()).collect();
    Ok(manifest)
}

/// Adds a name that is there, and the compressed copies beside it.
fn add(site: &Site, names: &mut Vec<String>, name: &str) -> Result<(), disk::Error> {
    if site.folder().stamp(name)?.is_none() {
        return Ok(());
    }
    names.push(name.to_owned());
    for copy in Compression::ALL.map(|form| form.copy_of(name)) {
        if layout::copy(&copy).is_some() && site.folder().stamp(&copy)?.is_some() {
            names.push(copy);
        }
    }
    Ok(())
}

/// The versions that a snapshot lists; `None` if it cannot be read any more, or is not the one that was published with
/// this number.
fn listing(site: &Site, edition: &Edition) -> Result<Option<BTreeMap<RoleName, Version>>, disk::Error> {
    let Some(bytes) = bytes(site, &RoleName::snapshot(), edition.snapshot)? else { return Ok(None) };
    if Sha256::of(&bytes) != edition.digest {
        return Ok(None);
    }
    let snapshot = Envelope::<Snapshot>::parse(&bytes).ok().map(Envelope::into_signed);
    Ok(snapshot.map(|snapshot| snapshot.meta.into_iter().map(|(role, meta)| (role, meta.version)).collect()))
}

/// All that an edition leads to; `None` if it cannot be read.
fn everything(site: &Site, now: &Edition) -> Result<Option<Change>, disk::Error> {
    let Some(roles) = listing(site, now)? else { return Ok(None) };
    let targets = targets(site, roles.iter())?;
    Ok(targets.map(|targets| Change { roles, targets, replaced: BTreeSet::new() }))
}

/// What changed from each of these editions to the next, and from the last of them to `now`, as it is now: whoever stands
/// at any of them, or between, needs no more. `None` if one of them cannot be read any more.
fn changes_on_the_way(site: &Site, now: &Edition, since: &[Edition]) -> Result<Option<Change>, disk::Error> {
    let mut since = since.to_vec();
    since.sort_by_key(|edition| edition.snapshot);
    let mut change = Change::default();
    let mut roles = BTreeSet::new();
    let mut before: Option<BTreeMap<RoleName, Version>> = None;
    for edition in since.iter().chain([now]) {
        let Some(after) = listing(site, edition)? else { return Ok(None) };
        if let Some(before) = before {
            let old = before.iter().filter(|(role, version)| after.get(*role) != Some(version));
            let new = after.iter().filter(|(role, version)| before.get(*role) != Some(version));
            // A target may move from one role to another, its bytes the same.
            let (Some(old), Some(other)) = (targets(site, old)?, targets(site, new.clone())?) else {
                return Ok(None);
            };
            for path in old.keys().filter(|path| !other.contains_key(*path)) {
                change.targets.remove(path);
                // If it comes back, its plain name may still have the bytes of before.
                change.replaced.insert(path.clone());
            }
            for (path, digest) in other {
                match old.get(&path) {
                    Some(old) if *old == digest => continue,
                    Some(_) => _ = change.replaced.insert(path.clone()),
                    None => {}
                }
                change.targets.insert(path, digest);
            }
            roles.extend(new.map(|(role, _)| role.clone()));
        }
        before = Some(after);
    }
    change.roles = before.unwrap_or_default();
    change.roles.retain(|role, _| roles.contains(role));
    Ok(Some(change))
}

/// What these versions of roles list; `None` if one of them cannot be read any more.
fn targets<'r>(
    site: &Site,
    roles: impl Iterator<Item = (&'r RoleName, &'r Version)>,
) -> Result<Option<BTreeMap<TargetPath, Sha256>>, disk::Error> {
    let roles: Vec<(&RoleName, &Version)> = roles.collect();
    let read: Vec<Option<Targets>> = roles
        .into_par_iter()
        .map(|(role, version)| {
            let bytes = bytes(site, role, *version)?;
            Ok(bytes.and_then(|bytes| Envelope::parse(&bytes).ok()).map(Envelope::into_signed))
        })
        .collect::<Result<_, disk::Error>>()?;
    let mut all = BTreeMap::new();
    for role in read {
        let Some(role) = role else { return Ok(None) };
        all.extend(role.targets.into_iter().filter_map(|(path, file)| Some((path, file.hashes.sha256()?))));
    }
    Ok(Some(all))
}

/// The file of a role, which was verified when it was published; `None` if it is not there any more.
fn bytes(site: &Site, role: &RoleName, version: Version) -> Result<Option<Vec<u8>>, disk::Error> {
    read::bytes_if_there(&site.folder().path(&layout::role_file(role, version)))
}

impl Manifest {
    /// Has caches forget a path; a page is known under its folder's, too.
    pub fn forget(&mut self, path: &str) {
        self.purge.insert(path.to_owned());
        if let Some((folder, "index.html" | "index.v1_json")) = path.rsplit_once('/') {
            self.purge.insert(format!("{folder}/"));
        }
    }

    /// Has caches forget a name that may have had other bytes.
    pub fn forget_unless_hashed(&mut self, name: &str) {
        let file = name.rsplit('/').next().unwrap_or(name);
        let never_again = looks_hashed(file) || name.starts_with(layout::METADATA);
        if !never_again && layout::copy(name).is_none() {
            self.forget(name);
        }
    }

    /// How many files are to be uploaded.
    #[must_use]
    pub fn uploads(&self) -> u64 {
        self.upload.iter().map(|(_, names)| names.len() as u64).sum()
    }

    /// The manifest as text: a word and a path on each line, an empty line where everything above must
    /// be done before anything below is begun, and comments.
    #[must_use]
    pub fn text(&self, now: &Edition) -> String {
        let mut out = format!(
            "{FIRST_WORDS} {} (timestamp {}). An empty line: all above it is done before\n\
             # anything below is begun. Remove this file when all of it is done.\n",
            now.snapshot, now.timestamp
        );
        for (what, names) in &self.upload {
            let _ = writeln!(out, "\n# {what}");
            names.iter().for_each(|name| _ = writeln!(out, "upload {name}"));
        }
        for (at, names) in order::one_after_the_other(&self.remove).iter().enumerate() {
            let what = if at == 0 { "what no reader can want any more" } else { "and after that" };
            let _ = writeln!(out, "\n# {what}");
            names.iter().for_each(|name| _ = writeln!(out, "remove {name}"));
        }
        if !self.purge.is_empty() {
            let _ = writeln!(out, "\n# what a cache is to forget");
            self.purge.iter().for_each(|name| _ = writeln!(out, "purge {name}"));
        }
        out
    }
}
