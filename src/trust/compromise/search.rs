//! The search for a way in: a look-up for one project, in every way in which a client can be led through it
//! (TUF 1.0.34 section 5.6.7).

use super::another::Stranger;
use super::world::{Listing, Lists, Shown, World};
use super::{Evidence, Holding, Subject};
use crate::model::{
    DelegatedRole, Envelope, Moment, PathPattern, ProjectRole, RoleName, TargetPath, Targets, Version,
};
use crate::trust::{Standing, verified};

/// How a client is led past a role that would stand in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// It is shown this older version, which is there as a file.
    Older(Version),
    /// It is shown an older version that is not there any more, and may have been kept.
    Kept,
    /// The same, for nothing says since when the project is listed.
    Unknown,
    /// The snapshot leaves the role out, and tough goes on without it.
    LeftOut,
    /// It is shown what the same keys signed as another role.
    Another,
}

/// A role that a client is led past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The role.
    pub role: RoleName,
    /// How.
    pub how: Passed,
    /// Until when.
    pub until: Option<Moment>,
}

/// A way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The role that is forged.
    pub forged: RoleName,
    /// What clients are led past first: empty for a way that is open to all of them.
    pub passes: Vec<Pass>,
}

impl Route {
    pub(super) fn by(forged: RoleName) -> Self {
        Self { forged, passes: Vec::new() }
    }

    /// Until when it is open; none if nothing that was signed earlier is needed.
    #[must_use]
    pub fn until(&self) -> Option<Moment> {
        self.passes.iter().filter_map(|pass| pass.until).min()
    }

    /// The higher, the longer it stays open, and to the more clients.
    pub(super) fn rank(&self) -> (bool, bool, Option<Moment>) {
        let certain = !self.passes.iter().any(|pass| matches!(pass.how, Passed::Kept | Passed::Unknown));
        (self.passes.is_empty(), certain, self.until())
    }

    fn after(mut self, passes: &[Pass]) -> Self {
        self.passes.splice(0..0, passes.iter().cloned());
        self
    }
}

/// A project as a look-up asks for it.
pub(super) struct Asking<'a> {
    /// The name of its own role.
    pub(super) role: Option<RoleName>,
    /// Where a file of it would lie.
    pub(super) path: Option<TargetPath>,
    /// Until when lists of its standing may be about that do not name it yet.
    unlisted_until: Option<(Standing, Moment)>,
    /// Whether anybody wrote that down.
    since: Passed,
    /// Every version of its own role that may be shown.
    versions: &'a [&'a Envelope<Targets>],
    published: Option<Version>,
    now: Moment,
}

impl<'a> Asking<'a> {
    pub(super) fn of(subject: &Subject<'_>, evidence: &'a Evidence<'a>) -> Self {
        let role = ProjectRole::Own.of(subject.name);
        let versions = role.as_ref().and_then(|role| evidence.roles.get(role));
        let published = role.as_ref().and_then(|role| evidence.snapshot.meta.get(role));
        let life = match subject.standing {
            Standing::Unclaimed => None,
            Standing::RecentlyClaimed => Some(evidence.lives.recently_claimed),
            Standing::Claimed => Some(evidence.lives.claimed),
        };
        // Where nobody wrote it down, it may have been a moment ago.
        let until = |life| subject.since.unwrap_or(evidence.now).plus(life);
        let unlisted_until = life.map(|life| (subject.standing, until(life)));
        Self {
            path: format!("packages/{}/-", subject.name).parse().ok(),
            unlisted_until,
            since: if subject.since.is_some() { Passed::Kept } else { Passed::Unknown },
            versions: versions.map(Vec::as_slice).unwrap_or_default(),
            published: published.map(|meta| meta.version),
            role,
            now: evidence.now,
        }
    }
}

impl World<'_> {
    /// The best way to forge the project, if there is one.
    pub(super) fn route(&self, asking: &Asking<'_>, holding: &Holding) -> Option<Route> {
        let pass = |role, version, until| Pass { role, how: Passed::Older(version), until: Some(until) };
        let root = self.older_root.map(|root| pass(RoleName::root(), root.version, root.expires));
        let snapshot = self.older_snapshot.map(|s| pass(RoleName::snapshot(), s.version, s.expires));
        let passes: Vec<Pass> = root.into_iter().chain(snapshot).collect();
        let mut best = self.signs_targets.then(|| Route::by(RoleName::targets()));
        for top in &self.tops {
            keep(&mut best, top.search(&RoleName::targets(), asking, holding).route);
        }
        best.map(|route| route.after(&passes))
    }
}

/// What a search came to.
#[derive(Default)]
struct Found {
    /// The best way in.
    route: Option<Route>,
    /// What a look-up is led past so that it goes on behind here; none if it ends here.
    goes_on: Option<Vec<Pass>>,
}

/// The better of two; of equals the later, which is nearer to the project.
fn keep(best: &mut Option<Route>, route: Option<Route>) {
    if let Some(route) = route
        && best.as_ref().is_none_or(|best| route.rank() >= best.rank())
    {
        *best = Some(route);
    }
}

