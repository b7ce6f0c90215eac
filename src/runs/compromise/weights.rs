//! How often projects are downloaded, so that a verdict counts for what it touches.

use super::Judged;
use crate::disk::{self, read};
use crate::model::ProjectName;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Downloads by project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights(BTreeMap<ProjectName, f64>);

/// Shares of all downloads, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Shares {
    /// Of projects that somebody could forge.
    pub at_risk: f64,
    /// Of the others.
    pub safe: f64,
}

/// A file of weights that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A line is not of the form.
    #[error("{} line {line} is not `name<TAB>downloads`", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Which line.
        line: usize,
    },
    /// There is nothing in it.
    #[error("{} counts no downloads", .0.display())]
    Empty(PathBuf),
    /// The file system failed.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Weights {
    /// Reads `name<TAB>downloads` lines. Names are normalised (PEP 503), and counted together where they are
    /// then the same.
    ///
    /// # Errors
    /// [`Error`].
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = String::from_utf8_lossy(&read::bytes(path)?).into_owned();
        let mut weights = BTreeMap::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            let parsed = line.split_once('\t').and_then(|(name, downloads)| {
                let name = ProjectName::normalise(name).ok()?;
                let downloads = downloads.trim().parse::<f64>().ok()?;
                (downloads.is_finite() && downloads >= 0.0).then_some((name, downloads))
            });
            let Some((name, downloads)) = parsed else {
                return Err(Error::Line { path: path.to_owned(), line: index + 1 });
            };
            *weights.entry(name).or_insert(0.0) += downloads;
        }
        if weights.values().sum::<f64>() <= 0.0 {
            return Err(Error::Empty(path.to_owned()));
        }
        Ok(Self(weights))
    }

    /// The shares, where `projects`, sorted by name, are judged, and `stranger` judges a name that the
    /// repository does not have: whoever can sign the bins can put it there.
    pub(super) fn shares(&self, projects: &[Judged], stranger: &dyn Fn(&ProjectName) -> Judged) -> Shares {
        let (mut at_risk, mut safe) = (0.0, 0.0);
        for (name, downloads) in &self.0 {
            let found = projects.binary_search_by(|project| project.name.cmp(name)).ok();
            let is_at_risk = match found.and_then(|index| projects.get(index)) {
                Some(project) => project.verdict.malicious_update(),
                None => stranger(name).verdict.malicious_update(),
            };
            *if is_at_risk { &mut at_risk } else { &mut safe } += downloads;
        }
        let all: f64 = at_risk + safe;
        Shares { at_risk: at_risk / all, safe: safe / all }
    }
}
