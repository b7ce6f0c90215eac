//! `author delegate`: lets members in, and takes them out.

use super::adopted::Adopted;
use super::content::Content;
use super::unseen::{self, Member, Unseen, UnseenPages};
use super::{Error, Published, add, holders, name_of, next, targets};
use crate::keys::Signer;
use crate::model::delegation::Ends;
use crate::model::page::ProjectStatus;
use crate::model::{
    DelegatedRole, Delegations, KeyId, MemberName, Moment, PathPattern, ProjectName, ProjectRole, Sha256,
    TargetFile, TargetPath, project_role,
};
use crate::site::client::Client;
use crate::submission::Joining;
use crate::submission::check::LONGEST_LIFE;
use crate::submission::pack::{Content as Bytes, Pack};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of the files of a member who is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Files {
    /// They are not published any more.
    Go,
    /// The author vouches for them.
    Keep,
}

/// What to delegate.
pub struct Request<'a> {
    /// The project.
    pub project: &'a ProjectName,
    /// What is published.
    pub from: Published<'a>,
    /// Members to let in, or to give other patterns.
    pub join: &'a [Joining],
    /// What they may sign, as file names with or without a `*` at the end; empty for all files.
    pub paths: &'a [String],
    /// Members to take out.
    pub remove: &'a [MemberName],
    /// What becomes of those members' files.
    pub files: Files,
    /// The run's now.
    pub now: Moment,
}

/// What is about to be signed.
pub struct Draft<'a> {
    /// Files of members who are taken out or join again, for which the author would vouch, or which go.
    pub of_removed: Vec<Adopted>,
    /// What the project's own role lists, as it is published.
    pub listed: Vec<Adopted>,
    /// The members whom it delegates to and who stay as they are.
    pub stay: Vec<Member>,
    request: &'a Request<'a>,
    client: Client<'a>,
    content: Content,
    delegations: Option<Delegations>,
}

/// Reads, and gives what would be signed with `signers`.
///
/// # Errors
/// [`Error`].
pub fn draft<'a>(request: &'a Request<'a>, signers: &[&dyn Signer]) -> Result<Draft<'a>, Error> {
    let project = request.project;
    let client = request.from.open(project, request.now)?;
    let held = client.project.as_ref().filter(|project| !project.is_suspended());
    let not_signed = || {
        let what = format!(
            "{project} is not signed by an author there: sign a release first (`tuffet author sign`)"
        );
        Error::Standing(what)
    };
    let held = held.ok_or_else(not_signed)?;
    unseen::sound(held, project)?;
    let mut content = Content::published(&client, signers)?;
    let own = content.files.get(&ProjectRole::Own).cloned().unwrap_or_default();
    content.adopt(&own, Some(&name_of(&ProjectRole::Own, project)?));
    let listed = content.asked_of();
    let mut stay = unseen::members(held.own.delegations.as_ref());
    stay.retain(|one| {
        !request.remove.contains(&one.name) && request.join.iter().all(|joining| joining.member != one.name)
    });
    let mut members: BTreeMap<MemberName, (DelegatedRole, Vec<crate::model::Key>)> = BTreeMap::new();
    let before = held.own.delegations.clone().unwrap_or_default();
    for child in &before.roles {
        if let Some((_, ProjectRole::Member(member))) = ProjectRole::parse(&child.name) {
            let keys = child.keys.keyids.iter().filter_map(|keyid| before.keys.get(keyid).cloned()).collect();
            members.insert(member, (child.clone(), keys));
        }
    }
    let mut of_removed = Vec::new();
    for member in request.remove {
        let part = ProjectRole::Member(member.clone());
        if members.remove(member).is_none() {
            return Err(Error::Standing(format!("{project} has no member {member}")));
        }
        let files = content.files.remove(&part).unwrap_or_default();
        let role = name_of(&part, project)?;
        content.adopted.clear();
        content.adopt(&files, Some(&role));
        of_removed.append(&mut content.adopted);
        if request.files == Files::Keep {
            content.files.entry(ProjectRole::Own).or_default().extend(files);
        }
    }
    for joining in request.join {
        let role = name_of(&ProjectRole::Member(joining.member.clone()), project)?;
        if joining.project != *project {
            let what = format!("{} joins {}, and this is {project}", joining.member, joining.project);
            return Err(Error::Standing(what));
        }
        let wanted = next(Some(&client), &role);
        if joining.role.signed().version != wanted {
            let what = format!(
                "{} signed version {} of {role}, and the next is {wanted}: have them join again with --from",
                joining.member,
                joining.role.signed().version
            );
            return Err(Error::Standing(what));
        }
        // The empty role takes the place of the one that the member had, and of what that listed.
        let part = ProjectRole::Member(joining.member.clone());
        let files = content.files.remove(&part).unwrap_or_default();
        let role_before = name_of(&part, project)?;
        content.adopted.clear();
        content.adopt(&files, Some(&role_before));
        of_removed.append(&mut content.adopted);
        if request.files == Files::Keep {
            content.files.entry(ProjectRole::Own).or_default().extend(files);
        }
        let keyid = joining.key.id().unwrap_or_else(|_| KeyId::new(""));
        let paths = patterns(project, request.paths)?;
        let child = DelegatedRole::by_path(role, vec![keyid], 1, paths, Ends::Nothing);
        members.insert(joining.member.clone(), (child, vec![joining.key.clone()]));
    }
    let delegations = delegations(project, held, members)?;
    Ok(Draft { of_removed, listed, stay, request, client, content, delegations })
}

