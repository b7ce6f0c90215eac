//! `inventory`: what a scan of the source finds, as a list that a build can be made from, here or elsewhere. Nothing is
//! published.

use super::build::{self, find};
use crate::disk;
use crate::model::{ProjectName, Sha256, distribution};
use crate::pipeline::collect::Layout;
use crate::pipeline::inspect;
use crate::pipeline::inventory::{self, Row};
use crate::pipeline::source::{Facts, SourceFile};
use crate::report::{Reporter, Stage, event};
use crate::state::{State, facts};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

/// What was written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    /// How many rows.
    pub rows: u64,
    /// Files of the source that are to be targets.
    pub seen: u64,
    /// Files hashed, and their bytes.
    pub hashed: (u64, u64),
    /// Yanked files and projects with a status: a list has no column for either.
    pub unsaid: u64,
}

/// Scans the source as a build would, and writes the list to `out`. The caller holds the lock.
///
/// # Errors
/// [`build::Error`].
pub fn inventory(
    request: &build::Request<'_>,
    out: &Path,
    reporter: &dyn Reporter,
) -> Result<Outcome, build::Error> {
    let state = State::new(request.state);
    let found = find::find(request, &state, reporter)?;
    let known: BTreeMap<Sha256, Facts> = facts::load(&state);
    let is_distribution = found.layout != Layout::Tree;
    let row = |file: &SourceFile| -> Result<Row, disk::Error> {
        reporter.event(event::Event::Done(1));
        let target = &file.candidate.target;
        let mut row = Row {
            path: Some(target.to_string()),
            size: Some(file.candidate.stamp.size.to_string()),
            sha256: Some(file.digest.to_string()),
            ..Row::default()
        };
        if is_distribution {
            let name = target.split().1;
            let project = target.segments().nth(1).and_then(|name| ProjectName::normalise(name).ok());
            row.version = project
                .as_ref()
                .and_then(|project| distribution::version_text(name, project))
                .map(str::to_owned);
            row.name = project.map(|project| project.to_string());
            row.filename = Some(name.to_owned());
            row.upload_time = found.marks.get(target).and_then(|mark| mark.uploaded.clone());
            row.requires_python = match known.get(&file.digest).filter(|facts| !facts.is_told) {
                Some(facts) => facts.requires_python.clone(),
                None => inspect::inspect(&file.candidate.path, name)?.0.requires_python,
            };
        }
        Ok(row)
    };
    let rows = event::stage(reporter, Stage::Index, Some(found.files.len() as u64), || {
        found.files.par_iter().map(row).collect::<Result<Vec<Row>, disk::Error>>()
    })?;
    inventory::write(out, &rows)?;
    let yanked = found.marks.values().filter(|mark| mark.yanked.is_some()).count();
    let unsaid = (yanked + found.statuses.len()) as u64;
    let outcome = Outcome { rows: rows.len() as u64, seen: found.seen, hashed: found.hashed, unsaid };
    find::remember(&state, found, None)?;
    Ok(outcome)
}
