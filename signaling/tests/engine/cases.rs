//! What was wrong once, step by step, with everything watching that watches random meetings.

use ringfence_signaling::rooms::{
    By, Consent, Create, Enter, Event, Invite, JoinRoom, Listen, MAIN, Media, Mutable, Name,
    Outcome, PutPlan, PutRoom, Request, RoleName, Roles, RoomRole, Rules, SOURCES, Spoken, Step,
    Strategy, Target, code,
};

use crate::World;

const CAST: &[(&str, &str)] =
    &[("hana", "host"), ("ada", "participant"), ("bob", "participant"), ("cyd", "participant")];

/// Hana is host; Ada, Bob and Cyd are participants; there is one room.
fn world(rules: Rules) -> World {
    let mut world = World::new(rules, false);
    CAST.iter().for_each(|(id, role)| world.comes(id, role));
    world.does("hana", create(1, Media::ALL));
    world
}

fn create(count: u64, media: Media) -> Request {
    let (names, max_rooms) = (Vec::new(), Some(count));
    Request::Create(Create { max_rooms, names, participants: None, media, empty_ttl: None })
}

fn enter(id: &str, role: &str) -> Enter {
    Enter {
        id: id.into(),
        name: Some(id.into()),
        email: None,
        attributes: Default::default(),
        role: RoleName::new(role),
        publishes: true,
        subscribes: true,
        issued: None,
        room: None,
    }
}

fn names(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn go(ids: &[&str], room: &str) -> Request {
    Request::Move { clients: names(ids), room_id: room.into() }
}

fn join(room: &str, role: RoomRole) -> Request {
    Request::JoinRoom(JoinRoom { room_id: room.into(), role, ..JoinRoom::default() })
}

fn extend(room: &str, seconds: u32) -> Request {
    Request::Extend { seconds, room_id: Some(room.into()) }
}

const START: Request = Request::Start { consent: None, timer_s: None };

/// The plan's one room as it shall be.
fn one_room(capacity: Option<u64>, media: Media) -> Request {
    let room = PutRoom {
        id: Some("b1".into()),
        name: None,
        capacity,
        media,
        empty_ttl: None,
        assigned: Vec::new(),
        expected: Vec::new(),
    };
    Request::PutPlan(PutPlan { rooms: vec![room] })
}

impl World {
    fn comes(&mut self, id: &str, role: &str) {
        self.ask(&By::Server, Request::Enter(enter(id, role))).expect("comes");
    }

    fn does(&mut self, id: &str, request: Request) -> Outcome {
        let said = format!("{id} {request:?}");
        let by = if id == "server" { By::Server } else { By::Person(id.into()) };
        self.ask(&by, request).unwrap_or_else(|error| panic!("{said}: {error:?}"))
    }

    /// Is refused: with which code, because of which field.
    fn not(&mut self, id: &str, request: Request) -> (i32, String) {
        let said = format!("{id} {request:?}");
        let by = if id == "server" { By::Server } else { By::Person(id.into()) };
        let error = self.ask(&by, request).expect_err(&said);
        let field = error.data.as_ref().and_then(|data| data["field"].as_str());
        (error.code, field.unwrap_or_default().to_owned())
    }

    fn room(&self, id: &str) -> &str {
        &self.meeting.person(id).expect("here").room
    }

    /// Seconds pass, one after the other.
    fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += 1_000;
            self.pass();
        }
    }
}

fn told(outcome: &Outcome, id: &str) -> Vec<Event> {
    let own = outcome.notices.iter().filter(|notice| notice.to.iter().any(|to| **to == *id));
    own.map(|notice| notice.event.clone()).collect()
}

/// Cameras that are spoken to another audience by these steps, and whether that is their room.
fn cameras(outcome: &Outcome) -> Vec<(Name, bool)> {
    let spoken = outcome.steps.iter().filter_map(|step| match step {
        Step::Speak { person, source, spoken } if *source == SOURCES[1] => {
            Some((person.clone(), *spoken == Spoken::Own))
        }
        _ => None,
    });
    spoken.collect()
}

