//! `author sign`: a release, by the author or by a member.

mod choice;

use super::adopted::Adopted;
use super::content::{self, Content};
use super::unseen::{self, Member, Unseen, UnseenPages};
use super::{Error, Published, add, holders, name_of, next, public, targets};
use crate::keys::Signer;
use crate::model::page::ProjectStatus;
use crate::model::{
    Delegations, Key, KeyId, MemberName, Moment, ProjectName, ProjectRole, RoleKeys, TargetFile, TargetPath,
};
use crate::pipeline::index::Yanked;
use crate::site::client::Client;
use crate::submission::Claim;
use crate::submission::check::LONGEST_LIFE;
use crate::submission::pack::{Content as Bytes, Pack};
use crate::trust::Consent;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What to sign.
pub struct Request<'a> {
    /// The project.
    pub project: &'a ProjectName,
    /// The folder with the distributions; none to sign what is published already.
    pub dist: Option<&'a Path>,
    /// What is published; none for a project that the index does not know.
    pub from: Option<Published<'a>>,
    /// As which member; none for the author.
    pub member: Option<&'a MemberName>,
    /// Public keys that are to hold the project besides the signers'.
    pub holders: &'a BTreeMap<KeyId, Key>,
    /// How many keys must sign from now on; none for as many as now, or one.
    pub threshold: Option<u32>,
    /// Whether the signers' keys are to take the place of those that hold the project.
    pub rekey: bool,
    /// Those who hold it until now, and agree to that.
    pub agreed: &'a [&'a dyn Signer],
    /// Files of the signer's that are not to be published any more.
    pub without: &'a Yanked,
    /// What is to be yanked, and what not any more.
    pub yank: &'a Yanked,
    /// Releases and files that are not to be yanked any more.
    pub unyank: &'a Yanked,
    /// The status that the project is to have from now on (PEP 792); `None` in it for `active`.
    pub status: Option<Option<ProjectStatus>>,
    /// The run's now.
    pub now: Moment,
}

impl Request<'_> {
    /// Whether something is to be said beside new files.
    fn says_more(&self) -> bool {
        !self.yank.is_empty() || !self.unyank.is_empty() || !self.without.is_empty() || self.status.is_some()
    }
}

/// What is about to be signed: to be shown, and then signed.
pub struct Draft<'a> {
    /// What the signer is asked to vouch for beside what lies in the folder.
    pub adopted: Vec<Adopted>,
    /// New distributions.
    pub new: Vec<(TargetPath, TargetFile)>,
    /// Distributions that the signer's role lists in all.
    pub listed: usize,
    /// Files in the folder that are none of the project's.
    pub others: Vec<String>,
    /// Files that the pages mark as yanked.
    pub yanked: Vec<String>,
    /// What the pages say of the project.
    pub status: Option<ProjectStatus>,
    /// The role as it is published, if none of the signers signed it.
    pub unseen: Option<Unseen>,
    /// The pages as they are published, if none of the signers signed them.
    pub pages: Option<UnseenPages>,
    /// Keys that would get a say by this, of which the index alone says that they hold the project.
    pub strangers: Vec<KeyId>,
    /// The members whom the role delegates to from now on.
    pub members: Vec<Member>,
    /// Members that have to join again.
    pub lost_members: bool,
    /// The keys that are to hold the project, where the index is to be told.
    pub claim: Option<Claim>,
    request: &'a Request<'a>,
    client: Option<Client<'a>>,
    content: Content,
    part: ProjectRole,
    delegations: Option<Delegations>,
}

