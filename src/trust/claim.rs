//! What a project's own role may delegate, and how; and which keys may hold one.

use super::signature::PublicKey;
use crate::model::{DelegatedRole, Delegations, Key, KeyId, ProjectName, ProjectRole, Targets, project_role};
use std::collections::{BTreeMap, BTreeSet};

/// So many roles of a project may match one path: a look-up visits 32, and some of those are ours.
const MOST_MATCHING: usize = 20;

/// A project has no more members than this: each is one more role that clients load.
const MOST_MEMBERS: usize = 100;

/// A member has no more patterns than this.
const MOST_PATTERNS: usize = 100;

/// A fault of a project's delegations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The rule that is broken, as one word.
    pub rule: &'static str,
    /// What is wrong.
    pub what: String,
}

/// Everything that is wrong with the delegations of a project's own role; `holders` are the keys that sign
/// it.
#[must_use]
pub fn faults(own: &Targets, project: &ProjectName, holders: &BTreeMap<KeyId, Key>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let Some(delegations) = &own.delegations else { return faults };
    let mut refuse = |rule, what: String| faults.push(Fault { rule, what });
    if !delegations.extra.is_empty() || delegations.roles.iter().any(|role| !role.extra.is_empty()) {
        refuse(
            "delegation",
            "its delegations have fields that tough loses, and the signature with them".to_owned(),
        );
    }
    for (keyid, key) in &delegations.keys {
        if let Some(what) = key_fault(keyid, key) {
            refuse("delegation", what);
        }
    }
    let mut members: Vec<&DelegatedRole> = Vec::new();
    let mut names = BTreeSet::new();
    let mut used: BTreeSet<&KeyId> = BTreeSet::new();
    for (index, child) in delegations.roles.iter().enumerate() {
        used.extend(&child.keys.keyids);
        if !names.insert(&child.name) {
            refuse("delegation", format!("it delegates to {} twice", child.name));
        }
        if let Some(what) = keys_fault(child, delegations) {
            refuse("delegation", what);
        }
        match ProjectRole::parse(&child.name) {
            Some((of, ProjectRole::Pages)) if of == *project => {
                if index != 0 || !is_for_pages(child, project) {
                    refuse(
                        "delegation",
                        format!("{} is to be the first, terminating, for the pages alone", child.name),
                    );
                }
            }
            Some((of, ProjectRole::Member(_))) if of == *project => members.push(child),
            _ => refuse("role-name", format!("{} is not in the namespace of {project}", child.name)),
        }
    }
    if let Some(keyid) = delegations.keys.keys().find(|keyid| !used.contains(keyid)) {
        refuse("delegation", format!("key {} is listed and nothing is delegated to it", keyid.short()));
    }
    let Some(pages) = delegations.roles.first().filter(|first| is_for_pages(first, project)) else {
        refuse("delegation", format!("its first delegation is not project.{project}.pages"));
        return faults;
    };
    let of_pages: BTreeSet<&KeyId> = pages.keys.keyids.iter().collect();
    let of_members: BTreeSet<&KeyId> = members.iter().flat_map(|member| &member.keys.keyids).collect();
    if pages.keys.threshold != 1
        || holders.keys().any(|keyid| !of_pages.contains(keyid))
        || of_pages.iter().any(|keyid| !holders.contains_key(*keyid) && !of_members.contains(keyid))
    {
        refuse(
            "delegation",
            format!("{} is to be signed by one key of the author's or a member's", pages.name),
        );
    }
    if members.len() > MOST_MEMBERS {
        refuse("members", format!("it has {} members, and {MOST_MEMBERS} are the most", members.len()));
        return faults;
    }
    if let Some(many) = members.iter().find(|m| m.paths.as_ref().is_some_and(|p| p.len() > MOST_PATTERNS)) {
        refuse("members", format!("{} has more than {MOST_PATTERNS} patterns", many.name));
        return faults;
    }
    if members.is_empty() {
        refuse("delegation", "it delegates its pages and has no member".to_owned());
    }
    for member in &members {
        if let Some(what) = paths_fault(member, project) {
            refuse("target-path", what);
        }
    }
    if let Some(what) = too_many(&members) {
        refuse("members", what);
    }
    faults
}

fn is_for_pages(child: &DelegatedRole, project: &ProjectName) -> bool {
    ProjectRole::Pages.of(project).as_ref() == Some(&child.name)
        && child.paths.as_deref() == Some(&[project_role::pages_pattern(project)])
        && child.path_hash_prefixes.is_none()
        && child.terminating
}

fn keys_fault(child: &DelegatedRole, delegations: &Delegations) -> Option<String> {
    let different: BTreeSet<&KeyId> = child.keys.keyids.iter().collect();
    if different.len() != child.keys.keyids.len() {
        Some(format!("it names a key for {} twice, which python-tuf refuses", child.name))
    } else if different.iter().any(|keyid| !delegations.keys.contains_key(*keyid)) {
        Some(format!("it names a key for {} that it does not list", child.name))
    } else if child.keys.threshold as usize > different.len() {
        Some(format!("{} of {} keys cannot sign {}", child.keys.threshold, different.len(), child.name))
    } else {
        None
    }
}

