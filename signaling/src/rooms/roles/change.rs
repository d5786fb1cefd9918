//! Changing a role: forced, or after the person agrees (R7). Nobody gives more than they have.

use serde::{Deserialize, Serialize};

use super::{Permission, RoleName};
use crate::rooms::Name;
use crate::rooms::error::{RoomError, code};
use crate::rooms::event::Event;
use crate::rooms::people::RoomRole;
use crate::rooms::request::By;
use crate::rooms::turn::Turn;
use crate::rooms::voices::Announced;

/// A role somebody was asked to take.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoleAsked {
    /// Which.
    pub role: RoleName,
    /// By whom.
    pub by: Name,
}

impl Turn<'_> {
    /// `role.change`.
    ///
    /// # Errors
    /// `FORBIDDEN` without the permission, or for a role with more rights than one's own;
    /// `INVALID_PARAMS`.
    pub(in crate::rooms) fn change_role(
        &mut self,
        client: &str,
        role: RoleName,
        force: bool,
    ) -> Result<(), RoomError> {
        self.require(Permission::ChangeRole)?;
        let person = self.person_named(client, "client")?;
        let Some(defined) = self.next.roles.named(&role) else {
            let message = format!("there is no role \"{}\"", role.as_str());
            return Err(RoomError::invalid("role", message));
        };
        if let By::Person(me) = self.by
            && let (Some(own), Some(other)) =
                (self.next.people.get(me), self.next.people.get(&person))
        {
            let own = self.next.role_of(own).permissions;
            let their = self.next.role_of(other).permissions;
            if !own.cover(defined.permissions) || !own.cover(their) {
                let message = "the role has rights that you do not have";
                return Err(RoomError::field(code::FORBIDDEN, "role", message));
            }
        }
        if force {
            self.take_role(&person, role);
        } else {
            let by = self.asker();
            let event = Event::RoleChangeAsked { role: role.clone(), requestor: by.clone() };
            self.edit(&person, |person| person.role_asked = Some(RoleAsked { role, by }));
            self.tell(vec![person], event);
        }
        Ok(())
    }

    /// `role.accept`, `role.reject`.
    ///
    /// # Errors
    /// `CONFLICT` if nobody asked.
    pub(in crate::rooms) fn answer_role(&mut self, accept: bool) -> Result<(), RoomError> {
        let me = self.myself()?;
        let asked = self.next.people.get(&me).and_then(|person| person.role_asked.clone());
        let Some(RoleAsked { role, by }) = asked else {
            return Err(RoomError::conflict("nobody asked you to take a role"));
        };
        if accept && self.next.roles.named(&role).is_none() {
            self.edit(&me, |person| person.role_asked = None);
            return Err(RoomError::conflict("the role is gone"));
        }
        if accept {
            self.take_role(&me, role);
        } else {
            self.edit(&me, |person| person.role_asked = None);
            let mut to = vec![me.clone()];
            to.extend(self.next.people.get_key_value(&by).map(|(by, _)| by.clone()));
            self.tell(to, Event::RoleChanged { participant: me, role, accepted: false });
        }
        Ok(())
    }

    fn take_role(&mut self, id: &Name, role: RoleName) {
        let asked = self.next.people.get(id).and_then(|person| person.role_asked.clone());
        self.edit(id, |person| {
            person.role = role.clone();
            person.role_asked = None;
            person.room_role = RoomRole::default();
        });
        self.end_forbidden_voices(id);
        let mut to = self.next.who_may(Permission::ChangeRole);
        let by = asked.map(|asked| asked.by);
        to.extend(by.filter(|by| self.next.people.contains_key(by)));
        to.push(id.clone());
        self.tell(to, Event::RoleChanged { participant: id.clone(), role, accepted: true });
    }

    /// What a new role does not permit ends with the old one.
    pub(in crate::rooms) fn end_forbidden_voices(&mut self, id: &Name) {
        let may = |permission| self.next.may(id, permission);
        let (announce, whisper) = (may(Permission::Announce), may(Permission::Whisper));
        let monitor = may(Permission::Monitor);
        self.edit(id, |person| {
            if !announce {
                person.announces = Announced::default();
            }
            if !whisper {
                person.whispers = None;
            }
            if !monitor {
                person.monitors.clear();
                person.listens = Default::default();
            }
        });
    }
}
