//! `verify`: the whole tree as the strictest client would see it.

pub use crate::audit::{Outcome, Request, Since, TargetFiles};
use crate::disk;
use crate::report::Reporter;

/// Verifies; every fault of the tree becomes a finding.
///
/// # Errors
/// Only what stops the run itself: a folder that cannot be listed, a root that cannot be read.
pub fn verify(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Outcome, disk::Error> {
    crate::audit::audit(request, reporter)
}
