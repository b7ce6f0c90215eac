//! Targets that are made come into the site, and get their compressed copies.

use super::facts::{by_target, path_of};
use super::{Bytes, Made, Request};
use crate::disk;
use crate::model::{Entry, Sha256};
use crate::pipeline::inspect;
use crate::report::{Code, Reporter, Warning};
use crate::runs::build::place::Act;
use crate::runs::build::strayed::BLOCKED;
use crate::runs::build::{Digests, Lazy};
use crate::site::copies::{self, Original};
use crate::site::swap::Written;
use crate::site::targets::{self, Arrival, Content, Incoming, PlainName};
use crate::site::{Site, layout};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Brings the new ones into the site; gives those that came.
pub(super) fn bring(
    request: &Request<'_>,
    staging: &mut Lazy<'_>,
    new: &[&Made<'_>],
    reporter: &dyn Reporter,
) -> Result<(Vec<Entry>, Written), disk::Error> {
    let manner = request.manner;
    let entries = || new.iter().map(|made| made.entry.clone()).collect();
    if request.act == Act::Look || new.is_empty() {
        return Ok((entries(), Written::default()));
    }
    let site = &Site::new(request.build.site);
    let by_target = by_target(&request.found.files);
    let bytes: Vec<Option<std::borrow::Cow<'_, [u8]>>> = new
        .par_iter()
        .map(|made| {
            Ok(match &made.bytes {
                Bytes::Page(bytes) => Some(bytes.as_slice().into()),
                Bytes::MetadataOf(wheel) => {
                    let of_wheel = match path_of(site, wheel, &by_target)? {
                        Some(path) => inspect::inspect(&path, wheel.path.split().1)?.1,
                        None => None,
                    };
                    match of_wheel.filter(|bytes| Sha256::of(bytes) == made.entry.digest) {
                        Some(bytes) => Some(bytes.into()),
                        // A wheel that is held, or served from elsewhere: what is published beside it stays.
                        None => {
                            let name = made.entry.path.hashed(&made.entry.digest.to_string());
                            disk::read::bytes_if_there(&site.folder().path(&name))?.map(Into::into)
                        }
                    }
                }
            })
        })
        .collect::<Result<_, disk::Error>>()?;
    let incoming: Vec<Incoming<'_>> = new
        .iter()
        .zip(&bytes)
        // An archive that changed since it was inspected is left to the next run.
        .filter_map(|(made, bytes)| {
            let bytes = bytes.as_deref().filter(|bytes| Sha256::of(bytes) == made.entry.digest)?;
            let content = Content::Made(bytes, request.build.now);
            Some(Incoming { entry: &made.entry, content, plain: PlainName::Pass })
        })
        .collect();
    let surveys = targets::survey(site, &incoming, manner)?;
    for (file, survey) in incoming.iter().zip(&surveys) {
        if survey.refusal().is_some() {
            reporter.warn(Warning::of_file(Code::NameBlocked, file.entry.path.as_str(), BLOCKED));
        }
    }
    if surveys.iter().all(|survey| survey.refusal().is_some()) {
        return Ok((Vec::new(), Written::default()));
    }
    let was_published = |entry: &Entry| request.before.find(&entry.path) == Some(entry);
    let again = incoming.iter().zip(&surveys).filter(|(_, survey)| survey.lacks_something());
    staging.gives_back(again.map(|(file, _)| file.entry).filter(|entry| was_published(entry)))?;
    let arrivals =
        targets::bring(site, staging.open()?, &incoming, &surveys, manner, &crate::report::Silent)?;
    let came = |arrival: &Arrival| matches!(arrival, Arrival::New(_) | Arrival::AlreadyThere);
    // Where everything is looked at, what was published and came again had been lost.
    let had_been_lost = |entry: &Entry| request.build.digests == Digests::Anew && was_published(entry);
    let mut written = Written::default();
    let mut seen = BTreeSet::new();
    for (file, arrival) in incoming.iter().zip(&arrivals) {
        if matches!(arrival, Arrival::New(_)) && seen.insert(&file.entry.path) {
            if had_been_lost(file.entry) {
                let message = "one of its names was gone or had other bytes";
                reporter.warn(Warning::of_file(Code::Restored, file.entry.path.as_str(), message));
            }
            written.add(Written { files: 1, bytes: file.entry.length });
        }
    }
    let came: Vec<&Incoming<'_>> =
        incoming.iter().zip(&arrivals).filter(|(_, arrival)| came(arrival)).map(|(file, _)| file).collect();
    written.add(copy(request, site, staging, &came)?);
    Ok((came.into_iter().map(|file| file.entry.clone()).collect(), written))
}

/// Gives pages that came into the site their compressed copies, of both their names.
fn copy(
    request: &Request<'_>,
    site: &Site,
    staging: &mut Lazy<'_>,
    came: &[&Incoming<'_>],
) -> Result<Written, disk::Error> {
    let mut written = Written::default();
    let was_published = |file: &&&Incoming<'_>| request.before.find(&file.entry.path) == Some(file.entry);
    let (again, new): (Vec<&Incoming<'_>>, Vec<&Incoming<'_>>) = came.iter().partition(was_published);
    for (files, was_published) in [(again, true), (new, false)] {
        let pages = files.iter().filter_map(|file| match file.content {
            Content::Made(bytes, _) if file.entry.path.segments().next() == Some(layout::PAGES) => {
                Some(Original::of_target(file.entry, bytes))
            }
            _ => None,
        });
        let plan = copies::plan(site, &pages.collect::<Vec<_>>(), request.build.compress)?;
        written.add(staging.carry_out(&plan, was_published)?);
    }
    Ok(written)
}
