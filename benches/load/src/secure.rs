//! DTLS as client (`webrtc-dtls`) over the shared sockets, and the SRTP keys that come of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;
use webrtc_dtls::config::{Config, ExtendedMasterSecretType};
use webrtc_dtls::conn::DTLSConn;
use webrtc_dtls::crypto::Certificate;
use webrtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile as Offered;
use webrtc_dtls_util::{Conn, Error as ConnError, KeyingMaterialExporter};
use webrtc_srtp::context::Context;
use webrtc_srtp::protection_profile::ProtectionProfile;

use crate::network::Place;
use crate::options::Profile;

/// After which a lost flight is sent again: as browsers do it. The library's default is a second.
const FLIGHT: Duration = Duration::from_millis(100);

/// One certificate for all participants: making one costs more than a handshake.
#[derive(Clone)]
pub struct Identity {
    certificate: Certificate,
    /// As in `a=fingerprint`.
    pub fingerprint: String,
}

impl Identity {
    /// Makes a certificate.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn generate() -> anyhow::Result<Identity> {
        let certificate = Certificate::generate_self_signed(vec!["ringfence-load".to_owned()])?;
        let der = certificate.certificate.first().context("an empty certificate chain")?;
        let hash = sha256(der);
        let hex: Vec<String> = hash.iter().map(|byte| format!("{byte:02X}")).collect();
        Ok(Identity { certificate, fingerprint: format!("sha-256 {}", hex.join(":")) })
    }
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).to_vec()
}

/// DTLS datagrams of one participant.
pub struct Channel {
    place: Place,
    server: SocketAddr,
    incoming: Mutex<UnboundedReceiver<Vec<u8>>>,
    /// The handshake is over: nothing is sent any more, no `close_notify` either.
    over: AtomicBool,
}

impl Channel {
    /// A channel to `server`; `incoming` gets what arrives.
    pub fn new(place: Place, server: SocketAddr, incoming: UnboundedReceiver<Vec<u8>>) -> Channel {
        Channel { place, server, incoming: Mutex::new(incoming), over: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Conn for Channel {
    async fn connect(&self, _: SocketAddr) -> Result<(), ConnError> {
        Ok(())
    }

    async fn recv(&self, buffer: &mut [u8]) -> Result<usize, ConnError> {
        let datagram = self.incoming.lock().await.recv().await;
        let datagram = datagram.ok_or(ConnError::ErrBufferClosed)?;
        let room = buffer.get_mut(..datagram.len()).ok_or(ConnError::ErrBufferShort)?;
        room.copy_from_slice(&datagram);
        Ok(datagram.len())
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), ConnError> {
        Ok((self.recv(buffer).await?, self.server))
    }

    async fn send(&self, bytes: &[u8]) -> Result<usize, ConnError> {
        if !self.over.load(Ordering::Relaxed) {
            // A full buffer is a lost datagram: DTLS sends it again.
            let _ = self.place.send(self.server, bytes, None);
        }
        Ok(bytes.len())
    }

    async fn send_to(&self, bytes: &[u8], _: SocketAddr) -> Result<usize, ConnError> {
        self.send(bytes).await
    }

    fn local_addr(&self) -> Result<SocketAddr, ConnError> {
        Ok(SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), self.place.socket.port))
    }

    fn remote_addr(&self) -> Option<SocketAddr> {
        Some(self.server)
    }

    async fn close(&self) -> Result<(), ConnError> {
        Ok(())
    }

    fn as_any(&self) -> &(dyn std::any::Any + Send + Sync) {
        self
    }
}

/// SRTP keys of both directions.
#[derive(Clone)]
pub struct Keys {
    profile: ProtectionProfile,
    material: Vec<u8>,
}

impl Keys {
    /// Seals what we send.
    ///
    /// # Errors
    /// The keys have a wrong length.
    pub fn sealer(&self) -> anyhow::Result<Context> {
        self.context(0)
    }

    /// Opens what we receive.
    ///
    /// # Errors
    /// The keys have a wrong length.
    pub fn opener(&self) -> anyhow::Result<Context> {
        self.context(1)
    }

    /// RFC 5764 §4.2: client key, server key, client salt, server salt.
    fn context(&self, side: usize) -> anyhow::Result<Context> {
        let (key, salt) = (self.profile.key_len(), self.profile.salt_len());
        let (keys, salts) = self.material.split_at(2 * key);
        let (key, salt) = (&keys[side * key..][..key], &salts[side * salt..][..salt]);
        Ok(Context::new(key, salt, self.profile, None, None)?)
    }
}

/// The handshake, as client.
///
/// # Errors
/// It fails, or the server's certificate is not the one of its answer.
pub async fn handshake(
    channel: Channel,
    identity: &Identity,
    fingerprint: &[u8],
    profile: Profile,
) -> anyhow::Result<Keys> {
    let offered = match profile {
        Profile::Gcm128 => Offered::Srtp_Aead_Aes_128_Gcm,
        Profile::Gcm256 => Offered::Srtp_Aead_Aes_256_Gcm,
        Profile::Cm => Offered::Srtp_Aes128_Cm_Hmac_Sha1_80,
    };
    let config = Config {
        certificates: vec![identity.certificate.clone()],
        srtp_protection_profiles: vec![offered],
        extended_master_secret: ExtendedMasterSecretType::Require,
        flight_interval: FLIGHT,
        insecure_skip_verify: true, // there is no authority: the fingerprint below is what counts
        ..Default::default()
    };
    let channel = Arc::new(channel);
    let connection = DTLSConn::new(channel.clone(), config, true, None).await.context("DTLS")?;
    let state = connection.connection_state().await;
    let certificate = state.peer_certificates.first().context("DTLS: no certificate")?;
    ensure!(sha256(certificate) == fingerprint, "DTLS: the certificate is not the answer's");
    let profile = match connection.selected_srtpprotection_profile() {
        Offered::Srtp_Aead_Aes_128_Gcm => ProtectionProfile::AeadAes128Gcm,
        Offered::Srtp_Aead_Aes_256_Gcm => ProtectionProfile::AeadAes256Gcm,
        Offered::Srtp_Aes128_Cm_Hmac_Sha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        other => anyhow::bail!("--profile: the server chose {other:?}; give another one"),
    };
    let length = 2 * (profile.key_len() + profile.salt_len());
    let material = state.export_keying_material("EXTRACTOR-dtls_srtp", &[], length).await;
    let material = material.context("DTLS: keys can not be exported")?;
    channel.over.store(true, Ordering::Relaxed);
    let _ = connection.close().await; // ends its tasks
    Ok(Keys { profile, material })
}
