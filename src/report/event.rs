//! What a run says while it goes on.

use super::Warning;
use serde::Serialize;

/// A stage of a run. The names are those of the files in `pipeline/` and of the JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Reading and verifying what is published.
    Read,
    /// Finding the distributions in the source.
    Collect,
    /// Hashing files that are new.
    Digest,
    /// Deciding which bins change.
    Partition,
    /// Bringing new files into the site.
    Place,
    /// Reading what new archives say of themselves, and rendering pages.
    Index,
    /// Signing roles.
    Sign,
    /// Making roles, snapshot and timestamp public.
    Swap,
    /// Checking the roles of a tree.
    Roles,
    /// Searching for every target of a tree, as a client does.
    Search,
    /// Checking the files of a tree.
    Files,
}

impl Stage {
    /// The stage as one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Collect => "collect",
            Self::Digest => "digest",
            Self::Partition => "partition",
            Self::Place => "place",
            Self::Index => "index",
            Self::Sign => "sign",
            Self::Swap => "swap",
            Self::Roles => "roles",
            Self::Search => "search",
            Self::Files => "files",
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A stage begins; `items` of work lie ahead, where that is known.
    Begin(Stage, Option<u64>),
    /// So many items more are done.
    Done(u64),
    /// The stage ends.
    End(Stage),
    /// Something that somebody should know, and that stops nothing.
    Warning(Warning),
}

/// Takes events, from any thread.
pub trait Reporter: Sync {
    /// Takes one.
    fn event(&self, event: Event);

    /// Takes a warning.
    fn warn(&self, warning: Warning) {
        self.event(Event::Warning(warning));
    }
}

/// A reporter that says nothing.
pub struct Silent;

impl Reporter for Silent {
    fn event(&self, _: Event) {}
}

/// Runs one stage between its two events.
pub fn stage<T>(reporter: &dyn Reporter, stage: Stage, items: Option<u64>, work: impl FnOnce() -> T) -> T {
    reporter.event(Event::Begin(stage, items));
    let result = work();
    reporter.event(Event::End(stage));
    result
}
