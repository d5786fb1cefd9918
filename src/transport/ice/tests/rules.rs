//! What is answered, checked, selected and refused.

use super::*;

#[test]
fn a_verified_request_is_answered_and_its_address_checked() {
    let mut bench = Bench::new();
    let question = Question { id: 0x1234, ..bench.question() };
    bench.give(path(1), &question.bytes()).unwrap();
    let said = bench.said();
    let [(to_answer, Said::Success(0x1234, mapped)), (to_check, Said::Check(id, username))] =
        &said[..]
    else {
        panic!("{said:?}")
    };
    assert_eq!((*to_answer, *to_check, *mapped), (path(1), path(1), path(1).remote));
    assert_eq!(*username, format!("{}:{}", bench.client.ufrag, bench.server.ufrag));
    assert!(*id != 0x1234 && *id != 0);
    assert_eq!((bench.events(), bench.ice.is_learned(path(1))), (vec![], false));

    let answer = client::success(*id, path(1).remote, &bench.client.pwd.clone());
    bench.give(path(1), &answer).unwrap();
    assert_eq!((bench.events(), bench.said()), (vec![IceEvent::Learned(path(1))], vec![]));
    assert_eq!(bench.ice.selected(), None, "not nominated");
    assert_eq!(bench.give(path(1), &answer), Err(Refused::UnknownTransaction), "once");
}

#[test]
fn an_ipv6_address_is_answered() {
    let mut bench = Bench::new();
    let from =
        Path { local: "2001:db8::1".parse().unwrap(), remote: "[2001:db8::2]:9".parse().unwrap() };
    let bytes = bench.question().bytes();
    bench.give(from, &bytes).unwrap();
    assert_eq!(bench.said()[0], (from, Said::Success(7, from.remote)));
}

#[test]
fn refused_requests_change_nothing_and_are_not_answered() {
    let bench = Bench::new();
    let good = bench.question();
    let (server, client) = (bench.server.ufrag.to_string(), bench.client.ufrag.to_string());
    let change = |change: &dyn Fn(&mut Question)| {
        let mut question = good.clone();
        change(&mut question);
        question.bytes()
    };
    let cut = |len: usize| good.bytes()[..len].to_vec();
    let flip = |place: usize| {
        let mut bytes = good.bytes();
        bytes[place] ^= 1;
        bytes
    };
    let end = good.bytes().len();
    let of_type = |second: u8| {
        let mut bytes = change(&|q| q.fingerprint = false);
        bytes[1] = second;
        bytes
    };
    for (name, datagram, expected) in [
        (
            "unknown ufrag",
            change(&|q| q.username = format!("none:{client}")),
            Refused::UnknownUfrag,
        ),
        (
            "unknown remote ufrag",
            change(&|q| q.username = format!("{server}:none")),
            Refused::UnknownUfrag,
        ),
        ("swapped", change(&|q| q.username = format!("{client}:{server}")), Refused::UnknownUfrag),
        ("longer", change(&|q| q.username = format!("{server}:{client}:x")), Refused::UnknownUfrag),
        ("no colon", change(&|q| q.username.clone_from(&server)), Refused::UnknownUfrag),
        ("empty", change(&|q| q.username.clear()), Refused::UnknownUfrag),
        (
            "the client's password",
            change(&|q| q.pwd = bench.client.pwd.to_string()),
            Refused::BadIntegrity,
        ),
        ("another password", change(&|q| q.pwd.push('x')), Refused::BadIntegrity),
        ("no MESSAGE-INTEGRITY", change(&|q| q.integrity = false), Refused::BadIntegrity),
        ("no FINGERPRINT", change(&|q| q.fingerprint = false), Refused::Malformed),
        ("changed after signing", change(&|q| q.tampered = true), Refused::BadIntegrity),
        ("changed, FINGERPRINT kept", flip(50), Refused::Malformed),
        ("changed FINGERPRINT", flip(end - 1), Refused::Malformed),
        ("changed magic cookie", flip(5), Refused::Malformed),
        ("changed length", flip(3), Refused::Malformed),
        ("cut in the header", cut(19), Refused::Malformed),
        ("cut in an attribute", cut(end - 4), Refused::Malformed),
        ("trailing bytes", [good.bytes(), vec![0; 4]].concat(), Refused::Malformed),
        ("too long", vec![0; stun::LEN_MAX + 1], Refused::TooLong),
        ("indication", of_type(0x11), Refused::Unexpected),
        ("Allocate", of_type(0x03), Refused::Unexpected),
        (
            "answer to nothing",
            client::success(7, path(1).remote, &bench.client.pwd),
            Refused::UnknownTransaction,
        ),
        ("error", client::error(7, 401, &bench.client.pwd), Refused::Unexpected),
    ] {
        let mut bench =
            Bench { ice: Ice::new(bench.server.clone(), bench.client.clone()), ..Bench::new() };
        assert_eq!(bench.give(path(1), &datagram), Err(expected), "{name}");
        assert!(bench.ice.paths.is_empty() && bench.ice.outgoing.is_empty(), "{name}");
        assert_eq!((bench.events(), bench.ice.poll_timeout()), (vec![], None), "{name}");
    }
}

