//! Why a submission is not taken.

use serde::Serialize;
use std::fmt;

/// One reason. It says which check failed, on which file, and what the author can do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Refusal {
    /// The check that failed, as one word that stays the same from release to release.
    pub check: &'static str,
    /// The file inside the submission, or the role, that it failed on.
    pub file: String,
    /// What is wrong.
    pub what: String,
    /// What the author can do.
    pub way_out: &'static str,
}

impl Refusal {
    /// A reason.
    pub fn new(
        check: &'static str,
        file: impl Into<String>,
        what: impl fmt::Display,
        way_out: &'static str,
    ) -> Self {
        Self { check, file: file.into(), what: what.to_string(), way_out }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.file, self.what, self.check)?;
        if self.way_out.is_empty() { Ok(()) } else { write!(f, "; {}", self.way_out) }
    }
}
