//! The second half of every run that publishes: what is decided gets signed and becomes public in one swap.

use super::lists::{self, Registered};
use super::placement::Placement;
use super::project::Place;
use super::roles::{self, Due, Numbers, Versions};
use crate::disk;
use crate::disk::stage::Staging;
use crate::keys::Signer;
use crate::model::project_role::SUSPENDS;
use crate::model::{Bins, Compression, Moment, RoleMeta, RoleName, Sha256, Targets, Version};
use crate::pipeline::sign::{self, SignedBin, SignedRole};
use crate::report::{Reporter, Stage, event};
use crate::site::outline::Outline;
use crate::site::swap::{self, Numbered, StagedRole, Swap, Written};
use crate::site::{Site, layout};
use crate::state::State;
use crate::state::journal::{self, Why};
use crate::trust::Lives;
use std::collections::{BTreeMap, BTreeSet};

/// Why nothing was published.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A role could not be signed.
    #[error(transparent)]
    Sign(#[from] sign::Error),
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Opens a folder to stage in, for a run that is no build. Two things are noted for the next build: that a run before this
/// one did not end, for that one mends what such a run leaves, and this one takes away what tells of it; and that names
/// are given here in another manner than the last build gave them.
///
/// # Errors
/// If the file system fails.
pub(super) fn open_staging(place: &Place<'_>) -> Result<Staging, disk::Error> {
    let (site, state) = (Site::new(place.site), State::new(place.state));
    if swap::was_interrupted(&site, &state.staging())? {
        state.set_mark()?;
    }
    Placement::beside_builds(place).forget(&state)?;
    swap::open_staging(&site, &state.staging())
}

/// What is to be published.
pub(super) struct Publication<'a> {
    pub(super) site: &'a Site,
    pub(super) published: &'a Outline,
    /// What the bins are to list.
    pub(super) after: &'a dyn Bins,
    /// The bins, of as many as these are, in which that is something else than is published.
    pub(super) changed: &'a BTreeSet<u32>,
    /// What `recently-claimed` is to delegate to.
    pub(super) registered: Registered,
    /// New versions of projects' roles, signed already.
    pub(super) roles: Vec<SignedRole>,
    /// Online roles whose time has come.
    pub(super) due: Due,
}

/// Who signs for the machine that publishes.
#[derive(Clone, Copy)]
pub(super) struct Online<'a> {
    /// The online key.
    pub(super) key: &'a dyn Signer,
    /// The one before it, in the run that changes it: snapshot and timestamp are signed by both, for readers that
    /// have the new root already and for those that have not.
    pub(super) before: Option<&'a dyn Signer>,
}

impl<'a> Online<'a> {
    /// One key, as in every run but that one.
    pub(super) fn of(key: &'a dyn Signer) -> Self {
        Self { key, before: None }
    }

    fn both(&self) -> Vec<&'a dyn Signer> {
        std::iter::once(self.key).chain(self.before).collect()
    }
}

/// How the run wants it done.
#[derive(Clone, Copy)]
pub(super) struct Manner<'a> {
    pub(super) lives: &'a Lives,
    pub(super) compress: &'a [Compression],
    pub(super) now: Moment,
    /// Which version numbers count as used.
    pub(super) numbers: Numbers,
}

/// What became public.
#[derive(Clone, Debug)]
pub(super) struct Publicised {
    pub(super) snapshot: Version,
    /// What its file hashes to.
    pub(super) digest: Sha256,
    pub(super) timestamp: Version,
    pub(super) written: Written,
    /// What was signed, and why.
    pub(super) signed: Vec<journal::Signed>,
}

/// What was signed, ready for the swap.
struct Signed {
    bins: Vec<StagedRole>,
    /// The other roles, the snapshot last.
    roles: Vec<SignedRole>,
    /// What the file of the snapshot hashes to that is current then.
    digest: Sha256,
    timestamp: SignedRole,
}

