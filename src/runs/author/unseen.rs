//! What somebody would vouch for without having seen it, because it is published: what another key signed, and keys that
//! nobody but the index says are the project's.

use super::content::Content;
use super::{Error, member, public};
use crate::keys::Signer;
use crate::model::page::Link;
use crate::model::{
    Delegations, Envelope, Hashes, Key, KeyId, MemberName, ProjectName, ProjectRole, RoleKeys, RoleName,
    TargetFile, TargetPath, Targets, project_role,
};
use crate::site::projects::Project;
use crate::trust::{Standing, claim, verified};
use std::collections::{BTreeMap, BTreeSet};

/// A role as it is published, that none of those signed who are about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unseen {
    /// The role.
    pub role: RoleName,
    /// The keys that did sign it.
    pub by: Vec<KeyId>,
    /// Whether nobody but the online key says who may: whoever holds the index's machine could have given the project a key
    /// of theirs beside its author's. Who holds a claimed project, the administrators signed.
    pub is_asked: bool,
}

/// The pages of a project as they are published, that none of those signed who are about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnseenPages {
    /// Their role.
    pub role: RoleName,
    /// The keys that did sign it.
    pub by: Vec<KeyId>,
    /// What they say of files of which nothing else was shown, in their order.
    pub says: Vec<Link>,
}

/// A member of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub name: MemberName,
    /// The ids of the keys of which one is enough.
    pub keys: Vec<KeyId>,
    /// What they may sign, as patterns of paths.
    pub paths: Vec<String>,
}

impl Unseen {
    /// The role `part` of a project, if none of `signers` signed it as it is published.
    pub(super) fn of(project: &Project, part: &ProjectRole, signers: &[&dyn Signer]) -> Option<Self> {
        let (role, signed, keys) = project
            .roles()
            .find(|(role, ..)| ProjectRole::parse(role).is_some_and(|(_, found)| found == *part))?;
        if has_signed(signed.envelope(), signers) {
            return None;
        }
        let below = project.own.delegations.iter().flat_map(|delegations| &delegations.keys);
        let known: BTreeMap<KeyId, Key> =
            below.chain(&project.keys).map(|(keyid, key)| (keyid.clone(), key.clone())).collect();
        let all = RoleKeys { threshold: u32::MAX, ..keys.clone() };
        let without = match verified::check(signed.envelope(), &known, &all) {
            Err(shortfall) => shortfall.without,
            Ok(without) => without,
        };
        let did_not: BTreeSet<&KeyId> = without.iter().map(|(keyid, _)| keyid).collect();
        let by = keys.keyids.iter().filter(|keyid| !did_not.contains(keyid)).cloned().collect();
        Some(Self { role, by, is_asked: project.standing() != Standing::Claimed })
    }
}

impl UnseenPages {
    /// The pages of a project, if none of `signers` signed them. Whoever signs next signs what they say of every file; that a
    /// key of the project's did so before is no news, and nothing to ask about: those who release take turns.
    pub(super) fn of(
        project: &Project,
        content: &Content,
        here: &BTreeSet<TargetPath>,
        signers: &[&dyn Signer],
    ) -> Option<Self> {
        // Without members the project's own role lists them.
        let has_part = project.parts.contains_key(&ProjectRole::Pages);
        let part = if has_part { ProjectRole::Pages } else { ProjectRole::Own };
        let Unseen { role, by, .. } = Unseen::of(project, &part, signers)?;
        let is_shown = |name: &str| content.adopted.iter().any(|adopted| adopted.path.split().1 == name);
        let is_here = |name: &str| here.iter().any(|path| path.split().1 == name);
        let links = content.told.files.iter().filter(|link| !is_shown(&link.name)).cloned();
        let says = links.map(|mut link| {
            // What is here says itself what it requires.
            link.requires_python = link.requires_python.filter(|_| !is_here(&link.name));
            link
        });
        Some(Self { role, by, says: says.collect() })
    }
}

