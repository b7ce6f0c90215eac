//! How target files got into the site last time. When that changes (`site.targets`,
//! `site.tough_alias`), published files lack names that they are to have now, and every one of them
//! is looked at once.

use super::{Request, TargetFiles};
use crate::disk;
use crate::state::State;

fn manner(request: &Request<'_>) -> String {
    let files = match request.target_files {
        TargetFiles::Copy => "copy",
        TargetFiles::Link => "hardlink",
        TargetFiles::Elsewhere => "none",
    };
    format!("targets {files}, tough_alias {}\n", request.tough_alias)
}

/// Whether files were placed in another manner before, as far as is known.
pub(super) fn differs(state: &State, request: &Request<'_>) -> bool {
    state.placement().is_none_or(|before| before != manner(request))
}

/// Remembers the manner of this run, if it is another.
pub(super) fn remember(state: &State, request: &Request<'_>) -> Result<(), disk::Error> {
    if differs(state, request) { state.set_placement(&manner(request)) } else { Ok(()) }
}
