//! What can be asked of a meeting: a closed set, for JSON-RPC, REST and whoever else.

use serde::Serialize;
use utoipa::ToSchema;

use super::changes::Changes;
use super::error::RoomError;
use super::event::Notice;
use super::masks::{self, Step};
use super::meeting::Meeting;
use super::people::{Enter, Invite, JoinRoom};
use super::plan::{Create, PutPlan, Strategy};
use super::timer::Millis;
use super::turn::Turn;
use super::voices::{Announced, Listen, Target};
use super::{Consent, Mutable, Muted, Name, RoleName, Roles, Rules, telling};

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum By {
    /// The server: an operator's token, a timer. May everything.
    Server,
    /// Somebody in the meeting.
    Person(Name),
}

/// One request.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "FEATURES.md 1.20 says of each what it does")]
pub enum Request {
    /// Somebody joins, or joins again with another token.
    Enter(Enter),
    /// Somebody leaves the meeting, or is lost.
    Depart {
        person: Name,
        reason: &'static str,
    },
    /// The meeting is over, also if it was made ahead: everybody leaves it.
    End,
    /// Something may be due: see [`Meeting::deadline`].
    Tick,
    /// Other limits and policies from now on.
    Configure(Rules),
    /// Other roles from now on.
    SetRoles(Roles),
    /// Other limits and policies, if they still are as they were read.
    Reconfigure {
        from: Rules,
        to: Rules,
    },
    /// Other roles, if they still are as they were read.
    ExchangeRoles {
        from: Roles,
        to: Roles,
    },
    /// Somebody who was taken out may come back.
    Pardon {
        person: Name,
    },
    /// Another plan in the place of the present one.
    PutPlan(PutPlan),

    Create(Create),
    CreateAndInvite {
        create: Create,
        force: Option<bool>,
    },
    Assign {
        room_id: String,
        clients: Vec<String>,
    },
    Unassign {
        clients: Vec<String>,
    },
    Shuffle {
        strategy: Strategy,
        seed: Option<u64>,
    },
    /// As `Shuffle`: who has the same value of an attribute goes to the same room.
    Group {
        attribute: String,
        seed: Option<u64>,
    },
    ImportCsv {
        text: String,
    },
    Rename {
        room_id: String,
        name: String,
    },
    Delete {
        room_id: String,
    },
    Reset,
    Start {
        consent: Option<Consent>,
        timer_s: Option<u32>,
    },
    Stop {
        grace_s: Option<u32>,
    },
    Extend {
        seconds: u32,
        room_id: Option<String>,
    },

    Invite(Invite),
    JoinRoom(JoinRoom),
    Reject {
        room_id: String,
    },
    Leave,
    Move {
        clients: Vec<String>,
        room_id: String,
    },
    Exchange {
        a: String,
        b: String,
    },
    LeaveAll,
    ClearAll,
    DestroyAll,
    Mute {
        kind: Mutable,
        muted: bool,
    },
    MutePerson {
        client: String,
        kind: Mutable,
    },
    Kick {
        client: String,
    },
    ChangeRole {
        client: String,
        role: RoleName,
        force: bool,
    },
    AnswerRole {
        accept: bool,
    },

    PauseMain {
        paused: bool,
    },
    MuteMain {
        kinds: Muted,
        muted: bool,
    },

    Broadcast {
        text: String,
        rooms: Option<Vec<String>>,
    },
    Announce(Announced),
    Whisper {
        to: Option<Target>,
    },
    Monitor {
        rooms: Vec<String>,
        listen: Listen,
    },
    HelpAsk,
    HelpReset {
        room_id: String,
    },
    Chat {
        text: String,
        to: Option<String>,
    },
    PollCreate {
        question: String,
        options: Vec<String>,
        rooms: Option<Vec<String>>,
    },
    PollVote {
        poll: u64,
        option: usize,
    },
    PollClose {
        poll: u64,
    },
}

impl Request {
    /// Whether it only takes something away, from people or of what is open: that goes on where
    /// nothing new can be granted.
    pub fn takes_away(&self) -> bool {
        match self {
            Request::Depart { .. }
            | Request::End
            | Request::Tick
            | Request::Stop { .. }
            | Request::Reject { .. }
            | Request::Leave
            | Request::LeaveAll
            | Request::ClearAll
            | Request::DestroyAll
            | Request::MutePerson { .. }
            | Request::Kick { .. } => true,
            Request::Mute { muted, .. } | Request::MuteMain { muted, .. } => *muted,
            Request::PauseMain { paused } => *paused,
            Request::Announce(sources) => sources.is_none(),
            Request::Whisper { to } => to.is_none(),
            Request::Monitor { rooms, .. } => rooms.is_empty(),
            _ => false,
        }
    }
}

/// What the one who asked is answered.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, ToSchema)]
pub struct Reply {
    /// 0, where the seeds have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<i32>,
    /// The seeds' words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub msg: Option<&'static str>,
    /// Rooms that were created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<Name>>,
    /// How many people a CSV names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<usize>,
    /// A poll that was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<u64>,
    /// The plan's new revision, if it changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
}

