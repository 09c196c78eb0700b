//! The shape of a token: a run of byte sets with counts, matched greedily in one pass.
//!
//! A subset of regular expressions that never needs to look back: literals, `[a-z0-9_-]`, `\d`,
//! `\w`, and `?`, `{n}`, `{n,m}` after either. What follows a repeated set must not be in it.
//! Nothing is compiled beyond a list of bit sets, so three hundred shapes cost no start-up time.

/// A set of ASCII bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Set(u128);

impl Set {
    pub const WORD: Set = Set::of(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
    pub const DIGIT: Set = Set::of(b"0123456789");

    pub const fn of(bytes: &[u8]) -> Set {
        let mut bits = 0u128;
        let mut rest = bytes;
        while let [first, tail @ ..] = rest {
            if *first < 128 {
                bits |= 1 << *first;
            }
            rest = tail;
        }
        Set(bits)
    }

    pub const fn has(self, byte: u8) -> bool {
        byte < 128 && (self.0 >> byte) & 1 == 1
    }

    /// The bytes of the set, in order.
    #[cfg(test)]
    pub fn bytes(self) -> impl Iterator<Item = u8> {
        (0..128u8).filter(move |byte| self.has(*byte))
    }

    fn or(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }

    fn range(from: u8, to: u8) -> Set {
        (from..=to).fold(Set::default(), |set, byte| set.or(Set::of(&[byte])))
    }
}

/// `set` between `min` and `max` times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub set: Set,
    pub min: usize,
    pub max: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape(Vec<Step>);

impl Shape {
    pub fn parse(pattern: &str) -> Shape {
        let mut steps: Vec<Step> = Vec::new();
        let mut bytes = pattern.bytes().peekable();
        while let Some(byte) = bytes.next() {
            let set = match byte {
                b'[' => class(&mut bytes),
                b'\\' => bytes.next().map(escape).unwrap_or_default(),
                literal => Set::of(&[literal]),
            };
            let (min, max) = match bytes.peek() {
                Some(b'?') => {
                    bytes.next();
                    (0, 1)
                }
                Some(b'{') => {
                    bytes.next();
                    counts(&mut bytes)
                }
                _ => (1, 1),
            };
            steps.push(Step { set, min, max });
        }
        Shape(steps)
    }

    #[cfg(test)]
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The end of the match that begins at `at`, if there is one.
    pub fn end(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let mut place = at;
        for step in &self.0 {
            let run = bytes.get(place..)?.iter().take(step.max).take_while(|b| step.set.has(**b)).count();
            if run < step.min {
                return None;
            }
            place += run;
        }
        Some(place)
    }

    /// Whether a match that begins at `at` may still be under way at the end of the text.
    pub fn is_open(&self, bytes: &[u8], at: usize) -> bool {
        let mut place = at;
        for step in &self.0 {
            let rest = bytes.get(place..).unwrap_or_default();
            let run = rest.iter().take(step.max).take_while(|b| step.set.has(**b)).count();
            place += run;
            if place >= bytes.len() {
                return true;
            }
            if run < step.min {
                return false;
            }
        }
        false
    }

    /// Whether `byte`, standing right after a match, would make the token longer than it may be.
    pub fn goes_on_with(&self, byte: u8) -> bool {
        Set::WORD.has(byte) || (byte == b'-' && self.0.last().is_some_and(|step| step.set.has(b'-')))
    }
}

fn escape(byte: u8) -> Set {
    match byte {
        b'd' => Set::DIGIT,
        b'w' => Set::WORD,
        b'n' => Set::of(b"\n"),
        b'r' => Set::of(b"\r"),
        other => Set::of(&[other]),
    }
}

fn class(bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>) -> Set {
    let mut set = Set::default();
    while let Some(byte) = bytes.next() {
        match byte {
            b']' => break,
            b'\\' => set = set.or(bytes.next().map(escape).unwrap_or_default()),
            from => {
                let mut ahead = bytes.clone();
                match (ahead.next(), ahead.next()) {
                    (Some(b'-'), Some(to)) if to != b']' => {
                        set = set.or(Set::range(from, to));
                        *bytes = ahead;
                    }
                    _ => set = set.or(Set::of(&[from])),
                }
            }
        }
    }
    set
}

fn counts(bytes: &mut impl Iterator<Item = u8>) -> (usize, usize) {
    let (mut min, mut max, mut second) = (0usize, 0usize, false);
    for byte in bytes.take_while(|byte| *byte != b'}') {
        match byte {
            b',' => second = true,
            digit => {
                let digit = usize::from(digit.wrapping_sub(b'0'));
                let number = if second { &mut max } else { &mut min };
                *number = number.saturating_mul(10).saturating_add(digit);
            }
        }
    }
    (min, if second { max } else { min })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_sets_and_literals_match_in_one_pass() {
        let shape = Shape::parse(r"ab-[a-f\d]{2,4}\.x?\w{3}");
        assert_eq!(shape.end(b"..ab-12f.xyz_", 2), Some(13));
        assert_eq!(shape.end(b"ab-1.xyz", 0), None);
        assert_eq!(shape.end(b"ab-12345.xyz", 0), None);
        assert_eq!(shape.end(b"ab-12.yz", 0), None);
    }

    #[test]
    fn a_hyphen_goes_on_only_where_the_alphabet_has_one() {
        assert!(Shape::parse("[a-z-]{3}").goes_on_with(b'-'));
        assert!(!Shape::parse("[a-z]{3}").goes_on_with(b'-'));
        assert!(Shape::parse("[a-f]{3}").goes_on_with(b'z'));
    }
}