#[test]
fn a_draft_is_put_while_people_are_inside() {
    let silent = Media { video: false, ..Media::ALL };
    let mut world = world(Rules::default());
    world.does("hana", go(&["ada", "bob", "cyd"], "b1"));
    let put = world.does("hana", one_room(None, silent));
    let off: Vec<(Name, bool)> = ["ada", "bob", "cyd"].map(|id| (id.into(), false)).into();
    assert_eq!(cameras(&put), off, "a room without cameras has none from now on");
    let put = world.does("hana", one_room(None, Media::ALL));
    assert_eq!(cameras(&put).len(), 3, "and has them again");
    assert!(cameras(&world.does("ada", Request::Leave)).is_empty(), "nothing is left to say");
    world.does("hana", go(&["ada"], "b1"));
    let full = (code::ROOM_FULL, "rooms[0].capacity".to_owned());
    assert_eq!(world.not("hana", one_room(Some(2), Media::ALL)), full, "three are inside");
    world.does("hana", one_room(Some(3), Media::ALL));
}

#[test]
fn cleared_is_over_for_timers_of_rooms_too() {
    let mut world = world(Rules::default());
    world.does("hana", Request::Assign { room_id: "b1".into(), clients: names(&["ada"]) });
    world.does("hana", START);
    world.does("hana", extend("b1", 10));
    world.does("hana", Request::ClearAll);
    world.does("hana", START);
    world.wait(60);
    assert_eq!(world.room("ada"), "b1", "the session has no timer");
}

#[test]
fn a_rooms_moderator_takes_out_of_the_room_only() {
    let mut world = world(Rules::default());
    world.comes("mo", "moderator");
    world.does("mo", create(1, Media::ALL)); // b2 is theirs
    let role = |role: &str| Request::ChangeRole {
        client: "mo".into(),
        role: RoleName::new(role),
        force: true,
    };
    world.does("hana", role("participant"));
    world.does("hana", go(&["ada"], "b2"));
    world.does("mo", join("b2", RoomRole::Moderator));
    world.does("mo", Request::MutePerson { client: "ada".into(), kind: Mutable::Audio });
    let kicked = world.does("mo", Request::Kick { client: "ada".into() });
    assert_eq!((world.room("ada"), world.meeting.is_banned("ada")), (MAIN, false));
    let left = Event::BreakoutLeft { room_id: "b2".into(), reason: "kicked" };
    assert!(told(&kicked, "ada").contains(&left), "{kicked:?}");
    // Another role is another one in the room, too.
    world.does("hana", go(&["ada"], "b2"));
    world.does("hana", role("guest"));
    let (code, _) = world.not("mo", Request::Kick { client: "ada".into() });
    assert_eq!(code, code::FORBIDDEN);
}

#[test]
fn consent_outlives_a_grace() {
    for consent in [Consent::Ask, Consent::Force] {
        for by_timer in [false, true] {
            let mut world = world(Rules { grace_s: 9, ..Rules::default() });
            world.does("hana", Request::Assign { room_id: "b1".into(), clients: names(&["bob"]) });
            let timer_s = by_timer.then_some(3);
            world.does("hana", Request::Start { consent: Some(consent), timer_s });
            match by_timer {
                true => world.wait(4),
                false => _ = world.does("hana", Request::Stop { grace_s: Some(9) }),
            }
            assert_eq!(world.meeting.plan().session().word(), "closing");
            world.does("hana", extend(MAIN, 60));
            world.does("hana", Request::Assign { room_id: "b1".into(), clients: names(&["ada"]) });
            let moved = world.room("ada") == "b1";
            assert_eq!(moved, consent == Consent::Force, "{consent:?} {by_timer}");
        }
    }
}

