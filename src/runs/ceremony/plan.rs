//! What the offline roles are to be, as a value; the roles to be signed follow from it and from what is published.

use super::Error;
use crate::ceremony::{Retired, Step};
use crate::model::forms::{self, Edition, ListForm};
use crate::model::project_role::SUSPENDS;
use crate::model::{
    BinCount, Envelope, Hand, Hands, Holders, Metadata, Moment, ProjectName, ProjectRole, RoleName, Root,
    Signature, shards,
};
use crate::runs::lists;
use crate::runs::roles::Versions;
use crate::site::projects::Project;
use crate::site::read::Published;
use crate::trust::ceremony::Projects;
use crate::trust::{Lives, Standing};
use std::collections::BTreeMap;

/// What the offline roles are to say.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Who holds the top-level roles.
    pub(super) top: BTreeMap<RoleName, Holders>,
    /// Who holds `claimed` with its shards, and `unclaimed`.
    pub(super) hands: Hands,
    /// Who holds `recently-claimed`.
    pub(super) recently: Holders,
    /// Who holds the bins, and how many there are.
    pub(super) bins: (BinCount, Holders),
    /// Who holds each claimed project.
    pub(super) projects: Projects,
    /// Claimed projects that an empty role stands in for, with the version that it stands for.
    pub(super) stand_ins: BTreeMap<ProjectName, u64>,
}

/// What is signed again though nothing in it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Always {
    /// Nothing.
    Nothing,
    /// The lists of claimed projects: the signers' ledgers say whether these are the ones that were signed last.
    Lists,
}

/// What is to be signed.
pub(super) struct Steps {
    pub(super) root: Option<Envelope<Root>>,
    pub(super) retired: Vec<Retired>,
    pub(super) steps: Vec<Step>,
}

impl Plan {
    /// What is published.
    pub(super) fn of(published: &Published) -> Self {
        let none = Default::default();
        let below = published.targets.delegations.as_ref().unwrap_or(&none);
        let held = below.roles.iter().find(|child| child.name == RoleName::recently_claimed());
        let bins = published.unclaimed.delegations.as_ref();
        let bin = bins.and_then(|bins| Some(Holders::of_child(bins.roles.first()?, bins)));
        let claimed = published.projects.iter().filter(|(_, p)| p.standing() == Standing::Claimed);
        let top = published.root.roles.keys();
        Self {
            top: top.map(|role| (role.clone(), Holders::of_top(&published.root, role))).collect(),
            hands: Hands::of(&published.targets),
            recently: held.map(|child| Holders::of_child(child, below)).unwrap_or_default(),
            bins: (published.bin_list.count, bin.unwrap_or_default()),
            projects: claimed.clone().map(|(name, p)| (name.clone(), holders(p))).collect(),
            stand_ins: claimed
                .filter(|(_, project)| project.is_suspended())
                .map(|(name, project)| (name.clone(), stands_for(project)))
                .collect(),
        }
    }

    /// Takes a project over as it stands in `recently-claimed`.
    pub(super) fn claim(&mut self, name: &ProjectName, project: &Project) {
        self.projects.insert(name.clone(), holders(project));
    }

    /// Lets an empty role of the administrators' stand in for a project.
    pub(super) fn suspend(&mut self, name: &ProjectName, project: &Project) {
        self.projects.insert(name.clone(), self.hands.claimed.of_project(name));
        self.stand_ins.insert(name.clone(), stands_for(project));
    }

    /// Gives a project to others.
    pub(super) fn rekey(&mut self, name: &ProjectName, to: Holders) {
        self.projects.insert(name.clone(), to);
        self.stand_ins.remove(name);
    }

    /// Lets go of a name.
    pub(super) fn free(&mut self, name: &ProjectName) {
        self.projects.remove(name);
        self.stand_ins.remove(name);
    }

