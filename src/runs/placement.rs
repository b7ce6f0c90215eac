//! How target files got into the site last time, which compressed copies they have, and whether they came
//! from a mirror. When one of the first two changes (`site.targets`, `site.tough_alias`, `site.compress`), what is
//! published lacks names that it is to have now, and is looked at once.

use super::build::{self, TargetFiles};
use super::project::Place;
use crate::disk;
use crate::model::Compression;
use crate::pipeline::collect::Layout;
use crate::site::{Site, swap};
use crate::state::State;

/// How a run gives names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placement<'a> {
    /// How target files get in; nothing where the run takes none from a source.
    target_files: Option<TargetFiles>,
    tough_alias: bool,
    compress: &'a [Compression],
}

/// What has changed since the last build, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    /// How target files get in.
    pub(super) files: bool,
    /// Which compressed copies there are.
    pub(super) copies: bool,
}

impl Changed {
    /// Whether anything has.
    pub(super) fn any(self) -> bool {
        self.files || self.copies
    }
}

impl<'a> Placement<'a> {
    /// That of a build.
    pub(super) fn of(request: &build::Request<'a>) -> Self {
        Self {
            target_files: Some(request.target_files),
            tough_alias: request.tough_alias,
            compress: request.compress,
        }
    }

    /// That of another run.
    pub(super) fn beside_builds(place: &Place<'a>) -> Self {
        Self { target_files: None, tough_alias: place.tough_alias, compress: place.compress }
    }

    /// A line for each of the two, the first of them from the end that every run knows.
    fn lines(&self) -> [String; 2] {
        let files = self.target_files.map(|files| match files {
            TargetFiles::Copy => "targets copy",
            TargetFiles::Link => "targets hardlink",
            TargetFiles::Elsewhere => "targets none",
        });
        let forms: Vec<&str> = self.compress.iter().map(|form| form.ending()).collect();
        [
            format!("{}, tough_alias {}", files.unwrap_or_default(), self.tough_alias),
            format!("compress {}", if forms.is_empty() { "nothing".to_owned() } else { forms.join(" ") }),
        ]
    }

    /// How files get their names, in words that can be compared.
    pub(super) fn words(&self) -> String {
        self.lines().map(|line| line + "\n").concat()
    }

    /// What is another than it was; all, where nobody remembers.
    pub(super) fn changed(&self, state: &State) -> Changed {
        let before = state.placement().unwrap_or_default();
        let [files, copies] = self.lines().map(|line| !before.lines().any(|other| other.ends_with(&line)));
        Changed { files, copies }
    }

    /// Whether published files may lack names that they are to have, or have names that they are not to have: the manner
    /// is another, or a run before this one did not end.
    pub(super) fn is_doubtful(&self, site: &Site, state: &State) -> Result<bool, disk::Error> {
        let changed = self.changed(state).any();
        Ok(changed || swap::was_interrupted(site, &state.staging())? || state.is_marked()?)
    }

    /// Remembers it, if it is another.
    pub(super) fn remember(&self, state: &State, layout: Layout) -> Result<(), disk::Error> {
        set(state, &self.words(), layout == Layout::Bandersnatch)
    }

    /// Forgets the one that was, where this is another: names in this one may come to lie beside those of the runs
    /// before, and the run may not get to the end, or look at some files alone.
    pub(super) fn forget(&self, state: &State) -> Result<(), disk::Error> {
        if self.changed(state).any() { set(state, "", was_mirror(state)) } else { Ok(()) }
    }
}

/// What is remembered of a source that was a mirror.
const MIRROR: &str = "layout bandersnatch";

/// Whether the last build found a mirror.
pub(super) fn was_mirror(state: &State) -> bool {
    state.placement().is_some_and(|before| before.lines().any(|line| line == MIRROR))
}

fn set(state: &State, words: &str, is_mirror: bool) -> Result<(), disk::Error> {
    let words = format!("{words}{}", if is_mirror { format!("{MIRROR}\n") } else { String::new() });
    if state.placement().unwrap_or_default() == words { Ok(()) } else { state.set_placement(&words) }
}
