//! What is said of each submission that is taken in, by this run or by one before it.

use super::Passed;
use crate::model::{ProjectName, ProjectRole, RoleName, TargetPath, Targets, Version};
use crate::site::read::Published;
use crate::submission::{Claim, Submission};
use crate::trust::Standing;
use std::collections::BTreeSet;

/// When a submission was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taking {
    /// By this run.
    Now,
    /// By one before it.
    Before,
}

/// What became of one submission.
#[derive(Clone, Debug)]
pub struct Taken {
    /// When that was.
    pub taking: Taking,
    /// The project.
    pub project: ProjectName,
    /// How far it has come.
    pub standing: Standing,
    /// The roles, with their versions.
    pub roles: Vec<(RoleName, Version)>,
    /// Distributions that the submission brought.
    pub files: Vec<TargetPath>,
    /// Distributions that were published and are not any more.
    pub dropped: Vec<TargetPath>,
    /// Members that are new.
    pub joined: Vec<String>,
    /// Members that it has no more.
    pub left: Vec<String>,
    /// The keys that hold it from now on, where that is new.
    pub binds: Option<Claim>,
}

/// Of one that this run took in.
pub(super) fn taken(passed: Passed, published: &Published) -> Taken {
    let Passed { submission, checked, .. } = passed;
    let is_distribution =
        |path: &&TargetPath| path.as_str().starts_with("packages/") && !path.as_str().ends_with(".metadata");
    let standing = published.projects.get(&submission.project);
    let members = |own: &Targets| -> BTreeSet<String> {
        let children = own.delegations.iter().flat_map(|d| &d.roles);
        let names = children.filter_map(|child| match ProjectRole::parse(&child.name)?.1 {
            ProjectRole::Member(member) => Some(member.to_string()),
            ProjectRole::Own | ProjectRole::Pages => None,
        });
        names.collect()
    };
    let before = standing.map(|project| members(&project.own)).unwrap_or_default();
    let own = submission.roles.get(&ProjectRole::Own).map(|role| members(role.envelope.signed()));
    let after = own.unwrap_or_else(|| before.clone());
    Taken {
        taking: Taking::Now,
        joined: after.difference(&before).cloned().collect(),
        left: before.difference(&after).cloned().collect(),
        standing: standing.map_or(Standing::RecentlyClaimed, |project| project.standing()),
        roles: checked.roles.iter().map(|(role, version, _)| (role.clone(), *version)).collect(),
        files: submission.targets.keys().filter(is_distribution).cloned().collect(),
        dropped: checked.dropped.iter().filter(is_distribution).cloned().collect(),
        binds: checked.binds,
        project: submission.project,
    }
}

/// Of one that was taken in before.
pub(super) fn taken_before(submission: Submission, published: &Published) -> Taken {
    let roles = submission.roles.values();
    let roles: Vec<(RoleName, Version)> = roles.map(|role| (role.name.clone(), role.version)).collect();
    Taken {
        taking: Taking::Before,
        standing: published.standing(&submission.project),
        project: submission.project,
        roles,
        files: Vec::new(),
        dropped: Vec::new(),
        joined: Vec::new(),
        left: Vec::new(),
        binds: None,
    }
}
