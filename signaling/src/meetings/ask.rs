//! What can be asked of a meeting's task: a closed set.

use std::net::SocketAddr;

use ringfence::control::api::RelayEvent;
use ringfence::route::id::Source;
use ringfence::transport::IceCredentials;
use tokio::sync::oneshot;

use super::{Answer, Connection};
use crate::access::Identity;
use crate::rooms::{self, Meeting, Name, Request, RoomError};
use crate::sdp::{Fragment, Offer, Purpose};

/// Where the answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, RoomError>>;

/// A participant by one of its connections; an older one of the same participant asks in vain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seat {
    /// Who.
    pub person: Name,
    /// By which connection.
    pub connection: u64,
}

/// A JSON-RPC method after `join`, with its parameters read.
#[derive(Debug)]
pub enum Call {
    /// `offer`.
    Offer(Box<Offer>),
    /// `ice_restart`.
    IceRestart(Box<Offer>),
    /// `view`: whose source, at which height.
    View(Vec<(String, Source, u16)>),
    /// `leave`.
    Leave,
    /// `peers.list`.
    List,
    /// Everything that the breakout engine does.
    Engine {
        /// What.
        request: Box<Request>,
        /// Only if the plan still is of this revision (N9).
        revision: Option<u64>,
    },
}

/// A WHIP or WHEP client that wants to come.
#[derive(Clone, Debug)]
pub struct Attach {
    /// Who.
    pub identity: Identity,
    /// WHIP or WHEP.
    pub purpose: Purpose,
    /// Into which room; `None`: where the participant is, else the main room.
    pub room: Option<String>,
    /// Only this publisher's tracks.
    pub from: Option<String>,
    /// The offer.
    pub offer: Box<Offer>,
}

/// A WHIP or WHEP client that came.
#[derive(Clone, Debug)]
pub struct Attached {
    /// Names the session in its URL; not to be guessed.
    pub session: String,
    /// Names its ICE session (RFC 9725 §4.3.1).
    pub etag: String,
    /// The answer.
    pub sdp: String,
}

/// What is asked of a WHIP or WHEP session.
#[derive(Debug)]
pub enum SessionCall {
    /// `DELETE`.
    Delete,
    /// `PATCH`, with `If-Match`: trickled candidates or an ICE restart.
    Patch {
        /// The entity tag the client believes in; `*` for a restart.
        if_match: String,
        /// The fragment.
        fragment: Fragment,
    },
}

/// What comes of it.
#[derive(Clone, Debug)]
pub enum SessionReply {
    /// The session is over.
    Deleted,
    /// Candidates taken note of.
    Trickled,
    /// `If-Match` names another ICE session.
    Mismatch,
    /// ICE restarted.
    Restarted {
        /// Our new credentials.
        ice: IceCredentials,
        /// Our candidates.
        candidates: Vec<SocketAddr>,
        /// The new entity tag.
        etag: String,
    },
}

/// A request to a meeting's task.
#[derive(Debug)]
pub(super) enum Ask {
    /// A page joins, or comes back and knows events up to this number.
    Join {
        identity: Box<Identity>,
        connection: Connection,
        resume: Option<u64>,
        reply: Reply<(Name, Answer)>,
    },
    /// A method of somebody who joined.
    Call(Seat, Call, Reply<Answer>),
    /// A connection is lost.
    Lost(Seat),
    /// Nobody came back in time.
    GraceOver(Seat),
    /// A WHIP or WHEP client comes.
    Attach(Box<Attach>, Reply<Attached>),
    /// Something for a WHIP or WHEP session: its id, who asks if they are known, its protocol.
    Session {
        session: String,
        purpose: Purpose,
        by: Option<String>,
        call: SessionCall,
        reply: Reply<SessionReply>,
    },
    /// The relay tells something.
    Relay(RelayEvent),
    /// The server itself asks, by REST or a command: if the plan still is of this revision (N9).
    Server { request: Box<Request>, revision: Option<u64>, reply: Reply<rooms::Reply> },
    /// It was made ahead, and is to be kept from now on.
    Made(Reply<()>),
    /// How the meeting is now.
    Look(Reply<Meeting>),
}
