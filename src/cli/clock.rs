//! The one place where a clock is read: the moment that a run takes for now, and how long its
//! stages take.

use super::args::Common;
use super::failure::Failure;
use super::show;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};
use tuffet::model::Moment;
use tuffet::report::{Code, Reporter, Warning};
use tuffet::runs::now::{self, Word};

/// A moment given for now that is further from the system's clock than this is worth a word.
const FAR: Duration = Duration::from_secs(86_400);

/// What says what time it is, where a tree is to come out the same again (reproducible-builds.org).
const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The run's now: `--now`, else SOURCE_DATE_EPOCH, else the system's clock.
pub(crate) fn now(common: &Common) -> Result<Moment, Failure> {
    if let Some(text) = &common.now {
        return text.parse().map_err(|e| Failure::usage(format!("--now: {e}")));
    }
    if let Some(text) = std::env::var_os(EPOCH) {
        let seconds = text.to_str().and_then(|text| text.trim().parse().ok());
        let moment = seconds.and_then(Moment::from_unix);
        return moment.ok_or_else(|| {
            Failure::usage(format!("{EPOCH}: {:?} is not a number of seconds since 1970", text.display()))
        });
    }
    system().ok_or_else(|| Failure::usage("the system's clock shows no year from 1970 to 9999; give --now"))
}

fn system() -> Option<Moment> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).ok().and_then(Moment::from_unix)
}

/// The now of a run that signs for what is published in `site`: [`now`], held against that, and, where it was given,
/// against the system's clock. Asked under the lock, for what is published may change before that.
pub(crate) fn settled(common: &Common, site: &Path, reporter: &dyn Reporter) -> Result<Moment, Failure> {
    let moment = now(common)?;
    let given = match common.now {
        Some(_) => Some("--now"),
        None => std::env::var_os(EPOCH).map(|_| EPOCH),
    };
    if let (Some(given), Some(clock)) = (given, system())
        && clock.since(moment).max(moment.since(clock)) > FAR
    {
        let (days, way, then) = match moment < clock {
            true => {
                let then = ": what is signed ends as much earlier, and clients refuse what has ended";
                (clock.since(moment), "before", then)
            }
            false => (moment.since(clock), "after", ""),
        };
        let days = show::count(days.as_secs() / 86_400, "day");
        let message = format!("{given} says {moment}, {days} {way} what the system's clock says{then}");
        reporter.warn(Warning::of_run(Code::Clock, message));
    }
    let word = if given.is_some() { Word::Given } else { Word::Clock };
    Ok(now::settle(site, moment, word, reporter)?)
}

/// A stopwatch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watch(Instant);

impl Watch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since it was started, to the millisecond.
    pub(crate) fn seconds(self) -> f64 {
        (self.0.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
    }
}
