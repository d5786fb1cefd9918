//! Polls in rooms (D3).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::text::check_text;
use crate::rooms::error::{RoomError, code};
use crate::rooms::event::{Event, Notice};
use crate::rooms::turn::Turn;
use crate::rooms::{MAIN, Meeting, Name, Permission};

/// Most polls a meeting keeps; the oldest closed one goes first.
const POLLS_MAX: usize = 100;
/// Most answers to choose from.
const OPTIONS_MAX: usize = 20;

/// One question.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Poll {
    by: Name,
    question: String,
    options: Vec<String>,
    /// Where it can be seen and voted in.
    rooms: Vec<Name>,
    votes: BTreeMap<Name, usize>,
    open: bool,
}

impl Poll {
    /// Who chose what.
    pub(in crate::rooms) fn votes(&self) -> &BTreeMap<Name, usize> {
        &self.votes
    }

    /// The same before anybody voted.
    pub(in crate::rooms) fn without_votes(&self) -> Poll {
        let Poll { by, question, options, rooms, votes: _, open } = self;
        let (by, question, options) = (by.clone(), question.clone(), options.clone());
        Poll { by, question, options, rooms: rooms.clone(), votes: BTreeMap::new(), open: *open }
    }

    /// As people see it.
    fn view(&self, number: u64) -> PollView {
        let mut votes = vec![0; self.options.len()];
        for option in self.votes.values() {
            if let Some(count) = votes.get_mut(*option) {
                *count += 1;
            }
        }
        PollView {
            poll: number,
            from: self.by.clone(),
            question: self.question.clone(),
            options: self.options.clone(),
            votes,
            open: self.open,
        }
    }

    pub(in crate::rooms) fn vote(&mut self, id: Name, option: usize) {
        self.votes.insert(id, option);
    }
}

/// A poll as people see it: counts, not who voted what.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
pub struct PollView {
    /// Its number.
    pub poll: u64,
    /// Who asks.
    pub from: Name,
    /// What.
    pub question: String,
    /// The answers to choose from.
    pub options: Vec<String>,
    /// How many chose each.
    pub votes: Vec<usize>,
    /// Whether one can still vote.
    pub open: bool,
}

impl Meeting {
    /// All polls, in their order.
    pub fn polls(&self) -> impl Iterator<Item = PollView> {
        self.polls.iter().map(|(number, poll)| poll.view(*number))
    }

    /// Those that are open and that somebody can vote in, or made.
    pub fn polls_for(&self, id: &str) -> Vec<PollView> {
        let Some(person) = self.person(id) else { return Vec::new() };
        let own = self.polls.iter().filter(|(_, poll)| {
            poll.open && (*poll.by == *id || poll.rooms.contains(&person.room))
        });
        own.map(|(number, poll)| poll.view(*number)).collect()
    }
}

