//! What somebody may see of the meeting as it is now: the answers to `join` and `peers.list`.

use serde_json::{Value, json};

use super::actor::Actor;
use crate::rooms::{Millis, Name, RoleAsked};
use crate::tokens::unix_now_ms;

impl Actor {
    /// The answer to `join`; `resumed`: their peer is still there.
    pub(super) fn snapshot(&self, person: &Name, resumed: bool) -> Value {
        let mut result = self.list(person);
        let (Some(told), Some(view)) = (result.as_object_mut(), self.model.view(person)) else {
            return result;
        };
        told.insert("participant".into(), json!(person));
        told.insert("meeting".into(), json!(self.name()));
        told.insert("room".into(), json!(view.room));
        told.insert("role".into(), json!(view.role));
        told.insert("parent".into(), json!(self.model.parent_view(person)));
        if let Some(me) = self.model.person(person) {
            let role = self.model.role_of(me);
            told.insert("permissions".into(), json!(self.model.permissions(me)));
            told.insert("publish".into(), json!(role.publish));
            if let Some(RoleAsked { role, by }) = &me.role_asked {
                told.insert("role_asked".into(), json!({"role": role, "requestor": by}));
            }
        }
        told.insert("resumed".into(), json!(resumed));
        told.insert("seq".into(), json!(self.seq));
        result
    }

    /// People and rooms, as far as somebody may see them.
    pub(super) fn list(&self, person: &Name) -> Value {
        let viewer = self.model.viewer(person);
        let session = self.model.plan().session();
        let mut list = json!({
            "rooms": self.model.rooms_for(&viewer),
            "participants": self.model.people_for(&viewer),
            "revision": self.model.revision(),
            "state": session.word(),
            // Beside `ends_at`: clocks of clients differ.
            "now": unix_now_ms(),
        });
        let voices = self.model.voices_for(person);
        let polls = self.model.polls_for(person);
        let invited = self.model.invitations_for(person, Millis(unix_now_ms()));
        if let Some(list) = list.as_object_mut() {
            if let Some(ends_at) = session.ends_at() {
                list.insert("ends_at".into(), json!(ends_at));
            }
            if !voices.is_empty() {
                list.insert("voices".into(), json!(voices));
            }
            if !polls.is_empty() {
                list.insert("polls".into(), json!(polls));
            }
            if !invited.is_empty() {
                let rooms: Vec<&Name> = invited.iter().map(|one| &one.room_id).collect();
                list.insert("invitations".into(), json!(rooms));
                list.insert("invited".into(), json!(invited));
            }
            if self.model.sees_counts(person) {
                list.insert("room_counts".into(), json!(self.model.room_counts()));
            }
        }
        list
    }
}
