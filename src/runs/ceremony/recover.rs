//! `ceremony apply` after a break-in: what is published goes back to a snapshot of before, under another online key.
//! `recently-claimed` is emptied (PEP 480, "In the Event of a Key Compromise"): an empty role stands in for each project
//! of it, until its author submits again. What authors and administrators signed stays at its newest.

use super::apply::{Keys, Outcome, Request};
use super::merge;
use super::{Error, finish, sign};
use crate::ceremony::{Ceremony, Ledger};
use crate::disk;
use crate::disk::place::Placer;
use crate::disk::stage::Staging;
use crate::model::{
    BinCount, Entry, Envelope, Inventory, Listing, Lists as _, ProjectName, ProjectRole, RoleName, Sha256,
    Snapshot, TargetPath, Version,
};
use crate::pipeline::partition::Became;
use crate::report::{Reporter, Stage, event};
use crate::runs::build;
use crate::runs::elsewhere;
use crate::runs::lists::Registered;
use crate::runs::project::{Place, remove_pages};
use crate::runs::publish::{self, Manner, Online, Publication, stand_in};
use crate::runs::roles::{Due, Numbers, Versions};
use crate::site::copies;
use crate::site::projects::Project;
use crate::site::recover::{self, Recovered};
use crate::site::{Site, layout, read};
use crate::state::State;
use crate::state::ceremony::{self as waiting, Outstanding, Since};
use crate::state::ledger::{self, Registration, What};
use crate::state::undecided;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a ceremony goes back to.
#[derive(Clone, Copy, Debug)]
pub struct Back<'a> {
    /// The snapshot.
    pub snapshot: Version,
    /// A copy of the site of that time: what the online key signed is taken from there.
    pub copy: &'a Path,
}

