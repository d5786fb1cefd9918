//! What somebody may see of the meeting as it is now: the answers to `join` and `peers.list`.
//! Written as they are read: in a crowd they are hundreds of kilobytes.

use serde::Serialize;

use super::actor::Actor;
use super::wire::{Answer, as_answer};
use crate::rooms::{
    InvitationView, Millis, Name, ParentView, Permission, Permissions, PersonView, PollView,
    Publish, RoleAsked, RoleName, RoomCount, RoomView, VoiceView,
};
use crate::tokens::unix_now_ms;

/// People and rooms, as far as somebody may see them.
#[derive(Serialize)]
struct List {
    rooms: Vec<RoomView>,
    participants: Vec<PersonView>,
    revision: u64,
    state: &'static str,
    /// Beside `ends_at`: clocks of clients differ.
    now: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<Millis>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    voices: Vec<VoiceView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    polls: Vec<PollView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invitations: Vec<Name>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invited: Vec<InvitationView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room_counts: Option<Vec<RoomCount>>,
}

/// Somebody's own part of the answer to `join`.
#[derive(Serialize)]
struct Joined<'a> {
    #[serde(flatten)]
    list: List,
    participant: &'a Name,
    meeting: &'a Name,
    room: &'a Name,
    role: &'a RoleName,
    parent: ParentView,
    permissions: Permissions,
    publish: &'a Publish,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_asked: Option<Asked<'a>>,
    /// Roles of the meeting, for who may give them to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<&'a RoleName>>,
    resumed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<&'static str>,
    seq: u64,
}

#[derive(Serialize)]
struct Asked<'a> {
    role: &'a RoleName,
    requestor: &'a Name,
}

/// What `join` is answered beside what somebody sees.
pub(super) struct Joining {
    /// Their peer is still there.
    pub resumed: bool,
    /// After `resume`: whether what they missed came as `events`, or this is the `snapshot`.
    pub resume: Option<&'static str>,
}

impl Actor {
    /// The answer to `join`.
    pub(super) fn joined(&self, person: &Name, joining: &Joining) -> Answer {
        let (list, Some(me)) = (self.seen(person), self.model.person(person)) else {
            return self.list(person);
        };
        let (role, asked) = (self.model.role_of(me), me.role_asked.as_ref());
        let permissions = self.model.permissions(me);
        let gives = permissions.has(Permission::ChangeRole);
        let roles = || self.model.roles().all().iter().map(|role| &role.name).collect();
        as_answer(&Joined {
            list,
            participant: person,
            meeting: self.name(),
            room: &me.room,
            role: &me.role,
            parent: self.model.parent_view(person),
            permissions,
            publish: &role.publish,
            role_asked: asked.map(|RoleAsked { role, by }| Asked { role, requestor: by }),
            roles: gives.then(roles),
            resumed: joining.resumed,
            resume: joining.resume,
            seq: self.seq,
        })
    }

    /// The answer to `peers.list`.
    pub(super) fn list(&self, person: &Name) -> Answer {
        as_answer(&self.seen(person))
    }

    fn seen(&self, person: &Name) -> List {
        let viewer = self.model.viewer(person);
        let (session, now) = (self.model.plan().session(), unix_now_ms());
        let invited = self.model.invitations_for(person, Millis(now));
        List {
            rooms: self.model.rooms_for(&viewer),
            participants: self.model.people_for(&viewer),
            revision: self.model.revision(),
            state: session.word(),
            now,
            ends_at: session.ends_at(),
            voices: self.model.voices_for(person),
            polls: self.model.polls_for(person),
            invitations: invited.iter().map(|one| one.room_id.clone()).collect(),
            invited,
            room_counts: self.model.sees_counts(person).then(|| self.model.room_counts()),
        }
    }
}
