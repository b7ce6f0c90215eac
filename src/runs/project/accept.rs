//! `project accept` and `project rekey`: checks submissions, takes them in and publishes; all of them or
//! none, in one swap. Whatever is wrong is found before the site is touched.

use super::pages;
use super::{Error, Place, bring_pages, in_bins, with_pages, with_root_page};
use crate::disk;
use crate::disk::FileStamp;
use crate::disk::stage::Staging;
use crate::keys::Signer;
use crate::model::{
    Entry, Inventory, KeyId, ProjectName, ProjectRole, RoleName, Sha256, TargetPath, Version,
};
use crate::pipeline::partition::Difference;
use crate::pipeline::sign::SignedRole;
use crate::pipeline::source::Facts;
use crate::report::{Reporter, Stage, event};
use crate::runs::guard;
use crate::runs::lists::Registered;
use crate::runs::publish::Publication;
use crate::runs::roles::Due;
use crate::site::Site;
use crate::site::projects;
use crate::site::read::{self, Published};
use crate::site::swap;
use crate::site::targets::{self, Arrival, Content, Incoming, PlainName};
use crate::state::held::{self, Held};
use crate::state::ledger::{self, Registration, What};
use crate::state::{State, facts, journal};
use crate::submission::check::{self, Binding, Checked};
use crate::submission::{Claim, Refusal, Submission, open};
use crate::trust::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Whether other keys may take the place of those that hold a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// They stay; a project that has none may get some.
    Stay,
    /// The submission is signed by new ones, which are to hold it.
    Change,
}

/// Asked where a submission would bind a key that the operator has not named: whether these keys are
/// to hold that project.
pub type Confirm<'a> = dyn Fn(&ProjectName, &Claim) -> bool + 'a;

/// What to take in.
pub struct Request<'a> {
    /// The site.
    pub place: Place<'a>,
    /// Whether the site carries files at all.
    pub carries_files: bool,
    /// The submissions.
    pub zips: &'a [PathBuf],
    /// Whose keys are whose: the operator's decision.
    pub register: &'a BTreeMap<ProjectName, BTreeSet<KeyId>>,
    /// The only projects that these submissions may be for; empty for any.
    pub only: &'a BTreeSet<ProjectName>,
    /// Whether keys may change.
    pub keys: Keys,
    /// Whom to ask.
    pub confirm: &'a Confirm<'a>,
}

/// What became of one submission.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The project.
    pub project: ProjectName,
    /// How far it has come.
    pub standing: Standing,
    /// The roles, with their versions.
    pub roles: Vec<(RoleName, Version)>,
    /// Distributions that the submission brought.
    pub files: Vec<TargetPath>,
    /// Distributions that were published and are not any more.
    pub dropped: Vec<TargetPath>,
    /// The keys that hold it from now on, where that is new.
    pub binds: Option<Claim>,
}

/// What was taken in.
#[derive(Debug)]
pub struct Outcome {
    /// Each submission.
    pub taken: Vec<Taken>,
    /// The snapshot that is current now.
    pub snapshot: Version,
    /// What was written into the site.
    pub written: swap::Written,
}

/// A submission that passed the checks that need no unpacking.
struct Passed {
    submission: Submission,
    checked: Checked,
    came: What,
}

/// A target file that was unpacked.
struct Received {
    path: PathBuf,
    stamp: FileStamp,
    entry: Entry,
}

