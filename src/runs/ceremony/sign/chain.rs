//! What leads to the roles of a ceremony, and what they follow: held against signatures, and against what the
//! ledger knows.

use super::{Confirmed, Error};
use crate::ceremony::{Ceremony, Ledger, Step};
use crate::keys::Signer;
use crate::model::{Delegations, Envelope, Key, KeyId, Metadata, RoleKeys, RoleName, Sha256, Targets};
use crate::trust::signature::PublicKey;
use crate::trust::{Fault, verified};
use std::collections::BTreeMap;

/// The published root and targets must hold, and must not be older than what the ledger knows.
pub(super) fn chain(ceremony: &Ceremony, signers: &[&dyn Signer], ledger: &Ledger) -> Result<(), Error> {
    let root = ceremony.root.signed();
    let by_root = |role: &RoleName| root.role(role).cloned().unwrap_or_else(|| RoleKeys::new(Vec::new(), 1));
    let (root_role, targets_role) = (RoleName::root(), RoleName::targets());
    let unsigned =
        |role: &RoleName, shortfall| Error::Chain { role: role.clone(), fault: Fault::Unsigned(shortfall) };
    verified::check(&ceremony.root, &root.keys, &by_root(&root_role)).map_err(|s| unsigned(&root_role, s))?;
    verified::check(&ceremony.targets, &root.keys, &by_root(&targets_role))
        .map_err(|s| unsigned(&targets_role, s))?;
    match ledger.signed(&root_role) {
        Some(known) if known.sha256 != Sha256::of(ceremony.root.covered()) => {
            let what = "it is another root than the one that this ledger began with".to_owned();
            return Err(Error::Ledger { role: root_role, what });
        }
        Some(_) => {}
        // A file can hold a root of anybody's making. What one's own key has signed, nobody else has made.
        None if !signers.is_empty()
            && !signers.iter().any(|signer| has_signed(&ceremony.targets, *signer)) =>
        {
            let what = "this ledger knows no root yet, and your key has not signed targets: nothing shows whose \
                        repository this is. Begin with the ledger of a holder who has";
            return Err(Error::Ledger { role: targets_role, what: what.to_owned() });
        }
        None => {}
    }
    for (role, version, covered) in [
        (root_role, root.version, ceremony.root.covered()),
        (targets_role, ceremony.targets.signed().version, ceremony.targets.covered()),
    ] {
        if let Some(last) = ledger.signed(&role)
            && (version < last.version || (version == last.version && Sha256::of(covered) != last.sha256))
        {
            let what = format!(
                "the file goes by version {version}, and version {} was signed with this ledger",
                last.version
            );
            return Err(Error::Ledger { role, what });
        }
    }
    Ok(())
}

/// Whether a signer's own key has signed an envelope, by the key that the signer holds and not one in the file.
pub(super) fn has_signed(envelope: &Envelope<Targets>, signer: &dyn Signer) -> bool {
    let key = PublicKey::read(signer.key());
    let signature = envelope.signatures().iter().find(|signature| signature.keyid == *signer.keyid());
    key.ok()
        .zip(signature)
        .is_some_and(|(key, signature)| key.verify(envelope.covered(), &signature.sig).is_ok())
}

/// The keys that a role is held by: as `targets` says that is to be signed, or that is published.
pub(super) fn holders(
    ceremony: &Ceremony,
    role: &RoleName,
) -> Result<(BTreeMap<KeyId, Key>, RoleKeys), Error> {
    let root = ceremony.root.signed();
    let targets = RoleName::targets();
    if *role == targets {
        let keys = root.role(role).cloned().unwrap_or_else(|| RoleKeys::new(Vec::new(), 1));
        return Ok((root.keys.clone(), keys));
    }
    let none = Delegations::default();
    let delegations = top(ceremony).delegations.as_ref().unwrap_or(&none);
    let strange =
        || Error::Strange { role: role.clone(), what: "targets does not delegate to it".to_owned() };
    let child = delegations.roles.iter().find(|child| child.name == *role).ok_or_else(strange)?;
    Ok((delegations.keys.clone(), child.role_keys()))
}

/// `targets` as it is to be, or as it is published.
pub(super) fn top(ceremony: &Ceremony) -> &Targets {
    let to_be = ceremony.steps.iter().find(|step| step.role == RoleName::targets());
    to_be.map_or(ceremony.targets.signed(), |step| step.after.signed())
}

/// What a role follows must be what the ledger signed last, and what its parent's keys have signed.
pub(super) fn predecessor(
    ceremony: &Ceremony,
    step: &Step,
    ledger: &Ledger,
    confirmed: &Confirmed,
) -> Result<(), Error> {
    let role = &step.role;
    let refuse = |what: String| Err(Error::Ledger { role: role.clone(), what });
    let version = step.after.signed().version();
    let last = ledger.signed(role);
    let Some(before) = &step.before else {
        return match last {
            Some(last) => refuse(format!(
                "the file calls it new, and version {} was signed with this ledger",
                last.version
            )),
            None => Ok(()),
        };
    };
    // As it was published: by the keys that targets named until now.
    let none = Delegations::default();
    let parent = ceremony.targets.signed().delegations.as_ref().unwrap_or(&none);
    let (keys, held) = if *role == RoleName::targets() {
        let root = ceremony.root.signed();
        let held = root.role(role).cloned().unwrap_or_else(|| RoleKeys::new(Vec::new(), 1));
        (&root.keys, held)
    } else {
        let child = parent.roles.iter().find(|child| child.name == *role);
        let held = child.map_or_else(|| RoleKeys::new(Vec::new(), 1), |child| child.role_keys());
        (&parent.keys, held)
    };
    verified::check(before, keys, &held)
        .map_err(|shortfall| Error::Chain { role: role.clone(), fault: Fault::Unsigned(shortfall) })?;
    if *role == RoleName::targets() && before.covered() != ceremony.targets.covered() {
        return refuse("the file holds two published versions of it".to_owned());
    }
    if version <= before.signed().version() {
        return refuse(format!("version {version} does not follow version {}", before.signed().version()));
    }
    let Some(last) = last else { return Ok(()) };
    // That no version gets a second content is looked at where it is signed: it may lose projects before that.
    if version < last.version {
        return refuse(format!("version {} was signed with this ledger, with other content", last.version));
    }
    let follows = (before.signed().version(), Sha256::of(before.covered()));
    // A ceremony that was signed and abandoned is not what this follows; what it signed over stays all the same.
    let is_own = confirmed.abandoned && ledger.has_signed(role, follows.0, follows.1);
    if version > last.version && follows != (last.version, last.sha256) && !is_own {
        return refuse(format!(
            "it follows version {}, which is not what was signed last with this ledger (version {}); if that ceremony was \
             abandoned, and you know it from the people who run the index, give --abandoned",
            follows.0, last.version
        ));
    }
    Ok(())
}

/// The signatures that are there already must be right ones.
pub(super) fn nobody_else(
    after: &Envelope<Targets>,
    keys: &BTreeMap<KeyId, Key>,
    held: &RoleKeys,
) -> Option<Fault> {
    let signed = after.signatures().iter().filter(|signature| held.keyids.contains(&signature.keyid));
    let all = RoleKeys::new(signed.map(|signature| signature.keyid.clone()).collect(), held.threshold);
    let without = match verified::check(after, keys, &all) {
        Ok(without) => without,
        Err(shortfall) => shortfall.without,
    };
    let broken = without.into_iter().find(|(_, fault)| fault.is_damage());
    broken.map(|(keyid, fault)| Fault::BrokenSignature { keyid, fault })
}
