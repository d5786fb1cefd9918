//! A meeting's state: everything the engine knows, and nothing of sockets or the relay.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::error::{RoomError, code};
use super::people::{Ban, Invitation, Person};
use super::plan::{Breakout, Plan};
use super::roles::{Permission, Permissions, Role, Roles};
use super::voices::Poll;
use super::{MAIN, Name, Rules};

/// The main room, its breakouts and everybody in them. Invariant: each person's room exists.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Meeting {
    pub(super) rules: Rules,
    pub(super) roles: Arc<Roles>,
    pub(super) people: BTreeMap<Name, Arc<Person>>,
    pub(super) plan: Plan,
    /// By who is invited.
    pub(super) invitations: BTreeMap<Name, Vec<Invitation>>,
    pub(super) polls: BTreeMap<u64, Arc<Poll>>,
    pub(super) polls_made: u64,
    /// Who was kicked does not come back, and after they were added again not by an old token.
    pub(super) banned: BTreeMap<Name, Ban>,
    /// Made ahead: stays without people, until it is ended.
    pub(super) kept: bool,
}

impl Meeting {
    /// An empty meeting with the native roles.
    pub fn new(rules: Rules) -> Meeting {
        Meeting::with_roles(rules, Roles::native())
    }

    /// An empty meeting.
    pub fn with_roles(rules: Rules, roles: Roles) -> Meeting {
        Meeting {
            rules,
            roles: Arc::new(roles),
            people: BTreeMap::new(),
            plan: Plan::default(),
            invitations: BTreeMap::new(),
            polls: BTreeMap::new(),
            polls_made: 0,
            banned: BTreeMap::new(),
            kept: false,
        }
    }

    /// The same, made before anybody is there (A10): it stays without people, until it is ended.
    pub fn ahead(mut self) -> Meeting {
        self.kept = true;
        self
    }

    /// Whether it stays without people.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// Its limits, modes and policies.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Its roles.
    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Its rooms and who should be in which.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Somebody, if they are here.
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.get(id).map(|person| &**person)
    }

    /// Everybody.
    pub fn people(&self) -> impl Iterator<Item = (&Name, &Person)> {
        self.people.iter().map(|(id, person)| (id, &**person))
    }

    /// Whether somebody was taken out, not to come back.
    pub fn is_banned(&self, id: &str) -> bool {
        self.banned.get(id).is_some_and(|ban| !ban.lifted)
    }

    /// Until when tokens of somebody were made that let them in no more, in seconds since 1970.
    pub fn tokens_void_until(&self, id: &str) -> Option<u64> {
        self.banned.get(id).map(|ban| ban.void_until_s)
    }

    /// Whether somebody may come, by a token that was made then.
    ///
    /// # Errors
    /// `FORBIDDEN`.
    pub fn admits(&self, id: &str, issued: Option<u64>) -> Result<(), RoomError> {
        let why = match self.banned.get(id) {
            None => return Ok(()),
            Some(ban) if !ban.lifted => "you were taken out of this meeting",
            Some(ban) if issued.is_some_and(|issued| issued > ban.void_until_s) => return Ok(()),
            Some(_) => {
                "this token is from before you were taken out of this meeting; get a new one"
            }
        };
        Err(RoomError::new(code::FORBIDDEN, why))
    }

    /// Whether nobody is here.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Number of the plan's last change.
    pub fn revision(&self) -> u64 {
        self.plan.revision
    }

    /// Refuses a request made for another state of the plan than the current one (N9).
    ///
    /// # Errors
    /// `STALE`.
    pub fn expect_revision(&self, revision: Option<u64>) -> Result<(), RoomError> {
        let current = self.plan.revision;
        match revision {
            Some(revision) if revision != current => Err(RoomError {
                code: code::STALE,
                message: format!("the plan is at revision {current}, not {revision}"),
                data: Some(json!({"field": "revision", "revision": current})),
            }),
            _ => Ok(()),
        }
    }

    /// The main room's id or the one of a breakout with this id.
    pub fn room(&self, id: &str) -> Option<Name> {
        if id == MAIN {
            return Some(MAIN.into());
        }
        self.breakout(id).map(|room| room.id.clone())
    }

    /// A breakout.
    pub fn breakout(&self, id: &str) -> Option<&Breakout> {
        let number = id.strip_prefix('b')?.parse().ok()?;
        self.plan.rooms.get(&number).map(|room| &**room).filter(|room| *room.id == *id)
    }

    /// All breakouts, in the order of their creation.
    pub fn breakouts(&self) -> impl Iterator<Item = &Breakout> {
        self.plan.rooms.values().map(|room| &**room)
    }

    /// Who is in a room.
    pub fn inside(&self, room: &str) -> impl Iterator<Item = &Name> {
        let inside = self.people.iter().filter(move |(_, person)| person.room == *room);
        inside.map(|(id, _)| id)
    }

    /// Into which rooms somebody is invited.
    pub fn invitations_of(&self, id: &str) -> Vec<Name> {
        let own = self.invitations.get(id).into_iter().flatten();
        own.map(|invitation| invitation.room.clone()).collect()
    }

    /// Who invited somebody into a room.
    pub fn inviter_of(&self, id: &str, room: &str) -> Option<&Name> {
        let own = self.invitations.get(id).into_iter().flatten();
        let mut own = own.filter(|invitation| *invitation.room == *room);
        own.next().map(|invitation| &invitation.by)
    }

    /// The role that counts for somebody.
    pub fn role_of(&self, person: &Person) -> &Role {
        self.roles.of(&person.role)
    }

    /// What somebody may do: their role's rights and what the meeting gives everybody (E3).
    pub fn permissions(&self, person: &Person) -> Permissions {
        let switch = self.rules.free_move.then_some(Permission::Switch);
        let broadcast = self.rules.everyone_can_broadcast.then_some(Permission::Broadcast);
        let everybodys: Permissions = switch.into_iter().chain(broadcast).collect();
        self.role_of(person).permissions.with(everybodys)
    }

    /// Whether everybody may here what they may there, by the role they have.
    pub(super) fn has_rights_of(&self, other: &Meeting) -> bool {
        self.rules == other.rules
            && (Arc::ptr_eq(&self.roles, &other.roles) || self.roles == other.roles)
    }

    /// Whether somebody is here and may do something.
    pub fn may(&self, id: &str, permission: Permission) -> bool {
        self.people.get(id).is_some_and(|person| self.permissions(person).has(permission))
    }

    /// Everybody who may do something.
    pub(super) fn who_may(&self, permission: Permission) -> Vec<Name> {
        let may = |person: &Person| self.permissions(person).has(permission);
        let all = self.people.iter().filter(|(_, person)| may(person));
        all.map(|(id, _)| id.clone()).collect()
    }

    /// Who manages the breakouts.
    pub fn managers(&self) -> Vec<Name> {
        self.who_may(Permission::Manage)
    }
}
