//! Secrets that are recognised by structure: key blocks, JWTs, log-ins in URLs and commands.

use action::SensitiveClass::{self, ApiKey, Credential, Jwt};
use action::Severity::{self, Critical, High, Medium};
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::shape::{Set, Shape};
use super::value::{assigned, ends_token, is_stand_in, is_token_stand_in, run};
use super::{Found, entropy, open};

/// What a structure is looked for by, and the code that reads it.
pub struct Special {
    pub id: &'static str,
    pub class: SensitiveClass,
    pub severity: Severity,
    pub confidence: u8,
    pub words: &'static [&'static str],
    /// Reads the secret around one occurrence of a word.
    pub read: fn(&[u8], std::ops::Range<usize>) -> Option<Found>,
    /// Where the secret begins that the end of the text may have cut short.
    pub open: super::open::Open,
}

#[rustfmt::skip]
pub static SPECIAL: &[Special] = &[
    Special { id: "secret.private_key", class: Credential, severity: Critical, confidence: 97, words: &["-----begin"], read: private_key, open: open::private_key },
    Special { id: "secret.jwt", class: Jwt, severity: High, confidence: 96, words: &["eyj"], read: jwt, open: open::jwt },
    Special { id: "secret.jwt_like", class: Jwt, severity: Medium, confidence: 60, words: &["ey"], read: jwt_like, open: open::jwt },
    Special { id: "secret.jwt_base64", class: Jwt, severity: High, confidence: 90, words: &["zxlk"], read: jwt_in_base64, open: open::jwt_in_base64 },
    Special { id: "secret.url_login", class: Credential, severity: High, confidence: 90, words: &["://"], read: url_login, open: open::url_login },
    Special { id: "secret.command_login", class: Credential, severity: High, confidence: 85, words: &["curl"], read: curl_login, open: open::curl_login },
    Special { id: "secret.authorization", class: Credential, severity: High, confidence: 85, words: &["authorization", "bearer "], read: authorization, open: open::authorization },
    Special { id: "secret.azure_ad", class: ApiKey, severity: Critical, confidence: 95, words: &["q~"], read: azure_ad, open: open::in_odd_run },
    Special { id: "secret.terraform", class: ApiKey, severity: Critical, confidence: 97, words: &[".atlasv1."], read: terraform, open: open::in_odd_run },
    Special { id: "secret.maxmind", class: ApiKey, severity: High, confidence: 95, words: &["_mmk"], read: maxmind, open: open::in_odd_run },
    Special { id: "secret.openai", class: ApiKey, severity: Critical, confidence: 97, words: &["t3blbkfj", "sk-"], read: openai, open: open::openai },
    Special { id: "secret.telegram", class: ApiKey, severity: Critical, confidence: 95, words: &[":aa"], read: telegram, open: open::in_odd_run },
    Special { id: "secret.azure", class: ApiKey, severity: Critical, confidence: 95, words: &["jqqj99"], read: azure_key, open: open::in_odd_run },
    Special { id: "secret.azure_sas", class: Credential, severity: High, confidence: 90, words: &["&sig="], read: azure_sas, open: open::azure_sas },
    Special { id: "secret.facebook", class: ApiKey, severity: High, confidence: 80, words: &["|", "%7c"], read: facebook, open: open::in_odd_run },
    Special { id: "secret.nuget_password", class: Credential, severity: High, confidence: 85, words: &["password\" value=\"", "password' value='"], read: add_key, open: open::add_key },
    Special { id: "secret.kubernetes", class: Credential, severity: High, confidence: 85, words: &["kind: secret", "\"kind\":\"secret\"", "\"kind\": \"secret\""], read: kubernetes, open: open::kubernetes },
    Special { id: "secret.connection_password", class: Credential, severity: High, confidence: 85, words: &[";password=", ";pwd=", "; password="], read: connection, open: open::connection },
];

/// Most bytes of a key block, JWT or URL that are read.
pub(super) const LONGEST: usize = 16 * 1024;

