//! The whole peer against `webrtc-dtls`, an independent implementation, over loopback UDP.

use std::net::SocketAddr;

use dimpl::SrtpProfile;
use tokio::net::UdpSocket;
use webrtc_dtls::config::{Config, ExtendedMasterSecretType};
use webrtc_dtls::conn::DTLSConn;
use webrtc_dtls::crypto::Certificate as ClientCertificate;
use webrtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile as Offered;
use webrtc_dtls_util::KeyingMaterialExporter;

use super::super::*;
use crate::transport::tests::client::{self, Question, Said};

/// Longest a step may take here; the handshake needs milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);

struct Server {
    peer: Peer,
    random: Random,
    socket: UdpSocket,
    path: Path,
    events: Vec<PeerEvent>,
}

impl Server {
    /// A peer that has nominated the client's address, by `client` and without the network.
    async fn new(fingerprint: Fingerprint, client: SocketAddr) -> Self {
        let mut random = Random::from_seed([9; 32]);
        let (local, remote) =
            (IceCredentials::generate(&mut random), IceCredentials::generate(&mut random));
        let certificate = Arc::new(Certificate::generate().unwrap());
        let config =
            PeerConfig { local: local.clone(), remote: remote.clone(), fingerprint, certificate };
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let path = Path { local: socket.local_addr().unwrap().ip(), remote: client };
        let now = Instant::now();
        let mut peer = Peer::new(config, now);
        let question = Question { use_candidate: true, ..Question::new(&local, &remote) };
        peer.handle_stun(now, path, &question.bytes(), &mut random).unwrap();
        let mut out = [0; 1_500];
        while let Some(Transmit { len, .. }) = peer.poll_transmit(&mut out) {
            if let Said::Check(id, _) = client::read(&out[..len], &local.pwd, &remote.pwd) {
                let answer = client::success(id, client, &remote.pwd);
                peer.handle_stun(now, path, &answer, &mut random).unwrap();
            }
        }
        Self { peer, random, socket, path, events: Vec::new() }
    }

    /// Sends what waits, then one datagram or timer.
    async fn turn(&mut self) {
        let mut buffer = [0; 2_048];
        while let Some(Transmit { len, path }) = self.peer.poll_transmit(&mut buffer) {
            self.socket.send_to(&buffer[..len], path.remote).await.unwrap();
        }
        self.events.extend(std::iter::from_fn(|| self.peer.poll_event()));
        let due = self.peer.poll_timeout().unwrap_or_else(|| Instant::now() + PATIENCE);
        tokio::select! {
            received = self.socket.recv_from(&mut buffer) => {
                let (len, from) = received.unwrap();
                assert_eq!(from, self.path.remote);
                let _ = self.peer.handle_dtls(Instant::now(), self.path, &buffer[..len]);
            }
            () = tokio::time::sleep_until(due.into()) => {
                self.peer.handle_timeout(Instant::now(), &mut self.random);
            }
        }
    }
}

fn run(test: impl Future<Output = ()>) {
    let _ = rustls::crypto::ring::default_provider().install_default(); // the first one counts
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(PATIENCE, test).await.expect("in time") });
}

fn config(profiles: &[Offered]) -> (Config, Fingerprint) {
    let certificate = ClientCertificate::generate_self_signed(vec!["client".to_owned()]).unwrap();
    let fingerprint = Fingerprint::of(&certificate.certificate[0]);
    let config = Config {
        certificates: vec![certificate],
        srtp_protection_profiles: profiles.to_vec(),
        extended_master_secret: ExtendedMasterSecretType::Require,
        insecure_skip_verify: true, // it checks our certificate by fingerprint in real life
        ..Default::default()
    };
    (config, fingerprint)
}

async fn client_socket() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

#[test]
fn handshake_keys_and_close_by_profile() {
    for (offered, expected, len) in [
        (&[Offered::Srtp_Aead_Aes_128_Gcm][..], SrtpProfile::AEAD_AES_128_GCM, 56),
        (
            &[Offered::Srtp_Aead_Aes_128_Gcm, Offered::Srtp_Aead_Aes_256_Gcm],
            SrtpProfile::AEAD_AES_256_GCM,
            88,
        ),
        (&[Offered::Srtp_Aes128_Cm_Hmac_Sha1_80], SrtpProfile::AES128_CM_SHA1_80, 60),
    ] {
        run(async move {
            let (config, fingerprint) = config(offered);
            let (socket, address) = client_socket().await;
            let mut server = Server::new(fingerprint, address).await;
            socket.connect(server.socket.local_addr().unwrap()).await.unwrap();
            let connecting = tokio::spawn(DTLSConn::new(Arc::new(socket), config, true, None));
            while !(connecting.is_finished() && server.peer.is_connected()) {
                let _ = tokio::time::timeout(Duration::from_millis(20), server.turn()).await;
            }
            let connection = connecting.await.unwrap().unwrap();
            let state = connection.connection_state().await;
            let material =
                state.export_keying_material("EXTRACTOR-dtls_srtp", &[], len).await.unwrap();
            let keys = server.events.drain(..).find_map(|event| match event {
                PeerEvent::Keys { opener, sealer } => Some((opener, sealer)),
                _ => None,
            });
            let (opener, mut sealer) = keys.expect("keys");
            client::assert_keys_agree(&material, expected, &opener, &mut sealer);

            connection.close().await.unwrap();
            while server.peer.poll_timeout().is_some() {
                let _ = tokio::time::timeout(Duration::from_millis(20), server.turn()).await;
            }
            let _ = tokio::time::timeout(Duration::from_millis(1), server.turn()).await;
            assert!(
                matches!(server.events[..], [PeerEvent::Ended(Ending::Closed)]),
                "{:?}",
                server.events
            );
        });
    }
}

#[test]
fn another_certificate_gets_no_keys() {
    run(async {
        let (config, _) = config(&[Offered::Srtp_Aead_Aes_128_Gcm]);
        let (socket, address) = client_socket().await;
        let mut server = Server::new(Fingerprint::of(b"another"), address).await;
        socket.connect(server.socket.local_addr().unwrap()).await.unwrap();
        let connecting = tokio::spawn(DTLSConn::new(Arc::new(socket), config, true, None));
        while !server.events.iter().any(|event| matches!(event, PeerEvent::Ended(_))) {
            let _ = tokio::time::timeout(Duration::from_millis(20), server.turn()).await;
        }
        assert!(matches!(server.events.last(), Some(PeerEvent::Ended(Ending::WrongFingerprint))));
        assert!(!server.events.iter().any(|event| matches!(event, PeerEvent::Keys { .. })));
        assert!(!connecting.is_finished(), "our Finished was not sent");
    });
}

#[test]
fn without_an_srtp_profile_the_handshake_has_failed() {
    run(async {
        let (config, fingerprint) = config(&[]);
        let (socket, address) = client_socket().await;
        let mut server = Server::new(fingerprint, address).await;
        socket.connect(server.socket.local_addr().unwrap()).await.unwrap();
        let _connecting = tokio::spawn(DTLSConn::new(Arc::new(socket), config, true, None));
        while !server.events.iter().any(|event| matches!(event, PeerEvent::Ended(_))) {
            let _ = tokio::time::timeout(Duration::from_millis(20), server.turn()).await;
        }
        assert!(matches!(server.events.last(), Some(PeerEvent::Ended(Ending::HandshakeFailed))));
    });
}
