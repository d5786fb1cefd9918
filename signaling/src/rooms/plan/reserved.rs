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

impl Turn<'_> {
    /// Somebody is here: if a list expects them and they belong nowhere yet, they belong there.
    pub(in crate::rooms) fn match_reserved(&mut self, id: &Name) {
        let Some(person) = self.next.people.get(id).cloned() else { return };
        if self.next.plan.assigned.contains_key(id) {
            return;
        }
        let free = |one: &&mut Reserved| one.person.as_ref().is_none_or(|other| other == id);
        // An address that fits goes before a name that fits.
        let by_email = |one: &&mut Reserved| !one.email.is_empty();
        let plan = &mut self.next.plan;
        let mut found = plan.reserved.iter_mut().filter(free).filter(by_email);
        let mut found = found.find(|one| person.email.is_some() && one.is(&person));
        if found.is_none() {
            found = plan.reserved.iter_mut().filter(free).find(|one| one.is(&person));
        }
        if let Some(found) = found {
            found.person = Some(id.clone());
            let room = found.room.clone();
            plan.assigned.insert(id.clone(), room);
        }
    }
}
