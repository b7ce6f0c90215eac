//! `author show`: what stands in a submission or in a member's file, from its bytes alone.

use super::Error;
use crate::model::page::{self, Page};
use crate::model::{Key, KeyId, Moment, RoleKeys, RoleName, TargetPath, Version};
use crate::submission::{Claim, Joining, Submission};
use crate::trust::{claim, verified};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// No more of a page is read.
const LARGEST_PAGE: u64 = 64 << 20;

/// A role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub role: RoleName,
    /// Its version.
    pub version: Version,
    /// When it ends.
    pub expires: Moment,
    /// Who signed it, by the ids that stand on its signatures; and whether one verifies, where the key is in the file.
    pub signatures: Vec<(KeyId, Option<bool>)>,
    /// The roles that it delegates to, with the ids of their keys and what they may sign.
    pub delegates: Vec<(RoleName, Vec<KeyId>, Vec<String>)>,
    /// The files that it lists: path, size in bytes, SHA-256.
    pub targets: Vec<(TargetPath, u64, String)>,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The project.
    pub project: String,
    /// Its roles.
    pub roles: Vec<Role>,
    /// The keys that it carries for the project.
    pub claim: Option<Claim>,
    /// How many of the claim's keys have signed, where there is one.
    pub signed: Option<u32>,
    /// The files in it, with their size.
    pub files: BTreeMap<TargetPath, u64>,
    /// What its index page says: of files, and of the project.
    pub page: Page,
    /// The member's key, if it is a member's file.
    pub member: Option<(String, Key)>,
}

/// Looks into the file at `path`.
///
/// # Errors
/// [`Error`].
pub fn show(path: &Path) -> Result<Shown, Error> {
    if !crate::disk::read::begins_with(path, b"PK")? {
        if !crate::disk::read::begins_with(path, b"{")? {
            let what = format!("{} is neither a submission nor a member's file", path.display());
            return Err(Error::Standing(what));
        }
        let joining = Joining::read(path)?;
        let name =
            super::name_of(&crate::model::ProjectRole::Member(joining.member.clone()), &joining.project)?;
        let member = Some((joining.member.to_string(), joining.key.clone()));
        let keys =
            joining.key.id().map(|keyid| BTreeMap::from([(keyid, joining.key.clone())])).unwrap_or_default();
        let roles = vec![role(name, &joining.role, &keys)];
        let project = joining.project.to_string();
        let files = BTreeMap::new();
        return Ok(Shown { project, roles, claim: None, signed: None, files, page: Page::default(), member });
    }
    let submission = Submission::open(path)?;
    let own = submission.roles.get(&crate::model::ProjectRole::Own);
    let signed = submission.claim.as_ref().zip(own).map(|(claim, own)| {
        let keys = RoleKeys::new(claim.keys.keys().cloned().collect(), u32::MAX);
        match verified::check(&own.envelope, &claim.keys, &keys) {
            Err(shortfall) => shortfall.valid,
            Ok(_) => u32::MAX,
        }
    });
    // Of keys that go by another's id nothing is said.
    let delegated = own.iter().flat_map(|own| &own.envelope.signed().delegations).flat_map(|d| &d.keys);
    let keys = submission.claim.iter().flat_map(|claim| &claim.keys).chain(delegated);
    let keys = keys.filter(|(keyid, key)| claim::key_fault(keyid, key).is_none());
    let keys: BTreeMap<KeyId, Key> = keys.map(|(keyid, key)| (keyid.clone(), key.clone())).collect();
    let mut said = Page::default();
    submission.unpack::<crate::disk::Error>(|path, reader| {
        if path.split().1 == "index.v1_json" {
            let mut bytes = Vec::new();
            let read = reader.take(LARGEST_PAGE).read_to_end(&mut bytes);
            read.map_err(|e| crate::disk::Error::new("unpack", submission.path(), e))?;
            said = page::json(&bytes).unwrap_or_default();
        }
        Ok(())
    })?;
    Ok(Shown {
        page: said,
        project: submission.project.to_string(),
        roles: submission.roles.values().map(|one| role(one.name.clone(), &one.envelope, &keys)).collect(),
        claim: submission.claim.clone(),
        signed,
        files: submission.targets.clone(),
        member: None,
    })
}

fn role(
    name: RoleName,
    envelope: &crate::model::Envelope<crate::model::Targets>,
    keys: &BTreeMap<KeyId, Key>,
) -> Role {
    let signed = envelope.signed();
    let verifies = |keyid: &KeyId| {
        let one = RoleKeys::new(vec![keyid.clone()], 1);
        keys.contains_key(keyid).then(|| verified::check(envelope, keys, &one).is_ok())
    };
    let children = signed.delegations.iter().flat_map(|d| &d.roles);
    let targets = signed.targets.iter().map(|(path, file)| {
        let digest = file.hashes.sha256().map(|digest| digest.to_string()).unwrap_or_default();
        (path.clone(), file.length, digest)
    });
    Role {
        role: name,
        version: signed.version,
        expires: signed.expires,
        signatures: envelope
            .signatures()
            .iter()
            .map(|one| (one.keyid.clone(), verifies(&one.keyid)))
            .collect(),
        delegates: children
            .map(|child| {
                let paths = child.paths.iter().flatten().map(|pattern| pattern.as_str().to_owned());
                (child.name.clone(), child.keys.keyids.clone(), paths.collect())
            })
            .collect(),
        targets: targets.collect(),
    }
}
