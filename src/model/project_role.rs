//! The roles of a project's own namespace: `project.<name>`, `project.<name>.pages` and
//! `project.<name>.<member>` (PEP 480 leaves their names to the repository).

use super::{DelegatedRole, KeyId, PathPattern, ProjectName, RoleName};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// How every such name begins.
const PREFIX: &str = "project.";

/// What the role of the pages is called below its project.
const PAGES: &str = "pages";

/// The field in which the empty role of a suspended project says which version of the author's it stands
/// for. Clients ignore it, and `sweep` keeps that version.
pub const SUSPENDS: &str = "x-tuffet-suspends";

/// The name of a co-maintainer inside a project: `[a-z0-9][a-z0-9-]*`, and not `pages`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberName(Arc<str>);

/// The text cannot be the name of a member.
#[derive(Debug, thiserror::Error)]
#[error("{name:?} cannot be the name of a member: {reason}")]
pub struct NotAMember {
    name: String,
    reason: &'static str,
}

impl MemberName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MemberName {
    type Err = NotAMember;

    fn from_str(name: &str) -> Result<Self, NotAMember> {
        let refused = |reason| Err(NotAMember { name: name.to_owned(), reason });
        if name == PAGES {
            refused("the role of the index pages is called so")
        } else if name.is_empty() || name.starts_with('-') {
            refused("it begins with a letter or a digit")
        } else if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            refused("it holds lower-case letters, digits and '-' only")
        } else if name.len() > 64 {
            refused("it is longer than 64 characters")
        } else {
            Ok(Self(name.into()))
        }
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberName({})", self.0)
    }
}

/// A role of a project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProjectRole {
    /// The project's own, which its author signs.
    Own,
    /// The one of its index pages, once there are members.
    Pages,
    /// A member's.
    Member(MemberName),
}

impl ProjectRole {
    /// The project and the part of it that a role name means; `None` for a role of another kind.
    #[must_use]
    pub fn parse(role: &RoleName) -> Option<(ProjectName, Self)> {
        let rest = role.as_str().strip_prefix(PREFIX)?;
        let (name, part) = match rest.split_once('.') {
            None => (rest, Self::Own),
            Some((name, PAGES)) => (name, Self::Pages),
            Some((name, member)) => (name, Self::Member(member.parse().ok()?)),
        };
        let project = ProjectName::normalise(name).ok().filter(|project| project.as_str() == name)?;
        Some((project, part))
    }

    /// The name of this role of `project`; `None` if it would be longer than a role name can be.
    #[must_use]
    pub fn of(&self, project: &ProjectName) -> Option<RoleName> {
        match self {
            Self::Own => format!("{PREFIX}{project}"),
            Self::Pages => format!("{PREFIX}{project}.{PAGES}"),
            Self::Member(member) => format!("{PREFIX}{project}.{member}"),
        }
        .parse()
        .ok()
    }
}

/// Where the distributions of a project lie.
#[must_use]
pub fn files_pattern(project: &ProjectName) -> PathPattern {
    PathPattern::new(&format!("packages/{project}/*"))
}

/// Where its index pages lie.
#[must_use]
pub fn pages_pattern(project: &ProjectName) -> PathPattern {
    PathPattern::new(&format!("simple/{project}/*"))
}

/// The delegation of a project, the same under every parent: terminating, and for its two folders only.
#[must_use]
pub fn delegation(
    role: RoleName,
    project: &ProjectName,
    keyids: Vec<KeyId>,
    threshold: u32,
) -> DelegatedRole {
    DelegatedRole::by_path(
        role,
        keyids,
        threshold,
        vec![files_pattern(project), pages_pattern(project)],
        super::delegation::Ends::Search,
    )
}

/// Whether a delegation to the project's own role is [that form](delegation), whoever holds it.
#[must_use]
pub fn is_delegation(child: &DelegatedRole, project: &ProjectName) -> bool {
    *child == delegation(child.name.clone(), project, child.keys.keyids.clone(), child.keys.threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_round_and_foreign_ones_are_none() {
        for (name, project, part) in [
            ("project.requests", "requests", ProjectRole::Own),
            ("project.requests.pages", "requests", ProjectRole::Pages),
            ("project.a-b.alice", "a-b", ProjectRole::Member("alice".parse().unwrap())),
        ] {
            let role: RoleName = name.parse().unwrap();
            let (found, found_part) = ProjectRole::parse(&role).unwrap();
            assert_eq!((found.as_str(), &found_part), (project, &part));
            assert_eq!(found_part.of(&found), Some(role));
        }
        for name in ["bin-0", "project.A", "project.a_b", "project.a.Alice", "project.a.b.c", "projects.a"] {
            assert_eq!(ProjectRole::parse(&name.parse().unwrap()), None, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_a_member_is_refused() {
        for name in ["pages", "", "-a", "A", "a.b", "a_b", "é"] {
            assert!(name.parse::<MemberName>().is_err(), "{name:?}");
        }
        for name in ["a", "0", "alice-2", "a-"] {
            assert!(name.parse::<MemberName>().is_ok(), "{name:?}");
        }
    }
}
