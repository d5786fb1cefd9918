//! Layout of a protected RTCP compound. RFC 3711 §3.4, RFC 7714 §9.
//!
//! Counter mode: header ‖ ciphertext ‖ E,index ‖ tag. GCM: header ‖ ciphertext ‖ tag ‖ E,index. The
//! header is the first packet's first 8 bytes. We seal encrypted always, and refuse to open what is
//! only authenticated. Works in place (`fuzz_targets/srtcp_open.rs`).

use super::opener::OpenError;
use super::profile::SRTCP_TRAILER_LEN;
use super::sealer::SealError;
use super::session::Session;
use super::{cm, gcm};
use crate::wire::number::Ssrc;

/// Common header and sender SSRC, which stay readable.
const HEADER_LEN: usize = 8;

/// The E flag: the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

/// Seals the compound `buffer[..len]` in place under the 31-bit `index`. Returns the whole length.
pub(super) fn seal(
    session: &Session,
    index: u32,
    len: usize,
    buffer: &mut [u8],
) -> Result<usize, SealError> {
    let (packet, room) = buffer.split_at_mut_checked(len).ok_or(SealError::NoRoom)?;
    let ssrc = sender(packet).ok_or(SealError::TooShort)?;
    let trailer = (ENCRYPTED | index).to_be_bytes();
    match session {
        Session::Gcm(gcm) => {
            let (tag, room) =
                room.split_first_chunk_mut::<{ gcm::TAG_LEN }>().ok_or(SealError::NoRoom)?;
            let end = room.first_chunk_mut::<SRTCP_TRAILER_LEN>().ok_or(SealError::NoRoom)?;
            let (header, body) =
                packet.split_first_chunk_mut::<HEADER_LEN>().ok_or(SealError::TooShort)?;
            gcm.seal(ssrc, u64::from(index), &gcm_aad(header, trailer), body, tag)
                .map_err(|_| SealError::Library)?;
            *end = trailer;
            Ok(len + gcm::TAG_LEN + SRTCP_TRAILER_LEN)
        }
        Session::Cm(cm) => {
            let (end, room) =
                room.split_first_chunk_mut::<SRTCP_TRAILER_LEN>().ok_or(SealError::NoRoom)?;
            let tag = room.first_chunk_mut::<{ cm::TAG_LEN }>().ok_or(SealError::NoRoom)?;
            let (_, body) =
                packet.split_first_chunk_mut::<HEADER_LEN>().ok_or(SealError::TooShort)?;
            cm.apply(ssrc, u64::from(index), body).map_err(|_| SealError::Library)?;
            *end = trailer;
            *tag = cm.tag(packet, &trailer);
            Ok(len + SRTCP_TRAILER_LEN + cm::TAG_LEN)
        }
    }
}

/// Sender SSRC and index of a protected compound, as yet unauthenticated.
///
/// # Errors
/// `TooShort`; `Unencrypted` if the E flag is clear.
pub(super) fn identity(session: &Session, packet: &[u8]) -> Result<(Ssrc, u32), OpenError> {
    let (plain_len, trailer) = match session {
        Session::Gcm(_) => {
            let (rest, trailer) =
                packet.split_last_chunk::<SRTCP_TRAILER_LEN>().ok_or(OpenError::TooShort)?;
            (rest.len().checked_sub(gcm::TAG_LEN), trailer)
        }
        Session::Cm(_) => {
            let (rest, _) =
                packet.split_last_chunk::<{ cm::TAG_LEN }>().ok_or(OpenError::TooShort)?;
            let (plain, trailer) =
                rest.split_last_chunk::<SRTCP_TRAILER_LEN>().ok_or(OpenError::TooShort)?;
            (Some(plain.len()), trailer)
        }
    };
    if plain_len.is_none_or(|len| len < HEADER_LEN) {
        return Err(OpenError::TooShort);
    }
    let word = u32::from_be_bytes(*trailer);
    if word & ENCRYPTED == 0 {
        return Err(OpenError::Unencrypted);
    }
    let ssrc = sender(packet).ok_or(OpenError::TooShort)?;
    Ok((ssrc, word & !ENCRYPTED))
}

/// Authenticates `packet`, whose identity is given, and decrypts it in place. Returns the
/// compound's length.
pub(super) fn open(
    session: &Session,
    ssrc: Ssrc,
    index: u32,
    packet: &mut [u8],
) -> Result<usize, OpenError> {
    match session {
        Session::Gcm(gcm) => {
            let (rest, trailer) =
                packet.split_last_chunk_mut::<SRTCP_TRAILER_LEN>().ok_or(OpenError::TooShort)?;
            let (plain, tag) =
                rest.split_last_chunk_mut::<{ gcm::TAG_LEN }>().ok_or(OpenError::TooShort)?;
            let len = plain.len();
            let (header, body) =
                plain.split_first_chunk_mut::<HEADER_LEN>().ok_or(OpenError::TooShort)?;
            gcm.open(ssrc, u64::from(index), &gcm_aad(header, *trailer), body, tag)
                .map_err(|_| OpenError::BadTag)?;
            Ok(len)
        }
        Session::Cm(cm) => {
            let (covered, tag) =
                packet.split_last_chunk_mut::<{ cm::TAG_LEN }>().ok_or(OpenError::TooShort)?;
            cm.verify(covered, &[], tag).map_err(|_| OpenError::BadTag)?;
            let (plain, _) =
                covered.split_last_chunk_mut::<SRTCP_TRAILER_LEN>().ok_or(OpenError::TooShort)?;
            let len = plain.len();
            let (_, body) =
                plain.split_first_chunk_mut::<HEADER_LEN>().ok_or(OpenError::TooShort)?;
            cm.apply(ssrc, u64::from(index), body).map_err(|_| OpenError::BadTag)?;
            Ok(len)
        }
    }
}

/// SSRC of the sender of the first packet.
fn sender(packet: &[u8]) -> Option<Ssrc> {
    let header = packet.first_chunk::<HEADER_LEN>()?;
    Some(Ssrc(u32::from_be_bytes([header[4], header[5], header[6], header[7]])))
}

/// What GCM authenticates besides the body: header ‖ E,index (RFC 7714 §9.2).
fn gcm_aad(header: &[u8; HEADER_LEN], trailer: [u8; SRTCP_TRAILER_LEN]) -> [u8; 12] {
    let mut aad = [0u8; HEADER_LEN + SRTCP_TRAILER_LEN];
    aad[..HEADER_LEN].copy_from_slice(header);
    aad[HEADER_LEN..].copy_from_slice(&trailer);
    aad
}
