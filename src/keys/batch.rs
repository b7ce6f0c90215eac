//! Many Ed25519 signatures of one key, checked together for less than each by itself: a sum of all of them, each times a
//! random number, comes out right only if each does, but for one chance in 2^128 (Bernstein and others, "High-speed
//! high-security signatures", section 5).
//!
//! Nothing here comes from how they were made: messages are hashed again, from the last to the first, so that of a full
//! batch none is in the lane that it was signed in; and one of them, drawn at random, by an implementation without lanes.

use super::lanes::Lanes;
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{IsIdentity as _, VartimeMultiscalarMul as _};
use sha2::Digest as _;

/// Whether each signature is this key's over the message at its place; `None` if the system has no randomness.
pub(super) fn all_hold(public: &[u8; 32], messages: &[&[u8]], signatures: &[[u8; 64]]) -> Option<bool> {
    let mut random = vec![0; 16 * messages.len() + 8];
    getrandom::fill(&mut random).ok()?;
    let sum = || {
        let (witness, random) = random.split_first_chunk::<8>()?;
        let key = CompressedEdwardsY(*public).decompress()?;
        let (mut of_base, mut of_key) = (Scalar::ZERO, Scalar::ZERO);
        let (mut scalars, mut points) = (Vec::new(), Vec::new());
        let challenges = challenges(public, messages, signatures, u64::from_le_bytes(*witness))?;
        let (random, _) = random.as_chunks::<16>();
        for ((challenge, signature), random) in challenges.iter().zip(signatures).zip(random) {
            let (first, second) = halves(signature);
            let second = Scalar::from_canonical_bytes(*second).into_option()?;
            // An odd factor never hides a point of small order.
            let factor = Scalar::from(u128::from_le_bytes(*random) | 1);
            of_base += factor * second;
            of_key += factor * challenge;
            scalars.push(-factor);
            points.push(CompressedEdwardsY(*first).decompress()?);
        }
        scalars.extend([of_base, -of_key]);
        points.extend([curve25519_dalek::constants::ED25519_BASEPOINT_POINT, key]);
        Some(EdwardsPoint::vartime_multiscalar_mul(&scalars, &points))
    };
    let is_whole = messages.len() == signatures.len();
    Some(is_whole && sum().is_some_and(|sum| sum.is_identity()))
}

/// What the key is multiplied with for each signature; `None` if lanes say something else than hashing alone of the
/// message that `witness` falls on.
fn challenges(
    public: &[u8; 32],
    messages: &[&[u8]],
    signatures: &[[u8; 64]],
    witness: u64,
) -> Option<Vec<Scalar>> {
    let points = signatures.iter().map(|signature| halves(signature).0);
    let signed = points.zip(messages.iter().copied());
    let Some(lanes) = Lanes::for_all(messages) else {
        return Some(signed.map(|(point, message)| challenge(public, point, message)).collect());
    };
    let mut all = lanes.challenges(public, signed.clone().rev());
    all.reverse();
    let at = usize::try_from(witness % messages.len() as u64).ok()?;
    let (point, message) = signed.clone().nth(at)?;
    (all.get(at) == Some(&challenge(public, point, message))).then_some(all)
}

fn challenge(public: &[u8; 32], point: &[u8; 32], message: &[u8]) -> Scalar {
    let mut hasher = sha2::Sha512::new();
    hasher.update(point);
    hasher.update(public);
    hasher.update(message);
    Scalar::from_bytes_mod_order_wide(&hasher.finalize().into())
}

/// A point and a number (RFC 8032 section 5.1.6, step 6).
fn halves(signature: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    let (halves, _) = signature.as_chunks::<32>();
    (&halves[0], &halves[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer as _, SigningKey};

    #[test]
    fn one_wrong_bit_among_many_signatures_or_messages_is_found() {
        let secret = SigningKey::from_bytes(&[7; 32]);
        for long in [0, 3000] {
            one_wrong_bit_is_found(&secret, (0..8).map(|n: usize| vec![n as u8; long + 100 * n]).collect());
        }
    }

    fn one_wrong_bit_is_found(secret: &SigningKey, texts: Vec<Vec<u8>>) {
        let public = secret.verifying_key().to_bytes();
        let messages: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let signatures: Vec<[u8; 64]> = messages.iter().map(|text| secret.sign(text).to_bytes()).collect();
        assert_eq!(all_hold(&public, &messages, &signatures), Some(true));
        assert_eq!(all_hold(&public, &[], &[]), Some(true));
        for bit in (0..8 * 64 * 8).step_by(7) {
            let mut wrong = signatures.clone();
            wrong[bit / 512][bit % 512 / 8] ^= 1 << (bit % 8);
            assert_eq!(all_hold(&public, &messages, &wrong), Some(false), "bit {bit}");
        }
        let mut swapped = signatures.clone();
        swapped.swap(2, 3);
        assert_eq!(all_hold(&public, &messages, &swapped), Some(false));
        assert_eq!(all_hold(&public, &messages, &signatures[..7]), Some(false));
        let other = SigningKey::from_bytes(&[8; 32]).verifying_key().to_bytes();
        assert_eq!(all_hold(&other, &messages, &signatures), Some(false));
        let mut texts = texts.clone();
        texts[5][77] ^= 1;
        let messages: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        assert_eq!(all_hold(&public, &messages, &signatures), Some(false));
    }
}
