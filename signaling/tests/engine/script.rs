//! Random requests. Numbers choose among people and rooms, so that a failure shrinks well.

use proptest::prelude::*;
use ringfence_signaling::rooms::{
    Announced, By, Consent, Create, EmptyTtl, Enter, Invite, JoinRoom, Late, Listen, MAIN, Media,
    Meeting, Mutable, Muted, OnEnter, OnReturn, PutPlan, PutRoom, Request, RoleName, RoomRole,
    Rules, Strategy as Spread, Target,
};

use crate::cast;

/// Most people of a script.
const PEOPLE: u8 = 8;
/// Role by person: p0 is host, p1 speaker, and so on. What they may: `cast`.
const ROLES: [&str; 8] = [
    "host",
    "speaker",
    "moderator",
    "participant",
    "participant",
    "guest",
    "audience",
    "participant",
];

/// Most kinds of requests a line chooses among.
const KINDS: u8 = 55;

/// One request, as numbers.
#[derive(Clone, Debug)]
pub struct Line {
    pub what: u8,
    pub who: u8,
    pub a: u8,
    pub b: u8,
    pub c: u8,
    pub wait: u8,
}

pub fn lines(count: usize) -> impl Strategy<Value = Vec<Line>> {
    let numbers = (any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>(), 0u8..40);
    let line = numbers.prop_map(|(what, who, a, b, c, wait)| Line { what, who, a, b, c, wait });
    prop::collection::vec(line, 1..count)
}

/// Everybody joins, there are rooms, and the host speaks to all of them.
pub fn opening() -> Vec<Line> {
    let line = |what, who, a| Line { what, who, a, b: 0, c: 0, wait: 0 };
    let joins = (0..PEOPLE).map(|who| Line { b: 1, ..line(0, who, who) });
    joins.chain([line(2, 0, 3), line(36, 0, 0)]).collect()
}

pub fn rules() -> impl Strategy<Value = Rules> {
    let policies = (0usize..5, 0usize..3, 0usize..3, 0usize..3);
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let times = (prop::option::of(0u32..20), prop::option::of(1u32..20), 0u32..10, 0u32..10);
    (policies, flags, times).prop_map(|(policies, flags, times)| {
        use OnEnter::{Duck, Keep, MuteAudio, MuteVideo, Pause};
        Rules {
            breakout_rooms_max: 5,
            on_enter: [Keep, Duck, MuteAudio, MuteVideo, Pause][policies.0],
            on_return: [OnReturn::AutoResume, OnReturn::AutoResumeUnmute, OnReturn::Manual]
                [policies.1],
            late: [Late::Main, Late::Ask, Late::Assign][policies.2],
            consent: [Consent::Ask, Consent::Force, Consent::AutoOnStart][policies.3],
            direct_move: flags.0,
            free_move: flags.1,
            everyone_can_broadcast: flags.2,
            forget_groups: flags.3,
            empty_ttl_s: times.0,
            invite_timeout_s: times.1,
            warn_s: times.2,
            grace_s: times.3,
            ..Rules::default()
        }
    })
}

fn person(number: u8) -> String {
    format!("p{}", number % (PEOPLE + 1)) // one of them never joins
}

fn room(meeting: &Meeting, number: u8) -> String {
    let mut rooms: Vec<String> = vec![MAIN.to_owned(), "b999".to_owned()];
    let all = meeting.breakouts().map(|room| room.id.to_string());
    let all: Vec<String> = all.collect();
    rooms.extend(all.iter().cloned());
    rooms.extend(all);
    rooms[usize::from(number) % rooms.len()].clone()
}

