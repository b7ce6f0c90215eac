//! What clients can be shown: from which root, which versions of which roles, forged or as they were signed.

use super::another::{SignedBy, Stranger};
use super::{Evidence, Holding};
use crate::model::{
    DelegatedRole, Delegations, Envelope, Key, KeyId, Metadata as _, Moment, ProjectRole, RoleKeys, RoleName,
    Root, Snapshot, TargetPath, Targets, Version,
};
use crate::trust::verified;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Which versions of the roles below root can be shown.
#[derive(Clone, Copy, Debug)]
pub(super) enum Show<'a> {
    /// Any, for somebody signs snapshots and timestamps.
    Any,
    /// Those of one snapshot.
    Listed(&'a Snapshot),
    /// Those of the published one; what is forged has a higher version.
    Current(&'a Snapshot),
    /// The same, to a client that fetches every role anew, and does not see that one has other bytes.
    Anew(&'a Snapshot),
}

impl Show<'_> {
    /// Whether it shows what was signed as another role: nothing there says so but its version.
    pub(super) fn shows_another(self, role: &RoleName, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(_) => self.shows(role, version) && self.takes_forged(role),
            // Nobody who was here before goes back.
            Self::Current(snapshot) => snapshot.meta.get(role).is_none_or(|meta| meta.version < version),
            Self::Anew(snapshot) => snapshot.meta.get(role).is_none_or(|meta| meta.version <= version),
        }
    }

    /// Whether it shows this version.
    pub(super) fn shows(self, role: &RoleName, version: Version) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(snapshot) | Self::Current(snapshot) | Self::Anew(snapshot) => {
                snapshot.meta.get(role).is_some_and(|meta| meta.version == version)
            }
        }
    }

    /// Whether other bytes can stand for a role: not where a hash is listed that nobody can change.
    pub(super) fn takes_forged(self, role: &RoleName) -> bool {
        match self {
            Self::Any | Self::Current(_) | Self::Anew(_) => true,
            Self::Listed(snapshot) => snapshot.meta.get(role).is_some_and(|meta| meta.hashes.is_none()),
        }
    }
}

/// A root, and what follows from it.
#[derive(Debug)]
pub(super) struct World<'a> {
    /// The root, where it is not the newest.
    pub(super) older_root: Option<&'a Root>,
    /// The snapshot, where it is neither the published one nor a new one.
    pub(super) older_snapshot: Option<&'a Snapshot>,
    /// Whether snapshot and timestamp can both be signed.
    pub(super) is_free: bool,
    /// Whether `targets` can be forged.
    pub(super) signs_targets: bool,
    /// The versions of `targets` that can be shown.
    pub(super) tops: Vec<Shown<'a>>,
}

/// A version of a role that can be shown as it was signed.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    pub(super) show: Show<'a>,
    pub(super) version: Version,
    pub(super) ends: Moment,
    /// Whether it is the one that is published.
    pub(super) is_current: bool,
    /// Whether it was signed as another role, by keys that hold both.
    pub(super) is_anothers: bool,
    /// What it says of projects, by the names of their roles.
    pub(super) projects: HashMap<&'a str, &'a DelegatedRole>,
    /// The keys that it names.
    pub(super) keys: &'a BTreeMap<KeyId, Key>,
    /// The lists that it delegates to.
    pub(super) lists: Lists<'a>,
    /// A bin below it that can be forged: the name of a file can be chosen to fall into it.
    pub(super) bin: Option<&'a RoleName>,
    /// What else the keys that it names have signed.
    pub(super) signed_by: Arc<SignedBy<'a>>,
}

/// A list that a role delegates to: `claimed`, `recently-claimed`, a shard, `unclaimed`.
#[derive(Debug)]
pub(super) struct Listing<'a> {
    pub(super) delegation: &'a DelegatedRole,
    /// Whether it can be forged.
    pub(super) forged: bool,
    /// What can be shown of it as it was signed.
    pub(super) versions: Vec<Shown<'a>>,
    /// Whether tough goes on without it where the snapshot leaves it out: it stands below another list.
    pub(super) may_be_left_out: bool,
    /// Whether older versions of it may be about that have no file any more.
    pub(super) may_have_been: bool,
    /// What was signed as other roles, and can be shown for it: the last to end first.
    pub(super) strangers: Vec<Stranger<'a>>,
}

