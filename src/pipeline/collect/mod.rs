//! collect: takes the source folder, gives every file in it that is to be a target, and names
//! every file that is not. Reads names; opens an archive only where its name does not settle the
//! project. Never hashes, never writes.

mod bandersnatch;
mod changed;
mod flat;
mod selection;
mod tree;
mod unlike;

pub use bandersnatch::Listing;
pub use changed::{Changed, NoPath, changed, may_have_been, paths_of};
pub use selection::{BadGlob, Selection};
pub use unlike::{Unlike, unlike};

use crate::disk::walk::{self, Kind};
use crate::disk::{self, FileStamp};
use crate::model::page::ProjectStatus;
use crate::model::{ProjectName, TargetPath};
use crate::pipeline::source::{Candidate, Mark};
use crate::report::{Code, Reporter, Warning};
use bandersnatch::Sure;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

/// How the source is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A mirror that bandersnatch keeps, if it is one, else wheels and sdists.
    Auto,
    /// Wheels and sdists, nested in any way.
    Flat,
    /// `simple/` and `packages/`, as bandersnatch keeps them.
    Bandersnatch,
    /// Files that are no Python distributions: the target path is the relative path.
    Tree,
}

impl Layout {
    /// The layout as one word, as configuration writes it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Flat => "flat",
            Self::Bandersnatch => "bandersnatch",
            Self::Tree => "tree",
        }
    }
}

/// Why the source could not be collected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no source.
    #[error("the source folder {} is not there; is its disk mounted? (source.path)", .0.display())]
    Missing(PathBuf),
    /// There is nothing in it.
    #[error(
        "the source folder {} holds nothing to publish; is its disk mounted? If it is meant to be \
         empty, give --allow-removals", .0.display()
    )]
    Empty(PathBuf),
    /// There are files, and none is a distribution.
    #[error(
        "none of the {files} files in {} is a wheel or an sdist; for files that are no Python \
         distributions set source.layout = \"tree\"", path.display()
    )]
    NoDistribution {
        /// The source.
        path: PathBuf,
        /// How many files there are.
        files: usize,
    },
    /// It is no mirror.
    #[error(
        "source.layout is \"bandersnatch\", and neither {} nor its folder web/ has simple/ and packages/; \
         is its disk mounted?", .0.display()
    )]
    NoMirror(PathBuf),
    /// It was a mirror, or has what only a mirror has, and is none.
    #[error(
        "{} looks like a bandersnatch mirror that is not whole: simple/ or packages/ is missing. Is its disk \
         mounted? If it is no mirror, set source.layout = \"flat\"", .0.display()
    )]
    HalfMirror(PathBuf),
    /// No page of it offers anything.
    #[error(
        "no page of the mirror {} offers a file: is its disk mounted, and simple/ complete? If it is meant to be \
         empty, give --allow-removals", .0.display()
    )]
    NothingOffered(PathBuf),
    /// Its pages offer files, and none is there.
    #[error(
        "the pages of the mirror {} offer {offered} files, and none of them is there: a mirror without \
         files (release-files = false) cannot be hashed", path.display()
    )]
    NoFiles {
        /// The source.
        path: PathBuf,
        /// How many files are offered.
        offered: usize,
    },
    /// It cannot be read.
    #[error("{0}; give this user the right to read it, or name it in source.exclude")]
    Disk(#[from] disk::Error),
}

impl Error {
    /// Whether there is a source, and only nothing in it to publish.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty(_) | Self::NoDistribution { .. } | Self::NothingOffered(_))
    }
}

/// What the source holds.
#[derive(Debug, Default)]
pub struct Collected {
    /// Every file that is to be a target, in the order of the paths.
    pub candidates: Vec<Candidate>,
    /// Targets that a skipped file may be: it has their name, and not (or not now) their content.
    /// What is published of them must not be taken for gone.
    pub withheld: Vec<TargetPath>,
    /// The layout that was found.
    pub layout: Option<Layout>,
    /// What the source says of files beside their bytes.
    pub marks: BTreeMap<TargetPath, Mark>,
    /// Projects of a mirror of which nothing can be told just now: all that is published of them stays.
    pub unreadable: BTreeSet<ProjectName>,
    /// The status of projects that are not simply active.
    pub statuses: BTreeMap<ProjectName, ProjectStatus>,
    /// What each project's page offers, to be remembered for the next run.
    pub listings: BTreeMap<String, Listing>,
}

