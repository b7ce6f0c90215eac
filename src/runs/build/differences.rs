//! How the source differs from a state that is gone back to, and what of that nobody has decided yet.

use super::authors::Authors;
use super::replace::is_named;
use super::{Error, Mode, Request, find, pages};
use crate::model::{Entry, Inventory, ProjectName, TargetPath};
use crate::pipeline::partition::Became;
use crate::pipeline::source::SourceFile;
use crate::report::{Code, Reporter, Warning};
use crate::state::State;
use crate::state::held::Held;
use crate::state::undecided::{self, Undecided};
use std::collections::{BTreeMap, BTreeSet};

/// What became of which distribution since `before`, but of projects that authors sign.
///
/// # Errors
/// [`Error`].
pub fn differences(
    request: &Request<'_>,
    before: &Inventory,
    authors: &BTreeSet<ProjectName>,
    reporter: &dyn Reporter,
) -> Result<Vec<(Became, TargetPath)>, Error> {
    let found = find::find(
        &Request { mode: Mode::DryRun, changed: None, ..*request },
        &State::new(request.state),
        reporter,
    )?;
    let is_authors = |path: &TargetPath| {
        let project = path.segments().nth(1).and_then(|name| ProjectName::normalise(name).ok());
        project.is_some_and(|project| authors.contains(&project))
    };
    let before: BTreeMap<&TargetPath, &Entry> = before
        .iter()
        .map(|(_, entry)| (&entry.path, entry))
        .filter(|(path, _)| pages::is_found(request.layout, path) && !is_authors(path))
        .collect();
    let files = found.files.iter().filter(|file| !is_authors(&file.candidate.target));
    let now: BTreeMap<&TargetPath, Entry> =
        files.map(|file| (&file.candidate.target, file.entry())).collect();
    let mut all = Vec::new();
    for (path, entry) in &now {
        match before.get(path) {
            None => all.push((Became::Added, (*path).clone())),
            Some(old) if *old != entry => all.push((Became::Changed, (*path).clone())),
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|path| !now.contains_key(**path));
    all.extend(gone.map(|path| (Became::Removed, (*path).clone())));
    Ok(all)
}

/// What is still to be decided, as a build goes about it: published targets of it stay, others are held.
pub(super) struct Pending {
    since: Undecided,
    /// What is not decided by this run either.
    targets: BTreeSet<TargetPath>,
}

impl Pending {
    /// What is recorded, but for what `request` decides.
    pub(super) fn of(request: &Request<'_>, state: &State, files: &[SourceFile]) -> Result<Self, Error> {
        let since = undecided::load(state)?;
        let named = |file: &&SourceFile| request.replace.iter().any(|given| is_named(given, file));
        let is_any = !since.targets.is_empty() && !request.replace.is_empty();
        let named: BTreeSet<&TargetPath> =
            files.iter().filter(|_| is_any).filter(named).map(|file| &file.candidate.target).collect();
        let is_decided = |path: &TargetPath| {
            let is_given = request.replace.iter().any(|given| given == path.as_str());
            request.decided || is_given || named.contains(path)
        };
        let targets = since.targets.iter().filter(|path| !is_decided(path)).cloned().collect();
        Ok(Self { since, targets })
    }

    /// Whether anything is.
    pub(super) fn any(&self) -> bool {
        !self.targets.is_empty()
    }

    pub(super) fn has(&self, path: &TargetPath) -> bool {
        self.targets.contains(path)
    }

    /// Whether this run was told to decide about a target that is not in the source.
    pub(super) fn decides(&self, path: &str) -> bool {
        self.since.targets.iter().any(|target| target.as_str() == path)
    }

    pub(super) fn targets(&self) -> impl Iterator<Item = &TargetPath> {
        self.targets.iter()
    }

    /// Files of the source that are held; each is named.
    pub(super) fn held(&self, files: &[SourceFile], authors: &Authors, reporter: &dyn Reporter) -> Vec<Held> {
        let since = self.since.since.map(|since| since.to_string()).unwrap_or_default();
        let held = files.iter().filter(|file| self.has(&file.candidate.target));
        let held = held.filter(|file| !authors.own(&file.candidate.target)).map(|file| {
            let why = format!(
                "it came or changed after snapshot {since}, which was gone back to after a break-in; look at it, then \
                 give `build --replace PATH` to publish it, or remove it from the source"
            );
            let (relative, target) = (file.candidate.relative.clone(), file.candidate.target.to_string());
            reporter.warn(Warning::of_file(Code::Undecided, relative.clone(), why.clone()));
            Held { file: relative, target, why }
        });
        held.collect()
    }

    /// Records what is left: files that are gone from the source and were never published need no decision.
    pub(super) fn remember(
        self,
        state: &State,
        files: &[SourceFile],
        is_listed: &dyn Fn(&TargetPath) -> bool,
    ) -> Result<(), crate::disk::Error> {
        if self.since.targets.is_empty() {
            return Ok(());
        }
        let there: BTreeSet<&TargetPath> = files.iter().map(|file| &file.candidate.target).collect();
        let is_open = |path: &TargetPath| there.contains(path) || is_listed(path);
        let targets = self.targets.iter().filter(|path| is_open(path)).cloned().collect();
        undecided::save(state, &Undecided { targets, ..self.since })
    }
}