    /// Gives the lists of claimed projects to other administrators, and with them what these hold themselves.
    pub(super) fn rotate_claimed(&mut self, to: Hand) {
        for name in self.stand_ins.keys() {
            self.projects.insert(name.clone(), to.of_project(name));
        }
        self.hands.claimed = to;
    }

    /// The lists of claimed projects; one that is split stays so: a name that `targets` once gave to a shard is not
    /// moved without need.
    fn lists(&self, published: &Published) -> Vec<(ListForm, Projects)> {
        let top = RoleName::claimed();
        let is_split = published.lists.keys().any(|role| role.is_shard_of(&top));
        if self.projects.is_empty() || self.projects.len() <= lists::MOST && !is_split {
            return vec![(ListForm { role: top, shard: None }, self.projects.clone())];
        }
        let names: Vec<ProjectName> = self.projects.keys().cloned().collect();
        let shards = shards::shards(&names, lists::MOST).into_iter().filter_map(|shard| {
            // A beginning of a project's name is always part of a role name.
            let role = top.shard(&shard.prefix).ok()?;
            let projects =
                shard.names.iter().filter_map(|name| Some((name.clone(), self.projects.get(name)?.clone())));
            Some((ListForm { role, shard: Some((shard.prefix, shard.reach)) }, projects.collect()))
        });
        let mut lists: Vec<(ListForm, Projects)> = shards.collect();
        lists.sort_by(|(one, _), (other, _)| one.role.cmp(&other.role));
        lists
    }

    /// The roles to be signed: those that change, those whose keys do, and whatever has less than half of its life
    /// left. Parents come before children.
    pub(super) fn steps(
        &self,
        published: &Published,
        versions: &Versions,
        lives: &Lives,
        (now, always): (Moment, Always),
    ) -> Result<Steps, Error> {
        let signing = Signing { plan: self, published, versions, lives, now, always };
        let lists = self.lists(published);
        let root = signing.root()?;
        let mut steps = Vec::new();
        steps.extend(signing.top(&lists)?);
        for (form, projects) in &lists {
            steps.extend(signing.list(form, projects)?);
        }
        steps.extend(signing.unclaimed()?);
        for (name, suspends) in &self.stand_ins {
            steps.extend(signing.stand_in(name, *suspends)?);
        }
        let goes = |role: &RoleName| role.is_claimed() && !lists.iter().any(|(form, _)| form.role == *role);
        let retired = published.lists.iter().filter(|(role, _)| goes(role));
        let retired = retired
            .map(|(role, list)| Retired { role: role.clone(), last: list.metadata.envelope().clone() });
        Ok(Steps { root, retired: retired.collect(), steps })
    }
}

/// Who holds a project, as its list says.
pub(super) fn holders(project: &Project) -> Holders {
    Holders::of(&project.delegation.role_keys(), &project.keys)
}

/// The version of the author's that an empty role in place of this project stands for.
fn stands_for(project: &Project) -> u64 {
    let before = project.own.extra.get(SUSPENDS).and_then(serde_json::Value::as_u64);
    before.unwrap_or(project.own.version.number())
}

/// An envelope that nobody has signed yet.
pub(super) fn unsigned<T: Metadata>(metadata: T) -> Result<Envelope<T>, Error> {
    Envelope::seal(metadata, |_| Ok::<Vec<Signature>, Error>(Vec::new()))
}

/// What the steps are made from.
struct Signing<'a> {
    plan: &'a Plan,
    published: &'a Published,
    versions: &'a Versions,
    lives: &'a Lives,
    now: Moment,
    always: Always,
}

