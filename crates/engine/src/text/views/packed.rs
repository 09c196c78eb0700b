//! Bytes that are packed: compressed, or two to a character.

use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use super::super::mapped::Mapped;
use super::{Source, plausible};

/// Fewest bytes of compressed data without a header, where nothing but its own form tells it.
const LEAST_BARE: usize = 24;
/// Room for a first try, in times of the compressed size. Most data that is tried is none.
const FIRST_TRY: usize = 8;
/// Deflate cannot do better than this.
const MOST_RATIO: usize = 1032;
/// Fewest characters of an unpacked text.
const LEAST_TEXT: usize = 5;

/// The text in gzip, zlib or bare deflate data. It may be a byte longer than `room`, so that the
/// caller sees when there was more.
pub(super) fn inflate(bytes: &[u8], room: usize) -> Option<String> {
    let (body, zlib) = match bytes {
        [0x1F, 0x8B, 8, flags, ..] => (bytes.get(gzip_header(bytes, *flags)?..)?, false),
        [first, second, ..]
            if first & 0x0F == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0 =>
        {
            (bytes, true)
        }
        _ if bytes.len() >= LEAST_BARE => (bytes, false),
        _ => return None,
    };
    let most = room.saturating_add(1);
    let first = unpack(body, zlib, most.min(body.len().saturating_mul(FIRST_TRY)))?;
    if first.len() < body.len().saturating_mul(FIRST_TRY).saturating_sub(4) {
        return Some(first);
    }
    unpack(body, zlib, most.min(body.len().saturating_mul(MOST_RATIO)))
}

fn unpack(body: &[u8], zlib: bool, most: usize) -> Option<String> {
    let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
        | if zlib { inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER } else { 0 };
    let mut out = vec![0; most];
    let (_, _, written) = decompress(&mut DecompressorOxide::new(), body, &mut out, 0, flags);
    out.truncate(written);
    // The end may fall into a character, or the data be cut: what was read up to there counts.
    let valid = match std::str::from_utf8(&out) {
        Ok(_) => out.len(),
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => return None,
    };
    plausible(out.get(..valid)?, LEAST_TEXT).map(str::to_owned)
}

/// Length of a gzip header, whose flags announce an extra field, a name, a comment and a checksum.
fn gzip_header(bytes: &[u8], flags: u8) -> Option<usize> {
    let mut at = 10;
    if flags & 4 != 0 {
        let length = usize::from(*bytes.get(at)?) | usize::from(*bytes.get(at + 1)?) << 8;
        at += 2 + length;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            at += bytes.get(at..)?.iter().position(|b| *b == 0)? + 1;
        }
    }
    Some(if flags & 2 != 0 { at + 2 } else { at })
}

/// Text of two bytes a character, in either order. Only where most of it is Latin: any bytes are
/// UTF-16 of something.
pub(super) fn utf16(bytes: &[u8], least: usize) -> Option<String> {
    let zeros = |from: usize| bytes.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    let half = bytes.len() / 2;
    if half < least || !bytes.len().is_multiple_of(2) {
        return None;
    }
    let little = zeros(1) * 4 >= half * 3;
    if !little && zeros(0) * 4 < half * 3 {
        return None;
    }
    let units = bytes.chunks_exact(2).filter_map(|pair| match pair {
        [a, b] if little => Some(u16::from_le_bytes([*a, *b])),
        [a, b] => Some(u16::from_be_bytes([*a, *b])),
        _ => None,
    });
    let text: String = char::decode_utf16(units).collect::<Result<_, _>>().ok()?;
    let text = text.trim_start_matches('\u{FEFF}');
    plausible(text.as_bytes(), least).map(str::to_owned)
}

/// Compressed data that came as text, each character standing for one byte.
pub(super) fn inflated(source: &Source<'_>) -> Option<Mapped> {
    let bytes: Vec<u8> =
        source.text.chars().map(|c| u8::try_from(u32::from(c))).collect::<Result<_, _>>().ok()?;
    if !matches!(bytes.get(..2), Some([0x1F, 0x8B] | [0x78, 0x01 | 0x5E | 0x9C | 0xDA])) {
        return None;
    }
    let text = inflate(&bytes, source.room)?;
    let mut made = Mapped::default();
    made.put(&text, 0..source.text.len());
    Some(made)
}
