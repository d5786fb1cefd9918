//! The whole peer, sans-IO and on virtual time, against `dimpl` as the client.

mod handshake;
mod hostile;
mod interop;
mod lifetime;

use dimpl::{Config, Dtls, DtlsCertificate, KeyingMaterial, Output, SrtpProfile};

use super::*;
use crate::transport::tests::client::{self, Question, Said};
use crate::wire::stun::ufrag_of;

/// A browser: ICE by `client`, DTLS by `dimpl`.
struct Client {
    dtls: Dtls,
    timeout: Instant,
    connected: bool,
    keys: Option<(KeyingMaterial, SrtpProfile)>,
    closed: bool,
}

impl Client {
    fn new(pair: &DtlsCertificate, mtu: usize, now: Instant) -> Self {
        let config = Config::builder().mtu(mtu).max_queue_tx(40).build().unwrap();
        let mut dtls = Dtls::new_12(Arc::new(config), pair.clone(), now);
        dtls.set_active(true);
        dtls.handle_timeout(now).unwrap();
        Self { dtls, timeout: now, connected: false, keys: None, closed: false }
    }

    fn give(&mut self, now: Instant, datagram: &[u8]) {
        self.dtls.handle_timeout(now).unwrap();
        self.dtls.handle_packet(datagram).unwrap();
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        let mut packets = Vec::new();
        let mut buffer = vec![0; 20_000];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(packet) => packets.push(packet.to_vec()),
                Output::Connected => self.connected = true,
                Output::KeyingMaterial(material, profile) => self.keys = Some((material, profile)),
                Output::CloseNotify => self.closed = true,
                Output::Timeout(at) => {
                    self.timeout = at;
                    return packets;
                }
                _ => {}
            }
        }
    }
}

struct Session {
    peer: Peer,
    random: Random,
    start: Instant,
    now: Instant,
    server: IceCredentials,
    client_ice: IceCredentials,
    client: Client,
    events: Vec<PeerEvent>,
    /// Bytes the peer sent.
    sent: usize,
}

const PATH: Path = Path {
    local: std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1)),
    remote: std::net::SocketAddr::V4(std::net::SocketAddrV4::new(
        std::net::Ipv4Addr::new(198, 51, 100, 7),
        50_000,
    )),
};

fn pair() -> DtlsCertificate {
    dimpl::certificate::generate_self_signed_certificate().unwrap()
}

impl Session {
    fn new() -> Self {
        let pair = pair();
        Self::with(&pair, Fingerprint::of(&pair.certificate), 1_150)
    }

    fn with(pair: &DtlsCertificate, fingerprint: Fingerprint, mtu: usize) -> Self {
        let mut random = Random::from_seed([5; 32]);
        let (server, client_ice) =
            (IceCredentials::generate(&mut random), IceCredentials::generate(&mut random));
        let now = Instant::now();
        let config = PeerConfig {
            local: server.clone(),
            remote: client_ice.clone(),
            fingerprint,
            certificate: Arc::new(Certificate::generate().unwrap()),
        };
        let (peer, client) = (Peer::new(config, now), Client::new(pair, mtu, now));
        Self { peer, random, start: now, now, server, client_ice, client, events: vec![], sent: 0 }
    }

    /// What the peer sends now: DTLS is returned, its checks are answered.
    fn pump(&mut self) -> Vec<Vec<u8>> {
        let mut out = [0; 1_500];
        let mut dtls = Vec::new();
        while let Some(Transmit { len, path }) = self.peer.poll_transmit(&mut out) {
            self.sent += len;
            if out[0] > 3 {
                assert_eq!(path, PATH);
                dtls.push(out[..len].to_vec());
            } else if let Said::Check(id, _) =
                client::read(&out[..len], &self.server.pwd, &self.client_ice.pwd)
            {
                let answer = client::success(id, path.remote, &self.client_ice.pwd);
                self.peer.handle_stun(self.now, path, &answer, &mut self.random).unwrap();
            }
        }
        self.take_events();
        dtls
    }

    fn take_events(&mut self) {
        let is_check =
            |it: &PeerEvent| matches!(it, PeerEvent::CheckStarted(_) | PeerEvent::CheckEnded(_));
        let events = std::iter::from_fn(|| self.peer.poll_event());
        self.events.extend(events.filter(|event| !is_check(event)));
    }

    fn ask(&mut self, use_candidate: bool) -> Result<(), Refused> {
        let question = Question { use_candidate, ..Question::new(&self.server, &self.client_ice) };
        self.peer.handle_stun(self.now, PATH, &question.bytes(), &mut self.random)
    }

    fn ice(mut self) -> Self {
        self.ask(true).unwrap();
        assert_eq!(self.pump().len(), 0);
        assert_eq!(self.peer.selected(), Some(PATH));
        self
    }

