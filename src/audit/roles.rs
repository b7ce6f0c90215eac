//! The walk over timestamp, snapshot and every targets role (TUF 1.0.34 sections 5.4 to 5.6).

use super::roots::Chain;
use super::tree::Tree;
use super::walked::{Leaf, Leaves, Walked};
use crate::model::{
    DelegatedRole, Delegations, Envelope, KeyId, Metadata, Moment, RoleKeys, RoleMeta, RoleName, Root,
    Snapshot, Targets, Timestamp,
};
use crate::report::{Event, Reporter};
use crate::trust::judge::{self, Expectation};
use crate::trust::{self, Finding, limits, verified};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A role that is to be read, and who delegates to it.
struct Next {
    role: RoleName,
    parents: Vec<(RoleName, RoleKeys)>,
}

/// What came of reading one delegated role.
struct Delegated {
    role: Option<Targets>,
    leaf: Option<Leaf>,
    findings: Vec<Finding>,
    file: Option<String>,
}

pub(super) fn walk(
    tree: &Tree,
    Chain { newest: root, former }: &Chain,
    leaves: Leaves,
    now: Moment,
    findings: &mut Vec<Finding>,
    reporter: &dyn Reporter,
) -> Walked {
    let mut walked = Walked { count: 1, ..Walked::default() };
    let reader = Reader { tree, now, leaves, consistent: root.consistent_snapshot, former };

    let role = RoleName::timestamp();
    let timestamp =
        reader.top_level::<Timestamp>(root, &role, None, limits::TIMESTAMP_BYTES, &mut walked, findings);
    let listed = timestamp.as_ref().and_then(Timestamp::snapshot).cloned();
    if timestamp.is_some() && listed.is_none() {
        findings.push(Finding::role(&role, "it lists no snapshot"));
    }
    let role = RoleName::snapshot();
    let snapshot = reader.top_level::<Snapshot>(
        root,
        &role,
        listed.as_ref(),
        limits::SNAPSHOT_BYTES,
        &mut walked,
        findings,
    );
    let role = RoleName::targets();
    let listed = snapshot.as_ref().and_then(|snapshot| snapshot.meta.get(&role));
    if snapshot.is_some() && listed.is_none() {
        findings.push(Finding::role(&role, "the snapshot does not list it"));
    }
    let targets =
        reader.top_level::<Targets>(root, &role, listed, limits::TARGETS_BYTES, &mut walked, findings);

    let mut parents: BTreeMap<RoleName, RoleName> = BTreeMap::new();
    let mut level: Vec<(RoleName, Targets)> = targets.map(|targets| (role, targets)).into_iter().collect();
    while !level.is_empty() {
        let mut next: BTreeMap<RoleName, Next> = BTreeMap::new();
        for (parent, targets) in &level {
            for child in targets.delegations.iter().flat_map(|d| &d.roles) {
                if let Some(other) = parents.get(&child.name) {
                    let what = format!(
                        "{other} and {parent} both delegate to it: a client that caches roles by name alone takes the one for the other"
                    );
                    findings.push(Finding::role(&child.name, what));
                }
                parents.entry(child.name.clone()).or_insert_with(|| parent.clone());
                let entry = next.entry(child.name.clone());
                let entry = entry.or_insert_with(|| Next { role: child.name.clone(), parents: Vec::new() });
                entry.parents.push((parent.clone(), child.role_keys()));
            }
        }
        let keys: BTreeMap<&RoleName, &Delegations> =
            level.iter().filter_map(|(name, role)| Some((name, role.delegations.as_ref()?))).collect();
        let unread: Vec<Next> = next.into_values().filter(|next| !walked.has(&next.role)).collect();
        let read: Vec<Delegated> = unread
            .par_iter()
            .map(|next| {
                let result = reader.delegated(next, &keys, snapshot.as_ref());
                reporter.event(Event::Done(1));
                result
            })
            .collect();
        drop(keys);
        let done = std::mem::take(&mut level);
        walked.targets.extend(done);
        for (next, Delegated { role, leaf, findings: found, file }) in unread.into_iter().zip(read) {
            walked.count += 1;
            findings.extend(found);
            walked.referred.extend(file);
            if let Some(leaf) = leaf {
                walked.leaves.insert(next.role.clone(), leaf);
            }
            // A role that names its own ancestor would be walked for ever.
            if let Some(role) = role.filter(|_| !walked.targets.contains_key(&next.role)) {
                level.push((next.role, role));
            }
        }
    }
    for (name, role) in &walked.targets {
        if let Some(delegations) = &role.delegations {
            super::keys::listed(name, &delegations.keys, findings);
            for field in delegations.extra.keys() {
                let why = match field.as_str() {
                    "succinct_roles" => "python-tuf takes it for terminating, and tough cannot read it",
                    _ => "tough loses it, and the signature with it",
                };
                findings
                    .push(Finding::role(name, format!("its delegations have the field {field:?}: {why}")));
            }
            delegations.roles.iter().for_each(|child| delegation(name, child, findings));
        }
    }
    walked.timestamp = timestamp;
    walked.snapshot = snapshot;
    walked
}

