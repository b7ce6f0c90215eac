//! The moment that a run takes for now, held against what is published. The timestamp's file carries the now of the run
//! that made it as its time of modification, whatever lives were configured then: a clock that says less was set back, or
//! was ahead at that time.

use crate::disk;
use crate::model::Moment;
use crate::report::{Code, Reporter, Warning};
use crate::site::{Site, swap};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A clock that is behind by no more than this is waited for; by more, somebody must look.
pub(super) const MOST_BEHIND: Duration = Duration::from_secs(86_400);

/// Two runs close together, and clocks that are corrected a little, are nothing to speak of.
const WORTH_A_WORD: Duration = Duration::from_secs(60);

/// Who says what time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The machine's clock, which may be wrong.
    Clock,
    /// Whoever runs the command.
    Given,
}

/// Why no moment can be taken for now.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The clock is far behind what is published.
    #[error(
        "the clock says {now}, and what is published in {} was signed at {signed}, which is later: signed now, it would \
         end before its time. Set the clock right. If it is right, and was ahead then, say so by --now {now}", site.display()
    )]
    Behind {
        /// What the clock says.
        now: Moment,
        /// When the last run was.
        signed: Moment,
        /// The site.
        site: PathBuf,
    },
    /// The site cannot be looked at.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// The now of a run that is about to sign for `site`, when somebody says that it is `now`: never before the run that
/// made what is published, so that nothing ends earlier than it did.
///
/// # Errors
/// [`Error::Behind`], unless the moment was given.
pub fn settle(site: &Path, now: Moment, word: Word, reporter: &dyn Reporter) -> Result<Moment, Error> {
    let Some(signed) = swap::signed_at(&Site::new(site))?.filter(|signed| *signed > now) else {
        return Ok(now);
    };
    let behind = signed.since(now);
    match word {
        Word::Given => Ok(now),
        Word::Clock if behind > MOST_BEHIND => Err(Error::Behind { now, signed, site: site.to_owned() }),
        Word::Clock => {
            if behind > WORTH_A_WORD {
                let message = format!(
                    "the clock says {now}, and what is published was signed at {signed}: until then this run and others \
                     take that moment for now"
                );
                reporter.warn(Warning::of_run(Code::Clock, message));
            }
            Ok(signed)
        }
    }
}
