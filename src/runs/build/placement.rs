//! How target files got into the site last time, which compressed copies they have, and whether they came
//! from a mirror. When one of the first two changes (`site.targets`, `site.tough_alias`, `site.compress`), what is
//! published lacks names that it is to have now, and is looked at once.

use super::{Request, TargetFiles};
use crate::disk;
use crate::pipeline::collect::Layout;
use crate::site::{Site, swap};
use crate::state::State;

/// What has changed since the last build, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    /// How target files get in.
    pub(super) files: bool,
    /// Which compressed copies there are.
    pub(super) copies: bool,
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

/// How files get their names, in words that can be compared.
pub(super) fn words(request: &Request<'_>) -> String {
    lines(request).map(|line| line + "\n").concat()
}

/// What is another than it was; all, where nobody remembers.
pub(super) fn changed(state: &State, request: &Request<'_>) -> Changed {
    let before = state.placement().unwrap_or_default();
    let [files, copies] = lines(request).map(|line| !before.lines().any(|other| other == line));
    Changed { files, copies }
}

/// Whether published files may lack names that they are to have, or have names that they are not to have: the manner is
/// another, or a run before this one did not end.
pub(super) fn is_doubtful(request: &Request<'_>, site: &Site, state: &State) -> Result<bool, disk::Error> {
    let Changed { files, copies } = changed(state, request);
    Ok(files || copies || swap::was_interrupted(site, &state.staging())? || state.is_marked()?)
}

/// What is remembered of a source that was a mirror.
const MIRROR: &str = "layout bandersnatch";

/// Whether the last build found a mirror.
pub(super) fn was_mirror(state: &State) -> bool {
    state.placement().is_some_and(|before| before.lines().any(|line| line == MIRROR))
}

/// Remembers the manner of this run, if it is another.
pub(super) fn remember(state: &State, request: &Request<'_>, layout: Layout) -> Result<(), disk::Error> {
    set(state, &words(request), layout == Layout::Bandersnatch)
}

/// Forgets the manner that was, where this run has another: its names may come to lie beside those of the runs before,
/// and it may not get to the end, or look at some files alone.
pub(super) fn forget(state: &State, request: &Request<'_>) -> Result<(), disk::Error> {
    let Changed { files, copies } = changed(state, request);
    if files || copies { set(state, "", was_mirror(state)) } else { Ok(()) }
}

fn set(state: &State, words: &str, is_mirror: bool) -> Result<(), disk::Error> {
    let words = format!("{words}{}", if is_mirror { format!("{MIRROR}\n") } else { String::new() });
    if state.placement().unwrap_or_default() == words { Ok(()) } else { state.set_placement(&words) }
}
