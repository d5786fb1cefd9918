//! STUN Binding messages as ICE uses them: views over received bytes, and fresh messages.
//!
//! Wire format: RFC 8489 §5 (header), §14 (attributes); RFC 8445 §16.1 (ICE attributes). The codec
//! and the HMAC are `stun-types`; what it would leave open (trailing bytes, oversize) is closed
//! here. Pure: no clock, no randomness (transaction ids are given). An error, never a panic, on any
//! input.

use std::net::SocketAddr;

use stun_types::attribute::{
    AttributeType, AttributeWrite, ErrorCode, RawAttribute, UnknownAttributes, Username,
    XorMappedAddress,
};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, IntegrityKey, Message, MessageClass, MessageType, MessageWrite,
    MessageWriteExt, MessageWriteVec, ShortTermCredentials,
};

/// Longest datagram read as STUN. RFC 8489 §6.1 keeps messages within 1,280 bytes of IP packet.
pub const LEN_MAX: usize = 1_280;

/// Length of the fixed header, RFC 8489 §5.
const HEADER_LEN: usize = 20;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const MESSAGE_INTEGRITY_SHA256: u16 = 0x001C;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;

/// Attributes below 0x8000 that we understand; any other in a request is answered by error 420.
const COMPREHENDED: [u16; 6] = [
    USERNAME,
    MESSAGE_INTEGRITY,
    MESSAGE_INTEGRITY_SHA256,
    PRIORITY,
    USE_CANDIDATE,
    XOR_MAPPED_ADDRESS,
];

/// Most unknown attribute types that an error 420 lists; keeps the answer shorter than any
/// question.
const UNKNOWN_MAX: usize = 4;

/// Why bytes are not a STUN Binding message (RFC 8489 §6.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StunError {
    /// Longer than [`LEN_MAX`].
    TooLong,
    /// Header, length field, an attribute or FINGERPRINT is wrong (RFC 8489 §7.3).
    Malformed,
    /// Another method than Binding.
    NotBinding,
}

/// Transaction id, RFC 8489 §5: 96 bits that the asker chose.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TransactionId(pub [u8; 12]);

impl TransactionId {
    fn to_wire(self) -> stun_types::message::TransactionId {
        let bytes = self.0.iter().fold(0u128, |id, byte| id << 8 | u128::from(*byte));
        bytes.into()
    }

    fn from_wire(id: stun_types::message::TransactionId) -> Self {
        let [_, _, _, _, id @ ..] = u128::from(id).to_be_bytes();
        Self(id)
    }
}

/// Class of a message, RFC 8489 §5.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StunClass {
    /// A question.
    Request,
    /// Something told, no answer wanted.
    Indication,
    /// The good answer.
    Success,
    /// The bad answer.
    Error,
}

/// HMAC-SHA1 key of a short-term credential, RFC 8489 §9.1.1: the ICE password.
#[derive(Clone)]
pub struct Key(IntegrityKey);

impl Key {
    /// The key of an ICE password. ICE characters (RFC 8839 §5.4) need no `OpaqueString`
    /// preparation.
    pub fn new(password: &str) -> Self {
        Self(ShortTermCredentials::new(password.to_owned()).make_key())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)") // it is a secret
    }
}

/// A well-formed Binding message, RFC 8489 §5, still borrowed; nothing in it is authenticated
/// before [`Stun::verify`]. Invariants: the length field matches; a FINGERPRINT that is there is
/// right.
#[derive(Debug)]
pub struct Stun<'a> {
    bytes: &'a [u8],
    message: Message<'a>,
}

