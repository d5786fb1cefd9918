//! Bounds of what a receiver can make us repeat.

use super::*;
use crate::shard::peer::Repair;

const TRIP: Duration = Duration::from_millis(50);

#[test]
fn a_quarter_of_what_was_sent() {
    let now = Instant::now();
    let mut repair = Repair::default();
    assert!(!repair.allow(now, Seq(0), TRIP), "nothing was sent");
    (0..40).for_each(|_| repair.earn());
    let allowed = (0..40).filter(|seq| repair.allow(now, Seq(*seq), TRIP)).count();
    assert_eq!(allowed, 10);
    (0..10_000).for_each(|_| repair.earn());
    let allowed = (100..400).filter(|seq| repair.allow(now, Seq(*seq), TRIP)).count();
    assert_eq!(allowed, 64, "an allowance is not saved for ever");
}

#[test]
fn three_times_a_round_trip_apart() {
    let now = Instant::now();
    let mut repair = Repair::default();
    (0..400).for_each(|_| repair.earn());
    for (at, expected) in
        [(0, true), (49, false), (50, true), (99, false), (100, true), (150, false), (9_000, false)]
    {
        assert_eq!(repair.allow(now + ms(at), Seq(7), TRIP), expected, "{at}");
    }
    assert!(repair.allow(now + ms(9_000), Seq(8), TRIP), "another one");
}

/// As long as the ledger knows a number, nobody gets it a fourth time, however they ask.
#[test]
fn three_times_whatever_else_is_asked_for() {
    let now = Instant::now();
    let mut repair = Repair::default();
    let mut repeated: BTreeMap<u16, u32> = BTreeMap::new();
    (0..256).for_each(|_| repair.earn());
    for sent in 0..1_024_u64 {
        repair.earn();
        for seq in 0..70 {
            if repair.allow(now + ms(100 * sent), Seq(seq), TRIP) {
                *repeated.entry(seq).or_default() += 1;
            }
        }
    }
    assert_eq!(repeated.values().max(), Some(&3));
}
