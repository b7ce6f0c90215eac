//! How much memory this process takes, where the system says it.

use std::fs;

/// What the system says of the memory that this process takes, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Now.
    pub now: u64,
    /// At most, since [`forget_peak`] or the start.
    pub peak: u64,
}

/// What it says; `None` where there is no `/proc`.
#[must_use]
pub fn resident() -> Option<Resident> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
    };
    Some(Resident { now: field("VmRSS:")?, peak: field("VmHWM:")? })
}

/// Has the peak begin again where memory is now (`man 5 proc`, `clear_refs`); where that is not possible nothing happens.
pub fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_touched_counts_and_a_peak_can_be_forgotten() {
        let Some(before) = resident() else { return };
        let much = vec![1_u8; 64 << 20];
        let during = resident().unwrap();
        assert!(during.now >= before.now + (48 << 20), "{before:?} {during:?}");
        assert_eq!(much.iter().map(|b| u64::from(*b)).sum::<u64>(), 64 << 20);
        drop(much);
        forget_peak();
        assert!(resident().unwrap().peak < during.peak);
    }
}
