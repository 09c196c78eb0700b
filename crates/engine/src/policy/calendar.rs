//! Calendars: weekly hours in a time zone.
//!
//! Hours are compared on the wall clock of their zone, so a working day that starts at nine
//! starts at nine on both sides of a change to or from summer time.

use action::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Weekly hours in a time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    pub zone: TimeZone,
    pub days: Days,
    pub span: Span,
    /// Days on which the hours do not apply, for example public holidays.
    pub except: Vec<Date>,
}

/// A set of weekdays, Monday first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(pub [bool; 7]);

/// A part of a day. From a later to an earlier time reaches over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Time,
    pub to: Time,
}

const DAY_NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

impl Hours {
    pub fn contains(&self, at: Timestamp) -> bool {
        let Ok(point) = jiff::Timestamp::from_millisecond(at.millis()) else { return false };
        let local = point.to_zoned(self.zone.clone()).datetime();
        let (today, time) = (local.date(), local.time());
        let open = |date: Date| self.days.has(date.weekday()) && !self.except.contains(&date);
        if self.span.from < self.span.to {
            return open(today) && self.span.from <= time && time < self.span.to;
        }
        // Hours over midnight belong to the day on which they start.
        let begun_today = open(today) && time >= self.span.from;
        let begun_yesterday = time < self.span.to && today.yesterday().is_ok_and(open);
        begun_today || begun_yesterday
    }
}

impl Days {
    pub const EVERY: Days = Days([true; 7]);

    pub fn has(self, day: Weekday) -> bool {
        usize::try_from(day.to_monday_zero_offset()).is_ok_and(|at| self.0.get(at) == Some(&true))
    }

    /// Reads `mon-fri`, `sat`, or several parts with commas; `fri-mon` reaches over Sunday.
    pub fn parse(text: &str) -> Option<Days> {
        let mut days = [false; 7];
        for part in text.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (day_index(first)?, day_index(last)?);
            for step in 0..7 {
                let day = (first + step) % 7;
                *days.get_mut(day)? = true;
                if day == last {
                    break;
                }
            }
        }
        Some(Days(days))
    }
}

fn day_index(text: &str) -> Option<usize> {
    let text = text.trim().to_ascii_lowercase();
    DAY_NAMES.iter().position(|name| *name == text)
}

impl Span {
    pub const WHOLE_DAY: Span = Span { from: Time::midnight(), to: Time::midnight() };
}

/// Reads `09:00`.
pub fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    if hour.len() != 2 || minute.len() != 2 {
        return None;
    }
    if (hour, minute) == ("24", "00") {
        return Some(Time::midnight());
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

/// The zone of this name, from the rules that are built in.
pub fn parse_zone(text: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(text.trim()).ok()
}

pub fn parse_date(text: &str) -> Option<Date> {
    text.trim().parse().ok()
}

/// A point in time: RFC 3339, or a date, which stands for its first moment in UTC.
pub fn parse_point(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text.trim()).or_else(|| {
        let start = parse_date(text)?.to_zoned(TimeZone::UTC).ok()?;
        Some(Timestamp::from_millis(start.timestamp().as_millisecond()))
    })
}

/// The end of a permission: RFC 3339, or a date, which is its last day in UTC.
pub fn parse_until(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text.trim()).or_else(|| {
        let end = parse_date(text)?.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
        Some(Timestamp::from_millis(end.timestamp().as_millisecond()))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn hours(zone: &str, days: &str, from: &str, to: &str) -> Hours {
        Hours {
            zone: parse_zone(zone).unwrap(),
            days: Days::parse(days).unwrap(),
            span: Span { from: parse_time(from).unwrap(), to: parse_time(to).unwrap() },
            except: Vec::new(),
        }
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn hours_follow_summer_time() {
        let business = hours("Europe/Berlin", "mon-fri", "09:00", "17:30");
        // 08:00 UTC is nine in winter and ten in summer.
        assert!(business.contains(at("2026-01-12T08:00:00Z")));
        assert!(!business.contains(at("2026-01-12T07:30:00Z")));
        assert!(business.contains(at("2026-07-13T07:00:00Z")));
        assert!(!business.contains(at("2026-07-13T15:30:00Z")));
        assert!(!business.contains(at("2026-01-10T10:00:00Z")), "a Saturday");
    }

    #[test]
    fn hours_over_midnight_belong_to_the_day_they_start() {
        let night = hours("UTC", "fri", "22:00", "06:00");
        assert!(night.contains(at("2026-03-06T23:00:00Z")), "Friday night");
        assert!(night.contains(at("2026-03-07T05:59:59Z")), "Saturday morning");
        assert!(!night.contains(at("2026-03-07T06:00:00Z")));
        assert!(!night.contains(at("2026-03-06T05:00:00Z")), "Friday morning belongs to Thursday");
    }

    #[test]
    fn holidays_are_closed() {
        let mut business = hours("UTC", "mon-fri", "09:00", "17:00");
        business.except.push(parse_date("2026-12-25").unwrap());
        assert!(!business.contains(at("2026-12-25T10:00:00Z")));
        assert!(business.contains(at("2026-12-24T10:00:00Z")));
    }

    #[test]
    fn days_and_times_are_checked() {
        assert_eq!(Days::parse("sat-mon").unwrap().0, [true, false, false, false, false, true, true]);
        assert!(Days::parse("montag").is_none() && parse_time("9:00").is_none());
        assert!(parse_time("25:00").is_none() && parse_zone("Europe/Atlantis").is_none());
        assert_eq!(parse_until("2026-12-31"), Some(at("2027-01-01T00:00:00Z")));
    }
}
