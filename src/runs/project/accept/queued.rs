//! Changes of keys that wait: of claimed projects for the next ceremony, of projects in one that is under way for
//! its end. The submission is checked when it comes, when the ceremony is prepared, and when it is applied.

use super::super::{Error, Freeze, Place};
use super::{Keys, Passed, Request, pass};
use crate::model::{KeyId, ProjectName};
use crate::pipeline::collect::Layout;
use crate::report::{Reporter, Stage, event};
use crate::runs::build::Removals;
use crate::site::Site;
use crate::site::read::{self, Published};
use crate::state::State;
use crate::state::ceremony::{self, Queued, Wanted};
use crate::state::ledger::{self, Registration};
use crate::submission::Claim;
use crate::trust::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Lets the changes of keys that `request` brings wait, each with its submission: of claimed projects for the next
/// ceremony, of those in one for its end. Gives the projects. The caller holds the lock.
///
/// # Errors
/// [`Error`]: what is wrong with one of them now, too.
pub fn queue(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Vec<ProjectName>, Error> {
    let (site, state) = (Site::new(request.place.site), State::new(request.place.state));
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    let passed =
        pass::pass(&Request { keys: Keys::Ceremony, ..*request }, &published, &ledger::load(&state)?)?.passed;
    let outstanding = ceremony::outstanding(&state)?;
    let waits = |name: &ProjectName| {
        published.standing(name) == Standing::Claimed
            || outstanding.as_ref().is_some_and(|outstanding| outstanding.projects.contains(name))
    };
    if let Some(passed) = passed.iter().find(|passed| !waits(&passed.submission.project)) {
        return Err(Error::NothingToWaitFor(passed.submission.project.clone()));
    }
    let mut names = Vec::new();
    for Passed { submission, checked, .. } in &passed {
        let keys = checked.binds.iter().flat_map(|claim| claim.keys.keys().cloned());
        let project = submission.project.clone();
        names.push(project.clone());
        let (wanted, at) = (Wanted::Rekey, request.place.now);
        let queued = Queued { project, wanted, at, keys: keys.collect(), sha256: None };
        ceremony::enqueue(&state, queued, Some(submission.path()))?;
    }
    Ok(names)
}

/// The keys that a waiting submission brings, or why it does not hold any more.
///
/// # Errors
/// [`Error`], but for what is wrong with the submission.
pub(in crate::runs) fn claim(
    place: (Place<'_>, Layout),
    published: &Published,
    ledger: &[Registration],
    queued: &Queued,
) -> Result<Result<Claim, String>, Error> {
    match passed(place, published, ledger, std::slice::from_ref(queued)) {
        Err(Error::Refused(refused)) => {
            let refusals = refused.iter().flat_map(|(_, refusals)| refusals);
            Ok(Err(refusals.map(ToString::to_string).collect::<Vec<_>>().join("; ")))
        }
        Err(error) => Err(error),
        Ok(passed) => {
            let claim = passed.into_iter().find_map(|passed| passed.checked.binds);
            Ok(claim.ok_or_else(|| "it brings no keys".to_owned()))
        }
    }
}

/// The submissions of these changes, opened and checked against what is published.
pub(in crate::runs) fn passed(
    (place, layout): (Place<'_>, Layout),
    published: &Published,
    ledger: &[Registration],
    queued: &[Queued],
) -> Result<Vec<Passed>, Error> {
    let state = State::new(place.state);
    let rekeys: Vec<&Queued> = queued.iter().filter(|queued| queued.wanted == Wanted::Rekey).collect();
    let zips: Vec<PathBuf> = rekeys.iter().map(|one| state.queued_submission(one)).collect();
    let register: BTreeMap<ProjectName, BTreeSet<KeyId>> =
        rekeys.iter().map(|one| (one.project.clone(), one.keys.clone())).collect();
    Ok(pass::pass(&request(place, layout, &zips, &register), published, ledger)?.passed)
}

/// What is asked of submissions that waited.
pub(in crate::runs) fn request<'a>(
    place: Place<'a>,
    layout: Layout,
    zips: &'a [PathBuf],
    register: &'a BTreeMap<ProjectName, BTreeSet<KeyId>>,
) -> Request<'a> {
    static NONE: BTreeSet<ProjectName> = BTreeSet::new();
    static ANY: BTreeMap<ProjectName, u32> = BTreeMap::new();
    Request {
        place,
        carries_files: true,
        layout,
        zips,
        register,
        thresholds: &ANY,
        only: &NONE,
        removals: Removals::Guarded,
        keys: Keys::Ceremony,
        freeze: Freeze::Holds,
        // The operator decided when it came.
        confirm: &|_, _| false,
    }
}
