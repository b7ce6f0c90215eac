//! Files and pages that the site alone has: those that authors signed, and pages of which the source says nothing just
//! now. Where a build looks at everything, they get back the names and copies that they lack.

use super::Lazy;
use super::authors::Authors;
use super::place;
use crate::disk::stage::Bring;
use crate::disk::{self, FileStamp, read};
use crate::model::{Compression, Entry, TargetPath};
use crate::pipeline::source::SourceFile;
use crate::report::{Code, Reporter, Silent, Warning};
use crate::site::copies::{self, Original};
use crate::site::swap::Written;
use crate::site::targets::{self, Arrival, Content, Incoming, Manner, PlainName, Survey};
use crate::site::{Site, layout};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Gives names back. The bytes are those under the hashed name, else those of the mirror, if it has them, or
/// those under the plain one.
pub(super) fn names(
    site: &Site,
    authors: &Authors,
    files: &[SourceFile],
    tough_alias: bool,
    staging: &mut Lazy<'_>,
    reporter: &dyn Reporter,
) -> Result<Written, disk::Error> {
    let mut written = Written::default();
    let mirror: BTreeMap<&TargetPath, &SourceFile> =
        files.iter().map(|file| (&file.candidate.target, file)).collect();
    let entries: Vec<&Entry> = authors.signed().collect();
    let sources: Vec<(PathBuf, FileStamp)> = entries
        .iter()
        .map(|entry| {
            let of_mirror = mirror.get(&entry.path).filter(|file| file.entry() == **entry);
            // A list says where nothing is.
            if let Some(file) = of_mirror.filter(|file| !file.candidate.path.as_os_str().is_empty()) {
                return Ok((file.candidate.path.clone(), file.candidate.stamp));
            }
            // Whatever is brought in is hashed once more.
            let plain = site.folder().stamp(entry.path.as_str())?;
            Ok((site.folder().path(entry.path.as_str()), plain.unwrap_or(FileStamp::NONE)))
        })
        .collect::<Result<_, disk::Error>>()?;
    let incoming: Vec<Incoming<'_>> = entries
        .iter()
        .zip(&sources)
        .map(|(entry, (path, stamp))| Incoming {
            entry,
            content: Content::File(path, stamp),
            plain: PlainName::Pass,
        })
        .collect();
    let manner = Manner { bring: Bring::Copy, tough_alias };
    let surveys = targets::survey(site, &incoming, manner)?;
    if !surveys.iter().any(Survey::lacks_something) {
        return Ok(written);
    }
    let lacking = incoming.iter().zip(&surveys).filter(|(_, survey)| survey.lacks_something());
    staging.gives_back(lacking.map(|(file, _)| file.entry))?;
    let arrivals = targets::bring(site, staging.open()?, &incoming, &surveys, manner, &Silent)?;
    for (entry, arrival) in entries.iter().zip(arrivals) {
        let warning = match arrival {
            Arrival::AlreadyThere => continue,
            Arrival::New(_) => {
                written.add(Written { files: 1, bytes: entry.length });
                (Code::Restored, "one of its names was gone or had other bytes")
            }
            Arrival::Changed | Arrival::NameTaken => (
                Code::Lost,
                "its author signed it, and its bytes are nowhere: restore the site from a backup, or have the \
                 author submit it again",
            ),
            Arrival::NameBlocked => (
                Code::NameBlocked,
                "in the site, its name or a folder on its way is something else; remove that",
            ),
        };
        reporter.warn(Warning::of_file(warning.0, entry.path.as_str(), warning.1));
    }
    Ok(written)
}

/// Gives pages among these their compressed copies.
pub(super) fn copies<'e>(
    site: &Site,
    entries: impl IntoIterator<Item = &'e Entry>,
    forms: &[Compression],
    staging: &mut Lazy<'_>,
) -> Result<Written, disk::Error> {
    let mut originals = Vec::new();
    for entry in entries.into_iter().filter(|e| e.path.segments().next() == Some(layout::PAGES)) {
        let hashed = entry.path.hashed(&entry.digest.to_string());
        if let Some(bytes) = read::bytes_if_there(&site.folder().path(&hashed))? {
            originals.push(Original::of_target(entry, bytes));
        }
    }
    staging.carry_out(&copies::plan(site, &originals, forms)?, true)
}

/// Gives pages of which the source says nothing just now their plain names and copies back.
pub(super) fn pages(
    site: &Site,
    entries: &[&Entry],
    manner: Manner,
    forms: &[Compression],
    staging: &mut Lazy<'_>,
    reporter: &dyn Reporter,
) -> Result<Written, disk::Error> {
    let mut strayed = Vec::new();
    for entry in entries {
        if place::has_strayed(site, entry, manner, false, reporter)? {
            strayed.push(*entry);
        }
    }
    let mut written = place::give_back(site, staging, &strayed, manner, reporter)?;
    written.add(copies(site, entries.iter().copied(), forms, staging)?);
    Ok(written)
}
