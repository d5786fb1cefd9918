//! Two shards: a publisher on one, subscribers on the other.

mod endings;
mod feedback;
mod order;

use std::collections::VecDeque;

use super::*;
use crate::route::packet::SourceIndex;
use crate::shard::mesh::{Carried, Class, Facts, Mesh, Message, Signal};

const HOME: usize = 0;
const AWAY: usize = 1;
const PUBLISHER: u64 = 1;
const LISTENER: u64 = 2;
const LATE: u64 = 3;
const VOICE: u32 = 11;
const CAMERA: u32 = 12;

/// A message on its way.
enum Owned {
    Packet(Facts, Vec<u8>, Vec<u8>),
    Signal(Signal),
}

/// What is on its way from one of two shards to the other.
#[derive(Default)]
struct Way {
    messages: VecDeque<(Instant, Owned)>,
    /// How many fit.
    capacity: usize,
    /// So many messages more find no room, though the next do: the other end made some meanwhile.
    full_for: usize,
    refused: [u32; 3],
}

/// The ways as one of the shards sees them.
struct Ends<'a> {
    own: usize,
    now: Instant,
    ways: &'a mut [Way; 2],
    ended: bool,
}

impl Mesh for Ends<'_> {
    fn send(&mut self, to: ShardIndex, message: &Message<'_>) -> bool {
        assert_ne!(to.0, self.own);
        let way = &mut self.ways[self.own];
        let class = message.class();
        let is_full = way.messages.len() + class.reserve(way.capacity) >= way.capacity;
        if is_full || way.full_for > 0 {
            way.full_for = way.full_for.saturating_sub(1);
            way.refused[class as usize] += 1;
            return false;
        }
        let owned = match message {
            Message::Packet(Carried { facts, descriptor, payload }) => {
                Owned::Packet(*facts, descriptor.to_vec(), payload.to_vec())
            }
            Message::Signal(signal) => Owned::Signal(*signal),
        };
        way.messages.push_back((self.now, owned));
        true
    }

    fn receive(&mut self, take: &mut impl FnMut(ShardIndex, Instant, Message<'_>)) {
        let from = 1 - self.own;
        for (sent, owned) in self.ways[from].messages.drain(..) {
            match &owned {
                Owned::Packet(facts, descriptor, payload) => {
                    let carried = Carried { facts: *facts, descriptor, payload };
                    take(ShardIndex(from), sent, Message::Packet(carried));
                }
                Owned::Signal(signal) => take(ShardIndex(from), sent, Message::Signal(*signal)),
            }
        }
    }

    fn ended(&mut self) -> Option<ShardIndex> {
        std::mem::take(&mut self.ended).then_some(ShardIndex(1 - self.own))
    }
}

struct Two {
    shards: [Bench; 2],
    ways: [Way; 2],
}

