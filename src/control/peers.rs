//! What requests do to peers: given a shard, names and SSRCs; their wishes kept; taken away.
//!
//! `view`: a peer's wishes are kept here, by participant and source. Its shard gets them by track
//! and keeps them over changes of tables: a wish for a track that is not entitled shows nothing,
//! and shows it again once it is. They are sent anew, behind the tables, when tracks they name come
//! to be. So signaling sends `view` only when the client wants something else.

use super::api::{AnsweredSlot, PeerAnswer, PeerOffer, Refusal};
use super::coordinator::{Coordinator, PeerEntry, answer};
use super::model::{Meeting, kind_of};
use super::placement::Load;
use super::port::{Lane, ShardIndex, ShardPort};
use super::request::{Reply, Wanted};
use crate::route::id::{MeetingId, ParticipantId, PeerId, Source, TrackId};
use crate::shard::command::{Command, PeerSpec, SlotSpec, TrackSpec, Wish};
use crate::transport::IceCredentials;

/// Tracks and slots a peer may have together: m-lines of one offer (THREATS.md 13).
pub const LINES_MAX: usize = 64;

/// So many entries may stand in one `view` request.
pub const WISHES_MAX: usize = 1_024;

impl<P: ShardPort> Coordinator<P> {
    pub(super) fn add_peer(
        &mut self,
        meeting: MeetingId,
        participant: ParticipantId,
        offer: PeerOffer,
    ) -> Result<PeerAnswer, Refusal> {
        if offer.tracks.len() + offer.slots.len() > LINES_MAX {
            return Err(Refusal::TooManyLines);
        }
        let model = &self.entry(meeting)?.model;
        let known = |who: ParticipantId| model.participants().contains_key(&who);
        if !known(participant) || offer.from.is_some_and(|from| !known(from)) {
            return Err(Refusal::UnknownParticipant);
        }
        let loads = self.loads(meeting)?;
        let shard = (self.place)(&loads).ok_or_else(|| self.nowhere())?;
        let lane = self.lanes.get(shard.0).ok_or(Refusal::Stopped)?;
        let candidates = lane.port.candidates();

        let peer = self.names.peer();
        let local_ice = self.names.credentials();
        let tracks = self.track_specs(&offer);
        let slots = self.slot_specs(meeting, &offer)?;
        let reply = PeerAnswer {
            peer,
            ice: local_ice.clone(),
            fingerprint: self.certificate.fingerprint(),
            candidates,
            tracks: tracks.iter().map(|spec| spec.track).collect(),
            slots: slots.iter().map(answered).collect(),
        };
        let spec = PeerSpec {
            peer,
            meeting,
            participant,
            local_ice,
            remote_ice: offer.ice,
            fingerprint: offer.fingerprint,
            certificate: self.certificate.clone(),
            payloads: offer.payloads,
            extensions: offer.extensions,
            tracks,
            slots,
            from: offer.from,
        };
        self.enter_peer(shard, spec)?;
        Ok(reply)
    }

    /// Into the model, to the shard, then into the tables.
    fn enter_peer(&mut self, shard: ShardIndex, spec: PeerSpec) -> Result<(), Refusal> {
        let (meeting, peer, participant) = (spec.meeting, spec.peer, spec.participant);
        let tracks: Vec<_> = spec.tracks.iter().map(|track| (track.track, track.source)).collect();
        let entry = self.entry(meeting)?;
        entry.model.add_peer(peer, participant, shard, &tracks)?;
        entry.changed = true;
        let published = |wanted: &Wanted| {
            wanted.participant == participant && tracks.iter().any(|track| track.1 == wanted.source)
        };
        let viewers = entry.wishes.iter().filter(|(_, wishes)| wishes.iter().any(published));
        entry.views_due.extend(viewers.map(|(peer, _)| *peer));

        let named = tracks.iter().map(|(track, source)| (*track, (participant, *source)));
        self.sources.extend(named);
        let own_ssrcs = spec.slots.iter().flat_map(|slot| [Some(slot.ssrc), slot.rtx_ssrc]);
        let ssrcs = own_ssrcs.flatten().collect();
        let ufrags = vec![spec.local_ice.ufrag.clone()];
        self.peers.insert(peer, PeerEntry { meeting, shard, ufrags, ssrcs });
        self.lanes[shard.0].peers += 1;
        self.lanes[shard.0].push(Command::AddPeer(Box::new(spec)));
        self.settle(meeting);
        Ok(())
    }

    fn track_specs(&mut self, offer: &PeerOffer) -> Vec<TrackSpec> {
        let spec = |line: &super::api::OfferedTrack| TrackSpec {
            track: self.names.track(),
            mid: line.mid.clone(),
            source: line.source,
            kind: kind_of(line.source),
            ssrcs: line.ssrcs.clone(),
        };
        offer.tracks.iter().map(spec).collect()
    }

    /// Slots with SSRCs that nobody in the meeting has, nor the client itself: it would take its
    /// own for a collision (RFC 3550 §8.2).
    fn slot_specs(
        &mut self,
        meeting: MeetingId,
        offer: &PeerOffer,
    ) -> Result<Vec<SlotSpec>, Refusal> {
        let announced = offer.tracks.iter().flat_map(|line| &line.ssrcs);
        let theirs: Vec<_> =
            announced.flat_map(|(ssrc, rtx)| [Some(*ssrc), *rtx]).flatten().collect();
        let entry = self.meetings.get_mut(&meeting).ok_or(Refusal::UnknownMeeting)?;
        let names = &mut self.names;
        let mut draw = || {
            loop {
                let ssrc = names.ssrc(&mut entry.ssrcs);
                if !theirs.contains(&ssrc) {
                    return ssrc;
                }
                entry.ssrcs.remove(&ssrc);
            }
        };
        let spec = |line: &super::api::OfferedSlot| SlotSpec {
            mid: line.mid.clone(),
            kind: line.kind,
            ssrc: draw(),
            rtx_ssrc: line.rtx.then(&mut draw),
        };
        Ok(offer.slots.iter().map(spec).collect())
    }

