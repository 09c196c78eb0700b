//! The two modes that cannot be undone.

use action::SensitiveClass;

use super::Options;
use super::key::Key;

/// Letters and digits become `*`. With `preserve_format` the marks between them stay, and of
/// numbers the last few; of a secret nothing stays.
pub fn mask(class: SensitiveClass, value: &str, options: &Options) -> String {
    if !options.preserve_format {
        return format!("[{}]", class.as_str());
    }
    let kept = match class {
        SensitiveClass::Card
        | SensitiveClass::Ssn
        | SensitiveClass::Iban
        | SensitiveClass::Phone
        | SensitiveClass::Financial => options.keep_last,
        SensitiveClass::Passport
        | SensitiveClass::Email
        | SensitiveClass::ApiKey
        | SensitiveClass::Jwt
        | SensitiveClass::Credential
        | SensitiveClass::Health
        | SensitiveClass::IpAddress
        | SensitiveClass::NationalId
        | SensitiveClass::Custom => 0,
    };
    let letters = value.chars().filter(|c| c.is_alphanumeric()).count();
    // Half a short value would be most of it.
    let kept = if letters >= kept * 2 { kept } else { 0 };
    let mut left = letters;
    value
        .chars()
        .map(|c| match c.is_alphanumeric() {
            true => {
                left -= 1;
                if left < kept { c } else { '*' }
            }
            // Blanks and the marks of addresses and numbers show the shape; anything else is content.
            false if c.is_ascii_punctuation() || c == ' ' => c,
            false => '*',
        })
        .collect()
}

/// A keyed hash with its class: equal values can be told equal by whoever holds no key, and
/// nobody without the key can try out all social security numbers. One value has one hash however it is
/// written: in groups, with hyphens, in capitals.
pub fn hash(key: &Key, class: SensitiveClass, value: &str) -> String {
    let written = spelt(class, value);
    let digest = key.derive("checkrein.redact.hash.v2", &[class.as_str().as_bytes(), written.as_bytes()]);
    let short: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    format!("{}:{short}", class.as_str())
}

/// A value in the one form in which it is hashed.
fn spelt(class: SensitiveClass, value: &str) -> String {
    match class {
        SensitiveClass::Card
        | SensitiveClass::Ssn
        | SensitiveClass::Iban
        | SensitiveClass::Phone
        | SensitiveClass::Financial
        | SensitiveClass::Passport
        | SensitiveClass::NationalId => {
            value.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
        }
        SensitiveClass::Email => value.to_lowercase(),
        // Of these the case and the marks are part of the value.
        SensitiveClass::ApiKey
        | SensitiveClass::Jwt
        | SensitiveClass::Credential
        | SensitiveClass::Health
        | SensitiveClass::IpAddress
        | SensitiveClass::Custom => value.to_owned(),
    }
}
