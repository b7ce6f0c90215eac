//! Files and pages that authors signed, and that the site alone has: where a build looks at everything, they
//! get back the names and copies that they lack.

use super::Lazy;
use super::authors::Authors;
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
            if let Some(file) = mirror.get(&entry.path).filter(|file| file.entry() == **entry) {
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

/// Gives the pages of authors their compressed copies.
pub(super) fn copies(
    site: &Site,
    authors: &Authors,
    forms: &[Compression],
    staging: &mut Lazy<'_>,
) -> Result<Written, disk::Error> {
    if forms.is_empty() {
        return Ok(Written::default());
    }
    let mut originals = Vec::new();
    for entry in authors.signed().filter(|e| e.path.segments().next() == Some(layout::PAGES)) {
        let hashed = entry.path.hashed(&entry.digest.to_string());
        if let Some(bytes) = read::bytes_if_there(&site.folder().path(&hashed))? {
            originals.push(Original { names: vec![hashed, entry.path.to_string()], bytes: bytes.into() });
        }
    }
    let plan = copies::plan(site, &originals, forms)?;
    if plan.is_empty() { Ok(Written::default()) } else { copies::carry_out(site, staging.open()?, &plan) }
}