impl Signing<'_> {
    fn edition(&self, role: &RoleName) -> Edition {
        let version = self.versions.next_of(role, self.published);
        Edition { version, expires: self.now.plus(self.lives.of(role)) }
    }

    fn is_near(&self, role: &RoleName, expires: Moment) -> bool {
        expires <= self.now.plus(self.lives.of(role) / 2)
    }

    fn root(&self) -> Result<Option<Envelope<Root>>, Error> {
        let (role, before) = (RoleName::root(), &self.published.root);
        // Clients ask for one number after the other: none is left out, whatever was handed out before.
        let version = before.version.next();
        let edition = Edition { version, expires: self.now.plus(self.lives.root) };
        let after = forms::root(edition, &self.plan.top);
        let same = after.roles == before.roles && after.keys == before.keys;
        if same && !self.is_near(&role, before.expires) {
            return Ok(None);
        }
        unsigned(after).map(Some)
    }

    fn top(&self, lists: &[(ListForm, Projects)]) -> Result<Option<Step>, Error> {
        let role = RoleName::targets();
        let forms: Vec<ListForm> = lists.iter().map(|(form, _)| form.clone()).collect();
        let after = forms::top(self.edition(&role), &forms, &self.plan.hands, &self.plan.recently);
        let before = &self.published.targets;
        let held = Holders::of_top(&self.published.root, &role);
        let keys_stay = self.plan.top.get(&role).is_some_and(|new| new.same(&held));
        if keys_stay && after.delegations == before.delegations && !self.is_near(&role, before.expires) {
            return Ok(None);
        }
        Ok(Some(Step { role, before: Some(before.envelope().clone()), after: unsigned(after)? }))
    }

    fn list(&self, form: &ListForm, projects: &Projects) -> Result<Option<Step>, Error> {
        let role = &form.role;
        let after = forms::list(self.edition(role), projects);
        let before = self.published.lists.get(role).map(|list| &list.metadata);
        let none = Default::default();
        let below = self.published.targets.delegations.as_ref().unwrap_or(&none);
        let child = below.roles.iter().find(|child| child.name == *role);
        let held = self.plan.hands.claimed.of_role(role);
        let keys_stay = child.is_some_and(|child| Holders::of_child(child, below).same(&held));
        let same = before.is_some_and(|before| before.delegations == after.delegations);
        let stays = same && keys_stay && self.always == Always::Nothing;
        if stays && !before.is_some_and(|before| self.is_near(role, before.expires)) {
            return Ok(None);
        }
        let before = before.map(|before| before.envelope().clone());
        Ok(Some(Step { role: role.clone(), before, after: unsigned(after)? }))
    }

    fn unclaimed(&self) -> Result<Option<Step>, Error> {
        let (role, before) = (RoleName::unclaimed(), &self.published.unclaimed);
        let (count, online) = &self.plan.bins;
        let after = forms::bins(self.edition(&role), *count, online);
        let none = Default::default();
        let below = self.published.targets.delegations.as_ref().unwrap_or(&none);
        let child = below.roles.iter().find(|child| child.name == role);
        let held = self.plan.hands.unclaimed.of_role(&role);
        let keys_stay = child.is_some_and(|child| Holders::of_child(child, below).same(&held));
        if keys_stay && after.delegations == before.delegations && !self.is_near(&role, before.expires) {
            return Ok(None);
        }
        Ok(Some(Step { role, before: Some(before.envelope().clone()), after: unsigned(after)? }))
    }

    /// The empty role in place of a project: it lives as long as the list that delegates to it.
    fn stand_in(&self, name: &ProjectName, suspends: u64) -> Result<Option<Step>, Error> {
        let Some(role) = ProjectRole::Own.of(name) else { return Ok(None) };
        let before = self.published.projects.get(name);
        let before = before.filter(|p| p.is_suspended() && p.standing() == Standing::Claimed);
        let stays = before.filter(|before| self.plan.hands.claimed.holds_project(name, &holders(before)));
        let life = self.lives.claimed;
        if stays.is_some_and(|before| before.own.expires > self.now.plus(life / 2)) {
            return Ok(None);
        }
        let version = self.versions.next_of(&role, self.published);
        let after = forms::stand_in(Edition { version, expires: self.now.plus(life) }, suspends);
        let before = before.map(|before| before.own.envelope().clone());
        Ok(Some(Step { role, before, after: unsigned(after)? }))
    }
}
