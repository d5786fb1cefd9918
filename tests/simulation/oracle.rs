//! Judges every packet at the moment the relay submits it, and again when it is complete: until then
//! it may be on its way.
//!
//! 1. *Room*: the publisher and the subscriber were in one room, as far as the model can have said by
//!    now: before a change is acknowledged that is the old room or the new one, afterwards the new one only.
//!    Or the publisher speaks to all rooms, or the subscriber monitors the publisher's room, by the same rule.
//! 2. *Table*: the table in force on the subscriber's shard entitles the subscriber, by the slow rule.
//! 3. *Cut*: the packet reached the relay after the publisher's shard took the audience that the
//!    subscriber's shard has a table of, and before it took the next.
//! 4. *Once*: no index of an outgoing SSRC is sealed twice (the subscriber's replay window refuses it).
//! 5. *Revoke before grant*: a table that entitles anybody anew finds nothing in flight that it does not
//!    entitle.

use std::collections::{BTreeMap, BTreeSet};

use ringfence::crypto::{OpenError, ReplayWindow};
use ringfence::route::id::{Epoch, ParticipantId, RoomId, ShardIndex};
use ringfence::route::table::{Kinds, MeetingTable, ParticipantRow, TableChange, TrackRow};
use ringfence::wire::demux::Class;
use ringfence::wire::media::Kind;
use ringfence::wire::rtp::Rtp;

use crate::client::{Client, Tag};

/// Where somebody may be, as far as the model can have said.
#[derive(Clone, Debug)]
pub struct Whereabouts {
    pub now: RoomId,
    /// The rooms it was in or on its way to since changes are under way.
    pub leaving: Vec<RoomId>,
}

/// Whether a source is spoken to all rooms.
#[derive(Clone, Copy, Debug, Default)]
pub struct Announcing {
    pub now: bool,
    pub maybe: bool,
}

/// Which rooms somebody hears and sees from elsewhere (N5).
#[derive(Clone, Debug, Default)]
pub struct Monitoring {
    pub now: BTreeMap<RoomId, Kinds>,
    /// What it was since changes are under way.
    pub maybe: Vec<(RoomId, Kinds)>,
}

impl Monitoring {
    /// From now on this, and until that is in force what it was.
    pub fn set(&mut self, room: RoomId, kinds: Kinds) {
        let before = if kinds == Kinds::NONE {
            self.now.remove(&room)
        } else {
            self.now.insert(room, kinds)
        };
        self.maybe.extend(before.map(|kinds| (room, kinds)));
    }

    fn has(&self, said: &[RoomId], kind: Kind) -> bool {
        let now = self.now.iter().map(|(room, kinds)| (*room, *kinds));
        let mut all = now.chain(self.maybe.iter().copied());
        all.any(|(room, kinds)| said.contains(&room) && kinds.contains(kind))
    }
}

/// A submission: by which shard, and its number there.
pub type Sent = (ShardIndex, u64);

#[derive(Default)]
pub struct Oracle {
    pub rooms: BTreeMap<ParticipantId, Whereabouts>,
    /// Who speaks to all rooms by which source: now, or since changes are under way.
    pub announcing: BTreeMap<(ParticipantId, bool), Announcing>,
    pub monitoring: BTreeMap<ParticipantId, Monitoring>,
    /// Packets for somebody who is in another room and monitors.
    pub monitored: u64,
    tables: BTreeMap<ShardIndex, MeetingTable>,
    /// Per source: the highest packet that reached the shard.
    reached: BTreeMap<(ParticipantId, bool), u64>,
    /// Per source: since which epoch it is said to whom, and the highest packet before that.
    cuts: BTreeMap<(ParticipantId, bool), Vec<(Epoch, u64)>>,
    windows: BTreeMap<(ParticipantId, u32), ReplayWindow>,
    /// What is submitted and not complete: number of the submission, for whom, what.
    in_flight: Vec<(Sent, ParticipantId, Tag)>,
    /// Who was heard by whom since the last `forget_heard`.
    pub heard: BTreeMap<ParticipantId, BTreeSet<(ParticipantId, bool)>>,
    pub violations: Vec<String>,
    pub judged: u64,
    pub repairs: u64,
    pub digest: u64,
}

impl Oracle {
    /// A packet of a client reached the shard, first time or again.
    pub fn reaches(&mut self, tag: Tag) {
        let highest = self.reached.entry((tag.publisher, tag.video)).or_default();
        *highest = tag.index.max(*highest);
    }

    /// A shard takes what is other than in the table it has.
    pub fn follows(&mut self, shard: ShardIndex, change: &TableChange) {
        let mut table = self.tables[&shard].clone();
        table.follow(change);
        self.installs(shard, table);
    }

    /// A shard takes a table.
    pub fn installs(&mut self, shard: ShardIndex, table: MeetingTable) {
        for row in table.tracks.iter().filter(|row| row.shard == shard) {
            let source = (row.publisher, row.kind == Kind::Video);
            let cuts = self.cuts.entry(source).or_default();
            if cuts.last().is_none_or(|cut| cut.0 != row.audience_epoch) {
                let reached = self.reached.get(&source).copied().unwrap_or(0);
                cuts.push((row.audience_epoch, reached));
            }
        }
        let wanted = edges(&table);
        let granted = self.tables.get(&shard).map(edges).unwrap_or_default();
        if !wanted.is_subset(&granted) {
            let alien = |(_, who, tag): &&(Sent, ParticipantId, Tag)| {
                !wanted.contains(&(tag.publisher, tag.video, *who))
            };
            if let Some((_, who, tag)) = self.in_flight.iter().find(alien).copied() {
                self.violation(format!("granted while {tag:?} was in flight to {who:?}"));
            }
        }
        self.tables.insert(shard, table);
    }

