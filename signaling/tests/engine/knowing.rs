//! Nobody is told what they may not know; and those whom something happened to are told.

use std::collections::BTreeSet;

use ringfence_signaling::rooms::{
    By, Event, MAIN, Meeting, Name, Outcome, Request, Target, Viewer,
};

use crate::cast::may;
use crate::polls::Polls;

/// Both meetings, and who reads.
struct Reader<'a> {
    old: &'a Meeting,
    new: &'a Meeting,
    polls: &'a Polls,
    id: &'a Name,
}

impl Reader<'_> {
    fn may(&self, word: &str) -> bool {
        may(self.new, self.id, word)
    }

    fn manages(&self) -> bool {
        self.may("breakout.manage")
    }

    fn helps(&self) -> bool {
        self.manages() || self.may("help.answer")
    }

    fn sees_all(&self) -> bool {
        self.may("breakout.presence")
    }

    fn is_in(&self, room: &str) -> bool {
        self.new.person(self.id).is_some_and(|person| *person.room == *room)
    }

    fn was_in(&self, room: &str) -> bool {
        self.old.person(self.id).is_some_and(|person| *person.room == *room)
    }

    fn owns(&self, room: &str) -> bool {
        let of = |meeting: &Meeting| {
            meeting.breakout(room).is_some_and(|room| room.owner.as_ref() == Some(self.id))
        };
        of(self.old) || of(self.new)
    }

    #[allow(clippy::too_many_lines, reason = "one line an event")]
    fn may_know(&self, event: &Event, by: &By, request: &Request) -> bool {
        let me = self.id;
        let asked = *by == By::Person(me.clone());
        match event {
            Event::UserJoined { participant, room_id: Some(room) } => {
                participant.room.as_ref() == Some(room) && (self.sees_all() || self.is_in(room))
            }
            Event::UserJoined { participant, room_id: None } => {
                self.is_in(MAIN) && participant.room.is_none()
            }
            Event::UserLeft { participant, room_id, .. } => {
                participant == me || self.sees_all() || self.is_in(room_id)
            }
            Event::PeerUpdated { participant } => {
                let room = participant.room.as_deref().unwrap_or("nowhere");
                participant.id == *me || self.sees_all() || self.is_in(room)
            }
            Event::PlanChanged { rooms, people, .. } => {
                let hidden = |room: &str| room != MAIN && !self.is_in(room);
                let secret = rooms.iter().any(|room| {
                    hidden(&room.id) || !room.assigned.is_empty() || room.expected > 0 || room.help
                });
                let strangers = people
                    .iter()
                    .any(|one| one.room.as_deref().is_none_or(|room| !self.is_in(room)));
                self.sees_all() || !(secret || strangers)
            }
            Event::BreakoutCreated { .. } => self.manages() || asked,
            Event::BreakoutUserDisconnected { .. } => self.manages(),
            Event::BreakoutDestroyed { room_id, .. } => {
                self.manages() || self.was_in(room_id) || self.owns(room_id)
            }
            Event::AllDestroyed {} => {
                let owned = self.old.breakouts().any(|room| room.owner.as_ref() == Some(me));
                self.manages() || !self.was_in(MAIN) || owned
            }
            Event::BreakoutInvited { room_id, clients, .. } if clients.is_empty() => {
                self.new.invitations_of(me).contains(room_id)
            }
            Event::BreakoutInvited { room_id, .. } => self.manages() || asked || self.owns(room_id),
            Event::InviteRejected { room_id, client_id, .. } => {
                let invited = self.old.inviter_of(client_id, room_id) == Some(me);
                client_id == me || self.manages() || self.owns(room_id) || asked || invited
            }
            Event::BreakoutJoining { room_id, .. } | Event::BreakoutConnected { room_id, .. } => {
                self.is_in(room_id) && !self.was_in(room_id)
            }
            Event::BreakoutLeft { room_id, .. } => self.was_in(room_id) && !self.is_in(room_id),
            Event::MeetingChanged { room_id, .. } => self.is_in(room_id) && !self.was_in(room_id),
            Event::Timer { room_id: Some(room), .. } => self.sees_all() || self.is_in(room),
            Event::Timer { room_id: None, .. } => self.sees_all() || !self.is_in(MAIN),
            Event::Broadcast { from, .. } => {
                let named = match request {
                    Request::Broadcast { rooms: Some(rooms), .. } => {
                        rooms.iter().any(|room| self.is_in(room))
                    }
                    _ => !self.is_in(MAIN),
                };
                self.manages() || from == me || named
            }
            Event::HelpAsked { .. } => self.helps(),
            Event::HelpReset { room_id } => self.helps() || self.is_in(room_id),
            Event::RoleChangeAsked { .. } => {
                self.new.person(me).is_some_and(|person| person.role_asked.is_some())
            }
            Event::RoleChanged { participant, .. } => {
                participant == me || self.may("role.change") || {
                    let asked = self.old.person(participant).and_then(|p| p.role_asked.clone());
                    asked.is_some_and(|asked| asked.by == *me)
                }
            }
            Event::Chat { from, room_id: Some(room), .. } => from == me || self.is_in(room),
            Event::Chat { from, room_id: None, to, .. } => from == me || to.as_ref() == Some(me),
            Event::PollChanged(poll) => {
                let room = &self.new.person(me).expect("here").room;
                self.polls.is_told(poll.poll, me, room)
            }
            // Whoever carries requests out tells it (`meetings/carry_out.rs`), never the engine.
            Event::BreakoutError { .. } => false,
            Event::Voice { from, kind: "whisper", .. } => {
                from == me || {
                    let target = |meeting: &Meeting| {
                        meeting.person(from).and_then(|person| person.whispers.clone())
                    };
                    [target(self.old), target(self.new)].into_iter().flatten().any(|to| match to {
                        Target::Room(room) => self.is_in(&room) || self.was_in(&room),
                        Target::Person(id) => id == *me,
                    })
                }
            }
            Event::Voice { .. } => true,
        }
    }
}

