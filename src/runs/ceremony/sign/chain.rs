//! What the roles of a ceremony follow: held against signatures, and against what the ledger signed.

use super::judge::admins;
use super::said::GoesBack;
use super::{Confirmed, Error};
use crate::ceremony::{Ceremony, Ledger};
use crate::model::{
    Delegations, Envelope, Holders, Moment, ProjectRole, RoleName, Root, Sha256, Targets, forms,
};
use crate::trust::ceremony::Projects;
use crate::trust::{Fault, Standing, verified};
use std::collections::{BTreeMap, BTreeSet};

/// What was published before, as far as this ceremony touches it.
pub(super) struct Before {
    /// Who holds the projects of the lists that change, or that give way to others.
    pub(super) projects: Projects,
    /// The roles that other holders signed since this ledger did.
    pub(super) by_others: BTreeSet<RoleName>,
}

/// Reads and checks every predecessor in the file.
pub(super) fn before(
    ceremony: &Ceremony,
    (root, identity): (&Root, &str),
    ledger: &mut Ledger,
    confirmed: &Confirmed,
    now: Moment,
) -> Result<Before, Error> {
    let mut seen = Before { projects: Projects::new(), by_others: BTreeSet::new() };
    let (targets, top) = (RoleName::targets(), &ceremony.targets);
    let mut anchor = Anchor {
        identity,
        ledger,
        confirmed,
        now,
        by_others: BTreeSet::new(),
        published: BTreeSet::new(),
        back: BTreeMap::new(),
    };
    anchor.root(root);
    anchor.check(&targets, top, &Holders::of_top(root, &targets))?;
    if let Some(step) = ceremony.step(&targets)
        && step.before.as_ref().map(Envelope::covered) != Some(top.covered())
    {
        let what = "the file holds two published versions of it".to_owned();
        return Err(Error::Ledger { role: targets, what });
    }
    let none = Delegations::default();
    let below = top.signed().delegations.as_ref().unwrap_or(&none);
    let steps = ceremony.steps.iter().filter(|step| step.role != targets);
    let steps = steps.map(|step| (&step.role, step.before.as_ref()));
    let retired = ceremony.retired.iter().map(|retired| (&retired.role, Some(&retired.last)));
    let mut once = BTreeSet::new();
    let hand = admins(top.signed());
    for (role, envelope) in steps.chain(retired) {
        if !once.insert(role) {
            let what = "it stands in the file twice".to_owned();
            return Err(Error::Strange { role: role.clone(), what });
        }
        let published = below.roles.iter().find(|child| child.name == *role);
        let Some(envelope) = envelope else {
            // A list that is delegated to has a version, whatever the file says.
            if published.is_some() {
                let what = "it is published, and the file calls it new".to_owned();
                return Err(Error::Ledger { role: role.clone(), what });
            }
            anchor.is_new(role)?;
            continue;
        };
        if ProjectRole::parse(role).is_some() {
            // An empty role of the administrators' follows one.
            anchor.check(role, envelope, &hand.of_role(role))?;
            continue;
        }
        let Some(published) = published else {
            let what = "targets, as it is published, delegates to no such role: nothing that it says counts"
                .to_owned();
            return Err(Error::Strange { role: role.clone(), what });
        };
        anchor.check(role, envelope, &Holders::of_child(published, below))?;
        if role.is_list() {
            if Standing::below(role) != Standing::Claimed {
                let what = "it is the online key's, and nothing for a ceremony".to_owned();
                return Err(Error::Strange { role: role.clone(), what });
            }
            seen.projects.extend(forms::projects_of(envelope.signed()));
        }
    }
    anchor.end()?;
    seen.by_others = anchor.by_others;
    Ok(seen)
}

struct Anchor<'a> {
    /// The ceremony's.
    identity: &'a str,
    ledger: &'a mut Ledger,
    confirmed: &'a Confirmed,
    now: Moment,
    by_others: BTreeSet<RoleName>,
    /// Ceremonies of the ledger of which something is published.
    published: BTreeSet<String>,
    /// Ceremonies behind which the file goes back, each with a role that does.
    back: BTreeMap<String, RoleName>,
}

