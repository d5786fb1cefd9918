//! Offers of real browsers in, answers as snapshots; and each thing that can be wrong in an offer.

use std::net::SocketAddr;

use ringfence::control::api::{AnsweredSlot, PeerAnswer};
use ringfence::route::id::{PeerId, Source, TrackId};
use ringfence::transport::{Fingerprint, IceCredentials};
use ringfence::wire::extension::Extension;
use ringfence::wire::media::{Codec, Kind};
use ringfence::wire::number::Ssrc;
use ringfence_signaling::rooms::Caps;
use ringfence_signaling::sdp::{Fragment, Offer, Purpose};

fn text(name: &str) -> String {
    let path = format!("{}/tests/offers/{name}.sdp", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).expect("the offer is in the repository")
}

/// What the relay would answer, with numbers that never change.
fn relay(offer: &Offer) -> PeerAnswer {
    let slots = offer.peer_offer(None).slots;
    let numbered = slots.iter().zip(0u32..).map(|(slot, n)| AnsweredSlot {
        mid: slot.mid.clone(),
        ssrc: Ssrc(1000 + n),
        rtx_ssrc: slot.rtx.then_some(Ssrc(2000 + n)),
    });
    let candidates = ["192.0.2.1:40000", "[2001:db8::1]:40000"];
    PeerAnswer {
        peer: PeerId(7),
        ice: IceCredentials { ufrag: "lite".into(), pwd: "abcdefghijklmnopqrstuv".into() },
        fingerprint: Fingerprint::Sha256([0xA5; 32]),
        candidates: candidates.map(|c| c.parse::<SocketAddr>().expect("an address")).to_vec(),
        tracks: (0u64..).zip(offer.sources()).map(|(n, _)| TrackId(n)).collect(),
        slots: numbered.collect(),
    }
}

#[test]
fn answers_to_real_offers() {
    for (name, purpose) in [
        ("chromium_page", Purpose::Page),
        ("chromium_whip", Purpose::Whip),
        ("chromium_whep", Purpose::Whep),
        ("chromium_simulcast", Purpose::Whip), // answered without simulcast
        ("chromium_datachannel", Purpose::Page), // the data channel is rejected, its mid kept
        ("firefox_page", Purpose::Page),
        ("firefox_whip", Purpose::Whip),
        ("firefox_whep", Purpose::Whep),
        ("firefox_simulcast", Purpose::Whip),
        ("firefox_datachannel", Purpose::Page),
        ("aiortc_whip", Purpose::Whip),
        ("aiortc_whep", Purpose::Whep),
    ] {
        let offer = Offer::read(&text(name), purpose).unwrap_or_else(|e| panic!("{name}: {e}"));
        let answer = offer.answer(&relay(&offer), 1, Codec::Vp8, &Caps::default());
        insta::assert_snapshot!(name, answer.replace("\r\n", "\n"));
    }
}

#[test]
fn what_a_role_may_send_stands_in_the_answer() {
    let offer = Offer::read(&text("chromium_page"), Purpose::Page).expect("a good offer");
    let caps = Caps { video_bps: Some(300_000), screen_bps: Some(2_500_000), ..Caps::default() };
    let answer = offer.answer(&relay(&offer), 1, Codec::Vp8, &caps);
    let lines: Vec<&str> = answer.lines().collect();
    let at =
        |start: &'static str| lines.iter().enumerate().filter(move |(_, it)| it.starts_with(start));
    let media: Vec<usize> = at("m=").map(|(at, _)| at).collect();
    // RFC 8866 §5: behind c=, before the attributes. Microphone, camera, screen, its sound, canvas.
    let bits: Vec<(usize, &str)> = at("b=TIAS:").map(|(at, it)| (at, *it)).collect();
    let expected = [(1, "b=TIAS:300000"), (2, "b=TIAS:2500000"), (4, "b=TIAS:2500000")];
    assert_eq!(bits, expected.map(|(line, text)| (media[line] + 2, text)));
}

#[test]
fn page_offers_give_sources_and_slots_by_order() {
    for name in ["chromium_page", "firefox_page"] {
        let offer = Offer::read(&text(name), Purpose::Page).expect("a good offer");
        let expected = [
            Source::Microphone,
            Source::Camera,
            Source::Screen,
            Source::ScreenAudio,
            Source::Canvas,
        ];
        assert_eq!(offer.sources().collect::<Vec<_>>(), expected, "{name}");
        let peer = offer.peer_offer(None);
        let kinds: Vec<Kind> = peer.slots.iter().map(|slot| slot.kind).collect();
        assert_eq!(kinds, [vec![Kind::Audio; 4], vec![Kind::Video; 16]].concat(), "{name}");
        assert!(peer.slots.iter().all(|slot| slot.rtx == (slot.kind == Kind::Video)), "{name}");
        assert!(peer.payloads.iter().any(|map| map.codec == Codec::Vp8 && map.rtx.is_some()));
        let mut codecs: Vec<_> = peer.payloads.iter().map(|map| map.codec as u8).collect();
        codecs.dedup();
        assert_eq!(codecs.len(), peer.payloads.len(), "{name}: one payload type a codec");
        for needed in [Extension::Mid, Extension::AudioLevel] {
            assert!(peer.extensions.id(needed).is_some(), "{name} {needed:?}");
        }
        for refused in [Extension::TransportCc, Extension::AbsSendTime, Extension::Rid] {
            assert!(peer.extensions.id(refused).is_none(), "{name} {refused:?}");
        }
    }
}

