//! One form for all names that look alike: what a rule that tightens compares.
//!
//! Unlike `fold`, which reads sentences and asks whether a word is disguised or just foreign, this
//! takes every letter for the Latin one it looks like. It is never shown and never decoded, only
//! compared with the same form of another name, so a Cyrillic name loses nothing by it.

use std::borrow::Cow;

use unicode_normalization::char::decompose_compatible;

use super::twins::{digit, is_general_mark, is_hidden_blank, is_invisible, punctuation, twin};

/// The form of a name in which look-alikes are equal: compatibility forms taken apart, marks and
/// invisible characters left out, look-alike letters Latin, lower case.
///
/// It goes character by character, so the form of a name begins with the form of its beginning:
/// what matches a pattern as written matches the pattern's form, too.
pub fn alike(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase() && !b.is_ascii_control()) {
        return Cow::Borrowed(name);
    }
    let mut form = String::with_capacity(name.len());
    name.chars().for_each(|c| put(c, &mut form));
    Cow::Owned(form)
}

fn put(c: char, form: &mut String) {
    if c.is_ascii() {
        if !c.is_ascii_control() {
            form.push(c.to_ascii_lowercase());
        }
        return;
    }
    // Digits first: some look like letters, and a number is never one.
    if let Some(digit) = digit(c) {
        form.push(digit);
        return;
    }
    // Before taking it apart: a parenthesised letter would become one in parentheses.
    if let Some((plain, _)) = twin(c) {
        form.push(plain.to_ascii_lowercase());
        return;
    }
    decompose_compatible(c, |part| {
        if is_general_mark(part) || is_invisible(part) {
            return;
        }
        if is_hidden_blank(part) || part.is_whitespace() {
            form.push(' ');
        } else if let Some(digit) = digit(part) {
            form.push(digit);
        } else if let Some((plain, _)) = twin(part) {
            form.push(plain.to_ascii_lowercase());
        } else if let Some(mark) = punctuation(part).filter(|_| !part.is_ascii()) {
            form.push_str(mark);
        } else {
            // A capital may look like nothing while its small letter does.
            let small = part.to_lowercase().filter(|c| !is_general_mark(*c));
            form.extend(small.map(|c| twin(c).map_or(c, |(plain, _)| plain.to_ascii_lowercase())));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_look_alike_have_one_form() {
        for name in [
            "Send_Email",
            "send＿email",
            "ѕend_email",
            "send_\u{200B}email",
            "ｓｅｎｄ_ｅｍａｉｌ",
            "𝐬𝐞𝐧𝐝_𝐞𝐦𝐚𝐢𝐥",
            "sénd_email",
            "SEND_EMAIL",
        ] {
            assert_eq!(alike(name), "send_email", "{name}");
        }
    }

    #[test]
    fn names_that_do_not_look_alike_stay_apart() {
        for (one, other) in
            [("tool_1", "tool_l"), ("tool_0", "tool_o"), ("send-email", "send_email"), ("漢", "汉")]
        {
            assert_ne!(alike(one), alike(other));
        }
        assert!(matches!(alike("send_email"), Cow::Borrowed(_)));
    }

    proptest! {
        #[test]
        fn the_form_of_two_parts_is_the_two_forms(a in any::<String>(), b in any::<String>()) {
            let whole = format!("{a}{b}");
            prop_assert_eq!(alike(&whole), format!("{}{}", alike(&a), alike(&b)));
        }

        #[test]
        fn a_form_is_its_own_form(name in any::<String>()) {
            let form = alike(&name).into_owned();
            prop_assert_eq!(alike(&form), form.as_str());
        }
    }
}
