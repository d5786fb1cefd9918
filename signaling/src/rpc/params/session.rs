//! Methods of the session itself: joining, offers, views.

use ringfence::route::id::Source;
use serde_json::{Value, json};

use super::Params;
use super::fields::Fields;
use crate::meetings::{Call, source_of};
use crate::rooms::{RoomError, code};
use crate::sdp::{Offer, Problem, Purpose};

/// Most entries of a `view`.
const VIEWS_MAX: usize = 64;
/// The protocol's version.
const PROTOCOL: u64 = 1;

/// What `join` asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::rpc) struct Join {
    pub token: Option<String>,
    pub meeting: Option<String>,
    pub name: Option<String>,
    pub id: Option<String>,
    pub role: Option<String>,
    pub email: Option<String>,
    pub resume: Option<u64>,
}

/// Reads `join`.
pub(in crate::rpc) fn join(params: &Params) -> Result<Join, RoomError> {
    let fields = Fields::new(params);
    match fields.get(&["protocol"]) {
        None => return Err(RoomError::missing("protocol")),
        Some((_, version)) if version.as_u64() == Some(PROTOCOL) => {}
        Some((_, version)) => {
            let message = format!("protocol {version} is not spoken here; {PROTOCOL} is");
            return Err(RoomError::invalid("protocol", message));
        }
    }
    let join = Join {
        token: fields.optional_text(&["token"])?,
        meeting: fields.optional_text(&["meeting"])?,
        name: fields.optional_text(&["name"])?,
        id: fields.optional_text(&["id"])?,
        role: fields.optional_text(&["role"])?,
        email: fields.optional_text(&["email"])?,
        resume: fields.number(&["resume"])?,
    };
    fields.nothing_else("join")?;
    Ok(join)
}

/// Reads one of these methods, if it is one.
pub(super) fn call(method: &str, fields: &Fields<'_>) -> Result<Option<Call>, RoomError> {
    Ok(Some(match method {
        "offer" => Call::Offer(Box::new(offer(fields)?)),
        "ice_restart" => Call::IceRestart(Box::new(offer(fields)?)),
        "view" => Call::View(videos(fields)?),
        "leave" => Call::Leave,
        "peers.list" => Call::List,
        _ => return Ok(None),
    }))
}

fn offer(fields: &Fields<'_>) -> Result<Offer, RoomError> {
    let sdp = fields.text(&["sdp"])?;
    Offer::read(&sdp, Purpose::Page).map_err(|problem: Problem| {
        let code = if problem.too_large { code::TOO_LARGE } else { code::INVALID_PARAMS };
        let mut error = RoomError::field(code, "sdp", problem.to_string());
        if let Some(data) = error.data.as_mut().and_then(Value::as_object_mut) {
            data.insert("attribute".to_owned(), json!(problem.attribute));
            data.insert("m_line".to_owned(), json!(problem.m_line.map(|(number, _)| number)));
            data.insert("mend".to_owned(), json!(problem.mend));
        }
        error
    })
}

fn videos(fields: &Fields<'_>) -> Result<Vec<(String, Source, u16)>, RoomError> {
    let videos = match fields.get(&["videos"]) {
        None => return Err(RoomError::missing("videos")),
        Some((_, Value::Array(videos))) if videos.len() <= VIEWS_MAX => videos,
        Some((_, Value::Array(_))) => {
            let message = format!("more than {VIEWS_MAX} videos");
            return Err(RoomError::invalid("videos", message));
        }
        Some(_) => return Err(RoomError::invalid("videos", "videos is no array")),
    };
    let wrong = || {
        let shape = "a video is {participant, source, height}";
        RoomError::invalid("videos", format!("{shape}; source is camera, screen or canvas"))
    };
    let known = |key: &String| ["participant", "source", "height"].contains(&key.as_str());
    let read = |video: &Value| {
        video.as_object().filter(|video| video.keys().all(known))?;
        let participant = video.get("participant")?.as_str()?.to_owned();
        let source = source_of(video.get("source")?.as_str()?)?;
        let seen = matches!(source, Source::Camera | Source::Screen | Source::Canvas);
        let height = video.get("height").map_or(Some(0), Value::as_u64)?;
        seen.then(|| (participant, source, u16::try_from(height).unwrap_or(u16::MAX)))
    };
    videos.iter().map(|video| read(video).ok_or_else(wrong)).collect()
}
