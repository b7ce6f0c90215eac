//! Making roles public: everything that the timestamp will lead to is there and durable before
//! the one rename that shows it (TUF 1.0.34 section 5.7 has clients start from the timestamp).

use super::copies::{self, Original};
use super::{Site, layout};
use crate::disk;
use crate::disk::place::{self, Placer};
use crate::disk::stage::{self, Staged, Staging};
use crate::disk::write;
use crate::model::{Compression, Moment, RoleName, Version};
use crate::report::{Event, Reporter};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// A file of a role, ready to be published.
#[derive(Clone, Copy, Debug)]
pub struct RoleFile<'a> {
    /// The role.
    pub role: &'a RoleName,
    /// Its version; never used before.
    pub version: Version,
    /// The signed bytes.
    pub bytes: &'a [u8],
    /// When its version was chosen.
    pub numbered: Numbered,
}

/// When the version of a role was chosen, and with it the name of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbered {
    /// This run did: the name was never given to anything.
    ByUs,
    /// It was signed before this run, by an author one above what the snapshot lists, or in a ceremony. A run that
    /// did not end may have left a file under that name, to which nothing that was ever public refers.
    BeforeThisRun,
}

/// A role whose file is staged already: one of so many that their bytes are not held together.
#[derive(Debug)]
pub struct StagedRole {
    /// The role.
    pub role: RoleName,
    /// Its version; this run chose it.
    pub version: Version,
    /// How many bytes it has.
    pub length: u64,
    /// The file.
    pub staged: Staged,
}

/// So many files are given their compressed copies together.
const COPIED_TOGETHER: usize = 512;

/// What is to become public in one swap.
#[derive(Debug)]
pub struct Swap<'a> {
    /// Every new version, the snapshot among them, and no root.
    pub roles: &'a [RoleFile<'a>],
    /// A new root. Clients find one by its number alone, so that it comes after the timestamp: what that leads to
    /// holds by the root before and by this one.
    pub root: Option<RoleFile<'a>>,
    /// The timestamp that shows them.
    pub timestamp: &'a [u8],
    /// In which forms the roles get compressed copies beside them.
    pub compress: &'a [Compression],
    /// The snapshot that ceases to be current, if it does.
    pub retires: Option<Version>,
    /// The run's now; files carry it as their time of modification, so that equal runs write
    /// equal trees and `sweep` needs no other clock.
    pub now: Moment,
}

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Written {
    /// Counts `more` too.
    pub fn add(&mut self, more: Self) {
        self.files += more.files;
        self.bytes += more.bytes;
    }
}

/// Publishes `swap`, with roles that are staged already.
///
/// # Errors
/// If the file system fails; what readers find is then the tree before, whole.
pub fn publish(
    site: &Site,
    staging: &Staging,
    ready: Vec<StagedRole>,
    swap: &Swap<'_>,
    reporter: &dyn Reporter,
) -> Result<Written, disk::Error> {
    let mut written = Written::default();
    let mut staged = Vec::with_capacity(swap.roles.len());
    for file in swap.roles {
        staged.push(staging.write(file.bytes, Some(swap.now))?);
        written.files += 1;
        written.bytes += file.bytes.len() as u64;
    }
    let timestamp = staging.write(swap.timestamp, Some(swap.now))?;
    staging.sync()?;
    let placer = Placer::new(site.folder());
    let placed: Vec<(String, u64)> = ready
        .into_par_iter()
        .map(|role| {
            let name = layout::role_file(&role.role, role.version);
            placer.place_new(role.staged, &name)?;
            reporter.event(Event::Done(1));
            Ok((name, role.length))
        })
        .collect::<Result<_, disk::Error>>()?;
    for (_, length) in &placed {
        written.add(Written { files: 1, bytes: *length });
    }
    for (staged, file) in staged.into_iter().zip(swap.roles) {
        let name = layout::role_file(file.role, file.version);
        match file.numbered {
            Numbered::ByUs => placer.place_new(staged, &name)?,
            Numbered::BeforeThisRun => placer.replace(staged, &name)?,
        }
        reporter.event(Event::Done(1));
    }
    // The time of modification of a snapshot that is not current is the moment at which it
    // ceased to be. Set first: a crash after this leaves it current and the next swap sets
    // it again, a crash the other way round would let `sweep` take it too early.
    let retired = || swap.retires.map_or(Ok(()), |version| retire(site, version, swap.now));
    let (synced, retired) = rayon::join(|| placer.sync(), retired);
    synced.and(retired)?;
    if !swap.compress.is_empty() {
        for some in placed.chunks(COPIED_TOGETHER) {
            let original = |(name, _): &(String, u64)| {
                let bytes = disk::read::bytes(&site.folder().path(name))?.into();
                Ok(Original { names: vec![name.clone()], bytes })
            };
            let originals = some.iter().map(original).collect::<Result<Vec<_>, disk::Error>>()?;
            let copies = copies::plan(site, &originals, swap.compress)?;
            written.add(copies::carry_out(site, staging, &copies)?);
        }
        let originals: Vec<Original<'_>> = swap.roles.iter().map(original).collect();
        let copies = copies::plan(site, &originals, swap.compress)?;
        written.add(copies::carry_out(site, staging, &copies)?);
    }
    placer.replace(timestamp, layout::TIMESTAMP)?;
    placer.sync()?;
    written.files += 1;
    written.bytes += swap.timestamp.len() as u64;
    if let Some(root) = &swap.root {
        written.add(place_root(site, staging, root, swap.compress, swap.now)?);
    }
    Ok(written)
}

