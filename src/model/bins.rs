//! Hashed bins: how many, what each is called, and which path falls into which (PEP 458,
//! "Metadata Scalability"; TUF 1.0.34 section 4.5, `path_hash_prefixes`).

use super::{RoleName, Sha256};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The number of bins: a power of two from 1 to 65,536.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub struct BinCount(u32);

impl TryFrom<u64> for BinCount {
    type Error = NotABinCount;

    fn try_from(count: u64) -> Result<Self, NotABinCount> {
        Self::new(count)
    }
}

/// The number is no power of two from 1 to 65,536.
#[derive(Debug, thiserror::Error)]
#[error("{0} bins will not do: a power of two from 1 to 65536 is needed")]
pub struct NotABinCount(u64);

impl BinCount {
    /// `count` bins.
    ///
    /// # Errors
    /// [`NotABinCount`] unless it is a power of two from 1 to 65,536.
    pub fn new(count: u64) -> Result<Self, NotABinCount> {
        match u32::try_from(count) {
            Ok(count) if count.is_power_of_two() && count <= 65_536 => Ok(Self(count)),
            _ => Err(NotABinCount(count)),
        }
    }

    /// The number that serves this many targets: the smallest that keeps a bin within 128 of
    /// them with fourfold headroom, from 16 to 1,024 (tuf-js reads no more); once 1,024 bins
    /// would hold more than 1,024 targets each, up to 16,384.
    #[must_use]
    pub fn for_targets(targets: u64) -> Self {
        let most = if targets > 1024 * 1024 { 16_384 } else { 1_024 };
        let wanted = targets.saturating_mul(4).div_ceil(128).clamp(16, most);
        Self(u32::try_from(wanted.next_power_of_two()).unwrap_or(16_384))
    }

    /// How many bins.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// The bin that a path with this digest falls into.
    #[must_use]
    pub fn bin_of(self, digest: &Sha256) -> u32 {
        let [a, b, c, d, ..] = *digest.as_bytes();
        let top = u64::from(u32::from_be_bytes([a, b, c, d]));
        u32::try_from((top * u64::from(self.0)) >> 32).unwrap_or(0)
    }

    /// `bin-<hex>`: the index in as many digits as the largest needs.
    #[must_use]
    pub fn role(self, index: u32) -> RoleName {
        let width = format!("{:x}", self.0 - 1).len();
        // A name of this form is always a role name; the fall-back cannot be reached.
        format!("bin-{index:0width$x}").parse().unwrap_or_else(|_| RoleName::unclaimed())
    }

    /// The hash prefixes that fall into a bin, all of one length.
    #[must_use]
    pub fn prefixes(self, index: u32) -> Vec<String> {
        let digits = self.0.ilog2().div_ceil(4).max(1);
        let each = 16_u32.pow(digits) / self.0;
        let width = digits as usize;
        (index * each..(index + 1) * each).map(|prefix| format!("{prefix:0width$x}")).collect()
    }
}

impl fmt::Display for BinCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_follows_the_targets() {
        let table = [
            (0, 16),
            (512, 16),
            (513, 32),
            (10_000, 512),
            (32_768, 1024),
            (1_048_576, 1024),
            (1_048_577, 16_384),
            (17_000_000, 16_384),
        ];
        for (targets, bins) in table {
            assert_eq!(BinCount::for_targets(targets).get(), bins, "{targets}");
        }
    }

    #[test]
    fn names_have_as_many_digits_as_the_largest_needs() {
        let table = [
            (1, 0, "bin-0"),
            (16, 15, "bin-f"),
            (256, 3, "bin-03"),
            (4096, 0xa3, "bin-0a3"),
            (16_384, 1, "bin-0001"),
        ];
        for (count, index, name) in table {
            assert_eq!(BinCount::new(count).unwrap().role(index).as_str(), name);
        }
        for count in [0, 3, 65_537, 131_072] {
            assert!(BinCount::new(count).is_err());
        }
    }
}