    /// Submissions that the kernel is done with: up to now they may have been sent.
    pub fn completes(&mut self, complete: impl Fn(Sent) -> bool) {
        let done: Vec<_> = self.in_flight.extract_if(.., |entry| complete(entry.0)).collect();
        for (_, who, tag) in done {
            self.judge_room(who, tag);
        }
    }

    /// The relay submits one datagram to somebody whose peer is gone.
    pub fn goodbye(&mut self, what: Class) {
        if what == Class::Rtp {
            self.violation("media for somebody who has left".into());
        }
    }

    /// The relay submits one datagram of SRTP to a client.
    pub fn judge(&mut self, sent: Sent, client: &Client, datagram: &[u8]) {
        let mut copy = datagram.to_vec();
        let Ok(rtp) = Rtp::parse(&copy) else { return self.violation("not RTP".into()) };
        let (ssrc, header_len) = (rtp.ssrc(), rtp.header_len());
        let window = self.windows.entry((client.participant, ssrc.0)).or_default();
        let len = match client.opener.open_rtp(window, header_len, &mut copy) {
            Ok((_, len)) => len,
            Err(OpenError::Replayed) => return self.violation(format!("{ssrc:?} sealed twice")),
            Err(error) => return self.violation(format!("{ssrc:?}: {error:?}")),
        };
        let Some(tag) = Tag::find(&copy[header_len..len]) else {
            return self.violation(format!("{ssrc:?}: nobody said this"));
        };
        self.judged += 1;
        self.repairs += u64::from(client.slots.iter().any(|slot| slot.1 == Some(ssrc)));
        self.digest = (self.digest ^ tag.index ^ u64::from(ssrc.0) << 32)
            .wrapping_mul(0x0000_0100_0000_01B3)
            .wrapping_add(tag.publisher.0);
        self.heard.entry(client.participant).or_default().insert((tag.publisher, tag.video));
        self.in_flight.push((sent, client.participant, tag));
        self.judge_room(client.participant, tag);
        self.judge_table(sent.0, client.participant, tag);
    }

    fn judge_room(&mut self, subscriber: ParticipantId, tag: Tag) {
        let of = |who| {
            let at = self.rooms.get(&who)?;
            Some(at.leaving.iter().copied().chain([at.now]).collect::<Vec<_>>())
        };
        let (Some(said), Some(heard)) = (of(tag.publisher), of(subscriber)) else {
            return self.violation(format!("{tag:?} or {subscriber:?} is in no room"));
        };
        let announcing = self.announcing.get(&(tag.publisher, tag.video));
        let to_all = announcing.is_some_and(|announcing| announcing.maybe);
        if to_all || said.iter().any(|room| heard.contains(room)) {
            return;
        }
        // One way only: those who are monitored are in no such list of their own.
        let kind = if tag.video { Kind::Video } else { Kind::Audio };
        let monitoring = self.monitoring.get(&subscriber);
        if monitoring.is_some_and(|monitoring| monitoring.has(&said, kind)) {
            self.monitored += 1;
        } else {
            self.violation(format!(
                "{tag:?} said in {said:?}, sealed for {subscriber:?} in {heard:?}"
            ));
        }
    }

    fn judge_table(&mut self, shard: ShardIndex, subscriber: ParticipantId, tag: Tag) {
        let kind = if tag.video { Kind::Video } else { Kind::Audio };
        let rows = self.tables.get(&shard).and_then(|table| {
            let row = table.participants.iter().find(|row| row.participant == subscriber)?;
            let mut tracks = table.tracks.iter();
            Some((row, tracks.find(|row| row.publisher == tag.publisher && row.kind == kind)?))
        });
        let entitled = rows.filter(|(row, track)| !track.muted && entitled(track, row));
        let Some((_, track)) = entitled else {
            return self.violation(format!(
                "{tag:?} for {subscriber:?}: not entitled by the table in force"
            ));
        };
        let cuts = self.cuts.get(&(tag.publisher, tag.video)).map_or(&[][..], Vec::as_slice);
        let said_in = cuts.iter().rfind(|cut| cut.1 < tag.index).map(|cut| cut.0);
        let wanted = track.audience_epoch;
        if said_in < Some(wanted) {
            self.violation(format!("{tag:?} was said before the cut at {wanted:?}"));
        } else if said_in > Some(wanted) {
            self.violation(format!("{tag:?} was said after {wanted:?}, which the table is of"));
        }
    }

    fn violation(&mut self, what: String) {
        self.violations.push(what);
    }

    pub fn forget_heard(&mut self) {
        self.heard.clear();
    }
}

/// Who is entitled to which source by a table: publisher, whether it is video, subscriber.
fn edges(table: &MeetingTable) -> BTreeSet<(ParticipantId, bool, ParticipantId)> {
    let mut edges = BTreeSet::new();
    for track in table.tracks.iter().filter(|track| !track.muted) {
        for row in table.participants.iter().filter(|row| entitled(track, row)) {
            edges.insert((track.publisher, track.kind == Kind::Video, row.participant));
        }
    }
    edges
}

/// DESIGN.md §4, without any of the relay's code.
fn entitled(track: &TrackRow, row: &ParticipantRow) -> bool {
    let heard = row.hears.rooms.iter().filter(|(_, kinds)| kinds.contains(track.kind));
    let by_room = heard.into_iter().any(|(room, _)| track.audience.rooms.contains(room));
    track.publisher != row.participant
        && row.receives.0 >> track.role.0 & 1 == 1
        && (by_room || track.audience.participants.contains(&row.participant))
}
