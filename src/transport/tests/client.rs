//! The client's side of STUN for tests: Binding requests of every kind, and answers to ours.
//!
//! Written on `stun-types` directly, so that `wire/stun.rs` is not tested against itself.

use std::net::SocketAddr;

use stun_types::attribute::{AttributeType, ErrorCode, RawAttribute, Username, XorMappedAddress};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, Message, MessageClass, MessageType, MessageWrite, MessageWriteExt,
    MessageWriteVec, ShortTermCredentials,
};

use dimpl::SrtpProfile;

use crate::crypto::{Opener, Profile, ReplayWindow, Sealer};
use crate::transport::credentials::IceCredentials;
use crate::wire::number::{Seq, Ssrc};

/// A Binding request; the tests change one thing at a time.
#[derive(Clone)]
pub struct Question {
    pub username: String,
    pub pwd: String,
    pub id: u128,
    pub use_candidate: bool,
    pub controlling: bool,
    pub integrity: bool,
    pub fingerprint: bool,
    /// Another attribute, before MESSAGE-INTEGRITY.
    pub extra: Option<u16>,
    /// PRIORITY is changed after signing; FINGERPRINT is right.
    pub tampered: bool,
    /// USE-CANDIDATE after MESSAGE-INTEGRITY, where it is not authenticated.
    pub late_use_candidate: bool,
}

impl Question {
    /// A plain connectivity check of the client to us.
    pub fn new(server: &IceCredentials, client: &IceCredentials) -> Self {
        Self {
            username: format!("{}:{}", server.ufrag, client.ufrag),
            pwd: server.pwd.to_string(),
            id: 7,
            use_candidate: false,
            controlling: true,
            integrity: true,
            fingerprint: true,
            extra: None,
            tampered: false,
            late_use_candidate: false,
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let kind = MessageType::from_class_method(MessageClass::Request, BINDING);
        let mut message = Message::builder(kind, self.id.into(), MessageWriteVec::new());
        message.add_attribute(&Username::new(&self.username).unwrap()).unwrap();
        let role = if self.controlling { 0x802A } else { 0x8029 };
        message.add_attribute(&RawAttribute::new(AttributeType::new(role), &[9; 8])).unwrap();
        message.add_attribute(&RawAttribute::new(AttributeType::new(0x0024), &[1; 4])).unwrap();
        if self.use_candidate {
            message.add_attribute(&RawAttribute::new(AttributeType::new(0x0025), &[])).unwrap();
        }
        if let Some(extra) = self.extra {
            message.add_attribute(&RawAttribute::new(AttributeType::new(extra), &[])).unwrap();
        }
        if self.integrity {
            sign(&mut message, &self.pwd);
        }
        if self.tampered {
            let place = message.windows(4).position(|bytes| bytes == [1; 4]).unwrap();
            message.mut_data()[place] = 2;
        }
        if self.late_use_candidate {
            message.push_attribute_unchecked(&RawAttribute::new(AttributeType::new(0x0025), &[]));
        }
        if self.fingerprint {
            message.add_fingerprint().unwrap();
        }
        message.finish()
    }
}

/// The success answer to our check.
pub fn success(id: u128, mapped: SocketAddr, pwd: &str) -> Vec<u8> {
    let kind = MessageType::from_class_method(MessageClass::Success, BINDING);
    let mut message = Message::builder(kind, id.into(), MessageWriteVec::new());
    message.add_attribute(&XorMappedAddress::new(mapped, id.into())).unwrap();
    sign(&mut message, pwd);
    message.add_fingerprint().unwrap();
    message.finish()
}

/// An error answer to our check.
pub fn error(id: u128, code: u16, pwd: &str) -> Vec<u8> {
    let kind = MessageType::from_class_method(MessageClass::Error, BINDING);
    let mut message = Message::builder(kind, id.into(), MessageWriteVec::new());
    message.add_attribute(&ErrorCode::new(code, "no").unwrap()).unwrap();
    sign(&mut message, pwd);
    message.finish()
}

fn sign(message: &mut MessageWriteVec, pwd: &str) {
    let key = ShortTermCredentials::new(pwd.to_owned()).make_key();
    message.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1).unwrap();
}

/// What we sent, as the client reads it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// Success: transaction and mapped address.
    Success(u128, SocketAddr),
    /// Error: transaction, code.
    Error(u128, u16),
    /// A check of ours: transaction, USERNAME.
    Check(u128, String),
}

/// Reads what we sent; panics unless it is well-formed, has a FINGERPRINT, and is signed by `pwd`:
/// the server's for answers, the client's for checks.
pub fn read(datagram: &[u8], server_pwd: &str, client_pwd: &str) -> Said {
    let message = Message::from_bytes(datagram).unwrap();
    let id = u128::from(message.transaction_id());
    let is_check = message.class() == MessageClass::Request;
    let pwd = if is_check { client_pwd } else { server_pwd };
    let key = ShortTermCredentials::new(pwd.to_owned()).make_key();
    assert_eq!(message.validate_integrity_with_key(&key).unwrap(), IntegrityAlgorithm::Sha1);
    let has = |kind| message.has_attribute(AttributeType::new(kind));
    assert!(has(0x8028), "FINGERPRINT");
    match message.class() {
        MessageClass::Success => {
            let mapped = message.attribute::<XorMappedAddress>().unwrap();
            Said::Success(id, mapped.addr(id.into()))
        }
        MessageClass::Error => Said::Error(id, message.attribute::<ErrorCode>().unwrap().code()),
        _ => {
            assert!(has(0x8029) && has(0x0024), "ICE-CONTROLLED, PRIORITY");
            assert!(!has(0x0025) && !has(0x802A), "never USE-CANDIDATE, ICE-CONTROLLING");
            Said::Check(id, message.attribute::<Username>().unwrap().username().to_owned())
        }
    }
}

/// What the client's keying material seals, the peer's keys open, and the other way round.
pub fn assert_keys_agree(
    material: &[u8],
    profile: SrtpProfile,
    opener: &Opener,
    sealer: &mut Sealer,
) {
    let (profile, key, salt) = match profile {
        SrtpProfile::AEAD_AES_256_GCM => (Profile::AeadAes256Gcm, 32, 12),
        SrtpProfile::AEAD_AES_128_GCM => (Profile::AeadAes128Gcm, 16, 12),
        _ => (Profile::Aes128CmHmacSha1_80, 16, 14),
    };
    assert_eq!((opener.profile(), sealer.profile()), (profile, profile));
    let (keys, salts) = material.split_at(2 * key);
    let mut client = Sealer::new(profile, &keys[..key], &salts[..salt]).unwrap();
    pass(&mut client, opener);
    pass(sealer, &Opener::new(profile, &keys[key..], &salts[salt..]).unwrap());
}

fn pass(sealer: &mut Sealer, opener: &Opener) {
    let mut packet = [0x80; 60];
    let claim = sealer.ledger(Ssrc(77)).unwrap().claim(Seq(3)).unwrap();
    let len = sealer.seal_rtp(claim, 12, 40, &mut packet).unwrap();
    assert!(packet[12..40] != [0x80; 28], "encrypted");
    opener.open_rtp(&mut ReplayWindow::default(), 12, &mut packet[..len]).unwrap();
    assert_eq!(packet[12..40], [0x80; 28]);
}