impl Reply {
    pub(super) fn done(&mut self, msg: &'static str) {
        (self.result, self.msg) = (Some(0), Some(msg));
    }
}

/// What a request brings about.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// For the one who asked.
    pub reply: Reply,
    /// For the relay.
    pub steps: Vec<Step>,
    /// For people, in order, once the relay took the steps.
    pub notices: Vec<Notice>,
}

impl Meeting {
    /// Tries a request: the meeting afterwards and what comes of it, or why not.
    ///
    /// # Errors
    /// A code of FEATURES.md 1.17 or of JSON-RPC's range; nothing changed.
    pub fn handle(
        &self,
        by: &By,
        request: Request,
        now: Millis,
        seed: u64,
    ) -> Result<(Meeting, Outcome), RoomError> {
        let mut turn = Turn::new(self, by, now, seed);
        act(&mut turn, request)?;
        turn.settle();
        let changes = Changes::between(self, &turn.next);
        let mut notices = telling::movements(&turn, &changes);
        let steps = masks::steps(self, &turn.next, &changes);
        let Turn { next, before, after, mut reply, .. } = turn;
        if next.plan.revision != self.plan.revision {
            reply.revision = Some(next.plan.revision);
        }
        notices.splice(0..0, before);
        notices.extend(after);
        notices.retain(|notice| !notice.to.is_empty());
        Ok((next, Outcome { reply, steps, notices }))
    }
}

fn act(turn: &mut Turn<'_>, request: Request) -> Result<(), RoomError> {
    turn.present()?;
    match request {
        Request::Enter(enter) => turn.enter(enter),
        Request::Depart { person, reason } => turn.depart(&person, reason),
        Request::End => turn.end(),
        Request::Tick => turn.tick(),
        Request::Configure(rules) => turn.configure(rules),
        Request::SetRoles(roles) => turn.set_roles(roles),
        Request::Reconfigure { from, to } => turn.reconfigure(from, to),
        Request::ExchangeRoles { from, to } => turn.exchange_roles(&from, to),
        Request::Pardon { person } => turn.pardon(&person),
        Request::PutPlan(plan) => turn.put_plan(plan),
        Request::Create(create) => turn.create(&create),
        Request::CreateAndInvite { create, force } => turn.create_and_invite(&create, force),
        Request::Assign { room_id, clients } => turn.assign(&room_id, &clients),
        Request::Unassign { clients } => turn.unassign(&clients),
        Request::Shuffle { strategy, seed } => turn.shuffle(strategy, seed),
        Request::Group { attribute, seed } => turn.group(&attribute, seed),
        Request::ImportCsv { text } => turn.import_csv(&text),
        Request::Rename { room_id, name } => turn.rename(&room_id, &name),
        Request::Delete { room_id } => turn.delete(&room_id),
        Request::Reset => turn.reset(),
        Request::Start { consent, timer_s } => turn.start(consent, timer_s),
        Request::Stop { grace_s } => turn.stop(grace_s),
        Request::Extend { seconds, room_id } => turn.extend(seconds, room_id.as_deref()),
        Request::Invite(invite) => turn.invite(&invite),
        Request::JoinRoom(join) => turn.join_room(&join),
        Request::Reject { room_id } => turn.reject(&room_id),
        Request::Leave => turn.leave_breakout(),
        Request::Move { clients, room_id } => turn.move_people(&clients, &room_id),
        Request::Exchange { a, b } => turn.exchange(&a, &b),
        Request::LeaveAll => turn.leave_all(),
        Request::ClearAll => turn.clear_all(),
        Request::DestroyAll => turn.destroy_all(),
        Request::Mute { kind, muted } => turn.mute(kind, muted),
        Request::MutePerson { client, kind } => turn.mute_person(&client, kind),
        Request::Kick { client } => turn.kick(&client),
        Request::ChangeRole { client, role, force } => turn.change_role(&client, role, force),
        Request::AnswerRole { accept } => turn.answer_role(accept),
        Request::PauseMain { paused } => turn.pause_main(paused),
        Request::MuteMain { kinds, muted } => turn.mute_main(kinds, muted),
        Request::Broadcast { text, rooms } => turn.broadcast(text, rooms.as_deref()),
        Request::Announce(sources) => turn.announce(sources),
        Request::Whisper { to } => turn.whisper(to),
        Request::Monitor { rooms, listen } => turn.monitor(&rooms, listen),
        Request::HelpAsk => turn.help_ask(),
        Request::HelpReset { room_id } => turn.help_reset(&room_id),
        Request::Chat { text, to } => turn.chat(text, to.as_deref()),
        Request::PollCreate { question, options, rooms } => {
            turn.poll_create(question, options, rooms.as_deref())
        }
        Request::PollVote { poll, option } => turn.poll_vote(poll, option),
        Request::PollClose { poll } => turn.poll_close(poll),
    }
}
