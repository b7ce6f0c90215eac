//! Bringing target files into the site: the hashed name that TUF clients fetch, the plain one
//! that pip fetches, and on request the one that stock tough asks for. All of them are names of
//! one file, and nothing refers to them until a snapshot does.
//!
//! [`survey`] looks, [`bring`] acts; only what lacks something is touched.

use super::Site;
use crate::disk::folder::Standing;
use crate::disk::new_folders::NewFolders;
use crate::disk::place::Placer;
use crate::disk::read::OpenFile;
use crate::disk::stage::{Bring, Brought, Staged, Staging};
use crate::disk::{self, FileStamp};
use crate::model::{Entry, Moment};
use crate::report::{Event, Reporter};
use rayon::prelude::*;
use std::path::Path;

/// A file of the source that is to get its names.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// What metadata will say of it.
    pub entry: &'a Entry,
    /// Where its bytes are.
    pub content: Content<'a>,
    /// Whether its plain name may pass from other bytes to these.
    pub plain: PlainName,
}

/// The bytes of an incoming file.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// In a file of the source, and what that looked like when it was hashed.
    File(&'a Path, &'a FileStamp),
    /// Made by us; published with this time of modification.
    Made(&'a [u8], Moment),
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
    /// It has its names; the stamp is the source file's now, where there is one (a link moves its
    /// time of change).
    New(Option<FileStamp>),
    /// It had them already.
    AlreadyThere,
    /// The source file is no longer what was hashed.
    Changed,
    /// Its plain name is that of other bytes, and may not pass.
    NameTaken,
    /// Something that is no file stands under its name, or a file where its path needs a folder.
    NameBlocked,
}

/// How files get in.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// Copied or linked.
    pub bring: Bring,
    /// Whether stock tough gets its names too.
    pub tough_alias: bool,
}

/// What a name of a target holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    /// Nothing.
    Free,
    /// The target.
    Right,
    /// Other bytes.
    Other,
    /// Something that cannot be replaced by a file.
    Blocked,
}

/// What the site holds of one incoming file.
#[derive(Clone, Copy, Debug)]
pub struct Survey {
    plain: Name,
    hashed: Name,
    alias: Name,
    may_pass: bool,
}

impl Survey {
    /// Whether the file cannot come in, and why.
    #[must_use]
    pub fn refusal(&self) -> Option<Arrival> {
        if [self.plain, self.hashed, self.alias].contains(&Name::Blocked) {
            Some(Arrival::NameBlocked)
        } else if self.plain == Name::Other && !self.may_pass {
            Some(Arrival::NameTaken)
        } else {
            None
        }
    }

    /// Whether something is to be written for it.
    #[must_use]
    pub fn lacks_something(&self) -> bool {
        self.refusal().is_none()
            && [self.plain, self.hashed, self.alias].iter().any(|name| *name != Name::Right)
    }

    /// Whether the site has nothing of it.
    fn is_new(&self) -> bool {
        [self.plain, self.hashed] == [Name::Free; 2] && self.refusal().is_none()
    }

    /// Whether a name passes to it from other bytes.
    fn replaces_something(&self) -> bool {
        self.refusal().is_none() && [self.plain, self.alias].contains(&Name::Other)
    }
}

