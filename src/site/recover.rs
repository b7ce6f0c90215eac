//! Reading the tree as it was at an earlier snapshot, for whoever held the online key since could write anything.
//!
//! What the online key signs is taken from a copy of that time: our snapshots list versions and no digests, so that
//! another bin can lie under the same name. What it does not sign, `targets`, `claimed`, `unclaimed` and the roles of
//! claimed projects, is taken at its newest, wherever a file of it lies that verifies: no online key could make one.

use super::chain::{self, Error, Origin};
use super::outline::{self, Edition, Outline};
use super::projects::{self, Found};
use super::read::{self, Published};
use super::{Site, layout};
use crate::disk;
use crate::model::{
    DelegatedRole, Delegations, Envelope, Hand, Hands, Holders, Key, KeyId, Listed, Listing, ProjectName,
    ProjectRole, RoleMeta, RoleName, Root, Snapshot, Targets, Timestamp, Version, forms,
};
use crate::report::Reporter;
use crate::trust::{Standing, Verified};
use std::collections::{BTreeMap, BTreeSet};

/// A tree that is gone back to.
#[derive(Debug)]
pub struct Recovered {
    /// The tree. Its projects are the claimed ones.
    pub published: Published,
    /// Who stood in `recently-claimed` then.
    pub recently: BTreeMap<ProjectName, (DelegatedRole, BTreeMap<KeyId, Key>)>,
    /// Roles that are newer than they were then, with the version of then (0 for none) and the newer one.
    pub newer: Vec<(RoleName, u64, u64)>,
}

/// What to go back to.
#[derive(Clone, Copy, Debug)]
pub struct Back<'a> {
    /// The site.
    pub site: &'a Site,
    /// A copy of it of that time.
    pub copy: &'a Site,
    /// The snapshot.
    pub snapshot: Version,
    /// The newest versions that count of roles that were looked at before: a run that died may have left others.
    pub most: &'a BTreeMap<RoleName, Version>,
}

/// Reads the tree as it was at a snapshot.
///
/// # Errors
/// [`Error`].
pub fn since(back: &Back<'_>, reporter: &dyn Reporter) -> Result<Recovered, Error> {
    let Back { site, copy, .. } = *back;
    let (root, then) = (read::roots(site)?, then(back)?);
    // Any timestamp that was ever signed will do: only its number is looked at.
    let role = RoleName::timestamp();
    let path = || layout::TIMESTAMP.to_owned();
    let timestamp = chain::top_level::<Timestamp>(site, &root, &role, path(), None)
        .or_else(|_| chain::top_level::<Timestamp>(copy, &then.root, &role, path(), None))?;
    let both = Both { site, copy };
    let (listing, there) = (then.snapshot.meta.clone(), both.versions()?);
    let mut newest = Newest { both: &both, listing, there, most: back.most, hand: Hand::default() };
    let role = RoleName::targets();
    let by_root = Delegations { keys: root.keys.clone(), ..Delegations::default() };
    let as_child = root.role(&role).cloned();
    let as_child = as_child.map(|keys| DelegatedRole::by_hash(role, keys.keyids, keys.threshold, Vec::new()));
    let targets = as_child.map(|child| newest.take(&by_root, &child)).transpose()?.flatten();
    let targets = targets.ok_or_else(|| Error::Missing { path: "metadata/N.targets.json".to_owned() })?;
    newest.below(&targets)?;
    let listing = newest.listing;
    let was = |role: &RoleName| then.snapshot.meta.get(role).map_or(0, |meta| meta.version.number());
    let newer = listing.iter().map(|(role, meta)| (role.clone(), was(role), meta.version.number()));
    let newer = newer.filter(|(_, was, is)| was < is).collect();
    let (mut lists, found) = projects::claimed(&both, &targets, &listing)?;
    let projects = projects::read(&both, &listing, found)?;
    let (bin_list_digest, bin_list, unclaimed) = outline::bin_list(&both, &targets, &listing)?;
    let (then_lists, found) = projects::lists(copy, &then.targets, &then.snapshot.meta, None)?;
    let is_online = |role: &RoleName| Standing::below(role) != Standing::Claimed;
    lists.extend(then_lists.into_iter().filter(|(role, _)| is_online(role)));
    let recently = found.into_iter().filter(|found| is_online(found.list())).map(Found::into_delegation);
    let (bins_then, _) = read::unclaimed(copy, &then.targets, &then.snapshot.meta)?;
    let bins = read::bins(copy, &bins_then, &then.snapshot.meta, reporter)?;
    let Then { snapshot, edition, .. } = then;
    let outline = Outline {
        root,
        timestamp,
        snapshot: edition,
        listing: Listed::Parsed(listing),
        targets,
        lists,
        projects,
        bin_list,
        bin_list_digest,
    };
    let published = Published { outline, snapshot, unclaimed, bins };
    Ok(Recovered { published, recently: recently.collect(), newer })
}

/// What led to everything then.
struct Then {
    root: Verified<Root>,
    edition: Edition,
    snapshot: Verified<Snapshot>,
    targets: Verified<Targets>,
}

