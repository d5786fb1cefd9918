//! What is sent and kept at most.

use super::*;

#[test]
fn a_check_is_sent_four_times_by_the_same_id_then_rests() {
    let mut bench = Bench::new();
    bench.ice.paths.reserve(1);
    let bytes = bench.question().bytes();
    let mut sent = Vec::new();
    let mut ids = std::collections::HashSet::new();
    for ms in 0..9_900 {
        bench.at(ms);
        if ms % 50 == 0 {
            bench.give(path(1), &bytes).unwrap(); // the client goes on asking
        }
        assert!(!bench.ice.handle_timeout(bench.now));
        for (_, id) in bench.checks() {
            sent.push(ms);
            ids.insert(id);
        }
    }
    assert_eq!((sent, ids.len()), (vec![0, 200, 600, 1_400], 1));
    bench.at(10_000).give(path(1), &bytes).unwrap();
    let again = bench.checks();
    assert!(again.len() == 1 && !ids.contains(&again[0].1), "asked anew, by a new id");
}

#[test]
fn at_most_three_times_the_received_bytes_go_to_an_unvalidated_address() {
    let mut bench = Bench::new();
    for (n, question) in [
        bench.question(),
        Question { use_candidate: true, ..bench.question() },
        Question { controlling: false, ..bench.question() },
        Question { extra: Some(0x7ABC), ..bench.question() },
    ]
    .into_iter()
    .enumerate()
    {
        for ms in 0..30_000 {
            bench.at(ms);
            if ms % (200 + 3_000 * n as u64) == 0 {
                bench.give(path(n as u16), &question.bytes()).unwrap();
            }
            bench.ice.handle_timeout(bench.now);
            bench.said();
            let (received, sent) = bench.traffic[&path(n as u16)];
            assert!(sent <= 3 * received, "{n} {ms} {sent} {received}");
        }
        bench.start += Duration::from_secs(30);
    }
    // The limit itself: 100 bytes received let 300 out.
    let mut known = KnownPath::new(path(9), bench.now);
    known.received = 100;
    assert!(known.may_send(200) && known.may_send(100) && !known.may_send(1));
    known.answered(0);
    assert!(known.may_send(100_000));
}

#[test]
fn addresses_are_bounded_and_the_selected_one_stays() {
    let mut bench = Bench::new();
    bench.ask(path(0), true);
    for n in 1..16 {
        bench.at(u64::from(n)).ask(path(n), false);
    }
    assert_eq!(bench.ice.learned().count(), PATHS_MAX);
    let events = bench.at(20).ask(path(16), false);
    assert_eq!(
        events,
        vec![IceEvent::Forgotten(path(1)), IceEvent::Learned(path(16))],
        "oldest unselected"
    );
    bench.at(21).ask(path(2), false);
    let events = bench.at(22).ask(path(17), false);
    assert_eq!(
        events,
        vec![IceEvent::Forgotten(path(3)), IceEvent::Learned(path(17))],
        "2 was heard since"
    );
    // An address that never answers gives way before any that did.
    let bytes = bench.question().bytes();
    bench.at(23).give(path(100), &bytes).unwrap();
    assert_eq!(bench.events(), vec![IceEvent::Forgotten(path(4))]);
    for n in 101..200 {
        bench.at(u64::from(n)).give(path(n), &bytes).unwrap();
        assert_eq!((bench.events(), bench.ice.paths.len()), (vec![], PATHS_MAX), "{n}");
        bench.said();
    }
    assert_eq!(bench.ice.selected(), Some(path(0)));
}

#[test]
fn silent_addresses_are_forgotten() {
    let mut bench = Bench::new();
    bench.ask(path(1), true);
    bench.ask(path(2), false);
    bench.at(20_000).ask(path(1), false);
    for (ms, forgotten) in [(29_999, vec![]), (30_000, vec![IceEvent::Forgotten(path(2))])] {
        bench.at(ms);
        assert!(!bench.ice.handle_timeout(bench.now));
        assert_eq!(bench.events(), forgotten, "{ms}");
    }
    assert_eq!(bench.ice.poll_timeout(), Some(bench.start + Duration::from_secs(50)));
}

#[test]
fn what_waits_to_be_sent_is_bounded() {
    let mut bench = Bench::new();
    let bytes = bench.question().bytes();
    for _ in 0..1_000 {
        bench.give(path(1), &bytes).unwrap();
    }
    assert_eq!(bench.ice.outgoing.len(), OUTGOING_MAX);
}
