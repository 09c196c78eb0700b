//! How much one isolated run, and what is kept of it, may be.

use std::time::Duration;

/// Bounds of isolated runs. What is beyond them is refused, so a person decides about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Rows of a result, and rows that a statement may change.
    pub rows: usize,
    /// Bytes of a result, of what is captured, and of one value.
    pub bytes: usize,
    /// From the start of a run to its end, waiting for locks included.
    pub time: Duration,
    /// Sessions that have an overlay of files at once; the one that was unused longest goes first.
    pub overlays: usize,
    /// Bytes of files in one overlay.
    pub overlay_bytes: usize,
    /// An overlay that was not used for this long is gone, as its session is.
    pub overlay_idle: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            rows: 1_000,
            bytes: 1 << 20,
            time: Duration::from_secs(2),
            overlays: 64,
            overlay_bytes: 8 << 20,
            overlay_idle: Duration::from_secs(3_600),
        }
    }
}
