//! Numbers made of digits alone: cards, social security, phones, addresses of machines, dates.

use action::Severity;

use super::check::{digit, luhn, number};
use super::cluster::{Cluster, Group};
use super::context::{Context, Subjects, around, near};
use super::national::NATIONAL;
use super::rules::{self as r, Rule};
use super::{Candidate, candidate};

/// Judges one cluster of digits.
pub fn judge(bytes: &[u8], cluster: &Cluster, key: Subjects, out: &mut Vec<Candidate>) {
    let total = cluster.digits.len();
    if ipv4(bytes, cluster, out) {
        return;
    }
    let pay = is_money(bytes, cluster);
    if total < 6 && !pay && key == Subjects::NONE {
        return;
    }
    // So few digits are pay, a year of birth or a short record number, and most texts are full of them.
    let short = Subjects::PAY.or(Subjects::BIRTH).or(Subjects::BANK).or(Subjects::HEALTH);
    if total < 6 && !near(bytes, cluster.start).or(key).has(short) {
        return;
    }
    let context = around(bytes, cluster.start, cluster.extension.unwrap_or(cluster.end), key);
    let joined = cluster.glued || matches!(bytes.get(cluster.end), Some(b':' | b'-' | b'/'));
    if pay && !joined && !cluster.plus && context.labels(Subjects::PAY) {
        let end = money_end(bytes, cluster.end);
        out.push(candidate(&r::SALARY, 75, cluster.start..end));
        return;
    }
    if cluster.letters_follow {
        return;
    }
    if cards(bytes, cluster, context, out) || total > 20 {
        return;
    }
    if birth(bytes, cluster, context, out) || is_date(bytes, cluster) {
        return;
    }
    let found = social_security(bytes, cluster, context, out)
        || national(bytes, cluster, context, out)
        || labelled(bytes, cluster, context, out);
    if !found {
        phone(bytes, cluster, context, out);
    }
}

/// Numbers that payment processors publish for tests.
#[rustfmt::skip]
#[allow(clippy::inconsistent_digit_grouping, reason = "grouped as on a card")]
const TEST_CARDS: &[u64] = &[
    4111_1111_1111_1111, 4242_4242_4242_4242, 4012_8888_8888_1881, 4000_0000_0000_0002, 4000_0566_5566_5556, 4222_2222_2222_2,
    5555_5555_5555_4444, 5105_1051_0510_5100, 5200_8282_8282_8210, 2223_0031_2200_3222, 3782_822463_10005, 3714_496353_98431,
    3787_344936_71000, 6011_1111_1111_1117, 6011_0009_9013_9424, 3056_930902_5904, 3852_000002_3237, 3566_0020_2036_0505,
    3530_1113_3330_0000, 6200_0000_0000_0005,
];

/// How sure the first digits and the length make us, from nothing known to a usual card.
fn brand(digits: &[u8]) -> u8 {
    let length = digits.len();
    let first = |count: usize| number(digits, 0, count);
    match (first(1), length) {
        (4, 16 | 19) => return 90,
        (4, 13) => return 75,
        _ => {}
    }
    match (first(2), length) {
        (51..=55, 16) | (34 | 37, 15) => return 90,
        (30 | 36 | 38 | 39, 14) | (35, 16) => return 85,
        (62 | 65 | 81 | 82 | 60, 16) => return 85,
        (62 | 65, 17..=19) => return 75,
        (50 | 56..=69, 12..=19) => return 60,
        _ => {}
    }
    match (first(4), length) {
        (2221..=2720, 16) => 90,
        (2131 | 1800, 15) => 85,
        (2200..=2204 | 9792, 16) => 80,
        _ => 0,
    }
}