impl Anchor<'_> {
    /// Where the root stands that the file goes by, which is held against the ledger already.
    fn root(&mut self, root: &Root) {
        let role = RoleName::root();
        match self.ledger.signed(&role) {
            Some(last) if last.version > root.version => {
                if let GoesBack::Behind(file) = self.confirmed.goes_back(self.ledger, &role, self.identity) {
                    self.back.insert(file, role);
                }
            }
            Some(last) if last.version == root.version => self.published.extend(last.file.clone()),
            _ => {}
        }
    }

    /// A ceremony is given up whole: what follows part of it takes back nothing of it.
    fn end(&mut self) -> Result<(), Error> {
        for (file, role) in std::mem::take(&mut self.back) {
            if self.published.contains(&file) {
                let what = "the file goes back behind a ceremony that was signed with this ledger, and follows another \
                            role of it: that ceremony was not abandoned"
                    .to_owned();
                return Err(Error::Ledger { role, what });
            }
            self.ledger.note_abandoned(&file, self.now);
        }
        Ok(())
    }

    /// A predecessor is signed by those who held the role, and is what was signed last with this ledger, or newer.
    fn check(&mut self, role: &RoleName, envelope: &Envelope<Targets>, held: &Holders) -> Result<(), Error> {
        verified::check(envelope, &held.keys, &held.role_keys())
            .map_err(|shortfall| Error::Chain { role: role.clone(), fault: Fault::Unsigned(shortfall) })?;
        // The same keys sign several roles, and nothing in one says whose it is.
        let is_own = match ProjectRole::parse(role) {
            Some(_) => forms::is_stand_in(envelope.signed()),
            None => forms::fits(role, envelope.signed()),
        };
        if !is_own {
            let what = "what the file calls its predecessor is another role's".to_owned();
            return Err(Error::Strange { role: role.clone(), what });
        }
        let refuse = |what: String| Err(Error::Ledger { role: role.clone(), what });
        let (version, sha256) = (envelope.signed().version, Sha256::of(envelope.covered()));
        let Some(last) = self.ledger.signed(role) else {
            // What the first ceremony with a ledger follows is where its memory begins.
            self.ledger.note_signed(role, (version, sha256), None, self.now);
            return Ok(());
        };
        if version > last.version {
            // Enough of the other holders signed it, or it would not be here.
            self.by_others.insert(role.clone());
            self.ledger.note_signed(role, (version, sha256), None, self.now);
            return Ok(());
        }
        if version == last.version {
            if sha256 == last.sha256 {
                self.published.extend(last.file.clone());
                if self.ledger.is_abandoned(role) {
                    // It was given up, and was published after all.
                    let file = last.file.clone();
                    self.ledger.note_signed(role, (version, sha256), file.as_deref(), self.now);
                }
            } else {
                // Two holders approved different things, and what enough of the others signed was published.
                self.by_others.insert(role.clone());
                self.ledger.note_signed(role, (version, sha256), None, self.now);
            }
            return Ok(());
        }
        // A ceremony that was signed and abandoned is not what this follows: what came right before it is.
        let what = format!(
            "the file holds version {version}, and version {} was signed with this ledger",
            last.version
        );
        if self.ledger.comes_before_last(role, version, sha256) {
            return self.goes_back(role, &what);
        }
        refuse(format!("{what}, which is not the one after it"))
    }

    /// What a role goes back behind came to nothing, or it may not.
    fn goes_back(&mut self, role: &RoleName, what: &str) -> Result<(), Error> {
        match self.confirmed.goes_back(self.ledger, role, self.identity) {
            GoesBack::Freely => Ok(()),
            GoesBack::Behind(file) => {
                self.back.insert(file, role.clone());
                Ok(())
            }
            GoesBack::No(why) => Err(Error::Ledger { role: role.clone(), what: format!("{what}; {why}") }),
        }
    }

    /// A role that never was has no line in the ledger, unless the ceremony that brought it was abandoned.
    fn is_new(&mut self, role: &RoleName) -> Result<(), Error> {
        let Some(last) = self.ledger.signed(role).filter(|_| ProjectRole::parse(role).is_none()) else {
            return Ok(());
        };
        let what = format!("the file calls it new, and version {} was signed with this ledger", last.version);
        self.goes_back(role, &what)
    }
}