impl Turn<'_> {
    /// `poll.create`: in the own room, or in those named.
    ///
    /// # Errors
    /// `FORBIDDEN`, `INVALID_PARAMS`, `CONFLICT`.
    pub(in crate::rooms) fn poll_create(
        &mut self,
        question: String,
        options: Vec<String>,
        rooms: Option<&[String]>,
    ) -> Result<(), RoomError> {
        self.require(Permission::Poll)?;
        check_text(&question, "question")?;
        if !(2..=OPTIONS_MAX).contains(&options.len()) {
            let message = format!("a poll has 2 to {OPTIONS_MAX} options");
            return Err(RoomError::invalid("options", message));
        }
        options.iter().try_for_each(|option| check_text(option, "options"))?;
        let by = self.asker();
        let own = self.next.people.get(&by).map(|person| person.room.clone());
        let own = own.unwrap_or_else(|| MAIN.into());
        let rooms = self.rooms_named(rooms)?;
        if rooms.as_ref().is_some_and(|rooms| rooms.iter().any(|room| *room != own)) {
            self.require(Permission::Manage)?;
        }
        if self.next.polls.len() >= POLLS_MAX {
            let closed = self.next.polls.iter().find(|(_, poll)| !poll.open).map(|entry| *entry.0);
            let full = || RoomError::conflict(format!("{POLLS_MAX} polls are open; close one"));
            self.next.polls.remove(&closed.ok_or_else(full)?);
        }
        self.next.polls_made += 1;
        let (number, rooms) = (self.next.polls_made, rooms.unwrap_or_else(|| vec![own]));
        let votes = BTreeMap::new();
        let poll = Poll { by, question, options, rooms, votes, open: true };
        self.next.polls.insert(number, Arc::new(poll));
        self.reply.poll = Some(number);
        self.tell_poll(number);
        Ok(())
    }

    /// `poll.vote`; again to change one's mind.
    ///
    /// # Errors
    /// `NOT_FOUND` also for a poll of other rooms, `CONFLICT` when closed, `INVALID_PARAMS`.
    pub(in crate::rooms) fn poll_vote(
        &mut self,
        number: u64,
        option: usize,
    ) -> Result<(), RoomError> {
        let me = self.myself()?;
        let room = self.next.people.get(&me).map(|person| person.room.clone());
        let poll = self.next.polls.get_mut(&number);
        let poll = poll.filter(|poll| room.is_some_and(|room| poll.rooms.contains(&room)));
        let poll = poll.ok_or_else(no_poll)?;
        if !poll.open {
            return Err(RoomError::conflict("the poll is closed"));
        }
        if option >= poll.options.len() {
            return Err(RoomError::invalid("option", "there is no such option"));
        }
        Arc::make_mut(poll).votes.insert(me, option);
        self.tell_poll(number);
        Ok(())
    }

    /// `poll.close`: by who made it, or who manages.
    ///
    /// # Errors
    /// `NOT_FOUND`, `FORBIDDEN`, `CONFLICT`.
    pub(in crate::rooms) fn poll_close(&mut self, number: u64) -> Result<(), RoomError> {
        let asker = self.asker();
        let manages = self.may(Permission::Manage);
        let poll = self.next.polls.get_mut(&number).ok_or_else(no_poll)?;
        if poll.by != asker && !manages {
            return Err(RoomError::lacks(Permission::Manage));
        }
        if !poll.open {
            return Err(RoomError::conflict("the poll is closed"));
        }
        Arc::make_mut(poll).open = false;
        self.tell_poll(number);
        Ok(())
    }

    /// Who comes into a room is told of the polls that are open there. Who comes into the meeting
    /// has them in the answer to `join`.
    pub(in crate::rooms) fn tell_polls_to_newcomers(&mut self) {
        let open = self.old.polls.keys().filter_map(|number| {
            let poll = self.next.polls.get(number).filter(|poll| poll.open)?;
            let came = self.next.people.iter().filter(|(id, person)| {
                let before = self.old.people.get(*id).map(|before| &before.room);
                poll.rooms.contains(&person.room)
                    && before.is_some_and(|before| !poll.rooms.contains(before))
            });
            let to: Vec<Name> = came.map(|(id, _)| id.clone()).collect();
            Some(Notice { to, event: Event::PollChanged(poll.view(*number)) })
        });
        let open: Vec<Notice> = open.collect();
        self.after.extend(open);
    }

    /// Tells those who can vote and the one who asks.
    fn tell_poll(&mut self, number: u64) {
        let Some(poll) = self.next.polls.get(&number) else { return };
        let view = poll.view(number);
        let mut to = self.people_of(Some(&poll.rooms));
        to.extend(self.next.people.get_key_value(&poll.by).map(|(id, _)| id.clone()));
        self.tell(to, Event::PollChanged(view));
    }
}

fn no_poll() -> RoomError {
    RoomError::field(code::NOT_FOUND, "poll", "there is no such poll in your room")
}
