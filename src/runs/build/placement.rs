//! How target files got into the site last time, and which compressed copies they have. When that
//! changes (`site.targets`, `site.tough_alias`, `site.compress`), what is published lacks names that it
//! is to have now, and is looked at once.

use super::{Request, TargetFiles};
use crate::disk;
use crate::state::State;

/// What has changed since the last build, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    /// How target files get in.
    pub(super) files: bool,
    /// Which compressed copies there are.
    pub(super) copies: bool,
}

impl Changed {
    /// All is as it was.
    pub(super) const NOTHING: Self = Self { files: false, copies: false };
}

/// A line for each of the two.
fn lines(request: &Request<'_>) -> [String; 2] {
    let files = match request.target_files {
        TargetFiles::Copy => "copy",
        TargetFiles::Link => "hardlink",
        TargetFiles::Elsewhere => "none",
    };
    let forms: Vec<&str> = request.compress.iter().map(|form| form.ending()).collect();
    [
        format!("targets {files}, tough_alias {}", request.tough_alias),
        format!("compress {}", if forms.is_empty() { "nothing".to_owned() } else { forms.join(" ") }),
    ]
}

/// What is another than it was; all, where nobody remembers.
pub(super) fn changed(state: &State, request: &Request<'_>) -> Changed {
    let before = state.placement().unwrap_or_default();
    let [files, copies] = lines(request).map(|line| !before.lines().any(|other| other == line));
    Changed { files, copies }
}

/// Remembers the manner of this run, if it is another.
pub(super) fn remember(state: &State, request: &Request<'_>) -> Result<(), disk::Error> {
    let words = lines(request).map(|line| line + "\n").concat();
    if state.placement().as_ref() == Some(&words) { Ok(()) } else { state.set_placement(&words) }
}