/// Every card in the cluster. Windows of groups: a card may stand between an order number and
/// its own expiry date.
fn cards(bytes: &[u8], cluster: &Cluster, context: Context, out: &mut Vec<Candidate>) -> bool {
    let known = out.len();
    let mut skip = 0;
    for (place, first) in cluster.groups.iter().enumerate() {
        if place < skip {
            continue;
        }
        let mut best: Option<(usize, u8, Group)> = None;
        for (last_place, last) in cluster.groups.iter().enumerate().skip(place) {
            let end = last.offset + last.len();
            let length = end - first.offset;
            if length > 19 || !goes_on(bytes, cluster, place, last_place) {
                break;
            }
            let Some(digits) = cluster.digits.get(first.offset..end) else { break };
            if length < 12
                || (brand(digits) == 0 && !context.says(Subjects::CARD))
                || !luhn(digits)
                || digits.windows(2).all(|pair| pair.first() == pair.last())
            {
                continue;
            }
            let sure = sureness(bytes, cluster, (place, last_place), digits, context);
            if sure > 0 && best.is_none_or(|(_, known, _)| sure >= known) {
                best = Some((last_place, sure, *last));
            }
        }
        if let Some((last_place, sure, last)) = best {
            let mut found = candidate(&r::CARD, sure, first.start..last.end);
            let digits = cluster.digits.get(first.offset..last.offset + last.len()).unwrap_or_default();
            if TEST_CARDS.contains(&number(digits, 0, digits.len())) {
                found.severity = Severity::Low;
            }
            out.push(found);
            skip = last_place + 1;
        }
    }
    out.len() > known
}

/// Whether one blank, hyphen or point, always the same, separates the groups of a window.
fn uniform(bytes: &[u8], cluster: &Cluster, first: usize, last: usize) -> bool {
    let separator = cluster.separator(bytes, first);
    let usual = matches!(separator, [b' '] | [b'-'] | [b'.'] | [0xc2, 0xa0] | [0xe2, 0x80, _]);
    first == last || (usual && (first..last).all(|place| cluster.separator(bytes, place) == separator))
}

/// The same for a window that has just grown by one group.
fn goes_on(bytes: &[u8], cluster: &Cluster, first: usize, last: usize) -> bool {
    first == last
        || (uniform(bytes, cluster, first, first + 1)
            && cluster.separator(bytes, last - 1) == cluster.separator(bytes, first))
}

fn sureness(bytes: &[u8], cluster: &Cluster, window: (usize, usize), digits: &[u8], context: Context) -> u8 {
    let (first, last) = window;
    let said = context.says(Subjects::CARD);
    let brand = brand(digits);
    // A fraction, a part of an identifier or a piece of a longer number is no card by itself.
    let after_point = first > 0 && cluster.separator(bytes, first - 1) == b".";
    let before_point = cluster.separator(bytes, last) == b".";
    let joined = (first == 0 && cluster.glued) || after_point || before_point || cluster.plus;
    let lengths = || cluster.groups.iter().skip(first).take(last + 1 - first).map(|g| g.len());
    let usual_groups = lengths().eq([digits.len()])
        || lengths().eq([4, 4, 4, 4])
        || lengths().eq([4, 6, 5])
        || lengths().eq([4, 6, 4])
        || lengths().eq([4, 4, 4, 4, 3])
        || lengths().eq([4, 4, 4, 3])
        || lengths().eq([4, 4, 5]);
    match (said, brand) {
        (true, 60..) if !joined || usual_groups => 97,
        (true, _) if !joined => 75,
        (false, 75..) if !joined && usual_groups => brand,
        (false, 85..) if !joined && lengths().all(|length| length <= 4) => 70,
        (false, 60) if !joined && usual_groups && !context.near.has(Subjects::OTHER.or(Subjects::PHONE)) => {
            60
        }
        _ => 0,
    }
}