/// Whether one of `signers` signed it.
pub(super) fn has_signed(role: &Envelope<Targets>, signers: &[&dyn Signer]) -> bool {
    let keys = public(signers);
    let any = RoleKeys::new(keys.keys().cloned().collect(), 1);
    verified::check(role, &keys, &any).is_ok()
}

/// Refuses to go on from a role that no index would have taken in: somebody else published it.
///
/// # Errors
/// [`Error::Unsound`].
pub(super) fn sound(project: &Project, name: &ProjectName) -> Result<(), Error> {
    match fault(&project.own, name, &project.keys) {
        None => Ok(()),
        Some(what) => Err(Error::Unsound { role: project.delegation.name.clone(), what }),
    }
}

/// Why no index takes in a project's own role that these keys hold.
pub(super) fn fault(own: &Targets, name: &ProjectName, holders: &BTreeMap<KeyId, Key>) -> Option<String> {
    let of_keys = holders.iter().find_map(|(keyid, key)| claim::key_fault(keyid, key));
    of_keys.or_else(|| claim::faults(own, name, holders).into_iter().next().map(|fault| fault.what))
}

/// Refuses an entry that no index takes in: it could be one that is shown nowhere.
///
/// # Errors
/// [`Error::Unsound`].
pub(super) fn form(
    project: &ProjectName,
    role: &RoleName,
    path: &TargetPath,
    file: &TargetFile,
) -> Result<(), Error> {
    let is_its = project_role::files_pattern(project).covers(path)
        || project_role::pages_pattern(project).covers(path);
    let what = if file.hashes.sha256().map(Hashes::sha256_only).as_ref() != Some(&file.hashes) {
        "has not sha256 alone"
    } else if !file.extra.is_empty() {
        "has fields that are no part of it"
    } else if !is_its {
        "is none of the project's files"
    } else {
        return Ok(());
    };
    Err(Error::Unsound { role: role.clone(), what: format!("{path} {what}") })
}

/// Keys that would get a say by the next signature on the project's own role, and that were neither given nor signed for
/// before: the online key alone says that they hold the project. `after` is what that role is to delegate, `given` are the
/// keys that somebody named.
pub(super) fn strangers(
    project: &Project,
    after: Option<&Delegations>,
    signers: &[&dyn Signer],
    given: &BTreeSet<KeyId>,
) -> Vec<KeyId> {
    let Some(after) = after.filter(|_| project.standing() != Standing::Claimed) else { return Vec::new() };
    let before = project.own.delegations.as_ref().filter(|_| has_signed(project.own.envelope(), signers));
    let signed_for: BTreeSet<&KeyId> =
        before.into_iter().flat_map(|before| &before.roles).flat_map(|child| &child.keys.keyids).collect();
    let of_members: BTreeSet<KeyId> =
        members(Some(after)).into_iter().flat_map(|member| member.keys).collect();
    let own = public(signers);
    let is_known = |keyid: &&KeyId| {
        own.contains_key(*keyid)
            || given.contains(*keyid)
            || of_members.contains(*keyid)
            || signed_for.contains(*keyid)
    };
    let all: BTreeSet<&KeyId> = after.roles.iter().flat_map(|child| &child.keys.keyids).collect();
    all.into_iter().filter(|keyid| !is_known(keyid)).cloned().collect()
}

/// The members to whom a project's own role delegates.
pub(super) fn members(delegations: Option<&Delegations>) -> Vec<Member> {
    let children = delegations.into_iter().flat_map(|delegations| &delegations.roles);
    let members = children.filter_map(|child| {
        let (_, part) = ProjectRole::parse(&child.name)?;
        let paths = child.paths.iter().flatten().map(|pattern| pattern.as_str().to_owned()).collect();
        Some(Member { name: member(&part)?.clone(), keys: child.keys.keyids.clone(), paths })
    });
    members.collect()
}
