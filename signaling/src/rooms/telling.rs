//! Who is told what, read off the difference between the meeting before and after.
//!
//! Somebody without `breakout.presence` is told of the room they are in, and of who comes to and
//! leaves the meeting while they are in the main room: nothing that grows with other rooms.

use std::collections::{BTreeMap, BTreeSet};

use super::changes::{Changed, Changes, pairs};
use super::event::{Event, Notice};
use super::people::Person;
use super::turn::Turn;
use super::view::{Occupants, Viewer, parent_view, person_view};
use super::{MAIN, MainRoom, Name, Permission};

/// Most people of one move who are announced one by one; above, `plan_changed` says it all.
const ANNOUNCED_MAX: usize = 32;

/// Somebody who changed rooms.
struct Mover<'a> {
    id: &'a Name,
    from: &'a Name,
    person: &'a Person,
    why: &'static str,
}

/// Everything that follows from people and rooms being other than before.
pub(super) fn movements(turn: &Turn<'_>, changes: &Changes<'_>) -> Vec<Notice> {
    let mover = |one: &Changed<'_>| turn.why.get(one.id).copied().unwrap_or("moved");
    let movers = changes.moved().map(|one| {
        let Changed { id, before, after } = one;
        Mover { id, from: &before.room, person: after, why: mover(one) }
    });
    let movers: Vec<Mover<'_>> = movers.collect();
    let mut notices = Vec::new();
    destroyed(turn, &mut notices);
    movers_told(turn, &movers, &mut notices);
    if movers.len() <= ANNOUNCED_MAX {
        others_told(turn, &movers, &mut notices);
    }
    managers_told(turn, &movers, &mut notices);
    came_and_went(turn, changes, &mut notices);
    updated(turn, changes, &mut notices);
    plans(turn, changes, &movers, &mut notices);
    notices.extend(turn.voice_notices());
    notices
}

/// Rooms that are gone: to the owner, those who manage, and who was inside.
fn destroyed(turn: &Turn<'_>, notices: &mut Vec<Notice>) {
    for (room, reason) in &turn.gone {
        let mut to: BTreeSet<Name> = turn.next.managers().into_iter().collect();
        let owner = turn.old.breakout(room).and_then(|room| room.owner.clone());
        to.extend(owner);
        to.extend(turn.old.inside(room).cloned());
        let to = to.into_iter().filter(|id| turn.next.people.contains_key(id)).collect();
        let event = Event::BreakoutDestroyed { room_id: room.clone(), reason };
        notices.push(Notice { to, event });
    }
}

fn movers_told(turn: &Turn<'_>, movers: &[Mover<'_>], notices: &mut Vec<Notice>) {
    let mut out: BTreeMap<(&Name, &'static str), Vec<Name>> = BTreeMap::new();
    let mut into: BTreeMap<&Name, Vec<Name>> = BTreeMap::new();
    let mut changed: BTreeMap<(&Name, MainRoom), Vec<Name>> = BTreeMap::new();
    for Mover { id, from, person, why } in movers {
        if **from != *MAIN {
            out.entry((from, why)).or_default().push((*id).clone());
        }
        if person.room != *MAIN {
            into.entry(&person.room).or_default().push((*id).clone());
        }
        changed.entry((&person.room, person.main)).or_default().push((*id).clone());
    }
    for ((room, reason), to) in out {
        notices.push(Notice { to, event: Event::BreakoutLeft { room_id: room.clone(), reason } });
    }
    for (room, to) in into {
        let name = turn.next.breakout(room).map_or_else(|| room.clone(), |room| room.name.clone());
        let event = Event::BreakoutConnected { room_id: room.clone(), name };
        notices.push(Notice { to, event });
    }
    for ((room, main), to) in changed {
        let event = Event::MeetingChanged { room_id: room.clone(), parent: parent_view(main) };
        notices.push(Notice { to, event });
    }
}

/// Those in the room that was left, and those in the room that was entered (J4, J6).
fn others_told(turn: &Turn<'_>, movers: &[Mover<'_>], notices: &mut Vec<Notice>) {
    let inside = |room: &Name, but: &Name| -> Vec<Name> {
        turn.next.inside(room).filter(|id| *id != but).cloned().collect()
    };
    for Mover { id, from, person, .. } in movers {
        // Whether somebody was moved, went or was brought back: they stay in the meeting.
        let (participant, room_id, reason) = ((*id).clone(), (*from).clone(), "moved");
        let event = Event::UserLeft { participant, room_id, reason };
        notices.push(Notice { to: inside(from, id), event });
        let participant = person_view(id, person, &Viewer::All);
        let event = Event::UserJoined { participant, room_id: Some(person.room.clone()) };
        notices.push(Notice { to: inside(&person.room, id), event });
    }
}

