//! The one place where a clock is read: the moment that a run takes for now, and how long its
//! stages take.

use super::args::Common;
use super::failure::Failure;
use super::show;
use super::terminal::Terminal;
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
            Failure::usage(format!(
                "{EPOCH}: {:?} is no number of seconds since 1970, before the year 10000",
                text.display()
            ))
        });
    }
    system().ok_or_else(|| Failure::usage("the system's clock shows no year from 1970 to 9999; give --now"))
}

fn system() -> Option<Moment> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).ok().and_then(Moment::from_unix)
}

/// Who says what time it is, if it is not the system.
fn given(common: &Common) -> Option<&'static str> {
    match common.now {
        Some(_) => Some("--now"),
        None => std::env::var_os(EPOCH).map(|_| EPOCH),
    }
}

/// The now of a run that signs: [`now`], held against the system's clock where it was given.
pub(crate) fn to_sign(common: &Common, reporter: &dyn Reporter) -> Result<Moment, Failure> {
    let moment = now(common)?;
    if let (Some(given), Some(clock)) = (given(common), system())
        && clock.since(moment).max(moment.since(clock)) > FAR
    {
        let (days, way, then) = match moment < clock {
            true => {
                let then =
                    ": a role that is signed for it ends as much earlier, and clients refuse what has ended";
                (clock.since(moment), "before", then)
            }
            false => (moment.since(clock), "after", ""),
        };
        let days = show::count(days.as_secs() / 86_400, "day");
        let message = format!("{given} says {moment}, {days} {way} what the system's clock says{then}");
        reporter.warn(Warning::of_run(Code::Clock, message));
    }
    Ok(moment)
}

/// The same for a command that has nothing else to report.
pub(crate) fn to_sign_here(common: &Common) -> Result<Moment, Failure> {
    let reporter = Terminal::new(common);
    let moment = to_sign(common, &reporter)?;
    reporter.finish();
    Ok(moment)
}

/// [`to_sign`] for what is published in `site`, held against that, too. Asked under the lock, for what is published may
/// change before that.
pub(crate) fn settled(common: &Common, site: &Path, reporter: &dyn Reporter) -> Result<Moment, Failure> {
    let moment = to_sign(common, reporter)?;
    let word = if given(common).is_some() { Word::Given } else { Word::Clock };
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
