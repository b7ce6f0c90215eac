//! Numbers of which each is written as what it is more than the one before (parquet-format, `DELTA_BINARY_PACKED`), as
//! lengths of texts are. A few bytes say that there are thousands of millions, and the reader sets memory aside for all;
//! and of texts that begin as the one before, each may be as long as the longest. So they are looked at before it is.

use super::thrift::damaged;
use parquet::basic::Encoding;
use std::io::Result;

/// Whether the values of a page, of which there are no more than `most`, are texts that a reader can hold: none longer
/// than `longest`.
///
/// # Errors
/// What is wrong with them, in words.
pub(super) fn check(encoding: Encoding, values: &[u8], most: u32, longest: i64) -> Result<()> {
    match encoding {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => {
            let (lengths, _) = numbers(values, most)?;
            lengths.into_iter().try_for_each(|length| fits(0, length, longest))
        }
        Encoding::DELTA_BYTE_ARRAY => {
            let (prefixes, end) = numbers(values, most)?;
            let (suffixes, _) = numbers(&values[end..], most)?;
            if prefixes.len() != suffixes.len() {
                return damaged("of some texts in a page there is only a part");
            }
            prefixes.into_iter().zip(suffixes).try_for_each(|(prefix, suffix)| fits(prefix, suffix, longest))
        }
        _ => Ok(()),
    }
}

/// Whether a text of these two parts is one.
fn fits(prefix: i32, suffix: i32, longest: i64) -> Result<()> {
    if i64::from(prefix) + i64::from(suffix) > longest {
        return damaged(format!("a cell is longer than {longest} bytes"));
    }
    if prefix < 0 || suffix < 0 { damaged("a text in a page has less than no bytes") } else { Ok(()) }
}

/// The numbers, no more than `most`, and where they end.
fn numbers(bytes: &[u8], most: u32) -> Result<(Vec<i32>, usize)> {
    let mut at = 0;
    let [block, parts, count] = [number(bytes, &mut at)?, number(bytes, &mut at)?, number(bytes, &mut at)?];
    let first = signed(bytes, &mut at)?;
    let (true, Some(part)) = (block % 128 == 0, block.checked_div(parts)) else {
        return damaged("lengths of texts stand in blocks of no size that there is");
    };
    if part == 0 || part % 32 != 0 || block % parts != 0 {
        return damaged("lengths of texts stand in blocks of no size that there is");
    }
    if count > u64::from(most) {
        return damaged(format!("it has {count} texts in a page of {most}"));
    }
    let mut all = Vec::new();
    if count > 0 {
        all.push(first);
    }
    let mut left = count.saturating_sub(1);
    let mut last = first;
    while left > 0 {
        let step = signed(bytes, &mut at)?;
        let begin = at;
        // No more parts are looked at than have a number in them; the widths of the rest are passed over.
        at = end(bytes, at, parts)?;
        for width in &bytes[begin..at] {
            if left == 0 {
                break;
            }
            let width = u32::from(*width);
            if width > i32::BITS {
                return damaged("a length of a text has more than 32 bits");
            }
            let packed = &bytes[at..end(bytes, at, u64::from(width).saturating_mul(part) / 8)?];
            at += packed.len();
            let here = left.min(part);
            for index in 0..here {
                last = last.wrapping_add(step).wrapping_add(unpack(packed, width, index));
                all.push(last);
            }
            left -= here;
        }
    }
    Ok((all, at))
}

fn end(bytes: &[u8], at: usize, more: u64) -> Result<usize> {
    let end = usize::try_from(more).ok().and_then(|more| at.checked_add(more));
    match end.filter(|end| *end <= bytes.len()) {
        Some(end) => Ok(end),
        None => damaged("lengths of texts end behind their page"),
    }
}

/// The number at this index of those that are packed with so many bits each, the lowest first.
fn unpack(packed: &[u8], width: u32, index: u64) -> i32 {
    let bit = index * u64::from(width);
    let from = usize::try_from(bit / 8).unwrap_or(usize::MAX).min(packed.len());
    let mut window = [0; 8];
    let there = packed.len().min(from + 8) - from;
    window[..there].copy_from_slice(&packed[from..from + there]);
    let bits = u64::from_le_bytes(window) >> (bit % 8);
    // Of no more than 32 bits.
    (bits & ((1 << width) - 1)) as i32
}

/// A number without a sign, seven bits in each byte.
fn number(bytes: &[u8], at: &mut usize) -> Result<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let Some(byte) = bytes.get(*at) else { return damaged("lengths of texts end behind their page") };
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Ok(number);
        }
    }
    damaged("a number in a page has no end")
}

