//! sign: takes metadata and signers, gives the bytes to publish. The buffer that was signed is
//! the buffer that is written.

use crate::keys::{CannotSign, Signer};
use crate::model::{
    Envelope, Inventory, KeyId, Metadata, Moment, RoleMeta, RoleName, Signature, Targets, Version, canonical,
};
use crate::report::{Event, Reporter};
use rayon::prelude::*;

/// A signed role, ready to be published.
#[derive(Clone, Debug)]
pub struct SignedRole {
    /// Its name.
    pub role: RoleName,
    /// Its version.
    pub version: Version,
    /// The file.
    pub bytes: Vec<u8>,
}

impl SignedRole {
    /// What the snapshot says of it.
    #[must_use]
    pub fn meta(&self) -> RoleMeta {
        RoleMeta::of_role(self.version, self.bytes.len() as u64)
    }
}

/// Why a role could not be signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A key refused.
    #[error(transparent)]
    Key(#[from] CannotSign),
    /// A role is larger than one of the keys can sign.
    #[error(
        "{role} has {bytes} bytes, and key {} signs {most} at most, for it lies in an ssh-agent: sign with the \
         key's own file", keyid.short()
    )]
    TooLarge {
        /// The role.
        role: RoleName,
        /// How large it is.
        bytes: usize,
        /// The key.
        keyid: KeyId,
        /// What it signs at most.
        most: usize,
    },
    /// The metadata has no canonical form.
    #[error("metadata has no canonical form: {0}")]
    Canonical(#[from] canonical::Error),
}

/// Signs one role with every signer given.
///
/// # Errors
/// [`Error`].
pub fn role<T: Metadata>(role: RoleName, metadata: T, signers: &[&dyn Signer]) -> Result<SignedRole, Error> {
    let version = metadata.version();
    let envelope = Envelope::seal(metadata, |covered| {
        fits(&role, covered, signers)?;
        let signatures = signers.iter().map(|signer| signer.sign(covered));
        Ok::<Vec<Signature>, Error>(signatures.collect::<Result<_, CannotSign>>()?)
    })?;
    Ok(SignedRole { role, version, bytes: envelope.to_bytes()? })
}

/// Whether every signer can sign a role of this size; asked before the first does.
///
/// # Errors
/// [`Error::TooLarge`].
pub fn fits(role: &RoleName, covered: &[u8], signers: &[&dyn Signer]) -> Result<(), Error> {
    let bytes = covered.len();
    let small = signers.iter().find(|signer| signer.most().is_some_and(|most| bytes > most));
    match small {
        None => Ok(()),
        Some(signer) => Err(Error::TooLarge {
            role: role.clone(),
            bytes,
            keyid: signer.keyid().clone(),
            most: signer.most().unwrap_or(bytes),
        }),
    }
}

/// Signs the given bins of an inventory, each with its new version, in parallel.
///
/// # Errors
/// [`Error`].
pub fn bins(
    inventory: &Inventory,
    bins: &[(u32, Version)],
    expires: Moment,
    signer: &dyn Signer,
    reporter: &dyn Reporter,
) -> Result<Vec<SignedRole>, Error> {
    bins.par_iter()
        .map(|&(index, version)| {
            let files = inventory.bin(index).map(|entry| (entry.path.clone(), entry.target_file()));
            let targets = Targets::new(version, expires, files.collect(), None);
            let signed = role(inventory.bins().role(index), targets, &[signer]);
            reporter.event(Event::Done(1));
            signed
        })
        .collect()
}
