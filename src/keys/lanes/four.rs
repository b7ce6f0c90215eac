//! The functions of SHA-512 (FIPS 180-4 section 4.1.3) on four lanes, with AVX2, where a rotation is two shifts.

use super::{BLOCK, word};
use std::arch::x86_64::*;

type V = __m256i;

macro_rules! functions {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $kind:ty),*) -> $out:ty $body:block)*) => {
        $($(#[$doc])* #[inline] #[target_feature(enable = "avx2")] pub(super) fn $name($($arg: $kind),*) -> $out $body)*
    };
}
macro_rules! rotate {
    ($x:expr, $by:literal) => {
        _mm256_or_si256(_mm256_srli_epi64::<$by>($x), _mm256_slli_epi64::<{ 64 - $by }>($x))
    };
}

functions! {
    fn splat(word: u64) -> V { _mm256_set1_epi64x(word.cast_signed()) }
    fn add(x: V, y: V) -> V { _mm256_add_epi64(x, y) }
    fn xor(x: V, y: V, z: V) -> V { _mm256_xor_si256(_mm256_xor_si256(x, y), z) }
    fn choose(e: V, f: V, g: V) -> V { _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g))) }
    fn majority(a: V, b: V, c: V) -> V {
        _mm256_xor_si256(b, _mm256_and_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(b, c)))
    }
    fn sum_a(a: V) -> V { xor(rotate!(a, 28), rotate!(a, 34), rotate!(a, 39)) }
    fn sum_e(e: V) -> V { xor(rotate!(e, 14), rotate!(e, 18), rotate!(e, 41)) }
    fn low(w: V) -> V {
        let bytes = _mm256_setr_epi8(
            1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14, 15, 8, 1, 2, 3, 4, 5, 6, 7, 0, 9, 10, 11, 12, 13, 14,
            15, 8,
        );
        xor(rotate!(w, 1), _mm256_shuffle_epi8(w, bytes), _mm256_srli_epi64::<7>(w))
    }
    fn high(w: V) -> V { xor(rotate!(w, 19), rotate!(w, 61), _mm256_srli_epi64::<6>(w)) }
    fn gather(blocks: &[&[u8; BLOCK]; 4], at: usize) -> V {
        let [a, b, c, d] = blocks.map(|block| word(block, at));
        _mm256_setr_epi64x(a, b, c, d)
    }
    fn lanes_of(x: V) -> [u64; 4] {
        [
            _mm256_extract_epi64::<0>(x),
            _mm256_extract_epi64::<1>(x),
            _mm256_extract_epi64::<2>(x),
            _mm256_extract_epi64::<3>(x),
        ]
        .map(i64::cast_unsigned)
    }
}
