//! Methods of the breakout engine, as its requests.

use serde_json::Value;

use super::fields::Fields;
use crate::rooms::{
    Announced, Consent, Create, EmptyTtl, Invite, JoinRoom, Listen, Media, Mutable, Muted, Request,
    RoleName, RoomError, RoomRole, Strategy, Target, code, is_room_id,
};

const KINDS: &[(&str, Mutable)] = &[
    ("audio", Mutable::Audio),
    ("video", Mutable::Video),
    ("microphone", Mutable::Microphone),
    ("camera", Mutable::Camera),
    ("screen", Mutable::Screen),
    ("share", Mutable::Screen), // Q18
    ("screen_audio", Mutable::ScreenAudio),
    ("canvas", Mutable::Canvas),
];
const STRATEGIES: &[(&str, Option<Strategy>)] = &[
    ("random", Some(Strategy::Random)),
    ("even", Some(Strategy::Even)),
    ("by_capacity", Some(Strategy::ByCapacity)),
    ("by_attribute", None),
];
const CONSENTS: &[(&str, Consent)] =
    &[("ask", Consent::Ask), ("force", Consent::Force), ("auto_on_start", Consent::AutoOnStart)];
const ROOM_ROLES: &[(&str, RoomRole)] =
    &[("participant", RoomRole::Participant), ("moderator", RoomRole::Moderator)];

/// Reads one of these methods, if it is one.
pub(super) fn request(method: &str, fields: &Fields<'_>) -> Result<Option<Request>, RoomError> {
    for read in [plan, people, main_room, voices] {
        if let Some(request) = read(method, fields)? {
            return Ok(Some(request));
        }
    }
    Ok(None)
}

fn plan(method: &str, fields: &Fields<'_>) -> Result<Option<Request>, RoomError> {
    let room_id = || fields.room_id();
    Ok(Some(match method {
        "breakout.create" => Request::Create(create(fields)?),
        "breakout.create_and_invite" => {
            let force = fields.flag(&["force_join", "forceJoin"])?;
            Request::CreateAndInvite { create: create(fields)?, force }
        }
        "breakout.assign" => Request::Assign { clients: fields.clients()?, room_id: room_id()? },
        "breakout.unassign" => Request::Unassign { clients: fields.clients()? },
        "breakout.shuffle" => {
            let strategy = fields.word(&["strategy"], STRATEGIES)?;
            let attribute = fields.optional_text(&["attribute"])?;
            let seed = fields.number(&["seed"])?;
            match strategy.unwrap_or(Some(Strategy::Even)) {
                Some(strategy) => Request::Shuffle { strategy, seed },
                None => {
                    let attribute = attribute.ok_or_else(|| RoomError::missing("attribute"))?;
                    Request::Group { attribute, seed }
                }
            }
        }
        "breakout.import_csv" => Request::ImportCsv { text: fields.text(&["text", "csv"])? },
        "breakout.rename" => {
            Request::Rename { room_id: room_id()?, name: fields.text(&["name", "room_name"])? }
        }
        "breakout.delete" => Request::Delete { room_id: room_id()? },
        "breakout.reset" => Request::Reset,
        "breakout.start" => Request::Start {
            consent: fields.word(&["consent"], CONSENTS)?,
            timer_s: fields.seconds(&["timer_s"])?,
        },
        "breakout.stop" => Request::Stop { grace_s: fields.seconds(&["grace_s"])? },
        "breakout.extend" => {
            let seconds = fields.seconds(&["seconds"])?;
            let seconds = seconds.ok_or_else(|| RoomError::missing("seconds"))?;
            let room_id = fields.optional_text(&["room_id", "roomId", "room"])?;
            Request::Extend { seconds, room_id }
        }
        _ => return Ok(None),
    }))
}

