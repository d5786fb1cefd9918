//! Which track feeds which slot: by rank, and staying where they are (DESIGN.md §5).

use super::id::TrackId;

/// Puts the first `current.len()` tracks of `wanted` (best first, no doubles) into slots. A track
/// that has a slot already keeps it, so that a change of rank moves nobody who stays.
pub fn assign(current: &mut [Option<TrackId>], wanted: &[TrackId]) {
    let chosen = &wanted[..wanted.len().min(current.len())];
    for slot in current.iter_mut() {
        *slot = slot.filter(|track| chosen.contains(track));
    }
    for track in chosen {
        if current.contains(&Some(*track)) {
            continue;
        }
        // As many slots as chosen tracks at least, and each holds a chosen one at most once.
        if let Some(free) = current.iter_mut().find(|slot| slot.is_none()) {
            *free = Some(*track);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignment_is_by_rank_and_sticky() {
        let t = |ids: &[u64]| ids.iter().map(|id| TrackId(*id)).collect::<Vec<_>>();
        let s = |ids: &[u64]| {
            ids.iter().map(|id| (*id != 0).then_some(TrackId(*id))).collect::<Vec<_>>()
        };
        for (current, wanted, expected) in [
            (s(&[0, 0, 0]), t(&[7, 8]), s(&[7, 8, 0])), // first come
            (s(&[7, 8, 0]), t(&[8, 7]), s(&[7, 8, 0])), // rank alone moves nobody
            (s(&[7, 8, 9]), t(&[5, 9, 7]), s(&[7, 5, 9])), // the quietest gives way
            (s(&[7, 8]), t(&[1, 2, 3]), s(&[1, 2])),    // no more than there are slots
            (s(&[7, 8]), t(&[]), s(&[0, 0])),           // nobody
            (s(&[]), t(&[1]), s(&[])),                  // no slots
        ] {
            let mut slots = current.clone();
            assign(&mut slots, &wanted);
            assert_eq!(slots, expected, "{current:?} {wanted:?}");
        }
    }
}
