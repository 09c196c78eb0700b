//! Letters that look like Latin ones, and characters that show nothing.

use unicode_security::skeleton;

/// How far a look-alike may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Likeness {
    /// A form of a Latin letter; there is nothing else it could be.
    Form,
    /// Cannot be told from the Latin letter on the screen.
    Twin,
    /// Resembles it: believed only in a word that also holds Latin letters.
    Kin,
}

/// Greek, Cyrillic and Armenian letters that cannot be told from a Latin one: letter, twin.
const TWINS: &str = "ΑaΒbΕeΖzΗhΙiΚkΜmΝnΟoΡpΤtΥyΧxαaγyιiνvοoρpσoυuϒyϜfϲcϳjϹcϺmͿj\
    ЅsІiЈjАaВbЕeКkМmНhОoРpСcТtУyХxаaгrеeоoрpсcуyхxѕsіiјjѡwѴvѵvҮyүyҺhһhҽeӀlӏlԁdԌgԚqԛqԜwԝwьbЬb\
    ՍuՏsՕoաwգqզqհhյjոnռnսuցgւiքfօo";

/// Letters of the same scripts that only resemble one.
const KIN: &str = "βbεeηnκkτtωwμuςsΛaΣeΔaΠnΩo\
    кkмmтtвbнhпnиuИnяrЯrшwШwцuЦuчyДaдdЭeэeФoфoбbГrлnжxщwъbыbЪbЫb";

/// Latin small capitals and phonetic letters: letter, plain form.
const FORMS: &str = "ᴀaʙbᴄcᴅdᴇeꜰfɢgʜhɪiᴊjᴋkʟlᴍmɴnᴏoᴘpǫqꞯqʀrꜱsᴛtᴜuᴠvᴡwʏyᴢz\
    ɑaɓbƈcɗdɖdɛeɡgɠgɦhɨiıiʝjȷjƙkɭlłlɫlŁlɱmɲnŋnƞnɵoøoØoƥpɋqɹrɽrʂsƭtʈtʉuʋvⱱvⱳwƴyɏyʐzƶzđdĐdðdħhĦhŧtƒf\
    ƁbƇcƊdƑfƓgƘkƝnƤpƬtƲvƳyȺaɃbȻcɆeɈjɌrȾtɎy";

/// First code point of the directly indexed part, and how many follow.
const DIRECT: (u32, usize) = (0x0100, 0x0490);

/// Twins of the direct part by code point, with the likeness in the upper bits.
static TABLE: [u16; DIRECT.1] = direct_table();

const fn direct_table() -> [u16; DIRECT.1] {
    let table = fill([0; DIRECT.1], KIN.as_bytes(), 3);
    let table = fill(table, TWINS.as_bytes(), 2);
    fill(table, FORMS.as_bytes(), 1)
}

/// Reads pairs of a two- or three-byte letter and its ASCII twin.
#[allow(clippy::indexing_slicing)] // evaluated by the compiler, where a wrong index fails the build
const fn fill(mut table: [u16; DIRECT.1], pairs: &[u8], likeness: u16) -> [u16; DIRECT.1] {
    let mut at = 0;
    while at < pairs.len() {
        let (code, width) = if pairs[at] >= 0xE0 {
            let high = ((pairs[at] & 0x0F) as u32) << 12;
            (high | ((pairs[at + 1] & 0x3F) as u32) << 6 | (pairs[at + 2] & 0x3F) as u32, 3)
        } else {
            (((pairs[at] & 0x1F) as u32) << 6 | (pairs[at + 1] & 0x3F) as u32, 2)
        };
        if code >= DIRECT.0 && ((code - DIRECT.0) as usize) < DIRECT.1 {
            table[(code - DIRECT.0) as usize] = likeness << 8 | pairs[at + width] as u16;
        }
        at += width + 1;
    }
    table
}

