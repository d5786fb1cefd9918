//! People of a list who are expected: matched when they join, by address or by name (A10).

use serde::{Deserialize, Serialize};

use crate::rooms::Name;
use crate::rooms::people::Person;
use crate::rooms::turn::Turn;

/// One row of a list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reserved {
    /// The breakout they belong to.
    pub room: Name,
    /// First name, or empty.
    pub first_name: String,
    /// Last name, or empty.
    pub last_name: String,
    /// Address, or empty.
    pub email: String,
    /// Who it turned out to be.
    pub person: Option<Name>,
}

impl Reserved {
    /// First and last name, as one says them.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name).trim().to_owned()
    }

    /// Whether this is the one. An address decides, where both have one; else the name.
    fn is(&self, person: &Person) -> bool {
        match person.email.as_deref().filter(|_| !self.email.is_empty()) {
            Some(email) => same(email, &self.email),
            None => {
                let name = self.full_name();
                !name.is_empty() && same(&name, &person.name)
            }
        }
    }
}

fn same(one: &str, two: &str) -> bool {
    one.trim().to_lowercase() == two.trim().to_lowercase()
}

/// The row that is somebody's: the one they turned out to be, else one that expects nobody else; an
/// address that fits goes before a name that fits.
fn row_of(rows: &[Reserved], id: &Name, person: &Person) -> Option<usize> {
    let free = |one: &Reserved| one.person.is_none() && one.is(person);
    let by_email = |one: &Reserved| person.email.is_some() && !one.email.is_empty();
    let own = rows.iter().position(|one| one.person.as_ref() == Some(id));
    let addressed = || rows.iter().position(|one| free(one) && by_email(one));
    own.or_else(addressed).or_else(|| rows.iter().position(free))
}

impl Turn<'_> {
    /// Somebody is here: if a list expects them and they belong nowhere yet, they belong there.
    pub(in crate::rooms) fn match_reserved(&mut self, id: &Name) {
        let Some(person) = self.next.people.get(id).cloned() else { return };
        if self.next.plan.assigned.contains_key(id) {
            return;
        }
        let plan = &mut self.next.plan;
        let row = row_of(&plan.reserved, id, &person);
        if let Some(found) = row.and_then(|at| plan.reserved.get_mut(at)) {
            found.person = Some(id.clone());
            let room = found.room.clone();
            plan.assigned.insert(id.clone(), room);
        }
    }

    /// Somebody shall belong nowhere: no list expects them either, when they come again.
    pub(in crate::rooms) fn strike_reserved(&mut self, id: &Name) {
        let Some(person) = self.next.people.get(id) else { return };
        if let Some(at) = row_of(&self.next.plan.reserved, id, person) {
            self.next.plan.reserved.remove(at);
        }
    }
}