#[test]
fn the_common_codec_stands_first_where_the_client_sends() {
    let offer = Offer::read(&text("chromium_page"), Purpose::Page).expect("a good offer");
    for (first, payload_type) in [(Codec::Vp8, "96"), (Codec::H264, "108"), (Codec::Vp9, "98")] {
        let answer = offer.answer(&relay(&offer), 1, first, &Caps::default());
        let sending = answer.lines().find(|line| line.starts_with("m=video")).expect("a video");
        assert_eq!(sending.split(' ').nth(3), Some(payload_type), "{sending}");
    }
}

/// An offer with one change, and what is said about it.
struct Wrong {
    why: &'static str,
    purpose: Purpose,
    change: fn(String) -> String,
    says: &'static [&'static str],
}

fn without(sdp: &str, start: &str) -> String {
    let kept = sdp.lines().filter(|line| !line.starts_with(start));
    kept.map(|line| format!("{line}\r\n")).collect()
}

const WRONG: &[Wrong] = &[
    Wrong {
        why: "empty",
        purpose: Purpose::Whip,
        change: |_| String::new(),
        says: &["the SDP is empty"],
    },
    Wrong {
        why: "no SDP",
        purpose: Purpose::Whip,
        change: |_| "{\"sdp\":1}".into(),
        says: &["v=", "the first line is not"],
    },
    Wrong {
        why: "no m-line",
        purpose: Purpose::Whip,
        change: |_| "v=0\r\ns=-\r\n".into(),
        says: &["there is no m-line"],
    },
    Wrong {
        why: "no BUNDLE",
        purpose: Purpose::Whip,
        change: |sdp| without(&sdp, "a=group"),
        says: &["a=group", "no BUNDLE group", "add a=group:BUNDLE"],
    },
    Wrong {
        why: "not all in BUNDLE",
        purpose: Purpose::Whip,
        change: |sdp| sdp.replace("BUNDLE 0 1", "BUNDLE 0"),
        says: &["m-line 1 (video)", "a=group", "not in the BUNDLE group"],
    },
    Wrong {
        why: "no rtcp-mux",
        purpose: Purpose::Whip,
        change: |sdp| without(&sdp, "a=rtcp-mux"),
        says: &["m-line 0 (audio)", "a=rtcp-mux"],
    },
    Wrong {
        why: "no ufrag",
        purpose: Purpose::Whip,
        change: |sdp| without(&sdp, "a=ice-ufrag"),
        says: &["m-line 0 (audio)", "a=ice-ufrag", "missing"],
    },
    Wrong {
        why: "no password",
        purpose: Purpose::Whip,
        change: |sdp| without(&sdp, "a=ice-pwd"),
        says: &["a=ice-pwd", "missing"],
    },
    Wrong {
        why: "short password",
        purpose: Purpose::Whip,
        change: |sdp| without(&sdp, "a=ice-pwd").replace("a=mid:0", "a=ice-pwd:short\r\na=mid:0"),
        says: &["a=ice-pwd", "22 to 256"],
    },
    Wrong {
        why: "no fingerprint",
        purpose: Purpose::Whip,
        change: |sdp| without(&sdp, "a=fingerprint"),
        says: &["a=fingerprint", "there is no fingerprint", "sha-256"],
    },
    Wrong {
        why: "only SHA-1",
        purpose: Purpose::Whip,
        change: |sdp| {
            let sha1 = format!("a=fingerprint:sha-1 {}\r\na=mid:", ["AA"; 20].join(":"));
            without(&sdp, "a=fingerprint").replace("a=mid:", &sha1)
        },
        says: &["a=fingerprint", "no sha-256 fingerprint"],
    },
    Wrong {
        why: "fingerprint cut short",
        purpose: Purpose::Whip,
        change: |sdp| {
            without(&sdp, "a=fingerprint").replace("a=mid:0", "a=fingerprint:sha-256 AA\r\na=mid:0")
        },
        says: &["m-line 0 (audio), a=fingerprint:", "does not parse"],
    },
    Wrong {
        why: "passive offered",
        purpose: Purpose::Whip,
        change: |sdp| sdp.replace("a=setup:actpass", "a=setup:passive"),
        says: &["a=setup", "passive", "actpass"],
    },
    Wrong {
        why: "both lite",
        purpose: Purpose::Whip,
        change: |sdp| sdp.replacen("m=", "a=ice-lite\r\nm=", 1),
        says: &["a=ice-lite", "nobody would check"],
    },
    Wrong {
        why: "no audio codec in common",
        purpose: Purpose::Whip,
        change: |sdp| sdp.replace("opus/48000", "speex/48000"),
        says: &["m-line 0 (audio)", "a=rtpmap", "no codec in common", "Opus"],
    },
    Wrong {
        why: "no video codec in common",
        purpose: Purpose::Whip,
        change: |sdp| {
            ["VP8", "VP9", "H264", "AV1"]
                .iter()
                .fold(sdp, |sdp, c| sdp.replace(&format!("{c}/90000"), "theora/90000"))
        },
        says: &["m-line 1 (video)", "no codec in common", "VP8"],
    },
    Wrong {
        why: "same mid twice",
        purpose: Purpose::Whip,
        change: |sdp| sdp.replace("a=mid:1", "a=mid:0"),
        says: &["m-line 1 (video)", "a=mid", "stands twice"],
    },
    Wrong {
        why: "no mid",
        purpose: Purpose::Whip,
        change: |sdp| without(&sdp, "a=mid"),
        says: &["a=mid", "there is no mid"],
    },
    Wrong {
        why: "long mid",
        purpose: Purpose::Whip,
        change: |sdp| sdp.replace("a=mid:0", "a=mid:12345678901234567"),
        says: &["a=mid", "1 to 16 bytes"],
    },
    Wrong {
        why: "one payload type, two meanings",
        purpose: Purpose::Whip,
        change: |sdp| {
            sdp.replace("a=rtpmap:96 ", "a=rtpmap:111 ").replacen(
                "m=video 9 UDP/TLS/RTP/SAVPF 96",
                "m=video 9 UDP/TLS/RTP/SAVPF 111",
                1,
            )
        },
        says: &["m-line 1 (video)", "payload type 111", "earlier"],
    },
    Wrong {
        why: "one SSRC, two streams",
        purpose: Purpose::Whip,
        change: |sdp| {
            let ssrc = sdp
                .lines()
                .find_map(|l| l.strip_prefix("a=ssrc:")?.split(' ').next())
                .unwrap_or("")
                .to_owned();
            format!("{sdp}a=ssrc:{ssrc} cname:x\r\n")
        },
        says: &["m-line 1 (video)", "a=ssrc", "two streams"],
    },
    Wrong {
        why: "65 m-lines",
        purpose: Purpose::Page,
        change: |sdp| sdp + &"m=video 9 UDP/TLS/RTP/SAVPF 96\r\n".repeat(63),
        says: &["more than 64 m-lines"],
    },
    Wrong {
        why: "65 candidates",
        purpose: Purpose::Whip,
        change: |sdp| {
            without(&sdp, "a=candidate")
                + &"a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n".repeat(65)
        },
        says: &["a=candidate", "more than 64 candidates"],
    },
    Wrong {
        why: "over 256 KiB",
        purpose: Purpose::Whip,
        change: |sdp| sdp + &"a=x:y\r\n".repeat(40_000),
        says: &["the limit is 262144"],
    },
    Wrong {
        why: "four video sources",
        purpose: Purpose::Page,
        change: |sdp| {
            let at = sdp.find("m=video").unwrap_or(0);
            let (head, video) = sdp.split_at(at);
            let others =
                (2..5).map(|n| without(&video.replace("a=mid:1", &format!("a=mid:{n}")), "a=ssrc"));
            let all: String = others.collect();
            format!("{}{video}{all}", head.replace("BUNDLE 0 1", "BUNDLE 0 1 2 3 4"))
        },
        says: &["m-line 4 (video)", "more than 3 video sources"],
    },
    Wrong {
        why: "WHIP that receives",
        purpose: Purpose::Whip,
        change: |sdp| sdp.replace("a=sendonly", "a=recvonly"),
        says: &["a=recvonly", "WHIP only publishes", "WHEP"],
    },
    Wrong {
        why: "WHEP that sends",
        purpose: Purpose::Whep,
        change: |sdp| sdp,
        says: &["a=sendonly", "WHEP only plays", "WHIP"],
    },
    Wrong {
        why: "nothing flows",
        purpose: Purpose::Whip,
        change: |sdp| sdp.replace("a=sendonly", "a=inactive"),
        says: &["nothing to send"],
    },
    Wrong {
        why: "lone carriage return",
        purpose: Purpose::Whip,
        change: |sdp| sdp.replacen("a=mid:0", "a=mid:0\ra=ice-lite", 1),
        says: &["control character"],
    },
    Wrong {
        why: "plain RTP",
        purpose: Purpose::Whip,
        change: |sdp| sdp.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        says: &["no audio or video m-line"],
    },
];