/// Gives a new root its name, under which clients find it.
///
/// # Errors
/// If the file system fails.
pub fn place_root(
    site: &Site,
    staging: &Staging,
    root: &RoleFile<'_>,
    compress: &[Compression],
    now: Moment,
) -> Result<Written, disk::Error> {
    let staged = staging.write(root.bytes, Some(now))?;
    staging.sync()?;
    let placer = Placer::new(site.folder());
    placer.place_new(staged, &layout::role_file(root.role, root.version))?;
    placer.sync()?;
    let mut written = Written { files: 1, bytes: root.bytes.len() as u64 };
    let copies = copies::plan(site, &[original(root)], compress)?;
    if !copies.is_empty() {
        written.add(copies::carry_out(site, staging, &copies)?);
    }
    Ok(written)
}

fn original<'a>(file: &RoleFile<'a>) -> Original<'a> {
    Original { names: vec![layout::role_file(file.role, file.version)], bytes: file.bytes.into() }
}

fn retire(site: &Site, version: Version, now: Moment) -> Result<(), disk::Error> {
    let path = site.folder().path(&layout::role_file(&RoleName::snapshot(), version));
    write::set_modified(&path, now.unix())
}

/// When a snapshot that is not current ceased to be.
///
/// # Errors
/// If its file cannot be looked at.
pub fn retired_at(site: &Site, version: Version) -> Result<Moment, disk::Error> {
    let path = site.folder().path(&layout::role_file(&RoleName::snapshot(), version));
    Ok(Moment::from_unix(write::modified(&path)?).unwrap_or(Moment::EPOCH))
}

/// When the timestamp that is current was signed; `None` where nothing is published.
///
/// # Errors
/// If its file cannot be looked at.
pub fn signed_at(site: &Site) -> Result<Option<Moment>, disk::Error> {
    match write::modified(&site.folder().path(layout::TIMESTAMP)) {
        Ok(seconds) => Ok(Moment::from_unix(seconds)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a folder to stage in: the state folder's where a file can be moved from there to the
/// site, else one inside the site that nobody but its owner can enter, so that no server reads it.
///
/// # Errors
/// If neither can be used.
pub fn open_staging(site: &Site, state: &Path) -> Result<Staging, disk::Error> {
    place::create_public_folder(site.root())?;
    Staging::open(&staging_folders(site, state), site.root())
}

/// Takes away what tells the next run of one that did not end: another has looked at all that it may have left.
///
/// # Errors
/// If it cannot be removed.
pub fn forget_interrupted(site: &Site, state: &Path) -> Result<(), disk::Error> {
    staging_folders(site, state).iter().try_for_each(|folder| stage::remove(folder))
}

/// Whether a run that staged something did not end.
///
/// # Errors
/// If the system refuses to say.
pub fn was_interrupted(site: &Site, state: &Path) -> Result<bool, disk::Error> {
    let [one, other] = staging_folders(site, state);
    Ok(disk::folder::is_there(&one)? || disk::folder::is_there(&other)?)
}

fn staging_folders(site: &Site, state: &Path) -> [PathBuf; 2] {
    [state.to_owned(), site.root().join(layout::STAGING)]
}