/// What the target of a file is, or why it is none.
enum Naming {
    Target(TargetPath),
    Skip(Skipped),
}

/// Why a file is no target.
#[derive(Debug)]
struct Skipped {
    code: Code,
    why: String,
    may_be: Vec<TargetPath>,
}

/// An entry by the name to show: a candidate, or why it is none.
type Named = (String, Result<Candidate, Skipped>);

impl Naming {
    fn skip(code: Code, why: impl Into<String>) -> Self {
        Self::Skip(Skipped { code, why: why.into(), may_be: Vec::new() })
    }
}

/// What a collection needs to know.
pub struct Request<'a> {
    /// The source folder.
    pub source: &'a Path,
    /// How it is laid out.
    pub layout: Layout,
    /// Which files of it count.
    pub selection: &'a Selection,
    /// The target that a file was found to be before, if it still looks the same.
    pub known: &'a (dyn Fn(&str, &FileStamp) -> Option<TargetPath> + Sync),
    /// What the pages of a project of a mirror were found to offer before.
    pub known_listing: &'a (dyn Fn(&str) -> Option<Listing> + Sync),
    /// Whether there may be nothing in it.
    pub may_be_empty: bool,
    /// Whether the source is known to have been a mirror: it does not become anything else by itself.
    pub was_mirror: bool,
    /// Whether a file that looks so, and is about to be read, may still change without looking
    /// otherwise: what is read of it is not to be remembered.
    pub is_young: &'a (dyn Fn(&FileStamp) -> bool + Sync),
}