fn people(method: &str, fields: &Fields<'_>) -> Result<Option<Request>, RoomError> {
    Ok(Some(match method {
        "mute" => Request::Mute { kind: kind(fields)?, muted: true },
        "unmute" => Request::Mute { kind: kind(fields)?, muted: false },
        "breakout.invite" => Request::Invite(Invite {
            clients: fields.clients()?,
            room_id: fields.room_id()?,
            force: fields.flag(&["force_join", "forceJoin"])?,
            timeout_s: fields.seconds(&["timeout_s"])?,
        }),
        "breakout.join" => Request::JoinRoom(JoinRoom {
            room_id: fields.room_id()?,
            role: fields.word(&["role"], ROOM_ROLES)?.unwrap_or_default(),
            audio: fields.flag(&["audio"])?,
            video: fields.flag(&["video"])?,
            screen: fields.flag(&["screen", "share"])?, // Q18
            canvas: fields.flag(&["canvas"])?,
        }),
        "breakout.reject" => Request::Reject { room_id: fields.room_id()? },
        "breakout.leave" => Request::Leave,
        "breakout.move" => Request::Move { clients: fields.clients()?, room_id: fields.room_id()? },
        "breakout.exchange" => {
            Request::Exchange { a: fields.text(&["a"])?, b: fields.text(&["b"])? }
        }
        "breakout.leave_all" => Request::LeaveAll,
        "breakout.clear_all" => Request::ClearAll,
        "breakout.destroy_all" => Request::DestroyAll,
        "people.mute" => Request::MutePerson { client: fields.client()?, kind: kind(fields)? },
        "people.kick" => Request::Kick { client: fields.client()? },
        "role.change" => Request::ChangeRole {
            client: fields.client()?,
            role: RoleName::new(&fields.text(&["role"])?),
            force: fields.flag(&["force"])?.unwrap_or(false),
        },
        "role.accept" => Request::AnswerRole { accept: true },
        "role.reject" => Request::AnswerRole { accept: false },
        _ => return Ok(None),
    }))
}

fn main_room(method: &str, fields: &Fields<'_>) -> Result<Option<Request>, RoomError> {
    Ok(Some(match method {
        "parent.pause" => Request::PauseMain { paused: true },
        "parent.resume" => Request::PauseMain { paused: false },
        "parent.mute" => Request::MuteMain { kinds: kinds(fields)?, muted: true },
        "parent.unmute" => Request::MuteMain { kinds: kinds(fields)?, muted: false },
        _ => return Ok(None),
    }))
}

fn voices(method: &str, fields: &Fields<'_>) -> Result<Option<Request>, RoomError> {
    let on = |default: Option<bool>| {
        fields.flag(&["on"])?.or(default).ok_or_else(|| RoomError::missing("on"))
    };
    let poll = || fields.number(&["poll"])?.ok_or_else(|| RoomError::missing("poll"));
    Ok(Some(match method {
        "broadcast" => Request::Broadcast {
            text: fields.text(&["text", "message"])?,
            rooms: fields.optional_texts(&["rooms"])?,
        },
        "announce" => {
            let (on, sources) = (on(None)?, fields.optional_texts(&["sources"])?);
            Request::Announce(if on { announced(sources)? } else { Announced::default() })
        }
        "whisper" => {
            let (on, to) = (on(Some(true))?, fields.get(&["to"]));
            Request::Whisper { to: if on { Some(target(to)?) } else { None } }
        }
        "monitor" => Request::Monitor { rooms: fields.texts(&["rooms"])?, listen: listen(fields)? },
        "help.ask" => Request::HelpAsk,
        "help.reset" => Request::HelpReset { room_id: fields.room_id()? },
        "chat" => Request::Chat {
            text: fields.text(&["text", "message"])?,
            to: fields.optional_text(&["to"])?,
        },
        "poll.create" => Request::PollCreate {
            question: fields.text(&["question"])?,
            options: fields.texts(&["options"])?,
            rooms: fields.optional_texts(&["rooms"])?,
        },
        "poll.vote" => {
            let option = fields.number(&["option"])?;
            let option = option.ok_or_else(|| RoomError::missing("option"))?;
            let option = usize::try_from(option).unwrap_or(usize::MAX);
            Request::PollVote { poll: poll()?, option }
        }
        "poll.close" => Request::PollClose { poll: poll()? },
        _ => return Ok(None),
    }))
}

