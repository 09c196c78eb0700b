//! Secrets without a known issuer: a name that promises one, and a value that looks like one.

use super::value::{Value, assigned, in_identifier, is_stand_in, run, told};
use super::{Found, entropy};

/// What a name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// A machine's token: long and random.
    Token,
    /// A person's password: short, chosen.
    Password,
}

/// Words of a name that promise a secret, and what kind.
#[rustfmt::skip]
pub static NAMES: &[(&str, Promise)] = &[
    ("api_key", Promise::Token), ("apikey", Promise::Token), ("api-key", Promise::Token),
    ("api_token", Promise::Token), ("apitoken", Promise::Token), ("api-token", Promise::Token),
    ("access_key", Promise::Token), ("accesskey", Promise::Token), ("access-key", Promise::Token),
    ("access_token", Promise::Token), ("accesstoken", Promise::Token), ("access-token", Promise::Token),
    ("auth_token", Promise::Token), ("authtoken", Promise::Token), ("auth-token", Promise::Token), ("auth_key", Promise::Token),
    ("refresh_token", Promise::Token), ("refreshtoken", Promise::Token), ("bearer_token", Promise::Token), ("id_token", Promise::Token),
    ("bot_token", Promise::Token), ("session_token", Promise::Token), ("security_token", Promise::Token),
    ("secret_key", Promise::Token), ("secretkey", Promise::Token), ("secret-key", Promise::Token),
    ("client_secret", Promise::Token), ("clientsecret", Promise::Token), ("client-secret", Promise::Token),
    ("private_key", Promise::Token), ("privatekey", Promise::Token), ("signing_key", Promise::Token), ("encryption_key", Promise::Token),
    ("master_key", Promise::Token), ("account_key", Promise::Token), ("app_key", Promise::Token), ("appkey", Promise::Token),
    ("subscription_key", Promise::Token), ("license_key", Promise::Token), ("service_key", Promise::Token), ("webhook_secret", Promise::Token),
    ("secret", Promise::Token), ("token", Promise::Token), ("credential", Promise::Token),
    ("password", Promise::Password), ("passwd", Promise::Password), ("passphrase", Promise::Password),
    ("passcode", Promise::Password), ("pwd", Promise::Password), ("passwort", Promise::Password), ("kennwort", Promise::Password),
    ("contraseña", Promise::Password), ("mot de passe", Promise::Password), ("senha", Promise::Password), ("wachtwoord", Promise::Password),
];

/// Words that turn the promise into something harmless: `token_count`, `public_key`, `secret_name`.
const HARMLESS: &[&[u8]] = &[
    b"public",
    b"name",
    b"version",
    b"count",
    b"length",
    b"size",
    b"limit",
    b"max",
    b"min",
    b"type",
    b"path",
    b"file",
    b"url",
    b"uri",
    b"endpoint",
    b"expires",
    b"expiry",
    b"ttl",
    b"policy",
    b"field",
    b"label",
    b"hint",
    b"reset",
    b"forgot",
    b"confirm",
    b"csrf",
    b"xsrf",
    b"authenticity",
    b"id",
    b"ids",
    b"index",
    b"selector",
    b"usage",
    b"used",
    b"total",
    b"header",
    b"param",
    b"prefix",
    b"suffix",
    b"format",
    b"pattern",
    b"regex",
    b"arn",
    b"ref",
    b"hash",
    b"hashed",
    b"digest",
    b"checksum",
    b"strength",
    b"required",
    b"enabled",
    b"rotation",
    b"page",
    b"next",
    b"continuation",
    b"tokens",
    b"tokenizer",
    b"tokenize",
    b"symbol",
    b"address",
    b"contract",
    b"mint",
    b"pair",
];

/// Reads the secret assigned to the name around `word`.
pub fn read(bytes: &[u8], word: std::ops::Range<usize>, promise: Promise) -> Option<Found> {
    let value = promised_value(bytes, word, promise)?;
    let end = value.end(bytes, promise.longest());
    let token = bytes.get(value.start..end)?;
    looks_secret(token, promise, value.quote.is_some() || tight(bytes, &value))
        .then_some(Found { span: value.start..end })
}

/// Where such a secret begins, if the end of the text may have cut it short.
pub fn open(bytes: &[u8], word: std::ops::Range<usize>, promise: Promise) -> Option<usize> {
    let value = promised_value(bytes, word, promise)?;
    let end = value.end(bytes, promise.longest());
    let token = bytes.get(value.start..end)?;
    let blank = token.iter().any(u8::is_ascii_whitespace);
    (end == bytes.len() && token.len() <= promise.longest() && !blank).then_some(value.start)
}

impl Promise {
    const fn longest(self) -> usize {
        match self {
            Promise::Token => 512,
            Promise::Password => 128,
        }
    }
}

/// The value that stands assigned to the name around `word`, whatever it looks like.
fn promised_value(bytes: &[u8], word: std::ops::Range<usize>, promise: Promise) -> Option<Value> {
    let name_start = word.start
        - bytes.get(..word.start)?.iter().rev().take(40).take_while(|b| in_identifier(**b)).count();
    let told = || if promise == Promise::Password { told(bytes, word.end) } else { None };
    let value = assigned(bytes, word.end).or_else(told)?;
    let name_end = value.name_end;
    // A comma lists values more often than it assigns one.
    let listed = bytes.get(name_end..value.start)?.contains(&b',');
    let harmless = is_harmless(bytes.get(name_start..name_end)?) || continues_as_word(bytes, word.end);
    (!listed && !harmless).then_some(value)
}

