//! Which role may do what, by a table of words that shares nothing with the engine's.

use ringfence_signaling::rooms::{By, Meeting, Request, RoomRole};

const MANAGE: &[&str] = &["host", "co-host", "moderator"];
const SPEAK: &[&str] = &["host", "co-host", "moderator", "speaker"];

/// A request was granted: was that right?
pub fn check(meeting: &Meeting, by: &By, request: &Request) {
    let By::Person(id) = by else { return };
    let person = meeting.person(id).expect("who asks is here");
    let is = |roles: &[&str]| roles.contains(&person.role.as_str());
    let rules = meeting.rules();
    let owns =
        |room: &str| meeting.breakout(room).is_some_and(|room| room.owner.as_ref() == Some(id));
    let moderates = |client: &str| {
        person.room_role == RoomRole::Moderator
            && meeting.person(client).is_some_and(|other| other.room == person.room)
    };
    let permitted = match request {
        Request::Enter(_) | Request::Tick | Request::End => false,
        Request::SetRoles(_) | Request::Configure(_) => false,
        Request::Reconfigure { .. } | Request::ExchangeRoles { .. } => false,
        Request::Pardon { .. } => false,
        Request::Depart { person, .. } => person == id,
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
        | Request::DestroyAll
        | Request::ChangeRole { .. } => is(MANAGE),
        Request::Invite(invite) => is(MANAGE) || owns(&invite.room_id),
        Request::MutePerson { client, .. } | Request::Kick { client } => {
            is(MANAGE) || moderates(client)
        }
        Request::Move { clients, room_id } => {
            let only_me = clients.iter().all(|client| **client == **id);
            is(MANAGE) || only_me && (room_id == "main" || is(SPEAK) || rules.free_move)
        }
        Request::JoinRoom(join) => {
            let invited = meeting.invitations_of(id).iter().any(|room| **room == *join.room_id);
            let assigned = meeting.plan().is_started()
                && meeting.plan().assigned_to(id).is_some_and(|room| **room == *join.room_id);
            let moderator = join.role == RoomRole::Moderator;
            let way_in = is(SPEAK) || rules.free_move || invited || assigned || owns(&join.room_id);
            way_in && (!moderator || is(MANAGE) || owns(&join.room_id))
        }
        Request::Broadcast { .. } => is(SPEAK) || rules.everyone_can_broadcast,
        Request::Announce(sources) => is(MANAGE) || sources.is_none(),
        Request::Monitor { rooms, .. } => is(MANAGE) || rooms.is_empty(),
        Request::Whisper { to } => is(SPEAK) || to.is_none(),
        Request::HelpReset { .. } | Request::PollCreate { .. } => is(SPEAK),
        Request::PollClose { .. }
        | Request::PollVote { .. }
        | Request::Chat { .. }
        | Request::HelpAsk
        | Request::Reject { .. }
        | Request::Leave
        | Request::LeaveAll
        | Request::Mute { .. }
        | Request::AnswerRole { .. }
        | Request::PauseMain { .. }
        | Request::MuteMain { .. } => true,
    };
    assert!(permitted, "{id}, a {}, was granted {request:?}", person.role.as_str());
}
