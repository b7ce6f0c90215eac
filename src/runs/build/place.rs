//! Bringing in what the decisions name, and taking back what could not be brought in.

use super::Lazy;
use super::strayed::Strayed;
use crate::disk;
use crate::disk::stage::Bring;
use crate::model::{Entry, Inventory, TargetPath};
use crate::pipeline::digest;
use crate::pipeline::partition::{Decision, Decisions, OnChange};
use crate::pipeline::source::SourceFile;
use crate::report::{Code, Reporter, Warning};
use crate::site::Site;
use crate::site::swap::Written;
use crate::site::targets::{self, Arrival, Content, Incoming, Manner, PlainName, Survey};
use crate::state::held::Held;
use std::collections::BTreeMap;

/// Whether files are brought into the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// They are.
    Bring,
    /// It is only said which would be.
    Look,
    /// They are served from elsewhere.
    Elsewhere,
}

/// What placing needs to know.
pub(super) struct Request<'a> {
    pub(super) site: &'a Site,
    pub(super) act: Act,
    pub(super) manner: Manner,
    pub(super) decisions: &'a Decisions,
    /// Files of the source that are published.
    pub(super) before: &'a Inventory,
    /// Whether published files are compared, and put back where they are gone or damaged.
    pub(super) restore: bool,
    /// Whether a run before this one did not end, and may have left a plain name astray.
    pub(super) interrupted: bool,
    pub(super) on_change: &'a dyn Fn(&SourceFile) -> OnChange,
}

/// What became of the files.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// Everything that the bins are to list.
    pub(super) entries: Vec<Entry>,
    /// Targets whose published bytes stay although the source has others.
    pub(super) held: Vec<Held>,
    /// What was written.
    pub(super) written: Written,
    /// Whether a published target is to get names, and could not just now.
    pub(super) refused: bool,
    /// Whether one that the source does not have as it is published lacks them.
    pub(super) lost: bool,
}

/// Brings the files in. `files` get the stamps that they have afterwards.
pub(super) fn place(
    request: &Request<'_>,
    staging: &mut Lazy<'_>,
    files: &mut [SourceFile],
    reporter: &dyn Reporter,
) -> Result<Placed, disk::Error> {
    let mut placed = Placed::default();
    let by_target: BTreeMap<&TargetPath, usize> =
        files.iter().enumerate().map(|(index, file)| (&file.candidate.target, index)).collect();
    let mut wanted: Vec<(usize, Entry, Option<&Entry>)> = Vec::new();
    let mut strayed = Strayed::new(request.site, request.manner);
    let (looks, mends) = (request.restore || request.interrupted, request.act == Act::Bring);
    for (target, decision) in &request.decisions.targets {
        match decision {
            Decision::Bring { source, replaces } => {
                wanted.push((*source, files[*source].entry(), replaces.as_ref()));
            }
            Decision::Hold(entry) => {
                let index = by_target.get(target).copied();
                let file = index.map_or(target.as_str(), |index| &files[index].candidate.relative);
                hold(&mut placed, entry, file, reporter);
                if mends {
                    strayed.look(entry, true, reporter)?;
                }
            }
            Decision::Keep(entry) => {
                let of_source = by_target.get(target).copied().filter(|_| looks);
                match of_source.filter(|&index| files[index].entry() == *entry) {
                    Some(index) if request.restore || is_to_be_named(request, entry)? => {
                        wanted.push((index, entry.clone(), Some(entry)));
                    }
                    _ => {
                        // Of what the source does not have as it is published, the site has the bytes.
                        if looks && mends {
                            strayed.look(entry, request.restore, reporter)?;
                        }
                        placed.entries.push(entry.clone());
                    }
                }
            }
        }
    }
    if request.interrupted && mends {
        // A page that names one of them may be held somewhere for as long as its grace.
        for entry in request.decisions.removed.iter().filter_map(|path| request.before.find(path)) {
            strayed.look_at_what_leaves(entry)?;
        }
    }
    placed.lost = strayed.lacks_names();
    placed.written.add(strayed.give_back(staging, reporter)?);
    if request.act == Act::Elsewhere {
        placed.entries.extend(wanted.into_iter().map(|(_, entry, _)| entry));
        return Ok(placed);
    }
    let arrivals = arrivals(request, staging, &wanted, files, reporter)?;
    for ((index, entry, replaces), arrival) in wanted.into_iter().zip(arrivals) {
        arrive(&mut placed, &mut files[index], entry, replaces, arrival, reporter);
    }
    Ok(placed)
}