/// Collects the source.
///
/// # Errors
/// [`Error`]: a source that is missing or empty, or that cannot be read.
pub fn collect(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Collected, Error> {
    if !disk::folder::is_folder(request.source)? {
        return Err(Error::Missing(request.source.to_owned()));
    }
    let root = disk::folder::resolve(request.source)?;
    let web = match request.layout {
        Layout::Auto => bandersnatch::web(&root, Sure::FindOut)?,
        Layout::Bandersnatch => Some(
            bandersnatch::web(&root, Sure::SaidSo)?
                .ok_or_else(|| Error::NoMirror(request.source.to_owned()))?,
        ),
        Layout::Flat | Layout::Tree => None,
    };
    let may_be_half = request.layout == Layout::Auto && web.is_none();
    if may_be_half && (request.was_mirror || bandersnatch::is_half(&root)?) {
        return Err(Error::HalfMirror(request.source.to_owned()));
    }
    let found = walk::below(&root)?;
    let files = found.len();
    let mut collected = Collected::default();
    let named: Vec<Named> = if let Some(prefix) = web {
        let mirror = bandersnatch::collect(request, &root, prefix, found, reporter)?;
        collected.marks = mirror.marks;
        collected.statuses = mirror.statuses;
        collected.unreadable = mirror.unreadable;
        collected.listings = mirror.listings;
        collected.layout = Some(Layout::Bandersnatch);
        mirror.named
    } else {
        collected.layout = Some(if request.layout == Layout::Tree { Layout::Tree } else { Layout::Flat });
        let named = found.into_par_iter().filter_map(|found| judge(request, &root, found).transpose());
        named.collect::<Result<_, disk::Error>>()?
    };
    let not_mirrored =
        named.iter().filter(|(_, named)| matches!(named, Err(skipped) if skipped.code == Code::NotMirrored));
    let offered = not_mirrored.count();
    let targets: HashSet<TargetPath> =
        named.iter().filter_map(|(_, named)| Some(named.as_ref().ok()?.target.clone())).collect();
    let is_rival = |path: &&str| path.parse().is_ok_and(|path: TargetPath| targets.contains(&path));
    for (shown, named) in named {
        let skipped = match named {
            Ok(candidate) => {
                let rival = candidate.target.rivals().find(is_rival).map(str::to_owned);
                let Some(rival) = rival else {
                    collected.candidates.push(candidate);
                    continue;
                };
                let why = format!("beside {rival}, tough would sort its name differently and refuse both");
                Skipped { code: Code::NameSkipped, why, may_be: Vec::new() }
            }
            Err(skipped) => skipped,
        };
        collected.withheld.extend(skipped.may_be);
        reporter.warn(Warning::of_file(skipped.code, shown, skipped.why));
    }
    match (collected.candidates.is_empty() && !(request.may_be_empty && offered == 0), files) {
        (true, 0) => Err(Error::Empty(request.source.to_owned())),
        (true, _) if web.is_some() && offered == 0 => Err(Error::NothingOffered(request.source.to_owned())),
        (true, _) if offered > 0 => Err(Error::NoFiles { path: request.source.to_owned(), offered }),
        (true, files) => Err(Error::NoDistribution { path: request.source.to_owned(), files }),
        (false, _) => Ok(collected),
    }
}

/// Whether a source of this layout is a mirror that bandersnatch keeps.
#[must_use]
pub fn is_mirror(source: &Path, layout: Layout, was_mirror: bool) -> bool {
    match layout {
        Layout::Bandersnatch => true,
        Layout::Auto => {
            was_mirror
                || disk::folder::resolve(source).is_ok_and(|root| {
                    // Where the system does not say, who reads it as a mirror says what is wrong.
                    !matches!(bandersnatch::web(&root, Sure::FindOut), Ok(None))
                        || !matches!(bandersnatch::is_half(&root), Ok(false))
                })
        }
        Layout::Flat | Layout::Tree => false,
    }
}

/// One entry, by the name to show: a candidate, or why not; nothing if it was not selected.
fn judge(request: &Request<'_>, root: &Path, found: walk::Found) -> Result<Option<Named>, disk::Error> {
    let shown = found.relative.to_string_lossy().into_owned();
    if !request.selection.takes(&found.relative) {
        return Ok(None);
    }
    let skip = |code, why: &str| {
        let skipped = Skipped { code, why: why.to_owned(), may_be: Vec::new() };
        Ok(Some((shown.clone(), Err(skipped))))
    };
    let Some(relative) = found.relative.to_str() else {
        return skip(Code::NameSkipped, "its name is not UTF-8");
    };
    let (path, stamp) = match found.kind {
        Kind::File(stamp) => (root.join(&found.relative), stamp),
        Kind::Other => return skip(Code::LinkSkipped, "it is a device, a socket or a FIFO"),
        Kind::Link(None) => return skip(Code::LinkSkipped, "the link leads to nothing"),
        Kind::Link(Some(to)) if !to.starts_with(root) => {
            return skip(Code::LinkSkipped, "the link leads out of the source");
        }
        Kind::Link(Some(to)) => match disk::read::OpenFile::open(&to) {
            Ok(file) => (to, file.stamp()?),
            Err(_) => return skip(Code::LinkSkipped, "the link leads to no regular file"),
        },
    };
    let name = relative.rsplit('/').next().unwrap_or(relative);
    if let Some(why) = unfinished(name) {
        return skip(Code::PartialDownload, why);
    }
    let naming = match request.layout {
        Layout::Tree => tree::target(relative),
        Layout::Auto | Layout::Flat | Layout::Bandersnatch => {
            flat::target(name, &path, &stamp, || (request.known)(relative, &stamp))?
        }
    };
    let named = match naming {
        Naming::Target(target) => {
            Ok(Candidate { relative: relative.to_owned(), path, stamp, target, told: None })
        }
        Naming::Skip(skipped) => Err(skipped),
    };
    Ok(Some((shown, named)))
}

/// Names that downloaders and rsync give to what is not complete yet.
fn unfinished(name: &str) -> Option<&'static str> {
    const ENDINGS: [&str; 8] =
        [".part", ".partial", ".crdownload", ".download", ".aria2", ".filepart", ".tmp", ".tuffet-new"];
    if ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return Some("its ending is that of an unfinished download");
    }
    // rsync: a leading dot, and six random characters after the last one.
    let temporary = name.starts_with('.')
        && name[1..].rsplit_once('.').is_some_and(|(stem, random)| {
            stem.contains('.') && random.len() == 6 && random.bytes().all(|b| b.is_ascii_alphanumeric())
        });
    temporary.then_some("its name is that of a file that rsync is still writing")
}

#[cfg(test)]
mod tests {
    use super::unfinished;

    #[test]
    fn unfinished_downloads_are_told_by_their_names() {
        for name in ["x-1.0.tar.gz.part", ".x-1.0-py3-none-any.whl.Ab3dEf", "x.whl.crdownload"] {
            assert!(unfinished(name).is_some(), "{name}");
        }
        for name in ["x-1.0.tar.gz", "party-1.0.zip", ".hidden"] {
            assert!(unfinished(name).is_none(), "{name}");
        }
    }
}
