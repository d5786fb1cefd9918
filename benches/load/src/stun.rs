//! ICE of a controlling client with one candidate pair (RFC 8445): checks with USE-CANDIDATE, answers
//! to the server's checks, consent (RFC 7675).

use std::net::SocketAddr;

use anyhow::Context;
use rand::RngExt;
use stun_types::attribute::{AttributeType, RawAttribute, Username, XorMappedAddress};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, Message, MessageClass, MessageType, MessageWrite, MessageWriteExt,
    MessageWriteVec, ShortTermCredentials,
};

const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const ICE_CONTROLLING: u16 = 0x802A;
/// Of a host candidate, component 1 (RFC 8445 §5.1.2.1).
const HOST_PRIORITY: u32 = 126 << 24 | 65_535 << 8 | 255;

/// A user fragment and its password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// `a=ice-ufrag`.
    pub ufrag: String,
    /// `a=ice-pwd`.
    pub pwd: String,
}

impl Credentials {
    /// New ones.
    pub fn generate() -> Credentials {
        let mut random = rand::rng();
        let mut text = |len: usize| -> String {
            (0..len).map(|_| char::from(b'a' + random.random_range(0..26u8))).collect()
        };
        Credentials { ufrag: text(8), pwd: text(24) }
    }
}

/// Both sides' credentials.
#[derive(Clone, Debug)]
pub struct Pair {
    /// Ours.
    pub local: Credentials,
    /// The server's.
    pub remote: Credentials,
    /// Tie-breaker of the controlling role.
    pub tie: u64,
}

/// What a STUN message of the server is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Said {
    /// A success answer to the check with this id.
    Success(u128),
    /// An error answer.
    Refused(u128),
    /// A check of the server's.
    Check(u128),
}

impl Pair {
    /// A check that nominates.
    ///
    /// # Errors
    /// The server's user fragment is longer than STUN allows.
    pub fn check(&self, id: u128) -> anyhow::Result<Vec<u8>> {
        let kind = MessageType::from_class_method(MessageClass::Request, BINDING);
        let mut message = Message::builder(kind, id.into(), MessageWriteVec::new());
        let username = format!("{}:{}", self.remote.ufrag, self.local.ufrag);
        message.add_attribute(&Username::new(&username)?)?;
        let (priority, tie) = (HOST_PRIORITY.to_be_bytes(), self.tie.to_be_bytes());
        for (kind, value) in
            [(PRIORITY, &priority[..]), (ICE_CONTROLLING, &tie[..]), (USE_CANDIDATE, &[][..])]
        {
            message.add_attribute(&RawAttribute::new(AttributeType::new(kind), value))?;
        }
        finish(message, &self.remote.pwd)
    }

    /// The answer to a check of the server's, which came from `from`.
    ///
    /// # Errors
    /// It can not be built.
    pub fn answer(&self, id: u128, from: SocketAddr) -> anyhow::Result<Vec<u8>> {
        let kind = MessageType::from_class_method(MessageClass::Success, BINDING);
        let mut message = Message::builder(kind, id.into(), MessageWriteVec::new());
        message.add_attribute(&XorMappedAddress::new(from, id.into()))?;
        finish(message, &self.local.pwd)
    }

    /// Reads and authenticates what the server sent.
    ///
    /// # Errors
    /// It is no STUN message, or not the server's.
    pub fn read(&self, datagram: &[u8]) -> anyhow::Result<Said> {
        let message = Message::from_bytes(datagram)?;
        let id = u128::from(message.transaction_id());
        let is_check = message.class() == MessageClass::Request;
        let pwd = if is_check { &self.local.pwd } else { &self.remote.pwd };
        let key = ShortTermCredentials::new(pwd.clone()).make_key();
        if message.class() != MessageClass::Error {
            message.validate_integrity_with_key(&key).context("MESSAGE-INTEGRITY")?;
        }
        Ok(match message.class() {
            MessageClass::Success => Said::Success(id),
            MessageClass::Request => Said::Check(id),
            _ => Said::Refused(id),
        })
    }
}

fn finish(mut message: MessageWriteVec, pwd: &str) -> anyhow::Result<Vec<u8>> {
    let key = ShortTermCredentials::new(pwd.to_owned()).make_key();
    message.add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1)?;
    message.add_fingerprint()?;
    Ok(message.finish())
}

/// An id for a check: 96 bits.
pub fn transaction() -> u128 {
    rand::rng().random::<u128>() >> 32
}
