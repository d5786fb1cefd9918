//! The breakout engine: who may do what, what everybody is told, and that nobody is in two rooms.

use std::collections::{BTreeMap, BTreeSet};

use ringfence::route::id::Source;
use ringfence::wire::media::Kind;
use ringfence_signaling::rooms::{
    Create, Event, MAIN, Media, Meeting, Name, Outcome, RoleName, RoomError, Rules, Step, code,
};

fn create(max_rooms: Option<u64>) -> Create {
    Create { max_rooms, names: Vec::new(), participants: None, media: Media::ALL }
}

/// Hana is host, Ada, Bob and Cyd are participants, all in the main room; b1 and b2 are there.
fn meeting() -> Meeting {
    let mut meeting = Meeting::new(Rules::default());
    meeting.join("hana", "Hana", RoleName::host(), MAIN, true);
    for id in ["ada", "bob", "cyd"] {
        meeting.join(id, &id.to_uppercase(), RoleName::participant(), MAIN, true);
    }
    meeting.create("hana", &create(Some(2))).expect("two rooms");
    meeting
}

fn strings(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// `to <- event` in words, `plan_changed` left out.
fn told(outcome: &Outcome) -> Vec<String> {
    let words = outcome.notices.iter().filter_map(|notice| {
        let to: Vec<&str> = notice.to.iter().map(|id| &**id).collect();
        let what = match &notice.event {
            Event::UserJoined { participant, room_id } => {
                format!("joined {} {room_id}", participant.id)
            }
            Event::UserLeft { participant, room_id, reason } => {
                format!("left {participant} {room_id} {reason}")
            }
            Event::BreakoutCreated { rooms } => format!("created {}", rooms.len()),
            Event::BreakoutConnected { room_id } => format!("connected {room_id}"),
            Event::BreakoutLeft { room_id } => format!("out of {room_id}"),
            Event::BreakoutUserDisconnected { room_id, client_id, name, reason } => {
                format!("disconnected {client_id} {name} {room_id} {reason}")
            }
            Event::MeetingChanged { room_id } => format!("now in {room_id}"),
            Event::PeerUpdated { participant } => {
                format!("updated {} {:?}", participant.id, participant.muted)
            }
            Event::PlanChanged { .. } => return None,
        };
        Some(format!("{} <- {what}", to.join(" ")))
    });
    words.collect()
}

#[test]
fn refusals_carry_the_seeds_numbers() {
    let strict = Rules { participants_required: true, ..Rules::default() };
    let lecture = Rules { lecture: true, breakout_in_lecture: false, ..Rules::default() };
    let ten = Rules { breakout_rooms_max: 10, ..Rules::default() };
    let five = Rules { active_talkers_max: 5, ..Rules::default() };
    let people = |participants| Create { participants, ..create(None) };
    let names = |names: &[&str], max| Create { names: strings(names), ..create(max) };
    for (why, rules, by, ask, expected) in [
        ("a host", Rules::default(), "hana", create(Some(300)), None),
        ("a participant", Rules::default(), "ada", create(None), Some((code::FORBIDDEN, None))),
        ("a stranger", Rules::default(), "eve", create(None), Some((code::NOT_JOINED, None))),
        ("lecture", lecture, "hana", create(None), Some((5067, None))),
        ("count mandatory", strict, "hana", create(None), Some((1724, Some("participants")))),
        ("count given", strict, "hana", people(Some(4)), None),
        ("one person", five, "hana", people(Some(1)), Some((1725, Some("participants")))),
        ("the most", five, "hana", people(Some(4)), None),
        (
            "as many as the parent",
            five,
            "hana",
            people(Some(5)),
            Some((1725, Some("participants"))),
        ),
        ("301 rooms", Rules::default(), "hana", create(Some(301)), Some((1726, Some("max_rooms")))),
        ("11 rooms of 10", ten, "hana", create(Some(11)), Some((1726, Some("max_rooms")))),
        ("10 rooms of 10", ten, "hana", create(Some(10)), None),
        ("2^64-1 rooms", ten, "hana", create(Some(u64::MAX)), Some((1726, Some("max_rooms")))),
        ("no room", ten, "hana", create(Some(0)), Some((code::INVALID_PARAMS, Some("max_rooms")))),
        (
            "more names",
            ten,
            "hana",
            names(&["a", "b"], Some(1)),
            Some((code::INVALID_PARAMS, Some("names"))),
        ),
        ("names decide", ten, "hana", names(&["a", "b"], None), None),
        (
            "odd name",
            ten,
            "hana",
            names(&["a\nb"], None),
            Some((code::INVALID_PARAMS, Some("names"))),
        ),
    ] {
        let mut meeting = Meeting::new(rules);
        meeting.join("hana", "Hana", RoleName::host(), MAIN, true);
        meeting.join("ada", "Ada", RoleName::participant(), MAIN, true);
        let before = meeting.clone();
        let refused = meeting.create(by, &ask).err();
        let field = |error: &RoomError| {
            error.data.as_ref().and_then(|data| data.get("field")?.as_str().map(str::to_owned))
        };
        let got = refused.as_ref().map(|error| (error.code, field(error)));
        assert_eq!(got, expected.map(|(code, field)| (code, field.map(str::to_owned))), "{why}");
        assert_eq!(refused.is_some(), meeting == before, "{why}: a refusal changes nothing");
    }
}

#[test]
fn room_limit_counts_rooms_that_are_there() {
    let mut meeting = Meeting::new(Rules { breakout_rooms_max: 3, ..Rules::default() });
    meeting.join("hana", "Hana", RoleName::host(), MAIN, true);
    assert!(meeting.create("hana", &create(Some(2))).is_ok());
    assert_eq!(meeting.create("hana", &create(Some(2))).err().map(|e| e.code), Some(1726));
    assert!(meeting.create("hana", &create(Some(1))).is_ok());
}

#[test]
fn names_of_rooms() {
    let mut meeting = Meeting::new(Rules::default());
    meeting.join("hana", "Hana", RoleName::host(), MAIN, true);
    let ask = Create { names: strings(&["Red", " "]), ..create(Some(3)) };
    let (ids, outcome) = meeting.create("hana", &ask).expect("three rooms");
    assert_eq!(ids.iter().map(|id| &**id).collect::<Vec<_>>(), ["b1", "b2", "b3"]);
    let rooms = meeting.rooms();
    let names: Vec<&str> = rooms.iter().map(|room| &*room.name).collect();
    assert_eq!(names, ["Main room", "Red", "Room 2", "Room 3"]);
    assert_eq!(told(&outcome), ["hana <- created 3"]);
}

#[test]
fn a_move_tells_mover_leavers_and_receivers() {
    let mut meeting = meeting();
    let outcome = meeting.move_people("hana", &strings(&["ada", "bob"]), "b1").expect("moved");
    assert_eq!(
        told(&outcome),
        [
            "ada <- connected b1",
            "ada <- now in b1",
            "bob <- connected b1",
            "bob <- now in b1",
            "cyd hana <- left ada main moved",
            "bob <- joined ada b1",
            "cyd hana <- left bob main moved",
            "ada <- joined bob b1",
        ]
    );
    let mover = |person: &str| {
        let (person, room) = (Name::from(person), Name::from("b1"));
        let main = Name::from(MAIN);
        [Step::Move { person: person.clone(), room }, Step::HearNothing { person, room: main }]
    };
    assert_eq!(outcome.steps, [mover("ada"), mover("bob")].concat());
    let outcome = meeting.move_people("hana", &strings(&["ada"]), "b2").expect("moved");
    assert_eq!(
        told(&outcome),
        ["ada <- out of b1", "ada <- connected b2", "ada <- now in b2", "bob <- left ada b1 moved"]
    );
    let outcome = meeting.leave_breakout("ada").expect("back");
    let back = Step::Move { person: "ada".into(), room: MAIN.into() };
    assert_eq!(outcome.steps, [back]);
    assert_eq!(
        told(&outcome),
        ["ada <- out of b2", "ada <- now in main", "cyd hana <- joined ada main"]
    );
}

#[test]
fn who_may_move_whom() {
    for (why, by, clients, room, expected) in [
        ("host", "hana", &["ada"][..], "b1", None),
        ("host, back", "hana", &["ada"], "main", None),
        ("host, itself", "hana", &["hana"], "b1", None),
        ("participant", "ada", &["bob"], "b1", Some((code::FORBIDDEN, ""))),
        ("participant, itself", "ada", &["ada"], "b1", Some((code::FORBIDDEN, ""))),
        ("nobody", "hana", &[], "b1", Some((code::INVALID_PARAMS, "clients"))),
        ("stranger", "hana", &["ada", "eve"], "b1", Some((code::INVALID_PARAMS, "clients"))),
        ("no such room", "hana", &["ada"], "b3", Some((code::INVALID_PARAMS, "room_id"))),
    ] {
        let mut meeting = meeting();
        let before = meeting.clone();
        let got = meeting.move_people(by, &strings(clients), room);
        let got = got.err().map(|error| {
            let field = error.data.and_then(|data| Some(data.get("field")?.as_str()?.to_owned()));
            (error.code, field.unwrap_or_default())
        });
        assert_eq!(got, expected.map(|(code, field)| (code, field.to_owned())), "{why}");
        if expected.is_some() {
            assert_eq!(meeting, before, "{why}: a refusal changes nothing");
        }
    }
}

#[test]
fn a_full_room_takes_nobody() {
    let mut meeting = meeting();
    let ask = Create { participants: Some(2), ..create(None) };
    let (ids, _) = meeting.create("hana", &ask).expect("a room");
    assert!(meeting.move_people("hana", &strings(&["ada", "bob", "ada"]), &ids[0]).is_ok());
    let refused = meeting.move_people("hana", &strings(&["cyd"]), &ids[0]);
    assert_eq!(refused.err().map(|error| error.code), Some(code::ROOM_FULL));
    assert!(meeting.move_people("hana", &strings(&["ada"]), &ids[0]).is_ok(), "is in already");
}

#[test]
fn create_only_from_the_main_room() {
    let mut meeting = meeting();
    meeting.move_people("hana", &strings(&["hana"]), "b1").expect("moved");
    assert_eq!(meeting.create("hana", &create(None)).err().map(|e| e.code), Some(code::CONFLICT));
    assert_eq!(meeting.leave_breakout("ada").err().map(|e| e.code), Some(code::CONFLICT));
}

#[test]
fn clear_all_brings_everybody_back_and_tells_hosts_of_each() {
    let mut meeting = meeting();
    meeting.move_people("hana", &strings(&["ada"]), "b1").expect("moved");
    meeting.move_people("hana", &strings(&["bob"]), "b2").expect("moved");
    assert_eq!(meeting.clear_all("ada").err().map(|e| e.code), Some(code::FORBIDDEN));
    let outcome = meeting.clear_all("hana").expect("cleared");
    let told = told(&outcome);
    for expected in [
        "ada <- out of b1",
        "ada <- now in main",
        "hana <- disconnected ada ADA b1 cleared",
        "hana <- disconnected bob BOB b2 cleared",
    ] {
        assert!(told.iter().any(|told| told == expected), "{expected} in {told:?}");
    }
    assert!(meeting.people().iter().all(|person| &*person.room == MAIN));
    assert_eq!(meeting.rooms().len(), 3, "the rooms stay");
    assert_eq!(meeting.clear_all("hana").expect("nothing to do"), Outcome::default());
}

#[test]
fn a_room_without_video_silences_cameras_while_inside() {
    let mut meeting = meeting();
    let media = Media { video: false, canvas: false, ..Media::ALL };
    let (ids, _) = meeting.create("hana", &Create { media, ..create(None) }).expect("a room");
    let silences = |outcome: &Outcome| -> Vec<(Source, bool)> {
        let steps = outcome.steps.iter().filter_map(|step| match step {
            Step::Speak { source, spoken, .. } => Some((*source, *spoken)),
            _ => None,
        });
        steps.collect()
    };
    let into = meeting.move_people("hana", &strings(&["ada"]), &ids[0]).expect("moved");
    assert_eq!(silences(&into), [(Source::Camera, false), (Source::Canvas, false)]);
    let out = meeting.leave_breakout("ada").expect("back");
    assert_eq!(silences(&out), [(Source::Camera, true), (Source::Canvas, true)]);
    let listener = meeting.join("lis", "Lis", RoleName::participant(), MAIN, false);
    assert_eq!(silences(&listener).len(), 5, "may not publish: nothing is spoken");
}

#[test]
fn mute_is_told_once() {
    let mut meeting = meeting();
    let outcome = meeting.mute("ada", Kind::Audio, true);
    assert_eq!(
        told(&outcome),
        ["ada bob cyd hana <- updated ada Muted { audio: true, video: false }"]
    );
    assert_eq!(outcome.steps.len(), 2, "microphone and screen audio");
    assert_eq!(meeting.mute("ada", Kind::Audio, true), Outcome::default(), "again: nothing");
}

#[test]
fn leaving_and_coming_back() {
    let mut meeting = meeting();
    meeting.move_people("hana", &strings(&["ada"]), "b1").expect("moved");
    assert_eq!(
        meeting.join("ada", "Ada", RoleName::host(), MAIN, true),
        Outcome::default(),
        "is here"
    );
    let outcome = meeting.leave("ada", "lost");
    assert_eq!(told(&outcome), ["bob cyd hana <- left ada b1 lost"]);
    let outcome = meeting.join("ada", "Ada", RoleName::participant(), "b1", true);
    assert_eq!(told(&outcome), ["bob cyd hana <- joined ada b1"]);
    for id in ["ada", "bob", "cyd", "hana"] {
        assert!(!meeting.is_empty());
        meeting.leave(id, "left");
    }
    assert!(meeting.is_empty());
}

#[test]
fn many_movers_are_not_announced_one_by_one() {
    let mut meeting = Meeting::new(Rules::default());
    meeting.join("hana", "Hana", RoleName::host(), MAIN, true);
    let people: Vec<String> = (0..500).map(|n| format!("p{n}")).collect();
    for id in &people {
        meeting.join(id, id, RoleName::participant(), MAIN, true);
    }
    meeting.create("hana", &create(Some(1))).expect("a room");
    let outcome = meeting.move_people("hana", &people, "b1").expect("moved");
    let each =
        |id: &str| outcome.notices.iter().filter(|n| n.to.iter().any(|to| &**to == id)).count();
    assert_eq!(each("hana"), 1, "the plan");
    assert_eq!(each("p7"), 3, "connected, changed, the plan");
}

/// Random requests; after each, the steps applied to a plain map agree with the model, and nobody
/// is in two rooms or in none.
#[test]
fn steps_agree_with_the_model() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut meeting = Meeting::new(Rules { breakout_rooms_max: 6, ..Rules::default() });
    let mut relay: BTreeMap<Name, Name> = BTreeMap::new();
    let mut revision = 0;
    for turn in 0..5_000 {
        let id = format!("p{}", random(9));
        let other = format!("p{}", random(9));
        let room = match random(7) {
            0 => MAIN.to_owned(),
            n => format!("b{n}"),
        };
        let outcome = match random(7) {
            0 | 1 => {
                let role =
                    if id.as_str() < "p3" { RoleName::host() } else { RoleName::participant() };
                let room = meeting.room(&room).unwrap_or_else(|| MAIN.into());
                if meeting.person(&id).is_none() {
                    relay.insert(Name::from(id.as_str()), room.clone());
                }
                Ok(meeting.join(&id, &id, role, &room, true))
            }
            2 if random(3) == 0 => {
                relay.remove(id.as_str());
                Ok(meeting.leave(&id, "left"))
            }
            3 => meeting.create(&id, &create(Some(random(3)))).map(|(_, outcome)| outcome),
            4 | 2 => meeting.move_people(&id, &[other, id.clone()], &room),
            5 => meeting.leave_breakout(&id),
            _ => meeting.clear_all(&id),
        };
        for step in outcome.unwrap_or_default().steps {
            if let Step::Move { person, room } = step {
                assert_ne!(
                    relay.insert(person, room.clone()),
                    Some(room),
                    "{turn}: moved to where it is"
                );
            }
        }
        let rooms = meeting.rooms();
        let mut seen = BTreeSet::new();
        for room in &rooms {
            for person in &room.participants {
                assert!(seen.insert(person.clone()), "{turn}: {person} is in two rooms");
                assert_eq!(relay.get(person), Some(&room.id), "{turn}: {person}");
            }
        }
        assert_eq!(seen.len(), relay.len(), "{turn}: somebody is in no room");
        assert!(meeting.revision() >= revision);
        revision = meeting.revision();
    }
}

#[test]
fn events_on_the_wire() {
    let mut meeting = meeting();
    meeting.move_people("hana", &strings(&["ada"]), "b1").expect("moved");
    let participant = meeting.view("ada").expect("here");
    let joined = Event::UserJoined { participant, room_id: "b1".into() };
    let plan = Event::PlanChanged { revision: 2, rooms: meeting.rooms() };
    insta::assert_snapshot!(serde_json::to_string(&joined).expect("JSON"), @r#"{"method":"user_joined","params":{"participant":{"id":"ada","name":"ADA","role":"participant","room":"b1","muted":{"audio":false,"video":false}},"room_id":"b1"}}"#);
    insta::assert_snapshot!(serde_json::to_string(&plan).expect("JSON"), @r#"{"method":"plan_changed","params":{"revision":2,"rooms":[{"id":"main","name":"Main room","participants":["bob","cyd","hana"]},{"id":"b1","name":"Room 1","participants":["ada"]},{"id":"b2","name":"Room 2","participants":[]}]}}"#);
}
