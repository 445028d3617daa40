//! Time zones: from a name to the calendar that detectors go by.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use quietgate_detectors::{Calendar, DAY_MS, Transition, Zone};
use std::fmt;
use std::sync::Arc;

/// A name that is no time zone.
#[derive(Debug, Clone)]
pub struct ZoneError {
    /// The name.
    pub name: String,
    cause: Option<jiff::Error>,
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "time zone is {:?}, allowed is the name of a time zone such as Europe/Berlin, or UTC",
            self.name
        )
    }
}

impl std::error::Error for ZoneError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

/// How far beyond both ends of a range its clock changes are known: detectors look back 60 days at most, and
/// what is a day past the end may be asked for as well.
const MARGIN_MS: i64 = 63 * DAY_MS;

/// The calendar of the time zone `name` for samples from `from_ms` to `until_ms` (UTC milliseconds, in either
/// order), with a margin on both sides. Later and earlier than that its offset stays as it was at the end.
///
/// # Errors
/// A name that the time zone database does not have.
pub fn calendar(name: &str, from_ms: i64, until_ms: i64) -> Result<Calendar, ZoneError> {
    let zone = zone(name)?;
    if zone == TimeZone::UTC {
        return Ok(Calendar::Utc);
    }
    let from = instant(from_ms.min(until_ms).saturating_sub(MARGIN_MS));
    let until = instant(from_ms.max(until_ms).saturating_add(MARGIN_MS));
    let first = offset_ms(zone.to_offset(from));
    let mut offset = first;
    let mut transitions = Vec::new();
    for change in zone.following(from).take_while(|change| change.timestamp() <= until) {
        // a zone may also change its abbreviation alone
        let changed = offset_ms(change.offset());
        if changed != offset {
            let at = quietgate_detectors::Timestamp::from_millis(change.timestamp().as_millisecond());
            transitions.push(Transition { at, offset_ms: changed });
            offset = changed;
        }
    }
    Ok(Calendar::Civil(Arc::new(Zone::new(first, transitions))))
}

/// The name of the time zone `name` as the database writes it.
pub(super) fn canonical(name: &str) -> Result<String, ZoneError> {
    let zone = zone(name)?;
    zone.iana_name().map(str::to_owned).ok_or_else(|| ZoneError { name: name.to_owned(), cause: None })
}

/// What these names mean depends on the machine, not on the config.
const LOCAL_NAMES: [&str; 4] = ["localtime", "posixrules", "Factory", "local"];

/// The time zone `name`.
pub(super) fn zone(name: &str) -> Result<TimeZone, ZoneError> {
    let error = |cause| ZoneError { name: name.to_owned(), cause };
    if LOCAL_NAMES.iter().any(|local| local.eq_ignore_ascii_case(name)) {
        return Err(error(None));
    }
    let zone = TimeZone::get(name).map_err(|cause| error(Some(cause)))?;
    if zone.is_unknown() { Err(error(None)) } else { Ok(zone) }
}

/// `ms` as an instant, moved to the nearest one that has a year from -9999 to 9999.
fn instant(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap_or(if ms < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn offset_ms(offset: jiff::tz::Offset) -> i64 {
    i64::from(offset.seconds()) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;
    use quietgate_detectors::Timestamp as At;

    const HOUR: i64 = 3_600_000;
    const YEAR_2024: (i64, i64) = (1_704_067_200_000, 1_735_689_600_000);

    fn in_2024(name: &str) -> Calendar {
        calendar(name, YEAR_2024.0, YEAR_2024.1).expect("a zone of the database")
    }

    fn hours_back(calendar: &Calendar, at: &str, days: u32) -> Option<f64> {
        let at_ms = at.parse::<Timestamp>().expect("a time").as_millisecond();
        let earlier = calendar.earlier(At::from_millis(at_ms), days)?;
        Some((at_ms - earlier.as_millis()) as f64 / HOUR as f64)
    }

    #[test]
    fn berlin_changes_its_clocks_twice_in_2024() {
        let berlin = in_2024("Europe/Berlin");
        assert_eq!(hours_back(&berlin, "2024-03-31T10:00Z", 1), Some(23.0));
        assert_eq!(hours_back(&berlin, "2024-04-01T00:30Z", 1), None);
        assert_eq!(hours_back(&berlin, "2024-07-01T10:00Z", 14), Some(336.0));
        assert_eq!(hours_back(&berlin, "2024-10-28T01:30Z", 1), Some(25.0));
        assert_eq!(berlin.time_of_day(At::from_millis(YEAR_2024.0)), "01:00");
    }

    #[test]
    fn lord_howe_moves_by_half_an_hour() {
        let lord_howe = in_2024("Australia/Lord_Howe");
        assert_eq!(hours_back(&lord_howe, "2024-04-07T12:00Z", 1), Some(24.5));
        assert_eq!(hours_back(&lord_howe, "2024-10-06T12:00Z", 1), Some(23.5));
        assert_eq!(lord_howe.time_of_day(At::from_millis(YEAR_2024.0)), "11:00");
    }

    #[test]
    fn zones_without_clock_changes_have_days_of_24_hours() {
        let kathmandu = in_2024("Asia/Kathmandu");
        assert_eq!(kathmandu.time_of_day(At::from_millis(YEAR_2024.0)), "05:45");
        for calendar in [kathmandu, in_2024("Asia/Tokyo"), in_2024("Etc/GMT+5")] {
            for month in 1..=12 {
                assert_eq!(hours_back(&calendar, &format!("2024-{month:02}-15T10:00Z"), 28), Some(672.0));
            }
        }
    }

    #[test]
    fn changes_before_and_after_the_range_are_known() {
        // half past two of the spring change's day never was: 60 days before this range of one instant
        let from = YEAR_2024.0 + 150 * DAY_MS;
        let berlin = calendar("Europe/Berlin", from, from).expect("a zone of the database");
        assert_eq!(hours_back(&berlin, "2024-05-30T00:30Z", 60), None);
        assert_eq!(hours_back(&berlin, "2024-05-30T00:30Z", 59), Some(1416.0));
        assert!(calendar("Europe/Berlin", i64::MIN, i64::MAX).is_ok());
    }

    #[test]
    fn utc_is_utc_and_what_is_no_zone_is_an_error() {
        assert!(matches!(in_2024("UTC"), Calendar::Utc));
        assert_eq!(canonical("europe/berlin").expect("known"), "Europe/Berlin");
        for name in ["Europe/Berln", "", "localtime", "Etc/Unknown", "CET-1CEST", "../etc/passwd", "+02:00"] {
            let error = calendar(name, 0, 0).expect_err(name);
            assert!(error.to_string().starts_with(&format!("time zone is {name:?}, allowed")), "{error}");
        }
    }
}
