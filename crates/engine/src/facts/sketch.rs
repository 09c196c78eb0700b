//! Fixed-size summaries: the most frequent keys, and what a volume usually is.

use serde::{Deserialize, Serialize};

/// The `K` most frequent keys with their counts (the space-saving rule: a newcomer to a full table
/// takes the place of the rarest and inherits its count as error).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top<const K: usize> {
    slots: [Slot; K],
    total: u32,
    /// Newcomers that found the table full: above a quarter of all, novelty is normal here.
    displaced: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Slot(u64, u32, u32);

impl<const K: usize> Default for Top<K> {
    fn default() -> Self {
        Top { slots: [Slot::default(); K], total: 0, displaced: 0 }
    }
}

impl<const K: usize> Top<K> {
    /// All of it, at a fixed size.
    pub(super) fn write_to(&self, bytes: &mut Vec<u8>) {
        for Slot(key, count, error) in &self.slots {
            bytes.extend(key.to_le_bytes());
            bytes.extend(count.to_le_bytes());
            bytes.extend(error.to_le_bytes());
        }
        bytes.extend(self.total.to_le_bytes());
        bytes.extend(self.displaced.to_le_bytes());
    }

    pub fn add(&mut self, key: u64, times: u32) {
        if times == 0 {
            return;
        }
        if self.total > u32::MAX / 4 || self.total.saturating_add(times) > u32::MAX / 4 {
            self.halve();
        }
        let times = times.min(u32::MAX / 8);
        self.total = self.total.saturating_add(times);
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.1 > 0 && slot.0 == key) {
            slot.1 = slot.1.saturating_add(times);
        } else if let Some(slot) = self.slots.iter_mut().find(|slot| slot.1 == 0) {
            *slot = Slot(key, times, 0);
        } else if let Some(rarest) = self.slots.iter_mut().min_by_key(|slot| slot.1) {
            *rarest = Slot(key, rarest.1.saturating_add(times), rarest.1);
            self.displaced = self.displaced.saturating_add(1);
        }
    }

    /// How often the key was seen, at least.
    pub fn count(&self, key: u64) -> u32 {
        let found = self.slots.iter().find(|slot| slot.1 > 0 && slot.0 == key);
        found.map_or(0, |slot| slot.1.saturating_sub(slot.2))
    }

    pub fn total(&self) -> u32 {
        self.total
    }

    /// Whether keys never seen before are the rule, so that one more says little.
    pub fn novelty_is_normal(&self) -> bool {
        self.displaced.saturating_mul(4) > self.total
    }

    pub fn entries(&self) -> impl Iterator<Item = (u64, u32)> + '_ {
        self.slots.iter().filter(|slot| slot.1 > 0).map(|slot| (slot.0, slot.1.saturating_sub(slot.2)))
    }

    fn halve(&mut self) {
        for slot in &mut self.slots {
            slot.1 /= 2;
            slot.2 /= 2;
        }
        self.total /= 2;
        self.displaced /= 2;
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    keys: Vec<Slot>,
    total: u32,
    displaced: u32,
}

impl<const K: usize> Serialize for Top<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let keys = self.slots.iter().filter(|slot| slot.1 > 0).copied().collect();
        Wire { keys, total: self.total, displaced: self.displaced }.serialize(serializer)
    }
}

impl<'de, const K: usize> Deserialize<'de> for Top<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wire = Wire::deserialize(deserializer)?;
        if wire.keys.len() > K {
            return Err(serde::de::Error::custom(format_args!("a table of keys holds at most {K}")));
        }
        let mut top = Top { total: wire.total, displaced: wire.displaced, ..Top::default() };
        for (slot, read) in top.slots.iter_mut().zip(wire.keys) {
            *slot = read;
        }
        Ok(top)
    }
}

