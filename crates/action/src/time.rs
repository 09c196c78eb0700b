//! Points in time, in whole milliseconds. Nothing here reads a clock.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds since 1970-01-01T00:00:00Z; written as RFC 3339 on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0001-01-01 to 9999-12-30: what can be written with a four-digit year in every time zone.
    const MIN: i64 = -62_135_596_800_000;
    const MAX: i64 = 253_402_207_199_999;

    /// The nearest point in the range that can be written.
    pub const fn from_millis(millis: i64) -> Self {
        if millis < Self::MIN {
            Timestamp(Self::MIN)
        } else if millis > Self::MAX {
            Timestamp(Self::MAX)
        } else {
            Timestamp(millis)
        }
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to here; zero if the clock went backwards.
    pub const fn since(self, earlier: Timestamp) -> i64 {
        let gap = self.0.saturating_sub(earlier.0);
        if gap < 0 { 0 } else { gap }
    }

    pub const fn plus_millis(self, millis: i64) -> Self {
        Self::from_millis(self.0.saturating_add(millis))
    }

    pub fn parse(text: &str) -> Option<Self> {
        let point: jiff::Timestamp = text.parse().ok()?;
        Some(Self::from_millis(point.as_millisecond()))
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(point) => write!(f, "{point:.3}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text).ok_or_else(|| {
            serde::de::Error::custom("a time is written as RFC 3339, for example `2026-03-02T14:05:00Z`")
        })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_millis_agree() {
        let point = Timestamp::parse("2026-03-02T14:05:00.250+01:00");
        assert_eq!(point.map(|p| p.to_string()).as_deref(), Some("2026-03-02T13:05:00.250Z"));
    }

    #[test]
    fn the_ends_of_the_range_can_be_written_and_read() {
        for end in [Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX)] {
            assert_eq!(Timestamp::parse(&end.to_string()), Some(end), "{end}");
        }
    }

    #[test]
    fn a_clock_that_goes_backwards_gives_zero() {
        assert_eq!(Timestamp::from_millis(5).since(Timestamp::from_millis(9)), 0);
        assert_eq!(
            Timestamp::from_millis(i64::MAX).since(Timestamp::from_millis(i64::MIN)),
            Timestamp::MAX - Timestamp::MIN
        );
    }
}
