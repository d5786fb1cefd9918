//! Parameters of methods, read one by one so that an error names its field.
//!
//! Spellings of the seeds are taken beside ours (FEATURES.md 1.19 Q21).

use ringfence::route::id::Source;
use ringfence::wire::media::Kind;
use serde_json::{Map, Value, json};

use crate::meetings::{Call, source_of};
use crate::rooms::{Create, Media, RoomError, code};
use crate::sdp::{Offer, Problem, Purpose};

/// Most entries of a `view`.
const VIEWS_MAX: usize = 64;
/// The protocol's version.
const PROTOCOL: u64 = 1;

type Params = Map<String, Value>;

/// What `join` asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Join {
    pub token: Option<String>,
    pub meeting: Option<String>,
    pub name: Option<String>,
    pub id: Option<String>,
    pub role: Option<String>,
}

/// Reads `join`.
pub(super) fn join(params: &Params) -> Result<Join, RoomError> {
    match params.get("protocol") {
        None => return Err(RoomError::missing("protocol")),
        Some(version) if version.as_u64() == Some(PROTOCOL) => {}
        Some(version) => {
            let message = format!("protocol {version} is not spoken here; {PROTOCOL} is");
            return Err(RoomError::invalid("protocol", message));
        }
    }
    Ok(Join {
        token: optional_text(params, "token")?,
        meeting: optional_text(params, "meeting")?,
        name: optional_text(params, "name")?,
        id: optional_text(params, "id")?,
        role: optional_text(params, "role")?,
    })
}

/// Reads every method but `join`.
pub(super) fn call(method: &str, params: &Params) -> Result<Call, RoomError> {
    Ok(match method {
        "offer" => Call::Offer(Box::new(offer(params)?)),
        "ice_restart" => Call::IceRestart(Box::new(offer(params)?)),
        "view" => Call::View(videos(params)?),
        "mute" => Call::Mute { kind: kind(params)?, muted: true },
        "unmute" => Call::Mute { kind: kind(params)?, muted: false },
        "leave" => Call::Leave,
        "peers.list" => Call::List,
        "breakout.create" => Call::Create(create(params)?),
        "breakout.move" => Call::Move { clients: clients(params)?, room_id: room_id(params)? },
        "breakout.leave" => Call::LeaveBreakout,
        "breakout.clear_all" => Call::ClearAll,
        "join" => return Err(RoomError::new(code::CONFLICT, "you have joined already")),
        _ => {
            let message = format!("there is no method \"{method}\"");
            return Err(RoomError::new(code::UNKNOWN_METHOD, message));
        }
    })
}

