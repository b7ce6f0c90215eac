//! What was signed as one role and can be shown for another, as the same keys hold both: metadata of the kind `targets`
//! does not say whose it is.

use super::world::Show;
use super::{Evidence, Holding};
use crate::model::{
    DelegatedRole, Envelope, Key, KeyId, Metadata as _, Moment, ProjectRole, RoleKeys, RoleName, Targets,
};
use crate::trust::verified;
use std::collections::{BTreeMap, HashMap};

/// A role that can be shown for another, as the same keys hold both.
#[derive(Debug)]
pub(super) struct Stranger<'a> {
    pub(super) ends: Moment,
    targets: &'a Targets,
}

impl<'a> Stranger<'a> {
    pub(super) fn new(targets: &'a Targets) -> Self {
        Self { ends: targets.expires(), targets }
    }

    /// How it delegates to a project, so that a look-up for it ends there.
    pub(super) fn project(&self, project: Option<&RoleName>) -> Option<&'a DelegatedRole> {
        let mut children = self.targets.delegations.iter().flat_map(|below| &below.roles);
        project.and_then(|role| children.find(|child| child.name == *role && child.terminating))
    }

    /// A list, or a bin, below it that can be forged: where it stands for a project, that is looked at next.
    pub(super) fn leads_to(&self, holding: &Holding, show: Show<'_>) -> Option<&'a RoleName> {
        let children = self.targets.delegations.iter().flat_map(|below| &below.roles);
        let mut held = children.filter(|child| {
            ProjectRole::parse(&child.name).is_none()
                && holding.reaches(&child.role_keys())
                && show.takes_forged(&child.name)
        });
        held.next().map(|child| &child.name)
    }
}

/// Which roles each key has signed.
#[derive(Debug)]
pub(super) struct SignedBy<'a> {
    by: HashMap<&'a KeyId, Vec<(&'a RoleName, &'a Envelope<Targets>)>>,
}

impl<'a> SignedBy<'a> {
    pub(super) fn new(evidence: &'a Evidence<'a>) -> Self {
        let roles = evidence.roles.iter();
        let all = roles.flat_map(|(role, versions)| versions.iter().map(move |version| (role, *version)));
        let mut by: HashMap<&KeyId, Vec<_>> = HashMap::new();
        for (role, envelope) in all.chain(evidence.stand_ins.iter().copied()) {
            for signature in envelope.signatures() {
                by.entry(&signature.keyid).or_default().push((role, envelope));
            }
        }
        Self { by }
    }

    /// Whether a key has signed several roles and is not held: who holds it needs none of them for another.
    pub(super) fn is_shared(&self, holding: &Holding) -> bool {
        let several =
            |signed: &[(&RoleName, &Envelope<Targets>)]| signed.windows(2).any(|two| two[0].0 != two[1].0);
        self.by.iter().any(|(id, signed)| !holding.holds(id) && several(signed))
    }

    /// What these keys have signed as other roles than this, and what can be shown for it.
    pub(super) fn others(
        &self,
        role: &RoleName,
        keys: &BTreeMap<KeyId, Key>,
        signers: &RoleKeys,
        show: Show<'a>,
    ) -> Vec<&'a Envelope<Targets>> {
        let signed = signers.keyids.iter().filter_map(|id| self.by.get(id)).flatten();
        let others = signed.filter(|(other, _)| *other != role);
        let shown = others.filter(|(_, one)| show.shows_another(role, one.signed().version));
        let mut found: Vec<&Envelope<Targets>> = Vec::new();
        for (_, envelope) in shown {
            let is_there = found.iter().any(|one| std::ptr::eq(*one, *envelope));
            if !is_there && verified::check(envelope, keys, signers).is_ok() {
                found.push(envelope);
            }
        }
        found
    }
}
