//! Conditions on time: calendars, hours, weekdays, dates.

use action::Timestamp;

use super::Reader;
use crate::policy::calendar::{self, Days, Hours, Span};
use crate::yaml::Node;

/// When the action is judged. All parts that are given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Moment {
    /// Inside one of these calendars.
    pub within: Vec<(String, Hours)>,
    /// Outside all of these.
    pub outside: Vec<(String, Hours)>,
    /// Hours written in the rule itself.
    pub hours: Option<Hours>,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Moment {
    pub fn holds(&self, now: Timestamp) -> bool {
        let inside = |(_, hours): &(String, Hours)| hours.contains(now);
        (self.within.is_empty() || self.within.iter().any(inside))
            && !self.outside.iter().any(inside)
            && self.hours.as_ref().is_none_or(|hours| hours.contains(now))
            && self.from.is_none_or(|from| now >= from)
            && self.until.is_none_or(|until| now < until)
    }

    /// Whether no moment can fulfil it.
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.until), (Some(from), Some(until)) if from >= until)
            || self.outside.iter().any(|hours| self.within == [hours.clone()])
    }

    /// The words for a moment at which it does not hold.
    pub fn way_out(&self) -> Option<String> {
        let names = |list: &[(String, Hours)]| {
            list.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" or ")
        };
        match (self.within.is_empty(), self.outside.is_empty(), &self.hours) {
            (true, false, None) => Some(format!("time within {} hours", names(&self.outside))),
            (false, true, None) => Some(format!("time outside {} hours", names(&self.within))),
            (true, true, Some(_)) => Some("time outside the hours of the rule".into()),
            _ => None,
        }
    }
}

pub fn read(reader: &mut Reader<'_, '_>, node: &Node) -> Option<Moment> {
    let mut fields = reader.fields(node)?;
    let mut calendars = |key: &'static str| -> Vec<(String, Hours)> {
        let Some(list) = fields.get(key) else { return Vec::new() };
        let items = list.as_list().unwrap_or(std::slice::from_ref(list));
        items.iter().filter_map(|item| named(reader, item)).collect()
    };
    let (within, outside) = (calendars("within"), calendars("outside"));
    let faults = &mut *reader.faults;
    let mut point = |key, read: fn(&str) -> Option<Timestamp>| {
        let node = fields.get(key)?;
        let point = node.as_text().and_then(read);
        if point.is_none() {
            let message = format!("`{key}` must be a date or a time");
            let hint = Some("write `2026-12-31` or `2026-12-31T17:00:00Z`".into());
            faults.add(reader.file, node, "bad_date", message, hint);
        }
        point
    };
    let from = point("since", calendar::parse_point);
    let until = point("until", calendar::parse_until);
    let written = ["zone", "days", "from", "to", "except"].map(|key| fields.get(key).is_some());
    let hours =
        written.contains(&true).then(|| read_hours(reader.file, &mut fields, reader.faults)).flatten();
    fields.finish(reader.faults);
    Some(Moment { within, outside, hours, from, until })
}

fn named(reader: &mut Reader<'_, '_>, node: &Node) -> Option<(String, Hours)> {
    let name = node.as_text().unwrap_or("");
    let found = reader.hours.get(name).cloned();
    if found.is_none() {
        let known: Vec<&str> = reader.hours.keys().map(String::as_str).collect();
        let hint = match known.as_slice() {
            [] => "define it under `hours:` at the top of the document".to_owned(),
            known => format!("known here: {}", known.join(", ")),
        };
        reader.fault(node, "unknown_calendar", "there is no such calendar".into(), Some(hint));
    }
    found.map(|hours| (name.to_owned(), hours))
}

/// Reads `zone`, `days`, `from`, `to`, `except`, in a calendar or in a rule.
pub fn read_hours(
    file: &str,
    fields: &mut crate::yaml::Fields<'_>,
    faults: &mut crate::yaml::Faults,
) -> Option<Hours> {
    let mut part =
        |key: &'static str, hint: &str, faults: &mut crate::yaml::Faults, known: fn(&str) -> bool| {
            let node = fields.get(key)?;
            let text = node.as_text().filter(|text| known(text));
            if text.is_none() {
                faults.add(file, node, "bad_time", format!("`{key}` cannot be read"), Some(hint.into()));
            }
            text
        };
    let zone =
        part("zone", "a name like `Europe/Berlin` or `UTC`", faults, |t| calendar::parse_zone(t).is_some());
    let days = part("days", "write `mon-fri` or `sat,sun`", faults, |t| Days::parse(t).is_some());
    let clock = "write `09:00`, in quotes";
    let from = part("from", clock, faults, |t| calendar::parse_time(t).is_some());
    let to = part("to", clock, faults, |t| calendar::parse_time(t).is_some());
    let dates = fields.texts("except", faults).unwrap_or_default();
    let except: Vec<_> = dates.iter().filter_map(|text| calendar::parse_date(text)).collect();
    if except.len() != dates.len() {
        fields.fault(
            faults,
            "bad_date",
            "`except` must list dates".into(),
            Some("write `2026-12-25`".into()),
        );
    }
    let span = match (from, to) {
        (None, None) => Span::WHOLE_DAY,
        (Some(from), Some(to)) => Span { from: calendar::parse_time(from)?, to: calendar::parse_time(to)? },
        _ => {
            fields.fault(faults, "half_span", "`from` and `to` go together".into(), None);
            return None;
        }
    };
    Some(Hours {
        zone: zone.map_or(Some(jiff::tz::TimeZone::UTC), calendar::parse_zone)?,
        days: days.map_or(Some(Days::EVERY), Days::parse)?,
        span,
        except,
    })
}
