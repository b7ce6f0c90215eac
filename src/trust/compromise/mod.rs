//! What somebody could do who holds some keys and controls everything that clients are served, project by
//! project. Pure: what was signed comes in, a verdict for each project goes out.
//!
//! A snapshot of ours lists versions and no hashes, so that whoever can sign a role can put another content
//! under the version that is listed. A client that starts empty can moreover be shown what was signed earlier
//! and has not ended; one that was here before refuses whatever goes back. `docs/threats.md` says it at length.

mod another;
mod freeze;
mod search;
mod words;
mod world;

pub use search::{Pass, Passed, Route};

use super::{Lives, Standing, Verified};
use crate::model::{
    Envelope, Hand, KeyId, Moment, ProjectName, RoleKeys, RoleName, Root, Snapshot, Targets, Timestamp,
    Version,
};
use std::collections::{BTreeMap, BTreeSet};
use world::World;

/// The keys that somebody holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    keys: BTreeSet<KeyId>,
    /// Keys for single roles that follow from them ([`Key::of_role`](crate::model::Key::of_role)).
    of_roles: BTreeSet<KeyId>,
}

impl Holding {
    /// Whoever holds these.
    #[must_use]
    pub fn new(keys: BTreeSet<KeyId>) -> Self {
        Self { keys, of_roles: BTreeSet::new() }
    }

    /// The same, with the keys for single roles of people who hold some, of whom `hands` tells: whoever has one of
    /// these has the others, for the factor between them is known.
    #[must_use]
    pub fn with_roles<'a>(mut self, hands: impl IntoIterator<Item = (&'a Hand, Vec<RoleName>)>) -> Self {
        for (hand, roles) in hands {
            for (id, key) in hand.bases() {
                let of_role = |role: &RoleName| key.of_role(role)?.id().ok();
                let ids: Vec<KeyId> = roles.iter().filter_map(of_role).collect();
                if self.keys.contains(id) || ids.iter().any(|id| self.keys.contains(id)) {
                    self.keys.insert(id.clone());
                    self.of_roles.extend(ids);
                }
            }
        }
        self.keys.retain(|id| !self.of_roles.contains(id));
        self
    }

    /// Whether this is one of them.
    fn holds(&self, id: &KeyId) -> bool {
        self.keys.contains(id) || self.of_roles.contains(id)
    }

    /// Whether they reach the threshold of a role.
    #[must_use]
    pub fn reaches(&self, keys: &RoleKeys) -> bool {
        let held: BTreeSet<&KeyId> = keys.keyids.iter().filter(|id| self.holds(id)).collect();
        held.len() >= keys.threshold as usize
    }

    /// Whether they reach the threshold that this root sets for a role.
    fn reaches_top(&self, root: &Root, role: &RoleName) -> bool {
        root.role(role).is_some_and(|keys| self.reaches(keys))
    }

    /// The keys, without those that follow from others.
    pub fn iter(&self) -> impl Iterator<Item = &KeyId> {
        self.keys.iter()
    }
}

/// What was signed and has not ended, as far as anybody knows.
#[derive(Debug)]
pub struct Evidence<'a> {
    /// Every root from the oldest on, the newest last; there is at least one.
    pub roots: &'a [Verified<Root>],
    /// The timestamp that is published.
    pub timestamp: &'a Timestamp,
    /// The snapshot that is published.
    pub snapshot: &'a Snapshot,
    /// Every snapshot that has not ended, the published one among them; nothing is verified.
    pub snapshots: Vec<&'a Envelope<Snapshot>>,
    /// Every version that has not ended of `targets`, of the lists and of `unclaimed`, and of the projects' own
    /// roles those that are published and those that matter here; nothing is verified.
    pub roles: BTreeMap<RoleName, Vec<&'a Envelope<Targets>>>,
    /// Empty roles that stand in for projects.
    pub stand_ins: Vec<(&'a RoleName, &'a Envelope<Targets>)>,
    /// The versions of each role that have a file, whether they have ended or not.
    pub versions: &'a BTreeMap<RoleName, BTreeSet<Version>>,
    /// How long roles live that are signed now.
    pub lives: &'a Lives,
    /// The run's now.
    pub now: Moment,
}

/// A role at the end of a look-up: a bin, or one of the project's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The role.
    pub role: RoleName,
    /// When it ends.
    pub expires: Moment,
    /// Whether the keys that are held reach its threshold.
    pub held: bool,
}

/// A project to be judged.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a ProjectName,
    /// Where it stands.
    pub standing: Standing,
    /// The roles at the end of a look-up for its files, as they are published.
    pub asked: Vec<Asked>,
    /// Since when it stands there; none if nobody wrote it down.
    pub since: Option<Moment>,
}