/// Refuses to go back while a ceremony that changes the root is public by half: a file that follows its roles and the root
/// before them is signed by nobody who has signed that ceremony.
pub(super) fn check(site: &Site, state: &State) -> Result<(), Error> {
    let outstanding = match waiting::outstanding(state) {
        Ok(Some(outstanding)) => outstanding,
        // One that is damaged was written by whoever held the machine, and is set aside.
        Ok(None) | Err(ledger::Error::Damaged { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let Some(root) = outstanding.root else { return Ok(()) };
    let is_there = |(role, version): (&RoleName, Version)| -> Result<bool, disk::Error> {
        Ok(site.folder().stamp(&layout::role_file(role, version))?.is_some())
    };
    if is_there((&RoleName::root(), root))? {
        return Ok(());
    }
    for (role, version) in &outstanding.roles {
        if is_there((role, *version))? {
            return Err(Error::HalfPublic { root, noted: state.outstanding() });
        }
    }
    Ok(())
}

/// What the source holds that the state gone back to does not, and the other way round.
pub type Differences = Vec<(Became, TargetPath)>;

/// The state that a ceremony goes back to, and how the source differs from it. Of roles in `most` nothing newer
/// counts.
pub(super) fn look(
    place: Place<'_>,
    back: Back<'_>,
    most: &BTreeMap<RoleName, Version>,
    source: &build::Request<'_>,
    reporter: &dyn Reporter,
) -> Result<(Recovered, Differences), Error> {
    let (site, copy) = (Site::new(place.site), Site::new(back.copy));
    let back = recover::Back { site: &site, copy: &copy, snapshot: back.snapshot, most };
    let recovered = event::stage(reporter, Stage::Read, None, || recover::since(&back, reporter))?;
    let authors: BTreeSet<ProjectName> =
        recovered.published.projects.keys().chain(recovered.recently.keys()).cloned().collect();
    let before = recovered.published.inventory()?;
    let differences = build::differences(source, &before, &authors, reporter)?;
    Ok((recovered, differences))
}

/// The digest of a snapshot's file, by which it is known again.
pub(super) fn digest(copy: &Site, version: Version) -> Result<Sha256, Error> {
    let path = copy.folder().path(&layout::role_file(&RoleName::snapshot(), version));
    Ok(Sha256::of(&disk::read::bytes(&path)?))
}

/// Publishes what came back.
pub(super) fn apply(
    request: &Request<'_>,
    source: &build::Request<'_>,
    keys: Keys<'_>,
    (outstanding, since): (&Outstanding, &Since),
    files: &[Ceremony],
    reporter: &dyn Reporter,
) -> Result<Outcome, Error> {
    let place = request.place;
    let (site, state, copy) = (Site::new(place.site), State::new(place.state), Site::new(&since.copy));
    let wanted = outstanding.online.clone().ok_or(Error::OneOnlineKey)?;
    // A run that died may have given the new key its place already.
    let online = [keys.next, Some(keys.now)].into_iter().flatten().find(|key| *key.keyid() == wanted);
    let online = online.ok_or(Error::NextOnlineKey(wanted))?;
    if let Some(snapshot) = finish::snapshot_by(&site, online.key())? {
        // The timestamp is the new key's: a run before this one got as far as the swap, and did not end.
        let merged = merge::signed(files, merge::Against::Itself)?;
        // What is published can be read once the root is there that names the new key.
        finish::root(place, &merged)?;
        let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
        remove_nobodys_pages(&site, &state, &published.projects, &published.inventory()?)?;
        sweep_raised(&site, &state, snapshot)?;
        undecided::settle(&state)?;
        return finish::finish(request, &merged, outstanding, snapshot, &[], keys.now.keyid());
    }
    if digest(&copy, since.snapshot)? != since.sha256 {
        return Err(Error::OtherCopy(since.snapshot));
    }
    let back = Back { snapshot: since.snapshot, copy: &since.copy };
    // What the file follows, and nothing that a run of it has left.
    let steps = files.iter().flat_map(|file| &file.steps);
    let most = steps.filter_map(|step| Some((step.role.clone(), step.before.as_ref()?.signed().version)));
    let (recovered, differences) = look(place, back, &most.collect(), source, reporter)?;
    let published = &recovered.published;
    let merged = merge::signed(files, merge::Against::Published(published))?;
    let all = sign::Confirmed::everything();
    sign::sign(&merged.ceremony, &[], &mut Ledger::nothing(), &all, place.now)?;

    state.set_mark()?;
    let staging = publish::open_staging(&place)?;
    put_back(&site, &copy, &staging, published, place)?;
    let (after, lost) = kept(&site, &copy, &staging, &published.inventory()?, merged.bins(), place)?;
    let manner = Manner { numbers: Numbers::NearPublished, ..place.publish() };
    let versions = Versions::near(&site, published)?;
    let mut registered = Registered::of(published);
    let mut roles = merged.roles()?;
    let by_online = BTreeMap::from([(online.keyid().clone(), online.key().clone())]);
    for name in recovered.recently.keys() {
        let Some(role) = ProjectRole::Own.of(name) else { continue };
        registered.set(name, role.clone(), by_online.clone(), 1);
        let stood = published.listing.meta(&role).map(|meta| meta.version.number());
        let version = versions.next_of(&role, published);
        roles.push(stand_in(role, version, stood, manner, online).map_err(publish::Error::from)?);
    }
    let changed: BTreeSet<u32> = (0..after.bins().get()).collect();
    record(&state, &recovered, place)?;
    let targets = differences.into_iter().map(|(_, path)| path).collect();
    undecided::go_back(&state, &outstanding.file, since.snapshot, targets)?;
    let due = Due::all(published);
    let publication =
        Publication { site: &site, published, after: &after, changed: &changed, registered, roles, due };
    let publicised = publication.publish(manner, &staging, Online::of(online), reporter)?;
    remove_nobodys_pages(&site, &state, &published.projects, &after)?;
    sweep_raised(&site, &state, publicised.snapshot)?;
    undecided::settle(&state)?;
    staging.close();
    let lost = lost.into_iter().map(|entry| entry.path).collect();
    Ok(Outcome {
        lost,
        ..finish::finish(
            request,
            &merged,
            outstanding,
            publicised.snapshot,
            &publicised.signed,
            keys.now.keyid(),
        )?
    })
}

/// Roles that the state gone back to lists, and that the site does not hold as they were.
fn put_back(
    site: &Site,
    copy: &Site,
    staging: &Staging,
    published: &read::Published,
    place: Place<'_>,
) -> Result<(), Error> {
    let placer = Placer::new(site.folder());
    for (name, bytes) in recover::to_put_back(site, copy, &published.listing)? {
        let staged = staging.write(&bytes, Some(place.now))?;
        staging.sync()?;
        placer.replace(staged, &name)?;
    }
    Ok(placer.sync()?)
}

/// What the bins listed, as far as its bytes are in the site or in the copy; and what is nowhere.
fn kept(
    site: &Site,
    copy: &Site,
    staging: &Staging,
    before: &Inventory,
    bins: Option<BinCount>,
    place: Place<'_>,
) -> Result<(Inventory, Vec<Entry>), Error> {
    let (mut kept, mut lost) = (Vec::new(), Vec::new());
    let placer = Placer::new(site.folder());
    for (_, entry) in before.iter() {
        let name = entry.path.hashed(&entry.digest.to_string());
        let is_whole = |site: &Site| -> Result<bool, disk::Error> {
            Ok(site.folder().stamp(&name)?.is_some_and(|stamp| stamp.size == entry.length))
        };
        if is_whole(site)? {
            kept.push(entry.clone());
        } else if is_whole(copy)? {
            let bytes = disk::read::bytes(&copy.folder().path(&name))?;
            if Sha256::of(&bytes) != entry.digest {
                lost.push(entry.clone());
                continue;
            }
            let staged = staging.write(&bytes, Some(place.now))?;
            staging.sync()?;
            placer.replace(staged, &name)?;
            kept.push(entry.clone());
        } else {
            lost.push(entry.clone());
        }
    }
    placer.sync()?;
    Ok((Inventory::new(bins.unwrap_or(before.bins()), kept), lost))
}

/// pip goes by the plain pages: those that neither an author's role nor a bin lists go, whoever put them there.
fn remove_nobodys_pages(
    site: &Site,
    state: &State,
    projects: &BTreeMap<ProjectName, Project>,
    bins: &Inventory,
) -> Result<(), disk::Error> {
    let page_of = |path: &TargetPath| -> Option<String> {
        let mut segments = path.segments();
        (segments.next() == Some(layout::PAGES)).then(|| segments.next())?.map(str::to_owned)
    };
    let listed: BTreeSet<String> = bins.iter().filter_map(|(_, entry)| page_of(&entry.path)).collect();
    let is_nobodys = |name: &ProjectName| projects.get(name).is_none_or(Project::is_suspended);
    let shown = site.folder().folder_names(layout::PAGES)?.into_iter().filter(|name| !listed.contains(name));
    // What is no project's folder, such as one in capitals, is none that pip goes by.
    let project =
        |folder: String| ProjectName::normalise(&folder).ok().filter(|name| name.as_str() == folder);
    let names: Vec<ProjectName> = shown.filter_map(project).filter(is_nobodys).collect();
    remove_pages(site, state, &names.iter().collect::<Vec<_>>())
}

/// The ledger learns that the keys of `recently-claimed` are nobody's any more: whoever held the machine could have
/// registered them. So are those of claimed projects that are suspended, or a line that somebody planted would say whose
/// such a project is when it comes back.
fn record(state: &State, recovered: &Recovered, place: Place<'_>) -> Result<(), Error> {
    let lines = ledger::load(state)?;
    let last = ledger::last_of_each(&lines);
    let known = lines.iter().filter_map(|line| ProjectName::normalise(&line.project).ok());
    let mut names: BTreeSet<ProjectName> = known.collect();
    names.extend(recovered.recently.keys().cloned());
    let projects = &recovered.published.projects;
    names.extend(projects.iter().filter(|(_, one)| one.is_suspended()).map(|(name, _)| name.clone()));
    names.retain(|name| projects.get(name).is_none_or(Project::is_suspended));
    let news = names.iter().filter_map(|name| {
        let is_held = recovered.recently.contains_key(name) || projects.contains_key(name);
        let what = if is_held { What::Revoked } else { What::Freed };
        let is_news = last.get(name.as_str()).is_none_or(|line| line.what != what);
        is_news.then(|| finish::line(place.now, name, what, None))
    });
    let news: Vec<Registration> = news.collect();
    Ok(ledger::append(state, &news)?)
}

/// Removes metadata that nothing leads to and whose number is higher than what is listed: a number that somebody
/// raised would be gone on from.
fn sweep_raised(site: &Site, state: &State, snapshot: Version) -> Result<(), Error> {
    let path = site.folder().path(&layout::role_file(&RoleName::snapshot(), snapshot));
    let bytes = disk::read::bytes(&path)?;
    let Ok(current) = Envelope::<Snapshot>::parse(&bytes) else { return Ok(()) };
    let listed: &Listing = &current.signed().meta;
    let is_raised = |(version, role): &(Version, RoleName)| match role.as_str() {
        "root" | "timestamp" => false,
        "snapshot" => *version > snapshot,
        _ => listed.get(role).is_none_or(|meta| *version > meta.version),
    };
    let names = site.folder().file_names(layout::METADATA)?;
    let raised = names.iter().filter_map(|name| layout::parse(name)).filter(is_raised);
    let mut gone = Vec::new();
    for (version, role) in raised {
        gone.extend(copies::with_original(site, layout::role_file(&role, version))?);
    }
    Ok(elsewhere::remove(site, state, &gone)?)
}
