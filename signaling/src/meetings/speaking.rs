//! Who speaks, of those that somebody hears: the state `speaking`. Told where it is another than
//! they were told last, at a capped rate: what is said in rooms that they do not hear costs nobody
//! anything (FEATURES.md N12).

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use serde_json::json;
use tokio::time::Instant;

use super::actor::Actor;
use super::wire::notification;
use crate::rooms::Name;

/// How often it is told at most: somebody's frame lights up, and that is seen, not read.
const EVERY: Duration = Duration::from_millis(200);

/// See above.
#[derive(Default)]
pub(super) struct Speaking {
    /// As the relay said last, the loudest first.
    now: Vec<Name>,
    /// What was told on which connection. Before anything is told, nobody speaks.
    told: HashMap<u64, Vec<Name>>,
    /// Connections of pages that came back, and may believe something else.
    anew: HashSet<u64>,
    /// Something changed: then it is looked at what.
    due: Option<Instant>,
    /// Nothing before that.
    not_before: Option<Instant>,
}

impl Speaking {
    /// When [`Actor::tell_speaking`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// These speak now, the loudest first.
    pub(super) fn are(&mut self, speakers: Vec<Name>) {
        self.now = speakers;
        self.changed();
    }

    /// A page came back, by this connection: it is told whatever there is.
    pub(super) fn anew(&mut self, connection: u64) {
        self.anew.insert(connection);
        self.changed();
    }

    /// Who hears whom may be other than it was.
    pub(super) fn changed(&mut self) {
        let now = Instant::now();
        self.due.get_or_insert(self.not_before.map_or(now, |time| time.max(now)));
    }
}

impl Actor {
    /// Tells those to whom it is something new.
    pub(super) fn tell_speaking(&mut self) {
        let now = Instant::now();
        if self.speaking.due.is_none_or(|due| due > now) {
            return;
        }
        (self.speaking.due, self.speaking.not_before) = (None, Some(now + EVERY));
        let speakers = self.model.speakers(&self.speaking.now);
        let mut before = std::mem::take(&mut self.speaking.told);
        let anew = std::mem::take(&mut self.speaking.anew);
        let mut news: Vec<(Name, Utf8Bytes)> = Vec::new();
        // Those of a room hear the same: one text for all of them.
        let mut frames: HashMap<Vec<&Name>, Utf8Bytes> = HashMap::new();
        for (person, seated) in &self.seats {
            let Some(connection) = &seated.connection else { continue };
            let heard = speakers.heard_by(person);
            let last = before.remove(&connection.number).unwrap_or_default();
            let same = last.iter().eq(heard.iter().copied());
            let told = if same && !anew.contains(&connection.number) {
                last
            } else {
                let told = heard.iter().map(|id| (*id).clone()).collect();
                let frame = frames.entry(heard).or_insert_with_key(|heard| {
                    let params = json!({"participants": heard});
                    notification(json!({"method": "speaking", "params": params}), None)
                });
                news.push((person.clone(), frame.clone()));
                told
            };
            if !told.is_empty() {
                self.speaking.told.insert(connection.number, told);
            }
        }
        for (person, frame) in news {
            self.send_state(&person, "speaking", frame);
        }
    }
}
