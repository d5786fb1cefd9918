//! Sources, meetings and shards that end, and what others are told of it.

use super::*;

#[test]
fn entries_end_with_their_source_their_meeting_and_their_shard() {
    let entries = |two: &Two| two.shards[AWAY].shard.by_track.len();
    let (mut two, _, _) = Two::new();
    assert_eq!(entries(&two), 2);
    let now = two.shards[HOME].now;
    two.shards[HOME].shard.handle_command(now, Command::RemovePeer(PeerId(PUBLISHER)));
    two.settle();
    assert_eq!(entries(&two), 0, "the publisher left");

    let (mut two, _, _) = Two::new();
    two.both(|bench| {
        bench.table.tracks.clear();
        bench.table.participants.retain(|row| row.participant.0 == PUBLISHER);
        bench.table.shards = vec![ShardIndex(HOME)];
    });
    two.settle();
    assert_eq!(entries(&two), 0, "the shard left the meeting");

    let (mut two, mut publisher, mut listener) = Two::new();
    two.turn_with(AWAY, true);
    assert_eq!(entries(&two), 0, "the home shard ended");
    assert!(two.shards[AWAY].reports.iter().any(|report| {
        matches!(report, Report::Slots { slots, .. } if slots.iter().all(Option::is_none))
    }));
    two.ways[AWAY].messages.clear();
    two.turn_with(HOME, true);
    two.heard(&mut listener);
    two.say(&mut publisher, 1);
    two.turn(HOME);
    assert_eq!(two.packets_on_the_way(), 0, "the shard that wanted it ended");
}

/// What was to be told to a shard that ended is not told to the one that is started in its place;
/// that one learns what is published when the table names it, as any other.
#[test]
fn who_is_started_again_is_told_nothing_of_the_former() {
    let (mut two, mut publisher, mut listener) = Two::new();
    two.ways[HOME].capacity = 0; // nothing goes through any more
    two.say(&mut publisher, 1);
    let now = two.shards[HOME].now;
    two.shards[HOME].shard.tell_ended(MEETING, track(PUBLISHER, Source::Microphone));
    two.turn(HOME);
    assert!(two.ways[HOME].refused[Class::Signal as usize] > 0, "it waits");
    two.ways[HOME].capacity = 256;
    two.shards[HOME].shard.bury(ShardIndex(AWAY));
    two.shards[AWAY].shard.bury(ShardIndex(HOME)); // it knows of no track there, as a new one
    two.turn(HOME);
    assert!(two.ways[HOME].messages.is_empty(), "nothing of it is told");
    // The table without it, and then again with it.
    let both = two.shards[HOME].table.shards.clone();
    two.shards[HOME].table.shards = vec![ShardIndex(HOME)];
    two.install(HOME);
    two.turn(HOME);
    two.ways[HOME].messages.clear();
    two.shards[HOME].table.shards = both;
    two.install(HOME);
    two.turn(HOME);
    let lives = two.ways[HOME].messages.iter();
    let lives = lives.filter(|it| matches!(it.1, Owned::Signal(Signal::Live(_)))).count();
    assert_eq!(lives, 2, "what is published now");
    two.settle();
    two.heard(&mut listener);
    two.shards[HOME].now = now + ms(100);
    two.say(&mut publisher, 2);
    two.settle();
    assert_eq!(two.heard(&mut listener).len(), 2);
}
