//! Dealing people out over rooms: at random, evenly, or by capacity. Seeded, so it can be repeated.

/// How people are dealt out (Q15).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strategy {
    /// Each into any room that takes one more.
    Random,
    /// Rooms differ by one person at most, as far as they take them.
    Even,
    /// Each room in proportion to what it takes; those without a limit count as the largest.
    ByCapacity,
}

/// SplitMix64: enough to shuffle with, and the same everywhere.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Any of `0..below`; `below` is not 0. The high bits of a product: no modulo bias that
    /// matters.
    fn below(&mut self, below: usize) -> usize {
        ((u128::from(self.next()) * below as u128) >> 64) as usize
    }
}

/// Who goes where: one list a room. `places`: how many each takes. Who finds no place is in none.
pub(super) fn deal<T>(
    places: &[Option<usize>],
    mut people: Vec<T>,
    strategy: Strategy,
    seed: u64,
) -> Vec<Vec<T>> {
    let mut random = Seeded(seed);
    for at in (1..people.len()).rev() {
        people.swap(at, random.below(at + 1));
    }
    let mut dealt: Vec<Vec<T>> = places.iter().map(|_| Vec::new()).collect();
    let most = places.iter().flatten().copied().max().unwrap_or(1).max(1);
    let mut open: Vec<usize> = (0..places.len()).filter(|at| places[*at] != Some(0)).collect();
    for person in people {
        if open.is_empty() {
            break;
        }
        let chosen = match strategy {
            Strategy::Random => random.below(open.len()),
            Strategy::Even => least(&open, |room| (dealt[room].len(), 1)),
            Strategy::ByCapacity => {
                least(&open, |room| (dealt[room].len(), places[room].unwrap_or(most)))
            }
        };
        let room = open[chosen];
        dealt[room].push(person);
        if places[room].is_some_and(|places| dealt[room].len() >= places) {
            open.swap_remove(chosen);
            open.sort_unstable();
        }
    }
    dealt
}

/// The place in `open` of the room with the least people for its weight.
fn least(open: &[usize], load: impl Fn(usize) -> (usize, usize)) -> usize {
    let by_share = |(_, one): &(usize, &usize), (_, two): &(usize, &usize)| {
        let ((a, weight_a), (b, weight_b)) = (load(**one), load(**two));
        (a * weight_b).cmp(&(b * weight_a))
    };
    open.iter().enumerate().min_by(by_share).map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        use Strategy::{ByCapacity, Even, Random};
        for (strategy, places, people, expected) in [
            (Even, vec![None, None, None], 7, vec![3, 2, 2]),
            (Even, vec![Some(1), None, None], 7, vec![1, 3, 3]),
            (Even, vec![Some(2), Some(2)], 7, vec![2, 2]), // three find no place
            (Even, vec![], 7, vec![]),
            (ByCapacity, vec![Some(2), Some(4), Some(6)], 6, vec![1, 2, 3]),
            (ByCapacity, vec![Some(2), Some(4)], 9, vec![2, 4]),
            (ByCapacity, vec![None, None], 4, vec![2, 2]),
            (Random, vec![Some(0), Some(3)], 9, vec![0, 3]),
        ] {
            for seed in 0..50 {
                let dealt = deal(&places, (0..people).collect(), strategy, seed);
                let mut sizes: Vec<usize> = dealt.iter().map(Vec::len).collect();
                if strategy == Even && places.iter().all(Option::is_none) {
                    sizes.sort_unstable_by(|one, two| two.cmp(one));
                }
                assert_eq!(sizes, expected, "{strategy:?} {places:?} {people} {seed}");
            }
        }
    }

    #[test]
    fn a_seed_repeats_and_another_differs() {
        let places = [None, None, None];
        let of = |seed| deal(&places, (0..30).collect(), Strategy::Random, seed);
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        // Nobody is twice, nobody is lost, and no room is favoured.
        let mut counts = [0_usize; 3];
        for seed in 0..1_000 {
            let dealt = of(seed);
            let mut all: Vec<i32> = dealt.iter().flatten().copied().collect();
            all.sort_unstable();
            assert_eq!(all, (0..30).collect::<Vec<_>>());
            for (count, room) in counts.iter_mut().zip(&dealt) {
                *count += room.len();
            }
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }
}
