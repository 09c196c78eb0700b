//! One JSON document on each line.

use super::waiting::Waiting;
use super::{Frame, FrameFault, Framing, MAX_FRAME};

#[derive(Debug, Default)]
pub struct Lines {
    pending: Waiting,
    /// Up to where no end of a line was found.
    searched: usize,
    failed: bool,
}

impl Framing for Lines {
    fn push(&mut self, bytes: &[u8]) {
        if !self.failed {
            self.pending.push(bytes);
        }
    }

    fn next(&mut self) -> Result<Option<Frame>, FrameFault> {
        if self.failed {
            return Ok(None);
        }
        let found = memchr::memchr(b'\n', self.pending.get(self.searched..).unwrap_or_default());
        let length = found.map_or(self.pending.len(), |found| self.searched + found + 1);
        if length > MAX_FRAME {
            self.failed = true;
            return Err(FrameFault::TooLarge);
        }
        let Some(found) = found else {
            self.searched = self.pending.len();
            return Ok(None);
        };
        let raw = self.pending.take(self.searched + found + 1);
        self.searched = 0;
        let data = raw.trim_ascii().to_vec();
        Ok(Some(Frame { raw, event: None, data }))
    }

    fn rest(&mut self) -> Vec<u8> {
        self.searched = 0;
        self.pending.take_all()
    }
}

/// A line with another document, its end as it came.
pub fn rebuilt(raw: &[u8], data: &[u8]) -> Vec<u8> {
    let text = raw.trim_ascii_end().len();
    let mut line = data.to_vec();
    // A document may be written over several lines; between its values a blank is as good.
    line.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    line.extend_from_slice(raw.get(text..).unwrap_or(b"\n"));
    line
}
