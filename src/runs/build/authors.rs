//! Projects that their authors sign: what of them lies in the source, and is not what was signed.

use crate::model::{Entry, ProjectName, TargetPath};
use crate::pipeline::collect::Layout;
use crate::pipeline::partition::{self, Unsigned};
use crate::pipeline::source::SourceFile;
use crate::report::{Code, Reporter, Warning};
use crate::site::outline::Outline;
use crate::site::projects::Project;
use crate::state::held::Held;
use std::collections::{BTreeMap, BTreeSet};

/// The projects that are not the bins' to list.
#[derive(Debug, Default)]
pub(super) struct Authors {
    /// All of them, suspended ones too.
    projects: BTreeSet<ProjectName>,
    /// Those that have pages.
    listed: BTreeSet<ProjectName>,
    /// What their authors signed.
    signed: BTreeMap<TargetPath, Entry>,
}

impl Authors {
    /// Those of `published`; `lapsing` are suspended by this run.
    pub(super) fn of(layout: Layout, published: &Outline, lapsing: &[&ProjectName]) -> Self {
        if layout == Layout::Tree {
            return Self::default();
        }
        let signs =
            |name: &ProjectName, project: &Project| !project.is_suspended() && !lapsing.contains(&name);
        let listed = published.projects.iter().filter(|(name, project)| signs(name, project));
        Self {
            projects: published.projects.keys().cloned().collect(),
            signed: listed
                .clone()
                .flat_map(|(_, project)| project.entries())
                .map(|entry| (entry.path.clone(), entry))
                .collect(),
            listed: listed.map(|(name, _)| name.clone()).collect(),
        }
    }

    /// Whether there is any such project.
    pub(super) fn any(&self) -> bool {
        !self.projects.is_empty()
    }

    /// Whether a target is one of an author's project.
    pub(super) fn own(&self, path: &TargetPath) -> bool {
        self.own_path(path.as_str())
    }

    /// The same, asked for millions.
    pub(super) fn own_path(&self, path: &str) -> bool {
        if self.projects.is_empty() {
            return false;
        }
        let project = path.split('/').nth(1).and_then(|name| ProjectName::normalise(name).ok());
        project.is_some_and(|project| self.projects.contains(&project))
    }

    /// Whether an author signs this project, or did.
    pub(super) fn have(&self, project: &ProjectName) -> bool {
        self.projects.contains(project)
    }

    /// Those that the root page names.
    pub(super) fn with_pages(&self) -> impl Iterator<Item = &ProjectName> {
        self.listed.iter()
    }

    /// How many they are.
    pub(super) fn count_with_pages(&self) -> u64 {
        self.listed.len() as u64
    }

    /// What authors signed.
    pub(super) fn signed(&self) -> impl Iterator<Item = &Entry> {
        self.signed.values()
    }

    /// Whether an author signed this very file.
    pub(super) fn sign(&self, entry: &Entry) -> bool {
        self.signed.get(&entry.path) == Some(entry)
    }

    /// Files of the source that are held, for no author signed them; each is named.
    pub(super) fn held(&self, files: &[SourceFile], reporter: &dyn Reporter) -> Vec<Held> {
        let is_authors = |path: &TargetPath| self.own(path);
        let held = partition::held(files, &is_authors, &self.signed).map(|(file, how)| {
            let why = match how {
                Unsigned::Unknown => {
                    "its project has an author, who has not signed it; it is published once a submission lists it"
                }
                Unsigned::Other => {
                    "the author of its project signed other bytes under this name, and those stay"
                }
            };
            let (relative, target) = (file.candidate.relative.clone(), file.candidate.target.to_string());
            reporter.warn(Warning::of_file(Code::NotSigned, relative.clone(), why));
            Held { file: relative, target, why: why.to_owned() }
        });
        held.collect()
    }
}