/// Takes in. The caller holds the lock.
///
/// # Errors
/// [`Error`]; the site is then what it was.
pub fn accept(request: &Request<'_>, online: &dyn Signer, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let place = request.place;
    let (site, state) = (Site::new(place.site), State::new(place.state));
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(place.site.display().to_string()));
    }
    if !request.carries_files {
        return Err(Error::NoFilesHere);
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    guard::check_tree(&published, online, place.now)?;
    let ledger = ledger::load(&state)?;
    let passed = pass(request, &published, &ledger)?;

    let staging = swap::open_staging(&site, &state.staging())?;
    let received = event::stage(reporter, Stage::Place, None, || receive(request, &staging, &passed))?;
    let known: BTreeMap<Sha256, Facts> = facts::load(&state);
    compare_pages(&site, &passed, &received, &known)?;
    // Everything holds. From here on the site is written to, and nothing refers to it before the swap.
    let mut written = place_files(request, &site, &staging, &passed, &received, reporter)?;

    let before = published.inventory()?;
    let moved: BTreeSet<&ProjectName> = passed.iter().map(|passed| &passed.submission.project).collect();
    let is_moved = |entry: &Entry| {
        let project = entry.path.segments().nth(1).and_then(|name| ProjectName::normalise(name).ok());
        entry.path.segments().count() == 3 && project.is_some_and(|project| moved.contains(&project))
    };
    let rest = before.iter().map(|(_, entry)| entry).filter(|entry| !is_moved(entry)).cloned();
    let mut authors = with_pages(&published);
    authors.extend(moved.iter().map(|project| (*project).clone()));
    let (after, root_page) = with_root_page(Inventory::new(published.bin_count, rest), authors);
    written.add(bring_pages(&place, &staging, &root_page.into_iter().collect::<Vec<_>>())?);

    let mut registered = Registered::of(&published);
    let mut roles = Vec::new();
    for Passed { submission, checked, .. } in &passed {
        if let (Some(claim), Some(role)) = (&checked.binds, ProjectRole::Own.of(&submission.project)) {
            registered.set(&submission.project, role, claim.keys.clone(), claim.threshold);
        }
        let signed = checked.roles.iter().cloned();
        roles.extend(signed.map(|(role, version, bytes)| SignedRole { role, version, bytes }));
    }
    let difference = Difference::between(&before, &after);
    let publication = Publication {
        site: &site,
        published: &published,
        after: &after,
        changed: &difference.bins,
        registered,
        roles,
        due: Due::at(&published, place.lives, place.now),
    };
    // Recorded first: a line about something that was never published is harmless, and a registration
    // without its date would be lost.
    for passed in &passed {
        if let Some(claim) = &passed.checked.binds {
            let line = Registration {
                project: passed.submission.project.to_string(),
                what: passed.came,
                at: place.now,
                keys: claim.keys.clone(),
                threshold: claim.threshold,
            };
            ledger::append(&state, &line)?;
        }
    }
    let publicised = publication.publish(place.publish(), &staging, online, reporter)?;
    written.add(publicised.written);
    let signed = passed.iter().map(|passed| passed.checked.roles.len() as u64).sum();
    finish(request, &state, &passed, publicised.snapshot, signed)?;
    let taken = passed.into_iter().map(|passed| taken(passed, &published)).collect();
    Ok(Outcome { taken, snapshot: publicised.snapshot, written })
}

/// Every submission, opened and held against what is published.
fn pass(request: &Request<'_>, published: &Published, ledger: &[Registration]) -> Result<Vec<Passed>, Error> {
    let mut refused: Vec<(PathBuf, Vec<Refusal>)> = Vec::new();
    let mut passed: Vec<Passed> = Vec::new();
    for path in request.zips {
        let submission = match Submission::open(path) {
            Ok(submission) => submission,
            Err(open::Error::Refused { path, refusals }) => {
                refused.push((path, refusals));
                continue;
            }
            Err(open::Error::Disk(error)) => return Err(error.into()),
        };
        let project = submission.project.clone();
        let refuse = |check, what: String, way_out| {
            (path.clone(), vec![Refusal::new(check, project.as_str(), what, way_out)])
        };
        if !request.only.is_empty() && !request.only.contains(&project) {
            let what = format!("it is for {project}, which --only does not name");
            refused.push(refuse("access", what, "name it, if whoever sent it may release it"));
            continue;
        }
        if passed.iter().any(|other| other.submission.project == project) {
            let what = format!("another of these submissions is for {project}, too");
            refused.push(refuse("version", what, "take them in one after the other"));
            continue;
        }
        match one(request, published, ledger, submission) {
            Ok(one) => passed.push(one),
            Err(Halt::Refused(refusals)) => refused.push((path.clone(), refusals)),
            Err(Halt::Stop(error)) => return Err(error),
        }
    }
    if refused.is_empty() { Ok(passed) } else { Err(Error::Refused(refused)) }
}

