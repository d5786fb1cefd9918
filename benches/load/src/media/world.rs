//! Everybody the media thread knows: who sends, who receives, who is where.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::sync::mpsc::UnboundedSender;
use webrtc_util::marshal::Marshal;

use super::engine::Settings;
use super::incoming::Arrival;
use super::outgoing::Outgoing;
use super::participant::{Opened, Participant, Switch};
use super::rooms::{self, Rooms};
use super::{Command, Peer, StageTotals, Totals};
use crate::clock::{self, record};
use crate::report::{Kind, KindTotals, histogram};

/// How long after its move is seen a participant still opens everything.
const CHECK_ON: u64 = 1_000_000_000;
/// The same where everybody moves at once: a second of opening everything would be the client's whole core.
const CHECK_ON_STAGE: u64 = 100_000_000;

/// What is known of a participant.
enum Seat {
    Empty,
    Joining(UnboundedSender<Vec<u8>>),
    In(Box<Participant>),
}

pub(super) struct World {
    settings: Settings,
    seats: Vec<Seat>,
    rooms: Rooms,
    sources: Vec<Outgoing>,
    /// When which source sends next.
    due: BinaryHeap<Reverse<(u64, usize)>>,
    publishing: bool,
    totals: Totals,
    /// Of the current second.
    pub latency: Histogram<u64>,
    /// How many are connected.
    pub connected: u32,
    cursor: usize,
    packets: Vec<Bytes>,
    train: Vec<u8>,
}

impl World {
    pub fn new(settings: Settings) -> World {
        World {
            settings,
            seats: Vec::new(),
            rooms: Rooms::default(),
            sources: Vec::new(),
            due: BinaryHeap::new(),
            publishing: false,
            totals: Totals::default(),
            latency: histogram(),
            connected: 0,
            cursor: 0,
            packets: Vec::new(),
            train: Vec::new(),
        }
    }

    pub fn people(&self) -> usize {
        self.seats.len()
    }

    pub fn attach(&mut self, person: u32, handshake: UnboundedSender<Vec<u8>>) {
        let person = person as usize;
        if self.seats.len() <= person {
            self.seats.resize_with(person + 1, || Seat::Empty);
        }
        self.seats[person] = Seat::Joining(handshake);
    }

    pub fn detach(&mut self, person: u32) {
        let Some(seat) = self.seats.get_mut(person as usize) else { return };
        if let Seat::In(_) = std::mem::replace(seat, Seat::Empty) {
            self.connected -= 1;
        }
    }

    pub fn command(&mut self, command: Command) {
        match command {
            Command::Connect(peer) => self.connect(*peer),
            Command::Publish => {
                self.publishing = true;
                let now = clock::now();
                for at in 0..self.sources.len() {
                    let due = self.sources[at].begin(now, &self.settings);
                    self.due.push(Reverse((due, at)));
                }
            }
            Command::Moving { people, to, issued, timed } => {
                people.iter().for_each(|person| self.rooms.moving(*person, to, issued));
                if timed {
                    let moves: Vec<(u32, u32)> =
                        people.into_iter().map(|person| (person, to)).collect();
                    self.await_switches(&moves, issued, None);
                }
            }
            Command::Stage { moves, issued } => {
                moves.iter().for_each(|(person, to)| self.rooms.moving(*person, *to, issued));
                let stage = StageTotals { asked: 0, switch_us: histogram(), wrong_room: 0 };
                self.totals.stages.push(stage);
                self.await_switches(&moves, issued, Some(self.totals.stages.len() - 1));
            }
            Command::Moved { people, accepted, at } => {
                for person in people {
                    self.rooms.moved(person, accepted, at);
                }
            }
            // The engine's own.
            Command::Attach { .. } | Command::Detach(_) | Command::Measure | Command::Stop => {}
        }
    }

    /// From now on the first packet of the new room is awaited, if somebody else sends there.
    fn await_switches(&mut self, moves: &[(u32, u32)], issued: u64, stage: Option<usize>) {
        let senders = self.senders();
        let mut asked = 0;
        for (person, to) in moves {
            let Some(Seat::In(participant)) = self.seats.get_mut(*person as usize) else {
                continue;
            };
            let own = u32::from(!participant.peer.sources.is_empty());
            if senders.get(to).is_some_and(|number| *number > own) {
                participant.switch = Some(Switch { issued, to: *to, stage });
                participant.check_until = u64::MAX;
                asked += 1;
            }
        }
        self.totals.switches_asked += asked;
        if let Some(stage) = stage.and_then(|stage| self.totals.stages.get_mut(stage)) {
            stage.asked = asked;
        }
    }

