//! The end of every build: what is to be listed is signed where it changed or is due, becomes public, and is
//! remembered.

use super::{Error, Lazy, Mode, Outcome, Request, lapse, manifest};
use crate::keys::Signer;
use crate::model::{Bins, Moment, ProjectName, Sha256};
use crate::pipeline::collect::Layout;
use crate::report::Reporter;
use crate::runs::placement::Placement;
use crate::runs::project::remove_pages;
use crate::runs::publish::{self, Online, Publication};
use crate::runs::roles::{Due, Numbers};
use crate::runs::suspend;
use crate::site::Site;
use crate::site::manifest::Edition;
use crate::site::outline::Outline;
use crate::state::held::{self, Held};
use crate::state::tree::{self, Counted, Tree};
use crate::state::{State, journal};
use std::collections::BTreeSet;

/// What a build has come to.
pub(super) struct Ending<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) site: &'a Site,
    pub(super) state: &'a State,
    pub(super) published: &'a Outline,
    /// When each published bin ends.
    pub(super) ends: &'a [Moment],
    /// Projects to suspend.
    pub(super) lapsing: &'a [&'a ProjectName],
    /// What the bins are to list: those that change, and those that are due.
    pub(super) after: &'a dyn Bins,
    /// How many targets all bins list then.
    pub(super) targets: u64,
    /// How many there are of what, if every project has its pages.
    pub(super) pages: Option<Counted>,
    /// The bins that change.
    pub(super) changed: &'a BTreeSet<u32>,
    /// Online roles whose time has come.
    pub(super) due: Due,
    /// The layout of the source, and that all of it was looked at; nothing where only some of it was.
    pub(super) layout: Option<Layout>,
    /// What is held back.
    pub(super) held: &'a [Held],
    /// Projects that have no file any more.
    pub(super) ended: &'a BTreeSet<ProjectName>,
    /// Whether a published target was to get names, and did not.
    pub(super) lacks_names: bool,
}

impl Ending<'_> {
    /// Publishes, if there is anything to, and remembers; `remember` is what only this build has to,
    /// given the digest of the snapshot that is current then.
    pub(super) fn carry_out(
        self,
        mut outcome: Outcome,
        staging: &mut Lazy<'_>,
        remember: impl FnOnce(Sha256) -> Result<(), Error>,
        online: &dyn Signer,
        reporter: &dyn Reporter,
    ) -> Result<Outcome, Error> {
        let Self { request, site, state, published, lapsing, .. } = self;
        let mut timestamp = published.timestamp.version;
        let is_due = self.due.suffices(published, request.lives, request.now);
        let manner = publish::Manner {
            lives: request.lives,
            compress: request.compress,
            now: request.now,
            numbers: if self.layout.is_some() { Numbers::All } else { Numbers::Asked },
        };
        let (registered, roles) = suspend::suspend(published, site, lapsing, manner, online)?;
        let publication = Publication {
            site,
            published,
            after: self.after,
            changed: self.changed,
            registered,
            roles,
            due: self.due,
        };
        let mut ends = self.ends.to_vec();
        let mut digest = published.snapshot.digest;
        let mut signed = Vec::new();
        outcome.suspended = lapsing.iter().map(|name| (*name).clone()).collect();
        if publication.changes_something() || is_due {
            (outcome.bins_signed, outcome.bins_renewed) = publication.bins();
            if request.mode == Mode::Publish {
                lapse::record(state, published, lapsing, request.now)?;
                Placement::of(request).forget(state)?;
                let publicised =
                    publication.publish(manner, staging.open()?, Online::of(online), reporter)?;
                outcome.snapshot = Some(publicised.snapshot);
                digest = publicised.digest;
                timestamp = publicised.timestamp;
                outcome.published = true;
                outcome.written.add(publicised.written);
                signed = publicised.signed;
                let gone = lapsing.iter().copied().chain(self.ended);
                remove_pages(site, state, &gone.collect::<Vec<_>>())?;
                for bin in publication.all_bins() {
                    if let Some(end) = ends.get_mut(bin as usize) {
                        *end = request.now.plus(request.lives.bins);
                    }
                }
            }
        }
        if request.mode == Mode::Publish {
            let snapshot = outcome.snapshot.unwrap_or(published.snapshot.version);
            remember(digest)?;
            if let Some(file) = request.manifest {
                let now = Edition::of(site, published.root.version, snapshot, timestamp)?;
                outcome.manifest = Some(manifest::write(request, file, &now)?);
            }
            match self.layout {
                // The next build is to look at everything once more.
                Some(_) if self.lacks_names => {
                    Placement::of(request).forget(state)?;
                    state.set_mark()?;
                }
                Some(layout) => {
                    Placement::of(request).remember(state, layout)?;
                    state.clear_mark()?;
                }
                None => {}
            }
            held::save(state, self.held)?;
            let known = published.known(digest);
            let tree = Tree { snapshot, known, targets: self.targets, pages: self.pages, ends };
            tree::save(state, &tree)?;
            staging.close()?;
            journal::append(state, &journal_entry(request, &outcome, &signed))?;
        }
        Ok(outcome)
    }
}

fn journal_entry<'a>(
    request: &Request<'_>,
    outcome: &Outcome,
    signed: &'a [journal::Signed],
) -> journal::Entry<'a> {
    journal::Entry {
        now: request.now,
        run: "build",
        snapshot: outcome.snapshot,
        published: outcome.published,
        targets: [outcome.added, outcome.changed, outcome.removed, outcome.held],
        signed,
    }
}
