//! Whether a client that looks for a target comes to the role that lists it.

use super::tree::Tree;
use super::walked::Walked;
use crate::model::{BinFile, RoleName, TargetFile, TargetPath};
use crate::report::{Event, Reporter};
use crate::trust::lookup::{Known, Roles};
use crate::trust::{Finding, limits};
use rayon::prelude::*;
use std::collections::BTreeSet;

pub(super) fn check(tree: &Tree, walked: &mut Walked, findings: &mut Vec<Finding>, reporter: &dyn Reporter) {
    loop {
        let looked = look(tree, walked, reporter);
        if looked.unsure.is_empty() {
            findings.extend(looked.findings);
            return;
        }
        // Where roles cover the same paths, what stands in the one decides about the other.
        walked.hold(tree, &looked.unsure);
    }
}

/// What came of one look at every target.
#[derive(Default)]
struct Looked {
    findings: Vec<Finding>,
    /// Leaves that a search for the target of another role comes to first.
    unsure: BTreeSet<RoleName>,
}

impl Looked {
    fn and(mut self, other: Self) -> Self {
        self.findings.extend(other.findings);
        self.unsure.extend(other.unsure);
        self
    }
}

fn look(tree: &Tree, walked: &Walked, reporter: &dyn Reporter) -> Looked {
    let whole = walked.targets.iter().map(|(name, role)| (name, Known::Whole(role)));
    let roles = Roles::new(whole.chain(walked.leaves.keys().map(|name| (name, Known::Leaf))));
    let held = walked.targets.par_iter().map(|(role, targets)| {
        let looked = targets.targets.par_iter().map(|(path, file)| {
            let mut looked = Looked::default();
            target(&roles, role, path, &mut looked);
            listed(role, path, file, &mut looked.findings);
            looked
        });
        let looked = looked.reduce(Looked::default, Looked::and);
        reporter.event(Event::Done(1));
        looked
    });
    let leaves = walked.leaves.par_iter().map(|(role, leaf)| {
        let mut looked = Looked::default();
        let bytes = tree.read(&leaf.file).ok().flatten().unwrap_or_default();
        match BinFile::parse(&bytes).filter(|file| file.signature == leaf.signature) {
            Some(file) => {
                for path in file.targets().filter_map(|target| target.path.parse().ok()) {
                    target(&roles, role, &path, &mut looked);
                }
            }
            None => {
                let what = format!("{} changed while it was looked at: verify again", leaf.file);
                looked.findings.push(Finding::role(role, what));
            }
        }
        reporter.event(Event::Done(1));
        looked
    });
    held.reduce(Looked::default, Looked::and).and(leaves.reduce(Looked::default, Looked::and))
}

/// A search for a target that `role` lists.
fn target(roles: &Roles<'_>, role: &RoleName, path: &TargetPath, looked: &mut Looked) {
    let unsure = std::cell::RefCell::new(&mut looked.unsure);
    let search = roles.search(path, &|leaf| {
        if leaf != role {
            unsure.borrow_mut().insert(leaf.clone());
        }
        leaf == role
    });
    let mut found = |what: String| looked.findings.push(Finding::target(role, path, what));
    if search.visited.len() > limits::ROLES_VISITED {
        found(format!(
            "a search for it visits {} roles, and clients stop at {}",
            search.visited.len(),
            limits::ROLES_VISITED
        ));
    }
    match (search.found, search.ended_by, search.missing) {
        (Some(by), ..) if by == role => {}
        (Some(by), ..) => {
            let what = format!("{role} lists it, and a search finds what {by} says of it first");
            looked.findings.push(Finding::target(role, path, what).warning());
        }
        (None, _, Some(missing)) => {
            found(format!("no client finds it: the search comes to the role {missing}, which is not there"));
        }
        (None, Some(by), None) => {
            found(format!("no client finds it in {role}: the search ends at {by}, which does not list it"));
        }
        (None, None, None) => {
            found(format!("no client finds it: {role} lists it outside of what it may speak for"));
        }
    }
}

/// What clients miss, or lose, of what is listed of a target.
fn listed(role: &RoleName, path: &TargetPath, file: &TargetFile, findings: &mut Vec<Finding>) {
    let custom = file.extra.get("custom").and_then(serde_json::Value::as_object);
    if custom.is_some_and(serde_json::Map::is_empty) {
        let what = "its custom is empty: tough loses it, and the signature with it";
        findings.push(Finding::target(role, path, what));
    }
    if file.hashes.sha256().is_none() {
        findings.push(Finding::target(role, path, "no sha256 is listed, which tough requires"));
    }
}
