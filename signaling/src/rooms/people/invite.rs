//! Invitations: asked, forced, rejected, lapsed (1.5).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rooms::error::RoomError;
use crate::rooms::event::Event;
use crate::rooms::timer::Millis;
use crate::rooms::turn::Turn;
use crate::rooms::{Consent, MAIN, Meeting, Name, Permission};

/// Somebody was asked into a room and has not answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Invitation {
    /// Into which room.
    pub room: Name,
    /// By whom.
    pub by: Name,
    /// When it lapses.
    pub expires: Option<Millis>,
}

/// An invitation for the invited, who comes while it is open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct InvitationView {
    /// Into which room.
    pub room_id: Name,
    /// What it is called.
    pub name: Name,
    /// By whom.
    pub requestor: Name,
    /// In how many seconds it lapses; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false)]
    pub expires_s: Option<u64>,
}

impl Meeting {
    /// What somebody is invited to, as `breakout_invited` said it.
    pub fn invitations_for(&self, id: &str, now: Millis) -> Vec<InvitationView> {
        let own = self.invitations.get(id).into_iter().flatten();
        let view = |one: &Invitation| InvitationView {
            room_id: one.room.clone(),
            name: self.breakout(&one.room).map_or_else(|| one.room.clone(), |to| to.name.clone()),
            requestor: one.by.clone(),
            expires_s: one.expires.map(|at| now.seconds_to(at)),
        };
        own.map(view).collect()
    }
}

/// What `breakout.invite` asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invite {
    /// Whom.
    pub clients: Vec<String>,
    /// Into which breakout.
    pub room_id: String,
    /// Moves them at once; absent: as the meeting's rules say (Q14).
    pub force: Option<bool>,
    /// After how many seconds it lapses; absent: as the rules say.
    pub timeout_s: Option<u32>,
}