impl<'a> Stun<'a> {
    /// # Errors
    /// `TooLong` above [`LEN_MAX`]; `Malformed` unless header, length, attributes and FINGERPRINT
    /// are right; `NotBinding` for another method.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, StunError> {
        if bytes.len() > LEN_MAX {
            return Err(StunError::TooLong);
        }
        if attribute_bytes(bytes).is_none() {
            return Err(StunError::Malformed);
        }
        let message = Message::from_bytes(bytes).map_err(|_| StunError::Malformed)?;
        if !message.has_method(BINDING) {
            return Err(StunError::NotBinding);
        }
        Ok(Self { bytes, message })
    }

    /// Request, indication, success or error.
    pub fn class(&self) -> StunClass {
        match self.message.class() {
            MessageClass::Request => StunClass::Request,
            MessageClass::Indication => StunClass::Indication,
            MessageClass::Success => StunClass::Success,
            MessageClass::Error => StunClass::Error,
        }
    }

    /// Its transaction id.
    pub fn transaction_id(&self) -> TransactionId {
        TransactionId::from_wire(self.message.transaction_id())
    }

    /// USERNAME of a connectivity check, RFC 8445 §7.2.2: receiver's ufrag, sender's ufrag.
    pub fn username(&self) -> Option<(&'a str, &'a str)> {
        username(self.bytes)
    }

    /// Whether the message has a FINGERPRINT. That it is right was checked in [`Stun::parse`].
    pub fn has_fingerprint(&self) -> bool {
        self.has(FINGERPRINT)
    }

    /// USE-CANDIDATE, RFC 8445 §7.1.2: the sender nominates.
    pub fn use_candidate(&self) -> bool {
        self.has(USE_CANDIDATE)
    }

    /// ICE-CONTROLLED, RFC 8445 §7.1.3: the sender thinks that we control.
    pub fn claims_controlled(&self) -> bool {
        self.has(ICE_CONTROLLED)
    }

    /// Whether MESSAGE-INTEGRITY (RFC 8489 §14.5) is there and right; compared in constant time.
    /// ICE uses the SHA-1 form only (RFC 8445 §7.1.1).
    pub fn verify(&self, key: &Key) -> bool {
        self.message
            .validate_integrity_with_key(&key.0)
            .is_ok_and(|algorithm| algorithm == IntegrityAlgorithm::Sha1)
    }

    /// Attributes that must be understood but are not (RFC 8489 §6.3.1), the first four.
    pub fn unknown_required(&self) -> Vec<u16> {
        let types = self
            .message
            .iter_attributes()
            .map(|(_, attribute)| u16::from(attribute.header.get_type()));
        types.filter(|it| *it < 0x8000 && !COMPREHENDED.contains(it)).take(UNKNOWN_MAX).collect()
    }

    fn has(&self, attribute: u16) -> bool {
        self.message.has_attribute(AttributeType::new(attribute))
    }
}

/// The local ufrag of a Binding request's USERNAME, before any integrity check: finds the peer
/// whose password can check it. RFC 8445 §7.3. Reads as little as possible; `None` if in doubt.
pub fn ufrag_of(datagram: &[u8]) -> Option<&str> {
    let is_request = datagram.first_chunk::<2>() == Some(&[0, 1]);
    if !is_request || datagram.len() > LEN_MAX {
        return None;
    }
    username(datagram).map(|(local, _)| local)
}

/// The transaction id of a Binding success answer, before any integrity check: finds the peer that
/// asked. RFC 8489 §6.3.3.
pub fn answer_of(datagram: &[u8]) -> Option<TransactionId> {
    let (header, _) = datagram.split_first_chunk::<HEADER_LEN>()?;
    let [0x01, 0x01, _, _, 0x21, 0x12, 0xA4, 0x42, id @ ..] = *header else {
        return None;
    };
    Some(TransactionId(id))
}

/// The attributes, if magic cookie and length field are right.
fn attribute_bytes(datagram: &[u8]) -> Option<&[u8]> {
    let (header, attributes) = datagram.split_first_chunk::<HEADER_LEN>()?;
    let [_, _, len_high, len_low, 0x21, 0x12, 0xA4, 0x42, ..] = *header else {
        return None;
    };
    let len = usize::from(u16::from_be_bytes([len_high, len_low]));
    (attributes.len() == len && len.is_multiple_of(4)).then_some(attributes)
}

/// The two halves of the first USERNAME before MESSAGE-INTEGRITY: what follows that is not
/// authenticated and not looked at (RFC 8489 §14.5).
fn username(datagram: &[u8]) -> Option<(&str, &str)> {
    let mut rest = attribute_bytes(datagram)?;
    while let Some((&[type_high, type_low, len_high, len_low], after)) =
        rest.split_first_chunk::<4>()
    {
        let len = usize::from(u16::from_be_bytes([len_high, len_low]));
        match u16::from_be_bytes([type_high, type_low]) {
            USERNAME => return std::str::from_utf8(after.get(..len)?).ok()?.split_once(':'),
            MESSAGE_INTEGRITY | MESSAGE_INTEGRITY_SHA256 | FINGERPRINT => return None,
            _ => rest = after.get(len.next_multiple_of(4)..)?,
        }
    }
    None
}

