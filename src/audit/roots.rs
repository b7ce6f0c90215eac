//! The chain of roots (TUF 1.0.34 section 5.3): each signed by the one before and by itself.

use super::tree::Tree;
use crate::disk;
use crate::model::{Envelope, Moment, RoleKeys, RoleMeta, RoleName, Root, Version};
use crate::trust::judge::{self, Expectation};
use crate::trust::{Finding, limits};
use std::collections::BTreeMap;

/// Walks the chain from `given`, or from the oldest root there; gives the newest. `None` if not
/// even the first can be read.
pub(super) fn walk(
    tree: &Tree,
    given: Option<Vec<u8>>,
    now: Moment,
    findings: &mut Vec<Finding>,
) -> Result<Option<Root>, disk::Error> {
    let role = RoleName::root();
    let there = tree.versions(&role);
    let first = match (given, there.first()) {
        (Some(bytes), _) => Some(bytes),
        (None, Some(oldest)) => tree.read(&file_name(*oldest))?,
        (None, None) => tree.read("root.json")?,
    };
    let Some(bytes) = first else {
        findings.push(Finding::role(&role, "there is no root, so that nothing can be trusted"));
        return Ok(None);
    };
    let Some(mut trusted) = judge_root(&bytes, None, None, findings) else { return Ok(None) };
    let start = trusted.version;
    loop {
        let next = trusted.version.next();
        let Some(bytes) = tree.read(&file_name(next))? else { break };
        let Some(root) = judge_root(&bytes, Some(&trusted), Some(next), findings) else { break };
        trusted = root;
        // The file's own number goes on, whatever version stands in it.
        trusted.version = next;
    }
    if let Some(beyond) = there.iter().find(|version| **version > trusted.version.next()) {
        let gap = trusted.version.next();
        findings.push(Finding::role(
            &role,
            format!("{gap}.root.json is missing: no client ever gets to {beyond}.root.json"),
        ));
    }
    if trusted.version.number() - start.number() > limits::ROOT_ROTATIONS {
        let what = format!(
            "more than {} rotations from version {start}: python-tuf stops on the way",
            limits::ROOT_ROTATIONS
        );
        findings.push(Finding::role(&role, what));
    }
    if let Err(fault) = judge::in_time(&trusted, now) {
        findings.push(Finding::role(&role, fault));
    }
    Ok(Some(trusted))
}

fn file_name(version: Version) -> String {
    format!("{version}.root.json")
}

/// One root; what is wrong with it is found and it is used all the same, so that the rest of the
/// tree can be looked at.
fn judge_root(
    bytes: &[u8],
    before: Option<&Root>,
    version: Option<Version>,
    findings: &mut Vec<Finding>,
) -> Option<Root> {
    let role = RoleName::root();
    let named = |what: String| match version {
        Some(version) => Finding::role(&role, format!("version {version}: {what}")),
        None => Finding::role(&role, what),
    };
    if bytes.len() as u64 > limits::ROOT_BYTES {
        findings.push(named(format!(
            "{} bytes are more than the {} that clients read",
            bytes.len(),
            limits::ROOT_BYTES
        )));
    }
    let own = match Envelope::<Root>::parse(bytes) {
        Ok(envelope) => envelope.into_signed(),
        Err(error) => {
            findings.push(named(error.to_string()));
            return None;
        }
    };
    let meta =
        version.map(|version| RoleMeta { version, length: None, hashes: None, extra: BTreeMap::new() });
    let nobody = RoleKeys::new(Vec::new(), 1);
    for (by, whose) in
        before.into_iter().map(|root| (root, "by the keys of the version before: ")).chain([(&own, "")])
    {
        let signers = by.role(&role).unwrap_or(&nobody);
        let expected = Expectation { role: &role, keys: &by.keys, signers, meta: meta.as_ref() };
        match judge::judge::<Root>(bytes, &expected) {
            Ok(judged) => findings.extend(judged.faults.iter().map(|fault| named(format!("{whose}{fault}")))),
            Err(fault) => findings.push(named(fault.to_string())),
        }
    }
    Some(own)
}
