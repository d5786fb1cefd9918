//! Which role may do what, by a table of words that shares nothing with the engine's (`cast`).

use ringfence_signaling::rooms::{By, MAIN, Meeting, Request, RoomRole};

use crate::cast::{self, may};
use crate::polls::Polls;

/// A request was granted: was that right?
pub fn check(old: &Meeting, new: &Meeting, polls: &Polls, by: &By, request: &Request) {
    let By::Person(id) = by else { return };
    let role = old.person(id).expect("who asks is here").role.as_str();
    let granted = is_permitted(old, new, id, request) && polled(old, polls, by, request);
    assert!(granted, "{id}, a {role}, was granted {request:?}");
}

#[allow(clippy::too_many_lines, reason = "one line a request")]
fn is_permitted(old: &Meeting, new: &Meeting, id: &str, request: &Request) -> bool {
    let person = old.person(id).expect("who asks is here");
    let may = |word: &str| may(old, id, word);
    let manages = may("breakout.manage");
    let owns = |room: &str| {
        old.breakout(room).is_some_and(|room| room.owner.as_deref().is_some_and(|by| by == id))
    };
    // Never over somebody who may more.
    let above =
        |client: &str| old.person(client).is_some_and(|other| cast::of(old, other).is_within(&may));
    // A room whose time was over is opened by who manages.
    let open = |room: &str| manages || old.breakout(room).is_none_or(|room| !room.closed);
    let moderates = |client: &str| {
        person.room_role == RoomRole::Moderator
            && *person.room != *MAIN
            && old.person(client).is_some_and(|other| other.room == person.room)
    };
    match request {
        Request::Enter(_) | Request::Tick | Request::End => false,
        Request::SetRoles(_) | Request::Configure(_) => false,
        Request::Reconfigure { .. } | Request::ExchangeRoles { .. } => false,
        Request::Pardon { .. } => false,
        Request::Depart { person, .. } => **person == *id,
        Request::Create(_)
        | Request::CreateAndInvite { .. }
        | Request::Assign { .. }
        | Request::Unassign { .. }
        | Request::Shuffle { .. }
        | Request::Group { .. }
        | Request::PutPlan(_)
        | Request::ImportCsv { .. }
        | Request::Rename { .. }
        | Request::Delete { .. }
        | Request::Reset
        | Request::Start { .. }
        | Request::Stop { .. }
        | Request::Extend { .. }
        | Request::Exchange { .. }
        | Request::ClearAll
        | Request::DestroyAll => manages,
        Request::ChangeRole { client, role, .. } => {
            may("role.change") && above(client) && cast::named(old, role).is_within(&may)
        }
        Request::Invite(invite) => manages || owns(&invite.room_id) && open(&invite.room_id),
        Request::MutePerson { client, .. } => {
            (may("people.mute") || moderates(client)) && above(client)
        }
        // Out of the room, by its moderator; out of the meeting only by who may that.
        Request::Kick { client } => {
            let stays = new.person(client).is_some_and(|other| *other.room == *MAIN);
            (may("people.kick") || moderates(client) && stays) && above(client)
        }
        Request::Move { clients, room_id } => {
            let only_me = clients.iter().all(|client| **client == *id);
            let way = if room_id == MAIN { "breakout.parent" } else { "breakout.switch" };
            manages || only_me && may(way) && open(room_id)
        }
        Request::JoinRoom(join) => {
            let invited = old.invitations_of(id).iter().any(|room| **room == *join.room_id);
            let assigned = old.plan().is_started()
                && old.plan().assigned_to(id).is_some_and(|room| **room == *join.room_id);
            let moderator = join.role == RoomRole::Moderator;
            let owns = owns(&join.room_id);
            let way_in = may("breakout.switch") || manages || invited || assigned || owns;
            way_in && open(&join.room_id) && (!moderator || manages || owns)
        }
        Request::Broadcast { .. } => may("breakout.broadcast"),
        Request::Announce(sources) => may("voice.announce") || sources.is_none(),
        Request::Monitor { rooms, .. } => may("voice.monitor") || rooms.is_empty(),
        Request::Whisper { to } => may("voice.whisper") || to.is_none(),
        Request::HelpReset { .. } => manages || may("help.answer"),
        Request::PollCreate { rooms, .. } => {
            let others = rooms.iter().flatten().any(|room| **room != *person.room);
            may("poll.create") && (!others || manages)
        }
        Request::Chat { to, .. } => {
            let elsewhere = |to: &String| old.room(to).is_some_and(|room| room != person.room);
            may("chat") && (manages || !to.as_ref().is_some_and(elsewhere))
        }
        Request::Leave | Request::LeaveAll => manages || may("breakout.parent"),
        Request::PollClose { .. }
        | Request::PollVote { .. }
        | Request::HelpAsk
        | Request::Reject { .. }
        | Request::Mute { .. }
        | Request::AnswerRole { .. }
        | Request::PauseMain { .. }
        | Request::MuteMain { .. } => true,
    }
}

/// One votes in polls of one's room, and closes one's own, or those of others who manages.
fn polled(old: &Meeting, polls: &Polls, by: &By, request: &Request) -> bool {
    let By::Person(id) = by else { return true };
    match request {
        Request::PollVote { poll, .. } => {
            let room = &old.person(id).expect("here").room;
            polls.is_asked_in(*poll, room)
        }
        Request::PollClose { poll } => {
            polls.is_made_by(*poll, id) || may(old, id, "breakout.manage")
        }
        _ => true,
    }
}
