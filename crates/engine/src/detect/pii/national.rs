//! National numbers made of digits, with their check rules.

use super::check::{day, digit, luhn, mod_11_10, number, verhoeff, weighted};
use super::numbers::complement_97;
use super::rules::{self as r, Rule};

/// One kind of national number.
pub struct National {
    pub rule: &'static Rule,
    pub lengths: &'static [usize],
    /// Ways it is written in groups.
    pub written: &'static [&'static [usize]],
    /// The separators of those groups, in order; the last one repeats.
    pub separators: &'static [&'static [u8]],
    /// Written in its own way, it needs no label.
    pub proves_itself: bool,
    pub check: fn(&[u8]) -> bool,
}

/// The more particular the rule, the earlier it stands: the first that holds names the number.
#[rustfmt::skip]
pub static NATIONAL: &[National] = &[
    National { rule: &r::AHV, lengths: &[13], written: &[&[3, 4, 4, 2]], separators: &[b"."], proves_itself: true, check: ahv },
    National { rule: &r::INSEE, lengths: &[15], written: &[&[1, 2, 2, 2, 3, 3, 2], &[13, 2]], separators: &[b" "], proves_itself: true, check: insee },
    National { rule: &r::BE_NATIONAL, lengths: &[11], written: &[&[2, 2, 2, 3, 2]], separators: &[b"..-.", b". -."], proves_itself: true, check: belgian },
    National { rule: &r::CPF, lengths: &[11], written: &[&[3, 3, 3, 2]], separators: &[b"..-"], proves_itself: true, check: cpf },
    National { rule: &r::CN_ID, lengths: &[18], written: &[], separators: &[], proves_itself: false, check: chinese },
    National { rule: &r::ZA_ID, lengths: &[13], written: &[&[6, 4, 3]], separators: &[b" "], proves_itself: false, check: south_african },
    National { rule: &r::PERSONNUMMER, lengths: &[10, 12], written: &[&[6, 4], &[8, 4]], separators: &[b"-"], proves_itself: true, check: swedish },
    National { rule: &r::PESEL, lengths: &[11], written: &[], separators: &[], proves_itself: false, check: pesel },
    National { rule: &r::FODSELSNUMMER, lengths: &[11], written: &[&[6, 5]], separators: &[b" "], proves_itself: false, check: norwegian },
    National { rule: &r::TCKN, lengths: &[11], written: &[], separators: &[], proves_itself: false, check: turkish },
    National { rule: &r::STEUER_ID, lengths: &[11], written: &[&[2, 3, 3, 3]], separators: &[b" "], proves_itself: false, check: german_tax },
    National { rule: &r::KR_RRN, lengths: &[13], written: &[&[6, 7]], separators: &[b"-"], proves_itself: true, check: korean },
    National { rule: &r::NHS, lengths: &[10], written: &[&[3, 3, 4]], separators: &[b" ", b"-"], proves_itself: false, check: nhs },
    National { rule: &r::CPR, lengths: &[10], written: &[&[6, 4]], separators: &[b"-"], proves_itself: false, check: danish },
    National { rule: &r::MEDICARE_AU, lengths: &[10, 11], written: &[&[4, 5, 1], &[4, 5, 1, 1]], separators: &[b" "], proves_itself: false, check: medicare_au },
    National { rule: &r::AADHAAR, lengths: &[12], written: &[&[4, 4, 4]], separators: &[b" ", b"-"], proves_itself: false, check: aadhaar },
    National { rule: &r::JP_MY_NUMBER, lengths: &[12], written: &[&[4, 4, 4]], separators: &[b" ", b"-"], proves_itself: false, check: my_number },
    National { rule: &r::SIN, lengths: &[9], written: &[&[3, 3, 3]], separators: &[b" ", b"-"], proves_itself: false, check: canadian },
    National { rule: &r::TFN, lengths: &[9], written: &[&[3, 3, 3]], separators: &[b" "], proves_itself: false, check: tax_file },
    National { rule: &r::BSN, lengths: &[9], written: &[&[4, 2, 3], &[3, 3, 3]], separators: &[b".", b" "], proves_itself: false, check: dutch },
    National { rule: &r::NIF_PT, lengths: &[9], written: &[&[3, 3, 3]], separators: &[b" "], proves_itself: false, check: portuguese },
];

fn all_same(digits: &[u8]) -> bool {
    digits.windows(2).all(|pair| pair.first() == pair.last())
}

