//! SHA-512 of several messages side by side (FIPS 180-4), and Ed25519 signatures from it (RFC 8032): the message
//! passes twice through SHA-512, which is most of what signing a bin costs.
//!
//! The lanes are plain arrays, compiled once for every instruction set that is asked for and chosen at run time; where
//! there is none that gains anything, nobody comes here. This is the one file with `unsafe`: a function compiled for
//! an instruction set may be called only where the processor has it.

#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod eight;
#[cfg(target_arch = "x86_64")]
mod four;

use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::hazmat::ExpandedSecretKey;
use ed25519_dalek::{Signer as _, SigningKey};
use std::sync::OnceLock;
use zeroize::{Zeroize as _, Zeroizing};

const BLOCK: usize = 128;

/// How many lanes this processor has; none where hashing side by side gains nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lanes {
    /// Eight, with AVX-512.
    #[cfg(target_arch = "x86_64")]
    Eight,
    /// Four, with AVX2.
    #[cfg(target_arch = "x86_64")]
    Four,
}

/// From this length on, in bytes, messages are hashed faster side by side.
const LONG: usize = 2048;

impl Lanes {
    /// Those of this processor, where hashing these messages in them is faster than one by one.
    pub(super) fn for_all(messages: &[&[u8]]) -> Option<Self> {
        let are_long = messages.len() > 1 && messages.iter().all(|message| message.len() >= LONG);
        Self::here().filter(|_| are_long)
    }

    /// Those of this processor, if they sign what signing alone does: that is tried once, since not every processor
    /// that will run this was at hand when it was written.
    fn here() -> Option<Self> {
        static HERE: OnceLock<Option<Lanes>> = OnceLock::new();
        *HERE.get_or_init(|| Self::of_processor().filter(|lanes| lanes.prove_themselves()))
    }

    fn of_processor() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                return Some(Self::Eight);
            }
            if is_x86_feature_detected!("avx2") {
                return Some(Self::Four);
            }
        }
        None
    }

    fn prove_themselves(self) -> bool {
        let seed = [0x5a; 32];
        let alone = SigningKey::from_bytes(&seed);
        let bytes: [u8; 600] = std::array::from_fn(|at| u8::try_from(at % 251).unwrap_or(0));
        let messages: Vec<&[u8]> = (0..9).map(|at| &bytes[..at * 73]).collect();
        let together =
            self.sign(&ExpandedSecretKey::from(&seed), alone.verifying_key().as_bytes(), &messages);
        messages
            .iter()
            .zip(&together)
            .all(|(message, signature)| alone.sign(message).to_bytes() == *signature)
    }

    /// The Ed25519 signatures of these messages, each what signing it alone gives. Best for messages of much the same
    /// length.
    pub(super) fn sign(
        self,
        secret: &ExpandedSecretKey,
        public: &[u8; 32],
        messages: &[&[u8]],
    ) -> Vec<[u8; 64]> {
        let heads = messages.iter().map(|message| Parts::new(&[&secret.hash_prefix], message));
        let nonces: Zeroizing<Vec<Scalar>> = Zeroizing::new(self.scalars(&heads.collect::<Vec<_>>()));
        let points: Vec<[u8; 32]> =
            nonces.iter().map(|nonce| EdwardsPoint::mul_base(nonce).compress().to_bytes()).collect();
        let challenges = self.challenges(public, points.iter().zip(messages.iter().copied()));
        let signature = |((point, nonce), challenge): ((&[u8; 32], &Scalar), Scalar)| {
            let mut signature = [0; 64];
            signature[..32].copy_from_slice(point);
            signature[32..].copy_from_slice(&(nonce + challenge * secret.scalar).to_bytes());
            signature
        };
        points.iter().zip(nonces.iter()).zip(challenges).map(signature).collect()
    }

    /// Of each signature's first half and its message, what the key is multiplied with (RFC 8032 section 5.1.7, `k`).
    pub(super) fn challenges<'m>(
        self,
        public: &[u8; 32],
        signed: impl Iterator<Item = (&'m [u8; 32], &'m [u8])>,
    ) -> Vec<Scalar> {
        let parts: Vec<Parts<'_>> =
            signed.map(|(point, message)| Parts::new(&[point, public], message)).collect();
        self.scalars(&parts)
    }

    fn scalars(self, messages: &[Parts<'_>]) -> Vec<Scalar> {
        let digests = Zeroizing::new(self.sha512(messages));
        digests.iter().map(Scalar::from_bytes_mod_order_wide).collect()
    }

    fn sha512(self, messages: &[Parts<'_>]) -> Vec<[u8; 64]> {
        match self {
            // SAFETY: a value of this kind is made by `here` alone, which found the instructions.
            #[cfg(target_arch = "x86_64")]
            Self::Eight => messages.chunks(8).flat_map(|some| unsafe { eight(some) }).collect(),
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Self::Four => messages.chunks(4).flat_map(|some| unsafe { four(some) }).collect(),
        }
    }
}

/// What one lane hashes, as whole blocks: the first, which is copied together, those that lie in the message, and the
/// last one or two with the padding.
struct Parts<'a> {
    first: Option<Zeroizing<[u8; BLOCK]>>,
    middle: &'a [u8],
    last: [u8; 2 * BLOCK],
    blocks: usize,
}

