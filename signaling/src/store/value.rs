//! What rows hold, as MessagePack with the names of fields: a field that is new has a default where
//! an older file lacks it. What is not compatible in this way is another format (`file`).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::rooms::{Name, Roles, Row};

/// What a row holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as the keys")]
pub enum Value {
    Row(Row),
    Numbers(Numbers),
    Since(u64),
    Event(Box<KeptEvent>),
    Template(Arc<Roles>),
    Hook(Vec<u8>),
}

/// Numbers that go on after a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Numbers {
    /// Of the last event that somebody was told.
    pub seq: u64,
    /// Of the last webhook of this life of the meeting.
    pub hooks: u64,
    /// Names this life of the meeting, from the first who came to the last who left.
    pub life: u64,
}

/// An event as it was told.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct KeptEvent {
    /// To whom.
    pub to: Recipients,
    /// The frame.
    pub frame: String,
}

/// To whom an event was told, of those who were in the meeting.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "they say it")]
pub enum Recipients {
    Only(Vec<Name>),
    AllBut(Vec<Name>),
}

impl Recipients {
    /// The shorter of the two ways to say it.
    pub fn of<'a>(to: &[Name], everybody: impl ExactSizeIterator<Item = &'a Name>) -> Recipients {
        if to.len() * 2 <= everybody.len() {
            return Recipients::Only(to.to_vec());
        }
        let told: std::collections::HashSet<&Name> = to.iter().collect();
        Recipients::AllBut(everybody.filter(|id| !told.contains(id)).cloned().collect())
    }

    /// Whether somebody is among them, who was there.
    pub fn include(&self, id: &Name) -> bool {
        match self {
            Recipients::Only(to) => to.contains(id),
            Recipients::AllBut(others) => !others.contains(id),
        }
    }
}
