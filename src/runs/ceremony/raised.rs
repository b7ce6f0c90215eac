//! Versions of projects that somebody raised, so that no empty role of the administrators' can follow them.

use crate::model::{ProjectName, Version};
use crate::site::projects::Project;

/// A number that is handed out is so far above the published one at most.
const MARGIN: u64 = 10_000;

/// Whether an empty role of the administrators' can follow what a project stands at.
pub(super) fn is_succeeded(project: &Project) -> bool {
    project.is_suspended() || project.own.version.number().saturating_add(MARGIN) < Version::SUCCEEDED
}

/// What to say of a claimed project that none can follow.
pub(super) fn of_claimed(name: &ProjectName, project: &Project) -> String {
    format!(
        "its version is {}, which no author reaches, and no empty role can follow: somebody raised it. `--free {name}` \
         lets go of the name; what the source has of it is the bins' then",
        project.own.version
    )
}

/// What to say of one that is not signed over for it.
pub(super) fn of_unclaimed(name: &ProjectName, project: &Project) -> String {
    format!(
        "its version is {}, which no author reaches: somebody raised it. `tuffet project revoke {name}` takes the keys away",
        project.own.version
    )
}
