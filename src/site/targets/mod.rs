//! Bringing target files into the site: the hashed name that TUF clients fetch, the plain one
//! that pip fetches, and on request the one that stock tough asks for. All of them are names of
//! one file, and nothing refers to them until a snapshot does.
//!
//! [`survey`] looks, [`bring`] acts; only what lacks something is touched.

mod incoming;
mod survey;

use super::Site;
use crate::disk::new_folders::NewFolders;
use crate::disk::place::Placer;
use crate::disk::stage::{Bring, Brought, Staged, Staging};
use crate::disk::{self, FileStamp};
use crate::model::Entry;
use crate::report::{Event, Reporter};
use rayon::prelude::*;
use survey::{Name, hashed_name};

pub use incoming::{Arrival, Content, Incoming, Manner, PlainName};
pub use survey::{Named, Survey, apart, lacks_a_name, named, names, survey};

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

/// Gives every name that targets are to have back to the published bytes, from whichever name has them.
///
/// # Errors
/// If the file system fails.
pub fn give_back_names(
    site: &Site,
    staging: &Staging,
    entries: &[&Entry],
    manner: Manner,
) -> Result<(), disk::Error> {
    let placer = Placer::new(site.folder());
    for entry in entries {
        let Some(source) = survey::whole_name(site, entry)? else { continue };
        let [hashed, plain, alias] = names(entry);
        let alias = Some(alias).filter(|alias| manner.tough_alias && *alias != hashed);
        for name in [Some(hashed), Some(plain), alias].into_iter().flatten().filter(|name| *name != source) {
            placer.link_over(&source, &name, staging)?;
        }
    }
    placer.sync()
}