/// `-----BEGIN … PRIVATE KEY-----` with at least some body. The closing line may be missing:
/// half a key is still a leak.
fn private_key(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    let label = bytes.get(at.end..)?.get(..64).or_else(|| bytes.get(at.end..))?;
    let label_end = memchr::memmem::find(label, b"-----")?;
    let label = label.get(..label_end)?.to_ascii_uppercase();
    memchr::memmem::find(&label, b"PRIVATE KEY")?;
    let body = at.end + label_end + 5;
    let rest = bytes.get(body..)?;
    let rest = rest.get(..LONGEST).unwrap_or(rest);
    let close = memchr::memmem::find(rest, b"KEY-----").map(|close| close + 8);
    let block = memchr::memmem::find(rest, b"KEY BLOCK-----").map(|close| close + 14);
    let length = match (close, block) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b).unwrap_or_else(|| rest.iter().take_while(|b| key_body(**b)).count()),
    };
    let content = rest.get(..length)?.iter().filter(|b| key_body(**b) && !b.is_ascii_whitespace()).count();
    (content >= 48).then_some(Found { span: at.start..body + length })
}

pub(super) fn key_body(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'\\' | b':' | b',' | b' ' | b'\n' | b'\r' | b'\t')
}

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);

pub(super) fn in_segment(byte: u8) -> bool {
    Set::WORD.has(byte) || byte == b'-'
}

/// The two or three segments of a token that begins here: ends of the first, second and last.
fn segments(bytes: &[u8], start: usize) -> Option<(usize, usize, usize)> {
    if start.checked_sub(1).and_then(|b| bytes.get(b)).is_some_and(|b| in_segment(*b) || *b == b'.') {
        return None;
    }
    let first = start + run(bytes, start, LONGEST, in_segment);
    if bytes.get(first) != Some(&b'.') {
        return None;
    }
    let second = first + 1 + run(bytes, first + 1, LONGEST, in_segment);
    let mut last = second;
    if bytes.get(second) == Some(&b'.') {
        last = second + 1 + run(bytes, second + 1, LONGEST, in_segment);
    }
    Some((first, second, last))
}

/// A JSON Web Token: its header must decode to a JSON object that names an algorithm or type.
fn jwt(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    let (first, second, last) = segments(bytes, at.start)?;
    if second < first + 6 {
        return None;
    }
    let header = URL_SAFE.decode(bytes.get(at.start..first)?).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    let header = header.as_object()?;
    ["alg", "typ", "enc", "kid", "jku", "x5t", "cty"]
        .iter()
        .any(|key| header.contains_key(*key))
        .then_some(())?;
    Some(Found { span: at.start..last })
}

/// Two or three long segments that begin like encoded JSON although they do not decode:
/// a token that was cut, re-wrapped or altered on the way.
fn jwt_like(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    if bytes.get(at.clone())? != b"ey" {
        return None;
    }
    let (first, second, last) = segments(bytes, at.start)?;
    let second_start = bytes.get(first + 1..first + 3)?;
    let mixed = bytes.get(at.start..second)?;
    let has = |wanted: fn(&u8) -> bool| mixed.iter().any(wanted);
    let token = first - at.start >= 19 && second - first >= 20 && second_start == b"ey";
    (token && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit))
        .then_some(Found { span: at.start..last })
}

/// A JWT that was encoded once more: base64 of `eyJ…` begins with `ZXlK`.
fn jwt_in_base64(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    if bytes.get(at.clone())? != b"ZXlK" || before(bytes, at.start).is_some_and(|b| Set::WORD.has(b)) {
        return None;
    }
    let inside = |b: u8| in_segment(b) || matches!(b, b'+' | b'/' | b'\\' | b'\n' | b'\r');
    let length = run(bytes, at.start, LONGEST, inside);
    let padding = run(bytes, at.start + length, 2, |b| b == b'=');
    let once = STANDARD.decode(bytes.get(at.start..at.start + 12)?).ok()?;
    let twice = URL_SAFE.decode(once.get(..8)?).ok()?;
    let is_object = matches!(twice.as_slice(), [b'{', b'"', letter, ..] if letter.is_ascii_lowercase());
    (length >= 44 && is_object).then_some(Found { span: at.start..at.start + length + padding })
}

/// `scheme://user:password@host`: the password.
fn url_login(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    if !before(bytes, at.start)?.is_ascii_alphanumeric() {
        return None;
    }
    let authority = run(bytes, at.end, AUTHORITY, in_authority);
    let authority = bytes.get(at.end..at.end + authority)?;
    let login_end = memchr::memrchr(b'@', authority)?;
    let colon = memchr::memchr(b':', authority.get(..login_end)?)?;
    let password = authority.get(colon + 1..login_end)?;
    let user = authority.get(..colon)?;
    let host = authority.get(login_end + 1..)?;
    let plain = [b"password".as_slice(), b"pass", b"pwd", b"passwd", b"secret", b"token", b"test", b"user"];
    if password.len() < 3
        || host.len() < 2
        || !host.iter().any(u8::is_ascii_alphanumeric)
        || plain.contains(&password)
        || user == password
        || is_login_stand_in(password)
    {
        return None;
    }
    Some(Found { span: at.end + colon + 1..at.end + login_end })
}

