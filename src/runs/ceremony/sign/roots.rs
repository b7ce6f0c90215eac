//! The root that a file goes by: held against the one that the ledger knows, and followed from there as a client
//! follows it (TUF 1.0.34 section 5.3).

use super::said::GoesBack;
use super::{Confirmed, Error};
use crate::ceremony::{Ceremony, Ledger};
use crate::keys::Signer;
use crate::model::{Envelope, Holders, Metadata, Moment, RoleName, Root, Sha256};
use crate::trust::signature::PublicKey;
use crate::trust::{Fault, verified};

/// The root that is published, as far as signatures and the ledger say; the ledger learns it.
pub(super) fn follow<'a>(
    ceremony: &'a Ceremony,
    identity: &str,
    signers: &[&dyn Signer],
    ledger: &mut Ledger,
    confirmed: &Confirmed,
    now: Moment,
) -> Result<&'a Root, Error> {
    let role = RoleName::root();
    let begin = begin(ceremony, signers, ledger)?;
    let chain = ceremony.roots.get(begin..).unwrap_or_default();
    let Some(first) = chain.first() else {
        return Err(Error::Strange { role, what: "the file holds no root".to_owned() });
    };
    signed_by(first, first.signed())?;
    let mut last = first;
    for next in chain.iter().skip(1) {
        if next.signed().version != last.signed().version.next() {
            let what = format!("version {} does not follow {}", next.signed().version, last.signed().version);
            return Err(Error::Strange { role, what });
        }
        signed_by(next, last.signed())?;
        signed_by(next, next.signed())?;
        last = next;
    }
    let (version, sha256) = (last.signed().version, Sha256::of(last.covered()));
    if let Some(newest) = ledger.signed(&role).filter(|newest| newest.version > version) {
        let why = match confirmed.goes_back(ledger, &role, identity) {
            _ if !ledger.comes_before_last(&role, version, sha256) => {
                Some("which is not the one after it".to_owned())
            }
            GoesBack::No(why) => Some(why),
            GoesBack::Freely | GoesBack::Behind(_) => None,
        };
        if let Some(why) = why {
            let what = format!(
                "the file goes by version {version}, and version {} was signed with this ledger; {why}",
                newest.version
            );
            return Err(Error::Ledger { role, what });
        }
    }
    let came_back =
        ledger.signed(&role).filter(|newest| (newest.version, newest.sha256) == (version, sha256));
    let came_back = came_back.filter(|_| ledger.is_abandoned(&role)).map(|newest| newest.file.clone());
    if let Some(file) = came_back {
        // It was given up, and was published after all.
        ledger.note_signed(&role, (version, sha256), file.as_deref(), now);
    } else if !signers.is_empty() && !ledger.has_signed(&role, version, sha256) {
        ledger.note_signed(&role, (version, sha256), None, now);
    }
    Ok(last.signed())
}

/// Where in the file's roots the ledger's memory begins; without a memory, one that the signer's own key has
/// signed for: a file can hold a root of anybody's making.
fn begin(ceremony: &Ceremony, signers: &[&dyn Signer], ledger: &Ledger) -> Result<usize, Error> {
    let role = RoleName::root();
    let known =
        |root: &Envelope<Root>| ledger.has_signed(&role, root.signed().version, Sha256::of(root.covered()));
    if let Some(last) = ledger.signed(&role) {
        let place = ceremony.roots.iter().rposition(known);
        return place.ok_or_else(|| {
            let what = format!(
                "the file goes by another root than version {}, which this ledger knows, and by none that follows it",
                last.version
            );
            Error::Ledger { role, what }
        });
    }
    if signers.is_empty() {
        return Ok(0);
    }
    let of_a_root = |root: &Envelope<Root>| signers.iter().any(|signer| has_signed(root, *signer));
    if let Some(place) = ceremony.roots.iter().position(of_a_root) {
        return Ok(place);
    }
    // What one's own key has signed, nobody else has made.
    if signers.iter().any(|signer| has_signed(&ceremony.targets, *signer)) {
        return Ok(ceremony.roots.len().saturating_sub(1));
    }
    let what = "this ledger knows no root yet, and your key has signed neither a root nor targets: nothing shows whose \
                repository this is. Begin with the ledger of a holder who has";
    Err(Error::Ledger { role: RoleName::targets(), what: what.to_owned() })
}

/// Whether a signer's own key has signed an envelope, by the key that the signer holds and not one in the file.
fn has_signed<T: Metadata>(envelope: &Envelope<T>, signer: &dyn Signer) -> bool {
    let key = PublicKey::read(signer.key());
    let signature = envelope.signatures().iter().find(|signature| signature.keyid == *signer.keyid());
    key.ok()
        .zip(signature)
        .is_some_and(|(key, signature)| key.verify(envelope.covered(), &signature.sig).is_ok())
}

/// Whether enough of the root keys that `by` names have signed `root`.
fn signed_by(root: &Envelope<Root>, by: &Root) -> Result<(), Error> {
    let role = RoleName::root();
    let held = Holders::of_top(by, &role);
    match verified::check(root, &held.keys, &held.role_keys()) {
        Ok(_) => Ok(()),
        Err(shortfall) => Err(Error::Chain { role, fault: Fault::Unsigned(shortfall) }),
    }
}