/// Lists in their order, found by what the paths that they cover begin with.
#[derive(Debug, Default)]
pub(super) struct Lists<'a> {
    all: Vec<Listing<'a>>,
    by_beginning: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Lists<'a> {
    fn new(all: Vec<Listing<'a>>) -> Self {
        let mut by_beginning: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, list) in all.iter().enumerate() {
            let patterns = list.delegation.paths.iter().flatten();
            let mut beginnings: BTreeSet<&str> =
                patterns.filter_map(|pattern| pattern.as_str().split(['*', '?', '[', '\\']).next()).collect();
            if list.delegation.path_hash_prefixes.is_some() {
                // Whoever chooses the name of a file chooses its hash.
                beginnings.insert("");
            }
            for beginning in beginnings {
                by_beginning.entry(beginning).or_default().push(index);
            }
        }
        Self { all, by_beginning }
    }

    /// Those that a look-up for `path` comes to, in order.
    pub(super) fn covering(&self, path: &TargetPath) -> impl Iterator<Item = &Listing<'a>> {
        let text = path.as_str();
        let beginnings = (0..=text.len()).filter_map(|end| text.get(..end));
        let found: BTreeSet<usize> =
            beginnings.filter_map(|beginning| self.by_beginning.get(beginning)).flatten().copied().collect();
        found
            .into_iter()
            .filter_map(|index| self.all.get(index))
            .filter(|list| list.delegation.path_hash_prefixes.is_some() || list.delegation.covers(path, ""))
    }
}

/// What clients can be shown.
pub(super) struct Worlds<'a> {
    /// Returning ones.
    pub(super) present: World<'a>,
    /// Those among them that keep no root.
    pub(super) rooted: Vec<World<'a>>,
    /// New ones.
    pub(super) past: Vec<World<'a>>,
}

/// What clients can be shown by whoever holds these keys.
pub(super) fn worlds<'a>(evidence: &'a Evidence<'a>, holding: &Holding) -> Worlds<'a> {
    let maker = Maker { evidence, holding, signed_by: Arc::new(SignedBy::new(evidence)) };
    let (mut past, mut rooted) = (Vec::new(), Vec::new());
    let mut present = World {
        older_root: None,
        older_snapshot: None,
        is_free: false,
        signs_targets: false,
        tops: Vec::new(),
    };
    for (index, root) in evidence.roots.iter().enumerate() {
        let is_newest = index + 1 == evidence.roots.len();
        let older_root = (!is_newest).then_some(&**root);
        let signs = |role: &RoleName| holding.reaches_top(root, role);
        let is_free = signs(&RoleName::snapshot()) && signs(&RoleName::timestamp());
        let now = evidence.snapshot;
        let show = if is_free { Show::Current(now) } else { Show::Listed(now) };
        if is_newest {
            present = maker.world(root, older_root, is_free, show);
        }
        if root.expires <= evidence.now {
            continue;
        }
        // Below the newest root it matters to tough only where one role can stand for another.
        if is_free && (!is_newest || maker.signed_by.is_shared(holding)) {
            rooted.push(maker.world(root, older_root, is_free, Show::Anew(now)));
        }
        if is_free {
            past.push(maker.world(root, older_root, is_free, Show::Any));
            continue;
        }
        let Some(signers) = root.role(&RoleName::snapshot()) else { continue };
        for snapshot in &evidence.snapshots {
            if verified::check(snapshot, &root.keys, signers).is_ok() {
                past.push(maker.world(root, older_root, is_free, Show::Listed(snapshot.signed())));
            }
        }
    }
    Worlds { present, rooted, past }
}

struct Maker<'a, 'h> {
    evidence: &'a Evidence<'a>,
    holding: &'h Holding,
    signed_by: Arc<SignedBy<'a>>,
}