/// The Latin letter that `c` looks like, lower case unless `c` tells otherwise.
pub(super) fn twin(c: char) -> Option<(char, Likeness)> {
    let code = u32::from(c);
    if let Some(index) = code.checked_sub(DIRECT.0)
        && let Some(entry) = TABLE.get(index as usize)
    {
        let likeness = match entry >> 8 {
            1 => Likeness::Form,
            2 => Likeness::Twin,
            3 => Likeness::Kin,
            _ => return None,
        };
        let letter = char::from(u8::try_from(entry & 0xFF).ok()?);
        return Some((if c.is_uppercase() { letter.to_ascii_uppercase() } else { letter }, likeness));
    }
    match code {
        0x00D8 => Some(('O', Likeness::Form)),
        0x00F8 => Some(('o', Likeness::Form)),
        0x00D0 => Some(('D', Likeness::Form)),
        0x00F0 => Some(('d', Likeness::Form)),
        // Negative circled and squared letters, and the letters that flags are made of.
        0x1F150..=0x1F169 => letter(code - 0x1F150),
        0x1F170..=0x1F189 => letter(code - 0x1F170),
        0x1F1E6..=0x1F1FF => letter(code - 0x1F1E6),
        // Parenthesised letters: their compatibility form would add the parentheses.
        0x249C..=0x24B5 => letter(code - 0x249C),
        0x1F110..=0x1F129 => letter(code - 0x1F110),
        // Phonetic extensions and the later Latin blocks.
        0x1D00..=0x1DBF | 0x2C60..=0x2C7F | 0xA720..=0xA7FF | 0xAB30..=0xAB6F => three_byte_form(c)
            .map(|plain| (plain, Likeness::Form))
            .or_else(|| twin_by_skeleton(c, Likeness::Form)),
        // Scripts whose letters the confusables table matches with Latin ones. Those of living
        // right-to-left and Indic scripts are kin: one stroke in common makes no disguise.
        0x13A0..=0x13FF
        | 0xAB70..=0xABBF
        | 0xA4D0..=0xA4FF
        | 0x1400..=0x167F
        | 0x2C80..=0x2CFF
        | 0x16A0..=0x16FF
        | 0x10280..=0x104FF
        | 0x118A0..=0x118FF
        | 0x16F00..=0x16F9F => twin_by_skeleton(c, Likeness::Twin),
        0x0590..=0x109F | 0x1200..=0x137F | 0x2200..=0x22FF | 0x2300..=0x23FF => {
            twin_by_skeleton(c, Likeness::Kin)
        }
        _ => None,
    }
}

fn letter(index: u32) -> Option<(char, Likeness)> {
    let byte = b'a'.checked_add(u8::try_from(index).ok()?)?;
    Some((char::from(byte), Likeness::Form))
}

/// Small capitals outside the directly indexed part.
fn three_byte_form(c: char) -> Option<char> {
    let mut chars = FORMS.chars();
    while let (Some(form), Some(plain)) = (chars.next(), chars.next()) {
        if form == c {
            return Some(plain);
        }
    }
    None
}

/// The look-alike that UTS 39 gives, where it is one Latin letter. Digits never come out: the
/// table equates `1` with `l` and `0` with `O`, and a changed number is a changed action.
fn twin_by_skeleton(c: char, likeness: Likeness) -> Option<(char, Likeness)> {
    let mut buffer = [0; 4];
    let mut plain = None;
    for part in skeleton(c.encode_utf8(&mut buffer)).filter(|part| !is_general_mark(*part)) {
        match (part.is_ascii_alphabetic(), plain) {
            (true, None) => plain = Some(part),
            // The table writes m as r and n.
            (true, Some('r')) if part == 'n' => plain = Some('m'),
            _ => return None,
        }
    }
    // Capital I has the prototype l; the lower-case letter tells which one is meant.
    match plain {
        Some('l') if c.is_uppercase() => Some(('I', likeness)),
        other => other.map(|letter| (letter, likeness)),
    }
}

/// Marks that are laid over letters of any script. Vowel signs of single scripts are not among
/// them: taking those away would change words, not clean them.
pub(super) const fn is_general_mark(c: char) -> bool {
    matches!(c as u32,
        0x0300..=0x034E | 0x0350..=0x036F | 0x0483..=0x0489 | 0x1AB0..=0x1AFF | 0x1DC0..=0x1DFF
        | 0x20D0..=0x20FF | 0xFE20..=0xFE2F)
}

/// Characters that show nothing, apart from the tag block.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(c as u32,
        0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
        | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0xFE00..=0xFE0F | 0xFEFF
        | 0xFFF9..=0xFFFB | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

/// Controls that turn the direction of what follows.
pub(super) const fn is_bidi(c: char) -> bool {
    matches!(c as u32, 0x202A..=0x202E | 0x2066..=0x2069)
}

pub(super) const fn is_variation(c: char) -> bool {
    matches!(c as u32, 0xFE00..=0xFE0F | 0xE0100..=0xE01EF)
}

/// Blanks that are no white space by their Unicode property, yet show as one.
pub(super) const fn is_hidden_blank(c: char) -> bool {
    matches!(c as u32, 0x2800 | 0x3164 | 0xFFA0)
}

