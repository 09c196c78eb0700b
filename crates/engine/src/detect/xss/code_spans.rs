//! The code spans and blocks of markdown, in which a tag is shown and not run.

/// Markdown's code spans and blocks, read once from the start as places in rising order are asked for.
#[derive(Default)]
pub(super) struct CodeSpans {
    at: usize,
    /// Backticks of the line so far.
    ticks: usize,
    fenced: bool,
}

impl CodeSpans {
    /// Whether a place stands inside one.
    pub fn holds(&mut self, text: &str, place: usize) -> bool {
        while self.at < place {
            let rest = text.as_bytes().get(self.at..place).unwrap_or_default();
            let Some(step) = memchr::memchr2(b'`', b'\n', rest) else { break };
            self.at += step;
            if text.as_bytes().get(self.at) == Some(&b'\n') {
                self.ticks = 0;
            } else if text.as_bytes().get(self.at..self.at + 3) == Some(b"```") {
                self.fenced = !self.fenced;
                self.at += 2;
            } else {
                self.ticks += 1;
            }
            self.at += 1;
        }
        self.at = self.at.max(place);
        self.fenced || self.ticks % 2 == 1
    }
}
