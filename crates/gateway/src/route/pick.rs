//! The order in which upstreams are tried.

use std::time::Instant;

use super::Strategy;

/// What is known of one of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// When it may be called again; none when it may be called now.
    pub back: Option<Instant>,
    pub load: u64,
    /// What the call would cost there, when that is known.
    pub price: Option<u64>,
}

/// Numbers of all that were given, the one to try first in front. Those that are to be left alone come
/// last, the soonest one to be back first: they are tried when nobody else is left.
///
/// `turn` counts the calls of a route, `draw` is random.
pub fn order(by: Strategy, seen: &[Seen], turn: u64, draw: [u64; 2]) -> Vec<usize> {
    let mut all: Vec<(usize, &Seen)> = seen.iter().enumerate().collect();
    all.sort_by_key(|(_, one)| one.back);
    let able = all.iter().filter(|(_, one)| one.back.is_none()).count();
    let (able, _) = all.split_at_mut(able);
    match by {
        Strategy::Order => {}
        Strategy::RoundRobin => able.rotate_left(remainder(turn, able.len())),
        Strategy::Cost => able.sort_by_key(|(_, one)| one.price.unwrap_or(u64::MAX)),
        Strategy::Latency => {
            // Of two that are drawn the better one: all callers at once on the very best would make it
            // the worst.
            let [first, second] = draw;
            let first = remainder(first, able.len());
            let other = (first + 1 + remainder(second, able.len().saturating_sub(1))) % able.len().max(1);
            let load = |place: usize| able.get(place).map(|(_, one)| one.load);
            let better = if load(other) < load(first) { other } else { first };
            if let Some((head, _)) = able.split_at_mut_checked(better + 1) {
                head.rotate_right(1);
            }
            if let Some((_, rest)) = able.split_first_mut() {
                rest.sort_by_key(|(_, one)| one.load);
            }
        }
    }
    all.iter().map(|(place, _)| *place).collect()
}

fn remainder(number: u64, of: usize) -> usize {
    let of_many = u64::try_from(of).unwrap_or(u64::MAX);
    number.checked_rem(of_many).and_then(|place| usize::try_from(place).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn seen(load: u64, price: Option<u64>) -> Seen {
        Seen { back: None, load, price }
    }

    #[test]
    fn each_strategy_puts_its_own_first() {
        let all = [seen(30, Some(5)), seen(10, None), seen(20, Some(2))];
        let order = |by, turn, draw| order(by, &all, turn, draw);
        assert_eq!(order(Strategy::Order, 7, [9, 9]), [0, 1, 2]);
        assert_eq!(order(Strategy::Cost, 7, [9, 9]), [2, 0, 1], "a price that is unknown comes last");
        assert_eq!(order(Strategy::RoundRobin, 1, [0, 0]), [1, 2, 0]);
        assert_eq!(order(Strategy::RoundRobin, 5, [0, 0]), [2, 0, 1]);
        assert_eq!(order(Strategy::Latency, 0, [0, 1]), [2, 1, 0], "of 0 and 2 the quicker one");
        assert_eq!(order(Strategy::Latency, 0, [0, 0]), [1, 2, 0]);
    }

    #[test]
    fn those_that_are_left_alone_come_last_and_nobody_is_lost() {
        let now = Instant::now();
        let mut state = 1u64;
        let mut roll = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        for _ in 0..20_000 {
            let count = roll() % 6;
            let all: Vec<Seen> = (0..count)
                .map(|_| Seen {
                    back: (roll() % 3 == 0).then(|| now + Duration::from_millis(roll() % 50)),
                    load: roll() % 4,
                    price: (roll() % 3 != 0).then(|| roll() % 4),
                })
                .collect();
            for by in Strategy::ALL {
                let ordered = order(*by, &all, roll(), [roll(), roll()]);
                let mut places = ordered.clone();
                places.sort_unstable();
                assert_eq!(places, (0..all.len()).collect::<Vec<_>>(), "each one once");
                let backs: Vec<_> = ordered.iter().map(|place| all[*place].back).collect();
                assert!(backs.is_sorted(), "able ones first, then by when they are back: {backs:?}");
            }
        }
    }

    #[test]
    fn over_many_calls_the_turn_is_even_and_the_slowest_is_drawn_last() {
        let all = [seen(1, None), seen(2, None), seen(3, None)];
        let mut firsts = [[0u32; 3]; 2];
        for turn in 0..9_000u64 {
            let draw = [turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20, turn / 3];
            firsts[0][order(Strategy::RoundRobin, &all, turn, draw)[0]] += 1;
            firsts[1][order(Strategy::Latency, &all, turn, draw)[0]] += 1;
        }
        assert_eq!(firsts[0], [3_000; 3]);
        let [quick, middle, slow] = firsts[1];
        assert!(quick > middle && middle > 0 && slow == 0, "{firsts:?}");
    }
}