pub fn check(
    (old, new): (&Meeting, &Meeting),
    polls: &Polls,
    by: &By,
    request: &Request,
    outcome: &Outcome,
) {
    let managers = || new.people().map(|(id, _)| id).filter(|id| may(new, id, "breakout.manage"));
    for notice in &outcome.notices {
        let distinct: BTreeSet<&Name> = notice.to.iter().collect();
        assert_eq!(distinct.len(), notice.to.len(), "told twice: {notice:?}");
        for id in &notice.to {
            let reader = Reader { old, new, polls, id };
            let here = new.person(id).is_some();
            let kicked =
                matches!(&notice.event, Event::UserLeft { participant, .. } if participant == id);
            assert!(here || kicked, "{id} is not here: {notice:?}");
            let may = reader.may_know(&notice.event, by, request);
            assert!(may, "{id} was told {:?} of {request:?}", notice.event);
        }
    }
    let told = |id: &Name, test: &dyn Fn(&Event) -> bool| {
        let own = outcome.notices.iter().filter(|notice| notice.to.contains(id));
        own.filter(|notice| test(&notice.event)).count()
    };
    for (id, person) in new.people() {
        let Some(before) = old.person(id) else { continue };
        let moved = before.room != person.room;
        let changed = told(id, &|event| matches!(event, Event::MeetingChanged { .. }));
        assert_eq!(changed, usize::from(moved), "{id} moved: {moved}");
        let left = told(id, &|event| matches!(event, Event::BreakoutLeft { .. }));
        assert_eq!(left, usize::from(moved && *before.room != *MAIN), "{id}");
        // Those who manage hear of each who was brought back by others.
        let bulk = matches!(
            request,
            Request::ClearAll | Request::DestroyAll | Request::Stop { .. } | Request::Delete { .. }
        );
        if bulk && moved {
            for manager in managers() {
                let heard = told(
                    manager,
                    &|event| matches!(event, Event::BreakoutUserDisconnected { client_id, .. } if client_id == id),
                );
                assert_eq!(heard, 1, "{manager} of {id}");
            }
        }
        if new.viewer(id) != Viewer::All {
            let plans = told(id, &|event| matches!(event, Event::PlanChanged { .. }));
            assert!(plans <= 1, "{id} is told the plan {plans} times");
        }
    }
    for room in old.breakouts().filter(|room| new.breakout(&room.id).is_none()) {
        for manager in managers() {
            let heard = told(
                manager,
                &|event| matches!(event, Event::BreakoutDestroyed { room_id, .. } if *room_id == room.id),
            );
            assert_eq!(heard, 1, "{manager} of {}", room.id);
        }
    }
}
