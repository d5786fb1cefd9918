//! Parameters, results and states of JSON-RPC as types, for the schema (`schema`): they are never
//! made. What the engine tells and answers has types of its own.
#![allow(dead_code, reason = "only their shape counts")]

use utoipa::ToSchema;

use crate::rest::Deal;
use crate::rooms::{
    Consent, EmptyTtl, InvitationView, Mutable, Name, ParentView, PersonView, PollView, Publish,
    RoleName, RoomCount, RoomView, VoiceView,
};

macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* })*) => {
        $(
            $(#[$doc])*
            #[derive(ToSchema)]
            pub(super) struct $name { $($(#[$field_doc])* $field: $type,)* }
        )*
    };
}

/// A source that can be seen.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Seen {
    Camera,
    Screen,
    Canvas,
}

/// As what somebody joins a breakout.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RoomRole {
    Participant,
    Moderator,
}

/// Sources to announce.
#[derive(ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Announced {
    Audio,
    Video,
    Screen,
}

messages! {
    Nothing {}
    /// `revision`: only if the plan still is of this one.
    Revised { revision: Option<u64>, }
    Join {
        #[schema(minimum = 1, maximum = 1)]
        protocol: u64,
        token: Option<String>,
        meeting: Option<String>,
        id: Option<String>,
        name: Option<String>,
        role: Option<String>,
        email: Option<String>,
        /// The last event that the client knows.
        resume: Option<u64>,
    }
    List {
        rooms: Vec<RoomView>,
        participants: Vec<PersonView>,
        revision: u64,
        state: String,
        /// The server's clock, in milliseconds since 1970: `ends_at` is by it.
        now: u64,
        #[schema(required = false)]
        ends_at: u64,
        /// Announcements that go on, and whispers that one hears or says.
        #[schema(required = false)]
        voices: Vec<VoiceView>,
        /// The rooms of `invited`.
        #[schema(required = false)]
        invitations: Vec<Name>,
        /// What one is invited to and has not answered.
        #[schema(required = false)]
        invited: Vec<InvitationView>,
        /// Polls that are open, in one's own room or made by oneself.
        #[schema(required = false)]
        polls: Vec<PollView>,
        /// To those who may go to other rooms and not see into them.
        #[schema(required = false)]
        room_counts: Vec<RoomCount>,
    }
    Joined {
        participant: Name,
        meeting: Name,
        room: Name,
        role: RoleName,
        parent: ParentView,
        permissions: Vec<String>,
        publish: Publish,
        /// A role that one was asked to take and has not answered.
        #[schema(required = false)]
        role_asked: RoleQuestion,
        resumed: bool,
        seq: u64,
        #[schema(required = false)]
        resume: String,
        /// To those who may change people's roles: which ones the meeting has.
        #[schema(required = false)]
        roles: Vec<RoleName>,
        rooms: Vec<RoomView>,
        participants: Vec<PersonView>,
        revision: u64,
        state: String,
        /// The server's clock, in milliseconds since 1970: `ends_at` is by it.
        now: u64,
        #[schema(required = false)]
        ends_at: u64,
        /// Announcements that go on, and whispers that one hears or says.
        #[schema(required = false)]
        voices: Vec<VoiceView>,
        /// The rooms of `invited`.
        #[schema(required = false)]
        invitations: Vec<Name>,
        /// What one is invited to and has not answered.
        #[schema(required = false)]
        invited: Vec<InvitationView>,
        /// Polls that are open, in one's own room or made by oneself.
        #[schema(required = false)]
        polls: Vec<PollView>,
        /// To those who may go to other rooms and not see into them.
        #[schema(required = false)]
        room_counts: Vec<RoomCount>,
    }
    RoleQuestion { role: RoleName, requestor: Name, }
    Offer { sdp: String, }
    OfferAnswer { sdp: String, slots: Vec<Slot>, }
    RestartAnswer { sdp: String, }
    Slot { mid: String, participant: Option<Name>, source: Option<String>, }
    Video { participant: String, source: Seen, height: Option<u64>, }
    View { videos: Vec<Video>, }
    Kind { kind: Mutable, revision: Option<u64>, }
    Kinds { audio: Option<bool>, video: Option<bool>, revision: Option<u64>, }
    Create {
        participants: Option<u64>,
        audio: Option<bool>,
        video: Option<bool>,
        share: Option<bool>,
        canvas: Option<bool>,
        max_rooms: Option<u64>,
        names: Option<Vec<String>>,
        /// When the rooms are destroyed if empty; absent: as the meeting's options say.
        empty_ttl_s: Option<EmptyTtl>,
        revision: Option<u64>,
    }
    CreateAndInvite {
        participants: Option<u64>,
        audio: Option<bool>,
        video: Option<bool>,
        share: Option<bool>,
        canvas: Option<bool>,
        max_rooms: Option<u64>,
        names: Option<Vec<String>>,
        /// When the rooms are destroyed if empty; absent: as the meeting's options say.
        empty_ttl_s: Option<EmptyTtl>,
        force_join: Option<bool>,
        revision: Option<u64>,
    }
    Client { client: String, revision: Option<u64>, }
    Clients { clients: Vec<String>, revision: Option<u64>, }
    ClientsAndRoom { clients: Vec<String>, room_id: String, revision: Option<u64>, }
    RoomId { room_id: String, revision: Option<u64>, }
    Shuffle {
        strategy: Option<Deal>,
        /// With `by_attribute`: which one.
        attribute: Option<String>,
        seed: Option<u64>,
        revision: Option<u64>,
    }
    ImportCsv { text: String, revision: Option<u64>, }
    Rename { room_id: String, name: String, revision: Option<u64>, }
    Start { consent: Option<Consent>, timer_s: Option<u32>, revision: Option<u64>, }
    Stop { grace_s: Option<u32>, revision: Option<u64>, }
    Extend { seconds: u32, room_id: Option<String>, revision: Option<u64>, }
    Invite {
        clients: Vec<String>,
        room_id: String,
        force_join: Option<bool>,
        timeout_s: Option<u32>,
        revision: Option<u64>,
    }
    JoinRoom {
        room_id: String,
        role: Option<RoomRole>,
        audio: Option<bool>,
        video: Option<bool>,
        screen: Option<bool>,
        canvas: Option<bool>,
        revision: Option<u64>,
    }
    Exchange { a: String, b: String, revision: Option<u64>, }
    MutePerson { client: String, kind: Mutable, revision: Option<u64>, }
    ChangeRole { client: String, role: RoleName, force: Option<bool>, revision: Option<u64>, }
    Broadcast { text: String, rooms: Option<Vec<String>>, revision: Option<u64>, }
    Announce { on: bool, sources: Option<Vec<Announced>>, revision: Option<u64>, }
    TargetRoom { room_id: String, }
    TargetPerson { client: String, }
    Whisper { to: Option<Target>, on: Option<bool>, revision: Option<u64>, }
    /// `rooms`: their cameras and screens are seen, whoever monitors is neither seen nor heard
    /// there; none: no longer. `listen`: the one of them that is heard, too; null: none of them.
    /// Absent: all of them, whoever is loudest, after the own room.
    Monitor { rooms: Vec<String>, listen: Option<String>, revision: Option<u64>, }
    Chat { text: String, to: Option<String>, revision: Option<u64>, }
    PollCreate {
        question: String,
        options: Vec<String>,
        rooms: Option<Vec<String>>,
        revision: Option<u64>,
    }
    PollVote { poll: u64, option: u64, revision: Option<u64>, }
    PollClose { poll: u64, revision: Option<u64>, }
}

/// To whom one whispers: an id, or an object that says whether it is of a room or a person.
#[derive(ToSchema)]
#[serde(untagged)]
pub(super) enum Target {
    Id(String),
    Room(TargetRoom),
    Person(TargetPerson),
}

/// What is told as it is now: it has no number, and is told again when a page comes back.
#[derive(ToSchema)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
pub(super) enum State {
    /// Who is in which slot.
    Slots { slots: Vec<Slot> },
    /// Who speaks, of those who are heard.
    Speaking { participants: Vec<Name> },
    /// Whether anybody is shown this picture of one's own; before it is told, nobody is. One may
    /// send less of what nobody sees, but not nothing: what is not sent is shown to nobody.
    Layers { source: Seen, active: bool },
    /// To those who may go to other rooms and not see into them: how many people are in which. At
    /// most once in two seconds.
    RoomCounts { rooms: Vec<RoomCount> },
    /// The peer is gone: offer anew, or join anew.
    Reconnect { reason: String },
}
