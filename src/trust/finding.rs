//! What a verifier says of a whole tree: one finding for each fault, the worst first.

use crate::model::{RoleName, TargetPath};
use serde::Serialize;
use std::fmt;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Some client refuses something.
    Error,
    /// Every client goes on, and somebody should look.
    Warning,
}

/// One thing that is wrong with a tree.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The role it is about.
    #[serde(serialize_with = "as_text")]
    pub role: Option<RoleName>,
    /// The target, or the file below the site, that it is about.
    pub target: Option<String>,
    /// What is wrong, in words.
    pub what: String,
}

fn as_text<S: serde::Serializer>(role: &Option<RoleName>, serializer: S) -> Result<S::Ok, S::Error> {
    role.as_ref().map(RoleName::as_str).serialize(serializer)
}

impl Finding {
    /// A fault of a role.
    pub fn role(role: &RoleName, what: impl fmt::Display) -> Self {
        Self { severity: Severity::Error, role: Some(role.clone()), target: None, what: what.to_string() }
    }

    /// A fault of a target that a role lists.
    pub fn target(role: &RoleName, target: &TargetPath, what: impl fmt::Display) -> Self {
        let target = Some(target.to_string());
        Self { severity: Severity::Error, role: Some(role.clone()), target, what: what.to_string() }
    }

    /// A fault of a file that no role is to blame for.
    pub fn file(path: &str, what: impl fmt::Display) -> Self {
        let target = Some(path.to_owned());
        Self { severity: Severity::Error, role: None, target, what: what.to_string() }
    }

    /// The same, as a warning.
    #[must_use]
    pub fn warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: ")?;
        match (&self.role, &self.target) {
            (_, Some(target)) => write!(f, "{target}: ")?,
            (Some(role), None) => write!(f, "role {role}: ")?,
            (None, None) => {}
        }
        f.write_str(&self.what)
    }
}