fn paths_fault(member: &DelegatedRole, project: &ProjectName) -> Option<String> {
    let all = project_role::files_pattern(project);
    let folder = all.as_str().trim_end_matches('*');
    let paths = member.paths.as_deref().unwrap_or_default();
    if paths.is_empty() || member.path_hash_prefixes.is_some() || member.terminating {
        return Some(format!("{} is to be delegated by patterns, and not terminating", member.name));
    }
    let foreign = paths.iter().find(|pattern| {
        !pattern.is_plain() || pattern.as_str().strip_prefix(folder).is_none_or(|file| file.contains('/'))
    })?;
    Some(format!(
        "{}: {:?} is no pattern inside {folder}: a file name, with or without a * at its end",
        member.name,
        foreign.as_str()
    ))
}

/// Why too many members match one path, if they do.
fn too_many(members: &[&DelegatedRole]) -> Option<String> {
    let patterns = members.iter().flat_map(|member| member.paths.iter().flatten());
    let most = patterns
        .map(|pattern| {
            // Plain patterns lie inside each other or apart: most of them match where the longest does.
            let covers =
                |member: &&&DelegatedRole| member.paths.iter().flatten().any(|other| other.includes(pattern));
            members.iter().filter(covers).count()
        })
        .max()?;
    let limit = MOST_MATCHING;
    (most > limit).then(|| {
        format!("{most} members match one path, and {limit} may: clients stop a look-up at 32 roles")
    })
}

/// What is wrong with a key that metadata lists under this id.
#[must_use]
pub fn key_fault(keyid: &KeyId, key: &Key) -> Option<String> {
    let is_readable = match (key.keytype.as_str(), key.scheme.as_str()) {
        ("ed25519", "ed25519") => is_ed25519 as fn(&Key) -> bool,
        ("ecdsa", "ecdsa-sha2-nistp256") => is_p256,
        (keytype, scheme) => {
            let short = keyid.short();
            return Some(format!(
                "key {short} is of type {keytype:?} with scheme {scheme:?}, and ed25519 or P-256 is wanted"
            ));
        }
    };
    if !key.extra.is_empty() || !key.keyval.extra.is_empty() {
        return Some(format!("key {} has fields that are no part of a key", keyid.short()));
    }
    if !is_readable(key) {
        return Some(format!("the public part of key {} cannot be read", keyid.short()));
    }
    match key.id() {
        Ok(id) if id == *keyid => None,
        _ => Some(format!(
            "key {} is listed under an id that is not its hash, which tough refuses",
            keyid.short()
        )),
    }
}

/// Whether it is a point of P-256, in the one text that it has here: a key that has two has two ids.
fn is_p256(key: &Key) -> bool {
    let read = PublicKey::read(key).ok();
    let point = read.and_then(|key| <[u8; 65]>::try_from(key.bytes()).ok());
    point.is_some_and(|point| p256::PublicKey::from_sec1_bytes(&point).is_ok() && Key::p256(&point) == *key)
}

/// Whether nobody can sign for it but who holds the private key: points of small order are everybody's.
fn is_ed25519(key: &Key) -> bool {
    if key.keyval.public.len() != 64 || key.keyval.public.bytes().any(|b| b.is_ascii_uppercase()) {
        return false;
    }
    let bytes = hex::decode(&key.keyval.public).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let point = bytes.and_then(|bytes| ed25519_dalek::VerifyingKey::from_bytes(&bytes).ok());
    point.is_some_and(|point| !point.is_weak())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_p256_key_is_taken_in_one_text_and_on_its_curve_alone() {
        let secret = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let point: [u8; 65] = secret.public_key().to_sec1_bytes().as_ref().try_into().unwrap();
        let fault = |key: &Key| key_fault(&key.id().unwrap(), key);
        let key = Key::p256(&point);
        assert_eq!(fault(&key), None);
        assert!(key_fault(&KeyId::new(&"00".repeat(32)), &key).is_some());
        let text = key.keyval.public.clone();
        for other in [hex::encode(point), format!("{text}\n"), text.trim().to_owned(), String::new()] {
            let mut key = key.clone();
            key.keyval.public = other;
            assert!(fault(&key).is_some_and(|what| what.contains("cannot be read")), "{key:?}");
        }
        let mut outside = point;
        outside[64] ^= 1;
        assert!(fault(&Key::p256(&outside)).is_some());
        let mut old = key;
        old.keytype = "ecdsa-sha2-nistp256".to_owned();
        assert!(fault(&old).is_some_and(|what| what.contains("is of type")));
    }
}
