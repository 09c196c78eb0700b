//! One text of a stream: how far it has come, how far it was judged, how far it was given away.

use std::collections::VecDeque;

use engine::redact::Restorer;

use crate::llm::talk::Lining;

/// A text that comes in pieces, in the form in which it is judged: replacements that came back are
/// covered by marks.
pub struct Track {
    cover: Option<Restorer>,
    text: String,
    /// Covered bytes that are no whole character yet.
    torn: Vec<u8>,
    settled: usize,
    given: usize,
    /// Bytes that were fed, before they were covered.
    fed: usize,
    pieces: VecDeque<Piece>,
    next: u64,
}

/// One piece that has not been given away.
struct Piece {
    number: u64,
    fed: usize,
    /// How far the text reaches with it, once that is known.
    covers: Option<usize>,
}

impl Track {
    pub fn new(lining: &Lining) -> Self {
        Track {
            cover: lining.restorer(),
            text: String::new(),
            torn: Vec::new(),
            settled: 0,
            given: 0,
            fed: 0,
            pieces: VecDeque::new(),
            next: 0,
        }
    }

    /// Takes the next piece; gives back its number.
    pub fn feed(&mut self, piece: &str) -> u64 {
        self.fed += piece.len();
        let number = self.next;
        self.next += 1;
        self.pieces.push_back(Piece { number, fed: self.fed, covers: None });
        match &mut self.cover {
            None => self.text.push_str(piece),
            Some(cover) => {
                let covered = cover.push(piece.as_bytes());
                self.torn.extend(covered);
                self.mend(false);
            }
        }
        self.resolve();
        number
    }

    /// No piece follows.
    pub fn finish(&mut self) {
        if let Some(cover) = &mut self.cover {
            let rest = cover.finish();
            self.torn.extend(rest);
            self.mend(true);
        }
        self.resolve();
    }

    /// Moves whole characters into the text.
    fn mend(&mut self, last: bool) {
        let whole = match std::str::from_utf8(&self.torn) {
            Ok(_) => self.torn.len(),
            Err(error) if !last => error.valid_up_to(),
            Err(_) => self.torn.len(),
        };
        let rest = self.torn.split_off(whole);
        self.text.push_str(&String::from_utf8_lossy(&self.torn));
        self.torn = rest;
    }

    fn resolve(&mut self) {
        let held = self.cover.as_ref().map_or(0, Restorer::held) + self.torn.len();
        let consumed = self.fed.saturating_sub(held);
        for piece in self.pieces.iter_mut().filter(|piece| piece.covers.is_none() && piece.fed <= consumed) {
            piece.covers = Some(self.text.len());
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub const fn settled(&self) -> usize {
        self.settled
    }

    /// Everything before `place` was judged.
    pub fn settle(&mut self, place: usize) {
        self.settled = self.settled.max(place);
    }

    /// Writes something else from the settled place on, up to `end`, and settles it.
    pub fn rewrite(&mut self, end: usize, by: &str) {
        let start = self.settled;
        let new_end = start + by.len();
        self.text.replace_range(start..end, by);
        for covers in self.pieces.iter_mut().filter_map(|piece| piece.covers.as_mut()) {
            if *covers >= end {
                *covers = *covers - end + new_end;
            } else if *covers > start {
                // The first of the pieces that were judged together takes all of it.
                *covers = new_end;
            }
        }
        self.settled = new_end;
    }

    /// Whether a piece may be given away.
    pub fn is_free(&self, number: u64) -> bool {
        let piece = self.pieces.iter().find(|piece| piece.number == number);
        piece.is_none_or(|piece| piece.covers.is_some_and(|covers| covers <= self.settled))
    }

    /// Gives a piece away, in the form in which it was judged.
    pub fn give(&mut self, number: u64) -> &str {
        let piece = self.pieces.pop_front().filter(|piece| piece.number == number);
        let to = piece.and_then(|piece| piece.covers).unwrap_or(self.given);
        let from = self.given;
        self.given = from.max(to);
        self.text.get(from..to).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn track() -> Track {
        Track::new(&Lining::default())
    }

    #[test]
    fn a_piece_is_free_once_the_text_is_settled_beyond_it() {
        let mut track = track();
        let (a, b) = (track.feed("one "), track.feed("two"));
        track.settle(4);
        assert!(track.is_free(a) && !track.is_free(b));
        assert_eq!(track.give(a), "one ");
        track.settle(7);
        assert_eq!(track.give(b), "two");
    }

    #[test]
    fn what_is_rewritten_leaves_with_the_first_piece_and_nothing_is_lost() {
        let mut track = track();
        let pieces: Vec<u64> = ["a se", "cr", "et b", " c"].map(|piece| track.feed(piece)).to_vec();
        track.settle(2);
        track.rewrite(8, "[x]");
        track.settle(track.text().len());
        let out: Vec<String> = pieces.iter().map(|piece| track.give(*piece).to_owned()).collect();
        assert_eq!(out, ["a [x]", "", " b", " c"]);
    }
}