impl Two {
    /// Somebody with voice and camera at home, somebody with ears and eyes away, in one room; both
    /// are said to be live.
    fn new() -> (Self, Far, Far) {
        let now = Instant::now();
        let mut two = Self {
            shards: [HOME, AWAY].map(|shard| Bench::on(ShardIndex(shard), now)),
            ways: [HOME, AWAY].map(|_| Way { capacity: 256, ..Way::default() }),
        };
        let offer: Offer<'_> = &[
            (Source::Microphone, &[(VOICE, None)]),
            (Source::Camera, &[(CAMERA, Some(CAMERA + 100))]),
        ];
        let mut publisher = two.shards[HOME].join(PUBLISHER, offer, &[]);
        let listener = two.shards[AWAY].join(LISTENER, &[], &[Kind::Audio, Kind::Video]);
        two.share_tables();
        two.say(&mut publisher, 0);
        two.settle();
        (two, publisher, listener)
    }

    /// Who joined either shard is in the tables of both.
    fn share_tables(&mut self) {
        let mut table = self.shards[HOME].table.clone();
        table.shards = vec![ShardIndex(HOME), ShardIndex(AWAY)];
        let known: Vec<_> = table.participants.iter().map(|row| row.participant).collect();
        let away = self.shards[AWAY].table.participants.iter();
        let new = away.filter(|row| !known.contains(&row.participant)).cloned();
        table.participants.extend(new);
        self.shards.iter_mut().for_each(|bench| bench.table = table.clone());
        self.install(HOME);
        self.install(AWAY);
    }

    /// The table as it stands, on one shard: with peers of its own only.
    fn install(&mut self, shard: usize) {
        let bench = &mut self.shards[shard];
        let whole = bench.table.clone();
        for row in &mut bench.table.participants {
            let lives_at = if row.participant.0 == PUBLISHER { HOME } else { AWAY };
            row.peers.retain(|_| lives_at == shard);
        }
        bench.install();
        bench.table.participants = whole.participants;
    }

    /// The same change of both tables; installed on neither.
    fn change(&mut self, change: impl Fn(&mut Bench)) {
        self.shards.iter_mut().for_each(change);
    }

    fn both(&mut self, change: impl Fn(&mut Bench)) {
        self.change(change);
        self.install(HOME);
        self.install(AWAY);
    }

    /// A voice packet and a keyframe, both numbered `seq`.
    fn say(&mut self, far: &mut Far, seq: u16) {
        let voice = far.say(VOICE, OPUS, seq, &[(1, &[10])], &[seq as u8; 20]);
        self.shards[HOME].take(far, voice);
        let picture = far.picture(CAMERA, seq, true);
        self.shards[HOME].take(far, picture);
    }

    /// One turn of one shard.
    fn turn(&mut self, shard: usize) {
        self.turn_with(shard, false);
    }

    fn turn_with(&mut self, shard: usize, ended: bool) {
        let Bench { shard: world, now, queue, reports, .. } = &mut self.shards[shard];
        let mut ends = Ends { own: shard, now: *now, ways: &mut self.ways, ended };
        world.take_over(*now, &mut ends);
        world.handle_timeout(*now);
        world.hand_over(*now, &mut ends);
        world.egress(*now, queue);
        reports.extend(std::iter::from_fn(|| world.poll_report()));
    }

    /// Turns of both until nothing is on its way.
    fn settle(&mut self) {
        for _ in 0..4 {
            self.turn(HOME);
            self.turn(AWAY);
        }
        assert!(self.ways.iter().all(|way| way.messages.is_empty()));
    }

    fn pass(&mut self, span: Duration) {
        for _ in 0..span.as_millis() / 20 {
            self.shards.iter_mut().for_each(|bench| bench.now += ms(20));
            self.settle();
        }
    }

    fn heard(&mut self, far: &mut Far) -> Vec<Got> {
        self.shards[AWAY].media(far)
    }

    fn packets_on_the_way(&self) -> usize {
        let packets = self.ways[HOME].messages.iter();
        packets.filter(|message| matches!(message.1, Owned::Packet(..))).count()
    }
}

#[test]
fn a_room_over_two_shards_hears_and_sees() {
    let (mut two, mut publisher, mut listener) = Two::new();
    two.heard(&mut listener);
    for seq in 1..5 {
        two.say(&mut publisher, seq);
        two.settle();
        let got = two.heard(&mut listener);
        assert_eq!(got.len(), 2, "{got:?}");
        assert!(got.iter().any(|got| got.payload == [seq as u8; 20]));
        assert!(got.iter().any(|got| got.payload == vp8(seq, true)));
    }
    assert_eq!(two.shards[HOME].count(Counter::ForwardedPackets), 0, "nobody listens there");
    assert_eq!(two.shards[AWAY].count(Counter::ReceivedPackets), 0, "opened at home only");
}

#[test]
fn what_nobody_wants_does_not_travel() {
    let (mut two, mut publisher, mut listener) = Two::new();
    let copies = |two: &mut Two, publisher: &mut Far, seq| {
        two.say(publisher, seq);
        two.turn(HOME);
        let packets = two.packets_on_the_way();
        two.settle();
        packets
    };
    assert_eq!(copies(&mut two, &mut publisher, 1), 2, "one copy each");
    two.both(|bench| bench.listen_to(LISTENER, SIDE));
    two.settle();
    assert_eq!(copies(&mut two, &mut publisher, 2), 0);
    two.heard(&mut listener);
    two.both(|bench| bench.listen_to(LISTENER, MAIN));
    two.settle();
    assert_eq!(copies(&mut two, &mut publisher, 3), 2);
    assert_eq!(two.heard(&mut listener).len(), 2);
    two.shards[AWAY]
        .shard
        .handle_command(two.shards[AWAY].now, Command::RemovePeer(PeerId(LISTENER)));
    two.settle();
    assert_eq!(copies(&mut two, &mut publisher, 4), 0, "gone");
}

