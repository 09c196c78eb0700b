//! A derived text, and for each of its bytes the bytes it was made from.

use std::ops::Range;

/// How the bytes of one piece relate to their source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Byte for byte.
    Copy,
    /// Byte for byte from the end.
    Mirror,
    /// As a whole: every byte stands for all of the source.
    Block,
}

/// A stretch of derived text. It reaches up to the next piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    out: u32,
    start: u32,
    end: u32,
    kind: Kind,
}

/// The way from a derived text back to its source. Without pieces both are equally long and
/// every byte stands where it stood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Offsets {
    pieces: Vec<Piece>,
}

/// A derived text under construction, with its way back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mapped {
    pub text: String,
    pub offsets: Offsets,
}

impl Offsets {
    /// The source bytes of a range of the derived text. Never inverted; the caller clamps it to
    /// the source and its character borders.
    pub fn span(&self, range: Range<usize>) -> Range<usize> {
        if self.pieces.is_empty() {
            return range.start..range.end.max(range.start);
        }
        let first = self.source_of(range.start);
        if range.end <= range.start {
            return first.start..first.start;
        }
        let last = self.source_of(range.end - 1);
        first.start.min(last.start)..first.end.max(last.end)
    }

    /// The source bytes of one byte.
    fn source_of(&self, at: usize) -> Range<usize> {
        let at = narrow(at);
        let after = self.pieces.partition_point(|piece| piece.out <= at);
        let Some(piece) = after.checked_sub(1).and_then(|index| self.pieces.get(index)) else {
            return 0..0;
        };
        let inside = at - piece.out;
        let (start, end) = match piece.kind {
            Kind::Copy => {
                let start = piece.start.saturating_add(inside).min(piece.end);
                (start, start.saturating_add(1).min(piece.end))
            }
            Kind::Mirror => {
                let end = piece.end.saturating_sub(inside).max(piece.start);
                (end.saturating_sub(1).max(piece.start), end)
            }
            Kind::Block => (piece.start, piece.end),
        };
        start as usize..end as usize
    }
}

impl Mapped {
    pub fn with_capacity(bytes: usize) -> Self {
        Mapped { text: String::with_capacity(bytes), offsets: Offsets::default() }
    }

    /// Adds `text`, made from `source`. Equal lengths count as byte for byte.
    pub fn put(&mut self, text: &str, source: Range<usize>) {
        if text.is_empty() {
            return;
        }
        let kind = if text.len() == source.len() { Kind::Copy } else { Kind::Block };
        self.piece(kind, &source);
        self.text.push_str(text);
    }

    pub fn put_char(&mut self, c: char, source: Range<usize>) {
        self.put(c.encode_utf8(&mut [0; 4]), source);
    }

    /// Adds `text`, which is `source` read from its end.
    pub fn mirror(&mut self, text: &str, source: Range<usize>) {
        if text.is_empty() {
            return;
        }
        let kind = if text.len() == source.len() { Kind::Mirror } else { Kind::Block };
        self.piece(kind, &source);
        self.text.push_str(text);
    }

    fn piece(&mut self, kind: Kind, source: &Range<usize>) {
        let (out, start, end) = (narrow(self.text.len()), narrow(source.start), narrow(source.end));
        // Runs that continue each other are one piece, so plain text costs one piece in all.
        if let Some(last) = self.offsets.pieces.last_mut()
            && kind == Kind::Copy
            && last.kind == Kind::Copy
            && last.end == start
            && last.end - last.start == out - last.out
        {
            last.end = end;
            return;
        }
        self.offsets.pieces.push(Piece { out, start, end, kind });
    }
}

/// Offsets are kept in 32 bits; no text that passes the size bounds comes near.
fn narrow(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// `range` within `text`, widened to whole characters.
pub(super) fn on_borders(text: &str, range: Range<usize>) -> Range<usize> {
    let start = range.start.min(text.len());
    let end = range.end.clamp(start, text.len());
    let floor = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at = at.saturating_sub(1);
        }
        at
    };
    let ceil = |mut at: usize| {
        while !text.is_char_boundary(at) {
            at += 1;
        }
        at
    };
    let start = floor(start);
    start..if end == start { start } else { ceil(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copied_text_is_one_piece_and_points_byte_for_byte() {
        let mut made = Mapped::default();
        made.put("abc", 2..5);
        made.put("def", 5..8);
        assert_eq!(made.offsets.pieces.len(), 1);
        assert_eq!(made.offsets.span(1..4), 3..6);
    }

    #[test]
    fn replaced_and_removed_text_points_to_all_of_its_source() {
        let mut made = Mapped::default();
        made.put("a", 0..1);
        made.put("'", 1..4);
        made.put("b", 9..10);
        assert_eq!(made.offsets.span(1..2), 1..4);
        assert_eq!(made.offsets.span(0..3), 0..10);
        assert_eq!(made.offsets.span(2..2), 9..9);
    }

    #[test]
    fn mirrored_text_points_from_the_end() {
        let mut made = Mapped::default();
        made.mirror("cba", 0..3);
        assert_eq!(made.offsets.span(0..1), 2..3);
        assert_eq!(made.offsets.span(1..3), 0..2);
    }

    #[test]
    fn borders_are_widened_never_split() {
        assert_eq!(on_borders("aéb", 2..3), 1..3);
        assert_eq!(on_borders("aéb", 1..2), 1..3);
        assert_eq!(on_borders("aéb", 9..12), 4..4);
    }
}
