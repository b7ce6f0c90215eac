//! What a build is asked, and what it answers.

use super::Pages;
use crate::model::{BinCount, Compression, Moment, ProjectName, TargetPath, Version};
use crate::pipeline::collect::{Layout, Selection};
use crate::pipeline::index::Yanked;
use crate::pipeline::partition::Became;
use crate::site::swap::Written;
use crate::trust::Lives;
use std::path::{Path, PathBuf};

/// How target files get into the site (`site.targets`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetFiles {
    /// Copied.
    Copy,
    /// Linked, for a source that replaces files by rename only.
    Link,
    /// Not at all: they are served from elsewhere.
    Elsewhere,
}

/// Whether a build may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Publish.
    Publish,
    /// Only say what would be done.
    DryRun,
}

/// Whether a shrinking source stops the build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removals {
    /// More than a tenth gone stops it.
    Guarded,
    /// Any number may go.
    Allowed,
}

/// Whether remembered digests are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digests {
    /// Where the file looks as it did.
    Remembered,
    /// Every file is read, and every published file compared.
    Anew,
}

/// What a build is to do.
#[derive(Debug)]
pub struct Request<'a> {
    /// The source folder.
    pub source: &'a Path,
    /// Lists that say what the source would; none for the source itself.
    pub inventory: &'a [PathBuf],
    /// The only paths of the source that are looked at, relative to it or absolute; all that is published of others
    /// stays. None for the whole source.
    pub changed: Option<&'a [String]>,
    /// How it is laid out.
    pub layout: Layout,
    /// Which of its files count.
    pub selection: &'a Selection,
    /// The site.
    pub site: &'a Path,
    /// How target files get there.
    pub target_files: TargetFiles,
    /// Whether stock tough gets its names too.
    pub tough_alias: bool,
    /// In which forms metadata and pages get compressed copies.
    pub compress: &'a [Compression],
    /// The state folder.
    pub state: &'a Path,
    /// Which index pages are made.
    pub pages: Pages,
    /// What is yanked.
    pub yanked: &'a Yanked,
    /// Where pages say that files are, without a slash at the end; none for the site itself.
    pub files_url: Option<&'a str>,
    /// The number of bins that is configured; none for any.
    pub bins: Option<BinCount>,
    /// How long roles live.
    pub lives: &'a Lives,
    /// The run's now.
    pub now: Moment,
    /// Whether to act.
    pub mode: Mode,
    /// Whether a shrinking source stops the build.
    pub removals: Removals,
    /// Whether remembered digests are trusted.
    pub digests: Digests,
    /// Where to say what whoever uploads the site has to do.
    pub manifest: Option<&'a Path>,
    /// Published files whose new bytes are to be taken: paths below the source, or target paths.
    pub replace: &'a [String],
    /// Whether somebody has decided about all that came, changed or left after a break-in: it is taken as it is.
    pub decided: bool,
}

/// What a build did.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The snapshot that is current now.
    pub snapshot: Option<Version>,
    /// Whether something became public.
    pub published: bool,
    /// Targets in the bins: distributions, their metadata, and pages.
    pub targets: u64,
    /// Files of the source among them.
    pub distributions: u64,
    /// Projects that they belong to; 0 in layout `tree`, none where nobody counted.
    pub projects: Option<u64>,
    /// The layout of the source.
    pub layout: Option<Layout>,
    /// Bins.
    pub bins: u64,
    /// Bins signed because their content changed.
    pub bins_signed: u64,
    /// Bins signed because they were due.
    pub bins_renewed: u64,
    /// Files of the source that are to be targets.
    pub seen: u64,
    /// Files hashed, and their bytes.
    pub hashed: (u64, u64),
    /// Targets added, changed, removed.
    pub added: u64,
    /// Targets whose bytes changed.
    pub changed: u64,
    /// Targets that left.
    pub removed: u64,
    /// Targets whose published bytes stay although the source has others.
    pub held: u64,
    /// Projects that an empty role stands in for from now on, since a role of theirs was about to lapse.
    pub suspended: Vec<ProjectName>,
    /// What became of which target: the first thousand.
    pub names: Vec<(Became, TargetPath)>,
    /// What was written into the site.
    pub written: Written,
    /// What stands in the manifest, if one was asked for.
    pub manifest: Option<super::ManifestWritten>,
}
