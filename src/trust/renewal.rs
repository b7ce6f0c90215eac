//! When an online role is due to be signed again although nothing changed.

use crate::model::{Moment, RoleName, Sha256};
use std::time::Duration;

/// The moment at which a role that ends at `expires` after a life of `life` is due: between 1/2
/// and 3/4 of its life, at a point taken from the SHA-256 of its name, so that thousands of bins
/// do not come due together.
#[must_use]
pub fn due(role: &RoleName, expires: Moment, life: Duration) -> Moment {
    let digest = Sha256::of(role.as_str().as_bytes());
    let [a, b, ..] = *digest.as_bytes();
    let share = u64::from(u16::from_be_bytes([a, b]));
    // Left of the life: from 1/2 down to 1/4.
    let quarter = life.as_secs() / 4;
    let left = life.as_secs() / 2 - quarter * share / 65_536;
    expires.minus(Duration::from_secs(left))
}

/// Whether a role that ends at `expires` may be due at `now`, whatever its name.
#[must_use]
pub fn may_be_due(expires: Moment, life: Duration, now: Moment) -> bool {
    expires.minus(Duration::from_secs(life.as_secs() / 2)) <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_come_due_between_half_and_three_quarters_and_not_together() {
        let life = Duration::from_secs(7 * 86_400);
        let signed = Moment::from_unix(1_800_000_000).unwrap();
        let due: Vec<i64> = (0..64)
            .map(|i| {
                due(&format!("bin-{i:02x}").parse().unwrap(), signed.plus(life), life).unix() - signed.unix()
            })
            .collect();
        for now in (0..life.as_secs()).step_by(3600).map(|later| signed.plus(Duration::from_secs(later))) {
            let is_due = due.iter().any(|at| *at + signed.unix() <= now.unix());
            assert!(!is_due || may_be_due(signed.plus(life), life, now), "{now}");
        }
        assert!(!may_be_due(signed.plus(life), life, signed.plus(life / 2).minus(Duration::from_secs(1))));
        let life = i64::try_from(life.as_secs()).unwrap();
        assert!(due.iter().all(|&at| at >= life / 2 && at <= life * 3 / 4), "{due:?}");
        let spread = due.iter().max().unwrap() - due.iter().min().unwrap();
        assert!(spread > life / 5, "they all come due within {spread} s");
    }
}