#[test]
fn wrong_offers_are_told_what_is_wrong() {
    for Wrong { why, purpose, change, says } in WRONG {
        let sdp = change(text("chromium_whip"));
        let problem =
            Offer::read(&sdp, *purpose).err().unwrap_or_else(|| panic!("accepted: {why}"));
        let told = problem.to_string();
        for part in *says {
            assert!(told.contains(part), "{why}: \"{told}\" does not say \"{part}\"");
        }
        assert_eq!(problem.too_large, *why == "over 256 KiB", "{why}");
    }
}

#[test]
fn any_cut_of_an_offer_is_an_answer_or_a_problem() {
    for name in ["chromium_whip", "firefox_datachannel", "aiortc_whep"] {
        let sdp = text(name);
        for end in (0..sdp.len()).step_by(7) {
            let _ = Offer::read(sdp.get(..end).unwrap_or(""), Purpose::Page);
        }
        for (at, line) in sdp.lines().enumerate() {
            let rest: String = sdp
                .lines()
                .enumerate()
                .filter(|l| l.0 != at)
                .map(|l| format!("{}\n", l.1))
                .collect();
            if let Ok(offer) = Offer::read(&rest, Purpose::Page) {
                let answer = offer.answer(&relay(&offer), 1, Codec::Vp8, &Caps::default());
                assert!(answer.ends_with("\r\n"), "without {line}");
            }
        }
    }
}

