//! Who is other in a meeting than in the one before it: found in one walk over both, by the
//! references that they share. In a crowd, one who comes must not cost what the crowd costs.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::people::Person;
use super::{Meeting, Name};

/// Somebody who is in both, and not the same in both.
pub(super) struct Changed<'a> {
    pub id: &'a Name,
    pub before: &'a Person,
    pub after: &'a Person,
}

/// Everybody who is not the same in both. In the order of their ids.
pub(super) struct Changes<'a> {
    pub came: Vec<(&'a Name, &'a Person)>,
    pub went: Vec<(&'a Name, &'a Person)>,
    pub changed: Vec<Changed<'a>>,
}

impl<'a> Changes<'a> {
    pub fn between(old: &'a Meeting, new: &'a Meeting) -> Changes<'a> {
        let (mut came, mut went, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for (id, before, after) in pairs(&old.people, &new.people) {
            match (before, after) {
                (None, Some(after)) => came.push((id, &**after)),
                (Some(before), None) => went.push((id, &**before)),
                (Some(before), Some(after)) if !Arc::ptr_eq(before, after) => {
                    changed.push(Changed { id, before, after });
                }
                _ => {}
            }
        }
        Changes { came, went, changed }
    }

    /// Those of both who are in another room.
    pub fn moved(&self) -> impl Iterator<Item = &Changed<'a>> {
        self.changed.iter().filter(|one| one.before.room != one.after.room)
    }

    /// Those who are in a room they were not in, or not in the meeting.
    pub fn arrived(&self) -> impl Iterator<Item = (&'a Name, &'a Person)> {
        let moved = self.moved().map(|one| (one.id, one.after));
        self.came.iter().copied().chain(moved)
    }

    /// Those who are in a room no longer, as they were in it.
    pub fn departed(&self) -> impl Iterator<Item = (&'a Name, &'a Person)> {
        let moved = self.moved().map(|one| (one.id, one.before));
        self.went.iter().copied().chain(moved)
    }
}

/// What both have under each key, in the order of keys.
pub(super) fn pairs<'a, K: Ord, V>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, Option<&'a V>, Option<&'a V>)> {
    let (mut was, mut is) = (old.iter().peekable(), new.iter().peekable());
    std::iter::from_fn(move || {
        let order = match (was.peek(), is.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            // A name that both share is equal by its reference, without a look at its letters.
            (Some((before, _)), Some((after, _))) if before == after => Ordering::Equal,
            (Some((before, _)), Some((after, _))) => before.cmp(after),
        };
        let before = if order.is_le() { was.next() } else { None };
        let after = if order.is_ge() { is.next() } else { None };
        let (key, _) = before.or(after)?;
        Some((key, before.map(|it| it.1), after.map(|it| it.1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_of_all_keys_in_order() {
        for (old, new) in [
            (&[][..], &[][..]),
            (&[1, 2, 3], &[]),
            (&[], &[1, 2]),
            (&[1, 3, 5], &[2, 3, 4, 6]),
            (&[2, 3], &[1, 2, 3, 9]),
        ] {
            let map = |keys: &[u8], add: u8| -> BTreeMap<u8, u8> {
                keys.iter().map(|key| (*key, key + add)).collect()
            };
            let (old, new) = (map(old, 10), map(new, 20));
            let all: std::collections::BTreeSet<u8> =
                old.keys().chain(new.keys()).copied().collect();
            let expected: Vec<_> =
                all.iter().map(|key| (key, old.get(key), new.get(key))).collect();
            assert_eq!(pairs(&old, &new).collect::<Vec<_>>(), expected);
        }
    }
}
