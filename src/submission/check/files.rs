//! What the roles list, held against each other, against what is published, and against what is in the ZIP.

use super::{Checked, Published, Resulting, page_paths, page_role};
use crate::model::target_path::looks_hashed;
use crate::model::{
    Distribution, Envelope, Hashes, ProjectName, ProjectRole, RoleName, TargetFile, TargetPath, Targets,
    project_role,
};
use crate::submission::{Claim, LARGEST_FILE, Refusal, Submission};
use std::collections::BTreeMap;

/// The last part of the check; `refusals` are those so far.
pub(super) fn check(
    submission: &Submission,
    published: &Published<'_>,
    result: &Resulting<'_>,
    binds: Option<Claim>,
    mut refusals: Vec<Refusal>,
) -> Result<Checked, Vec<Refusal>> {
    let project = &submission.project;
    let mut files: BTreeMap<TargetPath, (RoleName, TargetFile)> = BTreeMap::new();
    let mut pages = BTreeMap::new();
    let role_of_pages = page_role(result.own.signed());
    let all = std::iter::once((ProjectRole::Own, result.own))
        .chain(result.parts.iter().map(|(part, role)| (part.clone(), *role)));
    for (part, role) in all {
        let Some(name) = part.of(project) else { continue };
        let submitted = submission.roles.get(&part).map(|role| role.file());
        let at = submitted.unwrap_or_else(|| name.to_string());
        if part != ProjectRole::Own && role.signed().delegations.is_some() {
            let what = format!("{name} delegates on, and only the project's own role may");
            refusals.push(Refusal::new("delegation", &at, what, "leave it out"));
        }
        for (path, file) in &role.signed().targets {
            let listing = Listed { part: &part, role_of_pages: &role_of_pages, role, at: &at };
            if let Some(refusal) = listing.fault(project, result, path, file) {
                refusals.push(refusal);
                continue;
            }
            let listed = if path.as_str().starts_with("simple/") { &mut pages } else { &mut files };
            if let Some((other, _)) = listed.insert(path.clone(), (name.clone(), file.clone())) {
                let what = format!("{other} and {name} both list {path}");
                refusals.push(Refusal::new("target-path", &at, what, "list it in one role"));
            }
        }
    }
    for page in page_paths(project).into_iter().flatten().filter(|page| !pages.contains_key(page)) {
        let role = role_of_pages.of(project).map(|role| role.to_string()).unwrap_or_default();
        let what = format!("{role} does not list {page}");
        refusals.push(Refusal::new("page", page.as_str(), what, "sign again with --from"));
    }
    rivals(&files, &mut refusals);
    let before = before(published);
    for (path, (_, file)) in files.iter().chain(&pages) {
        contents(submission, &before, path, file, &mut refusals);
    }
    for path in submission.targets.keys() {
        if !files.contains_key(path) && !pages.contains_key(path) {
            let what = "no role of the submission lists it";
            refusals.push(Refusal::new("target-extra", format!("targets/{path}"), what, "leave it out"));
        }
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let stays = |path: &TargetPath| files.contains_key(path) || pages.contains_key(path);
    let dropped = before.keys().filter(|path| !stays(path)).cloned().collect();
    let roles = submission.roles.values();
    let roles = roles.map(|role| (role.name.clone(), role.version, role.bytes.clone())).collect();
    Ok(Checked { roles, binds, files, pages, dropped, before })
}

/// Every target of the project that is published, or was until it was suspended.
fn before(published: &Published<'_>) -> BTreeMap<TargetPath, TargetFile> {
    let mut before = published.besides.clone();
    let own = published.project.map(|project| project.targets()).unwrap_or_default();
    before.extend(own.into_iter().map(|(path, (_, file))| (path, file)));
    before
}

/// A role that lists targets.
struct Listed<'a> {
    part: &'a ProjectRole,
    role_of_pages: &'a ProjectRole,
    role: &'a Envelope<Targets>,
    /// What it is called in a refusal.
    at: &'a str,
}