impl Turn<'_> {
    /// `breakout.invite`: by those who manage, and by the owner of the room.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`, `ROOM_FULL`, `CONFLICT`.
    pub(in crate::rooms) fn invite(&mut self, invite: &Invite) -> Result<(), RoomError> {
        let room = self.breakout_named(&invite.room_id, "room_id");
        let owner = room.as_ref().ok().and_then(|room| self.next.breakout(room)?.owner.clone());
        if owner != Some(self.asker()) {
            self.require(Permission::Manage)?;
        }
        let room = room?;
        self.check_door(self.may(Permission::Manage), &room, "room_id")?;
        self.check_from_main("invite")?;
        let mut people = self.people_named(&invite.clients, "clients")?;
        people.retain(|id| self.next.people.get(id).is_some_and(|person| person.room != room));
        for id in &people {
            self.check_way(id, &room)?;
        }
        if invite.force.unwrap_or(self.next.rules.consent == Consent::Force) {
            self.check_capacity(&room, &people, "clients")?;
            self.force_people(&room, &people);
        } else {
            self.ask_people(&room, &people, invite.timeout_s);
        }
        Ok(())
    }

    /// From inside a breakout there is no creating or inviting (C4, I1).
    pub(in crate::rooms) fn check_from_main(&self, what: &str) -> Result<(), RoomError> {
        let inside = self.next.people.get(&self.asker()).is_some_and(|person| person.room != *MAIN);
        if inside && *self.by != crate::rooms::By::Server {
            let message = format!("{what} from the main room only; you are in a breakout");
            return Err(RoomError::conflict(message));
        }
        Ok(())
    }

    /// Moves people, who are told that it begins.
    pub(in crate::rooms) fn force_people(&mut self, room: &Name, people: &[Name]) {
        if people.is_empty() {
            return;
        }
        let (room_id, requestor) = (room.clone(), self.asker());
        self.tell(people.to_vec(), Event::BreakoutJoining { room_id, requestor });
        self.tell_invited(room, people, None);
        for id in people {
            self.place(id, room, "moved");
            self.note_group(id, room);
        }
    }

    /// Asks people.
    pub(in crate::rooms) fn ask_people(
        &mut self,
        room: &Name,
        people: &[Name],
        timeout_s: Option<u32>,
    ) {
        if people.is_empty() {
            return;
        }
        self.open_room(room);
        let timeout_s = timeout_s.or(self.next.rules.invite_timeout_s).map(u64::from);
        let expires = timeout_s.map(|seconds| self.now.after_s(seconds));
        let requestor = self.asker();
        for id in people {
            let own = self.next.invitations.entry(id.clone()).or_default();
            own.retain(|invitation| invitation.room != *room);
            own.push(Invitation { room: room.clone(), by: requestor.clone(), expires });
        }
        let event = self.invited(room, Vec::new(), timeout_s);
        self.tell(people.to_vec(), event);
        self.tell_invited(room, people, timeout_s);
    }

    /// Tells the inviter and those who manage (I4, Q8).
    fn tell_invited(&mut self, room: &Name, people: &[Name], expires_s: Option<u64>) {
        let event = self.invited(room, people.to_vec(), expires_s);
        let mut to = self.interested(room);
        to.extend(self.next.people.get_key_value(&self.asker()).map(|(id, _)| id.clone()));
        self.tell(to, event);
    }

    fn invited(&self, room: &Name, clients: Vec<Name>, expires_s: Option<u64>) -> Event {
        let name = self.next.breakout(room).map_or_else(|| room.clone(), |room| room.name.clone());
        let (room_id, requestor) = (room.clone(), self.asker());
        Event::BreakoutInvited { room_id, name, requestor, clients, expires_s }
    }

    /// The room's owner and everybody who manages.
    pub(in crate::rooms) fn interested(&self, room: &Name) -> Vec<Name> {
        let mut to = self.next.managers();
        let owner = self.next.breakout(room).and_then(|room| room.owner.clone());
        to.extend(owner.filter(|owner| self.next.people.contains_key(owner)));
        to
    }

    /// `breakout.reject`.
    ///
    /// # Errors
    /// `CONFLICT` without an invitation.
    pub(in crate::rooms) fn reject(&mut self, room_id: &str) -> Result<(), RoomError> {
        let me = self.myself()?;
        let own = self.next.invitations.get(&me).into_iter().flatten();
        let mut own = own.filter(|invitation| *invitation.room == *room_id);
        let Some(invitation) = own.next().cloned() else {
            let message = format!("you are not invited to room \"{room_id}\"");
            return Err(RoomError { data: Some(field("room_id")), ..RoomError::conflict(message) });
        };
        self.withdraw(&me, &invitation, "rejected");
        Ok(())
    }

    /// Invitations whose time has passed.
    pub(in crate::rooms) fn lapse_invitations(&mut self) {
        let now = self.now;
        self.withdraw_all(|invitation| invitation.expires.is_some_and(|at| at <= now), "timeout");
    }

    /// Invitations into a room that is closed.
    pub(in crate::rooms) fn withdraw_invitations(&mut self, room: &Name) {
        self.withdraw_all(|invitation| invitation.room == *room, "withdrawn");
    }

    /// Invitations into rooms that are gone.
    pub(in crate::rooms) fn end_orphaned_invitations(&mut self) {
        let gone: Vec<Name> = self.gone.keys().cloned().collect();
        if !gone.is_empty() {
            self.withdraw_all(|invitation| gone.contains(&invitation.room), "withdrawn");
        }
        let people = &self.next.people;
        self.next.invitations.retain(|id, own| people.contains_key(id) && !own.is_empty());
    }

    fn withdraw_all(&mut self, which: impl Fn(&Invitation) -> bool, reason: &'static str) {
        let mut found: BTreeMap<Name, Vec<Invitation>> = BTreeMap::new();
        for (id, own) in &self.next.invitations {
            found.insert(id.clone(), own.iter().filter(|one| which(one)).cloned().collect());
        }
        for (id, invitations) in found {
            for invitation in invitations {
                self.withdraw(&id, &invitation, reason);
            }
        }
    }

    /// An invitation comes to nothing: told to the invited, the inviter and those who manage.
    fn withdraw(&mut self, id: &Name, invitation: &Invitation, reason: &'static str) {
        if let Some(own) = self.next.invitations.get_mut(id) {
            own.retain(|other| other != invitation);
        }
        let Some(person) = self.next.people.get(id) else { return };
        let (client_id, name) = (id.clone(), person.name.clone());
        let mut to = self.interested(&invitation.room);
        to.extend(self.next.people.get_key_value(&invitation.by).map(|(by, _)| by.clone()));
        to.push(id.clone());
        let room_id = invitation.room.clone();
        self.tell(to, Event::InviteRejected { room_id, client_id, name, reason });
    }
}

fn field(name: &str) -> serde_json::Value {
    serde_json::json!({ "field": name })
}