/// The patterns of a member.
fn patterns(project: &ProjectName, given: &[String]) -> Result<Vec<PathPattern>, Error> {
    let all = project_role::files_pattern(project);
    if given.is_empty() {
        return Ok(vec![all]);
    }
    let folder = all.as_str().trim_end_matches('*');
    let pattern = |text: &String| {
        let file = text.strip_prefix(folder).unwrap_or(text);
        let pattern = PathPattern::new(&format!("{folder}{file}"));
        match pattern.is_plain() && !file.contains('/') {
            true => Ok(pattern),
            false => Err(Error::Standing(format!(
                "--paths {text:?}: a file name of {project}, with or without a * at its end"
            ))),
        }
    };
    given.iter().map(pattern).collect()
}

/// The delegations of the project's own role: its pages first, then the members. None without members.
fn delegations(
    project: &ProjectName,
    held: &crate::site::projects::Project,
    members: BTreeMap<MemberName, (DelegatedRole, Vec<crate::model::Key>)>,
) -> Result<Option<Delegations>, Error> {
    if members.is_empty() {
        return Ok(None);
    }
    let mut keys = held.keys.clone();
    let mut roles = Vec::new();
    for (_, (child, of_child)) in members {
        keys.extend(child.keys.keyids.iter().cloned().zip(of_child));
        roles.push(child);
    }
    let pages = DelegatedRole::by_path(
        name_of(&ProjectRole::Pages, project)?,
        keys.keys().cloned().collect(),
        1,
        vec![project_role::pages_pattern(project)],
        Ends::Search,
    );
    roles.insert(0, pages);
    Ok(Some(Delegations { keys, roles, extra: BTreeMap::new() }))
}

impl Draft<'_> {
    /// The project's own role as it is published, if none of the signers signed it: what it lists, and the members who stay,
    /// would be vouched for unseen.
    #[must_use]
    pub fn unseen(&self, signers: &[&dyn Signer]) -> Option<Unseen> {
        Unseen::of(self.client.project.as_ref()?, &ProjectRole::Own, signers)
    }

    /// The pages as they are published, if none of the signers signed them.
    #[must_use]
    pub fn pages(&self, signers: &[&dyn Signer]) -> Option<UnseenPages> {
        UnseenPages::of(self.client.project.as_ref()?, &self.content, &BTreeSet::new(), signers)
    }

    /// What the pages say of the project.
    #[must_use]
    pub fn status(&self) -> Option<&ProjectStatus> {
        self.content.told.status.as_ref()
    }

    /// Files that the pages mark as yanked.
    #[must_use]
    pub fn yanked(&self) -> Vec<String> {
        self.content.yanked()
    }

    /// Keys that would get a say by this, of which the index alone says that they hold the project.
    #[must_use]
    pub fn strangers(&self, signers: &[&dyn Signer]) -> Vec<KeyId> {
        let Some(project) = &self.client.project else { return Vec::new() };
        unseen::strangers(project, self.delegations.as_ref(), signers, &BTreeSet::new())
    }

    /// How many signatures the project's own role still lacks after these signers'.
    #[must_use]
    pub fn lacks(&self, signers: &[&dyn Signer]) -> u32 {
        let Some(project) = &self.client.project else { return 0 };
        let signed = signers.iter().filter(|signer| project.keys.contains_key(signer.keyid())).count();
        project.delegation.keys.threshold.saturating_sub(u32::try_from(signed).unwrap_or(u32::MAX))
    }

    /// Signs; gives what goes into the submission.
    ///
    /// # Errors
    /// [`Error`].
    pub fn sign(self, signers: &[&dyn Signer]) -> Result<Pack, Error> {
        let (project, client) = (self.request.project, Some(&self.client));
        let expires = self.request.now.plus(LONGEST_LIFE);
        let own = name_of(&ProjectRole::Own, project)?;
        let keys = self.client.project.as_ref().map(|project| project.delegation.role_keys());
        let keys = keys.unwrap_or_else(|| crate::model::RoleKeys::new(Vec::new(), 1));
        let by = holders(signers, &own, &keys)?;
        let mut pack = Pack::default();
        let pages = self.content.pages(project)?;
        let file = |bytes: &[u8]| TargetFile::new(bytes.len() as u64, Sha256::of(bytes));
        let listed: BTreeMap<TargetPath, TargetFile> =
            pages.iter().map(|(path, bytes)| (path.clone(), file(bytes))).collect();
        let mut files = self.content.files.get(&ProjectRole::Own).cloned().unwrap_or_default();
        if self.delegations.is_some() {
            let role = name_of(&ProjectRole::Pages, project)?;
            let metadata = targets(next(client, &role), expires, listed, None);
            add(&mut pack, role, metadata, &by[..1])?;
        } else {
            files.extend(listed);
        }
        for joining in self.request.join {
            let role = name_of(&ProjectRole::Member(joining.member.clone()), project)?;
            let bytes = joining.role.to_bytes().map_err(crate::pipeline::sign::Error::from)?;
            pack.roles.insert(role, (joining.role.signed().version, bytes));
        }
        add(&mut pack, own.clone(), targets(next(client, &own), expires, files, self.delegations), &by)?;
        pack.targets = pages.into_iter().map(|(path, bytes)| (path, Bytes::Bytes(bytes))).collect();
        Ok(pack)
    }

    /// The members after this, by name.
    #[must_use]
    pub fn members(&self) -> BTreeSet<String> {
        let children = self.delegations.iter().flat_map(|d| &d.roles);
        let members = children.filter_map(|child| match ProjectRole::parse(&child.name)?.1 {
            ProjectRole::Member(member) => Some(member.to_string()),
            ProjectRole::Own | ProjectRole::Pages => None,
        });
        members.collect()
    }
}
