//! The chain of roots (TUF 1.0.34 section 5.3): each signed by the one before and by itself.

use super::tree::Tree;
use crate::model::{Envelope, KeyId, Moment, RoleKeys, RoleMeta, RoleName, Root, Version};
use crate::trust::judge::{self, Expectation};
use crate::trust::{Fault, Finding, limits};
use std::collections::{BTreeMap, BTreeSet};

/// The newest root, and the keys that older ones named for each role.
pub(super) struct Chain {
    pub(super) newest: Root,
    pub(super) former: BTreeMap<RoleName, BTreeSet<KeyId>>,
}

/// Walks the chain from `given`, or from the oldest root there. `None` if not even the first can be read.
pub(super) fn walk(
    tree: &Tree,
    given: Option<Vec<u8>>,
    now: Moment,
    findings: &mut Vec<Finding>,
) -> Option<Chain> {
    let role = RoleName::root();
    let mut former: BTreeMap<RoleName, BTreeSet<KeyId>> = BTreeMap::new();
    let there = tree.versions(&role);
    let first = match (given, there.first()) {
        (Some(bytes), _) => Some(bytes),
        (None, Some(oldest)) => read(tree, &file_name(*oldest), findings),
        (None, None) => read(tree, "root.json", findings),
    };
    let Some(bytes) = first else {
        findings.push(Finding::role(&role, "there is no root, so that nothing can be trusted"));
        return None;
    };
    let mut trusted = judge_root(&bytes, None, None, findings)?;
    let start = trusted.version;
    // A root that claims the highest version of all has no next one.
    while let Some(next) =
        Version::new(trusted.version.number().saturating_add(1)).filter(|v| *v > trusted.version)
    {
        let Some(bytes) = read(tree, &file_name(next), findings) else { break };
        let Some(root) = judge_root(&bytes, Some(&trusted), Some(next), findings) else { break };
        for (name, keys) in std::mem::replace(&mut trusted, root).roles {
            former.entry(name).or_default().extend(keys.keyids);
        }
        // The file's own number goes on, whatever version stands in it.
        trusted.version = next;
    }
    newest(&trusted, findings);
    if let Some(oldest) = there.first().filter(|oldest| **oldest > Version::FIRST && start == **oldest) {
        let what = format!(
            "the roots before version {oldest} are gone: a client that starts from one of them cannot follow"
        );
        findings.push(Finding::role(&role, what).warning());
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
    Some(Chain { newest: trusted, former })
}

fn read(tree: &Tree, name: &str, findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
    tree.read(name).unwrap_or_else(|why| {
        findings.push(Finding::role(&RoleName::root(), format!("{name} cannot be read: {why}")));
        None
    })
}

/// What clients refuse in the root that they end at; older ones they only pass through.
fn newest(root: &Root, findings: &mut Vec<Finding>) {
    let role = RoleName::root();
    for name in root.roles.keys().filter(|name| !name.is_top_level()) {
        findings.push(Finding::role(
            &role,
            format!("it names keys for {name}, which is no top-level role: python-tuf refuses it"),
        ));
    }
    for (name, keys) in &root.roles {
        super::keys::of_role(&role, name, &keys.keyids, findings);
    }
    super::keys::listed(&role, &root.keys, findings);
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
            Ok(judged) => findings.extend(judged.faults.iter().map(|fault| {
                let finding = named(format!("{whose}{fault}"));
                // Clients that pass through an old root may be more lenient about its form.
                if matches!(fault, Fault::ExpiresForm(_)) { finding.warning() } else { finding }
            })),
            Err(fault) => findings.push(named(fault.to_string())),
        }
    }
    Some(own)
}
