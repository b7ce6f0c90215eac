//! The author's side: signing releases, joining, delegating. Needs no repository, no state folder and no
//! configuration; what is published is read as a client reads it.

mod add;
mod adopted;
mod content;
pub mod delegate;
pub mod join;
pub mod show;
pub mod sign;
mod unseen;

pub use add::{AddTo, add_signature};
pub use adopted::Adopted;
pub use unseen::{Member, Unseen, UnseenPages};

use crate::disk;
use crate::keys::Signer;
use crate::model::{
    Delegations, Key, KeyId, MemberName, Moment, ProjectName, ProjectRole, RoleKeys, RoleName, TargetFile,
    TargetPath, Targets, Version,
};
use crate::pipeline::sign as pipeline_sign;
use crate::site::chain::Origin;
use crate::site::client::{self, Client};
use crate::submission::{join as joining, open, pack};
use std::collections::BTreeMap;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What is published cannot be trusted.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// A file has other bytes than are published under its name.
    #[error(
        "{path} is published with SHA-256 {published}, and the file here has {here}: bytes never change under a \
         name. Give the release another version, or take the file out of the folder"
    )]
    Differs {
        /// The target.
        path: TargetPath,
        /// What is published.
        published: String,
        /// What is here.
        here: String,
    },
    /// What is published beside a wheel is not what the wheel holds.
    #[error(
        "{path} is published with SHA-256 {published}, and the wheel here, whose METADATA it should be, holds one with \
         {here}: pip would go by what nobody released. Do not sign on from there, and tell the operator of the index"
    )]
    OtherMetadata {
        /// The target.
        path: TargetPath,
        /// What is published.
        published: String,
        /// What the wheel holds.
        here: String,
    },
    /// What is published is what no index takes in.
    #[error(
        "{role} is published as no index takes it in: {what}. Do not sign on from there, and tell the operator of the \
         index: somebody may have taken it over"
    )]
    Unsound {
        /// The role.
        role: RoleName,
        /// What is wrong with it.
        what: String,
    },
    /// A submission is not signed on.
    #[error("{0}")]
    Refused(String),
    /// Two files of one name are here.
    #[error("{one} and {other} have one name and other bytes; take one of them away")]
    Twice {
        /// The first.
        one: String,
        /// The second.
        other: String,
    },
    /// A file is not what it is called.
    #[error("{path} is no distribution that installs: {why}. Build it again, or take it out of the folder")]
    Broken {
        /// The file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is nothing to sign.
    #[error("{0}")]
    Nothing(String),
    /// A file that is named is not one of the project's.
    #[error("{0:?} is no file of the project and no release of it")]
    NoSuchFile(String),
    /// The key has no say.
    #[error("key {key} does not hold {role}: {named}")]
    NotAHolder {
        /// The key.
        key: KeyId,
        /// The role.
        role: RoleName,
        /// Who does, and the way out.
        named: String,
    },
    /// The project cannot be signed in this way.
    #[error("{0}")]
    Standing(String),
    /// Nothing can be said of a published file.
    #[error(
        "{0} is published without an index page, and nothing here says what stands in it: put the file into the \
         folder of --dist"
    )]
    Unknown(TargetPath),
    /// A role could not be signed.
    #[error(transparent)]
    Sign(#[from] pipeline_sign::Error),
    /// A member's file is not one.
    #[error(transparent)]
    Joining(#[from] joining::Error),
    /// A submission cannot be read.
    #[error(transparent)]
    Open(#[from] open::Error),
    /// A file cannot be read or written.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// What is published, and from which root on it is trusted.
#[derive(Clone, Copy)]
pub struct Published<'a> {
    /// Where its files come from.
    pub origin: &'a dyn Origin,
    /// What it is called in messages.
    pub shown: &'a str,
    /// The root.
    pub root: &'a [u8],
}

impl<'a> Published<'a> {
    fn open(&self, project: &ProjectName, now: Moment) -> Result<Client<'a>, Error> {
        Ok(Client::open(self.origin, self.shown, self.root, project, now)?)
    }
}

/// The next version of a role: one above what the snapshot lists.
fn next(client: Option<&Client<'_>>, role: &RoleName) -> Version {
    client.and_then(|client| client.version(role)).map_or(Version::FIRST, Version::next)
}

/// The name of a role of a project.
fn name_of(part: &ProjectRole, project: &ProjectName) -> Result<RoleName, Error> {
    let too_long = || Error::Standing(format!("{project} is too long for the name of a role"));
    part.of(project).ok_or_else(too_long)
}

fn member(part: &ProjectRole) -> Option<&MemberName> {
    match part {
        ProjectRole::Member(member) => Some(member),
        ProjectRole::Own | ProjectRole::Pages => None,
    }
}

/// A targets role.
fn targets(
    version: Version,
    expires: Moment,
    files: BTreeMap<TargetPath, TargetFile>,
    delegations: Option<Delegations>,
) -> Targets {
    Targets::new(version, expires, files, delegations)
}

/// Signs a role into a pack.
fn add(
    pack: &mut pack::Pack,
    role: RoleName,
    metadata: Targets,
    signers: &[&dyn Signer],
) -> Result<(), Error> {
    let signed = pipeline_sign::role(role, metadata, signers)?;
    pack.roles.insert(signed.role, (signed.version, signed.bytes));
    Ok(())
}

/// Those of the signers that hold a role; at least one must.
fn holders<'a>(
    signers: &[&'a dyn Signer],
    role: &RoleName,
    keys: &RoleKeys,
) -> Result<Vec<&'a dyn Signer>, Error> {
    let holds = |signer: &&&dyn Signer| keys.keyids.contains(signer.keyid());
    let found: Vec<&dyn Signer> = signers.iter().filter(holds).copied().collect();
    match (found.is_empty(), signers.first()) {
        (true, Some(signer)) => {
            let ids: Vec<&str> = keys.keyids.iter().map(KeyId::as_str).collect();
            let named = format!(
                "{} does. A member signs with --as NAME; if the project is to get new keys, sign with --rekey",
                ids.join(", ")
            );
            Err(Error::NotAHolder { key: signer.keyid().clone(), role: role.clone(), named })
        }
        _ => Ok(found),
    }
}

/// Public keys by id.
fn public(signers: &[&dyn Signer]) -> BTreeMap<KeyId, Key> {
    signers.iter().map(|signer| (signer.keyid().clone(), signer.key().clone())).collect()
}
