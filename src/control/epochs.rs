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
//!   revoke is acknowledged. If nothing is taken away the first is left out, if nothing is given
//!   the second, if neither both.
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

use super::port::ShardIndex;
use super::tables::Picture;
use crate::route::id::{Epoch, MeetingId, RoomId};
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
    /// The tables at its end.
    target: Picture,
    /// Whether they differ from those of the revoke epoch.
    grants: bool,
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
    in_force: Picture,
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
            in_force: Picture::default(),
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

    /// Begins the next pair, towards what `build` makes of the tables in force and the number of
    /// the pair's first epoch. Nothing happens while a pair is under way.
    pub fn begin(&mut self, build: impl FnOnce(&Picture, Epoch) -> Picture) -> Step<W> {
        let mut step = Step::default();
        if !self.is_idle() {
            return step;
        }
        let target = build(&self.in_force, Epoch(self.last.0 + 1));
        let common = self.in_force.meet(&target);
        let revokes = !common.says_as(&self.in_force);
        let pair = Pair {
            grants: !common.says_as(&target),
            unacknowledged: BTreeSet::new(),
            waiters: std::mem::take(&mut self.waiting),
            target,
        };
        if revokes {
            let shards = self.in_force.shards();
            let unacknowledged = self.install(&common, &shards, &mut step);
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
                self.in_force = pair.target;
                step.done.extend(pair.waiters);
            }
            waiting => self.phase = waiting,
        }
    }

    fn grant(&mut self, mut pair: Pair<W>, step: &mut Step<W>) {
        if pair.grants {
            let shards = pair.target.shards();
            pair.unacknowledged = self.install(&pair.target, &shards, step);
        }
        step.granted = true;
        self.phase = Phase::Granting(pair);
        self.advance(step);
    }

    /// Sends `picture` as the next epoch and returns who has to acknowledge it.
    fn install(
        &mut self,
        picture: &Picture,
        shards: &BTreeSet<ShardIndex>,
        step: &mut Step<W>,
    ) -> BTreeSet<ShardIndex> {
        self.last.0 += 1;
        let shards: BTreeSet<ShardIndex> = shards.difference(&self.ended).copied().collect();
        for shard in &shards {
            let table = picture.for_shard(self.meeting, self.main, self.last, *shard);
            step.commands.push((*shard, Command::Install(Box::new(table))));
        }
        shards
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;
    use crate::control::api::Change;
    use crate::control::model::Meeting;
    use crate::control::reference::{
        Edges, Happening, MAIN, World, edges, edges_of_rows, happenings,
    };
    use crate::route::id::{ParticipantId, PeerId, Source, TrackId};
    use crate::route::table::{MeetingTable, Role, Roles};

    const SHARDS: usize = 3;

    /// A shard that takes its time.
    #[derive(Default)]
    struct SlowShard {
        queue: VecDeque<MeetingTable>,
        in_force: Option<MeetingTable>,
        /// What may still be in flight: every table since the one last acknowledged.
        unacknowledged: VecDeque<Edges>,
        acknowledges: VecDeque<Epoch>,
        ended: bool,
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
                let step = self.epochs.begin(|_, _| panic!("one pair at a time"));
                assert!(step.commands.is_empty() && step.done.is_empty() && !step.granted);
                return;
            }
            if !self.changed {
                return;
            }
            self.changed = false;
            self.in_pair = self.asked;
            let model = &self.world.model;
            let (old, new) = (&mut self.old, &mut self.new);
            let step = self.epochs.begin(|before, epoch| {
                let target = Picture::of(model, before, epoch);
                (*old, *new) = (edges(before), edges(&target));
                target
            });
            assert_eq!(self.new, self.world.oracle.edges());
            self.take(step);
        }

        fn take(&mut self, step: Step<usize>) {
            for (shard, command) in step.commands {
                let Command::Install(table) = command else { panic!("{command:?}") };
                assert!(!self.shards[shard.0].ended, "nothing for the dead");
                let own = |peer: &PeerId| self.world.model.peers().get(peer);
                let here = table.participants.iter().flat_map(|row| &row.peers).filter_map(own);
                assert!(here.into_iter().all(|peer| peer.shard == shard));
                self.shards[shard.0].queue.push_back(*table);
            }
            if !step.done.is_empty() {
                // All who asked before the pair began, in one go, and what they asked for is so.
                assert_eq!(step.done, (self.answered..self.in_pair).collect::<Vec<_>>());
                self.answered = self.in_pair;
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
            let mut step = epochs.begin(|before, epoch| Picture::of(&model, before, epoch));
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
        let step = epochs.begin(|before, epoch| Picture::of(&model, before, epoch));
        assert_eq!(installs(&step).len(), 2);
        epochs.acknowledged(ShardIndex(0), Epoch(1));
        epochs.acknowledged(ShardIndex(1), Epoch(1));
        model.change(&[Change::Move { participant: ParticipantId(1), room: RoomId(2) }]).unwrap();

        let audience = |step: &Step<u8>| -> Vec<Vec<RoomId>> {
            let tables = step.commands.iter().map(|(_, command)| match command {
                Command::Install(table) => table.tracks[0].audience.rooms.clone(),
                other => panic!("{other:?}"),
            });
            tables.collect()
        };
        let revoke = epochs.begin(|before, epoch| Picture::of(&model, before, epoch));
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
            epochs.begin(|before, epoch| Picture::of(&model, before, epoch));
            epochs.acknowledged(ShardIndex(0), Epoch(1));
            epochs.acknowledged(ShardIndex(1), Epoch(1));
            model
                .change(&[Change::Move { participant: ParticipantId(1), room: RoomId(2) }])
                .unwrap();
            epochs.wait(9);
            epochs.begin(|before, epoch| Picture::of(&model, before, epoch));
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