/// Reads, compares, and gives what would be signed with `signers`.
///
/// # Errors
/// [`Error`].
pub fn draft<'a>(request: &'a Request<'a>, signers: &[&dyn Signer]) -> Result<Draft<'a>, Error> {
    let project = request.project;
    let part = request.member.map_or(ProjectRole::Own, |member| ProjectRole::Member(member.clone()));
    let client = request.from.map(|from| from.open(project, request.now)).transpose()?;
    let published = client.as_ref().map(|client| Content::published(client, signers));
    let mut content = published.transpose()?.unwrap_or_default();
    let standing = client.as_ref().and_then(|client| client.project.as_ref());
    let held = standing.filter(|project| !project.is_suspended());
    held.map(|project| unseen::sound(project, request.project)).transpose()?;
    let unseen = held.and_then(|project| Unseen::of(project, &part, signers));
    // Who takes a project over has signed none of its files yet, either.
    let is_asked = request.rekey || unseen.as_ref().is_some_and(|unseen| unseen.is_asked);
    if is_asked && content.adopted.is_empty() {
        let files = content.files.get(&part).cloned().unwrap_or_default();
        content.adopt(&files, Some(&name_of(&part, project)?));
    }
    let (here, others) = match request.dist {
        Some(folder) => content::here(folder, project)?,
        None => (Vec::new(), Vec::new()),
    };
    let names: BTreeSet<TargetPath> = here.iter().map(|here| here.entry.path.clone()).collect();
    let new = content.take(here, &part)?;
    let pages = held.and_then(|project| UnseenPages::of(project, &content, &names, signers));
    choice::leave_out(&mut content, request, &part)?;
    choice::yank(&mut content, request, &part)?;
    choice::status(&mut content, request, &part)?;
    choice::settled(&content, project, &part)?;
    if let (Some(member), None) = (request.member, held) {
        let what = format!("{project} is not signed by an author there, so that it has no member {member}");
        return Err(Error::Standing(what));
    }
    let claim = claim(request, signers, held, &part)?;
    let mut delegations = held.and_then(|project| project.own.delegations.clone());
    if let (Some(claim), Some(delegations), Some(project)) = (&claim, delegations.as_mut(), held) {
        hand_over_pages(delegations, project.keys.keys().cloned(), &claim.keys);
    }
    let given: BTreeSet<KeyId> = claim.iter().flat_map(|claim| claim.keys.keys().cloned()).collect();
    let strangers = held
        .filter(|_| part == ProjectRole::Own)
        .map(|project| unseen::strangers(project, delegations.as_ref(), signers, &given));
    let files = content.files.get(&part).cloned().unwrap_or_default();
    let says_something =
        request.rekey || claim.is_some() || !content.adopted.is_empty() || request.says_more();
    if let (Some(folder), true, false) = (request.dist, new.is_empty(), says_something) {
        let what = format!(
            "{} holds nothing of {project} that is not published already; to renew the role alone leave --dist out",
            folder.display()
        );
        return Err(Error::Nothing(what));
    }
    if files.is_empty() && new.is_empty() && held.is_none() {
        let what = match request.dist {
            Some(folder) => {
                let there = others.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
                let there = if there.is_empty() { "nothing".to_owned() } else { there };
                format!("{} holds no wheel and no sdist of {project}; there is {there}", folder.display())
            }
            None => format!("nothing of {project} is published, and no --dist was given"),
        };
        return Err(Error::Nothing(what));
    }
    let is_distribution = |path: &TargetPath| !path.as_str().ends_with(".metadata");
    let is_new = |path: &TargetPath| new.contains(path) && content.bytes.contains_key(path);
    let new: Vec<_> = files.iter().filter(|(path, _)| is_new(path)).collect();
    Ok(Draft {
        adopted: content.asked_of(),
        new: new.into_iter().map(|(path, file)| (path.clone(), file.clone())).collect(),
        listed: files.keys().filter(|path| is_distribution(path)).count(),
        others,
        yanked: content.yanked(),
        status: content.told.status.clone(),
        unseen,
        pages,
        strangers: strangers.unwrap_or_default(),
        members: match part {
            ProjectRole::Own => unseen::members(delegations.as_ref()),
            _ => Vec::new(),
        },
        lost_members: content.lost_members,
        claim,
        delegations,
        request,
        client,
        content,
        part,
    })
}

/// The keys that the index is to be told of; none where it knows them.
fn claim(
    request: &Request<'_>,
    signers: &[&dyn Signer],
    held: Option<&crate::site::projects::Project>,
    part: &ProjectRole,
) -> Result<Option<Claim>, Error> {
    if *part != ProjectRole::Own {
        return Ok(None);
    }
    let own = name_of(&ProjectRole::Own, request.project)?;
    let changes = request.rekey || !request.holders.is_empty() || request.threshold.is_some();
    match held {
        Some(project) if !changes => {
            holders(signers, &own, &project.delegation.role_keys())?;
            Ok(None)
        }
        Some(_) if !request.rekey => Err(Error::Standing(format!(
            "{} has its keys already; --holder and --threshold change them together with --rekey",
            request.project
        ))),
        _ => {
            let mut keys = public(signers);
            keys.extend(request.holders.clone());
            let claim = Claim { keys, threshold: request.threshold.unwrap_or(1), consent: None };
            match claim.fault() {
                None => Ok(Some(claim)),
                Some(what) => Err(Error::Standing(what)),
            }
        }
    }
}

