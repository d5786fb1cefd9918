//! Muting oneself and others, and taking people out of the meeting.

use ringfence::wire::media::Kind;

use super::person::{Person, RoomRole};
use crate::rooms::error::RoomError;
use crate::rooms::turn::Turn;
use crate::rooms::{By, MAIN, Name, Permission, is_id};

/// Most people who may not come; above, only those who are here are taken out.
const BANNED_MAX: usize = 10_000;

fn set(person: &mut Person, kind: Kind, muted: bool) {
    match kind {
        Kind::Audio => person.muted.audio = muted,
        Kind::Video => {
            person.muted.video = muted;
            if !muted {
                (person.no_screen, person.no_canvas) = (false, false);
            }
        }
    }
}

impl Turn<'_> {
    /// `mute`, `unmute`: all own sources of a kind.
    ///
    /// # Errors
    /// `FORBIDDEN` for the server.
    pub(in crate::rooms) fn mute(&mut self, kind: Kind, muted: bool) -> Result<(), RoomError> {
        let me = self.myself()?;
        self.edit(&me, |person| set(person, kind, muted));
        Ok(())
    }

    /// `people.mute`: somebody else's. They unmute themselves.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`.
    pub(in crate::rooms) fn mute_person(
        &mut self,
        client: &str,
        kind: Kind,
    ) -> Result<(), RoomError> {
        let other = self.over(client, Permission::MuteOthers)?;
        self.edit(&other, |person| set(person, kind, true));
        Ok(())
    }

    /// `people.kick`: out of the meeting, not to come back. The server can do it to somebody who
    /// has not come yet: then the token they have lets them in no more.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`, `CONFLICT`.
    pub(in crate::rooms) fn kick(&mut self, client: &str) -> Result<(), RoomError> {
        let absent = !self.next.people.contains_key(client);
        if *self.by == By::Server && absent && !self.next.banned.contains(client) && is_id(client) {
            return self.shut_out(client);
        }
        let other = self.over(client, Permission::Kick)?;
        self.next.banned.insert(other.clone());
        self.next.people.remove(&other);
        self.next.invitations.remove(&other);
        self.next.plan.assigned.remove(&other);
        self.why.insert(other, "kicked");
        Ok(())
    }

    /// Somebody who is not here shall not come.
    fn shut_out(&mut self, client: &str) -> Result<(), RoomError> {
        if self.next.banned.len() >= BANNED_MAX {
            let message = format!("{BANNED_MAX} people are shut out already; add some again first");
            return Err(RoomError::conflict(message));
        }
        self.next.banned.insert(client.into());
        self.next.plan.assigned.remove(client);
        Ok(())
    }

    /// Somebody who was taken out may come back.
    ///
    /// # Errors
    /// `FORBIDDEN` but for the server.
    pub(in crate::rooms) fn pardon(&mut self, person: &Name) -> Result<(), RoomError> {
        self.only_server()?;
        self.next.banned.remove(person);
        Ok(())
    }

    /// Somebody over whom one has this right: by role, or as moderator of the breakout both are
    /// in; never over somebody who may more.
    fn over(&self, client: &str, permission: Permission) -> Result<Name, RoomError> {
        let By::Person(me) = self.by else { return self.person_named(client, "client") };
        let Some(own) = self.next.people.get(me) else { return Err(RoomError::lacks(permission)) };
        let other = self.next.people.get(client);
        let moderates = own.room_role == RoomRole::Moderator
            && own.room != *MAIN
            && other.is_some_and(|other| other.room == own.room);
        if !self.may(permission) && !moderates {
            return Err(RoomError::lacks(permission));
        }
        let id = self.person_named(client, "client")?;
        let covers = other
            .is_none_or(|other| self.next.permissions(own).cover(self.next.permissions(other)));
        if covers { Ok(id) } else { Err(RoomError::lacks(Permission::Manage)) }
    }
}
