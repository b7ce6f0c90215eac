//! The staging folder of a build, and what is to be known where the site is uploaded to of names that get their bytes back.

use crate::disk;
use crate::disk::stage::Staging;
use crate::model::Entry;
use crate::site::copies::{self, Plan};
use crate::site::swap::{self, Written};
use crate::site::{Site, targets};
use crate::state::{State, uploads};

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
        let names: Vec<String> = entries.into_iter().flat_map(targets::names).collect();
        uploads::note_given_back(self.state, &names)
    }

    /// Writes and removes compressed copies; those of what was published before are noted first, too.
    pub(super) fn carry_out(&mut self, plan: &Plan, was_published: bool) -> Result<Written, disk::Error> {
        if plan.is_empty() {
            return Ok(Written::default());
        }
        if was_published {
            let names: Vec<String> = plan.writes().cloned().collect();
            uploads::note_given_back(self.state, &names)?;
        }
        // As in a sweep: what is noted and still there is not listed.
        uploads::note_removed(self.state, plan.removes())?;
        copies::carry_out(self.site, self.open()?, plan)
    }
}