/// Why one submission does not pass.
enum Halt {
    /// It is refused, and the others are looked at.
    Refused(Vec<Refusal>),
    /// The run ends.
    Stop(Error),
}

fn one(
    request: &Request<'_>,
    published: &Published,
    ledger: &[Registration],
    submission: Submission,
) -> Result<Passed, Halt> {
    let name = submission.project.clone();
    let project = published.projects.get(&name);
    let held = project.filter(|project| !project.is_suspended());
    let refuse = |what: String, way_out| {
        Err(Halt::Refused(vec![Refusal::new("registration", name.as_str(), what, way_out)]))
    };
    if let Some(role) = ProjectRole::Own.of(&name)
        && role.as_str().len() + "pages".len() + 1 > RoleName::LONGEST
    {
        return refuse(format!("{role} is too long for a role name"), "");
    }
    let named = request.register.get(&name).cloned();
    let expected = match (held, request.keys) {
        (Some(project), Keys::Stay) => {
            let ids: BTreeSet<KeyId> = project.keys.keys().cloned().collect();
            if named.is_some_and(|named| named != ids) {
                let ids: Vec<&str> = ids.iter().map(KeyId::as_str).collect();
                let what = format!("{name} is held by key {} already", ids.join(", "));
                return refuse(what, "a change of keys is for `tuffet project rekey`");
            }
            None
        }
        (Some(project), Keys::Change) if project.standing() == Standing::Claimed => {
            return Err(Halt::Stop(Error::Claimed(name.to_string())));
        }
        (None, Keys::Change) if project.is_none() => {
            return Err(Halt::Stop(Error::NoAuthor(name.to_string())));
        }
        _ => Some(()).and_then(|()| {
            let claim = submission.claim.as_ref()?;
            // A project that lapsed is its author's still; one that was revoked is nobody's.
            let theirs = ledger::last(ledger, &name).filter(|line| {
                held.is_none()
                    && project.is_some()
                    && line.what == What::Suspended
                    && (line.keys == claim.keys && line.threshold == claim.threshold)
            });
            let theirs = theirs.map(|line| line.keys.keys().cloned().collect());
            let confirmed = || {
                let ids = claim.keys.keys().cloned().collect();
                (request.confirm)(&name, claim).then_some(ids)
            };
            named.or(theirs).or_else(confirmed)
        }),
    };
    let binding = expected.as_ref().map_or(Binding::AsPublished, Binding::Registered);
    let mut besides = in_bins(published, &name);
    if let Some(project) = project.filter(|project| project.is_suspended()) {
        let site = Site::new(request.place.site);
        let before = projects::before_suspension(&site, project, &published.snapshot);
        besides.extend(before.into_iter().flat_map(|(.., role)| role.targets));
    }
    let seen = check::Published { snapshot: &published.snapshot, project, besides };
    let checked = check::check(&submission, &seen, binding, request.place.now).map_err(Halt::Refused)?;
    if request.keys == Keys::Change && checked.binds.is_none() {
        return refuse(
            format!("no new key is named for {name}"),
            "the operator decides whose key it is: --register NAME=KEYID for each key",
        );
    }
    let came = if held.is_some() { What::Rekeyed } else { What::Registered };
    Ok(Passed { submission, checked, came })
}

