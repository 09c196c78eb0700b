//! The weighted power mean, rounded to the nearest integer without floating point.

/// Greatest exponent for which the comparison stays inside 128 bits.
pub const MAX_POWER: u8 = 15;

/// The integer `r` in 0..=100 with `(2r-1)^p * W <= 2^p * M < (2r+1)^p * W`, where `M` is the sum
/// of `weight * part^p` and `W` the sum of the weights; `r = 0` has no lower bound.
///
/// With p = 4 one extreme part stays visible where a plain mean would hide it. A power outside
/// 1..=15 counts as the nearest of them; without any weight the mean is 0.
pub fn power_mean(parts: &[u8; 7], weights: &[u8; 7], power: u8) -> u8 {
    let power = u32::from(power.clamp(1, MAX_POWER));
    let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    if total == 0 {
        return 0;
    }
    let moment: u128 = parts
        .iter()
        .zip(weights)
        .map(|(part, weight)| u128::from(*weight) * u128::from((*part).min(100)).pow(power))
        .sum();
    let moment = moment << power;
    // What holds for one r holds for every smaller one, so the greatest is found by halving.
    let fits = |r: u8| (2 * u128::from(r) - 1).pow(power) * total <= moment;
    let (mut least, mut most) = (0u8, 100u8);
    while least < most {
        let middle = most - (most - least) / 2;
        match fits(middle) {
            true => least = middle,
            false => most = middle - 1,
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WEIGHTS: [u8; 7] = [15, 12, 10, 8, 13, 11, 10];

    #[test]
    fn the_six_worked_rows() {
        for (parts, base) in [
            ([20, 10, 5, 40, 5, 10, 40], 28),
            ([50, 20, 10, 60, 10, 20, 40], 41),
            ([100, 20, 20, 20, 20, 20, 20], 66),
            ([100, 20, 20, 80, 20, 60, 90], 76),
            ([100, 30, 90, 80, 95, 90, 80], 88),
            ([100, 70, 50, 80, 95, 100, 90], 89),
        ] {
            assert_eq!(power_mean(&parts, &WEIGHTS, 4), base, "{parts:?}");
        }
    }

    #[test]
    fn the_ends_are_exact_for_every_power() {
        for power in 0..=20 {
            assert_eq!(power_mean(&[0; 7], &WEIGHTS, power), 0);
            assert_eq!(power_mean(&[100; 7], &[u8::MAX; 7], power), 100);
            assert_eq!(power_mean(&[37; 7], &WEIGHTS, power), 37);
        }
        assert_eq!(power_mean(&[100; 7], &[0; 7], 4), 0);
    }

    proptest! {
        #[test]
        fn both_bounds_of_the_definition_hold(
            parts in proptest::array::uniform7(0u8..=100),
            weights in proptest::array::uniform7(0u8..=100),
            power in 1u32..=15,
        ) {
            let r = u128::from(power_mean(&parts, &weights, power as u8));
            let total: u128 = weights.iter().map(|w| u128::from(*w)).sum();
            let moment: u128 =
                parts.iter().zip(&weights).map(|(x, w)| u128::from(*w) * u128::from(*x).pow(power)).sum();
            if total > 0 {
                prop_assert!(r == 0 || (2 * r - 1).pow(power) * total <= moment << power);
                prop_assert!(moment << power < (2 * r + 1).pow(power) * total);
            }
        }

        #[test]
        fn a_greater_part_never_lowers_the_mean(
            parts in proptest::array::uniform7(0u8..=100),
            which in 0usize..7,
            more in 0u8..=100,
            power in 1u8..=15,
        ) {
            let mut raised = parts;
            raised[which] = raised[which].max(more);
            prop_assert!(power_mean(&raised, &WEIGHTS, power) >= power_mean(&parts, &WEIGHTS, power));
        }
    }
}
