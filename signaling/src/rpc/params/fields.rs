//! One field after the other, each by any of its spellings; errors name the first of them. What was
//! asked for is what a method takes: anything else in its parameters is refused, since a name that
//! is passed over (`grace` for `grace_s`) does something else than was meant.

use std::cell::RefCell;

use serde_json::Value;

use super::Params;
use crate::rooms::RoomError;

/// The parameters of a request.
pub(super) struct Fields<'a> {
    params: &'a Params,
    /// Spellings asked for; whether it is ours.
    asked: RefCell<Vec<(&'static str, bool)>>,
}

/// Spellings of a field, ours first.
type Names<'n> = &'n [&'static str];

fn ours(names: Names<'_>) -> &'static str {
    names.first().copied().unwrap_or_default()
}

impl<'a> Fields<'a> {
    pub fn new(params: &'a Params) -> Fields<'a> {
        Fields { params, asked: RefCell::default() }
    }

    /// The value, unless it is absent or null.
    pub fn get(&self, names: Names<'_>) -> Option<(&'static str, &'a Value)> {
        let spelled = names.iter().zip(0..).map(|(name, at)| (*name, at == 0));
        self.asked.borrow_mut().extend(spelled);
        names.iter().find_map(|name| {
            let value = self.params.get(*name).filter(|value| !value.is_null())?;
            Some((*name, value))
        })
    }

    /// Refuses what nobody asked for; to be called when all has been read.
    pub fn nothing_else(&self, method: &str) -> Result<(), RoomError> {
        let asked = self.asked.borrow();
        let mut given = self.params.keys();
        let Some(odd) = given.find(|key| !asked.iter().any(|(name, _)| *name == key.as_str()))
        else {
            return Ok(());
        };
        let mut taken: Vec<&str> = Vec::new(); // in the order in which they were asked for
        for (name, ours) in asked.iter() {
            if *ours && !taken.contains(name) {
                taken.push(name);
            }
        }
        let taken = if taken.is_empty() { "none".to_owned() } else { taken.join(", ") };
        let message = format!("{method} has no parameter \"{odd}\"; it takes {taken}");
        Err(RoomError::invalid(odd, message))
    }

    /// Whether it is there and says nothing.
    pub fn is_null(&self, name: &'static str) -> bool {
        self.asked.borrow_mut().push((name, true));
        self.params.get(name).is_some_and(Value::is_null)
    }

    pub fn optional_text(&self, names: Names<'_>) -> Result<Option<String>, RoomError> {
        match self.get(names) {
            None => Ok(None),
            Some((_, Value::String(text))) => Ok(Some(text.clone())),
            Some((name, _)) => Err(RoomError::invalid(ours(names), format!("{name} is no string"))),
        }
    }

    pub fn text(&self, names: Names<'_>) -> Result<String, RoomError> {
        self.optional_text(names)?.ok_or_else(|| RoomError::missing(ours(names)))
    }

    pub fn optional_texts(&self, names: Names<'_>) -> Result<Option<Vec<String>>, RoomError> {
        let Some((name, value)) = self.get(names) else { return Ok(None) };
        let texts = value.as_array().map(|texts| texts.iter().map(Value::as_str));
        let texts = texts.and_then(|texts| texts.map(|t| t.map(str::to_owned)).collect());
        let wrong = || RoomError::invalid(ours(names), format!("{name} is no array of strings"));
        texts.map(Some).ok_or_else(wrong)
    }

    pub fn texts(&self, names: Names<'_>) -> Result<Vec<String>, RoomError> {
        self.optional_texts(names)?.ok_or_else(|| RoomError::missing(ours(names)))
    }

    /// A boolean; the error names the spelling that was used, since each may mean another source.
    pub fn flag(&self, names: Names<'_>) -> Result<Option<bool>, RoomError> {
        match self.get(names) {
            None => Ok(None),
            Some((_, Value::Bool(flag))) => Ok(Some(*flag)),
            Some((name, _)) => Err(RoomError::invalid(name, format!("{name} is no boolean"))),
        }
    }

    pub fn number(&self, names: Names<'_>) -> Result<Option<u64>, RoomError> {
        let Some((name, value)) = self.get(names) else { return Ok(None) };
        let wrong = || RoomError::invalid(ours(names), format!("{name} is no whole number"));
        value.as_u64().map(Some).ok_or_else(wrong)
    }

    /// Seconds: at most a year.
    pub fn seconds(&self, names: Names<'_>) -> Result<Option<u32>, RoomError> {
        const YEAR_S: u64 = 366 * 24 * 3_600;
        let Some(seconds) = self.number(names)? else { return Ok(None) };
        match u32::try_from(seconds) {
            Ok(short) if seconds <= YEAR_S => Ok(Some(short)),
            _ => Err(RoomError::invalid(ours(names), "more seconds than a year has")),
        }
    }

    /// A word of a set.
    pub fn word<T: Copy>(
        &self,
        names: Names<'_>,
        words: &[(&str, T)],
    ) -> Result<Option<T>, RoomError> {
        let Some(text) = self.optional_text(names)? else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        let wrong = || {
            let message = format!("{} is one of {}", ours(names), all.join(", "));
            RoomError::invalid(ours(names), message)
        };
        found.map(Some).ok_or_else(wrong)
    }

    pub fn client(&self) -> Result<String, RoomError> {
        self.text(&["client", "client_id", "clientId", "participant"])
    }

    pub fn clients(&self) -> Result<Vec<String>, RoomError> {
        self.texts(&["clients", "client_ids", "clientIds", "participants"])
    }

    pub fn room_id(&self) -> Result<String, RoomError> {
        self.text(&["room_id", "roomId", "room"])
    }
}
