//! The breakout engine by hand: what people are told of moves, whole or not at all, on the wire.

use ringfence::route::id::Source;
use ringfence_signaling::rooms::{
    By, Create, Enter, Event, MAIN, Media, Meeting, Millis, Mutable, Name, Outcome, Request,
    RoleName, RoomError, Rules, Spoken, Step, code,
};

struct World {
    meeting: Meeting,
    now: u64,
}

impl World {
    /// Hana is host, Ada, Bob and Cyd are participants, all in the main room; b1 and b2 are there.
    fn new() -> World {
        let mut world = World::with(Rules::default());
        world.must("hana", Request::Create(create(Some(2))));
        world
    }

    fn with(rules: Rules) -> World {
        let mut world = World { meeting: Meeting::new(rules), now: 1_000_000 };
        for id in ["hana", "ada", "bob", "cyd"] {
            world.enter(id, if id == "hana" { "host" } else { "participant" }, None);
        }
        world
    }

    fn enter(&mut self, id: &str, role: &str, room: Option<&str>) -> Outcome {
        let enter = Enter {
            id: id.into(),
            name: Some(id.to_uppercase().into()),
            email: None,
            attributes: Default::default(),
            role: RoleName::new(role),
            publishes: true,
            subscribes: true,
            issued: None,
            room: room.map(Name::from),
        };
        self.server(Request::Enter(enter))
    }

    fn server(&mut self, request: Request) -> Outcome {
        self.by(&By::Server, request).expect("the server may")
    }

    fn ask(&mut self, by: &str, request: Request) -> Result<Outcome, RoomError> {
        self.by(&By::Person(by.into()), request)
    }

    fn must(&mut self, by: &str, request: Request) -> Outcome {
        self.ask(by, request).expect("permitted")
    }

    fn by(&mut self, by: &By, request: Request) -> Result<Outcome, RoomError> {
        let (next, outcome) = self.meeting.handle(by, request, Millis(self.now), 7)?;
        self.meeting = next;
        Ok(outcome)
    }
}

fn create(max_rooms: Option<u64>) -> Create {
    let (names, media) = (Vec::new(), Media::ALL);
    Create { max_rooms, names, participants: None, media, empty_ttl: None }
}

