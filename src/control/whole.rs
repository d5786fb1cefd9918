//! For tests: the tables of a meeting built whole from the model, each epoch anew, as the slow form
//! of what `tables` keeps by following changes.

use std::collections::{BTreeMap, BTreeSet};

use super::model::{Meeting, kind_of};
use super::port::ShardIndex;
use super::tables::{in_both, in_both_mut};
use crate::route::id::{Epoch, MeetingId, ParticipantId, PeerId, RoomId};
use crate::route::table::{Audience, Hears, Kinds, MeetingTable, ParticipantRow, Roles, TrackRow};

/// All rows of a meeting in one epoch, over all shards.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Picture {
    /// Ascending; `peers` are those of every shard.
    participants: Vec<ParticipantRow>,
    /// Ascending.
    tracks: Vec<TrackRow>,
    /// Where each peer lives.
    shards: BTreeMap<PeerId, ShardIndex>,
}

impl Picture {
    /// The model as rows. A track whose audience, mute, role or publisher's room is not what it was
    /// in `before` gets `epoch` as its audience epoch; so does a new track.
    pub fn of(model: &Meeting, before: &Picture, epoch: Epoch) -> Picture {
        let present = model.participants().iter().filter(|(_, who)| !who.peers().is_empty());
        let rows = present.map(|(id, participant)| ParticipantRow {
            participant: *id,
            room: participant.room(),
            hears: participant.hears(),
            role: participant.role(),
            receives: participant.receives(),
            peers: participant.peers().iter().copied().collect(),
        });
        let participants = rows.collect();
        let tracks = model.tracks().iter().filter_map(|(id, track)| {
            let publisher = model.participants().get(&track.publisher)?;
            Some(TrackRow {
                track: *id,
                publisher: track.publisher,
                peer: track.peer,
                shard: model.peers().get(&track.peer)?.shard,
                role: publisher.role(),
                source: track.source,
                kind: kind_of(track.source),
                muted: publisher.muted(track.source),
                bps_max: publisher.bps_max(track.source),
                audience: publisher.audience(track.source),
                audience_epoch: epoch,
            })
        });
        let tracks = tracks.collect();
        let shards = model.peers().iter().map(|(id, peer)| (*id, peer.shard)).collect();
        let mut picture = Picture { participants, tracks, shards };
        picture.keep_audience_epochs(before);
        picture
    }

    /// Gives tracks that are spoken as before their audience epoch back.
    fn keep_audience_epochs(&mut self, before: &Picture) {
        let rooms_now = self.rooms_of_participants();
        let rooms_then = before.rooms_of_participants();
        for (now, then) in in_both_mut(&mut self.tracks, &before.tracks, |row| row.track) {
            let same_room = rooms_now.get(&now.publisher) == rooms_then.get(&then.publisher);
            if same_room && is_spoken_alike(now, then) {
                now.audience_epoch = then.audience_epoch;
            }
        }
    }

    fn rooms_of_participants(&self) -> BTreeMap<ParticipantId, RoomId> {
        self.participants.iter().map(|row| (row.participant, row.room)).collect()
    }

    /// What `self` and `next` have in common, with the rooms and roles of `self` and the audience
    /// epochs of `next`: the table of the revoke epoch between the two.
    pub fn meet(&self, next: &Picture) -> Picture {
        let participants = in_both(&self.participants, &next.participants, |row| row.participant);
        let tracks = in_both(&self.tracks, &next.tracks, |row| row.track);
        let shards = self.shards.iter().filter(|(peer, _)| next.shards.contains_key(peer));
        Picture {
            participants: participants.map(|(old, new)| meet_participants(old, new)).collect(),
            tracks: tracks.map(|(old, new)| meet_tracks(old, new)).collect(),
            shards: shards.map(|(peer, shard)| (*peer, *shard)).collect(),
        }
    }