impl Shown<'_> {
    /// Through this version of `role` and what it delegates to.
    fn search(&self, role: &RoleName, asking: &Asking<'_>, holding: &Holding) -> Found {
        let how = if self.is_anothers { Passed::Another } else { Passed::Older(self.version) };
        let pass = Pass { role: role.clone(), how, until: Some(self.ends) };
        let older: Vec<Pass> = (!self.is_current).then_some(pass).into_iter().collect();
        let mut found = self.lists.search(asking, holding);
        if let Some(bin) = self.bin {
            keep(&mut found.route, Some(Route::by(bin.clone())));
        }
        let name = asking.role.as_ref().map_or("", RoleName::as_str);
        if let Some(delegation) = self.projects.get(name) {
            keep(&mut found.route, self.project(delegation, asking, holding));
            if delegation.terminating {
                found.goes_on = None;
            }
        }
        Found {
            route: found.route.map(|route| route.after(&older)),
            goes_on: found.goes_on.map(|passes| [older, passes].concat()),
        }
    }

    /// Through a project's own role, as this version of a list delegates to it.
    fn project(&self, delegation: &DelegatedRole, asking: &Asking<'_>, holding: &Holding) -> Option<Route> {
        let signers = delegation.role_keys();
        if holding.reaches(&signers) && self.show.takes_forged(&delegation.name) {
            return Some(Route::by(delegation.name.clone()));
        }
        let mut best = None;
        for other in self.signed_by.others(&delegation.name, self.keys, &signers, self.show) {
            let stranger = Stranger::new(other.signed());
            if let Some(role) = stranger.leads_to(holding, self.show) {
                let (name, until) = (delegation.name.clone(), Some(stranger.ends));
                let pass = Pass { role: name, how: Passed::Another, until };
                keep(&mut best, Some(Route::by(role.clone()).after(&[pass])));
            }
        }
        let versions = asking.versions.iter().map(|envelope| (envelope, envelope.signed()));
        for (envelope, targets) in versions.filter(|(_, t)| self.show.shows(&delegation.name, t.version)) {
            let children = targets.delegations.iter().flat_map(|d| &d.roles);
            let held = children.filter(|child| {
                speaks_for_files(child)
                    && holding.reaches(&child.role_keys())
                    && self.show.takes_forged(&child.name)
            });
            for child in held {
                if verified::check(envelope, self.keys, &signers).is_err() {
                    continue;
                }
                let how = Passed::Older(targets.version);
                let pass = Pass { role: delegation.name.clone(), how, until: Some(targets.expires) };
                let is_older = asking.published != Some(targets.version);
                let passes = is_older.then_some(pass).into_iter().collect();
                keep(&mut best, Some(Route { forged: child.name.clone(), passes }));
            }
        }
        best
    }
}

impl Lists<'_> {
    /// Through these, in their order.
    fn search(&self, asking: &Asking<'_>, holding: &Holding) -> Found {
        let mut passes: Vec<Pass> = Vec::new();
        let mut best = None;
        for list in asking.path.iter().flat_map(|path| self.covering(path)) {
            let found = list.search(asking, holding);
            keep(&mut best, found.route.map(|route| route.after(&passes)));
            match found.goes_on {
                Some(more) if !list.delegation.terminating => passes.extend(more),
                _ => return Found { route: best, goes_on: None },
            }
        }
        Found { route: best, goes_on: Some(passes) }
    }
}

impl Listing<'_> {
    fn search(&self, asking: &Asking<'_>, holding: &Holding) -> Found {
        let role = &self.delegation.name;
        let mut best = self.forged.then(|| Route::by(role.clone()));
        let mut ways: Vec<Vec<Pass>> = Vec::new();
        let mut seen_until: Option<Moment> = None;
        for version in &self.versions {
            let found = version.search(role, asking, holding);
            keep(&mut best, found.route);
            match found.goes_on {
                Some(passes) => ways.push(passes),
                // A list that does not name it was signed before this one, and ends before it.
                None => seen_until = Some(seen_until.map_or(version.ends, |until| until.min(version.ends))),
            }
        }
        ways.extend(self.kept(asking, seen_until).map(|pass| vec![pass]));
        let another = |ends| vec![Pass { role: role.clone(), how: Passed::Another, until: Some(ends) }];
        for stranger in &self.strangers {
            let child = stranger.project(asking.role.as_ref());
            if let Some(child) = child.filter(|child| holding.reaches(&child.role_keys())) {
                keep(&mut best, Some(Route::by(child.name.clone()).after(&another(stranger.ends))));
            }
        }
        let stranger =
            self.strangers.iter().find(|stranger| stranger.project(asking.role.as_ref()).is_none());
        ways.extend(stranger.map(|stranger| another(stranger.ends)));
        if self.may_be_left_out {
            ways.push(vec![Pass { role: role.clone(), how: Passed::LeftOut, until: None }]);
        }
        // Forged, it says nothing; but then it could as well list the file.
        let rank = |passes: &Vec<Pass>| Route { forged: role.clone(), passes: passes.clone() }.rank();
        let goes_on = ways.into_iter().max_by_key(rank);
        Found { route: best, goes_on }
    }

    /// A version that has no file any more, does not name the project and has not ended.
    fn kept(&self, asking: &Asking<'_>, seen_until: Option<Moment>) -> Option<Pass> {
        let (standing, until) = asking.unlisted_until?;
        let role = &self.delegation.name;
        let until = seen_until.map_or(until, |seen| seen.min(until));
        let fits = self.may_have_been && role.is_list() && Standing::below(role) == standing;
        let pass = Pass { role: role.clone(), how: asking.since, until: Some(until) };
        (fits && until > asking.now).then_some(pass)
    }
}

/// Whether it covers distributions, and not the index pages alone.
fn speaks_for_files(child: &DelegatedRole) -> bool {
    let covers = |pattern: &PathPattern| !pattern.as_str().starts_with("simple/");
    child.path_hash_prefixes.is_some() || child.paths.iter().flatten().any(covers)
}
