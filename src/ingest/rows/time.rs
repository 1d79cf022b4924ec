//! Times of rows. A time without a zone is read as UTC only where its column says so (health.md 1.12).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Why a time is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoTime {
    /// No known form.
    Unreadable,
    /// A time of day without a zone, in a column that does not say UTC.
    NoZone,
}

/// Forms without a zone, with their fractions cut off: ISO 8601 and what the portal's CSV prints.
const FORMS: [&str; 6] = [
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%m/%d/%Y, %I:%M:%S %p",
    "%m/%d/%Y %I:%M:%S %p",
];

/// Reads times; rows of one moment stand together, so the last one is remembered.
#[derive(Debug)]
pub(super) struct Times {
    text: String,
    utc: bool,
    read: Result<Timestamp, NoTime>,
}

impl Default for Times {
    fn default() -> Self {
        Times { text: String::new(), utc: false, read: Err(NoTime::Unreadable) }
    }
}

impl Times {
    /// Reads a time.
    pub(super) fn read(&mut self, text: &str, utc: bool) -> Result<Timestamp, NoTime> {
        if self.text != text || self.utc != utc {
            self.text.clear();
            self.text.push_str(text);
            self.utc = utc;
            self.read = parse(text.trim(), utc);
        }
        self.read
    }
}

fn parse(text: &str, utc: bool) -> Result<Timestamp, NoTime> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    let (bare, zulu) = match text.strip_suffix(['Z', 'z']) {
        Some(bare) => (bare.trim_end(), true),
        None => (text, false),
    };
    let time = civil(bare).ok_or(NoTime::Unreadable)?;
    if !(zulu || utc) {
        return Err(NoTime::NoZone);
    }
    time.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| NoTime::Unreadable)
}

/// A date with a time of day; its fraction stands before the end or before AM and PM.
fn civil(text: &str) -> Option<DateTime> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (fraction, after) = (rest.get(..digits)?, rest.get(digits..)?);
    let joined = format!("{whole}{after}");
    let time = FORMS.iter().find_map(|form| DateTime::strptime(form, &joined).ok())?;
    let nanos: i32 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    time.with().subsec_nanosecond(nanos).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, utc: bool) -> Result<String, NoTime> {
        Times::default().read(text, utc).map(|time| time.to_string())
    }

    #[test]
    fn a_zone_is_never_guessed() {
        for text in ["2026-11-03T09:40:00Z", "2026-11-03T10:40:00+01:00", " 2026-11-03 09:40:00Z ", "2026-11-03T09:40Z"]
        {
            assert_eq!(read(text, false).as_deref(), Ok("2026-11-03T09:40:00Z"), "{text}");
        }
        for text in ["2026-11-03T09:40:00", "2026-11-03 09:40", "11/3/2026, 9:40:00.000 AM"] {
            assert_eq!(read(text, false), Err(NoTime::NoZone), "{text}");
            assert_eq!(read(text, true).as_deref(), Ok("2026-11-03T09:40:00Z"), "{text}");
        }
        assert_eq!(read("11/3/2026, 9:40:00.250 PM", true).as_deref(), Ok("2026-11-03T21:40:00.25Z"));
        for text in ["", "yesterday", "2026-13-03T09:40:00Z", "03.11.2026 09:40", "9:40"] {
            assert_eq!(read(text, true), Err(NoTime::Unreadable), "{text}");
        }
    }
}