/// One event for each who was brought back by others, to those who manage (X1, Q10).
fn managers_told(turn: &Turn<'_>, movers: &[Mover<'_>], notices: &mut Vec<Notice>) {
    let told = |one: &&Mover<'_>| **one.from != *MAIN && !matches!(one.why, "moved" | "left");
    let mut told = movers.iter().filter(told).peekable();
    let managers = told.peek().map_or_else(Vec::new, |_| turn.next.managers());
    for Mover { id, from, person, why } in told {
        let event = Event::BreakoutUserDisconnected {
            room_id: (*from).clone(),
            client_id: (*id).clone(),
            name: person.name.clone(),
            reason: why,
        };
        notices.push(Notice { to: managers.clone(), event });
    }
}

/// Who came into the meeting and who left it: told to their room, to those who see all rooms, and
/// to the main room, in whose roster everybody is (L5).
fn came_and_went(turn: &Turn<'_>, changes: &Changes<'_>, notices: &mut Vec<Notice>) {
    for (id, person) in changes.came.iter().copied() {
        let (near, far) = near_and_far(turn, id, &person.room);
        let participant = person_view(id, person, &Viewer::All);
        let event = Event::UserJoined { participant, room_id: Some(person.room.clone()) };
        notices.push(Notice { to: near, event });
        let participant = person_view(id, person, &Viewer::Inside(MAIN.into()));
        notices.push(Notice { to: far, event: Event::UserJoined { participant, room_id: None } });
        if person.room != *MAIN {
            let to = vec![id.clone()];
            let name = turn.next.breakout(&person.room).map(|room| room.name.clone());
            let (room_id, name) = (person.room.clone(), name.unwrap_or_else(|| "".into()));
            notices.push(Notice { to, event: Event::BreakoutConnected { room_id, name } });
        }
    }
    for (id, person) in changes.went.iter().copied() {
        let reason = turn.why.get(id).copied().unwrap_or("left");
        let (mut near, far) = near_and_far(turn, id, &person.room);
        if matches!(reason, "kicked" | "ended") {
            near.push(id.clone());
        }
        let (participant, room_id) = (id.clone(), person.room.clone());
        let event = Event::UserLeft { participant, room_id, reason };
        notices.push(Notice { to: near, event });
        let (participant, room_id) = (id.clone(), MAIN.into());
        notices.push(Notice { to: far, event: Event::UserLeft { participant, room_id, reason } });
        if person.room != *MAIN {
            let event = Event::BreakoutUserDisconnected {
                room_id: person.room.clone(),
                client_id: id.clone(),
                name: person.name.clone(),
                reason,
            };
            notices.push(Notice { to: turn.next.managers(), event });
        }
    }
}

/// Those who see into `room`, and those of the main room who do not; without `but`.
fn near_and_far(turn: &Turn<'_>, but: &Name, room: &Name) -> (Vec<Name>, Vec<Name>) {
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for (id, person) in turn.next.people.iter().filter(|(id, _)| *id != but) {
        let presence = || turn.next.permissions(person).has(Permission::Presence);
        if person.room == *room || presence() {
            near.push(id.clone());
        } else if person.room == *MAIN {
            far.push(id.clone());
        }
    }
    (near, far)
}

/// Who muted, was renamed, has another role or paused the main room.
fn updated(turn: &Turn<'_>, changes: &Changes<'_>, notices: &mut Vec<Notice>) {
    for Changed { id, before, after: person } in changes.changed.iter() {
        let id = *id;
        let moved = before.room != person.room;
        let mut was = person_view(id, before, &Viewer::All);
        let is = person_view(id, person, &Viewer::All);
        if moved {
            // The rest is in the room's new roster.
            (was.room, was.paused) = (is.room.clone(), is.paused);
        }
        let main = before.main != person.main && !moved;
        if was != is {
            let (mut near, _) = near_and_far(turn, id, &person.room);
            near.push(id.clone());
            notices.push(Notice { to: near, event: Event::PeerUpdated { participant: is } });
        } else if main {
            // Nobody else sees what one muted of the main room.
            let event = Event::PeerUpdated { participant: is };
            notices.push(Notice { to: vec![id.clone()], event });
        }
    }
}