/// Looks at what the site holds of each file; writes nothing.
///
/// # Errors
/// If the file system fails.
pub fn survey(site: &Site, files: &[Incoming<'_>], manner: Manner) -> Result<Vec<Survey>, disk::Error> {
    files
        .par_iter()
        .map(|file| {
            let (alias, hashed) =
                (file.entry.path.tough_alias(&file.entry.digest.to_string()), hashed_name(file.entry));
            Ok(Survey {
                plain: name(site, file.entry.path.as_str(), file.entry)?,
                hashed: name(site, &hashed, file.entry)?,
                alias: if manner.tough_alias && alias != hashed {
                    name(site, &alias, file.entry)?
                } else {
                    Name::Right
                },
                may_pass: file.plain == PlainName::Pass,
            })
        })
        .collect()
}

/// Brings in what lacks something, in parallel; durable when this returns.
///
/// # Errors
/// If the file system fails.
pub fn bring(
    site: &Site,
    staging: &Staging,
    files: &[Incoming<'_>],
    surveys: &[Survey],
    manner: Manner,
    reporter: &dyn Reporter,
) -> Result<Vec<Arrival>, disk::Error> {
    let names = files.iter().zip(surveys).filter(|(_, survey)| survey.is_new());
    let new = names.map(|(file, _)| file.entry.path.as_str());
    let new = NewFolders::make(staging, site.folder(), new)?;
    let staged: Vec<Prepared> = files
        .par_iter()
        .zip(surveys)
        .map(|(file, survey)| {
            let prepared = prepare(staging, &new, file, survey, manner.bring);
            reporter.event(Event::Done(1));
            prepared
        })
        .collect::<Result<_, _>>()?;
    staging.sync()?;
    let placer = Placer::new(site.folder());
    let missing = files.iter().zip(&staged).filter(|(_, prepared)| matches!(prepared, Prepared::Not(_)));
    new.show(&placer, missing.map(|(file, _)| file.entry.path.as_str()))?;
    let placed: Vec<Placed> = staged
        .into_par_iter()
        .zip(files)
        .zip(surveys)
        .map(|((prepared, file), survey)| place(staging, &placer, prepared, file, *survey))
        .collect::<Result<_, _>>()?;
    if surveys.iter().any(Survey::replaces_something) {
        // A plain name never passes to bytes that could be nowhere else once the power goes.
        placer.sync()?;
    }
    let arrivals = placed
        .into_par_iter()
        .zip(files)
        .zip(surveys)
        .map(|((placed, file), survey)| arrive(site, staging, &placer, placed, file, *survey))
        .collect::<Result<_, _>>()?;
    placer.sync()?;
    Ok(arrivals)
}

/// What has its hashed name, and whatever other name was free.
enum Placed {
    /// The file, and what the source's own looked like, if it is that one.
    There(Option<FileStamp>),
    Not(Arrival),
}

enum Prepared {
    /// The bytes lie staged.
    Staged(Staged, FileStamp),
    /// Bytes of ours lie staged.
    Made(Staged),
    /// The bytes lie in a new folder under both of their names; what the source's own look like.
    Named(Option<FileStamp>),
    /// The hashed name has them.
    Hashed,
    Not(Arrival),
}

fn prepare(
    staging: &Staging,
    new: &NewFolders,
    file: &Incoming<'_>,
    survey: &Survey,
    how: Bring,
) -> Result<Prepared, disk::Error> {
    if let Some(refusal) = survey.refusal() {
        return Ok(Prepared::Not(refusal));
    }
    if survey.hashed == Name::Right {
        return Ok(Prepared::Hashed);
    }
    let hashed = if survey.is_new() { new.path(&hashed_name(file.entry)) } else { None };
    let (staged, stamp) = match (file.content, &hashed) {
        (Content::Made(bytes, now), Some(to)) => (staging.write_at(to.clone(), bytes, Some(now))?, None),
        (Content::Made(bytes, now), None) => return Ok(Prepared::Made(staging.write(bytes, Some(now))?)),
        (Content::File(path, stamp), to) => {
            match staging.bring(path, stamp, &file.entry.digest, how, to.clone())? {
                Brought::Changed => return Ok(Prepared::Not(Arrival::Changed)),
                Brought::Staged(staged, stamp) if to.is_some() => (staged, Some(stamp)),
                Brought::Staged(staged, stamp) => return Ok(Prepared::Staged(staged, stamp)),
            }
        }
    };
    if let Some(plain) = new.path(file.entry.path.as_str()) {
        staging.name_too(&staged, &plain)?;
    }
    Ok(Prepared::Named(stamp))
}

fn place(
    staging: &Staging,
    placer: &Placer<'_>,
    prepared: Prepared,
    file: &Incoming<'_>,
    survey: Survey,
) -> Result<Placed, disk::Error> {
    let hashed = hashed_name(file.entry);
    let of_source = match file.content {
        Content::File(_, stamp) => Some(*stamp),
        Content::Made(..) => None,
    };
    let is_named = matches!(prepared, Prepared::Named(_));
    let (staged, stamp) = match prepared {
        Prepared::Not(arrival) => return Ok(Placed::Not(arrival)),
        Prepared::Named(stamp) => (None, stamp),
        Prepared::Hashed => (None, of_source),
        Prepared::Staged(staged, stamp) => (Some(staged), Some(stamp)),
        Prepared::Made(staged) => (Some(staged), None),
    };
    match (staged, survey.hashed) {
        (None, _) => {}
        (Some(staged), Name::Free) => placer.place_new(staged, &hashed)?,
        // Damaged: no reader ever accepted it.
        (Some(staged), _) => placer.replace(staged, &hashed)?,
    }
    let alias = file.entry.path.tough_alias(&file.entry.digest.to_string());
    let plain = if is_named { Name::Right } else { survey.plain };
    for (name, standing) in [(file.entry.path.as_str(), plain), (&alias, survey.alias)] {
        if standing == Name::Free {
            placer.link(&hashed, name, staging)?;
        }
    }
    if !is_named {
        // Names that a run which did not end has given may not be durable yet.
        placer.touch(&hashed);
    }
    Ok(Placed::There(stamp))
}

/// Gives a file the names that other bytes had.
fn arrive(
    site: &Site,
    staging: &Staging,
    placer: &Placer<'_>,
    placed: Placed,
    file: &Incoming<'_>,
    survey: Survey,
) -> Result<Arrival, disk::Error> {
    let stamp = match placed {
        Placed::There(stamp) => stamp,
        Placed::Not(arrival) => return Ok(arrival),
    };
    let hashed = hashed_name(file.entry);
    let alias = file.entry.path.tough_alias(&file.entry.digest.to_string());
    for (name, standing) in [(file.entry.path.as_str(), survey.plain), (&alias, survey.alias)] {
        if standing == Name::Other {
            placer.link_over(&hashed, name, staging)?;
        }
    }
    if !survey.lacks_something() {
        return Ok(Arrival::AlreadyThere);
    }
    // Where the source's own file got the names, each of them moved its time of change.
    match (stamp, site.folder().stamp(&hashed)?) {
        (Some(stamp), Some(now)) if now.is_same_file(&stamp) => Ok(Arrival::New(Some(now))),
        (stamp, _) => Ok(Arrival::New(stamp)),
    }
}

/// What has become of the plain name of a published target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// It has the published bytes, or none.
    Right,
    /// It has other bytes, as a run leaves it that was to replace them and did not end; the
    /// published ones lie under the hashed name.
    Strayed,
    /// The published bytes are nowhere: the file was written in place.
    Lost,
}

/// Looks at the plain name of a published target; its bytes are read only if it is not a name of
/// the hashed file, or if `suspect` says that this file may have been written in place.
///
/// # Errors
/// If the file system fails.
pub fn plain_name(site: &Site, entry: &Entry, suspect: bool) -> Result<Plain, disk::Error> {
    let hashed = hashed_name(entry);
    let (plain, twin) = (site.folder().stamp(entry.path.as_str())?, site.folder().stamp(&hashed)?);
    let same = matches!((plain, twin), (Some(plain), Some(twin)) if plain.is_same_file(&twin));
    if plain.is_none() || (same && !suspect) || name(site, entry.path.as_str(), entry)? == Name::Right {
        return Ok(Plain::Right);
    }
    Ok(if name(site, &hashed, entry)? == Name::Right { Plain::Strayed } else { Plain::Lost })
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

/// What the name holds, compared with `entry`.
fn name(site: &Site, name: &str, entry: &Entry) -> Result<Name, disk::Error> {
    Ok(match site.folder().standing(name)? {
        Standing::Nothing => Name::Free,
        Standing::Other => Name::Blocked,
        Standing::File(stamp) if stamp.size != entry.length => Name::Other,
        Standing::File(_) => {
            let found = OpenFile::open(&site.folder().path(name))?.digest()?;
            if found == (entry.digest, entry.length) { Name::Right } else { Name::Other }
        }
    })
}
