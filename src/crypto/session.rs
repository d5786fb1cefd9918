//! The session keys of one direction: one set for RTP, one for RTCP. RFC 3711 §4.3.
//!
//! Which transform a profile means is decided here, once, when keys are made.

use super::cm::{AUTHENTICATION_KEY_LEN, CmHmac};
use super::gcm::Gcm;
use super::kdf::{Label, counter_key, derive};
use super::profile::{KeyError, Profile};

/// The keys that protect RTP, or RTCP, in one direction.
pub(super) enum Session {
    /// RFC 7714.
    Gcm(Gcm),
    /// RFC 3711. Boxed: with its schedules in line it is ten times the other one.
    Cm(Box<CmHmac>),
}

/// Derives the keys for RTP and those for RTCP, in this order.
pub(super) fn sessions(
    profile: Profile,
    master_key: &[u8],
    master_salt: &[u8],
) -> Result<(Session, Session), KeyError> {
    use Label::{
        RtcpAuthentication, RtcpEncryption, RtcpSalt, RtpAuthentication, RtpEncryption, RtpSalt,
    };
    if master_key.len() != profile.key_len() {
        return Err(KeyError::KeyLength);
    }
    if master_salt.len() != profile.salt_len() {
        return Err(KeyError::SaltLength);
    }
    let session = |encryption: Label, authentication: Label, salt: Label| {
        let master = counter_key(master_key)?;
        let mut key = [0u8; 32];
        let key = &mut key[..profile.key_len()]; // 16 or 32
        derive(&master, master_salt, encryption, key)?;
        match profile {
            Profile::AeadAes128Gcm | Profile::AeadAes256Gcm => {
                let mut session_salt = [0u8; 12];
                derive(&master, master_salt, salt, &mut session_salt)?;
                Ok(Session::Gcm(Gcm::new(key, &session_salt)?))
            }
            Profile::Aes128CmHmacSha1_80 => {
                let mut session_salt = [0u8; 14];
                derive(&master, master_salt, salt, &mut session_salt)?;
                let mut authentication_key = [0u8; AUTHENTICATION_KEY_LEN];
                derive(&master, master_salt, authentication, &mut authentication_key)?;
                let session = CmHmac::new(key, &session_salt, &authentication_key)?;
                Ok(Session::Cm(Box::new(session)))
            }
        }
    };
    Ok((
        session(RtpEncryption, RtpAuthentication, RtpSalt)?,
        session(RtcpEncryption, RtcpAuthentication, RtcpSalt)?,
    ))
}
