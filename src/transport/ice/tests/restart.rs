//! ICE restart: two generations of credentials side by side.

use super::*;

#[test]
fn restart_keeps_the_old_until_the_new_nominates() {
    let mut bench = Bench::new();
    bench.ask(path(1), true);
    let (old_server, old_client) = (bench.server.clone(), bench.client.clone());
    let new_server = IceCredentials::generate(&mut bench.random);
    let new_client = IceCredentials::generate(&mut bench.random);
    bench.ice.restart(new_server.clone(), new_client.clone());
    assert_eq!(bench.ice.selected(), Some(path(1)), "media goes on");
    assert!(bench.ice.accepts(&old_server.ufrag) && bench.ice.accepts(&new_server.ufrag));

    // Halves of different generations do not mix.
    let mixed = Question {
        username: format!("{}:{}", new_server.ufrag, old_client.ufrag),
        ..Question::new(&new_server, &new_client)
    };
    assert_eq!(bench.give(path(1), &mixed.bytes()), Err(Refused::UnknownUfrag));

    // The old ones still give consent, also long after.
    for ms in (0..60_000).step_by(10_000) {
        assert_eq!(bench.at(ms).ask(path(1), false), vec![]);
        assert!(!{
            let now = bench.now;
            bench.ice.handle_timeout(now)
        });
    }
    // The new ones: the same address is checked again, by the new password.
    (bench.server, bench.client) = (new_server.clone(), new_client.clone());
    let bytes = bench.question().bytes();
    bench.give(path(1), &bytes).unwrap();
    let [(_, id)] = bench.checks()[..] else { panic!("checked anew") };
    let wrong = client::success(id, path(1).remote, &old_client.pwd);
    assert_eq!(bench.give(path(1), &wrong), Err(Refused::BadIntegrity));
    bench.give(path(1), &client::success(id, path(1).remote, &new_client.pwd)).unwrap();
    assert_eq!(bench.events(), vec![], "known already");
    assert!(bench.ice.accepts(&old_server.ufrag), "not nominated yet");

    // A new address nominates: from now on only the new ones count.
    assert_eq!(
        bench.ask(path(2), true),
        vec![IceEvent::Learned(path(2)), IceEvent::Selected(path(2))]
    );
    assert!(!bench.ice.accepts(&old_server.ufrag) && bench.ice.accepts(&new_server.ufrag));
    let old = Question::new(&old_server, &old_client);
    assert_eq!(bench.give(path(1), &old.bytes()), Err(Refused::UnknownUfrag));
}

#[test]
fn restart_on_the_same_address_retires_the_old_credentials() {
    let mut bench = Bench::new();
    bench.ask(path(1), true);
    let old = bench.server.clone();
    (bench.server, bench.client) =
        (IceCredentials::generate(&mut bench.random), IceCredentials::generate(&mut bench.random));
    bench.ice.restart(bench.server.clone(), bench.client.clone());
    assert_eq!(
        (bench.ask(path(1), true), bench.ice.selected()),
        (vec![], Some(path(1))),
        "no news"
    );
    assert!(!bench.ice.accepts(&old.ufrag));
}

#[test]
fn a_restart_that_never_nominated_is_replaced_by_the_next() {
    let mut bench = Bench::new();
    bench.ask(path(1), true);
    let first = bench.server.clone();
    let second = IceCredentials::generate(&mut bench.random);
    let third = IceCredentials::generate(&mut bench.random);
    let remote = IceCredentials::generate(&mut bench.random);
    bench.ice.restart(second.clone(), remote.clone());
    bench.ice.restart(third.clone(), remote);
    let accepted = [&first, &second, &third].map(|it| bench.ice.accepts(&it.ufrag));
    assert_eq!(accepted, [true, false, true]);
}

#[test]
fn old_requests_after_the_new_answer_start_no_check() {
    let mut bench = Bench::new();
    bench.ask(path(1), true);
    let old = bench.question();
    (bench.server, bench.client) =
        (IceCredentials::generate(&mut bench.random), IceCredentials::generate(&mut bench.random));
    bench.ice.restart(bench.server.clone(), bench.client.clone());
    bench.ask(path(1), false);
    bench.at(15_000).give(path(1), &old.bytes()).unwrap();
    assert_eq!(bench.ice.outgoing.len(), 1, "the answer, no check");
}