impl<'a> Parts<'a> {
    /// `head`, less than a block, and then `message`.
    fn new(head: &[&[u8; 32]], message: &'a [u8]) -> Self {
        let mut first = Zeroizing::new([0; BLOCK]);
        let mut filled = 0;
        for part in head {
            first[filled..filled + part.len()].copy_from_slice(*part);
            filled += part.len();
        }
        let bits = (filled as u128 + message.len() as u128) * 8;
        let (begin, rest) = message.split_at(message.len().min(BLOCK - filled));
        first[filled..filled + begin.len()].copy_from_slice(begin);
        filled += begin.len();
        let (middle, end) = rest.split_at(rest.len() / BLOCK * BLOCK);
        // A first block that is not full is the last one, too.
        let (first, end) = if filled == BLOCK { (Some(first), end) } else { (None, &first[..filled]) };
        let mut last = [0; 2 * BLOCK];
        last[..end.len()].copy_from_slice(end);
        last[end.len()] = 0x80;
        let size = if end.len() + 17 > BLOCK { 2 * BLOCK } else { BLOCK };
        last[size - 16..size].copy_from_slice(&bits.to_be_bytes());
        let blocks = usize::from(first.is_some()) + middle.len() / BLOCK + size / BLOCK;
        Self { first, middle, last, blocks }
    }

    /// The block at `index`; behind the last, some block.
    #[inline(always)]
    fn block(&self, index: usize) -> &[u8; BLOCK] {
        let index = match &self.first {
            Some(first) if index == 0 => return first,
            first => index - usize::from(first.is_some()),
        };
        let middle = self.middle.len() / BLOCK;
        let (bytes, index) = match index.checked_sub(middle) {
            None => (self.middle, index),
            Some(behind) => (self.last.as_slice(), behind.min(1)),
        };
        match bytes[index * BLOCK..].first_chunk() {
            Some(block) => block,
            None => &[0; BLOCK],
        }
    }
}

impl Drop for Parts<'_> {
    fn drop(&mut self) {
        // It may begin with the secret prefix.
        self.last.zeroize();
    }
}

/// The digests of at most as many messages as a vector has lanes, by functions of one instruction set. Sixteen rounds are
/// written out, so that no word is moved and the schedule stays where it is.
#[cfg(target_arch = "x86_64")]
macro_rules! engine {
    ($name:ident, $feature:literal, $lanes:literal, $vector:ty) => {
        #[target_feature(enable = $feature)]
        fn $name(messages: &[Parts<'_>]) -> Vec<[u8; 64]> {
            use $name::*;
            let mut state: [$vector; 8] = START.map(|word| splat(word));
            let mut digests = vec![[0; 64]; messages.len()];
            let most = messages.iter().map(|message| message.blocks).max().unwrap_or(0);
            let mut w: [$vector; 16] = [splat(0); 16];
            for index in 0..most {
                let blocks: [&[u8; BLOCK]; $lanes] =
                    std::array::from_fn(|lane| messages[lane.min(messages.len() - 1)].block(index));
                for (at, words) in w.iter_mut().enumerate() {
                    *words = gather(&blocks, at * 8);
                }
                let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
                for (turn, constants) in ROUNDS.as_chunks::<16>().0.iter().enumerate() {
                    macro_rules! round {
                        ($a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident, $at:literal) => {
                            if turn > 0 {
                                let (near, far, old) =
                                    (w[($at + 1) % 16], w[($at + 14) % 16], w[($at + 9) % 16]);
                                w[$at] = add(add(w[$at], old), add(low(near), high(far)));
                            }
                            let word = add(w[$at], splat(constants[$at]));
                            let first = add(add($h, word), add(sum_e($e), choose($e, $f, $g)));
                            $d = add($d, first);
                            $h = add(first, add(sum_a($a), majority($a, $b, $c)));
                        };
                    }
                    round!(a b c d e f g h, 0);
                    round!(h a b c d e f g, 1);
                    round!(g h a b c d e f, 2);
                    round!(f g h a b c d e, 3);
                    round!(e f g h a b c d, 4);
                    round!(d e f g h a b c, 5);
                    round!(c d e f g h a b, 6);
                    round!(b c d e f g h a, 7);
                    round!(a b c d e f g h, 8);
                    round!(h a b c d e f g, 9);
                    round!(g h a b c d e f, 10);
                    round!(f g h a b c d e, 11);
                    round!(e f g h a b c d, 12);
                    round!(d e f g h a b c, 13);
                    round!(c d e f g h a b, 14);
                    round!(b c d e f g h a, 15);
                }
                for (word, more) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                    *word = add(*word, more);
                }
                for (lane, _) in messages.iter().enumerate().filter(|(_, m)| m.blocks == index + 1) {
                    for (word, bytes) in state.iter().zip(digests[lane].as_chunks_mut::<8>().0) {
                        *bytes = lanes_of(*word)[lane].to_be_bytes();
                    }
                }
            }
            digests
        }
    };
}

