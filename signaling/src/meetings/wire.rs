//! Names on the wire that are not the engine's: sources, slots, notifications as frames.

use axum::extract::ws::Utf8Bytes;
use ringfence::route::id::Source;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::rooms::{Event, Name};

/// What a method is answered, as JSON.
pub type Answer = Box<RawValue>;

/// Something as an answer.
pub(super) fn as_answer(value: &impl Serialize) -> Answer {
    // Texts, numbers, and lists of them: always.
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

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

/// An event as a frame. Durable ones carry `seq`. Written straight, since one may tell of thousands
/// of people.
pub(super) fn event_frame(event: &Event, seq: Option<u64>) -> Utf8Bytes {
    // `{"method":…,"params":{…}}`, as `Event` says of itself.
    let text = serde_json::to_string(event).unwrap_or_default();
    let (Some(inner), true) = (text.strip_prefix('{'), text.ends_with("}}")) else {
        return notification(serde_json::to_value(event).unwrap_or_default(), seq);
    };
    let mut frame = String::with_capacity(text.len() + 48);
    frame.push_str("{\"jsonrpc\":\"2.0\",");
    frame.push_str(inner.strip_suffix("}}").unwrap_or(inner));
    if let Some(seq) = seq {
        let comma = if frame.ends_with('{') { "" } else { "," };
        frame.push_str(&format!("{comma}\"seq\":{seq}"));
    }
    frame.push_str("}}");
    frame.into()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::{MAIN, Millis};

    /// Frames written straight say what they would say by way of a value.
    #[test]
    fn events_as_frames() {
        let left = Event::UserLeft { participant: "a}}".into(), room_id: MAIN.into(), reason: "x" };
        let timer = Event::Timer { remaining_s: Millis(0).0, room_id: None, closing: true };
        let said = Event::Chat {
            from: "a".into(),
            name: None,
            text: "{\"}}\n".to_owned(),
            room_id: None,
            to: Some("b".into()),
        };
        for event in [left, timer, said, Event::AllDestroyed {}] {
            for seq in [None, Some(7)] {
                let slow = notification(serde_json::to_value(&event).expect("a value"), seq);
                let read = |frame: &Utf8Bytes| -> Value {
                    serde_json::from_str(frame.as_str()).expect("JSON")
                };
                assert_eq!(read(&event_frame(&event, seq)), read(&slow), "{event:?}");
            }
        }
    }
}