    /// Whether both say the same, whatever their audience epochs.
    pub fn says_as(&self, other: &Picture) -> bool {
        let rows_alike = |(a, b): (&TrackRow, &TrackRow)| {
            let TrackRow { track, publisher, peer, role, source, kind, muted, audience, .. } = a;
            *track == b.track
                && a.bps_max == b.bps_max
                && (*publisher, *peer, *source, *kind) == (b.publisher, b.peer, b.source, b.kind)
                && (*role, *muted, audience) == (b.role, b.muted, &b.audience)
        };
        self.participants == other.participants
            && self.shards == other.shards
            && self.tracks.len() == other.tracks.len()
            && self.tracks.iter().zip(&other.tracks).all(rows_alike)
    }

    /// What `shard` gets: all rows, of the peers only its own.
    pub fn for_shard(
        &self,
        meeting: MeetingId,
        main: RoomId,
        epoch: Epoch,
        shard: ShardIndex,
    ) -> MeetingTable {
        let mut participants = self.participants.clone();
        for row in &mut participants {
            row.peers.retain(|peer| self.shards.get(peer) == Some(&shard));
        }
        let tracks = self.tracks.clone();
        let shards: BTreeSet<ShardIndex> = self.shards.values().copied().collect();
        let shards = shards.into_iter().collect();
        MeetingTable { meeting, epoch, main, shards, participants, tracks }
    }

    /// Participants, ascending.
    pub fn participants(&self) -> &[ParticipantRow] {
        &self.participants
    }

    /// Tracks, ascending.
    pub fn tracks(&self) -> &[TrackRow] {
        &self.tracks
    }
}

/// Whether the same people may have been spoken to, as far as the track's side of the rule goes.
fn is_spoken_alike(a: &TrackRow, b: &TrackRow) -> bool {
    a.muted == b.muted && a.role == b.role && a.audience == b.audience
}

fn meet_participants(old: &ParticipantRow, new: &ParticipantRow) -> ParticipantRow {
    let heard = in_both(&old.hears.rooms, &new.hears.rooms, |entry| entry.0)
        .map(|(was, is)| (was.0, was.1.intersect(is.1)))
        .filter(|entry| entry.1 != Kinds::NONE);
    ParticipantRow {
        participant: old.participant,
        room: old.room,
        hears: Hears { rooms: heard.collect() },
        role: old.role,
        receives: Roles(old.receives.0 & new.receives.0),
        peers: in_both(&old.peers, &new.peers, |peer| *peer).map(|pair| *pair.0).collect(),
    }
}

fn meet_tracks(old: &TrackRow, new: &TrackRow) -> TrackRow {
    // No single role stands for "received under the old role and under the new one": to nobody,
    // then.
    let audience = if old.role == new.role {
        meet_audiences(&old.audience, &new.audience)
    } else {
        Audience::default()
    };
    let bps_max = [old.bps_max, new.bps_max].into_iter().flatten().min();
    TrackRow { role: old.role, muted: old.muted || new.muted, bps_max, audience, ..new.clone() }
}