/// The plan: whole to those who see it, to others what they see, where that is another now.
fn plans(turn: &Turn<'_>, changes: &Changes<'_>, movers: &[Mover<'_>], notices: &mut Vec<Notice>) {
    let revision = turn.next.plan.revision;
    let regained: BTreeSet<Name> = regained_sight(turn, changes);
    if revision == turn.old.plan.revision && regained.is_empty() {
        return;
    }
    // Whether breakouts are open everybody may know; not which there are.
    let state = turn.next.plan.session.word();
    let turned = state != turn.old.plan.session.word();
    let (mut all, mut others): (Vec<Name>, BTreeMap<Viewer, Vec<Name>>) = Default::default();
    let moved: BTreeSet<&Name> = movers.iter().map(|mover| mover.id).collect();
    let bulk = movers.len() > ANNOUNCED_MAX;
    let mut touched: BTreeSet<&Name> = BTreeSet::new();
    if bulk {
        touched.extend(movers.iter().flat_map(|mover| [mover.from, &mover.person.room]));
    }
    for (number, room) in &turn.next.plan.rooms {
        let before = turn.old.plan.rooms.get(number);
        let shown = |room: &super::Breakout| (room.name.clone(), room.timer.map(|t| t.ends_at));
        if before.is_some_and(|before| shown(before) != shown(room)) {
            touched.insert(&room.id);
        }
    }
    for (id, person) in &turn.next.people {
        if turn.next.permissions(person).has(Permission::Presence) {
            if revision != turn.old.plan.revision || regained.contains(id) {
                all.push(id.clone());
            }
        } else if turned
            || moved.contains(id)
            || touched.contains(&person.room)
            || regained.contains(id)
        {
            others.entry(Viewer::Inside(person.room.clone())).or_default().push(id.clone());
        }
    }
    let occupants = Occupants::of(&turn.next);
    let rooms = |viewer: &Viewer| turn.next.rooms_with(viewer, &occupants);
    let (fresh, known): (Vec<Name>, Vec<Name>) =
        all.into_iter().partition(|id| regained.contains(id));
    let view = |mover: &Mover<'_>| person_view(mover.id, mover.person, &Viewer::All);
    let people = movers.iter().map(view).collect();
    for (to, people) in [(known, people), (fresh, turn.next.people_for(&Viewer::All))] {
        if !to.is_empty() {
            let rooms = rooms(&Viewer::All);
            notices
                .push(Notice { to, event: Event::PlanChanged { revision, state, rooms, people } });
        }
    }
    for (viewer, to) in others {
        let Viewer::Inside(own) = &viewer else { continue };
        let people = company(turn, &occupants, own);
        let event = Event::PlanChanged { revision, state, rooms: rooms(&viewer), people };
        notices.push(Notice { to, event });
    }
}

/// Those in a room, for somebody who comes to it; if they are too many, only their number is told.
fn company(turn: &Turn<'_>, occupants: &Occupants<'_>, room: &Name) -> Vec<super::PersonView> {
    let inside = occupants.inside(room).map(|(id, person)| person_view(id, person, &Viewer::All));
    let people: Vec<_> = inside.take(turn.next.rules.roster_max + 1).collect();
    if people.len() > turn.next.rules.roster_max { Vec::new() } else { people }
}

/// Who sees more, or less, than before: by another role, or by other rights of it.
fn regained_sight(turn: &Turn<'_>, changes: &Changes<'_>) -> BTreeSet<Name> {
    let (old, next) = (turn.old, &turn.next);
    let sees = |meeting: &super::Meeting, person: &Person| {
        meeting.permissions(person).has(Permission::Presence)
    };
    let other = |before: &Person, after: &Person| sees(old, before) != sees(next, after);
    if old.has_rights_of(next) {
        let changed = changes.changed.iter().filter(|one| other(one.before, one.after));
        return changed.map(|one| one.id.clone()).collect();
    }
    let both = pairs(&old.people, &next.people);
    let both = both.filter_map(|(id, before, after)| Some((id, before?, after?)));
    both.filter(|(_, before, after)| other(before, after)).map(|(id, ..)| id.clone()).collect()
}
