//! Layout of a protected RTP packet: header ‖ ciphertext ‖ tag. RFC 3711 §3.1, RFC 7714 §8.
//!
//! The header, with CSRCs and extension, stays readable and is authenticated. Works in place,
//! allocates nothing, and returns an error on any input that does not fit
//! (`fuzz_targets/srtp_open.rs`).

use super::index::Index;
use super::opener::OpenError;
use super::sealer::SealError;
use super::session::Session;
use super::{cm, gcm};
use crate::wire::number::{Seq, Ssrc};

/// RTP's fixed header, RFC 3550 §5.1.
const FIXED_HEADER_LEN: usize = 12;

/// Seals `buffer[..len]` in place under `ssrc` and `index`, which it writes into the header first,
/// so that header and nonce can not disagree. Returns the length with the tag.
pub(super) fn seal(
    session: &Session,
    ssrc: Ssrc,
    index: Index,
    header_len: usize,
    len: usize,
    buffer: &mut [u8],
) -> Result<usize, SealError> {
    if header_len < FIXED_HEADER_LEN || len < header_len {
        return Err(SealError::TooShort);
    }
    let (packet, room) = buffer.split_at_mut_checked(len).ok_or(SealError::NoRoom)?;
    if let Some(fixed) = packet.first_chunk_mut::<FIXED_HEADER_LEN>() {
        fixed[2..4].copy_from_slice(&index.seq().0.to_be_bytes());
        fixed[8..12].copy_from_slice(&ssrc.0.to_be_bytes());
    }
    match session {
        Session::Gcm(gcm) => {
            let tag = room.first_chunk_mut::<{ gcm::TAG_LEN }>().ok_or(SealError::NoRoom)?;
            let (header, payload) = packet.split_at_mut(header_len); // <= len, see above
            gcm.seal(ssrc, index.0, header, payload, tag).map_err(|_| SealError::Library)?;
            Ok(len + gcm::TAG_LEN)
        }
        Session::Cm(cm) => {
            let tag = room.first_chunk_mut::<{ cm::TAG_LEN }>().ok_or(SealError::NoRoom)?;
            let payload = &mut packet[header_len..]; // <= len, see above
            cm.apply(ssrc, index.0, payload).map_err(|_| SealError::Library)?;
            *tag = cm.tag(packet, &index.roc().to_be_bytes());
            Ok(len + cm::TAG_LEN)
        }
    }
}

/// SSRC and sequence number of a packet. Whether it has the version of RTP, `wire` has checked.
pub(super) fn identity(packet: &[u8]) -> Result<(Ssrc, Seq), OpenError> {
    let fixed = packet.first_chunk::<FIXED_HEADER_LEN>().ok_or(OpenError::TooShort)?;
    let seq = Seq(u16::from_be_bytes([fixed[2], fixed[3]]));
    let ssrc = Ssrc(u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]));
    Ok((ssrc, seq))
}

/// Authenticates `packet` and decrypts it in place. Returns the length without the tag.
pub(super) fn open(
    session: &Session,
    ssrc: Ssrc,
    index: Index,
    header_len: usize,
    packet: &mut [u8],
) -> Result<usize, OpenError> {
    if header_len < FIXED_HEADER_LEN {
        return Err(OpenError::TooShort);
    }
    match session {
        Session::Gcm(gcm) => {
            let (plain, tag) =
                packet.split_last_chunk_mut::<{ gcm::TAG_LEN }>().ok_or(OpenError::TooShort)?;
            let len = plain.len();
            let (header, payload) =
                plain.split_at_mut_checked(header_len).ok_or(OpenError::TooShort)?;
            gcm.open(ssrc, index.0, header, payload, tag).map_err(|_| OpenError::BadTag)?;
            Ok(len)
        }
        Session::Cm(cm) => {
            let (plain, tag) =
                packet.split_last_chunk_mut::<{ cm::TAG_LEN }>().ok_or(OpenError::TooShort)?;
            if plain.len() < header_len {
                return Err(OpenError::TooShort);
            }
            cm.verify(plain, &index.roc().to_be_bytes(), tag).map_err(|_| OpenError::BadTag)?;
            let payload = &mut plain[header_len..]; // checked above
            cm.apply(ssrc, index.0, payload).map_err(|_| OpenError::BadTag)?;
            Ok(plain.len())
        }
    }
}