/// Longest authority of a URL that is read.
pub(super) const AUTHORITY: usize = 512;

pub(super) fn in_authority(byte: u8) -> bool {
    byte > b' '
        && !matches!(
            byte,
            b'/' | b'"' | b'\'' | b'<' | b'>' | b'`' | b'?' | b'#' | b',' | b'(' | b')' | b'\\'
        )
}

/// The password of `user:password` in a URL or command. Short ones count, stand-ins do not.
fn is_login_stand_in(password: &[u8]) -> bool {
    is_stand_in(password) && !password.iter().any(|b| b.is_ascii_digit())
        || matches!(password.first(), Some(b'$' | b'<' | b'{' | b'%' | b'*' | b'[' | b'#'))
}

pub(super) fn before(bytes: &[u8], at: usize) -> Option<u8> {
    at.checked_sub(1).and_then(|place| bytes.get(place)).copied()
}

/// `curl -u user:password`: the password.
fn curl_login(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    if before(bytes, at.start).is_some_and(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let rest = bytes.get(at.end..)?;
    let rest = rest.get(..1024).unwrap_or(rest);
    // What follows the next `curl` is read from there; without this a list of them would be read
    // once for each.
    let mut next = memchr::memmem::find_iter(rest, "curl");
    let next = next.find(|place| !before(rest, *place).is_some_and(|b| b.is_ascii_alphanumeric()));
    let own = rest.get(..next.unwrap_or(rest.len()))?;
    let flagged = |flag| memchr::memmem::find(own, flag).is_some();
    if !flagged(b"--user".as_slice()) && !flagged(b"-u".as_slice()) {
        return None;
    }
    // A command ends with its line, unless blanks or a backslash carry it on.
    let blank = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let line = rest.get(blank..)?;
    let mut length = 0;
    for (place, byte) in line.iter().enumerate() {
        if matches!(byte, b'\n' | b'\r') && place > 0 && line.get(place - 1) != Some(&b'\\') {
            break;
        }
        length = place + 1;
    }
    let line = line.get(..length)?;
    let flags = ["--user", "-u"].into_iter();
    let mut flags: Vec<(usize, usize)> = flags
        .flat_map(|flag| memchr::memmem::find_iter(line, flag).map(move |at| (at, at + flag.len())))
        .collect();
    // In the order of the line: a second command on it must not hide the log-in of the first.
    flags.sort_unstable();
    for (found, after) in flags {
        let led = found == 0 || line.get(found - 1).is_some_and(|b| b.is_ascii_whitespace());
        let gap = run(line, after, 8, |b| matches!(b, b' ' | b'\t' | b'=' | b'\'' | b'"'));
        if !led || gap == 0 {
            continue;
        }
        let start = after + gap;
        let quote = line.get(start - 1).copied().filter(|b| matches!(b, b'\'' | b'"'));
        let login = run(line, start, 256, |b| {
            if quote.is_some() {
                Some(b) != quote
            } else {
                !b.is_ascii_whitespace() && b != b'\'' && b != b'"'
            }
        });
        let login = line.get(start..start + login)?;
        let Some(colon) = memchr::memchr(b':', login) else { continue };
        let (user, password) = (login.get(..colon)?, login.get(colon + 1..)?);
        let shown = [b"username".as_slice(), b"user", b"xxx", b"test", b"myusername"].contains(&user);
        if user.is_empty()
            || shown
            || password.len() < 3
            || user.starts_with(b"$")
            || is_command_stand_in(password)
        {
            continue;
        }
        let place = at.end + blank + start + colon + 1;
        return Some(Found { span: place..place + password.len() });
    }
    None
}

fn is_command_stand_in(password: &[u8]) -> bool {
    let plain = [b"password".as_slice(), b"token", b"pass", b"secret", b"test", b"yyy"];
    plain.contains(&password)
        || matches!(password.first(), Some(b'$' | b'<' | b'{' | b'%' | b'*' | b'[' | b'#'))
        || memchr::memmem::find(password, b"${").is_some()
}

/// `Authorization: Bearer …`, `Basic …`, `Token …`: the token.
fn authorization(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    let start = authorized(bytes, at)?;
    let length = run(bytes, start, MOST_AUTHORIZATION, in_authorization);
    let token = bytes.get(start..start + length)?;
    let digits = token.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = token.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let looks = length >= 16 && letters >= 4 && (digits >= 2 || length >= 24) && entropy(token) >= 33;
    (looks && !is_stand_in(token)).then_some(Found { span: start..start + length })
}

/// Longest token of an authorization header that is read.
pub(super) const MOST_AUTHORIZATION: usize = 4096;

pub(super) fn in_authorization(byte: u8) -> bool {
    Set::WORD.has(byte) || matches!(byte, b'-' | b'.' | b'~' | b'+' | b'/' | b'=')
}

/// Where the token of an authorization begins.
pub(super) fn authorized(bytes: &[u8], at: std::ops::Range<usize>) -> Option<usize> {
    let word = bytes.get(at.clone())?;
    let mut start = at.end;
    if word.eq_ignore_ascii_case(b"authorization") {
        start += run(bytes, start, 6, |b| matches!(b, b' ' | b':' | b'=' | b'"' | b'\'' | b'\\'));
        let rest = bytes.get(start..)?;
        let scheme = ["bearer ", "basic ", "token ", "apikey ", "api-token "];
        start += scheme
            .iter()
            .find(|s| rest.get(..s.len()).is_some_and(|r| r.eq_ignore_ascii_case(s.as_bytes())))?
            .len();
    } else if before(bytes, at.start).is_some_and(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    Some(start)
}

/// An Azure AD client secret: three characters, a digit, `Q~`, then 31 to 34 more.
fn azure_ad(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    if bytes.get(at.clone())? != b"Q~" {
        return None;
    }
    let start = at.start.checked_sub(4)?;
    let inside = |b: u8| Set::WORD.has(b) || matches!(b, b'~' | b'.' | b'-');
    let head = bytes.get(start..at.start)?;
    let tail = run(bytes, at.end, 40, inside);
    let end = at.end + tail;
    let token = bytes.get(start..end)?;
    let shape = head.iter().all(|b| inside(*b)) && head.last()?.is_ascii_digit() && (31..=34).contains(&tail);
    let alone = before(bytes, start).is_none_or(|b| !inside(b)) && bytes.get(end).is_none_or(|b| *b != b'/');
    (shape && alone && entropy(token) >= 35).then_some(Found { span: start..end })
}

/// A Terraform Cloud token: 14 characters, `.atlasv1.`, 60 to 70 more.
fn terraform(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    let start = at.start.checked_sub(14)?;
    let head = bytes.get(start..at.start)?.iter().all(u8::is_ascii_alphanumeric);
    let tail = run(bytes, at.end, 80, |b| in_segment(b) || b == b'=');
    let token = bytes.get(start..at.end + tail)?;
    let good = head && (60..=70).contains(&tail) && !is_token_stand_in(token) && entropy(token) >= 35;
    good.then_some(Found { span: start..at.end + tail })
}

/// A MaxMind licence key ends with `_mmk`.
fn maxmind(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    let start = at.start.checked_sub(36)?;
    let token = bytes.get(start..at.end)?;
    let shape = Shape::parse("[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk").end(bytes, start) == Some(at.end);
    let alone = before(bytes, start).is_none_or(|b| !Set::WORD.has(b)) && ends_token(bytes, at.end);
    (shape && alone && !is_token_stand_in(token)).then_some(Found { span: start..at.end })
}

/// An OpenAI key of any kind carries the mark `T3BlbkFJ` in the middle.
fn openai(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    if bytes.get(at.clone())? != b"T3BlbkFJ" {
        return None;
    }
    let behind = bytes.get(at.start.saturating_sub(120)..at.start)?;
    let head = behind.iter().rev().take_while(|b| in_segment(**b)).count();
    let tail = run(bytes, at.end, 120, in_segment);
    let start = at.start - head;
    let token = bytes.get(start..at.end + tail)?;
    (head >= 20 && tail >= 16 && token.starts_with(b"sk-") && !is_token_stand_in(token))
        .then_some(Found { span: start..at.end + tail })
}

/// A Telegram bot token: the bot's number, `:AA`, 33 characters.
fn telegram(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    if bytes.get(at.clone())? != b":AA" {
        return None;
    }
    let behind = bytes.get(at.start.saturating_sub(12)..at.start)?;
    let digits = behind.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let start = at.start - digits;
    let tail = run(bytes, at.end, 40, in_segment);
    let token = bytes.get(at.end..at.end + tail)?;
    let alone = before(bytes, start).is_none_or(|b| !Set::WORD.has(b));
    (alone && (8..=10).contains(&digits) && tail == 33 && entropy(token) >= 35)
        .then_some(Found { span: start..at.end + tail })
}

/// A key of Azure's AI services: 84 letters and digits with `JQQJ99` behind the first 52.
fn azure_key(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    if bytes.get(at.clone())? != b"JQQJ99" {
        return None;
    }
    let start = at.start.checked_sub(52)?;
    let end = at.end + 26;
    let token = bytes.get(start..end)?;
    let alone = before(bytes, start).is_none_or(|b| !Set::WORD.has(b)) && ends_token(bytes, end);
    (alone && token.iter().all(u8::is_ascii_alphanumeric) && entropy(token) >= 40)
        .then_some(Found { span: start..end })
}

/// The signature of a shared-access link, beside the version and the end of its time.
fn azure_sas(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    // The marks stand in the same link, which has no blanks.
    let ahead = run(bytes, at.end, 400, |b| !b.is_ascii_whitespace());
    let near = bytes.get(at.start.saturating_sub(400)..at.end + ahead)?;
    let dated = [b"sv=20".as_slice(), b"se=20"];
    if !dated.iter().any(|mark| memchr::memmem::find(near, mark).is_some()) {
        return None;
    }
    let length = run(bytes, at.end, 80, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'%' | b'+' | b'/' | b'=' | b'-' | b'_')
    });
    let token = bytes.get(at.end..at.end + length)?;
    (length >= 40 && entropy(token) >= 38).then_some(Found { span: at.end..at.end + length })
}

