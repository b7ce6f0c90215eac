//! Submissions that are taken in already: a run that made one public did not get as far as to say so.

use super::Request;
use crate::model::ProjectRole;
use crate::site::read::Published;
use crate::submission::Submission;
use crate::submission::open::SubmittedRole;

/// Whether every role of a submission is published as it is, byte for byte, below the keys that it brings.
pub(super) fn is_taken(request: &Request<'_>, published: &Published, submission: &Submission) -> bool {
    let project = published.projects.get(&submission.project).filter(|project| !project.is_suspended());
    let Some(project) = project else { return false };
    let named = request.register.get(&submission.project);
    let is_published = |(part, role): (&ProjectRole, &SubmittedRole)| {
        let there = match part {
            ProjectRole::Own => Some(&project.own),
            other => project.parts.get(other),
        };
        there.is_some_and(|there| there.envelope().to_bytes().is_ok_and(|bytes| bytes == role.bytes))
    };
    named.is_none_or(|named| project.keys.keys().eq(named))
        && submission.claim.as_ref().is_none_or(|claim| claim.holds(project))
        && submission.roles.iter().all(is_published)
}