fn strings(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn go(clients: &[&str], room_id: &str) -> Request {
    Request::Move { clients: strings(clients), room_id: room_id.to_owned() }
}

/// `to <- event` in words, `plan_changed` left out.
fn told(outcome: &Outcome) -> Vec<String> {
    let words = outcome.notices.iter().filter_map(|notice| {
        let to: Vec<&str> = notice.to.iter().map(|id| &**id).collect();
        let what = match &notice.event {
            Event::UserJoined { participant, room_id } => {
                format!("joined {} {room_id:?}", participant.id)
            }
            Event::UserLeft { participant, room_id, reason } => {
                format!("left {participant} {room_id} {reason}")
            }
            Event::BreakoutConnected { room_id, .. } => format!("connected {room_id}"),
            Event::BreakoutLeft { room_id, reason } => format!("out of {room_id} {reason}"),
            Event::BreakoutUserDisconnected { room_id, client_id, name, reason } => {
                format!("disconnected {client_id} {name} {room_id} {reason}")
            }
            Event::MeetingChanged { room_id, .. } => format!("now in {room_id}"),
            Event::PlanChanged { .. } => return None,
            other => format!("{other:?}"),
        };
        Some(format!("{} <- {what}", to.join(" ")))
    });
    words.collect()
}

#[test]
fn a_move_tells_mover_leavers_and_receivers() {
    let mut world = World::new();
    let outcome = world.must("hana", go(&["ada", "bob"], "b1"));
    assert_eq!(
        told(&outcome),
        [
            "ada bob <- connected b1",
            "ada bob <- now in b1",
            "cyd hana <- left ada main moved",
            "bob <- joined ada Some(\"b1\")",
            "cyd hana <- left bob main moved",
            "ada <- joined bob Some(\"b1\")",
        ]
    );
    let outcome = world.must("hana", go(&["ada"], "b2"));
    assert_eq!(
        told(&outcome),
        [
            "ada <- out of b1 moved",
            "ada <- connected b2",
            "ada <- now in b2",
            "bob <- left ada b1 moved"
        ]
    );
    let outcome = world.must("ada", Request::Leave);
    let back = Step::Move { person: "ada".into(), room: MAIN.into() };
    assert_eq!(outcome.steps, [back]);
    assert_eq!(
        told(&outcome),
        ["ada <- out of b2 left", "ada <- now in main", "cyd hana <- joined ada Some(\"main\")",]
    );
}

#[test]
fn a_refusal_changes_nothing() {
    let enablex = Rules { active_talkers_max: 5, ..Rules::enablex() };
    let people = |participants| Create { participants, ..create(None) };
    let names = |names: &[&str], max| Create { names: strings(names), ..create(max) };
    let native = Rules::default();
    let lecture = Rules { lecture: true, ..Rules::enablex() };
    let off = Rules { breakouts: false, ..native };
    let ten = Rules { breakout_rooms_max: 10, ..native };
    let invalid = code::INVALID_PARAMS;
    for (why, rules, by, request, expected) in [
        ("a host", native, "hana", Request::Create(create(Some(300))), None),
        (
            "a participant",
            native,
            "ada",
            Request::Create(create(None)),
            Some((code::FORBIDDEN, "")),
        ),
        ("a stranger", native, "eve", Request::Create(create(None)), Some((code::NOT_JOINED, ""))),
        ("lecture", lecture, "hana", Request::Create(people(Some(2))), Some((5067, ""))),
        ("off", off, "hana", Request::Create(create(None)), Some((code::FORBIDDEN, ""))),
        ("mandatory", enablex, "hana", Request::Create(create(None)), Some((1724, "participants"))),
        ("given", enablex, "hana", Request::Create(people(Some(4))), None),
        ("one", enablex, "hana", Request::Create(people(Some(1))), Some((1725, "participants"))),
        ("five", enablex, "hana", Request::Create(people(Some(5))), Some((1725, "participants"))),
        ("301", native, "hana", Request::Create(create(Some(301))), Some((1726, "max_rooms"))),
        ("11", ten, "hana", Request::Create(create(Some(11))), Some((1726, "max_rooms"))),
        ("most", ten, "hana", Request::Create(create(Some(u64::MAX))), Some((1726, "max_rooms"))),
        ("none", ten, "hana", Request::Create(create(Some(0))), Some((invalid, "max_rooms"))),
        (
            "names",
            ten,
            "hana",
            Request::Create(names(&["a", "b"], Some(1))),
            Some((invalid, "names")),
        ),
        ("odd", ten, "hana", Request::Create(names(&["a\nb"], None)), Some((invalid, "names"))),
        ("nobody", native, "hana", go(&[], MAIN), Some((invalid, "clients"))),
        ("stranger", native, "hana", go(&["ada", "eve"], MAIN), Some((invalid, "clients"))),
        ("no room", native, "hana", go(&["ada"], "b01"), Some((invalid, "room_id"))),
        ("another", native, "ada", go(&["bob"], MAIN), Some((code::FORBIDDEN, ""))),
        ("back", native, "ada", Request::Leave, Some((code::CONFLICT, ""))),
        ("clear", native, "ada", Request::ClearAll, Some((code::FORBIDDEN, ""))),
        (
            "no rooms",
            native,
            "hana",
            Request::Start { consent: None, timer_s: None },
            Some((code::CONFLICT, "")),
        ),
    ] {
        let mut world = World::with(rules);
        let before = world.meeting.clone();
        let got = world.ask(by, request).err().map(|error| {
            let field = error.data.and_then(|data| Some(data.get("field")?.as_str()?.to_owned()));
            (error.code, field.unwrap_or_default())
        });
        assert_eq!(got, expected.map(|(code, field)| (code, field.to_owned())), "{why}");
        if expected.is_some() {
            assert_eq!(world.meeting, before, "{why}");
        }
    }
}

#[test]
fn clear_all_brings_everybody_back_and_tells_hosts_of_each() {
    let mut world = World::new();
    world.must("hana", go(&["ada"], "b1"));
    world.must("hana", go(&["bob"], "b2"));
    let outcome = world.must("hana", Request::ClearAll);
    let told = told(&outcome);
    for expected in [
        "ada <- out of b1 cleared",
        "ada bob <- now in main",
        "hana <- disconnected ada ADA b1 cleared",
        "hana <- disconnected bob BOB b2 cleared",
    ] {
        assert!(told.iter().any(|told| told == expected), "{expected} in {told:?}");
    }
    assert!(world.meeting.people().all(|(_, person)| *person.room == *MAIN));
    assert_eq!(world.meeting.breakouts().count(), 2, "the rooms stay");
    assert_eq!(world.must("hana", Request::ClearAll), Outcome::default(), "nothing to do");
}

#[test]
fn what_a_room_does_not_take_is_not_spoken() {
    let mut world = World::new();
    let media = Media { video: false, canvas: false, ..Media::ALL };
    world.must("hana", Request::Create(Create { media, ..create(None) }));
    let spoken = |outcome: &Outcome| -> Vec<(Source, bool)> {
        let steps = outcome.steps.iter().filter_map(|step| match step {
            Step::Speak { source, spoken, .. } => Some((*source, *spoken == Spoken::Own)),
            _ => None,
        });
        steps.collect()
    };
    let into = world.must("hana", go(&["ada"], "b3"));
    assert_eq!(spoken(&into), [(Source::Camera, false), (Source::Canvas, false)]);
    let out = world.must("ada", Request::Leave);
    assert_eq!(spoken(&out), [(Source::Camera, true), (Source::Canvas, true)]);
    let audience = world.enter("lis", "audience", None);
    assert_eq!(spoken(&audience).len(), 5, "may not publish: nothing is spoken");
}

#[test]
fn mute_is_told_once() {
    let mut world = World::new();
    let mute = Request::Mute { kind: Mutable::Audio, muted: true };
    let outcome = world.must("ada", mute.clone());
    assert_eq!(told(&outcome).len(), 1);
    assert_eq!(outcome.notices[0].to.len(), 4, "the room and oneself");
    assert_eq!(outcome.steps.len(), 2, "microphone and screen audio");
    assert_eq!(world.must("ada", mute), Outcome::default(), "again: nothing");
}

#[test]
fn many_movers_are_not_announced_one_by_one() {
    let mut world = World::new();
    let people: Vec<String> = (0..500).map(|n| format!("p{n}")).collect();
    for id in &people {
        world.enter(id, "participant", None);
    }
    let request = Request::Move { clients: people, room_id: "b1".into() };
    let outcome = world.must("hana", request);
    let each =
        |id: &str| outcome.notices.iter().filter(|n| n.to.iter().any(|to| **to == *id)).count();
    assert_eq!(each("hana"), 1, "the plan");
    assert_eq!(each("p7"), 3, "connected, changed, the plan");
    assert_eq!(each("ada"), 1, "the main room's new roster");
}

#[test]
fn the_state_survives_being_written_and_read() {
    let mut world = World::new();
    world.must("hana", Request::Assign { room_id: "b1".into(), clients: strings(&["ada"]) });
    world.must("hana", Request::Start { consent: None, timer_s: Some(90) });
    world.must("hana", Request::PauseMain { paused: true });
    world.must("ada", Request::HelpAsk);
    let text = serde_json::to_string(&world.meeting).expect("JSON");
    let back: Meeting = serde_json::from_str(&text).expect("read");
    assert_eq!(back, world.meeting);
}

#[test]
fn events_on_the_wire() {
    let mut world = World::new();
    let outcome = world.must("hana", go(&["ada"], "b1"));
    let json = |method: &str| {
        let mut all =
            outcome.notices.iter().map(|n| serde_json::to_string(&n.event).expect("JSON"));
        all.find(|json| json.contains(method)).expect("told")
    };
    insta::assert_snapshot!(json("user_left"), @r#"{"method":"user_left","params":{"participant":"ada","room_id":"main","reason":"moved"}}"#);
    insta::assert_snapshot!(json("meeting_changed"), @r#"{"method":"meeting_changed","params":{"room_id":"b1","parent":{"paused":true,"audio_muted":false,"video_muted":false,"gain":100}}}"#);
    insta::assert_snapshot!(json("\"state\""), @r#"{"method":"plan_changed","params":{"revision":2,"state":"draft","rooms":[{"id":"main","name":"Main room","participants":["bob","cyd","hana"]},{"id":"b1","name":"Room 1","participants":["ada"]},{"id":"b2","name":"Room 2","participants":[]}],"people":[{"id":"ada","name":"ADA","role":"participant","room":"b1","muted":{"audio":false,"video":false},"paused":true}]}}"#);
}
