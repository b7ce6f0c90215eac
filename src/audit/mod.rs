//! The whole-tree verifier: every role and every file of a repository, as the strictest client
//! would see it. It reads trees that others made too, with and without consistent snapshots.
//!
//! A fault of the tree is a finding, and the walk goes on with what it can still read; only what
//! stops the run itself is an error. Nothing is ever written.

mod authors;
mod copies;
mod files;
mod keys;
mod roles;
mod roots;
mod scope;
mod since;
mod strays;
mod tree;
mod walked;

use crate::disk;
use crate::model::{Moment, RoleName, Version};
use crate::report::{Reporter, Stage, event};
use crate::trust::{Finding, Severity};
use std::path::{Path, PathBuf};
use tree::Tree;
use walked::Leaves;

/// What is to be verified.
#[derive(Debug)]
pub struct Request<'a> {
    /// The metadata base.
    pub metadata: &'a Path,
    /// The targets base.
    pub targets: &'a Path,
    /// The root to begin with; none for the oldest that is there.
    pub root: Option<&'a Path>,
    /// Which target files are looked at.
    pub target_files: TargetFiles,
    /// The moment for which expiry is judged.
    pub now: Moment,
    /// The snapshot that is known to have been published: an older one has been put back.
    pub published: Option<Version>,
    /// The metadata base of an older state of the same repository.
    pub since: Option<Since<'a>>,
}

/// An older state of the same repository, from which a client comes.
#[derive(Clone, Copy, Debug)]
pub struct Since<'a> {
    /// Its metadata base.
    pub metadata: &'a Path,
}

/// Which target files are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetFiles {
    /// All, and each under its plain name too, for pip fetches that.
    HashedAndPlain,
    /// All, under the names that TUF clients ask for.
    AsClientsAsk,
    /// None.
    Ignored,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Roles looked at.
    pub roles: u64,
    /// Targets that they list.
    pub targets: u64,
    /// Bytes of target files that were read.
    pub bytes: u64,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// Whether there is no finding as bad as `severity`, or worse.
    #[must_use]
    pub fn is_free_of(&self, severity: Severity) -> bool {
        self.findings.iter().all(|finding| finding.severity > severity)
    }
}

/// Verifies a tree.
///
/// # Errors
/// Only what stops the run itself: a folder that cannot be listed, a root given that is not there.
pub fn audit(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Outcome, disk::Error> {
    let mut findings = Vec::new();
    let tree = Tree::open(request.metadata)?;
    let given = request.root.map(disk::read::bytes).transpose()?;
    let Some(chain) = roots::walk(&tree, given, request.now, &mut findings) else {
        return Ok(Outcome { findings, ..Outcome::default() });
    };
    // Whoever looks at the files needs all that is listed of them.
    let leaves = if request.target_files == TargetFiles::Ignored { Leaves::Counted } else { Leaves::Held };
    let mut walked = event::stage(reporter, Stage::Roles, None, || {
        roles::walk(&tree, &chain, leaves, request.now, &mut findings, reporter)
    });
    let root = &chain.newest;
    if let (Some(published), Some(snapshot)) = (request.published, &walked.snapshot)
        && snapshot.version < published
    {
        let what = format!(
            "it leads to snapshot {}, and snapshot {published} was published from here: an older state has been put back",
            snapshot.version
        );
        findings.push(Finding::role(&RoleName::timestamp(), what));
    }
    let count = (walked.targets.len() + walked.leaves.len()) as u64;
    event::stage(reporter, Stage::Search, Some(count), || {
        scope::check(&tree, &mut walked, &mut findings, reporter);
    });
    authors::check(request, request.target_files != TargetFiles::Ignored, &walked, &mut findings);
    let mut bytes = 0;
    if request.target_files != TargetFiles::Ignored {
        bytes = event::stage(reporter, Stage::Files, Some(walked.target_count()), || {
            files::check(request, root.consistent_snapshot, &walked, &mut findings, reporter)
        });
    }
    strays::check(request, &tree, root.consistent_snapshot, &walked, &mut findings)?;
    if let Some(since) = request.since {
        since::check(&Tree::open(since.metadata)?, &tree, root, &walked, &mut findings);
    }
    findings.sort();
    findings.dedup();
    Ok(Outcome { roles: walked.count, targets: walked.target_count(), bytes, findings })
}

/// The bases of a site in tuffet's layout.
#[must_use]
pub fn bases_of(site: &Path) -> (PathBuf, PathBuf) {
    (site.join("metadata"), site.to_owned())
}
