//! The upgrade of a client that holds an older state of the repository: nothing it holds may go
//! back (TUF 1.0.34 sections 5.3.11, 5.4.3, 5.5.5), and the chain of roots must lead on from its own.

use super::tree::Tree;
use super::walked::Walked;
use crate::model::{Envelope, Metadata, RoleName, Root, Snapshot, Timestamp, Version, metadata};
use crate::trust::{Finding, verified};

pub(super) fn check(old: &Tree, tree: &Tree, root: &Root, walked: &Walked, findings: &mut Vec<Finding>) {
    for name in &old.names {
        if metadata::parse_file_name(name).is_some()
            && let (Ok(Some(before)), Ok(Some(after))) = (old.read(name), tree.read(name))
            && before != after
        {
            findings.push(Finding::file(name, "a versioned name has other bytes than before"));
        }
    }
    let role = RoleName::root();
    let newest = old.versions(&role).last().copied();
    let name = newest.map_or_else(|| "root.json".to_owned(), |version| metadata::versioned(&role, version));
    let Some(old_root) = envelope::<Root>(old, &name).map(Envelope::into_signed) else {
        findings.push(Finding::role(&role, "the older state has no root that can be read"));
        return;
    };
    chain(old_root.version, root.version, tree, findings);
    let before = envelope::<Timestamp>(old, "timestamp.json");
    let listed = before.as_ref().and_then(|before| before.signed().snapshot()).map(|meta| meta.version);
    let name = match listed {
        Some(version) if old_root.consistent_snapshot => metadata::versioned(&RoleName::snapshot(), version),
        _ => "snapshot.json".to_owned(),
    };
    let snapshot = envelope::<Snapshot>(old, &name);
    // What the new root's keys did not sign, a client forgets (section 5.3.11).
    let before = before.filter(|before| holds(before, root, &RoleName::timestamp()));
    let snapshot = snapshot.filter(|snapshot| holds(snapshot, root, &RoleName::snapshot()));
    if let (Some(before), Some(after)) = (before.as_ref().map(Envelope::signed), &walked.timestamp) {
        falls(&RoleName::timestamp(), before.version, after.version, findings);
        if before.version == after.version && before != after {
            findings
                .push(Finding::role(&RoleName::timestamp(), "it has other content under the same version"));
        }
    }
    if let (Some(before), Some(after)) = (snapshot.as_ref().map(Envelope::signed), &walked.snapshot) {
        falls(&RoleName::snapshot(), before.version, after.version, findings);
        for (role, meta) in &before.meta {
            match after.meta.get(role) {
                Some(now) => falls(role, meta.version, now.version, findings),
                None => {
                    let what = "the snapshot listed it and does not any more: every returning client refuses the snapshot";
                    findings.push(Finding::role(role, what));
                }
            }
        }
    }
}

/// Every root between the client's and the newest must be there.
fn chain(from: Version, to: Version, tree: &Tree, findings: &mut Vec<Finding>) {
    let role = RoleName::root();
    if from > to {
        findings.push(Finding::role(&role, format!("it goes back from version {from} to {to}")));
    }
    let there = tree.versions(&role);
    let mut next = from.next();
    while next <= to && there.contains(&next) && next > from {
        next = next.next();
    }
    if next <= to {
        let what = format!(
            "{next}.root.json is not there: a client that trusts version {from} never learns of {to}"
        );
        findings.push(Finding::role(&role, what));
    }
}

fn holds<T: Metadata>(envelope: &Envelope<T>, root: &Root, role: &RoleName) -> bool {
    root.role(role).is_some_and(|keys| verified::check(envelope, &root.keys, keys).is_ok())
}

fn falls(role: &RoleName, before: Version, after: Version, findings: &mut Vec<Finding>) {
    if after < before {
        let what =
            format!("it goes back from version {before} to {after}: every returning client refuses it");
        findings.push(Finding::role(role, what));
    }
}

fn envelope<T: Metadata>(tree: &Tree, name: &str) -> Option<Envelope<T>> {
    Envelope::parse(&tree.read(name).ok()??).ok()
}
