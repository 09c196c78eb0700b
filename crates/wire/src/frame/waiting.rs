//! The bytes of a stream that belong to no finished frame yet.

use std::ops::Deref;

/// Taken from in front, added to behind. What is taken is a piece of its own, as large as it is: frames
/// wait for a verdict by the thousand, and none may hold the room of everything that arrived with it.
#[derive(Debug, Default)]
pub struct Waiting {
    bytes: Vec<u8>,
    /// Bytes in front that were taken.
    taken: usize,
}

impl Waiting {
    pub fn push(&mut self, bytes: &[u8]) {
        // Once for all frames that came together, not once for each of them.
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The first `length` bytes, or all where there are fewer.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        let front = self.get(..length).unwrap_or(self).to_vec();
        self.taken += front.len();
        if self.is_empty() {
            self.bytes.clear();
            self.taken = 0;
        }
        front
    }

    pub fn take_all(&mut self) -> Vec<u8> {
        self.take(usize::MAX)
    }
}

impl Deref for Waiting {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_as_large_as_it_is_and_the_rest_stays_in_order() {
        let mut waiting = Waiting::default();
        waiting.push(&vec![b'a'; 10_000]);
        waiting.push(b"bc");
        let front = waiting.take(9_999);
        assert!(front.len() == 9_999 && front.capacity() < 10_002);
        assert_eq!(&*waiting, b"abc");
        waiting.push(b"d");
        assert_eq!(waiting.take(2), b"ab");
        assert_eq!(waiting.take(5), b"cd");
        assert!(waiting.is_empty() && waiting.take_all().is_empty());
        waiting.push(b"e");
        assert_eq!(waiting.take_all(), b"e");
    }
}