#[allow(clippy::too_many_lines, reason = "one line a request")]
pub fn request(meeting: &Meeting, line: &Line) -> (By, Request) {
    let Line { what, who, a, b, c, .. } = *line;
    let me = person(who);
    let some_room = || room(meeting, a);
    let clients = || match c % 3 {
        0 => vec![person(b)],
        1 => vec![person(b), person(c)],
        _ => vec![person(b), person(b.wrapping_add(1)), person(b.wrapping_add(2))],
    };
    let some = |number: u8| number.is_multiple_of(2);
    let by = if c % 16 == 15 { By::Server } else { By::Person(me.as_str().into()) };
    let request = match what % KINDS {
        0 | 1 => return (By::Server, Request::Enter(enter(meeting, who % PEOPLE, a, b))),
        2 | 3 => Request::Create(create(a, b)),
        4 => Request::CreateAndInvite {
            create: create(a, b),
            force: [None, Some(true)][usize::from(c % 2)],
        },
        5 | 6 => Request::Assign { room_id: some_room(), clients: clients() },
        7 => Request::Unassign { clients: clients() },
        8 => {
            let strategy = [Spread::Random, Spread::Even, Spread::ByCapacity][usize::from(a % 3)];
            Request::Shuffle { strategy, seed: some(b).then_some(u64::from(c)) }
        }
        9 => Request::Rename { room_id: some_room(), name: format!("N{b}") },
        10 if some(b) => Request::Delete { room_id: some_room() },
        10 => Request::Reset,
        11..=13 => {
            let consent = [None, Some(Consent::Ask), Some(Consent::Force)][usize::from(a % 3)];
            let timer_s = some(b).then_some(u32::from(c % 30) + 1);
            Request::Start { consent, timer_s }
        }
        14 => Request::Stop { grace_s: some(b).then_some(u32::from(c % 8)) },
        15 | 52..=54 => {
            Request::Extend { seconds: u32::from(c % 20), room_id: some(b).then(some_room) }
        }
        16 | 17 => Request::Invite(Invite {
            clients: clients(),
            room_id: some_room(),
            force: [None, Some(true), Some(false)][usize::from(who % 3)],
            timeout_s: some(b).then_some(u32::from(c % 9) + 1),
        }),
        18..=20 => Request::JoinRoom(JoinRoom {
            room_id: some_room(),
            role: if b.is_multiple_of(5) { RoomRole::Moderator } else { RoomRole::Participant },
            audio: some(b).then_some(some(c)),
            video: some(c).then_some(some(b)),
            screen: (b.is_multiple_of(7)).then_some(some(c)),
            canvas: (b.is_multiple_of(9)).then_some(some(c)),
        }),
        21 => Request::Reject { room_id: some_room() },
        22 => Request::Leave,
        23..=25 => Request::Move { clients: clients(), room_id: some_room() },
        26 => Request::Exchange { a: person(a), b: person(b) },
        27 if some(a) => Request::LeaveAll,
        27 => Request::ClearAll,
        28 if a.is_multiple_of(4) => Request::DestroyAll,
        28 | 29 => Request::Mute { kind: kind(a), muted: some(b) },
        30 => Request::MutePerson { client: person(b), kind: kind(a) },
        31 if a.is_multiple_of(8) => Request::Kick { client: person(b) },
        31 => return (By::Server, Request::Depart { person: me.as_str().into(), reason: "lost" }),
        32 | 48 | 49 => Request::ChangeRole {
            client: person(b),
            role: RoleName::new(ROLES[usize::from(a % 8)]),
            force: some(c),
        },
        33 => Request::AnswerRole { accept: some(a) },
        34 => Request::PauseMain { paused: some(a) },
        35 => Request::MuteMain { kinds: Muted { audio: some(a), video: some(b) }, muted: some(c) },
        36 if some(a) => Request::Announce(Announced {
            voice: some(b),
            camera: some(c),
            screen: a.is_multiple_of(4),
        }),
        36 => Request::Monitor {
            rooms: (0..b % 3).map(|n| room(meeting, c.wrapping_add(n))).collect(),
            listen: match who % 3 {
                0 => Listen::All,
                1 => Listen::Nothing,
                _ => Listen::To(room(meeting, c).as_str().into()),
            },
        },
        37 => Request::Whisper {
            to: match a % 3 {
                0 => None,
                1 => Some(Target::Room(room(meeting, b).as_str().into())),
                _ => Some(Target::Person(person(b).as_str().into())),
            },
        },
        38 if some(a) => Request::HelpAsk,
        38 => Request::HelpReset { room_id: some_room() },
        39 => Request::Broadcast { text: "hear".into(), rooms: some(a).then(|| vec![some_room()]) },
        40 => Request::Chat {
            text: "say".into(),
            to: some(a).then(|| if some(c) { person(b) } else { some_room() }),
        },
        41 | 50 | 51 => poll(meeting, a, b, c),
        42 | 43 => Request::PutPlan(plan(meeting, a, b, c)),
        44 => Request::Group { attribute: "team".into(), seed: None },
        // 45 to 47
        _ => return (outsider(by, c), operate(meeting, what % KINDS, a, b)),
    };
    (by, request)
}

/// The server, mostly: these are refused to everybody else.
fn outsider(by: By, c: u8) -> By {
    if c.is_multiple_of(8) { by } else { By::Server }
}

