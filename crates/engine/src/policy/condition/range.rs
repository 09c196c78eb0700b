//! Ranges of numbers, written `over`, `at_least`, `under`, `at_most`.

use action::Decimal;

use crate::yaml::{Faults, Fields};

/// A range with an optional end on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    pub low: Option<Bound>,
    pub high: Option<Bound>,
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    pub at: Decimal,
    /// Whether the end itself belongs to the range.
    pub inside: bool,
}

impl Range {
    /// Reads the four keys; a range without any of them is everything.
    pub fn read(fields: &mut Fields<'_>, faults: &mut Faults) -> Range {
        let mut end = |open: &'static str, closed: &'static str| {
            let outside = fields.decimal(open, faults).map(|at| Bound { at, inside: false });
            let inside = fields.decimal(closed, faults).map(|at| Bound { at, inside: true });
            if outside.is_some() && inside.is_some() {
                let message = format!("`{open}` and `{closed}` cannot both be given");
                fields.fault(faults, "two_bounds", message, None);
            }
            outside.or(inside)
        };
        Range { low: end("over", "at_least"), high: end("under", "at_most") }
    }

    pub fn is_everything(&self) -> bool {
        self.low.is_none() && self.high.is_none()
    }

    pub fn contains(&self, value: Decimal) -> bool {
        let low = self.low.is_none_or(|b| value > b.at || (b.inside && value == b.at));
        let high = self.high.is_none_or(|b| value < b.at || (b.inside && value == b.at));
        low && high
    }

    /// Whether no number is in it.
    pub fn is_empty(&self) -> bool {
        match (self.low, self.high) {
            (Some(low), Some(high)) => {
                low.at > high.at || (low.at == high.at && !(low.inside && high.inside))
            }
            _ => false,
        }
    }

    /// Whether every number of `other` is in this range.
    pub fn covers(&self, other: &Range) -> bool {
        let low = match (self.low, other.low) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(a), Some(b)) => a.at < b.at || (a.at == b.at && (a.inside || !b.inside)),
        };
        let high = match (self.high, other.high) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(a), Some(b)) => a.at > b.at || (a.at == b.at && (a.inside || !b.inside)),
        };
        low && high
    }

    /// The nearest way out for a value inside: the bound and the words for its other side.
    pub fn way_out(&self) -> Option<(Bound, &'static str)> {
        match (self.low, self.high) {
            (Some(bound), None) => Some((bound, if bound.inside { "under" } else { "at most" })),
            (None, Some(bound)) => Some((bound, if bound.inside { "over" } else { "at least" })),
            _ => None,
        }
    }
}

impl std::fmt::Display for Range {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(low) = self.low {
            write!(f, "{} {}", if low.inside { "at least" } else { "over" }, low.at)?;
        }
        if let Some(high) = self.high {
            let and = if self.low.is_some() { " and " } else { "" };
            write!(f, "{and}{} {}", if high.inside { "at most" } else { "under" }, high.at)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(low: Option<(i64, bool)>, high: Option<(i64, bool)>) -> Range {
        let bound = |(at, inside): (i64, bool)| Bound { at: Decimal::from_int(at), inside };
        Range { low: low.map(bound), high: high.map(bound) }
    }

    #[test]
    fn ends_belong_or_not() {
        let over = range(Some((1000, false)), None);
        assert!(over.contains(Decimal::from_int(1001)) && !over.contains(Decimal::from_int(1000)));
        let at_least = range(Some((1000, true)), None);
        assert!(at_least.contains(Decimal::from_int(1000)) && !at_least.contains(Decimal::from_int(999)));
        assert!(at_least.covers(&over) && !over.covers(&at_least));
    }

    #[test]
    fn empty_ranges_are_known() {
        assert!(range(Some((5, false)), Some((5, true))).is_empty());
        assert!(range(Some((6, true)), Some((5, true))).is_empty());
        assert!(!range(Some((5, true)), Some((5, true))).is_empty());
    }
}
