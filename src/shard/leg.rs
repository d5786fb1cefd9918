//! The edge track → slot. A leg stands in at most one of its track's two lists, the one its mask
//! says.

use super::peer::{Peer, Slot};
use super::slab::{Key, Slab};
use super::track::Track;
use crate::route::id::TrackId;
use crate::route::mask::{Bit, Mask};
use crate::wire::media::Kind;
use crate::wire::number::PayloadType;

/// Where a leg is: a slot of a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LegRef {
    /// The subscriber.
    pub peer: Key<Peer>,
    /// Index of the slot.
    pub slot: u16,
}

/// A leg as its track lists it: all that the fan-out needs of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Listed {
    /// The subscriber.
    pub peer: Key<Peer>,
    /// Which leg of the slot.
    pub generation: u32,
    /// Index of the slot.
    pub slot: u16,
}

impl Listed {
    /// Where it is.
    pub fn leg(&self) -> LegRef {
        LegRef { peer: self.peer, slot: self.slot }
    }
}

/// A list of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum List {
    /// Takes every packet.
    Active,
    /// Takes packets from the next keyframe on.
    Waiting,
}

/// One leg. It lives in its slot.
#[derive(Debug)]
pub struct Leg {
    /// The track it carries.
    pub track: Key<Track>,
    /// The track's name.
    pub id: TrackId,
    /// Tells it from the slot's earlier legs: what was queued for them is not sent.
    pub generation: u32,
    /// The conditions under which it carries packets.
    pub mask: Mask,
    /// What the subscriber calls the track's codec.
    pub payload_type: Option<PayloadType>,
    /// What the subscriber calls retransmissions of it.
    pub rtx: Option<PayloadType>,
    /// Where it stands in its track's lists.
    place: Option<(List, u32)>,
}

const _: () = assert!(size_of::<Option<Leg>>() <= 40);

impl Leg {
    /// A leg that carries nothing yet.
    pub fn new(track: Key<Track>, id: TrackId, kind: Kind, generation: u32) -> Self {
        let mut mask = Mask::default();
        mask.set(Bit::NeedsKey, kind == Kind::Video);
        Self { track, id, generation, mask, payload_type: None, rtx: None, place: None }
    }

    fn list(&self) -> Option<List> {
        if self.mask.is_active() {
            Some(List::Active)
        } else if self.mask.waits_for_key() {
            Some(List::Waiting)
        } else {
            None
        }
    }
}

/// After a bit of the leg's mask flipped: moves it to the list where it belongs.
pub fn refresh(peers: &mut Slab<Peer>, tracks: &mut Slab<Track>, at: LegRef) {
    let Some(leg) = leg_mut(peers, at) else { return };
    let (wanted, stands) = (leg.list(), leg.place.map(|place| place.0));
    if wanted == stands {
        return;
    }
    unlink(peers, tracks, at);
    let Some(sending) = peers.get_mut(at.peer).map(|peer| &mut peer.sending) else { return };
    let Some(slot) = sending.slots.get_mut(usize::from(at.slot)) else { return };
    let Some(leg) = slot.leg.as_mut() else { return };
    if stands == Some(List::Active) && slot.cold.spec.kind == Kind::Video {
        leg.mask.set(Bit::NeedsKey, true); // it will have missed packets
    }
    let Some(list) = leg.list() else { return };
    let Some(track) = tracks.get_mut(leg.track) else { return };
    let legs = track.list_mut(list);
    leg.place = Some((list, legs.len() as u32)); // a slab has fewer than 2^32 peers
    legs.push(Listed { peer: at.peer, generation: leg.generation, slot: at.slot });
    if list == List::Active {
        slot.rewriter.interrupt();
        if slot.cold.spec.kind == Kind::Video {
            sending.pictures += 1;
        }
    }
}

/// Takes the leg out of its slot and out of its track's lists. What is queued for it is not sent.
pub fn remove(peers: &mut Slab<Peer>, tracks: &mut Slab<Track>, at: LegRef) {
    unlink(peers, tracks, at);
    if let Some(slot) = slot_mut(peers, at) {
        slot.leg = None;
        slot.rewriter.interrupt();
    }
}

fn unlink(peers: &mut Slab<Peer>, tracks: &mut Slab<Track>, at: LegRef) {
    let Some(sending) = peers.get_mut(at.peer).map(|peer| &mut peer.sending) else { return };
    let Some(slot) = sending.slots.get_mut(usize::from(at.slot)) else { return };
    let Some(leg) = slot.leg.as_mut() else { return };
    let Some((list, place)) = leg.place.take() else { return };
    if list == List::Active && slot.cold.spec.kind == Kind::Video {
        sending.pictures -= 1;
    }
    let Some(track) = tracks.get_mut(leg.track) else { return };
    let legs = track.list_mut(list);
    if legs.get(place as usize).is_none_or(|listed| listed.leg() != at) {
        return; // a leg's place is where it stands; nothing to take out otherwise
    }
    legs.swap_remove(place as usize);
    let moved = legs.get(place as usize).copied();
    if let Some(moved) = moved.and_then(|moved| leg_mut(peers, moved.leg())) {
        moved.place = Some((list, place));
    }
}

/// The leg there.
pub fn leg_mut(peers: &mut Slab<Peer>, at: LegRef) -> Option<&mut Leg> {
    slot_mut(peers, at)?.leg.as_mut()
}

fn slot_mut(peers: &mut Slab<Peer>, at: LegRef) -> Option<&mut Slot> {
    peers.get_mut(at.peer)?.sending.slots.get_mut(usize::from(at.slot))
}

impl Track {
    fn list_mut(&mut self, list: List) -> &mut Vec<Listed> {
        match list {
            List::Active => &mut self.active,
            List::Waiting => &mut self.waiting,
        }
    }
}
