//! Projects that their authors sign: what they delegate, and whether their pages say what their roles say.

use super::Request;
use super::walked::Walked;
use crate::disk::{Folder, read};
use crate::model::page::{self, Link, Page, percent_decoded};
use crate::model::{
    DelegatedRole, Key, KeyId, ProjectName, ProjectRole, RoleName, TargetFile, TargetPath, Targets,
    project_role,
};
use crate::trust::{Finding, claim};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// No page is larger.
const LARGEST: u64 = 64 << 20;

/// Checks every project that a list delegates to; pages only where target files are looked at.
pub(super) fn check(request: &Request<'_>, with_pages: bool, walked: &Walked, findings: &mut Vec<Finding>) {
    let lists = walked.targets.iter().filter(|(role, _)| role.is_list());
    forms(walked, findings);
    let projects: Vec<(ProjectName, &RoleName, BTreeMap<KeyId, Key>)> = lists
        .flat_map(|(_, list)| &list.delegations)
        .flat_map(|delegations| delegations.roles.iter().map(move |child| (delegations, child)))
        .filter_map(|(delegations, child)| match ProjectRole::parse(&child.name)? {
            (project, ProjectRole::Own) => {
                let keys = child.keys.keyids.iter();
                let keys = keys.filter_map(|id| Some((id.clone(), delegations.keys.get(id)?.clone())));
                Some((project, &child.name, keys.collect()))
            }
            _ => None,
        })
        .collect();
    let folder = Folder::new(request.targets);
    let found = projects.par_iter().flat_map_iter(|(project, role, keys)| {
        let Some(own) = walked.targets.get(*role) else { return Vec::new() };
        let faults = claim::faults(own, project, keys);
        let mut found: Vec<Finding> =
            faults.into_iter().map(|fault| Finding::role(role, fault.what)).collect();
        if with_pages {
            found.extend(pages(&folder, project, &all(own, walked)));
        }
        found
    });
    findings.extend(found.collect::<Vec<_>>());
}

/// A list delegates to its shards, and to projects in one form: any other could let a role speak for projects that are not its
/// own, and nothing else in the tree would look wrong.
fn forms(walked: &Walked, findings: &mut Vec<Finding>) {
    let lists = walked.targets.iter().filter(|(role, _)| role.is_list());
    let keys_of = |list: &RoleName| {
        let all = walked.targets.values().flat_map(|role| &role.delegations).flat_map(|d| &d.roles);
        all.into_iter().find(|child| child.name == *list).map(DelegatedRole::role_keys)
    };
    for (list, metadata) in lists {
        for child in metadata.delegations.iter().flat_map(|delegations| &delegations.roles) {
            let role = &child.name;
            let what = match ProjectRole::parse(role) {
                Some((project, ProjectRole::Own)) if project_role::is_delegation(child, &project) => continue,
                Some((project, ProjectRole::Own)) => format!(
                    "it delegates to {role} otherwise than for packages/{project}/* and simple/{project}/*, ending the \
                     search: {role} could speak for other projects"
                ),
                _ if !role.is_shard_of(list) => {
                    format!("it delegates to {role}, which is neither a project nor a shard of it")
                }
                _ if keys_of(list).is_some_and(|keys| keys == child.role_keys()) => continue,
                _ => format!("it delegates to its shard {role} with other keys than its own"),
            };
            findings.push(Finding::role(list, what));
        }
    }
}

/// Every target of a project, with the role that lists it.
type Listed<'a> = BTreeMap<&'a TargetPath, (RoleName, &'a TargetFile)>;

fn all<'a>(own: &'a Targets, walked: &'a Walked) -> Listed<'a> {
    let children = own.delegations.iter().flat_map(|d| &d.roles).map(|child| &child.name);
    let parts = children.filter_map(|name| Some((name.clone(), walked.targets.get(name)?)));
    let name = walked.targets.iter().find(|(_, role)| std::ptr::eq(*role, own)).map(|(name, _)| name.clone());
    let roles = name.map(|name| (name, own)).into_iter().chain(parts);
    roles
        .flat_map(|(name, role)| role.targets.iter().map(move |(path, file)| (path, (name.clone(), file))))
        .collect()
}

/// What the pages of a project say, against what its roles list.
fn pages(folder: &Folder, project: &ProjectName, listed: &Listed<'_>) -> Vec<Finding> {
    let prefix = format!("packages/{project}/");
    let distributions: BTreeMap<&str, &TargetFile> = listed
        .iter()
        .filter_map(|(path, (_, file))| Some((path.as_str().strip_prefix(&prefix)?, *file)))
        .filter(|(name, _)| !name.ends_with(".metadata"))
        .collect();
    let mut findings = Vec::new();
    for (path, (role, file)) in listed.iter().filter(|(path, _)| path.as_str().starts_with("simple/")) {
        // That it is gone, or another file, is found elsewhere.
        let Some(digest) = file.hashes.sha256() else { continue };
        let bytes = read::bounded(&folder.path(&path.hashed(&digest.to_string())), LARGEST).ok().flatten();
        let Some(bytes) = bytes else { continue };
        let mut found = |what: String| findings.push(Finding::target(role, path, what));
        let page = match path.split().1 {
            "index.html" => page::html(&bytes),
            _ => match page::json(&bytes) {
                Ok(page) => page,
                Err(error) => {
                    found(format!("installers cannot read it: {error}"));
                    continue;
                }
            },
        };
        compare(&page, &prefix, &distributions, listed, &mut found);
    }
    findings
}

fn compare(
    page: &Page,
    prefix: &str,
    distributions: &BTreeMap<&str, &TargetFile>,
    listed: &Listed<'_>,
    found: &mut dyn FnMut(String),
) {
    let mut offered: BTreeMap<&str, &Link> = BTreeMap::new();
    for link in &page.files {
        if offered.insert(&link.name, link).is_some() {
            found(format!("it offers {} twice", link.name));
        }
        let Some(file) = distributions.get(link.name.as_str()) else {
            found(format!("it offers {}, which no role of the project lists", link.name));
            continue;
        };
        if link.sha256.is_none() || link.sha256 != file.hashes.sha256() {
            found(format!("it gives {} another digest than the role that lists it", link.name));
        }
        if link.size.is_some_and(|size| size != file.length) {
            found(format!("it gives {} another size than the role that lists it", link.name));
        }
        let path = format!("{prefix}{}", link.name);
        if percent_decoded(&link.url).as_deref() != Some(&format!("../../{path}")) {
            found(format!("it leads to {} by {}, which is somewhere else", link.name, link.url));
        }
        let beside = format!("{path}.metadata").parse::<TargetPath>().ok();
        let beside = beside.and_then(|path| listed.get(&path)?.1.hashes.sha256());
        if link.metadata != beside {
            found(format!(
                "it gives the METADATA of {} another digest than the role that lists it",
                link.name
            ));
        }
    }
    for name in distributions.keys().filter(|name| !offered.contains_key(*name)) {
        found(format!("it does not offer {name}, which the project lists"));
    }
}
