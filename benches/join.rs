//! What a join costs the relay: STUN, DTLS, the peer, the tables.
//!
//! `cargo bench --bench join`. A client (`stun-types` for ICE, `dimpl` as DTLS client) joins a
//! meeting and leaves it again; counted is the CPU time of the relay's calls, not the client's, and
//! not the leaving. At the end a table says what it was spent on: `cargo bench --bench join --
//! none` prints that table only.

mod fan;
mod relay;
mod thread_time;

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::Criterion;
use dimpl::{Config, Dtls, DtlsCertificate, Output};
use ringfence::control::api::RelayEvent;
use ringfence::transport::{Fingerprint, IceCredentials};
use ringfence::wire::path::Path;
use stun_types::attribute::{AttributeType, RawAttribute, Username, XorMappedAddress};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, Message, MessageClass, MessageType, MessageWrite, MessageWriteExt,
    MessageWriteVec, ShortTermCredentials,
};

use fan::path;
use relay::{Relay, Spent};
use thread_time::{ThreadTime, median};

/// Meetings: a name, rooms, people in each, how many of them are heard and seen.
const MEETINGS: [(&str, usize, usize, usize); 3] = [
    ("10 in one room", 1, 10, 10),
    ("1,000 in 100 rooms", 100, 10, 1_000),
    ("1,000 in one room, 10 publish", 1, 1_000, 10),
];
/// Joins for each line of the table.
const JOINS: usize = 41;
/// Figure j: µs of relay CPU for each join.
const JOIN_MAX: f64 = 500.0;

/// A browser that joins.
struct Client {
    dtls: Dtls,
    path: Path,
}

impl Client {
    fn new(pair: &DtlsCertificate, now: Instant) -> Self {
        let config = Config::builder().build().expect("the defaults are allowed");
        let mut dtls = Dtls::new_12(Arc::new(config), pair.clone(), now);
        dtls.set_active(true);
        dtls.handle_timeout(now).expect("nothing to time out yet");
        Self { dtls, path: path(50_000) }
    }

    fn give(&mut self, now: Instant, datagram: &[u8]) {
        self.dtls.handle_timeout(now).expect("the handshake lives");
        self.dtls.handle_packet(datagram).expect("the relay's handshake");
    }

    /// Everything DTLS has to say.
    fn take(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut buffer = vec![0; 20_000];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => packets.push(packet.to_vec()),
                Output::Timeout(_) => return packets,
                _ => {}
            }
        }
    }
}

fn sign(message: &mut MessageWriteVec, pwd: &str) {
    let key = ShortTermCredentials::new(pwd.to_owned()).make_key();
    message.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).expect("the first");
    message.add_fingerprint().expect("the first");
}

/// A Binding request that nominates (RFC 8445 §7.2).
fn request(server: &IceCredentials, client: &IceCredentials) -> Vec<u8> {
    let kind = MessageType::from_class_method(MessageClass::Request, BINDING);
    let mut message = Message::builder(kind, 7_u128.into(), MessageWriteVec::new());
    let name = Username::new(&format!("{}:{}", server.ufrag, client.ufrag)).expect("short");
    message.add_attribute(&name).expect("the first");
    // ICE-CONTROLLING, PRIORITY, USE-CANDIDATE.
    for (number, value) in [(0x802A, &[9; 8][..]), (0x0024, &[1; 4]), (0x0025, &[])] {
        message
            .add_attribute(&RawAttribute::new(AttributeType::new(number), value))
            .expect("the first");
    }
    sign(&mut message, &server.pwd);
    message.finish()
}

/// The success answer to a check of the relay; `None` if this is no check.
fn answer(datagram: &[u8], path: Path, client: &IceCredentials) -> Option<Vec<u8>> {
    let message = Message::from_bytes(datagram).ok()?;
    if message.class() != MessageClass::Request {
        return None;
    }
    let id = message.transaction_id();
    let kind = MessageType::from_class_method(MessageClass::Success, BINDING);
    let mut success = Message::builder(kind, id, MessageWriteVec::new());
    success.add_attribute(&XorMappedAddress::new(path.remote, id)).expect("the first");
    sign(&mut success, &client.pwd);
    Some(success.finish())
}

/// Somebody joins, is connected, and leaves. What the joining cost.
fn join(relay: &mut Relay, pair: &DtlsCertificate) -> Spent {
    let room = relay.rooms[0];
    let offer = relay::offer(Fingerprint::of(&pair.certificate));
    let credentials = offer.ice.clone();
    let (mut spent, who, peer) = relay.enter(room, offer);
    let mut client = Client::new(pair, relay.now());
    let mut to_relay = vec![request(&peer.ice, &credentials)];
    let mut connected = false;
    while !to_relay.is_empty() {
        for mut datagram in std::mem::take(&mut to_relay) {
            let (cost, said) = relay.receive(client.path, &mut datagram);
            spent = spent.and(cost);
            connected |= relay.events.contains(&RelayEvent::PeerConnected(peer.peer));
            for datagram in said {
                if datagram[0] < 4 {
                    to_relay.extend(answer(&datagram, client.path, &credentials));
                } else {
                    client.give(relay.now(), &datagram);
                }
            }
        }
        if to_relay.is_empty() {
            to_relay = client.take(); // when ICE has nothing to say any more
        }
    }
    assert!(connected, "the handshake is complete");
    relay.leave(who);
    spent
}

fn prepare((_, rooms, people, live): (&str, usize, usize, usize)) -> Relay {
    let mut relay = Relay::new(rooms, people);
    relay.speak(0, live);
    relay
}

fn joins(criterion: &mut Criterion<ThreadTime>, pair: &DtlsCertificate) {
    let mut group = criterion.benchmark_group("join");
    for meeting in MEETINGS {
        let mut relay = None;
        group.bench_function(meeting.0, |bencher| {
            let relay = relay.get_or_insert_with(|| prepare(meeting));
            bencher.iter_custom(|times| {
                (0..times).map(|_| join(relay, pair).whole()).sum::<Duration>()
            });
        });
    }
    group.finish();
}

/// Figure j of issue 3.
fn figure_j(pair: &DtlsCertificate) {
    println!();
    println!("One join: medians of {JOINS}, CPU µs of the relay");
    println!("meeting                         STUN    DTLS  control  tables    whole");
    for meeting in MEETINGS {
        let mut relay = prepare(meeting);
        join(&mut relay, pair);
        let spent: Vec<Spent> = (0..JOINS).map(|_| join(&mut relay, pair)).collect();
        let part = |of: fn(&Spent) -> Duration| {
            let mut all: Vec<f64> = spent.iter().map(|one| of(one).as_secs_f64() * 1e6).collect();
            median(&mut all)
        };
        let (stun, dtls) = (part(|spent| spent.stun), part(|spent| spent.dtls));
        let (control, tables) = (part(|spent| spent.control), part(|spent| spent.tables));
        let whole = part(Spent::whole);
        let verdict = if whole <= JOIN_MAX { "reached" } else { "NOT reached" };
        println!(
            "{:<29} {stun:>7.1} {dtls:>7.1} {control:>8.1} {tables:>7.1} {whole:>8.1}  \
             figure j, at most {JOIN_MAX}: {verdict}",
            meeting.0
        );
    }
}

fn main() {
    let pair = dimpl::certificate::generate_self_signed_certificate().expect("randomness");
    let mut criterion = thread_time::criterion(10, 1.5);
    joins(&mut criterion, &pair);
    criterion.final_summary();
    figure_j(&pair);
}
