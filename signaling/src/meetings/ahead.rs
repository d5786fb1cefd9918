//! What the server does with meetings by itself, whoever is in them: makes one before anybody comes
//! (A10), asks something of it, looks at it, ends it.

use super::ask::Ask;
use super::directory::{Meetings, ask};
use crate::access::{Wish, check_names};
use crate::rooms::{Meeting, Reply, Request, RoomError, code};
use crate::store::Store;

impl Meetings {
    /// Makes a meeting before anybody joins: with these rules and roles, and whatever was asked of
    /// `model` already. It stays, with people or without, until [`Meetings::end`]. The relay hears
    /// of it when the first one comes.
    ///
    /// # Errors
    /// `CONFLICT` if there is a meeting of this name, `STOPPING`.
    pub async fn create(&self, meeting: &str, model: Meeting) -> Result<(), RoomError> {
        self.admits()?;
        if self.store().is_some_and(Store::is_failing) {
            return Err(RoomError::new(code::STORE, "nothing new can be saved now"));
        }
        let named = Wish { meeting, id: None, name: None, role: None };
        check_names(named).map_err(|denied| RoomError::invalid("meeting", denied.to_string()))?;
        let (inbox, fresh) = self.open(meeting, model.ahead())?;
        if !fresh {
            let message = format!("there is a meeting \"{meeting}\" already");
            return Err(RoomError::field(code::CONFLICT, "meeting", message));
        }
        ask(&inbox, Ask::Made).await.unwrap_or_else(|| Err(unknown(meeting)))
    }

    /// Something that the server asks of a meeting; `revision`: only if the plan still is of this
    /// one (N9).
    ///
    /// # Errors
    /// `NOT_FOUND`, `STALE`, and what the engine says.
    pub async fn serve(
        &self,
        meeting: &str,
        request: Request,
        revision: Option<u64>,
    ) -> Result<Reply, RoomError> {
        let inbox = self.find(meeting).ok_or_else(|| unknown(meeting))?;
        let request = Box::new(request);
        let answer = ask(&inbox, |reply| Ask::Server { request, revision, reply }).await;
        answer.unwrap_or_else(|| Err(unknown(meeting)))
    }

    /// A meeting as it is now.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn look(&self, meeting: &str) -> Result<Meeting, RoomError> {
        let inbox = self.find(meeting).ok_or_else(|| unknown(meeting))?;
        ask(&inbox, Ask::Look).await.unwrap_or_else(|| Err(unknown(meeting)))
    }

    /// Ends a meeting: everybody leaves, nothing of it is kept.
    ///
    /// # Errors
    /// `NOT_FOUND`.
    pub async fn end(&self, meeting: &str) -> Result<(), RoomError> {
        self.serve(meeting, Request::End, None).await.map(|_| ())
    }
}

fn unknown(meeting: &str) -> RoomError {
    RoomError::field(code::NOT_FOUND, "meeting", format!("there is no meeting \"{meeting}\""))
}
