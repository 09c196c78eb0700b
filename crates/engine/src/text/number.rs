//! Numbers as people and programs write them in texts.

use action::Decimal;

use super::alike;

/// What a text may be read as, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// No number at all.
    Words,
    /// One number, or two where a mark may stand for the decimal point or part the thousands.
    Between { least: Decimal, greatest: Decimal },
    /// A number, but none that we can hold or be sure of: `1e400`, `0x10`, `5k`.
    Unsure,
}

/// Longest unit behind a number.
const UNIT: usize = 3;
/// Longest text that is taken for a number.
const MAX_BYTES: usize = 64;

/// Reads a text as a number: digits of any script, a sign, marks between thousands, a currency
/// before or behind. A tool may read any of these, so quoting a number must not get it past a limit.
pub fn reading(text: &str) -> Reading {
    if text.len() > MAX_BYTES || !text.chars().any(char::is_numeric) {
        return Reading::Words;
    }
    let form = alike(text);
    let (negative, body) = sign(without_currency(form.trim()));
    let body = without_currency(body);
    let grouped: String = body.chars().filter(|c| !matches!(c, '_' | '\'' | ' ')).collect();
    match grouped.bytes().next() {
        Some(b'0'..=b'9' | b'.' | b',') => {}
        _ => return Reading::Words,
    }
    let (digits, rest) = grouped.split_at(grouped.bytes().take_while(|b| is_part(*b)).count());
    match rest.bytes().next() {
        None => {}
        Some(b'e') if exponent(rest) => {}
        // A unit, a power of a thousand, another base: a number, but which?
        Some(b'a'..=b'z' | b'%') if rest.len() <= UNIT || digits == "0" => return Reading::Unsure,
        Some(_) => return Reading::Words,
    }
    let mut found: Option<(Decimal, Decimal)> = None;
    let ways = spellings(digits);
    if ways.is_empty() {
        return Reading::Words;
    }
    for plain in ways {
        let Some(value) = Decimal::parse(&format!("{plain}{rest}")) else { return Reading::Unsure };
        let value = if negative { value.negated() } else { value };
        found = Some(found.map_or((value, value), |(least, most)| (least.min(value), most.max(value))));
    }
    found.map_or(Reading::Unsure, |(least, greatest)| Reading::Between { least, greatest })
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'.' | b',')
}

fn exponent(rest: &str) -> bool {
    let digits = rest.strip_prefix('e').map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text).trim_start()),
    }
}

/// A currency sign, or a code of three letters, taken off either end.
fn without_currency(text: &str) -> &str {
    let is_sign = |c: char| !c.is_alphanumeric() && !c.is_ascii();
    let text = text.trim_start_matches(|c| c == '$' || is_sign(c)).trim_start();
    let text = text.trim_end_matches(|c| c == '$' || is_sign(c)).trim_end();
    let code = |part: &str| part.len() == CODE && part.bytes().all(|b| b.is_ascii_lowercase());
    let apart = |edge: Option<char>| edge.is_none_or(|c| !c.is_alphabetic());
    if let Some((head, rest)) = text.split_at_checked(CODE)
        && code(head)
        && apart(rest.chars().next())
    {
        return rest.trim_start();
    }
    match text.len().checked_sub(CODE).and_then(|at| text.split_at_checked(at)) {
        Some((rest, tail)) if code(tail) && apart(rest.chars().next_back()) => rest.trim_end(),
        _ => text,
    }
}

/// Letters of a currency code.
const CODE: usize = 3;

/// The digits with a point for the decimal mark, once for each way of reading the marks; none where
/// the marks part no thousands, as in a version or an address.
fn spellings(digits: &str) -> Vec<String> {
    let marks: Vec<(usize, char)> = digits.char_indices().filter(|(_, c)| matches!(c, '.' | ',')).collect();
    match marks.as_slice() {
        [] => vec![digits.to_owned()],
        &[(at, _)] => {
            let groups = digits.len() - at == 4 && (1..=3).contains(&at) && !digits.starts_with('0');
            let mut ways = vec![with_point(digits, at)];
            ways.extend(groups.then(|| ungrouped(digits)));
            ways
        }
        [(_, first), .., (_, last)] if first == last => {
            if grouped(digits, *first) {
                vec![ungrouped(digits)]
            } else {
                Vec::new()
            }
        }
        [(_, first), .., (at, _)] => {
            let head = digits.get(..*at).unwrap_or_default();
            if grouped(head, *first) { vec![with_point(digits, *at)] } else { Vec::new() }
        }
    }
}