/// A number of 32 bits with a sign: an odd one is negative.
fn signed(bytes: &[u8], at: &mut usize) -> Result<i32> {
    let number = number(bytes, at)?;
    let half = (number >> 1).cast_signed();
    match i32::try_from(if number & 1 == 1 { !half } else { half }) {
        Ok(number) => Ok(number),
        Err(_) => damaged("a length of a text has more than 32 bits"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed(mut number: u64) -> Vec<u8> {
        let mut out = Vec::new();
        while number >= 0x80 {
            out.push(number as u8 | 0x80);
            number >>= 7;
        }
        out.push(number as u8);
        out
    }

    fn zigzag(number: i32) -> Vec<u8> {
        let wide = i64::from(number);
        packed(((wide << 1) ^ (wide >> 63)) as u64)
    }

    /// As a writer would have them: blocks of 128 in four parts, each part as wide as it must be.
    fn written(numbers: &[i32]) -> Vec<u8> {
        let mut out = [b"\x80\x01\x04".to_vec(), packed(numbers.len() as u64)].concat();
        out.extend(zigzag(numbers.first().copied().unwrap_or(0)));
        let steps: Vec<i32> = numbers.windows(2).map(|two| two[1].wrapping_sub(two[0])).collect();
        for block in steps.chunks(128) {
            let least = *block.iter().min().unwrap();
            out.extend(zigzag(least));
            let parts: Vec<Vec<u32>> = block
                .chunks(32)
                .map(|part| part.iter().map(|step| step.wrapping_sub(least) as u32).collect())
                .collect();
            let widths: Vec<u32> =
                parts.iter().map(|part| 32 - part.iter().max().unwrap().leading_zeros()).collect();
            // A part without numbers has any width.
            out.extend((0..4).map(|part| widths.get(part).map_or(99, |width| *width as u8)));
            for (part, width) in parts.iter().zip(widths) {
                let mut bits = vec![0_u8; (width * 4) as usize];
                for (index, number) in part.iter().enumerate() {
                    for bit in (0..width as usize).filter(|bit| number >> bit & 1 == 1) {
                        let at = index * width as usize + bit;
                        bits[at / 8] |= 1 << (at % 8);
                    }
                }
                out.extend(bits);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_to_its_end(
            numbers in prop_oneof![
                proptest::collection::vec(any::<i32>(), 0..300),
                proptest::collection::vec(0..70_i32, 0..300),
            ],
            behind in proptest::collection::vec(any::<u8>(), 0..9),
        ) {
            let bytes = written(&numbers);
            let (read, end) = super::numbers(&[bytes.clone(), behind].concat(), 300).unwrap();
            prop_assert_eq!(read, numbers);
            prop_assert_eq!(end, bytes.len());
        }

        #[test]
        fn whatever_bytes_say_is_numbers_or_damage(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Ok((numbers, end)) = super::numbers(&[b"\x80\x01\x04".to_vec(), bytes].concat(), 50) {
                prop_assert!(numbers.len() <= 50 && end <= 67);
            }
        }
    }

    #[test]
    fn texts_that_are_written_out_have_a_limit_each() {
        let said = |prefixes: &[i32], suffixes: &[i32]| {
            let bytes = [written(prefixes), written(suffixes)].concat();
            check(Encoding::DELTA_BYTE_ARRAY, &bytes, 4, 100)
        };
        said(&[0, 3, 99], &[3, 97, 1]).unwrap();
        for (prefixes, suffixes, what) in [
            (&[0, 51][..], &[51, 50][..], "longer than 100 bytes"),
            (&[0, 0], &[7, 101], "longer than 100 bytes"),
            (&[0, -1], &[7, 7], "less than no bytes"),
            (&[0, 7], &[7, -7], "less than no bytes"),
            (&[0, 7], &[7], "only a part"),
            (&[0], &[7, 7], "only a part"),
            (&[0, 0, 0, 0, 0], &[1], "5 texts in a page of 4"),
            (&[0, 0, 0, 0], &[1, 1, 1, 1, 1], "5 texts in a page of 4"),
        ] {
            let error = said(prefixes, suffixes).unwrap_err().to_string();
            assert!(error.contains(what), "{what}: {error}");
        }
    }

    #[test]
    fn lengths_that_a_reader_would_set_memory_aside_for_are_damage() {
        for (bytes, what) in [
            (&b""[..], "behind their page"),
            (b"\x80\x01\x04\xff\xff\xff\xff\x07\x00", "2147483647 texts in a page of 4"),
            (b"\x80\x01\x00\x01\x00", "no size that there is"),
            (b"\x00\x01\x01\x00", "no size that there is"),
            (b"\x80\x01\x03\x01\x00", "no size that there is"),
            (b"\x80\x01\x08\x01\x00", "no size that there is"),
            (b"\x80\x01\x04\x02\x00\x00\x21\x00\x00\x00", "more than 32 bits"),
            (b"\x80\x01\x04\x02\x00\x00\x20\x00\x00\x00abc", "behind their page"),
            (b"\x80\x01\x04\x02\x00\x00\x20", "behind their page"),
            (b"\x80\x01\x04\x02\xff\xff\xff\xff\xff\x01", "more than 32 bits"),
            (&[0xff; 20], "has no end"),
        ] {
            let error = check(Encoding::DELTA_LENGTH_BYTE_ARRAY, bytes, 4, 100).unwrap_err().to_string();
            assert!(error.contains(what), "{what}: {error}");
        }
        let long = check(Encoding::DELTA_LENGTH_BYTE_ARRAY, &written(&[7, 101]), 4, 100).unwrap_err();
        assert_eq!(long.to_string(), "a cell is longer than 100 bytes");
        check(Encoding::DELTA_LENGTH_BYTE_ARRAY, &written(&[7, 100]), 4, 100).unwrap();
        check(Encoding::PLAIN, b"", 4, 100).unwrap();
    }
}