fn ahv(digits: &[u8]) -> bool {
    number(digits, 0, 3) == 756
        && weighted(digits, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

fn insee(digits: &[u8]) -> bool {
    let month = number(digits, 3, 5);
    matches!(digit(digits, 0), 1 | 2)
        && matches!(month, 1..=12 | 20..=42 | 50..=99)
        && complement_97(number(digits, 0, 13), number(digits, 13, 15))
}

fn belgian(digits: &[u8]) -> bool {
    let (body, check) = (number(digits, 0, 9), number(digits, 9, 11));
    // Who was born in 2000 or later has a 2 set in front for the check.
    let holds = complement_97(body, check) || complement_97(2_000_000_000 + body, check);
    holds && number(digits, 2, 4) <= 52 && number(digits, 4, 6) <= 31
}

fn cpf(digits: &[u8]) -> bool {
    let check = |count: usize| {
        let sum: u32 =
            digits.iter().take(count).zip((2..=count as u32 + 1).rev()).map(|(d, w)| u32::from(*d) * w).sum();
        sum * 10 % 11 % 10
    };
    check(9) == digit(digits, 9) && check(10) == digit(digits, 10) && !all_same(digits)
}

fn chinese(digits: &[u8]) -> bool {
    let sum = weighted(
        digits.get(..17).unwrap_or_default(),
        &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2],
    );
    let born =
        day(number(digits, 12, 14), number(digits, 10, 12)) && (1900..2100).contains(&number(digits, 6, 10));
    born && (12 - sum % 11) % 11 == digit(digits, 17)
}

fn south_african(digits: &[u8]) -> bool {
    day(number(digits, 4, 6), number(digits, 2, 4)) && digit(digits, 10) <= 2 && luhn(digits)
}

fn swedish(digits: &[u8]) -> bool {
    let short = digits.get(digits.len().saturating_sub(10)..).unwrap_or_default();
    let century = digits.len() == 10 || matches!(number(digits, 0, 2), 18..=20);
    // Coordination numbers add 60 to the day.
    let born = day(number(short, 4, 6) % 60, number(short, 2, 4));
    century && born && luhn(short)
}

fn pesel(digits: &[u8]) -> bool {
    let born = day(number(digits, 4, 6), number(digits, 2, 4) % 20);
    born && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]).is_multiple_of(10)
}

fn norwegian(digits: &[u8]) -> bool {
    weighted(digits, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(digits, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
        && day(number(digits, 0, 2) % 40, number(digits, 2, 4) % 40)
}

fn turkish(digits: &[u8]) -> bool {
    let odd = weighted(digits, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(digits, &[0, 1, 0, 1, 0, 1, 0, 1]);
    let all = weighted(digits, &[1; 10]);
    digit(digits, 0) != 0 && (odd * 7 + 90 - even) % 10 == digit(digits, 9) && all % 10 == digit(digits, 10)
}

fn german_tax(digits: &[u8]) -> bool {
    digit(digits, 0) != 0 && mod_11_10(digits)
}

fn korean(digits: &[u8]) -> bool {
    let sum = weighted(digits.get(..12).unwrap_or_default(), &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    day(number(digits, 4, 6), number(digits, 2, 4)) && (11 - sum % 11) % 10 == digit(digits, 12)
}

fn nhs(digits: &[u8]) -> bool {
    weighted(digits, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11) && !all_same(digits)
}

// Numbers given out since 2007 carry no check digit, so only the date is proof.
fn danish(digits: &[u8]) -> bool {
    day(number(digits, 0, 2), number(digits, 2, 4))
}

fn medicare_au(digits: &[u8]) -> bool {
    (2..=6).contains(&digit(digits, 0))
        && weighted(digits, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == digit(digits, 8)
}

fn aadhaar(digits: &[u8]) -> bool {
    digit(digits, 0) >= 2 && verhoeff(digits)
}

fn my_number(digits: &[u8]) -> bool {
    let rest = weighted(digits, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    (if rest <= 1 { 0 } else { 11 - rest }) == digit(digits, 11)
}

fn canadian(digits: &[u8]) -> bool {
    digit(digits, 0) != 8 && luhn(digits) && !all_same(digits)
}

fn tax_file(digits: &[u8]) -> bool {
    weighted(digits, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11) && !all_same(digits)
}

fn dutch(digits: &[u8]) -> bool {
    let sum = weighted(digits.get(..8).unwrap_or_default(), &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum % 11 == digit(digits, 8) && !all_same(digits)
}

fn portuguese(digits: &[u8]) -> bool {
    let rest = weighted(digits.get(..8).unwrap_or_default(), &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    matches!(digit(digits, 0), 1..=3 | 5 | 6 | 8 | 9)
        && (if rest < 2 { 0 } else { 11 - rest }) == digit(digits, 8)
}