/// Unpacks every target file into the staging folder, and compares what it hashes to.
fn receive(
    request: &Request<'_>,
    staging: &Staging,
    passed: &[Passed],
) -> Result<Vec<BTreeMap<TargetPath, Received>>, Error> {
    let mut all = Vec::new();
    let mut refused = Vec::new();
    for Passed { submission, checked, .. } in passed {
        let mut received = BTreeMap::new();
        let mut refusals = Vec::new();
        submission.unpack::<disk::Error>(|target, reader| {
            let Some((_, file)) = checked.files.get(target).or_else(|| checked.pages.get(target)) else {
                return Ok(());
            };
            let (path, stamp, digest) = match staging.receive(reader, file.length, request.place.now) {
                Ok(received) => received,
                Err(error)
                    if error.source.kind() == std::io::ErrorKind::Other
                        || error.source.kind() == std::io::ErrorKind::InvalidData
                        || error.source.kind() == std::io::ErrorKind::InvalidInput =>
                {
                    let what = format!("it cannot be unpacked: {}", error.source);
                    refusals.push(Refusal::new(
                        "target-bytes",
                        format!("targets/{target}"),
                        what,
                        "make the ZIP again",
                    ));
                    return Ok(());
                }
                Err(error) => return Err(error),
            };
            if Some(digest) != file.hashes.sha256() || stamp.size != file.length {
                let what = format!("its SHA-256 is {digest}, and the role says another");
                refusals.push(Refusal::new("target-bytes", format!("targets/{target}"), what, "sign again"));
            }
            let entry = Entry { path: target.clone(), length: stamp.size, digest };
            received.insert(target.clone(), Received { path, stamp, entry });
            Ok(())
        })?;
        if !refusals.is_empty() {
            refused.push((submission.path().to_owned(), refusals));
        }
        all.push(received);
    }
    if refused.is_empty() { Ok(all) } else { Err(Error::Refused(refused)) }
}

/// Compares every project's pages with what follows from its files.
fn compare_pages(
    site: &Site,
    passed: &[Passed],
    received: &[BTreeMap<TargetPath, Received>],
    known: &BTreeMap<Sha256, Facts>,
) -> Result<(), Error> {
    let mut refused = Vec::new();
    for (Passed { submission, checked, .. }, received) in passed.iter().zip(received) {
        let path_of = |entry: &Entry| {
            let unpacked = received.get(&entry.path).filter(|received| received.entry == *entry);
            let name = entry.path.hashed(&entry.digest.to_string());
            let published = || site.folder().stamp(&name).ok().flatten().map(|_| site.folder().path(&name));
            unpacked.map(|received| received.path.clone()).or_else(published)
        };
        let refusals = match pages::facts(checked, known, &path_of)? {
            Err(refusals) => refusals,
            Ok(facts) => {
                let name = format!("simple/{}/index.v1_json", submission.project);
                let page = checked.pages.iter().find(|(path, _)| path.as_str() == name);
                let entry = page.and_then(|(path, (_, file))| {
                    Some(Entry { path: path.clone(), length: file.length, digest: file.hashes.sha256()? })
                });
                let path = entry.and_then(|entry| path_of(&entry));
                let json = path.map(|path| disk::read::bytes(&path)).transpose()?.unwrap_or_default();
                pages::compare(&submission.project, checked, &facts, &json)
            }
        };
        if !refusals.is_empty() {
            refused.push((submission.path().to_owned(), refusals));
        }
    }
    if refused.is_empty() { Ok(()) } else { Err(Error::Refused(refused)) }
}

