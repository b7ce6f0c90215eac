//! Bringing in what the decisions name, and taking back what could not be brought in.

use crate::disk;
use crate::disk::stage::Staging;
use crate::model::{Entry, TargetPath};
use crate::pipeline::digest;
use crate::pipeline::partition::{Decision, Decisions, OnChange};
use crate::pipeline::source::SourceFile;
use crate::report::{Code, Reporter, Warning};
use crate::site::Site;
use crate::site::targets::{self, Arrival, Incoming, Manner, PlainName};
use std::collections::BTreeMap;

/// What became of the files.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// Everything that the bins are to list.
    pub(super) entries: Vec<Entry>,
    /// Targets whose published bytes stay although the source has others.
    pub(super) held: u64,
    /// Files written, and their bytes.
    pub(super) written: (u64, u64),
}

/// What placing needs to know.
pub(super) struct Request<'a> {
    pub(super) site: &'a Site,
    /// None where files are served from elsewhere, or nothing is to be written.
    pub(super) staging: Option<&'a Staging>,
    pub(super) manner: Manner,
    pub(super) decisions: &'a Decisions,
    /// Targets whose plain name is to be given back to their bytes.
    pub(super) strayed: &'a [Entry],
    /// Whether published files are compared, and put back where they are damaged.
    pub(super) restore: bool,
    pub(super) on_change: &'a dyn Fn(&SourceFile) -> OnChange,
}

/// The held targets whose plain name a run that did not end has given to other bytes.
pub(super) fn strayed(site: &Site, decisions: &Decisions) -> Result<Vec<Entry>, disk::Error> {
    let held = decisions.targets.values().filter_map(|decision| match decision {
        Decision::Hold(entry) => Some(entry),
        _ => None,
    });
    let strayed = held.map(|entry| Ok(targets::plain_name_strayed(site, entry)?.then(|| entry.clone())));
    strayed.filter_map(Result::transpose).collect()
}

/// Brings the files in. `files` get the stamps that they have afterwards.
pub(super) fn place(
    request: &Request<'_>,
    files: &mut [SourceFile],
    reporter: &dyn Reporter,
) -> Result<Placed, disk::Error> {
    let Request { site, staging, manner, decisions, strayed, restore, on_change } = *request;
    let mut placed = Placed::default();
    let by_target: BTreeMap<&TargetPath, usize> =
        files.iter().enumerate().map(|(index, file)| (&file.candidate.target, index)).collect();
    let mut wanted: Vec<(usize, Entry, Option<&Entry>)> = Vec::new();
    for (target, decision) in &decisions.targets {
        match decision {
            Decision::Bring { source, replaces } => {
                wanted.push((*source, files[*source].entry(), replaces.as_ref()));
            }
            Decision::Hold(entry) => {
                placed.held += 1;
                placed.entries.push(entry.clone());
                let file =
                    by_target.get(target).map_or(target.as_str(), |&index| &files[index].candidate.relative);
                let message = format!(
                    "{target} is published with other bytes; `build --replace {file}` takes the new ones"
                );
                reporter.warn(Warning::of_file(Code::Held, file, message));
            }
            Decision::Keep(entry) => match by_target.get(target) {
                Some(&index) if restore && files[index].entry() == *entry => {
                    wanted.push((index, entry.clone(), Some(entry)));
                }
                _ => placed.entries.push(entry.clone()),
            },
        }
    }
    let Some(staging) = staging else {
        // The files are served from elsewhere.
        placed.entries.extend(wanted.into_iter().map(|(_, entry, _)| entry));
        return Ok(placed);
    };
    let incoming: Vec<Incoming<'_>> = wanted
        .iter()
        .map(|(index, entry, replaces)| {
            let file = &files[*index];
            let pass = replaces.is_some() || on_change(file) == OnChange::Take;
            let plain = if pass { PlainName::Pass } else { PlainName::Keep };
            Incoming { entry, path: &file.candidate.path, stamp: &file.candidate.stamp, plain }
        })
        .collect();
    for entry in strayed {
        targets::give_back_plain_name(site, staging, entry)?;
        placed.written.0 += 1;
        let message = format!("{} had the bytes of a replacement that was never published", entry.path);
        reporter.warn(Warning::of_file(Code::Restored, entry.path.as_str(), message));
    }
    let arrivals = targets::bring(site, staging, &incoming, manner, reporter)?;
    for ((index, entry, replaces), arrival) in wanted.into_iter().zip(arrivals) {
        let candidate = &mut files[index].candidate;
        match arrival {
            Arrival::New(stamp) => {
                candidate.stamp = stamp;
                placed.written.0 += 1;
                placed.written.1 += entry.length;
                if replaces.is_some_and(|old| *old == entry) {
                    let message = format!("{} was gone or damaged in the site", entry.path);
                    reporter.warn(Warning::of_file(Code::Restored, entry.path.as_str(), message));
                }
                placed.entries.push(entry);
            }
            Arrival::AlreadyThere => placed.entries.push(entry),
            Arrival::Changed => {
                reporter.warn(digest::unstable(candidate));
                placed.entries.extend(replaces.cloned());
            }
            Arrival::NameTaken => {
                placed.held += 1;
                let message = format!(
                    "{} was public with other bytes, which readers may still hold; `sweep` frees the \
                     name, and `build --replace {}` takes it now",
                    entry.path, candidate.relative
                );
                reporter.warn(Warning::of_file(Code::Held, candidate.relative.clone(), message));
            }
        }
    }
    Ok(placed)
}
