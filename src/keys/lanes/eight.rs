//! The functions of SHA-512 on eight lanes, with AVX-512, which rotates, and has every function of three bits.

use super::{BLOCK, word};
use std::arch::x86_64::*;

type V = __m512i;

macro_rules! functions {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $kind:ty),*) -> $out:ty $body:block)*) => {
        $($(#[$doc])* #[inline] #[target_feature(enable = "avx512f")] pub(super) fn $name($($arg: $kind),*) -> $out $body)*
    };
}

functions! {
    fn splat(word: u64) -> V { _mm512_set1_epi64(word.cast_signed()) }
    fn add(x: V, y: V) -> V { _mm512_add_epi64(x, y) }
    fn xor(x: V, y: V, z: V) -> V { _mm512_ternarylogic_epi64::<0x96>(x, y, z) }
    fn choose(e: V, f: V, g: V) -> V { _mm512_ternarylogic_epi64::<0xca>(e, f, g) }
    fn majority(a: V, b: V, c: V) -> V { _mm512_ternarylogic_epi64::<0xe8>(a, b, c) }
    fn sum_a(a: V) -> V {
        xor(_mm512_ror_epi64::<28>(a), _mm512_ror_epi64::<34>(a), _mm512_ror_epi64::<39>(a))
    }
    fn sum_e(e: V) -> V {
        xor(_mm512_ror_epi64::<14>(e), _mm512_ror_epi64::<18>(e), _mm512_ror_epi64::<41>(e))
    }
    fn low(w: V) -> V {
        xor(_mm512_ror_epi64::<1>(w), _mm512_ror_epi64::<8>(w), _mm512_srli_epi64::<7>(w))
    }
    fn high(w: V) -> V {
        xor(_mm512_ror_epi64::<19>(w), _mm512_ror_epi64::<61>(w), _mm512_srli_epi64::<6>(w))
    }
    fn gather(blocks: &[&[u8; BLOCK]; 8], at: usize) -> V {
        let [a, b, c, d, e, f, g, h] = blocks.map(|block| word(block, at));
        _mm512_setr_epi64(a, b, c, d, e, f, g, h)
    }
    fn lanes_of(x: V) -> [u64; 8] {
        let (low, high) = (_mm512_extracti64x4_epi64::<0>(x), _mm512_extracti64x4_epi64::<1>(x));
        let words = [
            _mm256_extract_epi64::<0>(low),
            _mm256_extract_epi64::<1>(low),
            _mm256_extract_epi64::<2>(low),
            _mm256_extract_epi64::<3>(low),
            _mm256_extract_epi64::<0>(high),
            _mm256_extract_epi64::<1>(high),
            _mm256_extract_epi64::<2>(high),
            _mm256_extract_epi64::<3>(high),
        ];
        words.map(i64::cast_unsigned)
    }
}
