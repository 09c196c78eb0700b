//! Amazon's binary frames around events of another format: `{"bytes":"…base64…"}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::{AwsFrames, Frame, FrameFault, Framing, encode_aws, rebuilt_aws};
use crate::doc::{Doc, Value};
use crate::edit::Edits;

/// Unpacks what the frames carry. A frame that holds anything beside its bytes is left packed, so
/// that all of it is judged.
#[derive(Debug, Default)]
pub struct AwsChunks(AwsFrames);

impl Framing for AwsChunks {
    fn push(&mut self, bytes: &[u8]) {
        self.0.push(bytes);
    }

    fn next(&mut self) -> Result<Option<Frame>, FrameFault> {
        let Some(mut frame) = self.0.next()? else { return Ok(None) };
        if let Some(inner) = Doc::parse(&frame.data).ok().and_then(|doc| unpacked(doc.root())) {
            frame.data = inner;
        }
        Ok(Some(frame))
    }

    fn rest(&mut self) -> Vec<u8> {
        self.0.rest()
    }
}

fn unpacked(payload: Value<'_>) -> Option<Vec<u8>> {
    // `p` is filling that hides how long an event is.
    payload.entries().all(|(key, _)| key.is_text("bytes") || key.is_text("p")).then_some(())?;
    BASE64.decode(payload.get("bytes")?.text()?.as_bytes()).ok()
}

/// A frame with another event inside, its headers and filling as they came.
pub fn rebuilt(raw: &[u8], data: &[u8]) -> Option<Vec<u8>> {
    let mut frames = AwsFrames::default();
    frames.push(raw);
    let frame = frames.next().ok()??;
    let Ok(doc) = Doc::parse(&frame.data) else { return rebuilt_aws(raw, data) };
    if unpacked(doc.root()).is_none() {
        return rebuilt_aws(raw, data);
    }
    let mut edits = Edits::default();
    edits.text(doc.root().get("bytes")?, &BASE64.encode(data));
    rebuilt_aws(raw, edits.apply(doc.source()).ok()?.as_bytes())
}

/// Writes a frame with an event inside.
pub fn encode(data: &[u8]) -> Option<Vec<u8>> {
    let headers =
        [(":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")];
    encode_aws(&headers, format!(r#"{{"bytes":"{}"}}"#, BASE64.encode(data)).as_bytes())
}
