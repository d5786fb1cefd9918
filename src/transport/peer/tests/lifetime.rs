//! How a peer ends, and what keeps it alive.

use super::*;

#[test]
fn the_handshake_has_30_s() {
    let mut silent = Session::new();
    for (ms, ending) in [(29_999, None), (30_000, Some(Ending::HandshakeTimeout))] {
        silent.now = silent.start + Duration::from_millis(ms);
        silent.peer.handle_timeout(silent.now, &mut silent.random);
        silent.pump();
        assert_eq!(silent.ending(), ending, "never came, {ms}");
    }
    let mut mute = Session::new().ice();
    mute.run(|_, _, _| Vec::new());
    assert_eq!(mute.ending(), Some(Ending::HandshakeTimeout), "ICE only");
    assert_eq!(mute.now, mute.start + HANDSHAKE_MAX);
    // DTLS is done, but nobody nominates.
    let mut hesitant = Session::new();
    hesitant.ask(false).unwrap();
    hesitant.pump();
    for _ in 0..20 {
        for datagram in hesitant.client.take() {
            let _ = hesitant.peer.handle_dtls(hesitant.now, PATH, &datagram);
        }
        for datagram in hesitant.pump() {
            hesitant.client.give(hesitant.now, &datagram);
        }
    }
    assert!(hesitant.has_keys() && hesitant.client.connected && !hesitant.peer.is_connected());
    hesitant.now += HANDSHAKE_MAX;
    hesitant.peer.handle_timeout(hesitant.now, &mut hesitant.random);
    hesitant.pump();
    assert_eq!(hesitant.ending(), Some(Ending::HandshakeTimeout));
}

#[test]
fn consent_is_kept_by_requests_alone() {
    let mut session = Session::established();
    for _ in 0..30 {
        session.now += Duration::from_secs(4);
        session.ask(false).unwrap();
        session.peer.handle_timeout(session.now, &mut session.random);
        session.pump();
        assert_eq!(session.ending(), None);
    }
    assert_eq!(session.peer.poll_timeout(), Some(session.now + Duration::from_secs(30)));
    session.now += Duration::from_secs(30);
    session.peer.handle_timeout(session.now, &mut session.random);
    session.pump();
    assert_eq!((session.ending(), session.peer.selected()), (Some(Ending::ConsentExpired), None));
}

#[test]
fn close_notify_both_ways() {
    let mut session = Session::established();
    session.client.dtls.close().unwrap();
    for datagram in session.client.take() {
        session.peer.handle_dtls(session.now, PATH, &datagram).unwrap();
    }
    assert_eq!(session.pump().len(), 1, "answered by ours");
    assert_eq!(session.ending(), Some(Ending::Closed));

    let mut session = Session::established();
    session.peer.close();
    let datagrams = session.pump();
    assert_eq!((datagrams.len(), session.ending()), (1, None));
    session.client.give(session.now, &datagrams[0]);
    session.client.take();
    assert!(session.client.closed);
    assert_eq!((session.ask(true), session.peer.poll_timeout()), (Err(Refused::Ended), None));

    let mut early = Session::new().ice();
    early.peer.close();
    assert_eq!(early.pump().len(), 0, "nothing to close yet");
}

#[test]
fn restart_keeps_keys_and_path() {
    let mut session = Session::established();
    session.events.clear();
    let old = session.server.clone();
    session.server = IceCredentials::generate(&mut session.random);
    session.client_ice = IceCredentials::generate(&mut session.random);
    session.peer.restart(session.now, session.server.clone(), session.client_ice.clone());
    assert_eq!((session.peer.selected(), session.peer.is_connected()), (Some(PATH), true));
    assert!(session.peer.accepts(&old.ufrag));
    session.ask(true).unwrap();
    session.pump();
    assert!(
        !session.peer.accepts(&old.ufrag)
            && session.peer.is_connected()
            && session.events.is_empty()
    );
}

#[test]
fn a_peer_can_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<Peer>();
}