#[test]
fn refused_answers_do_not_validate() {
    let mut bench = Bench::new();
    let bytes = bench.question().bytes();
    bench.give(path(1), &bytes).unwrap();
    let [(_, id)] = bench.checks()[..] else { panic!() };
    let (client, server) = (bench.client.pwd.to_string(), bench.server.pwd.to_string());
    for (name, from, datagram, expected) in [
        (
            "another id",
            path(1),
            client::success(id ^ 1, path(1).remote, &client),
            Refused::UnknownTransaction,
        ),
        (
            "our password",
            path(1),
            client::success(id, path(1).remote, &server),
            Refused::BadIntegrity,
        ),
        (
            "another address",
            path(2),
            client::success(id, path(2).remote, &client),
            Refused::UnknownTransaction,
        ),
        ("error", path(1), client::error(id, 487, &client), Refused::Unexpected),
    ] {
        assert_eq!(bench.give(from, &datagram), Err(expected), "{name}");
        assert!(bench.events().is_empty() && !bench.ice.is_learned(path(1)), "{name}");
    }
    let other_local = Path { local: [192, 0, 2, 9].into(), ..path(1) };
    let answer = client::success(id, path(1).remote, &client);
    assert_eq!(bench.give(other_local, &answer), Err(Refused::UnknownTransaction), "asymmetric");
    assert_eq!(bench.give(path(1), &answer), Ok(()), "the right one still counts");
}

#[test]
fn verified_requests_that_get_an_error_are_no_checks() {
    for (name, question, code) in [
        ("role conflict", Question { controlling: false, ..Bench::new().question() }, 487),
        ("unknown attribute", Question { extra: Some(0x7ABC), ..Bench::new().question() }, 420),
    ] {
        let mut bench = Bench::new();
        bench.give(path(1), &Question { use_candidate: true, ..question }.bytes()).unwrap();
        assert_eq!(bench.said(), vec![(path(1), Said::Error(7, code))], "{name}");
        assert!(bench.events().is_empty() && bench.ice.selected().is_none(), "{name}");
    }
    let mut bench = Bench::new();
    let optional = Question { extra: Some(0xC057), ..bench.question() };
    bench.give(path(1), &optional.bytes()).unwrap();
    assert_eq!(
        bench.said()[0],
        (path(1), Said::Success(7, path(1).remote)),
        "optional ones are ignored"
    );
}

