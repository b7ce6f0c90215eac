//! `explain`: for a project or a target path, the roles and keys that a client goes through, and
//! who could forge it. Reads, and writes nothing.

use crate::disk;
use crate::model::{Entry, ProjectName, RoleName, TargetPath};
use crate::report::{Reporter, Stage, event};
use crate::site::Site;
use crate::site::read::{self, Published};
use crate::site::roles::PublishedRole;
use crate::state::State;
use crate::state::held::{self, Held};
use crate::trust::forger::{self, Forger};
use crate::trust::lookup::{Known, Lookup, Roles};
use crate::trust::{OnlineKeys, Standing};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What to explain.
#[derive(Debug)]
pub struct Request<'a> {
    /// The site.
    pub site: &'a Path,
    /// The state folder.
    pub state: &'a Path,
    /// Whether there are projects, as in every layout but `tree`.
    pub projects: bool,
    /// A project, or a target path.
    pub name: &'a str,
}

/// What was found.
#[derive(Debug)]
pub struct Outcome {
    /// The project, normalised, or the target path.
    pub name: String,
    /// Where the project stands; `None` for a target of no project.
    pub standing: Option<Standing>,
    /// Whether an empty role stands in for its author's.
    pub suspended: bool,
    /// The roles that a client opens, in order, root first. For a project with files in several
    /// bins, all of those bins.
    pub chain: Vec<PublishedRole>,
    /// The targets, each with the role that lists it.
    pub targets: Vec<(Entry, RoleName)>,
    /// Files of it that the last build held back.
    pub held: Vec<Held>,
    /// Whose signatures decide.
    pub forgers: Vec<Forger>,
    /// Who could forge it, in one sentence.
    pub verdict: String,
}

/// Why nothing can be explained.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing is published.
    #[error("nothing is published in {0} yet; `tuffet build --init` publishes")]
    NotBegun(String),
    /// There is no such project and no such target.
    #[error("{name:?} is neither a project nor a target path of {site}{hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The site.
        site: String,
        /// What was perhaps meant.
        hint: String,
    },
    /// The published tree is not one that a client accepts.
    #[error(transparent)]
    Published(#[from] read::Error),
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Explains.
///
/// # Errors
/// [`Error`].
pub fn explain(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Outcome, Error> {
    let site = Site::new(request.site);
    if !read::is_begun(&site)? {
        return Err(Error::NotBegun(request.site.display().to_string()));
    }
    let published = event::stage(reporter, Stage::Read, None, || read::read(&site, reporter))?;
    let roles: BTreeMap<RoleName, _> = published.targets_roles().collect();
    let whole = Roles::new(roles.iter().map(|(name, role)| (name, Known::Whole(role))));
    let (name, project, paths) = find(request, &published)?;
    let lookups: Vec<(TargetPath, Lookup<'_>)> = paths
        .into_iter()
        .map(|path| {
            let lookup = whole.search(&path, &|_| false);
            (path, lookup)
        })
        .collect();
    let mut opened: BTreeSet<&RoleName> =
        lookups.iter().flat_map(|(_, lookup)| lookup.visited.iter().copied()).collect();
    let root = RoleName::root();
    opened.insert(&root);
    // Of a project all roles have a say, whichever of them lists files today.
    let whole = project.as_ref().filter(|project| *name == *project.as_str());
    let author = whole.and_then(|project| published.projects.get(project));
    let of_project: Vec<RoleName> = author.iter().flat_map(|p| p.roles()).map(|(role, ..)| role).collect();
    opened.extend(&of_project);
    let chain: Vec<PublishedRole> =
        published.roles().into_iter().filter(|role| opened.contains(&role.role)).collect();
    let targets = lookups.into_iter().filter_map(|(path, lookup)| {
        let role = lookup.found?;
        let file = roles.get(role)?.targets.get(&path)?;
        let entry = Entry { path, length: file.length, digest: file.hashes.sha256()? };
        Some((entry, role.clone()))
    });
    let targets: Vec<(Entry, RoleName)> = targets.collect();
    let held = held::load(&State::new(request.state)).unwrap_or_default();
    let is_of_it = |held: &Held| match &project {
        Some(project) if *name == *project.as_str() => {
            held.target.starts_with(&format!("packages/{project}/"))
        }
        _ => held.target == name,
    };
    let forgers = forger::forgers(
        chain.iter().map(|role| (&role.role, &role.keys)),
        &OnlineKeys::of(&published.root).and_admins(&published.targets),
    );
    Ok(Outcome {
        standing: project.as_ref().map(|project| published.standing(project)),
        suspended: project
            .as_ref()
            .and_then(|project| published.projects.get(project))
            .is_some_and(|project| project.is_suspended()),
        verdict: forger::verdict(&forgers),
        held: held.into_iter().filter(is_of_it).collect(),
        name,
        chain,
        targets,
        forgers,
    })
}

/// What the name means: how to show it, the project if it is of one, and the targets.
fn find(
    request: &Request<'_>,
    published: &Published,
) -> Result<(String, Option<ProjectName>, Vec<TargetPath>), Error> {
    let all = || published.targets_roles().flat_map(|(_, role)| role.targets.keys());
    let wanted = request.name.trim_start_matches("./");
    if let Some(path) = all().find(|path| path.as_str() == wanted) {
        return Ok((path.to_string(), project_of(path).filter(|_| request.projects), vec![path.clone()]));
    }
    if let (true, Ok(project)) = (request.projects, ProjectName::normalise(wanted)) {
        let folders = [format!("packages/{project}/"), format!("simple/{project}/")];
        let author = published.projects.contains_key(&project);
        let is_of_it = |path: &&TargetPath| folders.iter().any(|folder| path.as_str().starts_with(folder));
        let mut paths: Vec<TargetPath> = all().filter(is_of_it).cloned().collect();
        paths.sort();
        if author && paths.is_empty() {
            // A suspended project has no file; the way to where one would be is the same.
            paths.extend(format!("packages/{project}/-").parse::<TargetPath>());
        }
        if !paths.is_empty() {
            return Ok((project.to_string(), Some(project), paths));
        }
    }
    let file = wanted.rsplit('/').next().unwrap_or(wanted);
    let hint = all().find(|path| path.split().1 == file).map(|path| format!("; did you mean {path}?"));
    let (name, site) = (request.name.to_owned(), request.site.display().to_string());
    Err(Error::Unknown { name, site, hint: hint.unwrap_or_default() })
}

/// The project of `packages/<project>/<file>` and `simple/<project>/<file>`.
fn project_of(path: &TargetPath) -> Option<ProjectName> {
    let segments: Vec<&str> = path.segments().collect();
    match segments[..] {
        ["packages" | "simple", project, _] => ProjectName::normalise(project).ok(),
        _ => None,
    }
}
