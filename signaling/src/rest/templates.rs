//! Templates of roles by name: the shipped ones, and those that the API made (FEATURES.md 1.15,
//! V4).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::rooms::{Name, Roles, RoomError, code};
use crate::store::{Fate, Journal, Key, Store, Value};

/// Names of the shipped templates, which stay as they are.
pub const SHIPPED: [&str; 2] = ["native", "stage"];
/// Most templates besides.
const TEMPLATES_MAX: usize = 1_000;

/// All templates.
#[derive(Default, Debug)]
pub struct Templates(Mutex<BTreeMap<String, Roles>>);

impl Templates {
    /// A template.
    pub fn find(&self, name: &str) -> Option<Roles> {
        Roles::shipped(name).or_else(|| self.own(|own| own.get(name).cloned()))
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> BTreeMap<String, Roles> {
        let shipped =
            SHIPPED.iter().filter_map(|name| Some(((*name).into(), Roles::shipped(name)?)));
        let mut all = self.own(|own| own.clone());
        all.extend(shipped);
        all
    }

    /// Makes a template, or with `over` changes one. Returns whether it is new.
    ///
    /// # Errors
    /// `CONFLICT` for a shipped one, one that is there, or one too many; `STORE`.
    pub async fn put(
        &self,
        store: Option<&Store>,
        name: &str,
        roles: Roles,
        over: bool,
    ) -> Result<bool, RoomError> {
        check_own(name)?;
        let (fresh, writing) = self.own(|own| {
            let known = own.contains_key(name);
            if known && !over {
                let message = format!("there is a template \"{name}\" already");
                return Err(RoomError::field(code::CONFLICT, "name", message));
            }
            if !known && own.len() >= TEMPLATES_MAX {
                return Err(RoomError::conflict(format!("there are {TEMPLATES_MAX} templates")));
            }
            own.insert(name.to_owned(), roles.clone());
            Ok((!known, write(store, name, Some(roles))))
        })?;
        saved(writing).await.map(|()| fresh)
    }

    /// Forgets a template. Meetings that have its roles keep them.
    ///
    /// # Errors
    /// `NOT_FOUND`, `CONFLICT` for a shipped one; `STORE`.
    pub async fn delete(&self, store: Option<&Store>, name: &str) -> Result<(), RoomError> {
        check_own(name)?;
        let writing = self.own(|own| {
            own.remove(name).map(|_| write(store, name, None)).ok_or_else(|| unknown(name))
        })?;
        saved(writing).await
    }

    /// Takes in what an earlier process saved.
    pub fn restore(&self, saved: BTreeMap<Name, Roles>) {
        self.own(|own| {
            own.extend(saved.into_iter().map(|(name, roles)| (name.to_string(), roles)))
        });
    }

    fn own<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Roles>) -> T) -> T {
        // Nothing in here panics half-way.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Hands a template to the store, in the order in which they change.
fn write(store: Option<&Store>, name: &str, roles: Option<Roles>) -> Journal {
    let mut journal = Journal::new(store.cloned(), "".into());
    let value = roles.map(|roles| Value::Template(Arc::new(roles)));
    journal.write(Vec::new(), vec![(Key::Template(name.into()), value)]);
    journal
}

/// Waits until what was handed over is saved: what is answered outlives the process.
async fn saved(mut writing: Journal) -> Result<(), RoomError> {
    while writing.keeps() {
        match writing.fate(writing.ticket()) {
            Fate::Open => writing.progressed().await,
            Fate::Saved => break,
            Fate::Refused(why) => return Err(RoomError::unsaved(&why)),
        }
    }
    Ok(())
}

/// There is no such template.
pub fn unknown(name: &str) -> RoomError {
    RoomError::field(code::NOT_FOUND, "template", format!("there is no template \"{name}\""))
}

fn check_own(name: &str) -> Result<(), RoomError> {
    if SHIPPED.contains(&name) {
        let message = format!("\"{name}\" is shipped and stays as it is; take another name");
        return Err(RoomError::field(code::CONFLICT, "name", message));
    }
    Ok(())
}
