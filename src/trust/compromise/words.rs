//! A verdict as a sentence.

use super::{Passed, Route, Verdict};
use crate::model::{ProjectRole, RoleName};

impl Verdict {
    /// Why it is so, in one sentence.
    #[must_use]
    pub fn why(&self) -> String {
        let Some(route) = &self.route else {
            return "No role that a client asks about it can be signed with these keys.".to_owned();
        };
        let way = route.words();
        match (self.returning.malicious_update, self.waits) {
            (true, false) => format!("{way}."),
            (true, true) => {
                format!("{way}; a client that keeps what it has takes that with the role's next version.")
            }
            (false, _) => format!("A client that starts empty {way}."),
        }
    }
}

impl Route {
    /// The way in as a part of a sentence, the same for all projects of one kind. The subject, where earlier
    /// roles are shown, is a client.
    #[must_use]
    pub fn words(&self) -> String {
        let forged = forged(&self.forged);
        if self.passes.is_empty() {
            return format!("These keys sign {forged}");
        }
        let passes: Vec<String> = self
            .passes
            .iter()
            .map(|pass| {
                let role = &pass.role;
                match pass.how {
                    Passed::Older(version) => format!("version {version} of {}", own(role)),
                    Passed::Kept => format!("a kept older {role} that does not name it"),
                    Passed::Unknown => {
                        format!("an older {role}, for nothing says since when that names it")
                    }
                    Passed::Another => format!("another role that the same keys signed as {role}"),
                    Passed::LeftOut => format!("no {role} (tough goes on without)"),
                }
            })
            .collect();
        let until = self.until().map(|until| format!(" until {until}")).unwrap_or_default();
        format!("can be shown {}{until}, and these keys sign {forged}", passes.join(" and "))
    }
}

/// A role of a project without the project's name, so that those of many projects read alike.
fn own(role: &RoleName) -> String {
    match ProjectRole::parse(role) {
        Some(_) => "the project's own role".to_owned(),
        None => role.to_string(),
    }
}

/// What signing a role comes to.
fn forged(role: &RoleName) -> String {
    match ProjectRole::parse(role) {
        Some((_, ProjectRole::Own)) => "the project's own role".to_owned(),
        Some((_, ProjectRole::Pages)) => "the role of its pages".to_owned(),
        Some((_, ProjectRole::Member(_))) => "the role of a member, within what was delegated".to_owned(),
        None if *role == RoleName::root() => "root, which names every other key".to_owned(),
        None if role.as_str().starts_with("bin-") => "the bins that vouch for its files".to_owned(),
        None => format!("{role}, which a client asks on the way to it"),
    }
}