/// A Facebook app token: 15 or 16 digits, `|` or its escape, 27 to 40 characters.
fn facebook(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    let behind = bytes.get(at.start.saturating_sub(17)..at.start)?;
    let digits = behind.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    if !(15..=16).contains(&digits) {
        return None;
    }
    let tail = run(bytes, at.end, 48, in_segment);
    let start = at.start - digits;
    let token = bytes.get(at.end..at.end + tail)?;
    let alone = before(bytes, start).is_none_or(|b| !Set::WORD.has(b));
    (alone && (27..=40).contains(&tail) && entropy(token) >= 30)
        .then_some(Found { span: start..at.end + tail })
}

/// `<add key="…Password" value="…">`: the value.
fn add_key(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    let quote = before(bytes, at.end)?;
    let length = run(bytes, at.end, 256, |b| b != quote && b != b'\n');
    let value = bytes.get(at.end..at.end + length)?;
    let closed = bytes.get(at.end + length) == Some(&quote);
    let varied = entropy(value) >= 10 && value.iter().all(|b| !b.is_ascii_control());
    let reference = value.starts_with(b"%") || is_token_stand_in(value);
    (closed && length >= 8 && varied && !reference).then_some(Found { span: at.end..at.end + length })
}

/// A Kubernetes secret with at least one value that is base64 of something.
fn kubernetes(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    let from = at.start.saturating_sub(1024);
    let near = bytes.get(from..bytes.len().min(at.end + 2048))?;
    for found in memchr::memmem::find_iter(near, b"data").take(4) {
        let mut place = found + 4;
        place += run(near, place, 8, |b| matches!(b, b'"' | b':' | b' ' | b'{' | b'\r' | b'|' | b'-'));
        place += run(near, place, 64, |b| b.is_ascii_whitespace() || b == b'{' || b == b'"');
        let name = run(near, place, 80, |b| Set::WORD.has(b) || matches!(b, b'-' | b'.'));
        place += name;
        let gap = run(near, place, 8, |b| matches!(b, b'"' | b':' | b' ' | b'\''));
        place += gap;
        let value = run(near, place, 4096, |b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
        let token = near.get(place..place + value)?;
        if name > 0 && gap > 0 && value >= 10 && entropy(token) >= 25 && !is_token_stand_in(token) {
            return Some(Found { span: from + place..from + place + value });
        }
    }
    None
}

/// `Server=…;Password=…;`: the password.
fn connection(bytes: &[u8], at: std::ops::Range<usize>) -> Option<Found> {
    let value = assigned(bytes, at.end - 1)?;
    let end = value.start
        + run(bytes, value.start, 128, |b| b > b' ' && !matches!(b, b';' | b'"' | b'\'' | b'<' | b'&'));
    let password = bytes.get(value.start..end)?;
    (password.len() >= 4 && !is_login_stand_in(password)).then_some(Found { span: value.start..end })
}
