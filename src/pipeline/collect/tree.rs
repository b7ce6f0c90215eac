//! Layout `tree`: files that are no Python distributions, under the paths they have.

use super::Naming;
use crate::model::target_path;
use crate::report::Code;

/// The target of the file at `relative`.
pub(super) fn target(relative: &str) -> Naming {
    match target_path::of_file(relative) {
        Ok(target) => Naming::Target(target),
        Err(why) => Naming::skip(Code::NameSkipped, why),
    }
}
