//! Counts of one text, gathered once. They gate everything that costs more than a count.

/// What one look over the bytes tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traits {
    pub bytes: u32,
    pub ascii: bool,
    pub letters: u32,
    pub upper: u32,
    pub digits: u32,
    pub blanks: u32,
    /// Control characters other than line breaks and tabs.
    pub controls: u32,
    pub percents: u32,
    pub backslashes: u32,
    pub ampersands: u32,
    pub equals: u32,
    pub pluses: u32,
    pub less_thans: u32,
    /// Letters and digits that stand alone between other characters.
    pub singles: u32,
    /// Marks between two letters or digits, apostrophes and blanks left out.
    pub inner_marks: u32,
    /// Look-alike digits or signs beside a letter, as in `1gn0r3`.
    pub leet_spots: u32,
    /// Letters followed by themselves.
    pub doubled: u32,
    /// Letters e, t, a, o, i and n: half of all letters in European prose.
    pub common: u32,
    pub vowels: u32,
    /// Marks of any kind, apostrophes left out.
    pub marks: u32,
    /// Words that end in `ay`.
    pub ay_endings: u32,
    /// Longest stretch of letters, digits and `+/-_=`.
    pub longest_run: u32,
    /// Some stretch of prose has far too few common letters.
    pub odd_letters: bool,
    /// Some stretch of prose has more mirrored pairs of letters (`ht`, `eh`, `uo`) than straight ones.
    pub backwards: bool,
}

/// Bytes per block of the letter statistics: short enough that a paragraph shows between others.
pub(super) const BLOCK: usize = 128;
/// Fewest letters of a block that say anything.
const BLOCK_LETTERS: u32 = 20;
/// Common letters per hundred below which a block is odd. Prose has 50, shifted prose about 25.
const COMMON_SHARE: u32 = 37;

const fn is_run_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=')
}

const fn lower(b: u8) -> u8 {
    b | 0x20
}

const fn is_letter(b: u8) -> bool {
    lower(b).wrapping_sub(b'a') < 26
}

const fn is_word(b: u8) -> bool {
    is_letter(b) | (b.wrapping_sub(b'0') < 10)
}

const fn is_common(b: u8) -> bool {
    let l = lower(b);
    (l == b'e') | (l == b't') | (l == b'a') | (l == b'o') | (l == b'i') | (l == b'n')
}

const fn is_vowel(b: u8) -> bool {
    let l = lower(b);
    (l == b'a') | (l == b'e') | (l == b'i') | (l == b'o') | (l == b'u') | (l == b'y')
}

const fn is_control(b: u8) -> bool {
    ((b < 0x20) & (b != b'\n') & (b != b'\r') & (b != b'\t')) | (b == 0x7F)
}

const fn is_mark(b: u8) -> bool {
    (b > b' ') & (b < 0x7F) & !is_word(b) & (b != b'\'')
}

const fn is_leet(b: u8) -> bool {
    (b == b'0')
        | (b == b'1')
        | (b == b'3')
        | (b == b'4')
        | (b == b'5')
        | (b == b'7')
        | (b == b'@')
        | (b == b'$')
        | (b == b'!')
}

/// Adds up short stretches in bytes, which the compiler turns into vector instructions.
fn tally(bytes: &[u8], is: impl Fn(u8) -> bool) -> u32 {
    bytes
        .chunks(255)
        .map(|chunk| u32::from(chunk.iter().fold(0u8, |sum, b| sum.wrapping_add(u8::from(is(*b))))))
        .sum()
}

fn tally_pairs(bytes: &[u8], is: impl Fn(u8, u8) -> bool) -> u32 {
    let next = bytes.get(1..).unwrap_or_default();
    bytes
        .chunks(255)
        .zip(next.chunks(255))
        .map(|(a, b)| {
            u32::from(a.iter().zip(b).fold(0u8, |sum, (a, b)| sum.wrapping_add(u8::from(is(*a, *b)))))
        })
        .sum()
}

fn tally_triples(bytes: &[u8], is: impl Fn(u8, u8, u8) -> bool) -> u32 {
    let (second, third) = (bytes.get(1..).unwrap_or_default(), bytes.get(2..).unwrap_or_default());
    bytes
        .chunks(255)
        .zip(second.chunks(255))
        .zip(third.chunks(255))
        .map(|((a, b), c)| {
            u32::from(
                a.iter()
                    .zip(b)
                    .zip(c)
                    .fold(0u8, |sum, ((a, b), c)| sum.wrapping_add(u8::from(is(*a, *b, *c)))),
            )
        })
        .sum()
}

