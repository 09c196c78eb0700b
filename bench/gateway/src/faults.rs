//! What goes wrong at a provider: one table, drawn in an order that is always the same.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// A status of 500.
    Status,
    /// The connection is closed and nothing was answered.
    Silent,
    /// It is closed in the middle of the answer.
    Reset,
    /// The answer ends in the middle, as if that were its end.
    Truncated,
    /// Something that is no answer.
    Garbage,
    /// All of it, with a long pause in the middle.
    Slow,
}

/// How often each is drawn, of a hundred; the rest goes well.
const TABLE: &[(Fault, u64)] = &[
    (Fault::Status, 4),
    (Fault::Silent, 2),
    (Fault::Reset, 4),
    (Fault::Truncated, 4),
    (Fault::Garbage, 2),
    (Fault::Slow, 4),
];

/// Draws faults, and counts what was drawn.
#[derive(Default)]
pub struct Faults {
    turn: AtomicU64,
    drawn: [AtomicU64; TABLE.len()],
}

impl Faults {
    pub fn next(&self) -> Fault {
        // A step that has no divisor with a hundred visits every number of it, in no order that a client's
        // own turns could fall into step with.
        let mut at = self.turn.fetch_add(1, Ordering::Relaxed).wrapping_mul(37) % 100;
        for ((fault, share), drawn) in TABLE.iter().zip(&self.drawn) {
            if at < *share {
                drawn.fetch_add(1, Ordering::Relaxed);
                return *fault;
            }
            at -= share;
        }
        Fault::None
    }

    pub fn told(&self) -> String {
        let one = |((fault, _), drawn): (&(Fault, u64), &AtomicU64)| {
            format!("{} {}", format!("{fault:?}").to_lowercase(), drawn.load(Ordering::Relaxed))
        };
        TABLE.iter().zip(&self.drawn).map(one).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_hundred_each_is_drawn_as_often_as_the_table_says() {
        let faults = Faults::default();
        let drawn: Vec<Fault> = (0..100).map(|_| faults.next()).collect();
        for (fault, share) in TABLE {
            assert_eq!(drawn.iter().filter(|it| *it == fault).count() as u64, *share, "{fault:?}");
        }
        assert!(faults.told().starts_with("status 4, silent 2, "), "{}", faults.told());
    }
}
