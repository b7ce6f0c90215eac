//! The pages of an author's project, rendered here to be compared with what the author signed.

use crate::disk;
use crate::model::page;
use crate::model::{Entry, ProjectName, RoleName, Sha256, TargetFile, TargetPath};
use crate::pipeline::index;
use crate::pipeline::inspect;
use crate::pipeline::source::Facts;
use crate::submission::Refusal;
use crate::submission::check::Checked;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What every distribution says of itself; `path_of` finds its bytes. Of one that is nowhere at hand, and stays as it is
/// published, goes what a list said, or what the published page does, which `told` gives.
pub(super) fn facts(
    checked: &Checked,
    known: &BTreeMap<Sha256, Facts>,
    told: &BTreeMap<Sha256, Facts>,
    path_of: &(dyn Fn(&Entry) -> Result<Option<PathBuf>, disk::Error> + Sync),
) -> Result<Result<BTreeMap<Sha256, Facts>, Vec<Refusal>>, disk::Error> {
    let distributions: Vec<Entry> = distributions(&checked.files);
    let all: Vec<Result<(Sha256, Facts), Refusal>> = distributions
        .par_iter()
        .map(|entry| {
            let known = known.get(&entry.digest);
            if let Some(facts) = known.filter(|facts| !facts.is_told) {
                return Ok(Ok((entry.digest, facts.clone())));
            }
            let Some(path) = path_of(entry)? else {
                if let Some(facts) = told.get(&entry.digest).or(known) {
                    return Ok(Ok((entry.digest, facts.clone())));
                }
                let what = "the site has no copy of it, and it is not in the ZIP";
                let way_out = "sign again with the file in --dist";
                return Ok(Err(Refusal::new("target-missing", entry.path.as_str(), what, way_out)));
            };
            Ok(Ok((entry.digest, inspect::inspect(&path, entry.path.split().1)?.0)))
        })
        .collect::<Result<_, disk::Error>>()?;
    let (found, refusals): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
    if refusals.is_empty() {
        Ok(Ok(found.into_iter().filter_map(Result::ok).collect()))
    } else {
        Ok(Err(refusals.into_iter().filter_map(Result::err).collect()))
    }
}

/// The distributions among the files of a project.
fn distributions(files: &BTreeMap<TargetPath, (RoleName, TargetFile)>) -> Vec<Entry> {
    let entry = |(path, (_, file)): (&TargetPath, &(RoleName, TargetFile))| {
        let is_metadata = path.as_str().ends_with(".metadata");
        let digest = file.hashes.sha256().filter(|_| !is_metadata)?;
        Some(Entry { path: path.clone(), length: file.length, digest })
    };
    files.iter().filter_map(entry).collect()
}

/// Compares the pages that were signed with what `build` would render from the same files; `json` is the
/// page that says what no archive does: what is yanked, and when it was uploaded. Where the project's own role
/// is not submitted, `before` is the published page, with the names of the files that whoever submits lists.
pub(super) fn compare(
    project: &ProjectName,
    checked: &Checked,
    facts: &BTreeMap<Sha256, Facts>,
    json: &[u8],
    before: Option<(&page::Page, &BTreeSet<String>)>,
) -> Vec<Refusal> {
    let mut refusals = metadata(checked, facts);
    let again = "sign again with --from, with the release of tuffet that the index runs";
    let path = format!("simple/{project}/index.v1_json");
    let told = match page::json(json) {
        Ok(told) => told,
        Err(error) => {
            refusals.push(Refusal::new("page", path, error, again));
            return refusals;
        }
    };
    if let Some((before, listed)) = before {
        refusals.extend(said_of_others(&told, before, listed));
    }
    for (path, bytes) in index::pages_of(project, &distributions(&checked.files), facts, &told) {
        let rendered = Sha256::of(&bytes);
        let signed = checked.pages.get(&path).and_then(|(_, file)| file.hashes.sha256());
        if signed != Some(rendered) {
            let what = "it is not, byte for byte, the page that follows from the files";
            refusals.push(Refusal::new("page", path.as_str(), what, again));
        }
    }
    refusals
}

/// What a page says of files that whoever signed it does not list, where the published one says something
/// else, or nothing: a member yanks no file of the author's. `listed` are the names of the member's own files.
fn said_of_others(told: &page::Page, before: &page::Page, listed: &BTreeSet<String>) -> Vec<Refusal> {
    let refuse =
        |what: String| Refusal::new("page", "simple/", what, "leave that to the author of the project");
    let mut refusals = Vec::new();
    if told.status != before.status {
        refusals.push(refuse("it gives the project another status".to_owned()));
    }
    let said = |page: &page::Page, name: &str| {
        let link = page.files.iter().find(|link| link.name == name);
        link.map(|link| (link.yanked.clone(), link.uploaded.clone())).unwrap_or_default()
    };
    for link in told.files.iter().filter(|link| !listed.contains(&link.name)) {
        if said(told, &link.name) != said(before, &link.name) {
            refusals.push(refuse(format!(
                "it says something else of {}, which is another's to release",
                link.name
            )));
        }
    }
    refusals
}

/// Whether the METADATA of each wheel is listed as the wheel has it.
fn metadata(checked: &Checked, facts: &BTreeMap<Sha256, Facts>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for entry in distributions(&checked.files) {
        let beside: Option<TargetPath> = format!("{}.metadata", entry.path).parse().ok();
        let listed = beside.as_ref().and_then(|path| checked.files.get(path));
        let listed = listed.and_then(|(_, file)| Some((file.hashes.sha256()?, file.length)));
        let holds = facts.get(&entry.digest).and_then(|facts| facts.metadata);
        if listed != holds {
            let what = match (listed, holds) {
                (None, _) => "it is listed without its METADATA beside it (PEP 658)",
                (Some(_), None) => "METADATA is listed beside it, and it holds none",
                (Some(_), Some(_)) => "the METADATA listed beside it is another than it holds",
            };
            refusals.push(Refusal::new("metadata-file", entry.path.as_str(), what, "sign again"));
        }
    }
    refusals
}
