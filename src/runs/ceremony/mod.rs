//! Ceremonies: what waits for keys that are not on the index's machine goes out in one file ([`prepare`]), is
//! looked at and signed where the keys are ([`sign`]), and comes back to be published ([`apply`]).

pub mod apply;
pub mod prepare;
pub mod sign;

use super::guard::Refusal as Forbidden;
use super::publish;
use crate::ceremony::{file, ledger};
use crate::disk;
use crate::model::{KeyId, ProjectName, RoleName, canonical};
use crate::pipeline::sign as pipeline_sign;
use crate::site::read;
use crate::state;
use crate::trust::Fault;
use crate::trust::verified::Shortfall;

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
    /// None is.
    #[error("no ceremony is under way")]
    NoneOutstanding,
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
    /// Holders signed different contents.
    #[error(
        "{role} was signed with different contents, for holders confirmed different projects: let one sign what \
         came back from the other"
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

fn ids(ids: &[KeyId]) -> String {
    let ids: Vec<&str> = ids.iter().map(KeyId::as_str).collect();
    ids.join(", ")
}