    /// One turn: the client's datagrams, changed by `wire`, to the peer; the peer's to the client.
    /// If nobody had anything to say, time goes on to the next timer.
    fn turn(&mut self, wire: &mut impl FnMut(&mut Peer, Instant, Vec<Vec<u8>>) -> Vec<Vec<u8>>) {
        let packets = self.client.take();
        let mut idle = packets.is_empty();
        for datagram in wire(&mut self.peer, self.now, packets) {
            let _ = self.peer.handle_dtls(self.now, PATH, &datagram);
        }
        for datagram in self.pump() {
            idle = false;
            self.client.give(self.now, &datagram);
        }
        let is_done = self.has_keys() && self.client.connected;
        if idle && !is_done {
            let timers = self.peer.poll_timeout().into_iter().chain([self.client.timeout]);
            let next = timers.filter(|at| *at > self.now).min();
            self.now = next.unwrap_or(self.now).min(self.now + Duration::from_secs(5));
            let _ = self.ask(true);
            self.peer.handle_timeout(self.now, &mut self.random);
            let _ = self.client.dtls.handle_timeout(self.now);
            self.take_events();
        }
    }

    /// Turns until both are connected, the peer has ended, or a minute has passed.
    fn run(&mut self, mut wire: impl FnMut(&mut Peer, Instant, Vec<Vec<u8>>) -> Vec<Vec<u8>>) {
        while !(self.has_keys() && self.client.connected)
            && self.ending().is_none()
            && self.now < self.start + Duration::from_secs(60)
        {
            self.turn(&mut wire);
        }
    }

    fn has_keys(&self) -> bool {
        self.events.iter().any(|event| matches!(event, PeerEvent::Keys { .. }))
    }

    fn ending(&self) -> Option<Ending> {
        self.events.iter().find_map(|event| {
            if let PeerEvent::Ended(ending) = event { Some(*ending) } else { None }
        })
    }

    fn established() -> Self {
        let mut session = Self::new().ice();
        session.run(straight);
        assert!(session.peer.is_connected() && session.client.connected);
        session.pump();
        session
    }

    /// Seals on one side, opens on the other, both ways.
    fn assert_keys_agree(&mut self) {
        let (material, profile) = self.client.keys.take().expect("the client's keys");
        let keys = self.events.drain(..).find_map(|event| match event {
            PeerEvent::Keys { opener, sealer } => Some((opener, sealer)),
            _ => None,
        });
        let (opener, mut sealer) = keys.expect("the peer's keys");
        client::assert_keys_agree(&material, profile, &opener, &mut sealer);
    }
}

fn straight(_: &mut Peer, _: Instant, packets: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    packets
}

/// One record of a fragment of a handshake message in a record of its own, or of several.
fn fragments(message: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let (header, body) = (&message[..12], &message[12..]);
    let ends = cuts.iter().copied().chain([body.len()]);
    let starts = [0].into_iter().chain(cuts.iter().copied());
    starts
        .zip(ends)
        .enumerate()
        .map(|(number, (start, end))| {
            let mut record = vec![22, 0xFE, 0xFD, 0, 0, 0, 0, 0, 0, 1, number as u8];
            record.extend_from_slice(&((end - start + 12) as u16).to_be_bytes());
            record.extend_from_slice(&header[..6]);
            record.extend_from_slice(&(start as u32).to_be_bytes()[1..]);
            record.extend_from_slice(&((end - start) as u32).to_be_bytes()[1..]);
            record.extend_from_slice(&body[start..end]);
            record
        })
        .collect()
}

/// A ClientHello that is well-formed but unacceptable, or padded to a size.
fn client_hello(suite: u16, padding: usize) -> Vec<u8> {
    let mut extensions = vec![
        0, 23, 0, 0, // extended_master_secret
        0, 10, 0, 4, 0, 2, 0, 29, // supported_groups: X25519
        0, 13, 0, 4, 0, 2, 4, 3, // signature_algorithms: ecdsa_secp256r1_sha256
        0, 14, 0, 5, 0, 2, 0, 7, 0, // use_srtp: AEAD_AES_128_GCM
        0, 21, // padding, RFC 7685
    ];
    extensions.extend_from_slice(&(padding as u16).to_be_bytes());
    extensions.resize(extensions.len() + padding, 0);
    let mut body = vec![0xFE, 0xFD];
    body.extend_from_slice(&[0x77; 32]);
    body.extend_from_slice(&[0, 0, 0, 2]);
    body.extend_from_slice(&suite.to_be_bytes());
    body.extend_from_slice(&[1, 0]);
    body.extend_from_slice(&(extensions.len() as u16).to_be_bytes());
    body.extend_from_slice(&extensions);
    let mut message = vec![1];
    message.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend_from_slice(&[0; 5]);
    message.extend_from_slice(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend_from_slice(&body);
    message
}

/// TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256.
const GOOD_SUITE: u16 = 0xC02B;
