//! What clients refuse about keys, wherever they are listed.

use crate::model::{Key, KeyId, RoleName};
use crate::trust::Finding;
use crate::trust::signature::PublicKey;
use std::collections::{BTreeMap, BTreeSet};

/// The keys that a root or a targets role lists.
pub(super) fn listed(by: &RoleName, keys: &BTreeMap<KeyId, Key>, findings: &mut Vec<Finding>) {
    for (keyid, key) in keys {
        if key.id().ok().as_ref() != Some(keyid) {
            let what = format!(
                "key {} is listed under an id that is not its hash, which tough refuses",
                keyid.short()
            );
            findings.push(Finding::role(by, what));
        }
        if let Err(fault) = PublicKey::read(key) {
            findings.push(Finding::role(by, format!("key {}: {fault}", keyid.short())));
        }
    }
}

/// The keys that may sign one role.
pub(super) fn of_role(by: &RoleName, role: &RoleName, keyids: &[KeyId], findings: &mut Vec<Finding>) {
    let different: BTreeSet<&KeyId> = keyids.iter().collect();
    if different.len() < keyids.len() {
        findings
            .push(Finding::role(by, format!("it names a key for {role} twice, which python-tuf refuses")));
    }
}