fn ipv4(bytes: &[u8], cluster: &Cluster, out: &mut Vec<Candidate>) -> bool {
    let shape = cluster.groups.len() == 4
        && cluster.lengths().all(|length| length <= 3)
        && cluster.separated_by(bytes, b'.');
    if !shape || cluster.plus {
        return false;
    }
    let octet = |place: usize| {
        cluster
            .groups
            .get(place)
            .map(|g| number(&cluster.digits, g.offset, g.offset + g.len()))
            .unwrap_or(999)
    };
    let padded = cluster.groups.iter().any(|g| g.len() > 1 && cluster.digits.get(g.offset) == Some(&0));
    let joined = bytes.get(cluster.end) == Some(&b'.')
        && bytes.get(cluster.end + 1).is_some_and(u8::is_ascii_digit)
        || cluster.letters_follow
        || cluster.glued && !matches!(cluster.start.checked_sub(1).and_then(|b| bytes.get(b)), Some(b'/'));
    if (0..4).any(|place| octet(place) > 255) || padded || joined {
        return false;
    }
    let context = around(bytes, cluster.start, cluster.end, Subjects::NONE);
    if context.near.has(Subjects::VERSION) && !context.near.has(Subjects::ADDRESS) {
        return true;
    }
    // 1.2.3.4 numbers a section or a release more often than a machine.
    let small = (0..4).all(|place| octet(place) < 20);
    let sure = match (context.says(Subjects::ADDRESS), small) {
        (true, _) => 90,
        (false, false) => 80,
        (false, true) => 50,
    };
    out.push(candidate(&r::IPV4, sure, cluster.start..cluster.end));
    true
}

fn social_security(bytes: &[u8], cluster: &Cluster, context: Context, out: &mut Vec<Candidate>) -> bool {
    let said = context.says(Subjects::SSN);
    let whole = cluster.groups.len() == 1 && cluster.digits.len() == 9;
    if whole {
        if (said || context.labels(Subjects::SSN)) && is_ssn(&cluster.digits) {
            out.push(ssn(&cluster.digits, 85, cluster.start..cluster.end));
            return true;
        }
        return false;
    }
    for (place, window) in cluster.groups.windows(3).enumerate() {
        let [a, b, c] = window else { continue };
        if (a.len(), b.len(), c.len()) != (3, 2, 4) || !uniform(bytes, cluster, place, place + 2) {
            continue;
        }
        let digits = cluster.digits.get(a.offset..c.offset + 4).unwrap_or_default();
        let hyphens = cluster.separator(bytes, place) != b" ";
        let alone =
            cluster.groups.len() == 3 && !cluster.plus && !cluster.glued && cluster.extension.is_none();
        let sure = match (said, hyphens) {
            (true, _) => 97,
            (false, true) if alone && cluster.separator(bytes, place) != b"." => 85,
            (false, false) if alone && !context.says(Subjects::PHONE.or(Subjects::OTHER)) => 60,
            _ => 0,
        };
        if sure > 0 && is_ssn(digits) {
            out.push(ssn(digits, sure, a.start..c.end));
            return true;
        }
        if sure > 0 && is_itin(digits) {
            out.push(candidate(&r::ITIN, sure.min(80), a.start..c.end));
            return true;
        }
    }
    false
}

/// Numbers that were printed in advertisements and manuals, never given to a person.
const PUBLISHED_SSN: &[u64] = &[78_051_120, 219_099_999, 123_456_789, 457_555_462];

fn ssn(digits: &[u8], sure: u8, span: std::ops::Range<usize>) -> Candidate {
    let mut found = candidate(&r::SSN, sure, span);
    if PUBLISHED_SSN.contains(&number(digits, 0, 9)) {
        found.severity = Severity::Low;
    }
    found
}

fn is_ssn(digits: &[u8]) -> bool {
    let area = number(digits, 0, 3);
    area != 0 && area != 666 && area < 900 && number(digits, 3, 5) != 0 && number(digits, 5, 9) != 0
}

