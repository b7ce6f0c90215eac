//! The one place where a clock is read: the moment that a run takes for now, and how long its
//! stages take.

use super::args::Common;
use super::failure::Failure;
use std::time::{Instant, SystemTime};
use tuffet::model::Moment;

/// The run's now: `--now`, else SOURCE_DATE_EPOCH, else the system's clock.
pub(crate) fn now(common: &Common) -> Result<Moment, Failure> {
    if let Some(text) = &common.now {
        return text.parse().map_err(|e| Failure::usage(format!("--now: {e}")));
    }
    if let Some(text) = std::env::var_os("SOURCE_DATE_EPOCH") {
        let seconds = text.to_str().and_then(|text| text.trim().parse().ok());
        let moment = seconds.and_then(Moment::from_unix);
        return moment.ok_or_else(|| {
            Failure::usage(format!("SOURCE_DATE_EPOCH: {} is not a number of seconds", text.display()))
        });
    }
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let moment = i64::try_from(since.as_secs()).ok().and_then(Moment::from_unix);
    moment.ok_or_else(|| Failure::usage("the system's clock shows no year from 1970 to 9999; give --now"))
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
