//! Names on the wire that are not the engine's: sources, slots, notifications as frames.

use axum::extract::ws::Utf8Bytes;
use ringfence::route::id::Source;
use serde::Serialize;
use serde_json::{Value, json};

use crate::rooms::Name;

/// A source's name on the wire.
pub fn source_name(source: Source) -> &'static str {
    match source {
        Source::Microphone => "microphone",
        Source::Camera => "camera",
        Source::Screen => "screen",
        Source::ScreenAudio => "screen_audio",
        Source::Canvas => "canvas",
    }
}

/// The source with this name; `share` is the seeds' other word for the screen (Q18).
pub fn source_of(name: &str) -> Option<Source> {
    match name {
        "microphone" | "audio" => Some(Source::Microphone),
        "camera" | "video" => Some(Source::Camera),
        "screen" | "share" => Some(Source::Screen),
        "screen_audio" => Some(Source::ScreenAudio),
        "canvas" => Some(Source::Canvas),
        _ => None,
    }
}

/// Who is in one slot.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(super) struct SlotView {
    pub mid: String,
    pub participant: Option<Name>,
    pub source: Option<&'static str>,
}

/// A JSON-RPC notification as a frame. Durable ones carry `seq`.
pub fn notification(mut event: Value, seq: Option<u64>) -> Utf8Bytes {
    if let Some(object) = event.as_object_mut() {
        object.insert("jsonrpc".to_owned(), json!("2.0"));
        if let (Some(seq), Some(params)) = (seq, object.get_mut("params"))
            && let Some(params) = params.as_object_mut()
        {
            params.insert("seq".to_owned(), json!(seq));
        }
    }
    event.to_string().into()
}