fn is_itin(digits: &[u8]) -> bool {
    let area = number(digits, 0, 3);
    area >= 900 && matches!(number(digits, 3, 5), 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

fn national(bytes: &[u8], cluster: &Cluster, context: Context, out: &mut Vec<Candidate>) -> bool {
    let said = context.says(Subjects::NATIONAL.or(Subjects::TAX).or(Subjects::HEALTH).or(Subjects::SSN));
    for kind in NATIONAL {
        if !kind.lengths.contains(&cluster.digits.len()) {
            continue;
        }
        let own = kind.written.iter().any(|groups| cluster.is_grouped(groups));
        let written = own && kind.separators.iter().any(|s| bytes_between(bytes, cluster, s));
        let enough = if kind.proves_itself && written {
            !cluster.glued
        } else {
            said && (own || cluster.groups.len() == 1)
        };
        if enough && (kind.check)(&cluster.digits) {
            out.push(candidate(kind.rule, if said { 92 } else { 75 }, cluster.start..cluster.end));
            return true;
        }
    }
    false
}

/// Whether the separators, one after the other, are those of `pattern`.
fn bytes_between(bytes: &[u8], cluster: &Cluster, pattern: &[u8]) -> bool {
    let count = cluster.groups.len().saturating_sub(1);
    (0..count).all(|place| {
        let wanted = pattern.get(place).or(pattern.last()).copied();
        matches!((cluster.separator(bytes, place), wanted), ([found], Some(w)) if *found == w)
    })
}

/// Numbers that only their label makes sensitive.
fn labelled(bytes: &[u8], cluster: &Cluster, context: Context, out: &mut Vec<Candidate>) -> bool {
    let digits = &cluster.digits;
    let single = cluster.groups.len() == 1;
    let span = || cluster.start..cluster.end;
    let mut found = |rule: &'static Rule, sure: u8| {
        out.push(candidate(rule, sure, span()));
        true
    };
    if cluster.plus || cluster.glued {
        return false;
    }
    if context.labels(Subjects::ROUTING) && single && digits.len() == 9 && is_routing(digits) {
        return found(&r::ROUTING, 90);
    }
    if context.labels(Subjects::HEALTH) {
        if single && digits.len() == 10 && is_npi(digits) {
            return found(&r::NPI, 85);
        }
        if (5..=15).contains(&digits.len()) && cluster.groups.len() <= 4 {
            return found(&r::MEDICAL_RECORD, 80);
        }
    }
    if context.labels(Subjects::PASSPORT) && single && (7..=9).contains(&digits.len()) {
        return found(&r::PASSPORT, 85);
    }
    if context.labels(Subjects::LICENCE) && (6..=16).contains(&digits.len()) {
        return found(&r::DRIVER_LICENCE, 75);
    }
    if context.labels(Subjects::BANK) && !context.near.has(Subjects::PHONE) {
        if cluster.is_grouped(&[2, 2, 2]) && cluster.separated_by(bytes, b'-') {
            return found(&r::SORT_CODE, 75);
        }
        if (6..=17).contains(&digits.len()) && cluster.groups.len() <= 5 {
            return found(&r::ACCOUNT, 70);
        }
    }
    false
}

fn is_routing(digits: &[u8]) -> bool {
    let area = number(digits, 0, 2);
    let known = matches!(area, 1..=12 | 21..=32 | 61..=72 | 80);
    known && super::check::weighted(digits, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

/// Luhn over the number behind the prefix 80840 of the card-issuer scheme.
fn is_npi(digits: &[u8]) -> bool {
    matches!(digit(digits, 0), 1 | 2) && (super::check::luhn_sum(digits) + 24).is_multiple_of(10)
}

/// `1990-05-17`, `17.05.1990`, `5/17/90`.
fn is_date(bytes: &[u8], cluster: &Cluster) -> bool {
    let Some([a, b, c]) = cluster.groups.get(..3) else { return false };
    let value = |g: &Group| number(&cluster.digits, g.offset, g.offset + g.len());
    let joined = cluster.separator(bytes, 0) == cluster.separator(bytes, 1)
        && matches!(cluster.separator(bytes, 0), [b'-' | b'/' | b'.']);
    let year_first = a.len() == 4 && b.len() <= 2 && c.len() <= 2 && super::check::day(value(c), value(b));
    let year_last = a.len() <= 2
        && b.len() <= 2
        && (c.len() == 4 || c.len() == 2)
        && (super::check::day(value(a), value(b)) || super::check::day(value(b), value(a)));
    let year = if year_first { value(a) } else { value(c) };
    let plausible =
        (year_first || c.len() == 4) && (1850..=2150).contains(&year) || (!year_first && c.len() == 2);
    joined
        && (year_first || year_last)
        && plausible
        && (cluster.groups.len() == 3 || cluster.separator(bytes, 2) == b" ")
}

fn birth(bytes: &[u8], cluster: &Cluster, context: Context, out: &mut Vec<Candidate>) -> bool {
    let compact = cluster.groups.len() == 1 && cluster.digits.len() == 8 && context.key.has(Subjects::BIRTH);
    if let Some(start) = written_birth(bytes, cluster, context) {
        out.push(candidate(&r::BIRTH_DATE, 85, start..cluster.end));
        return true;
    }
    if !context.labels(Subjects::BIRTH) || !(is_date(bytes, cluster) || compact) {
        return false;
    }
    let end = cluster.groups.get(2).map(|g| g.end).unwrap_or(cluster.end);
    out.push(candidate(&r::BIRTH_DATE, 85, cluster.start..end));
    true
}

/// First letters of month names in the languages that write a date with the year last.
#[rustfmt::skip]
pub(super) const MONTHS: &[&[u8]] = &[b"jan", b"ene", b"feb", b"fev", b"mar", b"apr", b"avr", b"abr", b"may", b"mai", b"jun", b"jui", b"jul", b"aug", b"ago", b"sep",
    b"oct", b"okt", b"nov", b"dec", b"dez", b"dic"];

/// Where `March 14th, 1985` or `14. Mai 1985` begins, when the cluster is its year.
fn written_birth(bytes: &[u8], cluster: &Cluster, context: Context) -> Option<usize> {
    let year = cluster.groups.len() == 1
        && cluster.digits.len() == 4
        && (1880..=2100).contains(&number(&cluster.digits, 0, 4));
    if !year || !context.says(Subjects::BIRTH) {
        return None;
    }
    let from = cluster.start.saturating_sub(24);
    let window = bytes.get(from..cluster.start)?.to_ascii_lowercase();
    // Words and numbers from the year backwards: a month, and a day on either side of it.
    let parts = window.chunk_by(|a, b| a.is_ascii_alphanumeric() == b.is_ascii_alphanumeric());
    let parts: Vec<&[u8]> = parts.collect();
    let (mut at, mut month, mut start) = (window.len(), None, None);
    for part in parts.iter().rev() {
        at -= part.len();
        let day = part.first().is_some_and(u8::is_ascii_digit) && part.len() <= 4;
        let letters = part.iter().all(u8::is_ascii_alphabetic);
        if month.is_none() && letters && MONTHS.iter().any(|name| part.starts_with(name)) {
            (month, start) = (Some(at), Some(at));
        } else if day && month.is_some() {
            start = Some(at);
            break;
        } else if letters && !matches!(*part, b"of" | b"de" | b"the") && !part.is_empty() {
            break;
        }
    }
    month.and(start).map(|start| from + start)
}

/// Whether the number is written as money: a currency in front or behind, or thousands by comma.
fn is_money(bytes: &[u8], cluster: &Cluster) -> bool {
    let front = bytes.get(cluster.start.saturating_sub(5)..cluster.start).unwrap_or_default();
    let front = front.strip_suffix(b" ").unwrap_or(front);
    let symbols: [&[u8]; 9] = [
        b"$",
        "€".as_bytes(),
        "£".as_bytes(),
        "¥".as_bytes(),
        "₹".as_bytes(),
        b"USD",
        b"EUR",
        b"GBP",
        b"CHF",
    ];
    let rest = bytes.get(cluster.end..).unwrap_or_default();
    let comma =
        matches!(rest, [b',', a, b, c, ..] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit());
    let behind: [&[u8]; 9] =
        [b"k", b"K", b" USD", b" EUR", b" GBP", " €".as_bytes(), "€".as_bytes(), b" dollars", b" euros"];
    symbols.iter().any(|symbol| front.ends_with(symbol))
        || comma
        || behind.iter().any(|unit| rest.starts_with(unit))
        || cluster.digits.len() >= 4
}

fn money_end(bytes: &[u8], end: usize) -> usize {
    let more = bytes.get(end..).unwrap_or_default().iter().take(16);
    let length = more.take_while(|b| b.is_ascii_digit() || matches!(b, b',' | b'.' | b'k' | b'K')).count();
    let text = bytes.get(end..end + length).unwrap_or_default();
    end + length - text.iter().rev().take_while(|b| matches!(b, b',' | b'.')).count()
}

fn phone(bytes: &[u8], cluster: &Cluster, context: Context, out: &mut Vec<Candidate>) {
    let digits = cluster.digits.len();
    let money = cluster
        .start
        .checked_sub(1)
        .and_then(|b| bytes.get(b))
        .is_some_and(|b| matches!(b, b'$' | b'%' | b'#'));
    if money || (cluster.glued && !cluster.plus) || bytes.get(cluster.end) == Some(&b'%') {
        return;
    }
    let end = cluster.extension.unwrap_or(cluster.end);
    let said = context.says(Subjects::PHONE);
    let labelled = context.labels(Subjects::PHONE);
    let other = context.near.has(Subjects::OTHER) && !labelled;
    let mut push = |sure: u8, span: std::ops::Range<usize>| {
        let mut found = candidate(&r::PHONE, sure, span);
        if is_fictional(&cluster.digits) {
            found.severity = Severity::Low;
        }
        out.push(found);
    };
    if cluster.plus && (8..=15).contains(&digits) && digit(&cluster.digits, 0) != 0 {
        return push(if said { 95 } else { 85 }, cluster.start..end);
    }
    if let Some((first, last)) = north_american(bytes, cluster, said) {
        let start = if first == 0 {
            cluster.start
        } else {
            cluster.groups.get(first).map(|g| g.start).unwrap_or(cluster.start)
        };
        let stop = cluster.groups.get(last).map(|g| g.end).unwrap_or(end);
        let stop = if last + 1 == cluster.groups.len() { end } else { stop };
        if !other {
            return push(if said { 92 } else { 75 }, start..stop);
        }
    }
    let longest = cluster.lengths().max().unwrap_or(0);
    let dotted =
        (0..cluster.groups.len().saturating_sub(1)).any(|place| cluster.separator(bytes, place) == b".");
    // A point between two numbers is a fraction, unless there are at least three groups.
    let fraction = dotted && cluster.groups.len() < 3;
    let slashes = (0..cluster.groups.len().saturating_sub(1))
        .any(|place| cluster.separator(bytes, place).contains(&b'/'));
    if !(7..=15).contains(&digits) || fraction || (slashes && cluster.groups.len() > 3) {
        return;
    }
    let trunk = digit(&cluster.digits, 0) == 0 && (9..=12).contains(&digits);
    let groups = cluster.groups.len();
    let sure = match () {
        () if labelled && (groups > 1 || (7..=13).contains(&digits)) => 85,
        () if said && groups > 1 && !other => 75,
        () if said && groups == 1 && (digits == 10 || trunk) && !other => 65,
        () if trunk && groups >= 3 && longest <= 4 && !other => 65,
        () if cluster.bracket && groups >= 3 && digits >= 8 && !other => 60,
        () => return,
    };
    push(sure, cluster.start..end);
}

/// The groups of a North American number: `(602) 272-9781`, `1-602-272-9781`, `602.272.9781`.
fn north_american(bytes: &[u8], cluster: &Cluster, said: bool) -> Option<(usize, usize)> {
    cluster.groups.windows(3).enumerate().find_map(|(place, window)| {
        let [a, b, c] = window else { return None };
        let shape = (a.len(), b.len(), c.len()) == (3, 3, 4);
        let area = digit(&cluster.digits, a.offset) >= 2 && digit(&cluster.digits, b.offset) >= 2;
        let (one, two) = (cluster.separator(bytes, place), cluster.separator(bytes, place + 1));
        let marked = one == two && matches!(one, [b'-' | b'.']) || one.starts_with(b")") || said;
        let country = place.checked_sub(1).and_then(|before| cluster.groups.get(before)).is_some_and(|g| {
            matches!(cluster.digits.get(g.offset..g.offset + g.len()), Some([1] | [0, 0, 1]))
        });
        let first = if country { place - 1 } else { place };
        (shape && marked && (area || said || country)).then_some((first, place + 2))
    })
}

/// Numbers kept free for films and manuals: 555-0100 to 555-0199, and UK drama ranges.
fn is_fictional(digits: &[u8]) -> bool {
    let national = digits.strip_prefix(&[1u8]).unwrap_or(digits);
    (national.len() == 10 && number(national, 3, 8) == 55_501) || number(digits, 0, 9) == 447_700_900
}

/// Belgian and French numbers end with 97 minus the rest.
pub fn complement_97(body: u64, check: u64) -> bool {
    97 - body % 97 == check
}
