//! A meeting as rows, for whoever keeps it: what became other from one state to the next, and the
//! meeting that rows are of.
//!
//! One row a person, a room, an assignment, a vote: a move of one among three thousand is one row.
//! What may have changed is seen by the references that both states share; texts are compared for
//! assignments only.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::changes::pairs;
use super::meeting::Meeting;
use super::people::{Ban, Invitation, Person};
use super::plan::{Breakout, Plan, Reserved, Session};
use super::voices::Poll;
use super::{Name, Roles, Rules};

/// What a row is of.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum RowKey {
    /// All that is one of a kind.
    Head,
    /// The roles.
    Roles,
    /// A breakout, by the number in its id.
    Room(u64),
    /// Somebody.
    Person(Name),
    /// Where somebody belongs.
    Assigned(Name),
    /// Somebody of a list, by the place in it.
    Reserved(u32),
    /// Whereto somebody is invited.
    Invited(Name),
    /// A poll, without votes.
    Poll(u64),
    /// Somebody's vote.
    Vote(u64, Name),
    /// Somebody who was kicked.
    Banned(Name),
}

/// What is one of a kind.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Head {
    rules: Rules,
    kept: bool,
    rooms_created: u64,
    session: Session,
    revision: u64,
    polls_made: u64,
}

/// What a row says.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as the keys")]
pub enum Row {
    Head(Box<Head>),
    Roles(Arc<Roles>),
    Room(Arc<Breakout>),
    Person(Arc<Person>),
    Assigned(Name),
    Reserved(Box<Reserved>),
    Invited(Vec<Invitation>),
    Poll(Arc<Poll>),
    Vote(usize),
    /// Of older files.
    Banned,
    Ban(Ban),
}

/// Rows that became other; `None`: gone.
pub type Rows = Vec<(RowKey, Option<Row>)>;

impl Meeting {
    fn head(&self) -> Head {
        Head {
            rules: self.rules,
            kept: self.kept,
            rooms_created: self.plan.created,
            session: self.plan.session.clone(),
            revision: self.plan.revision,
            polls_made: self.polls_made,
        }
    }

    /// What is other than it was; without `old`, everything.
    pub fn rows_since(&self, old: Option<&Meeting>) -> Rows {
        let mut rows = Rows::new();
        let head = self.head();
        if old.is_none_or(|old| old.head() != head) {
            rows.push((RowKey::Head, Some(Row::Head(Box::new(head)))));
        }
        let same_roles = |old: &Meeting| Arc::ptr_eq(&old.roles, &self.roles);
        if !old.is_some_and(same_roles) {
            rows.push((RowKey::Roles, Some(Row::Roles(self.roles.clone()))));
        }
        let nothing = Meeting::new(self.rules);
        let old = old.unwrap_or(&nothing);
        differences(&old.plan.rooms, &self.plan.rooms, same, |number, _, room| {
            rows.push((RowKey::Room(*number), room.map(|room| Row::Room(room.clone()))));
        });
        differences(&old.people, &self.people, same, |id, _, person| {
            rows.push((RowKey::Person(id.clone()), person.map(|one| Row::Person(one.clone()))));
        });
        differences(&old.plan.assigned, &self.plan.assigned, Name::eq, |id, _, room| {
            rows.push((RowKey::Assigned(id.clone()), room.map(|room| Row::Assigned(room.clone()))));
        });
        differences(&old.invitations, &self.invitations, Vec::eq, |id, _, own| {
            rows.push((RowKey::Invited(id.clone()), own.map(|own| Row::Invited(own.clone()))));
        });
        let (was, is) = (&old.plan.reserved, &self.plan.reserved);
        for (at, number) in (0..was.len().max(is.len())).zip(0..) {
            if was.get(at) != is.get(at) {
                let row = is.get(at).map(|one| Row::Reserved(Box::new(one.clone())));
                rows.push((RowKey::Reserved(number), row));
            }
        }
        differences(&old.banned, &self.banned, Ban::eq, |id, _, ban| {
            rows.push((RowKey::Banned(id.clone()), ban.map(|ban| Row::Ban(*ban))));
        });
        self.polls_since(old, &mut rows);
        rows
    }

