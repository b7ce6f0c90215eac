//! Amounts as people read them.

/// A number of bytes in the unit that suits it.
#[must_use]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let mut unit = 1000;
    let tenths = |unit: u64| (u128::from(bytes) * 10 + u128::from(unit) / 2) / u128::from(unit);
    for name in UNITS {
        // 999.95 kB and more are shown as 1.0 MB.
        if tenths(unit) < 10_000 || name == UNITS[UNITS.len() - 1] {
            return format!("{}.{} {name}", tenths(unit) / 10, tenths(unit) % 10);
        }
        unit *= 1000;
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_unit_that_suits_them() {
        for (bytes, shown) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1000, "1.0 kB"),
            (1_234_567, "1.2 MB"),
            (999_999, "1.0 MB"),
            (3_000_000_000, "3.0 GB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}