    /// How many send in each room.
    fn senders(&self) -> HashMap<u32, u32> {
        let mut senders: HashMap<u32, u32> = HashMap::new();
        for participant in self.participants().filter(|it| !it.peer.sources.is_empty()) {
            let room = self.rooms.current(participant.peer.person.index);
            *senders.entry(room).or_default() += 1;
        }
        senders
    }

    fn connect(&mut self, peer: Peer) {
        let person = peer.person.index;
        self.rooms.enter(person, rooms::room(peer.person.meeting, None));
        for source in &peer.sources {
            let outgoing = Outgoing::new(person, *source, peer.person.loud, &self.settings);
            self.sources.push(outgoing);
            if self.publishing {
                let at = self.sources.len() - 1;
                let due = self.sources[at].begin(clock::now(), &self.settings);
                self.due.push(Reverse((due, at)));
            }
        }
        if let Some(seat) = self.seats.get_mut(person as usize) {
            *seat = Seat::In(Box::new(Participant::new(peer)));
            self.connected += 1;
        }
    }

    /// When somebody sends next.
    pub fn next_due(&self) -> u64 {
        self.due.peek().map_or(u64::MAX, |Reverse((due, _))| *due)
    }

    /// Sends what is due. Returns the packets sent.
    pub fn send_due(&mut self, now: u64) -> usize {
        let mut sent = 0;
        // One frame of each at most: arrivals are to be read between.
        for _ in 0..64 {
            let Some(Reverse((due, at))) = self.due.peek().copied() else { break };
            if due > now {
                break;
            }
            self.due.pop();
            sent += self.send_one(at);
        }
        sent
    }

    fn send_one(&mut self, at: usize) -> usize {
        let source = &mut self.sources[at];
        let person = source.person;
        let Some(Seat::In(participant)) = self.seats.get_mut(person as usize) else { return 0 };
        let room = self.rooms.current(person);
        self.packets.clear();
        let sealer = &mut participant.peer.sealer;
        let sealed = source.send(clock::now(), room, sealer, &self.settings, &mut self.packets);
        self.due.push(Reverse((source.due, at)));
        if sealed.is_err() {
            self.totals.unsent += 1;
            return 0;
        }
        let (place, server) = (&participant.peer.place, participant.peer.server);
        let mut at = 0;
        while let Some(first) = self.packets.get(at) {
            let run = if self.settings.trains { equal_run(&self.packets[at..]) } else { 1 };
            let result = if run == 1 {
                place.send(server, first, None)
            } else {
                self.train.clear();
                self.packets[at..at + run].iter().for_each(|it| self.train.extend_from_slice(it));
                place.send(server, &self.train, Some(first.len()))
            };
            match result {
                Ok(()) => self.totals.published += run as u64,
                Err(_) => self.totals.unsent += run as u64,
            }
            at += run;
        }
        self.packets.len()
    }

    /// One datagram.
    #[inline]
    pub fn handle(&mut self, person: Option<u32>, datagram: &[u8], arrived: u64) {
        let seat = person.and_then(|person| self.seats.get_mut(person as usize));
        let participant = match seat {
            Some(Seat::In(participant)) => participant,
            Some(Seat::Joining(handshake)) => {
                let _ = handshake.send(datagram.to_vec()); // given up meanwhile
                return;
            }
            Some(Seat::Empty) | None => {
                self.totals.strangers += 1;
                return;
            }
        };
        // RFC 7983 §7, RFC 5761 §4.
        let [first, second, number @ .., _, _, _, _, _, _, _, _] = datagram else { return };
        match (first, second) {
            (128..=191, 192..=223) => self.control(person.unwrap_or_default(), datagram),
            (128..=191, _) => {
                let Some(number) = number.first_chunk() else { return };
                let Some(ssrc) = datagram.get(8..12).and_then(|it| it.first_chunk()) else {
                    return;
                };
                let stream = participant.find(u32::from_be_bytes(*ssrc));
                let Some(stream) = stream else {
                    self.totals.strangers += 1;
                    return;
                };
                let number = u16::from_be_bytes(*number);
                let (kind, arrival, check) = participant.note(stream, number, arrived);
                let totals = match kind {
                    Kind::Audio => &mut self.totals.audio,
                    Kind::Video => &mut self.totals.video,
                };
                match arrival {
                    Arrival::New => {
                        totals.packets += 1;
                        totals.bytes += datagram.len() as u64;
                    }
                    Arrival::Early => {}
                    Arrival::Duplicate => self.totals.duplicates += 1,
                }
                if check {
                    self.check(person.unwrap_or_default(), stream, datagram, arrived);
                }
            }
            (0..=3, _) => participant.handle_stun(datagram),
            _ => {} // DTLS after the handshake
        }
    }

