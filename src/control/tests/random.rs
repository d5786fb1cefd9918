//! Everything at random: several meetings on several slow shards with short queues. The shards
//! check the order of what they are told; in the end every table is what the last request made of
//! it.

use proptest::prelude::*;
use tokio::sync::oneshot;

use super::fake::Stage;
use crate::control::api::{Change, Refusal};
use crate::control::request::{Request, Wanted};
use crate::route::id::{MeetingId, ParticipantId, PeerId, RoomId, Source};
use crate::shard::command::{Gone, Report};

/// A meeting as its users know it.
struct Known {
    meeting: MeetingId,
    rooms: Vec<RoomId>,
    people: Vec<(ParticipantId, RoomId)>,
    peers: Vec<(PeerId, ParticipantId)>,
}

struct Crowd {
    stage: Stage,
    meetings: Vec<Known>,
    pending: Vec<oneshot::Receiver<Result<(), Refusal>>>,
}

fn pick<T>(list: &[T], choice: u8) -> Option<usize> {
    (!list.is_empty()).then(|| usize::from(choice) % list.len())
}

impl Crowd {
    fn step(&mut self, (what, which, a, b): (u8, u8, u8, u8)) -> Option<()> {
        let at = pick(&self.meetings, which)?;
        let known = &mut self.meetings[at];
        let meeting = known.meeting;
        match what % 20 {
            0 | 1 => {
                let room = known.rooms[pick(&known.rooms, a)?];
                let who = self.stage.admit(meeting, room);
                known.people.push((who, room));
                known.peers.push((self.stage.join(meeting, who).peer, who));
            }
            2 => {
                let who = known.people[pick(&known.people, a)?].0;
                known.peers.push((self.stage.join(meeting, who).peer, who));
            }
            3 => {
                let (peer, _) = known.peers.swap_remove(pick(&known.peers, a)?);
                self.pending.push(self.stage.ask(|reply| Request::RemovePeer(peer, reply)));
            }
            4 => {
                let (who, _) = known.people.swap_remove(pick(&known.people, a)?);
                known.peers.retain(|peer| peer.1 != who);
                self.pending.push(self.stage.ask(|reply| Request::Dismiss(meeting, who, reply)));
            }
            5..=7 => {
                let to = known.rooms[pick(&known.rooms, b)?];
                let person = pick(&known.people, a)?;
                known.people[person].1 = to;
                let moved = vec![Change::Move { participant: known.people[person].0, room: to }];
                self.pending.push(self.stage.ask(|reply| Request::Change(meeting, moved, reply)));
            }
            8 => {
                let participant = known.people[pick(&known.people, b)?].0;
                let wanted = vec![Wanted { participant, source: Source::Camera, height: a.into() }];
                let peer = known.peers[pick(&known.peers, a)?].0;
                self.stage.now(|reply| Request::View(peer, wanted, reply)).unwrap();
            }
            9 => {
                // A peer ends by itself, if its shard has it.
                let (peer, _) = known.peers[pick(&known.peers, a)?];
                let shards = &self.stage.shards;
                let home = shards.iter().find(|shard| shard.books().peers.contains_key(&peer))?;
                home.books().peers.remove(&peer);
                home.books().reports.push_back(Report::Gone(peer, Gone::Closed));
                known.peers.retain(|known| known.0 != peer);
                self.stage.control.collect();
            }
            10 if b < 60 => {
                let gone = self.meetings.swap_remove(at).meeting;
                self.pending.push(self.stage.ask(|reply| Request::CloseMeeting(gone, reply)));
            }
            11 if self.meetings.len() < 5 => self.open(),
            12..=15 => _ = self.stage.shards[pick(&self.stage.shards, a)?].books().work(),
            16 | 17 => self.stage.shards[pick(&self.stage.shards, a)?].books().acknowledge(),
            _ => self.stage.control.collect(),
        }
        Some(())
    }

    fn open(&mut self) {
        let (meeting, main, side) = self.stage.meeting();
        let rooms = vec![main, side];
        self.meetings.push(Known { meeting, rooms, people: Vec::new(), peers: Vec::new() });
    }

    /// Every shard has the tables of the meetings of its peers and no others, and they are right.
    fn check(&self) -> Result<(), TestCaseError> {
        for shard in &self.stage.shards {
            let books = shard.books();
            let mut tables = 0;
            for known in &self.meetings {
                let here = |peer: &PeerId| books.peers.contains_key(peer);
                let Some(table) = books.tables.get(&known.meeting) else {
                    prop_assert!(!known.peers.iter().any(|(peer, _)| here(peer)));
                    continue;
                };
                tables += 1;
                let named = table
                    .participants
                    .iter()
                    .flat_map(|row| row.peers.iter().map(|peer| (*peer, row.participant)));
                let mut named: Vec<_> = named.collect();
                named.sort();
                let mut own: Vec<_> = known.peers.iter().copied().filter(|p| here(&p.0)).collect();
                own.sort();
                prop_assert_eq!(named, own);
                for row in &table.participants {
                    let person = known.people.iter().find(|person| person.0 == row.participant);
                    prop_assert_eq!(row.room, person.unwrap().1);
                    prop_assert_eq!(row.hears.rooms.len(), 1);
                    prop_assert_eq!(row.hears.rooms[0].0, row.room);
                }
                for row in &table.tracks {
                    let person = known.people.iter().find(|person| person.0 == row.publisher);
                    prop_assert_eq!(&row.audience.rooms, &[person.unwrap().1]);
                }
                prop_assert_eq!(table.tracks.len(), 2 * known.peers.len());
            }
            prop_assert_eq!(books.tables.len(), tables, "nothing of meetings that are over");
        }
        let all: usize = self.stage.shards.iter().map(|shard| shard.books().peers.len()).sum();
        prop_assert_eq!(all, self.meetings.iter().map(|known| known.peers.len()).sum::<usize>());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn in_the_end_everybody_is_where_they_should_be(
        script in prop::collection::vec(any::<(u8, u8, u8, u8)>(), 1..150), capacity in 1..6_usize,
    ) {
        let stage = Stage::new(3, capacity);
        let mut crowd = Crowd { stage, meetings: Vec::new(), pending: Vec::new() };
        crowd.open();
        crowd.open();
        for choices in script {
            crowd.step(choices);
        }
        crowd.stage.settle();
        crowd.check()?;
        for answer in &mut crowd.pending {
            prop_assert_eq!(answer.try_recv(), Ok(Ok(())));
        }
    }
}