fn meet_audiences(old: &Audience, new: &Audience) -> Audience {
    let rooms = in_both(&old.rooms, &new.rooms, |room| *room);
    let participants = in_both(&old.participants, &new.participants, |participant| *participant);
    Audience {
        rooms: rooms.map(|pair| *pair.0).collect(),
        participants: participants.map(|pair| *pair.0).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::control::api::Change;
    use crate::control::reference::{Edges, MAIN, World, edges, edges_of_rows, happenings};
    use crate::route::id::{Source, TrackId};
    use crate::route::table::{Role, Roles};
    use crate::wire::media::Kind;

    fn ascends<T, K: Ord>(rows: &[T], key: impl Fn(&T) -> K) -> bool {
        rows.windows(2).all(|pair| key(&pair[0]) < key(&pair[1]))
    }

    /// Every edge whose two rows are alike in both.
    fn untouched(old: &Picture, new: &Picture) -> Edges {
        let tracks = in_both(&old.tracks, &new.tracks, |row| row.track);
        let tracks = tracks.filter(|(was, is)| {
            (&was.audience, was.role, was.muted) == (&is.audience, is.role, is.muted)
        });
        let tracks: Vec<_> = tracks.map(|pair| pair.0.clone()).collect();
        let people = in_both(&old.participants, &new.participants, |row| row.participant);
        let people = people.filter(|(was, is)| {
            (&was.hears, was.receives, &was.peers) == (&is.hears, is.receives, &is.peers)
        });
        let people: Vec<_> = people.map(|pair| pair.0.clone()).collect();
        edges_of_rows(&tracks, &people)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(250))]

        #[test]
        fn tables_say_what_the_model_says(script in happenings(1..40)) {
            let mut world = World::new(3);
            let mut before = Picture::default();
            let mut spoken_before = BTreeMap::new();
            for (epoch, happening) in (1..).map(Epoch).zip(&script) {
                world.happen(happening);
                let picture = Picture::of(&world.model, &before, epoch);
                prop_assert_eq!(edges(&picture), world.oracle.edges());

                let spoken = world.oracle.spoken();
                for row in picture.tracks() {
                    let changed = spoken_before.get(&row.track) != spoken.get(&row.track);
                    prop_assert_eq!(row.audience_epoch == epoch, changed, "{:?}", row);
                }
                spoken_before = spoken;
                before = picture;
            }
        }

        #[test]
        fn what_is_in_common_is_entitled_before_and_after(
            first in happenings(0..25), second in happenings(0..8),
        ) {
            let mut world = World::new(3);
            first.iter().for_each(|happening| world.happen(happening));
            let old = Picture::of(&world.model, &Picture::default(), Epoch(1));
            let edges_old = world.oracle.edges();
            second.iter().for_each(|happening| world.happen(happening));
            let new = Picture::of(&world.model, &old, Epoch(2));
            let edges_new = world.oracle.edges();

            let common = old.meet(&new);
            let edges_common = edges(&common);
            prop_assert!(edges_common.is_subset(&edges_old));
            prop_assert!(edges_common.is_subset(&edges_new));
            prop_assert!(untouched(&old, &new).is_subset(&edges_common), "no more than needed");
            for row in common.tracks() {
                let now = new.tracks().iter().find(|other| other.track == row.track).unwrap();
                prop_assert_eq!(row.audience_epoch, now.audience_epoch, "already in the revoke");
            }
            for row in common.participants() {
                let mut was = old.participants().iter();
                let was = was.find(|was| was.participant == row.participant).unwrap();
                prop_assert_eq!(row.room, was.room, "the old room until the grant");
            }
            let nothing_to_do = common.says_as(&old) && common.says_as(&new);
            prop_assert_eq!(old.says_as(&new), nothing_to_do);
            prop_assert!(old.meet(&old).says_as(&old) && old.meet(&old) == old);
        }

        #[test]
        fn each_shard_gets_all_rows_and_its_own_peers(script in happenings(1..30)) {
            let mut world = World::new(3);
            script.iter().for_each(|happening| world.happen(happening));
            let picture = Picture::of(&world.model, &Picture::default(), Epoch(7));
            let mut edges_of_shards = Edges::new();
            for shard in (0..3).map(ShardIndex) {
                let table = picture.for_shard(MeetingId(1), MAIN, Epoch(7), shard);
                prop_assert!(ascends(&table.participants, |row| row.participant));
                prop_assert!(ascends(&table.tracks, |row| row.track));
                prop_assert_eq!(&table.tracks, picture.tracks());
                for row in &table.participants {
                    let own = world.model.peers().iter().filter(|(_, peer)| peer.shard == shard);
                    let own = own.filter(|(_, peer)| peer.participant == row.participant);
                    prop_assert_eq!(&row.peers, &own.map(|p| *p.0).collect::<Vec<_>>());
                    prop_assert!(ascends(&row.hears.rooms, |entry| entry.0));
                }
                for row in &table.tracks {
                    prop_assert!(ascends(&row.audience.rooms, |room| *room));
                    prop_assert!(ascends(&row.audience.participants, |who| *who));
                }
                edges_of_shards.extend(edges_of_rows(&table.tracks, &table.participants));
            }
            prop_assert_eq!(edges_of_shards, world.oracle.edges(), "none is lost between shards");
        }
    }

    /// Speaker 1 and listener 2, both with a microphone, in the main room; one change; who has what
    /// in between and after.
    #[test]
    fn one_change_at_a_time() {
        const A: ParticipantId = ParticipantId(1);
        const B: ParticipantId = ParticipantId(2);
        const SIDE: RoomId = RoomId(2);
        let audio = Kinds::only(Kind::Audio);
        let to = |rooms: &[RoomId], people: &[ParticipantId]| {
            Some(Audience { rooms: rooms.to_vec(), participants: people.to_vec() })
        };
        let speak =
            |audience| Change::Audience { participant: A, source: Source::Microphone, audience };
        let go = |participant| Change::Move { participant, room: SIDE };
        let mute = |muted| Change::Mute { participant: A, source: Source::Microphone, muted };
        let role = Change::Role { participant: A, role: Role(3), receives: Roles::ALL };
        let listen = |kinds| Change::Hear { participant: B, room: MAIN, kinds };
        // before, then; B hears A: before, in the revoke epoch, after; A's audience epoch is new.
        for (first, then, heard, cut) in [
            (vec![], vec![go(A)], [true, false, false], true),
            (vec![], vec![go(B)], [true, false, false], false),
            (vec![], vec![go(A), go(B)], [true, false, true], true),
            (vec![go(A)], vec![go(B)], [false, false, true], false),
            (vec![go(B)], vec![listen(audio)], [false, false, true], false),
            (vec![listen(audio)], vec![go(B)], [true, true, true], false),
            (vec![listen(Kinds::only(Kind::Video))], vec![go(B)], [true, false, false], false),
            (vec![go(B), listen(audio)], vec![listen(Kinds::NONE)], [true, false, false], false),
            (vec![], vec![mute(true)], [true, false, false], true),
            (vec![mute(true)], vec![mute(false)], [false, false, true], true),
            (vec![], vec![role], [true, false, true], true),
            (vec![], vec![speak(to(&[], &[]))], [true, false, false], true),
            (vec![], vec![speak(to(&[MAIN, SIDE], &[]))], [true, true, true], true),
            (vec![], vec![speak(to(&[], &[B]))], [true, false, true], true),
            (vec![speak(to(&[MAIN], &[]))], vec![speak(None)], [true, true, true], false),
            (vec![speak(to(&[], &[B]))], vec![go(B)], [true, true, true], false),
            (vec![speak(to(&[], &[B]))], vec![go(A)], [true, true, true], true),
            (vec![], vec![go(A), Change::Move { participant: A, room: MAIN }], [true; 3], false),
        ] {
            let mut model = Meeting::new(MeetingId(1), MAIN);
            model.open_room(SIDE);
            for (who, peer) in [(A, 11), (B, 12)] {
                model.admit(who, MAIN, Role(0), Roles::ALL).unwrap();
                let tracks = [(TrackId(peer), Source::Microphone)];
                model.add_peer(PeerId(peer), who, ShardIndex(0), &tracks).unwrap();
            }
            model.change(&first).unwrap();
            let old = Picture::of(&model, &Picture::default(), Epoch(1));
            model.change(&then).unwrap();
            let new = Picture::of(&model, &old, Epoch(2));
            let hears = |picture: &Picture| edges(picture).contains(&(TrackId(11), B));
            let all = [hears(&old), hears(&old.meet(&new)), hears(&new)];
            assert_eq!(all, heard, "{first:?} then {then:?}");
            let epoch = new.tracks()[0].audience_epoch;
            assert_eq!(epoch == Epoch(2), cut, "{first:?} then {then:?}");
        }
    }
}
