//! The upgrade of a client that holds an older state of the repository: nothing it holds may go
//! back (TUF 1.0.34 sections 5.3.11, 5.4.3, 5.5.5).

use super::roles::Walked;
use super::tree::Tree;
use crate::disk;
use crate::model::{Envelope, Metadata, RoleName, Root, Snapshot, Timestamp, metadata};
use crate::trust::Finding;
use std::path::Path;

pub(super) fn check(
    old: &Path,
    tree: &Tree,
    root: &Root,
    walked: &Walked,
    findings: &mut Vec<Finding>,
) -> Result<(), disk::Error> {
    let old = Tree::open(old)?;
    for name in &old.names {
        if metadata::parse_file_name(name).is_some()
            && let (Some(before), Some(after)) = (old.read(name)?, tree.read(name)?)
            && before != after
        {
            findings.push(Finding::file(name, "a versioned name has other bytes than before"));
        }
    }
    let role = RoleName::root();
    let newest = old.versions(&role).last().copied();
    let old_root = match newest {
        Some(version) => old.read(&metadata::versioned(&role, version))?,
        None => old.read("root.json")?,
    };
    let old_root = old_root.and_then(|bytes| Some(Envelope::<Root>::parse(&bytes).ok()?.into_signed()));
    let Some(old_root) = old_root else {
        findings.push(Finding::role(&role, "the older state has no root that can be read"));
        return Ok(());
    };
    if old_root.version > root.version {
        let what = format!("it goes back from version {} to {}", old_root.version, root.version);
        findings.push(Finding::role(&role, what));
    }
    // A client forgets timestamp and snapshot when their keys change (section 5.3.11).
    let keys_stay = |role: &RoleName| old_root.role(role) == root.role(role);
    if !keys_stay(&RoleName::timestamp()) || !keys_stay(&RoleName::snapshot()) {
        return Ok(());
    }
    let before = read_at::<Timestamp>(&old, "timestamp.json")?;
    if let (Some(before), Some(after)) = (&before, &walked.timestamp) {
        falls(&RoleName::timestamp(), before.version.number(), after.version.number(), findings);
        if before.version == after.version && before != after {
            findings
                .push(Finding::role(&RoleName::timestamp(), "it has other content under the same version"));
        }
    }
    let listed = before.as_ref().and_then(Timestamp::snapshot).map(|meta| meta.version);
    let name = match listed {
        Some(version) if old_root.consistent_snapshot => metadata::versioned(&RoleName::snapshot(), version),
        _ => "snapshot.json".to_owned(),
    };
    if let (Some(before), Some(after)) = (read_at::<Snapshot>(&old, &name)?, &walked.snapshot) {
        falls(&RoleName::snapshot(), before.version.number(), after.version.number(), findings);
        for (role, meta) in &before.meta {
            match after.meta.get(role) {
                Some(now) => falls(role, meta.version.number(), now.version.number(), findings),
                None => {
                    let what = "the snapshot listed it and does not any more: every returning client refuses the snapshot";
                    findings.push(Finding::role(role, what));
                }
            }
        }
    }
    Ok(())
}

fn falls(role: &RoleName, before: u64, after: u64, findings: &mut Vec<Finding>) {
    if after < before {
        let what =
            format!("it goes back from version {before} to {after}: every returning client refuses it");
        findings.push(Finding::role(role, what));
    }
}

fn read_at<T: Metadata>(tree: &Tree, name: &str) -> Result<Option<T>, disk::Error> {
    let bytes = tree.read(name)?;
    Ok(bytes.and_then(|bytes| Some(Envelope::<T>::parse(&bytes).ok()?.into_signed())))
}