#[test]
fn a_long_offer_is_read_in_linear_time() {
    let sdp = text("chromium_whip");
    for line in ["a=ssrc:1 a\n", "a=rtpmap:96 X/1\n", "a=fmtp:96 x=1\n", "a=rtcp-fb:96 nack\n"] {
        let long = format!("{sdp}{}", line.repeat((250_000 - sdp.len()) / line.len()));
        let start = std::time::Instant::now();
        let _ = Offer::read(&long, Purpose::Whip);
        assert!(start.elapsed().as_secs() < 1, "{line}: {:?}", start.elapsed());
    }
}

#[test]
fn a_restart_changes_credentials_only() {
    let sdp = text("chromium_whip");
    let offer = Offer::read(&sdp, Purpose::Whip).expect("a good offer");
    let ufrag = offer.ice.ufrag.to_string();
    let pwd = offer.ice.pwd.to_string();
    let renewed = sdp.replace(&ufrag, "NEWu").replace(&pwd, "NEWpwdNEWpwdNEWpwdNEWpwd");
    let other = format!("a=fingerprint:sha-256 {}\r\na=mid:", ["AA"; 32].join(":"));
    for (why, text, expected) in [
        ("new credentials", renewed.clone(), None),
        ("the old offer", sdp.clone(), Some("restartIce()")),
        ("another direction", renewed.replacen("sendonly", "inactive", 1), Some("directions")),
        (
            "another mid",
            renewed.replace("a=mid:1", "a=mid:x").replace("0 1", "0 x"),
            Some("m-lines"),
        ),
        (
            "another certificate",
            without(&renewed, "a=fingerprint").replace("a=mid:", &other),
            Some("certificate"),
        ),
    ] {
        let later = Offer::read(&text, Purpose::Whip).unwrap_or_else(|e| panic!("{why}: {e}"));
        let told = offer.check_restart(&later).err().map(|problem| problem.to_string());
        match (told, expected) {
            (None, None) => {}
            (Some(told), Some(part)) => assert!(told.contains(part), "{why}: {told}"),
            (told, _) => panic!("{why}: {told:?}"),
        }
    }
}

#[test]
fn fragments() {
    let good = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n";
    let many = format!("{good}{}", "a=candidate:1 1 udp 1 192.0.2.1 5 typ host\r\n".repeat(64));
    for (why, text, expected) in [
        ("good", good, Ok("abcd")),
        ("no ufrag", "a=ice-pwd:0123456789012345678901\r\n", Err("a=ice-ufrag")),
        ("no password", "a=ice-ufrag:abcd\r\n", Err("a=ice-pwd")),
        ("nothing", "", Err("a=ice-ufrag")),
        ("too many candidates", many.as_str(), Err("more than 64")),
    ] {
        match (Fragment::read(text), expected) {
            (Ok(fragment), Ok(ufrag)) => assert_eq!(&*fragment.ice.ufrag, ufrag, "{why}"),
            (Err(problem), Err(part)) => {
                assert!(problem.to_string().contains(part), "{why}: {problem}")
            }
            (got, _) => panic!("{why}: {got:?}"),
        }
    }
}
