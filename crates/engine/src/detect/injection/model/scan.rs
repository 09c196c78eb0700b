//! One pass over a normalised text: what the model sees, and where it may be cut.
//!
//! Training and judging both read through [`scan`], so a weight always means the same thing.
//! Every feature is counted at the byte where it ends. Running totals at the cuts therefore give
//! the sum over any stretch of text by one subtraction, without hashing anything twice.

/// The number of slots in one head's table, as a power of two.
pub const SLOT_BITS: u32 = 18;
/// The number of slots in one head's table.
pub const SLOTS: usize = 1 << SLOT_BITS;
/// Changes whenever a text would yield other features or cuts; weights carry the version they fit.
pub const FEATURE_VERSION: u16 = 1;

/// A piece shorter than this many bytes is judged together with what follows it.
const SHORT_PIECE: usize = 24;
/// A piece of this many bytes ends at the next blank.
const LONG_PIECE: usize = 40;
/// A piece of this many bytes ends at the next character, blank or not.
const LONGEST_PIECE: usize = 120;

/// Bits by which training tells features apart; the upper [`SLOT_BITS`] of them are the slot.
pub const ID_BITS: u32 = 24;

/// The slot of a feature.
#[inline(always)]
pub const fn slot_of(id: u32) -> usize {
    (id >> (ID_BITS - SLOT_BITS)) as usize
}

/// Receives what one pass finds, in order of place.
pub trait Visit {
    /// A feature that ends here.
    fn feature(&mut self, id: u32);
    /// A place, always at a character's first byte, where a stretch may begin or end.
    fn cut(&mut self, at: usize);
}

/// The first word of a piece is paired with this in place of a word before it.
const START: u64 = 0x51_7C_C1_B7_27_22_0A_95;
const WORD_BASIS: u64 = 0xCB_F2_9C_E4_84_22_23_25;
const WORD_PRIME: u64 = 0x0000_0100_0000_01B3;

/// The families of runs of characters.
const RUN_OF_3: u64 = 0x9E37_79B9_7F4A_7C15;
const RUN_OF_4: u64 = 0xC2B2_AE3D_27D4_EB4F;
const RUN_OF_5: u64 = 0x1656_67B1_9E37_79F9;

/// Reads a normalised text once, from the first byte to the last.
///
/// Character runs of 3, 4 and 5 bytes, and words alone, in twos and in threes. Digits count as
/// one digit, blanks as one blank; a word that opens a sentence, a line or a cell is known as such,
/// because an order usually begins with its verb.
pub fn scan<V: Visit>(text: &str, visit: &mut V) {
    let bytes = text.as_bytes();
    let mut recent = u64::from(b' ');
    let mut word = WORD_BASIS;
    let (mut before, mut before_that) = (START, START);
    let mut in_word = false;
    let mut border = true;
    let mut piece = 0usize;
    let mut seen = 1usize;

    visit.cut(0);
    let mut next = 0;
    while let Some(&byte) = bytes.get(next) {
        let at = next;
        next += 1;
        let class = CLASS.get(usize::from(byte)).copied().unwrap_or(0);

        // Letters and the blank behind a word, most of any text: what the rest of the loop asks is
        // known of them. Other bytes go on below, and so do the first of a text.
        let plain = class == WORD;
        if seen >= 5 && (plain || (byte == b' ' && in_word)) {
            if plain {
                if ends_piece(at.saturating_sub(piece), border, recent) {
                    visit.cut(at);
                    piece = at;
                }
                if border && !in_word {
                    (before_that, before) = (START, START);
                }
                (border, in_word) = (false, true);
                word = (word ^ u64::from(byte)).wrapping_mul(WORD_PRIME);
            } else {
                (before_that, before) = end_word(visit, before_that, before, word);
                (word, in_word) = (WORD_BASIS, false);
            }
            recent = recent << 8 | u64::from(byte);
            visit.feature(id(recent & 0xFF_FF_FF, RUN_OF_3));
            visit.feature(id(recent & 0xFFFF_FFFF, RUN_OF_4));
            visit.feature(id(recent & 0xFF_FFFF_FFFF, RUN_OF_5));
            continue;
        }

        let blank = class & BLANK != 0;
        if class & (BLANK | CONTINUATION) == 0 && ends_piece(at.saturating_sub(piece), border, recent) {
            visit.cut(at);
            piece = at;
        }

        // A long number says no more than a short one, and a long gap no more than a blank.
        let more_digits = class & DIGIT != 0 && recent & 0xFFFF == 0x3030;
        let folded = if class & DIGIT != 0 { b'0' } else { byte };
        if class & WORD != 0 {
            if in_word && class & IDEOGRAPH != 0 {
                (before_that, before) = end_word(visit, before_that, before, word);
                word = WORD_BASIS;
            }
            if border && !in_word {
                (before_that, before) = (START, START);
            }
            border = false;
            if !more_digits {
                word = (word ^ u64::from(folded)).wrapping_mul(WORD_PRIME);
            }
            in_word = true;
        } else {
            if in_word {
                (before_that, before) = end_word(visit, before_that, before, word);
                word = WORD_BASIS;
                in_word = false;
            }
            border |= class & BORDER != 0
                || (class & STOP != 0 && bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace));
        }

        if more_digits || (blank && recent & 0xFF == u64::from(b' ')) {
            continue;
        }
        recent = recent << 8 | u64::from(if blank { b' ' } else { folded });
        // The ideographic full stop has no blank after it.
        border |= recent & 0xFF_FF_FF == 0xE3_80_82;
        seen += 1;
        if seen >= 3 {
            visit.feature(id(recent & 0xFF_FF_FF, RUN_OF_3));
        }
        if seen >= 4 {
            visit.feature(id(recent & 0xFFFF_FFFF, RUN_OF_4));
        }
        if seen >= 5 {
            visit.feature(id(recent & 0xFF_FFFF_FFFF, RUN_OF_5));
        }
    }
    if in_word {
        end_word(visit, before_that, before, word);
    }
    visit.cut(bytes.len());
}

