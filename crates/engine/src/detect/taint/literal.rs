//! Literals: the numbers, names, addresses and words of a text, in forms that survive rewriting.
//!
//! A literal has several forms, because a model that copies it may change its case, its spacing or
//! its notation: `1,000.00` is `1000`, `May 3rd` is the third day of the fifth month of
//! `2026-05-03`, `DE89 3704` is `de893704`. Two literals are the same if they share a form.

/// One literal of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// The forms that stand for all of it, strongest first.
    pub forms: Vec<String>,
    /// Its parts, when it is made of several.
    pub pieces: Vec<String>,
    pub kind: Kind,
}

/// What a literal looks like; says how much it tells that it occurs somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Digits mixed with letters, an address, a URL, a path: hardly by chance.
    Identifier,
    Number,
    Date,
    Word,
}

/// The literals of a text, in order. Linear in the text.
pub fn literals(text: &str) -> Vec<Literal> {
    let runs: Vec<&str> = runs(text).collect();
    let mut found: Vec<Literal> = Vec::with_capacity(runs.len());
    let mut month: Option<u32> = None;
    for (at, run) in runs.iter().enumerate() {
        let literal = literal(run);
        // `May 20th` and `20 May`: the month and the day are one date without a year.
        let day = day_number(run);
        let is_month = month_number(run);
        if let Some((month, day)) = match (month, day, is_month) {
            (Some(month), Some(day), _) => Some((month, day)),
            (None, _, Some(month)) => at
                .checked_sub(1)
                .and_then(|before| runs.get(before))
                .and_then(|b| day_number(b))
                .map(|day| (month, day)),
            _ => None,
        } {
            found.push(Literal {
                forms: vec![format!("d:{month:02}-{day:02}")],
                pieces: Vec::new(),
                kind: Kind::Date,
            });
        }
        month = is_month;
        found.extend(literal);
    }
    found.extend(grouped(&runs));
    found
}

/// Calls back with every form and piece of a text: what there is to remember.
pub fn each_form(text: &str, keep: &mut dyn FnMut(&str)) {
    for literal in literals(text) {
        literal.forms.iter().chain(&literal.pieces).for_each(|form| keep(form));
        if literal.kind == Kind::Word {
            literal.forms.iter().chain(&literal.pieces).for_each(|form| keep(&stemmed(form)));
        }
    }
}

/// The form under which a word's stem is kept.
pub fn stemmed(word: &str) -> String {
    format!("s:{}", stem(word))
}

/// A word without its ending, so that `staking`, `stakes` and `stake` agree.
pub fn stem(word: &str) -> &str {
    const ENDINGS: [&str; 14] =
        ["ations", "ation", "ments", "ment", "als", "al", "ings", "ing", "ers", "er", "ed", "es", "s", "e"];
    ENDINGS
        .iter()
        .filter_map(|ending| word.strip_suffix(ending))
        .find(|rest| rest.len() >= 3 && rest.is_ascii())
        .unwrap_or(word)
}

/// Runs between blanks and brackets, without marks at their ends.
fn runs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '-' | '+'));
            if rest.is_empty() {
                return None;
            }
            let bytes = rest.as_bytes();
            let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
            let end = rest.char_indices().find(|(at, c)| match c {
                // A comma groups digits, a colon joins a scheme or a time; else both part.
                ',' => !(digit(at.checked_sub(1)) && digit(Some(at + 3)) && !digit(Some(at + 4))),
                ':' => bytes.get(at + 1) != Some(&b'/') && !(digit(at.checked_sub(1)) && digit(Some(at + 1))),
                _ => {
                    !c.is_alphanumeric()
                        && !matches!(c, '_' | '-' | '.' | '/' | '@' | '+' | '%' | '#' | '&' | '~' | '?')
                }
            });
            let end = end.map_or(rest.len(), |(at, _)| at);
            let run = rest.get(..end).unwrap_or(rest);
            rest = rest.get(end..).unwrap_or("");
            let run = run.trim_end_matches(|c: char| !c.is_alphanumeric());
            let signed =
                run.strip_prefix(['-', '+']).is_some_and(|r| r.starts_with(|c: char| c.is_ascii_digit()));
            let run = if signed { run } else { run.trim_start_matches(|c: char| !c.is_alphanumeric()) };
            // Nobody means a literal of this length; it is data, and its parts are not kept.
            if !run.is_empty() && run.len() <= LONGEST {
                return Some(run);
            }
        }
    })
}