/// What comes of each wanted file; staging is opened only if one lacks something.
fn arrivals(
    request: &Request<'_>,
    staging: &mut Lazy<'_>,
    wanted: &[(usize, Entry, Option<&Entry>)],
    files: &[SourceFile],
    reporter: &dyn Reporter,
) -> Result<Vec<Arrival>, disk::Error> {
    let incoming: Vec<Incoming<'_>> = wanted
        .iter()
        .map(|(index, entry, replaces)| {
            let file = &files[*index];
            let pass = replaces.is_some() || (request.on_change)(file) == OnChange::Take;
            let plain = if pass { PlainName::Pass } else { PlainName::Keep };
            let content = Content::File(&file.candidate.path, &file.candidate.stamp);
            Incoming { entry, content, plain }
        })
        .collect();
    let mut surveys = targets::survey(request.site, &incoming, request.manner)?;
    if request.restore && request.manner.bring == Bring::Copy {
        for (file, survey) in incoming.iter().zip(&mut surveys) {
            *survey = targets::apart(request.site, file, *survey, request.manner)?;
        }
    }
    // Complete as they are: whoever gave them their names may not have lived to make them durable,
    // so that those that no snapshot lists yet go through `bring` too.
    let new = wanted.iter().any(|(.., replaces)| replaces.is_none());
    let acts = surveys.iter().any(Survey::lacks_something)
        || (new && surveys.iter().any(|survey| survey.refusal().is_none()));
    if request.act == Act::Look || !acts {
        let look = |survey: &Survey| survey.refusal().unwrap_or(Arrival::AlreadyThere);
        return Ok(surveys.iter().map(look).collect());
    }
    let again = wanted.iter().zip(&surveys).filter(|(_, survey)| survey.lacks_something());
    staging.gives_back(again.filter_map(|((_, entry, replaces), _)| replaces.filter(|old| *old == entry)))?;
    targets::bring(request.site, staging.open()?, &incoming, &surveys, request.manner, reporter)
}

/// Notes what came of one file.
fn arrive(
    placed: &mut Placed,
    file: &mut SourceFile,
    entry: Entry,
    replaces: Option<&Entry>,
    arrival: Arrival,
    reporter: &dyn Reporter,
) {
    let relative = file.candidate.relative.clone();
    match arrival {
        Arrival::New(stamp) => {
            file.candidate.stamp = stamp.unwrap_or(file.candidate.stamp);
            placed.written.add(Written { files: 1, bytes: entry.length });
            if replaces.is_some_and(|old| *old == entry) {
                let message = "one of its names was gone, had other bytes, or was a link to the source";
                reporter.warn(Warning::of_file(Code::Restored, entry.path.as_str(), message));
            }
            placed.entries.push(entry);
        }
        Arrival::AlreadyThere => placed.entries.push(entry),
        Arrival::Changed => {
            placed.refused |= replaces.is_some();
            reporter.warn(digest::unstable(&file.candidate));
            placed.entries.extend(replaces.cloned());
        }
        Arrival::NameTaken => {
            let message = format!(
                "its name was public with other bytes, which readers may still hold; `sweep` frees it, and \
                 `build --replace {relative}` takes it now"
            );
            held_back(placed, &entry, &relative, &message);
            reporter.warn(Warning::of_file(Code::Held, relative, message));
        }
        Arrival::NameBlocked => {
            let message = format!(
                "in the site, {} or a folder on its way is something else; if it was a target, the first \
                 build after a `sweep` that frees the name takes this file",
                entry.path
            );
            if replaces.is_some() {
                placed.refused = true;
                held_back(placed, &entry, &relative, &message);
            }
            reporter.warn(Warning::of_file(Code::NameBlocked, relative, message));
            placed.entries.extend(replaces.cloned());
        }
    }
}

fn held_back(placed: &mut Placed, entry: &Entry, file: &str, why: &str) {
    let (file, target, why) = (file.to_owned(), entry.path.to_string(), why.to_owned());
    placed.held.push(Held { file, target, why });
}

/// A published target stays as it is although the source has other bytes.
fn hold(placed: &mut Placed, entry: &Entry, file: &str, reporter: &dyn Reporter) {
    placed.entries.push(entry.clone());
    let message = format!("published with other bytes; `build --replace {file}` takes the new ones");
    held_back(placed, entry, file, &message);
    reporter.warn(Warning::of_file(Code::Held, file, message));
}

/// Whether a published file lacks a name that a run which did not end was to give it.
fn is_to_be_named(request: &Request<'_>, entry: &Entry) -> Result<bool, disk::Error> {
    let looks = request.interrupted && request.act != Act::Elsewhere;
    Ok(looks && targets::lacks_a_name(request.site, entry, request.manner)?)
}