/// Gives the unpacked files their names. All of them are looked at before the first is.
fn place_files(
    request: &Request<'_>,
    site: &Site,
    staging: &Staging,
    passed: &[Passed],
    received: &[BTreeMap<TargetPath, Received>],
    reporter: &dyn Reporter,
) -> Result<swap::Written, Error> {
    let place = request.place;
    let is_page = |path: &TargetPath| path.as_str().starts_with("simple/");
    let files: Vec<(usize, &Received)> = received
        .iter()
        .enumerate()
        .flat_map(|(index, received)| received.values().map(move |one| (index, one)))
        .filter(|(_, one)| !is_page(&one.entry.path))
        .collect();
    let incoming: Vec<Incoming<'_>> = files
        .iter()
        .map(|(_, one)| Incoming {
            entry: &one.entry,
            content: Content::File(&one.path, &one.stamp),
            plain: PlainName::Keep,
        })
        .collect();
    let surveys = targets::survey(site, &incoming, place.manner())?;
    let mut refused: BTreeMap<usize, Vec<Refusal>> = BTreeMap::new();
    for ((index, one), survey) in files.iter().zip(&surveys) {
        let what = match survey.refusal() {
            None => continue,
            Some(Arrival::NameTaken) => {
                "its name was public with other bytes, which readers may still hold; `tuffet sweep` on the index frees it"
            }
            Some(_) => "in the site, something that is no file stands under its name",
        };
        let refusal = Refusal::new(
            "clash",
            format!("targets/{}", one.entry.path),
            what,
            "give the release another version",
        );
        refused.entry(*index).or_default().push(refusal);
    }
    if !refused.is_empty() {
        let path = |index: usize| passed[index].submission.path().to_owned();
        return Err(Error::Refused(refused.into_iter().map(|(index, all)| (path(index), all)).collect()));
    }
    let arrivals = targets::bring(site, staging, &incoming, &surveys, place.manner(), reporter)?;
    let mut written = swap::Written::default();
    for ((_, one), arrival) in files.iter().zip(&arrivals) {
        match arrival {
            Arrival::New(_) => written.add(swap::Written { files: 1, bytes: one.entry.length }),
            Arrival::AlreadyThere => {}
            // Nobody but this run writes there.
            Arrival::Changed | Arrival::NameTaken | Arrival::NameBlocked => {
                let source = std::io::Error::other("it changed while it was taken in");
                return Err(disk::Error::new("bring in", &one.path, source).into());
            }
        }
    }
    let pages: Vec<(Entry, Vec<u8>)> = received
        .iter()
        .flat_map(BTreeMap::values)
        .filter(|one| is_page(&one.entry.path))
        .map(|one| Ok((one.entry.clone(), disk::read::bytes(&one.path)?)))
        .collect::<Result<_, disk::Error>>()?;
    written.add(bring_pages(&place, staging, &pages)?);
    Ok(written)
}

/// What the state folder remembers of it.
fn finish(
    request: &Request<'_>,
    state: &State,
    passed: &[Passed],
    snapshot: Version,
    signed: u64,
) -> Result<(), disk::Error> {
    if let Some(all) = held::load(state) {
        let is_signed = |held: &Held| {
            let target = held.target.parse::<TargetPath>().ok();
            target.is_some_and(|target| passed.iter().any(|p| p.submission.targets.contains_key(&target)))
        };
        let still: Vec<Held> = all.into_iter().filter(|held| !is_signed(held)).collect();
        held::save(state, &still)?;
    }
    let added = passed.iter().map(|passed| passed.submission.targets.len() as u64).sum();
    let removed = passed.iter().map(|passed| passed.checked.dropped.len() as u64).sum();
    let run = match request.keys {
        Keys::Stay => "accept",
        Keys::Change => "rekey",
    };
    let entry = journal::Entry {
        now: request.place.now,
        run,
        snapshot: Some(snapshot),
        published: true,
        targets: [added, 0, removed, 0],
        signed,
    };
    journal::append(state, &entry)
}

fn taken(passed: Passed, published: &Published) -> Taken {
    let Passed { submission, checked, .. } = passed;
    let is_distribution =
        |path: &&TargetPath| path.as_str().starts_with("packages/") && !path.as_str().ends_with(".metadata");
    let standing = published.projects.get(&submission.project);
    Taken {
        standing: standing.map_or(Standing::RecentlyClaimed, |project| project.standing()),
        roles: checked.roles.iter().map(|(role, version, _)| (role.clone(), *version)).collect(),
        files: submission.targets.keys().filter(is_distribution).cloned().collect(),
        dropped: checked.dropped.iter().filter(is_distribution).cloned().collect(),
        binds: checked.binds,
        project: submission.project,
    }
}
