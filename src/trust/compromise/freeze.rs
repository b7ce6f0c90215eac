//! How long clients can be kept from what is new, and what ends it: the first role on the way that nobody
//! can sign again.

use super::search::Asking;
use super::{Judge, Limit, Subject};
use crate::model::{Metadata as _, Moment, RoleName, Root, TargetPath};
use crate::trust::Standing;

/// What can be withheld.
pub(super) struct Freeze {
    pub(super) returning: bool,
    pub(super) new: bool,
    /// What ends it, for the clients that it lasts longest for.
    pub(super) limit: Option<Limit>,
}

/// Weighs the roles that a look-up for the project goes through.
pub(super) fn judge(judge: &Judge<'_>, subject: &Subject<'_>, asking: &Asking<'_>) -> Freeze {
    let mut freeze = Freeze { returning: false, new: false, limit: None };
    let mut last: Option<Moment> = None;
    for (index, root) in judge.evidence.roots.iter().enumerate() {
        let is_newest = index + 1 == judge.evidence.roots.len();
        if !judge.holding.reaches_top(root, &RoleName::timestamp()) {
            continue;
        }
        let limit = limit(judge, root, is_newest, subject, asking);
        // Without a limit it never ends; below the life of what is published nobody is kept from anything, and
        // what has ended stops every look-up.
        let least = judge.evidence.timestamp.expires().max(judge.evidence.now);
        let long = limit.as_ref().is_none_or(|limit| limit.expires > least);
        if !long {
            continue;
        }
        freeze.new = true;
        freeze.returning |= is_newest;
        let longer = match (&limit, last) {
            (Some(limit), Some(last)) => limit.expires >= last,
            _ => true,
        };
        if longer {
            last = limit.as_ref().map(|limit| limit.expires);
            freeze.limit = limit;
        }
    }
    freeze
}

/// The first role of a look-up to end of those that cannot be signed again.
fn limit(
    judge: &Judge<'_>,
    root: &Root,
    is_newest: bool,
    subject: &Subject<'_>,
    asking: &Asking<'_>,
) -> Option<Limit> {
    let (root_role, snapshot) = (RoleName::root(), RoleName::snapshot());
    let mut ends: Vec<(RoleName, Moment)> = Vec::new();
    let mut end = |role: &RoleName, expires: Moment| ends.push((role.clone(), expires));
    if !(if is_newest { judge.root.0 } else { judge.root.1 }) {
        end(&root_role, root.expires);
    }
    if !judge.holding.reaches_top(root, &snapshot) {
        end(&snapshot, judge.evidence.snapshot.expires());
    }
    // Whoever signs a role that delegates gives what is below it to keys of their own.
    if !judge.holding.reaches_top(root, &RoleName::targets()) {
        for top in judge.present.tops.iter().filter(|top| top.is_current) {
            end(&RoleName::targets(), top.ends);
            let is_below_held = match &asking.path {
                Some(path) => lists(&top.lists, path, subject.standing, &mut end),
                None => false,
            };
            if !is_below_held {
                subject.asked.iter().filter(|role| !role.held).for_each(|role| end(&role.role, role.expires));
            }
        }
    }
    let first = ends.into_iter().min_by_key(|(_, expires)| *expires);
    first.map(|(role, expires)| Limit { role, expires })
}

/// The lists that a look-up goes through before it comes to a project that stands so; gives whether what is
/// below the last of them follows from a list that can be forged.
fn lists(
    lists: &super::world::Lists<'_>,
    path: &TargetPath,
    standing: Standing,
    end: &mut dyn FnMut(&RoleName, Moment),
) -> bool {
    let mut is_held = false;
    for list in lists.covering(path) {
        let name = &list.delegation.name;
        is_held = list.forged;
        if !is_held {
            for version in list.versions.iter().filter(|version| version.is_current) {
                end(name, version.ends);
                is_held = self::lists(&version.lists, path, standing, end);
            }
        }
        let is_its = name.is_list() && Standing::below(name) == standing;
        let claimed_before = is_its && standing != Standing::Unclaimed;
        if claimed_before {
            break;
        }
    }
    is_held
}