#[test]
fn media_goes_to_the_last_nominated_address_that_answered() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask(path(1), false), vec![IceEvent::Learned(path(1))]);
    assert_eq!(
        bench.ask(path(2), true),
        vec![IceEvent::Learned(path(2)), IceEvent::Selected(path(2))]
    );
    assert_eq!(bench.ask(path(1), false), vec![], "not nominated");
    assert_eq!(bench.ask(path(1), true), vec![IceEvent::Selected(path(1))], "last one wins");
    assert_eq!(bench.ask(path(2), false), vec![]);
    assert_eq!(bench.ask(path(2), true), vec![IceEvent::Selected(path(2))], "and back");
    // Nominated, but it does not answer our check: media stays.
    let nominating = Question { use_candidate: true, ..bench.question() };
    bench.give(path(3), &nominating.bytes()).unwrap();
    let [(_, id)] = bench.checks()[..] else { panic!() };
    assert_eq!((bench.events(), bench.ice.selected()), (vec![], Some(path(2))));
    // Regular nomination says it once (RFC 8445 §8.1.1); a plain request before the answer takes
    // nothing back.
    let plain = bench.question().bytes();
    bench.give(path(3), &plain).unwrap();
    let answer = client::success(id, path(3).remote, &bench.client.pwd.clone());
    bench.give(path(3), &answer).unwrap();
    assert_eq!(bench.events(), vec![IceEvent::Learned(path(3)), IceEvent::Selected(path(3))]);
}

#[test]
fn aggressive_nomination_does_not_flap_but_survives_a_dead_path() {
    let mut bench = Bench::new();
    bench.ask(path(1), true);
    assert_eq!(
        bench.ask(path(2), true),
        vec![IceEvent::Learned(path(2)), IceEvent::Selected(path(2))]
    );
    for ms in (0..20_000).step_by(1_000) {
        assert_eq!(bench.at(ms).ask(path(1), true), vec![], "{ms}");
        assert_eq!(bench.at(ms).ask(path(2), true), vec![], "{ms}");
    }
    assert_eq!(bench.at(28_000).ask(path(1), true), vec![], "path 2 silent for 9 s");
    assert_eq!(bench.at(29_000).ask(path(1), true), vec![IceEvent::Selected(path(1))], "for 10 s");
}

/// Firefox nominates every address, keeps the one of the highest priority, and its requests for
/// consent nominate nothing.
#[test]
fn media_follows_consent_to_a_nominated_address() {
    let mut bench = Bench::new();
    bench.ask(path(1), true);
    bench.ask(path(2), true);
    bench.ask(path(3), false);
    for ms in (5_000..60_000).step_by(5_000) {
        bench.at(ms).ask(path(3), false);
        let expected = if ms == 10_000 { vec![IceEvent::Selected(path(1))] } else { vec![] };
        assert_eq!(bench.ask(path(1), false), expected, "{ms}");
        assert!(!bench.ice.handle_timeout(bench.now), "{ms}: consent has expired");
    }
    assert_eq!(bench.ice.selected(), Some(path(1)), "never the one that was not nominated");
}

#[test]
fn use_candidate_counts_only_where_it_is_authenticated() {
    let mut bench = Bench::new();
    let question = Question { late_use_candidate: true, fingerprint: false, ..bench.question() };
    assert_eq!(bench.give(path(1), &question.bytes()), Err(Refused::Malformed), "no FINGERPRINT");
    let question = Question { late_use_candidate: true, ..bench.question() };
    let _ = bench.give(path(1), &question.bytes());
    assert!(bench.ice.paths.iter().all(|known| known.nominated.is_none()));
}

#[test]
fn consent_ends_after_30_s_without_a_verified_request_from_the_selected_address() {
    let mut bench = Bench::new();
    bench.ask(path(1), true);
    bench.at(10_000).ask(path(1), false); // renews
    bench.at(39_000).ask(path(2), false); // does not: another address
    let forged = Question { pwd: "x".repeat(22), ..bench.question() };
    assert_eq!(bench.give(path(1), &forged.bytes()), Err(Refused::BadIntegrity)); // nor this
    for (ms, expired) in [(39_999, false), (40_000, true)] {
        bench.at(ms);
        assert_eq!(bench.ice.handle_timeout(bench.now), expired, "{ms}");
    }
}
