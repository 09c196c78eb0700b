//! Words into pieces: by likelihood (unigram) or by length (WordPiece).

use std::collections::HashMap;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The mark that stands for a blank in pieces of SentencePiece.
pub const BLANK: &str = "▁";

/// Letters of a word that are looked at together; a longer word is cut. No language has one.
const MAX_WORD: usize = 256;

/// Pieces with the logarithm of their likelihood; a word becomes its likeliest sequence of them.
pub struct Unigram {
    pieces: HashMap<String, (i64, f32)>,
    /// Characters of the longest piece.
    longest: usize,
    unknown: i64,
    /// What a letter costs that no piece has.
    unknown_score: f32,
}

impl Unigram {
    pub fn read(model: &Value) -> Result<Self> {
        if model["byte_fallback"] == true {
            bail!("a tokenizer that falls back to bytes is not supported");
        }
        let unknown = model["unk_id"].as_i64().context("the tokenizer's model has no `unk_id`")?;
        let rows = model["vocab"].as_array().context("the tokenizer's model has no `vocab`")?;
        let mut pieces = HashMap::with_capacity(rows.len());
        let mut least = 0f32;
        for (id, row) in (0i64..).zip(rows) {
            let (Some(piece), Some(score)) = (row[0].as_str(), row[1].as_f64()) else {
                bail!("a row of the tokenizer's `vocab` is no piece with a score");
            };
            // Single precision, as in the original.
            let score = score as f32;
            least = least.min(score);
            pieces.insert(piece.to_owned(), (id, score));
        }
        let longest = pieces.keys().map(|piece| piece.chars().count()).max().unwrap_or(0);
        #[expect(clippy::float_arithmetic, reason = "a judge is off the decision path")]
        let unknown_score = least - 10.0;
        Ok(Unigram { pieces, longest, unknown, unknown_score })
    }

    pub fn id(&self, piece: &str) -> Option<i64> {
        self.pieces.get(piece).map(|(id, _)| *id)
    }

    pub fn reserve(&mut self, ids: &[i64]) {
        self.pieces.retain(|_, (id, _)| !ids.contains(id));
    }

    /// Adds the pieces of one word.
    pub fn push(&self, word: &str, out: &mut Vec<i64>) {
        let marked = format!("{BLANK}{word}");
        let letters: Vec<char> = marked.chars().collect();
        for part in letters.chunks(MAX_WORD) {
            self.push_part(part, out);
        }
    }

    /// The likeliest way to each end, from the first letter on (Viterbi).
    #[expect(clippy::float_arithmetic, reason = "a judge is off the decision path")]
    fn push_part(&self, letters: &[char], out: &mut Vec<i64>) {
        // Best score up to each letter, and the piece that ends there with its start.
        let mut best: Vec<(f32, usize, i64)> = vec![(f32::NEG_INFINITY, 0, self.unknown); letters.len() + 1];
        if let Some(start) = best.first_mut() {
            start.0 = 0.0;
        }
        let mut piece = String::new();
        for start in 0..letters.len() {
            let Some(so_far) = best.get(start).map(|row| row.0) else { break };
            piece.clear();
            for (length, letter) in (1..=self.longest.max(1)).zip(letters.iter().skip(start)) {
                piece.push(*letter);
                let (id, score) = match self.pieces.get(&piece) {
                    Some((id, score)) if *id != self.unknown => (*id, *score),
                    _ if length == 1 => (self.unknown, self.unknown_score),
                    _ => continue,
                };
                if let Some(row) = best.get_mut(start + length)
                    && so_far + score > row.0
                {
                    *row = (so_far + score, start, id);
                }
            }
        }
        let from = out.len();
        let mut end = letters.len();
        while end > 0 {
            let Some((_, start, id)) = best.get(end) else { break };
            // Unknown letters beside each other are one unknown.
            if !(*id == self.unknown && out.len() > from && out.last() == Some(id)) {
                out.push(*id);
            }
            end = *start;
        }
        if let Some(added) = out.get_mut(from..) {
            added.reverse();
        }
    }
}

/// Pieces that begin a word and pieces that go on in one; a word becomes its longest ones.
pub struct WordPiece {
    pieces: HashMap<String, i64>,
    /// What stands before a piece that goes on.
    goes_on: String,
    unknown: i64,
    longest: usize,
}

impl WordPiece {
    pub fn read(model: &Value) -> Result<Self> {
        let rows = model["vocab"].as_object().context("the tokenizer's model has no `vocab`")?;
        let pieces: HashMap<String, i64> =
            rows.iter().filter_map(|(piece, id)| Some((piece.clone(), id.as_i64()?))).collect();
        let unknown = model["unk_token"].as_str().unwrap_or("[UNK]");
        let unknown = *pieces.get(unknown).context("the tokenizer's unknown token is not in its `vocab`")?;
        let goes_on = model["continuing_subword_prefix"].as_str().unwrap_or("##").to_owned();
        let longest = model["max_input_chars_per_word"].as_u64().unwrap_or(100);
        let longest = usize::try_from(longest).unwrap_or(MAX_WORD).min(MAX_WORD);
        Ok(WordPiece { pieces, goes_on, unknown, longest })
    }

    pub fn id(&self, piece: &str) -> Option<i64> {
        self.pieces.get(piece).copied()
    }

    pub fn reserve(&mut self, ids: &[i64]) {
        self.pieces.retain(|_, id| !ids.contains(id));
    }

    /// Adds the pieces of one word; a word that does not come out even is one unknown.
    pub fn push(&self, word: &str, out: &mut Vec<i64>) {
        let from = out.len();
        let mut rest = word;
        let mut known = word.chars().take(self.longest + 1).count() <= self.longest;
        while known && !rest.is_empty() {
            let before = if out.len() == from { "" } else { self.goes_on.as_str() };
            let ends = rest.char_indices().map(|(at, letter)| at + letter.len_utf8()).rev();
            let longest = ends
                .filter_map(|end| rest.split_at_checked(end))
                .find_map(|(head, tail)| Some((*self.pieces.get(&format!("{before}{head}"))?, tail)));
            match longest {
                Some((id, tail)) => {
                    out.push(id);
                    rest = tail;
                }
                None => known = false,
            }
        }
        if !known {
            out.truncate(from);
            out.push(self.unknown);
        }
    }
}
