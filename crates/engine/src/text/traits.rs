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
    /// Such letters or digits with one byte between them.
    pub single_pairs: u32,
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
    /// Letters y; in pig latin every word has one.
    pub ys: u32,
    /// Blanks followed by another.
    pub blank_pairs: u32,
    /// Line breaks and tabs.
    pub breaks: u32,
    /// Longest stretch of letters, digits and `+/-_=`.
    pub longest_run: u32,
    /// Pairs of letters that English writes often: th, he, ou, io, nd.
    pub straight: u32,
    /// First bytes of phonetic letters (U+01C0 to U+02BF), and characters that may spell something
    /// else: Braille, some zero-width characters, variation selectors.
    pub phonetic: u32,
    pub signs: u32,
    /// Some stretch of prose has far too few common letters.
    pub odd_letters: bool,
    /// Some stretch of prose has more mirrored pairs of letters (`ht`, `eh`, `uo`) than straight ones.
    pub backwards: bool,
}

/// Bytes per block: short enough that a paragraph shows between others, and that the classes of a
/// block stay in the nearest cache.
pub(super) const BLOCK: usize = 128;
/// Bytes behind a block that its pairs and triples reach into.
const AHEAD: usize = 4;
/// Fewest letters of a block that say anything.
const BLOCK_LETTERS: u32 = 20;
/// Common letters per hundred below which a block is odd. Prose has 50, shifted prose about 25.
const COMMON_SHARE: u32 = 37;

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const WORD: u8 = LETTER | DIGIT;
const MARK: u8 = 4;
const LEET: u8 = 8;
const BLANK: u8 = 16;
const VOWEL: u8 = 32;
const COMMON: u8 = 64;
const CONTROL: u8 = 128;

/// What each byte is, as bits.
static CLASS: [u8; 256] = classes();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut b = 0u8;
    loop {
        let mut class = 0;
        if b.is_ascii_alphabetic() {
            class |= LETTER;
            class |= if matches!(b | 0x20, b'a' | b'e' | b'i' | b'o' | b'u' | b'y') { VOWEL } else { 0 };
            class |= if matches!(b | 0x20, b'e' | b't' | b'a' | b'o' | b'i' | b'n') { COMMON } else { 0 };
        }
        class |= if b.is_ascii_digit() { DIGIT } else { 0 };
        class |= if b.is_ascii_punctuation() && b != b'\'' { MARK } else { 0 };
        class |=
            if matches!(b, b'0' | b'1' | b'3' | b'4' | b'5' | b'7' | b'@' | b'$' | b'!') { LEET } else { 0 };
        class |= if matches!(b, b' ' | b'\n' | b'\r' | b'\t') { BLANK } else { 0 };
        class |= if b.is_ascii_control() && !matches!(b, b'\n' | b'\r' | b'\t') { CONTROL } else { 0 };
        table[b as usize] = class;
        if b == u8::MAX {
            return table;
        }
        b += 1;
    }
}

/// One block and what lies ahead of it, filled up with zeros. Its size is known to the compiler, so
/// that every count below becomes a few steps over sixteen bytes each, without a rest to care for.
type Block = [u8; BLOCK + AHEAD];

/// The bytes of a block from an offset on.
fn from(block: &Block, offset: usize) -> &[u8; BLOCK] {
    block.get(offset..).and_then(|rest| rest.first_chunk()).unwrap_or(&[0; BLOCK])
}

/// Counts of one block. A block has fewer than 256 bytes, so bytes can count them.
fn tally(block: &Block, is: impl Fn(u8) -> bool) -> u32 {
    u32::from(from(block, 0).iter().fold(0u8, |sum, item| sum.wrapping_add(u8::from(is(*item)))))
}

fn tally_pairs(block: &Block, is: impl Fn(u8, u8) -> bool) -> u32 {
    let pairs = from(block, 0).iter().zip(from(block, 1));
    u32::from(pairs.fold(0u8, |sum, (a, b)| sum.wrapping_add(u8::from(is(*a, *b)))))
}

fn tally_triples(block: &Block, is: impl Fn(u8, u8, u8) -> bool) -> u32 {
    let triples = from(block, 0).iter().zip(from(block, 1)).zip(from(block, 2));
    u32::from(triples.fold(0u8, |sum, ((a, b), c)| sum.wrapping_add(u8::from(is(*a, *b, *c)))))
}

