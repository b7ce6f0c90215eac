//! Moments in whole seconds of UTC, and lengths of time as configuration writes them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A point in time, in whole seconds of UTC; written `YYYY-MM-DDTHH:MM:SSZ`, as TUF 1.0.34
/// section 4.2 wants `expires`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(i64);

/// The text is no moment.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a moment; write it as 2026-11-22T10:00:00Z")]
pub struct NotAMoment(String);

impl Moment {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// `seconds` after 1970-01-01T00:00:00Z.
    ///
    /// `None` outside the years -9999 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        jiff::Timestamp::from_second(seconds).ok().map(|_| Self(seconds))
    }

    /// Seconds after 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0
    }

    /// The moment `life` later, or the last that can be written.
    #[must_use]
    pub fn plus(self, life: Duration) -> Self {
        let seconds = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(seconds).min(jiff::Timestamp::MAX.as_second()))
    }

    /// The moment `span` earlier, or the first that can be written.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let seconds = i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(seconds).max(jiff::Timestamp::MIN.as_second()))
    }

    /// How long from `earlier` to here; zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(timestamp) => write!(f, "{timestamp}"),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}

impl FromStr for Moment {
    type Err = NotAMoment;

    /// Reads RFC 3339, any offset; a fraction of a second is cut off.
    fn from_str(text: &str) -> Result<Self, NotAMoment> {
        let timestamp: jiff::Timestamp = text.parse().map_err(|_| NotAMoment(text.to_owned()))?;
        Ok(Self(timestamp.as_second()))
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The text is no length of time.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} will not do; write a whole number above 0 and a unit: 90s, 15m, 24h, 30d, 4w")]
pub struct NotADuration(String);

/// Reads `90s`, `15m`, `24h`, `30d` or `4w`.
///
/// # Errors
/// [`NotADuration`] for anything else, zero included.
pub fn parse_duration(text: &str) -> Result<Duration, NotADuration> {
    let refused = || NotADuration(text.to_owned());
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| refused())?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(refused()),
    };
    match number.checked_mul(unit) {
        Some(seconds) if seconds > 0 => Ok(Duration::from_secs(seconds)),
        _ => Err(refused()),
    }
}

/// A length of time as [`parse_duration`] reads it, in the largest unit that is whole.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    for (unit, name) in [(86_400, "d"), (3600, "h"), (60, "m")] {
        if seconds > 0 && seconds.is_multiple_of(unit) {
            return format!("{}{name}", seconds / unit);
        }
    }
    format!("{seconds}s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_whole_seconds_of_utc() {
        let table = [
            ("2026-11-22T10:00:00Z", "2026-11-22T10:00:00Z"),
            ("2021-12-18T13:28:12.99008-06:00", "2021-12-18T19:28:12Z"),
            ("2026-11-22T10:00:00+02:00", "2026-11-22T08:00:00Z"),
        ];
        for (text, shown) in table {
            assert_eq!(text.parse::<Moment>().unwrap().to_string(), shown);
        }
        for text in ["", "2026-11-22", "yesterday", "2026-13-01T00:00:00Z"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_go_round() {
        for text in ["1s", "15m", "24h", "30d", "365d"] {
            let shown = show_duration(parse_duration(text).unwrap());
            assert_eq!(parse_duration(&shown).unwrap(), parse_duration(text).unwrap());
        }
        for text in ["", "d", "1", "-1d", "1.5h", "1y", "0d", "99999999999999999999d"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