fn operate(meeting: &Meeting, kind: u8, a: u8, b: u8) -> Request {
    let rules = Rules {
        on_enter: if a.is_multiple_of(2) { OnEnter::Keep } else { OnEnter::Pause },
        free_move: a.is_multiple_of(3),
        everyone_can_broadcast: b.is_multiple_of(2),
        breakouts: !a.is_multiple_of(5),
        lecture: a.is_multiple_of(7),
        breakout_in_lecture: b.is_multiple_of(3),
        ..*meeting.rules()
    };
    match kind {
        45 if a.is_multiple_of(2) => Request::SetRoles(cast::roles(!cast::is_narrow(meeting))),
        45 => {
            let from = cast::roles(b.is_multiple_of(2)); // as it is read; now and then out of date
            Request::ExchangeRoles { from, to: cast::roles(b.is_multiple_of(3)) }
        }
        46 if a.is_multiple_of(2) => Request::Configure(rules),
        46 => Request::Reconfigure { from: *meeting.rules(), to: rules },
        _ => Request::Pardon { person: person(b).as_str().into() },
    }
}

/// Rooms that are there with other sizes and media, perhaps one less, perhaps a new one.
fn plan(meeting: &Meeting, a: u8, b: u8, c: u8) -> PutPlan {
    let kept =
        meeting.breakouts().zip(0u8..).filter(|(_, at)| !a.wrapping_add(*at).is_multiple_of(6));
    let kept = kept.map(|(room, at)| (Some(room.id.to_string()), at));
    let fresh = a.is_multiple_of(4).then_some((None, 7));
    let room = |(id, at): (Option<String>, u8)| {
        let made = create(0, b.wrapping_add(at.wrapping_mul(c)));
        let assigned =
            [a, b, c].into_iter().map(|one| one.wrapping_add(at)).take(usize::from(c % 3));
        PutRoom {
            id,
            name: None,
            capacity: made.participants,
            media: made.media,
            empty_ttl: made.empty_ttl,
            assigned: assigned.map(person).collect(),
            expected: Vec::new(),
        }
    };
    PutPlan { rooms: kept.chain(fresh).map(room).collect() }
}

fn poll(meeting: &Meeting, a: u8, b: u8, c: u8) -> Request {
    match c % 3 {
        0 => Request::PollCreate {
            question: "Which?".into(),
            options: vec!["one".into(), "two".into()],
            rooms: a.is_multiple_of(2).then(|| vec![room(meeting, b)]),
        },
        1 => Request::PollVote { poll: u64::from(a % 4) + 1, option: usize::from(b % 3) },
        _ => Request::PollClose { poll: u64::from(a % 8) + 1 },
    }
}

fn kind(number: u8) -> Mutable {
    const ALL: [Mutable; 7] = [
        Mutable::Audio,
        Mutable::Video,
        Mutable::Microphone,
        Mutable::Camera,
        Mutable::Screen,
        Mutable::ScreenAudio,
        Mutable::Canvas,
    ];
    ALL[usize::from(number) % ALL.len()]
}

fn enter(meeting: &Meeting, who: u8, a: u8, b: u8) -> Enter {
    let id = format!("p{who}");
    let team =
        (!a.is_multiple_of(3)).then(|| ("team".into(), ["red", "blue"][usize::from(a % 2)].into()));
    Enter {
        id: id.as_str().into(),
        name: (b % 3 != 1).then(|| format!("N{who} {}", b % 2).as_str().into()),
        email: None,
        attributes: team.into_iter().collect(),
        role: RoleName::new(ROLES[usize::from(if a < 200 { who } else { a } % 8)]),
        publishes: b < 230,
        subscribes: b < 240,
        issued: meeting.tokens_void_until(&format!("p{who}")).map(|until| until + u64::from(a % 2)),
        room: b.is_multiple_of(16).then(|| room(meeting, a).as_str().into()),
    }
}

fn create(a: u8, b: u8) -> Create {
    let media = Media {
        audio: b % 11 != 5,
        video: b % 3 != 1,
        share: b % 5 != 1,
        canvas: b.is_multiple_of(7),
    };
    Create {
        max_rooms: Some(u64::from(a % 4)),
        names: Vec::new(),
        participants: (b % 2 == 1).then_some(2),
        media,
        empty_ttl: [None, Some(EmptyTtl::NEVER), Some(EmptyTtl::After(0)), None, None]
            [usize::from(b % 5)],
    }
}
