//! The staging folder of a build, and what the build notes for the next manifest before it changes names.

use crate::disk;
use crate::disk::stage::Staging;
use crate::model::Entry;
use crate::runs::elsewhere;
use crate::site::Site;
use crate::site::copies::{self, Plan};
use crate::site::swap::{self, Written};
use crate::state::State;

/// A staging folder that is opened when something is to be staged, and not before.
pub(super) struct Lazy<'a> {
    site: &'a Site,
    state: &'a State,
    staging: Option<Staging>,
}

impl<'a> Lazy<'a> {
    pub(super) fn new(site: &'a Site, state: &'a State) -> Self {
        Self { site, state, staging: None }
    }

    pub(super) fn open(&mut self) -> Result<&Staging, disk::Error> {
        let opened = match self.staging.take() {
            Some(staging) => staging,
            None => swap::open_staging(self.site, &self.state.staging())?,
        };
        Ok(self.staging.insert(opened))
    }

    /// Ends it, once all that the build had to do is done.
    pub(super) fn close(&mut self) -> Result<(), disk::Error> {
        self.staging.take().map_or_else(
            || swap::forget_interrupted(self.site, &self.state.staging()),
            |staging| {
                staging.close();
                Ok(())
            },
        )
    }

    /// Notes, before they do, that the names of these targets get bytes back that are published already: the next
    /// manifest lists them.
    pub(super) fn gives_back<'e>(
        &self,
        entries: impl IntoIterator<Item = &'e Entry>,
    ) -> Result<(), disk::Error> {
        elsewhere::gives_back(self.state, entries)
    }

    /// Writes and removes compressed copies; those of what was published before are noted first, too.
    pub(super) fn carry_out(&mut self, plan: &Plan, was_published: bool) -> Result<Written, disk::Error> {
        if plan.is_empty() {
            return Ok(Written::default());
        }
        elsewhere::copies(self.state, plan, was_published)?;
        copies::carry_out(self.site, self.open()?, plan)
    }
}