/// A word of the message, as it stands in a block.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn word(block: &[u8; BLOCK], at: usize) -> i64 {
    block[at..].first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes))
}

#[cfg(target_arch = "x86_64")]
engine!(four, "avx2", 4, std::arch::x86_64::__m256i);
#[cfg(target_arch = "x86_64")]
engine!(eight, "avx512f", 8, std::arch::x86_64::__m512i);

/// The initial hash value (FIPS 180-4 section 5.3.5).
const START: [u64; 8] = [
    0x6a09e667f3bcc908,
    0xbb67ae8584caa73b,
    0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1,
    0x510e527fade682d1,
    0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b,
    0x5be0cd19137e2179,
];

/// The constants of the rounds (FIPS 180-4 section 4.2.3).
const ROUNDS: [u64; 80] = [
    0x428a2f98d728ae22,
    0x7137449123ef65cd,
    0xb5c0fbcfec4d3b2f,
    0xe9b5dba58189dbbc,
    0x3956c25bf348b538,
    0x59f111f1b605d019,
    0x923f82a4af194f9b,
    0xab1c5ed5da6d8118,
    0xd807aa98a3030242,
    0x12835b0145706fbe,
    0x243185be4ee4b28c,
    0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f,
    0x80deb1fe3b1696b1,
    0x9bdc06a725c71235,
    0xc19bf174cf692694,
    0xe49b69c19ef14ad2,
    0xefbe4786384f25e3,
    0x0fc19dc68b8cd5b5,
    0x240ca1cc77ac9c65,
    0x2de92c6f592b0275,
    0x4a7484aa6ea6e483,
    0x5cb0a9dcbd41fbd4,
    0x76f988da831153b5,
    0x983e5152ee66dfab,
    0xa831c66d2db43210,
    0xb00327c898fb213f,
    0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2,
    0xd5a79147930aa725,
    0x06ca6351e003826f,
    0x142929670a0e6e70,
    0x27b70a8546d22ffc,
    0x2e1b21385c26c926,
    0x4d2c6dfc5ac42aed,
    0x53380d139d95b3df,
    0x650a73548baf63de,
    0x766a0abb3c77b2a8,
    0x81c2c92e47edaee6,
    0x92722c851482353b,
    0xa2bfe8a14cf10364,
    0xa81a664bbc423001,
    0xc24b8b70d0f89791,
    0xc76c51a30654be30,
    0xd192e819d6ef5218,
    0xd69906245565a910,
    0xf40e35855771202a,
    0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8,
    0x1e376c085141ab53,
    0x2748774cdf8eeb99,
    0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63,
    0x4ed8aa4ae3418acb,
    0x5b9cca4f7763e373,
    0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc,
    0x78a5636f43172f60,
    0x84c87814a1f0ab72,
    0x8cc702081a6439ec,
    0x90befffa23631e28,
    0xa4506cebde82bde9,
    0xbef9a3f7b2c67915,
    0xc67178f2e372532b,
    0xca273eceea26619c,
    0xd186b8c721c0c207,
    0xeada7dd6cde0eb1e,
    0xf57d4f7fee6ed178,
    0x06f067aa72176fba,
    0x0a637dc5a2c898a6,
    0x113f9804bef90dae,
    0x1b710b35131c471b,
    0x28db77f523047d84,
    0x32caab7b40c72493,
    0x3c9ebe0a15c9bebc,
    0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6,
    0x597f299cfc657e2a,
    0x5fcb6fab3ad6faec,
    0x6c44198c4a475817,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lanes() -> Vec<Lanes> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(is_x86_feature_detected!("avx512f").then_some(Lanes::Eight));
            all.extend(is_x86_feature_detected!("avx2").then_some(Lanes::Four));
        }
        all
    }

    proptest! {
        #[test]
        fn signatures_are_those_of_signing_alone(
            seed in any::<[u8; 32]>(),
            lengths in proptest::collection::vec(0_usize..700, 0..19),
        ) {
            let key = SigningKey::from_bytes(&seed);
            let secret = ExpandedSecretKey::from(&seed);
            let messages: Vec<Vec<u8>> = lengths
                .iter()
                .enumerate()
                .map(|(at, length)| (0..*length).map(|i| (i * 31 + at) as u8).collect())
                .collect();
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            let alone: Vec<[u8; 64]> = messages.iter().map(|m| key.sign(m).to_bytes()).collect();
            for lanes in lanes() {
                prop_assert_eq!(&lanes.sign(&secret, key.verifying_key().as_bytes(), &messages), &alone);
            }
        }
    }

    #[test]
    fn every_length_around_a_block_is_padded_right() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let secret = ExpandedSecretKey::from(&[3; 32]);
        let bytes: Vec<u8> = (0..600_usize).map(|i| i as u8).collect();
        let messages: Vec<&[u8]> = (0..600).map(|length| &bytes[..length]).collect();
        let alone: Vec<[u8; 64]> = messages.iter().map(|m| key.sign(m).to_bytes()).collect();
        for lanes in lanes() {
            assert_eq!(lanes.sign(&secret, key.verifying_key().as_bytes(), &messages), alone);
        }
    }
}
