//! Peers of a meeting: offers, ICE restarts, views, and what the relay tells of them.

use ringfence::control::api::{PeerAnswer, RelayEvent};
use ringfence::route::id::{ParticipantId, PeerId, Source};
use ringfence::wire::media::Codec;
use serde_json::json;

use super::actor::{Actor, refused};
use super::wire::{Answer, SlotView, as_answer, source_name};
use crate::rooms::{Caps, Name, RoomError, code};
use crate::sdp::{Codecs, Offer, Purpose};

/// One transport of a participant.
pub(super) struct PeerRecord {
    pub person: Name,
    pub purpose: Purpose,
    pub offer: Offer,
    pub answer: PeerAnswer,
    /// Number of the last answer written (RFC 8866 §5.2).
    pub version: u64,
    /// The codec put first.
    pub first: Codec,
    /// Who is in which slot.
    pub slots: Vec<Option<(ParticipantId, Source)>>,
    /// WHIP and WHEP: the session's id and its entity tag.
    pub session: Option<(String, String)>,
}

impl Actor {
    /// Adds a peer, in the place of one of the same purpose. Returns its id and the answer.
    pub(super) async fn add_peer(
        &mut self,
        person: &Name,
        purpose: Purpose,
        offer: Offer,
        from: Option<ParticipantId>,
        session: Option<(String, String)>,
    ) -> Result<(PeerId, String), RoomError> {
        let not_here = || RoomError::new(code::NOT_JOINED, "you are not in the meeting");
        let meeting = self.number.ok_or_else(not_here)?;
        let number = self.seats.get(person).ok_or_else(not_here)?.number;
        if let Some(old) = self.peer_of(person, purpose) {
            self.end_peer(old).await;
        }
        let added = self.relay.add_peer(meeting, number, offer.peer_offer(from)).await;
        let answer = added.map_err(refused)?;
        let (peer, first) = (answer.peer, self.common_codec(&offer));
        let sdp = offer.answer(&answer, 1, first, &self.caps(person));
        let slots = vec![None; answer.slots.len()];
        let person = person.clone();
        let record =
            PeerRecord { person, purpose, offer, answer, version: 1, first, slots, session };
        self.register_peer(peer, record);
        Ok((peer, sdp))
    }

    pub(super) async fn offer(&mut self, person: &Name, offer: Offer) -> Result<Answer, RoomError> {
        let (peer, sdp) = self.add_peer(person, Purpose::Page, offer, None, None).await?;
        Ok(as_answer(&json!({"sdp": sdp, "slots": self.slots(peer)})))
    }

    pub(super) async fn ice_restart(
        &mut self,
        person: &Name,
        offer: &Offer,
    ) -> Result<Answer, RoomError> {
        let no_peer = || RoomError::new(code::CONFLICT, "there is no peer to restart; call offer");
        let peer = self.page_peer(person).ok_or_else(no_peer)?;
        let record = self.peers.get(&peer).ok_or_else(no_peer)?;
        let wrong = |problem: crate::sdp::Problem| RoomError::invalid("sdp", problem.to_string());
        record.offer.check_restart(offer).map_err(wrong)?;
        let ice = self.relay.restart_ice(peer, offer.ice.clone()).await.map_err(refused)?;
        let caps = self.caps(person);
        let record = self.peers.get_mut(&peer).ok_or_else(no_peer)?;
        record.offer.ice = offer.ice.clone();
        record.answer.ice = ice;
        record.version += 1;
        let PeerRecord { offer, answer: answered, version, first, .. } = &*record;
        let sdp = offer.answer(answered, *version, *first, &caps);
        Ok(as_answer(&json!({"sdp": sdp})))
    }

    /// How many bits a second somebody may send of what.
    fn caps(&self, person: &Name) -> Caps {
        let person = self.model.person(person);
        person.map_or(Caps::default(), |person| self.model.role_of(person).publish.caps)
    }

    pub(super) async fn view(
        &mut self,
        person: &Name,
        videos: Vec<(String, Source, u16)>,
    ) -> Result<Answer, RoomError> {
        let no_peer = || RoomError::new(code::CONFLICT, "there is no peer yet; call offer");
        let peer = self.page_peer(person).ok_or_else(no_peer)?;
        // Somebody who left a moment ago may still be wished for.
        let wanted = videos.into_iter().filter_map(|(person, source, height)| {
            Some((self.seats.get(person.as_str())?.number, source, height))
        });
        let wanted = wanted.collect();
        self.relay.view(peer, wanted).await.map_err(refused)?;
        Ok(as_answer(&json!({})))
    }

    pub(super) async fn relay_event(&mut self, event: RelayEvent) {
        match event {
            RelayEvent::PeerConnected(peer) => {
                if let Some(record) = self.peers.get(&peer) {
                    tracing::debug!(person = %record.person, "peer connected");
                }
            }
            RelayEvent::PeerGone(peer, gone) => {
                let Some(record) = self.peers.get(&peer) else { return };
                let (person, purpose) = (record.person.clone(), record.purpose);
                tracing::info!(%person, ?purpose, ?gone, "peer gone");
                self.end_peer(peer).await;
                if purpose == Purpose::Page {
                    let reason = format!("{gone:?}");
                    self.tell_state(&person, "reconnect", json!({"reason": reason}));
                }
                self.remove_if_idle(&person, "lost").await;
            }
            RelayEvent::Slots { peer, slots } => {
                let Some(record) = self.peers.get_mut(&peer) else { return };
                self.watched.seated(&slots, &record.slots);
                record.slots = slots;
                if record.purpose == Purpose::Page {
                    let person = record.person.clone();
                    self.tell_slots(&person);
                }
            }
            RelayEvent::Speaking { participants, .. } => {
                let speakers = participants.iter().filter_map(|number| self.people.get(number));
                self.speaking.are(speakers.cloned().collect());
            }
        }
    }

    pub(super) fn tell_slots(&mut self, person: &Name) {
        if let Some(peer) = self.page_peer(person) {
            let slots = self.slots(peer);
            self.tell_state(person, "slots", json!({"slots": slots}));
        }
    }

    fn slots(&self, peer: PeerId) -> Vec<SlotView> {
        let Some(record) = self.peers.get(&peer) else { return Vec::new() };
        let views = record.offer.slot_mids().zip(0..).map(|(mid, at): (_, usize)| {
            let seated = record.slots.get(at).copied().flatten();
            let named = seated.and_then(|(who, source)| Some((self.people.get(&who)?, source)));
            SlotView {
                mid: mid.to_string(),
                participant: named.map(|(person, _)| person.clone()),
                source: named.map(|(_, source)| source_name(source)),
            }
        });
        views.collect()
    }

    pub(super) fn page_peer(&self, person: &Name) -> Option<PeerId> {
        self.peer_of(person, Purpose::Page)
    }

    pub(super) fn peer_of(&self, person: &Name, purpose: Purpose) -> Option<PeerId> {
        let mut own = self.peers_of(person);
        own.find(|peer| self.peers.get(peer).is_some_and(|record| record.purpose == purpose))
    }

    /// The video codec that everybody here can decode, this offer included: VP8, unless somebody
    /// can not (DESIGN.md §5).
    fn common_codec(&self, offer: &Offer) -> Codec {
        let others = self.peers.values().filter_map(|record| record.offer.receivable());
        let everybody = others.fold(Codecs::ALL, Codecs::intersect);
        let own = offer.sendable().unwrap_or(Codecs::ALL);
        everybody.intersect(own).best().or(own.best()).unwrap_or(Codec::Vp8)
    }
}
