//! Layout `tree`: files that are no Python distributions, under the paths they have.

use super::Naming;
use crate::model::TargetPath;
use crate::model::target_path::looks_hashed;
use crate::report::Code;

/// First segments that the site needs for itself.
const OURS: [&str; 2] = ["metadata", "simple"];

/// The target of the file at `relative`.
pub(super) fn target(relative: &str) -> Naming {
    let skip = |why: &str| Naming::skip(Code::NameSkipped, why);
    let first = relative.split('/').next().unwrap_or(relative);
    if OURS.contains(&first) {
        return skip("the site needs the folders metadata/ and simple/ for itself");
    }
    if relative.split('/').any(looks_hashed) {
        return skip("a name in it begins as the hashed copies do (64 hex digits and a dot)");
    }
    if relative.split('/').any(|segment| segment.len() > TargetPath::LONGEST_NAME) {
        return skip("a name in it is longer than 181 bytes");
    }
    match relative.parse() {
        Ok(target) => Naming::Target(target),
        Err(e) => Naming::skip(Code::NameSkipped, e.to_string()),
    }
}