/// What was on its way when the publisher's audience changed is refused, whichever shard has the
/// new table first; so is what is ahead of the table.
#[test]
fn a_cut_holds_across_the_mesh() {
    let (mut two, mut publisher, mut listener) = Two::new();
    two.heard(&mut listener);
    // The far shard installs while a packet of the former audience is under way.
    two.say(&mut publisher, 1);
    two.turn(HOME);
    assert_eq!(two.packets_on_the_way(), 2);
    two.change(|bench| {
        bench.speak_to(PUBLISHER, SIDE);
        bench.listen_to(LISTENER, SIDE);
    });
    two.install(AWAY);
    two.turn(AWAY);
    assert_eq!(two.heard(&mut listener), [], "said before the cut");
    assert_eq!(two.shards[AWAY].count(Counter::DropCut), 2);
    // Home has not cut yet: what it says is still for the former audience.
    two.say(&mut publisher, 2);
    two.settle();
    assert_eq!(two.heard(&mut listener), []);
    two.install(HOME);
    two.say(&mut publisher, 3);
    two.settle();
    let got = two.heard(&mut listener);
    assert!(got.iter().any(|got| got.payload == [3; 20]), "{got:?}");
    assert!(got.iter().all(|got| got.payload != [2; 20] && got.payload != vp8(2, true)));

    // Home is ahead: those of the far shard's table must not hear it.
    two.change(|bench| bench.speak_to(PUBLISHER, MAIN));
    two.install(HOME);
    two.say(&mut publisher, 4);
    two.settle();
    assert_eq!(two.heard(&mut listener), [], "said to others");
    assert_eq!(two.shards[AWAY].count(Counter::DropEarly), 2);
}

/// Somebody who hears the track before and after a cut can not get what was said before it.
#[test]
fn the_far_cache_does_not_reach_across_a_cut() {
    let (mut two, mut publisher, mut listener) = Two::new();
    two.say(&mut publisher, 1);
    two.settle();
    let video = slot_ssrc(LISTENER, 1);
    let sent = two.heard(&mut listener);
    let seq = sent.iter().find(|got| got.payload == vp8(1, true)).unwrap().seq;
    let again = |two: &mut Two, listener: &mut Far| {
        two.shards[AWAY].now += ms(300);
        two.shards[HOME].now += ms(300);
        let nack = listener.nack(video, &[seq]);
        two.shards[AWAY].take(listener, nack);
        two.settle();
        two.heard(listener).into_iter().filter(|got| got.ssrc == video + 1_000).count()
    };
    for seq in 2..20 {
        two.say(&mut publisher, seq); // earns the right to ask
    }
    two.settle();
    two.heard(&mut listener);
    assert_eq!(again(&mut two, &mut listener), 1, "repaired from the far cache");
    two.both(|bench| {
        bench.speak_to(PUBLISHER, MAIN);
        for row in &mut bench.table.tracks {
            row.audience.rooms = vec![MAIN, SIDE]; // announced: the listener keeps its leg
        }
    });
    two.say(&mut publisher, 20);
    two.settle();
    two.heard(&mut listener);
    assert_eq!(again(&mut two, &mut listener), 0, "said before the cut");
}