impl Draft<'_> {
    /// The project's role as whose holder the signers sign.
    #[must_use]
    pub fn role(&self) -> String {
        self.part.of(self.request.project).map(|role| role.to_string()).unwrap_or_default()
    }

    /// How many signatures the project's own role still lacks after these signers'; 0 for a member's.
    #[must_use]
    pub fn lacks(&self, signers: &[&dyn Signer]) -> u32 {
        let (keys, threshold): (Vec<&KeyId>, u32) = match (&self.claim, &self.client) {
            (Some(claim), _) => (claim.keys.keys().collect(), claim.threshold),
            (None, Some(client)) if self.part == ProjectRole::Own => match &client.project {
                Some(project) => (project.keys.keys().collect(), project.delegation.keys.threshold),
                None => return 0,
            },
            _ => return 0,
        };
        let signed = signers.iter().filter(|signer| keys.contains(&signer.keyid())).count();
        threshold.saturating_sub(u32::try_from(signed).unwrap_or(u32::MAX))
    }

    /// Signs; gives what goes into the submission.
    ///
    /// # Errors
    /// [`Error`].
    pub fn sign(self, signers: &[&dyn Signer]) -> Result<Pack, Error> {
        let (project, now) = (self.request.project, self.request.now);
        let expires = now.plus(LONGEST_LIFE);
        let client = self.client.as_ref();
        let own = name_of(&ProjectRole::Own, project)?;
        let mut pack = Pack { claim: self.claim.clone(), ..Pack::default() };
        if let Some(claim) = pack.claim.as_mut()
            && !self.request.agreed.is_empty()
        {
            claim.consent = Some(consent(project, claim, self.request.agreed, now)?);
        }
        let pages = self.content.pages(project)?;
        let listed = |pages: &[(TargetPath, Vec<u8>)]| -> BTreeMap<TargetPath, TargetFile> {
            let file = |bytes: &[u8]| TargetFile::new(bytes.len() as u64, crate::model::Sha256::of(bytes));
            pages.iter().map(|(path, bytes)| (path.clone(), file(bytes))).collect()
        };
        let mut files = self.content.files.get(&self.part).cloned().unwrap_or_default();
        let delegations = self.delegations;
        let pages_role = name_of(&ProjectRole::Pages, project)?;
        if let Some(delegations) = &delegations {
            // Whoever signs may sign the pages, one key of them at a time.
            let child = delegations.roles.iter().find(|child| child.name == pages_role);
            let keys = child.map_or_else(|| RoleKeys::new(Vec::new(), 1), |child| child.role_keys());
            let mut one = holders(signers, &pages_role, &keys)?;
            // A holder's before a member's, who may say nothing new of others' files.
            let project = client.and_then(|client| client.project.as_ref());
            let holds = self.claim.as_ref().map(|claim| &claim.keys).or(project.map(|project| &project.keys));
            one.sort_by_key(|signer| !holds.is_some_and(|keys| keys.contains_key(signer.keyid())));
            let metadata = targets(next(client, &pages_role), expires, listed(&pages), None);
            add(&mut pack, pages_role, metadata, &one[..1.min(one.len())])?;
        } else {
            files.extend(listed(&pages));
        }
        match &self.part {
            ProjectRole::Own => {
                let metadata = targets(next(client, &own), expires, files, delegations);
                let by: Vec<&dyn Signer> = match &self.claim {
                    Some(_) => signers.to_vec(),
                    None => match client.and_then(|client| client.project.as_ref()) {
                        Some(project) => holders(signers, &own, &project.delegation.role_keys())?,
                        None => signers.to_vec(),
                    },
                };
                add(&mut pack, own, metadata, &by)?;
            }
            part => {
                let role = name_of(part, project)?;
                let children = delegations.iter().flat_map(|d| &d.roles);
                let child = children.clone().find(|child| child.name == role);
                let no_member = || {
                    let members: Vec<&str> = children.clone().skip(1).map(|c| c.name.as_str()).collect();
                    let there = if members.is_empty() { "none".to_owned() } else { members.join(", ") };
                    Error::Standing(format!(
                        "{own} delegates to no {role} ({there} is there): ask the author"
                    ))
                };
                let child = child.ok_or_else(no_member)?;
                if let Some(path) = files.keys().find(|path| !child.covers(path, &path.digest().to_string()))
                {
                    let patterns: Vec<&str> = child.paths.iter().flatten().map(|p| p.as_str()).collect();
                    let what = format!("{path} is outside of what {role} may sign: {}", patterns.join(", "));
                    return Err(Error::Standing(what));
                }
                let by = holders(signers, &role, &child.role_keys())?;
                let metadata = targets(next(client, &role), expires, files, None);
                add(&mut pack, role, metadata, &by)?;
            }
        }
        pack.targets = self.content.bytes;
        pack.targets.extend(pages.into_iter().map(|(path, bytes)| (path, Bytes::Bytes(bytes))));
        Ok(pack)
    }
}

/// What those say to a change of keys who hold the project until now.
fn consent(
    project: &ProjectName,
    claim: &Claim,
    agreed: &[&dyn Signer],
    now: Moment,
) -> Result<Consent, Error> {
    let covered = Consent::covered(project, &claim.keys, claim.threshold, now)
        .map_err(crate::pipeline::sign::Error::from)?;
    let signatures = agreed.iter().map(|signer| signer.sign(&covered)).collect::<Result<_, _>>();
    Ok(Consent { at: now, signatures: signatures.map_err(crate::pipeline::sign::Error::from)? })
}

/// Lets new holders sign the pages in place of old ones.
fn hand_over_pages(
    delegations: &mut Delegations,
    old: impl Iterator<Item = KeyId>,
    new: &BTreeMap<KeyId, Key>,
) {
    let old: BTreeSet<KeyId> = old.collect();
    let of_members: BTreeSet<KeyId> =
        delegations.roles.iter().skip(1).flat_map(|child| child.keys.keyids.clone()).collect();
    if let Some(pages) = delegations.roles.first_mut() {
        let keep = |keyid: &KeyId| !old.contains(keyid) || of_members.contains(keyid);
        pages.keys.keyids.retain(|keyid| keep(keyid) && !new.contains_key(keyid));
        pages.keys.keyids.extend(new.keys().cloned());
    }
    delegations.keys.retain(|keyid, _| !old.contains(keyid) || of_members.contains(keyid));
    delegations.keys.extend(new.clone());
}
