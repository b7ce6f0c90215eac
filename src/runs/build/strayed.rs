//! Published targets whose names have other bytes or are gone, as a run leaves them that did not end: they get their own
//! bytes back from the other names.

use super::Lazy;
use crate::disk;
use crate::model::Entry;
use crate::report::{Code, Reporter, Warning};
use crate::site::Site;
use crate::site::swap::Written;
use crate::site::targets::{self, Manner, Named};

/// What is said of a name that something else has.
pub(super) const BLOCKED: &str =
    "in the site, one of its names or a folder on its way is something else; remove that";

/// Those that were found.
pub(super) struct Strayed<'a> {
    site: &'a Site,
    manner: Manner,
    found: Vec<&'a Entry>,
    lacks_names: bool,
}

impl<'a> Strayed<'a> {
    pub(super) fn new(site: &'a Site, manner: Manner) -> Self {
        Self { site, manner, found: Vec::new(), lacks_names: false }
    }

    /// Looks at a target that stays; what is lost is said.
    pub(super) fn look(
        &mut self,
        entry: &'a Entry,
        suspect: bool,
        reporter: &dyn Reporter,
    ) -> Result<(), disk::Error> {
        match targets::named(self.site, entry, self.manner, suspect)? {
            Named::Right => {}
            Named::Strayed => self.found.push(entry),
            Named::Lost => {
                self.lacks_names = true;
                let message = "the published bytes are nowhere in the site, and clients refuse the file: the source \
                               has to have them once more, or take the new ones (`build --replace`). A source that \
                               writes in place must not be linked (site.targets)";
                reporter.warn(Warning::of_file(Code::Lost, entry.path.as_str(), message));
            }
            Named::Blocked => {
                self.lacks_names = true;
                reporter.warn(Warning::of_file(Code::NameBlocked, entry.path.as_str(), BLOCKED));
            }
        }
        Ok(())
    }

    /// Looks at a target that is published no more after this: of what is lost or blocked nothing need be said.
    pub(super) fn look_at_what_leaves(&mut self, entry: &'a Entry) -> Result<(), disk::Error> {
        if targets::named(self.site, entry, self.manner, false)? == Named::Strayed {
            self.found.push(entry);
        }
        Ok(())
    }

    /// Whether one that stays cannot get its bytes back.
    pub(super) fn lacks_names(&self) -> bool {
        self.lacks_names
    }

    /// Gives the names back to their bytes.
    pub(super) fn give_back(
        &self,
        staging: &mut Lazy<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Written, disk::Error> {
        if self.found.is_empty() {
            return Ok(Written::default());
        }
        staging.gives_back(self.found.iter().copied())?;
        targets::give_back_names(self.site, staging.open()?, &self.found, self.manner)?;
        for entry in &self.found {
            let message =
                "one of its names was gone, or had the bytes of a replacement that was never published";
            reporter.warn(Warning::of_file(Code::Restored, entry.path.as_str(), message));
        }
        Ok(Written { files: self.found.len() as u64, bytes: 0 })
    }
}
