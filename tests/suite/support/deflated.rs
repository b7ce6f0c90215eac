//! gzip of which nothing comes: each block in it says how its symbols are coded, and ends.

/// So many bytes of it, about (RFC 1951 section 3.2.7; RFC 1952).
pub(crate) fn tables(size: usize) -> Vec<u8> {
    // Eight blocks end where a byte does.
    let eight = block().repeat(8);
    let bytes: Vec<u8> = eight
        .chunks(8)
        .map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit)))
        .collect();
    let head = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03";
    // The last block is of nothing, too, in the coding that is known. The sum and the size of nothing are 0.
    [head, bytes.repeat(size / bytes.len()).as_slice(), b"\x03\x00", &[0; 8]].concat()
}

fn block() -> Vec<bool> {
    let number = |value: usize, count: usize| (0..count).map(move |at| value >> at & 1 == 1);
    // Not the last; its coding is written here; 271 symbols, 2 distances, 18 lengths of codes of lengths.
    let head = [(0, 1), (2, 2), (14, 5), (1, 5), (14, 4)];
    // Of 16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14 and 1: four bits each, three for 1, none for the others.
    let lengths = [0, 0, 4, 0, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 3].map(|length| (length, 3));
    // So each code is the number itself, but for 1 and 18, and begins with its highest bit.
    let code = |length: usize| match length {
        1 => (0, 3),
        18 => (0b1111, 4),
        _ => (length.reverse_bits() >> (usize::BITS - 4), 4),
    };
    // 256 symbols that do not occur.
    let none = [code(18), (138 - 11, 7), code(18), (118 - 11, 7)];
    // The end of a block; symbols of which each has a bit more; two distances.
    let some = (1..=14).chain([14, 1, 1]).map(code);
    let end = (0, 1);
    let all = head.into_iter().chain(lengths).chain(none).chain(some).chain([end]);
    all.flat_map(|(value, count)| number(value, count)).collect()
}

#[test]
fn nothing_comes_of_it() {
    use std::io::Read as _;
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(&*tables(10_000)).read_to_end(&mut out).unwrap();
    assert!(out.is_empty());
}