#[test]
fn who_comes_into_a_room_learns_what_is_open_there() {
    let mut world = world(Rules::default());
    let (question, options) = ("Which?".to_owned(), names(&["one", "two"]));
    let rooms = Some(names(&["b1"]));
    world.does("hana", Request::PollCreate { question, options, rooms });
    world.does("hana", Request::Whisper { to: Some(Target::Room("b1".into())) });
    let came = world.does("hana", go(&["ada"], "b1"));
    let events = told(&came, "ada");
    assert!(events.iter().any(|event| matches!(event, Event::PollChanged(_))), "{events:?}");
    let voice =
        |on| Event::Voice { from: "hana".into(), name: Some("hana".into()), kind: "whisper", on };
    assert!(events.contains(&voice(true)), "{events:?}");
    assert!(!told(&came, "bob").contains(&voice(true)), "who stays in the main room: {came:?}");
    world.does("ada", Request::PollVote { poll: 1, option: 1 });
    let left = world.does("ada", Request::Leave);
    assert!(told(&left, "ada").contains(&voice(false)), "{left:?}");
    // Who comes back to all of it has it in the answer to `join`.
    assert_eq!(
        (world.meeting.polls_for("hana").len(), world.meeting.polls_for("ada").len()),
        (1, 0)
    );
    world.does("hana", go(&["ada"], "b1"));
    assert_eq!(world.meeting.polls_for("ada")[0].votes, [0, 1]);
    world.does("hana", Request::PollClose { poll: 1 });
    assert!(world.meeting.polls_for("ada").is_empty(), "closed");
}

#[test]
fn a_room_closes_after_a_grace_and_stays_closed() {
    let mut world = world(Rules { grace_s: 5, warn_s: 3, ..Rules::default() });
    world.does("hana", Request::Assign { room_id: "b1".into(), clients: names(&["ada", "bob"]) });
    world.does("hana", START);
    world.does("hana", extend("b1", 10));
    world.wait(14);
    assert_eq!(world.room("ada"), "b1", "the grace is not over");
    world.wait(1);
    assert_eq!((world.room("ada"), world.room("bob")), (MAIN, MAIN));
    assert_eq!(world.meeting.plan().session().word(), "started", "of all others");
    let closed = (code::CONFLICT, "room_id".to_owned());
    assert_eq!(world.not("ada", join("b1", RoomRole::Participant)), closed, "assigned, and closed");
    // Who is assigned there and comes back is in the main room.
    world.does("ada", Request::Depart { person: "ada".into(), reason: "left" });
    world.comes("ada", "participant");
    assert_eq!(world.room("ada"), MAIN);
    // More time opens it; and so does who manages, and the next session.
    world.does("hana", extend("b1", 10));
    world.does("ada", join("b1", RoomRole::Participant));
    world.wait(11);
    world.does("hana", extend("b1", 60)); // in the grace: from now on
    world.wait(59);
    assert_eq!(world.room("ada"), "b1");
    world.wait(6);
    assert_eq!(world.room("ada"), MAIN);
    world.does("hana", go(&["bob"], "b1"));
    world.does("ada", join("b1", RoomRole::Participant));
    world.does("hana", Request::Stop { grace_s: None });
    world.does("hana", START);
    assert_eq!(world.room("ada"), "b1");
}

#[test]
fn an_invitation_ends_with_the_room_closed() {
    let mut world = world(Rules::default());
    world.does("hana", START);
    world.does("hana", extend("b1", 5));
    let invite = |force| {
        let (clients, room_id) = (names(&["cyd"]), "b1".into());
        Request::Invite(Invite { clients, room_id, force, timeout_s: None })
    };
    world.does("hana", go(&["cyd"], MAIN));
    world.does("hana", invite(Some(false)));
    world.wait(6);
    assert!(world.meeting.invitations_of("cyd").is_empty());
    world.does("hana", invite(Some(false))); // and a new one opens it
    world.does("cyd", join("b1", RoomRole::Participant));
}

#[test]
fn a_meeting_without_breakouts_has_no_way_into_one() {
    let lecture = Rules { lecture: true, breakout_in_lecture: false, ..Rules::default() };
    let phones = Rules { hybrid: true, breakout_in_hybrid: false, ..Rules::default() };
    let none = Rules { breakouts: false, ..Rules::default() };
    for (rules, field, number) in [
        (none, "breakouts", code::FORBIDDEN),
        (phones, "breakout_in_hybrid", code::FORBIDDEN),
        (lecture, "breakout_in_lecture", code::LECTURE),
    ] {
        let mut world = world(Rules::default());
        world.does("hana", go(&["ada"], "b1"));
        let refused = world.not("server", Request::Configure(rules));
        assert_eq!(refused, (code::CONFLICT, field.to_owned()), "somebody is inside");
        world.does("ada", Request::Leave);
        world.does("server", Request::Configure(rules));
        let clients = || names(&["ada"]);
        let room_id = || "b1".to_owned();
        let force = Some(true);
        for request in [
            go(&["ada"], "b1"),
            join("b1", RoomRole::Participant),
            Request::Invite(Invite {
                clients: clients(),
                room_id: room_id(),
                force,
                timeout_s: None,
            }),
            Request::Assign { room_id: room_id(), clients: clients() },
            Request::Shuffle { strategy: Strategy::Even, seed: None },
            Request::Group { attribute: "team".into(), seed: None },
            START,
            create(1, Media::ALL),
            one_room(None, Media::ALL),
        ] {
            assert_eq!(world.not("hana", request.clone()).0, number, "{field}: {request:?}");
        }
        let straight = Enter { room: Some("b1".into()), ..enter("dan", "participant") };
        assert_eq!(world.not("server", Request::Enter(straight)).0, number);
        world.does("hana", Request::Delete { room_id: room_id() });
    }
}

