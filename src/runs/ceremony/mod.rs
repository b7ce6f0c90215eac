//! Ceremonies: what waits for keys that are not on the index's machine goes out in one file ([`prepare`]), is
//! looked at and signed where the keys are ([`sign`]), and comes back to be published ([`apply`]).

pub mod abandon;
pub mod apply;
mod finish;
mod merge;
mod plan;
pub mod prepare;
mod raised;
mod recover;
mod rotate;
pub mod sign;

pub use recover::{Back, Differences};
pub use rotate::{Custodian, Known, NewKey, Rotation, Turn};

use super::guard::Refusal as Forbidden;
use super::publish;
use crate::ceremony::{file, ledger};
use crate::disk;
use crate::model::{KeyId, ProjectName, RoleName, Version, canonical};
use crate::pipeline::sign as pipeline_sign;
use crate::site::read;
use crate::state;
use crate::trust::Fault;
use crate::trust::verified::Shortfall;
use std::collections::BTreeSet;

/// Why a ceremony does not go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is published.
    #[error("nothing is published in {0} yet; `tuffet build --init` publishes")]
    NotBegun(String),
    /// A ceremony is under way.
    #[error(
        "a ceremony is under way: `tuffet ceremony apply` what came back, or `tuffet ceremony abandon` it"
    )]
    Outstanding,
    /// The run that published it died before its end.
    #[error(
        "it is public already, and the run that made it so did not end: `tuffet ceremony apply` it once more"
    )]
    AlreadyPublic,
    /// One that changes the root is public without it, and nothing can be signed that goes back from there.
    #[error(
        "a ceremony is under way that brings root {root}, and a run of `tuffet ceremony apply` placed roles of it and not \
         that root: no holder who signed it signs a file that goes back from there. Bring it to its end first, with \
         `tuffet ceremony apply FILE`, or give it up, with `tuffet ceremony abandon`, and go back then. If none of the holders knows of such a ceremony, somebody \
         planted it: move {} away", noted.display()
    )]
    HalfPublic {
        /// The root that it brings.
        root: Version,
        /// What says that it is under way.
        noted: std::path::PathBuf,
    },
    /// None is.
    #[error(
        "no ceremony is under way: what was prepared last was applied to its end, or abandoned. `tuffet ceremony \
         prepare` makes the file for the next one"
    )]
    NoneOutstanding,
    /// The file is of a ceremony that was given up, or of none of ours.
    #[error(
        "{} belongs to no ceremony that is under way: it was abandoned, or was prepared elsewhere. Bring what was \
         made of the last `tuffet ceremony prepare`", .0.display()
    )]
    Abandoned(std::path::PathBuf),
    /// The next online key is not there.
    #[error(
        "the ceremony brings the online key {}, and the state folder holds no such online.next.key: restore it from \
         a backup, or abandon the ceremony", .0.short()
    )]
    NextOnlineKey(KeyId),
    /// The copy of the site is another than was prepared on.
    #[error("the copy does not hold snapshot {0} as it was when the file was prepared: bring that copy back")]
    OtherCopy(Version),
    /// The source cannot be read.
    #[error(transparent)]
    Build(#[from] Box<super::build::Error>),
    /// Builds sign with one online key.
    #[error("--rotate online: a build signs with one key, and the threshold is 1")]
    OneOnlineKey,
    /// A threshold that cannot be met.
    #[error("{threshold} of {keys} keys cannot sign: name more of them with --keys, or another --threshold")]
    Threshold {
        /// The threshold.
        threshold: u32,
        /// How many keys there are.
        keys: usize,
    },
    /// A key that a role does not name.
    #[error("key {0} holds the role not yet: give the file with its public part")]
    UnknownKey(KeyId),
    /// A key from which no others follow.
    #[error(
        "key {0} is no Ed25519 key, from which a key for each role follows: give it with --as-it-is instead of --keys, \
         and read in `docs/ceremony.md` what that costs"
    )]
    OneKeyForAll(KeyId),
    /// A project that no list delegates to.
    #[error("{0} has no author's key here: `tuffet project list` shows those that have")]
    NobodysProject(ProjectName),
    /// A project that is somebody's.
    #[error("{0} has an author, and its name is not free: `tuffet project revoke` takes the keys away first")]
    NotRevoked(ProjectName),
    /// A submission that waited does not hold, or the site cannot take it in.
    #[error(transparent)]
    Project(#[from] Box<super::project::Error>),
    /// The file was prepared on something else than is published now.
    #[error("{role} is not any more what the file was prepared on: prepare anew, and take that to the safe")]
    Superseded {
        /// The role.
        role: RoleName,
    },
    /// Too few holders have signed.
    #[error("{role} is not signed yet: {shortfall}")]
    Unsigned {
        /// The role.
        role: RoleName,
        /// What is missing.
        shortfall: Shortfall,
    },
    /// Nothing of it was approved.
    #[error(
        "nothing is left in this file: of what it asked for, nothing was approved. `tuffet ceremony abandon` it"
    )]
    NothingSigned,
    /// Holders signed different contents.
    #[error(
        "{role} was signed with different contents, for holders approved different things: apply the file of one of \
         them, or let one sign what came back from the other"
    )]
    Different {
        /// The role.
        role: RoleName,
    },
    /// A project is not what it was when the file was prepared.
    #[error("{0} is not any more what it was when the file was prepared: prepare anew")]
    ProjectChanged(ProjectName),
    /// None of the keys has a say.
    #[error("{}: none of these keys has a say in anything that is to be signed", ids(.0))]
    NotAHolder(Vec<KeyId>),
    /// A role that leads to what is to be signed does not hold.
    #[error(
        "{role}: {fault}. Nothing was signed: the file does not come from this repository, or is damaged"
    )]
    Chain {
        /// The role.
        role: RoleName,
        /// What is wrong.
        fault: Fault,
    },
    /// The ledger says that something else was signed.
    #[error("{role}: {what}. Nothing was signed; ask yourself who made this file")]
    Ledger {
        /// The role.
        role: RoleName,
        /// What the ledger says.
        what: String,
    },
    /// A role would change in a way that no ceremony changes it.
    #[error("{role}: {what}. Nothing was signed")]
    Strange {
        /// The role.
        role: RoleName,
        /// What it would.
        what: String,
    },
    /// Keys or thresholds of the index's own roles would change, and the signer has not said to know them.
    #[error("{}", untrusted(.0))]
    Untrusted(BTreeSet<(Custodian, Known)>),
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] file::Error),
    /// The signer's ledger cannot be read or written.
    #[error(transparent)]
    SignersLedger(#[from] ledger::Error),
    /// The index's ledger cannot be read.
    #[error(transparent)]
    IndexLedger(#[from] state::ledger::Error),
    /// The published tree is not one that a client accepts.
    #[error(transparent)]
    Published(#[from] read::Error),
    /// Something forbids signing.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// A role could not be signed.
    #[error(transparent)]
    Sign(#[from] pipeline_sign::Error),
    /// A role has no canonical form.
    #[error(transparent)]
    Canonical(#[from] canonical::Error),
    /// Nothing was published.
    #[error(transparent)]
    Publish(#[from] publish::Error),
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

fn untrusted(changes: &BTreeSet<(Custodian, Known)>) -> String {
    let all: Vec<String> = rotate::said(changes).iter().map(|text| format!("--trust {text}")).collect();
    format!(
        "keys of the index's own roles would change. Nothing was signed: whoever has taken the index over could have \
         put theirs there, or left yours out. If the people who hold these keys told you so themselves, give\n  {}",
        all.join(" \\\n  ")
    )
}

impl From<super::build::Error> for Error {
    fn from(error: super::build::Error) -> Self {
        Self::Build(Box::new(error))
    }
}

impl From<super::project::Error> for Error {
    fn from(error: super::project::Error) -> Self {
        Self::Project(Box::new(error))
    }
}

fn ids(ids: &[KeyId]) -> String {
    let ids: Vec<&str> = ids.iter().map(KeyId::as_str).collect();
    ids.join(", ")
}