const LONGEST: usize = 256;

fn literal(run: &str) -> Option<Literal> {
    let lower = run.to_lowercase();
    if let Some(number) = number(&lower) {
        return Some(Literal { forms: vec![format!("n:{number}")], pieces: Vec::new(), kind: Kind::Number });
    }
    if let Some((year, month, day)) = date(&lower) {
        let forms = vec![format!("d:{year:04}-{month:02}-{day:02}"), format!("d:{month:02}-{day:02}")];
        return Some(Literal { forms, pieces: Vec::new(), kind: Kind::Date });
    }
    let joined: String = lower.chars().filter(|c| c.is_alphanumeric()).collect();
    let pieces: Vec<String> = pieces(run);
    let digits = joined.bytes().any(|b| b.is_ascii_digit());
    let letters = joined.chars().any(char::is_alphabetic);
    let marked = lower.contains(['@', '/']) || lower.contains("://");
    let dotted = lower.contains('.') && !lower.starts_with('.');
    let kind = match (digits && letters) || marked || dotted || lower.contains('_') || has_hump(run) {
        true => Kind::Identifier,
        false => Kind::Word,
    };
    let mut forms = vec![joined];
    if let Some(host) = host(&lower) {
        forms.push(format!("h:{host}"));
    }
    Some(Literal { forms, pieces: if pieces.len() > 1 { pieces } else { Vec::new() }, kind })
}

/// The letters-and-digits pieces of a run, split at marks and humps, lower case.
fn pieces(run: &str) -> Vec<String> {
    crate::detect::scene::words(run).filter(|piece| piece.len() > 1).collect()
}

fn has_hump(run: &str) -> bool {
    run.chars().zip(run.chars().skip(1)).any(|(a, b)| a.is_lowercase() && b.is_uppercase())
}

/// The host of a URL.
fn host(lower: &str) -> Option<&str> {
    let rest = lower.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    (host.contains('.')).then_some(host)
}

/// A number in one notation: no grouping, no trailing zeros, no sign of plus, no unit of percent.
fn number(lower: &str) -> Option<String> {
    let body = lower.trim_start_matches('+').trim_end_matches('%');
    let starts = body.trim_start_matches('-').starts_with(|c: char| c.is_ascii_digit());
    if !starts || body.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'.' | b',' | b'-')) {
        return None;
    }
    let (sign, body) = match body.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", body),
    };
    let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
    if whole.contains('-') || fraction.bytes().any(|b| !b.is_ascii_digit()) {
        return None;
    }
    let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// `2026-05-03`, also with slashes or dots, and with a time behind it.
fn date(lower: &str) -> Option<(u32, u32, u32)> {
    let day_part = lower.split(['t', ' ']).next()?;
    let mut parts = day_part.split(['-', '/', '.']);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let whole = |text: &str| (text.len() <= 4).then(|| text.parse::<u32>().ok()).flatten();
    let (a, b, c) = (whole(a)?, whole(b)?, whole(c)?);
    let valid = |month: u32, day: u32| (1..=12).contains(&month) && (1..=31).contains(&day);
    match (a, b, c) {
        (1900..=2200, month, day) if valid(month, day) => Some((a, month, day)),
        // With a number above twelve the order is certain; else the day comes first.
        (month, day, 1900..=2200) if day > 12 && valid(month, day) => Some((c, month, day)),
        (day, month, 1900..=2200) if valid(month, day) => Some((c, month, day)),
        _ => None,
    }
}