#[test]
fn who_belongs_nowhere_is_expected_nowhere() {
    let mut world = world(Rules { forget_groups: true, ..Rules::default() });
    let list = "room_name,first_name,last_name,email\nRoom 1,Ada,,\nRoom 1,Bob,,\n";
    world.does("hana", Request::ImportCsv { text: list.into() });
    let again = |world: &mut World, id: &str| {
        world.does(id, Request::Depart { person: id.into(), reason: "left" });
        world.comes(id, "participant");
        world.meeting.plan().assigned_to(id).cloned()
    };
    assert_eq!(again(&mut world, "ada"), Some("b1".into()), "by the list");
    world.does("hana", Request::Unassign { clients: names(&["ada"]) });
    assert_eq!(again(&mut world, "ada"), None);
    world.does("hana", Request::Exchange { a: "bob".into(), b: "cyd".into() });
    assert_eq!(again(&mut world, "bob"), None);
}

#[test]
fn who_manages_goes_back_by_themselves() {
    let mut world = World::new(Rules::default(), true); // where a moderator has no breakout.parent
    world.comes("mo", "moderator");
    world.does("mo", create(1, Media::ALL));
    for back in [Request::Leave, Request::LeaveAll] {
        world.does("mo", join("b1", RoomRole::Participant));
        world.does("mo", back);
        assert_eq!(world.room("mo"), MAIN);
    }
    let stage = Roles::stage();
    let moderator = stage.named(&RoleName::new("moderator")).expect("shipped");
    assert!(moderator.permissions.has(ringfence_signaling::rooms::Permission::Parent));
}

#[test]
fn a_short_time_is_said_once() {
    let timers = |outcome: &Outcome| {
        told(outcome, "hana").iter().filter(|event| matches!(event, Event::Timer { .. })).count()
    };
    let mut world = world(Rules { warn_s: 30, ..Rules::default() });
    world.does("hana", START);
    assert_eq!(timers(&world.does("hana", extend(MAIN, 20))), 1, "which is the warning");
    let due = world.meeting.deadline().expect("a timer");
    assert_eq!(due.0, world.now + 20_000, "nothing more is said before its end");
    world.does("hana", extend(MAIN, 20)); // 40 s are left
    assert_eq!(world.meeting.deadline().expect("a timer").0, world.now + 10_000);
    assert_eq!(timers(&world.does("hana", extend("b1", 20))), 1);
}

#[test]
fn a_role_is_seen_in_the_masks() {
    // A listener of few roles hears nobody else, and no main room from inside.
    let mut world = World::new(Rules::default(), true);
    for (id, role) in [("hana", "host"), ("ada", "participant"), ("gil", "guest")] {
        world.comes(id, role);
    }
    let everybody = ["gil", "hana", "ada"].map(Name::from);
    let heard = |world: &World, by| {
        let speakers = world.meeting.speakers(&everybody);
        speakers.heard_by(by).into_iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(heard(&world, "ada"), ["hana", "ada"]);
    world.does("hana", create(1, Media::ALL));
    world.does("hana", go(&["ada"], "b1"));
    assert_eq!(heard(&world, "ada"), ["ada"]);
    let rooms = names(&["b1"]);
    world.does("hana", Request::Monitor { rooms, listen: Listen::All });
    assert_eq!(heard(&world, "hana"), ["gil", "hana", "ada"]);
}
