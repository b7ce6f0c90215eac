//! What is signed is made here, from what was approved and in the one form that each role has. The file's own bytes
//! are signed only where they are the same.

use super::judge::{admins, holders_fault};
use super::{Error, Project};
use crate::ceremony::{Ceremony, Step};
use crate::model::forms::{self, Edition, ListForm, Lists};
use crate::model::project_role::SUSPENDS;
use crate::model::{
    BinCount, Envelope, Hands, Holders, Metadata, Moment, ProjectName, ProjectRole, RoleName, Root, Targets,
    Version,
};
use crate::runs::ceremony::plan::unsigned;
use crate::trust::ceremony::{Act, Projects};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// So far above its predecessor a version is not reached by ceremonies, abandoned ones among them: a number that
/// somebody raises locks the holders out of their own ledgers.
const FAR: u64 = 10_000;

/// A new list follows nothing that is published, but files that may lie under its name.
const FIRST_AT_MOST: u64 = 1_000_000;

/// No role of a ceremony lives longer.
const LONGEST_LIFE: Duration = Duration::from_secs(2 * 366 * 86_400);

/// The lists of the file, and who holds the projects in those that change. A project stands in one of them, and in
/// the one that its name belongs into.
pub(super) fn lists(ceremony: &Ceremony) -> Result<(Lists, Projects), Error> {
    let targets = RoleName::targets();
    let strange = |role: &RoleName, what: String| Err(Error::Strange { role: role.clone(), what });
    let Some(lists) = forms::lists_of(ceremony.top()) else {
        return strange(&targets, "it delegates to something else than to lists of projects".to_owned());
    };
    let none = Default::default();
    let published = ceremony.targets.signed().delegations.as_ref().unwrap_or(&none);
    let was_there = |role: &RoleName| published.roles.iter().any(|child| child.name == *role);
    let by_role: BTreeMap<&RoleName, &ListForm> = lists.iter().map(|list| (&list.role, list)).collect();
    if by_role.len() != lists.len() || lists.is_empty() {
        return strange(&targets, "it delegates to a list twice, or to none".to_owned());
    }
    if lists.iter().any(|list| list.shard.is_none()) && lists.len() > 1 {
        return strange(&targets, "it delegates to claimed as a whole and in shards".to_owned());
    }
    let all_signed = !admins(ceremony.targets.signed()).same(&admins(ceremony.top()));
    let before = forms::lists_of(ceremony.targets.signed()).unwrap_or_default();
    for list in &lists {
        if ceremony.step(&list.role).is_some() {
            continue;
        }
        if all_signed || !was_there(&list.role) {
            return strange(&list.role, "targets delegates to it, and the file does not hold it".to_owned());
        }
        // What it speaks for decides whose names fall to the bins.
        if !before.contains(list) {
            return strange(
                &list.role,
                "it would speak for other names, and the file does not hold it".to_owned(),
            );
        }
    }
    for child in published.roles.iter().filter(|child| child.name.is_claimed()) {
        let gives_way = ceremony.retired.iter().any(|retired| retired.role == child.name);
        if by_role.contains_key(&child.name) == gives_way {
            return strange(
                &child.name,
                "targets would not delegate to it any more, and the file does not say what stood there"
                    .to_owned(),
            );
        }
    }
    let mut projects = Projects::new();
    let asked = Lists::new(lists.clone());
    for step in ceremony.steps.iter().filter(|step| step.role.is_list()) {
        let Some(list) = by_role.get(&step.role) else {
            return strange(&step.role, "it is no list that targets delegates to".to_owned());
        };
        for (name, holders) in forms::projects_of(step.after.signed()) {
            if asked.of(&name).count() != 1 || !list.is_for(&name) {
                return strange(
                    &step.role,
                    format!("{name} does not belong into it, or into another as well"),
                );
            }
            // What does not change may have been changed in how it is written: clients refuse keys named twice.
            if let Some(what) = holders_fault(&holders) {
                return strange(&step.role, format!("{name}: {what}"));
            }
            projects.insert(name, holders);
        }
    }
    Ok((asked, projects))
}

