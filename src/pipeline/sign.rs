//! sign: takes metadata and signers, gives the bytes to publish. The buffer that was signed is
//! the buffer that is written.

use crate::keys::{CannotSign, Signer};
use crate::model::{
    Bins, KeyId, Metadata, Moment, RoleMeta, RoleName, Signature, Version, bin_file, canonical, envelope,
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
    let (version, covered) = (metadata.version(), metadata.to_canonical()?);
    written(role, version, &covered, signers)
}

/// The same of a role whose canonical bytes are there already.
///
/// # Errors
/// [`Error`].
pub fn written(
    role: RoleName,
    version: Version,
    covered: &[u8],
    signers: &[&dyn Signer],
) -> Result<SignedRole, Error> {
    fits(&role, covered, signers)?;
    let signatures = signers.iter().map(|signer| signer.sign(covered));
    let signatures: Vec<Signature> = signatures.collect::<Result<_, CannotSign>>()?;
    Ok(SignedRole { role, version, bytes: envelope::file(&signatures, covered)? })
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

/// A signed bin, for as long as its buffer is its own.
#[derive(Debug)]
pub struct SignedBin<'a> {
    /// Its name.
    pub role: RoleName,
    /// Its version.
    pub version: Version,
    /// The file.
    pub bytes: &'a [u8],
}

/// So many bins are written and signed together: twice as many as a vector has lanes, for the more are checked together, the
/// less each costs, and no more than the processor has at hand.
const TOGETHER: usize = 16;

/// Signs the given bins, each with its new version, and hands each to `keep`; gives what that made of them, in the
/// order of `bins`. Bins of much the same size are signed together, and no more of them are held than are signed.
///
/// # Errors
/// [`Error`], or that of `keep`.
pub fn bins<T: Send, E: From<Error> + Send>(
    content: &dyn Bins,
    bins: &[(u32, Version)],
    expires: Moment,
    signer: &dyn Signer,
    reporter: &dyn Reporter,
    keep: &(dyn Fn(&SignedBin<'_>) -> Result<T, E> + Sync),
) -> Result<Vec<T>, E> {
    let mut by_size: Vec<usize> = (0..bins.len()).collect();
    by_size.sort_by_key(|&at| content.size(bins[at].0));
    let buffers = || vec![Vec::new(); TOGETHER];
    let together = by_size.par_chunks(TOGETHER).map_init(buffers, |buffers, places| {
        let mut parts = Vec::with_capacity(places.len());
        for (buffer, &at) in buffers.iter_mut().zip(places) {
            let (bin, version) = bins[at];
            parts.push(bin_file::write(buffer, signer.keyid(), version, expires, content.targets(bin)));
        }
        let covered: Vec<&[u8]> =
            buffers.iter().zip(&parts).map(|(buffer, parts)| &buffer[parts.covered.clone()]).collect();
        for (covered, &at) in covered.iter().zip(places) {
            fits(&content.bins().role(bins[at].0), covered, &[signer])?;
        }
        let signatures = signer.sign_all(&covered).map_err(Error::from)?;
        let mut kept = Vec::with_capacity(places.len());
        for (((buffer, parts), signature), &at) in buffers.iter_mut().zip(parts).zip(signatures).zip(places) {
            buffer.splice(parts.signature, signature.sig.bytes());
            let (bin, version) = bins[at];
            kept.push((at, keep(&SignedBin { role: content.bins().role(bin), version, bytes: buffer })?));
            reporter.event(Event::Done(1));
        }
        Ok(kept)
    });
    let mut kept: Vec<(usize, T)> = together.collect::<Result<Vec<_>, E>>()?.into_iter().flatten().collect();
    kept.sort_unstable_by_key(|(at, _)| *at);
    Ok(kept.into_iter().map(|(_, kept)| kept).collect())
}
