//! One meeting's epochs: from the tables in force to the next ones, in pairs, revoke before grant.
//!
//! ```text
//!        begin                  all acknowledged               all acknowledged
//! Idle ────────▶ Revoking(pair) ────────────────▶ Granting(pair) ─────────────▶ Idle, replies
//!    └─ nothing to revoke ──────────────────────────▲
//! ```
//!
//! - The revoke epoch carries what old and new tables have in common, to every shard with peers in
//!   the old. The grant epoch carries the new tables, to every shard with peers in them, once every
//!   revoke is acknowledged. A shard that has the tables before an epoch is sent what is other in
//!   it; one that has not, everything. If nothing is taken away the first is left out, if nothing
//!   is given the second, if neither both.
//! - One pair at a time. Who asks for more meanwhile waits ([`Epochs::wait`]) and is served by the
//!   next pair, all of them by one.
//! - A shard that ended is waited for no more: nothing of it is in flight.
//!
//! Order against other commands of a peer (each shard's queue keeps its order):
//! - `AddPeer` goes before the table that names the peer.
//! - `RemovePeer` goes right behind the table without it when that can be sent at once, that is
//!   when no pair is under way; else before it. Destroying keys does not wait for other shards, and
//!   a shard meets rows of peers that it no longer has anyway, when one ends by itself.
//! - `Forget` goes to a shard without peers of the meeting when nothing is under way or waiting, so
//!   it never meets a table or a new peer on its way.
//!
//! Pure: what is to be sent is handed back as a [`Step`].

use std::collections::BTreeSet;

use super::model::Meeting;
use super::port::ShardIndex;
use super::tables::{Picture, Rows, change_for, in_common, say_the_same};
use crate::route::id::{Epoch, MeetingId, ParticipantId, RoomId};
use crate::shard::command::Command;

/// What came of an event: commands, in order, and who has been waited for.
#[derive(Debug)]
pub struct Step<W> {
    /// To be sent in this order.
    pub commands: Vec<(ShardIndex, Command)>,
    /// The latest tables are on their way to every shard.
    pub granted: bool,
    /// What these asked for is in force everywhere.
    pub done: Vec<W>,
}

impl<W> Default for Step<W> {
    fn default() -> Self {
        Self { commands: Vec::new(), granted: false, done: Vec::new() }
    }
}

/// A change under way.
#[derive(Debug)]
struct Pair<W> {
    /// Whose rows are other at its end than in the tables now in force, which these are.
    granted: Vec<(ParticipantId, Option<Rows>)>,
    /// The shards that have the tables now in force.
    informed: BTreeSet<ShardIndex>,
    /// Who has not acknowledged [`Epochs::last`].
    unacknowledged: BTreeSet<ShardIndex>,
    waiters: Vec<W>,
}

#[derive(Debug)]
enum Phase<W> {
    Idle,
    Revoking(Pair<W>),
    Granting(Pair<W>),
}

/// The state machine. `W` is whoever waits for a change to be in force.
#[derive(Debug)]
pub struct Epochs<W> {
    meeting: MeetingId,
    main: RoomId,
    last: Epoch,
    /// The tables in force, or those at the end of the pair under way.
    latest: Picture,
    phase: Phase<W>,
    waiting: Vec<W>,
    ended: BTreeSet<ShardIndex>,
}

impl<W> Epochs<W> {
    /// A meeting of which no shard has heard.
    pub fn new(meeting: MeetingId, main: RoomId) -> Self {
        Self {
            meeting,
            main,
            last: Epoch(0),
            latest: Picture::default(),
            phase: Phase::Idle,
            waiting: Vec::new(),
            ended: BTreeSet::new(),
        }
    }