struct Reader<'a> {
    tree: &'a Tree,
    now: Moment,
    leaves: Leaves,
    consistent: bool,
    /// Keys that older roots named for a role: in the run that changes them, both sign, so that readers who have
    /// not got the new root yet are not left alone.
    former: &'a BTreeMap<RoleName, BTreeSet<KeyId>>,
}

impl Reader<'_> {
    /// The file name of a role: the version that is listed, or the highest there is.
    fn file_name(&self, role: &RoleName, listed: Option<&RoleMeta>) -> String {
        let version = listed.map(|meta| meta.version).or_else(|| self.tree.versions(role).last().copied());
        match version {
            Some(version) if self.consistent && *role != RoleName::timestamp() => {
                format!("{version}.{role}.json")
            }
            _ => format!("{role}.json"),
        }
    }

    fn top_level<T: Metadata>(
        &self,
        root: &Root,
        role: &RoleName,
        listed: Option<&RoleMeta>,
        limit: u64,
        walked: &mut Walked,
        findings: &mut Vec<Finding>,
    ) -> Option<T> {
        let file = self.file_name(role, listed);
        let nobody = RoleKeys::new(Vec::new(), 1);
        let signers = root.role(role).unwrap_or(&nobody);
        let expected = Expectation { role, keys: &root.keys, signers, meta: listed };
        let bytes = self.bytes(&file, &expected, limit, findings);
        let read = bytes.and_then(|bytes| self.judge(&bytes, &expected, findings));
        walked.count += 1;
        walked.referred.insert(file);
        read.map(Envelope::into_signed)
    }

    fn delegated(
        &self,
        next: &Next,
        keys: &BTreeMap<&RoleName, &Delegations>,
        snapshot: Option<&Snapshot>,
    ) -> Delegated {
        let mut findings = Vec::new();
        let listed = snapshot.and_then(|snapshot| snapshot.meta.get(&next.role));
        if snapshot.is_some() && listed.is_none() {
            findings.push(Finding::role(&next.role, "it is delegated, and the snapshot does not list it"));
        }
        let file = self.file_name(&next.role, listed);
        let none = BTreeMap::new();
        let keys_of = |parent: &RoleName| keys.get(parent).map_or(&none, |delegations| &delegations.keys);
        let Some(((parent, signers), others)) = next.parents.split_first() else {
            return Delegated { role: None, leaf: None, findings, file: None };
        };
        let expected = Expectation { role: &next.role, keys: keys_of(parent), signers, meta: listed };
        let bytes = self.bytes(&file, &expected, limits::TARGETS_BYTES, &mut findings);
        let straight = bytes.as_ref().filter(|_| self.leaves == Leaves::Counted && others.is_empty());
        let straight = straight.and_then(|bytes| trust::bin::straight(bytes, &expected));
        if let Some(bin) = straight.filter(|bin| bin.expires > self.now) {
            let (targets, signature) = (bin.count as u64, bin.signature.to_owned());
            let leaf = Some(Leaf { file: file.clone(), targets, signature });
            return Delegated { role: None, leaf, findings, file: Some(file) };
        }
        let read = bytes.and_then(|bytes| self.judge::<Targets>(&bytes, &expected, &mut findings));
        for (parent, signers) in others {
            if let Some(envelope) = &read
                && let Err(shortfall) = verified::check(envelope, keys_of(parent), signers)
            {
                findings.push(Finding::role(&next.role, format!("as {parent} delegates it: {shortfall}")));
            }
        }
        Delegated { role: read.map(Envelope::into_signed), leaf: None, findings, file: Some(file) }
    }

    fn bytes(
        &self,
        file: &str,
        expected: &Expectation<'_>,
        limit: u64,
        findings: &mut Vec<Finding>,
    ) -> Option<Vec<u8>> {
        let role = expected.role;
        let bytes = match self.tree.read(file) {
            Ok(Some(bytes)) => bytes,
            Ok(None) => {
                findings.push(Finding::role(role, format!("{file} is not there")));
                return None;
            }
            Err(why) => {
                findings.push(Finding::role(role, format!("{file} cannot be read: {why}")));
                return None;
            }
        };
        let length_listed = expected.meta.is_some_and(|meta| meta.length.is_some());
        if !length_listed && bytes.len() as u64 > limit {
            let what = format!(
                "{} bytes are more than the {limit} that clients read where no length is listed",
                bytes.len()
            );
            findings.push(Finding::role(role, what));
        }
        Some(bytes)
    }

    fn judge<T: Metadata>(
        &self,
        bytes: &[u8],
        expected: &Expectation<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<Envelope<T>> {
        let role = expected.role;
        let judged = match judge::judge::<T>(bytes, expected) {
            Ok(judged) => judged,
            Err(fault) => {
                findings.push(Finding::role(role, fault));
                return None;
            }
        };
        findings.extend(judged.faults.iter().map(|fault| Finding::role(role, fault)));
        for signature in judged.envelope.signatures() {
            let is_former = self.former.get(role).is_some_and(|keys| keys.contains(&signature.keyid));
            if !expected.signers.keyids.contains(&signature.keyid) && !is_former {
                let what = format!("key {} signed it and has no say in it", signature.keyid.short());
                let finding = Finding::role(role, what);
                // A ceremony that changes keys, and died before the root, leaves that: no client minds.
                findings.push(if role.is_top_level() { finding.warning() } else { finding });
            }
        }
        if !judged.envelope.is_stable() {
            let what = "it holds something that is lost when it is read and written again, as tough and python-tuf \
                        do, and the signature with it (a null, perhaps)";
            findings.push(Finding::role(role, what));
        }
        if let Err(fault) = judge::in_time(judged.envelope.signed(), self.now) {
            findings.push(Finding::role(role, fault));
        }
        Some(judged.envelope)
    }
}

/// What clients read differently in a delegation, or not at all.
fn delegation(parent: &RoleName, child: &DelegatedRole, findings: &mut Vec<Finding>) {
    super::keys::of_role(parent, &child.name, &child.keys.keyids, findings);
    if child.name.is_top_level() {
        findings.push(Finding::role(
            parent,
            format!("it delegates to {}, a name that is root's to give", child.name),
        ));
    }
    if child.paths.is_some() == child.path_hash_prefixes.is_some() {
        let what = format!("its delegation to {} needs either paths or path_hash_prefixes", child.name);
        findings.push(Finding::role(parent, what));
    }
    for pattern in child.paths.iter().flatten() {
        if let Some(why) = pattern.ambiguity() {
            let what = format!("the pattern {:?} of {}: {why}", pattern.as_str(), child.name);
            findings.push(Finding::role(parent, what));
        }
    }
    if !child.extra.is_empty() {
        let what =
            format!("its delegation to {} has fields that tough does not know and would lose", child.name);
        findings.push(Finding::role(parent, what));
    }
}