/// What our own connectivity check says besides its fixed parts. RFC 8445 §7.2.2.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// Unpredictable; the answer bears it.
    pub id: TransactionId,
    /// The peer's ufrag.
    pub remote_ufrag: &'a str,
    /// Ours.
    pub local_ufrag: &'a str,
    /// PRIORITY, RFC 8445 §7.1.1: what a peer-reflexive candidate learned from it would have.
    pub priority: u32,
    /// Value of ICE-CONTROLLED, RFC 8445 §7.1.3.
    pub tie_breaker: u64,
}

/// A Binding request of ours, RFC 8445 §7.2.2: controlled, never nominating. `None` if the ufrags
/// are too long for a USERNAME (513 bytes).
pub fn write_check(check: &Check<'_>, key: &Key) -> Option<Vec<u8>> {
    let username = Username::new(&format!("{}:{}", check.remote_ufrag, check.local_ufrag)).ok()?;
    let priority = check.priority.to_be_bytes();
    let tie_breaker = check.tie_breaker.to_be_bytes();
    let controlled = RawAttribute::new(AttributeType::new(ICE_CONTROLLED), &tie_breaker);
    let priority = RawAttribute::new(AttributeType::new(PRIORITY), &priority);
    write(MessageClass::Request, check.id, &[&username, &priority, &controlled], key)
}

/// The answer to a verified Binding request, RFC 8489 §6.3.1.1: where it came from.
pub fn write_success(id: TransactionId, from: SocketAddr, key: &Key) -> Option<Vec<u8>> {
    let address = XorMappedAddress::new(from, id.to_wire());
    write(MessageClass::Success, id, &[&address], key)
}

/// Error 487, Role Conflict, RFC 8445 §7.3.1.1.
pub fn write_role_conflict(id: TransactionId, key: &Key) -> Option<Vec<u8>> {
    let code = ErrorCode::new(487, "Role Conflict").ok()?;
    write(MessageClass::Error, id, &[&code], key)
}

/// Error 420, Unknown Attribute, RFC 8489 §6.3.1.
pub fn write_unknown_attributes(id: TransactionId, unknown: &[u16], key: &Key) -> Option<Vec<u8>> {
    let code = ErrorCode::new(420, "Unknown Attribute").ok()?;
    let types: Vec<_> = unknown.iter().copied().map(AttributeType::new).collect();
    write(MessageClass::Error, id, &[&code, &UnknownAttributes::new(&types)], key)
}

