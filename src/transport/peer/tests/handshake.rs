//! From the first ClientHello to keys: in order, out of order, with losses, with a wrong
//! certificate.

use super::*;

#[test]
fn handshake() {
    let mut session = Session::established();
    let kinds: Vec<_> = session.events.iter().map(|event| format!("{event:?}")).collect();
    assert!(kinds[0].starts_with("PathLearned") && kinds[1].starts_with("Selected"), "{kinds:?}");
    assert!(kinds[2].starts_with("Keys") && kinds.len() == 3, "{kinds:?}");
    assert_eq!(session.client.keys.as_ref().unwrap().1, SrtpProfile::AEAD_AES_256_GCM);
    session.assert_keys_agree();
    assert_eq!(session.now, session.start, "no retransmission was needed");
}

#[test]
fn dtls_only_from_a_validated_address() {
    let mut session = Session::new();
    let hello = session.client.take().remove(0);
    let give = |session: &mut Session| session.peer.handle_dtls(session.now, PATH, &hello);
    assert_eq!(give(&mut session), Err(Refused::UnvalidatedPath));
    session.ask(true).unwrap(); // verified, but our check is not answered yet
    assert_eq!(give(&mut session), Err(Refused::UnvalidatedPath));
    session.pump();
    assert_eq!(give(&mut session), Ok(()));
    assert!(!session.pump().is_empty());
    let other = Path { remote: ([198, 51, 100, 8], 50_000).into(), ..PATH };
    assert_eq!(session.peer.handle_dtls(session.now, other, &hello), Err(Refused::UnvalidatedPath));
}

#[test]
fn another_certificate_gets_no_keys_and_ends_the_peer() {
    let mut session = Session::with(&pair(), Fingerprint::of(b"another"), 1_150).ice();
    session.run(straight);
    assert_eq!((session.ending(), session.has_keys()), (Some(Ending::WrongFingerprint), false));
    assert!(!session.client.connected, "our Finished was not sent");
    assert_eq!(session.peer.poll_timeout(), None);
    assert_eq!(session.ask(true), Err(Refused::Ended));
    assert_eq!(session.peer.handle_dtls(session.now, PATH, &[22]), Err(Refused::Ended));
    assert_eq!(session.peer.selected(), None);
}

#[test]
fn a_claimed_certificate_alone_ends_nothing() {
    // A stranger's Certificate, injected before the client's: nothing proves that it owns it.
    let mut session = Session::new().ice();
    let hello = session.client.take().remove(0);
    session.peer.handle_dtls(session.now, PATH, &hello).unwrap();
    session.pump();
    let der = pair().certificate;
    let mut message = vec![11];
    message.extend_from_slice(&((der.len() + 6) as u32).to_be_bytes()[1..]);
    message.extend_from_slice(&[0, 1, 0, 0, 0]);
    message.extend_from_slice(&((der.len() + 6) as u32).to_be_bytes()[1..]);
    message.extend_from_slice(&((der.len() + 3) as u32).to_be_bytes()[1..]);
    message.extend_from_slice(&(der.len() as u32).to_be_bytes()[1..]);
    message.extend_from_slice(&der);
    for record in fragments(&message, &[]) {
        session.peer.handle_dtls(session.now, PATH, &record).unwrap();
    }
    session.pump();
    assert_eq!((session.ending(), session.has_keys()), (None, false));
}

#[test]
fn lost_datagrams_are_retransmitted() {
    for lost in 0..6 {
        let mut session = Session::new().ice();
        let mut number = 0;
        session.run(|_, _, packets| {
            let keep = |_: &Vec<u8>| {
                number += 1;
                number - 1 != lost
            };
            packets.into_iter().filter(keep).collect()
        });
        assert!(session.peer.is_connected() && session.client.connected, "{lost}");
        session.assert_keys_agree();
    }
}

#[test]
fn a_fragmented_client_hello_works_in_any_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut session = Session::new().ice();
        session.run(|_, _, packets| {
            packets
                .into_iter()
                .flat_map(|packet| {
                    if packet[0] == 22 && packet[4] == 0 && packet[13] == 1 {
                        let parts = fragments(&packet[13..], &[40, 90]);
                        order.map(|place| parts[place].clone()).to_vec()
                    } else {
                        vec![packet]
                    }
                })
                .collect()
        });
        assert!(session.peer.is_connected() && session.client.connected, "{order:?}");
        session.assert_keys_agree();
    }
    // The client fragments by itself: everything, not only the ClientHello.
    let pair = pair();
    let mut session = Session::with(&pair, Fingerprint::of(&pair.certificate), 200).ice();
    session.run(|_, _, mut packets| {
        packets.reverse();
        packets
    });
    assert!(session.peer.is_connected() && session.client.connected);
}

#[test]
fn a_large_client_hello_in_three_datagrams_is_answered() {
    let parts = fragments(&client_hello(GOOD_SUITE, 3_000), &[1_100, 2_200]);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let mut session = Session::new().ice();
        for (number, place) in order.into_iter().enumerate() {
            assert_eq!(session.pump().len(), 0, "incomplete after {number}");
            session.peer.handle_dtls(session.now, PATH, &parts[place]).unwrap();
        }
        let answer = session.pump();
        assert_eq!((answer[0][0], answer[0][13]), (22, 2), "ServerHello");
    }
}
