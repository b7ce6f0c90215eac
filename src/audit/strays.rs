//! Files that nobody refers to: no client is harmed, and somebody should know why they are there.

use super::copies::{self, Copied};
use super::tree::Tree;
use super::walked::Walked;
use super::{Request, TargetFiles};
use crate::disk::walk;
use crate::disk::{self, Folder};
use crate::model::project_role::SUSPENDS;
use crate::model::{BinFile, Compression, Envelope, RoleName, Snapshot, Targets, Version, metadata};
use crate::trust::Finding;
use rayon::prelude::*;
use std::collections::BTreeSet;

pub(super) fn check(
    request: &Request<'_>,
    tree: &Tree,
    consistent: bool,
    walked: &Walked,
    findings: &mut Vec<Finding>,
) -> Result<(), disk::Error> {
    let mut roles = walked.referred.clone();
    let mut files = Files { wanted: request.target_files != TargetFiles::Ignored, ..Files::default() };
    walked.targets.values().for_each(|role| files.add(role));
    if consistent {
        let mut stand_ins = add_history(tree, walked, &mut roles, &mut files);
        stand_ins.extend(walked.targets.iter().filter_map(stood_in_for));
        add_suspended(tree, walked, &stand_ins, &mut roles, &mut files);
    }
    // Roles that nobody delegates any more stay listed, with their last file.
    if let Some(snapshot) = &walked.snapshot {
        roles.extend(snapshot.meta.iter().map(|(role, meta)| metadata::versioned(role, meta.version)));
    }
    let in_metadata = shown_below(request.targets, request.metadata);
    let is_known = |name: &str| {
        name == "root.json"
            || roles.contains(name)
            || metadata::parse_file_name(name).is_some_and(|(_, role)| role == RoleName::root())
    };
    let shown = in_metadata.as_ref().map(|folder| format!("{folder}/")).unwrap_or_default();
    let mut copied = Vec::new();
    for name in tree.names.iter().filter(|name| !is_known(name)) {
        match copy_of(name).filter(|copy| is_known(&copy.original)) {
            Some(copy) => copied.push(copy),
            None => {
                let finding = Finding::file(&format!("{shown}{name}"), "nobody refers to this file");
                findings.push(finding.warning());
            }
        }
    }
    copies::check(&Folder::new(request.metadata), &copied, &shown, findings);
    if request.target_files == TargetFiles::Ignored {
        return Ok(());
    }
    let mut copied = Vec::new();
    for found in walk::below(request.targets)? {
        let name = found.relative.to_string_lossy().into_owned();
        let is_metadata = in_metadata
            .as_ref()
            .and_then(|folder| name.strip_prefix(folder))
            .and_then(|n| n.strip_prefix('/'));
        let known = match is_metadata {
            Some(name) => !name.contains('/'),
            None => files.contains(&name),
        };
        if known {
            continue;
        }
        match copy_of(&name).filter(|copy| name.starts_with("simple/") && files.contains(&copy.original)) {
            Some(copy) => copied.push(copy),
            None => findings.push(Finding::file(&name, "nobody refers to this file").warning()),
        }
    }
    copies::check(&Folder::new(request.targets), &copied, "", findings);
    Ok(())
}

/// What the name of a compressed copy says.
fn copy_of(name: &str) -> Option<Copied> {
    let (original, form) = Compression::original_of(name)?;
    Some(Copied { name: name.to_owned(), original: original.to_owned(), form })
}

/// Where the metadata base is below the targets base, if it is.
fn shown_below(targets: &std::path::Path, metadata: &std::path::Path) -> Option<String> {
    Some(metadata.strip_prefix(targets).ok()?.to_string_lossy().into_owned())
}

/// The names under which targets may lie, where somebody wants to know them.
#[derive(Default)]
struct Files {
    wanted: bool,
    names: BTreeSet<String>,
}

impl Files {
    fn contains(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// Every name of the targets of a role.
    fn add(&mut self, role: &Targets) {
        self.add_hashed(role);
        if self.wanted {
            self.names.extend(role.targets.keys().map(ToString::to_string));
        }
    }

    /// The same without the plain ones.
    fn add_hashed(&mut self, role: &Targets) {
        for (path, file) in role.targets.iter().filter(|_| self.wanted) {
            let names = file.hashes.digests().flat_map(|d| [path.hashed(d), path.tough_alias(d)]);
            self.names.extend(names);
        }
    }
}

/// What earlier snapshots refer to, as long as their files are there: a reader may still be at it. Gives the
/// roles that empty ones stood in for.
fn add_history(
    tree: &Tree,
    walked: &Walked,
    roles: &mut BTreeSet<String>,
    files: &mut Files,
) -> BTreeSet<(RoleName, Version)> {
    let mut stand_ins = BTreeSet::new();
    let Some(current) = &walked.snapshot else { return stand_ins };
    let role = RoleName::snapshot();
    for &version in tree.versions(&role).iter().filter(|version| **version < current.version) {
        let name = metadata::versioned(&role, version);
        let bytes = tree.read(&name).ok().flatten().unwrap_or_default();
        let Ok(snapshot) = Envelope::<Snapshot>::parse(&bytes) else { continue };
        roles.insert(name);
        let listed = snapshot.signed().meta.iter();
        let listed = listed.map(|(role, meta)| (role, metadata::versioned(role, meta.version)));
        let new: Vec<(&RoleName, String)> = listed.filter(|(_, name)| roles.insert(name.clone())).collect();
        let is_wanted = files.wanted;
        let read = new.par_iter().filter_map(|(role, name)| {
            let bytes = tree.read(name).ok().flatten()?;
            // A bin in our own form stands in for nothing.
            if !is_wanted && BinFile::parse(&bytes).is_some() {
                return None;
            }
            Some((*role, Envelope::<Targets>::parse(&bytes).ok()?.into_signed()))
        });
        for (role, targets) in read.collect::<Vec<_>>() {
            files.add(&targets);
            stand_ins.extend(stood_in_for((role, &targets)));
        }
    }
    stand_ins
}

/// The role and the version of it that an empty one stands in for, if this is one.
fn stood_in_for((role, targets): (&RoleName, &Targets)) -> Option<(RoleName, Version)> {
    let version = targets.extra.get(SUSPENDS).and_then(serde_json::Value::as_u64);
    Some((role.clone(), version.and_then(Version::new)?))
}

/// What authors had signed last of projects that are suspended: `sweep` keeps it, for they come back to it.
fn add_suspended(
    tree: &Tree,
    walked: &Walked,
    stand_ins: &BTreeSet<(RoleName, Version)>,
    roles: &mut BTreeSet<String>,
    files: &mut Files,
) {
    let mut add = |role: &RoleName, version: Version| -> Option<Targets> {
        let name = metadata::versioned(role, version);
        let bytes = tree.read(&name).ok().flatten()?;
        let targets = Envelope::<Targets>::parse(&bytes).ok()?.into_signed();
        roles.insert(name);
        // Not the plain names: what is suspended is not published.
        files.add_hashed(&targets);
        Some(targets)
    };
    for (role, version) in stand_ins {
        let Some(before) = add(role, *version) else { continue };
        for child in before.delegations.iter().flat_map(|d| &d.roles) {
            let listed = walked.snapshot.as_ref().and_then(|snapshot| snapshot.meta.get(&child.name));
            listed.and_then(|meta| add(&child.name, meta.version));
        }
    }
}
