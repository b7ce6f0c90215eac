//! Files and pages that the site alone has: those that authors signed, and pages of which the source says nothing just
//! now. Where a build looks at everything, they get back the names and copies that they lack.

use super::authors::Authors;
use super::strayed::{BLOCKED, Strayed};
use super::{Lazy, Request, TargetFiles};
use crate::disk::stage::Bring;
use crate::disk::{self, FileStamp, read};
use crate::model::{Compression, Entry, TargetPath};
use crate::pipeline::source::SourceFile;
use crate::report::{Code, Reporter, Silent, Warning};
use crate::runs::project::remove_pages;
use crate::site::copies::{self, Original};
use crate::site::read::Published;
use crate::site::swap::Written;
use crate::site::targets::{self, Arrival, Content, Incoming, Manner, PlainName, Survey};
use crate::site::{Site, layout};
use crate::state::State;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kept {
    pub(super) written: Written,
    /// Whether something was to get a name, and did not.
    pub(super) lacks_names: bool,
}

/// Mends all that the site alone has but for pages of a mirror: copies of roles, and what authors signed. Pages of
/// projects that are suspended go: whoever suspended one may not have ended before they were gone.
pub(super) fn mend(
    request: &Request<'_>,
    published: &Published,
    authors: &Authors,
    files: &[SourceFile],
    staging: &mut Lazy<'_>,
    reporter: &dyn Reporter,
) -> Result<Kept, disk::Error> {
    let (site, state) = (Site::new(request.site), State::new(request.state));
    let mut written = super::copies::mend(request, &site, published, staging)?;
    let mut kept = names(request, &site, authors, files, staging, reporter)?;
    written.add(copies(&site, authors.signed(), request.compress, staging)?);
    let suspended = published.projects.iter().filter(|(_, project)| project.is_suspended());
    remove_pages(&site, &state, &suspended.map(|(name, _)| name).collect::<Vec<_>>())?;
    kept.written.add(written);
    Ok(kept)
}

/// Gives names back. The bytes are those under the hashed name, else those of the mirror, if it has them, or
/// those under the plain one.
fn names(
    request: &Request<'_>,
    site: &Site,
    authors: &Authors,
    files: &[SourceFile],
    staging: &mut Lazy<'_>,
    reporter: &dyn Reporter,
) -> Result<Kept, disk::Error> {
    let mut kept = Kept::default();
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
    let manner = Manner { bring: Bring::Copy, tough_alias: request.tough_alias };
    let files_are_copied = request.target_files == TargetFiles::Copy;
    let mut surveys = targets::survey(site, &incoming, manner)?;
    if files_are_copied {
        let of_mirror =
            |file: &Incoming<'_>| mirror.get(&file.entry.path).is_some_and(|one| one.entry() == *file.entry);
        for (file, survey) in incoming.iter().zip(&mut surveys).filter(|(file, _)| of_mirror(file)) {
            *survey = targets::apart(site, file, *survey, manner)?;
        }
    }
    let arrivals = if surveys.iter().any(Survey::lacks_something) {
        let lacking = incoming.iter().zip(&surveys).filter(|(_, survey)| survey.lacks_something());
        staging.gives_back(lacking.map(|(file, _)| file.entry))?;
        targets::bring(site, staging.open()?, &incoming, &surveys, manner, &Silent)?
    } else {
        surveys.iter().map(|survey| survey.refusal().unwrap_or(Arrival::AlreadyThere)).collect()
    };
    for (entry, arrival) in entries.iter().zip(arrivals) {
        let warning = match arrival {
            Arrival::AlreadyThere => continue,
            Arrival::New(_) => {
                kept.written.add(Written { files: 1, bytes: entry.length });
                (Code::Restored, "one of its names was gone, had other bytes, or was a link to the source")
            }
            Arrival::Changed | Arrival::NameTaken => (
                Code::Lost,
                "its author signed it, and its bytes are nowhere: restore the site from a backup, or have the \
                 author submit it again",
            ),
            Arrival::NameBlocked => (Code::NameBlocked, BLOCKED),
        };
        kept.lacks_names |= warning.0 != Code::Restored;
        reporter.warn(Warning::of_file(warning.0, entry.path.as_str(), warning.1));
    }
    Ok(kept)
}

/// Gives pages among these their compressed copies.
fn copies<'e>(
    site: &Site,
    entries: impl IntoIterator<Item = &'e Entry>,
    forms: &[Compression],
    staging: &mut Lazy<'_>,
) -> Result<Written, disk::Error> {
    let mut originals = Vec::new();
    for entry in entries.into_iter().filter(|e| e.path.segments().next() == Some(layout::PAGES)) {
        let hashed = entry.path.hashed(&entry.digest.to_string());
        // Whatever else stands there is said elsewhere.
        if site.folder().stamp(&hashed)?.is_some() {
            originals.push(Original::of_target(entry, read::bytes(&site.folder().path(&hashed))?));
        }
    }
    staging.carry_out(&copies::plan(site, &originals, forms)?, true)
}

/// Gives pages of which the source says nothing just now their plain names and copies back; and what is made and leaves, for
/// the files that leave with it get theirs back too.
pub(super) fn pages(
    site: &Site,
    [entries, leaving]: [&[&Entry]; 2],
    manner: Manner,
    forms: &[Compression],
    staging: &mut Lazy<'_>,
    reporter: &dyn Reporter,
) -> Result<Kept, disk::Error> {
    let mut strayed = Strayed::new(site, manner);
    entries.iter().try_for_each(|entry| strayed.look(entry, false, reporter))?;
    leaving.iter().try_for_each(|entry| strayed.look_at_what_leaves(entry))?;
    let mut written = strayed.give_back(staging, reporter)?;
    written.add(copies(site, entries.iter().chain(leaving).copied(), forms, staging)?);
    Ok(Kept { written, lacks_names: strayed.lacks_names() })
}