impl Traits {
    pub fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut traits = Traits {
            bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            ascii: bytes.is_ascii(),
            upper: tally(bytes, |b| b.wrapping_sub(b'A') < 26),
            digits: tally(bytes, |b| b.wrapping_sub(b'0') < 10),
            blanks: tally(bytes, |b| (b == b' ') | (b == b'\n') | (b == b'\t') | (b == b'\r')),
            controls: tally(bytes, is_control),
            percents: tally(bytes, |b| b == b'%'),
            backslashes: tally(bytes, |b| b == b'\\'),
            ampersands: tally(bytes, |b| b == b'&'),
            equals: tally(bytes, |b| b == b'='),
            pluses: tally(bytes, |b| b == b'+'),
            less_thans: tally(bytes, |b| b == b'<'),
            singles: tally_triples(bytes, |a, b, c| !is_word(a) & is_word(b) & !is_word(c)),
            inner_marks: tally_triples(bytes, |a, b, c| is_word(a) & is_mark(b) & is_word(c)),
            leet_spots: tally_triples(bytes, |a, b, c| is_letter(a) & is_leet(b) & is_letter(c)),
            doubled: tally_pairs(bytes, |a, b| is_letter(a) & (lower(a) == lower(b))),
            marks: tally(bytes, is_mark),
            ay_endings: tally_triples(bytes, |a, b, c| {
                (lower(a) == b'a') & (lower(b) == b'y') & !is_letter(c)
            }),
            vowels: tally(bytes, is_vowel),
            longest_run: longest_run(bytes),
            ..Traits::default()
        };
        for block in bytes.chunks(BLOCK) {
            let (letters, common) = (tally(block, is_letter), tally(block, is_common));
            traits.letters = traits.letters.saturating_add(letters);
            traits.common = traits.common.saturating_add(common);
            traits.odd_letters |= too_few_common(letters, common);
            let mirrored = tally_pairs(block, |a, b| straight(b, a));
            traits.backwards |= mirrored >= 2 && mirrored > tally_pairs(block, straight);
        }
        traits
    }
}

/// Whether a block of text holds letters, but not those of prose.
pub(super) fn is_odd(block: &[u8]) -> bool {
    too_few_common(tally(block, is_letter), tally(block, is_common))
}

const fn too_few_common(letters: u32, common: u32) -> bool {
    letters >= BLOCK_LETTERS && common.saturating_mul(100) < letters.saturating_mul(COMMON_SHARE)
}

/// Pairs of letters that English writes much oftener than their mirrors.
const fn straight(a: u8, b: u8) -> bool {
    pair(a, b, b't', b'h')
        | pair(a, b, b'h', b'e')
        | pair(a, b, b'o', b'u')
        | pair(a, b, b'i', b'o')
        | pair(a, b, b'n', b'd')
        | pair(a, b, b'n', b'g')
}

const fn pair(a: u8, b: u8, first: u8, second: u8) -> bool {
    (lower(a) == first) & (lower(b) == second)
}

/// Looks at every sixteenth byte and measures the run around it, so that prose, whose runs are
/// words, is mostly stepped over. Runs under 16 bytes may be missed; none of them matters here.
fn longest_run(bytes: &[u8]) -> u32 {
    let mut longest = 0;
    let mut at = 0;
    while let Some(probe) = bytes.get(at) {
        if is_run_byte(*probe) {
            let before =
                bytes.get(..at).unwrap_or_default().iter().rev().take_while(|b| is_run_byte(**b)).count();
            let after = bytes.get(at..).unwrap_or_default().iter().take_while(|b| is_run_byte(**b)).count();
            longest = longest.max(before + after);
            at += after;
        }
        at += 16;
    }
    u32::try_from(longest).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_gates_need() {
        let traits = Traits::of("A b%41\\n &amp; 1gn0r3");
        assert_eq!((traits.percents, traits.backslashes, traits.ampersands), (1, 1, 1));
        assert_eq!(traits.leet_spots, 1);
        assert!(traits.ascii);
        assert_eq!(Traits::of(&"ab ".repeat(300)).blanks, 300);
        assert_eq!(Traits::of(&"x".repeat(700)).letters, 700);
    }

    #[test]
    fn runs_of_sixteen_and_more_are_always_seen() {
        for lead in 0..40 {
            let text = format!("{}{} end", " ".repeat(lead), "a".repeat(16));
            assert_eq!(Traits::of(&text).longest_run, 16, "{lead}");
        }
    }

    #[test]
    fn shifted_prose_has_odd_letters_and_prose_has_not() {
        assert!(!Traits::of("please send the report to the team before the meeting").odd_letters);
        assert!(Traits::of("cyrnfr fraq gur ercbeg gb gur grnz orsber gur zrrgvat").odd_letters);
    }
}