fn kind(fields: &Fields<'_>) -> Result<Mutable, RoomError> {
    fields.word(&["kind"], KINDS)?.ok_or_else(|| RoomError::missing("kind"))
}

/// Kinds of the main room; at least one must be named.
fn kinds(fields: &Fields<'_>) -> Result<Muted, RoomError> {
    let (audio, video) = (fields.flag(&["audio"])?, fields.flag(&["video"])?);
    if audio.is_none() && video.is_none() {
        return Err(RoomError::missing("audio"));
    }
    Ok(Muted { audio: audio.unwrap_or(false), video: video.unwrap_or(false) })
}

fn create(fields: &Fields<'_>) -> Result<Create, RoomError> {
    let participants = match fields.get(&["participants"]) {
        None => None,
        Some((name, number)) => Some(number.as_u64().ok_or_else(|| {
            let message = "participant count is not a number";
            RoomError::field(code::PARTICIPANTS_MISSING, name, message)
        })?),
    };
    let flag = |names: &[&'static str], default| -> Result<bool, RoomError> {
        Ok(fields.flag(names)?.unwrap_or(default))
    };
    let media = Media {
        audio: flag(&["audio"], true)?,
        video: flag(&["video"], true)?,
        share: flag(&["share", "screen"], true)?, // Q18
        canvas: flag(&["canvas"], false)?,        // Q5
    };
    Ok(Create {
        max_rooms: fields.number(&["max_rooms", "maxRooms"])?,
        names: fields.optional_texts(&["names"])?.unwrap_or_default(),
        participants,
        media,
        empty_ttl: empty_ttl(fields)?,
    })
}

/// Seconds, or `never`.
fn empty_ttl(fields: &Fields<'_>) -> Result<Option<EmptyTtl>, RoomError> {
    let names: &[&'static str] = &["empty_ttl_s", "empty_ttl"];
    match fields.get(names) {
        Some((_, word)) if word == "never" => Ok(Some(EmptyTtl::NEVER)),
        _ => Ok(fields.seconds(names)?.map(EmptyTtl::After)),
    }
}

fn announced(sources: Option<Vec<String>>) -> Result<Announced, RoomError> {
    let mut announced = Announced::default();
    for source in sources.unwrap_or_else(|| vec!["audio".to_owned()]) {
        match source.as_str() {
            "audio" | "voice" | "microphone" => announced.voice = true,
            "video" | "camera" => announced.camera = true,
            "screen" | "share" => announced.screen = true,
            _ => {
                let message = "sources are audio, video and screen";
                return Err(RoomError::invalid("sources", message));
            }
        }
    }
    if announced.is_none() {
        return Err(RoomError::invalid("sources", "sources is empty"));
    }
    Ok(announced)
}

/// Absent and null are two things here.
fn listen(fields: &Fields<'_>) -> Result<Listen, RoomError> {
    if fields.is_null("listen") {
        return Ok(Listen::Nothing);
    }
    let room = fields.optional_text(&["listen"])?;
    Ok(room.map_or(Listen::All, |room| Listen::To(room.into())))
}

/// A room or a person: by an object that says which, or by an id that looks like a room's.
fn target(to: Option<(&str, &Value)>) -> Result<Target, RoomError> {
    let Some((_, to)) = to else { return Err(RoomError::missing("to")) };
    let room = |id: &str| Target::Room(id.into());
    let alone = to.as_object().is_some_and(|to| to.len() == 1);
    let named = |key: &str| to.get(key).filter(|_| alone).and_then(Value::as_str);
    match to {
        Value::String(id) => {
            Ok(if is_room_id(id) { room(id) } else { Target::Person(id.as_str().into()) })
        }
        _ if named("room_id").is_some() => Ok(room(named("room_id").unwrap_or_default())),
        _ => match named("client") {
            Some(id) => Ok(Target::Person(id.into())),
            None => Err(RoomError::invalid("to", "to is an id, {room_id} or {client}")),
        },
    }
}