    /// Opens a packet, compares every byte, and judges where it comes from.
    fn check(&mut self, person: u32, stream: usize, datagram: &[u8], arrived: u64) {
        let Some(Seat::In(participant)) = self.seats.get_mut(person as usize) else { return };
        self.totals.checked_packets += 1;
        let stamp = match participant.open(stream, datagram, self.settings.codec) {
            Opened::Good(stamp) => stamp,
            Opened::Corrupt => {
                self.totals.corrupt += 1;
                return;
            }
        };
        if participant.check_until == u64::MAX && participant.peer.person.checked {
            self.totals.missed_by_number += participant.gap(stream, &stamp);
        }
        if !self.rooms.allows(stamp.person, person, stamp.sent, arrived) {
            self.totals.wrong_room += 1;
            if let Some(stage) = self.totals.stages.last_mut() {
                stage.wrong_room += 1;
            }
        }
        let latency = arrived.saturating_sub(stamp.sent) / 1_000;
        let totals = if stamp.video { &mut self.totals.video } else { &mut self.totals.audio };
        record(&mut totals.latency_us, latency);
        record(&mut self.latency, latency);
        if let Some(switch) = participant.switch
            && stamp.room == switch.to
            && self.rooms.proves(stamp.person, person, switch.issued, stamp.sent)
        {
            let took = arrived.saturating_sub(switch.issued) / 1_000;
            record(&mut self.totals.switch_us, took);
            let stage = switch.stage.and_then(|stage| self.totals.stages.get_mut(stage));
            let check_on = if stage.is_some() { CHECK_ON_STAGE } else { CHECK_ON };
            if let Some(stage) = stage {
                record(&mut stage.switch_us, took);
            }
            participant.switch = None;
            if !participant.peer.person.checked {
                participant.check_until = arrived + check_on;
            }
        }
    }

    fn control(&mut self, person: u32, datagram: &[u8]) {
        let Some(Seat::In(participant)) = self.seats.get_mut(person as usize) else { return };
        if participant.peer.sources.is_empty() {
            return; // who sends nothing is asked for nothing
        }
        for ssrc in participant.keyframes_wanted(datagram) {
            let mut sources = self.sources.iter_mut();
            if let Some(source) = sources.find(|it| it.person == person && it.source.ssrc == ssrc) {
                source.want_keyframe();
            }
        }
    }

    /// Renews consent of the next `count` participants, and reports for them.
    pub fn keep_up(&mut self, count: usize, now: u64) {
        for _ in 0..count {
            self.cursor = (self.cursor + 1) % self.seats.len().max(1);
            let person = self.cursor as u32;
            let Some(Seat::In(participant)) = self.seats.get_mut(self.cursor) else { continue };
            let mut failed = participant.keep_up().is_err();
            for source in self.sources.iter().filter(|it| it.person == person && self.publishing) {
                let report = source.report(now).marshal();
                failed |= report.is_ok_and(|report| participant.send_control(&report).is_err());
            }
            self.totals.unsent += u64::from(failed);
        }
    }

    /// What came until now does not count.
    pub fn measure(&mut self) {
        self.totals = Totals::default();
        self.latency = histogram();
        for seat in &mut self.seats {
            if let Seat::In(participant) = seat {
                participant.measure();
            }
        }
    }

    /// Numbers until now.
    pub fn running(&self) -> Totals {
        self.with_losses(self.totals.numbers())
    }

    /// Everything until now.
    pub fn totals(&self) -> Totals {
        self.with_losses(self.totals.clone())
    }

    fn with_losses(&self, mut totals: Totals) -> Totals {
        let publishers = self.senders();
        for participant in self.participants() {
            let mut received = 0;
            for stream in participant.streams() {
                let kind: &mut KindTotals = match stream.kind {
                    Kind::Audio => &mut totals.audio,
                    Kind::Video => &mut totals.video,
                };
                kind.lost += stream.lost();
                received += stream.received();
            }
            let person = participant.peer.person.index;
            let room = self.rooms.current(person);
            let own = u32::from(!participant.peer.sources.is_empty());
            let heard = publishers.get(&room).is_some_and(|number| *number > own);
            // Who joins late is not there all the time.
            let hears = person < self.settings.first_late && !participant.streams().is_empty();
            totals.silent += u64::from(heard && hears && received == 0);
        }
        totals
    }

    fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.seats.iter().filter_map(|seat| match seat {
            Seat::In(participant) => Some(&**participant),
            Seat::Joining(_) | Seat::Empty => None,
        })
    }
}

/// How many packets from the first one may leave as one train: equal ones, and a shorter last.
fn equal_run(packets: &[Bytes]) -> usize {
    let Some(first) = packets.first() else { return 0 };
    let equal = packets.iter().take(60).take_while(|packet| packet.len() == first.len()).count();
    let shorter = packets.get(equal).is_some_and(|packet| packet.len() < first.len());
    let run = equal + usize::from(shorter);
    run.min(65_000 / first.len().max(1)).max(1)
}
