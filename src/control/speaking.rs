//! Who speaks in a meeting, over all its shards: each reports those whose voices come in there.

use std::collections::{BTreeMap, BTreeSet};

use super::port::ShardIndex;
use crate::route::id::ParticipantId;

/// How loud, counted down, and who; the loudest first.
type Loudest = Vec<(u8, ParticipantId)>;

/// What the shards of one meeting reported, and what was made of it last.
#[derive(Debug, Default)]
pub(super) struct Speaking {
    by_shard: BTreeMap<ShardIndex, Loudest>,
    told: Vec<ParticipantId>,
}

impl Speaking {
    /// A shard reported. Returns who speaks now, the loudest first, if that has changed.
    pub fn report(&mut self, shard: ShardIndex, loudest: Loudest) -> Option<Vec<ParticipantId>> {
        self.by_shard.insert(shard, loudest);
        self.merge()
    }

    /// A shard is no more part of the meeting. Returns the same.
    pub fn forget(&mut self, shard: ShardIndex) -> Option<Vec<ParticipantId>> {
        self.by_shard.remove(&shard)?;
        self.merge()
    }

    fn merge(&mut self) -> Option<Vec<ParticipantId>> {
        let mut all: Loudest = self.by_shard.values().flatten().copied().collect();
        all.sort_unstable();
        let mut seen = BTreeSet::new(); // somebody with two peers speaks on two shards
        let now: Vec<_> =
            all.into_iter().map(|entry| entry.1).filter(|who| seen.insert(*who)).collect();
        if now == self.told {
            return None;
        }
        self.told.clone_from(&now);
        Some(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_of_all_shards_come_first_and_once() {
        let list = |entries: &[(u8, u64)]| -> Loudest {
            entries.iter().map(|(step, who)| (*step, ParticipantId(*who))).collect()
        };
        let ids = |ids: &[u64]| Some(ids.iter().copied().map(ParticipantId).collect::<Vec<_>>());
        let mut speaking = Speaking::default();
        let (first, second) = (ShardIndex(0), ShardIndex(1));
        assert_eq!(speaking.report(first, list(&[(200, 1), (210, 2)])), ids(&[1, 2]));
        assert_eq!(speaking.report(second, list(&[(205, 3)])), ids(&[1, 3, 2]));
        assert_eq!(speaking.report(second, list(&[(204, 3)])), None, "the same order");
        assert_eq!(speaking.report(second, list(&[(190, 3), (220, 1)])), ids(&[3, 1, 2]));
        assert_eq!(speaking.forget(first), ids(&[3, 1]), "by her other peer");
        assert_eq!(speaking.forget(first), None);
        assert_eq!(speaking.report(second, list(&[])), ids(&[]));
    }
}