impl Traits {
    pub fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut traits = Traits {
            bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            ascii: bytes.is_ascii(),
            longest_run: longest_run(bytes),
            ..Traits::default()
        };
        let mut at = 0;
        while at < bytes.len() {
            let end = bytes.len().min(at + BLOCK + AHEAD);
            traits.add(bytes.get(at..end).unwrap_or_default());
            at += BLOCK;
        }
        traits
    }

    /// Adds a block; what lies ahead of it is looked at, not counted.
    fn add(&mut self, text: &[u8]) {
        let (mut bytes, mut classes, mut words): (Block, Block, Block) =
            ([0; BLOCK + AHEAD], [0; BLOCK + AHEAD], [0; BLOCK + AHEAD]);
        if let Some(part) = bytes.get_mut(..text.len()) {
            part.copy_from_slice(text);
        }
        for (class, b) in classes.iter_mut().zip(text) {
            *class = CLASS.get(usize::from(*b)).copied().unwrap_or(0);
        }
        for (word, class) in words.iter_mut().zip(classes) {
            *word = u8::from(class & WORD != 0);
        }
        let has = |bits: u8| move |class: u8| class & bits != 0;
        let (letters, common) = (tally(&classes, has(LETTER)), tally(&classes, has(COMMON)));
        self.letters += letters;
        self.common += common;
        self.odd_letters |= too_few_common(letters, common);
        self.digits += tally(&classes, has(DIGIT));
        self.blanks += tally(&classes, has(BLANK));
        self.marks += tally(&classes, has(MARK));
        self.vowels += tally(&classes, has(VOWEL));
        self.controls += tally(&classes, has(CONTROL));
        self.blank_pairs += tally_pairs(&classes, |a, b| a & b & BLANK != 0);
        self.singles += tally_triples(&words, |a, b, c| (a ^ 1) & b & (c ^ 1) != 0);
        let word = |offset: usize| from(&words, offset).iter();
        let fives = word(0).zip(word(1)).zip(word(2)).zip(word(3)).zip(word(4));
        self.single_pairs +=
            u32::from(fives.fold(0u8, |sum, ((((a, b), c), d), e)| {
                sum.wrapping_add((a ^ 1) & b & (c ^ 1) & d & (e ^ 1))
            }));
        self.inner_marks +=
            tally_triples(&classes, |a, b, c| (a & WORD != 0) & (b & MARK != 0) & (c & WORD != 0));
        self.leet_spots +=
            tally_triples(&classes, |a, b, c| (a & LETTER != 0) & (b & LEET != 0) & (c & LETTER != 0));
        self.upper += tally(&bytes, |b| b.wrapping_sub(b'A') < 26);
        self.percents += tally(&bytes, |b| b == b'%');
        self.backslashes += tally(&bytes, |b| b == b'\\');
        self.ampersands += tally(&bytes, |b| b == b'&');
        self.equals += tally(&bytes, |b| b == b'=');
        self.pluses += tally(&bytes, |b| b == b'+');
        self.less_thans += tally(&bytes, |b| b == b'<');
        self.breaks += tally(&bytes, |b| (b == b'\n') | (b == b'\r') | (b == b'\t'));
        self.ys += tally(&bytes, |b| b | 0x20 == b'y');
        self.doubled +=
            tally_pairs(&bytes, |a, b| ((a | 0x20).wrapping_sub(b'a') < 26) & (a | 0x20 == b | 0x20));
        let mirrored = tally_pairs(&bytes, |a, b| straight(b, a));
        let straight = tally_pairs(&bytes, straight);
        self.straight += straight;
        self.backwards |= mirrored >= 2 && mirrored > straight;
        if !text.is_ascii() {
            self.phonetic += tally(&bytes, |b| matches!(b, 0xC7 | 0xC9 | 0xCA));
            self.signs += tally_triples(&bytes, |a, b, c| {
                let zero_width =
                    ((b == 0x80) & (0x8B..=0x8D).contains(&c)) | ((b == 0x81) & (0xA2..=0xA4).contains(&c));
                ((a == 0xE2) & ((b & 0xFC == 0xA0) | zero_width)) | ((a == 0xEF) & (b == 0xB8)) | (a == 0xF3)
            });
        }
    }
}

/// Whether a block of text holds letters, but not those of prose.
pub(super) fn is_odd(block: &[u8]) -> bool {
    let is = |b: &u8, bits: u8| CLASS.get(usize::from(*b)).is_some_and(|class| class & bits != 0);
    let of = |bits: u8| block.iter().fold(0u32, |sum, b| sum.saturating_add(u32::from(is(b, bits))));
    too_few_common(of(LETTER), of(COMMON))
}

const fn too_few_common(letters: u32, common: u32) -> bool {
    letters >= BLOCK_LETTERS && common.saturating_mul(100) < letters.saturating_mul(COMMON_SHARE)
}

/// Pairs of letters that English writes much oftener than their mirrors.
const fn straight(a: u8, b: u8) -> bool {
    let (a, b) = (a | 0x20, b | 0x20);
    ((a == b't') & (b == b'h'))
        | ((a == b'h') & (b == b'e'))
        | ((a == b'o') & (b == b'u'))
        | ((a == b'i') & (b == b'o'))
        | ((a == b'n') & (b == b'd'))
}

const fn is_run_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_' | b'=')
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