/// What is possible against one kind of client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Exposure {
    /// It takes a file of the project that those who may sign it never signed.
    pub malicious_update: bool,
    /// It can be kept from a new release for longer than the published timestamp lives.
    pub freeze: bool,
    /// It can be shown roles together that were never published together.
    pub mix: bool,
}

/// The role that ends a freeze, as it cannot be signed again.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Limit {
    /// The role.
    #[serde(serialize_with = "as_text")]
    pub role: RoleName,
    /// When it ends.
    pub expires: Moment,
}

fn as_text<S: serde::Serializer>(role: &RoleName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(role.as_str())
}

/// What is possible against one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Clients that start empty, from the oldest root.
    pub new: Exposure,
    /// Clients that hold everything current, and keep it: python-tuf, tuf-js, go-tuf.
    pub returning: Exposure,
    /// tough, where it holds everything current: it keeps no root, and begins with the oldest each time.
    pub tough: Exposure,
    /// The way in, the nearest to the project and the one that stays open longest; none if there is none.
    pub route: Option<Route>,
    /// Whether returning clients take the forged role with the role's next version only, for nobody can list a
    /// higher one at once; tough fetches every role anew, and takes it at once.
    pub waits: bool,
    /// What a freeze ends with; none if there is no freeze, or one without an end.
    pub limited_by: Option<Limit>,
}

impl Verdict {
    /// Whether anybody takes a forged file.
    #[must_use]
    pub fn malicious_update(&self) -> bool {
        self.new.malicious_update || self.returning.malicious_update
    }

    /// Whether anybody can be kept from new releases.
    #[must_use]
    pub fn freeze(&self) -> bool {
        self.new.freeze || self.returning.freeze
    }
}

/// Judges projects: the lists once, then each project by them.
#[derive(Debug)]
pub struct Judge<'a> {
    evidence: &'a Evidence<'a>,
    holding: &'a Holding,
    /// What returning clients can be shown.
    present: World<'a>,
    /// What tough can, besides: the same below an older root.
    rooted: Vec<World<'a>>,
    /// What new clients can, besides.
    past: Vec<World<'a>>,
    /// Whether somebody can sign what follows the newest root, and what follows one of the older ones.
    root: (bool, bool),
}

impl<'a> Judge<'a> {
    /// Weighs what was signed against what is held.
    #[must_use]
    pub fn new(evidence: &'a Evidence<'a>, holding: &'a Holding) -> Self {
        let signs_root = |root: &Verified<Root>| holding.reaches_top(root, &RoleName::root());
        // A root that has ended is still followed to the next one (TUF 1.0.34 section 5.3.10).
        let any = evidence.roots.iter().any(signs_root);
        let newest = evidence.roots.last().is_some_and(signs_root);
        let world::Worlds { present, rooted, past } = world::worlds(evidence, holding);
        Self { evidence, holding, present, rooted, past, root: (newest, any) }
    }

    /// What is possible against one project.
    #[must_use]
    pub fn verdict(&self, subject: &Subject<'_>) -> Verdict {
        let asking = search::Asking::of(subject, self.evidence);
        let root = |reached: bool| reached.then(|| Route::by(RoleName::root()));
        let best = |worlds: &[World<'_>]| {
            let routes = worlds.iter().filter_map(|world| world.route(&asking, self.holding));
            routes.max_by_key(Route::rank)
        };
        let present = root(self.root.0).or_else(|| self.present.route(&asking, self.holding));
        let rooted = present.clone().or_else(|| root(self.root.1)).or_else(|| best(&self.rooted));
        let route = rooted.clone().or_else(|| best(&self.past));
        let freeze = freeze::judge(self, subject, &asking);
        let mix = |worlds: &[World<'_>]| worlds.iter().any(|world| world.is_free);
        let returning = Exposure {
            malicious_update: present.is_some(),
            freeze: self.root.0 || freeze.returning,
            mix: self.root.0 || self.present.is_free,
        };
        let tough = Exposure {
            malicious_update: rooted.is_some(),
            freeze: self.root.1 || freeze.new,
            mix: self.root.1 || returning.mix || mix(&self.rooted),
        };
        let new = Exposure { malicious_update: route.is_some(), mix: tough.mix || mix(&self.past), ..tough };
        Verdict {
            waits: present.is_some() && !returning.mix,
            limited_by: freeze.limit.filter(|_| new.freeze && !self.root.1),
            new,
            returning,
            tough,
            route,
        }
    }
}
