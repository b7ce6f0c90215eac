//! What came back from several holders, made one: of each role the content that enough of them signed, with the
//! signatures that hold.

use super::Error;
use super::sign::admins;
use crate::ceremony::{Ceremony, Step};
use crate::model::{
    BinCount, Delegations, Envelope, Holders, Lists as _, Metadata, ProjectRole, RoleName, Root, Signature,
    Targets, forms,
};
use crate::pipeline::sign::SignedRole;
use crate::site::read::Published;
use crate::trust::ceremony::{self as judge, Change, Projects};
use crate::trust::signature::PublicKey;
use crate::trust::verified;
use std::collections::BTreeMap;

/// What the files are held against.
#[derive(Clone, Copy)]
pub(super) enum Against<'a> {
    /// What is published: they must follow it.
    Published(&'a Published),
    /// Nothing: they are published already.
    Itself,
}

/// A ceremony that enough holders have signed.
pub(super) struct Merged {
    pub(super) ceremony: Ceremony,
    /// Projects that get other holders.
    pub(super) changes: Vec<Change>,
    /// Whether those have not signed `targets` who hold it until now.
    pub(super) gap: bool,
}

/// Whether all of this is published already, but perhaps the root.
pub(super) fn is_published(published: &Published, files: &[Ceremony]) -> bool {
    let Some(first) = files.first().filter(|first| !first.is_empty()) else { return false };
    let is_there = |step: &Step| {
        let current = envelope(published, &step.role).map(Envelope::covered);
        files.iter().filter_map(|file| file.step(&step.role)).any(|one| current == Some(one.after.covered()))
    };
    let root = first.root.as_ref().is_none_or(|root| root.covered() == published.root.envelope().covered());
    // A file of a root alone is published when that is.
    if first.steps.is_empty() { root } else { first.steps.iter().all(is_there) }
}

/// Every role with the signatures of all files on the content that has enough of them.
pub(super) fn signed(files: &[Ceremony], against: Against<'_>) -> Result<Merged, Error> {
    let Some(first) = files.first() else { return Err(Error::NoneOutstanding) };
    if let Against::Published(published) = against {
        for file in files {
            let root = file.roots.last().map(Envelope::covered);
            for (role, ours, theirs) in [
                (RoleName::root(), published.root.envelope().covered(), root),
                (RoleName::targets(), published.targets.envelope().covered(), Some(file.targets.covered())),
            ] {
                if Some(ours) != theirs {
                    return Err(Error::Superseded { role });
                }
            }
        }
        for step in files.iter().flat_map(|file| &file.steps) {
            follows(published, step)?;
        }
    }
    let before = first.roots.last().map(|root| root.signed().clone()).ok_or(Error::NoneOutstanding)?;
    let root = first.root.as_ref().map(|_| root(files, &before)).transpose()?;
    let after = root.as_ref().map_or(&before, |root| root.signed());
    let mut ceremony = Ceremony { root: root.clone(), steps: Vec::new(), ..first.clone() };
    let mut gap = false;
    // Children are held by what their parents are to say: targets comes first, then the lists.
    let mut roles: Vec<&Step> = Vec::new();
    for step in files.iter().flat_map(|file| &file.steps) {
        if !roles.iter().any(|other| other.role == step.role) {
            roles.push(step);
        }
    }
    // One holder may have left out what another signed.
    roles.sort_by_key(|step| (step.role != RoleName::targets(), ProjectRole::parse(&step.role).is_some()));
    if roles.is_empty() && root.is_none() {
        return Err(Error::NothingSigned);
    }
    for step in roles {
        let all: Vec<&Envelope<Targets>> =
            files.iter().filter_map(|file| file.step(&step.role)).map(|step| &step.after).collect();
        let targets = step.role == RoleName::targets();
        let held = if targets { Holders::of_top(after, &step.role) } else { held(&ceremony, &step.role) };
        if ProjectRole::parse(&step.role).is_some() && all.len() < files.len() {
            // Somebody did not agree to suspend it, and signed a list that says so.
            continue;
        }
        let also = Holders::of_top(&before, &step.role);
        let held = if targets && !also.same(&held) { vec![held, also] } else { vec![held] };
        let signed = enough(&step.role, &all, &held, &held[..1])?;
        gap |= targets && held.iter().any(|held| !is_signed(&signed, held));
        ceremony.steps.push(Step { role: step.role.clone(), before: step.before.clone(), after: signed });
    }
    let lists = |of: &dyn Fn(&Step) -> Option<Targets>| -> Projects {
        let lists = ceremony.steps.iter().filter(|step| step.role.is_list()).filter_map(of);
        lists.flat_map(|list| forms::projects_of(&list)).collect()
    };
    let retired = ceremony.retired.iter().flat_map(|retired| forms::projects_of(retired.last.signed()));
    let mut old = lists(&|step| step.before.as_ref().map(|before| before.signed().clone()));
    old.extend(retired);
    let new = lists(&|step| Some(step.after.signed().clone()));
    let (was, is) = (admins(ceremony.targets.signed()), admins(ceremony.top()));
    let changes = judge::changes(&old, &new, (&was, &is));
    Ok(Merged { changes, gap, ceremony })
}