impl<'a> Maker<'a, '_> {
    fn world(
        &self,
        root: &'a Root,
        older_root: Option<&'a Root>,
        is_free: bool,
        show: Show<'a>,
    ) -> World<'a> {
        let role = RoleName::targets();
        let signs_targets = self.holding.reaches_top(root, &role) && show.takes_forged(&role);
        let tops = match root.role(&role) {
            Some(signers) => {
                let mut tops = self.versions(&role, &root.keys, signers, show);
                let others = self.signed_by.others(&role, &root.keys, signers, show);
                tops.extend(others.iter().map(|envelope| Shown {
                    is_current: false,
                    is_anothers: true,
                    ..self.shown(&role, envelope, show)
                }));
                tops
            }
            None => Vec::new(),
        };
        let older_snapshot = match show {
            Show::Listed(snapshot) if snapshot.version != self.evidence.snapshot.version => Some(snapshot),
            _ => None,
        };
        World { older_root, older_snapshot, is_free, signs_targets, tops }
    }

    /// The versions of a role that can be shown, of those that these keys have signed.
    fn versions(
        &self,
        role: &RoleName,
        keys: &'a BTreeMap<KeyId, Key>,
        signers: &RoleKeys,
        show: Show<'a>,
    ) -> Vec<Shown<'a>> {
        let signed = self.evidence.roles.get(role).into_iter().flatten().copied();
        let shown = signed.filter(|envelope| show.shows(role, envelope.signed().version));
        let accepted = shown.filter(|envelope| verified::check(envelope, keys, signers).is_ok());
        accepted.map(|envelope| self.shown(role, envelope, show)).collect()
    }

    fn shown(&self, role: &RoleName, envelope: &'a Envelope<Targets>, show: Show<'a>) -> Shown<'a> {
        static NO_KEYS: BTreeMap<KeyId, Key> = BTreeMap::new();
        let targets = envelope.signed();
        let current = self.evidence.snapshot.meta.get(role).map(|meta| meta.version);
        let mut shown = Shown {
            show,
            version: targets.version,
            ends: targets.expires(),
            is_current: current == Some(targets.version),
            is_anothers: false,
            projects: HashMap::new(),
            keys: &NO_KEYS,
            lists: Lists::default(),
            bin: None,
            signed_by: Arc::clone(&self.signed_by),
        };
        let Some(delegations) = &targets.delegations else { return shown };
        shown.keys = &delegations.keys;
        let mut lists = Vec::new();
        for child in &delegations.roles {
            if child.name.is_list() || child.name == RoleName::unclaimed() {
                lists.push(self.listing(role, delegations, child, show));
            } else if matches!(ProjectRole::parse(&child.name), Some((_, ProjectRole::Own))) {
                shown.projects.insert(child.name.as_str(), child);
            } else if self.holding.reaches(&child.role_keys()) && show.takes_forged(&child.name) {
                shown.bin.get_or_insert(&child.name);
            }
        }
        shown.lists = Lists::new(lists);
        shown
    }

    fn listing(
        &self,
        parent: &RoleName,
        delegations: &'a Delegations,
        child: &'a DelegatedRole,
        show: Show<'a>,
    ) -> Listing<'a> {
        let (role, signers) = (&child.name, child.role_keys());
        let is_any = matches!(show, Show::Any);
        let others = if role.is_claimed() {
            self.signed_by.others(role, &delegations.keys, &signers, show)
        } else {
            Vec::new()
        };
        let others = others.into_iter().map(Envelope::signed);
        let mut strangers: Vec<Stranger<'_>> = others.map(Stranger::new).collect();
        strangers.sort_by_key(|stranger| std::cmp::Reverse(stranger.ends));
        Listing {
            delegation: child,
            forged: self.holding.reaches(&signers) && show.takes_forged(role),
            versions: self.versions(role, &delegations.keys, &signers, show),
            may_be_left_out: is_any && *parent != RoleName::targets(),
            may_have_been: is_any && !(self.is_complete(role) && self.is_complete(&RoleName::targets())),
            strangers,
        }
    }

    /// Whether every version of a role up to the one that is published has a file.
    fn is_complete(&self, role: &RoleName) -> bool {
        let current = self.evidence.snapshot.meta.get(role).map(|meta| meta.version);
        let versions = self.evidence.versions.get(role);
        let Some((current, versions)) = current.zip(versions) else { return false };
        versions.range(..=current).count() as u64 == current.number()
    }
}
