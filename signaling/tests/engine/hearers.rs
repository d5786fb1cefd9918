//! Texts, polls, questions and answers reach exactly those whom they are for: nobody more, and none
//! is lost.

use std::collections::{BTreeMap, BTreeSet};

use ringfence_signaling::rooms::{By, Event, MAIN, Meeting, Name, Outcome, Request};

use crate::cast::may;
use crate::polls::Polls;

type People = BTreeSet<Name>;

/// Events that are for a set of people which the request says; of all others see `replica`.
fn word(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Broadcast { .. } => "broadcast",
        Event::Chat { .. } => "chat",
        Event::HelpAsked { .. } => "help_asked",
        Event::HelpReset { .. } => "help_reset",
        Event::RoleChangeAsked { .. } => "role_change_asked",
        Event::RoleChanged { .. } => "role_changed",
        _ => return None,
    })
}

/// Who is to hear what of a request that was granted.
fn expected(old: &Meeting, new: &Meeting, by: &By, request: &Request) -> (&'static str, People) {
    let who_may = |word: &'static str| -> People {
        new.people().map(|(id, _)| id.clone()).filter(|id| may(new, id, word)).collect()
    };
    let inside = |room: &str| -> People { new.inside(room).cloned().collect() };
    let asker: People = match by {
        By::Person(id) => BTreeSet::from([id.clone()]),
        By::Server => BTreeSet::new(),
    };
    let own = asker.first().and_then(|id| old.person(id)).map(|person| person.room.clone());
    let help = || &who_may("help.answer") | &who_may("breakout.manage");
    // Whose role it is, who may change roles, and who asked.
    let decided = |id: &str, all: bool| {
        let asked = old.person(id).and_then(|person| person.role_asked.clone());
        let asked = asked.map(|asked| asked.by).filter(|by| new.person(by).is_some());
        let mut to: People = asked.into_iter().chain([id.into()]).collect();
        to.extend(if all { who_may("role.change") } else { BTreeSet::new() });
        to
    };
    match request {
        Request::Broadcast { rooms, .. } => {
            let named = |room: &str| match rooms {
                Some(rooms) => rooms.iter().any(|one| *one == *room),
                None => *room != *MAIN,
            };
            let there = new.people().filter(|(_, person)| named(&person.room));
            let there: People = there.map(|(id, _)| id.clone()).collect();
            ("broadcast", &(&there | &who_may("breakout.manage")) | &asker)
        }
        Request::Chat { to, .. } => {
            let own = own.expect("who writes is here");
            let to = to.as_deref().unwrap_or(&own);
            let private = new.person(to).is_some();
            let there = if private { BTreeSet::from([to.into()]) } else { inside(to) };
            ("chat", &there | &asker)
        }
        Request::HelpAsk => ("help_asked", help()),
        Request::HelpReset { room_id } => ("help_reset", &help() | &inside(room_id)),
        Request::ChangeRole { client, force: false, .. } => {
            ("role_change_asked", BTreeSet::from([client.as_str().into()]))
        }
        Request::ChangeRole { client, .. } => ("role_changed", decided(client, true)),
        Request::AnswerRole { accept } => {
            ("role_changed", decided(asker.first().expect("a person"), *accept))
        }
        _ => ("", BTreeSet::new()),
    }
}

pub fn check(old: &Meeting, new: &Meeting, by: &By, request: &Request, outcome: &Outcome) {
    let mut told: BTreeMap<&str, Vec<Name>> = BTreeMap::new();
    for notice in &outcome.notices {
        if let Some(word) = word(&notice.event) {
            told.entry(word).or_default().extend(notice.to.iter().cloned());
        }
    }
    let (word, to) = expected(old, new, by, request);
    let mut heard = told.remove(word).unwrap_or_default();
    heard.sort();
    assert_eq!(heard, to.into_iter().collect::<Vec<Name>>(), "{word} of {request:?}");
    assert!(told.is_empty(), "{told:?} of {request:?}");
}

/// A poll that was made, voted in or closed is told to all who are to know of it, once.
pub fn check_poll(new: &Meeting, polls: &Polls, request: &Request, outcome: &Outcome) {
    let poll = match request {
        Request::PollCreate { .. } => outcome.reply.poll.expect("its number"),
        Request::PollVote { poll, .. } | Request::PollClose { poll } => *poll,
        _ => return,
    };
    let to = new.people().filter(|(id, person)| polls.is_told(poll, id, &person.room));
    let to: Vec<&Name> = to.map(|(id, _)| id).collect();
    let told = outcome.notices.iter().filter_map(|notice| match &notice.event {
        Event::PollChanged(view) if view.poll == poll => Some(&notice.to),
        _ => None,
    });
    let mut told: Vec<&Name> = told.flatten().collect();
    told.sort();
    assert_eq!(told, to, "{request:?}");
}