/// Whether a piece of this length ends where a character begins, and the next one begins there.
#[inline(always)]
fn ends_piece(length: usize, border: bool, recent: u64) -> bool {
    let after_blank = recent & 0xFF == u64::from(b' ');
    length >= SHORT_PIECE && (border || (length >= LONG_PIECE && after_blank) || length >= LONGEST_PIECE)
}

/// Counts the word that just ended, alone and with the one and the two before it.
#[inline(always)]
fn end_word<V: Visit>(visit: &mut V, before_that: u64, before: u64, word: u64) -> (u64, u64) {
    // The same word over and over is one word: repeating it must not add up.
    if word == before {
        return (before_that, before);
    }
    let pair = before.rotate_left(23).wrapping_mul(0x8EBC_6AF0_9C88_C6E3) ^ word;
    let triple = before_that.rotate_left(41).wrapping_mul(0x5895_58C9_5F1B_8F4B) ^ pair;
    visit.feature(id(word, 0xA24B_AED4_963E_E407));
    visit.feature(id(pair, 0x9FB2_1C65_1E98_DF25));
    visit.feature(id(triple, 0xD6E8_FEB8_6659_FD93));
    (before, word)
}

/// A family's own multiplier keeps equal values of two families apart.
#[inline(always)]
fn id(value: u64, family: u64) -> u32 {
    let mixed = (value ^ (value >> 32)).wrapping_mul(family);
    (mixed >> (64 - ID_BITS)) as u32
}

const BLANK: u8 = 1;
const DIGIT: u8 = 2;
/// Letters, digits and what stands inside words; every byte beyond ASCII.
const WORD: u8 = 4;
/// A byte inside a character.
const CONTINUATION: u8 = 8;
/// First byte of a character from U+3000 on: scripts that write words without blanks.
const IDEOGRAPH: u8 = 16;
/// Ends a line or a cell.
const BORDER: u8 = 32;
/// Ends a sentence where a blank follows.
const STOP: u8 = 64;

/// What each byte is, as bits: one look instead of a dozen comparisons.
static CLASS: [u8; 256] = classes();

#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0u8;
    loop {
        let mut class = 0;
        class |= if byte.is_ascii_whitespace() { BLANK } else { 0 };
        class |= if byte.is_ascii_digit() { DIGIT } else { 0 };
        class |= if byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\'' | 0x80..) { WORD } else { 0 };
        class |= if byte & 0xC0 == 0x80 { CONTINUATION } else { 0 };
        class |= if matches!(byte, 0xE3..=0xED) { IDEOGRAPH } else { 0 };
        class |= if matches!(byte, b'\n' | b'|' | b'<' | b'\t') { BORDER } else { 0 };
        class |= if matches!(byte, b'.' | b'!' | b'?') { STOP } else { 0 };
        table[byte as usize] = class;
        if byte == u8::MAX {
            return table;
        }
        byte += 1;
    }
}