/// Scripts without look-alikes, in which no letter is worth looking up.
pub(super) const fn is_plain_script(c: char) -> bool {
    matches!(c as u32, 0x2E80..=0x2FD5 | 0x3040..=0x312F | 0x3400..=0x9FFF | 0xAC00..=0xD7A3 | 0x1F300..=0x1FAFF | 0x20000..=0x3FFFF)
}

/// Greek and Cyrillic letters that are their own compatibility form.
pub(super) const fn is_basic(c: char) -> bool {
    matches!(c as u32, 0x0391..=0x03A1 | 0x03A3..=0x03A9 | 0x03B1..=0x03C9 | 0x0410..=0x0418 | 0x041A..=0x0438 | 0x043A..=0x044F)
}

pub(super) const fn is_basic_capital(c: char) -> bool {
    matches!(c as u32, 0x0391..=0x03A9 | 0x0410..=0x042F)
}

/// Scripts without case whose letters at most resemble a Latin one: Hebrew to Georgian, Ethiopic.
pub(super) const fn has_kin_only(c: char) -> bool {
    matches!(c as u32, 0x0590..=0x109F | 0x1200..=0x137F)
}

/// Zeros of the decimal digits that compatibility forms do not cover.
const ZEROS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0DE6,
    0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0,
    0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
];

/// The digit that `c` is, in any script.
pub(super) fn digit(c: char) -> Option<char> {
    let code = u32::from(c);
    let after = ZEROS.partition_point(|zero| *zero <= code);
    let zero = ZEROS.get(after.checked_sub(1)?)?;
    char::from_digit(code - zero, 10)
}

/// ASCII for punctuation that people and attackers write in other forms.
pub(super) const fn punctuation(c: char) -> Option<&'static str> {
    Some(match c as u32 {
        0x2018..=0x201B | 0x2032 | 0x02B9..=0x02BC | 0x00B4 | 0x0060 | 0x2035 => "'",
        0x201C..=0x201F | 0x2033 | 0x00AB | 0x00BB | 0x2036 => "\"",
        0x2010..=0x2015 | 0x2212 | 0x2043 | 0x02D7 => "-",
        0x2044 | 0x2215 | 0x29F8 => "/",
        0x2216 | 0x29F5 | 0x29F9 => "\\",
        0x2039 | 0x2329 | 0x27E8 | 0x3008 => "<",
        0x203A | 0x232A | 0x27E9 | 0x3009 => ">",
        0x2236 | 0xA789 => ":",
        0x2217 | 0x204E => "*",
        0x2223 | 0x01C0 => "|",
        0x037E => ";",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_forms_and_kin_are_told_apart() {
        assert_eq!(twin('а'), Some(('a', Likeness::Twin)));
        assert_eq!(twin('І'), Some(('I', Likeness::Twin)));
        assert_eq!(twin('т'), Some(('t', Likeness::Kin)));
        assert_eq!(twin('ɪ'), Some(('i', Likeness::Form)));
        assert_eq!(twin('ᴛ'), Some(('t', Likeness::Form)));
        assert_eq!(twin('🅶'), Some(('g', Likeness::Form)));
        assert_eq!(twin('Ꭺ'), Some(('A', Likeness::Twin)));
        assert_eq!(twin('ш'), Some(('w', Likeness::Kin)));
        assert_eq!(twin('й'), None);
        assert_eq!(twin('漢'), None);
    }

    #[test]
    fn twins_agree_with_the_unicode_table() {
        let mut chars = TWINS.chars();
        while let (Some(letter), Some(plain)) = (chars.next(), chars.next()) {
            let ours = Some((
                if letter.is_uppercase() { plain.to_ascii_uppercase() } else { plain },
                Likeness::Twin,
            ));
            assert_eq!(twin(letter), ours, "{letter}");
            // Case differs where the table names a capital for a small letter of the same look.
            let table = twin_by_skeleton(letter, Likeness::Twin).map(|(c, _)| c.to_ascii_lowercase());
            assert!(table == Some(plain) || matches!(letter, 'Ӏ' | 'ӏ' | 'ь' | 'Ь'), "{letter} {table:?}");
        }
    }

    #[test]
    fn digits_of_every_script_keep_their_value() {
        assert_eq!(digit('٣'), Some('3'));
        assert_eq!(digit('९'), Some('9'));
        assert_eq!(digit('१'), Some('1'));
        assert_eq!(digit('ا'), None);
        assert_eq!(digit('a'), None);
    }
}
