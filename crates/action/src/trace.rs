//! The caller's place in a trace, as W3C Trace Context writes it.

use crate::TraceId;

/// Version, trace, span, flags, and what later versions add.
const SHORTEST: usize = 55;

/// What a `traceparent` header says: which trace, which span of it asks, and whether it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    pub trace: TraceId,
    /// The caller's span; not all zero.
    pub span: [u8; 8],
    pub sampled: bool,
}

impl TraceParent {
    /// Reads the value of a header. What is malformed starts a trace of its own, as the
    /// recommendation asks, so it is no error.
    pub fn parse(text: &str) -> Option<Self> {
        let known = text.get(..SHORTEST)?;
        let rest = text.get(SHORTEST..)?;
        let mut parts = known.split('-');
        let version = hex::<1>(parts.next()?)?;
        let trace = TraceId::from_hex(parts.next()?)?;
        let span = hex::<8>(parts.next()?).filter(|span| *span != [0; 8])?;
        let [flags] = hex::<1>(parts.next()?)?;
        // Version 255 is none; version 0 ends here, and a later one may go on behind a dash.
        let ends = match version {
            [0] => rest.is_empty(),
            [255] => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        let whole = ends && parts.next().is_none();
        whole.then_some(TraceParent { trace, span, sampled: flags & 1 == 1 })
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N.checked_mul(2)? || text.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_is_read() {
        let parent = TraceParent::parse(GOOD).unwrap();
        assert_eq!(parent.trace.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(parent.span, [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert!(parent.sampled);
        assert!(!TraceParent::parse(&GOOD.replace("-01", "-00")).unwrap().sampled);
        assert!(TraceParent::parse(&format!("cc{}-more", GOOD.get(2..).unwrap())).is_some());
    }

    #[test]
    fn what_is_malformed_is_no_parent() {
        let long = format!("{GOOD}-more");
        let cases = [
            "",
            "00",
            long.as_str(),
            &GOOD.to_uppercase(),
            &GOOD.replace("00-4", "ff-4"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-011",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902ü-01",
        ];
        for case in cases {
            assert_eq!(TraceParent::parse(case), None, "{case}");
        }
    }
}