    fn polls_since(&self, old: &Meeting, rows: &mut Rows) {
        let none = BTreeMap::new();
        differences(&old.polls, &self.polls, Arc::ptr_eq, |number, before, poll| {
            let bare = poll.map(|poll| poll.without_votes());
            if before.map(|before| before.without_votes()) != bare {
                rows.push((RowKey::Poll(*number), bare.map(|poll| Row::Poll(Arc::new(poll)))));
            }
            let was = before.map_or(&none, |poll| poll.votes());
            let is = poll.map_or(&none, |poll| poll.votes());
            differences(was, is, usize::eq, |id, _, vote| {
                let key = RowKey::Vote(*number, id.clone());
                rows.push((key, vote.map(|vote| Row::Vote(*vote))));
            });
        });
    }

    /// The meeting of these rows.
    ///
    /// # Errors
    /// What is missing or does not fit together.
    pub fn from_rows(rows: impl IntoIterator<Item = (RowKey, Row)>) -> Result<Meeting, String> {
        let (mut head, mut roles, mut reserved) = (None, None, BTreeMap::new());
        let mut meeting = Meeting::new(Rules::default());
        let mut votes: Vec<(u64, Name, usize)> = Vec::new();
        for (key, row) in rows {
            match (key, row) {
                (RowKey::Head, Row::Head(one)) => head = Some(one),
                (RowKey::Roles, Row::Roles(all)) => roles = Some(all),
                (RowKey::Room(number), Row::Room(room)) => {
                    meeting.plan.rooms.insert(number, room);
                }
                (RowKey::Person(id), Row::Person(person)) => {
                    meeting.people.insert(id, person);
                }
                (RowKey::Assigned(id), Row::Assigned(room)) => {
                    meeting.plan.assigned.insert(id, room);
                }
                (RowKey::Reserved(at), Row::Reserved(one)) => {
                    reserved.insert(at, *one);
                }
                (RowKey::Invited(id), Row::Invited(own)) => {
                    meeting.invitations.insert(id, own);
                }
                (RowKey::Poll(number), Row::Poll(poll)) => {
                    meeting.polls.insert(number, poll);
                }
                (RowKey::Vote(number, id), Row::Vote(vote)) => votes.push((number, id, vote)),
                (RowKey::Banned(id), Row::Ban(ban)) => {
                    meeting.banned.insert(id, ban);
                }
                (RowKey::Banned(id), Row::Banned) => {
                    meeting.banned.insert(id, Ban { void_until_s: 0, lifted: false });
                }
                (key, _) => return Err(format!("the row {key:?} holds something else")),
            }
        }
        let head = *head.ok_or("the meeting's head is missing")?;
        meeting.roles = roles.ok_or("the meeting's roles are missing")?;
        (meeting.rules, meeting.kept) = (head.rules, head.kept);
        meeting.polls_made = head.polls_made;
        meeting.plan = Plan {
            created: head.rooms_created,
            session: head.session,
            revision: head.revision,
            reserved: reserved.into_values().collect(),
            ..meeting.plan
        };
        for (number, id, vote) in votes {
            let Entry::Occupied(mut poll) = meeting.polls.entry(number) else {
                return Err(format!("there is a vote in poll {number}, which is missing"));
            };
            Arc::make_mut(poll.get_mut()).vote(id, vote);
        }
        meeting.whole().map(|()| meeting)
    }

    /// What every meeting keeps to: see [`Meeting`].
    fn whole(&self) -> Result<(), String> {
        for (id, person) in &self.people {
            if self.room(&person.room).is_none() {
                return Err(format!("\"{id}\" is in room \"{}\", which is missing", person.room));
            }
        }
        for (id, room) in &self.plan.assigned {
            if self.room(room).is_none() {
                return Err(format!("\"{id}\" belongs in room \"{room}\", which is missing"));
            }
        }
        Ok(())
    }
}

/// Seen by the reference, and only where that is another by what it says.
fn same<T: PartialEq>(one: &Arc<T>, two: &Arc<T>) -> bool {
    Arc::ptr_eq(one, two) || **one == **two
}

/// Says of each key that came, went or became other what it was and is now.
fn differences<K: Ord, V>(
    old: &BTreeMap<K, V>,
    new: &BTreeMap<K, V>,
    same: impl Fn(&V, &V) -> bool,
    mut say: impl FnMut(&K, Option<&V>, Option<&V>),
) {
    for (key, before, after) in pairs(old, new) {
        if !before.zip(after).is_some_and(|(before, after)| same(before, after)) {
            say(key, before, after);
        }
    }
}
