//! The vectors of RFC 3711 Appendix B, RFC 6188 §7 and RFC 7714 §16-17, and one packet of
//! libsrtp's.

use crate::crypto::cm::CmHmac;
use crate::crypto::gcm::Gcm;
use crate::crypto::kdf::{Label, apply_counter_mode, counter_key, derive};
use crate::crypto::session::Session;
use crate::crypto::{Index, OpenError, Opener, Profile, ReplayWindow, RtcpWindow, Sealer};
use crate::wire::number::{Seq, Ssrc};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    assert_eq!(digits.len() % 2, 0, "{text}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// RFC 3711 B.2: 65,282 blocks of key stream, of which the first three and the last three are
/// printed.
#[test]
fn rfc_3711_b2_counter_mode() {
    let key = hex("2B7E151628AED2A6ABF7158809CF4F3C");
    let salt = hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap();
    let cm = CmHmac::new(&key, &salt, &[0; 20]).unwrap();
    let mut stream = vec![0; 65_282 * 16];
    cm.apply(Ssrc(0), 0, &mut stream).unwrap();
    let first = hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB
                     41E95B3BB0A2E8DD477901E4FCA894C0");
    let last = hex("EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE
                    6A2CC3787889374FBEB4C81B17BA6C44");
    assert_eq!(stream[..48], first);
    assert_eq!(stream[stream.len() - 48..], last);
}

/// RFC 6188 §7.1: the same with AES-256.
#[test]
fn rfc_6188_counter_mode_256() {
    let key = hex("57f82fe3613fd170a85ec93c40b1f092 2ec4cb0dc025b58272147cc438944a98");
    let mut stream = vec![0; 65_282 * 16];
    let counter = 0xf0f1_f2f3_f4f5_f6f7_f8f9_fafb_fcfd_0000;
    apply_counter_mode(&counter_key(&key).unwrap(), counter, &mut stream).unwrap();
    let first = hex("92bdd28a93c3f52511c677d08b5515a4 9da71b2378a854f67050756ded165bac
                     63c4868b7096d88421b563b8c94c9a31");
    let last = hex("cea518c90fd91ced9cbb18c078a54711 3dbc4814f4da5f00a08772b63c6a046d
                    6eb246913062a16891433e97dd01a57f");
    assert_eq!(stream[..48], first);
    assert_eq!(stream[stream.len() - 48..], last);
}

/// RFC 3711 B.3 (AES-128) and RFC 6188 §7.2 (AES-256).
#[test]
fn key_derivation() {
    let rfc_3711 = ("E1F97A0D3E018BE0D64FA32C06DE4139", "0EC675AD498AFEEBB6960B3AABE6");
    let rfc_6188 = (
        "f0f04914b513f2763a1b1fa130f10e29 98f6f6e43e4309d1e622a0e332b9f1b6",
        "3b04803de51ee7c96423ab5b78d2",
    );
    for ((key, salt), label, expected) in [
        (rfc_3711, Label::RtpEncryption, "C61E7A93744F39EE10734AFE3FF7A087"),
        (rfc_3711, Label::RtpSalt, "30CBBC08863D8C85D49DB34A9AE1"),
        (
            rfc_3711,
            Label::RtpAuthentication, // 94 bytes: longer than any key in use
            "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE
             E049646C43D9327AD175578EF7227098 6371C10C9A369AC2F94A8C5FBCDDDC25
             6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2",
        ),
        (
            rfc_6188,
            Label::RtpEncryption,
            "5ba1064e30ec51613cad926c5a28ef73 1ec7fb397f70a960653caf06554cd8c4",
        ),
        (rfc_6188, Label::RtpSalt, "fa31791685ca444a9e07c6c64e93"),
        (rfc_6188, Label::RtpAuthentication, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"),
    ] {
        let expected = hex(expected);
        let mut got = vec![0xFF; expected.len()]; // what was there must not matter
        derive(&counter_key(&hex(key)).unwrap(), &hex(salt), label, &mut got).unwrap();
        assert_eq!(got, expected, "{label:?}");
    }
}

fn gcm(key_len: usize) -> Session {
    let key: Vec<u8> = (0..key_len as u8).collect();
    Session::Gcm(Gcm::new(&key, b"Quid pro quo").unwrap())
}

/// Sealer and opener with the session keys of RFC 7714 §16-17, the same for RTP and RTCP.
fn rfc_7714(profile: Profile) -> (Sealer, Opener) {
    let session = || gcm(profile.key_len());
    (
        Sealer::from_sessions(profile, session(), session()),
        Opener::from_sessions(profile, session(), session()),
    )
}

#[test]
fn rfc_7714_16_srtp() {
    let plain = hex("8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
                     69736120 696e2070 61727465 73207472 6573");
    for (profile, sealed) in [
        (
            Profile::AeadAes128Gcm,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
             0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            Profile::AeadAes256Gcm,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
             9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let sealed = hex(sealed);
        let (mut sealer, opener) = rfc_7714(profile);
        let mut buffer = plain.clone();
        buffer[2..4].fill(0xEE); // the claim's number and SSRC are written over what stands there
        buffer[8..12].fill(0xEE);
        buffer.resize(sealed.len(), 0);
        let claim = sealer.ledger(Ssrc(0x5501_a0b2)).unwrap().claim(Seq(0xf17b)).unwrap();
        assert_eq!(sealer.seal_rtp(claim, 12, plain.len(), &mut buffer), Ok(sealed.len()));
        assert_eq!(buffer, sealed, "{profile:?}");
        let opened = opener.open_rtp(&mut ReplayWindow::default(), 12, &mut buffer);
        assert_eq!(opened, Ok((Index(0xf17b), plain.len())));
        assert_eq!(buffer[..plain.len()], plain, "{profile:?}");
    }
}

#[test]
fn rfc_7714_17_srtcp() {
    let plain = hex("81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
                     deadbeef deadbeef deadbeef deadbeef deadbeef");
    for (profile, sealed) in [
        (
            Profile::AeadAes128Gcm,
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
             c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872
             45d9eade 800005d4",
        ),
        (
            Profile::AeadAes256Gcm,
            "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50
             a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c
             b26ac3be 800005d4",
        ),
    ] {
        let sealed = hex(sealed);
        let (mut sealer, opener) = rfc_7714(profile);
        sealer.skip_rtcp_to(0x5d4);
        let mut buffer = plain.clone();
        buffer.resize(sealed.len(), 0);
        assert_eq!(sealer.seal_rtcp(plain.len(), &mut buffer), Ok(sealed.len()));
        assert_eq!(buffer, sealed, "{profile:?}");
        let opened = opener.open_rtcp(&mut RtcpWindow::default(), &mut buffer);
        assert_eq!(opened, Ok(plain.len()));
        assert_eq!(buffer[..plain.len()], plain, "{profile:?}");
    }
}

/// RFC 3711 has no whole packet; these are the ones libsrtp checks itself with, under the keys of
/// B.3.
#[test]
fn libsrtp_packets() {
    let (key, salt) =
        (hex("E1F97A0D3E018BE0D64FA32C06DE4139"), hex("0EC675AD498AFEEBB6960B3AABE6"));
    let profile = Profile::Aes128CmHmacSha1_80;
    let mut sealer = Sealer::new(profile, &key, &salt).unwrap();
    let opener = Opener::new(profile, &key, &salt).unwrap();

    let sealed =
        hex("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb");
    let plain = hex("800f1234decafbadcafebabe abababababababababababababababab");
    let mut buffer = [plain.clone(), vec![0; 10]].concat();
    let claim = sealer.ledger(Ssrc(0xcafe_babe)).unwrap().claim(Seq(0x1234)).unwrap();
    assert_eq!(sealer.seal_rtp(claim, 12, plain.len(), &mut buffer), Ok(sealed.len()));
    assert_eq!(buffer, sealed);
    let opened = opener.open_rtp(&mut ReplayWindow::default(), 12, &mut buffer);
    assert_eq!(opened, Ok((Index(0x1234), plain.len())));
    assert_eq!(buffer[..plain.len()], plain);

    let sealed =
        hex("81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798");
    let plain = hex("81c8000bcafebabe abababababababababababababababab");
    let mut buffer = [plain.clone(), vec![0; 14]].concat();
    sealer.skip_rtcp_to(1);
    assert_eq!(sealer.seal_rtcp(plain.len(), &mut buffer), Ok(sealed.len()));
    assert_eq!(buffer, sealed);
    assert_eq!(opener.open_rtcp(&mut RtcpWindow::default(), &mut buffer), Ok(plain.len()));
    assert_eq!(buffer[..plain.len()], plain);
}

/// RFC 7714 §17 and RFC 3711 §3.4 allow SRTCP that is authenticated and not encrypted. We do not:
/// here the tags are right, and the E flag is clear.
#[test]
fn authenticated_but_unencrypted_srtcp_is_refused() {
    let header = hex("81c8000d 4d617273 4e545031 4e545032");
    let trailer = 0x5d4u32.to_be_bytes();

    let (_, opener) = rfc_7714(Profile::AeadAes128Gcm);
    let Session::Gcm(key) = gcm(16) else { panic!("GCM was asked for") };
    let covered = [&header[..], &trailer].concat();
    let mut tag = [0; 16];
    key.seal(Ssrc(0x4d61_7273), 0x5d4, &covered, &mut [], &mut tag).unwrap();
    let mut packet = [&header[..], &tag, &trailer].concat();
    let got = opener.open_rtcp(&mut RtcpWindow::default(), &mut packet);
    assert_eq!(got, Err(OpenError::Unencrypted));

    let key = || CmHmac::new(&[1; 16], &[2; 14], &[3; 20]).unwrap();
    let session = || Session::Cm(Box::new(key()));
    let opener = Opener::from_sessions(Profile::Aes128CmHmacSha1_80, session(), session());
    let mut packet = [&covered[..], &key().tag(&covered, &[])].concat();
    let got = opener.open_rtcp(&mut RtcpWindow::default(), &mut packet);
    assert_eq!(got, Err(OpenError::Unencrypted));
}
