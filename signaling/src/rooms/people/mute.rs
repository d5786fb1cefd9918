//! Muting oneself and others, and taking people out of the meeting.

use ringfence::route::id::Source;
use serde::{Deserialize, Serialize};

use super::person::{Person, RoomRole};
use crate::rooms::error::RoomError;
use crate::rooms::main_room::Return;
use crate::rooms::turn::Turn;
use crate::rooms::{By, MAIN, Mutable, Name, Permission, is_id};

/// Most people who may not come; above, only those who are here are taken out.
const BANNED_MAX: usize = 10_000;

/// So long the tokens live that `POST /v1/meetings/{meeting}/participants` gives: a year.
pub const TOKEN_S_MAX: u64 = 366 * 24 * 3_600;

/// Somebody who was taken out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ban {
    /// Tokens made until then, in seconds since 1970, let them in no more. 0: it is not known.
    pub void_until_s: u64,
    /// They were added again: later tokens do.
    pub lifted: bool,
}

impl Person {
    /// Mutes a kind or a source, or lets it be heard and seen again. What was withheld on joining a
    /// room is shown with it.
    pub(super) fn mute(&mut self, kind: Mutable, muted: bool) {
        for source in kind.sources() {
            self.muted.set(*source, muted);
            match source {
                Source::Screen => self.no_screen &= muted,
                Source::Canvas => self.no_canvas &= muted,
                _ => {}
            }
        }
    }
}

impl Turn<'_> {
    /// `mute`, `unmute`: all own sources of a kind, or one source.
    ///
    /// # Errors
    /// `FORBIDDEN` for the server.
    pub(in crate::rooms) fn mute(&mut self, kind: Mutable, muted: bool) -> Result<(), RoomError> {
        let me = self.myself()?;
        self.edit(&me, |person| person.mute(kind, muted));
        Ok(())
    }

    /// `people.mute`: somebody else's. They unmute themselves.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`.
    pub(in crate::rooms) fn mute_person(
        &mut self,
        client: &str,
        kind: Mutable,
    ) -> Result<(), RoomError> {
        let other = self.over(client, Permission::MuteOthers)?;
        self.edit(&other, |person| person.mute(kind, true));
        Ok(())
    }

    /// `people.kick`: out of the meeting, not to come back; by a room's moderator who may not do
    /// that, out of the room. The server can do it to somebody who has not come yet: then the token
    /// they have lets them in no more.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`, `CONFLICT`.
    pub(in crate::rooms) fn kick(&mut self, client: &str) -> Result<(), RoomError> {
        let absent = !self.next.people.contains_key(client);
        if *self.by == By::Server && absent && !self.next.is_banned(client) && is_id(client) {
            return self.shut_out(client);
        }
        let other = self.over(client, Permission::Kick)?;
        if !self.may(Permission::Kick) {
            self.recall(&[other], "kicked", Return::Policy);
            return Ok(());
        }
        self.ban(&other);
        self.next.people.remove(&other);
        self.next.invitations.remove(&other);
        self.next.plan.assigned.remove(&other);
        self.why.insert(other, "kicked");
        Ok(())
    }

    /// Somebody who is not here shall not come.
    fn shut_out(&mut self, client: &str) -> Result<(), RoomError> {
        if self.next.banned.len() >= BANNED_MAX {
            let message =
                format!("{BANNED_MAX} people were shut out already; make another meeting");
            return Err(RoomError::conflict(message));
        }
        self.ban(&client.into());
        self.next.plan.assigned.remove(client);
        Ok(())
    }

    /// Somebody who was taken out may come back, by a token made since.
    ///
    /// # Errors
    /// `FORBIDDEN` but for the server.
    pub(in crate::rooms) fn pardon(&mut self, person: &Name) -> Result<(), RoomError> {
        self.only_server()?;
        let now_s = self.now.0 / 1_000;
        if let Some(ban) = self.next.banned.get_mut(person) {
            ban.lifted = true;
            if ban.void_until_s == 0 {
                ban.void_until_s = now_s; // of an older file, which did not say when
            }
        }
        Ok(())
    }

    /// Nobody comes by this id until it is added again, and never by a token made until now.
    fn ban(&mut self, id: &Name) {
        let now_s = self.now.0 / 1_000;
        let matters = |ban: &Ban| !ban.lifted || ban.void_until_s + TOKEN_S_MAX >= now_s;
        self.next.banned.retain(|_, ban| matters(ban));
        // Whoever was added again in the second of the last time has a token of the next one.
        let last = self.next.banned.get(id).map_or(0, |ban| ban.void_until_s + 1);
        self.next.banned.insert(id.clone(), Ban { void_until_s: now_s.max(last), lifted: false });
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
