//! The rules that a client applies to one metadata file (TUF 1.0.34 section 5), as a list of
//! everything that is wrong with it.

use super::signature::SignatureFault;
use super::verified::{self, Shortfall, Verified};
use crate::model::envelope;
use crate::model::hash::HashFault;
use crate::model::{Envelope, Key, KeyId, Metadata, Moment, RoleKeys, RoleMeta, RoleName, Version};
use std::collections::BTreeMap;

/// What the rest of the tree lets a client expect of one metadata file.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// The role that the file is for.
    pub role: &'a RoleName,
    /// The keys among which `signers` are found.
    pub keys: &'a BTreeMap<KeyId, Key>,
    /// Who must sign it.
    pub signers: &'a RoleKeys,
    /// The version it must have, and its length and hashes where they are listed.
    pub meta: Option<&'a RoleMeta>,
}

/// What is wrong with a metadata file.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It cannot be read as metadata of its kind.
    #[error("{0}")]
    Malformed(#[from] envelope::Error),
    /// Too few of the right keys signed it.
    #[error("{0}")]
    Unsigned(Shortfall),
    /// One key's id stands on two signatures.
    #[error("key {} signs twice, which python-tuf refuses", .0.short())]
    SignedTwice(KeyId),
    /// A signature by one of the role's keys does not hold, whether it is needed or not.
    #[error("the signature of key {} does not hold: {fault}", keyid.short())]
    BrokenSignature {
        /// Whose it claims to be.
        keyid: KeyId,
        /// What is wrong with it.
        fault: SignatureFault,
    },
    /// A signature is not written in lower-case hex, as every signer writes it.
    #[error("the signature of key {} is not in lower-case hex", .0.short())]
    SignatureForm(KeyId),
    /// It has another version than the file that lists it says.
    #[error("it is version {found}, and version {listed} is listed")]
    Version {
        /// The version in the file.
        found: Version,
        /// The version that is listed.
        listed: Version,
    },
    /// It has another size than is listed.
    #[error("it has {found} bytes, and {listed} are listed")]
    Length {
        /// The size of the file.
        found: u64,
        /// The size that is listed.
        listed: u64,
    },
    /// It has other digests than are listed.
    #[error("its {0}")]
    Hash(HashFault),
    /// It follows another major version of the specification.
    #[error("it follows version {0:?} of the specification, and clients read 1.x and 1.x.y")]
    SpecVersion(String),
    /// Its expiry is not written in whole seconds of UTC.
    #[error("its expires is {0:?}, and python-tuf reads YYYY-MM-DDTHH:MM:SSZ only")]
    ExpiresForm(String),
    /// Its time is over.
    #[error("it expired on {0}: every client refuses it")]
    Expired(Moment),
}

/// A metadata file that could be read, and everything that is wrong with it.
#[derive(Debug)]
pub struct Judged<T> {
    /// What it says.
    pub envelope: Envelope<T>,
    /// What is wrong with it; empty for one that a client takes.
    pub faults: Vec<Fault>,
}

/// Judges one metadata file by everything but its expiry.
///
/// # Errors
/// [`Fault::Malformed`] if nothing can be said of it.
pub fn judge<T: Metadata>(bytes: &[u8], expected: &Expectation<'_>) -> Result<Judged<T>, Fault> {
    let mut faults = Vec::new();
    if let Some(meta) = expected.meta {
        let found = bytes.len() as u64;
        if let Some(listed) = meta.length.filter(|&listed| listed != found) {
            faults.push(Fault::Length { found, listed });
        }
        if let Some(hashes) = &meta.hashes {
            faults.extend(hashes.faults_of(bytes).into_iter().map(Fault::Hash));
        }
    }
    let envelope = Envelope::<T>::parse(bytes)?;
    match verified::check(&envelope, expected.keys, expected.signers) {
        Err(shortfall) => faults.push(Fault::Unsigned(shortfall)),
        Ok(without) => {
            // Missing signatures are no fault once there are enough, and a scheme that we do not
            // know says nothing; one that should hold and does not means damage.
            let broken = without.into_iter().filter(|(_, fault)| fault.is_damage());
            faults.extend(broken.map(|(keyid, fault)| Fault::BrokenSignature { keyid, fault }));
        }
    }
    let shouting = envelope.signatures().iter().filter(|s| s.sig.bytes().any(|b| b.is_ascii_uppercase()));
    faults.extend(shouting.map(|s| Fault::SignatureForm(s.keyid.clone())));
    let mut seen = std::collections::BTreeSet::new();
    for signature in envelope.signatures() {
        if !seen.insert(&signature.keyid) {
            faults.push(Fault::SignedTwice(signature.keyid.clone()));
        }
    }
    let found = envelope.signed().version();
    if let Some(listed) = expected.meta.map(|meta| meta.version).filter(|&listed| listed != found) {
        faults.push(Fault::Version { found, listed });
    }
    let spec = envelope.signed().spec_version();
    let parts: Vec<&str> = spec.split('.').collect();
    let numbers = parts.iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    if parts[0] != "1" || !numbers || !(2..=3).contains(&parts.len()) {
        faults.push(Fault::SpecVersion(spec.to_owned()));
    }
    if envelope.expires_text() != envelope.signed().expires().to_string() {
        faults.push(Fault::ExpiresForm(envelope.expires_text().to_owned()));
    }
    Ok(Judged { envelope, faults })
}

/// [`judge`] as a client does it: the first fault ends it.
///
/// # Errors
/// The first [`Fault`].
pub fn accept<T: Metadata>(bytes: &[u8], expected: &Expectation<'_>) -> Result<Verified<T>, Fault> {
    let judged = judge(bytes, expected)?;
    let refused = |fault: &Fault| !matches!(fault, Fault::BrokenSignature { .. } | Fault::SignatureForm(_));
    if let Some(fault) = judged.faults.into_iter().find(refused) {
        return Err(fault);
    }
    verified::verify(judged.envelope, expected.keys, expected.signers).map_err(Fault::Unsigned)
}

/// Whether `metadata` has ended at `now`.
///
/// # Errors
/// [`Fault::Expired`].
pub fn in_time<T: Metadata>(metadata: &T, now: Moment) -> Result<(), Fault> {
    // A client that starts at the very second of `expires` refuses (python-tuf: `<=`).
    if metadata.expires() <= now { Err(Fault::Expired(metadata.expires())) } else { Ok(()) }
}
