//! Dates in the notations of people and programs.

/// `2026-05-03`, also with slashes or dots, and with a time behind it.
pub(super) fn date(lower: &str) -> Option<(u32, u32, u32)> {
    let day_part = lower.split('t').next()?;
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

pub(super) fn month_number(run: &str) -> Option<u32> {
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
    let short = run.trim_end_matches('.');
    let begins = |c: char| matches!(c.to_ascii_lowercase(), 'a' | 'd' | 'f' | 'j' | 'm' | 'n' | 'o' | 's');
    if !(3..=9).contains(&short.len()) || !short.starts_with(begins) {
        return None;
    }
    let named = |name: &&str| {
        name.eq_ignore_ascii_case(short)
            || (short.len() == 3 && name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(short)))
    };
    (1u32..).zip(&MONTHS).find(|(_, name)| named(name)).map(|(number, _)| number)
}

pub(super) fn day_number(run: &str) -> Option<u32> {
    if !run.starts_with(|c: char| c.is_ascii_digit()) || run.len() > 4 {
        return None;
    }
    let digits = run.trim_end_matches(|c: char| c.is_alphabetic());
    let suffix = run.get(digits.len()..)?;
    let ordinal = ["", "st", "nd", "rd", "th"].iter().any(|known| known.eq_ignore_ascii_case(suffix));
    digits.parse().ok().filter(|day| ordinal && (1..=31).contains(day))
}