impl Listed<'_> {
    /// Why it may not list a target.
    fn fault(
        &self,
        project: &ProjectName,
        result: &Resulting<'_>,
        path: &TargetPath,
        file: &TargetFile,
    ) -> Option<Refusal> {
        let Self { part, role_of_pages, role, at } = *self;
        let refuse = |check, what: String, way_out| Some(Refusal::new(check, at, what, way_out));
        if file.hashes.sha256().map(Hashes::sha256_only).as_ref() != Some(&file.hashes) {
            return refuse("hashes", format!("{path} has not sha256 alone"), "sign again");
        }
        if file.length > LARGEST_FILE {
            let what = format!("{path} has {} bytes, and {LARGEST_FILE} are taken at most", file.length);
            return refuse("size", what, "leave it out");
        }
        let is_page = page_paths(project).iter().flatten().any(|page| page == path);
        if is_page {
            return match part == role_of_pages {
                true => None,
                false => {
                    refuse("page", format!("{path} is not this role's to sign"), "sign again with --from")
                }
            };
        }
        if path.as_str().starts_with("simple/") {
            let what = format!("{path} is neither of the project's two pages");
            return refuse("target-path", what, "leave it out");
        }
        let folder = project_role::files_pattern(project);
        if !folder.covers(path) {
            let what = format!("{path} is not delegated to it: its files lie in packages/{project}/");
            return refuse("target-path", what, "leave it out");
        }
        if *part == ProjectRole::Pages {
            return refuse("target-path", format!("{path} is no page"), "list it in another role");
        }
        if let ProjectRole::Member(_) = part {
            let delegations = result.own.signed().delegations.as_ref();
            let children = delegations.map(|d| d.roles.as_slice()).unwrap_or_default();
            let child = children.iter().find(|child| part.of(project).as_ref() == Some(&child.name));
            if child.is_none_or(|child| !child.covers(path, &path.digest().to_string())) {
                let what = format!("{path} is outside of what the author delegated to this member");
                return refuse("target-path", what, "leave it out, or ask the author for more");
            }
        }
        let name = path.split().1;
        if looks_hashed(name) {
            let what = format!("{path} begins as the hashed copies do that TUF clients fetch");
            return refuse("file-name", what, "rename the file");
        }
        if let Some(wheel) = name.strip_suffix(".metadata") {
            let beside = role.signed().targets.keys().any(|other| other.split().1 == wheel);
            if !wheel.ends_with(".whl") || !beside {
                let what = format!("{path} is the METADATA of no wheel that this role lists");
                return refuse("file-name", what, "leave it out");
            }
            return None;
        }
        let belongs = match Distribution::from_file_name(name) {
            Distribution::Settled(of) => of == *project,
            Distribution::Unsettled(may_be) => may_be.contains(project),
            Distribution::Other => false,
        };
        if belongs {
            return None;
        }
        refuse(
            "file-name",
            format!("{name} is no wheel and no sdist of {project}"),
            "leave it out, or rename it",
        )
    }
}

/// Names that tough sorts differently beside each other.
fn rivals(files: &BTreeMap<TargetPath, (RoleName, TargetFile)>, refusals: &mut Vec<Refusal>) {
    for path in files.keys() {
        let rival =
            path.rivals().find(|rival| rival.parse().is_ok_and(|r: TargetPath| files.contains_key(&r)));
        if let Some(rival) = rival {
            let what = format!("beside {rival}, tough would sort its name differently and refuse both");
            refusals.push(Refusal::new("file-name", path.as_str(), what, "rename one of them"));
        }
    }
}

/// Whether the bytes of a target are at hand, and are what was published under its name.
fn contents(
    submission: &Submission,
    before: &BTreeMap<TargetPath, TargetFile>,
    path: &TargetPath,
    file: &TargetFile,
    refusals: &mut Vec<Refusal>,
) {
    let at = format!("targets/{path}");
    let is_page = path.as_str().starts_with("simple/");
    let published = before.get(path);
    if !is_page && published.is_some_and(|published| published.hashes != file.hashes) {
        let what = "it is published with other bytes, which never change under a name";
        refusals.push(Refusal::new("clash", at, what, "give the release another version"));
        return;
    }
    match submission.targets.get(path) {
        None if published.is_some_and(|published| published == file) => {}
        None => {
            let what = "a role lists it, and it is not in the ZIP";
            refusals.push(Refusal::new("target-missing", at, what, "sign again with the file in --dist"));
        }
        Some(&size) if size != file.length => {
            let what = format!("it has {size} bytes, and the role says {}", file.length);
            refusals.push(Refusal::new("target-bytes", at, what, "sign again"));
        }
        Some(_) => {}
    }
}