/// A full way loses pictures before voices, and no signal.
#[test]
fn a_full_way_keeps_what_matters() {
    let (mut two, mut publisher, mut listener) = Two::new();
    two.heard(&mut listener);
    two.ways[HOME].capacity = 32;
    for seq in 1..60 {
        two.say(&mut publisher, seq);
    }
    two.turn(HOME);
    let refused = two.ways[HOME].refused;
    assert!(refused[Class::Video as usize] >= 59 - 24, "{refused:?}");
    assert_eq!(two.ways[HOME].messages.len(), 32 - 2, "the last places are for signals");
    two.both(|bench| bench.listen_to(LISTENER, SIDE));
    two.ways[AWAY].capacity = 0;
    two.turn(AWAY);
    assert!(two.ways[AWAY].messages.is_empty());
    let again = two.shards[AWAY].shard.poll_timeout().unwrap();
    assert!(again <= two.shards[AWAY].now + ms(2), "tried again soon");
    two.ways[AWAY].capacity = 32;
    two.shards[AWAY].now = again;
    two.turn(AWAY);
    assert_eq!(two.ways[AWAY].messages.len(), 2, "it was kept: no voice, no pictures any more");
}

#[test]
fn loudness_is_told_where_nobody_listens_yet() {
    let (mut two, mut publisher, _) = Two::new();
    for seq in 1..40 {
        two.say(&mut publisher, seq);
        two.pass(ms(20));
    }
    let of = |two: &Two, shard: usize| {
        let world = &two.shards[shard].shard;
        let key = world.by_track[&track(PUBLISHER, Source::Microphone)];
        world.tracks.get(key).unwrap().loudness.step()
    };
    assert!(of(&two, HOME) > 10);
    assert!(of(&two, AWAY).abs_diff(of(&two, HOME)) <= 1);
    let speaking = |two: &Two, shard: usize| {
        let reports = two.shards[shard].reports.iter();
        reports.filter(|report| matches!(report, Report::Speaking { .. })).count()
    };
    assert!(speaking(&two, HOME) > 0);
    assert_eq!(speaking(&two, AWAY), 0, "each shard reports the voices that come in there");
    let sent = |two: &Two| two.ways[HOME].refused[Class::Signal as usize];
    assert_eq!(sent(&two), 0);
    two.pass(ms(6_000));
    assert!(!two.shards[AWAY].shard.by_track.contains_key(&track(PUBLISHER, Source::Microphone)));
}

/// A shard that comes to the meeting later learns what is published already.
#[test]
fn who_comes_late_is_told() {
    let (mut two, mut publisher, mut listener) = Two::new();
    let both = vec![ShardIndex(HOME), ShardIndex(AWAY)];
    two.shards[HOME].table.shards = vec![ShardIndex(HOME)];
    two.install(HOME);
    two.settle();
    assert_eq!(two.shards[AWAY].shard.by_track.len(), 0);
    two.shards[HOME].table.shards = both;
    two.install(HOME);
    two.settle();
    two.heard(&mut listener);
    two.say(&mut publisher, 1);
    two.settle();
    assert_eq!(two.heard(&mut listener).len(), 2);
}

#[test]
fn sender_reports_go_out_on_the_far_shard() {
    let (mut two, mut publisher, mut listener) = Two::new();
    let report = publisher.ask(VOICE, |out| {
        crate::wire::rtcp::write_sender_report(
            out,
            Ssrc(VOICE),
            0xE000_0000_0000_0000,
            Timestamp(960),
            1,
            20,
            "x",
        )
    });
    two.shards[HOME].take(&publisher, report);
    for seq in 1..80 {
        two.say(&mut publisher, seq);
        two.pass(ms(20));
    }
    let (_, _, reports) = two.shards[AWAY].rtcp(&mut listener);
    assert!(reports.contains(&slot_ssrc(LISTENER, 0)), "{reports:?}");
}

/// A signal that comes late does not bring a track back, and a packet without an entry goes
/// nowhere.
#[test]
fn nothing_goes_where_nothing_was_said_of() {
    let (mut two, _, _) = Two::new();
    let way = &mut two.ways[HOME];
    let now = two.shards[AWAY].now;
    for signal in [
        Signal::Ended(TrackId(999)),
        Signal::Restarted(TrackId(999)),
        Signal::Wanted(TrackId(999), true),
        Signal::Keyframe(TrackId(999)),
        Signal::Missing(TrackId(999), SourceIndex(1)),
    ] {
        way.messages.push_back((now, Owned::Signal(signal)));
    }
    two.turn(AWAY);
    assert_eq!(two.shards[AWAY].shard.by_track.len(), 2);
}