    fn loads(&mut self, meeting: MeetingId) -> Result<Vec<Load>, Refusal> {
        let own = self.entry(meeting)?.model.shards().clone();
        let now = self.now;
        let load = |(index, lane): (usize, &mut Lane<P>)| Load {
            own_peers: own.get(&ShardIndex(index)).copied().unwrap_or_default(),
            alive: !lane.is_ended() && !lane.is_stalled(),
            ..lane.gauge.load(now, lane.port.busy_permille(), lane.peers)
        };
        Ok(self.lanes.iter_mut().enumerate().map(load).collect())
    }

    /// Why no shard takes a peer.
    fn nowhere(&self) -> Refusal {
        let hangs = self.lanes.iter().any(|lane| !lane.is_ended());
        if hangs { Refusal::ShardStalled } else { Refusal::Stopped }
    }

    pub(super) fn remove_peer(&mut self, peer: PeerId, reply: Reply<()>) {
        let Some(meeting) = self.peers.get(&peer).map(|entry| entry.meeting) else {
            return answer(reply, Err(Refusal::UnknownPeer));
        };
        let gone = self.forget_peers([peer]);
        self.edit(meeting, reply, |_| Ok(()));
        self.end_peers(gone);
    }

    /// Takes peers out of the model.
    pub(super) fn forget_peers(
        &mut self,
        peers: impl IntoIterator<Item = PeerId>,
    ) -> Vec<(PeerId, ShardIndex)> {
        let forget = |peer| Some((peer, self.forget_peer(peer)?.shard));
        peers.into_iter().filter_map(forget).collect()
    }

    /// Has the shards destroy their keys; the tables without them are on the way, if they can be.
    pub(super) fn end_peers(&mut self, gone: Vec<(PeerId, ShardIndex)>) {
        for (peer, shard) in gone {
            self.lanes[shard.0].push(Command::RemovePeer(peer));
        }
    }

    /// Takes a peer out of everything that control knows; the tables follow when the meeting is
    /// settled.
    pub(super) fn forget_peer(&mut self, peer: PeerId) -> Option<PeerEntry> {
        let known = self.peers.remove(&peer)?;
        known.ufrags.iter().for_each(|ufrag| self.names.release(ufrag));
        self.events.forget_peer(peer);
        self.lanes[known.shard.0].peers -= 1;
        if let Some(entry) = self.meetings.get_mut(&known.meeting) {
            entry.changed = true;
            entry.wishes.remove(&peer);
            known.ssrcs.iter().for_each(|ssrc| _ = entry.ssrcs.remove(ssrc));
            let tracks = entry.model.remove_peer(peer).map(|peer| peer.tracks);
            tracks.iter().flatten().for_each(|(track, _)| _ = self.sources.remove(track));
        }
        Some(known)
    }

    pub(super) fn restart_ice(
        &mut self,
        peer: PeerId,
        remote: IceCredentials,
    ) -> Result<IceCredentials, Refusal> {
        let entry = self.peers.get_mut(&peer).ok_or(Refusal::UnknownPeer)?;
        self.lanes[entry.shard.0].takes_more()?;
        let local = self.names.credentials();
        // The shard knows the peer by the former ufrag, too, while the client changes over.
        entry.ufrags.push(local.ufrag.clone());
        let command = Command::RestartIce { peer, local: local.clone(), remote };
        self.lanes[entry.shard.0].push(command);
        Ok(local)
    }

    pub(super) fn view(&mut self, peer: PeerId, wanted: Vec<Wanted>) -> Result<(), Refusal> {
        let known = self.peers.get(&peer).ok_or(Refusal::UnknownPeer)?;
        if wanted.len() > WISHES_MAX {
            return Err(Refusal::TooManyLines);
        }
        self.lanes[known.shard.0].takes_more()?;
        let entry = self.meetings.get_mut(&known.meeting).ok_or(Refusal::UnknownPeer)?;
        entry.wishes.insert(peer, wanted);
        if entry.changed {
            // It may name tracks of which the shard has not heard yet: once more behind the tables.
            entry.views_due.insert(peer);
        } else if !entry.epochs.is_idle() {
            entry.views_now.insert(peer);
        }
        self.send_view(peer);
        Ok(())
    }

    /// Tells a peer's shard what the peer wants to see, by the tracks there are now.
    pub(super) fn send_view(&mut self, peer: PeerId) {
        let Some(known) = self.peers.get(&peer) else { return };
        let Some(entry) = self.meetings.get(&known.meeting) else { return };
        let Some(wanted) = entry.wishes.get(&peer) else { return };
        let wishes = wanted.iter().flat_map(|wanted| {
            let tracks = tracks_of(&entry.model, wanted.participant, wanted.source);
            tracks.map(|track| Wish { track, height: wanted.height })
        });
        let command = Command::View { peer, wishes: wishes.collect() };
        self.lanes[known.shard.0].push(command);
    }
}

/// The tracks that carry a source, the newest first: a participant may offer one by several peers.
fn tracks_of(
    model: &Meeting,
    participant: ParticipantId,
    source: Source,
) -> impl Iterator<Item = TrackId> {
    let publisher = model.participants().get(&participant);
    publisher.into_iter().flat_map(move |who| who.tracks(source).iter().rev().copied())
}

fn answered(spec: &SlotSpec) -> AnsweredSlot {
    AnsweredSlot { mid: spec.mid.clone(), ssrc: spec.ssrc, rtx_ssrc: spec.rtx_ssrc }
}