/// Whether a whole text, standing under the key `key`, is a secret.
pub fn whole(key: &str, text: &[u8]) -> Option<Promise> {
    // Every secret has a digit. Most values have none, and what their key promises does not matter.
    if !text.iter().any(u8::is_ascii_digit) {
        return None;
    }
    let promise = promised(key)?;
    looks_secret(text, promise, true).then_some(promise)
}

/// What the name of a field promises.
pub fn promised(key: &str) -> Option<Promise> {
    let key = key.get(..64).unwrap_or(key);
    let single = key.strip_suffix('s');
    let (_, promise) =
        NAMES.iter().find(|(name, _)| key.ends_with(name) || single.is_some_and(|k| k.ends_with(name)))?;
    (!is_harmless(key.as_bytes())).then_some(*promise)
}

/// `secretary`, `tokenizer`: the word goes on with small letters.
fn continues_as_word(bytes: &[u8], end: usize) -> bool {
    let more = run(bytes, end, 3, |b| b.is_ascii_lowercase());
    let plural = more == 1 && bytes.get(end) == Some(&b's');
    let last_is_lower = end.checked_sub(1).and_then(|b| bytes.get(b)).is_some_and(|b| b.is_ascii_lowercase());
    more > 0 && last_is_lower && !plural
}

/// `name=value` without a blank is how programs write; prose puts blanks around.
fn tight(bytes: &[u8], value: &Value) -> bool {
    bytes.get(value.name_end..value.start).is_some_and(|gap| gap.contains(&b'='))
}

fn is_harmless(name: &[u8]) -> bool {
    segments(name).any(|segment| HARMLESS.iter().any(|word| segment.eq_ignore_ascii_case(word)))
}

/// The words of `publicKey`, `public_key`, `PUBLIC-KEY`.
fn segments(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    name.chunk_by(|a, b| {
        b.is_ascii_alphanumeric()
            && a.is_ascii_alphanumeric()
            && !(a.is_ascii_lowercase() && b.is_ascii_uppercase())
    })
    .filter(|segment| segment.iter().all(u8::is_ascii_alphanumeric))
}

fn looks_secret(token: &[u8], promise: Promise, plain: bool) -> bool {
    if !token.iter().any(u8::is_ascii_digit) {
        return false;
    }
    let count = |wanted: fn(&u8) -> bool| token.iter().filter(|b| wanted(b)).count();
    let (digits, lower, upper) =
        (count(u8::is_ascii_digit), count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    let others = token.len() - digits - lower - upper;
    let blanks = count(u8::is_ascii_whitespace);
    if blanks > 0 || is_stand_in(token) || is_jwt_header(token) {
        return false;
    }
    match promise {
        Promise::Token => {
            let kinds = usize::from(digits > 0) + usize::from(lower > 0) + usize::from(upper > 0);
            let inside = token.iter().all(|b| b.is_ascii_alphanumeric() || b"_-.+/=~:!@#$%^&*|".contains(b));
            let long = (16..=512).contains(&token.len());
            long && inside
                && kinds >= 2
                && digits >= 2
                && others * 3 <= token.len()
                && entropy(token) >= if plain { 33 } else { 37 }
                && !is_uuid(token)
        }
        Promise::Password => {
            let kinds = usize::from(digits > 0)
                + usize::from(lower > 0)
                + usize::from(upper > 0)
                + usize::from(others > 0);
            let long = (if plain { 6..=128 } else { 8..=128 }).contains(&token.len());
            long && kinds >= if plain { 2 } else { 3 }
                && digits > 0
                && lower + upper > 0
                && entropy(token) >= 25
                && !is_textbook(token)
        }
    }
}

/// An identifier that systems give out and show; many settings refer to a secret by one.
fn is_uuid(token: &[u8]) -> bool {
    token.len() == 36
        && token.iter().enumerate().all(|(place, b)| {
            if matches!(place, 8 | 13 | 18 | 23) { *b == b'-' } else { b.is_ascii_hexdigit() }
        })
}

/// The first third of a JWT says only how the rest is signed.
fn is_jwt_header(token: &[u8]) -> bool {
    token.starts_with(b"eyJ") && !token.contains(&b'.') && token.len() < 60
}

/// Passwords of documentation and demonstrations: a word with `123` behind, or one that says so.
fn is_textbook(password: &[u8]) -> bool {
    let lower = password.to_ascii_lowercase();
    let body = lower.iter().take_while(|b| b.is_ascii_alphabetic() || **b == b'_').count();
    let counted = [b"1".as_slice(), b"12", b"123", b"1234", b"12345", b"123456"];
    let tail = lower.get(body..).unwrap_or_default();
    let tail = tail.strip_suffix(b"!").unwrap_or(tail);
    memchr::memmem::find(&lower, b"pass").is_some() || counted.contains(&tail)
}
