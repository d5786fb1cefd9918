//! Things under generation-checked keys: a key of something gone finds nothing, even after its
//! place was given to something new.

use std::marker::PhantomData;

/// Names one thing in a [`Slab`] for as long as it is there.
pub struct Key<T> {
    index: u32,
    generation: u32,
    of: PhantomData<fn() -> T>,
}

impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.generation == other.generation
    }
}

impl<T> Eq for Key<T> {}

impl<T> std::fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.index, self.generation)
    }
}

impl<T> Key<T> {
    /// The key of nothing: no slab gives out the last generation of the last place.
    pub const NONE: Self = Key { index: u32::MAX, generation: u32::MAX, of: PhantomData };
}

#[cfg(test)]
impl<T> Key<T> {
    /// A key of nothing, for tests of what only passes keys on.
    pub fn test(index: u32) -> Self {
        Key { index, generation: 0, of: PhantomData }
    }
}

/// An order for heaps; says nothing about age.
impl<T> Ord for Key<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.index, self.generation).cmp(&(other.index, other.generation))
    }
}

impl<T> PartialOrd for Key<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

struct Place<T> {
    generation: u32,
    value: Option<T>,
}

/// A slab of `T`. A place whose generations are used up is never used again.
pub struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Puts `value` in and names it.
    ///
    /// # Panics
    /// With 2^32 things in the slab.
    pub fn insert(&mut self, value: T) -> Key<T> {
        if let Some(index) = self.free.pop() {
            let place = &mut self.places[index as usize]; // free holds only indices of places
            place.value = Some(value);
            return Key { index, generation: place.generation, of: PhantomData };
        }
        let index = u32::try_from(self.places.len()).expect("fewer than 2^32 things");
        self.places.push(Place { generation: 0, value: Some(value) });
        Key { index, generation: 0, of: PhantomData }
    }

    /// The thing, if it is still there.
    pub fn get(&self, key: Key<T>) -> Option<&T> {
        let place = self.places.get(key.index as usize)?;
        place.value.as_ref().filter(|_| place.generation == key.generation)
    }

    /// The thing, if it is still there.
    pub fn get_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        let place = self.places.get_mut(key.index as usize)?;
        place.value.as_mut().filter(|_| place.generation == key.generation)
    }

    /// Takes it out. Its key finds nothing any more.
    pub fn remove(&mut self, key: Key<T>) -> Option<T> {
        let place = self.places.get_mut(key.index as usize)?;
        if place.generation != key.generation {
            return None;
        }
        let value = place.value.take()?;
        if let Some(next) = place.generation.checked_add(1) {
            place.generation = next;
            self.free.push(key.index);
        }
        Some(value)
    }

    /// Everything in it, in the order of places.
    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = (Key<T>, &T)> {
        self.places.iter().enumerate().filter_map(|(index, place)| {
            let key = Key { index: index as u32, generation: place.generation, of: PhantomData };
            place.value.as_ref().map(|value| (key, value))
        })
    }

    /// Everything in it, in the order of places.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Key<T>, &mut T)> {
        self.places.iter_mut().enumerate().filter_map(|(index, place)| {
            let key = Key { index: index as u32, generation: place.generation, of: PhantomData };
            place.value.as_mut().map(|value| (key, value))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_finds_nothing_new() {
        let mut slab = Slab::default();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second");
        assert_eq!(first.index, second.index, "the place is used again");
        assert_eq!(slab.get(first), None);
        assert_eq!(slab.get_mut(first), None);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.get(second), Some(&"second"));
    }

    #[test]
    fn a_place_without_generations_left_is_retired() {
        let mut slab = Slab::default();
        let key = slab.insert(1);
        slab.places[0].generation = u32::MAX;
        let last = Key { generation: u32::MAX, ..key };
        assert_eq!(slab.remove(last), Some(1));
        assert_eq!(slab.insert(2).index, 1);
    }
}