/// The copy goes by a root of its time, which must be one that the newest follows.
fn then(back: &Back<'_>) -> Result<Then, Error> {
    let root = read::roots(back.copy)?;
    let path = layout::role_file(&RoleName::root(), root.version);
    let ours = back.site.file(&path, chain::LARGEST)?;
    let ours = ours.and_then(|bytes| Envelope::<Root>::parse(&bytes).ok());
    if ours.is_none_or(|ours| ours.covered() != root.envelope().covered()) {
        return Err(Error::Shape(format!(
            "the copy goes by a root {} that the site does not have",
            root.version
        )));
    }
    let role = RoleName::snapshot();
    let meta = RoleMeta { version: back.snapshot, length: None, hashes: None, extra: BTreeMap::new() };
    let path = layout::role_file(&role, back.snapshot);
    let (snapshot, digest) = chain::top_level_file::<Snapshot>(back.copy, &root, &role, path, Some(&meta))?;
    let targets = chain::targets(back.copy, &root, &snapshot.meta)?;
    let edition = Edition { version: snapshot.version, expires: snapshot.expires, digest };
    Ok(Then { root, edition, snapshot, targets })
}

/// The files of both places; those of the copy count where there are two.
struct Both<'a> {
    site: &'a Site,
    copy: &'a Site,
}

impl Both<'_> {
    /// Every version of every role that has a file somewhere.
    fn versions(&self) -> Result<BTreeMap<RoleName, BTreeSet<Version>>, disk::Error> {
        let mut there: BTreeMap<RoleName, BTreeSet<Version>> = BTreeMap::new();
        for place in [self.site, self.copy] {
            let names = place.folder().file_names(layout::METADATA)?;
            for (version, role) in names.iter().filter_map(|name| layout::parse(name)) {
                there.entry(role).or_default().insert(version);
            }
        }
        Ok(there)
    }
}

impl Origin for Both<'_> {
    fn file(&self, name: &str, most: u64) -> Result<Option<Vec<u8>>, disk::Error> {
        match self.copy.file(name, most)? {
            Some(bytes) => Ok(Some(bytes)),
            None => self.site.file(name, most),
        }
    }
}

/// The newest version of each role that the online key cannot sign.
struct Newest<'a> {
    both: &'a Both<'a>,
    listing: Listing,
    there: BTreeMap<RoleName, BTreeSet<Version>>,
    most: &'a BTreeMap<RoleName, Version>,
    /// Who holds the lists of claimed projects, once that is known.
    hand: Hand,
}

impl Newest<'_> {
    /// Lists the newest version of a role that verifies and is not older than what is listed; gives it.
    fn take(
        &mut self,
        delegations: &Delegations,
        child: &DelegatedRole,
    ) -> Result<Option<Verified<Targets>>, Error> {
        let role = &child.name;
        let listed = self.listing.get(role).map(|meta| meta.version);
        let versions: Vec<Version> = self.there.get(role).into_iter().flatten().rev().copied().collect();
        for version in versions {
            let is_too_new = self.most.get(role).is_some_and(|most| version > *most);
            let is_older = listed.is_some_and(|listed| version < listed);
            if is_older || is_too_new || version.number() >= Version::CEILING {
                continue;
            }
            let meta = RoleMeta { version, length: None, hashes: None, extra: BTreeMap::new() };
            let listing = Listing::from([(role.clone(), meta)]);
            // Each place by itself: what lies in one of them may be anything.
            for origin in [self.both.copy, self.both.site] {
                if let Ok(found) = chain::delegated(origin, delegations, child, &listing)
                    && forms::fits(role, &found)
                    && (!self.is_stand_in(child, delegations) || forms::is_stand_in(&found))
                {
                    let length = found.envelope().to_bytes().map_or(0, |bytes| bytes.len() as u64);
                    self.listing.insert(role.clone(), RoleMeta::of_role(version, length));
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }

    /// Whether a project is the administrators' own.
    fn is_stand_in(&self, child: &DelegatedRole, delegations: &Delegations) -> bool {
        let held = || Holders::of_child(child, delegations);
        matches!(ProjectRole::parse(&child.name), Some((name, ProjectRole::Own)) if self.hand.holds_project(&name, &held()))
    }

    /// The same for all that `targets` leads to offline.
    fn below(&mut self, targets: &Targets) -> Result<(), Error> {
        self.hand = Hands::of(targets).claimed;
        let top = targets.delegations.clone().unwrap_or_default();
        for child in &top.roles {
            if child.name == RoleName::unclaimed() {
                self.take(&top, child)?;
            } else if child.name.is_list() && Standing::below(&child.name) == Standing::Claimed {
                let Some(list) = self.take(&top, child)? else { continue };
                let below = list.delegations.clone().unwrap_or_default();
                for project in &below.roles {
                    self.project(&below, project)?;
                }
            }
        }
        Ok(())
    }

    fn project(&mut self, list: &Delegations, child: &DelegatedRole) -> Result<(), Error> {
        let Some(own) = self.take(list, child)? else { return Ok(()) };
        let below = own.delegations.clone().unwrap_or_default();
        for part in below.roles.iter().filter(|part| ProjectRole::parse(&part.name).is_some()) {
            self.take(&below, part)?;
        }
        Ok(())
    }
}

/// Roles that the listing names and the site does not hold as they are: to be put back from the copy.
///
/// # Errors
/// If a file cannot be read.
pub fn to_put_back(
    site: &Site,
    copy: &Site,
    listing: &Listed,
) -> Result<Vec<(String, Vec<u8>)>, disk::Error> {
    let mut all = Vec::new();
    for (role, meta) in listing.to_listing() {
        let name = layout::role_file(&role, meta.version);
        let Some(bytes) = copy.file(&name, chain::LARGEST)? else { continue };
        if site.file(&name, chain::LARGEST)?.as_ref() != Some(&bytes) {
            all.push((name, bytes));
        }
    }
    Ok(all)
}