/// What a volume usually is: running mean and mean absolute deviation of its logarithm.
///
/// Volumes of agents range over many powers of ten, so they are compared in bits (log2) with eight
/// binary places; all arithmetic is on integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    mean: i32,
    deviation: i32,
    seen: u32,
}

/// One bit in the unit of [`Spread`].
pub const BIT: i32 = 256;

impl Spread {
    /// All of it, at a fixed size.
    pub(super) fn write_to(self, bytes: &mut Vec<u8>) {
        let Spread { mean, deviation, seen } = self;
        bytes.extend(mean.to_le_bytes());
        bytes.extend(deviation.to_le_bytes());
        bytes.extend(seen.to_le_bytes());
    }

    /// The weight of one new observation is 1/32 once warm, larger before.
    const INERTIA: u32 = 32;
    /// A perfectly even history still allows half a bit (1.4 times) either way.
    const LEAST_DEVIATION: i32 = BIT / 2;

    pub fn add(&mut self, value: u64) {
        let point = bits(value);
        self.seen = self.seen.saturating_add(1);
        let weight = i32::try_from(self.seen.min(Self::INERTIA)).unwrap_or(1).max(1);
        let gap = point.saturating_sub(self.mean);
        self.mean = self.mean.saturating_add(gap / weight);
        if self.seen > 1 {
            self.deviation += (gap.abs() - self.deviation) / weight;
        }
    }

    /// A history of `seen` equal values.
    pub fn of(value: u64, seen: u32) -> Self {
        Spread { mean: bits(value), deviation: 0, seen }
    }

    /// Bits (in 1/256) by which a value exceeds what three deviations explain; zero when it does not.
    pub fn excess(&self, value: u64) -> i32 {
        if self.seen == 0 {
            return 0;
        }
        let room = 3 * self.deviation.clamp(Self::LEAST_DEVIATION, 8 * BIT);
        bits(value).saturating_sub(self.mean).saturating_sub(room).max(0)
    }

    pub fn mean_bits(&self) -> i32 {
        self.mean
    }

    pub fn seen(&self) -> u32 {
        self.seen
    }
}

/// log2(value + 1) with eight binary places, straight lines between the powers of two.
pub fn bits(value: u64) -> i32 {
    let shifted = u128::from(value) + 1;
    let whole = shifted.ilog2();
    let fraction = ((shifted << 8) >> whole) & 0xff;
    i32::try_from(u128::from(whole) * 256 + fraction).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_keys_stay_whatever_passes_by() {
        let mut top = Top::<4>::default();
        for round in 0..1000u64 {
            top.add(7, 1);
            top.add(1000 + round, 1);
        }
        assert!(top.count(7) > 500);
        assert!(top.novelty_is_normal());
        assert_eq!(top.entries().count(), 4);
    }

    #[test]
    fn an_unusual_volume_exceeds_and_a_usual_one_does_not() {
        let mut spread = Spread::default();
        for value in [80, 120, 95, 60, 110, 140, 99, 75] {
            spread.add(value);
        }
        assert_eq!(spread.excess(100), 0);
        assert_eq!(spread.excess(200), 0);
        assert!(spread.excess(500_000) > 6 * BIT);
        assert_eq!(Spread::default().excess(u64::MAX), 0, "nothing learned, nothing exceeded");
    }

    #[test]
    fn logarithms_are_monotone_to_the_end() {
        let mut last = -1;
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) | (1u64 << shift >> 1)] {
                assert!(bits(value) >= last);
                last = bits(value);
            }
        }
        assert_eq!(bits(u64::MAX), 64 * 256);
        assert_eq!(bits(0), 0);
    }

    #[test]
    fn a_table_with_too_many_keys_is_refused() {
        let text = r#"{"keys":[[1,1,0],[2,1,0],[3,1,0]],"total":3,"displaced":0}"#;
        assert!(serde_json::from_str::<Top<2>>(text).is_err());
        assert_eq!(serde_json::from_str::<Top<4>>(text).unwrap().count(2), 1);
    }
}
