//! Bringing target files into the site: the hashed name that TUF clients fetch, the plain one
//! that pip fetches, and on request the one that stock tough asks for. All of them are names of
//! one file, and nothing refers to them until a snapshot does.

use super::Site;
use crate::disk::place::Placer;
use crate::disk::read::OpenFile;
use crate::disk::stage::{Bring, Brought, Staged, Staging};
use crate::disk::{self, FileStamp};
use crate::model::Entry;
use crate::report::{Event, Reporter};
use rayon::prelude::*;
use std::path::Path;

/// A file of the source that is to get its names.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// What metadata will say of it.
    pub entry: &'a Entry,
    /// The file.
    pub path: &'a Path,
    /// What it looked like when it was hashed.
    pub stamp: &'a FileStamp,
    /// Whether its plain name may pass from other bytes to these.
    pub plain: PlainName,
}

/// What to do with a plain name that other bytes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlainName {
    /// Leave it with them: a name that was public keeps its bytes.
    Keep,
    /// Give it to the new bytes, in one step.
    Pass,
}

/// What came of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// It has its names; the stamp is the source file's now (a link moves its time of change).
    New(FileStamp),
    /// It had them already.
    AlreadyThere,
    /// The source file is no longer what was hashed.
    Changed,
    /// Its plain name is that of other bytes, and may not pass.
    NameTaken,
}

/// How files get in.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Copied or linked.
    pub bring: Bring,
    /// Whether stock tough gets its names too.
    pub tough_alias: bool,
}

/// Brings files in, in parallel; durable when this returns.
///
/// # Errors
/// If the file system fails.
pub fn bring(
    site: &Site,
    staging: &Staging,
    files: &[Incoming<'_>],
    manner: Manner,
    reporter: &dyn Reporter,
) -> Result<Vec<Arrival>, disk::Error> {
    let staged: Vec<Prepared> = files
        .par_iter()
        .map(|file| {
            let prepared = prepare(site, staging, file, manner.bring);
            reporter.event(Event::Done(1));
            prepared
        })
        .collect::<Result<_, _>>()?;
    staging.sync()?;
    let placer = Placer::new(site.folder());
    let arrivals = staged
        .into_par_iter()
        .zip(files)
        .map(|(prepared, file)| place(site, staging, &placer, prepared, file, manner))
        .collect::<Result<_, _>>()?;
    placer.sync()?;
    Ok(arrivals)
}

enum Prepared {
    /// The bytes lie staged; `true` if a damaged file has the hashed name.
    Staged(Staged, FileStamp, bool),
    /// The hashed name is there and right; `true` if the plain one is missing or passes.
    Hashed(bool),
    Not(Arrival),
}

/// Where the plain name stands.
#[derive(PartialEq, Eq)]
enum Plain {
    Free,
    Right,
    Other,
}

fn prepare(site: &Site, staging: &Staging, file: &Incoming<'_>, how: Bring) -> Result<Prepared, disk::Error> {
    let plain = plain_name(site, file.entry)?;
    if plain == Plain::Other && file.plain == PlainName::Keep {
        return Ok(Prepared::Not(Arrival::NameTaken));
    }
    let hashed = hashed_name(file.entry);
    let there = site.folder().stamp(&hashed)?.is_some();
    if there && holds(site, &hashed, file.entry)? {
        return Ok(Prepared::Hashed(plain != Plain::Right));
    }
    Ok(match staging.bring(file.path, file.stamp, &file.entry.digest, how)? {
        Brought::Changed => Prepared::Not(Arrival::Changed),
        Brought::Staged(staged, stamp) => Prepared::Staged(staged, stamp, there),
    })
}

fn place(
    site: &Site,
    staging: &Staging,
    placer: &Placer<'_>,
    prepared: Prepared,
    file: &Incoming<'_>,
    manner: Manner,
) -> Result<Arrival, disk::Error> {
    let hashed = hashed_name(file.entry);
    let plain = file.entry.path.as_str();
    let arrival = match prepared {
        Prepared::Not(arrival) => return Ok(arrival),
        Prepared::Hashed(false) => Arrival::AlreadyThere,
        Prepared::Hashed(true) => Arrival::New(*file.stamp),
        Prepared::Staged(staged, stamp, false) => {
            placer.place_new(staged, &hashed)?;
            Arrival::New(stamp)
        }
        Prepared::Staged(staged, stamp, true) => {
            placer.replace(staged, &hashed)?;
            Arrival::New(stamp)
        }
    };
    if arrival != Arrival::AlreadyThere {
        match site.folder().stamp(plain)? {
            None => placer.link(&hashed, plain)?,
            Some(_) => placer.link_over(&hashed, plain, staging)?,
        }
    }
    if manner.tough_alias {
        let alias = file.entry.path.tough_alias(&file.entry.digest.to_string());
        placer.link(&hashed, &alias)?;
    }
    // Where the source's own file got the names, each of them moved its time of change.
    match (arrival, site.folder().stamp(&hashed)?) {
        (Arrival::New(stamp), Some(now)) if now.is_same_file(&stamp) => Ok(Arrival::New(now)),
        _ => Ok(arrival),
    }
}

/// Whether the plain name of a published target has other bytes, as a run leaves it that was to
/// replace them and did not end.
///
/// # Errors
/// If the file system fails.
pub fn plain_name_strayed(site: &Site, entry: &Entry) -> Result<bool, disk::Error> {
    Ok(plain_name(site, entry)? == Plain::Other && site.folder().stamp(&hashed_name(entry))?.is_some())
}

/// Gives the plain name of a published target back to its bytes.
///
/// # Errors
/// If the file system fails.
pub fn give_back_plain_name(site: &Site, staging: &Staging, entry: &Entry) -> Result<(), disk::Error> {
    let placer = Placer::new(site.folder());
    placer.link_over(&hashed_name(entry), entry.path.as_str(), staging)?;
    placer.sync()
}

fn hashed_name(entry: &Entry) -> String {
    entry.path.hashed(&entry.digest.to_string())
}

fn plain_name(site: &Site, entry: &Entry) -> Result<Plain, disk::Error> {
    let plain = entry.path.as_str();
    Ok(match site.folder().stamp(plain)? {
        None => Plain::Free,
        Some(_) if holds(site, plain, entry)? => Plain::Right,
        Some(_) => Plain::Other,
    })
}

/// Whether the file `name` has the bytes of `entry`.
fn holds(site: &Site, name: &str, entry: &Entry) -> Result<bool, disk::Error> {
    Ok(OpenFile::open(&site.folder().path(name))?.digest()? == (entry.digest, entry.length))
}
