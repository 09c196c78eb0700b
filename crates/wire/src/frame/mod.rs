//! Streams cut into frames, however their bytes arrive.
//!
//! Feed bytes with `push` and take frames with `next` until there is none. Every byte of the stream
//! belongs to exactly one frame or to the rest, in its order, so that releasing all of them gives the
//! stream as it came.

mod aws;
mod chunks;
mod elements;
mod lines;
mod sse;
mod waiting;

pub use aws::{AwsFrames, Header, HeaderValue, encode as encode_aws, rebuilt as rebuilt_aws};
pub use chunks::{AwsChunks, encode as encode_chunk, rebuilt as rebuilt_chunk};
pub use elements::{Elements, List};
pub use lines::{Lines, rebuilt as rebuilt_line};
pub use sse::{Sse, rebuilt as rebuilt_event};

/// Largest frame; a stream with a larger one is cut.
pub const MAX_FRAME: usize = 4 << 20;

/// One frame of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// The bytes as they came, with what separates it from the next.
    pub raw: Vec<u8>,
    /// What kind of event it says to be, where the framing has names.
    pub event: Option<String>,
    /// What it carries.
    pub data: Vec<u8>,
}

/// Why a stream cannot be cut further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    #[error("a frame is larger than {MAX_FRAME} bytes")]
    TooLarge,
    #[error("a frame does not match its checksum")]
    Checksum,
    #[error("a frame's lengths or headers make no sense")]
    Malformed,
}

impl FrameFault {
    /// The stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            FrameFault::TooLarge => "frame_too_large",
            FrameFault::Checksum => "frame_checksum",
            FrameFault::Malformed => "frame_malformed",
        }
    }
}

/// Something that cuts a stream.
pub trait Framing {
    fn push(&mut self, bytes: &[u8]);
    /// The next whole frame. After a fault there is none any more.
    fn next(&mut self) -> Result<Option<Frame>, FrameFault>;
    /// What is left when the stream has ended: bytes of a frame that never became whole.
    fn rest(&mut self) -> Vec<u8>;
}
