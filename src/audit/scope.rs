//! Whether a client that looks for a target comes to the role that lists it.

use super::roles::Walked;
use crate::model::{RoleName, Targets};
use crate::trust::{Finding, limits, lookup};
use rayon::prelude::*;
use std::collections::BTreeMap;

pub(super) fn check(walked: &Walked, findings: &mut Vec<Finding>) {
    let roles: BTreeMap<RoleName, &Targets> =
        walked.targets.iter().map(|(name, role)| (name.clone(), role)).collect();
    let found: Vec<Finding> = walked
        .targets
        .par_iter()
        .flat_map(|(role, targets)| targets.targets.par_iter().map(move |(path, file)| (role, path, file)))
        .flat_map_iter(|(role, path, file)| {
            let search = lookup::search(path, &roles);
            let mut found = Vec::new();
            if search.visited.len() > limits::ROLES_VISITED {
                let what = format!(
                    "a search for it visits {} roles, and clients stop at {}",
                    search.visited.len(),
                    limits::ROLES_VISITED
                );
                found.push(Finding::target(role, path, what));
            }
            match (&search.found, &search.ended_by, &search.missing) {
                (Some(by), ..) if by == role => {}
                (Some(by), ..) => {
                    let what = format!("{role} lists it, and a search finds what {by} says of it first");
                    found.push(Finding::target(role, path, what).warning());
                }
                (None, _, Some(missing)) => {
                    let what = format!(
                        "no client finds it: the search comes to the role {missing}, which is not there"
                    );
                    found.push(Finding::target(role, path, what));
                }
                (None, Some(by), None) => {
                    let what = format!(
                        "no client finds it in {role}: the search ends at {by}, which does not list it"
                    );
                    found.push(Finding::target(role, path, what));
                }
                (None, None, None) => {
                    let what =
                        format!("no client finds it: {role} lists it outside of what it may speak for");
                    found.push(Finding::target(role, path, what));
                }
            }
            if file
                .extra
                .get("custom")
                .is_some_and(|custom| custom.as_object().is_some_and(serde_json::Map::is_empty))
            {
                found.push(Finding::target(
                    role,
                    path,
                    "its custom is empty: tough loses it, and the signature with it",
                ));
            }
            if file.hashes.sha256().is_none() {
                found.push(Finding::target(role, path, "no sha256 is listed, which tough requires"));
            }
            found
        })
        .collect();
    findings.extend(found);
}