    /// Whether no pair is under way.
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle)
    }

    /// The latest epoch that was sent.
    pub fn last(&self) -> Epoch {
        self.last
    }

    /// `waiter` is to be told when the next pair that begins is in force.
    pub fn wait(&mut self, waiter: W) {
        self.waiting.push(waiter);
    }

    /// Begins the next pair, towards what the model says. Nothing happens while a pair is under
    /// way.
    pub fn begin(&mut self, model: &mut Meeting) -> Step<W> {
        let mut step = Step::default();
        if !self.is_idle() {
            return step;
        }
        let informed: BTreeSet<ShardIndex> =
            self.latest.shards().difference(&self.ended).copied().collect();
        let touched = model.take_touched();
        let mut granted = self.latest.follow(model, touched, Epoch(self.last.0 + 1));
        let common: Vec<Option<Rows>> = granted
            .iter()
            .map(|(id, before)| in_common(before.as_ref(), self.latest.rows(*id)))
            .collect();
        let mut revoked = granted.iter().zip(&common);
        let revokes =
            revoked.any(|((_, before), common)| !say_the_same(before.as_ref(), common.as_ref()));
        if revokes {
            self.last.0 += 1;
            let shards: Vec<ShardIndex> = self.latest.shards().into_iter().collect();
            for shard in &informed {
                let rows = granted.iter().zip(&common);
                let rows = rows.map(|((id, before), after)| (*id, before.as_ref(), after.as_ref()));
                let change = change_for(self.meeting, self.last, *shard, shards.clone(), rows);
                step.commands.push((*shard, Command::Change(Box::new(change))));
            }
            for ((_, in_force), common) in granted.iter_mut().zip(common) {
                *in_force = common;
            }
            granted.retain(|(id, in_force)| in_force.as_ref() != self.latest.rows(*id));
        }
        let waiters = std::mem::take(&mut self.waiting);
        let pair = Pair { granted, unacknowledged: BTreeSet::new(), informed, waiters };
        if revokes {
            let unacknowledged = pair.informed.clone();
            self.phase = Phase::Revoking(Pair { unacknowledged, ..pair });
            self.advance(&mut step);
        } else {
            self.grant(pair, &mut step);
        }
        step
    }

    /// A shard has `epoch` in force.
    pub fn acknowledged(&mut self, shard: ShardIndex, epoch: Epoch) -> Step<W> {
        let mut step = Step::default();
        if epoch == self.last {
            self.wait_no_more_for(shard, &mut step);
        }
        step
    }

    /// A shard has ended: its socket is closed, nothing of it is queued or in flight.
    pub fn shard_ended(&mut self, shard: ShardIndex) -> Step<W> {
        let mut step = Step::default();
        self.ended.insert(shard);
        self.wait_no_more_for(shard, &mut step);
        step
    }

    /// Whether tables that name peers of the shard are on their way, or in force.
    pub fn names(&self, shard: ShardIndex) -> bool {
        self.latest.shards().contains(&shard)
    }

    /// A shard that had ended was started again: it knows nothing. Only where no table names it.
    pub fn shard_renewed(&mut self, shard: ShardIndex) {
        self.ended.remove(&shard);
    }

    fn wait_no_more_for(&mut self, shard: ShardIndex, step: &mut Step<W>) {
        if let Phase::Revoking(pair) | Phase::Granting(pair) = &mut self.phase {
            pair.unacknowledged.remove(&shard);
            self.advance(step);
        }
    }

    /// Goes on if nobody is waited for.
    fn advance(&mut self, step: &mut Step<W>) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Revoking(pair) if pair.unacknowledged.is_empty() => self.grant(pair, step),
            Phase::Granting(pair) if pair.unacknowledged.is_empty() => {
                step.done.extend(pair.waiters);
            }
            waiting => self.phase = waiting,
        }
    }

    fn grant(&mut self, mut pair: Pair<W>, step: &mut Step<W>) {
        if !pair.granted.is_empty() {
            self.last.0 += 1;
            let shards: Vec<ShardIndex> = self.latest.shards().into_iter().collect();
            pair.unacknowledged = self.latest.shards().difference(&self.ended).copied().collect();
            for shard in &pair.unacknowledged {
                let command = if pair.informed.contains(shard) {
                    let rows = pair.granted.iter();
                    let rows = rows.map(|(id, then)| (*id, then.as_ref(), self.latest.rows(*id)));
                    let change = change_for(self.meeting, self.last, *shard, shards.clone(), rows);
                    Command::Change(Box::new(change))
                } else {
                    let table = self.latest.for_shard(self.meeting, self.main, self.last, *shard);
                    Command::Install(Box::new(table))
                };
                step.commands.push((*shard, command));
            }
        }
        step.granted = true;
        self.phase = Phase::Granting(pair);
        self.advance(step);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::control::api::Change;
    use crate::control::reference::{
        Edges, Happening, MAIN, World, edges, edges_of_rows, happenings,
    };
    use crate::control::whole;
    use crate::route::id::{PeerId, Source, TrackId};
    use crate::route::table::{MeetingTable, Role, Roles};

    const SHARDS: usize = 3;

    /// A shard that takes its time.
    #[derive(Default)]
    struct SlowShard {
        queue: VecDeque<MeetingTable>,
        /// What it will have when the queue is empty.
        sent: Option<MeetingTable>,
        in_force: Option<MeetingTable>,
        /// What may still be in flight: every table since the one last acknowledged.
        unacknowledged: VecDeque<Edges>,
        acknowledges: VecDeque<Epoch>,
        ended: bool,
    }

    /// The tables after a command, given those before.
    fn after(before: Option<MeetingTable>, command: Command) -> MeetingTable {
        match command {
            Command::Install(table) => *table,
            Command::Change(change) => {
                let mut table = before.expect("a change of tables that are there");
                table.follow(&change);
                table
            }
            other => panic!("{other:?}"),
        }
    }

    impl SlowShard {
        fn edges(table: Option<&MeetingTable>) -> Edges {
            table.map(|table| edges_of_rows(&table.tracks, &table.participants)).unwrap_or_default()
        }

        /// The next table comes into force; what was sent by the former may be in flight.
        fn install(&mut self) {
            let Some(table) = self.queue.pop_front() else { return };
            if let Some(former) = &self.in_force {
                assert!(former.epoch < table.epoch, "epochs grow");
            }
            self.unacknowledged.push_back(Self::edges(self.in_force.as_ref()));
            self.acknowledges.push_back(table.epoch);
            self.in_force = Some(table);
        }

        /// Nothing of the former is in flight any more.
        fn acknowledge(&mut self) -> Option<Epoch> {
            self.unacknowledged.pop_front();
            self.acknowledges.pop_front()
        }

        /// Everything this shard may be sending.
        fn flows(&self) -> Edges {
            if self.ended {
                return Edges::new();
            }
            let mut flows = Self::edges(self.in_force.as_ref());
            self.unacknowledged.iter().for_each(|edges| flows.extend(edges));
            flows
        }
    }

    /// What happens next in the play.
    #[derive(Clone, Debug)]
    enum Act {
        Happen(Vec<Happening>),
        Install(usize),
        Acknowledge(usize),
        EndShard(usize),
    }

    fn acts() -> impl Strategy<Value = Vec<Act>> {
        let act = prop_oneof![
            20 => happenings(1..4).prop_map(Act::Happen),
            40 => (0..SHARDS).prop_map(Act::Install),
            40 => (0..SHARDS).prop_map(Act::Acknowledge),
            1 => (1..SHARDS).prop_map(Act::EndShard),
        ];
        prop::collection::vec(act, 1..120)
    }

    struct Play {
        world: World,
        changed: bool,
        /// The slow form of the tables: those in between, and at the end of the pair, and its last
        /// epoch.
        common: whole::Picture,
        target: whole::Picture,
        last: Epoch,
        epochs: Epochs<usize>,
        shards: Vec<SlowShard>,
        /// What the pair under way, or the last one, goes from and to.
        old: Edges,
        new: Edges,
        /// The revoke is out, and these have not acknowledged it.
        asked: usize,
        answered: usize,
        /// Waiters of the pair under way.
        in_pair: usize,
    }

    impl Play {
        fn new() -> Self {
            Self {
                world: World::new(SHARDS),
                changed: true,
                common: whole::Picture::default(),
                target: whole::Picture::default(),
                last: Epoch(0),
                epochs: Epochs::new(MeetingId(1), MAIN),
                shards: (0..SHARDS).map(|_| SlowShard::default()).collect(),
                old: Edges::new(),
                new: Edges::new(),
                asked: 0,
                answered: 0,
                in_pair: 0,
            }
        }

        fn act(&mut self, act: &Act) {
            match act {
                Act::Happen(happenings) => {
                    happenings.iter().for_each(|happening| self.world.happen(happening));
                    self.changed = true;
                    self.epochs.wait(self.asked);
                    self.asked += 1;
                }
                Act::Install(shard) => self.shards[*shard].install(),
                Act::Acknowledge(shard) => {
                    if let Some(epoch) = self.shards[*shard].acknowledge() {
                        let step = self.epochs.acknowledged(ShardIndex(*shard), epoch);
                        self.take(step);
                    }
                }
                Act::EndShard(shard) => {
                    self.shards[*shard] = SlowShard { ended: true, ..SlowShard::default() };
                    self.world.end_shard(ShardIndex(*shard));
                    self.changed = true;
                    let step = self.epochs.shard_ended(ShardIndex(*shard));
                    self.take(step);
                }
            }
            self.begin();
        }

        fn begin(&mut self) {
            if !self.epochs.is_idle() {
                let step = self.epochs.begin(&mut self.world.model);
                assert!(step.commands.is_empty() && step.done.is_empty() && !step.granted);
                return;
            }
            if !self.changed {
                return;
            }
            self.changed = false;
            self.in_pair = self.asked;
            let before = std::mem::take(&mut self.target);
            let first = Epoch(self.epochs.last().0 + 1);
            self.target = whole::Picture::of(&self.world.model, &before, first);
            self.common = before.meet(&self.target);
            let revokes = !self.common.says_as(&before);
            let grants = !self.common.says_as(&self.target);
            self.last = Epoch(self.epochs.last().0 + u64::from(revokes) + u64::from(grants));
            (self.old, self.new) = (edges(&before), edges(&self.target));
            assert_eq!(self.new, self.world.oracle.edges());
            let step = self.epochs.begin(&mut self.world.model);
            self.take(step);
        }

        fn take(&mut self, step: Step<usize>) {
            for (shard, command) in step.commands {
                let ShardIndex(index) = shard;
                assert!(!self.shards[index].ended, "nothing for the dead");
                let table = after(self.shards[index].sent.take(), command);
                let expected = if step.granted { &self.target } else { &self.common };
                let whole = |picture: &whole::Picture| {
                    picture.for_shard(MeetingId(1), MAIN, self.epochs.last(), shard)
                };
                // Who is there at the end of the pair is told with its beginning.
                let shards = whole(&self.target).shards;
                let expected = MeetingTable { shards, ..whole(expected) };
                assert_eq!(table, expected, "as if built whole");
                self.shards[index].sent = Some(table.clone());
                self.shards[index].queue.push_back(table);
            }
            if !step.done.is_empty() {
                // All who asked before the pair began, in one go, and what they asked for is so.
                assert_eq!(step.done, (self.answered..self.in_pair).collect::<Vec<_>>());
                self.answered = self.in_pair;
                assert_eq!(self.epochs.last(), self.last, "no epoch that says nothing");
                self.check_settled();
            }
        }

        fn check_settled(&self) {
            for shard in self.shards.iter().filter(|shard| !shard.ended) {
                assert!(shard.queue.is_empty() && shard.unacknowledged.is_empty(), "too early");
            }
            assert!(self.flows().is_subset(&self.new), "revoked, answered, and yet flowing");
        }

        fn flows(&self) -> Edges {
            self.shards.iter().flat_map(SlowShard::flows).collect()
        }

        fn check(&self) {
            let flows = self.flows();
            assert!(flows.is_subset(&self.old.union(&self.new).copied().collect()));
            let granted = flows.difference(&self.old).find(|edge| self.new.contains(edge));
            let unrevoked = flows.difference(&self.new).next();
            assert!(
                granted.is_none() || unrevoked.is_none(),
                "granted {granted:?} while {unrevoked:?} may still flow",
            );
        }

        /// Everybody does what is left to do.
        fn finish(&mut self) {
            for _ in 0..4 {
                for shard in 0..SHARDS {
                    while !self.shards[shard].queue.is_empty() {
                        self.act(&Act::Install(shard));
                        self.check();
                    }
                    while !self.shards[shard].acknowledges.is_empty() {
                        self.act(&Act::Acknowledge(shard));
                        self.check();
                    }
                }
            }
            assert!(self.epochs.is_idle());
            assert_eq!(self.answered, self.asked, "everybody is answered");
            assert_eq!(self.flows(), self.world.oracle.edges(), "everything granted is there");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn nothing_is_granted_before_all_is_revoked(acts in acts()) {
            let mut play = Play::new();
            play.begin();
            play.finish();
            for act in &acts {
                play.act(act);
                play.check();
            }
            play.finish();
        }
    }

    /// One publisher and one listener in the main room, on two shards.
    fn two_shards() -> (Meeting, Epochs<u8>) {
        let mut model = Meeting::new(MeetingId(1), MAIN);
        model.open_room(RoomId(2));
        for id in [1, 2] {
            model.admit(ParticipantId(id), MAIN, Role(0), Roles::ALL).unwrap();
            let tracks = [(TrackId(id), Source::Microphone)];
            let shard = ShardIndex(id as usize - 1);
            model.add_peer(PeerId(id), ParticipantId(id), shard, &tracks).unwrap();
        }
        (model, Epochs::new(MeetingId(1), MAIN))
    }

    fn installs(step: &Step<u8>) -> Vec<(usize, u64)> {
        let install = |(shard, command): &(ShardIndex, Command)| match command {
            Command::Install(table) => (shard.0, table.epoch.0),
            Command::Change(change) => (shard.0, change.epoch.0),
            other => panic!("{other:?}"),
        };
        step.commands.iter().map(install).collect()
    }

    #[test]
    fn epochs_are_left_out_when_there_is_nothing_to_say() {
        let (mut model, mut epochs) = two_shards();
        let (a, b) = (ParticipantId(1), ParticipantId(2));
        let go = |participant, room| Change::Move { participant, room: RoomId(room) };
        let mute = |muted| Change::Mute { participant: a, source: Source::Microphone, muted };
        // epochs of each change: revoke and grant, or one of them, or none
        for (changes, expected) in [
            (vec![], vec![1]),                             // first tables: grant
            (vec![], vec![]),                              // nothing
            (vec![go(a, 2), go(a, MAIN.0)], vec![]),       // there and back
            (vec![mute(true)], vec![2]),                   // revoke
            (vec![mute(false)], vec![3]),                  // grant
            (vec![go(b, 2)], vec![4, 5]),                  // both
            (vec![go(b, MAIN.0), mute(true)], vec![6, 7]), // both
        ] {
            model.change(&changes).unwrap();
            epochs.wait(7);
            let mut sent = Vec::new();
            let mut step = epochs.begin(&mut model);
            while step.done.is_empty() {
                let now = installs(&step);
                let epoch = epochs.last();
                assert_eq!(now, [(0, epoch.0), (1, epoch.0)], "both shards, the same epoch");
                sent.push(epoch.0);
                let first = epochs.acknowledged(ShardIndex(1), epoch);
                assert!(first.commands.is_empty() && first.done.is_empty(), "one is not all");
                let stale = epochs.acknowledged(ShardIndex(0), Epoch(epoch.0 - 1));
                assert!(stale.commands.is_empty() && stale.done.is_empty(), "not this epoch");
                step = epochs.acknowledged(ShardIndex(0), epoch);
            }
            assert_eq!(sent, expected, "{changes:?}");
            assert_eq!(step.done, [7]);
        }
    }

    /// The publisher who moves: until every shard has acknowledged, nobody is its audience.
    #[test]
    fn a_moving_publisher_speaks_to_nobody_in_between() {
        let (mut model, mut epochs) = two_shards();
        let step = epochs.begin(&mut model);
        assert_eq!(installs(&step).len(), 2);
        epochs.acknowledged(ShardIndex(0), Epoch(1));
        epochs.acknowledged(ShardIndex(1), Epoch(1));
        model.change(&[Change::Move { participant: ParticipantId(1), room: RoomId(2) }]).unwrap();

        let audience = |step: &Step<u8>| -> Vec<Vec<RoomId>> {
            let tables = step.commands.iter().map(|(_, command)| match command {
                Command::Change(change) => {
                    let (track, row) = &change.tracks[0];
                    assert_eq!((*track, change.tracks.len()), (TrackId(1), 1), "only its own");
                    row.as_ref().unwrap().audience.rooms.clone()
                }
                other => panic!("{other:?}"),
            });
            tables.collect()
        };
        let revoke = epochs.begin(&mut model);
        assert_eq!(audience(&revoke), [vec![], vec![]]);
        let first = epochs.acknowledged(ShardIndex(0), Epoch(2));
        assert!(first.commands.is_empty());
        let grant = epochs.acknowledged(ShardIndex(1), Epoch(2));
        assert_eq!(audience(&grant), [vec![RoomId(2)], vec![RoomId(2)]]);
    }

    /// A shard that ends is waited for no more, in either epoch.
    #[test]
    fn the_dead_acknowledge_nothing() {
        for dies_in_grant in [false, true] {
            let (mut model, mut epochs) = two_shards();
            epochs.begin(&mut model);
            epochs.acknowledged(ShardIndex(0), Epoch(1));
            epochs.acknowledged(ShardIndex(1), Epoch(1));
            model
                .change(&[Change::Move { participant: ParticipantId(1), room: RoomId(2) }])
                .unwrap();
            epochs.wait(9);
            epochs.begin(&mut model);
            let step = epochs.acknowledged(ShardIndex(0), Epoch(2));
            assert!(step.commands.is_empty() && step.done.is_empty());
            if dies_in_grant {
                let step = epochs.acknowledged(ShardIndex(1), Epoch(2));
                assert_eq!(installs(&step), [(0, 3), (1, 3)]);
                assert!(epochs.acknowledged(ShardIndex(0), Epoch(3)).done.is_empty());
                assert_eq!(epochs.shard_ended(ShardIndex(1)).done, [9]);
            } else {
                let step = epochs.shard_ended(ShardIndex(1));
                assert_eq!(installs(&step), [(0, 3)], "to the living");
                assert_eq!(epochs.acknowledged(ShardIndex(0), Epoch(3)).done, [9]);
            }
        }
    }
}
