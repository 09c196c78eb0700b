//! The stretches of a text that are judged on their own.
//!
//! An order hidden in a long document is a sentence or two; judged as a whole, the document
//! drowns it. So every piece, every two neighbours and every window of several is judged.

/// A window takes neighbouring pieces up to this many bytes.
const WINDOW: usize = 360;
/// A text typed by a user is also judged as a whole, up to this many bytes.
const WHOLE: usize = 4000;

/// Running totals at a place where a text may be cut.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cut {
    /// Byte offset in the text.
    pub at: usize,
    /// How many features ended before it.
    pub features: usize,
    /// The sum of their weights; unused while training.
    pub sum: i64,
}

/// Calls `judge` with the first and last cut of each stretch. Linear in the number of cuts.
pub fn each_segment(cuts: &[Cut], whole: bool, mut judge: impl FnMut(Cut, Cut)) {
    let Some((&first, &last)) = cuts.first().zip(cuts.last()) else { return };
    let mut ends = cuts.iter().copied().peekable();
    let mut window_end = first;
    for (index, &start) in cuts.iter().enumerate() {
        while let Some(end) = ends.next_if(|end| end.at <= start.at.saturating_add(WINDOW)) {
            window_end = end;
        }
        let mut widest = start.at;
        for pieces in [1, 2, 4] {
            let Some(&end) = cuts.get(index.saturating_add(pieces)) else { break };
            judge(start, end);
            widest = end.at;
        }
        if window_end.at > widest {
            judge(start, window_end);
        }
    }
    if whole && last.at > WINDOW {
        let end = cuts.iter().rev().find(|cut| cut.at <= WHOLE).copied().unwrap_or(last);
        if end.at > WINDOW {
            judge(first, end);
        }
    }
}
