//! Signing, one role after the other; the ledger learns of each first.

use super::{Error, Project, Seen, judge};
use crate::ceremony::{Ceremony, Ledger, Step};
use crate::keys::{RoleKey, Signer};
use crate::model::{
    Delegations, Envelope, Holders, KeyId, Metadata, Moment, ProjectRole, RoleName, Root, Sha256, Targets,
    Version, forms,
};
use crate::pipeline::sign as pipeline_sign;
use crate::trust::ceremony::Projects;
use crate::trust::signature::PublicKey;
use std::collections::BTreeSet;

/// Whether a role says something that its predecessor does not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Something,
    /// Nothing of what it asks for was approved, and it is not near its end: it is left out, so that the version is
    /// not used up.
    Nothing,
}

/// Signing one role after the other.
pub(super) struct Signing<'a> {
    pub(super) ceremony: &'a Ceremony,
    pub(super) root: &'a Root,
    pub(super) signers: &'a [&'a dyn Signer],
    pub(super) ledger: &'a mut Ledger,
    pub(super) now: Moment,
    /// The ceremony's.
    pub(super) identity: String,
    pub(super) roles: Vec<Seen>,
    /// Whether a signer holds any of them.
    pub(super) has_say: bool,
}

impl Signing<'_> {
    /// A root is signed by those who hold it, before and after.
    pub(super) fn root(&mut self, after: &Envelope<Root>) -> Result<Envelope<Root>, Error> {
        let role = RoleName::root();
        let held = [self.root, after.signed()].map(|root| Holders::of_top(root, &role));
        let before = Some(self.root.version.number());
        self.one(&role, before, after.clone(), (&held, &held), Vec::new(), Says::Something)
    }

    pub(super) fn step(
        &mut self,
        step: &Step,
        after: Envelope<Targets>,
        projects: Vec<Project>,
        says: Says,
    ) -> Result<Envelope<Targets>, Error> {
        let held = self.holders(&step.role)?;
        let before = step.before.as_ref().map(|before| before.signed().version.number());
        let is_list = step.role.is_list();
        let named = if is_list { forms::projects_of(after.signed()) } else { Projects::new() };
        // Those who held it until now are welcome, and may be gone.
        let after = self.one(&step.role, before, after, (&held, &held[..1]), projects, says)?;
        if self.roles.last().is_some_and(|role| role.signs) {
            for (name, holders) in named {
                self.ledger.note_claimed(&name, &holders.keyids, holders.threshold, self.now);
            }
        }
        Ok(after)
    }

    /// Who must sign a role: those whom its parent is to name, and, of `targets`, those whom root names until now
    /// as well, so that no client finds one without the other.
    fn holders(&self, role: &RoleName) -> Result<Vec<Holders>, Error> {
        if *role == RoleName::targets() {
            let new = self.ceremony.root.as_ref().map_or(self.root, |root| root.signed());
            let mut held = vec![Holders::of_top(new, role)];
            let old = Holders::of_top(self.root, role);
            if !old.same(&held[0]) {
                held.push(old);
            }
            return Ok(held);
        }
        if ProjectRole::parse(role).is_some() {
            return Ok(vec![judge::admins(self.ceremony.top()).of_role(role)]);
        }
        let none = Delegations::default();
        let delegations = self.ceremony.top().delegations.as_ref().unwrap_or(&none);
        let child = delegations.roles.iter().find(|child| child.name == *role);
        match child {
            Some(child) => Ok(vec![Holders::of_child(child, delegations)]),
            None => {
                let what = "targets does not delegate to it".to_owned();
                Err(Error::Strange { role: role.clone(), what })
            }
        }
    }

    /// Signs with those signers that hold the role; the ledger learns of it first.
    fn one<T: Metadata + Clone>(
        &mut self,
        role: &RoleName,
        before: Option<u64>,
        mut after: Envelope<T>,
        (held, needed): (&[Holders], &[Holders]),
        projects: Vec<Project>,
        says: Says,
    ) -> Result<Envelope<T>, Error> {
        let has_say = |id: &KeyId| held.iter().any(|held| held.keyids.contains(id));
        // Each signs with the key that it has for this role, or as it is, whichever the role names.
        let apart = self.signers.iter().filter_map(|signer| signer.of_role(role));
        let apart: Vec<RoleKey> = apart.filter(|key| has_say(key.keyid())).collect();
        let plain = self.signers.iter().filter(|signer| has_say(signer.keyid())).copied();
        let by: Vec<&dyn Signer> = plain.chain(apart.iter().map(|key| key as &dyn Signer)).collect();
        self.has_say |= !by.is_empty();
        let by = if says == Says::Nothing { Vec::new() } else { by };
        if !by.is_empty() {
            pipeline_sign::fits(role, after.covered(), &by)?;
            self.note(role, after.signed().version(), Sha256::of(after.covered()))?;
        }
        for signer in &by {
            let signature = signer.sign(after.covered()).map_err(pipeline_sign::Error::from)?;
            after = after.with_signature(signature);
        }
        let signed: Vec<KeyId> = held
            .iter()
            .flat_map(|held| signed_by(&after, held))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let lacks = |held: &Holders| {
            let there = u32::try_from(signed_by(&after, held).len()).unwrap_or(u32::MAX);
            held.threshold.saturating_sub(there)
        };
        self.roles.push(Seen {
            role: role.clone(),
            before,
            version: after.signed().version().number(),
            expires: after.signed().expires(),
            projects,
            signed,
            missing: needed.iter().map(lacks).max().unwrap_or_default(),
            threshold: held.first().map(|held| held.threshold).unwrap_or_default(),
            signs: !by.is_empty(),
        });
        Ok(after)
    }

    /// No version gets a second content, and none comes after a higher one.
    fn note(&mut self, role: &RoleName, version: Version, sha256: Sha256) -> Result<(), Error> {
        let refuse = |what: String| Err(Error::Ledger { role: role.clone(), what });
        match self.ledger.signed(role) {
            Some(last)
                if version == last.version
                    && sha256 == last.sha256
                    && last.file.as_deref() == Some(&*self.identity)
                    && !self.ledger.is_abandoned(role) =>
            {
                return Ok(());
            }
            Some(last) if version == last.version && sha256 == last.sha256 => {}
            // The versions of a root leave none out, so that one which was abandoned comes again.
            Some(last) if version <= last.version && *role != RoleName::root() => {
                return refuse(format!(
                    "version {} was signed with this ledger, with other content",
                    last.version
                ));
            }
            _ => {}
        }
        self.ledger.note_signed(role, (version, sha256), Some(&self.identity), self.now);
        Ok(())
    }
}

/// The holders whose signatures hold.
fn signed_by<T: Metadata>(envelope: &Envelope<T>, held: &Holders) -> Vec<KeyId> {
    let holds = |id: &&KeyId| {
        let key = held.keys.get(*id).and_then(|key| PublicKey::read(key).ok());
        let signature = envelope.signatures().iter().find(|signature| signature.keyid == **id);
        key.zip(signature).is_some_and(|(key, one)| key.verify(envelope.covered(), &one.sig).is_ok())
    };
    held.ids().into_iter().filter(|id| holds(id)).cloned().collect()
}
