//! When a health record was taken: given by the user, else a time in the file's name, else not known. Never the file's
//! modification time, which a checkout changes (health.md 1.0).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Where a capture time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBasis {
    /// `--at`.
    Given,
    /// A time in the file's name.
    FileName,
    /// The newest row of the record itself.
    Record,
    /// Not known.
    None,
}

/// A capture time and its basis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capture {
    /// The time, where one is known.
    pub time: Option<Timestamp>,
    /// Where it comes from.
    pub basis: TimeBasis,
}

/// Reads a time such as `2026-11-20T07:42Z`, `2026-11-20T07:42:10+01:00` or `20261120T0742Z`. Without an offset it is not
/// a time: the zone would be a guess.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let civil = text.strip_suffix(['Z', 'z'])?;
    let time: DateTime = ["%Y-%m-%dT%H:%M", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M", "%Y-%m-%dT%H-%M-%S", "%Y-%m-%dT%H-%M"]
        .iter()
        .find_map(|format| DateTime::strptime(format, civil).ok())?;
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// The capture time of a record.
pub fn capture(given: Option<Timestamp>, file_name: &str) -> Capture {
    if given.is_some() {
        return Capture { time: given, basis: TimeBasis::Given };
    }
    let base = file_name.rsplit('/').next().unwrap_or_default();
    let words = base.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | ':' | '+')));
    let found = words.into_iter().flat_map(candidates).find_map(parse_time);
    match found {
        Some(time) => Capture { time: Some(time), basis: TimeBasis::FileName },
        None => Capture { time: None, basis: TimeBasis::None },
    }
}

/// `h-20261120T0742Z` holds its time after the dash.
fn candidates(word: &str) -> impl Iterator<Item = &str> {
    let digit = word.find(|c: char| c.is_ascii_digit()).and_then(|at| word.get(at..));
    [Some(word), digit].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_need_a_zone() {
        for text in [
            "2026-11-20T07:42Z",
            "2026-11-20T07:42:00Z",
            "20261120T0742Z",
            "2026-11-20T08:42:00+01:00",
            "2026-11-20T07-42-00Z",
        ] {
            assert_eq!(parse_time(text).map(|t| t.to_string()).as_deref(), Some("2026-11-20T07:42:00Z"), "{text}");
        }
        for text in ["", "2026-11-20", "2026-11-20T07:42", "yesterday", "99999999T9999Z"] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_in_the_file_name() {
        let basis = |name: &str| capture(None, name).time.map(|t| t.to_string());
        assert_eq!(basis("snap/h-20261120T0742Z.json").as_deref(), Some("2026-11-20T07:42:00Z"));
        assert_eq!(basis("2026-11-20T07-42Z_health.json").as_deref(), Some("2026-11-20T07:42:00Z"));
        assert_eq!(basis("20261120T0742Z/health.json"), None);
        assert_eq!(basis("health.json"), None);
        assert_eq!(capture(parse_time("2026-01-01T00:00Z"), "h-20261120T0742Z.json").basis, TimeBasis::Given);
    }
}