fn ungrouped(digits: &str) -> String {
    digits.replace(['.', ','], "")
}

/// Thousands are parted in threes; in India, beyond the first thousand, in twos.
fn grouped(digits: &str, mark: char) -> bool {
    let mut groups = digits.split(mark).skip(1).peekable();
    let mut fits = true;
    while let Some(group) = groups.next() {
        let last = groups.peek().is_none();
        fits &=
            group.bytes().all(|b| b.is_ascii_digit()) && (group.len() == 3 || (!last && group.len() == 2));
    }
    fits
}

fn with_point(digits: &str, at: usize) -> String {
    let (head, tail) = digits.split_at_checked(at).unwrap_or((digits, ""));
    let (head, tail) = (ungrouped(head), tail.get(1..).unwrap_or_default());
    let head = if head.is_empty() { "0".to_owned() } else { head };
    if tail.is_empty() { head } else { format!("{head}.{tail}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn one(text: &str) -> Reading {
        let value = Decimal::parse(text).unwrap();
        Reading::Between { least: value, greatest: value }
    }

    #[test]
    fn a_number_is_known_however_it_is_written() {
        for (text, value) in [
            ("5000", "5000"),
            (" +5000.00 ", "5000"),
            ("-5", "-5"),
            ("−5", "-5"),
            ("1e3", "1000"),
            (".5", "0.5"),
            ("5.", "5"),
            ("５０００", "5000"),
            ("٥٠٠٠", "5000"),
            ("1,000,000", "1000000"),
            ("1.000.000,50", "1000000.5"),
            ("1,000,000.50", "1000000.5"),
            ("1'000'000", "1000000"),
            ("1_000", "1000"),
            ("1 000", "1000"),
            ("10,00,000", "1000000"),
            ("$5000", "5000"),
            ("-$5000", "-5000"),
            ("€ 12,50", "12.5"),
            ("5000 USD", "5000"),
            ("eur5000", "5000"),
        ] {
            assert_eq!(reading(text), one(value), "{text}");
        }
    }

    #[test]
    fn a_mark_that_may_part_thousands_gives_both_readings() {
        let both =
            |a: i64, b: i64| Reading::Between { least: Decimal::from_int(a), greatest: Decimal::from_int(b) };
        assert_eq!((reading("5,000"), reading("500.000")), (both(5, 5000), both(500, 500_000)));
        assert_eq!(reading("0.125"), one("0.125"));
    }

    #[test]
    fn what_is_no_plain_number_is_told_from_words() {
        for text in ["1e400", "0x10", "5k", "5 %", "99999999999999999999999999999999999999999"] {
            assert_eq!(reading(text), Reading::Unsure, "{text}");
        }
        for text in [
            "five",
            "order 17",
            "17 orders",
            "",
            "-",
            "a1",
            "+-5",
            "1.2.3",
            "10.0.0.1",
            "2026-03-02T12:00:00Z",
        ] {
            assert_eq!(reading(text), Reading::Words, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_decimal_reads_as_itself(units in any::<i64>(), scale in 0u32..9) {
            let text = Decimal::parse(&format!("{units}e-{scale}")).unwrap().to_string();
            let value = Decimal::parse(&text).unwrap();
            match reading(&text) {
                Reading::Between { least, greatest } => prop_assert!(least == value || greatest == value),
                other => prop_assert!(false, "{text} is {other:?}"),
            }
        }

        #[test]
        fn any_text_has_a_reading(text in any::<String>()) {
            if let Reading::Between { least, greatest } = reading(&text) {
                prop_assert!(least <= greatest);
            }
        }
    }
}
