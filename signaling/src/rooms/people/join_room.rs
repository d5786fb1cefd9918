//! `breakout.join`: into a breakout by oneself, as what, with which sources (J1).

use super::person::RoomRole;
use crate::rooms::error::{RoomError, code};
use crate::rooms::turn::Turn;
use crate::rooms::{Mutable, Permission};

/// What `breakout.join` asks for. Sources that are not named stay as they are (T2).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct JoinRoom {
    /// Which breakout.
    pub room_id: String,
    /// As what.
    pub role: RoomRole,
    /// With the microphone on.
    pub audio: Option<bool>,
    /// With the camera on.
    pub video: Option<bool>,
    /// With the screen.
    pub screen: Option<bool>,
    /// With the canvas.
    pub canvas: Option<bool>,
}

impl Turn<'_> {
    /// # Errors
    /// `FORBIDDEN` without invitation, assignment or permission; `ROOM_FULL`, `CONFLICT`,
    /// `INVALID_PARAMS`.
    pub(in crate::rooms) fn join_room(&mut self, join: &JoinRoom) -> Result<(), RoomError> {
        let me = self.myself()?;
        let room = self.breakout_named(&join.room_id, "room_id")?;
        if self.next.people.get(&me).is_some_and(|person| person.room == room) {
            return Err(RoomError::conflict("you are in this room already"));
        }
        let own = self.next.invitations.get(&me).into_iter().flatten();
        let invited = own.into_iter().any(|invitation| invitation.room == room);
        let assigned =
            self.next.plan.is_started() && self.next.plan.assigned.get(&me) == Some(&room);
        let owner = self.next.breakout(&room).is_some_and(|room| room.owner.as_ref() == Some(&me));
        let manages = self.may(Permission::Manage);
        if !(invited || assigned || owner || manages || self.may(Permission::Switch)) {
            return Err(RoomError::lacks(Permission::Switch));
        }
        if join.role == RoomRole::Moderator && !manages && !owner {
            let message = "only who manages, or the room's owner, joins as moderator";
            return Err(RoomError::field(code::FORBIDDEN, "role", message));
        }
        self.check_door(manages, &room, "room_id")?;
        self.check_way(&me, &room)?;
        self.check_capacity(&room, std::slice::from_ref(&me), "room_id")?;
        self.place(&me, &room, "moved");
        let join = join.clone();
        self.edit(&me, move |person| {
            person.room_role = join.role;
            if let Some(on) = join.audio {
                person.mute(Mutable::Audio, !on);
            }
            if let Some(on) = join.video {
                person.mute(Mutable::Camera, !on); // the others have words of their own
            }
            if let Some(on) = join.screen {
                (person.no_screen, person.muted.screen) = (!on, person.muted.screen && !on);
            }
            if let Some(on) = join.canvas {
                (person.no_canvas, person.muted.canvas) = (!on, person.muted.canvas && !on);
            }
        });
        Ok(())
    }
}
