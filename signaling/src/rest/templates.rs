//! Templates of roles by name: the shipped ones, and those that the API made (FEATURES.md 1.15, V4).

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::rooms::{Roles, RoomError, code};

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
    /// `CONFLICT` for a shipped one, one that is there, or one too many.
    pub fn put(&self, name: &str, roles: Roles, over: bool) -> Result<bool, RoomError> {
        check_own(name)?;
        self.own(|own| {
            let known = own.contains_key(name);
            if known && !over {
                let message = format!("there is a template \"{name}\" already");
                return Err(RoomError::field(code::CONFLICT, "name", message));
            }
            if !known && own.len() >= TEMPLATES_MAX {
                return Err(RoomError::conflict(format!("there are {TEMPLATES_MAX} templates")));
            }
            own.insert(name.to_owned(), roles);
            Ok(!known)
        })
    }

    /// Forgets a template. Meetings that have its roles keep them.
    ///
    /// # Errors
    /// `NOT_FOUND`, `CONFLICT` for a shipped one.
    pub fn delete(&self, name: &str) -> Result<(), RoomError> {
        check_own(name)?;
        self.own(|own| own.remove(name)).map(|_| ()).ok_or_else(|| unknown(name))
    }

    fn own<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Roles>) -> T) -> T {
        // Nothing in here panics half-way.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
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
