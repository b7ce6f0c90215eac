//! The files of submissions: unpacked into the staging folder, compared with what was signed, and given their
//! names when everything holds.

use super::super::{Error, bring, bring_pages};
use super::pass::Passed;
use super::{Request, pages};
use crate::disk;
use crate::disk::FileStamp;
use crate::disk::stage::Staging;
use crate::model::page::{self, Page};
use crate::model::{Entry, ProjectRole, RoleKeys, Sha256, TargetPath};
use crate::pipeline::inspect;
use crate::pipeline::source::Facts;
use crate::report::{Reporter, Silent};
use crate::site::Site;
use crate::site::projects::Project;
use crate::site::read::Published;
use crate::site::swap;
use crate::site::targets::{self, Arrival, Content, Incoming, PlainName};
use crate::submission::check::Checked;
use crate::submission::{Refusal, Submission};
use crate::trust::verified;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A target file that was unpacked.
pub(super) struct Received {
    pub(super) path: PathBuf,
    pub(super) stamp: FileStamp,
    pub(super) entry: Entry,
}

/// Unpacks every target file into the staging folder, and compares what it hashes to.
pub(super) fn receive(
    request: &Request<'_>,
    staging: &Staging,
    passed: &[Passed],
) -> Result<Vec<BTreeMap<TargetPath, Received>>, Error> {
    let mut all = Vec::new();
    let mut refused = Vec::new();
    for Passed { submission, checked, .. } in passed {
        let mut received = BTreeMap::new();
        let mut refusals = Vec::new();
        submission.unpack::<disk::Error>(|target, reader| {
            let Some((_, file)) = checked.files.get(target).or_else(|| checked.pages.get(target)) else {
                return Ok(());
            };
            let (path, stamp, digest) = match staging.receive(reader, file.length, request.place.now) {
                Ok(received) => received,
                Err(error)
                    if error.source.kind() == std::io::ErrorKind::Other
                        || error.source.kind() == std::io::ErrorKind::InvalidData
                        || error.source.kind() == std::io::ErrorKind::InvalidInput =>
                {
                    let what = format!("it cannot be unpacked: {}", error.source);
                    refusals.push(Refusal::new(
                        "target-bytes",
                        format!("targets/{target}"),
                        what,
                        "make the ZIP again",
                    ));
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            if Some(digest) != file.hashes.sha256() || stamp.size != file.length {
                let what = format!("its SHA-256 is {digest}, and the role says another");
                refusals.push(Refusal::new("target-bytes", format!("targets/{target}"), what, "sign again"));
            }
            let name = target.split().1;
            if target.as_str().starts_with("packages/")
                && !name.ends_with(".metadata")
                && let Some(why) = inspect::fault(&path, name, &submission.project)?
            {
                let file = format!("targets/{target}");
                refusals.push(Refusal::new("distribution", file, why, "build it again, and sign again"));
            }
            let entry = Entry { path: target.clone(), length: stamp.size, digest };
            received.insert(target.clone(), Received { path, stamp, entry });
            Ok(())
        })?;
        if !refusals.is_empty() {
            refused.push((submission.path().to_owned(), refusals));
        }
        all.push(received);
    }
    if refused.is_empty() { Ok(all) } else { Err(Error::Refused(refused)) }
}

/// Compares every project's pages with what follows from its files.
pub(super) fn compare_pages(
    site: &Site,
    published: &Published,
    passed: &[Passed],
    received: &[BTreeMap<TargetPath, Received>],
    known: &BTreeMap<Sha256, Facts>,
) -> Result<(), Error> {
    let mut refused = Vec::new();
    for (Passed { submission, checked, .. }, received) in passed.iter().zip(received) {
        let path_of = |entry: &Entry| {
            let unpacked = received.get(&entry.path).filter(|received| received.entry == *entry);
            let name = entry.path.hashed(&entry.digest.to_string());
            Ok(match unpacked {
                Some(received) => Some(received.path.clone()),
                None => site.folder().stamp(&name)?.map(|_| site.folder().path(&name)),
            })
        };
        let told = told_by_page(site, submission, checked)?;
        let refusals = match pages::facts(checked, known, &told, &path_of)? {
            Err(refusals) => refusals,
            Ok(facts) => {
                let name = format!("simple/{}/index.v1_json", submission.project);
                let page = checked.pages.iter().find(|(path, _)| path.as_str() == name);
                let entry = page.and_then(|(path, (_, file))| {
                    Some(Entry { path: path.clone(), length: file.length, digest: file.hashes.sha256()? })
                });
                let path = entry.map(|entry| path_of(&entry)).transpose()?.flatten();
                let json = path.map(|path| disk::read::bytes(&path)).transpose()?.unwrap_or_default();
                let before = page_before(site, submission, checked, published)?;
                let before = before.as_ref().map(|(page, listed)| (page, listed));
                pages::compare(&submission.project, checked, &facts, &json, before)
            }
        };
        if !refusals.is_empty() {
            refused.push((submission.path().to_owned(), refusals));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(Error::Refused(refused)) }
}

/// What the published page says of the distributions of a project.
fn told_by_page(
    site: &Site,
    submission: &Submission,
    checked: &Checked,
) -> Result<BTreeMap<Sha256, Facts>, disk::Error> {
    let read = |name: &str| {
        let path = format!("simple/{}/{name}", submission.project).parse::<TargetPath>().ok();
        let listed = path.and_then(|path| Some((checked.before.get(&path)?.hashes.sha256()?, path)));
        let hashed = listed.map(|(digest, path)| path.hashed(&digest.to_string()));
        hashed
            .map(|name| disk::read::bytes_if_there(&site.folder().path(&name)))
            .transpose()
            .map(Option::flatten)
    };
    let page = match read("index.v1_json")?.and_then(|bytes| page::json(&bytes).ok()) {
        Some(page) => page,
        None => read("index.html")?.map(|bytes| page::html(&bytes)).unwrap_or_default(),
    };
    let digest = |name: &str| {
        let path = format!("packages/{}/{name}", submission.project).parse::<TargetPath>().ok()?;
        let file = checked.before.get(&path)?;
        Some((file.hashes.sha256()?, file.length))
    };
    let said = page.files.into_iter().filter_map(|link| {
        let (sha256, _) = digest(&link.name)?;
        let metadata = digest(&format!("{}.metadata", link.name));
        Some((sha256, Facts { requires_python: link.requires_python, metadata, ..Facts::default() }))
    });
    Ok(said.collect())
}

/// The published page of a project of whose holders none signed the new one, and the names of the files of which that
/// page may say something new: those that the submitted roles of members list.
fn page_before(
    site: &Site,
    submission: &Submission,
    checked: &Checked,
    published: &Published,
) -> Result<Option<(Page, BTreeSet<String>)>, disk::Error> {
    let Some(project) = published.projects.get(&submission.project).filter(|one| !one.is_suspended()) else {
        return Ok(None);
    };
    if signed_by_a_holder(submission, project, checked) {
        return Ok(None);
    }
    let name = format!("simple/{}/index.v1_json", submission.project);
    let entry = project.entries().into_iter().find(|entry| entry.path.as_str() == name);
    let hashed = entry.map(|entry| entry.path.hashed(&entry.digest.to_string()));
    let bytes =
        hashed.map(|name| disk::read::bytes_if_there(&site.folder().path(&name))).transpose()?.flatten();
    let page = bytes.and_then(|bytes| page::json(&bytes).ok()).unwrap_or_default();
    let of_members = submission.roles.iter().filter(|(part, _)| **part != ProjectRole::Own);
    let listed = of_members.flat_map(|(_, role)| role.envelope.signed().targets.keys());
    Ok(Some((page, listed.map(|path| path.split().1.to_owned()).collect())))
}

/// Whether the role that lists the pages of a submission has the signature of one of the keys that are to hold the
/// project: every member may sign it, too, and have a submission of theirs pass for another's.
fn signed_by_a_holder(submission: &Submission, project: &Project, checked: &Checked) -> bool {
    let Some(own) = submission.roles.get(&ProjectRole::Own) else { return false };
    let pages = submission.roles.get(&ProjectRole::Pages).unwrap_or(own);
    let keys = checked.binds.as_ref().map_or(&project.keys, |claim| &claim.keys);
    let any = RoleKeys::new(keys.keys().cloned().collect(), 1);
    verified::check(&pages.envelope, keys, &any).is_ok()
}

/// Gives the unpacked files their names. All of them are looked at before the first is.
pub(super) fn place_files(
    request: &Request<'_>,
    site: &Site,
    staging: &Staging,
    passed: &[Passed],
    received: &[BTreeMap<TargetPath, Received>],
    reporter: &dyn Reporter,
) -> Result<swap::Written, Error> {
    let place = request.place;
    let is_page = |path: &TargetPath| path.as_str().starts_with("simple/");
    let files: Vec<(usize, &Received)> = received
        .iter()
        .enumerate()
        .flat_map(|(index, received)| received.values().map(move |one| (index, one)))
        .filter(|(_, one)| !is_page(&one.entry.path))
        .collect();
    give_back(request, site, staging, passed, received)?;
    let incoming: Vec<Incoming<'_>> = files
        .iter()
        .map(|(_, one)| Incoming {
            entry: &one.entry,
            content: Content::File(&one.path, &one.stamp),
            plain: PlainName::Keep,
        })
        .collect();
    let surveys = targets::survey(site, &incoming, place.manner())?;
    let mut refused: BTreeMap<usize, Vec<Refusal>> = BTreeMap::new();
    for ((index, one), survey) in files.iter().zip(&surveys) {
        let what = match survey.refusal() {
            None => continue,
            Some(Arrival::NameTaken) => {
                "its name was public with other bytes, which readers may still hold; `tuffet sweep` on the index frees it"
            }
            Some(_) => "in the site, something that is no file stands under its name",
        };
        let refusal = Refusal::new(
            "clash",
            format!("targets/{}", one.entry.path),
            what,
            "give the release another version",
        );
        refused.entry(*index).or_default().push(refusal);
    }
    if !refused.is_empty() {
        let path = |index: usize| passed[index].submission.path().to_owned();
        return Err(Error::Refused(refused.into_iter().map(|(index, all)| (path(index), all)).collect()));
    }
    let arrivals = bring(&place, staging, &incoming, &surveys, reporter)?;
    let mut written = swap::Written::default();
    for ((_, one), arrival) in files.iter().zip(&arrivals) {
        match arrival {
            Arrival::New(_) => written.add(swap::Written { files: 1, bytes: one.entry.length }),
            Arrival::AlreadyThere => {}
            // Nobody but this run writes there.
            Arrival::Changed | Arrival::NameTaken | Arrival::NameBlocked => {
                let source = std::io::Error::other("it changed while it was taken in");
                return Err(disk::Error::new("bring in", &one.path, source).into());
            }
        }
    }
    let pages: Vec<(Entry, Vec<u8>)> = received
        .iter()
        .flat_map(BTreeMap::values)
        .filter(|one| is_page(&one.entry.path))
        .map(|one| Ok((one.entry.clone(), disk::read::bytes(&one.path)?)))
        .collect::<Result<_, disk::Error>>()?;
    written.add(bring_pages(&place, staging, &pages)?);
    Ok(written)
}

/// Files of projects that come back from a suspension lie there under their hashed names alone.
fn give_back(
    request: &Request<'_>,
    site: &Site,
    staging: &Staging,
    passed: &[Passed],
    received: &[BTreeMap<TargetPath, Received>],
) -> Result<(), disk::Error> {
    let coming_back = passed.iter().zip(received).filter(|(passed, _)| passed.checked.binds.is_some());
    let mut entries = Vec::new();
    for (passed, received) in coming_back {
        for (path, (_, file)) in passed.checked.files.iter().filter(|(path, _)| !received.contains_key(path))
        {
            let Some(digest) = file.hashes.sha256() else { continue };
            let entry = Entry { path: path.clone(), length: file.length, digest };
            let hashed = path.hashed(&digest.to_string());
            if let Some(stamp) = site.folder().stamp(&hashed)? {
                entries.push((entry, site.folder().path(&hashed), stamp));
            }
        }
    }
    let incoming: Vec<Incoming<'_>> = entries
        .iter()
        .map(|(entry, path, stamp)| Incoming {
            entry,
            content: Content::File(path, stamp),
            plain: PlainName::Keep,
        })
        .collect();
    let surveys = targets::survey(site, &incoming, request.place.manner())?;
    if surveys.iter().any(targets::Survey::lacks_something) {
        bring(&request.place, staging, &incoming, &surveys, &Silent)?;
    }
    Ok(())
}
