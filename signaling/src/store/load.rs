//! All rows of the file as meetings, templates and webhooks.

use std::collections::BTreeMap;

use super::file::{File, OpenError};
use super::key::{Key, Part};
use super::value::{KeptEvent, Numbers, Value};
use crate::rooms::{Meeting, Name, Roles, Row, RowKey};

/// A meeting as it was.
#[derive(Clone, Debug)]
pub struct Saved {
    /// Its name.
    pub name: Name,
    /// Rooms, people, plan.
    pub model: Meeting,
    /// Numbers of events.
    pub numbers: Numbers,
    /// After which event each person came.
    pub since: BTreeMap<Name, u64>,
    /// What people were told last, by number.
    pub events: BTreeMap<u64, KeptEvent>,
}

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Meetings, by name.
    pub meetings: Vec<Saved>,
    /// Templates of roles.
    pub templates: BTreeMap<Name, Roles>,
    /// Webhooks that are not delivered, in their order.
    pub hooks: Vec<(u64, Vec<u8>)>,
}

#[derive(Default)]
struct Parts {
    rows: Vec<(RowKey, Row)>,
    numbers: Numbers,
    since: BTreeMap<Name, u64>,
    events: BTreeMap<u64, KeptEvent>,
}

pub(super) fn load(file: &File) -> Result<Loaded, OpenError> {
    let mut parts: BTreeMap<Name, Parts> = BTreeMap::new();
    let mut loaded = Loaded::default();
    for (key, value) in file.rows()? {
        let odd = |why: &str| file.damaged(format!("row {}: {why}", key.escape_ascii()));
        let named = Key::read(&key).ok_or_else(|| odd("no such key"))?;
        let value = rmp_serde::from_slice(&value).map_err(|error| odd(&error.to_string()))?;
        match (named, value) {
            (Key::Meeting(name, part), value) => {
                let parts = parts.entry(name).or_default();
                parts.take(part, value).ok_or_else(|| odd("it holds something else"))?;
            }
            (Key::Template(name), Value::Template(roles)) => {
                loaded.templates.insert(name, (*roles).clone());
            }
            (Key::Hook(number), Value::Hook(bytes)) => loaded.hooks.push((number, bytes)),
            _ => return Err(odd("it holds something else")),
        }
    }
    for (name, Parts { rows, numbers, since, events }) in parts {
        let model = Meeting::from_rows(rows);
        let model = model.map_err(|why| file.damaged(format!("meeting \"{name}\": {why}")))?;
        loaded.meetings.push(Saved { name, model, numbers, since, events });
    }
    Ok(loaded)
}

impl Parts {
    fn take(&mut self, part: Part, value: Value) -> Option<()> {
        match (part, value) {
            (Part::Row(key), Value::Row(row)) => self.rows.push((key, row)),
            (Part::Numbers, Value::Numbers(numbers)) => self.numbers = numbers,
            (Part::Since(id), Value::Since(seq)) => _ = self.since.insert(id, seq),
            (Part::Event(seq), Value::Event(event)) => _ = self.events.insert(seq, *event),
            _ => return None,
        }
        Some(())
    }
}