/// A step with what was approved and nothing else; none for an empty role in place of a project that stays its
/// holders'.
pub(super) fn step(
    ceremony: &Ceremony,
    lists: &Lists,
    step: &Step,
    projects: &[Project],
    now: Moment,
) -> Result<Option<Envelope<Targets>>, Error> {
    let role = &step.role;
    let strange = |what: String| Err(Error::Strange { role: role.clone(), what });
    let after = step.after.signed();
    let of_project = ProjectRole::parse(role).filter(|(_, part)| *part == ProjectRole::Own);
    let suspended = of_project
        .as_ref()
        .and_then(|(name, _)| projects.iter().find(|one| one.name == *name && one.act == Act::Suspended));
    // Whatever stands in it: nobody signs it, and it keeps nobody from signing the rest.
    if suspended.is_some_and(|one| !one.approved) {
        return Ok(None);
    }
    let edition = edition(role, after, now)?;
    let follows = step.before.as_ref().map(|before| before.signed().version.number());
    let most = match (follows, &of_project) {
        (Some(before), _) => before.saturating_add(FAR),
        (None, None) => FIRST_AT_MOST,
        // It follows its author's, whose number nothing here tells.
        (None, Some((name, _))) if after.version.number() > Version::SUCCEEDED => {
            return strange(format!(
                "version {} leaves its author none to come back with: somebody raised it. Without --confirm \
                 {name}=suspended the rest is signed; the index lets go of such a name by `ceremony prepare --free \
                 {name}`, if that is what its author's role stands at",
                after.version
            ));
        }
        (None, Some(_)) => Version::SUCCEEDED,
    };
    if follows.is_some_and(|before| after.version.number() <= before) || after.version.number() > most {
        return strange(format!("version {} does not follow {}", after.version, follows.unwrap_or_default()));
    }
    let (made, whole) = if *role == RoleName::targets() {
        let recently = held(after, &RoleName::recently_claimed());
        (forms::top(edition, lists.all(), &Hands::of(after), &recently), true)
    } else if *role == RoleName::unclaimed() {
        let children = after.delegations.iter().flat_map(|d| &d.roles).count();
        let Ok(count) = BinCount::new(children as u64) else {
            return strange(format!("it would delegate to {children} roles, which are no bins"));
        };
        (forms::bins(edition, count, &held(after, &count.role(0))), true)
    } else if role.is_claimed() {
        let (kept, whole) = approved(after, projects);
        (forms::list(edition, &kept), whole)
    } else if let Some((name, _)) = of_project {
        let suspends = after.extra.get(SUSPENDS).and_then(serde_json::Value::as_u64);
        // One that stands there already may be renewed alone; a first one needs its reason.
        let is_renewed = step.before.as_ref().is_some_and(|b| b.signed().extra.contains_key(SUSPENDS));
        if !is_held_by_admins(ceremony, &name) || (suspended.is_none() && !is_renewed) {
            return strange("no list of this file lets the administrators hold it".to_owned());
        }
        (forms::stand_in(edition, suspends.unwrap_or_default()), true)
    } else {
        return strange("it is no role that a ceremony signs".to_owned());
    };
    if !whole {
        return unsigned(made).map(Some);
    }
    let made = unsigned(made)?;
    if made.covered() != step.after.covered() {
        return strange("it holds something that no role of a ceremony holds".to_owned());
    }
    // The file's own: it may carry signatures of other holders.
    Ok(Some(step.after.clone()))
}

/// The root, in its form.
pub(super) fn root(root: &Envelope<Root>, before: &Root, now: Moment) -> Result<(), Error> {
    let role = RoleName::root();
    let after = root.signed();
    let edition = edition(&role, after, now)?;
    let strange = |what: String| Err(Error::Strange { role: role.clone(), what });
    if after.version != before.version.next() {
        return strange(format!("version {} is not the next after {}", after.version, before.version));
    }
    let names = |root: &Root| root.roles.keys().cloned().collect::<BTreeSet<_>>();
    if names(after) != names(before) {
        return strange("it names other roles than root does".to_owned());
    }
    let holders = after.roles.keys().map(|role| (role.clone(), Holders::of_top(after, role))).collect();
    if unsigned(forms::root(edition, &holders))?.covered() != root.covered() {
        return strange("it holds something that no root of a ceremony holds".to_owned());
    }
    Ok(())
}

fn edition<T: Metadata>(role: &RoleName, after: &T, now: Moment) -> Result<Edition, Error> {
    let (version, expires) = (after.version(), after.expires());
    if expires <= now || expires > now.plus(LONGEST_LIFE) {
        return Err(Error::Strange { role: role.clone(), what: format!("it would end on {expires}") });
    }
    Ok(Edition { version, expires })
}

fn held(targets: &Targets, role: &RoleName) -> Holders {
    let none = Default::default();
    let below = targets.delegations.as_ref().unwrap_or(&none);
    let child = below.roles.iter().find(|child| child.name == *role);
    child.map(|child| Holders::of_child(child, below)).unwrap_or_default()
}

/// The projects of a list as far as they are approved, and whether that is all of it.
fn approved(list: &Targets, projects: &[Project]) -> (BTreeMap<ProjectName, Holders>, bool) {
    let mut kept = forms::projects_of(list);
    let mut whole = true;
    for project in projects.iter().filter(|project| !project.approved) {
        if !kept.contains_key(&project.name) {
            continue;
        }
        whole = false;
        match &project.before {
            Some(holders) => _ = kept.insert(project.name.clone(), holders.clone()),
            None => _ = kept.remove(&project.name),
        }
    }
    (kept, whole)
}

/// Whether a list of this ceremony lets the administrators hold a project; what other lists say was signed before.
fn is_held_by_admins(ceremony: &Ceremony, name: &ProjectName) -> bool {
    let hand = admins(ceremony.top());
    let lists = ceremony.steps.iter().filter(|step| step.role.is_list());
    let named = lists.filter_map(|step| forms::projects_of(step.after.signed()).remove(name));
    // One that is renewed alone stands in a list that is not part of the file.
    named.into_iter().all(|holders| hand.holds_project(name, &holders))
}