/// A step must be prepared on what is published.
fn follows(published: &Published, step: &Step) -> Result<(), Error> {
    let current = envelope(published, &step.role).map(Envelope::covered);
    let before = step.before.as_ref().map(Envelope::covered);
    // The role of a project that is suspended now was its author's, who may have released since.
    let is_first = ProjectRole::parse(&step.role).is_some() && before.is_none();
    let version = published.listing.meta(&step.role).map(|meta| meta.version);
    if is_first && version.is_none_or(|version| version < step.after.signed().version) {
        return Ok(());
    }
    if current != before { Err(Error::Superseded { role: step.role.clone() }) } else { Ok(()) }
}

/// A role of a ceremony as it is published.
fn envelope<'a>(published: &'a Published, role: &RoleName) -> Option<&'a Envelope<Targets>> {
    if *role == RoleName::targets() {
        Some(published.targets.envelope())
    } else if *role == RoleName::unclaimed() {
        Some(published.unclaimed.envelope())
    } else if let Some((name, ProjectRole::Own)) = ProjectRole::parse(role) {
        published.projects.get(&name).map(|project| project.own.envelope())
    } else {
        published.lists.get(role).map(|list| list.metadata.envelope())
    }
}

/// The root that enough holders signed, of those before and of those after.
fn root(files: &[Ceremony], before: &Root) -> Result<Envelope<Root>, Error> {
    let role = RoleName::root();
    let all: Vec<&Envelope<Root>> = files.iter().filter_map(|file| file.root.as_ref()).collect();
    let new = all.first().map_or_else(Holders::default, |root| Holders::of_top(root.signed(), &role));
    let held = [Holders::of_top(before, &role), new];
    enough(&role, &all, &held, &held)
}

/// Who holds a role that `targets` delegates to, or an empty one in place of a project.
fn held(ceremony: &Ceremony, role: &RoleName) -> Holders {
    if ProjectRole::parse(role).is_some() {
        return admins(ceremony.top()).of_role(role);
    }
    let none = Delegations::default();
    let delegations = ceremony.top().delegations.as_ref().unwrap_or(&none);
    let child = delegations.roles.iter().find(|child| child.name == *role);
    child.map(|child| Holders::of_child(child, delegations)).unwrap_or_default()
}

/// The content that enough of those who are `needed` signed, with every signature on it that holds by one of `held`.
fn enough<T: Metadata + Clone>(
    role: &RoleName,
    all: &[&Envelope<T>],
    held: &[Holders],
    needed: &[Holders],
) -> Result<Envelope<T>, Error> {
    let mut contents: BTreeMap<&[u8], Envelope<T>> = BTreeMap::new();
    for one in all {
        let merged = contents.entry(one.covered()).or_insert_with(|| (*one).clone().without_signatures());
        for signature in one.signatures().iter().filter(|signature| holds(one, signature, held)) {
            *merged = merged.clone().with_signature(signature.clone());
        }
    }
    let mut signed = contents.values().filter(|one| needed.iter().all(|held| is_signed(one, held)));
    if let Some(first) = signed.next() {
        // One holder is enough, and two approved different things: whose word counts is not for a run to say.
        return if signed.next().is_some() {
            Err(Error::Different { role: role.clone() })
        } else {
            Ok(first.clone())
        };
    }
    if contents.values().filter(|one| !one.signatures().is_empty()).count() > 1 {
        return Err(Error::Different { role: role.clone() });
    }
    let best = contents.values().max_by_key(|one| one.signatures().len());
    let lacks = best.and_then(|best| {
        needed.iter().find_map(|held| verified::check(best, &held.keys, &held.role_keys()).err())
    });
    match lacks {
        Some(shortfall) => Err(Error::Unsigned { role: role.clone(), shortfall }),
        None => Err(Error::Superseded { role: role.clone() }),
    }
}

fn is_signed<T: Metadata>(envelope: &Envelope<T>, held: &Holders) -> bool {
    verified::check(envelope, &held.keys, &held.role_keys()).is_ok()
}

fn holds<T: Metadata>(envelope: &Envelope<T>, signature: &Signature, held: &[Holders]) -> bool {
    held.iter().filter(|held| held.keyids.contains(&signature.keyid)).any(|held| {
        let key = held.keys.get(&signature.keyid).and_then(|key| PublicKey::read(key).ok());
        key.is_some_and(|key| key.verify(envelope.covered(), &signature.sig).is_ok())
    })
}

fn as_role<T: Metadata>(role: &RoleName, envelope: &Envelope<T>) -> Result<SignedRole, Error> {
    Ok(SignedRole { role: role.clone(), version: envelope.signed().version(), bytes: envelope.to_bytes()? })
}

impl Merged {
    /// The roles to publish.
    pub(super) fn roles(&self) -> Result<Vec<SignedRole>, Error> {
        let root = self.ceremony.root.iter().map(|root| as_role(&RoleName::root(), root));
        let steps = self.ceremony.steps.iter().map(|step| as_role(&step.role, &step.after));
        steps.chain(root).collect()
    }

    /// How many bins there are to be, where that is said.
    pub(super) fn bins(&self) -> Option<BinCount> {
        let step = self.ceremony.step(&RoleName::unclaimed())?;
        let bins = step.after.signed().delegations.iter().flat_map(|d| &d.roles).count();
        BinCount::new(bins as u64).ok()
    }
}
