//! The parameters of a form or of the query of a URL.

use std::ops::Range;

use action::SemanticType;

use super::MAX_NAME;

/// Most parameters of one query string.
const MAX_PARAMETERS: usize = 64;

/// One parameter of a query string or form body, decoded.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: String,
    /// Where the encoded value stands.
    pub(super) span: Range<usize>,
}

/// The parameters of a form body, or of the query of a URL.
pub(super) fn parameters(semantic: SemanticType, text: &str) -> Vec<Parameter> {
    let start = match semantic {
        SemanticType::Value | SemanticType::FreeText | SemanticType::SqlValue => 0,
        SemanticType::Url => match text.find('?') {
            Some(at) => at + 1,
            None => return Vec::new(),
        },
        SemanticType::SqlStatement
        | SemanticType::Shell
        | SemanticType::Path
        | SemanticType::Html
        | SemanticType::Code
        | SemanticType::Id => {
            return Vec::new();
        }
    };
    let form = text.get(start..).unwrap_or_default();
    let form = form.split('#').next().unwrap_or(form);
    let mut parameters = Vec::new();
    let mut at = start;
    for part in form.split('&').take(MAX_PARAMETERS) {
        let here = at;
        at += part.len() + 1;
        let Some((name, value)) = part.split_once('=') else {
            if part.is_empty() { continue } else { return Vec::new() }
        };
        // One part that is no parameter, and the text is prose or arithmetic, not a form.
        let plain =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '[' | ']' | '%' | '$');
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(plain) {
            return Vec::new();
        }
        let span = here + name.len() + 1..here + part.len();
        parameters.push(Parameter { name: form_decoded(name), value: form_decoded(value), span });
    }
    // `total=5` is an assignment as well as a form; what it would add is the value itself.
    if parameters.len() == 1 && start == 0 && !form.contains(['%', '+', '\'', '<', ';']) {
        return Vec::new();
    }
    parameters
}

/// Percent-decoded once, pluses as blanks; bytes that are no UTF-8 are replaced.
fn form_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = match after {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        rest = match (first, pair) {
            (_, Some((high, low))) => {
                bytes.push(high << 4 | low);
                after.get(2..).unwrap_or_default()
            }
            (b'+', None) => {
                bytes.push(b' ');
                after
            }
            (other, None) => {
                bytes.push(*other);
                after
            }
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(b: u8) -> Option<u8> {
    char::from(b).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