impl Publication<'_> {
    /// Bins that are due and do not change.
    fn renewed(&self) -> Vec<u32> {
        self.due.bins.iter().copied().filter(|bin| !self.changed.contains(bin)).collect()
    }

    /// Every bin that is signed.
    pub(super) fn all_bins(&self) -> impl Iterator<Item = u32> {
        self.changed.iter().copied().chain(self.renewed())
    }

    /// How many bins are signed because they change, and how many because they are due.
    pub(super) fn bins(&self) -> (u64, u64) {
        (self.changed.len() as u64, self.renewed().len() as u64)
    }

    /// Whether something changed, beside what is due.
    pub(super) fn changes_something(&self) -> bool {
        !self.changed.is_empty()
            || !self.roles.is_empty()
            || self.registered != Registered::of(self.published)
    }

    /// Signs and publishes.
    pub(super) fn publish(
        &self,
        manner: Manner<'_>,
        staging: &Staging,
        online: Online<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Publicised, Error> {
        let bins = Some(self.changed.len() as u64 + self.renewed().len() as u64);
        let Signed { bins, roles, digest, timestamp } =
            event::stage(reporter, Stage::Sign, bins, || self.sign(manner, staging, online, reporter))?;
        let signed = self.account(&bins, &roles, &timestamp);
        let snapshot = roles.iter().find(|role| role.role == RoleName::snapshot());
        let before = self.published.snapshot;
        let version = snapshot.map_or(before.version, |new| new.version);
        let retires = snapshot.map(|_| before.version);
        let (root, roles): (Vec<_>, Vec<_>) =
            roles.iter().map(roles::as_file).partition(|file| *file.role == RoleName::root());
        let mut files = roles;
        // After a break-in any name may be taken by a file that somebody left there.
        let any_name = manner.numbers == Numbers::NearPublished;
        let is_new = |role: &RoleName| any_name || self.roles.iter().any(|new| new.role == *role);
        for file in files.iter_mut().filter(|file| is_new(file.role)) {
            file.numbered = Numbered::BeforeThisRun;
        }
        let swap = Swap {
            roles: &files,
            root: root.into_iter().next(),
            timestamp: &timestamp.bytes,
            compress: manner.compress,
            retires,
            now: manner.now,
        };
        let all = bins.len() as u64 + files.len() as u64;
        let written = event::stage(reporter, Stage::Swap, Some(all), || {
            swap::publish(self.site, staging, bins, &swap, reporter)
        })?;
        Ok(Publicised { snapshot: version, digest, timestamp: timestamp.version, written, signed })
    }

    /// What is signed, and why.
    fn account(
        &self,
        bins: &[StagedRole],
        roles: &[SignedRole],
        timestamp: &SignedRole,
    ) -> Vec<journal::Signed> {
        let count = self.after.bins();
        let whys = self.changed.iter().map(|bin| (*bin, Why::Changed));
        let whys = whys.chain(self.renewed().into_iter().map(|bin| (bin, Why::Due)));
        let whys: BTreeMap<RoleName, (u32, Why)> =
            whys.map(|(bin, why)| (count.role(bin), (bin, why))).collect();
        let mut all = journal::together(bins.iter().filter_map(|staged| {
            let (bin, why) = *whys.get(&staged.role)?;
            Some((bin, staged.role.clone(), staged.version, why))
        }));
        let leads = [RoleName::snapshot(), RoleName::timestamp()];
        for signed in roles.iter().chain([timestamp]) {
            let why = if leads.contains(&signed.role) {
                // To others, unless there are none, or a root alone, which leads to it.
                let is_due =
                    if signed.role == timestamp.role { self.due.timestamp } else { self.due.snapshot };
                let is_alone = all.iter().all(|other| other.role == RoleName::root());
                if is_due && is_alone { Why::Due } else { Why::Leads }
            } else if self.roles.iter().any(|role| role.role == signed.role) {
                Why::Brought
            } else if self.due.roles.contains(&signed.role) {
                Why::Due
            } else {
                Why::Changed
            };
            all.push(journal::Signed { role: signed.role.clone(), to: None, version: signed.version, why });
        }
        all
    }

    /// Every new role in the order in which a reader could come to them, the snapshot last; and
    /// the timestamp. Bins are many: each is staged when it is signed.
    fn sign(
        &self,
        manner: Manner<'_>,
        staging: &Staging,
        online: Online<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Signed, Error> {
        let Manner { lives, now, .. } = manner;
        let published = self.published;
        let versions = Versions::counted(self.site, published, manner.numbers)?;
        let bins: Vec<u32> = self.changed.iter().copied().chain(self.renewed()).collect();
        let count = self.after.bins();
        let bins: Vec<(u32, Version)> =
            bins.into_iter().map(|bin| (bin, versions.next_of(&count.role(bin), published))).collect();
        let stage = |bin: &SignedBin<'_>| {
            let staged = staging.write(bin.bytes, Some(now))?;
            let (role, version, length) = (bin.role.clone(), bin.version, bin.bytes.len() as u64);
            Ok::<_, Error>(StagedRole { role, version, length, staged })
        };
        let bins = sign::bins(self.after, &bins, now.plus(lives.bins), online.key, reporter, &stage)?;
        let mut signed = Vec::new();
        signed.extend(self.roles.iter().cloned());
        signed.extend(self.renewed_projects(manner, &versions, online.key)?);
        signed.extend(self.lists(manner, &versions, online.key)?);
        let mut snapshot = None;
        let is_new = !bins.is_empty() || signed.iter().any(|role| role.role != RoleName::root());
        if is_new || self.due.snapshot {
            let expires = now.plus(lives.snapshot);
            let of_bins =
                bins.iter().map(|bin| (bin.role.clone(), RoleMeta::of_role(bin.version, bin.length)));
            let of_roles = signed.iter().map(|role| (role.role.clone(), role.meta()));
            let all = of_bins.chain(of_roles);
            snapshot = Some(roles::next_snapshot(published, all, &versions, expires, &online.both())?);
        }
        let expires = now.plus(lives.timestamp);
        let (current, file) = match &snapshot {
            Some(new) => (new.version, (new.bytes.len() as u64, Sha256::of(&new.bytes))),
            None => {
                let version = published.snapshot.version;
                let path = layout::role_file(&RoleName::snapshot(), version);
                let bytes = disk::read::bytes(&self.site.folder().path(&path))?;
                (version, (bytes.len() as u64, Sha256::of(&bytes)))
            }
        };
        let timestamp = roles::next_timestamp(published, current, file, &versions, expires, &online.both())?;
        signed.extend(snapshot);
        Ok(Signed { bins, roles: signed, digest: file.1, timestamp })
    }

    /// `recently-claimed` and its shards, those of them that change or are due.
    fn lists(
        &self,
        manner: Manner<'_>,
        versions: &Versions,
        online: &dyn Signer,
    ) -> Result<Vec<SignedRole>, Error> {
        let mut signed = Vec::new();
        for (role, delegations) in self.registered.roles(self.published, online) {
            let before = self.published.lists.get(&role);
            let is_due = self.due.roles.contains(&role);
            if before.is_some_and(|before| before.metadata.delegations == delegations) && !is_due {
                continue;
            }
            debug_assert!(lists::is_recently_claimed(&role));
            let version = versions.next_of(&role, self.published);
            let expires = manner.now.plus(manner.lives.recently_claimed);
            let targets = Targets::new(version, expires, BTreeMap::new(), delegations);
            signed.push(sign::role(role, targets, &[online])?);
        }
        Ok(signed)
    }

    /// Empty roles that stand in for projects, and are due.
    fn renewed_projects(
        &self,
        manner: Manner<'_>,
        versions: &Versions,
        online: &dyn Signer,
    ) -> Result<Vec<SignedRole>, Error> {
        let suspended = self.published.projects.values().filter(|project| project.is_suspended());
        let due = suspended.filter(|project| {
            let role = &project.delegation.name;
            self.due.roles.contains(role) && !self.roles.iter().any(|new| new.role == *role)
        });
        let renewed = due.map(|project| {
            let role = project.delegation.name.clone();
            let version = versions.next_of(&role, self.published);
            let suspends = project.own.extra.get(SUSPENDS).and_then(serde_json::Value::as_u64);
            Ok(stand_in(role, version, suspends, manner, online)?)
        });
        renewed.collect()
    }
}

/// The empty role that stands in for a project: under the online key, and saying which version of the
/// author's it stands for.
pub(super) fn stand_in(
    role: RoleName,
    version: Version,
    suspends: Option<u64>,
    manner: Manner<'_>,
    online: &dyn Signer,
) -> Result<SignedRole, sign::Error> {
    let expires = manner.now.plus(manner.lives.recently_claimed);
    let mut targets = Targets::new(version, expires, BTreeMap::new(), None);
    targets.extra.insert(SUSPENDS.to_owned(), suspends.unwrap_or_default().into());
    sign::role(role, targets, &[online])
}
