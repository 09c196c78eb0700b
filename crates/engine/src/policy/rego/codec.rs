//! The two encodings that tokens and digests use.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 for URLs; padding is accepted at the end.
pub fn unbase64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_agree_with_their_standards() {
        assert_eq!(hex(&[0, 15, 255]), "000fff");
        assert_eq!(unbase64url("_-8").as_deref(), Some(&[255u8, 239][..]));
        assert_eq!(unbase64url("not base64!"), None);
    }
}