fn month_number(run: &str) -> Option<u32> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let lower = run.to_lowercase();
    let short = lower.trim_end_matches('.');
    (1u32..)
        .zip(MONTHS)
        .find(|(_, name)| *name == short || (short.len() == 3 && name.starts_with(short)))
        .map(|(n, _)| n)
}

fn day_number(run: &str) -> Option<u32> {
    let digits = run.trim_end_matches(|c: char| c.is_alphabetic());
    let suffix = run.get(digits.len()..)?;
    matches!(suffix.to_lowercase().as_str(), "" | "st" | "nd" | "rd" | "th").then_some(())?;
    digits.parse().ok().filter(|day| (1..=31).contains(day))
}

/// Digits and codes written in groups: `DE89 3704 0044`, `4111 1111 …`, `+49 30 1234`. The joined
/// group is a literal of its own.
fn grouped(runs: &[&str]) -> Vec<Literal> {
    let mut found = Vec::new();
    let mut open = String::new();
    let mut groups = 0;
    for run in runs.iter().chain(std::iter::once(&"")) {
        let group = (2..=5).contains(&run.len())
            && run.bytes().all(|b| b.is_ascii_alphanumeric())
            && run.bytes().any(|b| b.is_ascii_digit());
        if group && open.len() < LONGEST {
            open.push_str(&run.to_lowercase());
            groups += 1;
            continue;
        }
        if groups >= 3 && open.len() >= 9 {
            let kind = Kind::Identifier;
            // A group of digits alone is also the number that it is when written together.
            let number = open.bytes().all(|b| b.is_ascii_digit()).then(|| format!("n:{open}"));
            let forms = [Some(std::mem::take(&mut open)), number].into_iter().flatten().collect();
            found.push(Literal { forms, pieces: Vec::new(), kind });
        }
        open.clear();
        groups = 0;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share_a_form(a: &str, b: &str) -> bool {
        let forms = |text: &str| literals(text).into_iter().flat_map(|l| l.forms).collect::<Vec<_>>();
        let other = forms(b);
        forms(a).iter().any(|form| other.contains(form))
    }

    #[test]
    fn one_literal_in_two_notations_is_the_same() {
        for (a, b) in [
            ("1,000.00", "1000"),
            ("$250.50", "250.5"),
            ("+12%", "12"),
            ("May 20th", "2026-05-20"),
            ("20 May", "2026-05-20"),
            ("3/15/2026", "2026-03-15"),
            ("DE89 3704 0044 0532 0130 00", "de89370400440532013000"),
            ("4111 1111 1111 1111", "4111111111111111"),
            ("ACC_77-X9", "acc77x9"),
            ("Mail Bob@Example.COM, please.", "bob@example.com"),
            ("0xABCD12", "0xabcd12"),
            ("see https://Sink.example/a?b=1", "https://sink.example/other"),
        ] {
            assert!(share_a_form(a, b), "{a} | {b}: {:?} {:?}", literals(a), literals(b));
        }
    }

    #[test]
    fn different_literals_stay_different() {
        for (a, b) in [
            ("1000", "10000"),
            ("1.000", "1000"),
            ("acct12", "acct123"),
            ("May 20th", "2026-05-21"),
            ("bob@example.com", "bob@example.org"),
            ("redundant", "dan"),
            ("-5", "5"),
        ] {
            assert!(!share_a_form(a, b), "{a} | {b}: {:?} {:?}", literals(a), literals(b));
        }
    }

    #[test]
    fn stems_agree() {
        for (a, b) in
            [("staking", "stake"), ("transfers", "transferring".get(..8).unwrap()), ("refunds", "refund")]
        {
            assert_eq!(stem(a), stem(b), "{a} {b}");
        }
        assert_eq!(stem("bus"), "bus");
    }

    #[test]
    fn long_and_odd_text_is_read_in_bounds() {
        for text in ["(".repeat(65_536), "a@".repeat(32_768), "1,".repeat(32_768), "--".repeat(32_768)] {
            assert!(literals(&text).len() <= text.len());
        }
        assert!(literals("").is_empty());
    }
}
