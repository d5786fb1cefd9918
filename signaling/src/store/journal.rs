//! A meeting's way to the store: what is handed over gets a ticket, and tickets are saved in their
//! order, or refused while the disk fails.

use std::sync::Arc;

use tokio::sync::watch;

use super::Store;
use super::key::{Key, Part};
use super::value::Value;
use super::writer::Write;
use crate::rooms::Name;

/// How far a meeting's writes have come.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Everything up to this ticket is on the disk.
    pub saved: u64,
    /// Everything up to this ticket was tried.
    pub tried: u64,
    /// Why the last try failed.
    pub why: Option<Arc<str>>,
}

/// What became of a ticket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It waits to be written.
    Open,
    /// It is on the disk.
    Saved,
    /// It could not be written, and will be once that is possible.
    Refused(Arc<str>),
}

/// See above. Without a store everything is saved at once, in memory.
#[derive(Debug)]
pub struct Journal {
    store: Option<Store>,
    meeting: Name,
    /// The last ticket.
    written: u64,
    told: Arc<watch::Sender<Progress>>,
    progress: watch::Receiver<Progress>,
}

impl Journal {
    /// The journal of a meeting.
    pub fn new(store: Option<Store>, meeting: Name) -> Journal {
        let (told, progress) = watch::channel(Progress::default());
        Journal { store, meeting, written: 0, told: Arc::new(told), progress }
    }

    /// Whether anything is kept at all.
    pub fn keeps(&self) -> bool {
        self.store.is_some()
    }

    /// The store.
    pub fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// Whether the last commit failed.
    pub fn is_failing(&self) -> bool {
        self.store.as_ref().is_some_and(Store::is_failing)
    }

    /// Hands rows over, of the meeting and others that belong to the same change.
    pub fn write(&mut self, parts: Vec<(Part, Option<Value>)>, others: Vec<(Key, Option<Value>)>) {
        let of_meeting = |(part, value)| (Key::Meeting(self.meeting.clone(), part), value);
        let changes: Vec<_> = parts.into_iter().map(of_meeting).chain(others).collect();
        if !changes.is_empty() {
            self.hand_over(Write { changes, ..Write::default() });
        }
    }

    /// The meeting is over: nothing of it stays.
    pub fn forget(&mut self, others: Vec<(Key, Option<Value>)>) {
        let forget = Some(self.meeting.clone());
        self.hand_over(Write { forget, changes: others, ..Write::default() });
    }

    fn hand_over(&mut self, write: Write) {
        let Some(store) = &self.store else { return };
        self.written += 1;
        store.write(Write { ticket: self.written, told: Some(self.told.clone()), ..write });
    }

    /// The last ticket.
    pub fn ticket(&self) -> u64 {
        self.written
    }

    /// How many tickets wait to be written.
    pub fn open(&self) -> u64 {
        let progress = self.progress.borrow();
        self.written.saturating_sub(progress.saved.max(progress.tried))
    }

    /// What became of a ticket.
    pub fn fate(&self, ticket: u64) -> Fate {
        let progress = self.progress.borrow();
        match &progress.why {
            _ if ticket <= progress.saved => Fate::Saved,
            Some(why) if ticket <= progress.tried => Fate::Refused(why.clone()),
            _ => Fate::Open,
        }
    }

    /// Waits until something was saved or refused.
    pub async fn progressed(&mut self) {
        // The other end is ours.
        let _ = self.progress.changed().await;
    }
}
