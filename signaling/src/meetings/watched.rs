//! Whose pictures anybody is shown: the state `layers{source, active}` for whoever sends them, so
//! that a client may send less of what nobody sees (FEATURES.md 1.20).
//!
//! As the relay says by `slots`, which is all it says of it: a picture in somebody's slot is
//! watched. One layer a source, until the relay tells layers apart. It is a hint: nothing is
//! refused for it, and what is not sent at all can not be put into a slot again.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use ringfence::route::id::{ParticipantId, Source};
use serde_json::json;
use tokio::time::Instant;

use super::actor::Actor;
use super::wire::{notification, source_name};

/// How long changes are gathered: a move empties slots and fills them again.
const AFTER: Duration = Duration::from_secs(1);
/// Sources that are seen.
const SEEN: [Source; 3] = [Source::Camera, Source::Screen, Source::Canvas];

/// One picture of somebody.
type Picture = (ParticipantId, Source);

/// See above.
#[derive(Default)]
pub(super) struct Watched {
    /// In how many slots each is.
    slots: HashMap<Picture, usize>,
    /// Those that may have to be told.
    changed: HashSet<Picture>,
    /// Those told to be watched. Before anything is told, nothing is.
    told: HashSet<Picture>,
    due: Option<Instant>,
}

impl Watched {
    /// When [`Actor::tell_layers`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// A peer has these in its slots, and had those.
    pub(super) fn seated(&mut self, now: &[Option<Picture>], before: &[Option<Picture>]) {
        let seen = |slot: &Option<Picture>| slot.filter(|(_, source)| SEEN.contains(source));
        for picture in now.iter().filter_map(seen) {
            let slots = self.slots.entry(picture).or_default();
            *slots += 1;
            if *slots == 1 {
                self.change(picture);
            }
        }
        for picture in before.iter().filter_map(seen) {
            if let Some(slots) = self.slots.get_mut(&picture) {
                *slots -= 1;
                if *slots == 0 {
                    self.slots.remove(&picture);
                    self.change(picture);
                }
            }
        }
    }

    /// Somebody's page knows nothing: it came, or came back.
    pub(super) fn anew(&mut self, who: ParticipantId) {
        self.forget(who);
        for source in SEEN {
            self.change((who, source));
        }
    }

    /// Somebody is not here any more.
    pub(super) fn forget(&mut self, who: ParticipantId) {
        self.told.retain(|(whose, _)| *whose != who);
    }

    fn change(&mut self, picture: Picture) {
        self.changed.insert(picture);
        self.due.get_or_insert_with(|| Instant::now() + AFTER);
    }

    /// What is to be told now, and whether it is watched.
    fn news(&mut self) -> Vec<(Picture, bool)> {
        self.due = None;
        let (slots, told) = (&self.slots, &mut self.told);
        let news = self.changed.drain().map(|picture| (picture, slots.contains_key(&picture)));
        let fresh = news.filter(|(picture, active)| match active {
            true => told.insert(*picture),
            false => told.remove(picture),
        });
        fresh.collect()
    }
}

impl Actor {
    /// Tells those whose pictures are watched since a moment ago, or are no longer.
    pub(super) fn tell_layers(&mut self) {
        if self.watched.due.is_none_or(|due| due > Instant::now()) {
            return;
        }
        for ((who, source), active) in self.watched.news() {
            let Some(person) = self.people.get(&who).cloned() else { continue };
            let params = json!({"source": source_name(source), "active": active});
            let frame = notification(json!({"method": "layers", "params": params}), None);
            self.send_state(&person, source_name(source), frame); // of each source the last one
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_changed_in_the_end() {
        let (ada, bob) = (ParticipantId(1), ParticipantId(2));
        let slot = |who, source| Some((who, source));
        let camera = [slot(ada, Source::Camera)];
        let mut watched = Watched::default();
        watched.seated(&[slot(ada, Source::Microphone), None], &[]);
        assert_eq!(watched.due(), None, "voices are not seen");

        watched.seated(&camera, &[]); // by one
        watched.seated(&camera, &[]); // and another
        assert!(watched.due().is_some());
        assert_eq!(watched.news(), [((ada, Source::Camera), true)]);
        watched.seated(&[], &camera);
        watched.seated(&[slot(ada, Source::Camera), slot(bob, Source::Screen)], &camera);
        assert_eq!(watched.news(), [((bob, Source::Screen), true)], "one still sees Ada");
        watched.seated(&[], &camera);
        watched.seated(&camera, &[]); // a move, and back
        assert_eq!(watched.news(), []);

        watched.anew(ada);
        assert_eq!(watched.news(), [((ada, Source::Camera), true)], "to the new page");
        watched.seated(&[], &camera);
        assert_eq!(watched.news(), [((ada, Source::Camera), false)]);
        watched.anew(ada);
        assert_eq!(watched.news(), [], "nothing is what it presumes");
    }
}
