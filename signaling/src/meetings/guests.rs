//! WHIP and WHEP clients of a meeting (RFC 9725): they come by an offer and go by a `DELETE`.

use super::actor::{Actor, refused};
use super::ask::{Attach, Attached, SessionCall, SessionReply};
use crate::rooms::{MAIN, Name, Permission, RoleName, RoomError, code};
use crate::sdp::{Fragment, Purpose};

impl Actor {
    pub(super) async fn attach(&mut self, attach: Attach) -> Result<Attached, RoomError> {
        let Attach { identity, purpose, room, from, offer } = attach;
        let person = match identity.id.as_deref() {
            Some(id) => Name::from(id),
            None => Name::from(format!("p-{:08x}", rand::random::<u32>())),
        };
        self.model.admits(&person, identity.issued)?; // also who is here already
        let from = match from {
            None => None,
            Some(publisher) => Some(self.seats.get(publisher.as_str()).ok_or_else(|| {
                let message = format!("there is no participant \"{publisher}\"");
                RoomError::field(code::NOT_FOUND, "from", message)
            })?),
        };
        let from = from.map(|seated| seated.number);
        if let Some(room) = room.as_deref().filter(|room| self.model.room(room).is_none()) {
            let message = format!("there is no room \"{room}\"");
            return Err(RoomError::field(code::NOT_FOUND, "room", message));
        }
        if let (Some(room), Some(here)) = (&room, self.model.person(&person))
            && *here.room != **room
        {
            let message = format!("\"{person}\" is in room \"{}\"; move it first", here.room);
            return Err(RoomError::field(code::CONFLICT, "room", message));
        }
        let role = identity.role.as_deref().map_or_else(RoleName::participant, RoleName::new);
        if self.model.person(&person).is_none() {
            if room.as_deref().is_some_and(|room| room != MAIN) {
                // Else everybody could let themselves in anywhere.
                let permissions = self.model.roles().of(&role).permissions;
                if !identity.development && !permissions.has(Permission::Manage) {
                    let what = "enter a breakout room without being moved there";
                    return Err(RoomError::forbidden(what));
                }
            }
            let room = room.as_deref().map(Name::from);
            self.enter(&person, &identity, role, room).await?;
        }
        let (session, etag) = (secret(), entity_tag());
        let names = Some((session.clone(), etag.clone()));
        match self.add_peer(&person, purpose, *offer, from, names).await {
            Ok((_, sdp)) => Ok(Attached { session, etag, sdp }),
            Err(error) => {
                self.remove_if_idle(&person, "left").await;
                Err(error)
            }
        }
    }

    pub(super) async fn session(
        &mut self,
        session: &str,
        purpose: Purpose,
        by: Option<&str>,
        call: SessionCall,
    ) -> Result<SessionReply, RoomError> {
        let found = self.peers.iter().find(|(_, record)| {
            let own = record.session.as_ref().is_some_and(|(id, _)| id == session);
            own && record.purpose == purpose
        });
        let unknown = || RoomError::new(code::NOT_FOUND, "there is no such session");
        let (peer, record) = found.map(|(peer, record)| (*peer, record)).ok_or_else(unknown)?;
        let person = record.person.clone();
        if by.is_some_and(|by| *by != *person) {
            return Err(RoomError::new(code::FORBIDDEN, "the session is another participant's"));
        }
        let (if_match, fragment) = match call {
            SessionCall::Delete => {
                self.end_peer(peer).await;
                self.remove_if_idle(&person, "left").await;
                return Ok(SessionReply::Deleted);
            }
            SessionCall::Patch { if_match, fragment } => (if_match, fragment),
        };
        let current = record.session.as_ref().is_some_and(|(_, etag)| *etag == if_match);
        // RFC 9725's examples quote the asterisk, RFC 9110 §13.1.1 does not.
        if !current && !matches!(if_match.as_str(), "*" | "\"*\"") {
            return Ok(SessionReply::Mismatch);
        }
        if record.offer.ice == fragment.ice {
            return Ok(SessionReply::Trickled);
        }
        self.restart(peer, fragment).await
    }

    async fn restart(
        &mut self,
        peer: ringfence::route::id::PeerId,
        fragment: Fragment,
    ) -> Result<SessionReply, RoomError> {
        let restarted = self.relay.restart_ice(peer, fragment.ice.clone()).await;
        let ice = restarted.map_err(refused)?;
        let unknown = || RoomError::new(code::NOT_FOUND, "there is no such session");
        let record = self.peers.get_mut(&peer).ok_or_else(unknown)?;
        let etag = entity_tag();
        record.offer.ice = fragment.ice;
        record.answer.ice = ice.clone();
        if let Some((_, current)) = &mut record.session {
            current.clone_from(&etag);
        }
        let candidates = record.answer.candidates.clone();
        Ok(SessionReply::Restarted { ice, candidates, etag })
    }
}

/// 128 bits that nobody guesses: who knows a session's URL may end it.
fn secret() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// A strong entity tag (RFC 9110 §8.8.3).
fn entity_tag() -> String {
    format!("\"{:016x}\"", rand::random::<u64>())
}