/// A Binding message with these attributes, then MESSAGE-INTEGRITY, then FINGERPRINT.
fn write(
    class: MessageClass,
    id: TransactionId,
    attributes: &[&dyn AttributeWrite],
    key: &Key,
) -> Option<Vec<u8>> {
    let kind = MessageType::from_class_method(class, BINDING);
    let mut message = Message::builder(kind, id.to_wire(), MessageWriteVec::with_capacity(160));
    for attribute in attributes {
        message.add_attribute(*attribute).ok()?;
    }
    message.add_message_integrity_with_key(&key.0, IntegrityAlgorithm::Sha1).ok()?;
    message.add_fingerprint().ok()?;
    Some(message.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5769 §2.1: a request of "evtj:h6vY".
    const REQUEST: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\
        \xfa\x87\xdf\xae\
        \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\
        \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\x00\x06\x00\x09evtj:h6vY   \
        \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\
        \xb5\x71\xa2\
        \x80\x28\x00\x04\xe5\x7a\x3b\xcf";

    /// RFC 5769 §2.2: the answer to it.
    const RESPONSE: &[u8] = b"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\
        \xfa\x87\xdf\xae\
        \x80\x22\x00\x0btest vector \x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43\
        \x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\
        \x6b\xe7\xd7\
        \x80\x28\x00\x04\xc0\x7d\x4c\x96";

    const PWD: &str = "VOkJxbRl1RmTxUk/WvJxBt";

    const ID: TransactionId =
        TransactionId([0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae]);

    #[test]
    fn test_vectors() {
        let request = Stun::parse(REQUEST).unwrap();
        assert_eq!((request.class(), request.transaction_id()), (StunClass::Request, ID));
        assert_eq!(request.username(), Some(("evtj", "h6vY")));
        assert!(
            request.verify(&Key::new(PWD)) && !request.verify(&Key::new("VOkJxbRl1RmTxUk/WvJxBT"))
        );
        assert!(
            request.has_fingerprint() && request.claims_controlled() && !request.use_candidate()
        );
        assert_eq!(request.unknown_required(), [0; 0]);
        assert_eq!(ufrag_of(REQUEST), Some("evtj"));

        let response = Stun::parse(RESPONSE).unwrap();
        assert_eq!((response.class(), response.transaction_id()), (StunClass::Success, ID));
        assert!(response.verify(&Key::new(PWD)));
        assert_eq!((response.username(), ufrag_of(RESPONSE)), (None, None));
        assert_eq!((answer_of(RESPONSE), answer_of(REQUEST)), (Some(ID), None));
        assert_eq!((answer_of(&RESPONSE[..19]), answer_of(&[1; 40])), (None, None));
        // Ours differs by SOFTWARE only.
        let ours = write_success(ID, "192.0.2.1:32853".parse().unwrap(), &Key::new(PWD)).unwrap();
        let address = [0, 0x20, 0, 8, 0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
        assert_eq!(
            (&ours[..4], &ours[4..20], &ours[20..32]),
            (&[1, 1, 0, 44][..], &RESPONSE[4..20], &address[..])
        );
        assert!(Stun::parse(&ours).unwrap().verify(&Key::new(PWD)));
    }

    #[test]
    fn no_cut_and_no_changed_bit_passes() {
        let key = Key::new(PWD);
        for message in [REQUEST, RESPONSE] {
            for len in 0..message.len() {
                assert!(Stun::parse(&message[..len]).is_err(), "{len}");
            }
            for bit in 0..message.len() * 8 {
                let mut bytes = message.to_vec();
                bytes[bit / 8] ^= 1 << (bit % 8);
                let passes =
                    Stun::parse(&bytes).is_ok_and(|it| it.has_fingerprint() && it.verify(&key));
                assert!(!passes, "{bit}");
            }
        }
    }

    /// A header and these attributes, padded.
    fn message(kind: u16, attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, value) in attributes {
            body.extend_from_slice(&kind.to_be_bytes());
            body.extend_from_slice(&(value.len() as u16).to_be_bytes());
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        let mut bytes = kind.to_be_bytes().to_vec();
        bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
        bytes.extend_from_slice(&REQUEST[4..20]);
        bytes.extend_from_slice(&body);
        bytes
    }

    #[test]
    fn ufrag() {
        let too_long = vec![b'x'; LEN_MAX];
        let mut past_the_end = message(1, &[(USERNAME, b"ab:cd")]);
        past_the_end[23] = 200;
        let mut wrong_len = message(1, &[(USERNAME, b"ab:cd")]);
        wrong_len[3] += 4;
        for (name, datagram, expected) in [
            ("first", message(1, &[(USERNAME, b"ab:cd")]), Some("ab")),
            (
                "behind others",
                message(1, &[(PRIORITY, &[0; 4]), (0x8022, b"x"), (USERNAME, b"ab:cd")]),
                Some("ab"),
            ),
            ("first of two", message(1, &[(USERNAME, b"ab:cd"), (USERNAME, b"ef:cd")]), Some("ab")),
            ("empty ufrag", message(1, &[(USERNAME, b":cd")]), Some("")),
            ("no colon", message(1, &[(USERNAME, b"abcd")]), None),
            ("no UTF-8", message(1, &[(USERNAME, b"a\xff:cd")]), None),
            ("no USERNAME", message(1, &[(PRIORITY, &[0; 4])]), None),
            (
                "behind MESSAGE-INTEGRITY",
                message(1, &[(MESSAGE_INTEGRITY, &[0; 20]), (USERNAME, b"ab:cd")]),
                None,
            ),
            ("indication", message(0x11, &[(USERNAME, b"ab:cd")]), None),
            ("answer", message(0x101, &[(USERNAME, b"ab:cd")]), None),
            ("attribute past the end", past_the_end, None),
            ("wrong length field", wrong_len, None),
            ("too long", message(1, &[(USERNAME, b"ab:cd"), (0x8022, &too_long)]), None),
            ("header only", message(1, &[]), None),
            ("empty", Vec::new(), None),
        ] {
            assert_eq!(ufrag_of(&datagram), expected, "{name}");
        }
    }

    #[test]
    fn refusals() {
        let too_long = vec![0; LEN_MAX];
        for (name, datagram, expected) in [
            ("too long", message(1, &[(0x8022, &too_long)]), StunError::TooLong),
            ("Allocate", message(3, &[]), StunError::NotBinding),
            ("empty", Vec::new(), StunError::Malformed),
            ("RTP", vec![0x80; 40], StunError::Malformed),
            ("no magic cookie", vec![0; 20], StunError::Malformed),
            ("wrong FINGERPRINT", message(1, &[(FINGERPRINT, &[0; 4])]), StunError::Malformed),
            ("short FINGERPRINT", message(1, &[(FINGERPRINT, &[0; 3])]), StunError::Malformed),
        ] {
            assert_eq!(Stun::parse(&datagram).map(|_| ()), Err(expected), "{name}");
        }
        let key = Key::new(PWD);
        for (name, attributes) in [
            ("none", &[][..]),
            ("short SHA-1", &[(MESSAGE_INTEGRITY, &[0; 19][..])]),
            ("short SHA-256", &[(MESSAGE_INTEGRITY_SHA256, &[0; 12][..])]),
            ("empty", &[(MESSAGE_INTEGRITY, &[][..])]),
            ("two", &[(MESSAGE_INTEGRITY, &[0; 20][..]), (MESSAGE_INTEGRITY, &[1; 20])]),
            ("both", &[(MESSAGE_INTEGRITY_SHA256, &[0; 32][..]), (MESSAGE_INTEGRITY, &[1; 20])]),
        ] {
            let datagram = message(1, attributes);
            assert!(!Stun::parse(&datagram).is_ok_and(|it| it.verify(&key)), "{name}");
        }
    }

    #[test]
    fn only_sha1_is_taken() {
        let kind = MessageType::from_class_method(MessageClass::Request, BINDING);
        let mut stronger = Message::builder(kind, 1.into(), MessageWriteVec::new());
        let key = Key::new(PWD);
        stronger.add_message_integrity_with_key(&key.0, IntegrityAlgorithm::Sha256).unwrap();
        assert!(!Stun::parse(&stronger.finish()).unwrap().verify(&key));
    }

    #[test]
    fn answers_are_short() {
        let key = Key::new(PWD);
        let unknown: Vec<(u16, &[u8])> = (0..100).map(|n| (0x7000 + n, &[][..])).collect();
        let datagram = message(1, &unknown);
        let listed = Stun::parse(&datagram).unwrap().unknown_required();
        assert_eq!(listed, [0x7000, 0x7001, 0x7002, 0x7003]);
        let answer = write_unknown_attributes(ID, &listed, &key).unwrap();
        assert!(
            answer.len() <= 96 && Stun::parse(&answer).unwrap().verify(&key),
            "{}",
            answer.len()
        );
        assert!(write_role_conflict(ID, &key).unwrap().len() <= 96);
        let ufrag = "u".repeat(257);
        let check = Check {
            id: ID,
            remote_ufrag: &ufrag,
            local_ufrag: &ufrag,
            priority: 1,
            tie_breaker: 1,
        };
        assert_eq!(write_check(&check, &key), None, "no room for the USERNAME");
    }

    #[test]
    fn any_bytes() {
        let key = Key::new(PWD);
        let mut state = 1_u64;
        for round in 0..200_000 {
            let mut bytes = if round % 2 == 0 { REQUEST.to_vec() } else { RESPONSE.to_vec() };
            for _ in 0..1 + round % 5 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let place = (state >> 33) as usize % bytes.len();
                bytes[place] = (state >> 24) as u8;
            }
            let _ = ufrag_of(&bytes);
            if let Ok(stun) = Stun::parse(&bytes) {
                let _ = (
                    stun.verify(&key),
                    stun.username(),
                    stun.unknown_required(),
                    stun.use_candidate(),
                );
            }
        }
    }
}