fn offer(params: &Params) -> Result<Offer, RoomError> {
    let sdp = match params.get("sdp") {
        None | Some(Value::Null) => return Err(RoomError::missing("sdp")),
        Some(Value::String(sdp)) => sdp,
        Some(_) => return Err(RoomError::invalid("sdp", "sdp is no string")),
    };
    Offer::read(sdp, Purpose::Page).map_err(|problem: Problem| {
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

fn videos(params: &Params) -> Result<Vec<(String, Source, u16)>, RoomError> {
    let videos = match params.get("videos") {
        None | Some(Value::Null) => return Err(RoomError::missing("videos")),
        Some(Value::Array(videos)) if videos.len() <= VIEWS_MAX => videos,
        Some(Value::Array(_)) => {
            let message = format!("more than {VIEWS_MAX} videos");
            return Err(RoomError::invalid("videos", message));
        }
        Some(_) => return Err(RoomError::invalid("videos", "videos is no array")),
    };
    let wrong = || {
        let shape = "a video is {participant, source, height}";
        RoomError::invalid("videos", format!("{shape}; source is camera, screen or canvas"))
    };
    let read = |video: &Value| {
        let participant = video.get("participant")?.as_str()?.to_owned();
        let source = source_of(video.get("source")?.as_str()?)?;
        let seen = matches!(source, Source::Camera | Source::Screen | Source::Canvas);
        let height = video.get("height").map_or(Some(0), Value::as_u64)?;
        seen.then(|| (participant, source, u16::try_from(height).unwrap_or(u16::MAX)))
    };
    videos.iter().map(|video| read(video).ok_or_else(wrong)).collect()
}

fn kind(params: &Params) -> Result<Kind, RoomError> {
    match optional_text(params, "kind")?.as_deref() {
        None => Err(RoomError::missing("kind")),
        Some("audio") => Ok(Kind::Audio),
        Some("video") => Ok(Kind::Video),
        Some(_) => Err(RoomError::invalid("kind", "kind is audio or video")),
    }
}

fn create(params: &Params) -> Result<Create, RoomError> {
    let participants = match params.get("participants") {
        None | Some(Value::Null) => None,
        Some(number) => Some(number.as_u64().ok_or_else(|| {
            let message = "participant count is not a number";
            RoomError::field(code::PARTICIPANTS_MISSING, "participants", message)
        })?),
    };
    let max_rooms = match params.get("max_rooms") {
        None | Some(Value::Null) => None,
        Some(number) => Some(
            number
                .as_u64()
                .ok_or_else(|| RoomError::invalid("max_rooms", "max_rooms is no whole number"))?,
        ),
    };
    let names = match params.get("names") {
        None | Some(Value::Null) => Vec::new(),
        Some(names) => texts(names)
            .ok_or_else(|| RoomError::invalid("names", "names is no array of strings"))?,
    };
    let flag = |fields: &[&'static str], default: bool| {
        let Some((field, value)) = fields.iter().find_map(|f| Some((*f, params.get(*f)?))) else {
            return Ok(default);
        };
        value.as_bool().ok_or_else(|| RoomError::invalid(field, format!("{field} is no boolean")))
    };
    let media = Media {
        audio: flag(&["audio"], true)?,
        video: flag(&["video"], true)?,
        share: flag(&["share", "screen"], true)?, // Q18
        canvas: flag(&["canvas"], false)?,        // Q5
    };
    Ok(Create { max_rooms, names, participants, media })
}

fn clients(params: &Params) -> Result<Vec<String>, RoomError> {
    match ["clients", "client_ids", "clientIds"].iter().find_map(|name| params.get(*name)) {
        None | Some(Value::Null) => Err(RoomError::missing("clients")),
        Some(clients) => texts(clients)
            .ok_or_else(|| RoomError::invalid("clients", "clients is no array of strings")),
    }
}

fn room_id(params: &Params) -> Result<String, RoomError> {
    match ["room_id", "roomId", "room"].iter().find_map(|name| params.get(*name)) {
        None | Some(Value::Null) => Err(RoomError::missing("room_id")),
        Some(Value::String(room)) => Ok(room.clone()),
        Some(_) => Err(RoomError::invalid("room_id", "room_id is no string")),
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

fn optional_text(params: &Params, field: &'static str) -> Result<Option<String>, RoomError> {
    match params.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(RoomError::invalid(field, format!("{field} is no string"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_field() {
        for (method, params, code, field) in [
            ("offer", json!({}), 1734, "sdp"),
            ("offer", json!({"sdp": 1}), code::INVALID_PARAMS, "sdp"),
            ("offer", json!({"sdp": "v=0\r\n"}), code::INVALID_PARAMS, "sdp"),
            ("ice_restart", json!({}), 1734, "sdp"),
            ("view", json!({}), 1734, "videos"),
            ("view", json!({"videos": 1}), code::INVALID_PARAMS, "videos"),
            ("view", json!({"videos": [{"participant": "a"}]}), code::INVALID_PARAMS, "videos"),
            ("view", json!({"videos": vec![1; 65]}), code::INVALID_PARAMS, "videos"),
            (
                "view",
                json!({"videos": [{"participant": "a", "source": "microphone"}]}),
                code::INVALID_PARAMS,
                "videos",
            ),
            ("mute", json!({}), 1734, "kind"),
            ("mute", json!({"kind": "smell"}), code::INVALID_PARAMS, "kind"),
            ("unmute", json!({"kind": 1}), code::INVALID_PARAMS, "kind"),
            ("breakout.create", json!({"participants": "many"}), 1724, "participants"),
            ("breakout.create", json!({"participants": -1}), 1724, "participants"),
            ("breakout.create", json!({"max_rooms": 1.5}), code::INVALID_PARAMS, "max_rooms"),
            ("breakout.create", json!({"names": "a"}), code::INVALID_PARAMS, "names"),
            ("breakout.create", json!({"share": 1}), code::INVALID_PARAMS, "share"),
            ("breakout.create", json!({"screen": 1}), code::INVALID_PARAMS, "screen"),
            ("breakout.move", json!({"room_id": "b1"}), 1734, "clients"),
            ("breakout.move", json!({"clients": ["a"]}), 1734, "room_id"),
            (
                "breakout.move",
                json!({"clients": [1], "room_id": "b1"}),
                code::INVALID_PARAMS,
                "clients",
            ),
            (
                "breakout.move",
                json!({"clients": ["a"], "room_id": 1}),
                code::INVALID_PARAMS,
                "room_id",
            ),
        ] {
            let params = params.as_object().unwrap();
            let error = call(method, params).err().unwrap_or_else(|| panic!("{method} {params:?}"));
            let named = error.data.as_ref().and_then(|data| data.get("field")?.as_str());
            assert_eq!((error.code, named), (code, Some(field)), "{method} {params:?}");
        }
        let unknown = call("breakout.fly", &Params::new()).err().map(|error| error.code);
        assert_eq!(unknown, Some(code::UNKNOWN_METHOD));
    }

    #[test]
    fn aliases_and_defaults() {
        let params = json!({"clientIds": ["a"], "roomId": "b1"});
        let Ok(Call::Move { clients, room_id }) =
            call("breakout.move", params.as_object().unwrap())
        else {
            panic!("aliases are taken")
        };
        assert_eq!((clients, room_id), (vec!["a".to_owned()], "b1".to_owned()));
        let Ok(Call::Create(create)) = call("breakout.create", &Params::new()) else { panic!() };
        let media = Media { audio: true, video: true, share: true, canvas: false };
        let expected = Create { max_rooms: None, names: vec![], participants: None, media };
        assert_eq!(create, expected);
    }

    #[test]
    fn joins() {
        for (params, expected) in [
            (json!({"protocol": 1}), None),
            (json!({"protocol": 1, "id": "a", "name": "A"}), None),
            (json!({}), Some((1734, "protocol"))),
            (json!({"protocol": 2}), Some((code::INVALID_PARAMS, "protocol"))),
            (json!({"protocol": 1, "id": 5}), Some((code::INVALID_PARAMS, "id"))),
        ] {
            let error = join(params.as_object().unwrap()).err();
            let got =
                error.map(|e| (e.code, e.data.unwrap()["field"].as_str().unwrap().to_owned()));
            assert_eq!(got, expected.map(|(code, field)| (code, field.to_owned())), "{params}");
        }
    }
}
