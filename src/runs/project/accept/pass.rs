//! Which submissions pass: opened, held against what is published, and bound to the keys that the operator
//! decided on. Reads, and writes nothing.

use super::super::{Error, frozen, in_bins, is_freed, is_handed_over};
use super::{Keys, Request, already};
use crate::model::{KeyId, ProjectName, ProjectRole, RoleName, TargetFile, TargetPath};
use crate::runs::build::Removals;
use crate::site::Site;
use crate::site::projects;
use crate::site::read::Published;
use crate::state::State;
use crate::state::ceremony::{self, Wanted};
use crate::state::ledger::{self, Registration, What};
use crate::submission::check::{self, Binding, Checked};
use crate::submission::{Refusal, Submission, open};
use crate::trust::{Standing, lives};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A submission that passed the checks that need no unpacking.
pub(in crate::runs) struct Passed {
    pub(in crate::runs) submission: Submission,
    pub(in crate::runs) checked: Checked,
    pub(in crate::runs) came: What,
}

/// What there is to do about submissions.
pub(super) struct Looked {
    pub(super) passed: Vec<Passed>,
    /// Those that are taken in already.
    pub(super) already: Vec<Submission>,
}

/// Every submission, opened and held against what is published.
pub(super) fn pass(
    request: &Request<'_>,
    published: &Published,
    ledger: &[Registration],
) -> Result<Looked, Error> {
    let mut refused: Vec<(PathBuf, Vec<Refusal>)> = Vec::new();
    let mut opened: BTreeMap<ProjectName, Submission> = BTreeMap::new();
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
        match opened.entry(project.clone()) {
            Entry::Vacant(entry) => _ = entry.insert(submission),
            Entry::Occupied(_) => {
                let what = format!("another of these submissions is for {project}, too");
                refused.push(refuse("version", what, "take them in one after the other"));
            }
        }
    }
    let mut in_bins = in_bins(published, &opened.keys().cloned().collect());
    let (mut passed, mut already): (Vec<Passed>, Vec<Submission>) = (Vec::new(), Vec::new());
    for (project, submission) in opened {
        if request.keys != Keys::Ceremony && already::is_taken(request, published, &submission) {
            already.push(submission);
            continue;
        }
        let path = submission.path().to_owned();
        let besides = in_bins.remove(&project).unwrap_or_default();
        match one(request, published, ledger, submission, besides) {
            Ok(one) => passed.push(one),
            Err(Halt::Refused(refusals)) => refused.push((path, refusals)),
            Err(Halt::Stop(error)) => return Err(error),
        }
    }
    let submitted = || passed.iter().map(|one| &one.submission).chain(&already);
    if refused.is_empty()
        && let Some(name) = request.register.keys().find(|name| !submitted().any(|one| one.project == **name))
    {
        return Err(Error::NothingToRegister(name.to_string()));
    }
    if refused.is_empty() { Ok(Looked { passed, already }) } else { Err(Error::Refused(refused)) }
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
    mut besides: BTreeMap<TargetPath, TargetFile>,
) -> Result<Passed, Halt> {
    let name = submission.project.clone();
    let project = published.projects.get(&name);
    let held = project.filter(|project| !project.is_suspended());
    let is_claimed = project.is_some_and(|project| project.standing() == Standing::Claimed);
    let refuse = |what: String, way_out| {
        Err(Halt::Refused(vec![Refusal::new("registration", name.as_str(), what, way_out)]))
    };
    if let Some(role) = ProjectRole::Own.of(&name)
        && role.as_str().len() + "pages".len() + 1 > RoleName::LONGEST
    {
        return refuse(format!("{role} is too long for a role name"), "");
    }
    let state = State::new(request.place.state);
    if request.keys != Keys::Ceremony && is_freed(&state, &name).map_err(Halt::Stop)? {
        let what = format!("a ceremony that is under way frees the name {name}");
        return refuse(
            what,
            "hand it in again after `tuffet ceremony apply`, or, if the name is to stay its author's, after `tuffet \
             ceremony abandon`",
        );
    }
    if request.keys == Keys::Change {
        frozen(&state, &name, request.freeze).map_err(Halt::Stop)?;
    }
    if request.keys == Keys::Stay && is_handed_over(&state, &name).map_err(Halt::Stop)? {
        let what = format!(
            "a ceremony that is under way gives {name} other holders, and its releases wait for that"
        );
        return refuse(
            what,
            "hand it in again after `tuffet ceremony apply`, signed by whoever holds it then",
        );
    }
    let queue = ceremony::queue(&state).map_err(|error| Halt::Stop(error.into()))?;
    let is_to_be_revoked = queue.iter().any(|one| one.project == name && one.wanted == Wanted::Revoke);
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
        (_, Keys::Change) if is_claimed => return Err(Halt::Stop(Error::Claimed(name.clone()))),
        (None, Keys::Stay) if is_claimed => {
            let what = format!("{name} is claimed, and suspended: the administrators hold it");
            return refuse(
                what,
                "its keys come back in a ceremony: `tuffet project rekey` lets it wait for the next",
            );
        }
        (None, Keys::Change | Keys::Ceremony) if project.is_none() => {
            return Err(Halt::Stop(Error::NoAuthor(name.to_string())));
        }
        _ => Some(()).and_then(|()| {
            let claim = submission.claim.as_ref()?;
            // A project that lapsed is its author's still; one that was revoked, or is to be, is nobody's.
            let theirs = ledger::last_loss(ledger, &name).filter(|line| {
                held.is_none()
                    && project.is_some()
                    && !is_to_be_revoked
                    && line.what == What::Suspended
                    && line.names(&claim.keys, claim.threshold)
            });
            let theirs = theirs.map(|line| line.keys.keys().cloned().collect());
            let confirmed = || {
                let ids = claim.keys.keys().cloned().collect();
                (request.confirm)(&name, claim).then_some(ids)
            };
            named.or(theirs).or_else(confirmed)
        }),
    };
    if expected.is_some()
        && let Some(own) = submission.claim.iter().find_map(|claim| published.own_key(claim.keys.keys()))
    {
        let what = format!("key {own} holds a role of the index's own");
        return refuse(what, "an author's key is another one: `tuffet key generate` makes one");
    }
    let threshold = match (&expected, held) {
        (None, Some(project)) => Some(project.delegation.keys.threshold),
        _ => submission.claim.as_ref().map(|claim| claim.threshold),
    };
    if let (Some(wanted), Some(threshold)) = (request.thresholds.get(&name), threshold)
        && *wanted != threshold
    {
        let what =
            format!("--register says that {wanted} of its keys must sign, and the ZIP says {threshold}");
        return refuse(what, "ask the author how many, on another way than the ZIP came");
    }
    let binding = expected.as_ref().map_or(Binding::AsPublished, Binding::Registered);
    if let Some(project) = project.filter(|project| project.is_suspended()) {
        let site = Site::new(request.place.site);
        let before = projects::before_suspension(&site, project, &published.listing);
        besides.extend(before.into_iter().flat_map(|(.., role)| role.into_signed().targets));
    }
    let outlive = lives::must_outlive(request.place.lives);
    let seen = check::Published { snapshot: &published.snapshot, project, outlive, besides };
    let checked = check::check(&submission, &seen, binding, request.place.now).map_err(Halt::Refused)?;
    if request.keys != Keys::Stay && checked.binds.is_none() {
        return refuse(
            format!("no new key is named for {name}"),
            "the operator decides whose key it is: --register NAME=KEYID for each key",
        );
    }
    let is_file =
        |path: &&TargetPath| path.as_str().starts_with("packages/") && !path.as_str().ends_with(".metadata");
    let gone: Vec<&str> = checked.dropped.iter().filter(is_file).map(|path| path.split().1).collect();
    if project.is_none() && request.removals == Removals::Guarded && !gone.is_empty() {
        let mut named = gone.iter().take(3).copied().collect::<Vec<_>>().join(", ");
        if gone.len() > 3 {
            named += ", …";
        }
        let what = format!(
            "it does not list what is published of {name} ({} files: {named}), which would go",
            gone.len()
        );
        let way_out = "sign again with --from, to vouch for it; if it is meant to go, the operator gives --allow-removals";
        return Err(Halt::Refused(vec![Refusal::new("removals", name.as_str(), what, way_out)]));
    }
    let came = if held.is_some() { What::Rekeyed } else { What::Registered };
    Ok(Passed { submission, checked, came })
}
